//! The page of a run.

use coalmine::{
    Verdict,
    pages::run_view,
    record::{CleanupRecord, StepRecord},
    report::{
        html::{Assets, RunView, Site, assets, report, run},
        surface::SurfaceCase,
    },
    store::Kept,
};

use super::{
    fixture::{SITE, attempt, blocked, exchange, failed, fixture, passed, record, step, summary},
    tags::{check, text},
};

fn page(view: &RunView<'_>) -> String {
    let page = run(&SITE, view);
    check(&page);
    page
}

#[test]
fn every_verdict_is_a_word_and_every_step_a_target() {
    let record = record(vec![
        fixture(passed("basket", vec![])),
        failed("buy", exchange(500, "{}")),
        blocked("pay", "buy"),
        passed("look", vec![exchange(200, "{}")]),
        step("wonder", Verdict::Inconclusive),
        StepRecord { reason: Some("too dear".into()), ..step("fly", Verdict::Skipped) },
        StepRecord { flaky: true, ..passed("try_again", vec![]) },
    ]);
    let page = page(&RunView::new(&record));
    let tags = check(&page);
    for anchor in ["step-fixture-basket", "step-buy", "step-pay", "step-look", "step-wonder", "step-fly"] {
        assert!(tags.iter().any(|it| it.get("id") == Some(anchor)), "{anchor}");
        assert!(tags.iter().any(|it| it.get("href") == Some(&format!("#{anchor}"))), "a link to {anchor}");
    }
    let text = text(&page);
    for word in ["passed", "failed", "inconclusive", "blocked", "skipped", "flaky", "Left out: too dear"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("1 failed, 1 inconclusive, 1 blocked, 2 passed, 1 skipped, 1 flaky"), "{text}");
    assert!(page.contains("<title>failed: api run r7 · shop</title>"), "the verdict comes first");
    let open: Vec<_> = tags
        .iter()
        .filter(|it| it.get("class").is_some_and(|it| it.starts_with("step ")) && it.get("open").is_some())
        .filter_map(|it| it.get("id"))
        .collect();
    assert_eq!(open, ["step-buy", "step-wonder"], "what did not pass is open, and nothing else");
}

#[test]
fn failed_steps_come_first() {
    let record = record(vec![passed("look", vec![]), failed("buy", exchange(500, "{}"))]);
    let page = page(&RunView::new(&record));
    let at = |id: &str| page.find(&format!("id=\"{id}\"")).unwrap();
    assert!(at("step-buy") < at("step-look"));
}

#[test]
fn blocked_steps_name_their_root() {
    let record = record(vec![
        fixture(failed("basket", exchange(500, "{}"))),
        blocked("buy", "basket"),
        blocked("pay", "basket"),
    ]);
    let page = page(&RunView::new(&record));
    let text = text(&page);
    assert!(text.contains("pay blocked by fixture basket"), "{text}");
    assert!(text.contains("2 steps blocked by fixture basket"), "{text}");
    assert!(text.contains("blocks 2 steps"), "{text}");
    // A fixture is no test: who is blocked by it reports it.
    assert!(text.contains("cargo test --test canaries -- --exact api::buy "), "{text}");
    assert!(page.contains("url(#hatch)"));
}

#[test]
fn the_lines_that_repeat_it_are_exact() {
    let mut odd = failed("buy", exchange(500, "{}"));
    odd.name = "it's odd".into();
    let record = record(vec![failed("buy", exchange(500, "{}")), odd]);
    let page = page(&RunView::new(&record));
    assert!(page.contains("<code>cargo test --test canaries -- --exact api::buy</code>"));
    assert!(page.contains(r"<code>cargo test --test canaries -- --exact 'api::it'\''s odd'</code>"));
    let curl = "<code>curl -i -X POST https://api.shop.test/v1/buy \\\n  -H 'content-type: application/json' \\\n  \
                -H 'authorization: [redacted]' \\\n  --data-raw '{&quot;item&quot;:&quot;seed&quot;,&quot;count&quot;:2}'</code>";
    assert!(page.contains(curl), "{page}");
}

