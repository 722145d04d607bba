//! The last 24 hours, of canaries that run more often than a list has places.

use coalmine::{
    Verdict,
    store::{Finished, Outcomes, Retention, SqliteStore, Store, Trigger},
};

use super::*;
use coalmine::service::{Answered, Ask};

/// A run of `front` that began so many minutes before the start of the tests.
fn run(minutes: i64, verdict: Verdict) -> Finished {
    let record = coalmine::RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: "front".into(),
        run: format!("run-{minutes}"),
        trace: String::new(),
        target: "memory:".into(),
        location: "here".into(),
        started: start_time() - SignedDuration::from_mins(minutes),
        duration_ms: 1.0,
        verdict,
        filtered: minutes == 6,
        steps: Vec::new(),
        cleanup: Vec::new(),
        certificates: Vec::new(),
    };
    Finished { record: Arc::new(record), trigger: Trigger::Schedule }
}

#[tokio::test]
async fn a_day_is_counted_whole() {
    let store = Arc::new(SqliteStore::in_memory(Retention::default()).await.unwrap());
    // One every three minutes since thirty hours, of which every hundredth failed.
    for minutes in (3..=1_800).step_by(3) {
        let verdict = if minutes % 300 == 0 { Verdict::Failed } else { Verdict::Passed };
        store.add(&run(minutes, verdict)).await.unwrap();
    }
    let clock = Clock::manual(start_time());
    let plan = Suite::new("shop").canary(Gate::open().canary("front")).plan().unwrap();
    let service = Service::start(plan, options(&clock), store).await.unwrap();
    let day = |passed, failed| Outcomes { passed, failed, inconclusive: 0 };
    // 480 of them, but for the one that was filtered.
    assert_eq!(service.last_day("front").await.unwrap(), day(475, 4));
    let answered = service.run("front", Ask::default()).await.unwrap();
    assert!(matches!(answered, Answered::Ended { .. }));
    assert_eq!(service.last_day("front").await.unwrap(), day(476, 4));
    // Six hours later, the oldest six have gone; a day later, all but nothing.
    clock.advance(SignedDuration::from_hours(6));
    assert_eq!(service.last_day("front").await.unwrap(), day(476 - 119, 4 - 1));
    clock.advance(SignedDuration::from_hours(19));
    assert_eq!(service.last_day("front").await.unwrap(), day(0, 0));
    assert_eq!(service.last_day("nobody").await.unwrap(), day(0, 0));
}
