use axum::http::StatusCode;
use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{
    Options, Sandbox, StartError,
    trial::{Book, Trial},
};

#[tokio::test]
async fn every_response_names_the_request() {
    let trial = Trial::start();
    for (method, path) in [
        (Method::POST, "/"),
        (Method::POST, "/hello"),
        (Method::POST, "/a/b/c"),
        (Method::POST, "/dashboard/sign-in"),
        (Method::POST, "/dashboard/nothing"),
        (Method::POST, "/a/b/c/d"),
        (Method::GET, "/hello"),
        (Method::PUT, "/dashboard/sign-in"),
        (Method::DELETE, "/x"),
    ] {
        let answer = trial.send(method.clone(), path, &[("id", "0123/1")], "").await;
        assert_eq!(answer.request_id.as_deref(), Some("0123/1"), "{method} {path}");
        let made_up = trial.send(method.clone(), path, &[], "").await;
        assert!(made_up.request_id.is_some_and(|id| !id.is_empty()), "{method} {path}");
        if path != "/dashboard/sign-in" || method != Method::POST {
            answer.refused(404, "SEQ002");
        }
    }
    let book = trial.book().await;
    let headers = [("credential", book.secret.as_str()), ("id", "abc/2")];
    let answer = trial.post("/hello", &headers, &json!({})).await;
    assert_eq!(answer.request_id.as_deref(), Some("abc/2"));
}

#[tokio::test]
async fn hello_tells_team_and_address() {
    let trial = Trial::start();
    let book = trial.book().await;
    let hello = async |secret: &str, body| trial.post("/hello", &[("credential", secret)], &body).await;
    let told = hello(&book.secret, json!({"ledger_name": book.ledger})).await.ok();
    assert_eq!(told["team_name"], trial.sandbox.team());
    assert_eq!(told["addr"], format!("localhost:{}", trial.sandbox.address().port()));
    assert!(told["addr_ttl_seconds"].is_u64());
    hello(&book.secret, json!(null)).await.ok();
    hello(&book.secret, json!({"ledger_name": "nothing"})).await.refused(404, "SEQ002");
    hello("wrong", json!({"ledger_name": book.ledger})).await.refused(404, "SEQ002");
    trial.post("/hello", &[], &json!({})).await.refused(404, "SEQ002");

    let announced = Options { announce: Some("api.test:1".to_owned()), ..Options::default() };
    let trial = Trial::with(announced);
    let told = trial.post("/hello", &[("credential", trial.sandbox.credential())], &json!({})).await.ok();
    assert_eq!(told["addr"], "api.test:1");
}

#[tokio::test]
async fn checks_come_in_order() {
    let trial = Trial::start();
    let good = trial.book().await;
    let broken = async |book: &Book, op: &str| {
        let path = format!("/{}/{}/{op}", book.team, book.ledger);
        trial.send(Method::POST, &path, &[("credential", &book.secret)], "{").await
    };
    let (email, user) = trial.user().await;
    let admin = trial.admin().await;
    let invite = json!({"team": good.team, "email": email, "role": "readonly"});
    trial.dash(&admin, "invite-member", invite).await.ok();
    let accept = json!({"email": email, "code": trial.invitation(&email)});
    trial.dash(&user, "accept-invite", accept).await.ok();
    let made = trial.dash(&user, "create-credential", json!({"team": good.team})).await.ok();
    let reader = Book { secret: made["secret"].as_str().unwrap().to_owned(), ..good.clone() };

    broken(&Book { secret: "wrong".to_owned(), ..good.clone() }, "transact").await.refused(404, "SEQ002");
    broken(&Book { team: "other".to_owned(), ..good.clone() }, "transact").await.refused(404, "SEQ002");
    broken(&Book { ledger: "other".to_owned(), ..reader.clone() }, "transact").await.refused(404, "SEQ002");
    broken(&reader, "transact").await.refused(403, "SEQ011");
    broken(&reader, "nothing").await.refused(404, "SEQ002");
    broken(&good, "build-transaction").await.refused(404, "SEQ002");
    broken(&good, "transact").await.refused(400, "SEQ003");
    broken(&reader, "stats").await.refused(400, "SEQ003");
    trial.call(&good, "transact", json!({})).await.refused(400, "SEQ707");
    for op in ["create-key", "create-account", "create-flavor", "transact"] {
        trial.call(&reader, op, json!({})).await.refused(403, "SEQ011");
    }
    for op in ["stats", "list-accounts", "list-tokens", "list-transactions"] {
        trial.call(&reader, op, json!({})).await.ok();
    }
}

