//! What is shared within a run, and that nothing is shared between runs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use coalmine::{
    Cleanup, Context, Failure, FromContext, Needs, Out, Resources, Result, Verdict, ensure, ensure_eq,
    suite::{Run, RunOptions},
};
use tokio::sync::{Barrier, Notify};

use super::*;
use crate::engine::cleanup::Thing;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_prerequisite_runs_once_however_many_ask() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let mut canary = canary().fixture("base", move || {
        counted.fetch_add(1, SeqCst);
        async {
            let_others_run().await;
            Ok::<_, Failure>(Fact::<0>)
        }
    });
    for reader in 0..50 {
        canary = canary.step(&format!("reader_{reader}"), |_: Out<Fact<0>>| pass());
    }
    let run = new_run(canary, options());
    let askers: Vec<_> = (0..50).map(|_| tokio::spawn(run.end_of(0))).collect();
    let record = soon(run.finish()).await;
    for asker in askers {
        assert_eq!(soon(asker).await.unwrap().verdict(), Verdict::Passed);
    }
    assert_eq!(record.verdict, Verdict::Passed);
    assert_eq!(record.steps.len(), 51);
    assert_eq!(starts.load(SeqCst), 1);
}

#[tokio::test]
async fn all_readers_hold_the_same_value() {
    let addresses = Events::default();
    let note = |it: &Fact<0>| format!("{:p}", std::ptr::from_ref(it));
    let (first, second) = (addresses.clone(), addresses.clone());
    run(canary()
        .step("make", || async { Ok::<_, Failure>(Fact::<0>) })
        .step("first", move |it: Out<Fact<0>>| {
            first.add(note(&it));
            pass()
        })
        .step("second", move |it: Out<Fact<0>>| {
            second.add(note(&it));
            pass()
        }))
    .await;
    let addresses = addresses.all();
    assert_eq!(addresses[0], addresses[1]);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_start_the_step_over() {
    let (events, begun, go_on) = (Events::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let step = {
        let (events, begun, go_on) = (events.clone(), Arc::clone(&begun), Arc::clone(&go_on));
        move || {
            let (events, begun, go_on) = (events.clone(), Arc::clone(&begun), Arc::clone(&go_on));
            async move {
                events.add("begun");
                begun.notify_one();
                go_on.notified().await;
                events.add("ended");
                Ok::<_, Failure>(())
            }
        }
    };
    let run = new_run(canary().step("sign_up", step), options());
    tokio::select! {
        biased;
        _ = run.end_of(0) => panic!("nobody has let it go on"),
        () = begun.notified() => (),
    }
    go_on.notify_one();
    assert_eq!(soon(run.end_of(0)).await.verdict(), Verdict::Passed);
    assert_eq!(events.all(), ["begun", "ended"]);
}

#[tokio::test]
async fn independent_steps_run_at_once() {
    let barrier = Arc::new(Barrier::new(20));
    let mut canary = canary();
    for step in 0..20 {
        let barrier = Arc::clone(&barrier);
        canary = canary.step(&format!("step_{step}"), move || {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                Ok::<_, Failure>(())
            }
        });
    }
    assert_eq!(run(canary).await.verdict, Verdict::Passed);
}

#[tokio::test]
async fn a_filtered_run_is_the_selected_steps_with_what_they_need() {
    let plan = plan(
        canary()
            .step("a", || async { Ok::<_, Failure>(Fact::<0>) })
            .step("b", |_: Out<Fact<0>>| async { Ok::<_, Failure>(Fact::<1>) })
            .step("c", |_: Out<Fact<1>>| pass())
            .step("reads_b_too", |_: Out<Fact<1>>| pass())
            .step("alone", pass)
            .step("ignored", pass)
            .ignore("not now"),
    );
    let selected = Some(vec![index(&plan, "c")]);
    let record = soon(Run::new(plan, RunOptions { selected, ..options() }).finish()).await;
    assert!(record.filtered);
    use Verdict::Passed;
    assert_eq!(verdicts(&record), [("a", Passed), ("b", Passed), ("c", Passed)]);
}

#[tokio::test]
async fn a_step_asked_for_outside_the_selection_is_in_the_record() {
    let plan = plan(canary().step("a", pass).step("b", pass));
    let run = Run::new(plan, RunOptions { selected: Some(vec![0]), ..options() });
    soon(run.end_of(1)).await;
    assert_eq!(verdicts(&soon(run.finish()).await), [("a", Verdict::Passed), ("b", Verdict::Passed)]);
}

#[tokio::test]
async fn a_fixture_that_nobody_takes_does_not_run() {
    let record = run(canary()
        .fixture("idle", || async { Err::<Fact<0>, _>(Failure::new("must not run")) })
        .step("step", pass))
    .await;
    assert_eq!(verdicts(&record), [("step", Verdict::Passed)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_of_one_plan_share_nothing() {
    let (both, undone) = (Arc::new(Barrier::new(2)), Events::default());
    let (starts, sink) = (Arc::new(AtomicUsize::new(0)), undone.clone());
    let (counted, meet) = (Arc::clone(&starts), Arc::clone(&both));
    let plan = plan(
        canary()
            .fixture("own", move |cx: Context, cleanup: Cleanup| {
                counted.fetch_add(1, SeqCst);
                let meet = Arc::clone(&meet);
                let sink = sink.clone();
                async move {
                    cleanup.intend(Thing::new(cx.run(), &sink))?;
                    cx.redactor().learn(cx.run());
                    meet.wait().await;
                    Ok::<_, Failure>(cx.run().to_owned())
                }
            })
            .step("use", |cx: Context, own: Out<String>| async move {
                ensure_eq!(*own, cx.run());
                Ok::<_, Failure>(())
            }),
    );
    let options = options();
    let runs = [Run::new(Arc::clone(&plan), options.clone()), Run::new(plan, options.clone())];
    let (first, second) = soon(async { tokio::join!(runs[0].finish(), runs[1].finish()) }).await;
    assert_eq!([first.verdict, second.verdict], [Verdict::Passed; 2]);
    assert_eq!(starts.load(SeqCst), 2);
    assert_ne!(first.run, second.run);
    assert_ne!(first.trace, second.trace);
    let mut undone = undone.all();
    undone.sort();
    let mut expected = [format!("undo {}", first.run), format!("undo {}", second.run)];
    expected.sort();
    assert_eq!(undone, expected);
    assert_eq!([first.cleanup.len(), second.cleanup.len()], [1, 1]);
    assert_eq!(
        runs[0].redactor().clean(runs[1].id()),
        runs[1].id(),
        "what one learnt the other does not know"
    );
    assert_eq!(runs[0].redactor().clean(runs[0].id()), coalmine::redact::REDACTED);
    assert_eq!(options.redactor.clean(runs[0].id()), runs[0].id(), "and the process does not either");
}

#[tokio::test]
async fn an_argument_is_built_from_declared_resources_and_knows_its_step() {
    struct Client {
        step: String,
        base: Arc<String>,
    }
    impl FromContext for Client {
        fn needs(needs: &mut Needs) {
            needs.resource::<String>();
        }
        fn from_context(cx: &Context) -> Self {
            Self { step: cx.step().to_owned(), base: cx.resource() }
        }
    }
    let call = |client: Client| async move {
        ensure_eq!(client.base.as_str(), "https://shop");
        ensure!(client.step == "first" || client.step == "second", "built for `{}`", client.step);
        Ok::<_, Failure>(())
    };
    let canary = canary().step("first", call).step("second", call);
    let resources = Resources::new().with("https://shop".to_owned());
    let record = soon(new_run(canary, RunOptions::new("https://shop", resources)).finish()).await;
    assert_eq!(record.verdict, Verdict::Passed, "{record:?}");
}

#[tokio::test]
async fn the_context_says_where_it_is() {
    async fn look(cx: Context) -> Result<()> {
        ensure_eq!(cx.suite(), "suite");
        ensure_eq!(cx.canary(), "canary");
        ensure_eq!(cx.step(), "look");
        ensure_eq!(cx.target(), "memory:");
        ensure_eq!(cx.attempt(), 1);
        ensure!(cx.time_left() <= coalmine::suite::DEFAULT_TIMEOUT);
        ensure!(cx.trace().len() == 32 && cx.trace().bytes().all(|it| it.is_ascii_hexdigit()));
        ensure!(cx.run().bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()));
        Ok(())
    }
    let record = run(canary().step("look", look)).await;
    assert_eq!(record.verdict, Verdict::Passed, "{record:?}");
}
