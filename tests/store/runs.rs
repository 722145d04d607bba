//! What was added is found again: in lists, alone, in sums.

use coalmine::{
    Verdict::{self, Failed, Inconclusive, Passed, Skipped},
    record::{CleanupRecord, StepKind},
    store::{Counts, Filter, Page, SqliteStore, Store, StoreError, Summary},
    verdict::Cause,
};

use super::{change, keeping_two, open, run, single, step, time};

async fn ids(store: &SqliteStore, filter: &Filter) -> Vec<String> {
    store.runs(filter).await.unwrap().items.into_iter().map(|it| it.run).collect()
}

fn wanted(canary: Option<&str>, verdict: Option<Verdict>) -> Filter {
    Filter { canary: canary.map(Into::into), verdict, limit: 50, ..Filter::default() }
}

#[tokio::test]
async fn what_was_added_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/runs.db");
    let failed = run("r2", 60, vec![step("buy", Failed, 8.0), step("sell", Passed, 9.0)]);
    let store = open(&path).await;
    store.add(&single("r1", 0, Passed)).await.unwrap();
    store.add(&failed).await.unwrap();
    store.close().await;

    let store = open(&path).await;
    assert_eq!(ids(&store, &wanted(None, None)).await, ["r2", "r1"]);
    let kept = store.run("r2").await.unwrap().unwrap();
    assert!(kept.full);
    assert_eq!(kept.record, *failed.record);
    let summary = &kept.summary;
    assert_eq!((summary.root.as_deref(), summary.cause), (Some("buy"), Some(Cause::Assertion)));
    assert_eq!(summary.message.as_deref(), Some("buy is wrong"));
    assert_eq!(summary.counts, Counts { passed: 1, failed: 1, ..Counts::default() });
    assert_eq!(store.run("r3").await.unwrap(), None);
}

#[tokio::test]
async fn adding_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("runs.db")).await;
    for _ in 0..3 {
        store.add(&single("r1", 0, Passed)).await.unwrap();
    }
    assert_eq!(store.totals().await.unwrap()[0].passed, 1);
    assert_eq!(store.days(time(0)).await.unwrap()[0].passed, 1);
    assert_eq!(ids(&store, &wanted(None, None)).await, ["r1"]);
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(&folder.path().join("runs.db")).await);
    let mut adding = tokio::task::JoinSet::new();
    for number in 0..500 {
        let store = store.clone();
        adding.spawn(async move { store.add(&single(&format!("r{number}"), number, Passed)).await });
    }
    while let Some(added) = adding.join_next().await {
        added.unwrap().unwrap();
    }
    assert_eq!(store.totals().await.unwrap()[0].passed, 500);
}

#[tokio::test]
async fn lists_can_be_narrowed() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for (second, verdict) in [(0, Passed), (1, Failed), (2, Inconclusive), (3, Passed)] {
        store.add(&single(&format!("a{second}"), second, verdict)).await.unwrap();
        let other = change(single(&format!("b{second}"), second, verdict), |it| it.canary = "signup".into());
        store.add(&other).await.unwrap();
    }
    assert_eq!(ids(&store, &wanted(Some("api"), None)).await, ["a3", "a2", "a1", "a0"]);
    assert_eq!(ids(&store, &wanted(None, Some(Failed))).await, ["b1", "a1"]);
    assert_eq!(ids(&store, &wanted(Some("signup"), Some(Passed))).await, ["b3", "b0"]);
    assert!(ids(&store, &wanted(Some("nobody"), None)).await.is_empty());
}

#[tokio::test]
async fn pages_stay_right_while_runs_arrive() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    // Many begin together: their order is that in which they came.
    for number in 0..10 {
        store.add(&single(&format!("r{number}"), number / 5, Passed)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut filter = Filter { limit: 3, ..Filter::default() };
    loop {
        let page = store.runs(&filter).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|it| it.run));
        store.add(&single(&format!("new{}", seen.len()), 100, Failed)).await.unwrap();
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["r9", "r8", "r7", "r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
}

#[tokio::test]
async fn runs_can_be_those_before_a_time() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for number in 0..6 {
        store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
    }
    let mut filter = Filter { before: Some(time(4)), limit: 3, ..Filter::default() };
    let first = store.runs(&filter).await.unwrap();
    let names = |page: &Page<Summary>| page.items.iter().map(|it| it.run.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["r3", "r2", "r1"]);
    filter.after = first.next;
    assert_eq!(names(&store.runs(&filter).await.unwrap()), ["r0"]);
}

#[tokio::test]
async fn a_malformed_place_is_the_askers_mistake() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for after in ["", "x", "AQ", "zzzzzzzzzzzzzzzzzzzzzzz", "AgAAAAAAAAAAAAAAAAAAAAA", "1 OR 1=1"] {
        let filter = Filter { after: Some(after.into()), limit: 5, ..Filter::default() };
        assert_eq!(store.runs(&filter).await, Err(StoreError::BadCursor), "{after}");
    }
}

#[tokio::test]
async fn pages_are_bounded() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for number in 0..3 {
        store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
    }
    let all = store.runs(&Filter { limit: usize::MAX, ..Filter::default() }).await.unwrap();
    assert_eq!((all.items.len(), all.next), (3, None));
    let none = store.runs(&Filter::default()).await.unwrap();
    assert_eq!((none.items.len(), none.next), (0, None));
}

