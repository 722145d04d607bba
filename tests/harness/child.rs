//! One process of a fixture suite: started with a clean environment and a folder of its own, never left behind.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use coalmine::{RunRecord, config::Environment, record::StepRecord};
use quick_junit::{Report, TestCase};
use tempfile::TempDir;

/// How long a child may take before it is killed and the trial fails. Far above what any needs: the machine may be
/// busy.
const LIMIT: Duration = Duration::from_secs(90);

/// A fixture suite that is about to be run.
pub(crate) struct Fixture {
    command: Command,
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new(suite: &str, args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(args)
            .env_clear()
            .env("PATH", Environment::of_process().get("PATH").unwrap_or_default())
            .env("FIXTURE_SUITE", suite)
            .env("FIXTURE_MARKS", folder.path().join("marks"))
            .env("COALMINE_REPORTS", folder.path().join("reports"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command, folder }
    }

    /// The suite as a program with commands.
    #[cfg(all(feature = "drill", feature = "server"))]
    pub(crate) fn program(suite: &str, args: &[&str]) -> Self {
        Self::new(suite, args).var("FIXTURE_PROGRAM", "1")
    }

    pub(crate) fn var(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn current_dir(mut self, dir: &str) -> Self {
        self.command.current_dir(self.folder.path().join(dir));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the folder, with the folders above it.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let out = gather(child.stdout.take().unwrap());
        let err = gather(child.stderr.take().unwrap());
        Running { child: Reaped(child), streams: Some((out, err)), folder: self.folder }
    }

    /// Starts it with nobody to read what it prints.
    pub(crate) fn start_unread(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        Running { child: Reaped(child), streams: None, folder: self.folder }
    }

    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }
}

/// Kills and reaps the child if the trial ends before it does.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn gather(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("the streams are text")
    })
}

/// A fixture suite that is running.
pub(crate) struct Running {
    child: Reaped,
    streams: Option<(JoinHandle<String>, JoinHandle<String>)>,
    folder: TempDir,
}

impl Running {
    /// Waits until a mark has been left.
    pub(crate) fn wait_for_mark(&self, mark: &str) {
        wait_for(&format!("the mark `{mark}`"), || {
            marks(self.folder.path()).iter().any(|it| it == mark).then_some(())
        });
    }

    /// Sends a signal by its name: `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    pub(crate) fn wait(mut self) -> Ended {
        let started = Instant::now();
        let status = wait_for("the child's end", || self.child.0.try_wait().unwrap());
        let (stdout, stderr) = match self.streams {
            Some((out, err)) => (out.join().unwrap(), err.join().unwrap()),
            None => (String::new(), String::new()),
        };
        Ended { status, stdout, stderr, waited: started.elapsed(), folder: self.folder }
    }
}

/// Asks until there is an answer.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {LIMIT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn marks(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("marks")).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// What a process has left.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Since the trial began to wait for the end.
    pub(crate) waited: Duration,
    folder: TempDir,
}

impl Ended {
    /// Demands an exit code; shows everything otherwise.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.all());
        self
    }

    /// Demands a piece of the standard output.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "no `{text}` in the output of:\n{}", self.all());
        self
    }

    /// Demands a piece of the standard error.
    #[track_caller]
    pub(crate) fn warns(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no `{text}` in the errors of:\n{}", self.all());
        self
    }

    /// Demands that no step has run and no target was started.
    #[track_caller]
    pub(crate) fn ran_nothing(&self) -> &Self {
        assert_eq!(self.marks(), [""; 0], "{}", self.all());
        self
    }

    pub(crate) fn all(&self) -> String {
        let Self { status, stdout, stderr, .. } = self;
        format!("{status}\n== stdout\n{stdout}\n== stderr\n{stderr}\n== marks\n{:?}", self.marks())
    }

    /// What the harness printed for a trial: `ok`, `FAILED`, `ignored (…)`.
    #[track_caller]
    pub(crate) fn trial(&self, name: &str) -> &str {
        self.trials()
            .into_iter()
            .find(|(it, _)| *it == name)
            .map(|(_, outcome)| outcome)
            .unwrap_or_else(|| panic!("no trial `{name}`:\n{}", self.all()))
    }

    /// Every trial with its outcome, in the order of the lines.
    pub(crate) fn trials(&self) -> Vec<(&str, &str)> {
        let lines = self.stdout.lines().filter_map(|line| line.strip_prefix("test "));
        lines.filter_map(|line| line.split_once(" ... ")).map(|(name, it)| (name.trim(), it)).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn marks(&self) -> Vec<String> {
        marks(self.folder.path())
    }

    /// What the marks of one kind name: for `begin`, the steps that have begun, in order.
    pub(crate) fn marked(&self, word: &str) -> Vec<String> {
        let marks = self.marks().into_iter();
        marks.filter_map(|it| it.strip_prefix(word)?.strip_prefix(' ').map(ToOwned::to_owned)).collect()
    }

    /// The same, sorted.
    pub(crate) fn marked_sorted(&self, word: &str) -> Vec<String> {
        let mut marked = self.marked(word);
        marked.sort();
        marked
    }

    #[track_caller]
    pub(crate) fn report(&self, name: &str) -> String {
        let path = self.path("reports").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.all()))
    }

    #[track_caller]
    pub(crate) fn junit(&self) -> Report {
        Report::deserialize_from_str(&self.report("junit.xml")).unwrap()
    }

    /// The case of a step, by suite and name.
    #[track_caller]
    pub(crate) fn case(&self, suite: &str, name: &str) -> TestCase {
        let report = self.junit();
        let suite = report.test_suites.iter().find(|it| it.name.as_str() == suite);
        let case = suite.and_then(|it| it.test_cases.iter().find(|it| it.name.as_str() == name));
        case.unwrap_or_else(|| panic!("no case `{name}`:\n{}", self.report("junit.xml"))).clone()
    }

    /// The names of a suite's cases.
    #[track_caller]
    pub(crate) fn cases(&self, suite: &str) -> Vec<String> {
        let report = self.junit();
        let suite = report.test_suites.iter().find(|it| it.name.as_str() == suite).unwrap();
        suite.test_cases.iter().map(|it| it.name.as_str().to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn records(&self) -> Vec<RunRecord> {
        let json: serde_json::Value = serde_json::from_str(&self.report("record.json")).unwrap();
        serde_json::from_value(json["runs"].clone()).unwrap()
    }

    /// The record of a step of the only canary.
    #[track_caller]
    pub(crate) fn step(&self, name: &str) -> StepRecord {
        let records = self.records();
        assert_eq!(records.len(), 1, "{}", self.all());
        records[0].step(name).unwrap_or_else(|| panic!("no step `{name}`:\n{}", self.all())).clone()
    }
}
