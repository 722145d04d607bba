//! When canaries run: tables of times, and what is said of mistakes.

mod agenda;
mod zones;

use std::time::Duration;

use coalmine::{
    Canary, Result, Suite,
    schedule::{Rhythm, Timetable, jitter},
};
use jiff::Timestamp;

async fn pass() -> Result<()> {
    Ok(())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn mistakes_in_an_expression_or_a_zone_are_named_with_their_remedy() {
    let fields = "write minute, hour, day of month, month and day of week, such as `*/5 * * * *`; seconds may stand \
                  before them";
    for (expression, zone, found, remedy) in [
        ("", "UTC", "`` is no cron expression: CronPattern cannot be an empty string", fields),
        ("* * *", "UTC", "`* * *` is no cron expression", fields),
        ("0 0 1 1 * 2026 *", "UTC", "is no cron expression", fields),
        ("61 * * * *", "UTC", "`61 * * * *` is no cron expression", fields),
        ("every day", "UTC", "`every day` is no cron expression", fields),
        ("*/0 * * * *", "UTC", "`*/0 * * * *` is no cron expression", fields),
        ("0 0 30 2 *", "UTC", "`0 0 30 2 *` never comes", "name a day that exists"),
        ("* * * * *", "", "there is no time zone ``", "name it as the IANA database does"),
        (
            "* * * * *",
            "Europe/Berlln",
            "there is no time zone `Europe/Berlln`",
            "did you mean `Europe/Berlin`? ",
        ),
        ("* * * * *", "+01:00", "there is no time zone `+01:00`", "name it as the IANA database does"),
    ] {
        let plan =
            Suite::new("shop").canary(Canary::new("front").cron(expression, zone).step("look", pass)).plan();
        let error = Rhythm::of(&plan.unwrap().canaries[0]).expect_err(expression).to_string();
        assert!(error.starts_with("`.cron(..)` of the canary `front`: "), "{error}");
        assert!(error.contains(found), "expected `{found}`, found {error}");
        assert!(error.contains(&format!("\n  remedy: {remedy}")), "expected `{remedy}`, found {error}");
    }
}

#[test]
fn what_cannot_be_a_rhythm_is_refused_by_the_plan() {
    let problems = |canary: Canary| {
        let plan = Suite::new("shop").canary(canary.step("look", pass)).plan();
        plan.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        problems(Canary::new("front").every(Duration::ZERO)),
        "the suite has a problem:\n- the canary `front` is to run every 0 s; give `.every(..)` the time from one run \
         to the next"
    );
    assert_eq!(
        problems(Canary::new("front").every(Duration::from_secs(1)).cron("* * * * *", "UTC")),
        "the suite has a problem:\n- the canary `front` has both `.every(..)` and `.cron(..)`; remove one"
    );
}

#[test]
fn a_canary_without_a_rhythm_runs_only_when_asked() {
    let plan = Suite::new("shop").canary(Canary::new("front").step("look", pass)).plan().unwrap();
    assert!(Rhythm::of(&plan.canaries[0]).unwrap().is_none());
}

#[test]
fn a_rhythm_reads_as_it_was_written() {
    assert_eq!(Rhythm::Every(Duration::from_secs(300)).to_string(), "every 5m");
    assert_eq!(
        Rhythm::cron("*/5 * * * *", "Asia/Kolkata").unwrap().to_string(),
        "`*/5 * * * *` in Asia/Kolkata"
    );
}

#[test]
fn an_interval_keeps_its_beat_over_a_pause() {
    let rhythm = Rhythm::Every(Duration::from_secs(60));
    let planned = time("2026-01-01T00:00:07Z");
    assert_eq!(rhythm.next(planned), time("2026-01-01T00:01:07Z"));
    for (now, next) in [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:07Z"),
        ("2026-01-01T00:00:07Z", "2026-01-01T00:01:07Z"),
        ("2026-01-01T00:01:06.999Z", "2026-01-01T00:01:07Z"),
        ("2026-01-01T00:01:07Z", "2026-01-01T00:02:07Z"),
        ("2026-01-02T00:00:00Z", "2026-01-02T00:00:07Z"),
    ] {
        assert_eq!(rhythm.resume(planned, time(now)), time(next), "at {now}");
    }
}

#[test]
fn the_end_of_time_is_no_panic() {
    let huge = Rhythm::Every(Duration::MAX);
    assert_eq!(huge.next(time("2026-01-01T00:00:00Z")), Timestamp::MAX);
    assert_eq!(huge.resume(Timestamp::MIN, Timestamp::MAX), Timestamp::MAX);
    assert_eq!(Rhythm::cron("* * * * *", "UTC").unwrap().next(Timestamp::MAX), Timestamp::MAX);
}

#[test]
fn jitter_is_always_the_same_and_spreads_names_evenly() {
    let most = Duration::from_secs(10);
    // Pinned: an update must not move canaries.
    assert_eq!(jitter("front", most), jitter("front", most));
    let mut tenths = [0; 10];
    for number in 0..1000 {
        let jitter = jitter(&format!("canary-{number}"), most);
        assert!(jitter < most);
        tenths[usize::try_from(jitter.as_secs()).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|it| (60..140).contains(it)), "{tenths:?}");
    assert_eq!(jitter("front", Duration::ZERO), Duration::ZERO);
}

#[test]
fn jitter_shifts_the_times_of_an_expression_and_no_interval() {
    let most = Duration::from_secs(30);
    let cron = Timetable::new(Rhythm::cron("*/5 * * * *", "UTC").unwrap(), "front", most);
    let shift = jitter("front", most);
    let (first, second) = (time("2026-01-01T00:05:00Z") + shift, time("2026-01-01T00:10:00Z") + shift);
    assert_eq!(cron.next(time("2026-01-01T00:04:00Z")), first);
    assert_eq!(
        cron.next(time("2026-01-01T00:05:00Z")),
        first,
        "its time has come, but it is late by the jitter"
    );
    assert_eq!(cron.next(first), second);
    assert_eq!(cron.resume(first, second), second + Duration::from_secs(300));
    assert_eq!(cron.interval(first), Duration::from_secs(300));

    let every = Timetable::new(Rhythm::Every(Duration::from_secs(60)), "front", most);
    assert_eq!(every.next(time("2026-01-01T00:00:00Z")), time("2026-01-01T00:01:00Z"));
}
