//! What goes to which stream, in which format, and what happens when nobody reads it.

use std::fs;

use crate::{Case, child::Fixture};

pub(crate) const CASES: &[Case] = &[
    ("json_is_json_on_every_line", json_is_json_on_every_line),
    ("terse_is_one_character_per_trial", terse_is_one_character_per_trial),
    ("the_products_words_cannot_steer_the_terminal", the_products_words_cannot_steer_the_terminal),
    ("a_log_file_takes_the_trials", a_log_file_takes_the_trials),
    ("a_log_file_that_cannot_be_written_is_refused", a_log_file_that_cannot_be_written),
    ("a_closed_stream_costs_no_reports", a_closed_stream_costs_no_reports),
    ("a_closed_stream_costs_no_clean_up", a_closed_stream_costs_no_clean_up),
    ("a_closed_stream_does_not_stop_the_watchdog", a_closed_stream_does_not_stop_the_watchdog),
];

fn json_is_json_on_every_line() {
    for suite in ["shop", "blocked", "inconclusive", "fixture", "panics"] {
        let ended = Fixture::new(suite, &["--format", "json"]).run();
        let events: Vec<serde_json::Value> = ended
            .stdout
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect();
        assert_eq!(events.first().unwrap()["event"], "started", "{}", ended.all());
        assert_eq!(events.last().unwrap()["type"], "suite", "{}", ended.all());
        let named = events.iter().filter(|it| it["type"] == "test" && it["event"] != "started").count();
        assert!(named >= 2, "{}", ended.all());
    }
}

fn terse_is_one_character_per_trial() {
    for args in [&["--format", "terse"][..], &["-q"]] {
        let ended = Fixture::new("shop", args).run().expect_code(0);
        let line = ended.stdout.lines().find(|line| line.contains('.')).unwrap();
        let mut characters: Vec<_> = line.chars().collect();
        characters.sort_unstable();
        assert_eq!(characters.iter().collect::<String>(), ".....ii", "{}", ended.all());
    }
}

fn the_products_words_cannot_steer_the_terminal() {
    for args in
        [&["--color", "always"][..], &["clears", "--color", "always"], &["opens", "--color", "always"]]
    {
        let ended = Fixture::new("escapes", args).run().expect_code(1);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains("\u{1b}[2J") && !text.contains("\u{1b}]0"), "{text:?}");
            assert!(!text.contains('\r') && !text.contains('\u{7}'), "{text:?}");
        }
        ended.says("the page said");
    }
}

fn a_log_file_takes_the_trials() {
    let ended = Fixture::new("shop", &["--logfile", "trials.log"]).run().expect_code(0);
    assert_eq!(ended.stdout, "");
    let log = fs::read_to_string(ended.path("trials.log")).unwrap();
    assert!(log.contains("test front::pay"), "{log}");
}

fn a_log_file_that_cannot_be_written() {
    let ended = Fixture::new("shop", &["--logfile", "missing/trials.log"]).run().expect_code(64);
    ended.warns("--logfile missing/trials.log").warns("name a file that can be written").ran_nothing();
    assert!(!ended.path("reports").exists());
}

fn a_closed_stream_costs_no_reports() {
    for args in [&[][..], &["--test-threads", "1"]] {
        let ended = Fixture::new("lasting", args).start_unread().wait();
        // The verdict stands in the reports; that nobody could be told of it is no success, and no failure of the
        // product either.
        let ended = ended.expect_code(75);
        assert_eq!(ended.marked("undone"), ["last", "first"], "{}", ended.all());
        assert_eq!(ended.cases("front"), ["make", "uses"]);
        assert_eq!(ended.junit().errors, 0);
    }
}

fn a_closed_stream_costs_no_clean_up() {
    // As with `… 2>&1 | tee log`: Ctrl-C ends the reader first.
    let running = Fixture::new("pending", &[]).start_unread();
    running.wait_for_mark("begin make");
    running.signal("INT");
    let ended = running.wait().expect_code(75);
    assert_eq!(ended.marked("undone"), ["thing-2", "thing-1"]);
    assert_eq!(ended.step("make").failure.unwrap().cause.as_str(), "cancelled");
    // A panic prints as well.
    let ended = Fixture::new("panics", &[]).start_unread().wait().expect_code(1);
    assert_eq!(ended.step("slips").failure.unwrap().cause.as_str(), "panic");
}

fn a_closed_stream_does_not_stop_the_watchdog() {
    let running = Fixture::new("starved", &[]).var("TOKIO_WORKER_THREADS", "2").start_unread();
    let ended = running.wait().expect_code(1);
    assert_eq!(ended.step("park_0").failure.unwrap().cause.as_str(), "timeout");
}
