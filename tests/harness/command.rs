//! `run`, where a suite is needed that the product's canaries are not: how it ends, and what it prints then.

use std::{fs, time::Duration};

use coalmine::{Cause, Verdict};

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("a_line_per_step_and_the_summary", a_line_per_step_and_the_summary),
    ("what_failed_is_told_with_its_repetition", what_failed_is_told),
    ("what_could_not_be_told_is_told_with_its_remedy", what_could_not_be_told),
    ("a_pass_at_the_second_attempt_is_told", a_pass_at_the_second_attempt),
    ("a_fixture_that_breaks_is_told", a_fixture_that_breaks),
    ("a_run_that_checks_nothing_is_not_green", a_run_that_checks_nothing),
    ("a_step_that_is_left_out_runs_by_its_name", a_step_that_is_left_out),
    ("signals_clean_up_and_report", signals_clean_up_and_report),
    ("a_kill_leaves_word_in_every_report", a_kill_leaves_word),
    ("a_starved_runtime_still_reports", a_starved_runtime_still_reports),
    ("nobody_who_reads_costs_nothing", nobody_who_reads_costs_nothing),
    ("a_report_that_cannot_be_written_is_not_green", a_report_that_cannot_be_written),
    ("the_products_words_cannot_steer_the_terminal", the_products_words),
    ("a_panic_is_told_without_secrets", a_panic_is_told_without_secrets),
];

/// Without colours, on a stream that is no terminal.
fn run(suite: &str, args: &[&str]) -> Ended {
    Fixture::program(suite, args).run()
}

/// The lines of steps, without their numbers and how long they took.
fn steps(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines().filter_map(|line| line.strip_prefix('[')?.split_once("] "));
    let mut steps: Vec<_> = lines
        .map(|(_, line)| {
            let words: Vec<_> = line.split_whitespace().collect();
            let timed = words.iter().position(|it| *it == "in").map_or(words.len(), |at| at);
            let rest = words.get(timed + 3..).unwrap_or_default();
            [&words[..timed], rest].concat().join(" ")
        })
        .collect();
    steps.sort();
    steps
}

fn a_line_per_step_and_the_summary() {
    let ended = run("blocked", &["run"]).expect_code(1);
    assert_eq!(
        steps(&ended),
        [
            "blocked front::fill by open",
            "blocked front::pay by open",
            "failed front::open (assertion): the door is locked",
            "passed front::passes",
        ]
    );
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "watching fixture at a fixture");
    for (number, line) in lines[1..5].iter().enumerate() {
        assert!(line.starts_with(&format!("[{}/4] ", number + 1)), "{}", ended.all());
    }
    assert_eq!(lines[5], "");
    assert!(lines[6].starts_with("front: failed in "), "{}", ended.all());
    assert_eq!(lines.last(), Some(&"overall: failed, 1 of 1 canary"));
    assert_eq!(ended.stderr, "", "everything on one stream");
    assert_eq!(ended.step("open").verdict, Verdict::Failed);
    assert!(ended.report("junit.xml").contains("the door"));
}

fn what_failed_is_told() {
    let ended = run("blocked", &["run"]).expect_code(1);
    ended.says(
        "  open failed (assertion)\n    the door is locked\n    promise: the door opens\n    blocks: fill, pay\n    \
         remedy: bring the key\n    repeat: cargo test --test canaries -- --exact front::open\n",
    );
}

fn what_could_not_be_told() {
    let ended = run("inconclusive", &["run"]).expect_code(75);
    ended.says("inconclusive front::reads in ").says("    remedy: look at the provider's page\n");
    assert_eq!(ended.stdout.lines().last(), Some("overall: inconclusive, 1 of 1 canary"));
    // Worst wins.
    run("mixed", &["run"]).expect_code(1);
    run("mixed", &["run", "front"]).expect_code(75);
}

fn a_pass_at_the_second_attempt() {
    let ended = run("flaky", &["run", "--step", "front::wavers"]).expect_code(0);
    assert_eq!(steps(&ended), ["passed front::wavers but not at the first attempt"]);
}

fn a_fixture_that_breaks() {
    let ended = run("fixture", &["run"]).expect_code(1);
    assert_eq!(
        steps(&ended),
        [
            "blocked front::also_uses by fixture shelf",
            "blocked front::uses by fixture shelf",
            "failed front::fixture shelf (assertion): the shelf fell down",
            "passed front::passes",
        ]
    );
    // It is no test; the first step that it blocks is.
    ended.says("    repeat: cargo test --test canaries -- --exact front::uses\n");
}

fn a_run_that_checks_nothing() {
    let ended = run("all_ignored", &["run"]).expect_code(1);
    ended.says("nothing was checked");
}

