//! Undoing what a run has created.

use std::{
    collections::HashMap,
    io,
    sync::{OnceLock, atomic::AtomicU64, atomic::Ordering::SeqCst},
};

use coalmine::{
    Cause, Cleanup, Context, Failure, Undo, Verdict,
    suite::{Journal, JournalEntry},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::*;

/// Something to undo. An undo action is plain data, so what a test wants it to do is kept beside it, by number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Thing {
    name: String,
    number: u64,
}

/// What undoing a thing does, before it is noted.
#[derive(Clone, Default)]
enum Undoing {
    #[default]
    Works,
    Panics,
    Hangs,
    FailsOnce,
    Held(Arc<Notify>, Arc<Notify>),
    Promises(Box<Thing>),
}

fn behaviours() -> &'static Mutex<HashMap<u64, (Events, Undoing)>> {
    static BEHAVIOURS: OnceLock<Mutex<HashMap<u64, (Events, Undoing)>>> = OnceLock::new();
    BEHAVIOURS.get_or_init(Mutex::default)
}

impl Thing {
    pub(crate) fn new(name: &str, events: &Events) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, SeqCst);
        behaviours().lock().unwrap().insert(number, (events.clone(), Undoing::Works));
        Self { name: name.to_owned(), number }
    }

    /// Tells when it is being undone, and is undone when told to.
    pub(crate) fn held(self, begun: &Arc<Notify>, go_on: &Arc<Notify>) -> Self {
        self.undoing(Undoing::Held(Arc::clone(begun), Arc::clone(go_on)))
    }

    fn undoing(self, undoing: Undoing) -> Self {
        behaviours().lock().unwrap().get_mut(&self.number).unwrap().1 = undoing;
        self
    }
}

impl Undo for Thing {
    const KIND: &'static str = "thing";

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        let (events, undoing) = behaviours().lock().unwrap()[&self.number].clone();
        match undoing {
            Undoing::Works => (),
            Undoing::Panics => panic!("no way to undo {}", self.name),
            Undoing::Hangs => std::future::pending().await,
            Undoing::FailsOnce => {
                self.clone().undoing(Undoing::Works);
                return Err(Failure::new(format!("{} would not go", self.name)));
            }
            Undoing::Held(begun, go_on) => {
                begun.notify_one();
                go_on.notified().await;
            }
            Undoing::Promises(other) => {
                self.clone().undoing(Undoing::Works);
                <Cleanup as coalmine::FromContext>::from_context(cx).intend(*other)?;
            }
        }
        events.add(format!("undo {}", self.name));
        Ok(())
    }
}

/// A step that promises to undo things, in order, and ends well.
fn makes(things: Vec<Thing>) -> impl Fn(Cleanup) -> std::future::Ready<Result<()>> + Send + Sync {
    move |cleanup| std::future::ready(things.iter().try_for_each(|thing| cleanup.intend(thing.clone())))
}

fn things<const N: usize>(events: &Events, names: [&str; N]) -> [Thing; N] {
    names.map(|name| Thing::new(name, events))
}

fn errors(record: &RunRecord) -> Vec<(&str, Option<&str>)> {
    record.cleanup.iter().map(|it| (it.name.as_str(), it.error.as_deref())).collect()
}

