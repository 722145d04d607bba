//! The commands of alerts, as the engineer on call types them: against a service with a fault, without a service, and
//! with a pager that does not take what it is sent.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{Ended, Process, until},
    program::{PATIENCE, Variables, command, in_a_folder},
};

/// A fault that one step fails by, at once.
const FAULT: &str = "error_500:create-key";

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

/// A folder with reports, and somebody in a shell there.
struct Shell {
    folder: TempDir,
    variables: Variables,
}

impl Shell {
    fn new() -> Self {
        let (folder, mut variables) = in_a_folder(&Variables::new());
        variables.insert("USER".to_owned(), "anna".to_owned());
        Self { folder, variables }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn start(&self, arguments: &[&str]) -> Process {
        Process::start(command(&self.variables, self.folder.path()).args(arguments))
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).wait(PATIENCE)
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        ended.expect_code(0);
        assert_eq!(ended.err, "", "{arguments:?}");
        ended.out
    }

    /// Expects that nothing is done, and that one message says why and what to do.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, says: &str) {
        let ended = self.run(arguments);
        ended.expect_code(code);
        assert_eq!(ended.out, "", "{arguments:?}");
        assert!(ended.err.contains(says), "{arguments:?} should say `{says}`{}", ended.said());
        let errors = ended.err.lines().filter(|it| it.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{arguments:?}{}", ended.said());
        let helps = ["remedy: ", "--help"].iter().any(|it| ended.err.contains(it));
        assert!(helps, "{arguments:?} should say what to do{}", ended.said());
    }

    /// The incidents that are open, as the store has them.
    fn open(&self) -> Vec<Value> {
        serde_json::from_str(&self.done(&["incidents", "--open", "--json"])).unwrap()
    }
}

/// A service on a sandbox, whose faults can be switched.
struct Service {
    process: Process,
    /// `http://127.0.0.1:…`, without a slash at the end.
    address: String,
    control: String,
}

impl Service {
    fn start(shell: &Shell, arguments: &[&str]) -> Self {
        let own = ["serve", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
        let mut process = shell.start(&[&own, arguments].concat());
        let (address, control) = until(PATIENCE, "its addresses", || {
            assert!(!process.has_ended(), "it has ended{}", process.said());
            let said = process.said();
            let after = |text: &str, end: &str| Some(said.split(text).nth(1)?.split_once(end)?.0.to_owned());
            Some((after("the status page is at ", "/\n")?, after("faults are switched at http://", "\n")?))
        });
        Self { process, address, control }
    }

    fn mend(&self, fault: &str) {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        let host = &self.control;
        write!(stream, "DELETE /faults/{fault} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    /// Waits for something while it goes on.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        until(PATIENCE, what, || {
            assert!(!self.process.has_ended(), "it has ended{}", self.process.said());
            look()
        })
    }
}

/// A text as it is when every line that can be wrapped fits.
#[track_caller]
fn fits(text: &str) {
    for line in text.lines().filter(|it| it.chars().count() > 80) {
        assert!(line.split_whitespace().count() < 3, "longer than 80 columns: {line}");
    }
}