#[tokio::test]
async fn bodies() {
    let trial = Trial::start();
    let book = trial.book().await;
    let path = format!("/{}/{}/stats", book.team, book.ledger);
    let headers = [("credential", book.secret.as_str()), ("content-type", "application/json; charset=utf-8")];
    for body in ["", "{}", "null", r#"{"size":null,"page_size":0,"unknown":[1]}"#] {
        trial.send(Method::POST, &path, &headers, body).await.ok();
    }
    for body in ["[]", "{", "stats", "1"] {
        trial.send(Method::POST, &path, &headers, body).await.refused(400, "SEQ003");
    }
    let of_size = |size: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(size - r#"{"a":""}"#.len()));
    trial.send(Method::POST, &path, &headers, of_size(1 << 20)).await.ok();
    trial.send(Method::POST, &path, &headers, of_size((1 << 20) + 1)).await.refused(400, "SEQ003");
    trial.send(Method::POST, &path, &headers, of_size(5 << 20)).await.refused(400, "SEQ003");
    let wrong = [("credential", "wrong")];
    trial.send(Method::POST, &path, &wrong, of_size(2 << 20)).await.refused(404, "SEQ002");
}

#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let trial = Trial::start();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(trial.sandbox.address()).await.unwrap());
    }
    assert_eq!(trial.send(Method::POST, "/hello", &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dropping_ends_connections_and_frees_ports() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let addresses = [sandbox.address(), sandbox.mail_api(), sandbox.smtp()];
    let mut open = TcpStream::connect(sandbox.address()).await.unwrap();
    drop(sandbox);
    // Closed or reset, but not open.
    let rest = open.read(&mut [0; 16]).await;
    assert!(rest.is_err() || rest.is_ok_and(|size| size == 0));
    for address in addresses {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
}

#[test]
fn starting_says_what_is_wrong() {
    let taken = Sandbox::start(Options::default()).unwrap();
    let error = |options| Sandbox::start(options).unwrap_err();
    let bind = error(Options { smtp_listen: taken.address(), ..Options::default() });
    assert_eq!(bind.to_string(), format!("cannot listen on {}", taken.address()));
    let fault = error(Options { faults: vec!["nothing".to_owned()], ..Options::default() });
    assert!(matches!(fault, StartError::Fault(_)));
    for team in ["", "a b", "hello", "dashboard"] {
        let options = Options { team: team.to_owned(), ..Options::default() };
        assert!(matches!(error(options), StartError::Team(_)), "{team}");
    }
    for credential in ["", "two words", "line\nbreak", "höflich", &"x".repeat(257)] {
        let refused = error(Options { credential: Some(credential.to_owned()), ..Options::default() });
        assert!(matches!(refused, StartError::Credential), "{credential}");
    }
    for announce in [
        "",
        ":1",
        "api.test:",
        "api.test:0",
        "api.test:70000",
        "https://api.test",
        "api.test/",
        "a@b:1",
        "a b",
    ] {
        let refused = error(Options { announce: Some(announce.to_owned()), ..Options::default() });
        assert!(matches!(refused, StartError::Announce(_)), "{announce}");
    }
    for name in ["", "a b", "-a.test", "a.test:1", "*", "a.*.test"] {
        let refused = error(Options { names: vec![name.to_owned()], ..Options::default() });
        assert!(matches!(refused, StartError::Name(_)), "{name}");
    }
    for options in [
        Options { ledger: Some("a b".to_owned()), ..Options::default() },
        Options { production_ledger: Some(String::new()), ..Options::default() },
        Options { ledger: Some("prod".to_owned()), ..Options::default() },
    ] {
        assert!(matches!(error(options), StartError::Ledger(_)));
    }
    assert!(matches!(error(Options { email: "a".to_owned(), ..Options::default() }), StartError::Email(_)));
}

#[tokio::test]
async fn the_certificate_carries_the_announced_host_and_further_names() {
    let announced = |address: &str| Options {
        announce: Some(address.to_owned()),
        names: vec!["*.further.test".to_owned(), "192.0.2.1".to_owned()],
        ..Options::default()
    };
    for (address, host) in
        [("api.test:1", "api.test"), ("api.test", "api.test"), ("[2001:db8::1]:443", "2001:db8::1")]
    {
        let trial = Trial::with(announced(address));
        for (name, is_carried) in [
            (host, true),
            ("localhost", true),
            ("a.further.test", true),
            ("192.0.2.1", true),
            ("other.test", false),
        ] {
            assert_eq!(trial.shakes_hands_as(name).await, is_carried, "{name}, {address} being announced");
        }
    }
}

#[tokio::test]
async fn two_sandboxes_know_nothing_of_each_other() {
    let (one, two) = (Trial::start(), Trial::start());
    let book = one.book().await;
    two.call(&book, "stats", json!({})).await.refused(404, "SEQ002");
    assert_ne!(one.sandbox.credential(), two.sandbox.credential());
    assert_eq!(two.sandbox.census().ledgers, ["canary-team/prod"]);
}

#[tokio::test]
async fn a_world_for_clients_that_make_no_ledgers() {
    let options = Options {
        team: "team".to_owned(),
        ledger: Some("test".to_owned()),
        production_ledger: None,
        credential: Some("fixed".to_owned()),
        ..Options::default()
    };
    let trial = Trial::with(options);
    assert_eq!(trial.sandbox.census().ledgers, ["team/test"]);
    let hello = trial.post("/hello", &[("credential", "fixed")], &json!({"ledger_name": "test"})).await.ok();
    assert_eq!(hello["team_name"], "team");
    let book = Book { team: "team".to_owned(), ledger: "test".to_owned(), secret: "fixed".to_owned() };
    trial.call(&book, "create-key", json!({})).await.ok();
    trial.call(&book, "reset", json!({})).await.ok();
}

#[tokio::test]
async fn the_permanent_production_ledger_only_refuses() {
    let trial = Trial::start();
    let (admin, team) = (trial.admin().await, trial.sandbox.team().to_owned());
    let secret = trial.sandbox.credential().to_owned();
    let book = Book { team: team.clone(), ledger: "prod".to_owned(), secret };
    assert_eq!(trial.call(&book, "stats", json!({})).await.ok()["ledger_type"], "prod");
    trial.call(&book, "reset", json!({})).await.refused(403, "SEQ011");
    trial.dash(&admin, "delete-ledger", json!({"team": team, "name": "prod"})).await.refused(403, "SEQ011");
    trial.dash(&admin, "delete-team", json!({"team": team, "confirm": team})).await.refused(400, "SEQ906");
}

#[test]
fn options_keep_their_secrets() {
    let secret = || Some("hush".to_owned());
    let mail =
        crate::mail::Options { client_secret: secret(), refresh_token: secret(), ..Default::default() };
    let options =
        Options { password: secret(), credential: secret(), code: secret(), mail, ..Options::default() };
    let shown = format!("{options:?}");
    assert!(shown.contains("canary-team") && !shown.contains("hush"), "{shown}");
}
