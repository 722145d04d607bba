//! Runs that start by themselves.

use std::{sync::Arc, time::Duration};

use coalmine::{
    Clock, Suite, Verdict,
    service::{Ask, Event, Service},
    store::Trigger,
};
use jiff::Timestamp;

use super::{Gate, Rig, let_others_run, memory::Memory, options, soon, start_time};

const MINUTES_5: Duration = Duration::from_secs(300);

fn at(seconds: u64) -> Timestamp {
    start_time() + Duration::from_secs(seconds)
}

#[tokio::test]
async fn runs_follow_the_beat() {
    let mut rig = Rig::new().await;
    let first = rig.service.canary("front").unwrap().schedule.next.unwrap();
    assert!(first >= at(300) && first <= at(301), "{first}");
    for beat in 1..=3 {
        rig.advance(300);
        let run = rig.run_ended().await;
        assert_eq!((run.trigger, rig.gate.runs()), (Trigger::Schedule, 1 + beat));
    }
    let view = rig.service.canary("front").unwrap();
    assert_eq!(view.rhythm.as_deref(), Some("every 5m"));
    assert_eq!((view.totals.passed, view.runs.len(), view.lateness.count()), (4, 4, 4));
    assert!(view.lateness.greatest <= Duration::from_secs(1), "{:?}", view.lateness);
    assert_eq!(view.last_passed(), Some(view.runs[0].started));
    assert_eq!(rig.store.all().len(), 4);
}

#[tokio::test]
async fn an_expression_is_followed_and_every_overrides_it() {
    let cron = |canary: coalmine::Canary| canary.cron("30 6 * * *", "UTC");
    let rig = Rig::with(Gate::open(), cron, |_| ()).await;
    let view = rig.service.canary("front").unwrap();
    assert_eq!(view.rhythm.as_deref(), Some("`30 6 * * *` in UTC"));

    let rig = Rig::with(Gate::open(), cron, |it| it.every = Some(Duration::from_secs(10))).await;
    assert_eq!(rig.service.canary("front").unwrap().rhythm.as_deref(), Some("every 10s"));
}

