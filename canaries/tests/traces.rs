//! Where the program sends traces, and that nothing depends on it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    process::{Process, until},
    program::{PATIENCE, Suite, command},
};

/// Answers every post with one status. Who wants to know what the spans say asks the library's own tests.
struct Receiver {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&posts);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = read(&mut stream);
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                // Kept first, so that who was answered finds it.
                kept.lock().unwrap().push(request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, posts }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn posts(&self) -> Vec<String> {
        self.posts.lock().unwrap().clone()
    }
}

/// Head and body of a request. What is no text in it does not matter here.
fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 * 1024];
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length: ").nth(1).and_then(|it| it.lines().next()).unwrap_or("0");
            let start = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
            if bytes.len() - start >= length.parse::<usize>().unwrap() {
                return String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

const SECRET: &str = "t0ken-of-the-receiver";

fn suite(receiver: &str) -> Suite {
    Suite::new()
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", receiver)
        .set("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization=Bearer%20{SECRET}"))
        .set("OTEL_SERVICE_NAME", "our-canaries")
        .arguments(&["create_key"])
}

#[test]
fn a_run_ends_with_its_trace() {
    let receiver = Receiver::start(200);
    let suite = suite(&receiver.url());
    let ended = suite.run();
    ended.expect_code(0);
    let posts = receiver.posts();
    let [post] = posts.as_slice() else { panic!("{} posts{}", posts.len(), ended.said()) };
    assert!(post.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{post}");
    assert!(post.contains(&format!("authorization: Bearer {SECRET}\r\n")), "{post}");
    for text in ["our-canaries", "RUN api", "create_key attempt 1", "POST create-key"] {
        assert!(post.contains(text), "no `{text}`");
    }
    let says = format!("\ntraces go to {}\n", receiver.url());
    assert!(ended.err.starts_with("watching ") && ended.err.contains(&says), "{}", ended.said());
    assert!(!ended.said().contains(SECRET) && !suite.report("record.json").contains(SECRET));
}

#[test]
fn a_receiver_that_refuses_changes_nothing_but_a_line() {
    let receiver = Receiver::start(401);
    let ended = suite(&receiver.url()).run();
    ended.expect_code(0);
    assert_eq!(receiver.posts().len(), 1, "it is of no use to ask again");
    let warnings: Vec<_> = ended.err.lines().filter(|it| it.starts_with("warning: ")).collect();
    let [warning] = warnings.as_slice() else { panic!("{}", ended.said()) };
    assert!(warning.starts_with("warning: the trace of the run "), "{warning}");
    assert!(
        warning.contains(" is lost: the receiver at http://127.0.0.1:") && warning.contains(" 401"),
        "{warning}"
    );
    assert!(!ended.said().contains(SECRET));
}

#[test]
fn what_cannot_be_spoken_is_refused_before_anything_runs() {
    let suite = suite("http://127.0.0.1:4317").set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let ended = suite.run();
    ended.expect_code(64);
    let says = "- OTEL_EXPORTER_OTLP_PROTOCOL: expected `http/protobuf`, found `grpc`\n  remedy: set ";
    assert!(ended.err.contains(says), "{}", ended.said());
}

#[test]
fn the_service_sends_the_trace_of_every_run() {
    let receiver = Receiver::start(200);
    let suite = suite(&receiver.url());
    let mut serve = command(&suite.variables, suite.folder());
    let mut process = Process::start(serve.args(["serve", "--listen", "127.0.0.1:0"]));
    for canary in ["RUN api", "RUN onboarding"] {
        until(PATIENCE, canary, || {
            assert!(!process.has_ended(), "it has ended{}", process.said());
            receiver.posts().iter().any(|it| it.contains(canary)).then_some(())
        });
    }
    process.signal("TERM");
    let ended = process.wait(PATIENCE);
    ended.expect_code(0);
    assert!(
        ended.err.contains("\ntraces go to http://") && !ended.err.contains("warning"),
        "{}",
        ended.said()
    );
}
