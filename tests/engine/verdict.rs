//! How steps end, and what a run makes of it.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use coalmine::{
    Cause, Context, Failure, FromContext, Out, Verdict, ensure, ensure_eq,
    record::{Exchange, StepKind},
    suite::Run,
};

use super::*;

#[tokio::test]
async fn a_panic_fails_its_step_and_nothing_else() {
    struct Breaks;
    impl FromContext for Breaks {
        fn from_context(_: &Context) -> Self {
            panic!("no client")
        }
    }
    struct Undeclared;
    impl FromContext for Undeclared {
        fn from_context(cx: &Context) -> Self {
            let _ = cx.resource::<u8>();
            Self
        }
    }
    fn at_once() -> std::future::Ready<Result<()>> {
        panic!("before the first await")
    }
    let number = 7;
    let record = run(canary()
        .step("text", || async { if true { panic!("plain") } else { Ok::<_, Failure>(Fact::<0>) } })
        .step("formatted", move || async move {
            if true { panic!("number {number}") } else { Ok::<_, Failure>(()) }
        })
        .step("other_payload", || async {
            if true { std::panic::panic_any(7_u8) } else { Ok::<_, Failure>(()) }
        })
        .step("argument", |_: Breaks| pass())
        .step("undeclared", |_: Undeclared| pass())
        .step("at_once", at_once)
        .step("beside", pass)
        .step("behind", |_: Out<Fact<0>>| pass()))
    .await;
    let message = |step: &str| record.step(step).unwrap().failure.clone().unwrap().message;
    assert_eq!(message("text"), "panicked: plain");
    assert_eq!(message("formatted"), "panicked: number 7");
    assert_eq!(message("other_payload"), "panicked: (no message)");
    assert_eq!(message("argument"), "panicked: no client");
    assert_eq!(
        message("undeclared"),
        "panicked: `u8` was asked for without being declared in `FromContext::needs`"
    );
    assert_eq!(message("at_once"), "panicked: before the first await");
    for step in &record.steps[..6] {
        assert_eq!(step.verdict, Verdict::Failed);
        assert_eq!(step.failure.as_ref().unwrap().cause, Cause::Panic);
        assert_eq!(step.attempts.len(), 1);
    }
    assert_eq!(record.step("beside").unwrap().verdict, Verdict::Passed);
    assert_eq!(record.step("behind").unwrap().root.as_deref(), Some("text"));
}

#[tokio::test]
async fn a_step_that_takes_too_long_times_out_naming_the_open_request() {
    let record = run(canary()
        .step("hangs", |cx: Context| async move {
            let answered = cx.recorder().begin(get("https://shop/fast"));
            cx.recorder().finish(answered, |it| it.status = Some(200));
            cx.recorder().begin(get("https://shop/slow"));
            std::future::pending::<Result<()>>().await
        })
        .timeout(Duration::from_millis(1)))
    .await;
    let [step] = &record.steps[..] else { panic!("one step") };
    let failure = step.failure.as_ref().unwrap();
    assert_eq!((step.verdict, failure.cause), (Verdict::Failed, Cause::Timeout));
    assert_eq!(failure.text, "still running after 1ms\n  exchange 1: GET https://shop/slow -> no answer");
    assert_eq!(failure.exchange, Some(1));
    let exchanges = &step.attempts[0].exchanges;
    assert_eq!(exchanges[0].error, None);
    assert_eq!(exchanges[1].error.as_deref(), Some("no answer yet when the step ended"));
}

#[tokio::test]
async fn a_step_that_was_given_up_has_stopped_before_the_next_begins() {
    let events = Events::default();
    let (first, second) = (events.clone(), events.clone());
    run(canary()
        .step("hangs", move || {
            let stopped = first.at_drop("stopped");
            async move {
                let _stopped = stopped;
                std::future::pending::<Result<()>>().await
            }
        })
        .timeout(Duration::from_millis(1))
        .step("next", move || {
            second.add("next");
            pass()
        })
        .after("hangs"))
    .await;
    assert_eq!(events.all(), ["stopped", "next"]);
}

#[tokio::test]
async fn a_timeout_may_be_as_long_as_one_likes() {
    let record = run(canary().step("patient", pass).timeout(Duration::MAX)).await;
    assert_eq!(record.verdict, Verdict::Passed);
}

#[tokio::test]
async fn the_runs_patience_shortens_every_timeout_and_lengthens_none() {
    let canary = canary()
        .step("long", std::future::pending::<Result<()>>)
        .step("short", std::future::pending::<Result<()>>)
        .timeout(Duration::from_millis(1));
    let patience = Some(Duration::from_millis(2));
    let record = soon(new_run(canary, RunOptions { patience, ..options() }).finish()).await;
    let message = |step: &str| record.step(step).unwrap().failure.clone().unwrap().message;
    assert_eq!(message("long"), "still running after 2ms");
    assert_eq!(message("short"), "still running after 1ms");
}

