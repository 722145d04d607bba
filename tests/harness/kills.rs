//! `serve` is killed again and again while runs go on and somebody asks for more: what was told of before is there
//! after, and the schedules go on where they were.
//!
//! One process after the other has the same store. What it announces, and what it answers, is remembered; the next one
//! is asked for all of it.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use coalmine::{
    Canary, Result, Suite,
    cli::Standalone,
    config::{ConfigError, Environment},
    surface::Surface,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Case, marks::Marks, setup::FixtureSetup};

/// The suite that is served here.
pub(crate) const SUITE: &str = "killed";

/// How often a process is killed; `SERVE_KILLS` says otherwise.
const KILLS: u32 = 20;

/// How long anything may take before the trial fails. Far above what any needs: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// How often the canary `often` runs.
const OFTEN: Duration = Duration::from_millis(20);

pub(crate) const CASES: &[Case] =
    &[("a_kill_loses_no_run_and_no_schedule", a_kill_loses_no_run_and_no_schedule)];

/// The program that is killed: a suite of quick steps, with the commands that every suite's program has.
pub(crate) fn program() -> ExitCode {
    let nothing = || ConfigError::one("sandbox", "there is none here", "use `serve`");
    coalmine::cli::main::<FixtureSetup, NoOptions>(
        suite,
        || {
            Surface::parse("openapi: 3.1.0\npaths: {}")
                .map(Into::into)
                .map_err(|_| ConfigError::one("document", "it cannot be read", "mend the fixture"))
        },
        |_, _, _| -> std::result::Result<Standalone, ConfigError> { Err(nothing()) },
    )
}

/// The fixture's sandbox takes no options.
#[derive(clap::Args)]
struct NoOptions {}

fn suite() -> Suite {
    async fn step(marks: Marks) -> Result<()> {
        marks.around().await;
        Ok(())
    }
    let canary = |name: &str| Canary::new(name).step("first", step).step("second", step);
    Suite::new("shop")
        .canary(canary("often").every(OFTEN))
        .canary(canary("paused").every(OFTEN))
        .canary(canary("hourly").every(Duration::from_secs(3600)))
        .canary(canary("asked"))
}

