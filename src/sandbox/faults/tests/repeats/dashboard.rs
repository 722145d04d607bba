use serde_json::{Value, json};

use crate::{
    faults::tests::{
        check,
        dashboard::{invited, own_team},
        member, sign_up,
    },
    trial::{PASSWORD, Trial},
};

async fn once(trial: &Trial, session: &str, op: &str, key: &str, body: &Value) -> crate::trial::Answer {
    let headers = [("session", session), ("idempotency-key", key)];
    trial.post(&format!("/dashboard/{op}"), &headers, body).await
}

/// Whether the second of two equal calls is answered otherwise than the first.
async fn differs(trial: &Trial, session: &str, op: &str, body: Value) -> bool {
    let key = trial.name("key");
    let first = once(trial, session, op, &key, &body).await.ok();
    let second = once(trial, session, op, &key, &body).await;
    second.status != 200 || second.body != first
}

/// A body that names the permanent team.
fn ours(trial: &Trial, mut body: Value) -> Value {
    body["team"] = json!(trial.sandbox.team());
    body
}

probes! {
    sign_up_twice: "repeat_doubles:sign-up" => async |trial: &Trial| {
        let email = format!("{}@people.test", trial.name("new"));
        assert!(!differs(trial, "", "sign-up", json!({"email": email, "password": PASSWORD})).await);
        trial.sandbox.delivered(&email).len() == 2
    };
    resend_code: "repeat_doubles:resend-code" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        differs(trial, "", "resend-code", json!({"email": email})).await
    };
    confirm_sign_up: "repeat_doubles:confirm-sign-up" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        differs(trial, "", "confirm-sign-up", json!({"email": email, "code": trial.code(&email)})).await
    };
    sign_out: "repeat_doubles:sign-out" => async |trial: &Trial| {
        differs(trial, &trial.user().await.1, "sign-out", json!({})).await
    };
    create_team: "repeat_doubles:create-team" => async |trial: &Trial| {
        differs(trial, &trial.admin().await, "create-team", json!({"name": trial.name("team")})).await
    };
    create_ledger: "repeat_doubles:create-ledger" => async |trial: &Trial| {
        let body = ours(trial, json!({"name": trial.name("ledger")}));
        differs(trial, &trial.admin().await, "create-ledger", body).await
    };
    create_credential: "repeat_doubles:create-credential" => async |trial: &Trial| {
        differs(trial, &trial.admin().await, "create-credential", ours(trial, json!({}))).await
    };
    delete_credential: "repeat_doubles:delete-credential" => async |trial: &Trial| {
        let admin = trial.admin().await;
        let made = trial.dash(&admin, "create-credential", ours(trial, json!({}))).await.ok();
        differs(trial, &admin, "delete-credential", ours(trial, json!({"id": made["id"]}))).await
    };
    invite_member: "repeat_doubles:invite-member" => async |trial: &Trial| {
        let email = format!("{}@people.test", trial.name("guest"));
        differs(trial, &trial.admin().await, "invite-member", ours(trial, json!({"email": email}))).await;
        trial.sandbox.delivered(&email).len() == 2
    };
    revoke_invite: "repeat_doubles:revoke-invite" => async |trial: &Trial| {
        let (_, _, id) = invited(trial).await;
        differs(trial, &trial.admin().await, "revoke-invite", ours(trial, json!({"id": id}))).await
    };
    accept_invite: "repeat_doubles:accept-invite" => async |trial: &Trial| {
        let (email, code, _) = invited(trial).await;
        let body = json!({"email": email, "code": code, "password": PASSWORD});
        differs(trial, "", "accept-invite", body).await
    };
    update_member: "repeat_doubles:update-member" => async |trial: &Trial| {
        let ((email, session), admin) = (member(trial, "readonly").await, trial.admin().await);
        let role = |role: &str| ours(trial, json!({"email": email, "role": role}));
        let key = trial.name("key");
        once(trial, &admin, "update-member", &key, &role("admin")).await.ok();
        trial.dash(&admin, "update-member", role("readonly")).await.ok();
        // The admin of the first call is a reader by now, and stays one unless the call is worked on again.
        once(trial, &admin, "update-member", &key, &role("admin")).await.ok();
        trial.dash(&session, "list-invites", ours(trial, json!({}))).await.status == 200
    };
    remove_member: "repeat_doubles:remove-member" => async |trial: &Trial| {
        let (email, _) = member(trial, "readonly").await;
        differs(trial, &trial.admin().await, "remove-member", ours(trial, json!({"email": email}))).await
    };
    delete_ledger: "repeat_doubles:delete-ledger" => async |trial: &Trial| {
        let book = trial.book().await;
        differs(trial, &trial.admin().await, "delete-ledger", ours(trial, json!({"name": book.ledger}))).await
    };
    delete_team: "repeat_doubles:delete-team" => async |trial: &Trial| {
        let (team, _, admin) = own_team(trial).await;
        differs(trial, &admin, "delete-team", json!({"team": team, "confirm": team})).await
    };
    delete_user: "repeat_doubles:delete-user" => async |trial: &Trial| {
        differs(trial, &trial.user().await.1, "delete-user", json!({"password": PASSWORD})).await
    };
}
