//! The life of an incident: what events, people and time do to it, in which order they come.

use super::*;
use crate::pagerduty::{Action, Urgency};

/// Every sequence, with what is left of it: each incident by status and by who resolved it, and the length of its log.
#[tokio::test]
async fn sequences() {
    use Status::*;
    type Left = (Status, Option<Agent>, usize);
    let by = Some;
    let table: &[(&[&str], &[Left])] = &[
        // Nothing is open.
        (&["trigger"], &[(Triggered, None, 1)]),
        (&["acknowledge"], &[]),
        (&["resolve"], &[]),
        (&["acknowledge", "trigger"], &[(Triggered, None, 1)]),
        // Triggered.
        (&["trigger", "trigger"], &[(Triggered, None, 2)]),
        (&["trigger", "acknowledge"], &[(Acknowledged, None, 2)]),
        (&["trigger", "resolve"], &[(Resolved, by(Agent::Event), 2)]),
        // Acknowledged.
        (&["trigger", "acknowledge", "trigger"], &[(Acknowledged, None, 3)]),
        (&["trigger", "acknowledge", "acknowledge"], &[(Acknowledged, None, 3)]),
        (&["trigger", "acknowledge", "resolve"], &[(Resolved, by(Agent::Event), 3)]),
        // Resolved: it stays so, and the next trigger opens another one.
        (&["trigger", "resolve", "acknowledge"], &[(Resolved, by(Agent::Event), 2)]),
        (&["trigger", "resolve", "resolve"], &[(Resolved, by(Agent::Event), 2)]),
        (&["trigger", "resolve", "trigger"], &[(Resolved, by(Agent::Event), 2), (Triggered, None, 1)]),
        // People.
        (&["person acknowledges"], &[]),
        (&["person resolves"], &[]),
        (&["trigger", "person acknowledges"], &[(Acknowledged, None, 2)]),
        (&["trigger", "person resolves"], &[(Resolved, by(Agent::Person), 2)]),
        (&["trigger", "person resolves", "resolve"], &[(Resolved, by(Agent::Person), 2)]),
        (&["trigger", "person resolves", "person resolves"], &[(Resolved, by(Agent::Person), 2)]),
        (
            &["trigger", "person resolves", "trigger"],
            &[(Resolved, by(Agent::Person), 2), (Triggered, None, 1)],
        ),
        // Time: 1800 s for an acknowledgement, 14400 s for an incident.
        (&["trigger", "14390 s"], &[(Triggered, None, 1)]),
        (&["trigger", "14400 s"], &[(Resolved, by(Agent::Timeout), 2)]),
        (&["trigger", "14390 s", "trigger", "10 s"], &[(Resolved, by(Agent::Timeout), 3)]),
        (&["trigger", "14400 s", "trigger"], &[(Resolved, by(Agent::Timeout), 2), (Triggered, None, 1)]),
        (&["trigger", "14400 s", "resolve"], &[(Resolved, by(Agent::Timeout), 2)]),
        (&["trigger", "acknowledge", "1790 s"], &[(Acknowledged, None, 2)]),
        (&["trigger", "acknowledge", "1800 s"], &[(Triggered, None, 3)]),
        (&["trigger", "person acknowledges", "1800 s"], &[(Triggered, None, 3)]),
        (&["trigger", "acknowledge", "1790 s", "person acknowledges", "1790 s"], &[(Acknowledged, None, 3)]),
        (&["trigger", "acknowledge", "1800 s", "acknowledge"], &[(Acknowledged, None, 4)]),
        (&["trigger", "acknowledge", "14400 s"], &[(Resolved, by(Agent::Timeout), 4)]),
        (&["trigger", "resolve", "14400 s"], &[(Resolved, by(Agent::Event), 2)]),
    ];
    // Time is moved for all of one world: each sequence has its own.
    for (sequence, expected) in table {
        let pager = Pager::start();
        for what in *sequence {
            match what.split_once(' ') {
                None => {
                    let answer = pager.event(&pager.event_of(what, "key")).await.is(202);
                    let taken =
                        json!({"status": "success", "message": "Event processed", "dedup_key": "key"});
                    assert_eq!(answer, taken, "{sequence:?}");
                }
                Some(("person", "acknowledges")) => drop(pager.service().acknowledge("key")),
                Some(("person", _)) => drop(pager.service().resolve("key")),
                Some((seconds, _)) => pager.advance(seconds.parse().unwrap()),
            }
        }
        let incidents = pager.service().incidents();
        let left: Vec<Left> = incidents.iter().map(|it| (it.status, it.resolved_by, it.log.len())).collect();
        assert_eq!(left, *expected, "{sequence:?}");
        let open = incidents.iter().any(|it| it.status != Resolved);
        assert_eq!(pager.service().open().contains("key"), open, "{sequence:?}");
    }
}