#[tokio::test]
async fn last_first_however_a_step_ends() {
    #[derive(Clone, Copy, Debug)]
    enum Ending {
        Pass,
        Fail,
        Panic,
        Timeout,
        Cancel,
    }
    for ending in [Ending::Pass, Ending::Fail, Ending::Panic, Ending::Timeout, Ending::Cancel] {
        let events = Events::default();
        let sink = events.clone();
        let options = options();
        let cancel = options.cancel.clone();
        let step = move |cleanup: Cleanup| {
            let (sink, cancel) = (sink.clone(), cancel.clone());
            async move {
                cleanup.intend(Thing::new("a", &sink))?;
                tokio::task::yield_now().await;
                cleanup.intend(Thing::new("b", &sink))?;
                match ending {
                    Ending::Pass => return Ok(()),
                    Ending::Fail => return Err(Failure::new("no")),
                    Ending::Panic => panic!("no"),
                    Ending::Timeout => (),
                    Ending::Cancel => cancel.cancel(),
                }
                std::future::pending().await
            }
        };
        let run = new_run(canary().step("step", step).timeout(Duration::from_millis(200)), options);
        let record = soon(run.finish()).await;
        assert_eq!(events.all(), ["undo b", "undo a"], "{ending:?}");
        assert_eq!(errors(&record), [("b", None), ("a", None)], "{ending:?}");
        assert_eq!(run.left_over(), [], "{ending:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_undone_stops_no_other_and_stays_open_for_a_second_try() {
    let events = Events::default();
    let [a, b, c, d] = things(&events, ["a", "b", "c", "d"]);
    let made = vec![a, b.undoing(Undoing::FailsOnce), c.undoing(Undoing::Panics), d];
    let panics = made[2].clone();
    let run = new_run(canary().step("step", makes(made)), options());
    let record = soon(run.finish()).await;
    assert_eq!(record.verdict, Verdict::Passed, "failed clean-up changes no verdict");
    assert_eq!(
        errors(&record),
        [("d", None), ("c", Some("panicked: no way to undo c")), ("b", Some("b would not go")), ("a", None)]
    );
    assert_eq!(events.all(), ["undo d", "undo a"]);
    let left: Vec<_> = run.left_over().into_iter().map(|it| it.name).collect();
    assert_eq!(left, ["b", "c"], "in the order in which they were promised");

    panics.undoing(Undoing::Works);
    soon(run.clean_up()).await;
    assert_eq!(events.all()[2..], ["undo c", "undo b"]);
    assert_eq!(run.left_over(), []);
    assert_eq!(errors(&run.record())[4..], [("c", None), ("b", None)]);
}

#[tokio::test]
async fn done_forgets_the_one_promise() {
    let events = Events::default();
    let [a, b, c] = things(&events, ["a", "b", "c"]);
    let record = run(canary().step("step", move |cleanup: Cleanup| {
        let (a, b, c) = (a.clone(), b.clone(), c.clone());
        async move {
            for thing in [&a, &b, &c] {
                cleanup.intend(thing.clone())?;
            }
            cleanup.done(&b);
            cleanup.done(&b);
            Ok::<_, Failure>(())
        }
    }))
    .await;
    assert_eq!(events.all(), ["undo c", "undo a"]);
    assert_eq!(errors(&record), [("c", None), ("a", None)]);
}

#[tokio::test]
async fn one_that_hangs_leaves_time_for_the_others() {
    let events = Events::default();
    let [a, b, c] = things(&events, ["a", "b", "c"]);
    let made = vec![a, b, c.undoing(Undoing::Hangs)];
    let run =
        new_run(canary().step("step", makes(made)), limits(|it| it.cleanup = Duration::from_millis(400)));
    let record = soon(run.finish()).await;
    assert_eq!(
        errors(&record),
        [
            ("c", Some("still running when its share of the 400ms of clean-up was over")),
            ("b", None),
            ("a", None),
        ]
    );
    assert_eq!(run.left_over().len(), 1);
}

#[tokio::test]
async fn clean_up_ends_when_its_time_is_over() {
    let events = Events::default();
    let made = things(&events, ["a", "b"]).to_vec();
    let run = new_run(canary().step("step", makes(made)), limits(|it| it.cleanup = Duration::ZERO));
    let record = soon(run.finish()).await;
    let over = Some("not tried: the 0ns of clean-up were over");
    assert_eq!(errors(&record), [("b", over), ("a", over)]);
    assert_eq!(events.all(), [""; 0]);
    assert_eq!(run.left_over().len(), 2);
}

#[tokio::test]
async fn the_limit_is_five_seconds_unless_one_says_otherwise() {
    assert_eq!(options().limits.cleanup, coalmine::suite::CLEANUP_LIMIT);
    assert_eq!(coalmine::suite::CLEANUP_LIMIT, Duration::from_secs(5));
}

#[tokio::test]
async fn who_asks_for_clean_up_while_it_goes_on_waits_for_it() {
    let events = Events::default();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let made = vec![Thing::new("a", &events).held(&begun, &go_on)];
    let run = new_run(canary().step("step", makes(made)), options());
    soon(run.steps_ended()).await;
    let first = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.clean_up().await }
    });
    soon(begun.notified()).await;
    tokio::select! {
        biased;
        () = run.clean_up() => panic!("the first one is not through"),
        () = let_others_run() => (),
    }
    tokio::select! {
        biased;
        () = begun.notified() => panic!("undone twice at once"),
        () = let_others_run() => (),
    }
    go_on.notify_one();
    soon(run.clean_up()).await;
    soon(first).await.unwrap();
    assert_eq!(events.all(), ["undo a"]);
}

#[tokio::test]
async fn what_is_promised_during_clean_up_is_undone_as_well() {
    let events = Events::default();
    let [a, b, late] = things(&events, ["a", "b", "late"]);
    let made = vec![a, b.undoing(Undoing::Promises(Box::new(late)))];
    let run = new_run(canary().step("step", makes(made)), options());
    soon(run.finish()).await;
    assert_eq!(events.all(), ["undo b", "undo late", "undo a"]);
    assert_eq!(run.left_over(), []);
}

