//! `canaries serve`, as people start and stop it: what it says of mistakes, what it prints, what it leaves.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    process::{Ended, Process, until},
    program::{PATIENCE, Standalone, Variables, command, in_a_folder},
};

/// How long it may go on after it was told to stop, with the runs of these tests in flight.
const STOP_LIMIT: Duration = Duration::from_secs(30);

struct Serve {
    folder: TempDir,
    variables: Variables,
}

impl Serve {
    fn new(variables: &Variables) -> Self {
        let (folder, variables) = in_a_folder(variables);
        Self { folder, variables }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn start(&self, arguments: &[&str]) -> Process {
        let mut command = command(&self.variables, self.folder.path());
        command.arg("serve").args(arguments);
        // The stable port is for people.
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Process::start(&mut command)
    }

    /// Expects it not to start.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> Ended {
        let ended = self.start(arguments).wait(PATIENCE);
        ended.expect_code(64);
        assert_eq!(ended.out, "", "nothing has run");
        ended
    }

    fn store(&self) -> std::path::PathBuf {
        Path::new(&self.variables["COALMINE_REPORTS"]).join("store.db")
    }
}

/// Waits until it has printed a line that fits.
fn printed(process: &mut Process, what: &str, fits: impl Fn(&str) -> bool) -> String {
    until(PATIENCE, what, || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        process.out().lines().find(|line| fits(line)).map(ToOwned::to_owned)
    })
}

fn stop(process: Process) -> Ended {
    process.signal("TERM");
    let told = Instant::now();
    let ended = process.wait(PATIENCE);
    assert!(told.elapsed() < STOP_LIMIT, "it took {:?}{}", told.elapsed(), ended.said());
    assert!(ended.err.contains("SIGTERM: no new runs; ending those in flight\n"), "{}", ended.said());
    ended
}

#[test]
fn without_any_setting_it_watches_a_sandbox_and_prints_a_line_per_run() {
    let serve = Serve::new(&Variables::new());
    let mut process = serve.start(&[]);
    for canary in ["api", "onboarding"] {
        let line = printed(&mut process, "a run", |line| line.contains(&format!(" {canary} passed in ")));
        assert!(line.contains(" passed") && line.contains("(run "), "{line}");
    }
    let ended = stop(process);
    ended.expect_code(0);
    assert!(ended.err.starts_with("watching sequence at sandbox in this process\n"), "{}", ended.said());
    assert!(ended.err.contains("\n  api: every 1m\n  onboarding: every 5m\n"), "{}", ended.said());
    assert_eq!(ended.out.lines().count(), 2, "each once{}", ended.said());
    assert!(serve.store().is_file());

    // The next one knows when they are due, and does not run them at once.
    let mut process = serve.start(&["--location", "elsewhere"]);
    until(PATIENCE, "its start", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        process.said().contains("  onboarding: every 5m").then_some(())
    });
    let ended = stop(process);
    ended.expect_code(0);
    assert_eq!(ended.out, "", "{}", ended.said());
}

/// Where the status page is, by what it has printed.
fn address(process: &mut Process) -> String {
    until(PATIENCE, "its address", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        let said = process.said();
        let address = said.split("the status page is at http://").nth(1)?.split_once("/\n")?.0;
        Some(address.to_owned())
    })
}

/// `curl -f` as an outside monitor: its exit code is 22 for any status from 400 on.
#[test]
fn curl_alone_is_a_complete_monitor() {
    // The flag that makes curl print the status besides, so that the test can tell one failure from another.
    let ask = |url: String| {
        let asked =
            Command::new("curl").args(["-sf", "-w", "%{http_code} %header{coalmine-verdict}", &url]).output();
        asked.ok().map(|it| (it.status.code(), String::from_utf8_lossy(&it.stdout).into_owned()))
    };
    let serve = Serve::new(&Variables::new());
    let mut process = serve.start(&["--control", "127.0.0.1:0"]);
    let (service, said) = (address(&mut process), process.said());
    let control =
        said.split("faults are switched at http://").nth(1).and_then(|it| it.lines().next()).unwrap();
    let url = |canary: &str| format!("http://{service}/run/{canary}?fresh");
    let Some((code, out)) = ask(url("onboarding")) else {
        eprintln!("skipped: there is no curl here");
        return drop(stop(process));
    };
    assert_eq!(code, Some(0), "{out}{}", process.said());
    assert!(out.contains("\"verdict\":\"passed\"") && out.ends_with("200 passed"), "{out}");

    let fault = "error_500:create-key";
    let switched =
        Command::new("curl").args(["-sf", "-X", "PUT", &format!("http://{control}/faults/{fault}")]).status();
    assert!(switched.unwrap().success());
    let (code, out) = ask(url("api")).unwrap();
    assert_eq!((code, out.as_str()), (Some(22), "500 failed"), "{}", process.said());
    let (code, out) = ask(url("nobody")).unwrap();
    assert_eq!((code, out.as_str()), (Some(22), "404 none"));
    stop(process).expect_code(0);
    // Nobody is there any more.
    assert_eq!(ask(url("onboarding")).unwrap().0, Some(7));
}

