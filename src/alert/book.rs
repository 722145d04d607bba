//! Everything that alerts remember, in one value: rules, silences, delivery and the drill together. It does no I/O and
//! reads no clock; who owns it keeps the rows that it hands out, and sends what it wants sent.

mod kept;
mod telling;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Audience, Incident, Page, PageContext, Silence,
    drill::DrillState,
    log::LogEntry,
    notifier::{Outcome, RemoteIncident},
    post::{Attempt, Finding, Post, Route},
    rules::{self, CanaryState, Effects, Watched},
};
use crate::{alert::RunFacts, store::LogRow};

pub use kept::KeptBook;
pub use telling::Telling;

/// All of it.
#[derive(Debug)]
pub struct Book {
    context: PageContext,
    watched: Vec<Watched>,
    states: BTreeMap<String, CanaryState>,
    /// In the order in which they end.
    silences: Vec<Silence>,
    post: Post,
    /// Those of whom somebody tells.
    told: Vec<Audience>,
    drill: DrillState,
    /// Incidents that have closed and may still be spoken of.
    closed: HashMap<String, Incident>,
    /// Grows with everything that is handed out to be kept.
    revision: u64,
    changed: Changed,
    ids: fn() -> String,
}

/// What was not handed out yet.
#[derive(Debug, Default)]
struct Changed {
    canaries: BTreeSet<String>,
    /// By id; none if it is gone.
    silences: BTreeMap<String, Option<Silence>>,
    drill: bool,
    incidents: BTreeMap<String, Incident>,
    log: Vec<LogRow>,
}

/// What a book is about, and whom it tells.
pub struct BookOptions {
    /// What pages say beside the incident.
    pub context: PageContext,
    /// The canaries of the suite.
    pub watched: Vec<Watched>,
    /// The notifiers.
    pub routes: Vec<Route>,
    /// The name of the one that is told what another one does not take.
    pub second: Option<String>,
    /// Makes ids of incidents and silences that nobody has seen before.
    pub ids: fn() -> String,
}

impl Book {
    /// Takes a run in.
    pub fn observe(&mut self, facts: &RunFacts, now: Timestamp) {
        self.change(&facts.canary, now, |state, watched, silences, ids| {
            rules::observe(state, watched, silences, facts, now, ids)
        });
    }

    /// A canary did not run when it should have.
    pub fn missed(&mut self, canary: &str, planned: Timestamp, now: Timestamp) {
        self.change(canary, now, |state, watched, silences, ids| {
            rules::missed(state, watched, silences, planned, now, ids)
        });
    }

    /// A canary's schedule stands still, or goes on.
    pub fn set_paused(&mut self, canary: &str, paused: bool, now: Timestamp) {
        if let Some(watched) = self.watched.iter_mut().find(|it| it.canary == canary) {
            watched.paused = paused;
        }
        self.tick(now);
    }

    /// Does what has its time.
    pub fn tick(&mut self, now: Timestamp) {
        self.forget_closed();
        let ended: Vec<_> =
            self.silences.iter().filter(|it| it.until <= now).map(|it| it.id.clone()).collect();
        let canaries: Vec<String> = self.states.keys().cloned().collect();
        for canary in canaries {
            let due = self.state(&canary).is_some_and(|(state, watched)| {
                let wakes = rules::wake(state, watched, &self.silences, now);
                wakes.is_some_and(|it| it <= now) || !state.incidents.is_empty()
            });
            if due {
                self.change(&canary, now, |state, watched, silences, _| Effects {
                    log: rules::tick(state, watched, silences, now),
                    ..Effects::default()
                });
            }
        }
        for id in ended {
            self.silences.retain(|it| it.id != id);
            self.changed.silences.insert(id, None);
        }
        let why = self.drill.running.as_ref().map(|_| self.why_unproven()).unwrap_or_default();
        if let Some(drill) = self.drill.overdue(now, || why) {
            self.changed.drill = true;
            self.close_drill(&drill, now);
        }
    }

