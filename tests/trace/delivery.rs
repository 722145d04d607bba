//! What becomes of traces if the receiver is slow, refuses, or is not there. Runs themselves never notice.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use coalmine::{
    Redactor,
    trace::{QUEUE, TraceCounts, Traces},
};

use super::{
    receiver::{Receiver, Say, settings},
    *,
};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// A record with nothing but its run.
fn record(run: &str) -> Arc<RunRecord> {
    Arc::new(
        serde_json::from_value(serde_json::json!({
            "version": 1, "suite": "shop", "canary": "front", "run": run,
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736", "target": "x", "location": "l",
            "started": "2026-01-01T00:00:00Z", "duration_ms": 1.0, "verdict": "passed", "steps": [],
        }))
        .unwrap(),
    )
}

/// Lines for people.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn traces(&self, settings: &coalmine::config::OtlpSettings, redactor: &Redactor) -> Traces {
        let said = Self::clone(self);
        Traces::start(settings, redactor, move |line| said.0.lock().unwrap().push(line)).unwrap()
    }
}

/// Sends one run; what becomes of it, how often it was posted, and what was said.
async fn check(says: &[Say]) -> (TraceCounts, usize, Vec<String>) {
    let receiver = Receiver::start(says.iter().copied()).await;
    let said = Said::default();
    let traces = said.traces(&receiver.settings(&[]), &Redactor::new());
    traces.send(record("r1"));
    let counts = traces.close(LONG).await;
    (counts, receiver.posts().len(), said.lines())
}

#[tokio::test]
async fn what_may_be_taken_later_is_posted_again() {
    let now = Some("0");
    let says = [429, 502, 503, 504].map(|status| Say::Status(status, now));
    let (counts, posts, said) = check(&says).await;
    assert_eq!((counts, posts), (TraceCounts { exported: 1, lost: 0 }, 5));
    let [first, last] = said.as_slice() else { panic!("{said:?}") };
    assert!(
        first
            .starts_with("traces cannot be exported, and are tried again: the receiver at http://127.0.0.1:")
    );
    assert!(first.ends_with(" answered 429 Too Many Requests go away"), "{first}");
    assert_eq!(last, "traces are being exported again");
}

#[tokio::test]
async fn what_is_refused_is_lost_and_counted() {
    for (say, why) in [
        (Say::Status(400, Some("0")), " answered 400 Bad Request go away"),
        (Say::Status(401, None), " answered 401 Unauthorized go away"),
        (Say::Status(500, Some("0")), " answered 500 Internal Server Error go away"),
        (Say::Status(307, None), " answered 307 Temporary Redirect go away"),
        (Say::Partly(1), " refused 1 spans: too old"),
    ] {
        let (counts, posts, said) = check(&[say]).await;
        assert_eq!((counts, posts), (TraceCounts { exported: 0, lost: 1 }, 1), "{why}");
        let [line] = said.as_slice() else { panic!("{said:?}") };
        assert!(
            line.starts_with("the trace of the run r1 of front is lost: the receiver at http://"),
            "{line}"
        );
        assert!(line.ends_with(why), "{line}");
    }
    // It took everything, and says something about it.
    assert_eq!(check(&[Say::Partly(0)]).await, (TraceCounts { exported: 1, lost: 0 }, 1, Vec::new()));
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_nobody_up() {
    let receiver = Receiver::start([Say::Hang]).await;
    let traces = Said::default().traces(&receiver.settings(&[]), &Redactor::new());
    traces.send(record("r0"));
    receiver.somebody().await;
    let began = Instant::now();
    for number in 1..=QUEUE + 3 {
        traces.send(record(&format!("r{number}")));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(traces.counts(), TraceCounts { exported: 0, lost: 3 }, "those that found no room");
    let began = Instant::now();
    let counts = traces.close(SHORT).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(counts, TraceCounts { exported: 0, lost: 4 + QUEUE as u64 });
    traces.send(record("late"));
    assert_eq!(traces.counts().lost, 5 + QUEUE as u64);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_told_once() {
    let address = {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        taken.local_addr().unwrap()
    };
    let said = Said::default();
    let secret = "s3cret-of-the-path";
    let redactor = Redactor::new();
    redactor.learn(secret);
    let traces = said.traces(&settings(&format!("http://{address}/{secret}"), &[]), &redactor);
    traces.send(record("r1"));
    traces.send(record("r2"));
    let counts = traces.close(Duration::from_millis(500)).await;
    assert_eq!(counts, TraceCounts { exported: 0, lost: 2 });
    let said = said.lines();
    let [line, end] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(end, "the traces of 2 runs are lost: the receiver did not take them in time");
    assert!(
        line.starts_with("traces cannot be exported, and are tried again: error sending request"),
        "{line}"
    );
    assert!(line.contains("onnection refused") && !line.contains(secret), "{line}");
}

#[tokio::test]
async fn a_long_run_is_posted_in_parts() {
    let mut long = RunRecord::clone(&record("r1"));
    let attempts: Vec<_> = (1..=1_500)
        .map(|number| {
            serde_json::json!({"number": number, "started_ms": 0.0, "duration_ms": 1.0, "verdict": "passed"})
        })
        .collect();
    let step = serde_json::json!({"name": "look", "verdict": "passed", "attempts": attempts});
    long.steps.push(serde_json::from_value(step).unwrap());
    let receiver = Receiver::start([]).await;
    let traces = Said::default().traces(&receiver.settings(&[]), &Redactor::new());
    traces.send(Arc::new(long));
    assert_eq!(traces.close(LONG).await, TraceCounts { exported: 1, lost: 0 });
    assert_eq!((receiver.posts().len(), receiver.spans().len()), (2, 1_502));
}
