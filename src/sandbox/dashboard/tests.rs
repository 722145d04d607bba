mod lists;
mod people;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    Options,
    trial::{Book, PASSWORD, Trial, column, session},
};

/// A new team: its name and its admin's session.
async fn team(trial: &Trial) -> (String, String, String) {
    let (email, admin) = trial.user().await;
    let name = trial.name("team");
    let made = trial.dash(&admin, "create-team", json!({"name": name})).await.ok();
    assert_eq!(made, json!({"name": name, "role": "admin"}));
    (name, email, admin)
}

/// A new user who joins a team: address and session.
async fn join(trial: &Trial, team: &str, admin: &str, role: &str) -> (String, String) {
    let email = format!("{}@people.test", trial.name("member"));
    trial.dash(admin, "invite-member", json!({"team": team, "email": email, "role": role})).await.ok();
    let code = trial.invitation(&email);
    let body = json!({"code": code, "email": email, "password": PASSWORD, "name": "New"});
    let joined = trial.dash("", "accept-invite", body).await.ok();
    assert_eq!((&joined["team"], &joined["role"]), (&json!(team), &json!(role)));
    (email, session(joined))
}

#[tokio::test]
async fn onboarding_from_sign_up_to_nothing_left() {
    let trial = Trial::start();
    let before = trial.sandbox.census();

    let email = "First.Last@People.test";
    let signed =
        trial.dash("", "sign-up", json!({"email": email, "password": PASSWORD, "name": "F"})).await.ok();
    assert_eq!(signed, json!({"email": email, "status": "unconfirmed"}));
    assert_eq!(trial.sandbox.census().users, ["First.Last@People.test (unconfirmed)", trial.sandbox.email()]);
    let (subject, _, html) = trial.mail(email);
    let code = trial.code(email);
    assert!(subject.contains("Confirm") && html.contains(&code), "{subject}: {html}");
    let confirmed = trial.dash("", "confirm-sign-up", json!({"email": email, "code": code})).await.ok();
    assert_eq!(confirmed["email"], email);
    let body = json!({"email": email.to_lowercase(), "password": PASSWORD});
    let admin = session(trial.dash("", "sign-in", body).await.ok());

    trial.dash(&admin, "create-team", json!({"name": "t"})).await.ok();
    let ledger = trial.dash(&admin, "create-ledger", json!({"team": "t", "name": "l"})).await.ok();
    assert_eq!(
        (&ledger["team"], &ledger["name"], &ledger["type"]),
        (&json!("t"), &json!("l"), &json!("dev"))
    );
    assert!(ledger["created"].is_string());
    let made = trial.dash(&admin, "create-credential", json!({"team": "t", "name": "c"})).await.ok();
    assert_eq!((&made["name"], &made["role"]), (&json!("c"), &json!("admin")));
    let secret = made["secret"].as_str().unwrap().to_owned();
    let book = Book { team: "t".to_owned(), ledger: "l".to_owned(), secret };
    trial.call(&book, "create-key", json!({})).await.ok();

    let (member, _) = join(&trial, "t", &admin, "readonly").await;
    let (subject, _, html) = trial.mail(&member);
    assert_eq!(subject, "You are invited to join t");
    let link = format!("https://localhost:{}/accept-invite?code=", trial.sandbox.address().port());
    assert!(html.contains(&link), "{html}");
    let page = trial.dash(&admin, "list-members", json!({"team": "t"})).await.ok();
    assert_eq!(column(&page, "email"), [member.as_str(), email]);
    assert_eq!(column(&page, "role"), ["readonly", "admin"]);
    assert_eq!(column(&page, "name"), ["New", "F"]);

    let full = trial.sandbox.census();
    let of_team =
        |names: &[String]| names.iter().filter(|name| name.starts_with("t/")).cloned().collect::<Vec<_>>();
    let members = [format!("t/{}/admin", email.to_lowercase()), format!("t/{member}/readonly")];
    assert_eq!(of_team(&full.members), members);
    assert_eq!(of_team(&full.credentials), [format!("t/{}", made["id"].as_str().unwrap())]);
    assert_eq!((of_team(&full.ledgers), of_team(&full.invites)), (vec!["t/l".to_owned()], vec![]));
    assert_eq!(full.contents["t/l"].keys, 1);
    assert!(!format!("{full:?}").contains(&book.secret));

    trial.dash(&admin, "delete-credential", json!({"team": "t", "id": made["id"]})).await.ok();
    trial.call(&book, "stats", json!({})).await.refused(404, "SEQ002");
    trial
        .dash(&admin, "delete-credential", json!({"team": "t", "id": made["id"]}))
        .await
        .refused(404, "SEQ002");
    trial.dash(&admin, "delete-ledger", json!({"team": "t", "name": "l"})).await.ok();
    trial.dash(&admin, "delete-ledger", json!({"team": "t", "name": "l"})).await.refused(404, "SEQ002");
    trial.dash(&admin, "remove-member", json!({"team": "t", "email": member})).await.ok();
    trial.dash(&admin, "remove-member", json!({"team": "t", "email": member})).await.refused(404, "SEQ002");
    trial.dash(&admin, "delete-team", json!({"team": "t", "confirm": "x"})).await.refused(400, "SEQ904");
    trial.dash(&admin, "delete-team", json!({"team": "t", "confirm": "t"})).await.ok();
    trial.dash(&admin, "delete-team", json!({"team": "t", "confirm": "t"})).await.refused(404, "SEQ002");
    trial.dash(&admin, "delete-user", json!({"password": "wrong one"})).await.refused(401, "SEQ901");
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.ok();
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.refused(401, "SEQ901");
    let gone = json!({"email": email, "password": PASSWORD});
    trial.dash("", "sign-in", gone.clone()).await.refused(401, "SEQ901");
    trial.dash("", "delete-user", gone).await.refused(404, "SEQ002");
    let other = session(trial.dash("", "sign-in", json!({"email": member, "password": PASSWORD})).await.ok());
    trial.dash(&other, "delete-user", json!({"password": PASSWORD})).await.ok();
    assert_eq!(trial.sandbox.census(), before);
}

