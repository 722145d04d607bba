//! Cancelling a run, at every moment of it.

use coalmine::{Cause, Cleanup, Context, Failure, Out, RunRecord, Verdict};
use tokio::sync::Notify;

use super::*;
use crate::engine::cleanup::Thing;

fn cause(record: &RunRecord, step: &str) -> Cause {
    record.step(step).unwrap().failure.as_ref().unwrap().cause
}

#[tokio::test]
async fn before_the_start_nothing_runs() {
    let events = Events::default();
    let begun = events.clone();
    let options = options();
    options.cancel.cancel();
    let canary = canary()
        .step("first", move || {
            begun.add("begun");
            async { Ok::<_, Failure>(Fact::<0>) }
        })
        .retry(3)
        .step("behind", |_: Out<Fact<0>>| pass());
    let record = soon(new_run(canary, options).finish()).await;
    assert_eq!(events.all(), [""; 0]);
    assert_eq!(verdicts(&record), [("first", Verdict::Inconclusive), ("behind", Verdict::Blocked)]);
    assert_eq!(cause(&record, "first"), Cause::Cancelled);
    assert_eq!(record.steps[0].attempts, []);
    assert_eq!(record.verdict, Verdict::Inconclusive);
}

#[tokio::test]
async fn in_the_middle_what_has_ended_stays_and_what_was_created_goes() {
    let (events, begun) = (Events::default(), Arc::new(Notify::new()));
    let (sink, signal) = (events.clone(), Arc::clone(&begun));
    let options = options();
    let cancel = options.cancel.clone();
    let run = new_run(
        canary()
            .step("done", || async { Ok::<_, Failure>(Fact::<0>) })
            .step("running", move |cleanup: Cleanup, _: Out<Fact<0>>| {
                let (sink, signal) = (sink.clone(), Arc::clone(&signal));
                async move {
                    let _stopped = sink.at_drop("stopped");
                    cleanup.intend(Thing::new("a", &sink))?;
                    signal.notify_one();
                    std::future::pending::<Result<Fact<1>>>().await
                }
            })
            .retry(u32::MAX)
            .step("behind", |_: Out<Fact<1>>| pass()),
        options,
    );
    run.start();
    soon(begun.notified()).await;
    cancel.cancel();
    let record = soon(run.finish()).await;
    use Verdict::{Blocked, Inconclusive, Passed};
    assert_eq!(verdicts(&record), [("done", Passed), ("running", Inconclusive), ("behind", Blocked)]);
    assert_eq!(cause(&record, "running"), Cause::Cancelled);
    assert_eq!(cause(&record, "behind"), Cause::Cancelled);
    assert_eq!(record.step("running").unwrap().attempts.len(), 1, "a cancelled step is not tried again");
    assert_eq!(events.all(), ["stopped", "undo a"]);
}

/// A step can only be stopped where it awaits. What it promises until then is undone as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clean_up_does_not_begin_before_the_steps_have_stopped() {
    let events = Events::default();
    let (begun, release) = (Arc::new(Notify::new()), Mutex::new(None));
    let (released, waits) = std::sync::mpsc::channel::<()>();
    *release.lock().unwrap() = Some(waits);
    let (sink, signal) = (events.clone(), Arc::clone(&begun));
    let options = limits(|it| it.stop = Duration::from_secs(30));
    let cancel = options.cancel.clone();
    let run = new_run(
        canary()
            .step("stubborn", move |cleanup: Cleanup| {
                let waits = release.lock().unwrap().take().unwrap();
                let (sink, signal) = (sink.clone(), Arc::clone(&signal));
                async move {
                    signal.notify_one();
                    waits.recv()?;
                    cleanup.intend(Thing::new("late", &sink))?;
                    std::future::pending::<Result<()>>().await
                }
            })
            .step("obedient", std::future::pending::<Result<()>>),
        options,
    );
    let finished = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.finish().await }
    });
    soon(begun.notified()).await;
    cancel.cancel();
    soon(run.end_of(1)).await;
    let_others_run().await;
    released.send(()).unwrap();
    let record = soon(finished).await.unwrap();
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert_eq!(events.all(), ["undo late"]);
    assert_eq!(run.left_over(), []);
}

