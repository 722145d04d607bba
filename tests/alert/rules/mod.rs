//! The rules, as tables: what a history of runs makes of the incidents of one canary.
//!
//! A history is a line of words, read by [`world::World`]; what is expected is the line of what happens, then, behind
//! `|`, what is still open in the end.

mod days;
mod details;
mod owners;
mod properties;
mod runs;
mod table;
mod world;

use world::World;

/// What a history comes to.
fn told(with: &str, history: &str) -> String {
    let mut world = World::new(with);
    for word in history.split_whitespace() {
        world.word(word);
    }
    world.told()
}

/// Goes through all rows before it complains, so that a change shows all that it changes.
fn check(rows: &[(&str, &str, &str, &str)]) {
    let mut wrong = String::new();
    for (name, with, history, expected) in rows {
        let found = told(with, history);
        if found != *expected {
            wrong += &format!("\n{name} [{with}] {history}\n  expected: {expected}\n     found: {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