#[tokio::test]
async fn right_but_over_its_latency_budget_is_a_failure_naming_the_slowest_request() {
    async fn ask(cx: Context) -> Result<Fact<0>> {
        for url in ["https://shop/a", "https://shop/b"] {
            let open = cx.recorder().begin(get(url));
            cx.recorder().finish(open, |it| {
                it.status = Some(200);
                it.duration_ms = if url.ends_with('b') { 1500.0 } else { 1.0 };
            });
        }
        Ok(Fact)
    }
    let record = run(canary()
        .step("slow", ask)
        .within(Duration::ZERO)
        .step("behind", |_: Out<Fact<0>>| pass())
        .step("fast_enough", pass)
        .within(Duration::from_secs(60)))
    .await;
    let slow = record.step("slow").unwrap();
    let failure = slow.failure.as_ref().unwrap();
    assert_eq!((slow.verdict, failure.cause), (Verdict::Failed, Cause::Latency));
    assert!(
        failure.message.starts_with("right, but too slow: expected at most 0ns, took "),
        "{}",
        failure.message
    );
    assert_eq!(failure.causes, ["the slowest request took 1.500 s"]);
    assert_eq!(failure.exchange, Some(1));
    assert_eq!(slow.attempts[0].verdict, Verdict::Failed);
    assert_eq!(record.step("behind").unwrap().verdict, Verdict::Blocked);
    assert_eq!(record.step("fast_enough").unwrap().verdict, Verdict::Passed);
}

#[tokio::test]
async fn the_canarys_budget_is_that_of_its_steps_unless_they_have_their_own() {
    let record = run(canary()
        .step("before", pass)
        .budget(Duration::ZERO)
        .step("under_it", pass)
        .step("with_its_own", pass)
        .within(Duration::from_secs(60)))
    .await;
    use Verdict::{Failed, Passed};
    assert_eq!(verdicts(&record), [("before", Passed), ("under_it", Failed), ("with_its_own", Passed)]);
}

/// Fails until the given attempt.
fn passes_at(attempt: u32) -> impl Fn(Context) -> std::future::Ready<Result<u32>> + Send + Sync {
    move |cx| {
        let number = cx.attempt();
        cx.recorder().begin(get(&format!("https://shop/{number}")));
        cx.recorder().note(format!("note {number}"));
        let outcome =
            if number < attempt { Err(Failure::new(format!("attempt {number}"))) } else { Ok(number) };
        std::future::ready(outcome)
    }
}

#[tokio::test]
async fn every_attempt_is_recorded_and_a_late_pass_is_flaky() {
    let record = run(canary().step("third_time_lucky", passes_at(3)).retry(5).step(
        "behind",
        |number: Out<u32>| async move {
            ensure_eq!(*number, 3);
            Ok::<_, Failure>(())
        },
    ))
    .await;
    assert_eq!(record.verdict, Verdict::Passed, "{record:?}");
    let step = record.step("third_time_lucky").unwrap();
    assert!(step.flaky);
    assert_eq!(step.failure, None);
    let seen: Vec<_> = step.attempts.iter().map(|it| (it.number, it.verdict)).collect();
    assert_eq!(seen, [(1, Verdict::Failed), (2, Verdict::Failed), (3, Verdict::Passed)]);
    for attempt in &step.attempts {
        assert_eq!(attempt.notes, [format!("note {}", attempt.number)]);
        assert_eq!(attempt.exchanges.len(), 1);
        assert_eq!(attempt.exchanges[0].url, format!("https://shop/{}", attempt.number));
    }
    assert_eq!(step.attempts[1].failure.as_ref().unwrap().message, "attempt 2");
    assert!(step.attempts.is_sorted_by(|a, b| a.started_ms + a.duration_ms <= b.started_ms + 0.002));
}

#[tokio::test]
async fn retries_end_with_the_last_failure_or_with_the_first_pass() {
    let record = run(canary()
        .step("never", passes_at(u32::MAX))
        .retry(2)
        .step("at_once", passes_at(1))
        .retry(u32::MAX)
        .step("not_asked_to", passes_at(2)))
    .await;
    let summary: Vec<_> = record.steps.iter().map(|it| (it.verdict, it.flaky, it.attempts.len())).collect();
    assert_eq!(
        summary,
        [(Verdict::Failed, false, 3), (Verdict::Passed, false, 1), (Verdict::Failed, false, 1)]
    );
    assert_eq!(record.step("never").unwrap().failure.as_ref().unwrap().message, "attempt 3");
}

