//! A target outside the process: one sandbox, and one or many processes of the suite.

use std::fs;

use crate::{
    process::Process,
    program::{PATIENCE, Standalone, Suite},
};

#[test]
fn a_target_outside_is_named_and_nothing_is_left_on_it() {
    let sandbox = Standalone::start(&[]);
    let before = sandbox.census();
    let suite = Suite::with(&sandbox.exports);
    let ended = suite.run();
    ended.expect_code(0);
    let target = sandbox.target();
    assert_eq!(ended.err.lines().next(), Some(&*format!("watching sequence at {target}")));
    for profile in ["junit.xml", "junit-strict.xml"] {
        assert!(suite.report(profile).contains(target), "{profile} names the target");
    }
    assert!(suite.records().iter().all(|it| it.target == target));
    assert_eq!(sandbox.census(), before);
    assert!(fs::exists(suite.folder().join("reports/journal")).unwrap(), "there was a journal");
    assert_eq!(suite.journal_files().len(), 0, "and it is empty");
}

/// Eight is the number from the promise: eight engineers, or eight CI jobs, at the same moment.
#[test]
fn eight_runs_at_once_do_not_disturb_each_other() {
    let sandbox = Standalone::start(&[]);
    let before = sandbox.census();
    let suites: Vec<_> = (0..8).map(|_| Suite::with(&sandbox.exports)).collect();
    let processes: Vec<Process> = suites.iter().map(Suite::start).collect();
    for process in processes {
        process.wait(PATIENCE).expect_code(0);
    }
    assert_eq!(sandbox.census(), before);

    // Every name and every mail address that a run makes has the run's id in it.
    let texts: Vec<_> = suites.iter().map(|it| it.report("record.json")).collect();
    let ids: Vec<Vec<_>> =
        suites.iter().map(|it| it.records().into_iter().map(|it| it.run).collect()).collect();
    for (reader, text) in texts.iter().enumerate() {
        for (writer, ids) in ids.iter().enumerate() {
            assert_eq!(ids.len(), 2);
            for id in ids {
                let known = text.matches(id.as_str()).count();
                assert_eq!(
                    known > 0,
                    reader == writer,
                    "run {id} of {writer} stands {known} times in {reader}"
                );
            }
        }
    }
    for suite in &suites {
        assert_eq!(suite.journal_files().len(), 0);
    }
}
