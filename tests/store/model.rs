//! Whatever is done, in whatever order: the store is what a list of runs would be.

use std::{collections::BTreeMap, time::Duration};

use coalmine::{
    Verdict::{self, Failed, Inconclusive, Passed, Skipped},
    store::{Filter, Finished, Retention, SqliteStore, Store},
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{change, run, step, time};

const KEEP: Retention = Retention { age: Duration::from_secs(50_000), passed_in_full: 2, size: u64::MAX };

#[derive(Clone, Debug)]
enum Deed {
    Add { id: u8, second: i64, canary: bool, verdict: Verdict, filtered: bool },
    Sweep(i64),
    Reopen,
}

fn any_deed() -> impl Strategy<Value = Deed> {
    // Few ids and few seconds, so that they meet; some seconds are days apart.
    let second = prop_oneof![0i64..6, 0i64..200_000];
    let verdict = prop_oneof![Just(Passed), Just(Passed), Just(Failed), Just(Inconclusive), Just(Skipped)];
    prop_oneof![
        8 => (0u8..40, second, any::<bool>(), verdict, any::<bool>()).prop_map(
            |(id, second, canary, verdict, filtered)| Deed::Add { id, second, canary, verdict, filtered }
        ),
        1 => (0i64..250_000).prop_map(Deed::Sweep),
        1 => Just(Deed::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    /// In the order in which they were added.
    runs: Vec<(Finished, bool)>,
    totals: BTreeMap<String, [u64; 4]>,
    days: BTreeMap<(String, String), [u64; 3]>,
}

impl Model {
    fn add(&mut self, run: &Finished) {
        let record = &run.record;
        if self.runs.iter().any(|(it, _)| it.record.run == record.run) {
            return;
        }
        self.runs.push((run.clone(), true));
        let kind =
            [Passed, Failed, Inconclusive, Skipped].iter().position(|it| *it == record.verdict).unwrap();
        self.totals.entry(record.canary.clone()).or_default()[kind] += 1;
        if !record.filtered {
            let day = record.started.to_string()[..10].to_owned();
            let day = self.days.entry((day, record.canary.clone())).or_default();
            if let Some(count) = day.get_mut(kind) {
                *count += 1;
            }
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        self.runs.retain(|(run, _)| run.record.started >= now - KEEP.age);
        let newest: Vec<_> = self.newest_first().into_iter().cloned().collect();
        let mut seen: BTreeMap<_, u32> = BTreeMap::new();
        for (run, _) in newest {
            let record = &run.record;
            let count = seen.entry((record.canary.clone(), record.verdict.as_str())).or_default();
            *count += 1;
            if *count > KEEP.passed_in_full && matches!(record.verdict, Passed | Skipped) {
                self.runs.iter_mut().find(|(it, _)| it.record.run == record.run).unwrap().1 = false;
            }
        }
    }

    fn newest_first(&self) -> Vec<&(Finished, bool)> {
        let mut runs: Vec<_> = self.runs.iter().rev().collect();
        runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.record.started));
        runs
    }
}

fn made(id: u8, second: i64, canary: bool, verdict: Verdict, filtered: bool) -> Finished {
    let steps = vec![step("buy", verdict, f64::from(id)), step("sell", Skipped, 0.0)];
    change(run(&format!("r{id}"), second, steps), |it| {
        it.canary = if canary { "api" } else { "signup" }.into();
        it.filtered = filtered;
    })
}

async fn agree(store: &SqliteStore, model: &Model) {
    // By pages of three.
    let mut found = Vec::new();
    let mut filter = Filter { limit: 3, ..Filter::default() };
    loop {
        let page = store.runs(&filter).await.unwrap();
        for it in page.items {
            let full = store.run(&it.run).await.unwrap().unwrap().full;
            found.push((it.run, full));
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    let newest = model.newest_first();
    let expected: Vec<_> = newest.iter().map(|(run, full)| (run.record.run.clone(), *full)).collect();
    assert_eq!(found, expected);

    let totals: BTreeMap<_, _> = store
        .totals()
        .await
        .unwrap()
        .into_iter()
        .map(|it| (it.canary, [it.passed, it.failed, it.inconclusive, it.skipped]))
        .collect();
    assert_eq!(totals, model.totals);
    let days: BTreeMap<_, _> = store
        .days(time(0))
        .await
        .unwrap()
        .into_iter()
        .map(|it| ((it.day.to_string(), it.canary), [it.passed, it.failed, it.inconclusive]))
        .collect();
    assert_eq!(days, model.days);

    for canary in ["api", "signup"] {
        let of_canary: Vec<_> = newest.iter().filter(|(it, _)| it.record.canary == canary).collect();
        for verdict in [Passed, Failed] {
            let filter = Filter {
                canary: Some(canary.into()),
                verdict: Some(verdict),
                limit: 999,
                ..Filter::default()
            };
            let found: Vec<_> =
                store.runs(&filter).await.unwrap().items.into_iter().map(|it| it.run).collect();
            let expected: Vec<_> = of_canary
                .iter()
                .filter(|(it, _)| it.record.verdict == verdict)
                .map(|(it, _)| it.record.run.clone())
                .collect();
            assert_eq!(found, expected);
        }
        let passed = of_canary.iter().find(|(it, full)| it.record.verdict == Passed && *full);
        let found = store.last_passed(canary, Timestamp::MAX).await.unwrap();
        assert_eq!(found.map(|it| it.record), passed.map(|(it, _)| (*it.record).clone()));

        let steps = store.steps(canary, time(0)).await.unwrap();
        let buy = steps.iter().find(|it| it.step == "buy");
        assert_eq!(buy.map_or(0, |it| it.runs), of_canary.len() as u64);
        let times = of_canary.iter().filter(|(it, _)| it.record.verdict == Passed);
        let slowest = times.map(|(it, _)| it.record.steps[0].duration_ms).fold(0.0, f64::max);
        assert_eq!(buy.map_or(0.0, |it| it.max_ms), slowest);
        let points = store.step(canary, "buy", 999).await.unwrap();
        let points: Vec<_> = points.into_iter().map(|it| it.run).collect();
        assert_eq!(points, of_canary.iter().map(|(it, _)| it.record.run.clone()).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_a_list_of_runs(deeds in prop::collection::vec(any_deed(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("runs.db");
            let mut store = SqliteStore::open(&path, KEEP).await.unwrap();
            let mut model = Model::default();
            for deed in deeds {
                match deed {
                    Deed::Add { id, second, canary, verdict, filtered } => {
                        let run = made(id, second, canary, verdict, filtered);
                        store.add(&run).await.unwrap();
                        model.add(&run);
                        continue;
                    }
                    Deed::Sweep(second) => {
                        store.sweep(time(second)).await.unwrap();
                        model.sweep(time(second));
                    }
                    Deed::Reopen => {
                        store.close().await;
                        store = SqliteStore::open(&path, KEEP).await.unwrap();
                    }
                }
                agree(&store, &model).await;
            }
            agree(&store, &model).await;
        });
    }
}
