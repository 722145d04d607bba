//! Who is let in, by which name, from which page, how often.

use std::{net::TcpListener, time::Duration};

use coalmine::server::{Rate, Server, ServerError, ServerOptions};
use jiff::SignedDuration;
use reqwest::{Response, StatusCode};

use super::{Rig, TOKEN, expect, json, send, status, text};

fn cookie(answer: &Response) -> String {
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// The token of the form to log in.
async fn csrf(rig: &Rig) -> String {
    let page = text(send(rig.get("/login")).await).await;
    let from = page.split("name=\"csrf\" value=\"").nth(1).expect("the form has a token");
    from.split('"').next().unwrap().to_owned()
}

async fn login(rig: &Rig, csrf: &str, password: &str) -> Response {
    send(rig.post("/login").form(&[("csrf", csrf), ("password", password), ("next", "/readyz")])).await
}

#[tokio::test]
async fn without_the_token_there_is_only_health() {
    let rig = Rig::with_token().await;
    for path in ["/healthz", "/readyz", "/login"] {
        assert_eq!(status(rig.get(path)).await, 200, "{path}");
    }
    for path in
        ["/", "/run", "/run/passed", "/runs/x", "/events", "/canaries/front", "/nothing", "/assets/../run"]
    {
        let answer = send(rig.get(path)).await;
        if path.contains("..") {
            // The client takes it out by itself.
            assert_eq!(answer.status(), 401);
            continue;
        }
        expect(&answer, StatusCode::UNAUTHORIZED, "none");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        for wrong in ["Bearer wrong", "Bearer ", "Basic YTpi", &format!("Bearer {TOKEN}x"), TOKEN] {
            assert_eq!(status(rig.get(path).header("authorization", wrong)).await, 401, "{path} {wrong}");
        }
    }
    assert_eq!(rig.runs(), 0);
    assert_eq!(status(rig.get("/run/passed").bearer_auth(TOKEN)).await, 200);
    let answer = send(rig.get("/runs/a?b=c").header("accept", "text/html")).await;
    expect(&answer, StatusCode::SEE_OTHER, "none");
    assert_eq!(answer.headers()["location"], "/login?next=/runs/a%3Fb%3Dc");
}

#[tokio::test]
async fn people_log_in_and_out() {
    let rig = Rig::with_token().await;
    let form = csrf(&rig).await;
    expect(&login(&rig, &form, "wrong").await, StatusCode::UNAUTHORIZED, "none");
    expect(&login(&rig, "1.x", TOKEN).await, StatusCode::FORBIDDEN, "none");
    let answer = login(&rig, &form, TOKEN).await;
    expect(&answer, StatusCode::SEE_OTHER, "none");
    assert_eq!(answer.headers()["location"], "/readyz");
    let session = cookie(&answer);

    let page = text(send(rig.get("/").header("cookie", &session)).await).await;
    let logout = page.split("action=\"/logout\"").nth(1).expect("somebody can log out");
    let form = logout.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    // A browser sends the cookie by itself; a change needs to come from our page.
    let pause =
        || rig.post("/canaries/front/pause").header("cookie", &session).form(&[("reason", "new floor")]);
    assert_eq!(status(pause()).await, 403);
    assert_eq!(status(pause().header("origin", "http://evil.example")).await, 403);
    assert_eq!(status(pause().header("origin", rig.url("").trim_end_matches('/'))).await, 200);
    let leave = rig.post("/logout").header("cookie", &session).header("origin", rig.url(""));
    let answer = send(leave.form(&[("csrf", form)])).await;
    expect(&answer, StatusCode::SEE_OTHER, "none");
    assert_eq!(cookie(&answer), "coalmine_session=");

    for forged in ["coalmine_session=9999999999.AAAA", "coalmine_session=", "coalmine_session=x"] {
        assert_eq!(status(rig.get("/").header("cookie", forged)).await, 401, "{forged}");
    }
}

#[tokio::test]
async fn a_link_opens_one_page_for_a_while() {
    let rig = Rig::with_token().await;
    let body = json(send(rig.get("/run/passed").bearer_auth(TOKEN)).await).await;
    let link = body["canaries"][0]["link"].as_str().unwrap().to_owned();
    expect(&send(rig.get(&link)).await, StatusCode::OK, "passed");
    let signature = link.split_once('?').unwrap().1;
    assert_eq!(status(rig.post(&link)).await, 401);
    for path in ["/runs/other", "/", "/run/passed", "/events"] {
        assert_eq!(status(rig.get(&format!("{path}?{signature}"))).await, 401, "{path}");
    }
    assert_eq!(status(rig.get(&link.replace("until=", "until=9"))).await, 401);
    let past = rig.service.clock().now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let path = link.split('?').next().unwrap();
    assert_eq!(status(rig.get(&rig.server.sign(path, past))).await, 401);
}

/// A page at night has a link to its incident: it is let in, and can do nothing.
#[tokio::test]
async fn a_link_to_an_incident_opens_that_one_and_changes_nothing() {
    let rig = Rig::with_token().await;
    let until = rig.service.clock().now().checked_add(SignedDuration::from_hours(1)).unwrap();
    let link = rig.server.sign("/incidents/i-1", until);
    assert_eq!(status(rig.get(&link)).await, 404, "it is let in, and there is none");
    let signature = link.split_once('?').unwrap().1;
    for path in ["/incidents", "/incidents/i-2", "/incidents/i-1/acknowledge", "/api/v1/incidents/i-1"] {
        assert_eq!(status(rig.get(&format!("{path}?{signature}"))).await, 401, "{path}");
    }
    let taking = rig.server.sign("/incidents/i-1/acknowledge", until);
    assert_eq!(status(rig.post(&taking)).await, 401, "a link only reads");
    assert_eq!(status(rig.post(&link)).await, 401);
}

#[tokio::test]
async fn only_its_own_names_are_answered() {
    let rig = Rig::with(|options| options.hosts = vec!["canaries.example.com".to_owned()]).await;
    let port = rig.server.address().port();
    let own = ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"].map(|it| format!("{it}:{port}"));
    let given = ["canaries.example.com", "canaries.example.com:443"].map(ToOwned::to_owned);
    for host in own.iter().chain(&given) {
        assert_eq!(status(rig.get("/healthz").header("host", host)).await, 200, "{host}");
    }
    let foreign = format!("evil.example:{port}");
    for host in
        ["evil.example", &foreign, "localhost:1", "localhost", "a@localhost", "127.0.0.1.evil.example"]
    {
        let answer = send(rig.get("/healthz").header("host", host)).await;
        expect(&answer, StatusCode::MISDIRECTED_REQUEST, "none");
    }
}

#[tokio::test]
async fn pages_of_others_start_nothing() {
    let rig = Rig::new().await;
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for request in [rig.get("/run/front"), rig.post("/run/front"), rig.post("/canaries/front/pause")] {
            expect(&send(request.header(name, value)).await, StatusCode::FORBIDDEN, "none");
        }
        assert_eq!(status(rig.get("/").header(name, value)).await, 200, "reading is free");
    }
    assert_eq!(rig.runs(), 0);
    let own = rig.url("");
    assert_eq!(status(rig.get("/run/passed").header("origin", own)).await, 200);
}