#[tokio::test]
async fn panics_timeouts_latency_and_outside_trouble_are_retried_too() {
    async fn troubled(cx: Context) -> Result<()> {
        match cx.attempt() {
            1 => panic!("one"),
            2 => std::future::pending().await,
            3 => Err(Failure::of(Cause::MailProvider, "three")),
            _ => Ok(()),
        }
    }
    let record = run(canary().step("troubled", troubled).timeout(Duration::from_millis(5)).retry(3)).await;
    let step = &record.steps[0];
    let causes: Vec<_> =
        step.attempts.iter().map(|it| it.failure.as_ref().map(|failure| failure.cause)).collect();
    assert_eq!(causes, [Some(Cause::Panic), Some(Cause::Timeout), Some(Cause::MailProvider), None]);
    assert!(step.flaky);
}

#[tokio::test]
async fn blocked_steps_name_the_first_root_through_all_levels() {
    let plan = plan(
        canary()
            .step("root", || async {
                Err::<Fact<0>, _>(Failure::of(Cause::MailLate, "no mail").remedy("look at the queue"))
            })
            .step("b", |_: Out<Fact<0>>| async { Ok::<_, Failure>(Fact::<1>) })
            .step("c", |_: Out<Fact<1>>| async { Ok::<_, Failure>(Fact::<2>) })
            .step("d", |_: Out<Fact<2>>, _: Out<Fact<3>>| pass())
            .step("fine", || async { Ok::<_, Failure>(Fact::<3>) }),
    );
    let run = Run::new(Arc::clone(&plan), options());
    let record = soon(run.finish()).await;
    for name in ["b", "c", "d"] {
        let step = record.step(name).unwrap();
        assert_eq!((step.verdict, step.root.as_deref()), (Verdict::Blocked, Some("root")));
        let failure = step.failure.as_ref().unwrap();
        assert_eq!((failure.message.as_str(), failure.cause), ("no mail", Cause::MailLate));
        assert_eq!(failure.remedy.as_deref(), Some("look at the queue"));
        assert_eq!(step.attempts, []);
        let end = soon(run.end_of(index(&plan, name))).await;
        assert_eq!(end.root(), Some(index(&plan, "root")));
        assert_eq!(end.failure().unwrap().message, "no mail");
    }
    assert_eq!(record.roots().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["root"]);
}

#[tokio::test]
async fn a_step_with_two_failed_needs_names_the_first_in_its_argument_list() {
    let record = run(canary()
        .step("later", || async { Err::<Fact<1>, _>(Failure::new("later")) })
        .step("earlier", || async {
            let_others_run().await;
            Err::<Fact<0>, _>(Failure::new("earlier"))
        })
        .step("both", |_: Out<Fact<0>>, _: Out<Fact<1>>| pass()))
    .await;
    assert_eq!(record.step("both").unwrap().root.as_deref(), Some("earlier"));
}

#[tokio::test]
async fn a_root_that_could_not_be_told_blocks_too_and_the_run_is_inconclusive() {
    let record = run(canary()
        .step("mail", || async { Err::<Fact<0>, _>(Failure::of(Cause::MailProvider, "quota")) })
        .step("behind", |_: Out<Fact<0>>| pass())
        .step("beside", pass))
    .await;
    use Verdict::{Blocked, Inconclusive, Passed};
    assert_eq!(verdicts(&record), [("mail", Inconclusive), ("behind", Blocked), ("beside", Passed)]);
    assert_eq!(record.step("behind").unwrap().root.as_deref(), Some("mail"));
    assert_eq!(record.verdict, Inconclusive);
}

#[tokio::test]
async fn the_worst_step_decides() {
    use Verdict::{Failed, Inconclusive, Passed, Skipped};
    async fn check(steps: &[Verdict], expected: Verdict) {
        let mut canary = canary();
        for (number, &verdict) in steps.iter().enumerate() {
            canary = canary.step(&format!("step_{number}"), move || async move {
                match verdict {
                    Failed => Err(Failure::new("wrong")),
                    Inconclusive => Err(Failure::of(Cause::Prober, "offline")),
                    Passed | Skipped => Ok(()),
                    Verdict::Blocked => unreachable!("a step is blocked by others only"),
                }
            });
            if verdict == Skipped {
                canary = canary.ignore("not now");
            }
        }
        let record = run(canary).await;
        assert_eq!(record.verdict, expected, "{steps:?}");
        assert_eq!(record.steps.iter().map(|it| it.verdict).collect::<Vec<_>>(), steps);
    }
    check(&[Passed], Passed).await;
    check(&[Passed, Skipped], Passed).await;
    check(&[Skipped, Skipped], Skipped).await;
    check(&[Passed, Inconclusive, Skipped], Inconclusive).await;
    check(&[Inconclusive, Failed, Passed], Failed).await;
    check(&[Failed, Inconclusive], Failed).await;
}