#[tokio::test]
async fn old_passed_runs_are_thinned_to_timings() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    let mut left_out = step("sell", Skipped, 0.0);
    left_out.reason = Some("not on Sundays".into());
    left_out.attempts.clear();
    let mut fixture = step("shop", Passed, 1.0);
    fixture.kind = StepKind::Fixture;
    let cleanup = |name: &str, error: Option<&str>| CleanupRecord {
        kind: "order".into(),
        name: name.into(),
        duration_ms: 2.0,
        error: error.map(Into::into),
        exchanges: Vec::new(),
    };
    let oldest = run("r0", 0, vec![step("buy", Passed, 12.345), left_out, fixture]);
    let oldest = change(oldest, |it| it.cleanup = vec![cleanup("1", None), cleanup("2", Some("refused"))]);
    store.add(&oldest).await.unwrap();
    store.add(&single("bad", 1, Failed)).await.unwrap();
    for number in 2..5 {
        store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
    }
    let swept = store.sweep(time(10)).await.unwrap();
    assert_eq!((swept.runs, swept.thinned), (0, 2));

    let kept = store.run("r0").await.unwrap().unwrap();
    assert!(!kept.full);
    let expected = change(oldest, |it| {
        it.cleanup.remove(0);
        for attempt in it.steps.iter_mut().flat_map(|it| &mut it.attempts) {
            attempt.exchanges.clear();
            attempt.notes.clear();
        }
    });
    assert_eq!(kept.record, *expected.record);
    for whole in ["bad", "r3", "r4"] {
        assert!(store.run(whole).await.unwrap().unwrap().full, "{whole}");
    }
    let last = store.last_passed("api", time(4)).await.unwrap().unwrap();
    assert_eq!(last.summary.run, "r3");
    assert_eq!(store.last_passed("api", time(3)).await.unwrap(), None);
}

#[tokio::test]
async fn totals_and_days_know_runs_that_are_gone() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    store.add(&single("r1", 10, Passed)).await.unwrap();
    store.add(&single("r2", 90_000, Failed)).await.unwrap();
    store.add(&single("r3", 90_060, Skipped)).await.unwrap();
    let filtered = change(single("r4", 90_120, Inconclusive), |it| it.filtered = true);
    store.add(&filtered).await.unwrap();
    // One that ended late does not become the last.
    store.add(&single("r0", 5, Passed)).await.unwrap();
    let swept = store.sweep(time(500 * 86_400)).await.unwrap();
    assert_eq!(swept.runs, 5);
    assert!(ids(&store, &wanted(None, None)).await.is_empty());

    let totals = store.totals().await.unwrap();
    let [api] = totals.as_slice() else { panic!("one canary: {totals:?}") };
    assert_eq!((api.passed, api.failed, api.inconclusive, api.skipped), (2, 1, 1, 1));
    assert_eq!(api.last.as_ref().unwrap().run, "r4");
    assert_eq!(api.last_passed, Some(time(10)));
    let days: Vec<_> = store
        .days(time(0))
        .await
        .unwrap()
        .into_iter()
        .map(|it| (it.day.to_string(), it.passed, it.failed, it.inconclusive))
        .collect();
    assert_eq!(days, [("2026-01-01".to_owned(), 2, 0, 0), ("2026-01-02".to_owned(), 0, 1, 0)]);
    assert_eq!(store.days(time(86_400)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn steps_are_measured_over_many_runs() {
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for number in 1..=100 {
        let steps = vec![step("buy", Passed, number as f64), step("sell", Passed, 1.0)];
        store.add(&run(&format!("r{number}"), number, steps)).await.unwrap();
    }
    // A pass at the second attempt counts with that attempt's time.
    let mut flaky = step("buy", Passed, 900.0);
    flaky.flaky = true;
    let mut first = flaky.attempts[0].clone();
    first.verdict = Failed;
    first.duration_ms = 890.0;
    flaky.attempts[0].number = 2;
    flaky.attempts[0].duration_ms = 10.0;
    flaky.attempts.insert(0, first);
    store.add(&run("f", 200, vec![flaky, step("refund", Failed, 5.0)])).await.unwrap();
    // Asked for alone, it does not decide on the order.
    let alone = change(run("alone", 300, vec![step("sell", Failed, 2.0)]), |it| it.filtered = true);
    store.add(&alone).await.unwrap();

    let steps = store.steps("api", time(0)).await.unwrap();
    let names: Vec<_> = steps.iter().map(|it| it.step.as_str()).collect();
    assert_eq!(names, ["buy", "refund", "sell"]);
    let buy = &steps[0];
    assert_eq!((buy.runs, buy.failed), (101, 0));
    assert_eq!((buy.p50_ms, buy.p90_ms, buy.p99_ms, buy.max_ms), (50.0, 90.0, 99.0, 100.0));
    assert_eq!((steps[1].runs, steps[1].failed, steps[1].max_ms), (1, 1, 0.0));
    assert_eq!((steps[2].runs, steps[2].failed), (101, 1));
    assert_eq!(store.steps("api", time(200)).await.unwrap()[0].runs, 1);

    let points = store.step("api", "buy", 2).await.unwrap();
    let short: Vec<_> = points.iter().map(|it| (it.run.as_str(), it.flaky, it.duration_ms)).collect();
    assert_eq!(short, [("f", true, 900.0), ("r100", false, 100.0)]);
    assert!(store.step("api", "nothing", 9).await.unwrap().is_empty());
    assert!(store.step("nobody", "buy", 9).await.unwrap().is_empty());
}