#[tokio::test]
async fn between_two_attempts_no_further_one_begins() {
    let options = options();
    let cancel = options.cancel.clone();
    let step = move |cx: Context| {
        // Cancelled before the first await: the attempt itself still ends with its own failure.
        cancel.cancel();
        std::future::ready(Err::<(), _>(Failure::new(format!("attempt {}", cx.attempt()))))
    };
    let record = soon(new_run(canary().step("step", step).retry(3), options).finish()).await;
    assert_eq!(record.steps[0].attempts.len(), 1);
    assert_eq!(record.steps[0].attempts[0].failure.as_ref().unwrap().message, "attempt 1");
    assert_eq!(cause(&record, "step"), Cause::Cancelled);
}

/// Ends in the same breath as the cancellation: what is there counts.
#[tokio::test]
async fn a_step_that_has_just_passed_stays_passed() {
    let options = options();
    let cancel = options.cancel.clone();
    let step = move || {
        cancel.cancel();
        pass()
    };
    let record = soon(new_run(canary().step("step", step), options).finish()).await;
    assert_eq!(record.verdict, Verdict::Passed);
}

#[tokio::test]
async fn during_clean_up_it_changes_nothing() {
    let events = Events::default();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (sink, hold) = (events.clone(), (Arc::clone(&begun), Arc::clone(&go_on)));
    let options = options();
    let cancel = options.cancel.clone();
    let run = new_run(
        canary().step("step", move |cleanup: Cleanup| {
            let outcome = cleanup
                .intend(Thing::new("a", &sink))
                .and_then(|()| cleanup.intend(Thing::new("b", &sink).held(&hold.0, &hold.1)));
            std::future::ready(outcome)
        }),
        options,
    );
    let finished = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.finish().await }
    });
    soon(begun.notified()).await;
    cancel.cancel();
    let_others_run().await;
    assert_eq!(events.all(), [""; 0], "`b` is held");
    go_on.notify_one();
    let record = soon(finished).await.unwrap();
    assert_eq!(record.verdict, Verdict::Passed);
    assert_eq!(events.all(), ["undo b", "undo a"]);
}

#[tokio::test]
async fn a_clean_up_that_is_dropped_halfway_loses_nothing() {
    let events = Events::default();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (sink, hold) = (events.clone(), (Arc::clone(&begun), Arc::clone(&go_on)));
    let run = new_run(
        canary().step("step", move |cleanup: Cleanup| {
            let outcome = ["a", "b"]
                .into_iter()
                .try_for_each(|name| cleanup.intend(Thing::new(name, &sink)))
                .and_then(|()| cleanup.intend(Thing::new("c", &sink).held(&hold.0, &hold.1)))
                .and_then(|()| cleanup.intend(Thing::new("d", &sink)));
            std::future::ready(outcome)
        }),
        options(),
    );
    soon(run.steps_ended()).await;
    tokio::select! {
        biased;
        () = run.clean_up() => panic!("`c` is held"),
        () = begun.notified() => (),
    }
    let left: Vec<_> = run.left_over().into_iter().map(|it| it.name).collect();
    assert_eq!(left, ["a", "b", "c"]);
    // One for the first attempt, which goes on by itself, and one for the second.
    go_on.notify_one();
    let_others_run().await;
    go_on.notify_one();
    soon(run.clean_up()).await;
    assert_eq!(events.all(), ["undo d", "undo c", "undo c", "undo b", "undo a"]);
    assert_eq!(run.left_over(), []);
    let cleaned: Vec<_> = run.record().cleanup.into_iter().map(|it| it.name).collect();
    assert_eq!(cleaned, ["d", "c", "b", "a"]);
}
