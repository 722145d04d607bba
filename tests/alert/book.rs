//! What a book hands out to be kept, and what becomes of it if only a part of that was.

use std::time::Duration;

use coalmine::{
    AlertPolicy, Severity, Verdict,
    alert::{
        Book, BookOptions, Evidence, Incident, KeptBook, PageContext, RunFacts, StepFacts, rules::Watched,
    },
    store::{AlertRows, Trigger},
    verdict::Cause,
};
use jiff::{SignedDuration, Timestamp};

fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn options() -> BookOptions {
    BookOptions {
        context: PageContext { suite: "shop".into(), location: "home".into(), target: "https://shop".into() },
        watched: vec![Watched {
            canary: "front".into(),
            prefix: "shop/home/front".into(),
            steps: vec!["look".into()],
            policy: AlertPolicy::default(),
            interval: Some(Duration::from_secs(300)),
            recheck: Duration::from_secs(30),
            paused: false,
        }],
        routes: Vec::new(),
        second: None,
        ids: coalmine::suite::new_run_id,
    }
}

fn failed(run: &str, second: i64) -> RunFacts {
    let evidence = Evidence {
        step: "look".into(),
        promise: String::new(),
        severity: Severity::Critical,
        cause: Cause::Assertion,
        message: "it is broken".into(),
        remedy: None,
        request: None,
        request_id: None,
        runbook: None,
        blocks: Vec::new(),
        run: run.into(),
        trace: String::new(),
        started: at(second),
    };
    RunFacts {
        canary: "front".into(),
        run: run.into(),
        trigger: Trigger::Schedule,
        verdict: Verdict::Failed,
        filtered: false,
        started: at(second),
        ended: at(second + 1),
        steps: vec![StepFacts { step: "look".into(), verdict: Verdict::Failed, evidence: Some(evidence) }],
        leftovers: Vec::new(),
    }
}

/// What is kept of a canary that is down.
fn down() -> AlertRows {
    let (mut book, unread) = Book::restore(options(), KeptBook::default(), at(0));
    assert_eq!(unread, Vec::<String>::new());
    book.observe(&failed("r1", 0), at(1));
    book.observe(&failed("r2", 300), at(301));
    assert_eq!(book.open().count(), 1);
    let rows = book.rows();
    assert!(book.rows().is_empty(), "everything is handed out once");
    rows
}

fn restored(documents: bool, incidents: bool) -> (Book, String) {
    let rows = down();
    let id = rows.incidents[0].id.clone();
    let kept = KeptBook {
        documents: if documents { rows.documents } else { Vec::new() },
        incidents: if incidents { rows.incidents } else { Vec::new() },
    };
    (Book::restore(options(), kept, at(400)).0, id)
}

#[test]
fn a_book_is_what_was_kept_of_it() {
    let (mut book, id) = restored(true, true);
    assert_eq!(book.open().map(|it| it.id.clone()).collect::<Vec<_>>(), [id]);
    assert_eq!(book.rows().incidents, [], "nothing is different");
}

#[test]
fn an_incident_whose_row_is_lost_gets_another() {
    let (mut book, id) = restored(true, false);
    let rows = book.rows();
    assert_eq!(rows.incidents.len(), 1);
    assert_eq!((rows.incidents[0].id.as_str(), rows.incidents[0].closed), (id.as_str(), None));
}

#[test]
fn a_row_whose_incident_is_over_is_closed() {
    let (mut book, id) = restored(false, true);
    assert_eq!(book.open().count(), 0);
    let rows = book.rows();
    let row = &rows.incidents[0];
    assert_eq!((row.id.as_str(), row.closed), (id.as_str(), Some(at(400))));
    let incident: Incident = serde_json::from_str(&row.body).unwrap();
    assert!(incident.closed.is_some());
    assert!(rows.log.iter().any(|it| it.incident == id && it.body.contains("is lost")), "{:?}", rows.log);
}