#[tokio::test]
async fn wrong_codes() {
    let trial = Trial::start();
    let sign_up = json!({"email": "a@b.test", "password": PASSWORD});
    trial.dash("", "sign-up", sign_up.clone()).await.ok();
    let code = trial.code("a@b.test");
    let confirm = async |email: &str, code: &str| {
        trial.dash("", "confirm-sign-up", json!({"email": email, "code": code})).await
    };
    trial.dash("", "sign-in", sign_up.clone()).await.refused(401, "SEQ901");
    confirm("x@b.test", &code).await.refused(400, "SEQ902");
    for _ in 0..5 {
        confirm("a@b.test", "wrong").await.refused(400, "SEQ902");
    }
    confirm("a@b.test", &code).await.refused(400, "SEQ903");
    confirm("a@b.test", "wrong").await.refused(400, "SEQ903");

    trial.dash("", "sign-up", sign_up.clone()).await.ok();
    trial.sandbox.clock().advance(SignedDuration::from_mins(15));
    confirm("a@b.test", &trial.code("a@b.test")).await.refused(400, "SEQ903");

    trial.dash("", "sign-up", sign_up.clone()).await.ok();
    trial.sandbox.clock().advance(SignedDuration::from_secs(14 * 60 + 30));
    let code = trial.code("a@b.test");
    confirm("A@B.test", &code).await.ok();
    confirm("a@b.test", &code).await.refused(400, "SEQ902");

    // The address is taken now: the same answer, another mail.
    let again = trial.dash("", "sign-up", json!({"email": "a@b.test", "password": "another one"})).await.ok();
    assert_eq!(again, json!({"email": "a@b.test", "status": "unconfirmed"}));
    let (subject, text, _) = trial.mail("a@b.test");
    assert!(
        subject.contains("already") && !text.bytes().any(|byte| byte.is_ascii_digit()),
        "{subject}: {text}"
    );
    trial.dash("", "sign-in", sign_up).await.ok();
}