fn a_step_that_is_left_out() {
    let ended = run("all_ignored", &["test", "--list"]).expect_code(0);
    let name = ended.stdout.lines().find_map(|line| line.strip_suffix(": test")).unwrap().to_owned();
    let ended = run("all_ignored", &["run", "--step", &name]).expect_code(0);
    assert_eq!(steps(&ended), [format!("passed {name}")]);
    assert!(ended.records()[0].filtered, "{}", ended.all());
}

fn signals_clean_up_and_report() {
    for signals in [&["INT"][..], &["TERM"], &["HUP"], &["INT", "INT", "TERM"]] {
        let running = Fixture::program("pending", &["run", "--json", "out.json"]).start();
        running.wait_for_mark("begin make");
        signals.iter().for_each(|signal| running.signal(signal));
        let ended = running.wait().expect_code(75);
        assert!(ended.waited < Duration::from_secs(10), "{:?}", ended.waited);
        assert_eq!(ended.marked("undone"), ["thing-2", "thing-1"], "{}", ended.all());
        ended.says(&format!("SIG{}: stopping the run and cleaning up\n", signals[0]));
        ended.says("overall: inconclusive");
        let removed: Vec<_> = ended.records()[0].cleanup.iter().map(|it| it.name.clone()).collect();
        assert_eq!(removed, ["thing-2", "thing-1"]);
        let json = fs::read_to_string(ended.path("out.json")).unwrap();
        assert_eq!(json, ended.report("record.json"));
    }
}

fn a_kill_leaves_word() {
    let fixture = Fixture::program(
        "pending",
        &["run", "--json", "out.json", "--junit", "out.xml", "--html", "out.html"],
    );
    // Of an earlier run that passed.
    let old = ["out.json", "out.xml", "out.html"].into_iter();
    let running = old.fold(fixture, |fixture, name| fixture.file(name, "all is well")).start();
    running.wait_for_mark("begin make");
    running.signal("KILL");
    let ended = running.wait();
    for (name, says) in [
        ("out.json", "the run did not finish"),
        ("out.xml", "the run did not finish"),
        ("out.html", "There is no run in this report"),
    ] {
        let text = fs::read_to_string(ended.path(name)).unwrap();
        assert!(text.contains(says) && !text.contains("all is well"), "{name}: {text}");
    }
    assert!(ended.report("record.json").contains("the run did not finish"));
}

fn a_starved_runtime_still_reports() {
    let starved =
        Fixture::program("starved", &["run", "--junit", "out.xml"]).var("TOKIO_WORKER_THREADS", "2");
    let ended = starved.run().expect_code(1);
    ended.says("the runtime is starved by ").says("overall: failed, 1 of 1 canary");
    assert!(ended.waited < Duration::from_secs(60), "{:?}", ended.waited);
    let timeouts = ["park_0", "park_1"].map(|it| ended.step(it).failure.unwrap().cause);
    assert_eq!(timeouts, [Cause::Timeout; 2]);
    assert_eq!(fs::read_to_string(ended.path("out.xml")).unwrap(), ended.report("junit.xml"));
}

fn nobody_who_reads_costs_nothing() {
    for (suite, code) in [("blocked", 1), ("inconclusive", 75), ("lasting", 0)] {
        for args in [&["run"][..], &["run", "--json"]] {
            let ended = Fixture::program(suite, args).start_unread().wait().expect_code(code);
            assert!(!ended.records().is_empty(), "{suite}");
        }
    }
    let running = Fixture::program("pending", &["run"]).start_unread();
    running.wait_for_mark("begin make");
    running.signal("TERM");
    let ended = running.wait().expect_code(75);
    assert_eq!(ended.marked("undone"), ["thing-2", "thing-1"]);
}

fn a_report_that_cannot_be_written() {
    let ended = run("breaks_reports", &["run"]).expect_code(75);
    ended
        .says("error: no report: ")
        .says("remedy: remove what is in the way")
        .says("passed       front::breaks");
    let ended = run("lasting", &["run", "--json", "/dev/full"]).expect_code(75);
    ended.says("error: no report: `/dev/full`").says("overall: passed");
    let ended = run("blocked", &["run", "--json", "/dev/full"]).expect_code(1);
    ended.says("error: no report: `/dev/full`");
}

fn the_products_words() {
    let ended = run("escapes", &["run"]).expect_code(1);
    assert!(!ended.stdout.contains(['\u{1b}', '\r', '\u{7}']), "{:?}", ended.stdout);
    let line = ended.stdout.lines().find(|it| it.contains("failed       front::clears")).unwrap();
    assert!(line.ends_with("the page said test front::passes ... ok"), "{line}");
}

fn a_panic_is_told_without_secrets() {
    let ended = run("panics", &["run"]).expect_code(1);
    ended.says("slipped on [redacted]").says("failed       front::slips").says("passed       front::passes");
    assert!(!ended.all().contains("the-planted-secret"), "{}", ended.all());
}
