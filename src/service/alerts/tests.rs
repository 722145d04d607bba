//! What stalls in a service, seen from inside: a part of it is ended as a panic would end it.

use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::Clock,
    store::{Retention, SqliteStore},
    suite::{Canary, Suite},
};

async fn service(clock: &Clock) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("runs.db"), Retention::default()).await.unwrap();
    let canary = Canary::new("front")
        .every(Duration::from_secs(300))
        .step("look", async || Ok::<_, crate::Failure>(()));
    let plan = Suite::new("shop").canary(canary).plan().unwrap_or_else(|error| panic!("{error}"));
    let options = ServiceOptions {
        clock: clock.clone(),
        jitter: Duration::ZERO,
        keep: Duration::from_secs(30),
        patience: Duration::from_secs(30),
        end: Duration::from_secs(60),
        ..ServiceOptions::watching("memory:")
    };
    (Service::start(plan, options, Arc::new(store)).await.unwrap(), folder)
}

fn start_time() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Until nothing that was ended goes on.
async fn end(service: &Service, what: &str) {
    let tasks = service.shared.tasks.get().expect("the service has started");
    let (_, task) = tasks.iter().find(|(name, _)| name == what).expect("there is such a part");
    task.abort();
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_part_of_a_service_is_missed_when_it_has_ended() {
    for what in ["the schedule of front", "the telling of alerts", "the keeping of runs"] {
        let (service, _folder) = service(&Clock::manual(start_time())).await;
        assert_eq!(service.health(), Health::default());
        end(&service, what).await;
        assert_eq!(service.health().late, [format!("{what} has ended: it has panicked")]);
    }
}

#[tokio::test]
async fn a_service_that_stops_is_not_late() {
    let (service, _folder) = service(&Clock::manual(start_time())).await;
    service.shutdown().await;
    assert_eq!(service.health(), Health::default());
}

#[tokio::test]
async fn a_schedule_that_nobody_follows_is_late_after_a_minute() {
    let clock = Clock::manual(start_time());
    let (service, _folder) = service(&clock).await;
    end(&service, "the schedule of front").await;
    let due = service.canary("front").unwrap().schedule.next.expect("it has a schedule");
    let late = |after: i64| {
        let to = due + SignedDuration::from_secs(after);
        clock.advance(to.duration_since(clock.now()));
        service.health().late.iter().any(|it| it.starts_with("front should have run "))
    };
    assert_eq!([60, 61, 600].map(late), [false, true, true]);
    assert!(service.health().late.contains(&"front should have run 10 min ago".to_owned()));
    // Paused it is not expected to run; a clock that has gone back makes nothing late.
    assert!(!late(-3600));
}

#[tokio::test]
async fn a_run_that_does_not_end_is_late_and_so_is_one_that_ends_without_a_record() {
    let clock = Clock::manual(start_time());
    let (service, _folder) = service(&clock).await;
    let limit = SignedDuration::try_from(service.shared.canary(0).time_limit() + ENDING).unwrap();
    service.shared.change_view(0, |view| {
        view.running = Some(crate::service::Running {
            run: "r".to_owned(),
            trigger: crate::store::Trigger::Schedule,
            since: start_time(),
            steps: 1,
            ended: Arc::default(),
        });
    });
    // No actor is asked: this task has not given anybody the time to look.
    clock.advance(limit);
    assert!(!service.health().late.iter().any(|it| it.contains("running")));
    clock.advance(SignedDuration::from_secs(1));
    let minutes = limit.as_mins();
    assert!(service.health().late.contains(&format!("front has been running for {minutes} min")));

    service.shared.set_lost(0, true);
    assert!(service.health().late.contains(&"the last run of front has ended without a record".to_owned()));
}
