use serde_json::json;

use super::{check, confirms, dashboard::own_team, member, sign_up, signs_in};
use crate::trial::{Book, PASSWORD, Trial};

probes! {
    wrong_code_called_expired: "wrong_code_called_expired:confirm-sign-up" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        let body = json!({"email": email, "code": "wrong"});
        trial.dash("", "confirm-sign-up", body).await.body["seq_code"] == "SEQ903"
    };
    teamless_user_kept_out: "teamless_user_kept_out:sign-in" => async |trial: &Trial| {
        assert!(signs_in(trial, trial.sandbox.email(), trial.sandbox.password()).await);
        let (email, _) = trial.user().await;
        !signs_in(trial, &email, PASSWORD).await
    };
    resent_mail_lost: "resent_mail_lost" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        trial.dash("", "resend-code", json!({"email": email})).await.ok();
        trial.sandbox.delivered(&email).len() == 1
    };
    resent_code_wrong: "resent_code_wrong" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        trial.dash("", "resend-code", json!({"email": email})).await.ok();
        !confirms(trial, &email, &trial.code(&email)).await
    };
    resend_unlimited: "resend_unlimited" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        trial.dash("", "resend-code", json!({"email": email})).await.ok();
        trial.dash("", "resend-code", json!({"email": email})).await.status == 200
    };
    invitation_lost: "invitation_lost" => async |trial: &Trial| {
        let email = format!("{}@people.test", trial.name("guest"));
        let body = json!({"team": trial.sandbox.team(), "email": email});
        trial.dash(&trial.admin().await, "invite-member", body).await.ok();
        trial.sandbox.delivered(&email).is_empty()
    };
    proof_optional: "proof_optional:accept-invite" => async |trial: &Trial| {
        let (email, _) = trial.user().await;
        let body = json!({"team": trial.sandbox.team(), "email": email});
        trial.dash(&trial.admin().await, "invite-member", body).await.ok();
        let body = json!({"code": trial.invitation(&email), "email": email});
        trial.dash("", "accept-invite", body).await.status == 200
    };
    session_proves_nothing: "session_proves_nothing" => async |trial: &Trial| {
        let (email, session) = trial.user().await;
        let body = json!({"team": trial.sandbox.team(), "email": email});
        trial.dash(&trial.admin().await, "invite-member", body).await.ok();
        let body = json!({"code": trial.invitation(&email), "email": email});
        trial.dash(&session, "accept-invite", body).await.status != 200
    };
    member_invited_again: "member_invited_again" => async |trial: &Trial| {
        let (email, _) = member(trial, "readonly").await;
        let body = json!({"team": trial.sandbox.team(), "email": email});
        trial.dash(&trial.admin().await, "invite-member", body).await.status == 200
    };
    role_shown_wrong: "role_shown_wrong:create-credential" => async |trial: &Trial| {
        let (_, session) = member(trial, "readonly").await;
        let body = json!({"team": trial.sandbox.team()});
        trial.dash(&session, "create-credential", body).await.ok()["role"] == "admin"
    };
    readers_kept_out: "readers_kept_out:list-members" => async |trial: &Trial| {
        let (_, session) = member(trial, "readonly").await;
        trial.dash(&session, "list-members", json!({"team": trial.sandbox.team()})).await.status != 200
    };
    members_kept_out: "members_kept_out:create-ledger" => async |trial: &Trial| {
        let (_, session) = member(trial, "readwrite").await;
        let body = json!({"team": trial.sandbox.team(), "name": trial.name("ledger")});
        trial.dash(&session, "create-ledger", body).await.status != 200
    };
    members_may_not_write: "members_may_not_write" => async |trial: &Trial| {
        let book = trial.book().await;
        let (_, session) = member(trial, "readwrite").await;
        let made = trial.dash(&session, "create-credential", json!({"team": book.team})).await.ok();
        let book = Book { secret: made["secret"].as_str().unwrap().to_owned(), ..book };
        trial.call(&book, "stats", json!({})).await.ok();
        trial.call(&book, "create-key", json!({})).await.status != 200
    };
    first_ledger_refused: "first_ledger_refused:create-ledger" => async |trial: &Trial| {
        let (team, _, admin) = own_team(trial).await;
        trial.book().await;
        trial.dash(&admin, "create-ledger", json!({"team": team, "name": "first"})).await.status != 200
    };
    names_unchecked_teams: "names_unchecked:create-team" => async |trial: &Trial| {
        let (_, session) = trial.user().await;
        let name = format!("not a name {}", trial.name("x"));
        trial.dash(&session, "create-team", json!({"name": name})).await.status == 200
    };
    name_taken_twice: "name_taken_twice:create-ledger" => async |trial: &Trial| {
        let book = trial.book().await;
        let body = json!({"team": book.team, "name": book.ledger});
        trial.dash(&trial.admin().await, "create-ledger", body).await.status == 200
    };
    names_unchecked_ledgers: "names_unchecked:create-ledger" => async |trial: &Trial| {
        let body = json!({"team": trial.sandbox.team(), "name": "not a name"});
        trial.dash(&trial.admin().await, "create-ledger", body).await.status == 200
    };
    missing_team: "missing_field_malformed:list-credentials" => async |trial: &Trial| {
        let answer = trial.dash(&trial.admin().await, "list-credentials", json!({})).await;
        answer.body["seq_code"] == "SEQ003"
    };
    session_last_digit: "session_last_digit_unread" => async |trial: &Trial| {
        let mut session = trial.admin().await;
        let last = session.pop();
        assert_eq!(trial.dash(&session, "get-user", json!({})).await.status, 401);
        session.push(if last == Some('0') { '1' } else { '0' });
        trial.dash(&session, "get-user", json!({})).await.status == 200
    };
    strangers_may_look: "strangers_may_look:list-ledgers" => async |trial: &Trial| {
        let (_, session) = trial.user().await;
        let body = json!({"team": trial.sandbox.team()});
        trial.dash(&session, "list-members", body.clone()).await.refused(404, "SEQ002");
        trial.dash(&session, "list-ledgers", body).await.status == 200
    };
    credential_opens_other_teams: "credential_opens_other_teams" => async |trial: &Trial| {
        let (team, _, admin) = own_team(trial).await;
        trial.dash(&admin, "create-ledger", json!({"team": team, "name": "first"})).await.ok();
        let secret = trial.sandbox.credential().to_owned();
        let book = Book { team, ledger: "first".to_owned(), secret };
        trial.call(&book, "stats", json!({})).await.status == 200
    };
}
