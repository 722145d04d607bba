//! What an incident says, beyond that it is there.

use coalmine::{
    Severity,
    alert::{
        Audience, Held, Kind,
        log::Happened,
        rules::{self, CanaryState, key},
    },
};

use super::{
    runs::facts,
    world::{PREFIX, World, at},
};

fn after(with: &str, history: &str) -> World {
    let mut world = World::new(with);
    history.split_whitespace().for_each(|it| world.word(it));
    world
}

/// What was said of openings, holds and ends.
fn why(world: &World) -> Vec<String> {
    let why = |it: &Happened| match it {
        Happened::Opened { why }
        | Happened::Held { why }
        | Happened::Released { why }
        | Happened::Closed { why } => Some(why.clone()),
        _ => None,
    };
    world.log.iter().filter_map(|it| why(&it.what)).collect()
}

#[test]
fn an_incident_says_since_when_and_by_which_run() {
    let world = after("", "p f p f");
    let incident = world.only();
    assert_eq!(incident.key, "shop/home/front/a");
    assert_eq!((incident.kind, &*incident.canary), (Kind::Step, "front"));
    assert_eq!((incident.since, incident.opened), (at(300), at(910)));
    assert_eq!(incident.run.as_deref(), Some("r4"));
    let green = incident.last_green.as_ref().unwrap();
    assert_eq!((&*green.run, green.started), ("r3", at(600)));
    assert_eq!(incident.remind_at, Some(at(910 + 4 * 3600)));
    assert_eq!(why(&world), ["failed in 2 of the last 3 runs: r2, r4"]);
}

#[test]
fn the_last_green_run_is_one_that_passed() {
    let world = after("", "p f f");
    assert_eq!(world.only().last_green.as_ref().map(|it| &*it.run), Some("r1"));
    assert_eq!(after("", "i? f f").only().last_green, None);
}

#[test]
fn a_run_counts_once_even_if_another_came_between() {
    let mut world = after("3/5/2", "f f");
    let before = world.state.clone();
    let _ = world.observe(&facts("f", "r1", 0, 10));
    assert_eq!(world.state, before);
}

#[test]
fn the_newest_evidence_stands_in_it_and_the_loudest_decides() {
    let mut world = after("", "a>b a>bc");
    assert_eq!(world.only().roots[0].blocks, ["b", "c"]);
    world.word("a>d");
    let incident = world.only();
    assert_eq!((&*incident.roots[0].message, &*incident.roots[0].run), ("a failed in r3", "r3"));
    assert_eq!(incident.roots[0].blocks, ["d"]);
    assert_eq!(incident.run.as_deref(), Some("r2"), "it was decided once");
    // A failure too many within a burst takes no slot, but is the newest evidence.
    for word in ["+5s", "Qa", "+5s", "Qa>e"] {
        world.word(word);
    }
    assert_eq!(
        (&*world.only().roots[0].run, &world.only().roots[0].blocks[..]),
        ("r5", &["e".to_owned()][..])
    );

    assert_eq!(after("", "e e").only().severity, Severity::Warning);
    // The suite may have made a step louder since.
    let mut world = after("", "e e");
    let mut louder = facts("e", "r3", 600, 10);
    louder.steps[4].evidence.as_mut().unwrap().severity = Severity::Critical;
    let _ = world.observe(&louder);
    assert_eq!(world.only().severity, Severity::Critical);

    let mut world = after("roots=1 3/5/2", "de de e e");
    assert_eq!(world.only().severity, Severity::Warning);
    world.word("de");
    assert_eq!((world.state.incidents.len(), world.state.incidents[1].severity), (2, Severity::Critical));
    assert_eq!(after("roots=1", "de de").only().severity, Severity::Critical);
}

#[test]
fn what_happened_is_told_in_words() {
    for (with, history, expected) in [
        (
            "",
            "f f p p",
            vec!["failed in 2 of the last 2 runs: r1, r2", "passed in 2 runs in a row: r4 was the last"],
        ),
        (
            "",
            "abcd abcd p p",
            vec![
                "4 steps are down at once, more than 3: a, b, c, d",
                "2 runs in a row without a failure that has no incident of its own: r4 was the last",
            ],
        ),
        (
            "",
            "abc abc abcd abcd",
            vec![
                "failed in 2 of the last 2 runs: r1, r2",
                "failed in 2 of the last 2 runs: r1, r2",
                "failed in 2 of the last 2 runs: r1, r2",
                "4 steps are down at once, more than 3: d, beside 3 that have incidents of their own",
            ],
        ),
        ("", "a p b", vec!["another step fails from run to run, in 2 of the last 3 runs: r1 (a), r3 (b)"]),
        (
            "",
            "i i i i i i i p",
            vec![
                "none of 7 runs in 30 minutes could tell anything: r7 was the last",
                "r8 could tell: it passed",
            ],
        ),
        (
            "",
            "p! p! p p",
            vec![
                "could not remove all that it had made in 2 of the last 2 runs: r1, r2",
                "removed all that it had made in 2 runs in a row: r4 was the last",
            ],
        ),
        (
            "",
            "miss p",
            vec!["did not run when it should have, at 2026-01-01T00:00:00Z", "r1 has run on schedule"],
        ),
        (
            "",
            "win:*:1h f f +2h",
            vec![
                "failed in 2 of the last 2 runs: r1, r2",
                "maintenance window s1 until 2026-01-01T01:00:00Z: release",
                "maintenance window s1 is over",
            ],
        ),
        (
            "",
            "f f pause resume",
            vec!["failed in 2 of the last 2 runs: r1, r2", "the canary is paused", "the canary runs again"],
        ),
        (
            "",
            "f f human:a +5h",
            vec!["failed in 2 of the last 2 runs: r1, r2", "bo had resolved it, and it is still down"],
        ),
        (
            "",
            "f f gone:a",
            vec!["failed in 2 of the last 2 runs: r1, r2", "the step is no part of the suite any more"],
        ),
        (
            "",
            "f f gone:*",
            vec!["failed in 2 of the last 2 runs: r1, r2", "the canary is no part of the suite any more"],
        ),
    ] {
        assert_eq!(why(&after(with, history)), expected, "{history}");
    }
}

