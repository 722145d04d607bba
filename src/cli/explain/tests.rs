//! Whole texts, as they are read at night.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    summary::summary,
    text::{Reading, text_of},
};
use crate::{
    alert::{
        Acknowledged, Closed, Ending, Evidence, Green, Held, Incident, Kind, SilenceKind,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
    },
    verdict::{Cause, Severity},
};

const ID: &str = "i-7k2m9q4xwz";

/// So many milliseconds after the incident opened.
fn at(milliseconds: i64) -> Timestamp {
    let opened: Timestamp = "2026-11-30T12:00:03Z".parse().unwrap();
    opened + SignedDuration::from_millis(milliseconds)
}

fn entry(milliseconds: i64, what: Happened) -> LogEntry {
    LogEntry { incident: ID.into(), at: at(milliseconds), what }
}

fn sent(
    milliseconds: i64,
    notifier: &str,
    action: Action,
    attempt: u32,
    outcome: OutcomeWord,
    answer: &str,
) -> LogEntry {
    let (notifier, answer) = (notifier.into(), answer.into());
    let what = Happened::Sent { notifier, action, attempt, minimal: false, outcome, answer, took_ms: 12.4 };
    entry(milliseconds, what)
}

fn opens() -> LogEntry {
    entry(0, Happened::Opened { why: "failed in 2 of the last 3 runs: cwj6q62fhw, 482d5pns8z".into() })
}

fn passed(milliseconds: i64) -> LogEntry {
    entry(milliseconds, Happened::Closed { why: "passed in 2 runs in a row: 74xcnbt37r was the last".into() })
}

fn green(milliseconds: i64) -> Option<Closed> {
    Some(Closed { at: at(milliseconds), why: Ending::Green, run: Some("74xcnbt37r".into()) })
}

