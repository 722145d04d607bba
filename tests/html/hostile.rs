//! What a product answers may hold anything.

use coalmine::{
    record::{Exchange, FailureRecord},
    report::html::{RunView, report, run},
    verdict::Cause,
};

use super::{
    fixture::{SITE, exchange, failed, passed, record},
    tags::{check, text},
};

pub(super) const MARKUP: &str =
    "</pre></main><script>alert(1)</script><img src=x onerror=alert(1)>\" onclick=\"x' &amp; ]]>";

#[test]
fn markup_is_text_wherever_it_stands() {
    let mut call = exchange(500, MARKUP);
    call.url = format!("https://x/{MARKUP}");
    call.method = MARKUP.into();
    call.operation = Some(MARKUP.into());
    call.request_headers = vec![(MARKUP.into(), MARKUP.into())];
    call.request_body = Some(MARKUP.into());
    call.request_id = Some(MARKUP.into());
    call.error = Some(MARKUP.into());
    call.breach = Some(MARKUP.into());
    let mut step = failed(MARKUP, call);
    step.promise = MARKUP.into();
    step.runbook = Some(format!("https://x/{MARKUP}"));
    step.place = MARKUP.into();
    step.covers = vec![MARKUP.into()];
    step.needs = vec![MARKUP.into()];
    step.waited_for = vec![MARKUP.into()];
    step.reason = Some(MARKUP.into());
    step.attempts[0].notes = vec![MARKUP.into()];
    let failure = FailureRecord {
        message: MARKUP.into(),
        causes: vec![MARKUP.into()],
        cause: Cause::Assertion,
        remedy: Some(MARKUP.into()),
        exchange: Some(0),
        text: MARKUP.into(),
    };
    step.failure = Some(Box::new(failure));
    let mut record = record(vec![step.clone(), step]);
    for name in
        [&mut record.canary, &mut record.run, &mut record.trace, &mut record.target, &mut record.location]
    {
        *name = MARKUP.into();
    }
    let mut good = record.clone();
    good.run = "r1".into();
    good.steps[0].attempts[0].exchanges[0].response_body = Some("other".into());
    let view = RunView { last_good: Some(&good), trigger: Some(MARKUP), ..RunView::new(&record) };
    for page in [run(&SITE, &view), report(MARKUP, &[record.clone()], &[])] {
        let tags = check(&page);
        assert!(tags.iter().all(|it| it.name != "img"));
        assert_eq!(tags.iter().filter(|it| it.name == "script").count(), 1, "ours");
        assert!(text(&page).contains("<script>alert(1)</script>"), "it is still to be read");
    }
}

fn shown(body: &str) -> String {
    let record = record(vec![failed("buy", exchange(500, body)), passed("look", vec![exchange(200, body)])]);
    let page = run(&SITE, &RunView::new(&record));
    check(&page);
    page
}

#[test]
fn what_is_not_seen_is_shown_by_number() {
    let page = shown("a\u{202e}b\u{200b}c\u{0}d\u{1b}[31me");
    assert!(page.contains("a⟨U+202E⟩b⟨U+200B⟩cde"), "{page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}') && !page.contains('\u{0}'));
}

#[test]
fn a_long_line_is_cut_and_says_so() {
    let page = shown(&"x".repeat(1 << 20));
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains(" more, left out here"), "how much is missing is said");
    let page = shown(&"ä\u{202e}".repeat(1 << 18));
    assert!(page.len() < 700_000, "{} bytes", page.len());
}

#[test]
fn deep_json_is_cut_and_stays_narrow() {
    for deep in ["[".repeat(3 << 20), r#"{"a":"#.repeat(1 << 20), "[]".repeat(1 << 20)] {
        let page = shown(&deep);
        assert!(page.len() < 700_000, "{} bytes", page.len());
    }
}

#[test]
fn a_record_of_a_stranger_has_a_page() {
    // Needs in a circle, an unknown root, times that are none.
    let mut one = passed("one", vec![]);
    one.needs = vec!["two".into(), "one".into(), "nobody".into()];
    one.started_ms = f64::NAN;
    let mut two = passed("two", vec![Exchange::default()]);
    two.needs = vec!["one".into()];
    two.duration_ms = f64::INFINITY;
    let mut three = super::fixture::blocked("three", "nobody");
    three.duration_ms = -5.0;
    let mut failed = failed("one", exchange(200, ""));
    failed.failure.as_mut().unwrap().exchange = Some(99);
    let mut record = record(vec![one, two, three, failed]);
    record.duration_ms = -1.0;
    let page = run(&SITE, &RunView::new(&record));
    check(&page);
    assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
    assert!(text(&page).contains("three blocked by nobody"));
}