#[test]
fn the_owners_incidents_wake_nobody_and_say_what_was_found() {
    let world = after("", "i i i i i i x i");
    let incident = world.only();
    assert_eq!(incident.kind.audience(), Audience::Owners);
    assert_eq!((incident.severity, incident.since), (Severity::Warning, at(0)));
    assert_eq!(incident.roots.len(), 5);
    assert_eq!(incident.roots[0].message, "a inconclusive in r8");

    assert_eq!(after("", "i i i i i i i i").only().roots[0].run, "r8", "the newest");

    let world = after("", "p! f!");
    let incident = world.only();
    assert_eq!((incident.kind, incident.severity), (Kind::Leftovers, Severity::Warning));
    assert_eq!((&*incident.roots[0].step, &*incident.roots[0].message), ("clean-up", "key `k1`: 503"));
    assert_eq!((incident.since, incident.run.as_deref()), (at(0), Some("r2")));

    let world = after("", "miss");
    assert_eq!((world.only().kind, world.only().roots.len()), (Kind::Missed, 0));
    assert_eq!(world.only().run, None);
}

#[test]
fn the_hold_names_the_silence_that_ends_last() {
    let world = after("", "win:*:1h mute:a:2h f f");
    let Some(Held::Silence { silence, until, .. }) = &world.only().held else { panic!("{:?}", world.only()) };
    assert_eq!((&**silence, *until), ("s2", at(7200)));
    // Of silences that cover a canary only together, the first to end.
    let world = after("", "mute:a:2h mute:b:1h mute:c:3h mute:d:2h abcd abcd");
    let Some(Held::Silence { silence, until, .. }) = &world.only().held else { panic!("{:?}", world.only()) };
    assert_eq!((&**silence, *until), ("s2", at(3600)));
}

#[test]
fn keys_are_constant_short_and_different() {
    assert_eq!(key(PREFIX, None), "shop/home/front");
    assert_eq!(key(PREFIX, Some("sign_up")), "shop/home/front/sign_up");
    // A space is no part of a step's name, but stands in the title of a fixture; nor is a colon.
    assert_eq!(key(PREFIX, Some("fixture workspace")), "shop/home/front/fixture:workspace");
    let long = |end: &str| key(PREFIX, Some(&("é".repeat(300) + end)));
    assert_eq!((long("a").chars().count(), long("b").chars().count()), (255, 255));
    assert_ne!(long("a"), long("b"));
    assert_eq!(long("a"), long("a"));
    assert!(long("a").ends_with("#13de1f137c29fa11"), "as it always was: {}", long("a"));
    let just = key(PREFIX, Some(&"x".repeat(255 - PREFIX.len() - 1)));
    assert_eq!((just.len(), just.contains('#')), (255, false));
    assert_eq!(key(&"p".repeat(300), None).len(), 255);
}

#[test]
fn a_state_of_an_older_version_is_read() {
    let state: CanaryState = serde_json::from_str("{}").unwrap();
    assert_eq!(state, CanaryState::default());
    let state: CanaryState = serde_json::from_str(r#"{"of a later version": 1}"#).unwrap();
    assert_eq!(state, CanaryState::default());
    assert_eq!(serde_json::to_string(&CanaryState::default()).unwrap(), "{}");
}

#[test]
fn nothing_open_nothing_to_wake_for() {
    let mut world = after("", "f p win:*:1h");
    assert_eq!(rules::wake(&world.state, &world.watched, &world.silences, at(world.now)), None);
    world.word("gone:*");
    assert_eq!(world.state, CanaryState::default());
}

#[test]
fn only_steps_that_speak_are_remembered() {
    let kept = |history| serde_json::to_value(after("", history).state).unwrap();
    assert!(kept("p p p p").get("steps").is_none());
    assert_eq!(kept("abc p p")["steps"].as_object().unwrap().len(), 3);
    assert!(kept("abc p p p").get("steps").is_none(), "the failures have left the window");
}
