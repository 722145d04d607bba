//! The one line of each kind of page.

use coalmine::alert::{PageContext, notifier::Action, specimen};

use super::*;

#[track_caller]
fn check(page: &Page, title: &str) {
    assert_eq!(page.title(), title);
}

#[test]
fn a_title_says_what_where_and_why() {
    check(
        &page(),
        "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com",
    );
    check(
        &Page { round: 3, ..page() },
        "still: api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com",
    );
    check(
        &many(5),
        "api: 5 steps failed: step_1, step_2, step_3, step_4, step_5 — sequence at https://api.example.com",
    );
    check(
        &many(300),
        "api: 300 steps failed: step_1, step_2, step_3, step_4, step_5 and 295 more — sequence at \
         https://api.example.com",
    );
    check(&many(1), "api: 1 step failed: step_1 — sequence at https://api.example.com");
}

#[test]
fn what_wakes_nobody_is_labelled() {
    let of = |kind| Page { kind, roots: Vec::new(), ..page() };
    check(
        &of(Kind::Inconclusive),
        "[owners] api has long been unable to tell whether all is well — sequence at https://api.example.com",
    );
    check(
        &of(Kind::Leftovers),
        "[owners] api leaves things behind that could not be removed — sequence at https://api.example.com",
    );
    check(
        &of(Kind::Missed),
        "[owners] api does not run when it should — sequence at https://api.example.com",
    );
    let with = Page { roots: vec![evidence("")], ..of(Kind::Leftovers) };
    check(
        &with,
        "[owners] api leaves things behind that could not be removed: expected 200, got 500 — sequence at \
         https://api.example.com",
    );
    let context = PageContext { suite: "sequence".into(), location: "fra".into(), target: "sandbox".into() };
    check(
        &specimen(&context, at("03:00:00")),
        "[drill] this is a test of the way to you: nothing is wrong, nothing is to be done — sequence at sandbox",
    );
}

#[test]
fn an_end_says_how_long_it_was_and_what_ended_it() {
    let said = |why, passes| {
        let mut page = Page { passes, ..over(page()) };
        page.closed.as_mut().unwrap().why = why;
        page.headline(Action::Resolve)
    };
    let about = "resolved: api::list_keys failed — sequence at https://api.example.com";
    for (why, passes, expected) in [
        (Ending::Green, Some(2), "all well again after 12 min, 2 passes in a row"),
        (Ending::Green, Some(1), "all well again after 12 min, one pass"),
        (Ending::Green, None, "all well again after 12 min"),
        (Ending::Removed, None, "it is no part of the suite any more, after 12 min"),
        (Ending::Merged, None, "it is part of the page for the whole canary `api` from now on"),
        (Ending::Drilled, None, "the drill is over"),
    ] {
        assert_eq!(said(why, passes), format!("{about}: {expected}"));
    }
    assert_eq!(
        acknowledged(page()).headline(Action::Acknowledge),
        "acknowledged by Ada: api::list_keys failed — sequence at https://api.example.com"
    );
}

#[test]
fn the_subject_stays_while_the_evidence_changes() {
    let mut later = Page { round: 2, ..page() };
    later.roots[0].message = "something else".to_owned();
    assert_eq!(later.subject(), page().subject());
    assert_eq!(many(2).subject(), many(5).subject());
}

#[test]
fn a_title_is_one_line_whatever_a_product_answers() {
    let title = hostile().title();
    assert!(!title.contains(char::is_control), "{title}");
}

#[test]
fn a_fixture_is_repeated_by_the_first_step_that_it_blocks() {
    let mut root = evidence("fixture workspace");
    root.blocks = vec!["fixture key".to_owned(), "list_keys".to_owned()];
    let command = "cargo test --test canaries -- --exact api::list_keys";
    assert_eq!(page().command(&root).as_deref(), Some(command));
    root.blocks.clear();
    assert_eq!(page().command(&root), None);
}
