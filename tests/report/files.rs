//! Reports on disk.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use coalmine::{
    Cause, Redactor, RunRecord, Verdict,
    record::{Exchange, StepRecord},
    report::files::Reports,
};

use super::{attempt, failure, run, schema::check_strict, step};

/// A folder of one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_killed_run_leaves_a_placeholder() {
    let folder = Folder::new();
    let below = folder.0.join("deep/down");
    let reports = Reports::open(&below).unwrap();
    reports.placeholder("shop", &["api"], "https://x", &Redactor::new()).unwrap();
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let error = "type=\"unfinished\">the run did not finish: it was killed, or it is still going on</error>";
    assert!(text(&reports.files().junit).contains(error));
    assert!(text(&reports.files().strict).contains(error));
    check_strict(&text(&reports.files().strict));
    assert_eq!(
        text(&reports.files().record),
        r#"{
  "version": 1,
  "runs": [],
  "unfinished": {
    "message": "the run did not finish: it was killed, or it is still going on",
    "suite": "shop",
    "canaries": [
      "api"
    ],
    "target": "https://x"
  }
}
"#
    );
}

#[test]
fn a_finished_run_replaces_the_placeholder_and_leaves_nothing_else() {
    let folder = Folder::new();
    let reports = Reports::open(&folder.0).unwrap();
    reports.placeholder("shop", &["api"], "https://x", &Redactor::new()).unwrap();
    // Who has the old file open reads all of it: it is replaced, not overwritten.
    let mut old = fs::File::open(&reports.files().junit).unwrap();
    let record = run(vec![step("a", Verdict::Passed)]);
    reports.write("shop", std::slice::from_ref(&record), &[], &Redactor::new()).unwrap();
    assert_eq!(folder.names(), ["junit-strict.xml", "junit.xml", "record.json"]);
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert!(text.contains("did not finish") && text.ends_with("</testsuites>\n"), "{text}");

    assert!(folder.read("junit.xml").contains("tests=\"1\" skipped=\"0\" failures=\"0\" errors=\"0\""));
    check_strict(&folder.read("junit-strict.xml"));
    let json: serde_json::Value = serde_json::from_str(&folder.read("record.json")).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json.get("unfinished"), None);
    assert_eq!(RunRecord::from_json(&json["runs"][0].to_string()).unwrap(), record);
}

#[test]
fn a_file_in_the_way_is_named_with_a_remedy() {
    let folder = Folder::new();
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Reports::open(&path).unwrap_err();
        assert_eq!(error.path, path);
        let text = error.to_string();
        let start =
            format!("no report: `{}` is to be a folder that files can be put into, but: ", path.display());
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with("\n  remedy: remove what is in the way, give this user the right to write there, or name another folder"), "{text}");
    }
    fs::create_dir(folder.0.join("junit.xml")).unwrap();
    let error = Reports::open(&folder.0).unwrap_err();
    assert_eq!(error.path, folder.0.join("junit.xml"));
}

#[test]
fn a_failed_write_keeps_the_old_files_and_leaves_no_temporary_one() {
    let folder = Folder::new();
    let reports = Reports::open(&folder.0).unwrap();
    reports.placeholder("shop", &["api"], "https://x", &Redactor::new()).unwrap();
    fs::remove_file(&reports.files().junit).unwrap();
    fs::create_dir(&reports.files().junit).unwrap();
    let error =
        reports.write("shop", &[run(vec![step("a", Verdict::Passed)])], &[], &Redactor::new()).unwrap_err();
    assert_eq!(error.path, reports.files().junit);
    assert_eq!(folder.names(), ["junit-strict.xml", "junit.xml", "record.json"]);
    assert!(folder.read("record.json").contains("did not finish"));

    fs::remove_dir_all(&folder.0).unwrap();
    assert!(reports.write("shop", &[], &[], &Redactor::new()).is_err(), "the folder is gone");
}

#[test]
fn the_redactor_is_last_and_breaks_no_format() {
    let folder = Folder::new();
    let reports = Reports::open(&folder.0).unwrap();
    let redactor = Redactor::new();
    let secret = "mark\"er&<secret>'";
    for known in [secret, "testcase", "failure"] {
        redactor.learn(known);
    }
    let text = format!("refused {secret} at https://host:80");
    let mut tried = attempt(1, Some(failure(Cause::Assertion, &text)));
    tried.exchanges = vec![Exchange {
        method: "GET".into(),
        // By shape: the value of a parameter, up to a white space.
        url: "https://x/accept?code=[redacted]".into(),
        error: Some(text.clone()),
        response_body: Some(format!("{{\"x\": {}}}", serde_json::Value::from(secret))),
        ..Exchange::default()
    }];
    let failed = StepRecord {
        failure: Some(failure(Cause::Assertion, &text)),
        promise: "https://x/?code=abc".into(),
        reason: Some(secret.into()),
        attempts: vec![tried],
        ..step("person@host", Verdict::Failed)
    };
    let mut record = run(vec![failed]);
    record.target = "https://x/?token=abc".into();
    reports.write("shop", &[record.clone()], &[], &redactor).unwrap();
    let xml = folder.read("junit.xml");
    assert_eq!(quick_junit::Report::deserialize_from_str(&xml).unwrap().failures, 1);
    assert!(xml.contains("<property name=\"target\" value=\"https://x/?token=[redacted]\"/>"), "{xml}");
    assert!(xml.contains("<property name=\"promise\" value=\"https://x/?code=[redacted]\"/>"), "{xml}");
    check_strict(&folder.read("junit-strict.xml"));
    let json: serde_json::Value = serde_json::from_str(&folder.read("record.json")).unwrap();
    assert_eq!(json["runs"][0]["target"], "https://x/?token=[redacted]");
    assert_eq!(json["runs"][0]["steps"][0]["reason"], "[redacted]");

    reports.placeholder("shop", &[secret], secret, &redactor).unwrap();
    for name in folder.names() {
        let text = folder.read(&name);
        assert!(!text.contains("mark"), "{name}: {text}");
    }
}