/// An incident that has just opened.
pub(in crate::cli) fn sample() -> (Incident, Vec<LogEntry>) {
    let root = Evidence {
        step: "create_key".into(),
        promise: "a key has the alias that it was made with, and can be read back by that".into(),
        severity: Severity::Critical,
        cause: Cause::Assertion,
        message: "expected success, got 500 SEQ000".into(),
        remedy: None,
        request: Some("POST https://127.0.0.1:33125/canary-team/ledger-1/create-key -> 500 in 2 ms".into()),
        request_id: Some("edd60d4745d84a21a6b3/1".into()),
        runbook: Some("https://wiki.example.com/keys".into()),
        blocks: (1..=7).map(|it| format!("use_key_{it}")).collect(),
        run: "482d5pns8z".into(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        started: at(-600),
    };
    let incident = Incident {
        id: ID.into(),
        key: "sequence/local/api/create_key".into(),
        kind: Kind::Step,
        canary: "api".into(),
        roots: vec![root],
        severity: Severity::Critical,
        since: at(-31_000),
        opened: at(0),
        run: Some("482d5pns8z".into()),
        last_green: Some(Green { run: "k2m9q4x7wz".into(), started: at(-91_000) }),
        acknowledged: None,
        rounds: 1,
        remind_at: Some(at(4 * 3_600_000)),
        held: None,
        closed: None,
    };
    (incident, vec![opens()])
}

fn read(incident: &Incident, log: &[LogEntry]) -> String {
    text_of(incident, log, &Reading { now: at(3_600_000), zone: TimeZone::UTC })
}

#[test]
fn a_page_that_went_well_is_explained_from_the_rule_to_the_end() {
    let (mut incident, mut log) = sample();
    incident.closed = green(720_000);
    incident.remind_at = None;
    incident.acknowledged = Some(Acknowledged { at: at(90_000), by: "anna".into() });
    log.extend([
        sent(412, "pagerduty", Action::Trigger, 1, OutcomeWord::Accepted, "202 Accepted: Event processed"),
        entry(
            61_000,
            Happened::Confirmed {
                notifier: "pagerduty".into(),
                place: "https://acme.pagerduty.com/i/1".into(),
            },
        ),
        entry(90_000, Happened::Acknowledged { by: "anna".into() }),
        passed(720_000),
        sent(720_300, "pagerduty", Action::Resolve, 1, OutcomeWord::Accepted, "202 Accepted"),
    ]);
    assert_eq!(
        read(&incident, &log),
        "\
i-7k2m9q4xwz: api::create_key failed

  why         failed in 2 of the last 3 runs: cwj6q62fhw, 482d5pns8z
  severity    critical: it wakes the engineer on call
  since       2026-11-30 11:59:32
  opened      2026-11-30 12:00:03, by run 482d5pns8z
  closed      2026-11-30 12:12:03 after 12 min, by run 74xcnbt37r
  last green  2026-11-30 11:58:32, run k2m9q4x7wz
  taken by    anna, 2026-11-30 12:01:33
  key         sequence/local/api/create_key

api::create_key (assertion)
  promise     a key has the alias that it was made with, and can be read back by
              that
  found       expected success, got 500 SEQ000
  request     POST https://127.0.0.1:33125/canary-team/ledger-1/create-key ->
              500 in 2 ms, request id edd60d4745d84a21a6b3/1
  blocks      use_key_1, use_key_2, use_key_3, use_key_4, use_key_5 and 2 more
  newest run  482d5pns8z
  trace       4bf92f3577b34da6a3ce929d0e0e4736
  runbook     https://wiki.example.com/keys

what happened on 2026-11-30 (times in UTC)
  12:00:03  coalmine   opens: failed in 2 of the last 3 runs: cwj6q62fhw,
                       482d5pns8z
  12:00:03  pagerduty  trigger accepted in 12 ms
  12:01:04  pagerduty  seen to be there: https://acme.pagerduty.com/i/1
  12:01:33  people     anna takes care of it
  12:12:03  coalmine   closes: passed in 2 runs in a row: 74xcnbt37r was the
                       last
  12:12:03  pagerduty  resolve accepted in 12 ms

paged pagerduty 412 ms after the deciding run; anna took it after 1 min;
resolved after 12 min by 2 passes in a row
"
    );
}

#[test]
fn a_page_that_went_the_long_way_says_where_it_was_stuck() {
    let (mut incident, mut log) = sample();
    incident.closed = Some(Closed { at: at(44_000_000), why: Ending::Removed, run: None });
    let reset = "connection reset by peer";
    log.extend([
        sent(400, "pagerduty", Action::Trigger, 1, OutcomeWord::Unknown, reset),
        sent(2_000, "pagerduty", Action::Trigger, 2, OutcomeWord::NotTaken, "429 Too Many Requests"),
        entry(200_000, Happened::More { notifier: "pagerduty".into(), attempts: 50, answer: reset.into() }),
        entry(
            300_000,
            Happened::Escalated {
                from: "pagerduty".into(),
                to: Some("slack".into()),
                why: format!("pagerduty has not taken it for 5 minutes: {reset}"),
            },
        ),
        sent(300_200, "slack", Action::Trigger, 1, OutcomeWord::Accepted, "200 OK: ok"),
        entry(43_900_000, Happened::ResolvedByHuman { notifier: "pagerduty".into(), by: "Ben".into() }),
        entry(44_000_000, Happened::Closed { why: "the step is no part of the suite any more".into() }),
    ]);
    assert_eq!(
        read(&incident, &log),
        "\
i-7k2m9q4xwz: api::create_key failed

  why         failed in 2 of the last 3 runs: cwj6q62fhw, 482d5pns8z
  severity    critical: it wakes the engineer on call
  since       2026-11-30 11:59:32
  opened      2026-11-30 12:00:03, by run 482d5pns8z
  closed      2026-12-01 00:13:23 after 12 h 13 min: no part of the suite any
              more
  last green  2026-11-30 11:58:32, run k2m9q4x7wz
  key         sequence/local/api/create_key

api::create_key (assertion)
  promise     a key has the alias that it was made with, and can be read back by
              that
  found       expected success, got 500 SEQ000
  request     POST https://127.0.0.1:33125/canary-team/ledger-1/create-key ->
              500 in 2 ms, request id edd60d4745d84a21a6b3/1
  blocks      use_key_1, use_key_2, use_key_3, use_key_4, use_key_5 and 2 more
  newest run  482d5pns8z
  trace       4bf92f3577b34da6a3ce929d0e0e4736
  runbook     https://wiki.example.com/keys

what happened on 2026-11-30 (times in UTC)
  12:00:03  coalmine   opens: failed in 2 of the last 3 runs: cwj6q62fhw,
                       482d5pns8z
  12:00:03  pagerduty  trigger may have arrived, after 12 ms: connection reset
                       by peer
  12:00:05  pagerduty  trigger (attempt 2) not taken in 12 ms: 429 Too Many
                       Requests
  12:03:23  pagerduty  50 more attempts failed, the last: connection reset by
                       peer
  12:05:03  pagerduty  slack is told instead: pagerduty has not taken it for 5
                       minutes: connection reset by peer
  12:05:03  slack      trigger accepted in 12 ms

what happened on 2026-12-01
  00:11:43  pagerduty  Ben has resolved it there
  00:13:23  coalmine   closes: the step is no part of the suite any more

paged slack 5 min after the deciding run; slack was told instead of pagerduty;
Ben resolved it at pagerduty while it was still down; resolved after 12 h 13
min, because it is no part of the suite any more
"
    );
}

#[test]
fn the_last_sentence_says_who_was_told_or_why_nobody_was() {
    use OutcomeWord::{Accepted, NotTaken, Refused, Unknown};
    let (open, log) = sample();
    let closed = Incident { closed: green(720_000), ..open.clone() };
    let muted = Held::Silence {
        silence: "s-3f9k2m7q4x".into(),
        kind: SilenceKind::Mute,
        reason: "a deploy".into(),
        until: at(7_200_000),
    };
    let with = |more: Vec<LogEntry>| [log.clone(), more].concat();
    let trigger = |at, notifier, attempt, outcome| {
        sent(at, notifier, Action::Trigger, attempt, outcome, "what it said")
    };
    let not_told =
        || entry(720_000, Happened::NotTold { notifier: "pagerduty".into(), why: "it was over".into() });
    let drill =
        |closed| Incident { kind: Kind::Drill, canary: String::new(), roots: vec![], closed, ..open.clone() };
    let drilled = Some(Closed { at: at(65_000), why: Ending::Drilled, run: None });
    for (incident, log, expected) in [
        (
            &closed,
            with(vec![trigger(412, "pagerduty", 1, Accepted), passed(720_000)]),
            "paged pagerduty 412 ms after the deciding run; resolved after 12 min by 2 passes in a row",
        ),
        (
            &closed,
            with(vec![
                trigger(400, "pagerduty", 1, NotTaken),
                trigger(2_400, "pagerduty", 2, Accepted),
                trigger(3_000, "slack", 1, Accepted),
            ]),
            "paged pagerduty 2.4 s (attempt 2) and slack 3.0 s after the deciding run; resolved after 12 min",
        ),
        (
            &closed,
            with(vec![not_told(), passed(720_000)]),
            "nobody was paged: it closed before any attempt could have arrived; closed after 12 min by 2 passes in a \
             row",
        ),
        (
            &closed,
            with(vec![trigger(400, "pagerduty", 1, NotTaken), not_told()]),
            "nobody was paged: it closed before any attempt could have arrived (pagerduty did not take its one attempt: \
             what it said); closed after 12 min",
        ),
        (
            &closed,
            with(vec![
                trigger(400, "pagerduty", 1, Refused),
                trigger(600, "pagerduty", 2, Refused),
                not_told(),
            ]),
            "nobody was paged: pagerduty took none of 2 attempts, the last: what it said; closed after 12 min",
        ),
        (
            &closed,
            with(vec![entry(0, Happened::Held { why: "mute".into() })]),
            "nobody was paged: it closed while it was held; closed after 12 min",
        ),
        (
            &closed,
            with(vec![]),
            "nobody was paged: no notifier is told of such incidents; closed after 12 min",
        ),
        (
            &open,
            with(vec![trigger(400, "pagerduty", 1, NotTaken), trigger(900, "pagerduty", 2, Refused)]),
            "nobody has been paged yet: pagerduty took none of 2 attempts, the last: what it said; open for 1 h",
        ),
        (
            &open,
            with(vec![trigger(400, "pagerduty", 1, Unknown)]),
            "pagerduty may have been paged, but never said so: what it said; open for 1 h",
        ),
        (&open, with(vec![]), "nobody has been paged yet: nothing has been sent; open for 1 h"),
        (
            &Incident { held: Some(muted), ..open.clone() },
            with(vec![]),
            "nobody has been paged yet: silence s-3f9k2m7q4x holds it (a deploy); open for 1 h",
        ),
        (
            &Incident { held: Some(Held::Paused), ..closed.clone() },
            with(vec![]),
            "nobody was paged: the canary was paused; closed after 12 min",
        ),
        (
            &Incident { kind: Kind::Missed, ..open.clone() },
            with(vec![trigger(100, "mail", 1, Accepted)]),
            "told mail 100 ms after it was seen to be late; open for 1 h",
        ),
        (
            &open,
            with(vec![
                trigger(400, "pagerduty", 1, Accepted),
                entry(61_000, Happened::Swallowed { notifier: "pagerduty".into(), why: "nobody".into() }),
                entry(
                    61_000,
                    Happened::Escalated { from: "pagerduty".into(), to: None, why: "nobody".into() },
                ),
            ]),
            "paged pagerduty 400 ms after the deciding run; pagerduty swallowed it; there was nobody to be told \
             instead of pagerduty; open for 1 h",
        ),
        (
            &drill(drilled.clone()),
            vec![
                trigger(400, "pagerduty", 1, Accepted),
                entry(65_000, Happened::Confirmed { notifier: "pagerduty".into(), place: "x".into() }),
            ],
            "paged pagerduty 400 ms after its begin; seen to be there and resolved after 1 min",
        ),
        (
            &drill(drilled),
            vec![trigger(400, "pagerduty", 1, Accepted)],
            "paged pagerduty 400 ms after its begin; never seen to be there, given up after 1 min",
        ),
    ] {
        assert_eq!(summary(incident, &log, at(3_600_000)), expected);
    }
}
