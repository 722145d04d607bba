//! Incidents to show, here and in `benches/pages.rs`.

use coalmine::{
    Cause, Severity,
    alert::{
        Acknowledged, Closed, Ending, Evidence, Green, Held, Incident, Kind, Scope, Silence, SilenceKind,
        Telling,
        drill::DrillState,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
        post::NotifierHealth,
    },
    pages::{Alerts, OpenIncident, Pager, PastIncident},
};
use jiff::{SignedDuration, Timestamp};

use super::fixture::now;

pub(super) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(super) fn root(step: &str) -> Evidence {
    Evidence {
        step: step.into(),
        promise: format!("{step} does what it says"),
        severity: Severity::Critical,
        cause: Cause::Assertion,
        message: "expected 201, got 500".into(),
        remedy: Some("ask whoever has deployed last".into()),
        request: Some("POST https://api.shop.test/keys → 500".into()),
        request_id: Some("req-77".into()),
        runbook: Some("https://wiki.shop.test/keys".into()),
        blocks: vec!["list_keys".into(), "revoke_key".into()],
        run: "api-2".into(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        started: ago(120),
    }
}

/// Open for twelve minutes.
pub(super) fn incident() -> Incident {
    Incident {
        id: "i-7k2m9q4x".into(),
        key: "shop/fra/api/create_key".into(),
        kind: Kind::Step,
        canary: "api".into(),
        roots: vec![root("create_key")],
        severity: Severity::Critical,
        since: ago(720),
        opened: ago(690),
        run: Some("api-1".into()),
        last_green: Some(Green { run: "api-0".into(), started: ago(1020) }),
        acknowledged: None,
        rounds: 1,
        remind_at: None,
        held: None,
        closed: None,
    }
}

pub(super) fn acknowledged() -> Incident {
    Incident { acknowledged: Some(Acknowledged { at: ago(300), by: "Kim".into() }), ..incident() }
}

pub(super) fn held() -> Incident {
    let held = Held::Silence {
        silence: "s-1".into(),
        kind: SilenceKind::Maintenance,
        reason: "the floor is new".into(),
        until: ago(-3600),
    };
    Incident { id: "i-held".into(), canary: "billing".into(), held: Some(held), rounds: 0, ..incident() }
}

pub(super) fn closed() -> Incident {
    let closed = Some(Closed { at: ago(60), why: Ending::Green, run: Some("api-3".into()) });
    Incident { id: "i-closed".into(), closed, ..acknowledged() }
}

pub(super) fn past() -> Vec<PastIncident> {
    let quick = Incident { id: "i-quick".into(), ..closed() };
    let why = "it closed before it could be told".to_owned();
    vec![
        PastIncident { incident: closed(), told: vec!["pagerduty".into()], not_told: None },
        PastIncident { incident: quick, told: Vec::new(), not_told: Some(why) },
    ]
}

pub(super) fn telling() -> Telling {
    Telling {
        notifier: "pagerduty".into(),
        told: Some(ago(600)),
        waiting: None,
        trouble: None,
        instead: None,
        seen: true,
    }
}

pub(super) fn silence() -> Silence {
    Silence {
        id: "s-1".into(),
        kind: SilenceKind::Maintenance,
        scope: Scope::Canary("billing".into()),
        from: ago(600),
        until: ago(-3600),
        reason: "the floor is new".into(),
        by: Some("Sam".into()),
    }
}

pub(super) fn health() -> NotifierHealth {
    NotifierHealth {
        notifier: "pagerduty".into(),
        last_accepted: Some(ago(600)),
        failures: 0,
        last_error: None,
        away: false,
        waiting: 0,
        oldest: None,
    }
}

/// A pager that works.
pub(super) fn pager() -> Pager {
    let next = Some(ago(-86_400));
    Pager {
        on_call: vec!["pagerduty".into()],
        provable: true,
        drilled: true,
        drill: DrillState { proven: Some(ago(180)), succeeded: 7, next, ..DrillState::default() },
        notifiers: vec![health()],
        heartbeat: Some(Vec::new()),
        ..Pager::default()
    }
}

/// One that nobody takes, one that is taken, one that is held.
pub(super) fn alerts() -> Alerts {
    let trouble = Some("no connection".to_owned());
    let waiting = Telling { told: None, waiting: Some(ago(60)), trouble, seen: false, ..telling() };
    let other = Incident { id: "i-other".into(), roots: vec![root("list_keys")], ..incident() };
    Alerts {
        open: vec![
            OpenIncident { incident: other, tellings: vec![waiting] },
            OpenIncident { incident: acknowledged(), tellings: vec![telling()] },
            OpenIncident { incident: held(), tellings: Vec::new() },
        ],
        silences: vec![silence()],
        pager: pager(),
    }
}

/// What happened to [`acknowledged`]: the first attempt failed.
pub(super) fn log() -> Vec<LogEntry> {
    let entry = |seconds, what| LogEntry { incident: "i-7k2m9q4x".into(), at: ago(seconds), what };
    let sent = |attempt, outcome, answer: &str| Happened::Sent {
        notifier: "pagerduty".into(),
        action: Action::Trigger,
        attempt,
        minimal: false,
        outcome,
        answer: answer.into(),
        took_ms: 85.0,
    };
    vec![
        entry(690, Happened::Opened { why: "failed in 2 of the last 3 runs: api-0, api-1".into() }),
        entry(689, sent(1, OutcomeWord::NotTaken, "no connection")),
        entry(600, sent(2, OutcomeWord::Accepted, "202 Event processed")),
        entry(580, Happened::Confirmed { notifier: "pagerduty".into(), place: "its open incidents".into() }),
        entry(500, Happened::Joined { step: "list_keys".into() }),
        entry(300, Happened::Acknowledged { by: "Kim".into() }),
    ]
}
