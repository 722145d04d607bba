//! What holds for any history of runs and people, with clocks that jump.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use std::collections::{BTreeMap, BTreeSet};

use coalmine::{
    Verdict,
    alert::{Ending, Kind},
};
use proptest::prelude::*;

use super::world::World;

const STEPS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A run: each step by itself, or all of them alike.
fn run() -> impl Strategy<Value = String> {
    let step = prop_oneof![6 => Just(""), 3 => Just("f"), 1 => Just(">"), 1 => Just("?"), 1 => Just("-")];
    let mixed = proptest::collection::vec(step, STEPS.len()).prop_map(|steps| {
        let of = |sign: &str| -> String {
            STEPS.iter().zip(&steps).filter(|it| *it.1 == sign).map(|it| *it.0).collect()
        };
        format!("p{}>{}?{}-{}", of("f"), of(">"), of("?"), of("-"))
    });
    let alike = prop_oneof![4 => Just("p"), 4 => Just("f"), 2 => Just("i"), 1 => Just("x"), 1 => Just("s")];
    let word = prop_oneof![3 => mixed, 2 => alike.prop_map(str::to_owned)];
    let trigger = prop_oneof![4 => Just(""), 1 => Just("Q"), 1 => Just("R")];
    let more = prop_oneof![8 => Just(""), 1 => Just("!"), 1 => Just("~")];
    (trigger, word, more).prop_map(|(trigger, word, more)| format!("{trigger}{word}{more}"))
}

/// What people do, and what the clock does.
fn between_runs() -> impl Strategy<Value = String> {
    let step = proptest::sample::select(&["a", "b", "c", "d", "e"][..]);
    let name = proptest::sample::select(
        &["a", "b", "c", "d", "e", "*", "~inconclusive", "~leftovers", "~missed"][..],
    );
    let scope = proptest::sample::select(&["a", "b", "c", "front", "*"][..]);
    let length = proptest::sample::select(&["0s", "7s", "40s", "5m", "1h", "5h", "99h"][..]);
    let word = proptest::sample::select(&["lift", "pause", "resume", "miss", "again"][..]);
    let person = proptest::sample::select(&["ack", "unack", "human"][..]);
    prop_oneof![
        4 => length.clone().prop_map(|it| format!("+{it}")),
        1 => length.clone().prop_map(|it| format!("-{it}")),
        2 => (scope.clone(), length.clone()).prop_map(|(scope, length)| format!("mute:{scope}:{length}")),
        1 => (scope, length.clone(), length).prop_map(|(scope, length, delay)| format!("win:{scope}:{length}:{delay}")),
        4 => (person, name).prop_map(|(person, name)| format!("{person}:{name}")),
        3 => word.prop_map(str::to_owned),
        1 => step.prop_map(|it| format!("gone:{it}")),
    ]
}

fn history() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(prop_oneof![2 => run(), 1 => between_runs()], 0..60)
}

/// Settings, as rows have them.
fn settings() -> impl Strategy<Value = String> {
    let every = proptest::sample::select(&["never", "2s", "5m"][..]);
    let remind = proptest::sample::select(&["never", "1h", "4h"][..]);
    (1..4_u32, 0..3_u32, 1..4_u32, 1..5_usize, every, remind).prop_map(
        |(fail, more, pass, roots, every, remind)| {
            format!("{fail}/{}/{pass} roots={roots} every={every} remind={remind}", fail + more)
        },
    )
}

/// What has been seen so far, counted in another way than the rules do.
#[derive(Default)]
struct Count {
    runs: usize,
    /// Runs that failed, and how many of them did so by which step.
    failed: u32,
    by_step: BTreeMap<String, u32>,
    rounds: BTreeMap<String, u32>,
    known: BTreeSet<String>,
    closed: usize,
}