#[tokio::test]
async fn what_sign_up_asks_for() {
    let trial = Trial::start();
    for (body, missing) in [
        (json!({}), json!(["email"])),
        (json!({"email": "a@b.test"}), json!(["password"])),
        (json!({"email": "", "password": PASSWORD}), json!(["email"])),
    ] {
        assert_eq!(
            trial.dash("", "sign-up", body).await.refused(400, "SEQ008")["data"]["missing_fields"],
            missing
        );
    }
    for (body, field) in [
        (json!({"email": "nobody", "password": PASSWORD}), "email"),
        (json!({"email": "a@b.test", "password": "1234567"}), "password"),
    ] {
        assert_eq!(
            trial.dash("", "sign-up", body).await.refused(400, "SEQ008")["data"]["error_fields"],
            field
        );
    }
    assert_eq!(trial.sandbox.census().users.len(), 1);
}

#[tokio::test]
async fn a_code_may_be_planted() {
    let trial = Trial::with(Options { code: Some("424242".to_owned()), ..Options::default() });
    trial.dash("", "sign-up", json!({"email": "a@b.test", "password": PASSWORD})).await.ok();
    assert_eq!(trial.code("a@b.test"), "424242");
    trial.dash("", "confirm-sign-up", json!({"email": "a@b.test", "code": "424242"})).await.ok();
}

#[tokio::test]
async fn the_unconfirmed_can_go() {
    let trial = Trial::start();
    let before = trial.sandbox.census();
    let body = json!({"email": "a@b.test", "password": PASSWORD});
    trial.dash("", "sign-up", body.clone()).await.ok();
    trial
        .dash("", "delete-user", json!({"email": "a@b.test", "password": "wrong one"}))
        .await
        .refused(404, "SEQ002");
    trial.dash("", "delete-user", json!({"password": PASSWORD})).await.refused(401, "SEQ901");
    trial.dash("", "delete-user", body.clone()).await.ok();
    trial.dash("", "delete-user", body).await.refused(404, "SEQ002");
    assert_eq!(trial.sandbox.census(), before);
    // Not so the confirmed, without a session.
    let permanent = json!({"email": trial.sandbox.email(), "password": trial.sandbox.password()});
    trial.dash("", "delete-user", permanent).await.refused(404, "SEQ002");
}

#[tokio::test]
async fn sessions_and_credentials_open_one_door_each() {
    let trial = Trial::start();
    let admin = trial.admin().await;
    let mut book = trial.book().await;
    trial.dash(&book.secret, "create-team", json!({"name": "x"})).await.refused(401, "SEQ901");
    trial.dash("", "create-team", json!({"name": "x"})).await.refused(401, "SEQ901");
    for op in ["create-ledger", "list-members", "delete-team", "invite-member", "remove-member"] {
        trial.dash("", op, json!({})).await.refused(401, "SEQ901");
        trial.dash(&admin, op, json!({})).await.refused(400, "SEQ008");
    }
    book.secret = admin;
    trial.call(&book, "stats", json!({})).await.refused(404, "SEQ002");
    trial.dash(&book.secret, "reset", json!({})).await.refused(404, "SEQ002");
}

#[tokio::test]
async fn names() {
    let trial = Trial::start();
    let (team, _, admin) = team(&trial).await;
    trial.dash(&admin, "create-team", json!({"name": team})).await.refused(400, "SEQ050");
    for name in ["hello", "dashboard", "a b", "ü", "a/b"] {
        trial.dash(&admin, "create-team", json!({"name": name})).await.refused(400, "SEQ904");
    }
    let ledger = async |body: Value| trial.dash(&admin, "create-ledger", body).await;
    ledger(json!({"team": team, "name": "a b"})).await.refused(400, "SEQ904");
    ledger(json!({"team": team, "name": "l", "type": "test"})).await.refused(400, "SEQ003");
    ledger(json!({"team": team, "name": "l", "type": "prod"})).await.ok();
    ledger(json!({"team": team, "name": "l"})).await.refused(400, "SEQ050");
    trial.dash(&admin, "delete-ledger", json!({"team": team, "name": "l"})).await.refused(403, "SEQ011");
    trial.dash(&admin, "delete-team", json!({"team": team, "confirm": team})).await.refused(400, "SEQ906");
    ledger(json!({"team": trial.sandbox.team(), "name": "l"})).await.refused(404, "SEQ002");
}

