//! A limit on steps in flight.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use coalmine::{Failure, Out, Verdict, suite::Run};
use tokio::sync::Semaphore;

use super::*;

/// Counts how many steps are in flight, and the most that ever were.
#[derive(Clone, Default)]
struct InFlight(Arc<(AtomicUsize, AtomicUsize)>);

impl InFlight {
    async fn work<T>(self, fact: T) -> Result<T> {
        let (now, most) = &*self.0;
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        let_others_run().await;
        now.fetch_sub(1, SeqCst);
        Ok(fact)
    }

    fn most(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}

fn one() -> RunOptions {
    RunOptions { limit: Some(Arc::new(Semaphore::new(1))), ..options() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_at_a_time_through_a_chain() {
    let flight = InFlight::default();
    let [a, b, c, d] = [(); 4].map(|()| flight.clone());
    let run = new_run(
        canary()
            .step("d", move |_: Out<Fact<2>>| d.clone().work(()))
            .step("c", move |_: Out<Fact<1>>| c.clone().work(Fact::<2>))
            .step("b", move |_: Out<Fact<0>>| b.clone().work(Fact::<1>))
            .step("a", move || a.clone().work(Fact::<0>)),
        one(),
    );
    assert_eq!(soon(run.finish()).await.verdict, Verdict::Passed);
    assert_eq!(flight.most(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_at_a_time_through_a_diamond() {
    let flight = InFlight::default();
    let [top, left, right, bottom] = [(); 4].map(|()| flight.clone());
    let run = new_run(
        canary()
            .step("bottom", move |_: Out<Fact<1>>, _: Out<Fact<2>>| bottom.clone().work(()))
            .step("left", move |_: Out<Fact<0>>| left.clone().work(Fact::<1>))
            .step("right", move |_: Out<Fact<0>>| right.clone().work(Fact::<2>))
            .step("top", move || top.clone().work(Fact::<0>)),
        one(),
    );
    assert_eq!(soon(run.finish()).await.verdict, Verdict::Passed);
    assert_eq!(flight.most(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_share_a_limit() {
    let flight = InFlight::default();
    let counted = flight.clone();
    let mut canary = canary();
    for step in 0..10 {
        let counted = counted.clone();
        canary = canary.step(&format!("step_{step}"), move || counted.clone().work(()));
    }
    let plan = plan(canary);
    let options = one();
    let runs = [Run::new(Arc::clone(&plan), options.clone()), Run::new(plan, options)];
    let (first, second) = soon(async { tokio::join!(runs[0].finish(), runs[1].finish()) }).await;
    assert_eq!([first.verdict, second.verdict], [Verdict::Passed; 2]);
    assert_eq!(flight.most(), 1);
}

#[tokio::test]
async fn without_a_limit_they_are_all_in_flight() {
    let flight = InFlight::default();
    let mut canary = canary();
    for step in 0..10 {
        let counted = flight.clone();
        canary = canary.step(&format!("step_{step}"), move || counted.clone().work(()));
    }
    assert_eq!(run(canary).await.verdict, Verdict::Passed);
    assert_eq!(flight.most(), 10);
}

#[tokio::test]
async fn a_failed_step_gives_its_place_to_the_next() {
    let run = new_run(
        canary()
            .step("fails", || async { Err::<(), _>(Failure::new("no")) })
            .step("panics", || async { if true { panic!("no") } else { Ok::<_, Failure>(()) } })
            .step("hangs", std::future::pending::<Result<()>>)
            .timeout(Duration::from_millis(1))
            .step("passes", pass),
        one(),
    );
    assert_eq!(soon(run.finish()).await.step("passes").unwrap().verdict, Verdict::Passed);
}

#[tokio::test]
async fn a_cancelled_run_does_not_wait_for_a_place_that_another_holds() {
    let options = one();
    let held = Arc::clone(options.limit.as_ref().unwrap()).acquire_owned().await.unwrap();
    let run = new_run(canary().step("waits", pass), options.clone());
    run.start();
    let_others_run().await;
    options.cancel.cancel();
    let record = soon(run.finish()).await;
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert_eq!(record.steps[0].attempts, []);
    drop(held);
}