#[tokio::test]
async fn what_is_due_while_it_runs_is_skipped_and_counted() {
    let mut rig = Rig::with(Gate::shut(), |canary| canary.every(MINUTES_5), |_| ()).await;
    rig.advance(1);
    rig.gate.somebody().await;
    rig.schedule_changed().await;
    for skipped in 1..=3 {
        rig.advance(300);
        assert_eq!(rig.schedule_changed().await.skipped, skipped);
    }
    rig.gate.let_one_through();
    rig.run_ended().await;
    let_others_run().await;
    assert_eq!((rig.gate.runs(), rig.happened()), (1, vec![]), "nothing has piled up");
    rig.advance(300);
    rig.gate.somebody().await;
    assert_eq!(soon(rig.schedule_changed()).await.skipped, 3);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_is_one_missed_run() {
    let mut rig = Rig::new().await;
    rig.advance(7 * 24 * 3600);
    let late =
        rig.event(|it| if let Event::MissedRun { late_ms, .. } = it { Some(*late_ms) } else { None }).await;
    assert!(late > 6.0 * 24.0 * 3.6e6, "{late}");
    rig.run_ended().await;
    let_others_run().await;
    assert_eq!(rig.gate.runs(), 2, "one run makes up for all");
    let schedule = rig.service.canary("front").unwrap().schedule.clone();
    assert_eq!(schedule.missed, 1);
    let ahead = schedule.next.unwrap().duration_since(rig.clock.now());
    assert!(ahead.as_secs() <= 300, "{ahead}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_does_not_stop_the_schedule() {
    let mut rig = Rig::new().await;
    rig.happened();
    rig.advance(-30 * 24 * 3600);
    let next = rig.schedule_changed().await.next.unwrap();
    assert_eq!(next, rig.clock.now() + MINUTES_5);
    rig.advance(300);
    rig.run_ended().await;
}

#[tokio::test]
async fn a_pause_ends_by_itself() {
    let mut rig = Rig::new().await;
    let until = rig.clock.now() + jiff::SignedDuration::from_secs(3600);
    let paused = rig.service.pause("front", "the shop is being painted", Some(until)).await.unwrap();
    assert_eq!(paused.paused.unwrap().until, Some(until));
    rig.happened();
    rig.advance(3599);
    let_others_run().await;
    assert_eq!((rig.gate.runs(), rig.happened()), (1, vec![]));
    rig.advance(1);
    let resumed = rig.schedule_changed().await;
    assert_eq!((resumed.paused, resumed.next), (None, Some(until + MINUTES_5)));
    rig.advance(300);
    assert_eq!(rig.run_ended().await.trigger, Trigger::Schedule);
    assert_eq!(rig.store.entry("front").unwrap().paused, None);
}

#[tokio::test]
async fn a_pause_survives_a_restart() {
    let mut rig = Rig::new().await;
    rig.service.pause("front", "the shop is being painted", None).await.unwrap();
    let kept = rig.store.entry("front").unwrap();
    assert_eq!(kept.paused.as_ref().unwrap().reason, "the shop is being painted");
    rig.happened();
    rig.advance(100_000);
    let_others_run().await;
    assert_eq!((rig.gate.runs(), rig.happened()), (1, vec![]));
    soon(rig.service.shutdown()).await;

    let Rig { store, clock, .. } = rig;
    let mut rig = Rig::on(store, clock, Gate::open(), |it| it.every(MINUTES_5), |_| ()).await;
    assert_eq!(rig.service.canary("front").unwrap().schedule, kept);
    rig.advance(100_000);
    let_others_run().await;
    assert_eq!(rig.gate.runs(), 0);

    // Who asks gets a run all the same.
    rig.service.run("front", Ask::default()).await.unwrap();
    let resumed = rig.service.resume("front").await.unwrap();
    assert_eq!((resumed.paused, resumed.next), (None, Some(rig.clock.now() + MINUTES_5)));
    assert_eq!(rig.store.entry("front").unwrap().paused, None);
    rig.run_ended().await;
    rig.advance(300);
    assert_eq!(rig.run_ended().await.trigger, Trigger::Schedule);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_schedule_was() {
    // Down for less than an interval: the time that passed is missed, and made up for.
    let rig = Rig::new().await;
    soon(rig.service.shutdown()).await;
    let Rig { store, clock, .. } = rig;
    let next = store.entry("front").unwrap().next.unwrap();
    clock.advance(next.duration_since(clock.now()) + jiff::SignedDuration::from_secs(100));
    let mut rig = Rig::on(store, clock, Gate::open(), |it| it.every(MINUTES_5), |_| ()).await;
    assert_eq!(rig.service.canary("front").unwrap().schedule.missed, 1);
    assert_eq!(rig.service.canary("front").unwrap().runs.len(), 1, "the runs of before are known");
    rig.advance(1);
    rig.run_ended().await;
    soon(rig.service.shutdown()).await;

    // For longer: on the next beat.
    let Rig { store, clock, .. } = rig;
    let next = store.entry("front").unwrap().next.unwrap();
    clock.advance(next.duration_since(clock.now()) + jiff::SignedDuration::from_secs(1000));
    let rig = Rig::on(store, clock, Gate::open(), |it| it.every(MINUTES_5), |_| ()).await;
    let schedule = rig.service.canary("front").unwrap().schedule.clone();
    assert_eq!((schedule.missed, schedule.next), (2, Some(next + 4 * MINUTES_5)));
    rig.advance(1);
    let_others_run().await;
    assert_eq!(rig.gate.runs(), 0);
}

#[tokio::test]
async fn a_first_failure_is_looked_at_once_more() {
    let mut rig = Rig::new().await;
    rig.gate.fail(true);
    rig.advance(300);
    let failed = rig.run_ended().await;
    assert_eq!((failed.trigger, failed.verdict), (Trigger::Schedule, Verdict::Failed));
    assert_eq!(rig.service.canary("front").unwrap().recheck, Some(rig.clock.now() + Duration::from_secs(30)));
    rig.advance(29);
    let_others_run().await;
    assert_eq!(rig.gate.runs(), 2);
    rig.advance(1);
    assert_eq!(rig.run_ended().await.trigger, Trigger::Recheck);
    // The schedule goes on as it was, and there is no third look.
    rig.advance(269);
    let_others_run().await;
    assert_eq!(rig.gate.runs(), 3);
    rig.advance(1);
    let run = rig.run_ended().await;
    assert_eq!((run.trigger, rig.gate.runs()), (Trigger::Schedule, 4));
    assert_eq!(rig.service.canary("front").unwrap().recheck, None);
}

#[tokio::test]
async fn how_the_last_run_ended_is_known_after_a_restart() {
    let mut rig = Rig::new().await;
    rig.gate.fail(true);
    rig.service.run("front", Ask::default()).await.unwrap();
    soon(rig.service.shutdown()).await;
    let Rig { store, clock, gate, .. } = rig;
    rig = Rig::on(store, clock, gate, |it| it.every(MINUTES_5), |_| ()).await;
    rig.advance(300);
    let run = rig.run_ended().await;
    assert_eq!((run.trigger, run.verdict), (Trigger::Schedule, Verdict::Failed));
    assert_eq!(rig.service.canary("front").unwrap().recheck, None, "it is no first failure");
}

#[tokio::test]
async fn mistakes_in_schedules_are_found_at_the_start_all_at_once() {
    let gate = Gate::open();
    let plan = Suite::new("shop")
        .canary(gate.canary("front").cron("61 * * * *", "UTC"))
        .canary(gate.canary("back").cron("* * * * *", "Europe/Berln"))
        .plan()
        .unwrap();
    let clock = Clock::manual(start_time());
    let error = Service::start(plan, options(&clock), Arc::new(Memory::default())).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the schedule cannot be followed:\n- `.cron(..)` of the canary `front`: "),
        "{text}"
    );
    assert!(
        text.contains("\n- `.cron(..)` of the canary `back`: there is no time zone `Europe/Berln`"),
        "{text}"
    );
}

/// A thousand canaries, each of one step, every ten seconds. The clock moves in steps that are smaller than their
/// spread, so that they do not all run in one instant.
#[tokio::test]
async fn a_thousand_canaries_keep_their_beat() {
    let gate = Gate::open();
    let ten = Duration::from_secs(10);
    let suite = (0..1000).fold(Suite::new("shop"), |suite, number| {
        suite.canary(gate.canary(&format!("canary-{number}")).every(ten))
    });
    let clock = Clock::manual(start_time());
    let store = Arc::new(Memory::default());
    let service = Service::start(suite.plan().unwrap(), options(&clock), store.clone()).await.unwrap();
    let mut events = service.events();
    let mut ended = 0;
    for step in 1..=40 {
        clock.advance(jiff::SignedDuration::from_millis(500));
        let due = |view: &coalmine::service::CanaryView| {
            view.schedule.next.is_some_and(|next| next <= clock.now()) || view.running.is_some()
        };
        soon(async {
            while service.snapshot().canaries.iter().any(|it| due(it)) {
                let event = tokio::time::timeout(Duration::from_millis(50), events.recv()).await;
                ended += usize::from(matches!(event, Ok(Ok(event)) if matches!(*event, Event::RunEnded(_))));
            }
        })
        .await;
        if step == 20 {
            assert_eq!(gate.runs(), 1000, "each once in ten seconds");
        }
    }
    assert_eq!(gate.runs(), 2000);
    let skipped: u64 = service.snapshot().canaries.iter().map(|it| it.schedule.skipped).sum();
    assert_eq!(skipped, 0);
    soon(service.shutdown()).await;
    assert_eq!(store.all().len(), 2000);
    assert!(ended <= 2000);
}
