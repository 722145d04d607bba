//! `canaries run`, as people and CI use it: what it prints while it runs and in the end, on a terminal and elsewhere.

use std::{
    fs,
    io::Read as _,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use canaries::suite;
use coalmine::{
    RunRecord,
    report::{console, surface},
};
use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{Ended, Process, until},
    program::{PATIENCE, Standalone, Variables, command, in_a_folder, roots},
};

/// How long a run may go on after it was told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);

struct Run {
    folder: TempDir,
    variables: Variables,
}

impl Run {
    fn new(variables: &Variables) -> Self {
        let (folder, variables) = in_a_folder(variables);
        Self { folder, variables }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.variables, self.folder.path());
        command.arg("run").args(arguments);
        command
    }

    fn start(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.command(arguments))
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).wait(PATIENCE)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn records(&self) -> Vec<RunRecord> {
        records(&self.read("reports/record.json"))
    }
}

fn records(json: &str) -> Vec<RunRecord> {
    let file: Value = serde_json::from_str(json).unwrap();
    let runs = file["runs"].as_array().expect("a list of runs");
    runs.iter().map(|run| RunRecord::from_json(&run.to_string()).unwrap()).collect()
}

/// What the harness says of these runs in the end.
fn summary(records: &[RunRecord], operations: &[String]) -> String {
    let plan = suite().plan().unwrap();
    let cases = surface::cases(&plan, operations.iter().map(String::as_str), records);
    console::summary(records, &cases, false)
}

#[test]
fn a_line_per_step_as_it_ends_then_the_summary_of_the_harness() {
    let run = Run::new(&Variables::new());
    let ended = run.run(&[]);
    ended.expect_code(0);
    assert_eq!(ended.err, "");
    let plan = suite().plan().unwrap();
    let cases: usize = plan.canaries.iter().map(|it| it.cases().count()).sum();
    let mut lines = ended.out.lines();
    assert_eq!(lines.next(), Some("watching sequence at sandbox in this process"));
    let width = cases.to_string().len();
    for number in 1..=cases {
        let start = format!("[{number:>width$}/{cases}] passed       ");
        let line = lines.next().unwrap();
        assert!(line.starts_with(&start), "{line} should start with {start}");
    }
    assert_eq!(lines.next(), Some(""));
    let rest: Vec<_> = lines.map(|line| format!("{line}\n")).collect();
    assert_eq!(rest.concat().trim_end(), summary(&run.records(), &plan.operations).trim_end());
    assert!(ended.out.ends_with("\noverall: passed, 2 of 2 canaries\n"), "{}", ended.said());
    assert!(run.read("reports/junit.xml").contains("<testsuite name=\"surface\""));
}

#[test]
fn what_is_asked_for_is_run_with_what_it_needs() {
    let run = Run::new(&Variables::new());
    let ended = run.run(&["onboarding"]);
    ended.expect_code(0);
    let [record] = &run.records()[..] else { panic!("one run{}", ended.said()) };
    assert!(record.canary == "onboarding" && !record.filtered, "a whole canary");
    // The operations that this canary proves, and no others.
    let plan = suite().plan().unwrap();
    let of_this = |it: &&String| {
        plan.prover(it).is_some_and(|(canary, _)| plan.canaries[canary].name() == "onboarding")
    };
    let proven = plan.operations.iter().filter(of_this).count();
    assert!(proven > 5 && proven < plan.operations.len());
    let line = format!("surface: passed ({proven} of {proven} operations passed)\n");
    assert!(ended.out.contains(&line), "should say {line}{}", ended.said());

    let ended = run.run(&["--step", "onboarding::confirm_email", "--step", "api::hello"]);
    ended.expect_code(0);
    let names: Vec<_> = run
        .records()
        .iter()
        .flat_map(|record| {
            assert!(record.filtered, "{}", record.canary);
            record.steps.iter().map(|step| record.full_name(step)).collect::<Vec<_>>()
        })
        .filter(|it| !it.contains("::fixture "))
        .collect();
    let needed =
        ["api::hello", "onboarding::sign_up", "onboarding::receive_code", "onboarding::confirm_email"];
    assert_eq!(names, needed);
    assert!(ended.out.contains(", some steps only), run "), "{}", ended.said());
}