impl Count {
    /// What must hold after each word.
    fn check(&mut self, world: &World) {
        let Count { runs, failed, by_step, rounds, known, closed } = self;
        let is_run = world.runs > *runs;
        *runs = world.runs;
        let last = world.last.as_ref().filter(|_| is_run);
        if let Some(facts) = last.filter(|it| !it.filtered && it.verdict == Verdict::Failed) {
            *failed += 1;
            facts.roots().for_each(|it| *by_step.entry(it.step.clone()).or_default() += 1);
        }
        let fail = world.watched.policy.fail;

        let open = &world.state.incidents;
        let keys: BTreeSet<&str> = open.iter().map(|it| &*it.key).collect();
        assert_eq!(keys.len(), open.len(), "one incident per key");
        let roots: Vec<&str> = open
            .iter()
            .filter(|it| matches!(it.kind, Kind::Step | Kind::Canary))
            .flat_map(|it| it.roots.iter().map(|it| &*it.step))
            .collect();
        assert_eq!(roots.iter().collect::<BTreeSet<_>>().len(), roots.len(), "a step has one incident");

        for incident in open {
            let before = rounds.insert(incident.id.clone(), incident.rounds).unwrap_or_default();
            assert!(incident.rounds >= before, "rounds only grow");
            let quiet = incident.held.is_some() || incident.acknowledged.is_some();
            assert!(incident.held.is_some() || incident.rounds > 0, "who is not held is told");
            let reminds = world.watched.policy.remind.is_some() && !quiet;
            assert_eq!(incident.remind_at.is_some(), reminds, "{incident:#?}");
            if known.insert(incident.id.clone()) {
                match incident.kind {
                    Kind::Step => {
                        assert_eq!(incident.run.as_ref(), last.map(|it| &it.run));
                        assert!(by_step[&incident.roots[0].step] >= fail, "{incident:#?}");
                    }
                    Kind::Canary => assert!(*failed >= fail, "{incident:#?}"),
                    Kind::Inconclusive | Kind::Leftovers | Kind::Missed => {}
                    Kind::Drill => panic!("nobody drills here"),
                }
            }
        }

        for incident in &world.closed[*closed..] {
            let ending = incident.closed.as_ref().unwrap();
            match ending.why {
                Ending::Removed => assert!(last.is_none()),
                Ending::Green => {
                    let facts = last.expect("only a run shows that all is well");
                    let verdict = |step| facts.steps.iter().find(|it| it.step == step).map(|it| it.verdict);
                    let root = incident.roots.first();
                    match incident.kind {
                        Kind::Step => assert_eq!(verdict(root.unwrap().step.clone()), Some(Verdict::Passed)),
                        Kind::Canary => assert!(facts.verdict != Verdict::Inconclusive),
                        _ => {}
                    }
                }
                Ending::Merged | Ending::Drilled => panic!("not for the rules to say: {ending:?}"),
            }
        }
        *closed = world.closed.len();
        bounded(world);
    }
}

/// The state is no larger than its windows and the steps allow.
fn bounded(world: &World) {
    let state = serde_json::to_value(&world.state).unwrap();
    let of = usize::try_from(world.watched.policy.of).unwrap();
    let slots = |it: &serde_json::Value| it.as_array().map_or(0, Vec::len);
    let steps = state.get("steps").and_then(|it| it.as_object());
    assert!(
        steps.is_none_or(|it| it.len() <= STEPS.len() && it.values().all(|it| slots(&it["window"]) <= of))
    );
    assert!(state.get("runs").is_none_or(|it| slots(it) <= of));
    assert!(state.get("cleanups").is_none_or(|it| slots(&it["window"]) <= of));
    assert!(state.get("seen").is_none_or(|it| slots(it) <= 16));
    let resolved = state.get("resolved").and_then(|it| it.as_object()).map_or(0, serde_json::Map::len);
    assert!(resolved <= world.state.incidents.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(with in settings(), history in history()) {
        let mut world = World::new(&with);
        let mut count = Count::default();
        for word in &history {
            world.word(word);
            count.check(&world);
        }
        // All is well for long enough: nothing stays open.
        for _ in 0..world.watched.policy.pass {
            world.word("p");
            count.check(&world);
        }
        prop_assert!(world.state.incidents.is_empty(), "{:#?}", world.state.incidents);
    }

    #[test]
    fn nobody_is_ever_told_in_a_silence(with in settings(), runs in proptest::collection::vec(run(), 0..40)) {
        let mut world = World::new(&with);
        world.word("win:*:9999h");
        for word in &runs {
            world.word(word);
        }
        let told = |it: &&coalmine::alert::Incident| it.rounds > 0;
        prop_assert_eq!(world.state.incidents.iter().chain(&world.closed).find(told), None);
    }

    #[test]
    fn what_is_inconclusive_never_speaks_against_the_product(
        with in settings(),
        runs in proptest::collection::vec(
            prop_oneof![
                Just("i"), Just("x"), Just("s"), Just("p?a>bcd"), Just("p"), Just("Qi"), Just("+5h"), Just("-5m"), Just("f~")
            ],
            0..60,
        ),
    ) {
        let mut world = World::new(&with);
        runs.iter().for_each(|it| world.word(it));
        let product = |it: &&coalmine::alert::Incident| matches!(it.kind, Kind::Step | Kind::Canary);
        prop_assert_eq!(world.state.incidents.iter().chain(&world.closed).find(product), None);
    }
}