    /// When there is something to do, if nothing happens before.
    #[must_use]
    pub fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        let rules = self
            .watched
            .iter()
            .filter_map(|it| self.states.get(&it.canary).map(|state| (it, state)))
            .filter_map(|(watched, state)| rules::wake(state, watched, &self.silences, now));
        let silences = self.silences.iter().map(|it| if it.from > now { it.from } else { it.until });
        rules.chain(silences).chain(self.post.wake(now)).chain(self.drill.wake()).min()
    }

    /// Somebody takes care of an incident. Whether there is such an open incident.
    pub fn acknowledge(&mut self, incident: &str, by: &str, now: Timestamp) -> bool {
        self.on_incident(incident, now, |state, _| rules::acknowledge(state, incident, by, now))
    }

    /// Nobody takes care of it any more.
    pub fn unacknowledge(&mut self, incident: &str, by: &str, now: Timestamp) -> bool {
        self.on_incident(incident, now, |state, watched| {
            rules::unacknowledge(state, watched, incident, by, now)
        })
    }

    /// Adds a silence. Its id is the book's to give.
    pub fn silence(&mut self, silence: Silence, now: Timestamp) -> Silence {
        let silence = Silence { id: format!("s-{}", (self.ids)()), ..silence };
        self.silences.push(silence.clone());
        self.silences.sort_by_key(|it| it.until);
        self.changed.silences.insert(silence.id.clone(), Some(silence.clone()));
        self.tick(now);
        silence
    }

    /// Ends a silence before its time. The silence, if there was one.
    pub fn lift(&mut self, id: &str, now: Timestamp) -> Option<Silence> {
        let at = self.silences.iter().position(|it| it.id == id)?;
        let silence = self.silences.remove(at);
        self.changed.silences.insert(silence.id.clone(), None);
        self.tick(now);
        Some(silence)
    }

    /// What is to be sent now, each with what it says. The rows are to be kept before anything is sent.
    pub fn due(&mut self, now: Timestamp) -> Vec<(Attempt, Page)> {
        let attempts = self.post.due(now);
        let log = self.post.log();
        self.note(log);
        attempts
            .into_iter()
            .map(|attempt| {
                let incident = attempt.incident.as_deref().and_then(|it| self.incident(it));
                let mut page = match incident {
                    Some(incident) => Page::of(incident, &self.context),
                    None => Page::of_key(&attempt.key, attempt.incident.as_deref(), &self.context, now),
                };
                page.instead.clone_from(&attempt.instead);
                let watched = self.watched.iter().find(|it| it.canary == page.canary);
                page.passes = watched.map(|it| it.policy.pass);
                (attempt, page)
            })
            .collect()
    }

    /// An attempt has ended.
    pub fn ended(&mut self, attempt: &Attempt, outcome: &Outcome, took: Duration, now: Timestamp) {
        let log = self.post.ended(attempt, outcome, took, now);
        self.note(log);
    }

    /// Compares what a notifier's service shows with what it was told. What it finds has to be looked into.
    pub fn reconcile(
        &mut self,
        notifier: &str,
        open: &[RemoteIncident],
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Vec<Finding> {
        let findings = self.post.reconcile(notifier, open, asked_at, now);
        let log = self.post.log();
        self.note(log);
        self.proven(now);
        findings
    }

    /// Somebody has acknowledged an incident where it was told.
    pub fn acknowledged_there(&mut self, notifier: &str, incident: &str, by: Option<&str>, now: Timestamp) {
        let by = by.map_or_else(|| format!("somebody at {notifier}"), ToOwned::to_owned);
        self.acknowledge(incident, &by, now);
    }

    /// What has become of an incident that a notifier's service does not show as open any more: all that it knows of the
    /// key since the incident opened.
    pub fn gone(&mut self, notifier: &str, incident: &str, known: &[RemoteIncident], now: Timestamp) {
        use super::notifier::RemoteStatus::Resolved;
        let log = match known.iter().max_by_key(|it| it.created) {
            // It was opened anew meanwhile.
            Some(it) if it.status != Resolved => return,
            Some(RemoteIncident { by: Some(by), .. }) => {
                self.on_incident(incident, now, |state, watched| {
                    rules::resolved_by_human(state, watched, incident, notifier, by, now)
                });
                self.post.resolved_there(notifier, incident, by, now)
            }
            Some(_) => self.post.timed_out(notifier, incident, now),
            None => {
                let why =
                    "it knows of no such incident: nobody on call, a maintenance window or a rule there";
                self.post.swallowed(notifier, incident, why, now)
            }
        };
        self.note(log);
    }

    /// Resolves whatever may be open under the keys of all that is green: once, at a start.
    pub fn sweep(&mut self, now: Timestamp) {
        let open: BTreeSet<String> = self.open().map(|it| it.key.clone()).collect();
        let keys: Vec<String> = self
            .watched
            .iter()
            .flat_map(|it| {
                let steps = it.steps.iter().map(|step| rules::key(&it.prefix, Some(step)));
                steps.chain([rules::key(&it.prefix, None)])
            })
            .chain([self.drill_key()])
            .filter(|it| !open.contains(it))
            .collect();
        self.post.sweep(keys.iter().map(String::as_str), now);
    }

    /// Begins a drill, unless one goes on; the incident's id.
    pub fn begin_drill(&mut self, now: Timestamp) -> Option<String> {
        let id = format!("i-{}", (self.ids)());
        let key = self.drill_key();
        let drill = self.drill.begin(id, key, now)?.clone();
        self.changed.drill = true;
        let log = vec![LogEntry {
            incident: drill.id.clone(),
            at: now,
            what: super::log::Happened::Opened { why: "a drill: the way of pages is tried".to_owned() },
        }];
        self.note(log);
        self.publish(&drill, now);
        Some(drill.id)
    }

    /// When the next drill is to begin.
    pub fn plan_drill(&mut self, next: Option<Timestamp>) {
        self.changed.drill |= self.drill.next != next;
        self.drill.next = next;
    }

    /// How the pager has fared in drills.
    #[must_use]
    pub fn drill(&self) -> &DrillState {
        &self.drill
    }

    /// What all keys begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.context.suite, self.context.location)
    }

    fn drill_key(&self) -> String {
        format!("{}~drill", self.prefix())
    }

    /// A page that was seen to exist proves the pager; a drill has reached its end by that.
    fn proven(&mut self, now: Timestamp) {
        let seen: Vec<String> = self
            .post
            .lines()
            .filter_map(|it| it.wanted.as_ref().filter(|it| it.seen).map(|it| it.incident.clone()))
            .collect();
        for incident in seen {
            let fresh = self.drill.proven.is_none_or(|it| it < now);
            if let Some(drill) = self.drill.seen(&incident, now) {
                self.close_drill(&drill, now);
            }
            self.changed.drill |= fresh;
        }
    }

    fn close_drill(&mut self, drill: &Incident, now: Timestamp) {
        self.closed.insert(drill.id.clone(), drill.clone());
        let why = match self.drill.failed {
            Some((at, _)) if at == now => "the drill has failed: no page was seen in time",
            _ => "the page was seen to exist; the drill is over",
        };
        let what = super::log::Happened::Closed { why: why.to_owned() };
        self.note(vec![LogEntry { incident: drill.id.clone(), at: now, what }]);
        self.publish(drill, now);
    }

    /// Does something with a canary's state, and lets delivery know what it has changed.
    fn change(
        &mut self,
        canary: &str,
        now: Timestamp,
        change: impl FnOnce(&mut CanaryState, &Watched, &[Silence], &mut dyn FnMut() -> String) -> Effects,
    ) {
        let Some(watched) = self.watched.iter().find(|it| it.canary == canary) else { return };
        let state = self.states.entry(canary.to_owned()).or_default();
        let before = state.clone();
        let ids = self.ids;
        let effects = change(state, watched, &self.silences, &mut || format!("i-{}", ids()));
        if *state != before {
            self.changed.canaries.insert(canary.to_owned());
        }
        let changed: Vec<Incident> =
            state.incidents.iter().filter(|it| !before.incidents.contains(it)).cloned().collect();
        let is_new = |it: &&Incident| before.incidents.iter().all(|old| old.id != it.id);
        let unheard: Vec<LogEntry> =
            changed.iter().filter(is_new).filter_map(|it| self.unheard(it, now)).collect();
        self.take(effects, changed, now);
        self.note(unheard);
    }

    /// That nobody will hear of it.
    fn unheard(&self, incident: &Incident, now: Timestamp) -> Option<LogEntry> {
        let audience = incident.kind.audience();
        let (notifier, why) = match audience {
            Audience::OnCall => ("nobody", "no notifier tells of incidents: COALMINE_NOTIFY names none"),
            Audience::Owners => {
                ("nobody", "no notifier tells the owners of canaries: COALMINE_OWNERS names none")
            }
        };
        let what = super::log::Happened::NotTold { notifier: notifier.to_owned(), why: why.to_owned() };
        (!self.told.contains(&audience)).then(|| LogEntry { incident: incident.id.clone(), at: now, what })
    }

    /// Takes over what the rules have decided.
    fn take(&mut self, Effects { log, closed }: Effects, changed: Vec<Incident>, now: Timestamp) {
        self.note(log);
        // What has closed goes first: its key may have opened again.
        for incident in closed {
            self.closed.insert(incident.id.clone(), incident.clone());
            self.publish(&incident, now);
        }
        for incident in changed {
            self.publish(&incident, now);
        }
    }

    /// Keeps an incident and hands it to delivery.
    fn publish(&mut self, incident: &Incident, now: Timestamp) {
        self.changed.incidents.insert(incident.id.clone(), incident.clone());
        let log = self.post.want(incident, now);
        self.note(log);
    }

    fn on_incident(
        &mut self,
        incident: &str,
        now: Timestamp,
        change: impl FnOnce(&mut CanaryState, &Watched) -> Vec<LogEntry>,
    ) -> bool {
        let has = |state: &CanaryState| state.incidents.iter().any(|it| it.id == incident);
        let canary = self.states.iter().find(|(_, state)| has(state)).map(|(canary, _)| canary.clone());
        let Some(canary) = canary else { return false };
        self.change(&canary, now, |state, watched, _, _| Effects {
            log: change(state, watched),
            ..Effects::default()
        });
        true
    }

    fn state(&self, canary: &str) -> Option<(&CanaryState, &Watched)> {
        Some((self.states.get(canary)?, self.watched.iter().find(|it| it.canary == canary)?))
    }

    /// Closed incidents that no line speaks of any more are history.
    fn forget_closed(&mut self) {
        if self.closed.is_empty() {
            return;
        }
        let spoken: BTreeSet<&str> = self.post.lines().flat_map(telling::incidents).collect();
        self.closed.retain(|id, _| spoken.contains(id.as_str()));
    }
}
