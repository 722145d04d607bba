//! Runs and the store: what it has before anybody hears of a run, and what happens if it takes nothing.

use std::{sync::atomic::Ordering, time::Duration};

use coalmine::{
    service::{Answered, Ask, BACKLOG, Event},
    store::Trigger,
};

use super::{Gate, Rig, let_others_run, soon};

impl Rig {
    async fn run_now(&self) -> String {
        match soon(self.service.run("front", Ask::default())).await.unwrap() {
            Answered::Ended { summary, .. } => summary.run.clone(),
            Answered::Running { run, .. } => panic!("`{run}` should have ended"),
        }
    }

    async fn store_is_well(&mut self) {
        self.event(|it| matches!(it, Event::StoreWell).then_some(())).await;
    }
}

#[tokio::test]
async fn runs_that_the_store_does_not_take_are_kept_later_and_in_order() {
    let mut rig = Rig::idle(Gate::open()).await;
    rig.store.set_broken(true);
    let mut runs = vec![rig.run_now().await];
    assert_eq!(rig.happened(), ["run started", "step ended", "store trouble", "run ended"]);
    runs.push(rig.run_now().await);
    runs.push(rig.run_now().await);
    let health = rig.service.snapshot().store;
    let (since, error) = health.trouble.unwrap();
    assert_eq!((health.waiting, health.lost, since), (3, 0, rig.clock.now()));
    assert_eq!(error, "cannot write: the disk is full\n  remedy: make room");
    assert_eq!(rig.service.canary("front").unwrap().runs.len(), 3, "pages show them all the same");

    // It is tried again after a while, and not before.
    let_others_run().await;
    assert_eq!(rig.store.tries.load(Ordering::SeqCst), 1);
    rig.advance(1);
    while rig.store.tries.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    rig.store.set_broken(false);
    rig.happened();
    rig.advance(2);
    rig.store_is_well().await;
    assert_eq!(rig.store.all().iter().map(|it| it.run.clone()).collect::<Vec<_>>(), runs);
    let health = rig.service.snapshot().store;
    assert_eq!((health.trouble, health.waiting, health.lost), (None, 0, 0));
}

#[tokio::test]
async fn a_store_that_does_not_answer_holds_nobody_up_for_long() {
    let mut rig = Rig::with(Gate::open(), |canary| canary, |it| it.keep = Duration::from_millis(20)).await;
    let held = rig.store.hold();
    let run = rig.run_now().await;
    assert_eq!(rig.happened(), ["run started", "step ended", "store trouble", "run ended"]);
    let (_, error) = rig.service.snapshot().store.trouble.unwrap();
    assert_eq!(error, "the store has not answered for 20ms");
    held.add_permits(1);
    rig.store_is_well().await;
    assert_eq!(rig.store.all()[0].run, run);
    assert_eq!(rig.store.tries.load(Ordering::SeqCst), 1, "it was not asked twice");
}

#[tokio::test]
async fn when_too_many_wait_the_oldest_are_lost_loudly() {
    let mut rig = Rig::idle(Gate::open()).await;
    rig.store.set_broken(true);
    let first = rig.run_now().await;
    for _ in 0..BACKLOG {
        rig.run_now().await;
        rig.happened();
    }
    // One more than there is room for was the last.
    let health = rig.service.snapshot().store;
    assert_eq!((health.waiting, health.lost), (BACKLOG, 1));
    rig.run_now().await;
    let lost =
        rig.event(|it| if let Event::RunLost { run, .. } = it { Some(run.clone()) } else { None }).await;
    assert_ne!(lost, first, "the oldest but one is the second to go");
    rig.store.set_broken(false);
    rig.advance(1);
    rig.store_is_well().await;
    assert_eq!(rig.store.all().len(), BACKLOG);
}

#[tokio::test]
async fn the_schedule_is_kept_before_its_run_has_ended() {
    let rig = Rig::with(Gate::shut(), |it| it.every(Duration::from_secs(300)), |_| ()).await;
    rig.advance(1);
    rig.gate.somebody().await;
    soon(async {
        // A process that is killed now must not run again at once.
        while rig.store.entry("front").is_none_or(|it| it.next.is_none_or(|next| next <= rig.clock.now())) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(rig.service.canary("front").unwrap().running.as_ref().unwrap().trigger, Trigger::Schedule);
}