#[test]
fn a_fault_fails_its_step_and_the_summary_says_where_to_start() {
    let run = Run::new(&Variables::new());
    let ended = run.run(&["api", "--fault", "error_500:create-key"]);
    ended.expect_code(1);
    let line = ended.out.lines().find(|it| it.contains("] failed       api::create_key in ")).unwrap();
    assert!(line.contains(" (assertion): expected success, got 500"), "{line}");
    for says in [
        "\n  create_key failed (assertion)\n",
        "\n    exchange: POST https://127.0.0.1:",
        "\n    repeat: cargo test --test canaries -- --exact api::create_key\n",
        "\n  create-key failed: `api::create_key`, which proves it, failed",
    ] {
        assert!(ended.out.contains(says), "should say {says}{}", ended.said());
    }
    assert_eq!(roots(&run.records()[0]), [("create_key".to_owned(), "assertion")]);
}

#[test]
fn what_is_not_the_products_is_inconclusive_with_its_remedy() {
    let sandbox = Standalone::start(&[]);
    let mut variables = sandbox.exports.clone();
    variables.insert("GMAIL_CREDENTIAL".to_owned(), "wrong-refresh-token".to_owned());
    let ended = Run::new(&variables).run(&["onboarding"]);
    ended.expect_code(75);
    assert!(
        ended.out.starts_with(&format!("watching sequence at {}\n", sandbox.target())),
        "{}",
        ended.said()
    );
    assert!(ended.out.contains("] inconclusive onboarding::sign_up in "), "{}", ended.said());
    assert!(ended.out.contains("\n    remedy: "), "{}", ended.said());
    assert!(!ended.said().contains("wrong-refresh-token"), "{}", ended.said());
}

/// A run that waits for a mail that never comes, and has said all that it could until then.
fn in_the_middle(sandbox: &Standalone, run: &Run, arguments: &[&str]) -> Process {
    let mut process = run.start(arguments);
    let api = suite().plan().unwrap().canary("api").unwrap().cases().count();
    until(PATIENCE, "the steps of the other canary", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        (process.out().matches("] passed       api::").count() == api).then_some(())
    });
    assert_eq!(sandbox.census()["users"].as_array().map(Vec::len), Some(2), "a user is signed up");
    process
}