#[test]
fn an_incident_is_listed_explained_taken_and_muted_and_ends() {
    let shell = Shell::new();
    let mut service = Service::start(&shell, &["--every", "1s", "--fault", FAULT]);
    let incident = service.until("an incident", || shell.open().into_iter().next());
    assert_eq!(incident["canary"], "api", "{incident}");
    let id = incident["id"].as_str().unwrap().to_owned();
    let table = shell.done(&["incidents", "--open", "--canary", "api", "--limit", "1"]);
    assert!(table.starts_with("id ") && table.contains(&format!("\n{id}  open ")), "{table}");
    assert!(table.contains("api::create_key failed\n"), "{table}");
    assert_eq!(shell.done(&["incidents", "--canary", "onboarding"]), "there are no incidents\n");

    let text = service.until("a page", || {
        let text = shell.done(&["explain", &id]);
        text.contains("  pagerduty  trigger accepted in ").then_some(text)
    });
    fits(&text);
    assert!(text.starts_with(&format!("{id}: api::create_key failed\n")), "{text}");
    for says in [
        "\n  why         failed in 2 of the last ",
        "\n  severity    critical: it wakes the engineer on call\n",
        "\n  found       expected success, got 500 SEQ000\n",
        "\n  promise     ",
        "  coalmine   opens: failed in 2 of the last ",
        "\npaged pagerduty ",
        " after the deciding run;",
    ] {
        assert!(text.contains(says), "no `{says}` in {text}");
    }
    let story: Value = serde_json::from_str(&shell.done(&["explain", "--json"])).unwrap();
    assert_eq!(story["incident"]["id"], *id, "the newest, if none is named");
    assert_eq!(story["log"][0]["happened"], "opened");
    assert!(story["summary"].as_str().unwrap().starts_with("paged pagerduty "), "{story}");

    // Somebody takes it, and gives it back.
    let caller = Shell { folder: TempDir::new().unwrap(), variables: shell.variables.clone() }
        .set("COALMINE_SERVICE", &service.address);
    let said = caller.done(&["ack", &id]);
    let start = format!("anna takes care of {id} (api::create_key failed): nobody is reminded of it\n");
    assert_eq!(said, format!("{start}give it back with: canaries unack {id}\n"));
    service.until("it to be kept", || shell.done(&["incidents"]).contains("  taken  ").then_some(()));
    let said = caller.done(&["unack", &id, "--by", "ben"]);
    assert!(said.starts_with(&format!("nobody takes care of {id} ")), "{said}");

    // Something is muted, for some reason, until it is not.
    let said = caller.done(&["mute", "api", "--for", "2h", "--reason", "a deploy"]);
    assert!(said.starts_with("api: muted until ") && said.contains(", for 2 h: a deploy\n"), "{said}");
    let undo = said.lines().nth(1).and_then(|it| it.strip_prefix("end it before with: canaries unmute "));
    let silence = undo.unwrap().to_owned();
    let said = caller.done(&["silences"]);
    assert!(said.contains(&format!("\n{silence}  api ")) && said.contains(": a deploy (anna)\n"), "{said}");
    service.until("it to be held", || shell.done(&["incidents"]).contains("  muted  ").then_some(()));
    let said = caller.done(&["unmute", &silence, "--service", &service.address]);
    assert_eq!(said, format!("{silence} is over: what is still down at api is told from now on\n"));
    let window =
        ["maintenance", "api::create_key", "--from", "1d", "--for", "90m", "--reason", "a migration"];
    let said = caller.done(&window);
    assert!(said.starts_with("api::create_key: in maintenance from ") && said.contains(", for 1 h 30 min: "));
    let silences: Value = serde_json::from_str(&caller.done(&["silences", "--json"])).unwrap();
    assert_eq!(silences[0]["kind"], "maintenance", "{silences}");

    service.mend(FAULT);
    let text = service.until("its end", || {
        let text = shell.done(&["explain", &id]);
        text.contains("  pagerduty  resolve accepted in ").then_some(text)
    });
    for says in ["  people     anna takes care of it\n", "goes on: given back by ben\n", ": mute s-"] {
        assert!(text.contains(says), "no `{says}` in {text}");
    }
    fits(&text);
    let last = text.trim_end().rsplit("\n\n").next().unwrap().replace('\n', " ");
    assert!(last.ends_with(" by 2 passes in a row") && last.contains("; resolved after "), "{text}");
    caller.refused(&["ack", &id], 64, "has closed at");
    // Also when no service runs any more.
    service.process.kill();
    assert_eq!(shell.done(&["explain", &id]), text);
    caller.refused(&["silences"], 75, ": Connection refused");

    let near = format!("{id}x");
    shell.refused(&["explain", &near], 64, &format!("did you mean `{id}`?"));
    shell.refused(&["explain", "nothing-like-it-at-all"], 64, "remedy: `canaries incidents` lists them");
    shell.refused(&["incidents", "--canary", "apu"], 64, "did you mean `api`?");
    shell.refused(&["incidents", "--limit", "0"], 64, "--limit");
}

