//! Cron expressions where clocks change. The table is in order of time; each case lists some times that follow one
//! another.

use coalmine::schedule::Rhythm;

use super::time;

struct Case {
    zone: &'static str,
    expression: &'static str,
    after: &'static str,
    next: &'static [&'static str],
}

/// Clocks change in Berlin at 2026-03-29T01:00Z (02:00 becomes 03:00) and 2026-10-25T01:00Z (03:00 becomes 02:00), in
/// New York at 2026-03-08T07:00Z (02:00 becomes 03:00) and 2026-11-01T06:00Z (02:00 becomes 01:00), on Lord Howe, by
/// half an hour, at 2026-04-04T15:00Z (02:00 becomes 01:30) and 2026-10-03T15:30Z (02:00 becomes 02:30).
const CASES: &[Case] = &[
    Case {
        zone: "UTC",
        expression: "*/5 * * * *",
        after: "2026-01-01T00:00:00Z",
        next: &["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z"],
    },
    Case {
        zone: "UTC",
        expression: "*/5 * * * *",
        after: "2026-01-01T00:04:59.999999999Z",
        next: &["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"],
    },
    Case {
        zone: "UTC",
        expression: "*/20 * * * * *",
        after: "2026-12-31T23:59:30Z",
        next: &["2026-12-31T23:59:40Z", "2027-01-01T00:00:00Z"],
    },
    Case {
        zone: "UTC",
        expression: "@hourly",
        after: "2026-01-01T00:00:00Z",
        next: &["2026-01-01T01:00:00Z"],
    },
    Case {
        zone: "UTC",
        expression: "0 12 29 2 *",
        after: "2026-01-01T00:00:00Z",
        next: &["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"],
    },
    Case {
        zone: "Asia/Kolkata",
        expression: "0 9 * * MON-FRI",
        after: "2026-01-02T03:00:00Z",
        // A Friday, then a Monday.
        next: &["2026-01-02T03:30:00Z", "2026-01-05T03:30:00Z"],
    },
    Case {
        zone: "Asia/Kolkata",
        expression: "0 */6 * * *",
        after: "2026-01-01T18:00:00Z",
        next: &["2026-01-01T18:30:00Z", "2026-01-02T00:30:00Z"],
    },
    // Clocks go forward.
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 * * *",
        after: "2026-03-27T12:00:00Z",
        // 02:30 does not exist on the 29th: at 03:00, once.
        next: &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "0,30 2 * * *",
        after: "2026-03-28T12:00:00Z",
        // Two that do not exist are one.
        next: &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "0 2,3 * * *",
        after: "2026-03-28T12:00:00Z",
        // What does not exist falls on one that does.
        next: &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "0 3 * * *",
        after: "2026-03-28T12:00:00Z",
        next: &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "*/20 * * * *",
        after: "2026-03-29T00:30:00Z",
        next: &["2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 * * *",
        after: "2026-03-29T01:00:00Z",
        next: &["2026-03-30T00:30:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 29 3 *",
        after: "2026-01-01T00:00:00Z",
        next: &["2026-03-29T01:00:00Z", "2027-03-29T00:30:00Z"],
    },
    Case {
        zone: "America/New_York",
        expression: "15 2 * * *",
        after: "2026-03-07T12:00:00Z",
        next: &["2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"],
    },
    Case {
        zone: "America/New_York",
        expression: "0 */2 * * *",
        after: "2026-03-08T04:00:00Z",
        // 00:00; 02:00 at 03:00; 04:00.
        next: &["2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        expression: "15 2 * * *",
        after: "2026-10-02T20:00:00Z",
        next: &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        expression: "*/15 * * * *",
        after: "2026-10-03T15:10:00Z",
        next: &["2026-10-03T15:15:00Z", "2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"],
    },
    // Clocks go back.
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 * * *",
        after: "2026-10-24T12:00:00Z",
        // The first 02:30, in summer time, and not the second.
        next: &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "0 3 * * *",
        after: "2026-10-24T12:00:00Z",
        next: &["2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "*/30 2 * * *",
        after: "2026-10-24T12:00:00Z",
        next: &["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "30 * * * *",
        after: "2026-10-24T23:00:00Z",
        next: &[
            "2026-10-24T23:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z",
        ],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "10 * * * *",
        // In the first pass, later than the time that comes again in the second.
        after: "2026-10-25T00:50:00Z",
        next: &["2026-10-25T01:10:00Z", "2026-10-25T02:10:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "0 * * * *",
        // The instant at which the second pass begins is later than this by less than a second.
        after: "2026-10-25T00:59:59.5Z",
        next: &["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 * * *",
        // In the second pass, before the time that has been in the first.
        after: "2026-10-25T01:10:00Z",
        next: &["2026-10-26T01:30:00Z"],
    },
    Case {
        zone: "Europe/Berlin",
        expression: "30 2 * * *",
        // Where the second pass begins.
        after: "2026-10-25T01:00:00Z",
        next: &["2026-10-26T01:30:00Z"],
    },
    Case {
        zone: "America/New_York",
        expression: "30 1 * * *",
        after: "2026-10-31T12:00:00Z",
        next: &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    },
    Case {
        zone: "America/New_York",
        expression: "0 */1 * * *",
        after: "2026-11-01T04:30:00Z",
        next: &["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        expression: "45 1 * * *",
        after: "2026-04-03T20:00:00Z",
        // The first 01:45.
        next: &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        expression: "*/15 * * * *",
        after: "2026-04-04T14:30:00Z",
        next: &[
            "2026-04-04T14:45:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-04T15:15:00Z",
            "2026-04-04T15:30:00Z",
        ],
    },
];

#[test]
fn times_follow_one_another_also_where_clocks_change() {
    for Case { zone, expression, after, next } in CASES {
        let rhythm = Rhythm::cron(expression, zone).unwrap_or_else(|error| panic!("{error}"));
        let mut at = time(after);
        let found: Vec<_> = next
            .iter()
            .map(|_| {
                at = rhythm.next(at);
                at.to_string()
            })
            .collect();
        assert_eq!(found, *next, "`{expression}` in {zone} after {after}");
    }
}

/// Whatever the zone does, time goes on, and an expression of minutes never leaves more than its minutes out.
#[test]
fn a_year_of_quarters_of_an_hour_is_without_holes() {
    for zone in [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Africa/Casablanca",
    ] {
        let rhythm = Rhythm::cron("*/15 * * * *", zone).unwrap();
        let (mut at, end) = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
        let mut times = 0;
        while at < end {
            let next = rhythm.next(at);
            assert_eq!((next - at).get_minutes() + (next - at).get_seconds() / 60, 15, "{zone} after {at}");
            at = next;
            times += 1;
        }
        assert_eq!(times, 365 * 24 * 4, "{zone}");
    }
}