/// A service that is running.
struct Serving {
    child: Child,
    started: Instant,
    /// Its lines on standard output, until it ends.
    lines: Receiver<String>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", "--listen", "127.0.0.1:0", "--store", "runs.db", "--no-alerts"])
            .env_clear()
            .env("FIXTURE_SUITE", SUITE)
            .env("FIXTURE_MARKS", folder.join("marks"))
            .env("COALMINE_REPORTS", folder.join("reports"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            // A line that the kill has cut was not told.
            out.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self { child, started: Instant::now(), lines }
    }

    /// Waits until it answers requests. That it does means that the store could be opened.
    fn listen(&mut self) -> String {
        let mut said = String::new();
        let mut errors = BufReader::new(self.child.stderr.take().unwrap());
        loop {
            let mut line = String::new();
            if errors.read_line(&mut line).unwrap() == 0 {
                panic!("it ended and said:\n{said}");
            }
            said.push_str(&line);
            if let Some(rest) = line.split_once("the status page is at http://") {
                let address = rest.1.trim().trim_end_matches('/').to_owned();
                // Somebody has to read on, or it would stop at a full pipe one day.
                thread::spawn(move || errors.read_to_string(&mut String::new()));
                return address;
            }
        }
    }

    /// Waits for the next line.
    fn line(&self) -> Announced {
        Announced::read(&self.lines.recv_timeout(LIMIT).expect("runs go on"))
    }

    /// Ends it without a warning; what it had announced, and how long it lived.
    fn kill(mut self) -> (Vec<Announced>, Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let lived = self.started.elapsed();
        (self.lines.iter().map(|it| Announced::read(&it)).collect(), lived)
    }
}

/// A line of a run that has ended: `TIME CANARY VERDICT in 3 ms (run ID, on request): …`.
#[derive(Debug)]
struct Announced {
    canary: String,
    run: String,
    by_schedule: bool,
}

impl Announced {
    fn read(line: &str) -> Self {
        let canary = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let inside = line.split_once("(run ").and_then(|(_, rest)| rest.split_once(')'));
        let inside = inside.unwrap_or_else(|| panic!("no run in `{line}`")).0;
        let run = inside.split(',').next().unwrap_or_default().to_owned();
        Self { canary, run, by_schedule: !inside.contains(',') }
    }
}

/// Asks once; nothing if the connection breaks before the whole answer is there.
fn ask(address: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let form =
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all((head + &form).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// What is asked of a service that lives.
fn read(address: &str, path: &str) -> Value {
    let answer = ask(address, "GET", path, "");
    let (status, body) = answer.unwrap_or_else(|| panic!("{path}: no answer"));
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Asks for runs until the service is gone; those that it has answered with.
fn caller(address: String, canary: &'static str) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut answered = Vec::new();
        while let Some((status, body)) = ask(&address, "POST", &format!("/run/{canary}"), "") {
            // Callers are many here, and some are told to wait.
            if status == 200 {
                answered.push(body["canaries"][0]["run"].as_str().unwrap().to_owned());
            }
        }
        answered
    })
}

fn a_kill_loses_no_run_and_no_schedule() {
    let kills = Environment::of_process().get("SERVE_KILLS").map_or(KILLS, |it| it.parse().unwrap());
    let begun = Instant::now();
    let folder = TempDir::new().unwrap();
    // Those that the next process is asked for, and those that one was asked for.
    let (mut told, mut ever) = (BTreeSet::new(), BTreeSet::new());
    let (mut announced, mut answered) = (0, 0);
    let hourly = first_round(folder.path(), &mut told);
    for round in 1..=kills {
        let mut serving = Serving::start(folder.path());
        // Now and then before it listens, perhaps before it has opened the store.
        if round % 5 == 0 {
            let moment = Duration::from_micros(fastrand::u64(0..60_000));
            // Waits for nothing: it is to be any moment.
            thread::sleep(moment);
            let (lines, _) = serving.kill();
            told.extend(lines.into_iter().map(|it| it.run));
            continue;
        }
        let address = serving.listen();
        for run in &told {
            read(&address, &format!("/api/v1/runs/{run}"));
        }
        ever.append(&mut told);
        let stands = read(&address, "/api/v1/canaries");
        let canaries = &stands["canaries"];
        assert_eq!(canaries[1]["schedule"]["paused"]["reason"], "for the test", "round {round}");
        assert_eq!(canaries[2]["schedule"]["next"], hourly, "round {round}");
        let callers = [caller(address.clone(), "often"), caller(address, "asked")];
        // The schedule goes on, by itself, and beside those who ask.
        let mut left = fastrand::usize(1..4);
        let mut lines = Vec::new();
        while left > 0 {
            let line = serving.line();
            left -= usize::from(line.by_schedule);
            lines.push(line);
        }
        thread::sleep(Duration::from_micros(fastrand::u64(0..20_000)));
        let (rest, lived) = serving.kill();
        lines.extend(rest);
        announced += lines.len();
        for line in &lines {
            assert!(line.canary == "often" || line.canary == "asked", "round {round}: {line:?}");
        }
        // One at the start, then one per interval: none is made up for but the first.
        let by_schedule = lines.iter().filter(|it| it.by_schedule).count();
        let most = 2 + lived.as_nanos() / OFTEN.as_nanos();
        assert!(by_schedule as u128 <= most, "round {round}: {by_schedule} in {lived:?}");
        told.extend(lines.into_iter().map(|it| it.run));
        for caller in callers {
            let runs = caller.join().unwrap();
            answered += runs.len();
            told.extend(runs);
        }
    }
    ever.append(&mut told);
    last_round(folder.path(), &ever);
    println!("{kills} kills in {:.1?}: {announced} announced, {answered} answered", begun.elapsed());
    assert!(announced > kills as usize && answered > kills as usize, "{announced} {answered}");
}

/// Every canary runs once; one is paused. Returns when the hourly one is to run next.
fn first_round(folder: &Path, told: &mut BTreeSet<String>) -> Value {
    let mut serving = Serving::start(folder);
    let address = serving.listen();
    let (status, _) = ask(&address, "POST", "/canaries/paused/pause", "reason=for+the+test").unwrap();
    assert_eq!(status, 200);
    loop {
        let line = serving.line();
        let done = line.canary == "hourly";
        told.insert(line.run);
        if done {
            break;
        }
    }
    let next = read(&address, "/api/v1/canaries/hourly")["schedule"]["next"].clone();
    assert!(next.is_string(), "{next}");
    told.extend(serving.kill().0.into_iter().map(|it| it.run));
    next
}

/// Nothing is missing, the sums are those of the runs, and the hourly canary has run once in all.
fn last_round(folder: &Path, told: &BTreeSet<String>) {
    let mut serving = Serving::start(folder);
    let address = serving.listen();
    for run in told {
        read(&address, &format!("/api/v1/runs/{run}"));
    }
    for canary in ["paused", "hourly", "asked"] {
        let (mut runs, mut query) = (0, "?limit=500".to_owned());
        loop {
            let page = read(&address, &format!("/api/v1/canaries/{canary}/runs{query}"));
            runs += page["runs"].as_array().unwrap().len();
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?limit=500&after={next}");
        }
        let stands = read(&address, &format!("/api/v1/canaries/{canary}"));
        assert_eq!(stands["totals"]["passed"], runs, "{canary}");
        assert!(canary != "hourly" || runs == 1, "it ran {runs} times");
    }
}
