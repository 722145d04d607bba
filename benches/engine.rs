//! What the engine itself costs: time per step and peak memory, for steps that do nothing, and how well it waits.
//!
//! `cargo bench --bench engine`. Each row is measured in processes of its own, so that peaks do not mix.

use std::{
    error::Error,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use coalmine::{
    Canary, Failure, Out, Resources, Suite, Verdict,
    suite::{CanaryPlan, Run, RunOptions},
};

/// Runs that are measured, after one that is not.
const RUNS: usize = 25;

/// What stands for one answer of the product.
const ANSWER: Duration = Duration::from_millis(50);

struct Case {
    name: &'static str,
    steps: usize,
    /// Steps in a row, each of which takes the output of the one before.
    chain: usize,
    answer: Option<Duration>,
    goal: Goal,
}

enum Goal {
    /// Median per step, and peak memory of one run with its plan.
    Lean { micros: f64, mebibytes: f64 },
    /// Median of the whole run.
    Within(Duration),
}

const LEAN: Goal = Goal::Lean { micros: 10.0, mebibytes: 16.0 };

const CASES: &[Case] = &[
    Case { name: "1,000 in chains of 10", steps: 1_000, chain: 10, answer: None, goal: LEAN },
    Case { name: "10,000 in chains of 10", steps: 10_000, chain: 10, answer: None, goal: LEAN },
    Case { name: "1,000 independent", steps: 1_000, chain: 1, answer: None, goal: LEAN },
    Case { name: "10,000 independent", steps: 10_000, chain: 1, answer: None, goal: LEAN },
    // A sleep stands for the request here.
    Case {
        name: "chain of 50, 50 ms each",
        steps: 50,
        chain: 50,
        answer: Some(ANSWER),
        goal: Goal::Within(Duration::from_millis(2_650)),
    },
    Case {
        name: "200 at once, 50 ms each",
        steps: 200,
        chain: 1,
        answer: Some(ANSWER),
        goal: Goal::Within(Duration::from_millis(100)),
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, case] = arguments.as_slice() {
        let case = &CASES[case.parse::<usize>()?];
        match what.as_str() {
            "time" => return times(case),
            "memory" => return memory(case),
            _ => (),
        }
    }
    println!("{:<26} {:>12} {:>12} {:>11} {:>11}   goal", "steps", "median", "worst", "plan", "peak");
    for (number, case) in CASES.iter().enumerate() {
        let measured = |what: &str| -> Result<Vec<f64>, Box<dyn Error>> {
            let child = Command::new(std::env::current_exe()?).args([what, &number.to_string()]).output()?;
            let text = String::from_utf8(child.stdout)?;
            Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
        };
        let (times, memory) = (measured("time")?, measured("memory")?);
        let ([median, worst], [plan, peak]) = (times.as_slice(), memory.as_slice()) else {
            return Err(format!("`{}` could not be measured: {times:?} {memory:?}", case.name).into());
        };
        let per_step = |seconds: f64| format!("{:.2} µs", seconds * 1e6 / case.steps as f64);
        let in_all = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
        let (show, goal, met): (&dyn Fn(f64) -> String, _, _) = match case.goal {
            Goal::Lean { micros, mebibytes } => (
                &per_step,
                format!("{micros} µs per step, {mebibytes} MiB"),
                median * 1e6 / case.steps as f64 <= micros && *peak <= mebibytes,
            ),
            Goal::Within(limit) => (&in_all, format!("{limit:?} in all"), *median <= limit.as_secs_f64()),
        };
        println!(
            "{:<26} {:>12} {:>12} {:>11} {:>11}   {goal}: {}",
            case.name,
            show(*median),
            show(*worst),
            format!("{plan:.1} MiB"),
            format!("{peak:.1} MiB"),
            if met { "met" } else { "MISSED" }
        );
    }
    Ok(())
}

/// Prints the median and the worst of the runs, in seconds. A run is all from its making to its record.
fn times(case: &Case) -> Result<(), Box<dyn Error>> {
    let (runtime, plan) = (runtime()?, plan(case)?);
    once(&runtime, &plan)?;
    let runs = if case.answer.is_some() { RUNS.min(5) } else { RUNS };
    let mut seconds = Vec::new();
    for _ in 0..runs {
        let begun = Instant::now();
        once(&runtime, &plan)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("{} {}", seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
    Ok(())
}

/// Prints by how many mebibytes the plan, and the plan with one run, raise the process's peak.
fn memory(case: &Case) -> Result<(), Box<dyn Error>> {
    let runtime = runtime()?;
    let before = peak()?;
    let plan = plan(case)?;
    let planned = peak()?;
    once(&runtime, &plan)?;
    println!("{} {}", planned - before, peak()? - before);
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn once(runtime: &tokio::runtime::Runtime, plan: &Arc<CanaryPlan>) -> Result<(), Box<dyn Error>> {
    let run = Run::new(Arc::clone(plan), RunOptions::new("memory:", Resources::new()));
    let record = runtime.block_on(async { tokio::spawn(async move { run.finish().await }).await })?;
    if record.verdict == Verdict::Passed { Ok(()) } else { Err(format!("{record:?}").into()) }
}

/// Two facts in turn are enough for a chain; `pick` says whose is meant.
struct Fact<const N: usize>;

fn plan(case: &Case) -> Result<Arc<CanaryPlan>, Box<dyn Error>> {
    let answer = case.answer;
    let wait = move || async move {
        if let Some(answer) = answer {
            tokio::time::sleep(answer).await;
        }
    };
    let even = move || async move {
        wait().await;
        Ok::<_, Failure>(Fact::<0>)
    };
    let odd = move || async move {
        wait().await;
        Ok::<_, Failure>(Fact::<1>)
    };
    let mut canary = Canary::new("bench");
    for number in 0..case.steps {
        let (name, before) = (format!("step_{number}"), format!("step_{}", number.wrapping_sub(1)));
        canary = match number % case.chain {
            0 => canary.step(&name, even),
            link if link % 2 == 1 => {
                canary.step(&name, move |_: Out<Fact<0>>| odd()).pick::<Fact<0>>(&before)
            }
            _ => canary.step(&name, move |_: Out<Fact<1>>| even()).pick::<Fact<1>>(&before),
        };
    }
    let plan = Suite::new("bench").canary(canary).plan()?;
    Ok(Arc::clone(&plan.canaries[0]))
}

/// The most memory that this process ever held, in mebibytes.
fn peak() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in the status")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