#[test]
fn steps_are_told_while_others_run_and_a_signal_cleans_up() {
    let sandbox = Standalone::start(&["--fault", "mail_lost"]);
    let before = sandbox.census();
    for signal in ["INT", "TERM"] {
        let run = Run::new(&sandbox.exports);
        let process = in_the_middle(&sandbox, &run, &["--json", "run.json"]);
        process.signal(signal);
        let told = Instant::now();
        let ended = process.wait(PATIENCE);
        assert!(told.elapsed() < STOP_LIMIT, "SIG{signal}: it took {:?}", told.elapsed());
        ended.expect_code(75);
        assert!(
            ended.out.contains(&format!("\nSIG{signal}: stopping the run and cleaning up\n")),
            "{}",
            ended.said()
        );
        assert_eq!(sandbox.census(), before, "after SIG{signal}{}", ended.said());
        let records = records(&run.read("run.json"));
        let cut_off: Vec<_> = records.iter().flat_map(roots).collect();
        assert_eq!(cut_off, [("receive_code".to_owned(), "cancelled")]);
        assert_eq!(records[1].cleanup.len(), 1, "the user was removed");
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_report_of_another() {
    let sandbox = Standalone::start(&["--fault", "mail_lost"]);
    let run = Run::new(&sandbox.exports);
    for name in ["run.json", "run.xml", "run.html"] {
        fs::write(run.path(name), "all was well").unwrap();
    }
    let arguments = ["--json", "run.json", "--junit", "run.xml", "--html", "run.html"];
    in_the_middle(&sandbox, &run, &arguments).kill();
    for name in ["run.json", "run.xml", "run.html", "reports/record.json", "reports/junit.xml"] {
        let text = run.read(name);
        assert!(!text.contains("all was well"), "{name}: {text}");
        assert!(name == "run.html" || text.contains("the run did not finish"), "{name}: {text}");
    }
    let left = fs::read_dir(run.folder.path()).unwrap().map(|it| it.unwrap().file_name());
    let mut left: Vec<_> = left.map(|it| it.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["reports", "run.html", "run.json", "run.xml"], "and nothing half written");
}

#[test]
fn json_is_alone_on_standard_output() {
    let run = Run::new(&Variables::new());
    for arguments in [&["api", "--json"][..], &["--json", "-", "api"]] {
        let ended = run.run(arguments);
        ended.expect_code(0);
        let records = records(&ended.out);
        assert_eq!(records.iter().map(|it| it.canary.as_str()).collect::<Vec<_>>(), ["api"]);
        assert_eq!(ended.out, run.read("reports/record.json"));
        assert!(
            ended.err.starts_with("watching sequence at sandbox in this process\n[  1/"),
            "{}",
            ended.said()
        );
        assert!(ended.err.ends_with("overall: passed, 1 of 1 canary\n"), "{}", ended.said());
    }
}

#[test]
fn reports_go_where_they_are_asked_for() {
    let run = Run::new(&Variables::new());
    let arguments = ["api", "--json", "run.json", "--junit", "run.xml", "--html", "run.html"];
    run.run(&arguments).expect_code(0);
    assert_eq!(run.read("run.json"), run.read("reports/record.json"));
    assert_eq!(run.read("run.xml"), run.read("reports/junit.xml"));
    let html = run.read("run.html");
    for says in ["<!DOCTYPE html>", "create_key", "sandbox in this process", "create-key"] {
        assert!(html.contains(says), "no {says} in the report");
    }
    // A link stays one.
    let elsewhere = run.path("elsewhere.json");
    std::os::unix::fs::symlink("run.json", &elsewhere).unwrap();
    fs::write(run.path("run.json"), "").unwrap();
    run.run(&["--step", "api::hello", "--json", "elsewhere.json"]).expect_code(0);
    assert!(elsewhere.is_symlink());
    assert_eq!(records(&run.read("run.json")).len(), 1);
}

/// A program whose output is the test's business. It ends with the test.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reader_that_goes_away_costs_neither_verdict_nor_reports() {
    for (arguments, code) in [
        (&["api"][..], 0),
        (&["api", "--fault", "error_500:create-key"], 1),
        (&["api", "--json"], 0),
        (&["api", "--json", "--fault", "error_500:create-key"], 1),
    ] {
        let run = Run::new(&Variables::new());
        let mut command = run.command(arguments);
        let mut child = Held(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        drop(child.0.stdout.take());
        let mut said = String::new();
        child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.0.wait().unwrap().code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(run.records().len(), 1, "{arguments:?}");
    }
}

#[test]
fn a_reader_that_takes_nothing_is_left_when_the_run_is_stopped() {
    let run = Run::new(&Variables::new());
    // More than a pipe holds, and nobody reads it.
    let mut command = run.command(&["--json"]);
    let mut child = Held(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    until(PATIENCE, "the reports", || {
        let text = fs::read_to_string(run.path("reports/record.json")).unwrap_or_default();
        text.contains("\"duration_ms\"").then_some(())
    });
    assert_eq!(child.0.try_wait().unwrap(), None, "it waits for its reader");
    let kill = format!("kill -TERM {}", child.0.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let status = until(STOP_LIMIT, "its end", || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(75), "all steps passed, but nobody could read it");
    assert_eq!(run.records().len(), 2);
}

#[test]
fn mistakes_are_named_before_anything_runs() {
    let run = Run::new(&Variables::new());
    for (arguments, says) in [
        (&["apii"][..], "- CANARY: there is no canary `apii`\n  remedy: did you mean `api`?"),
        (&["zzzzzz"], "remedy: take one of api, onboarding"),
        (&["api::hello"], "remedy: write `--step api::hello` for the step"),
        (&["--step", "hello"], "- --step: there is no step `hello`\n  remedy: did you mean `api::hello`?"),
        (&["--step", "api::helo"], "did you mean `api::hello`?"),
        (&["--step", "zz::zzzzzz"], "`test --list` prints all names"),
        (&["--step", "surface::create-key"], "write `api::create_key`, the step that proves this operation"),
        (&["apii", "--step", "api::helo"], "did you mean `api`?\n- --step: there is no step `api::helo`"),
        (&["--json", "api"], "put the canary first, `api --json`; or name the file `./api`"),
        (&["--html", "-"], "- --html: only JSON goes to standard output"),
        (&["--html", "/proc/none.html"], "- --html: `/proc/none.html` is to be a file that can be written"),
        (&["--junit", "none/run.xml"], "- --junit: `none/run.xml` is to be a file that can be written"),
        (&["--json", "."], "- --json: `.` is to be a file that can be written, but: it is a folder"),
        (&["--junit", "run", "--html", "run"], "- --html: `run` is the file of --junit as well"),
        (&["--fault", "mail_lots"], "; did you mean `mail_lost`?"),
        (&["--elsewhere"], "unexpected argument '--elsewhere'"),
        (&["--step"], "a value is required for '--step <CANARY::STEP>'"),
    ] {
        let ended = run.run(arguments);
        ended.expect_code(64);
        assert!(ended.err.contains(says), "{arguments:?} should say `{says}`{}", ended.said());
        assert_eq!(ended.out, "", "{arguments:?}: nothing has run");
    }
    let written = crate::program::files_below(run.folder.path());
    assert!(written.is_empty(), "nothing was written: {written:?}");

    let sandbox = Standalone::start(&[]);
    let ended = Run::new(&sandbox.exports).run(&["--fault", "mail_lost"]);
    ended.expect_code(64);
    assert!(ended.err.contains("- --fault: faults can be switched in the sandbox inside the process only"));
}

/// A terminal of so many columns.
struct Terminal {
    master: OwnedFd,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let terminal = Self { master };
        terminal.resize(columns);
        terminal
    }

    fn resize(&self, columns: u16) {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).unwrap();
    }

    /// What the program writes to it, until it has ended; calls `seen` with everything that has come by then.
    fn show(&self, command: &mut Command, mut seen: impl FnMut(&str, u32)) -> (String, Option<i32>) {
        let side =
            || Stdio::from(ioctl_tiocgptpeer(&self.master, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        let mut child = Held(command.stdin(Stdio::null()).stdout(side()).stderr(side()).spawn().unwrap());
        // The command would keep the other side open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        let mut master = fs::File::from(self.master.try_clone().unwrap());
        // An error says that nobody has the other side any more.
        while let Ok(length @ 1..) = master.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..length]);
            seen(&String::from_utf8_lossy(&bytes), child.0.id());
        }
        let code = child.0.wait().unwrap().code();
        (String::from_utf8_lossy(&bytes).replace("\r\n", "\n"), code)
    }
}

/// What moves the cursor up and removes what is below.
fn redrawn(text: &str) -> usize {
    text.matches("A\r\u{1b}[J").count()
}

/// The widest line among those that are rewritten, in columns.
fn widest(text: &str) -> usize {
    let lines = text.lines().map(without_escapes);
    let live =
        lines.filter(|it| it.contains(" of ") && (it.starts_with("api ") || it.starts_with("onboarding ")));
    live.map(|it| it.chars().count()).max().unwrap_or_default()
}

fn without_escapes(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|it: char| !it.is_ascii_alphabetic()).get(1..).unwrap_or_default()
    })
}