#[tokio::test]
async fn roles() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    let (writer, write) = join(&trial, &team, &admin, "readwrite").await;
    let (reader, read) = join(&trial, &team, &admin, "readonly").await;
    let ledger = |name: &str| json!({"team": team, "name": name});

    trial.dash(&write, "create-ledger", ledger("l")).await.ok();
    trial.dash(&read, "create-ledger", ledger("m")).await.refused(403, "SEQ011");
    trial.dash(&read, "delete-ledger", ledger("l")).await.refused(403, "SEQ011");
    for session in [&write, &read] {
        let invite = json!({"team": team, "email": "x@y.test"});
        trial.dash(session, "invite-member", invite).await.refused(403, "SEQ011");
        trial
            .dash(session, "delete-team", json!({"team": team, "confirm": team}))
            .await
            .refused(403, "SEQ011");
        trial
            .dash(session, "remove-member", json!({"team": team, "email": first}))
            .await
            .refused(403, "SEQ011");
        trial.dash(session, "list-members", json!({"team": team})).await.ok();
    }
    let credential =
        async |session: &str| trial.dash(session, "create-credential", json!({"team": team})).await.ok();
    let (written, readable) = (credential(&write).await, credential(&read).await);
    assert_eq!((&written["role"], &readable["role"]), (&json!("readwrite"), &json!("readonly")));
    // Those of others are not there, except for admins.
    let delete = |made: &Value| json!({"team": team, "id": made["id"]});
    trial.dash(&write, "delete-credential", delete(&readable)).await.refused(404, "SEQ002");
    trial.dash(&admin, "delete-credential", delete(&readable)).await.ok();

    let book = Book {
        team: team.clone(),
        ledger: "l".to_owned(),
        secret: written["secret"].as_str().unwrap().to_owned(),
    };
    trial.call(&book, "create-key", json!({})).await.ok();
    trial.dash(&write, "remove-member", json!({"team": team, "email": writer})).await.ok();
    trial.call(&book, "stats", json!({})).await.refused(404, "SEQ002");
    trial.dash(&write, "list-members", json!({"team": team})).await.refused(404, "SEQ002");
    trial.dash(&admin, "remove-member", json!({"team": team, "email": reader})).await.ok();
}

#[tokio::test]
async fn the_last_admin_stays() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    let remove = |email: &str| json!({"team": team, "email": email});
    trial.dash(&admin, "remove-member", remove(&first)).await.refused(400, "SEQ905");
    join(&trial, &team, &admin, "readwrite").await;
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.refused(400, "SEQ905");
    let (second, other) = join(&trial, &team, &admin, "admin").await;
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.ok();
    trial.dash(&other, "remove-member", remove(&second)).await.refused(400, "SEQ905");

    // Alone, and with nothing in it, the team goes too.
    let (team, _, admin) = self::team(&trial).await;
    trial.dash(&admin, "create-ledger", json!({"team": team, "name": "l"})).await.ok();
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.refused(400, "SEQ905");
    trial.dash(&admin, "delete-ledger", json!({"team": team, "name": "l"})).await.ok();
    trial.dash(&admin, "delete-user", json!({"password": PASSWORD})).await.ok();
    assert!(!trial.sandbox.census().teams.contains(&team));
}

