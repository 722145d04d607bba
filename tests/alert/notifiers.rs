//! What each notifier is sent, and what is made of its answers.

mod heartbeat;
mod incidents;
mod limits;
mod mail;
mod payloads;
mod receiver;
mod sending;
mod titles;

use coalmine::{
    Cause, Severity,
    alert::{Acknowledged, Closed, Ending, Evidence, Green, Kind, Page},
    config::{AlertSettings, Environment, Settings},
};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    format!("2026-11-30T{text}Z").parse().unwrap()
}

/// What speaks against one step.
fn evidence(step: &str) -> Evidence {
    Evidence {
        step: step.to_owned(),
        promise: "every key is listed once".to_owned(),
        severity: Severity::Critical,
        cause: Cause::Assertion,
        message: "expected 200, got 500".to_owned(),
        remedy: None,
        request: Some("POST https://api.example.com/list-keys -> 500".to_owned()),
        request_id: Some("r-81".to_owned()),
        runbook: Some("https://wiki.example.com/keys".to_owned()),
        blocks: vec!["rename_key".to_owned(), "drop_key".to_owned()],
        run: "9q4x".to_owned(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        started: at("03:14:00"),
    }
}

/// The page of a step that has just failed for the second time.
fn page() -> Page {
    Page {
        incident: "i-7k2m9q4x".to_owned(),
        key: "sequence/fra/api/list_keys".to_owned(),
        kind: Kind::Step,
        severity: Severity::Critical,
        suite: "sequence".to_owned(),
        location: "fra".to_owned(),
        target: "https://api.example.com".to_owned(),
        canary: "api".to_owned(),
        roots: vec![evidence("list_keys")],
        since: at("03:12:00"),
        opened: at("03:14:09"),
        last_green: Some(Green { run: "2b7n".to_owned(), started: at("03:10:00") }),
        round: 1,
        acknowledged: None,
        closed: None,
        run_link: Some("https://canaries.example.com/runs/9q4x?until=1&signature=a".to_owned()),
        incident_link: Some("https://canaries.example.com/incidents/i-7k2m9q4x".to_owned()),
        instead: None,
        passes: None,
    }
}

/// The page of a canary of which so many steps have failed.
fn many(count: usize) -> Page {
    let roots = (1..=count).map(|number| evidence(&format!("step_{number}"))).collect();
    Page { kind: Kind::Canary, key: "sequence/fra/api".to_owned(), roots, ..page() }
}

/// The same page when it is over.
fn over(page: Page) -> Page {
    let closed = Closed { at: at("03:24:30"), why: Ending::Green, run: Some("5c1d".to_owned()) };
    Page { closed: Some(closed), passes: Some(2), ..page }
}

fn acknowledged(page: Page) -> Page {
    Page { acknowledged: Some(Acknowledged { at: at("03:20:00"), by: "Ada".to_owned() }), ..page }
}

/// A page in which every text is as bad as a product can make it.
fn hostile() -> Page {
    let bad = "\"quoted\" 'it' <script>alert(1)</script> & <!channel> \u{1b}[31mred\u{0}\u{7}\r\nSubject: forged\n.\n\u{202e}";
    let long = "🐤".repeat(10_000);
    let text = format!("{bad}{long}");
    let root = Evidence {
        step: format!("list_keys {bad}"),
        promise: text.clone(),
        message: text.clone(),
        remedy: Some(text.clone()),
        request: Some(text.clone()),
        request_id: Some(text.clone()),
        runbook: Some(format!("https://wiki.example.com/{}", "a|b>c".repeat(2_000))),
        blocks: vec![text.clone(); 2],
        run: text.clone(),
        trace: text.clone(),
        ..evidence("")
    };
    Page {
        incident: "i-\r\nX: y".to_owned(),
        key: format!("sequence/fra/api/{}", "ö".repeat(300)),
        suite: text.clone(),
        location: text.clone(),
        target: text.clone(),
        canary: format!("api {bad}"),
        roots: (0..300).map(|number| if number < 3 { root.clone() } else { evidence(bad) }).collect(),
        kind: Kind::Canary,
        run_link: Some(text.clone()),
        incident_link: Some(format!("https://x/{}", "a".repeat(5_000))),
        instead: Some(text.clone()),
        acknowledged: Some(Acknowledged { at: at("03:20:00"), by: text }),
        ..page()
    }
}

/// As the service reads them.
fn settings(variables: &[(&str, &str)]) -> AlertSettings {
    let environment: Environment = variables.iter().copied().collect();
    let mut settings = Settings::new(&environment);
    let read = AlertSettings::read(&mut settings);
    settings.finish().unwrap();
    read
}
