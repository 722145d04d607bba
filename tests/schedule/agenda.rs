//! What a canary is to do next, without a clock and without runs.

use std::time::Duration;

use coalmine::{
    Verdict,
    schedule::{Agenda, Due, Look, Missed, Rhythm, Timetable},
    store::{Pause, Schedule, Trigger},
};
use jiff::Timestamp;

use super::time;

const MINUTE: Duration = Duration::from_secs(60);
const START: &str = "2026-01-01T00:00:00Z";

fn at(seconds: i64) -> Timestamp {
    time(START) + Duration::from_secs(seconds.unsigned_abs())
}

fn every(interval: Duration) -> Option<Timetable> {
    Some(Timetable::new(Rhythm::Every(interval), "front", Duration::ZERO))
}

fn kept(next: Option<Timestamp>) -> Schedule {
    Schedule { canary: "front".into(), next, paused: None, skipped: 3, missed: 5 }
}

fn restored(schedule: Schedule, now: Timestamp) -> (Agenda, Option<Missed>) {
    Agenda::restore("front", every(5 * MINUTE), MINUTE / 2, Some(schedule), now, Duration::ZERO)
}

/// A canary that runs every five minutes, now for the first time.
fn fresh() -> Agenda {
    let (mut agenda, _) =
        Agenda::restore("front", every(5 * MINUTE), MINUTE / 2, None, at(0), Duration::ZERO);
    assert_eq!(agenda.look(at(0), false).start, due(at(0), Trigger::Schedule));
    agenda
}

fn due(planned: Timestamp, trigger: Trigger) -> Option<Due> {
    Some(Due { planned, trigger })
}

#[test]
fn a_canary_that_has_never_run_runs_soon_and_then_on_its_beat() {
    let spread = Duration::from_secs(2);
    let (mut agenda, missed) = Agenda::restore("front", every(5 * MINUTE), MINUTE, None, at(0), spread);
    assert_eq!((agenda.wake(), missed), (Some(at(2)), None));
    assert_eq!(agenda.look(at(1), false), Look::default());
    assert_eq!(agenda.look(at(3), false).start, due(at(2), Trigger::Schedule));
    assert_eq!(agenda.look(at(3), true), Look::default(), "it is said once");
    assert_eq!(agenda.wake(), Some(at(302)), "late by a second, the beat stays");
}

#[test]
fn a_time_that_passed_while_nobody_looked_is_missed_once() {
    // Younger than an interval: made up for at once.
    let (mut agenda, missed) = restored(kept(Some(at(0))), at(200));
    assert_eq!(missed, Some(Missed { planned: at(0), late: Duration::from_secs(200) }));
    assert_eq!(agenda.look(at(200), false).start, due(at(200), Trigger::Schedule));
    assert_eq!(agenda.entry().missed, 6);

    // Older: the next one, on the old beat.
    let (mut agenda, missed) = restored(kept(Some(at(0))), at(1000));
    assert!(missed.is_some());
    assert_eq!(agenda.look(at(1000), false), Look::default());
    assert_eq!((agenda.wake(), agenda.entry().missed), (Some(at(1200)), 6));

    // Not passed yet.
    let (agenda, missed) = restored(kept(Some(at(100))), at(50));
    assert_eq!((agenda.wake(), missed, agenda.entry().missed), (Some(at(100)), None, 5));
}

#[test]
fn a_rhythm_that_has_become_faster_counts_at_once() {
    let (agenda, missed) = restored(kept(Some(at(86_400))), at(0));
    assert_eq!((agenda.wake(), missed), (Some(at(300)), None));
}

#[test]
fn what_is_due_while_it_runs_is_skipped_and_counted() {
    let mut agenda = fresh();
    let look = agenda.look(at(300), true);
    assert_eq!((look.start, look.missed, look.changed), (None, None, true));
    assert_eq!(agenda.look(at(301), false), Look::default(), "it does not pile up");
    assert_eq!((agenda.wake(), agenda.entry().skipped), (Some(at(600)), 1));
}

#[test]
fn what_starts_far_too_late_is_missed_and_runs() {
    // Two intervals are ten minutes.
    for (now, missed) in [(900, false), (901, true), (5000, true)] {
        let mut agenda = fresh();
        let look = agenda.look(at(now), false);
        assert_eq!(look.start, due(at(300), Trigger::Schedule), "after {now} s");
        assert_eq!(look.missed.is_some(), missed, "after {now} s");
        assert_eq!(agenda.entry().missed, u64::from(missed));
    }
    // Of short intervals, two are no reason yet.
    for (now, missed) in [(61, false), (62, true)] {
        let (mut agenda, _) =
            Agenda::restore("front", every(Duration::from_secs(1)), MINUTE, None, at(0), Duration::ZERO);
        agenda.look(at(0), false);
        assert_eq!(agenda.look(at(now), false).missed.is_some(), missed, "after {now} s");
    }
}

