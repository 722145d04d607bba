//! `canaries store`, beside a service that goes on, and after one that was killed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{Ended, Process, until},
    program::{PATIENCE, Variables, command},
};

/// A folder with a store, which the variables name as well.
struct Place {
    folder: TempDir,
    variables: Variables,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let reports = folder.path().to_string_lossy().into_owned();
        Self { folder, variables: Variables::from([("COALMINE_REPORTS".to_owned(), reports)]) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A service that runs everything all the time.
    fn serve(&self, arguments: &[&str]) -> Process {
        let mut command = command(&self.variables, self.folder.path());
        Process::start(command.args(["serve", "--listen", "127.0.0.1:0", "--every", "1s"]).args(arguments))
    }

    #[track_caller]
    fn store(&self, arguments: &[&str]) -> Ended {
        let mut command = command(&self.variables, self.folder.path());
        Process::start(command.arg("store").args(arguments)).wait(PATIENCE)
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let ended = self.store(arguments);
        ended.expect_code(0);
        assert_eq!(ended.err, "");
        ended.out
    }

    /// Expects that nothing is done, and that this is said.
    #[track_caller]
    fn refused(&self, arguments: &[&str], says: &[&str]) {
        let ended = self.store(arguments);
        ended.expect_code(64);
        assert_eq!(ended.out, "");
        for says in says.iter().chain(&["remedy: "]) {
            assert!(ended.err.contains(says), "{arguments:?} should say `{says}`{}", ended.said());
        }
    }

    fn info(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[&["info", "--json"], arguments].concat())).unwrap()
    }

    /// All files but the lock.
    fn files(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|it| it.unwrap().file_name());
        names.map(|it| it.into_string().unwrap()).filter(|it| !it.ends_with(".lock")).collect()
    }
}

/// The ids of the runs that a service has announced.
fn announced(out: &str) -> BTreeSet<String> {
    let ids = out.lines().filter_map(|line| line.split_once("(run ")?.1.split([',', ')']).next());
    ids.map(ToOwned::to_owned).collect()
}

#[track_caller]
fn until_announced(process: &mut Process, runs: usize) -> BTreeSet<String> {
    until(PATIENCE, "runs", || {
        process_goes_on(process);
        Some(announced(&process.out())).filter(|it| it.len() >= runs)
    })
}

/// How many runs are in the store of that name.
fn kept(place: &Place, name: &str) -> u64 {
    place.info(&["--store", name])["runs"].as_u64().unwrap()
}

#[test]
fn a_backup_beside_a_service_that_writes_is_whole_and_can_be_put_back() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    let before = until_announced(&mut service, 3).len() as u64;
    let said = place.done(&["backup", "backup.db"]);
    let store = place.path("store.db");
    let start = format!("backed up {} to backup.db: ", store.display());
    let runs: u64 = said.strip_prefix(&start).and_then(|it| it.split(' ').next()).unwrap().parse().unwrap();
    let in_backup = kept(&place, "backup.db");
    assert_eq!(runs, in_backup, "{said}");
    assert!(in_backup >= before, "what was announced before is in it: {before}, {said}");
    assert_eq!(place.files().iter().filter(|it| it.starts_with("backup")).count(), 1, "{:?}", place.files());

    let later = until_announced(&mut service, in_backup as usize + 3);
    let text = place.done(&["info"]);
    assert!(text.starts_with(&format!("store    {}\nsize     ", store.display())), "{text}");
    for says in ["\nkept     ", "\nper run  ", "\nper day  not known", "\napi  ", "\nonboarding  "] {
        assert!(text.contains(says), "no {says} in {text}");
    }
    // Nothing is replaced, neither a backup nor a store in use.
    let bytes = fs::read(place.path("backup.db")).unwrap();
    place.refused(&["backup", "backup.db"], &["`backup.db` exists"]);
    assert!(fs::read(place.path("backup.db")).unwrap() == bytes);
    let pid = format!("in use by another process ({})", service.id());
    place.refused(&["restore", "backup.db"], &[&pid]);

    service.kill();
    let all = kept(&place, "store.db");
    assert!(all >= later.len() as u64);
    let said = place.done(&["restore", "backup.db"]);
    let old = format!("\nthe old store is now {}.old-1\n", store.display());
    assert!(
        said.starts_with(&format!("restored {} from backup.db: {in_backup} runs in ", store.display())),
        "{said}"
    );
    assert!(said.ends_with(&old), "{said}");
    assert_eq!(kept(&place, "store.db"), in_backup);
    assert_eq!(kept(&place, "store.db.old-1"), all);

    // And a service goes on with it.
    let mut service = place.serve(&[]);
    until_announced(&mut service, 2);
    drop(service);
    assert!(kept(&place, "store.db") >= in_backup + 2);
}

#[test]
fn what_is_looked_at_stays_as_it_is() {
    let place = Place::new();
    let mut service = place.serve(&["--store", "runs.db"]);
    until_announced(&mut service, 2);
    service.kill();
    let runs = kept(&place, "runs.db");
    assert_eq!(place.files(), BTreeSet::from(["runs.db".to_owned()]), "no log is left behind");
    let bytes = fs::read(place.path("runs.db")).unwrap();
    place.done(&["--store", "runs.db", "info"]);
    place.done(&["--store", "runs.db", "backup", "copy.db"]);
    assert!(fs::read(place.path("runs.db")).unwrap() == bytes);
    assert_eq!(kept(&place, "copy.db"), runs);
}

