//! What is made of the answers of services: over real connections.

use std::{net::TcpListener, time::Duration};

use coalmine::{
    alert::notifier::{
        Action, Manner, Notifier,
        Outcome::{self, Accepted, NotTaken, Refused, Unknown},
    },
    http::Roots,
};

use super::{
    receiver::{Asked, Receiver, Say},
    *,
};

const KEY: (&str, &str) = ("COALMINE_PAGERDUTY_KEY", "0123456789abcdef0123456789abcdef");
const SIGNING: &str = "the-secret-that-signs";

/// The notifier of a name, whose service is at that address.
fn notifier(name: &str, address: &str, roots: &Roots) -> Box<dyn Notifier> {
    let variables = match name {
        "pagerduty" => vec![KEY, ("COALMINE_PAGERDUTY_EVENTS", address)],
        "slack" => vec![("COALMINE_SLACK_WEBHOOK", address)],
        "alertmanager" => {
            vec![("COALMINE_ALERTMANAGER", address), ("COALMINE_ALERTMANAGER_TOKEN", "alert-token")]
        }
        "webhook" => vec![("COALMINE_WEBHOOK", address), ("COALMINE_WEBHOOK_SECRET", SIGNING)],
        _ => panic!("{name}"),
    };
    let mut all = settings(&variables).notifiers(roots).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Sends a page; what comes of it, and what the service was asked.
async fn send(name: &str, say: Say) -> (Outcome, Asked) {
    let receiver = Receiver::start([say]).await;
    let notifier = notifier(name, &receiver.address, &Roots::Only(String::new()));
    let outcome = notifier.send(&page(), Action::Trigger, false).await;
    let asked = receiver.asked();
    assert_eq!(asked.len(), 1);
    (outcome, asked.into_iter().next().unwrap())
}

/// One letter for each outcome.
fn letter(outcome: &Outcome) -> char {
    match outcome {
        Accepted { .. } => 'A',
        Refused { .. } => 'R',
        NotTaken { .. } => 'N',
        Unknown { .. } => 'U',
    }
}

#[tokio::test]
async fn each_status_means_what_its_service_says_of_it() {
    let statuses = [200, 202, 204, 307, 400, 401, 403, 404, 408, 410, 413, 429, 500, 502, 503];
    for (name, expected) in [
        ("pagerduty", "UAUURUUUUURNUUU"),
        ("slack", "AUUURURRURRNUUU"),
        ("alertmanager", "AAAURRRRURRNUUU"),
        ("webhook", "AAARRRRRNRRNUUU"),
    ] {
        let mut found = String::new();
        for status in statuses {
            found.push(letter(&send(name, Say::status(status, "so it is")).await.0));
        }
        assert_eq!(found, expected, "{name}: {statuses:?}");
    }
}

#[tokio::test]
async fn what_was_cut_may_have_arrived_and_what_never_left_has_not() {
    let nobody = {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", taken.local_addr().unwrap())
    };
    for name in ["pagerduty", "slack", "alertmanager", "webhook"] {
        assert_eq!(letter(&send(name, Say::Cut).await.0), 'U', "{name}");
        let notifier = notifier(name, &nobody, &Roots::Only(String::new()));
        let outcome = notifier.send(&page(), Action::Trigger, false).await;
        let NotTaken { why, retry_after: None } = outcome else { panic!("{name}: {outcome:?}") };
        assert!(why.contains("onnection refused") && !why.contains("127.0.0.1:"), "{why}");
    }
}

#[tokio::test]
async fn who_has_too_much_to_do_says_when_to_come_again() {
    let say = Say::Answer(429, vec![("retry-after", "30")], r#"{"message":"slow down"}"#.to_owned());
    for name in ["pagerduty", "slack", "alertmanager", "webhook"] {
        let (outcome, _) = send(name, say.clone()).await;
        let retry_after = Some(Duration::from_secs(30));
        let why = "429 Too Many Requests: slow down".to_owned();
        assert_eq!(outcome, NotTaken { why, retry_after }, "{name}");
    }
    let date = Say::Answer(429, vec![("retry-after", "Mon, 30 Nov 2026 03:00:00 GMT")], String::new());
    let (outcome, _) = send("slack", date).await;
    assert_eq!(outcome, NotTaken { why: "429 Too Many Requests".to_owned(), retry_after: None });
}

#[tokio::test]
async fn pagerduty_says_what_is_wrong() {
    let body = r#"{"status":"invalid event","message":"Event object is invalid",
                   "errors":["'payload.source' is missing or blank"]}"#;
    let (outcome, asked) = send("pagerduty", Say::status(400, body)).await;
    let answer = "400 Bad Request: Event object is invalid; 'payload.source' is missing or blank".to_owned();
    assert_eq!(outcome, Refused { answer });
    assert_eq!(asked.line, "POST /v2/enqueue HTTP/1.1");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.json()["dedup_key"], "sequence/fra/api/list_keys");

    // What is no JSON is no reason to doubt.
    let (outcome, _) = send("pagerduty", Say::status(202, "<html>\u{7}taken</html>")).await;
    assert_eq!(outcome, Accepted { answer: "202 Accepted: <html>taken</html>".to_owned() });
}

