//! One canary's actor: starts its runs, one at a time, and knows who waits for which.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::{
    Event, Running, Shared,
    ask::{Accepted, Ended},
    timer,
};
use crate::{
    schedule::{Agenda, Due, Look},
    store::{Finished, Schedule, Summary, Trigger},
    suite::{Observer, Run, RunOptions, new_run_id},
    verdict::Verdict,
};

/// What an actor is told. It answers at once.
pub(super) enum Command {
    Ask { fresh: bool, trigger: Trigger, reply: oneshot::Sender<Accepted> },
    Pause { reason: String, until: Option<jiff::Timestamp>, reply: oneshot::Sender<Schedule> },
    Resume { reply: oneshot::Sender<Schedule> },
}

/// One canary's state. Nobody else has it.
pub(super) struct Actor {
    shared: Arc<Shared>,
    /// The canary's number in the plan.
    number: usize,
    agenda: Agenda,
    commands: mpsc::Receiver<Command>,
    current: Option<Current>,
    /// The run that starts when the current one has ended, for all who wanted a fresh one meanwhile.
    next: Option<(Reserved, Trigger)>,
    /// How the last run ended.
    before: Option<Verdict>,
}

/// The run in flight.
struct Current {
    run: Reserved,
    since: jiff::Timestamp,
    task: JoinHandle<Finished>,
}

/// A run's id, and those who wait for its end.
struct Reserved {
    id: String,
    end: watch::Sender<Option<Ended>>,
}

impl Reserved {
    fn new() -> Self {
        Self { id: new_run_id(), end: watch::Sender::new(None) }
    }

    fn accept(&self, since: Option<jiff::Timestamp>, reply: oneshot::Sender<Accepted>) {
        // Whoever has hung up needs no answer.
        let _ = reply.send(Accepted { run: self.id.clone(), since, end: self.end.subscribe() });
    }
}

impl Actor {
    pub(super) fn new(
        shared: Arc<Shared>,
        number: usize,
        agenda: Agenda,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let before = super::lock(&shared.views[number]).last().map(|it| it.verdict);
        Self { shared, number, agenda, commands, current: None, next: None, before }
    }

    /// Until the service stops, and the run in flight has ended.
    pub(super) async fn work(mut self) {
        let closing = self.shared.closing.clone();
        let clock = self.shared.options.clock.clone();
        while !closing.is_cancelled() {
            // Taken before looking, so that no move is overlooked.
            let moved = clock.moved();
            self.look();
            let wake = self.agenda.wake();
            tokio::select! {
                biased;
                () = closing.cancelled() => break,
                finished = ended(&mut self.current) => self.ended(finished),
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                () = timer::until(&clock, moved, wake) => (),
            }
        }
        // Those who wait for a run that will not start hear of it by these being dropped.
        self.next = None;
        self.commands.close();
        while self.commands.recv().await.is_some() {}
        if self.current.is_some() {
            let finished = ended(&mut self.current).await;
            self.ended(finished);
        }
    }

    /// Does what the clock says is to be done.
    fn look(&mut self) {
        let Look { start, missed, changed } = self.agenda.look(self.shared.now(), self.current.is_some());
        if let Some(missed) = missed {
            let canary = self.shared.canary(self.number).name();
            self.shared.desk.change_soon(|book, now| book.missed(canary, missed.planned, now));
            self.tell(|canary| Event::MissedRun {
                canary,
                planned: missed.planned,
                late_ms: missed.late.as_secs_f64() * 1e3,
            });
        }
        // Before the run: its end must not be kept without the time of the next one.
        if changed {
            self.schedule_changed();
        }
        if let Some(Due { planned, trigger }) = start {
            if trigger == Trigger::Schedule {
                let late = Duration::try_from(self.shared.now().duration_since(planned)).unwrap_or_default();
                self.shared.change_view(self.number, |view| view.lateness.add(late));
            }
            self.start(Reserved::new(), trigger);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask { fresh, trigger, reply } => match &self.current {
                Some(current) if !fresh => current.run.accept(Some(current.since), reply),
                Some(_) => {
                    let (next, _) = self.next.get_or_insert_with(|| (Reserved::new(), trigger));
                    next.accept(None, reply);
                }
                None => {
                    let run = Reserved::new();
                    run.accept(Some(self.shared.now()), reply);
                    self.start(run, trigger);
                }
            },
            Command::Pause { reason, until, reply } => {
                self.agenda.pause(self.shared.now(), &reason, until);
                let _ = reply.send(self.schedule_changed());
            }
            Command::Resume { reply } => {
                self.agenda.resume(self.shared.now());
                let _ = reply.send(self.schedule_changed());
            }
        }
    }

