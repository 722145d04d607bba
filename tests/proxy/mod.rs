//! The proxy that makes faults, between a raw client and a raw product.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod control;
mod faults;
mod wire;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use coalmine::{
    drill::{Proxy, ProxyOptions},
    operations::Operations,
};
use rustls::ClientConfig;
use wire::{Connection, LIMIT, Message, Product, post, reply};

fn operations() -> Operations {
    Operations::new([
        ("create-key", "POST", "/{team}/{ledger}/create-key"),
        ("list-keys", "POST", "/{team}/{ledger}/list-keys"),
        ("sign-up", "POST", "/dashboard/sign-up"),
    ])
}

/// A running proxy, and what its clients trust.
struct Front {
    proxy: Proxy,
    tls: ClientConfig,
}

impl Front {
    fn of(product: &Product) -> Self {
        Self::with(product, |_| {})
    }

    fn with(product: &Product, change: impl FnOnce(&mut ProxyOptions)) -> Self {
        let (server_tls, tls) = wire::tls();
        let mut options = ProxyOptions::new(server_tls, product.base(), product.tls.clone(), operations());
        change(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { proxy: Proxy::start(listener, options).unwrap(), tls }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.proxy.address(), &self.tls)
    }

    fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        self.connect().ask(request)
    }
}

/// Says in its answers what it was asked.
fn echo() -> Product {
    Product::start(|request| {
        let body = String::from_utf8_lossy(&request.body);
        Some(reply(
            "200 OK",
            "Request-Id: 7\r\n",
            &format!("{{\"path\":\"{}\",\"body\":{body}}}", request.start),
        ))
    })
}

/// Answers every request alike.
fn always(answer: Vec<u8>) -> Product {
    Product::start(move |_| Some(answer.clone()))
}

#[test]
fn requests_arrive_as_they_were_sent() {
    let product = always(reply("200 OK", "", "{}"));
    let front = Front::of(&product);
    let mut connection = front.connect();
    for (line, headers, body) in [
        ("GET /", "Host: shop.example:1234\r\n", ""),
        ("GET /a%2fb//c/./..;x=1?q=%20+&q=2&&=", "HOST: x\r\nX-Odd-CASE: v\r\nx-lower: v\r\n", ""),
        (
            "POST /x",
            "Host: x\r\nCookie: a=1\r\nCookie: b=2\r\nAccept-Encoding: gzip\r\nContent-Length: 4\r\n",
            "{\r\n}",
        ),
        (
            "POST /t/l/create-key",
            "Host: x\r\nContent-Type: text/plain\r\nContent-Length: 32\r\nExpect: nothing\r\n",
            "123456789012345678901234567890.0",
        ),
        ("PUT /x", "Host: x\r\nContent-Length: 3\r\nAuthorization: Basic eA==\r\n", "\u{1}é"),
        ("POST /x", "Host: x\r\nContent-Length: 0\r\n", ""),
        ("DELETE /x", "Host: x\r\nUser-Agent: mine/1\r\nX-Empty: \r\nDate: today\r\n", ""),
        ("PROPFIND /x", "Host: x\r\n", ""),
    ] {
        let sent = format!("{line} HTTP/1.1\r\n{headers}\r\n{body}");
        assert_eq!(connection.ask(&sent).status(), 200, "{line}");
        let arrived = product.asked();
        let mut expected: Vec<_> = headers.split_terminator("\r\n").map(str::trim_end).collect();
        expected.sort_by_key(|line| line.split(':').next().unwrap().to_ascii_lowercase());
        let lines: Vec<_> = arrived.header_lines().iter().map(|line| line.trim_end().to_owned()).collect();
        // A line without a value has no space behind its colon, and is not read as a header.
        expected.retain(|line| !line.ends_with(':'));
        assert_eq!((arrived.start.as_str(), arrived.text()), (&*format!("{line} HTTP/1.1"), body));
        assert_eq!(lines, expected, "{line}");
    }
}