#[test]
fn a_run_that_is_kept_can_be_shown_and_written() {
    let place = Place::new();
    let mut service = place.serve(&["--fault", "error_500:create-key"]);
    let line = until(PATIENCE, "a failed run", || {
        process_goes_on(&mut service);
        service.out().lines().find(|it| it.contains(" api failed in ")).map(ToOwned::to_owned)
    });
    let run = announced(&line).pop_first().unwrap();
    let report = |arguments: &[&str]| {
        let mut command = command(&place.variables, place.folder.path());
        Process::start(command.arg("report").args(arguments)).wait(PATIENCE)
    };
    // Beside the service.
    let ended = report(&[&run]);
    ended.expect_code(0);
    for says in ["api: failed in ", &format!(", run {run} from local"), "\n  create_key failed (assertion)\n"]
    {
        assert!(ended.out.contains(says), "no {says}{}", ended.said());
    }
    service.kill();
    let ended = report(&[&run, "--json", "--html", "run.html", "--junit", "run.xml"]);
    ended.expect_code(0);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["runs"][0]["run"], *run);
    for name in ["run.html", "run.xml"] {
        let text = fs::read_to_string(place.path(name)).unwrap();
        assert!(text.contains(&run) && text.contains("create_key"), "{name}");
    }

    let near = format!("{run}x");
    for (arguments, says) in [
        (&[near.as_str()][..], format!("- RUN: there is no run `{near}` in `")),
        (&[near.as_str()], format!("remedy: did you mean `{run}`?")),
        (&["nothing-like-it-at-all"], "remedy: take one from the status page".to_owned()),
        (&[run.as_str(), "--html", "none/run.html"], "- --html: `none/run.html` is to be a file".to_owned()),
        (&[run.as_str(), "--store", "none.db"], "there is no store in `none.db`".to_owned()),
        (&[], "Usage: canaries report".to_owned()),
    ] {
        let ended = report(arguments);
        ended.expect_code(64);
        assert!(ended.err.contains(&says) && ended.out.is_empty(), "should say {says}{}", ended.said());
    }
}

#[track_caller]
fn process_goes_on(process: &mut Process) {
    assert!(!process.has_ended(), "it has ended{}", process.said());
}

#[test]
fn mistakes_are_named_and_nothing_changes() {
    let place = Place::new();
    fs::write(place.path("text"), "no store, and no database at all, but a text").unwrap();
    fs::write(place.path("empty"), "").unwrap();
    let files = place.files();
    for (arguments, says) in [
        (&["info"][..], "there is no store in `"),
        (&["info", "--store", "empty"], "there is no store in `empty`"),
        (&["info", "--store", "text"], "`text`: file is not a database"),
        (&["info", "--store", "."], "there is no store in `.`"),
        (&["backup", "copy.db"], "there is no store in `"),
        (&["restore", "none.db"], "`none.db`: No such file"),
        (&["restore", "text"], "`text`: file is not a database"),
        (&["restore", "empty"], "`empty` is empty"),
        (&["restore", "text", "--store", "text"], "`text` is the store itself"),
    ] {
        place.refused(arguments, &[says]);
        assert_eq!(place.files(), files, "{arguments:?}");
    }
    for arguments in [&[][..], &["info", "more"], &["backup"], &["empty"]] {
        let ended = place.store(arguments);
        ended.expect_code(64);
        assert!(ended.err.contains("Usage: canaries store"), "{arguments:?}{}", ended.said());
    }
}

#[test]
fn a_service_is_told_how_much_to_keep() {
    let place = Place::new();
    for (arguments, says) in [
        (["--keep", "90"], "--keep <DURATION>': expected at least an hour, such as `90d`, `12w` or `36h`"),
        (["--keep", "1 year"], "expected at least an hour"),
        (
            ["--keep-size", "10"],
            "--keep-size <SIZE>': expected at least 1 MB, such as `500MB`, `2GB` or `4GiB`",
        ),
        (["--keep-size", "lots"], "expected at least 1 MB"),
        (["--keep-full", "few"], "invalid value 'few' for '--keep-full <COUNT>'"),
    ] {
        let ended = place.serve(&arguments).wait(PATIENCE);
        ended.expect_code(64);
        assert!(ended.err.contains(says), "{arguments:?} should say `{says}`{}", ended.said());
    }
    assert!(!Path::new(&place.path("store.db")).exists());

    // A sweep comes at the start, so what the first service kept in full the second one thins.
    let mut service = place.serve(&[]);
    let first = until(PATIENCE, "several runs of one canary", || {
        process_goes_on(&mut service);
        let out = service.out();
        let mut lines = out.lines().filter(|it| it.contains(" onboarding passed "));
        let (first, _third) = (announced(lines.next()?).pop_first(), lines.nth(1)?);
        first
    });
    service.kill();
    let info = place.info(&[]);
    let (runs, in_full) = (info["runs"].as_u64().unwrap(), info["in_full"].as_u64().unwrap());
    assert_eq!(runs, in_full);
    let service = place.serve(&["--keep-full", "1", "--keep", "1d", "--keep-size", "50MB"]);
    until(PATIENCE, "a sweep", || {
        let info = place.info(&[]);
        let (runs, in_full) = (info["runs"].as_u64()?, info["in_full"].as_u64()?);
        (in_full < runs && runs >= 3).then_some(())
    });
    drop(service);
    let mut command = command(&place.variables, place.folder.path());
    let ended = Process::start(command.args(["report", &first])).wait(PATIENCE);
    ended.expect_code(0);
    assert!(ended.err.starts_with("only the timings of this run are kept"), "{}", ended.said());
}