#[tokio::test]
async fn ignored_steps_are_left_out_with_their_reason() {
    let plan = plan(canary().step("now", pass).step("later", pass).ignore("until the fix is out"));
    assert_eq!(plan.ignored(1), Some("until the fix is out"));
    let record = soon(Run::new(Arc::clone(&plan), options()).finish()).await;
    let later = record.step("later").unwrap();
    assert_eq!((later.verdict, later.reason.as_deref()), (Verdict::Skipped, Some("until the fix is out")));
    assert_eq!(later.attempts, []);

    let asked_for = RunOptions { selected: Some(vec![0, 1]), ..options() };
    let record = soon(Run::new(plan, asked_for).finish()).await;
    assert_eq!(verdicts(&record), [("now", Verdict::Passed), ("later", Verdict::Passed)]);
}

#[tokio::test]
async fn an_ignored_step_that_another_one_needs_runs() {
    let record = run(canary()
        .step("make", || async { Ok::<_, Failure>(Fact::<0>) })
        .ignore("says nothing by itself")
        .step("use", |_: Out<Fact<0>>| pass()))
    .await;
    assert_eq!(verdicts(&record), [("make", Verdict::Passed), ("use", Verdict::Passed)]);
}

#[tokio::test]
async fn a_failed_fixture_is_shown_as_a_step_and_blocks_its_users() {
    let record = run(canary()
        .fixture("workspace", || async { Err::<Fact<0>, _>(Failure::new("no workspace")) })
        .step("first", |_: Out<Fact<0>>| pass())
        .step("second", |_: Out<Fact<0>>| pass()))
    .await;
    let fixture = &record.steps[0];
    assert_eq!((fixture.kind, fixture.verdict), (StepKind::Fixture, Verdict::Failed));
    assert_eq!(fixture.title(), "fixture workspace");
    for step in &record.steps[1..] {
        assert_eq!((step.verdict, step.root.as_deref()), (Verdict::Blocked, Some("workspace")));
    }
    assert_eq!(record.verdict, Verdict::Failed);
}

#[tokio::test]
async fn a_fixture_that_passed_has_checked_nothing() {
    let plan =
        plan(canary().fixture("workspace", || async { Ok::<_, Failure>(Fact::<0>) }).step("step", pass));
    let run = Run::new(plan, RunOptions { selected: Some(vec![0]), ..options() });
    let record = soon(run.finish()).await;
    assert_eq!(record.steps[0].verdict, Verdict::Passed);
    assert_eq!(record.verdict, Verdict::Skipped);
}

#[tokio::test]
async fn nothing_selected_is_nothing_checked() {
    let plan = plan(canary().step("step", pass));
    let run = Run::new(plan, RunOptions { selected: Some(Vec::new()), ..options() });
    let record = soon(run.finish()).await;
    assert_eq!((record.verdict, record.steps.len()), (Verdict::Skipped, 0));
}

#[tokio::test]
async fn expectations_and_foreign_errors_become_failures() {
    async fn condition() -> Result<()> {
        let session = String::new();
        ensure!(!session.is_empty(), "confirmed, but got no session");
        Ok(())
    }
    async fn equality() -> Result<()> {
        ensure_eq!(40 + 1, 42, "the answer");
        Ok(())
    }
    async fn foreign() -> Result<u8> {
        Ok("x".parse()?)
    }
    async fn own_error() -> Result<(), std::num::ParseIntError> {
        "y".parse::<u8>().map(drop)
    }
    let record = run(canary()
        .step("condition", condition)
        .step("equality", equality)
        .step("foreign", foreign)
        .step("own_error", own_error))
    .await;
    let texts: Vec<_> = record.steps.iter().map(|it| it.failure.as_ref().unwrap().text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "confirmed, but got no session",
            "the answer: expected 42, got 41",
            "invalid digit found in string",
            "invalid digit found in string",
        ]
    );
    assert!(record.steps.iter().all(|it| it.failure.as_ref().unwrap().cause == Cause::Assertion));
}

#[tokio::test]
async fn a_step_whose_runtime_is_gone_was_cancelled() {
    let elsewhere = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let starts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&starts);
    let run = new_run(
        canary().step("step", move || {
            counted.fetch_add(1, SeqCst);
            pass()
        }),
        options(),
    );
    {
        let _inside = elsewhere.enter();
        run.start();
    }
    tokio::task::spawn_blocking(move || drop(elsewhere)).await.unwrap();
    let end = soon(run.end_of(0)).await;
    assert_eq!(end.failure().unwrap().cause, Cause::Cancelled);
    assert_eq!(starts.load(SeqCst), 0);
}

fn get(url: &str) -> Exchange {
    Exchange { method: "GET".into(), url: url.into(), ..Exchange::default() }
}