#[test]
fn a_terminal_shows_how_far_every_canary_is() {
    let sandbox = Standalone::start(&["--fault", "mail_lost", "--latency", "5"]);
    let run = Run::new(&sandbox.exports);
    let terminal = Terminal::new(80);
    let mut resized = 0;
    let mut command = run.command(&["api", "onboarding"]);
    let (text, code) = terminal.show(command.env("TERM", "xterm-256color"), |text, id| {
        // The one that waits for its mail is still shown, in less room; then it is enough.
        if resized == 0 && text.contains("receive_code") && redrawn(text) > 3 {
            terminal.resize(40);
            resized = text.len();
        } else if resized > 0 && redrawn(&text[resized..]) > 6 {
            let kill = format!("kill -INT {id}");
            let _ = Command::new("sh").args(["-c", &kill]).status();
        }
    });
    assert_eq!(code, Some(75), "{text}");
    assert!(text.starts_with("watching sequence at "), "{text:?}");
    assert!(text.contains("\u{1b}[2A\r\u{1b}[J"), "two lines are rewritten: {text:?}");
    assert!(!text.contains("] passed       "), "steps that pass are counted: {text:?}");
    let (wide, narrow) = text.split_at(text.floor_char_boundary(resized));
    assert!((41..80).contains(&widest(wide)), "{}: {wide:?}", widest(wide));
    let after = narrow.split_once("A\r\u{1b}[J").and_then(|(_, rest)| rest.split_once("A\r\u{1b}[J"));
    assert!(widest(after.unwrap().1) < 40, "{narrow:?}");
    assert!(text.contains("\u{1b}[33minconclusive\u{1b}[0m onboarding::receive_code in "), "{text:?}");
    let summary = text.rsplit("A\r\u{1b}[J").next().unwrap();
    // The other one may have been stopped as well.
    assert!(summary.contains("\noverall: \u{1b}[33minconclusive\u{1b}[0m, "), "{summary:?}");
}

