use super::*;
use crate::config::{ConfigError, Environment};

const KEY: (&str, &str) = ("COALMINE_PAGERDUTY_KEY", "0123456789abcdef0123456789abcdef");
const SLACK: (&str, &str) =
    ("COALMINE_SLACK_WEBHOOK", "https://hooks.slack.com/services/T00/B00/slack-secret-of-24-chars");
const MAIL: [(&str, &str); 3] = [
    ("COALMINE_SMTP", "smtps://canaries:p%40ss-word@mail.example.com"),
    ("COALMINE_MAIL_FROM", "canaries@example.com"),
    ("COALMINE_MAIL_TO", "a@example.com, b@example.com"),
];

fn read(variables: &[(&str, &str)]) -> (AlertSettings, Result<(), ConfigError>) {
    let environment: Environment = variables.iter().copied().collect();
    let mut settings = Settings::new(&environment);
    let read = AlertSettings::read(&mut settings);
    (read, settings.finish())
}

#[track_caller]
fn good(variables: &[(&str, &str)]) -> AlertSettings {
    let (read, problems) = read(variables);
    assert_eq!(problems, Ok(()));
    read
}

/// What is wrong, as `NAME: found`.
#[track_caller]
fn bad(variables: &[(&str, &str)]) -> Vec<String> {
    let error = read(variables).1.expect_err("something is wrong");
    assert!(!error.to_string().contains("marker"), "{error}");
    error.problems.into_iter().map(|it| format!("{}: {}", it.name, it.found)).collect()
}

#[test]
fn with_nothing_set_nobody_is_told() {
    let settings = good(&[]);
    assert_eq!(settings, AlertSettings::default());
    assert!(settings.configured().is_empty() && settings.is_real().is_empty());
}

#[test]
fn everything_is_read() {
    let rest = [
        ("COALMINE_PAGERDUTY_EVENTS", "http://127.0.0.1:8080/"),
        ("COALMINE_PAGERDUTY_TOKEN", "rest-token"),
        ("COALMINE_PAGERDUTY_RATE", "1000/9000"),
        ("COALMINE_ALERTMANAGER", "http://alertmanager:9093/base/"),
        ("COALMINE_WEBHOOK", "https://hooks.example.com/coalmine?key=x"),
        ("COALMINE_WEBHOOK_SECRET", "sixteen-characters"),
        ("COALMINE_HEARTBEAT", "https://hc-ping.com/5ab3a5f2-0000-4000-8000-000000000000"),
        ("COALMINE_HEARTBEAT_EVERY", "2m"),
        ("COALMINE_PAGER_DRILL", "0 10 * * MON Europe/Berlin"),
        ("COALMINE_PUBLIC_URL", "https://canaries.example.com/"),
    ];
    let settings = good(&[&[KEY, SLACK][..], &MAIL, &rest].concat());
    let pagerduty = settings.pagerduty.clone().unwrap();
    assert_eq!(pagerduty.events, "http://127.0.0.1:8080");
    assert_eq!(pagerduty.api, "https://api.pagerduty.com");
    assert_eq!((pagerduty.burst, pagerduty.per_minute), (1000, 9000));
    assert_eq!(settings.alertmanager.clone().unwrap().root, "http://alertmanager:9093/base");
    let mail = settings.mail.clone().unwrap();
    assert_eq!((mail.server.host.as_str(), mail.server.port), ("mail.example.com", 465));
    assert_eq!(mail.server.password.unwrap().expose(), "p@ss-word");
    assert_eq!(mail.to, ["a@example.com", "b@example.com"]);
    assert_eq!(settings.heartbeat.clone().unwrap().every, Duration::from_secs(120));
    let expression = DrillTimes::Cron { expression: "0 10 * * MON".into(), zone: "Europe/Berlin".into() };
    assert_eq!(settings.pager_drill, Some(expression));
    assert_eq!(settings.public_url.as_deref(), Some("https://canaries.example.com"));

    assert_eq!(settings.configured(), NOTIFIERS);
    assert_eq!(settings.second.as_deref(), Some("alertmanager"));
    assert_eq!(settings.notify, ["pagerduty", "slack", "webhook", "mail"]);
    assert_eq!(settings.owners, ["alertmanager", "slack", "webhook", "mail"]);

    let all = [
        "COALMINE_PAGERDUTY_KEY",
        "COALMINE_PAGERDUTY_TOKEN",
        "COALMINE_ALERTMANAGER",
        "COALMINE_SLACK_WEBHOOK",
        "COALMINE_WEBHOOK",
        "COALMINE_SMTP",
        "COALMINE_HEARTBEAT",
    ];
    assert_eq!(settings.is_real(), all);
    assert_eq!(settings.leaves_machine(), all[1..], "events stay on this machine");
}