/// A journal that notes what is written, beside what happens.
struct Notes {
    events: Events,
    writable: bool,
}

impl Journal for Notes {
    fn intend(&self, entry: &JournalEntry) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::other("disk full"));
        }
        assert_eq!(
            (entry.target.as_str(), entry.canary.as_str(), entry.kind.as_str()),
            ("memory:", "canary", "thing")
        );
        assert_eq!(entry.data["name"], entry.name);
        self.events.add(format!("intend {} {}", entry.id, entry.name));
        Ok(())
    }

    fn done(&self, entry: &JournalEntry) -> io::Result<()> {
        self.events.add(format!("done {}", entry.name));
        // Nothing depends on it: the thing is removed once more.
        Err(io::Error::other("disk full"))
    }
}

fn creates(names: [&'static str; 3], events: Events) -> impl Fn(Cleanup) -> std::future::Ready<Result<()>> {
    move |cleanup| {
        std::future::ready(names.into_iter().try_for_each(|name| {
            let thing = Thing::new(name, &events);
            cleanup.intend(thing.clone())?;
            events.add(format!("create {name}"));
            if name == "b" {
                cleanup.done(&thing);
            }
            Ok(())
        }))
    }
}

#[tokio::test]
async fn the_journal_has_the_intent_before_the_thing_is_there_and_done_after_it_is_gone() {
    let events = Events::default();
    let journal = Arc::new(Notes { events: events.clone(), writable: true });
    let canary = canary().step("step", creates(["a", "b", "c"], events.clone()));
    let record = soon(new_run(canary, RunOptions { journal, ..options() }).finish()).await;
    assert_eq!(
        events.all(),
        [
            "intend 0 a",
            "create a",
            "intend 1 b",
            "create b",
            "done b",
            "intend 2 c",
            "create c",
            "undo c",
            "done c",
            "undo a",
            "done a",
        ]
    );
    assert_eq!(record.verdict, Verdict::Passed);
}

#[tokio::test]
async fn what_cannot_be_journalled_is_not_created() {
    let events = Events::default();
    let journal = Arc::new(Notes { events: events.clone(), writable: false });
    let canary = canary().step("step", creates(["a", "b", "c"], events.clone()));
    let run = new_run(canary, RunOptions { journal, ..options() });
    let record = soon(run.finish()).await;
    assert_eq!(events.all(), [""; 0]);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    let failure = record.steps[0].failure.as_ref().unwrap();
    assert_eq!(failure.cause, Cause::Prober);
    assert_eq!(
        failure.text,
        "the intent to create thing `a` could not be journalled\n  caused by: disk full\n  \
         remedy: make room and make the journal's folder writable; nothing was created"
    );
    assert_eq!(run.left_over(), []);
}

#[tokio::test]
async fn spawned_work_survives_its_step_and_clean_up_waits_for_it() {
    let events = Events::default();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (sink, signals) = (events.clone(), (Arc::clone(&begun), Arc::clone(&go_on)));
    let options = options();
    let cancel = options.cancel.clone();
    let run = new_run(
        canary().step("step", move |cx: Context, cleanup: Cleanup| {
            let (sink, (begun, go_on)) = (sink.clone(), signals.clone());
            async move {
                let _stopped = sink.at_drop("stopped");
                cleanup.intend(Thing::new("a", &sink))?;
                let events = sink.clone();
                cx.spawn(async move {
                    begun.notify_one();
                    go_on.notified().await;
                    let_others_run().await;
                    events.add("created");
                })
                .await?;
                Ok::<_, Failure>(())
            }
        }),
        options,
    );
    let finished = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.finish().await }
    });
    soon(begun.notified()).await;
    cancel.cancel();
    soon(run.end_of(0)).await;
    go_on.notify_one();
    soon(finished).await.unwrap();
    assert_eq!(events.all(), ["stopped", "created", "undo a"]);
}

#[tokio::test]
async fn spawned_work_that_does_not_end_is_not_waited_for_for_ever() {
    let events = Events::default();
    let sink = events.clone();
    let run = new_run(
        canary().step("step", move |cx: Context, cleanup: Cleanup| {
            drop(cx.spawn(std::future::pending::<()>()));
            std::future::ready(cleanup.intend(Thing::new("a", &sink)))
        }),
        limits(|it| it.in_flight = Duration::from_millis(1)),
    );
    soon(run.finish()).await;
    assert_eq!(events.all(), ["undo a"]);
}