    fn start(&mut self, reserved: Reserved, trigger: Trigger) {
        let shared = &self.shared;
        let plan = shared.canary(self.number);
        let ended = Arc::new(AtomicUsize::new(0));
        let options = &shared.options;
        let run = Run::new(
            Arc::clone(plan),
            RunOptions {
                id: Some(reserved.id.clone()),
                location: options.location.clone(),
                redactor: options.redactor.clone(),
                journal: Arc::clone(&options.journal),
                clock: options.clock.clone(),
                cancel: shared.cancel.child_token(),
                limits: options.limits,
                observer: Some(self.observer(&reserved.id, &ended)),
                ..RunOptions::new(&options.target, options.resources.clone())
            },
        );
        let since = shared.now();
        shared.change_view(self.number, |view| {
            view.running =
                Some(Running { run: reserved.id.clone(), trigger, since, steps: run.size(), ended });
        });
        self.tell(|canary| Event::RunStarted { canary, run: reserved.id.clone(), trigger });
        let task = tokio::spawn(carry_out(Arc::clone(&self.shared), run, trigger));
        self.current = Some(Current { run: reserved, since, task });
    }

    /// Tells of each step that ends.
    fn observer(&self, run: &str, ended: &Arc<AtomicUsize>) -> Observer {
        let (plan, events) = (Arc::clone(self.shared.canary(self.number)), self.shared.events.clone());
        let (run, ended) = (run.to_owned(), Arc::clone(ended));
        Arc::new(move |step, verdict| {
            ended.fetch_add(1, Ordering::Relaxed);
            let (canary, step) = (plan.name().to_owned(), plan.title(step));
            events.tell(Event::StepEnded { canary, run: run.clone(), step, verdict });
        })
    }

    /// Tells of a run that has ended, and is kept by now.
    fn ended(&mut self, finished: Option<Finished>) {
        let Some(Current { run, .. }) = self.current.take() else { return };
        let Some(finished) = finished else {
            // Our own mistake: a panic outside the run. Who waits hears of it because `run` is dropped, and whoever
            // watches the service by its heartbeat.
            self.shared.set_lost(self.number, true);
            self.shared.change_view(self.number, |view| view.running = None);
            return;
        };
        self.shared.set_lost(self.number, false);
        let summary = Arc::new(Summary::of(&finished));
        let Finished { record, trigger } = finished;
        self.agenda.ended(self.shared.now(), trigger, record.verdict, self.before);
        self.before = Some(record.verdict);
        let recheck = self.agenda.recheck();
        self.shared.last_days[self.number].add(&summary);
        self.shared.change_view(self.number, |view| {
            view.add(&summary);
            Arc::make_mut(&mut view.measures).add(trigger, &record);
            view.running = None;
            view.recheck = recheck;
        });
        self.shared.events.tell(Event::RunEnded(Box::new((*summary).clone())));
        run.end.send_replace(Some(Ended { summary, record }));
        if let Some((next, trigger)) = self.next.take().filter(|_| !self.shared.closing.is_cancelled()) {
            self.start(next, trigger);
        }
    }

    /// Publishes and keeps what has become of the schedule.
    fn schedule_changed(&self) -> Schedule {
        let (entry, recheck) = (self.agenda.entry(), self.agenda.recheck());
        self.shared.change_view(self.number, |view| {
            view.schedule = entry.clone();
            view.recheck = recheck;
        });
        self.shared.keeper.put(entry.clone());
        self.shared.desk.change_soon(|book, now| book.set_paused(&entry.canary, entry.paused.is_some(), now));
        self.shared.events.tell(Event::ScheduleChanged(entry.clone()));
        entry
    }

    fn tell(&self, event: impl FnOnce(String) -> Event) {
        self.shared.events.tell(event(self.shared.canary(self.number).name().to_owned()));
    }
}

/// The end of the run in flight; without one, never.
async fn ended(current: &mut Option<Current>) -> Option<Finished> {
    match current {
        Some(current) => (&mut current.task).await.ok(),
        None => std::future::pending().await,
    }
}

/// Carries out a run and keeps what came of it.
async fn carry_out(shared: Arc<Shared>, run: Arc<Run>, trigger: Trigger) -> Finished {
    let task = tokio::spawn({
        let run = Arc::clone(&run);
        async move {
            // Each step has a limit of its own; this is for canaries that say how long the whole may take.
            let limit = run.plan().time_limit();
            if tokio::time::timeout(limit, run.steps_ended()).await.is_err() {
                run.end_overdue(limit);
            }
            run.finish().await
        }
    });
    // A task of its own: whatever happens in there, the record is kept.
    let mut record = task.await.unwrap_or_else(|_| run.record());
    shared.anchors.look_at(&mut record).await;
    let finished = Finished { record: Arc::new(record), trigger };
    if let Some(traces) = &shared.options.traces {
        traces.send(Arc::clone(&finished.record));
    }
    shared.desk.keep(finished.clone()).await;
    finished
}