#[test]
fn mistakes_are_named_and_nothing_is_done() {
    let shell = Shell::new().set("COALMINE_TOKEN", "a-token-of-this-test");
    let service = Service::start(&shell, &[]);
    let shell = shell.set("COALMINE_SERVICE", &service.address);
    let mute = |scope, length, reason| ["mute", scope, "--for", length, "--reason", reason];
    for (arguments, says) in [
        (&mute("apu", "2h", "why")[..], "did you mean `api`?"),
        (&mute("api::create_kye", "2h", "why"), "did you mean `create_key`?"),
        (&mute("::", "2h", "why"), "expected a canary, `canary::step`, or `*` for everything"),
        (&mute("api", "2h", " "), "expected a reason that others can read"),
        (&mute("api", "soon", "why"), "expected at least 1s, such as `30m`, `2h` or `1d 12h`"),
        (&mute("api", "0s", "why"), "expected at least 1s"),
        (&mute("api", "91d", "why"), "up to 90 days"),
        (&["mute", "api", "--for", "2h"], "--reason <TEXT>"),
        (&["mute", "api", "--reason", "why"], "--for <DURATION>"),
        (&["maintenance", "api", "--for", "2h", "--reason", "why"], "--from <TIME|DURATION>"),
        (
            &["maintenance", "api", "--from", "later", "--for", "2h", "--reason", "why"],
            "expected a time to come",
        ),
        (
            &["maintenance", "api", "--from", "2020-01-01T10:00Z", "--for", "2h", "--reason", "why"],
            "over already",
        ),
        (&["unmute", "s-nothing"], "there is no silence `s-nothing`"),
        (&["unmute", "../run"], "remedy: "),
        (&["ack", "i-nothing"], "there is no open incident `i-nothing`"),
        (&["silences", "--service", "localhost:8077"], "expected an address such as"),
        (&["silences", "--token-file", "none"], "cannot read `none`"),
    ] {
        shell.refused(arguments, 64, says);
    }
    // Nobody is there, or somebody else is.
    let control = format!("http://{}", service.control);
    for command in [&mute("api", "2h", "why")[..], &["ack", "i-1"], &["unmute", "s-1"], &["alert", "drill"]] {
        let at = |service| [command, &["--service", service]].concat();
        shell.refused(&at(NOBODY), 75, &format!("no service answers at {NOBODY}: "));
        shell.refused(&at(&control), 75, &format!("what answers at {control} is no service of ours"));
    }
    // Nobody is let in without the token, which is found in a file as well.
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("token"), "a-token-of-this-test\n").unwrap();
    let mut stranger = Shell { folder, variables: shell.variables.clone() };
    stranger.variables.remove("COALMINE_TOKEN");
    stranger.refused(&mute("api", "2h", "why"), 64, "remedy: name the file with the service's token");
    assert_eq!(stranger.done(&["silences", "--token-file", "token"]), "nothing is muted\n");
}

#[test]
fn without_a_store_or_an_incident_it_is_said_so() {
    let shell = Shell::new();
    for arguments in [&["incidents"][..], &["explain"]] {
        shell.refused(arguments, 64, "there is no store in `");
    }
    let mut service = Service::start(&shell, &[]);
    service.until("a store", || (shell.run(&["store", "info"]).code == Some(0)).then_some(()));
    assert_eq!(shell.done(&["incidents", "--open"]), "nothing is open\n");
    assert!(shell.done(&["explain"]).starts_with("no incident is kept in "));
    assert_eq!(shell.done(&["explain", "--json"]), "null\n");
}

