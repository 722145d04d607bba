//! What the service bears: requests over a large store, and many canaries at once.
//!
//! `cargo bench -p coalmine --bench service [-- load|schedule] [RUNS] [--seconds N]`; 100,000 runs and 60 seconds if
//! nothing is said. The service is a process of its own, on the first processor, and its client one on the second,
//! where `taskset` is installed.
//!
//! The store of the first part is made once a day, in the folder of the build, and copied for each measurement.

#[path = "../made/mod.rs"]
mod made;

mod child;
mod fill;
mod load;
mod process;
mod schedule;

use std::{error::Error, path::Path, time::Duration};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is asked of the benchmark.
struct Options {
    runs: u32,
    seconds: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *words.as_slice() {
        // Children of the benchmark.
        ["serve-store", path] => return child::serve_store(Path::new(path)),
        ["serve-many", path, canaries] => return child::serve_many(Path::new(path), canaries.parse()?),
        ["ask", address, seconds] => return load::ask(address, Duration::from_secs(seconds.parse()?)),
        _ => (),
    }
    // `cargo test --benches` runs this too, and wants nothing of it.
    if !words.contains(&"--bench") {
        return Ok(());
    }
    let after = |name: &str| words.iter().position(|it| *it == name).and_then(|at| words.get(at + 1));
    let seconds = after("--seconds").map_or(Ok(60), |it| it.parse())?;
    let number = words.iter().enumerate().find(|(at, it)| {
        let is_value = at.checked_sub(1).is_some_and(|before| words[before] == "--seconds");
        !is_value && it.parse::<u32>().is_ok()
    });
    let options = Options { runs: number.map_or(Ok(100_000), |(_, it)| it.parse())?, seconds };
    let all = !words.contains(&"load") && !words.contains(&"schedule");
    println!("load average at the start: {}", process::load_average()?);
    if all || words.contains(&"load") {
        load::bench(&options)?;
    }
    if all || words.contains(&"schedule") {
        schedule::bench(&options)?;
    }
    println!("load average at the end: {}", process::load_average()?);
    Ok(())
}

/// A line of the table: what, how much, and what is demanded.
fn line(what: &str, value: impl std::fmt::Display, limit: &str) {
    println!("{what:<52} {:>16}   {limit}", value.to_string());
}
