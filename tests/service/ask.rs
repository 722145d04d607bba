//! Who asks for a run, and which one they get.

use std::time::Duration;

use coalmine::{
    Verdict,
    service::{Answered, Ask, Event, Refusal},
    store::{Summary, Trigger},
};

use super::{Gate, Rig, let_others_run, soon};

fn fresh() -> Ask {
    Ask { fresh: true, ..Ask::default() }
}

fn at_once(ask: Ask) -> Ask {
    Ask { limit: Duration::ZERO, ..ask }
}

impl Rig {
    /// Asks in a task of its own.
    fn ask(&self, ask: Ask) -> tokio::task::JoinHandle<Result<Answered, Refusal>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.run("front", ask).await })
    }

    /// Asks, and is told the run's id at once.
    async fn id(&self, ask: Ask) -> String {
        match soon(self.service.run("front", at_once(ask))).await.unwrap() {
            Answered::Running { run, .. } => run,
            Answered::Ended { .. } => panic!("it stands at the gate"),
        }
    }
}

async fn ended(asked: tokio::task::JoinHandle<Result<Answered, Refusal>>) -> Summary {
    match soon(asked).await.unwrap().unwrap() {
        Answered::Ended { summary, record } => {
            assert_eq!(record.run, summary.run);
            (*summary).clone()
        }
        Answered::Running { run, .. } => panic!("`{run}` should have ended"),
    }
}

#[tokio::test]
async fn fifty_who_ask_at_once_get_one_run() {
    let rig = Rig::idle(Gate::shut()).await;
    let asked: Vec<_> = (0..50).map(|_| rig.ask(Ask::default())).collect();
    rig.gate.somebody().await;
    let_others_run().await;
    rig.gate.let_one_through();
    let mut runs = Vec::new();
    for asked in asked {
        runs.push(ended(asked).await.run);
    }
    runs.dedup();
    assert_eq!((runs.len(), rig.gate.runs(), rig.store.all().len()), (1, 1, 1));
    assert_eq!(rig.store.all()[0].trigger, Trigger::Request);
}

#[tokio::test]
async fn who_asks_for_a_fresh_run_never_gets_one_that_had_begun() {
    let mut rig = Rig::idle(Gate::shut()).await;
    let old = rig.id(Ask::default()).await;
    rig.gate.somebody().await;
    let asked: Vec<_> = (0..20).map(|_| rig.ask(fresh())).collect();
    let next = rig.id(fresh()).await;
    let joins = rig.ask(Ask::default());
    let_others_run().await;

    rig.gate.let_one_through();
    assert_eq!(ended(joins).await.run, old, "who wants any run gets the one in flight");
    rig.gate.somebody().await;
    rig.gate.let_one_through();
    for asked in asked {
        assert_eq!(ended(asked).await.run, next, "one run for all who waited meanwhile");
    }
    let ids: Vec<_> = [rig.run_ended().await, rig.run_ended().await].map(|it| it.run).into();
    assert_eq!((ids, rig.gate.runs()), (vec![old, next], 2));
}

#[tokio::test]
async fn a_fresh_run_starts_at_once_if_none_is_in_flight() {
    let rig = Rig::idle(Gate::open()).await;
    let first = ended(rig.ask(fresh())).await;
    let second = ended(rig.ask(fresh())).await;
    assert_ne!(first.run, second.run);
}

#[tokio::test]
async fn who_hangs_up_does_not_end_the_run() {
    let mut rig = Rig::idle(Gate::shut()).await;
    let asked = rig.ask(Ask::default());
    rig.gate.somebody().await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    rig.gate.let_one_through();
    let run = rig.run_ended().await;
    assert_eq!((run.verdict, rig.store.all()), (Verdict::Passed, vec![run]));
}

#[tokio::test]
async fn who_does_not_wait_is_told_which_run_it_will_be() {
    let mut rig = Rig::idle(Gate::shut()).await;
    let run = rig.id(Ask::default()).await;
    rig.gate.somebody().await;
    let view = rig.service.canary("front").unwrap();
    let running = view.running.as_ref().unwrap();
    assert_eq!((&running.run, running.trigger, running.steps), (&run, Trigger::Request, 1));
    assert_eq!(running.ended(), 0);
    rig.gate.let_one_through();
    assert_eq!(rig.run_ended().await.run, run);
    assert_eq!(running.ended(), 1, "also for those who look at an old view");
    assert!(rig.service.canary("front").unwrap().running.is_none());
}

#[tokio::test]
async fn a_canary_that_does_not_exist_is_named() {
    let rig = Rig::idle(Gate::open()).await;
    let refusal = rig.service.run("fornt", Ask::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "there is no canary `fornt`; did you mean `front`?");
    let refusal = rig.service.pause("elsewhere", "why not", None).await.unwrap_err();
    assert_eq!(refusal.to_string(), "there is no canary `elsewhere`; the status page lists them");
}

#[tokio::test]
async fn events_come_in_order_and_after_the_run_is_kept() {
    let mut rig = Rig::idle(Gate::open()).await;
    let held = rig.store.hold();
    let asked = rig.ask(Ask::default());
    let step = rig.event(|it| matches!(it, Event::StepEnded { .. }).then(|| it.clone())).await;
    let Event::StepEnded { canary, step, verdict, run } = step else { unreachable!() };
    assert_eq!((canary.as_str(), step.as_str(), verdict), ("front", "look", Verdict::Passed));
    let_others_run().await;
    assert_eq!(rig.happened(), [""; 0], "the run is not in the store yet");
    assert!(!asked.is_finished());
    assert!(rig.service.canary("front").unwrap().running.is_some());

    held.add_permits(1);
    let summary = ended(asked).await;
    assert_eq!((&summary.run, rig.happened()), (&run, vec!["run ended"]));
    assert_eq!(*rig.service.canary("front").unwrap().runs[0], summary);
}
