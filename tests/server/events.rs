//! `/events`, health, and the end.

use std::time::Duration;

use reqwest::{Response, StatusCode};

use super::{Rig, expect, json, send, soon, status, text};

/// Reads until the text has come.
async fn told(answer: &mut Response, wanted: &str) {
    let mut said = String::new();
    soon(async {
        while !said.contains(wanted) {
            let chunk = answer.chunk().await.unwrap().unwrap_or_else(|| panic!("ended after {said}"));
            said.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn listeners_are_told_when_a_run_begins_and_ends() {
    let rig = Rig::new().await;
    let mut answer = send(rig.get("/events")).await;
    expect(&answer, StatusCode::OK, "none");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    told(&mut answer, ": listening\n\n").await;
    assert_eq!(status(rig.get("/run/passed")).await, 200);
    told(&mut answer, "data: changed\n\n").await;
}

/// A quarter of a second lies between two of them, however much happens.
#[tokio::test]
async fn listeners_of_much_are_told_of_it_at_once() {
    let rig = Rig::new().await;
    let mut answer = send(rig.get("/events")).await;
    told(&mut answer, ": listening\n\n").await;
    let begun = std::time::Instant::now();
    for _ in 0..40 {
        assert_eq!(status(rig.get("/run/passed")).await, 200);
    }
    // Ends the events as well.
    let ended = rig.server.shutdown();
    let rest = async {
        let mut said = String::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            said.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        said
    };
    let (_, said) = soon(async { tokio::join!(ended, rest) }).await;
    let events = said.matches("data: changed").count();
    let most = 2 + begun.elapsed().as_millis() / 250;
    assert!((1..=most).contains(&(events as u128)), "{events} of at most {most}");
}

#[tokio::test]
async fn listeners_are_few_and_hear_that_it_lives() {
    let rig = Rig::with(|options| {
        options.limits.listeners = 1;
        options.limits.heartbeat = Duration::from_millis(5);
    })
    .await;
    let mut answer = send(rig.get("/events")).await;
    told(&mut answer, ": still here\n\n").await;
    expect(&send(rig.get("/events")).await, StatusCode::SERVICE_UNAVAILABLE, "none");
}

#[tokio::test]
async fn it_is_ready_until_it_stops() {
    let rig = Rig::new().await;
    assert_eq!(json(send(rig.get("/readyz")).await).await["ready"], true);
    rig.service.shutdown().await;
    let answer = send(rig.get("/readyz")).await;
    expect(&answer, StatusCode::SERVICE_UNAVAILABLE, "none");
    assert!(text(answer).await.contains("the service is stopping"));
    expect(&send(rig.get("/run/passed")).await, StatusCode::SERVICE_UNAVAILABLE, "none");
    assert_eq!(status(rig.get("/healthz")).await, 200);
}

#[tokio::test]
async fn shutting_down_answers_who_waits_and_ends_who_listens() {
    let rig = Rig::new().await;
    let mut listener = send(rig.get("/events")).await;
    told(&mut listener, ": listening\n\n").await;
    let waiting = tokio::spawn(rig.get("/run/front").send());
    rig.somebody().await;
    let address = rig.server.address();
    let (cut, ()) = tokio::join!(soon(rig.server.shutdown()), async {
        // The listener ends first; the run is let through only then.
        soon(async { while listener.chunk().await.unwrap().is_some() {} }).await;
        rig.let_one_through();
    });
    assert_eq!(cut, 0);
    assert_eq!(soon(waiting).await.unwrap().unwrap().status(), StatusCode::OK);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn shutting_down_has_a_limit() {
    let rig = Rig::with(|options| options.limits.end = Duration::from_millis(10)).await;
    let waiting = tokio::spawn(rig.get("/run/front").send());
    rig.somebody().await;
    assert_eq!(soon(rig.server.shutdown()).await, 1);
    assert!(soon(waiting).await.unwrap().is_err());
    rig.let_one_through();
}