#[test]
fn it_answers_at_the_address_that_it_prints() {
    let serve = Serve::new(&Variables::new());
    let mut process = serve.start(&[]);
    let address = address(&mut process);
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = get("/run");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}{}", process.said());
    assert!(answer.contains("\r\ncoalmine-verdict: passed\r\n"), "{answer}");
    for canary in ["api", "onboarding"] {
        assert!(answer.contains(&format!("\"canary\":\"{canary}\"")), "{answer}");
    }
    assert!(get("/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
    stop(process).expect_code(0);
}

#[test]
fn an_address_is_listened_at_by_one_and_reached_by_others_only_with_a_token() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let serve = Serve::new(&Variables::new());
    let ended = serve.refused(&["--listen", &taken]);
    assert!(ended.err.contains(&format!("cannot listen at {taken}: ")), "{}", ended.said());
    assert!(ended.err.contains("remedy: "), "{}", ended.said());
    drop(held);

    let ended = serve.refused(&["--listen", "0.0.0.0:0"]);
    assert!(ended.err.contains("without a token everybody would be let in"), "{}", ended.said());
    let short = Serve::new(&Variables::new()).set("COALMINE_TOKEN", "short");
    assert!(short.refused(&[]).err.contains("the token is too short"));
    let ended = serve.refused(&["--token-file", "/nowhere/token"]);
    assert!(ended.err.contains("- --token-file: cannot read"), "{}", ended.said());
}

#[test]
fn every_is_followed_and_a_fault_that_is_switched_on_is_seen() {
    let serve = Serve::new(&Variables::new());
    let mut process = serve.start(&["--every", "1s", "--control", "127.0.0.1:0", "--store", "here/runs.db"]);
    printed(&mut process, "a passed run", |line| line.contains(" api passed in "));
    let said = process.said();
    let control = said.split("faults are switched at http://").nth(1).expect("the control address");
    let control = control.lines().next().unwrap().to_owned();
    let mut stream = TcpStream::connect(&control).unwrap();
    let request =
        format!("PUT /faults/error_500:create-key HTTP/1.1\r\nHost: {control}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");

    let line = printed(&mut process, "a failed run", |line| line.contains(" api failed in "));
    assert!(line.contains("; create_key: "), "{line}");
    stop(process).expect_code(0);
    assert!(serve.folder.path().join("here/runs.db").is_file());
}

#[test]
fn a_run_in_flight_is_cleaned_up() {
    let sandbox = Standalone::start(&["--fault", "mail_lost"]);
    let before = sandbox.census();
    let serve = Serve::new(&sandbox.exports).set("COALMINE_REQUIRE_TARGET", "1");
    let mut process = serve.start(&[]);
    until(PATIENCE, "a user", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        (sandbox.census()["users"].as_array().map_or(0, Vec::len) == 2).then_some(())
    });
    printed(&mut process, "the other run", |line| line.contains(" api passed in "));
    let ended = stop(process);
    ended.expect_code(0);
    assert!(ended.err.contains("\nstopped; 0 ended by themselves, 1 cancelled\n"), "{}", ended.said());
    assert!(ended.out.contains(" onboarding inconclusive in "), "{}", ended.said());
    assert_eq!(sandbox.census(), before);
}

#[test]
fn mistakes_are_named_before_anything_runs() {
    let serve = Serve::new(&Variables::new());
    for (arguments, says) in [
        (["--every", "soon"], "--every <DURATION>': expected at least 1s, such as `10s`, `5m` or `1h 30m`"),
        (["--every", "0s"], "--every <DURATION>': expected at least 1s, such as `10s`, `5m` or `1h 30m`"),
        (["--fault", "mail_lots"], "; did you mean `mail_lost`?"),
        (["--control", "nowhere"], "expected an IP address and a port"),
        (["--control", "0.0.0.0:0"], "- --control: "),
        (["--store", "/proc/none/runs.db"], "remedy: "),
        (["--elsewhere", "yes"], "unexpected argument '--elsewhere'"),
    ] {
        let ended = serve.refused(&arguments);
        assert!(ended.err.contains(says), "{arguments:?} should say `{says}`{}", ended.said());
        assert!(!ended.err.contains("panicked"), "{}", ended.said());
    }

    let ended = Serve::new(&Variables::new()).set("COALMINE_REQUIRE_TARGET", "1").refused(&[]);
    assert!(ended.err.contains("- COALMINE_TARGET: not set"), "{}", ended.said());
    let ended = Serve::new(&Variables::new()).set("COALMINE_TARGTE", "x").refused(&[]);
    assert!(ended.err.contains("- COALMINE_TARGTE: there is no such setting"), "{}", ended.said());
}

#[test]
fn faults_of_a_target_outside_are_not_switched_here() {
    let sandbox = Standalone::start(&[]);
    let serve = Serve::new(&sandbox.exports);
    for arguments in [["--fault", "mail_lost"], ["--control", "127.0.0.1:0"]] {
        let ended = serve.refused(&arguments);
        let says =
            format!("- {}: faults can be switched in the sandbox inside the process only", arguments[0]);
        assert!(ended.err.contains(&says), "{}", ended.said());
    }
}

#[test]
fn two_services_do_not_share_a_store() {
    let serve = Serve::new(&Variables::new());
    let mut first = serve.start(&[]);
    printed(&mut first, "a run", |line| line.contains(" passed in "));
    let ended = serve.refused(&[]);
    assert!(ended.err.contains("is in use by another process"), "{}", ended.said());
    stop(first).expect_code(0);
}
