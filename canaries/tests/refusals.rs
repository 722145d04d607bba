//! What `serve` does not start with: a real product that nobody would be called for, a sandbox that would call somebody
//! real, and settings that say something else than was meant. Each with its remedy, before anything is run or written.

use std::path::Path;

use crate::{
    process::{Process, until},
    program::{PATIENCE, Variables, command, files_below, in_a_folder},
    settings::settings,
};

const KEY: (&str, &str) = ("COALMINE_PAGERDUTY_KEY", "0123456789abcdef0123456789abcdef");
const SLACK: (&str, &str) =
    ("COALMINE_SLACK_WEBHOOK", "https://hooks.slack.com/services/T00/B00/slack-secret-of-24-chars");
const HEARTBEAT: (&str, &str) =
    ("COALMINE_HEARTBEAT", "https://hc-ping.com/5ab3a5f2-0000-4000-8000-000000000000");
const NO_ALERTS: &[&str] = &["--no-alerts"];

const SANDBOX: &str = "it would tell somebody real of what fails in a sandbox";
const UNSET: &str = "unset it: a sandbox has a PagerDuty of its own";
const NOBODY: &str = "no notifier is configured";

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// A product of which everything is set; nothing is where it should be.
    Real,
    Sandbox,
}
use Target::{Real, Sandbox};

/// Settings and arguments, and for each problem its name, what is wrong, and the remedy.
struct Case(
    Target,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    &'static [(&'static str, &'static str, &'static str)],
);

const CASES: &[Case] = &[
    Case(Real, &[], &[], &[("alerts", NOBODY, "start with --no-alerts")]),
    // A sign of life calls nobody when the product fails.
    Case(Real, &[HEARTBEAT], &[], &[("alerts", NOBODY, "set COALMINE_PAGERDUTY_KEY")]),
    Case(Sandbox, &[KEY], &[], &[(KEY.0, SANDBOX, UNSET)]),
    Case(Sandbox, &[KEY], NO_ALERTS, &[(KEY.0, SANDBOX, UNSET)]),
    // Wherever it goes: it is a real one.
    Case(
        Sandbox,
        &[KEY, ("COALMINE_PAGERDUTY_EVENTS", "http://127.0.0.1:1")],
        &[],
        &[(KEY.0, SANDBOX, "or name a real target in COALMINE_TARGET")],
    ),
    Case(Sandbox, &[SLACK], &[], &[(SLACK.0, SANDBOX, UNSET)]),
    Case(Sandbox, &[HEARTBEAT], &[], &[(HEARTBEAT.0, SANDBOX, UNSET)]),
    Case(Sandbox, &[HEARTBEAT], NO_ALERTS, &[(HEARTBEAT.0, SANDBOX, UNSET)]),
    Case(
        Sandbox,
        &[KEY, SLACK, HEARTBEAT],
        &[],
        &[(KEY.0, SANDBOX, UNSET), (SLACK.0, SANDBOX, UNSET), (HEARTBEAT.0, SANDBOX, UNSET)],
    ),
    Case(
        Real,
        &[KEY, ("COALMINE_PAGER_DRILL", "24h")],
        &[],
        &[(
            "COALMINE_PAGER_DRILL",
            "nobody could see whether the drill's page exists",
            "COALMINE_PAGERDUTY_TOKEN",
        )],
    ),
    Case(
        Real,
        &[KEY, ("COALMINE_NOTIFY", "pagerdutty")],
        &[],
        &[("COALMINE_NOTIFY", "there is no notifier `pagerdutty`", "did you mean `pagerduty`?")],
    ),
    Case(
        Real,
        &[KEY, ("COALMINE_NOTIFY", "slack")],
        &[],
        &[("COALMINE_NOTIFY", "the notifier `slack` is not configured", "configure it, or leave it out")],
    ),
    Case(
        Real,
        &[("COALMINE_PAGERDUTY_KEY", "marker-no-key")],
        &[],
        &[(KEY.0, "expected 32 letters and digits", "copy the key of an integration `Events API v2`")],
    ),
    Case(
        Real,
        &[("COALMINE_SLACK_WEBHOOK", "http://hooks.slack.com/services/marker")],
        &[],
        &[(SLACK.0, "expected `https`", "correct the address, or unset it")],
    ),
    Case(
        Real,
        &[KEY, ("COALMINE_ANCHORS", "https://marker:marker@example.com")],
        &[],
        &[("COALMINE_ANCHORS", "expected addresses such as", "correct it, or unset it")],
    ),
    // It is read for the product and for notifiers, and said once.
    Case(
        Real,
        &[KEY, ("COALMINE_CA", "no-such-file.pem")],
        &[],
        &[("COALMINE_CA", "cannot read `no-such-file.pem`", "name a readable file")],
    ),
    // All at once.
    Case(
        Real,
        &[
            KEY,
            HEARTBEAT,
            ("COALMINE_CA", "no-such-file.pem"),
            ("COALMINE_HEARTBEAT_EVERY", "5s"),
            ("COALMINE_SECOND", "mail"),
            ("COALMINE_PAGERDUTY_TOKE", "marker"),
            ("SEQUENCE_TEAM", ""),
        ],
        &[],
        &[
            ("COALMINE_CA", "cannot read `no-such-file.pem`", "name a readable file"),
            ("COALMINE_HEARTBEAT_EVERY", "expected at least 15s", "correct it, or unset it"),
            ("COALMINE_SECOND", "the notifier `mail` is not configured", "configure it, or leave it out"),
            (
                "COALMINE_PAGERDUTY_TOKE",
                "there is no such setting",
                "did you mean `COALMINE_PAGERDUTY_TOKEN`?",
            ),
            ("SEQUENCE_TEAM", "not set", "name the team"),
        ],
    ),
];