#[tokio::test]
async fn what_a_service_repeats_is_not_shown_if_it_is_secret() {
    let (outcome, _) = send("pagerduty", Say::status(400, &format!("bad key {}", KEY.1))).await;
    assert_eq!(outcome.text(), "400 Bad Request: bad key [redacted]");
    let (outcome, _) = send("webhook", Say::status(400, SIGNING)).await;
    assert_eq!(outcome.text(), "400 Bad Request: [redacted]");
}

#[tokio::test]
async fn each_service_is_asked_where_and_as_it_wants() {
    let (_, asked) = send("alertmanager", Say::status(200, "")).await;
    assert_eq!(asked.line, "POST /api/v2/alerts HTTP/1.1");
    assert_eq!(asked.header("authorization"), Some("Bearer alert-token"));
    assert_eq!(asked.json()[0]["labels"]["alertname"], "CanaryStepFailed");

    let (_, asked) = send("webhook", Say::status(200, "")).await;
    assert_eq!(asked.header("coalmine-delivery"), Some("i-7k2m9q4x/1/trigger"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let signature = asked.header("coalmine-signature").unwrap();
    let second = signature.strip_prefix("t=").and_then(|it| it.split_once(',')).unwrap().0;
    let at = Timestamp::from_second(second.parse().unwrap()).unwrap();
    let secret = coalmine::Secret::new(SIGNING.to_owned());
    let expected = coalmine::alert::notifier::webhook::signature(&secret, at, asked.body.as_bytes());
    assert_eq!(signature, expected);

    let (outcome, asked) = send("slack", Say::status(200, "ok")).await;
    assert_eq!(outcome, Accepted { answer: "200 OK: ok".to_owned() });
    assert!(asked.json()["blocks"].is_array());
}

#[tokio::test]
async fn only_who_is_trusted_is_told() {
    let receiver = Receiver::start_tls([Say::status(202, "{}")]).await;
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let refused = notifier("pagerduty", &receiver.address, &Roots::Only(stranger));
    let outcome = refused.send(&page(), Action::Trigger, false).await;
    let NotTaken { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("certificate"), "{why}");
    assert!(receiver.asked().is_empty());
    let trusted = notifier("pagerduty", &receiver.address, &Roots::Only(receiver.ca.clone()));
    assert_eq!(letter(&trusted.send(&page(), Action::Resolve, false).await), 'A');
    assert_eq!(receiver.asked()[0].json()["event_action"], "resolve");
}

#[tokio::test]
async fn delivery_knows_the_manners_of_each() {
    let pem = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem();
    let all = settings(&[
        KEY,
        ("COALMINE_PAGERDUTY_TOKEN", "rest-token"),
        ("COALMINE_PAGERDUTY_RATE", "7/9"),
        ("COALMINE_SLACK_WEBHOOK", "https://hooks.slack.com/services/a"),
        ("COALMINE_ALERTMANAGER", "http://alertmanager:9093"),
        ("COALMINE_WEBHOOK", "https://hooks.example.com"),
        ("COALMINE_SMTP", "smtps://mail.example.com"),
        ("COALMINE_MAIL_FROM", "canaries@example.com"),
        ("COALMINE_MAIL_TO", "a@example.com"),
    ]);
    let notifiers = all.notifiers(&Roots::Only(pem)).unwrap();
    let manner = |name: &str, absorbs, acknowledges, refresh: Option<u64>, burst, per_minute| Manner {
        name: name.to_owned(),
        absorbs,
        acknowledges,
        refresh: refresh.map(Duration::from_secs),
        burst,
        per_minute,
    };
    let found: Vec<_> = notifiers.iter().map(|it| it.manner().clone()).collect();
    let expected = [
        manner("pagerduty", true, true, None, 7, 9),
        manner("alertmanager", true, false, Some(120), 60, 600),
        manner("slack", false, false, None, 5, 55),
        manner("webhook", false, true, None, 30, 120),
        manner("mail", false, false, None, 10, 30),
    ];
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), all.configured());
    assert!(notifiers[0].remote().is_some() && notifiers[1].remote().is_none());

    let bad = all.notifiers(&Roots::Only(String::new())).map(|it| it.len()).unwrap_err();
    let names: Vec<_> = bad.problems.iter().map(|it| it.name.as_str()).collect();
    let expected = ["COALMINE_PAGERDUTY_EVENTS", "COALMINE_SLACK_WEBHOOK", "COALMINE_WEBHOOK"];
    assert_eq!(names, expected, "all that need authorities");
}
