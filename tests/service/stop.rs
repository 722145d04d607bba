//! How a service stops.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use coalmine::{
    Canary, Cleanup, Clock, Context, Result, Undo, Verdict,
    service::{Ask, Refusal, Stopped},
    verdict::Cause,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{Gate, Rig, let_others_run, memory::Memory, options, soon, start, start_time};

#[tokio::test]
async fn runs_in_flight_may_end() {
    let rig = Rig::with(Gate::shut(), |it| it.every(Duration::from_secs(300)), |_| ()).await;
    rig.advance(1);
    rig.gate.somebody().await;
    let service = rig.service.clone();
    let stopped = tokio::spawn(async move { service.shutdown().await });
    while !rig.service.snapshot().closing {
        tokio::task::yield_now().await;
    }
    rig.advance(10_000);
    let_others_run().await;
    assert!(!stopped.is_finished());
    assert_eq!(rig.service.run("front", Ask::default()).await.unwrap_err(), Refusal::Stopping);

    rig.gate.let_one_through();
    let stopped = soon(stopped).await.unwrap();
    let runs = rig.store.all();
    assert_eq!(runs.len(), 1, "nothing has started meanwhile");
    assert_eq!(stopped, Stopped { ended: vec![runs[0].run.clone()], ..Stopped::default() });
    assert_eq!(runs[0].verdict, Verdict::Passed);
}

#[tokio::test]
async fn who_waits_for_a_run_that_will_not_start_is_refused() {
    let rig = Rig::idle(Gate::shut()).await;
    let ask = |fresh| {
        let service = rig.service.clone();
        tokio::spawn(async move { service.run("front", Ask { fresh, ..Ask::default() }).await })
    };
    let joins = ask(false);
    rig.gate.somebody().await;
    let waits = ask(true);
    let_others_run().await;
    let service = rig.service.clone();
    let stopped = tokio::spawn(async move { service.shutdown().await });
    assert_eq!(soon(waits).await.unwrap().unwrap_err(), Refusal::Stopping);
    rig.gate.let_one_through();
    assert!(soon(joins).await.unwrap().is_ok(), "the run in flight is answered");
    soon(stopped).await.unwrap();
    assert_eq!(rig.gate.runs(), 1);
}

#[derive(Serialize, Deserialize)]
struct Remove;

/// What was removed, in the tests of this process: an undo action is data, and can hold no channel.
#[derive(Clone, Default)]
struct Removed(Arc<Mutex<usize>>);

impl Undo for Remove {
    const KIND: &'static str = "thing";

    fn name(&self) -> String {
        "the thing".to_owned()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        *cx.resource::<Removed>().0.lock().unwrap() += 1;
        Ok(())
    }
}

#[tokio::test]
async fn runs_that_do_not_end_are_cancelled_cleaned_up_and_kept() {
    let (store, clock) = (Arc::new(Memory::default()), Clock::manual(start_time()));
    let entered = Arc::new(Semaphore::new(0));
    let inside = Arc::clone(&entered);
    let canary = Canary::new("front").step("hang", move |cleanup: Cleanup| {
        let inside = Arc::clone(&inside);
        async move {
            cleanup.intend(Remove)?;
            inside.add_permits(1);
            std::future::pending::<Result<()>>().await
        }
    });
    let removed = Removed::default();
    let mut options = options(&clock);
    options.resources = options.resources.with(removed.clone());
    options.patience = Duration::ZERO;
    let service = start(canary, options, &store).await;
    let asked = {
        let service = service.clone();
        tokio::spawn(async move { service.run("front", Ask::default()).await })
    };
    soon(entered.acquire()).await.unwrap().forget();
    let stopped = soon(service.shutdown()).await;

    let run = store.all().pop().expect("it is kept");
    assert_eq!(stopped, Stopped { cancelled: vec![run.run.clone()], ..Stopped::default() });
    assert_eq!((run.verdict, run.cause), (Verdict::Inconclusive, Some(Cause::Cancelled)));
    assert_eq!(*removed.0.lock().unwrap(), 1, "clean-up was done");
    assert!(soon(asked).await.unwrap().is_ok(), "who waited is told");
}

#[tokio::test]
async fn what_the_store_does_not_take_is_counted() {
    let rig = Rig::with(Gate::open(), |it| it, |it| it.end = Duration::from_millis(300)).await;
    rig.store.set_broken(true);
    rig.service.run("front", Ask::default()).await.unwrap();
    assert_eq!(soon(rig.service.shutdown()).await, Stopped { not_kept: 1, ..Stopped::default() });

    // The back-off is not waited for.
    let rig = Rig::idle(Gate::open()).await;
    rig.store.set_broken(true);
    rig.service.run("front", Ask::default()).await.unwrap();
    rig.store.set_broken(false);
    assert_eq!(soon(rig.service.shutdown()).await, Stopped::default());
    assert_eq!(rig.store.all().len(), 1);
}

#[tokio::test]
async fn a_canary_past_its_deadline_fails() {
    let mut rig = Rig::with(Gate::shut(), |it| it.deadline(Duration::from_millis(10)), |_| ()).await;
    rig.service.run("front", Ask::default()).await.unwrap();
    let run = rig.run_ended().await;
    // The product is too slow: that is no reason to say that nobody can tell.
    assert_eq!((run.verdict, run.cause), (Verdict::Failed, Some(Cause::Timeout)));
    assert_eq!(run.message.as_deref(), Some("the run was to end within 10ms, and did not"));
}