#[test]
fn who_is_told_follows_from_who_is_configured() {
    let two = [KEY, SLACK];
    let told = |more: &[(&str, &str)]| {
        let it = good(&[&two[..], more].concat());
        (it.notify.join(","), it.second.unwrap_or_default(), it.owners.join(","))
    };
    let told_to = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(told(&[]), told_to("pagerduty", "slack", "slack"));
    assert_eq!(told(&[("COALMINE_SECOND", "pagerduty")]), told_to("slack", "pagerduty", "slack"));
    assert_eq!(told(&[("COALMINE_SECOND", "none")]), told_to("pagerduty,slack", "", "slack"));
    assert_eq!(told(&[("COALMINE_NOTIFY", "slack")]), told_to("slack", "pagerduty", "slack"));
    assert_eq!(told(&[("COALMINE_NOTIFY", "slack, pagerduty")]), told_to("slack,pagerduty", "", "slack"));
    assert_eq!(told(&[("COALMINE_OWNERS", "none")]), told_to("pagerduty", "slack", ""));
    let one = good(&[KEY]);
    assert_eq!((one.notify, one.second, one.owners), (vec!["pagerduty".to_owned()], None, Vec::new()));
}

#[test]
fn names_that_mean_nobody_are_problems() {
    let error =
        read(&[KEY, ("COALMINE_NOTIFY", "pagerdutty,slack"), ("COALMINE_SECOND", "a,b")]).1.unwrap_err();
    let text = error.to_string();
    for part in [
        "- COALMINE_NOTIFY: there is no notifier `pagerdutty`\n  remedy: did you mean `pagerduty`?",
        "- COALMINE_NOTIFY: the notifier `slack` is not configured",
        "- COALMINE_SECOND: there is no notifier `a`",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        bad(&[KEY, ("COALMINE_NOTIFY", "pagerdutty")]),
        ["COALMINE_NOTIFY: there is no notifier `pagerdutty`"]
    );
    assert_eq!(bad(&[KEY, ("COALMINE_NOTIFY", " ,")]), ["COALMINE_NOTIFY: it names no notifier"]);
    assert_eq!(
        bad(&[KEY, ("COALMINE_SECOND", "pagerduty")]),
        ["COALMINE_SECOND: nobody but the second is told of incidents"]
    );
    assert_eq!(
        bad(&[KEY, SLACK, ("COALMINE_NOTIFY", "pagerduty,slack"), ("COALMINE_SECOND", "slack")]),
        ["COALMINE_SECOND: it is among COALMINE_NOTIFY, so it is told anyway"]
    );
}

#[test]
fn every_mistake_is_named_with_its_variable_and_without_its_secret() {
    let problems = bad(&[
        ("COALMINE_PAGERDUTY_KEY", "marker"),
        ("COALMINE_PAGERDUTY_EVENTS", "http://events.example.com"),
        ("COALMINE_PAGERDUTY_TOKEN", "marker marker"),
        ("COALMINE_PAGERDUTY_RATE", "0/1"),
        ("COALMINE_SLACK_WEBHOOK", "hooks.slack.com/marker"),
        ("COALMINE_ALERTMANAGER", "http://alertmanager:9093"),
        ("COALMINE_ALERTMANAGER_TOKEN", "marker"),
        ("COALMINE_WEBHOOK", "https://user:marker@hooks.example.com"),
        ("COALMINE_WEBHOOK_SECRET", "marker"),
        ("COALMINE_SMTP", "mail.example.com:marker"),
        ("COALMINE_MAIL_FROM", "Canaries <canaries@example.com>"),
        ("COALMINE_MAIL_TO", "a@example.com,b"),
        ("COALMINE_HEARTBEAT", "http://hc.example.com/marker"),
        ("COALMINE_HEARTBEAT_EVERY", "5s"),
        ("COALMINE_PAGER_DRILL", "0 10 * * MON Europe/Berlim"),
        ("COALMINE_PUBLIC_URL", "canaries.example.com"),
    ]);
    let names: Vec<_> = problems.iter().filter_map(|it| it.split_once(':')).map(|(name, _)| name).collect();
    let expected = [
        "COALMINE_PAGERDUTY_EVENTS",
        "COALMINE_PAGERDUTY_TOKEN",
        "COALMINE_PAGERDUTY_RATE",
        "COALMINE_PAGERDUTY_KEY",
        "COALMINE_ALERTMANAGER",
        "COALMINE_SLACK_WEBHOOK",
        "COALMINE_WEBHOOK",
        "COALMINE_WEBHOOK_SECRET",
        "COALMINE_SMTP",
        "COALMINE_MAIL_FROM",
        "COALMINE_MAIL_TO",
        "COALMINE_HEARTBEAT",
        "COALMINE_HEARTBEAT_EVERY",
        "COALMINE_PAGER_DRILL",
        "COALMINE_PUBLIC_URL",
    ];
    assert_eq!(names, expected, "{problems:#?}");
}