#[test]
fn answers_arrive_as_they_were_sent() {
    for (method, line, headers, body) in [
        (
            "POST",
            "200 OK",
            "Content-Type: application/json\r\n",
            r#"{"n":123456789012345678901234567890,"f":1.10}"#,
        ),
        (
            "POST",
            "200 OK",
            "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd-CASE: v\r\nDate: today\r\n",
            "no JSON {",
        ),
        ("POST", "200 Fine By Me", "Content-Encoding: gzip\r\n", "\u{1f}\u{8b}"),
        ("POST", "404 Not Found", "Server: x\r\n", r#"{"error":"no"}"#),
        ("POST", "302 Found", "Location: https://elsewhere.example/\r\n", ""),
        ("POST", "500 Internal Server Error", "Retry-After: 1\r\n", ""),
        ("HEAD", "200 OK", "ETag: \"1\"\r\nContent-Length: 9999\r\n", ""),
        ("HEAD", "404 Not Found", "", ""),
        ("POST", "204 No Content", "X-Id: 1\r\n", ""),
        ("GET", "304 Not Modified", "ETag: \"1\"\r\n", ""),
    ] {
        let framed = !(method == "HEAD" || line.starts_with("204") || line.starts_with("304"));
        let length = if framed { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let product = always(format!("HTTP/1.1 {line}\r\n{headers}{length}\r\n{body}").into_bytes());
        let front = Front::of(&product);
        let mut connection = front.connect();
        // Twice: what is left of the first answer would spoil the second.
        for _ in 0..2 {
            let answer = connection.ask(format!("{method} /t/l/create-key HTTP/1.1\r\nHost: x\r\n\r\n"));
            let mut expected: Vec<_> =
                headers.split_terminator("\r\n").chain(length.split_terminator("\r\n")).collect();
            expected.sort_by_key(|line| line.split(':').next().unwrap().to_ascii_lowercase());
            assert_eq!((answer.start.as_str(), answer.text()), (&*format!("HTTP/1.1 {line}"), body));
            assert_eq!(answer.header_lines(), expected, "{line}");
        }
    }
}

#[test]
fn framing_concerns_one_connection() {
    let product = always(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n\
          2\r\n{\"\r\n4\r\na\":1\r\n1\r\n}\r\n0\r\n\r\n"
            .to_vec(),
    );
    let front = Front::of(&product);
    let answer = front.ask(
        "POST /x HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    assert_eq!(answer.header_lines(), ["content-length: 7"]);
    assert_eq!(answer.text(), r#"{"a":1}"#);
    let arrived = product.asked();
    assert_eq!(arrived.header_lines(), ["content-length: 5", "Host: x"]);
    assert_eq!(arrived.text(), "abcde");
}

#[test]
fn a_client_that_hangs_up_cancels_nothing() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let product = Product::start(move |_| {
        gate.lock().unwrap().recv_timeout(LIMIT).unwrap();
        Some(reply("200 OK", "Request-Id: 7\r\n", "{}"))
    });
    let front = Front::of(&product);
    let fault = "header_missing:sign-up:request-id";
    front.proxy.switch(fault, true).unwrap();
    let mut impatient = front.connect();
    impatient.send(post("/dashboard/sign-up", "{}").as_bytes());
    product.asked();
    impatient.hang_up();
    release.send(()).unwrap();
    // The fault comes to effect once the product has answered.
    let start = Instant::now();
    while front.proxy.effects(fault).unwrap() == 0 {
        assert!(start.elapsed() < LIMIT, "the request was cancelled");
        thread::yield_now();
    }
}

#[test]
fn a_product_that_is_down_is_a_502_that_says_so() {
    let product = echo();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("https://localhost:{}", nobody.port());
    let front = Front::with(&product, |options| options.upstream = base.clone());
    let answer = front.ask(post("/t/l/create-key?secret=1", "{}"));
    assert_eq!((answer.status(), answer.header("content-type")), (502, Some("application/json")));
    assert!(answer.text().contains("onnection refused"), "{}", answer.text());
    assert!(answer.text().ends_with(&format!("for POST {base}/t/l/create-key\"}}")), "{}", answer.text());
}

#[test]
fn a_product_that_is_not_trusted_is_a_502_that_says_so() {
    let product = echo();
    let front = Front::with(&product, |options| options.upstream_tls = wire::tls().1);
    let answer = front.ask(post("/x", "{}"));
    assert_eq!(answer.status(), 502);
    assert!(answer.text().contains("invalid peer certificate"), "{}", answer.text());
}

#[test]
fn a_product_that_hangs_or_breaks_off_is_a_502_that_says_so() {
    let (_open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let product = Product::start(move |request| match request.start.split(' ').nth(1) {
        Some("/hang") => {
            let _ = gate.lock().unwrap().recv_timeout(LIMIT);
            None
        }
        Some("/half") => {
            Some(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{".to_vec())
        }
        Some("/noise") => Some(b"what?\r\n\r\n".to_vec()),
        _ => None,
    });
    let front = Front::with(&product, |options| options.upstream_timeout = Duration::from_millis(300));
    for (path, expected) in [
        ("/half", "the answer's body broke off"),
        ("/gone", "closed"),
        ("/noise", "invalid HTTP"),
        ("/hang", "no answer within 300ms"),
    ] {
        let answer = front.ask(post(path, "{}"));
        assert_eq!(answer.status(), 502, "{path}");
        assert!(answer.text().contains(expected), "{path}: {}", answer.text());
    }
}

#[test]
fn bodies_have_a_limit() {
    let product = Product::start(|request| Some(reply("200 OK", "", &"x".repeat(request.body.len() + 1))));
    let front = Front::with(&product, |options| options.body_limit = 1_000_000);
    let mut connection = front.connect();
    assert_eq!(connection.ask(post("/x", &"x".repeat(999_999))).body.len(), 1_000_000);
    let answer = connection.ask(post("/x", &"x".repeat(1_000_000)));
    assert_eq!(answer.status(), 502);
    assert!(answer.text().contains("the answer's body is longer than 1000000 bytes"), "{}", answer.text());
    assert_eq!(product.asked().body.len() + product.asked().body.len(), 1_999_999);
    let answer = connection.ask(post("/x", &"x".repeat(1_000_001)));
    assert_eq!(answer.status(), 502);
    assert!(answer.text().contains("the request's body is longer than 1000000 bytes"), "{}", answer.text());
    assert_eq!(connection.ask(post("/x", "1")).text(), "xx");
    assert_eq!(product.asked().text(), "1");
}

#[test]
fn connections_to_the_product_are_kept() {
    let product = echo();
    let front = Front::of(&product);
    for _ in 0..10 {
        let mut connection = front.connect();
        for _ in 0..5 {
            assert_eq!(connection.ask(post("/x", "1")).status(), 200);
        }
    }
    assert!(product.connections() <= 3, "{}", product.connections());
    assert_eq!(product.asked_count(), 50);
}

#[test]
fn a_product_may_close_connections() {
    let product = always(reply("200 OK", "Connection: close\r\n", "{}"));
    let front = Front::of(&product);
    let mut connection = front.connect();
    for _ in 0..5 {
        let answer = connection.ask(post("/x", "1"));
        assert_eq!((answer.status(), answer.header("connection")), (200, None));
    }
    assert_eq!(product.connections(), 5);
}

#[test]
fn fifty_at_once_get_their_own_answers() {
    let product = echo();
    let front = Front::of(&product);
    thread::scope(|scope| {
        for number in 0..50 {
            let front = &front;
            scope.spawn(move || {
                let body = format!("{{\"number\":{number}}}");
                let answer = front.ask(post("/t/l/create-key", &body));
                assert!(answer.text().ends_with(&format!("\"body\":{body}}}")), "{}", answer.text());
            });
        }
    });
    assert_eq!(product.asked_count(), 50);
}

#[test]
fn noise_harms_nobody_else() {
    let product = echo();
    let front = Front::of(&product);
    let mut plain = TcpStream::connect(front.proxy.address()).unwrap();
    plain.set_read_timeout(Some(LIMIT)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let _ = plain.read_to_end(&mut Vec::new());
    let _silent = TcpStream::connect(front.proxy.address()).unwrap();
    assert_eq!(front.ask("what?\r\n\r\n").status(), 400);
    assert_eq!(front.ask("CONNECT shop.example:443 HTTP/1.1\r\nHost: x\r\n\r\n").status(), 502);
    assert_eq!(front.ask(post("/x", "1")).status(), 200);
}

/// The clients of these tests block; here they block a runtime.
#[tokio::test]
async fn a_blocked_runtime_does_not_block_it_and_dropping_it_there_stops_it() {
    let product = echo();
    let front = Front::of(&product);
    let mut connection = front.connect();
    assert_eq!(connection.ask(post("/x", "1")).status(), 200);
    let address = front.proxy.address();
    drop(front);
    assert!(TcpStream::connect(address).is_err());
    connection.hang_up();
}