#[test]
fn a_failure_says_all_that_helps() {
    let mut step = failed("buy", exchange(500, r#"{"error":"no"}"#));
    step.runbook = Some("https://wiki.test/buy".into());
    step.covers = vec!["buy".into()];
    step.attempts[0].notes.push("the mail took 3 s".into());
    let mut record = record(vec![step]);
    record.cleanup = vec![CleanupRecord {
        kind: "user".into(),
        name: "u1".into(),
        duration_ms: 3.0,
        error: Some("it is locked".into()),
        exchanges: vec![],
    }];
    let page = page(&RunView {
        trigger: Some("recheck"),
        previous: Some("r6"),
        next: Some("r8"),
        ..RunView::new(&record)
    });
    let text = text(&page);
    for expected in [
        "buy does what it says",
        "expected 200, got 500",
        "caused by: the disk is full",
        "Remedy: make room",
        "https://wiki.test/buy",
        "q-1",
        "\"error\": \"no\"",
        "the mail took 3 s",
        "user u1: it is locked",
        "trigger recheck",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-01-31 12:00:07 UTC",
        "the failure is about this one",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(page.contains("href=\"/runs/r6\"") && page.contains("href=\"/runs/r8\""));
    assert!(page.contains("datetime=\"2026-01-31T12:00:07Z\""));
}

#[test]
fn an_address_that_is_none_is_no_link() {
    let mut step = failed("buy", exchange(500, "{}"));
    step.runbook = Some("javascript:alert(1)".into());
    let record = record(vec![step]);
    assert!(!page(&RunView::new(&record)).contains("href=\"javascript"));
}

#[test]
fn the_last_good_run_is_compared() {
    let now = record(vec![failed("buy", exchange(500, r#"{"id":"r7-1","state":"lost","total":2}"#))]);
    let mut good =
        record(vec![passed("buy", vec![exchange(200, r#"{"id":"r3-1","state":"sold","total":2}"#)])]);
    good.run = "r3".into();
    let page = page(&RunView { last_good: Some(&good), ..RunView::new(&now) });
    assert!(
        page.contains("<del><span class=\"sign\">− </span>  &quot;state&quot;: &quot;sold&quot;,</del>"),
        "{page}"
    );
    assert!(
        page.contains("<ins><span class=\"sign\">+ </span>  &quot;state&quot;: &quot;lost&quot;,</ins>"),
        "{page}"
    );
    assert_eq!(page.matches("<del>").count(), 1, "names that hold the run's id are equal");
    let text = text(&page);
    assert!(text.contains("200 → 500"), "{text}");
    assert!(text.contains("it passed in 120 ms; now it took 120 ms"), "{text}");
    assert!(page.contains("href=\"/runs/r3\""));
}

#[test]
fn without_a_last_good_run_the_page_says_so() {
    let now = record(vec![failed("buy", exchange(500, "{}"))]);
    assert!(text(&page(&RunView::new(&now))).contains("No passed run is kept to compare with."));
    let other = record(vec![passed("look", vec![])]);
    let without = page(&RunView { last_good: Some(&other), ..RunView::new(&now) });
    assert!(text(&without).contains("did not have this step"));
    let thin =
        record(vec![StepRecord { attempts: vec![attempt(None, vec![])], ..step("buy", Verdict::Passed) }]);
    let thinned = page(&RunView { last_good: Some(&thin), ..RunView::new(&now) });
    assert!(text(&thinned).contains("What was answered then is not kept."));
}

#[test]
fn what_is_kept_no_more_is_said() {
    let record = record(vec![passed("look", vec![])]);
    let page = page(&RunView { full: false, ..RunView::new(&record) });
    assert!(text(&page).contains("only the timings are kept"));
}

#[test]
fn what_the_store_has_makes_a_page() {
    let record = record(vec![passed("look", vec![])]);
    let kept = Kept { summary: summary("api", 2, Verdict::Passed), record, full: false };
    let page = page(&run_view(&kept));
    assert!(text(&page).contains("trigger schedule") && text(&page).contains("only the timings"));
}

#[test]
fn steps_that_are_fine_are_folded_beside_one_that_is_not() {
    let is_open = |steps: Vec<StepRecord>| {
        let page = page(&RunView::new(&record(steps)));
        let group = check(&page).into_iter().find(|it| it.get("id") == Some("all-passed"));
        group.unwrap().get("open").is_some()
    };
    assert!(is_open(vec![passed("look", vec![])]));
    assert!(!is_open(vec![passed("look", vec![]), failed("buy", exchange(500, "{}"))]));
}

#[test]
fn a_run_without_steps_has_a_page() {
    let record = record(vec![]);
    assert!(text(&page(&RunView::new(&record))).contains("This run had no steps."));
}

fn case(operation: &str, verdict: Verdict, prover: &str) -> SurfaceCase {
    SurfaceCase {
        operation: operation.into(),
        verdict,
        prover: Some(prover.into()),
        message: (verdict != Verdict::Passed).then(|| "it is broken".into()),
        cause: None,
        also: vec![],
        root: None,
        answers: [(200, 3)].into(),
        duration_ms: 1.0,
    }
}

#[test]
fn operations_that_did_not_pass_come_first() {
    let record = record(vec![passed("look", vec![]), failed("buy", exchange(500, "{}"))]);
    let surface = [
        case("look", Verdict::Passed, "api::look"),
        case("buy", Verdict::Failed, "api::buy"),
        case("fly", Verdict::Skipped, "web::fly"),
    ];
    let page = page(&RunView { surface: &surface, ..RunView::new(&record) });
    let text = text(&page);
    assert!(
        text.contains("1 of 3 operations passed failed buy by api::buy · 200 × 3 it is broken"),
        "{text}"
    );
    assert!(page.contains("<a href=\"#step-buy\">api::buy</a>"), "its prover is on the page");
    assert!(!page.contains(">web::fly</a>"), "and that of another canary is not");
}

#[test]
fn a_report_is_one_file() {
    let mut other = record(vec![passed("look", vec![]), passed("buy", vec![exchange(200, "{}")])]);
    other.canary = "web".into();
    let records =
        [record(vec![failed("buy", exchange(500, "{}")), blocked("pay", "buy")]), other.clone(), other];
    let surface = [case("look", Verdict::Passed, "web::look"), case("buy", Verdict::Failed, "api::buy")];
    let page = report("shop", &records, &surface);
    let tags = check(&page);
    let [style, script] = assets();
    assert!(page.contains(style.text) && page.contains(script.text));
    let policy =
        tags.iter().find(|it| it.get("http-equiv").is_some()).and_then(|it| it.get("content")).unwrap();
    assert!(policy.contains(&style.hash) && policy.contains(&script.hash), "{policy}");
    for tag in &tags {
        for link in ["href", "src"] {
            let address = tag.get(link).unwrap_or("#");
            assert!(
                address.starts_with('#') || address.starts_with("data:"),
                "it needs nothing else: {address}"
            );
        }
    }
    let text = text(&page);
    assert!(text.contains("1 of 2 operations passed"), "{text}");
    assert!(page.contains("<title>failed: report · shop</title>"));
    check(&report("shop", &[], &[]));
}

#[test]
fn embedded_assets_carry_the_nonce() {
    let record = record(vec![]);
    let site = Site { assets: Assets::Embedded { nonce: Some("n1") }, ..SITE };
    let page = run(&site, &RunView::new(&record));
    check(&page);
    assert!(page.contains("<style nonce=\"n1\">") && page.contains("<script nonce=\"n1\">"));
}

#[test]
fn a_large_run_stays_a_page() {
    let steps = (0..1000).map(|it| {
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(3900));
        let mut step = passed(&format!("step_{it}"), vec![exchange(200, &body); 2]);
        step.needs = if it > 0 { vec![format!("step_{}", it - 1)] } else { vec![] };
        step
    });
    let record = record(steps.collect());
    let page = page(&RunView::new(&record));
    assert!(page.len() < 12 << 20, "{} bytes", page.len());
    assert!(text(&page).contains("this page would be too large"));
}
