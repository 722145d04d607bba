//! A hundred canaries flap, the service is killed at any moment, its clock jumps, and PagerDuty has every fault there is,
//! one after the other. When it is quiet again, PagerDuty shows what the service says, for every key, and nothing has
//! been told twice.

mod child;
mod judge;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use coalmine::config::Environment;
use sandbox::pagerduty::{CATALOGUE, Options, PagerDuty, PagerDutyService};
use tempfile::TempDir;

pub(crate) use child::program;
use judge::Judge;

use crate::Case;

/// The suite that is served here.
pub(crate) const SUITE: &str = "chaos";

pub(crate) const CASES: &[Case] = &[("pages_survive_chaos", pages_survive_chaos)];

/// How many canaries there are.
const CANARIES: usize = 100;

/// How many incidents there have to be before it gets quiet; `CHAOS_INCIDENTS` says otherwise.
const INCIDENTS: usize = 150;

/// How long it may take until there are so many.
const LIMIT: Duration = Duration::from_secs(600);

/// How long it is quiet, with some canaries red, until all is compared: longer than an incident has to last to be told
/// exactly once, and than the way from one reminder to the next, by which a page is told anew that PagerDuty has refused
/// or swallowed.
const QUIET: Duration = Duration::from_secs(90);

/// How long PagerDuty and the service may take to agree after that.
const AGREE: Duration = Duration::from_secs(120);

/// Somebody is paged again after so long.
fn reminder() -> Duration {
    Duration::from_secs(60)
}

fn name(number: usize) -> String {
    format!("c{number:02}")
}

/// The file that makes a canary red.
fn red(folder: &Path, number: usize) -> PathBuf {
    folder.join("red").join(name(number))
}

fn pages_survive_chaos() {
    let incidents =
        Environment::of_process().get("CHAOS_INCIDENTS").map_or(INCIDENTS, |it| it.parse().unwrap());
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("red")).unwrap();
    let pagerduty = PagerDuty::start(Options {
        events_per_minute: u32::MAX,
        api_calls_per_minute: u32::MAX,
        slow: Duration::from_secs(12),
        ..Options::default()
    })
    .unwrap();
    fs::write(folder.path().join("ca.pem"), pagerduty.ca_pem()).unwrap();
    let mut chaos = Chaos::new(folder.path(), pagerduty.service().clone());
    let begun = Instant::now();
    // Until there are enough of them, and every fault has been there.
    while chaos.judge.incidents() < incidents || chaos.turn <= 2 * CATALOGUE.len() {
        assert!(begun.elapsed() < LIMIT, "only {} incidents in {LIMIT:?}", chaos.judge.incidents());
        chaos.go_on();
    }
    chaos.calm(QUIET);
    chaos.judge.compare(AGREE, "with red canaries");
    chaos.judge.told_once(QUIET);
    chaos.all_green();
    chaos.judge.compare(AGREE, "when all are green");
    chaos.judge.sum_up(begun.elapsed(), chaos.kills, chaos.jumps);
    assert!(chaos.kills > 0 && chaos.jumps > 0);
}

struct Chaos<'f> {
    folder: &'f Path,
    pagerduty: PagerDutyService,
    serving: Serving,
    judge: Judge<'f>,
    kills: usize,
    jumps: usize,
    /// How many times a fault has come or gone.
    turn: usize,
}

impl<'f> Chaos<'f> {
    fn new(folder: &'f Path, pagerduty: PagerDutyService) -> Self {
        let judge = Judge::new(folder, pagerduty.clone());
        let serving = Serving::start(folder, &pagerduty, &judge);
        Self { folder, pagerduty, serving, judge, kills: 0, jumps: 0, turn: 0 }
    }

    /// Something goes wrong, for a moment.
    fn go_on(&mut self) {
        for _ in 0..5 {
            let file = red(self.folder, fastrand::usize(..CANARIES));
            if fs::remove_file(&file).is_err() {
                fs::write(&file, "").unwrap();
            }
        }
        if fastrand::u32(..4) == 0 {
            self.calm_pagerduty();
            // Every fault in its turn, and none between two.
            if self.turn.is_multiple_of(2) {
                let (fault, _) = CATALOGUE[(self.turn / 2) % CATALOGUE.len()];
                self.pagerduty.switch(fault, true).unwrap();
            }
            self.turn += 1;
        }
        if fastrand::u32(..8) == 0 {
            // Up to an hour, in both directions, most of them small.
            let most = 10_i64.pow(fastrand::u32(3..=6)) * 36 / 10;
            self.serving.jump(fastrand::i64(-most..most));
            self.jumps += 1;
        }
        if fastrand::u32(..10) == 0 {
            self.serving.kill();
            self.kills += 1;
            self.serving = Serving::start(self.folder, &self.pagerduty, &self.judge);
        }
        // Waits for nothing: what comes next is to come at any moment.
        thread::sleep(Duration::from_millis(fastrand::u64(20..300)));
    }

    fn calm_pagerduty(&self) {
        for fault in self.pagerduty.faults_on() {
            self.pagerduty.switch(&fault, false).unwrap();
        }
    }

    /// Four of ten canaries are red, and nothing else is wrong.
    fn calm(&mut self, length: Duration) {
        self.calm_pagerduty();
        for number in 0..CANARIES {
            let file = red(self.folder, number);
            if number % 5 < 2 {
                fs::write(&file, "").unwrap();
            } else {
                let _ = fs::remove_file(&file);
            }
        }
        // What is to be seen is that nothing more happens in this time.
        thread::sleep(length);
    }

    fn all_green(&mut self) {
        (0..CANARIES).for_each(|number| drop(fs::remove_file(red(self.folder, number))));
    }
}

/// A service that is running.
struct Serving {
    child: Child,
    input: ChildStdin,
    reader: Option<thread::JoinHandle<()>>,
}

impl Serving {
    fn start(folder: &Path, pagerduty: &PagerDutyService, judge: &Judge<'_>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env("FIXTURE_SUITE", SUITE)
            .env("CHAOS_FOLDER", folder)
            .env("COALMINE_CA", folder.join("ca.pem"))
            .env("COALMINE_PAGERDUTY_KEY", pagerduty.routing_key())
            .env("COALMINE_PAGERDUTY_EVENTS", pagerduty.root())
            .env("COALMINE_PAGERDUTY_API", pagerduty.root())
            .env("COALMINE_PAGERDUTY_TOKEN", pagerduty.api_token())
            .env("COALMINE_PAGERDUTY_RATE", "2000/100000")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("ready"), "it starts");
        let heard = Arc::clone(judge.heard());
        let reader = thread::spawn(move || lines.for_each(|line| judge::hear(&heard, &line)));
        Self { child, input, reader: Some(reader) }
    }

    fn jump(&mut self, millis: i64) {
        writeln!(self.input, "jump {millis}").and_then(|()| self.input.flush()).unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the service has told of incidents, by id.
type Heard = Arc<Mutex<std::collections::BTreeMap<String, judge::Seen>>>;
