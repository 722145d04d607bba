//! Processes of the benchmark: where they run, and what they take.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use crate::Outcome;

/// One half of the benchmark, as a process. Ends when it is dropped.
pub(crate) struct Half {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Drop for Half {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Half {
    /// This program with these arguments, on that processor if it can be tied to one.
    pub(crate) fn start(processor: u32, arguments: &[&str]) -> Outcome<Self> {
        let program = std::env::current_exe()?;
        let mut command = if can_tie() {
            let mut command = Command::new("taskset");
            command.args(["-c", &processor.to_string()]).arg(program);
            command
        } else {
            println!("taskset is not installed: nothing is tied to a processor");
            Command::new(program)
        };
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, out })
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.out.read_line(&mut line)? == 0 {
            return Err("a half of the benchmark ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Tells it to say what it knows: closes its standard input.
    pub(crate) fn finish(&mut self) {
        drop(self.child.stdin.take());
    }

    /// All lines until it ends.
    pub(crate) fn rest(&mut self) -> Outcome<Vec<String>> {
        Ok((&mut self.out).lines().collect::<Result<_, _>>()?)
    }

    pub(crate) fn usage(&self) -> Outcome<Usage> {
        Usage::of(self.child.id())
    }
}

fn can_tie() -> bool {
    Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok_and(|it| it.success())
}

/// What a process has taken so far.
pub(crate) struct Usage {
    at: Instant,
    processor: Duration,
    /// Resident memory now, and at most, in bytes.
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Usage {
    fn of(process: u32) -> Outcome<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| -> Outcome<u64> { Ok(fields.get(index).ok_or("a field")?.parse()?) };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let kilobytes = |name: &str| -> Outcome<u64> {
            let line = status.lines().find_map(|it| it.strip_prefix(name)).ok_or("a line")?;
            Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
        };
        Ok(Self {
            at: Instant::now(),
            // In hundredths of a second, on every Linux.
            processor: Duration::from_millis((ticks(11)? + ticks(12)?) * 10),
            resident: kilobytes("VmRSS:")?,
            peak: kilobytes("VmHWM:")?,
        })
    }

    /// The share of one processor since then, in percent.
    pub(crate) fn percent_since(&self, before: &Self) -> f64 {
        let busy = self.processor.saturating_sub(before.processor).as_secs_f64();
        busy / self.at.duration_since(before.at).as_secs_f64() * 100.0
    }
}

/// Of one, five and fifteen minutes.
pub(crate) fn load_average() -> Outcome<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