#[test]
fn after_the_clock_has_gone_back_nobody_waits_for_the_old_time() {
    let mut agenda = fresh();
    let earlier = at(0) - Duration::from_secs(86_400);
    let look = agenda.look(earlier, false);
    assert_eq!((look.start, look.changed), (None, true));
    assert_eq!(agenda.wake(), Some(earlier + 5 * MINUTE));
}

#[test]
fn a_pause_survives_and_misses_nothing() {
    let mut agenda = fresh();
    agenda.pause(at(10), "maintenance", None);
    assert_eq!(agenda.look(at(10_000), false), Look::default());
    assert_eq!(agenda.wake(), None);
    let entry = agenda.entry();
    assert_eq!(entry.paused, Some(Pause { since: at(10), reason: "maintenance".into(), until: None }));

    let (mut agenda, missed) = restored(entry, at(20_000));
    assert_eq!((agenda.wake(), missed), (None, None));
    assert!(agenda.resume(at(20_000)));
    assert_eq!((agenda.wake(), agenda.entry().missed), (Some(at(20_300)), 0));
    assert!(!agenda.resume(at(20_001)), "it was not paused");
    assert_eq!(agenda.wake(), Some(at(20_300)));
}

#[test]
fn a_pause_ends_by_itself() {
    let mut agenda = fresh();
    agenda.pause(at(10), "maintenance", Some(at(1000)));
    assert_eq!(agenda.look(at(999), false), Look::default());
    assert_eq!(agenda.wake(), Some(at(1000)));
    let entry = agenda.entry();

    let look = agenda.look(at(1000), false);
    assert_eq!((look.start, look.missed, look.changed), (None, None, true));
    assert_eq!((agenda.entry().paused, agenda.wake()), (None, Some(at(1300))));
    assert!(!agenda.look(at(1001), false).changed, "once");

    let (agenda, missed) = restored(entry.clone(), at(999));
    assert_eq!((agenda.wake(), missed), (Some(at(1000)), None));
    let (agenda, missed) = restored(entry, at(2000));
    assert_eq!((agenda.entry().paused, missed), (None, None), "it has ended while nobody was there");
    assert!(agenda.wake().is_some());
}

#[test]
fn a_first_failure_is_looked_at_once_more() {
    use Verdict::{Failed, Inconclusive, Passed, Skipped};
    for (trigger, verdict, before, rechecks) in [
        (Trigger::Schedule, Failed, Some(Passed), true),
        (Trigger::Schedule, Failed, Some(Inconclusive), true),
        (Trigger::Schedule, Failed, Some(Skipped), true),
        (Trigger::Schedule, Failed, None, true),
        (Trigger::Schedule, Failed, Some(Failed), false),
        (Trigger::Schedule, Inconclusive, Some(Passed), false),
        (Trigger::Schedule, Passed, Some(Failed), false),
        (Trigger::Recheck, Failed, Some(Passed), false),
        (Trigger::Request, Failed, Some(Passed), false),
    ] {
        let mut agenda = fresh();
        agenda.ended(at(10), trigger, verdict, before);
        assert_eq!(agenda.recheck().is_some(), rechecks, "{trigger:?} {verdict} after {before:?}");
    }

    let mut agenda = fresh();
    agenda.ended(at(10), Trigger::Schedule, Failed, Some(Passed));
    assert_eq!(agenda.wake(), Some(at(40)));
    assert_eq!(agenda.look(at(39), false), Look::default());
    assert_eq!(agenda.look(at(40), false).start, due(at(40), Trigger::Recheck));
    assert_eq!(agenda.wake(), Some(at(300)), "the schedule goes on as it was");
}

#[test]
fn no_second_look_where_the_schedule_is_quicker_or_a_run_goes_on() {
    let mut agenda = fresh();
    agenda.ended(at(280), Trigger::Schedule, Verdict::Failed, Some(Verdict::Passed));
    assert_eq!(agenda.wake(), Some(at(300)), "the next run comes sooner");

    let mut agenda = fresh();
    agenda.ended(at(10), Trigger::Schedule, Verdict::Failed, Some(Verdict::Passed));
    assert_eq!(agenda.look(at(40), true).start, None, "the run that goes on says as much");
    assert_eq!(agenda.entry().skipped, 0);
    assert_eq!(agenda.look(at(41), false), Look::default());

    let mut agenda = fresh();
    agenda.ended(at(10), Trigger::Schedule, Verdict::Failed, Some(Verdict::Passed));
    agenda.pause(at(20), "seen", None);
    agenda.resume(at(30));
    assert_eq!(agenda.recheck(), None);
}

#[test]
fn without_a_rhythm_there_is_nothing_to_do() {
    let (mut agenda, missed) =
        Agenda::restore("front", None, MINUTE, Some(kept(Some(at(0)))), at(100), Duration::ZERO);
    assert_eq!((agenda.wake(), missed), (None, None));
    assert_eq!(agenda.look(at(100), false), Look::default());
    agenda.ended(at(100), Trigger::Request, Verdict::Failed, None);
    agenda.pause(at(100), "no reason", None);
    agenda.resume(at(101));
    assert_eq!(agenda.wake(), None);
}
