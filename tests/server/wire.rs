//! What no client of good manners sends.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use reqwest::StatusCode;

use super::{Gate, Rig, expect, send, soon, status};
use crate::service::memory::Memory;

/// Sends bytes, and reads all that comes back until the connection ends.
async fn raw(rig: &Rig, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(rig.server.address()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    // The server may answer and hang up before it has everything.
    let (_, _) =
        soon(async { tokio::join!(writing.write_all(bytes), reading.read_to_end(&mut answer)) }).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// It lives, answers, and runs canaries.
async fn unharmed(rig: &Rig) {
    assert_eq!(status(rig.get("/healthz")).await, 200);
    expect(&send(rig.get("/run/passed")).await, StatusCode::OK, "passed");
}

fn get(rig: &Rig, target: &str, headers: &str) -> Vec<u8> {
    let host = rig.server.address();
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn a_slow_client_is_given_up() {
    let rig = Rig::with(|options| options.limits.head_time = Duration::from_millis(50)).await;
    for begin in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: "] {
        let answer = raw(&rig, begin).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let rig = Rig::with(|options| options.limits.body_time = Duration::from_millis(50)).await;
    let host = rig.server.address();
    let head = format!("POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nabc");
    assert!(raw(&rig, head.as_bytes()).await.starts_with("HTTP/1.1 408"));
    unharmed(&rig).await;
}

#[tokio::test]
async fn large_heads_are_refused() {
    let rig = Rig::new().await;
    for bytes in [20 << 10, 10 << 20] {
        let answer = raw(&rig, &get(&rig, "/", &format!("X-A: {}\r\n", "a".repeat(bytes)))).await;
        // Of ten megabytes, most is never read, and the answer may be lost with the connection.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{bytes}: {answer}");
    }
    let answer = raw(&rig, &get(&rig, "/", &"X-A: a\r\n".repeat(100))).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = raw(&rig, &get(&rig, &format!("/{}", "a".repeat(10 << 10)), "")).await;
    assert!(answer.starts_with("HTTP/1.1 414"), "{answer}");
    unharmed(&rig).await;
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let rig = Rig::new().await;
    let large = "a".repeat((64 << 10) + 1);
    assert_eq!(status(rig.post("/run/front").body(large.clone())).await, 413);
    // Without saying beforehand how long it is.
    let host = rig.server.address();
    let chunked = format!(
        "POST /run/front HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: \
         close\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert!(raw(&rig, chunked.as_bytes()).await.starts_with("HTTP/1.1 413"));
    // Ten megabytes are refused by their announcement; most of them is never read.
    let announced = format!(
        "POST /run/front HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        10 << 20
    );
    let answer = raw(&rig, &[announced.into_bytes(), vec![b'a'; 10 << 20]].concat()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(rig.runs(), 0);
    unharmed(&rig).await;
}

#[tokio::test]
async fn odd_paths_are_refused() {
    let rig = Rig::new().await;
    for path in [
        "/../etc/passwd",
        "/%2e%2e/x",
        "//run",
        "/a//b",
        "/./run",
        "/run/%00",
        "/run/a%2fb",
        "/a%0d%0aX: b",
        "/a\\b",
    ] {
        let answer = raw(&rig, &get(&rig, path, "")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
    for target in ["/\0", "run", "http://evil.example/"] {
        let answer = raw(&rig, &get(&rig, target, "")).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{target:?}: {answer}");
    }
    for host in ["", "Host: a\r\nHost: b\r\n"] {
        let answer = raw(&rig, format!("GET / HTTP/1.1\r\nConnection: close\r\n{host}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    }
    assert_eq!(rig.runs(), 0);
    unharmed(&rig).await;
}

#[tokio::test]
async fn a_handler_that_panics_takes_nobody_along() {
    let folder = tempfile::tempdir().unwrap();
    // This store panics when it is asked for days or records.
    let rig = Rig::on(Arc::new(Memory::default()), folder, Gate::new(), |_| ()).await;
    for path in ["/", "/runs/a", "/"] {
        expect(&send(rig.get(path)).await, StatusCode::INTERNAL_SERVER_ERROR, "none");
    }
    expect(&send(rig.get("/run/passed")).await, StatusCode::OK, "passed");
}

#[tokio::test]
async fn more_questions_than_there_are_places_wait() {
    let rig = Rig::with(|options| options.limits.connections = 1).await;
    let first = tokio::spawn(rig.get("/run/front").send());
    rig.somebody().await;
    let mut waiting = tokio::spawn(rig.get("/healthz").send());
    let refused = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(refused.is_err(), "there is no place for it");
    rig.let_one_through();
    assert_eq!(soon(first).await.unwrap().unwrap().status(), 200);
    assert_eq!(soon(waiting).await.unwrap().unwrap().status(), 200);
}

/// Ten times as many as there are places, each with all the time in the world.
#[tokio::test]
async fn many_slow_clients_lock_nobody_out() {
    let rig = Rig::with(|options| {
        options.limits.connections = 8;
        options.limits.idle = Duration::from_millis(1);
        options.limits.head_time = Duration::from_secs(3600);
    })
    .await;
    let run = tokio::spawn(rig.get("/run/front").send());
    rig.somebody().await;
    let mut slow = Vec::new();
    for number in 0..80 {
        let mut stream = TcpStream::connect(rig.server.address()).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ").await.unwrap();
        }
        slow.push(stream);
        if number % 10 == 0 {
            assert_eq!(status(rig.get("/healthz")).await, 200, "after {number}");
        }
    }
    assert_eq!(status(rig.get("/healthz")).await, 200);
    // The first of them was ended for others, and whoever is being answered was not.
    assert_eq!(soon(slow[1].read(&mut [0])).await.unwrap_or(0), 0);
    rig.let_one_through();
    assert_eq!(soon(run).await.unwrap().unwrap().status(), 200);
}