#[test]
fn a_terminal_is_spared_what_it_cannot_show() {
    let run = Run::new(&Variables::new());
    let terminal = Terminal::new(80);
    let mut command = run.command(&["api"]);
    let (text, code) = terminal.show(command.env("TERM", "xterm").env("NO_COLOR", "1"), |_, _| {});
    assert_eq!(code, Some(0), "{text}");
    assert!(
        redrawn(&text) > 0 && !text.contains("\u{1b}[32m") && !text.contains("\u{1b}[0m"),
        "no colours: {text:?}"
    );
    for name in ["dumb", ""] {
        let mut command = run.command(&["api"]);
        let (text, code) = terminal.show(command.env("TERM", name), |_, _| {});
        assert_eq!(code, Some(0), "{text}");
        assert!(
            !text.contains('\u{1b}') && text.contains("] passed       api::hello in "),
            "{name}: {text:?}"
        );
    }
}

#[test]
fn help_names_every_command_and_option() {
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| {
        let ended = Process::start(command(&Variables::new(), Path::new(folder.path())).args(arguments))
            .wait(PATIENCE);
        ended.expect_code(0);
        ended.out
    };
    let all = help(&["--help"]);
    for name in ["run", "test", "serve", "report", "store", "sandbox", "surface"] {
        assert!(all.contains(&format!("\n  {name} ")), "no {name} in {all}");
    }
    let run = help(&["run", "--help"]);
    for name in [
        "[CANARY]...",
        "--step <CANARY::STEP>",
        "--json [<PATH>]",
        "--html <PATH>",
        "--junit <PATH>",
        "--fault <NAME>",
    ] {
        assert!(run.contains(name), "no {name} in {run}");
    }
}