#[tokio::test]
async fn who_asks_too_often_has_to_wait() {
    let slow = Rate { burst: 2, every: Duration::from_secs(3600) };
    let rig = Rig::with(|options| {
        options.token = Some(coalmine::Secret::new(TOKEN.to_owned()));
        (options.limits.runs, options.limits.logins) = (slow, slow);
    })
    .await;
    for _ in 0..2 {
        assert_eq!(status(rig.get("/run/passed")).await, 401, "costs those who know the token nothing");
    }
    for _ in 0..2 {
        assert_eq!(status(rig.get("/run/passed").bearer_auth(TOKEN)).await, 200);
    }
    let answer = send(rig.get("/run/passed").bearer_auth(TOKEN)).await;
    expect(&answer, StatusCode::TOO_MANY_REQUESTS, "none");
    assert_eq!(answer.headers()["retry-after"], "3600");

    let form = csrf(&rig).await;
    for _ in 0..2 {
        assert_eq!(login(&rig, &form, "wrong").await.status(), 401);
    }
    let answer = login(&rig, &form, TOKEN).await;
    expect(&answer, StatusCode::TOO_MANY_REQUESTS, "none");
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn others_are_let_near_only_with_a_good_token() {
    let rig = Rig::new().await;
    let start = |address: &str, token: Option<&str>, host: Option<&str>| {
        let options = ServerOptions {
            token: token.map(|it| coalmine::Secret::new(it.to_owned())),
            hosts: host.map(ToOwned::to_owned).into_iter().collect(),
            ..ServerOptions::default()
        };
        Server::start(TcpListener::bind(address).unwrap(), rig.service.clone(), options).map(|_| ())
    };
    assert!(matches!(start("0.0.0.0:0", None, None), Err(ServerError::Open(_))));
    assert!(matches!(start("127.0.0.1:0", Some("short"), None), Err(ServerError::ShortToken)));
    assert!(matches!(start("127.0.0.1:0", Some("a token with spaces"), None), Err(ServerError::OddToken)));
    assert!(matches!(start("127.0.0.1:0", None, Some("a b")), Err(ServerError::Host(_))));
    assert!(start("0.0.0.0:0", Some(TOKEN), Some("canaries.example.com:8443")).is_ok());
}