#[test]
fn what_stands_alone_asks_for_the_rest() {
    for (alone, missing) in [
        (("COALMINE_PAGERDUTY_TOKEN", "token"), vec!["COALMINE_PAGERDUTY_KEY: not set"]),
        (("COALMINE_ALERTMANAGER_TOKEN", "token"), vec!["COALMINE_ALERTMANAGER: not set"]),
        (("COALMINE_WEBHOOK_SECRET", "sixteen-characters"), vec!["COALMINE_WEBHOOK: not set"]),
        (("COALMINE_HEARTBEAT_EVERY", "1m"), vec!["COALMINE_HEARTBEAT: not set"]),
        (MAIL[0], vec!["COALMINE_MAIL_FROM: not set", "COALMINE_MAIL_TO: not set"]),
        (MAIL[1], vec!["COALMINE_SMTP: not set", "COALMINE_MAIL_TO: not set"]),
    ] {
        assert_eq!(bad(&[alone]), missing);
    }
}

#[test]
fn servers_for_mail_are_secured_unless_they_are_here() {
    let server = |text: &str| {
        let it = good(&[("COALMINE_SMTP", text), MAIL[1], MAIL[2]]).mail.unwrap().server;
        (it.host, it.port, it.tls)
    };
    assert_eq!(server("smtps://mail.test"), ("mail.test".into(), 465, SmtpTls::Implicit));
    assert_eq!(server("smtp://mail.test:25"), ("mail.test".into(), 25, SmtpTls::Starttls));
    assert_eq!(server("smtp://[::1]:2525"), ("::1".into(), 2525, SmtpTls::IfThere));
    assert_eq!(server("smtps://u:p@127.0.0.1"), ("127.0.0.1".into(), 465, SmtpTls::Implicit));
    for text in ["smtps://user@host", "smtps://host/path", "https://host", "smtps://"] {
        let problems = bad(&[("COALMINE_SMTP", text), MAIL[1], MAIL[2]]);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    }
}

#[test]
fn drills_come_at_intervals_or_times() {
    let every = |text: &str| good(&[("COALMINE_PAGER_DRILL", text)]).pager_drill.unwrap();
    assert_eq!(every("24h"), DrillTimes::Every(Duration::from_secs(86_400)));
    let daily = DrillTimes::Cron { expression: "@daily".into(), zone: "UTC".into() };
    assert_eq!(every("@daily UTC"), daily);
    for text in ["1s", "soon", "10 * * MON", "* * * * *"] {
        assert_eq!(bad(&[("COALMINE_PAGER_DRILL", text)]).len(), 1, "{text}");
    }
}

#[test]
fn what_is_secret_is_taught_and_not_shown() {
    let more = [
        ("COALMINE_PAGERDUTY_TOKEN", "rest-token"),
        ("COALMINE_WEBHOOK", "https://hooks.example.com/coalmine?key=query-secret"),
        ("COALMINE_WEBHOOK_SECRET", "signing-secret-of-24-char"),
        ("COALMINE_HEARTBEAT", "https://hc-ping.com/5ab3a5f2-0000-4000-8000-000000000000"),
    ];
    let settings = good(&[&[KEY, SLACK][..], &MAIL, &more].concat());
    let redactor = Redactor::new();
    settings.teach(&redactor);
    for secret in [
        KEY.1,
        "slack-secret-of-24-chars",
        "p@ss-word",
        "rest-token",
        "key=query-secret",
        "signing-secret-of-24-char",
        "5ab3a5f2-0000-4000-8000-000000000000",
    ] {
        assert_eq!(redactor.clean(secret), "[redacted]", "{secret}");
        assert!(!format!("{settings:?}").contains(secret), "{secret}");
    }
    assert_eq!(redactor.clean("/services/ and /coalmine are words"), "/services/ and /coalmine are words");
}
