//! Whole days of runs every five minutes, counted by hand.

use super::world::World;

const RUNS: usize = 288;

/// How many incidents opened, how many closed, and how many times somebody was told, in a day of that pattern.
fn day(with: &str, pattern: &str) -> (usize, usize, u32) {
    let mut world = World::new(with);
    for word in pattern.split_whitespace().cycle().take(RUNS) {
        world.word(word);
    }
    let (open, closed) = (&world.state.incidents, &world.closed);
    let told = open.iter().chain(closed).map(|it| it.rounds).sum();
    (open.len() + closed.len(), closed.len(), told)
}

#[test]
fn days_of_patterns() {
    let quiet = "remind=never";
    for (name, with, pattern, expected) in [
        ("all is well", "", "p", (0, 0, 0)),
        // Opened at the third run, never two passes in a row. 23.8 hours of it are left: 5 reminders.
        ("it flaps from run to run", "", "f p", (1, 0, 6)),
        ("and nobody wants to be reminded", quiet, "f p", (1, 0, 1)),
        ("it is down all day", quiet, "f", (1, 0, 1)),
        // Never two of three.
        ("every third run fails", "", "f p p", (0, 0, 0)),
        ("two of three runs fail", quiet, "f f p", (1, 0, 1)),
        // Opened at the second of each four, closed at the fourth.
        ("down for ten minutes, up for ten minutes", "", "f f p p", (72, 72, 72)),
        // Up for two hours and a half, then down for ten minutes: 32 runs, nine times a day.
        ("nine outages", "", "f f p p p p p p p p p p p p p p p p p p p p p p p p p p p p p p", (9, 9, 9)),
        // Another step from run to run: one page for the canary, at the second run.
        ("it moves", quiet, "a b c d e", (1, 0, 1)),
        // Nobody can tell: the owners hear of it, nobody else.
        ("offline all day", quiet, "i", (1, 0, 1)),
        // a fails for good, b flaps beside it: two incidents.
        ("one down, one flapping", quiet, "ab a", (2, 0, 2)),
        ("every other run is inconclusive", quiet, "f i", (1, 0, 1)),
    ] {
        assert_eq!(day(with, pattern), expected, "{name}: {pattern}");
    }
}