/// The values above that nobody may see.
const SECRET: &[&str] = &["marker", "0123456789abcdef", "slack-secret", "5ab3a5f2"];

fn variables(target: Target, change: &[(&str, &str)]) -> Variables {
    let mut variables = if target == Real { settings() } else { Variables::new() };
    variables.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables
}

fn serve(variables: &Variables, folder: &Path, arguments: &[&str]) -> Process {
    let mut command = command(variables, folder);
    Process::start(command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments))
}

#[test]
fn every_problem_is_named_once_with_its_remedy_and_nothing_is_run_or_written() {
    for Case(target, change, arguments, problems) in CASES {
        let what = format!("{target:?} {:?} {arguments:?}", change.iter().map(|it| it.0).collect::<Vec<_>>());
        let (folder, variables) = in_a_folder(&variables(*target, change));
        let ended = serve(&variables, folder.path(), arguments).wait(PATIENCE);
        ended.expect_code(64);
        assert_eq!(ended.out, "", "{what}");
        let lines: Vec<_> = ended.err.lines().collect();
        assert_eq!(lines[0], "error: the configuration is not usable; nothing was run", "{what}");
        for (name, found, remedy) in *problems {
            let told = lines.windows(2).any(|pair| {
                pair[0].starts_with(&format!("- {name}: "))
                    && pair[0].contains(found)
                    && pair[1].starts_with("  remedy: ")
                    && pair[1].contains(remedy)
            });
            assert!(told, "{what}: expected {name}, {found}, {remedy}{}", ended.said());
        }
        assert_eq!(lines.len(), 1 + 2 * problems.len(), "{what}: and nothing else{}", ended.said());
        for secret in SECRET {
            assert!(!ended.err.contains(secret), "{what}: a value is shown{}", ended.said());
        }
        assert_eq!(files_below(folder.path()), [""; 0].map(Path::new), "{what}");
    }
}

#[test]
fn who_says_that_nobody_is_to_be_told_may_start() {
    let (folder, real) = in_a_folder(&variables(Real, &[("COALMINE_ANCHORS", "https://one.one.one.one")]));
    starts(&real, folder.path(), NO_ALERTS, &["nobody is told of what fails", "no anchor is asked"]);
}

#[test]
fn a_sandbox_has_a_pager_of_its_own_and_may_tell_others_on_this_machine() {
    let (folder, sandbox) = in_a_folder(&Variables::new());
    starts(&sandbox, folder.path(), &[], &["pagerduty is told of what fails; owners of canaries: nobody"]);
    let hook = [("COALMINE_WEBHOOK", "http://127.0.0.1:1/hook")];
    let (folder, sandbox) = in_a_folder(&variables(Sandbox, &hook));
    starts(&sandbox, folder.path(), &[], &["pagerduty and webhook are told of what fails"]);
}

/// Waits until it answers requests. It ends with this.
fn starts(variables: &Variables, folder: &Path, arguments: &[&str], says: &[&str]) {
    let mut process = serve(variables, folder, arguments);
    until(PATIENCE, "its start", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        process.said().contains("the status page is at http://").then_some(())
    });
    for part in says {
        assert!(process.said().contains(part), "expected `{part}`{}", process.said());
    }
}