#[tokio::test]
async fn an_incident_says_what_happened_to_it() {
    let pager = Pager::start();
    let before = pager.service().clock().now();
    let mut trigger = pager.trigger("suite/canary/step");
    trigger["links"] = json!([{"href": "https://status.test/1", "text": "record"}]);
    pager.event(&trigger).await.is(202);
    trigger["payload"]["summary"] = "worse".into();
    trigger["payload"]["severity"] = "info".into();
    pager.event(&trigger).await.is(202);
    assert!(pager.service().acknowledge("suite/canary/step"));
    pager.event(&pager.event_of("resolve", "suite/canary/step")).await.is(202);
    pager.event(&pager.trigger("other")).await.is(202);

    let [incident] = &pager.service().incidents_of("suite/canary/step")[..] else { panic!("one incident") };
    let Incident { number, key, title, status, urgency, severity, created_at, log, events, .. } = incident;
    assert_eq!((*number, &**key, *events), (1, "suite/canary/step", 3));
    // What opened it stays.
    assert_eq!((&**title, severity.name()), ("suite/canary/step is broken", "critical"));
    assert_eq!(
        (*status, *urgency, incident.resolved_by),
        (Status::Resolved, Urgency::High, Some(Agent::Event))
    );
    let (acknowledged, resolved) = (incident.acknowledged_at.unwrap(), incident.resolved_at.unwrap());
    assert!(before <= *created_at && *created_at <= acknowledged && acknowledged <= resolved);
    assert_eq!(incident.changed, (resolved, Agent::Event));
    let happened: Vec<_> = log.iter().map(|entry| (entry.by, entry.action)).collect();
    let expected = [
        (Agent::Event, Action::Trigger),
        (Agent::Event, Action::Trigger),
        (Agent::Person, Action::Acknowledge),
        (Agent::Event, Action::Resolve),
    ];
    assert_eq!(happened, expected);
    assert_eq!(log[1].json(), trigger);
    assert_eq!(log[2].json(), Value::Null);
}

#[tokio::test]
async fn time_does_things_when_they_are_due_and_not_when_somebody_looks() {
    let pager = Pager::start();
    pager.event(&pager.trigger("k")).await.is(202);
    pager.event(&pager.event_of("acknowledge", "k")).await.is(202);
    pager.advance(86_400);
    let incident = pager.service().incidents().remove(0);
    let after = |seconds| incident.created_at + SignedDuration::from_secs(seconds);
    assert_eq!(incident.resolved_at, Some(after(14_400)));
    let given_back = &incident.log[2];
    assert_eq!((given_back.by, given_back.action), (Agent::Timeout, Action::Unacknowledge));
    assert_eq!(given_back.at, incident.log[1].at + SignedDuration::from_secs(1800));
    assert_eq!(incident.acknowledged_at, None);
}

#[tokio::test]
async fn timeouts_can_be_switched_off() {
    let options = Options { auto_resolve_timeout: None, acknowledgement_timeout: None, ..Options::default() };
    let pager = Pager::with(options);
    pager.event(&pager.trigger("k")).await.is(202);
    assert!(pager.service().acknowledge("k"));
    pager.advance(365 * 86_400);
    assert_eq!(pager.service().incidents()[0].status, Status::Acknowledged);
}

#[tokio::test]
async fn a_trigger_without_a_key_is_always_a_new_incident() {
    let pager = Pager::start();
    let mut trigger = pager.trigger("");
    let mut keys = Vec::new();
    for _ in 0..2 {
        let answer = pager.event(&trigger).await.is(202);
        keys.push(answer["dedup_key"].as_str().unwrap().to_owned());
        // Blank and absent are the same.
        trigger.as_object_mut().unwrap().remove("dedup_key");
    }
    assert_ne!(keys[0], keys[1]);
    assert_eq!(pager.service().open(), keys.iter().cloned().collect());
    pager.event(&pager.event_of("resolve", &keys[0])).await.is(202);
    assert_eq!(pager.service().open(), [keys[1].clone()].into());
}

#[tokio::test]
async fn severity_makes_urgency() {
    let pager = Pager::start();
    for (severity, urgency) in [
        ("critical", Urgency::High),
        ("error", Urgency::High),
        ("warning", Urgency::Low),
        ("info", Urgency::Low),
    ] {
        let mut trigger = pager.trigger(severity);
        trigger["payload"]["severity"] = severity.into();
        pager.event(&trigger).await.is(202);
        let incident = pager.service().incidents_of(severity).remove(0);
        assert_eq!((incident.severity.name(), incident.urgency), (severity, urgency));
    }
}

#[tokio::test]
async fn a_long_log_keeps_its_beginning_and_its_end() {
    let pager = Pager::with(Options { events_per_minute: u32::MAX, ..Options::default() });
    let mut trigger = pager.trigger("k");
    for number in 0..100 {
        trigger["client"] = number.to_string().into();
        pager.event(&trigger).await.is(202);
    }
    let incident = pager.service().incidents().remove(0);
    let kept: Vec<_> = incident.log.iter().map(|entry| entry.json()["client"].clone()).collect();
    assert_eq!((incident.events, kept.len()), (100, Incident::LOG));
    assert_eq!([&kept[0], &kept[1], &kept[31]], ["0", "69", "99"]);
}
