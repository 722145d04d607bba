use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{join, team};
use crate::trial::{Book, PASSWORD, Trial, column};

#[tokio::test]
async fn codes_are_sent_again() {
    let trial = Trial::start();
    let sign_up = json!({"email": "a@b.test", "password": PASSWORD});
    let resend = async |email: &str| trial.dash("", "resend-code", json!({"email": email})).await;
    let confirm = async |code: &str| {
        trial.dash("", "confirm-sign-up", json!({"email": "a@b.test", "code": code})).await
    };
    // The answer does not tell who is signing up.
    assert_eq!(resend("a@b.test").await.ok(), json!({"message": "ok"}));
    assert!(trial.sandbox.delivered("a@b.test").is_empty());
    resend("nobody").await.refused(400, "SEQ008");

    trial.dash("", "sign-up", sign_up.clone()).await.ok();
    let old = trial.code("a@b.test");
    for _ in 0..5 {
        confirm("wrong").await.refused(400, "SEQ902");
    }
    // The first time is free; then there is a pause.
    assert_eq!(resend("A@b.test").await.ok(), json!({"message": "ok"}));
    resend("a@b.test").await.refused(429, "SEQ907");
    trial.sandbox.clock().advance(SignedDuration::from_secs(61));
    resend("a@b.test").await.ok();
    resend("a@b.test").await.refused(429, "SEQ907");
    assert_eq!(trial.sandbox.delivered("a@b.test").len(), 3);
    let new = trial.code("a@b.test");
    if old != new {
        confirm(&old).await.refused(400, "SEQ902");
    }
    // Wrong tries and age count for one code only.
    trial.sandbox.clock().advance(SignedDuration::from_mins(14));
    confirm(&new).await.ok();
    resend("a@b.test").await.ok();
    assert_eq!(trial.sandbox.delivered("a@b.test").len(), 3);

    // A new sign-up starts anew.
    let other = json!({"email": "x@b.test", "password": PASSWORD});
    for _ in 0..2 {
        trial.dash("", "sign-up", other.clone()).await.ok();
        resend("x@b.test").await.ok();
        resend("x@b.test").await.refused(429, "SEQ907");
    }
}

#[tokio::test]
async fn signing_out() {
    let trial = Trial::start();
    let (email, one) = trial.user().await;
    let body = json!({"email": email, "password": PASSWORD});
    let two = crate::trial::session(trial.dash("", "sign-in", body).await.ok());
    assert_eq!(trial.dash(&one, "sign-out", json!({})).await.ok(), json!({"message": "ok"}));
    trial.dash(&one, "get-user", json!({})).await.refused(401, "SEQ901");
    trial.dash(&one, "sign-out", json!({})).await.refused(401, "SEQ901");
    trial.dash("", "sign-out", json!({})).await.refused(401, "SEQ901");
    // Other sessions stay.
    trial.dash(&two, "get-user", json!({})).await.ok();
}

#[tokio::test]
async fn who_am_i() {
    let trial = Trial::start();
    let (email, session) = trial.user().await;
    let user = async || trial.dash(&session, "get-user", json!(null)).await.ok();
    assert_eq!(user().await, json!({"email": email, "name": null, "status": "confirmed", "teams": []}));
    let (other, _, admin) = team(&trial).await;
    let invite = json!({"team": other, "email": email, "role": "readonly"});
    trial.dash(&admin, "invite-member", invite).await.ok();
    let accept = json!({"email": email, "code": trial.invitation(&email)});
    trial.dash(&session, "accept-invite", accept).await.ok();
    trial.dash(&session, "create-team", json!({"name": "own"})).await.ok();
    assert_eq!(
        user().await["teams"],
        json!([{"name": other, "role": "readonly"}, {"name": "own", "role": "admin"}])
    );
}

#[tokio::test]
async fn roles_are_changed() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    trial.dash(&admin, "create-ledger", json!({"team": team, "name": "l"})).await.ok();
    let (second, other) = join(&trial, &team, &admin, "readonly").await;
    let made = trial.dash(&other, "create-credential", json!({"team": team})).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let book = Book { team: team.clone(), ledger: "l".to_owned(), secret };
    let update = async |session: &str, email: &str, role: &str| {
        trial.dash(session, "update-member", json!({"team": team, "email": email, "role": role})).await
    };
    trial.call(&book, "create-key", json!({})).await.refused(403, "SEQ011");
    update(&other, &second, "admin").await.refused(403, "SEQ011");
    let member = update(&admin, &second.to_uppercase(), "readwrite").await.ok();
    assert_eq!(
        (&member["email"], &member["name"], &member["role"], member["joined"].is_string()),
        (&json!(second), &json!("New"), &json!("readwrite"), true)
    );
    // A credential carries its person's role, as it is now.
    trial.call(&book, "create-key", json!({})).await.ok();
    let page = trial.dash(&admin, "list-members", json!({"team": team})).await.ok();
    assert_eq!(column(&page, "role"), ["readwrite", "admin"]);
    update(&admin, "nobody@b.test", "admin").await.refused(404, "SEQ002");
    update(&admin, &second, "owner").await.refused(400, "SEQ003");
    for missing in [json!({"team": team, "email": second}), json!({"team": team, "role": "admin"})] {
        trial.dash(&admin, "update-member", missing).await.refused(400, "SEQ008");
    }
    // The last admin stays one.
    update(&admin, &first, "readonly").await.refused(400, "SEQ905");
    update(&admin, &first, "admin").await.ok();
    update(&admin, &second, "admin").await.ok();
    update(&admin, &first, "readonly").await.ok();
    update(&admin, &second, "readonly").await.refused(403, "SEQ011");
    update(&other, &second, "readonly").await.refused(400, "SEQ905");
}

#[tokio::test]
async fn invitations_are_listed_and_revoked() {
    let trial = Trial::start();
    let (team, _, admin) = team(&trial).await;
    let invite = async |email: &str, role: &str| {
        let body = json!({"team": team, "email": email, "role": role});
        trial.dash(&admin, "invite-member", body).await.ok()
    };
    let (one, two) = (invite("a@b.test", "readonly").await, invite("c@d.test", "admin").await);
    let list = async || trial.dash(&admin, "list-invites", json!({"team": team})).await.ok()["items"].clone();
    assert_eq!(list().await, json!([two, one]));
    assert_eq!(one["status"], "pending");
    let code = trial.invitation("a@b.test");
    let revoke =
        async |id: &Value| trial.dash(&admin, "revoke-invite", json!({"team": team, "id": id})).await;
    assert_eq!(revoke(&one["id"]).await.ok(), json!({"message": "ok"}));
    revoke(&one["id"]).await.refused(404, "SEQ002");
    revoke(&json!(null)).await.refused(400, "SEQ008");
    assert_eq!(list().await, json!([two]));
    let accept = json!({"email": "a@b.test", "code": code, "password": PASSWORD});
    trial.dash("", "accept-invite", accept).await.refused(400, "SEQ902");
    trial.sandbox.clock().advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(list().await[0]["status"], "expired");
    // Only for admins.
    let (_, reader) = join(&trial, &team, &admin, "readwrite").await;
    for (op, body) in
        [("list-invites", json!({"team": team})), ("revoke-invite", json!({"team": team, "id": "x"}))]
    {
        trial.dash(&reader, op, body).await.refused(403, "SEQ011");
    }
}
