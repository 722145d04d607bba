//! The program under test in its two roles: the suite as a run, and the sandbox as a server.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use coalmine::{RunRecord, Verdict, journal::FileJournal, suite::JournalEntry};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ended, Process, until};

/// How long anything may take that is not a measurement: a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Names and values.
pub(crate) type Variables = BTreeMap<String, String>;

/// A folder of one's own, and the variables with the reports in it.
pub(crate) fn in_a_folder(variables: &Variables) -> (TempDir, Variables) {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = variables.clone();
    let reports = folder.path().join("reports").to_string_lossy().into_owned();
    variables.insert("COALMINE_REPORTS".to_owned(), reports);
    (folder, variables)
}

/// One run of `canaries test`, with reports in a folder of its own.
pub(crate) struct Suite {
    folder: TempDir,
    pub(crate) variables: Variables,
    arguments: Vec<String>,
}

impl Suite {
    /// Nothing is configured but where reports go.
    pub(crate) fn new() -> Self {
        Self::with(&Variables::new())
    }

    pub(crate) fn with(variables: &Variables) -> Self {
        let (folder, variables) = in_a_folder(variables);
        Self { folder, variables, arguments: Vec::new() }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|&it| it.to_owned()).collect();
        self
    }

    pub(crate) fn start(&self) -> Process {
        self.start_in(self.folder.path())
    }

    /// Starts it in a folder of the caller's choice.
    pub(crate) fn start_in(&self, folder: &Path) -> Process {
        Process::start(command(&self.variables, folder).arg("test").args(&self.arguments))
    }

    #[track_caller]
    pub(crate) fn run(&self) -> Ended {
        self.start().wait(PATIENCE)
    }

    /// Where it runs, and where everything is that it writes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn report(&self, name: &str) -> String {
        let path = Path::new(&self.variables["COALMINE_REPORTS"]).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn records(&self) -> Vec<RunRecord> {
        let file: Value = serde_json::from_str(&self.report("record.json")).unwrap();
        let runs = file["runs"].as_array().expect("a list of runs");
        runs.iter().map(|run| RunRecord::from_json(&run.to_string()).unwrap()).collect()
    }

    /// The record of one canary.
    #[track_caller]
    pub(crate) fn record(&self, canary: &str) -> RunRecord {
        self.records().into_iter().find(|it| it.canary == canary).expect("a record of the canary")
    }

    /// What its journal says is left on a target.
    pub(crate) fn left_over(&self, target: &str) -> Vec<JournalEntry> {
        let journal = Path::new(&self.variables["COALMINE_REPORTS"]).join("journal");
        FileJournal::open(&journal, target).unwrap().left_over().unwrap()
    }

    /// All files of its journal, whatever the target.
    pub(crate) fn journal_files(&self) -> Vec<PathBuf> {
        files_below(&Path::new(&self.variables["COALMINE_REPORTS"]).join("journal"))
    }
}

/// `canaries sandbox` as a process, and what it has printed.
pub(crate) struct Standalone {
    folder: TempDir,
    pub(crate) process: Process,
    pub(crate) exports: Variables,
    control: SocketAddr,
}

impl Standalone {
    /// Starts one and waits until it can be used.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sandbox(arguments, folder.path());
        let printed = until(PATIENCE, "the sandbox's table", || {
            assert!(!process.has_ended(), "it has ended{}", process.said());
            Some(process.out()).filter(|text| text.contains("/census"))
        });
        let exports: Variables = printed
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        let control = printed.lines().find_map(|line| line.trim().strip_prefix("control "));
        let control = control.and_then(|it| it.trim().strip_prefix("http://")).expect("the control address");
        let control = control.parse().unwrap();
        Self { folder, process, exports, control }
    }

    pub(crate) fn census(&self) -> Value {
        let (status, body) = self.ask("GET", "/census");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    #[track_caller]
    pub(crate) fn switch(&self, fault: &str, on: bool) {
        let (status, body) = self.ask(if on { "PUT" } else { "DELETE" }, &format!("/faults/{fault}"));
        assert_eq!(status, 204, "{body}");
    }

    /// Asks the control address.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.control).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    pub(crate) fn target(&self) -> &str {
        &self.exports["COALMINE_TARGET"]
    }

    /// Waits until it has ended by itself; the folder is that of its temporary files.
    #[track_caller]
    pub(crate) fn wait(self) -> (Ended, TempDir) {
        (self.process.wait(PATIENCE), self.folder)
    }
}

/// Starts `canaries sandbox`; what it writes goes into `folder`.
pub(crate) fn sandbox(arguments: &[&str], folder: &Path) -> Process {
    Process::start(command(&Variables::new(), folder).arg("sandbox").args(arguments))
}

/// The program, without anything of the environment in which the tests run but the way to other programs.
pub(crate) fn command(variables: &Variables, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canaries"));
    command.env_clear().env("PATH", path()).env("TMPDIR", folder).envs(variables);
    command.current_dir(folder);
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "no setting of ours: children find programs as this process does"
)]
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// All files below a folder; none if there is no folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.map(|it| it.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The steps at which something went wrong, each with the cause's word.
pub(crate) fn roots(record: &RunRecord) -> Vec<(String, &'static str)> {
    let cause =
        |step: &coalmine::record::StepRecord| step.failure.as_ref().map_or("", |it| it.cause.as_str());
    record.roots().map(|step| (step.title(), cause(step))).collect()
}

/// How many steps of a record ended so; fixtures do not count.
pub(crate) fn count(record: &RunRecord, verdict: Verdict) -> usize {
    let cases = record.steps.iter().filter(|it| it.kind == coalmine::record::StepKind::Step);
    cases.filter(|it| it.verdict == verdict).count()
}
