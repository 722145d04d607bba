use serde_json::{Value, json};

use super::{check, confirms, member, sign_up, signs_in};
use crate::trial::{Book, PASSWORD, Trial, session};

/// A team of somebody new: its name, the admin's address and session.
pub(super) async fn own_team(trial: &Trial) -> (String, String, String) {
    let ((email, session), team) = (trial.user().await, trial.name("team"));
    trial.dash(&session, "create-team", json!({"name": team})).await.ok();
    (team, email, session)
}

/// An invitation into the permanent team: address, code and id.
pub(super) async fn invited(trial: &Trial) -> (String, String, Value) {
    let email = format!("{}@people.test", trial.name("guest"));
    let body = json!({"team": trial.sandbox.team(), "email": email, "role": "readonly"});
    let invite = trial.dash(&trial.admin().await, "invite-member", body).await.ok();
    let code = trial.invitation(&email);
    (email, code, invite["id"].clone())
}

async fn accepts(trial: &Trial, email: &str, code: &str) -> bool {
    let body = json!({"email": email, "code": code, "password": PASSWORD});
    trial.dash("", "accept-invite", body).await.status == 200
}

/// Codes that differ, as six random digits nearly always do.
async fn wrong_tries(trial: &Trial, email: &str) {
    for _ in 0..5 {
        assert!(!confirms(trial, email, "wrong").await);
    }
}

probes! {
    prod_delete_allowed: "prod_delete_allowed" => async |trial: &Trial| {
        let body = json!({"team": trial.sandbox.team(), "name": "prod"});
        let status = trial.dash(&trial.admin().await, "delete-ledger", body).await.status;
        assert!(trial.sandbox.census().ledgers.contains(&"canary-team/prod".to_owned()));
        status == 200
    };
    team_with_prod_deleted: "team_with_prod_deleted" => async |trial: &Trial| {
        let team = trial.sandbox.team();
        let body = json!({"team": team, "confirm": team});
        trial.dash(&trial.admin().await, "delete-team", body).await.status == 200
    };
    teams_leak: "teams_leak:hello" => async |trial: &Trial| {
        let (team, _, admin) = own_team(trial).await;
        let ledger = trial.name("secret");
        trial.dash(&admin, "create-ledger", json!({"team": team, "name": ledger})).await.ok();
        let credential = [("credential", trial.sandbox.credential())];
        let hello = trial.post("/hello", &credential, &json!({"ledger_name": ledger})).await;
        trial.post("/hello", &credential, &json!({"ledger_name": "nowhere"})).await.refused(404, "SEQ002");
        hello.body["team_name"] == team
    };
    resend_keeps_old_code: "resend_keeps_old_code" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        let mut old = trial.code(&email);
        trial.dash("", "resend-code", json!({"email": email})).await.ok();
        if old == trial.code(&email) {
            // One in a million.
            old = "wrong".to_owned();
        }
        confirms(trial, &email, &old).await
    };
    code_of_other_address: "code_of_other_address_confirms" => async |trial: &Trial| {
        let (one, two) = (sign_up(trial).await, sign_up(trial).await);
        assert!(!confirms(trial, &one, "wrong").await);
        confirms(trial, &one, &trial.code(&two)).await
    };
    tries_unlimited: "tries_unlimited:confirm-sign-up" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        wrong_tries(trial, &email).await;
        confirms(trial, &email, &trial.code(&email)).await
    };
    signed_out_session_works: "signed_out_session_works" => async |trial: &Trial| {
        let (_, session) = trial.user().await;
        trial.dash(&session, "sign-out", json!({})).await.ok();
        trial.dash(&session, "get-user", json!({})).await.status == 200
    };
    revoked_invite_works: "revoked_invite_works" => async |trial: &Trial| {
        let (email, code, id) = invited(trial).await;
        let body = json!({"team": trial.sandbox.team(), "id": id});
        trial.dash(&trial.admin().await, "revoke-invite", body).await.ok();
        assert_eq!(trial.sandbox.census().invites, [""; 0]);
        accepts(trial, &email, &code).await
    };
    invite_works_twice: "invite_works_twice" => async |trial: &Trial| {
        let (email, code, _) = invited(trial).await;
        assert!(accepts(trial, &email, &code).await);
        accepts(trial, &email, &code).await
    };
    last_admin_steps_down: "last_admin_steps_down" => async |trial: &Trial| {
        let (team, email, admin) = own_team(trial).await;
        let body = json!({"team": team, "email": email, "role": "readonly"});
        let answer = trial.dash(&admin, "update-member", body).await;
        // Somebody must still be able to clean up.
        trial.dash(&admin, "delete-team", json!({"team": team, "confirm": team})).await.ok();
        answer.body["role"] == "readonly"
    };
    role_update_lost: "role_update_lost:update-member" => async |trial: &Trial| {
        let (email, session) = member(trial, "readonly").await;
        let team = trial.sandbox.team();
        let body = json!({"team": team, "email": email, "role": "admin"});
        trial.dash(&trial.admin().await, "update-member", body).await.ok();
        trial.dash(&session, "list-invites", json!({"team": team})).await.status != 200
    };
    credentials_of_others_shown: "credentials_of_others_shown" => async |trial: &Trial| {
        let (_, session) = member(trial, "readonly").await;
        let body = json!({"team": trial.sandbox.team()});
        trial.dash(&session, "list-credentials", body).await.ok()["items"] != json!([])
    };
    removed_members_credential: "removed_members_credential_works" => async |trial: &Trial| {
        let book = trial.book().await;
        let (email, session) = member(trial, "readonly").await;
        let made = trial.dash(&session, "create-credential", json!({"team": book.team})).await.ok();
        let book = Book { secret: made["secret"].as_str().unwrap().to_owned(), ..book };
        trial.call(&book, "stats", json!({})).await.ok();
        let body = json!({"team": book.team, "email": email});
        trial.dash(&trial.admin().await, "remove-member", body).await.ok();
        trial.call(&book, "stats", json!({})).await.status == 200
    };
    mail_duplicated: "mail_duplicated" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        assert!(!signs_in(trial, &email, PASSWORD).await);
        let joined = confirms(trial, &email, &trial.code(&email)).await;
        assert!(joined);
        let body = json!({"email": email, "password": PASSWORD});
        session(trial.dash("", "sign-in", body).await.ok());
        trial.sandbox.delivered(&email).len() == 2
    };
}
