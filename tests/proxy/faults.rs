//! What each fault does, to whom, and how it is switched.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use coalmine::drill::{Proxy, ProxyOptions, Response, StartError};

use super::{
    Front, always, echo, operations,
    wire::{self, post, reply},
};

#[test]
fn every_fault_comes_and_goes_while_running() {
    let good = || reply("200 OK", "Request-Id: 7\r\n", r#"{"id":"1","items":[{"id":2,"n":0.50}]}"#);
    let bad = || reply("404 Not Found", "Request-Id: 7\r\n", r#"{"error":"no"}"#);
    for (fault, answer, status, body) in [
        ("error_500:list-keys", good(), 500, r#"{"error":"injected"}"#),
        ("field_missing:list-keys", good(), 200, r#"{"items":[{"id":2,"n":0.50}]}"#),
        ("field_missing:list-keys:/items/0/id", good(), 200, r#"{"id":"1","items":[{"n":0.50}]}"#),
        ("refusal_lifted:list-keys", bad(), 200, "{}"),
    ] {
        let product = always(answer);
        let front = Front::of(&product);
        let mut connection = front.connect();
        let request = post("/t/l/list-keys", "{}");
        let before = connection.ask(&request);
        for _ in 0..2 {
            front.proxy.switch(fault, true).unwrap();
            assert_eq!(front.proxy.faults_on(), [fault]);
            let broken = connection.ask(&request);
            assert_eq!((broken.status(), broken.text()), (status, body), "{fault}");
            assert_eq!(broken.header("content-length"), Some(&*body.len().to_string()));
            assert_eq!(front.proxy.effects(fault).unwrap(), 1);
            // Other operations, and what is none, are left alone.
            for path in ["/t/l/create-key", "/list-keys", "/t/l/list-keys/"] {
                assert_eq!(connection.ask(post(path, "{}")), before, "{fault} {path}");
            }
            front.proxy.switch(fault, false).unwrap();
            front.proxy.switch(fault, false).unwrap();
            assert_eq!(connection.ask(&request), before, "{fault}");
            assert_eq!(front.proxy.effects(fault).unwrap(), 0);
        }
    }
}

#[test]
fn a_header_goes_missing() {
    let front_of = echo();
    let front = Front::of(&front_of);
    front.proxy.switch("header_missing:sign-up:REQUEST-ID", true).unwrap();
    assert_eq!(front.ask(post("/dashboard/sign-up?x=1", "1")).header("request-id"), None);
    assert_eq!(front.ask(post("/t/l/list-keys", "1")).header("request-id"), Some("7"));
}

#[test]
fn an_injected_error_never_reaches_the_product_and_looks_as_the_suite_says() {
    let product = echo();
    let front = Front::with(&product, |options| {
        options.error_answer = Arc::new(|operation, headers| {
            let id = headers.get("Id").cloned().expect("the test sends one");
            let answer = Response::builder().status(503).header("Request-Id", id);
            answer.body(format!("{{\"of\":\"{}\"}}", operation.name).into()).unwrap()
        });
    });
    front.proxy.switch("error_500:sign-up", true).unwrap();
    let mut connection = front.connect();
    for id in ["a", "b"] {
        let request = format!(
            "POST /dashboard/sign-up HTTP/1.1\r\nHost: x\r\nId: {id}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let answer = connection.ask(request);
        assert_eq!((answer.status(), answer.header("request-id")), (503, Some(id)));
        assert_eq!(answer.text(), r#"{"of":"sign-up"}"#);
    }
    assert_eq!((product.asked_count(), product.connections()), (0, 0));
}

#[test]
fn faults_of_one_operation_add_up() {
    let product = echo();
    let front = Front::with(&product, |options| options.slow_by = Duration::from_millis(60));
    for fault in ["slow:sign-up", "field_missing:sign-up", "header_missing:sign-up:request-id"] {
        front.proxy.switch(fault, true).unwrap();
    }
    let start = Instant::now();
    let answer = front.ask(post("/dashboard/sign-up", "17"));
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert_eq!((answer.text(), answer.header("request-id")), (r#"{"body":17}"#, None));
    assert_eq!(front.proxy.effects("slow:sign-up").unwrap(), 1);
}

#[test]
fn an_edited_answer_does_not_come_compressed() {
    let product = echo();
    let front = Front::of(&product);
    let request =
        "POST /dashboard/sign-up HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\nContent-Length: 1\r\n\r\n1";
    front.ask(request);
    assert_eq!(product.asked().header("accept-encoding"), Some("br"));
    front.proxy.switch("field_missing:sign-up", true).unwrap();
    front.ask(request);
    assert_eq!(product.asked().header("accept-encoding"), Some("identity"));
}

#[test]
fn latency_is_added_to_every_answer() {
    let product = echo();
    let latency = Duration::from_millis(80);
    let front = Front::with(&product, |options| options.latency = latency);
    front.proxy.switch("error_500:sign-up", true).unwrap();
    let mut connection = front.connect();
    for path in ["/t/l/list-keys", "/nothing", "/dashboard/sign-up"] {
        let start = Instant::now();
        connection.ask(post(path, "1"));
        assert!(start.elapsed() >= latency, "{path}: {:?}", start.elapsed());
    }
    front.proxy.set_latency(Duration::ZERO);
    let quickest = (0..20).map(|_| {
        let start = Instant::now();
        connection.ask(post("/t/l/list-keys", "1"));
        start.elapsed()
    });
    assert!(quickest.min().unwrap() < latency);
}

#[test]
fn wrong_names_and_addresses_are_explained() {
    let product = echo();
    let front = Front::of(&product);
    let error = front.proxy.switch("slow:list-key", true).unwrap_err();
    assert_eq!(error.nearest.as_deref(), Some("slow:list-keys"));
    assert!(front.proxy.effects("fire").is_err());
    assert_eq!(front.proxy.faults_on(), Vec::<String>::new());
    assert_eq!(front.proxy.catalogue().len(), 12);
    for upstream in
        ["localhost:1", "https://localhost:1/path", "https://localhost/?q", "ftp://localhost", "", "/"]
    {
        let (server_tls, tls) = wire::tls();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let started = Proxy::start(listener, ProxyOptions::new(server_tls, upstream, tls, operations()));
        assert!(matches!(started, Err(StartError::Upstream(text)) if text == upstream), "{upstream}");
    }
}
