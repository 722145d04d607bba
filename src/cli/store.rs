//! `store`: what is kept of runs, for those who look after it: how much it is, a copy of it, and a copy put back.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{sandbox::print, say};
use crate::{
    config::{Environment, OwnSettings, Settings},
    harness::Refusal,
    store::{
        SqliteStore, Store as _, StoreError,
        sqlite::{CanaryContents, Contents, restore},
    },
    verdict::EXIT_USAGE,
};

/// The store's file, in the folder of the reports.
const STORE: &str = "store.db";

/// Growth is told per day, so a day must have gone by.
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Args)]
pub(super) struct StoreArguments {
    #[command(subcommand)]
    command: Command,
    /// The file in which runs are kept; without it, `store.db` in the folder of the reports.
    #[arg(long, value_name = "PATH", global = true)]
    store: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Says how much is kept.
    Info {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes a copy of everything to a new file, also while the service goes on.
    Backup {
        /// A file that does not exist.
        path: PathBuf,
    },
    /// Puts a copy into the place of the store, which nobody may be using, and keeps the old one beside it.
    Restore {
        /// A file that `backup` has made.
        path: PathBuf,
    },
}

pub(super) fn run(arguments: &StoreArguments) -> ExitCode {
    match command(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn command(arguments: &StoreArguments) -> Result<(), Refusal> {
    let store = place(arguments.store.as_deref())?;
    let runtime = runtime()?;
    let text = match &arguments.command {
        Command::Info { json } => runtime.block_on(info(&store, *json)),
        Command::Backup { path } => runtime.block_on(backup(&store, path)),
        Command::Restore { path } => runtime.block_on(put_back(path, &store)),
    };
    Ok(print(&text?)?)
}

/// The store that is meant.
pub(super) fn place(named: Option<&Path>) -> Result<PathBuf, Refusal> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let own = OwnSettings::read(&mut settings);
    settings.finish_asked()?;
    Ok(in_folder(&own))
}

/// Where runs are kept if nobody says otherwise.
pub(super) fn in_folder(own: &OwnSettings) -> PathBuf {
    own.reports.join(STORE)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Refusal(format!("the runtime cannot start: {error}")))
}

async fn contents(path: &Path) -> Result<(Contents, u64), StoreError> {
    let store = SqliteStore::open_to_read(path).await?;
    let (contents, size) = (store.contents().await?, store.size().await?);
    store.close().await;
    Ok((contents, size))
}

async fn info(path: &Path, as_json: bool) -> Result<String, StoreError> {
    let (contents, size) = contents(path).await?;
    Ok(if as_json { json_of(path, &contents, size) } else { text_of(path, &contents, size) })
}

async fn backup(store: &Path, to: &Path) -> Result<String, StoreError> {
    let source = SqliteStore::open_to_read(store).await?;
    source.backup(to).await?;
    source.close().await;
    let (contents, size) = contents(to).await?;
    Ok(format!(
        "backed up {} to {}: {} in {}\n",
        store.display(),
        to.display(),
        runs(sum(&contents).runs),
        bytes(size)
    ))
}

async fn put_back(from: &Path, store: &Path) -> Result<String, StoreError> {
    let old = restore(from, store).await?;
    let (contents, size) = contents(store).await?;
    let sum = sum(&contents);
    let newest = sum.newest.map_or_else(String::new, |it| format!(", the newest of {it:.0}"));
    let mut text = format!(
        "restored {} from {}: {} in {}{newest}\n",
        store.display(),
        from.display(),
        runs(sum.runs),
        bytes(size)
    );
    if let Some(old) = old {
        let _ = writeln!(text, "the old store is now {}", old.display());
    }
    Ok(text)
}

/// What is kept of all canaries.
#[derive(Default)]
struct Sum {
    runs: u64,
    in_full: u64,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
}

fn sum(contents: &Contents) -> Sum {
    contents.canaries.iter().fold(Sum::default(), |sum, it| Sum {
        runs: sum.runs + it.runs,
        in_full: sum.in_full + it.in_full,
        oldest: Some(sum.oldest.map_or(it.oldest, |oldest| oldest.min(it.oldest))),
        newest: sum.newest.max(Some(it.newest)),
    })
}

impl Sum {
    /// What part of so many bytes comes with each run.
    fn per_run(&self, used: u64) -> Option<u64> {
        used.checked_div(self.runs)
    }

