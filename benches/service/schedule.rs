//! A thousand canaries: whether they start on time, and what they take.

use std::{path::Path, thread, time::Duration};

use crate::{Options, Outcome, line, process::Half};

const CANARIES: u32 = 1_000;
/// How long everything may find its place before it is measured.
const SETTLE: Duration = Duration::from_secs(12);
const DAY: f64 = 86_400.0;

pub(crate) fn bench(options: &Options) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("runs.db");
    let mut service = Half::start(0, &["serve-many", &path.display().to_string(), &CANARIES.to_string()])?;
    let address = service.line()?;
    thread::sleep(SETTLE);
    let (before, size) = (service.usage()?, size_of(&path)?);
    thread::sleep(Duration::from_secs(options.seconds));
    let (after, grown) = (service.usage()?, size_of(&path)? - size);

    println!("\n{CANARIES} canaries of one step, each every 10 s, for {} s", options.seconds);
    let mut page = Vec::new();
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        let bytes = crate::load::once(&address, "/")?;
        page.push((begun.elapsed().as_secs_f64() * 1e3, bytes));
    }
    page.sort_by(|a, b| a.0.total_cmp(&b.0));
    service.finish();
    let mut late: Vec<f64> = service.rest()?.iter().filter_map(|it| it.parse().ok()).collect();
    late.sort_by(f64::total_cmp);
    let share = |percent: usize| late.get((late.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    let millis = |it: Option<f64>| it.map_or("none".to_owned(), |it| format!("{it:.1} ms"));
    line("runs on schedule", late.len(), &format!("{} a second", CANARIES / 10));
    line("lateness, half of them at most", millis(share(50)), "");
    line("lateness, 99 of 100 at most", millis(share(99)), "< 100 ms");
    line("lateness, the worst", millis(late.last().copied()), "");
    line("resident memory", format!("{:.1} MB", after.resident as f64 / 1e6), "< 150 MB");
    line("resident memory, at most", format!("{:.1} MB", after.peak as f64 / 1e6), "< 150 MB");
    line("of one processor", format!("{:.1} %", after.percent_since(&before)), "");
    let day = grown as f64 / options.seconds as f64 * DAY;
    line("store, per day of 8,640,000 runs", format!("{:.0} MB", day / 1e6), "");
    let (median, worst, bytes) = (page[10].0, page[19].0, page[0].1);
    line("the overview, n = 20, median", format!("{median:.1} ms"), &format!("{} kB", bytes / 1000));
    line("the overview, worst", format!("{worst:.1} ms"), "");
    Ok(())
}

/// With the log that is still to be moved over.
fn size_of(path: &Path) -> Outcome<u64> {
    let log = path.with_extension("db-wal");
    let log = std::fs::metadata(log).map_or(0, |it| it.len());
    Ok(std::fs::metadata(path)?.len() + log)
}