#[tokio::test]
async fn invitations() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    let invite =
        async |email: &str| trial.dash(&admin, "invite-member", json!({"team": team, "email": email})).await;
    invite(&first).await.refused(400, "SEQ050");
    invite("nobody").await.refused(400, "SEQ008");
    let bad = json!({"team": team, "email": "x@y.test", "role": "owner"});
    trial.dash(&admin, "invite-member", bad).await.refused(400, "SEQ003");

    let one = invite("x@y.test").await.ok();
    assert_eq!((&one["role"], &one["status"]), (&json!("readwrite"), &json!("pending")));
    let old = trial.invitation("x@y.test");
    let two = invite("x@y.test").await.ok();
    assert_eq!(one["id"], two["id"]);
    assert_eq!(trial.sandbox.census().invites, [format!("{team}/x@y.test/readwrite")]);
    let code = trial.invitation("x@y.test");
    let accept = async |email: &str, code: &str| {
        let body = json!({"email": email, "code": code, "password": PASSWORD});
        trial.dash("", "accept-invite", body).await
    };
    accept("x@y.test", &old).await.refused(400, "SEQ902");
    accept("z@y.test", &code).await.refused(400, "SEQ902");
    let bare = json!({"email": "x@y.test", "code": code});
    trial.dash("", "accept-invite", bare).await.refused(400, "SEQ008");
    accept("x@y.test", &code).await.ok();
    accept("x@y.test", &code).await.refused(400, "SEQ902");
    trial.dash("", "sign-in", json!({"email": "x@y.test", "password": PASSWORD})).await.ok();

    // Somebody with an account needs its password or a session.
    let (email, session) = trial.user().await;
    invite(&email).await.ok();
    let code = trial.invitation(&email);
    let wrong = json!({"email": email, "code": code, "password": "wrong one"});
    trial.dash("", "accept-invite", wrong).await.refused(401, "SEQ901");
    trial.dash(&admin, "accept-invite", json!({"email": email, "code": code})).await.refused(401, "SEQ901");
    trial.dash(&session, "accept-invite", json!({"email": email, "code": code})).await.ok();

    invite("early@y.test").await.ok();
    trial.sandbox.clock().advance(SignedDuration::from_hours(7 * 24) - SignedDuration::from_secs(30));
    accept("early@y.test", &trial.invitation("early@y.test")).await.ok();
    invite("late@y.test").await.ok();
    trial.sandbox.clock().advance(SignedDuration::from_hours(7 * 24));
    accept("late@y.test", &trial.invitation("late@y.test")).await.refused(400, "SEQ903");
}

#[tokio::test]
async fn members_come_in_pages() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    let (second, _) = join(&trial, &team, &admin, "readonly").await;
    let page = trial.dash(&admin, "list-members", json!({"team": team, "page_size": 1})).await.ok();
    assert_eq!((column(&page, "email"), &page["last_page"]), (vec![json!(second)], &json!(false)));
    let cursor = json!({"cursor": page["cursor"]});
    let page = trial.dash(&admin, "list-members", cursor.clone()).await.ok();
    assert_eq!(column(&page, "email"), [first]);
    let page = trial.dash(&admin, "list-members", json!({"cursor": page["cursor"]})).await.ok();
    assert_eq!((column(&page, "email"), &page["last_page"]), (vec![], &json!(true)));
    // The cursor names the team, but does not open it.
    trial.dash(&trial.admin().await, "list-members", cursor).await.refused(404, "SEQ002");
    trial.dash(&admin, "list-members", json!({"cursor": "x"})).await.refused(400, "SEQ600");
}

#[tokio::test]
async fn repeated_keys() {
    let trial = Trial::start();
    let (email, user) = trial.user().await;
    let once = async |session: &str, op: &str, body: Value| {
        let headers = [("session", session), ("idempotency-key", "k")];
        trial.post(&format!("/dashboard/{op}"), &headers, &body).await
    };
    let made = once(&user, "create-team", json!({"name": "t"})).await.ok();
    assert_eq!(once(&user, "create-team", json!({"name": "t"})).await.ok(), made);
    let (_, other) = trial.user().await;
    once(&other, "create-team", json!({"name": "t"})).await.refused(400, "SEQ050");
    let made = once(&user, "create-credential", json!({"team": "t"})).await.ok();
    assert_eq!(once(&user, "create-credential", json!({"team": "t"})).await.ok(), made);

    let sign_up = json!({"email": "a@b.test", "password": PASSWORD});
    for _ in 0..2 {
        once("", "sign-up", sign_up.clone()).await.ok();
    }
    assert_eq!(trial.sandbox.delivered("a@b.test").len(), 1);

    // A key does not stand in for a password.
    once("", "sign-in", json!({"email": email, "password": PASSWORD})).await.ok();
    once("", "sign-in", json!({"email": email, "password": "wrong one"})).await.refused(401, "SEQ901");
    for _ in 0..2 {
        once(&user, "delete-user", json!({"password": PASSWORD})).await.ok();
    }
}

#[tokio::test]
async fn a_relay_that_is_gone_does_not_matter() {
    let relay = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = relay.local_addr().unwrap();
    drop(relay);
    let clock = crate::Clock::default();
    let mailer = super::Mailer::new(address, clock, crate::Faults::default());
    mailer.send(vec![super::Letter::taken("a@b.test")]).await;
}
