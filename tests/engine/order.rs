//! `.after` and `Ends`: order that is no need.

use coalmine::{Ends, Failure, Out, Verdict, suite::Run};

use super::*;

/// A step that lets all others run before it ends.
macro_rules! slow {
    ($events:expr, $name:literal, $($argument:ty,)* => $end:expr) => {{
        let events = $events.clone();
        move |$(_: $argument)*| {
            let events = events.clone();
            async move {
                let_others_run().await;
                events.add($name);
                $end
            }
        }
    }};
}

#[tokio::test]
async fn after_waits_for_the_other_step() {
    let events = Events::default();
    let record = run(canary()
        .step("second", slow!(events, "second", => Ok::<_, Failure>(())))
        .after("first")
        .step("first", slow!(events, "first", => Ok::<_, Failure>(()))))
    .await;
    assert_eq!(events.all(), ["first", "second"]);
    assert_eq!(record.step("second").unwrap().waited_for, ["first"]);
    assert_eq!(record.step("second").unwrap().needs, [""; 0]);
}

#[tokio::test]
async fn after_is_not_blocked_by_a_step_that_fails_panics_or_is_blocked() {
    let events = Events::default();
    let record = run(canary()
        .step("last", slow!(events, "last", => Ok::<_, Failure>(())))
        .after("fails")
        .after("panics")
        .after("is_blocked")
        .step("fails", slow!(events, "fails", => Err::<Fact<0>, _>(Failure::new("no"))))
        .step("panics", slow!(events, "panics", => if true { panic!("no") } else { Ok::<_, Failure>(()) }))
        .step("is_blocked", |_: Out<Fact<0>>| pass()))
    .await;
    let mut events = events.all();
    assert_eq!(events.pop().unwrap(), "last");
    assert_eq!(events.len(), 2);
    assert_eq!(record.step("last").unwrap().verdict, Verdict::Passed);
}

#[tokio::test]
async fn after_does_not_pull() {
    let plan = plan(canary().step("first", pass).step("second", pass).after("first"));
    let selected = Some(vec![index(&plan, "second")]);
    let record = soon(Run::new(plan, RunOptions { selected, ..options() }).finish()).await;
    assert_eq!(verdicts(&record), [("second", Verdict::Passed)]);
    assert!(record.steps[0].waited_for.is_empty());
}

#[tokio::test]
async fn after_an_ignored_step_does_not_wait() {
    let record = run(canary().step("first", pass).ignore("broken").step("second", pass).after("first")).await;
    assert_eq!(verdicts(&record), [("first", Verdict::Skipped), ("second", Verdict::Passed)]);
}

#[tokio::test]
async fn the_step_that_ends_a_fact_runs_after_all_its_readers_also_those_that_fail() {
    let events = Events::default();
    let record = run(canary()
        .step("ends", slow!(events, "ends", Ends<Fact<0>>, => Ok::<_, Failure>(())))
        .step("passes", slow!(events, "passes", Out<Fact<0>>, => Ok::<_, Failure>(())))
        .step("make", slow!(events, "make", => Ok::<_, Failure>(Fact::<0>)))
        .step("fails", slow!(events, "fails", Out<Fact<0>>, => Err::<Fact<1>, _>(Failure::new("no"))))
        .step(
            "panics",
            slow!(events, "panics", Out<Fact<0>>, => if true { panic!("no") } else { Ok::<_, Failure>(()) }),
        )
        .step("hangs", |_: Out<Fact<0>>| std::future::pending::<coalmine::Result<()>>())
        .timeout(Duration::from_millis(1))
        .step("is_blocked", |_: Out<Fact<0>>, _: Out<Fact<1>>| pass()))
    .await;
    let events = events.all();
    assert_eq!(events[0], "make");
    assert_eq!(events.last().unwrap(), "ends");
    assert_eq!(events.len(), 5);
    assert_eq!(record.step("ends").unwrap().verdict, Verdict::Passed);
    assert_eq!(record.step("ends").unwrap().needs, ["make"]);
    assert_eq!(record.step("ends").unwrap().waited_for, ["passes", "fails", "panics", "hangs", "is_blocked"]);
}

#[tokio::test]
async fn the_step_that_ends_a_fact_pulls_its_maker_but_no_reader() {
    let plan = plan(
        canary()
            .step("make", || async { Ok::<_, Failure>(Fact::<0>) })
            .step("reads", |_: Out<Fact<0>>| pass())
            .step("ends", |_: Ends<Fact<0>>| pass()),
    );
    let selected = Some(vec![index(&plan, "ends")]);
    let record = soon(Run::new(plan, RunOptions { selected, ..options() }).finish()).await;
    assert_eq!(verdicts(&record), [("make", Verdict::Passed), ("ends", Verdict::Passed)]);
}

#[tokio::test]
async fn a_fact_that_was_never_made_cannot_be_ended() {
    let record = run(canary()
        .step("make", || async { Err::<Fact<0>, _>(Failure::new("no")) })
        .step("ends", |_: Ends<Fact<0>>| pass()))
    .await;
    assert_eq!(record.step("ends").unwrap().root.as_deref(), Some("make"));
}

#[tokio::test]
async fn readers_of_another_makers_fact_are_not_waited_for() {
    let events = Events::default();
    run(canary()
        .step("make", || async { Ok::<_, Failure>(Fact::<0>) })
        .step("make_other", || async { Ok::<_, Failure>(Fact::<0>) })
        .step("ends", slow!(events, "ends", Ends<Fact<0>>, => Ok::<_, Failure>(())))
        .pick::<Fact<0>>("make")
        .step("reads_other", slow!(events, "reads_other", Out<Fact<0>>, => Ok::<_, Failure>(())))
        .pick::<Fact<0>>("make_other")
        .after("ends"))
    .await;
    assert_eq!(events.all(), ["ends", "reads_other"]);
}