#[test]
fn a_test_page_arrives_at_the_sandbox_and_leaves_nothing() {
    let shell = Shell::new();
    let out = shell.run(&["alert", "test"]);
    out.expect_code(0);
    let steps: Vec<&str> =
        out.out.lines().filter_map(|it| it.strip_prefix("pagerduty     ")?.split(' ').next()).collect();
    assert_eq!(steps, ["trigger", "shown", "resolve", "gone", "verdict"], "{}", out.said());
    for says in ["trigger   accepted in ", "shown     after ", "resolve   accepted in ", "verdict   works\n"]
    {
        assert!(out.out.contains(says), "no `{says}`{}", out.said());
    }
    assert!(out.err.starts_with("a test page of sequence at sandbox in this process for pagerduty\n"));
    shell.run(&["alert", "test", "--notifier", "pagerduty", "--wait", "10s"]).expect_code(0);
}

#[test]
fn a_test_page_that_does_not_arrive_is_told_from_one_of_which_nobody_knows() {
    let shell = Shell::new();
    for (fault, code, says) in [
        ("pagerduty_down", 75, "verdict   it could not be told whether it works\n"),
        ("pagerduty_rate_limited", 75, "trigger   not taken in "),
        ("pagerduty_error_after_accepting", 75, "gone      the test page may be open there"),
        ("pagerduty_api_down", 75, "shown     could not be asked: "),
        ("pagerduty_refuses_all", 1, "trigger   in its shortest form refused in "),
        ("pagerduty_swallows", 1, "shown     not within "),
        ("pagerduty_refuses", 0, "trigger   in its shortest form accepted in "),
    ] {
        let ended = shell.run(&["alert", "test", "--wait", "1s", "--fault", fault]);
        ended.expect_code(code);
        assert!(ended.out.contains(says), "{fault}: no `{says}`{}", ended.said());
        assert!(ended.out.contains("  verdict   "), "{fault}{}", ended.said());
    }
    shell.refused(&["alert", "test", "--notifier", "pagerdutty"], 64, "did you mean `pagerduty`?");
    shell.refused(&["alert", "test", "--fault", "pagerduty_dawn"], 64, "did you mean `pagerduty_down`?");
    shell.refused(&["alert", "test", "--wait", "0s"], 64, "expected at least 1s");
    let real = Shell::new().set("COALMINE_PAGERDUTY_KEY", &"k".repeat(32));
    real.refused(&["alert", "test"], 64, "it would tell somebody real of what fails in a sandbox");
}

#[test]
fn a_test_that_is_stopped_leaves_no_page() {
    let shell = Shell::new();
    let mut test = shell.start(&["alert", "test", "--wait", "10m", "--fault", "pagerduty_swallows"]);
    until(PATIENCE, "the page", || {
        assert!(!test.has_ended(), "it has ended{}", test.said());
        test.out().contains("  trigger   accepted in ").then_some(())
    });
    test.signal("INT");
    let ended = test.wait(PATIENCE);
    ended.expect_code(75);
    let after = ended.out.split("  stopped   SIGINT: nothing more is tried\n").nth(1);
    assert!(after.is_some_and(|it| it.contains("  resolve   accepted in ")), "{}", ended.said());
}

/// What a page is seen by settles for a minute first, so this takes as long.
#[test]
fn a_drill_is_waited_for_until_its_page_was_seen() {
    let shell = Shell::new();
    let service = Service::start(&shell, &[]);
    let caller = Shell::new().set("COALMINE_SERVICE", &service.address);
    let mut drill = caller.start(&["alert", "drill"]);
    let id = until(PATIENCE, "its begin", || {
        assert!(!drill.has_ended(), "it has ended{}", drill.said());
        Some(drill.said().split("drill i-").nth(1)?.split_once(' ')?.0.to_owned())
    });
    caller.refused(&["alert", "drill"], 64, "a drill goes on already");
    let ended = drill.wait(PATIENCE * 2);
    ended.expect_code(0);
    assert!(
        ended.out.starts_with("the pager works: the page was seen to be there, after "),
        "{}",
        ended.said()
    );
    let text = shell.done(&["explain", &format!("i-{id}")]);
    assert!(text.contains("seen to be there") && text.contains("a drill of the pager\n"), "{text}");
}