    /// By how many bytes it has grown a day, and in how many days; none before a day has gone by.
    fn per_day(&self, used: u64) -> Option<(u64, f64)> {
        let span = self.newest?.duration_since(self.oldest?);
        let days = span.as_secs_f64() / DAY.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a figure for people"
        )]
        let bytes = (used as f64 / days) as u64;
        (span >= DAY).then_some((bytes, days))
    }
}

fn text_of(path: &Path, contents: &Contents, size: u64) -> String {
    let sum = sum(contents);
    let used = contents.used;
    let mut text = format!("store    {}\n", path.display());
    let _ = writeln!(text, "size     {}, {} of it in use", bytes(size), bytes(used));
    let _ = writeln!(text, "kept     {}, {} of them in full", runs(sum.runs), sum.in_full);
    if let Some(per_run) = sum.per_run(used) {
        let _ = writeln!(text, "per run  {}", bytes(per_run));
    }
    let _ = match sum.per_day(used) {
        Some((per_day, days)) => writeln!(text, "per day  {} over {days:.1} days", bytes(per_day)),
        None => writeln!(text, "per day  not known before a day is kept"),
    };
    if sum.runs == 0 {
        return text;
    }
    let name = contents.canaries.iter().map(|it| it.canary.chars().count()).max().unwrap_or_default().max(6);
    let _ = writeln!(text, "\n{:name$}  {:>8}  {:>8}  {:20}  newest", "canary", "runs", "in full", "oldest");
    for CanaryContents { canary, runs, in_full, oldest, newest } in &contents.canaries {
        let oldest = format!("{oldest:.0}");
        let _ = writeln!(text, "{canary:name$}  {runs:>8}  {in_full:>8}  {oldest:20}  {newest:.0}");
    }
    text
}

fn json_of(path: &Path, contents: &Contents, size: u64) -> String {
    let sum = sum(contents);
    let canaries: Vec<_> = contents
        .canaries
        .iter()
        .map(|CanaryContents { canary, runs, in_full, oldest, newest }| {
            json!({"canary": canary, "runs": runs, "in_full": in_full, "oldest": oldest, "newest": newest})
        })
        .collect();
    let info = json!({
        "store": path.to_string_lossy(),
        "size_bytes": size,
        "used_bytes": contents.used,
        "runs": sum.runs,
        "in_full": sum.in_full,
        "bytes_per_run": sum.per_run(contents.used),
        "bytes_per_day": sum.per_day(contents.used).map(|(bytes, _)| bytes),
        "canaries": canaries,
    });
    format!("{info:#}\n")
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// In powers of ten, as disks are sold and `--keep-size` is read.
fn bytes(count: u64) -> String {
    ByteSize::b(count).display().si().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(hours: i64) -> Contents {
        let oldest: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let of = |canary: &str, runs, newest| CanaryContents {
            canary: canary.into(),
            runs,
            in_full: 20,
            oldest,
            newest,
        };
        let newest = oldest + SignedDuration::from_hours(hours);
        Contents { used: 1_500_000, canaries: vec![of("api", 480, newest), of("onboarding", 120, oldest)] }
    }

    #[test]
    fn what_is_kept_is_told_in_one_look() {
        assert_eq!(
            text_of(Path::new("/var/lib/runs.db"), &contents(36), 2_000_000),
            "\
store    /var/lib/runs.db
size     2.0 MB, 1.5 MB of it in use
kept     600 runs, 40 of them in full
per run  2.5 kB
per day  1.0 MB over 1.5 days

canary          runs   in full  oldest                newest
api              480        20  2026-01-01T00:00:00Z  2026-01-02T12:00:00Z
onboarding       120        20  2026-01-01T00:00:00Z  2026-01-01T00:00:00Z
"
        );
    }

    #[test]
    fn nothing_is_said_of_a_day_that_has_not_gone_by() {
        let text = text_of(Path::new("x"), &contents(23), 1);
        assert!(text.contains("per day  not known before a day is kept\n"), "{text}");
        let text = text_of(Path::new("x"), &Contents::default(), 4096);
        assert!(text.contains("kept     0 runs") && !text.contains("per run"), "{text}");
    }
}
