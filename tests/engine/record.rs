//! What a run leaves behind.

use std::{fmt, sync::mpsc, thread};

use coalmine::{
    Cause, Cleanup, Context, Failure, Out, RunRecord, Undo, Verdict,
    record::{Exchange, FailureRecord},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::*;

const MARKER: &str = "correct-horse-battery";

#[derive(Serialize, Deserialize)]
struct Leaky;

impl Undo for Leaky {
    const KIND: &'static str = "leaky";

    fn name(&self) -> String {
        format!("with {MARKER}")
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        speak(cx);
        Err(Failure::new(format!("still has {MARKER}")))
    }
}

/// An error with a cause below it.
#[derive(Debug)]
struct Wrapped(fmt::Error, String);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// An exchange with the marker in every place that has text.
fn speak(cx: &Context) {
    let marked = |text: &str| format!("{text} {MARKER}");
    let open = cx.recorder().begin(Exchange {
        method: "POST".into(),
        url: format!("https://shop/?q={MARKER}"),
        request_headers: vec![
            ("x-note".into(), marked("sent")),
            ("authorization".into(), "Basic eDp5".into()),
        ],
        request_body: Some(marked("sent")),
        ..Exchange::default()
    });
    cx.recorder().finish(open, |it| {
        it.status = Some(400);
        it.response_headers = vec![("x-note".into(), marked("got"))];
        it.response_body = Some(marked("got"));
        it.request_id = Some(marked("id"));
        it.error = Some(marked("cut short"));
    });
}

/// A canary in which everything happens that a record can hold.
fn eventful() -> Canary {
    async fn tells_all(cx: Context, cleanup: Cleanup) -> Result<Fact<0>> {
        cleanup.intend(Leaky)?;
        speak(&cx);
        cx.recorder().note(format!("noted {MARKER}"));
        cx.redactor().learn(MARKER);
        let reference = Exchange {
            url: format!("https://shop/{MARKER}"),
            response_body: Some(format!("got {MARKER}")),
            ..Exchange::default()
        }
        .reference(0, cx.redactor());
        let failure: Failure = Wrapped(fmt::Error, format!("refused {MARKER}")).into();
        Err(failure
            .about(format!("signing up with {MARKER}"))
            .remedy(format!("change {MARKER}"))
            .exchange(reference))
    }
    Canary::new("canary")
        .step("tells_all", tells_all)
        .retry(1)
        .covers("sign-up")
        .promise("it says what it knows")
        .runbook("https://wiki/sign-up")
        .severity(coalmine::Severity::Warning)
        .step("panics", |cx: Context| async move {
            cx.redactor().learn(MARKER);
            if true { panic!("with {MARKER}") } else { Ok::<_, Failure>(()) }
        })
        .step("behind", |_: Out<Fact<0>>| pass())
        .step("left_out", pass)
        .ignore("until the fix is out")
        .step("fine", pass)
        .after("behind")
}

#[tokio::test]
async fn a_record_survives_its_json_form() {
    let record = run(eventful()).await;
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(RunRecord::from_json(&json).unwrap(), record);
    let step = record.step("tells_all").unwrap();
    assert_eq!(step.attempts.len(), 2);
    assert_eq!(
        (step.covers.as_slice(), step.promise.as_str()),
        (&["sign-up".to_owned()][..], "it says what it knows")
    );
    assert_eq!(step.runbook.as_deref(), Some("https://wiki/sign-up"));
    assert_eq!(step.severity, coalmine::Severity::Warning);
    assert!(step.place.starts_with("tests/engine/record.rs:"), "{}", step.place);
    assert_eq!(record.step("behind").unwrap().needs, ["tells_all"]);
    assert_eq!(
        (record.suite.as_str(), record.canary.as_str(), record.target.as_str()),
        ("suite", "canary", "memory:")
    );
    // By then the name is known to be secret, and a promise that holds a secret is refused.
    let second = step.attempts[1].failure.as_ref().unwrap();
    assert!(second.message.contains("holds a secret"), "{}", second.message);
    assert_eq!(record.cleanup.len(), 1);
}

#[tokio::test]
async fn no_secret_is_left_anywhere_in_a_record() {
    let record = run(eventful()).await;
    let json = serde_json::to_string_pretty(&record).unwrap();
    assert!(!json.contains("correct") && !json.contains("eDp5"), "{json}");
    // Each of the places was reached, or the search above proves nothing.
    for place in [
        "refused [redacted]",
        "signing up with [redacted]",
        "change [redacted]",
        "noted [redacted]",
        "panicked: with [redacted]",
        "https://shop/?q=[redacted]",
        "https://shop/[redacted]",
        "sent [redacted]",
        "got [redacted]",
        "id [redacted]",
        "cut short [redacted]",
        "with [redacted]",
        "still has [redacted]",
    ] {
        assert!(json.contains(place), "{place} is not in {json}");
    }
}

#[tokio::test]
async fn a_record_taken_in_the_middle_says_how_far_things_are() {
    let begun = Arc::new(Notify::new());
    let signal = Arc::clone(&begun);
    let options = options();
    let cancel = options.cancel.clone();
    let run = new_run(
        canary()
            .step("ended", || async { Ok::<_, Failure>(Fact::<0>) })
            .step("running", move |cx: Context, _: Out<Fact<0>>| {
                let signal = Arc::clone(&signal);
                async move {
                    if cx.attempt() == 1 {
                        return Err(Failure::new("first attempt"));
                    }
                    cx.recorder().note("second attempt");
                    cx.recorder().begin(Exchange { method: "GET".into(), ..Exchange::default() });
                    signal.notify_one();
                    std::future::pending::<Result<Fact<1>>>().await
                }
            })
            .retry(1)
            .step("waiting", |_: Out<Fact<1>>| pass()),
        options,
    );
    let untouched = run.record();
    run.start();
    soon(begun.notified()).await;
    let record = run.record();
    cancel.cancel();
    soon(run.steps_ended()).await;

    let message = |failure: &Option<Box<FailureRecord>>| {
        let failure = failure.as_ref().unwrap();
        (failure.cause, failure.message.clone())
    };
    let not_begun = (Cause::Cancelled, "the run ended before this step began".to_owned());
    assert!(untouched.steps.iter().all(|it| message(&it.failure) == not_begun));
    assert_eq!(untouched.verdict, Verdict::Inconclusive);

    let [ended, running, waiting] = &record.steps[..] else { panic!("three steps") };
    assert_eq!(ended.verdict, Verdict::Passed);
    assert_eq!(
        message(&running.failure),
        (Cause::Cancelled, "the run ended while this step was running".into())
    );
    assert_eq!(running.attempts.len(), 2);
    assert_eq!(message(&running.attempts[0].failure), (Cause::Assertion, "first attempt".into()));
    assert_eq!(running.attempts[1].notes, ["second attempt"]);
    assert_eq!(running.attempts[1].exchanges[0].error.as_deref(), Some("no answer yet when the step ended"));
    assert_eq!(running.started_ms, running.attempts[0].started_ms);
    assert_eq!(message(&waiting.failure), not_begun);
    assert_eq!(record.verdict, Verdict::Inconclusive);
}

/// A runtime with one thread, and a step that blocks it until the test is through.
#[test]
fn a_step_that_blocks_its_thread_is_named_from_outside_the_runtime() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(Some(blocked));
    let options = limits(|it| it.starved = Duration::from_millis(1));
    let run = new_run(
        canary()
            .step("blocks", move |cx: Context| {
                let blocked = blocked.lock().unwrap().take().unwrap();
                cx.recorder().note("before it blocked");
                let _ = blocked.recv();
                pass()
            })
            .timeout(Duration::from_millis(1))
            .step("beside", pass)
            .timeout(Duration::from_millis(1)),
        options,
    );
    assert_eq!(run.starved(), [""; 0]);
    let runtime = thread::spawn({
        let run = Arc::clone(&run);
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run.finish())
        }
    });
    let guard = std::time::Instant::now();
    while run.starved().is_empty() {
        assert!(guard.elapsed() < Duration::from_secs(30), "nobody notices");
        thread::yield_now();
    }
    assert!(run.starved().contains(&"canary::blocks".to_owned()));
    let record = run.record();
    release.send(()).unwrap();
    runtime.join().unwrap();

    let step = record.step("blocks").unwrap();
    let failure = step.failure.as_ref().unwrap();
    assert_eq!((step.verdict, failure.cause), (Verdict::Failed, Cause::Timeout));
    assert_eq!(
        failure.text,
        "blocks its thread: the time limit of 1ms could not be enforced\n  remedy: await instead of blocking; put \
         work that blocks into `tokio::task::spawn_blocking`"
    );
    assert_eq!(step.attempts[0].notes, ["before it blocked"]);
    assert_eq!(record.verdict, Verdict::Failed);
    assert_eq!(run.starved(), [""; 0], "it has ended");
}

#[tokio::test]
async fn the_clock_that_the_run_was_given_dates_the_record() {
    let clock = coalmine::Clock::manual("2026-01-31T12:00:00Z".parse().unwrap());
    let run = new_run(canary().step("step", pass), RunOptions { clock, ..options() });
    assert_eq!(soon(run.finish()).await.started.to_string(), "2026-01-31T12:00:00Z");
}
