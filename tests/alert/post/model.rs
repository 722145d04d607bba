//! Random histories against a model of PagerDuty, of people who read messages, and of a process that is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use coalmine::alert::{
    Acknowledged, Held, Incident,
    log::{Happened, LogEntry},
    notifier::{Action, Outcome, RemoteIncident, RemoteStatus},
    post::{Attempt, Finding, Line, LineId, Post, Route},
};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::script::{closed, incident, outcome, route, start};

const HISTORIES: u64 = 20_000;
const STEPS: usize = 30;
const BURST: u32 = 4;
const PER_MINUTE: u32 = 30;

/// What has been tried, so that a test that tries nothing is noticed.
#[derive(Debug, Default)]
struct Counters {
    attempts: u64,
    ingested: u64,
    opened: u64,
    refused: u64,
    not_taken: u64,
    unknown: u64,
    delayed: u64,
    swallowed: u64,
    killed_in_flight: u64,
    restarts: u64,
    jumps: u64,
    not_told: u64,
    escalated: u64,
    resolved_there: u64,
    timed_out: u64,
    gone: u64,
    ghosts: u64,
    while_away: u64,
    told_at_the_end: u64,
}

/// What becomes of an attempt.
struct Sent {
    attempt: Attempt,
    outcome: Outcome,
    /// Whether it has an effect there, and whether it had it.
    arrives: bool,
    arrived: bool,
}

struct World {
    random: Rng,
    post: Post,
    routes: Vec<Route>,
    /// What no clock changes, in milliseconds.
    real: i64,
    /// What the clock says beside it.
    offset: i64,
    disk: BTreeMap<LineId, Line>,
    incidents: BTreeMap<String, Incident>,
    numbers: BTreeMap<String, u32>,
    sent: Vec<Sent>,
    /// Key → incident and whether it is acknowledged: what PagerDuty shows.
    pagerduty: BTreeMap<String, (String, bool)>,
    /// How many incidents PagerDuty has made for one of ours.
    made: BTreeMap<String, u32>,
    /// Triggers that arrive late.
    late: Vec<(i64, String, String)>,
    /// Of which it makes more than one for good reason.
    disturbed: BTreeSet<String>,
    /// Something was open there that nobody here knew of: only a comparison finds that.
    haunted: bool,
    /// Keys of which it has dropped something that it said it took. It may drop an acknowledgement as well.
    unheard: BTreeSet<String>,
    /// Notifier and incident: somebody was told.
    told: BTreeSet<(String, String)>,
    /// The same: a resolve was sent.
    resolved: BTreeSet<(String, String)>,
    may_be_told: BTreeMap<(String, String, u32), u32>,
    times: BTreeMap<String, Vec<i64>>,
    /// What gives more tokens than time does: forward jumps a burst, restarts half of one.
    gifts: Vec<(i64, u32)>,
    log: Vec<LogEntry>,
    outage: bool,
    may_jump: bool,
    /// Tells each step: of a history that ended badly.
    tells: bool,
    counters: Counters,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let small = |name, on_call| {
            let mut it = route(name);
            (it.manner.burst, it.manner.per_minute, it.on_call) = (BURST, PER_MINUTE, on_call);
            it
        };
        let mut routes = vec![small("pd", true), small("mail", false)];
        if random.bool() {
            routes.push(small("slack", true));
        }
        Self {
            post: Post::new(routes.clone(), Some("mail".to_owned())),
            routes,
            real: 0,
            offset: 0,
            disk: BTreeMap::new(),
            incidents: BTreeMap::new(),
            numbers: BTreeMap::new(),
            sent: Vec::new(),
            pagerduty: BTreeMap::new(),
            made: BTreeMap::new(),
            late: Vec::new(),
            disturbed: BTreeSet::new(),
            haunted: false,
            unheard: BTreeSet::new(),
            told: BTreeSet::new(),
            resolved: BTreeSet::new(),
            may_be_told: BTreeMap::new(),
            times: BTreeMap::new(),
            gifts: Vec::new(),
            log: Vec::new(),
            outage: false,
            // A trigger that arrives after the repeated resolve cannot be seen, and a clock that jumps repeats at once.
            may_jump: random.bool(),
            tells: false,
            counters: Counters::default(),
            random,
        }
    }

    fn now(&self) -> Timestamp {
        start() + SignedDuration::from_millis(self.real + self.offset)
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.tells {
            eprintln!("{:>9} {}", self.real, what());
        }
    }

    fn keep(&mut self) {
        self.log.extend(self.post.log());
        for (id, line) in self.post.dirty() {
            match line {
                Some(line) => self.disk.insert(id, line),
                None => self.disk.remove(&id),
            };
        }
    }

    fn pass(&mut self, milliseconds: i64) {
        self.real += milliseconds;
        let (now, late) = self.late.drain(..).partition(|it| it.0 <= self.real);
        self.late = late;
        let now: Vec<(i64, String, String)> = now;
        for (_, key, id) in now {
            self.trigger(&key, &id);
        }
    }

    fn trigger(&mut self, key: &str, id: &str) {
        if !self.pagerduty.contains_key(key) {
            self.pagerduty.insert(key.to_owned(), (id.to_owned(), false));
            *self.made.entry(id.to_owned()).or_default() += 1;
            self.note(|| format!("pagerduty opens {id}"));
        }
    }

    /// An attempt has its effect.
    fn arrive(&mut self, attempt: &Attempt) {
        self.counters.ingested += 1;
        let (notifier, key) = (attempt.notifier.clone(), attempt.key.clone());
        let id = attempt.incident.clone();
        match attempt.action {
            Action::Trigger => {
                let id = id.expect("a trigger is about an incident");
                if notifier == "pd" {
                    self.trigger(&key, &id);
                }
                self.told.insert((notifier, id));
            }
            Action::Acknowledge if notifier == "pd" => {
                self.pagerduty.entry(key).and_modify(|it| it.1 = true);
            }
            Action::Resolve if notifier == "pd" => drop(self.pagerduty.remove(&key)),
            Action::Acknowledge | Action::Resolve => (),
        }
    }

    fn due(&mut self, faults: bool) {
        let now = self.now();
        let begun = self.post.due(now);
        let wake = self.post.wake(now);
        assert!(wake.is_none_or(|it| it > now), "it wakes at once, and has nothing to do");
        self.keep();
        for health in self.post.health(now) {
            let (name, away) = (&health.notifier, health.away);
            let new = begun.iter().filter(|it| it.notifier == *name).count();
            let flying = self.sent.iter().filter(|it| it.attempt.notifier == *name).count();
            assert!(!away || new == 0 || (new == 1 && flying == 0), "one probe of {name} at a time");
            self.counters.while_away += u64::from(away && new == 1);
        }
        for attempt in begun {
            let is_it = |it: &Sent| it.attempt.key == attempt.key && it.attempt.notifier == attempt.notifier;
            assert!(!self.sent.iter().any(is_it), "one in flight per line");
            self.note(|| format!("begun {attempt:?}"));
            self.counters.attempts += 1;
            self.times.entry(attempt.notifier.clone()).or_default().push(self.real);
            if let (Action::Resolve, Some(id)) = (attempt.action, &attempt.incident) {
                self.resolved.insert((attempt.notifier.clone(), id.clone()));
            }
            let sent = self.fate(attempt, faults);
            self.sent.push(sent);
        }
    }

    fn fate(&mut self, attempt: Attempt, faults: bool) -> Sent {
        let say = |word: &str| outcome(word).expect("a word for an outcome");
        let trigger = attempt.action == Action::Trigger;
        let random = if !faults {
            100
        } else if self.outage {
            self.random.u8(10..40)
        } else {
            self.random.u8(0..100)
        };
        let (outcome, arrives) = match random {
            // A resolve that is refused in every form cannot end well.
            0..4 if trigger => (say("refused"), false),
            4..10 if !attempt.minimal => (say("refused"), false),
            10..20 => (say("away"), false),
            20..24 => (say("later:40"), false),
            24..32 => (say("maybe"), true),
            32..40 => (say("maybe"), false),
            40..50 if trigger && !self.may_jump && attempt.notifier == "pd" => {
                let id = attempt.incident.clone().unwrap_or_default();
                self.disturbed.insert(id.clone());
                self.counters.delayed += 1;
                self.late.push((self.real + self.random.i64(0..25_000), attempt.key.clone(), id));
                (say("maybe"), false)
            }
            50..53 if trigger => {
                self.counters.swallowed += 1;
                self.unheard.insert(attempt.key.clone());
                (say("accepted"), false)
            }
            _ => (say("accepted"), true),
        };
        match outcome {
            Outcome::Refused { .. } => self.counters.refused += 1,
            Outcome::NotTaken { .. } => self.counters.not_taken += 1,
            Outcome::Unknown { .. } => {
                self.counters.unknown += 1;
                self.may_be(&attempt);
            }
            Outcome::Accepted { .. } => (),
        }
        let mut sent = Sent { attempt, outcome, arrives, arrived: false };
        if arrives && self.random.bool() {
            self.arrive(&sent.attempt);
            sent.arrived = true;
        }
        sent
    }

    fn may_be(&mut self, attempt: &Attempt) {
        let Attempt { notifier, incident: Some(id), round, action: Action::Trigger, .. } = attempt else {
            return;
        };
        *self.may_be_told.entry((notifier.clone(), id.clone(), *round)).or_default() += 1;
    }

    fn end(&mut self, at: usize) {
        let Sent { attempt, outcome, arrives, arrived } = self.sent.swap_remove(at);
        if arrives && !arrived {
            self.arrive(&attempt);
        }
        self.note(|| format!("ended {} {} {:?}: {outcome:?}", attempt.notifier, attempt.key, attempt.action));
        let log = self.post.ended(&attempt, &outcome, Duration::from_millis(1), self.now());
        self.log.extend(log);
    }

    fn restart(&mut self) {
        self.counters.restarts += 1;
        self.note(|| "killed".to_owned());
        for Sent { attempt, outcome, arrives, arrived } in std::mem::take(&mut self.sent) {
            self.counters.killed_in_flight += 1;
            if arrives && !arrived && self.random.bool() {
                self.arrive(&attempt);
            }
            if !matches!(outcome, Outcome::Unknown { .. }) {
                self.may_be(&attempt);
            }
        }
        if self.random.bool() {
            let dead = self.random.i64(0..120_000);
            self.pass(dead);
        }
        self.gifts.push((self.real, BURST.div_ceil(2)));
        let lines = self.disk.values();
        let lines = lines.map(copy).collect();
        let open: Vec<_> = self.incidents.values().filter(|it| it.closed.is_none()).cloned().collect();
        let second = Some("mail".to_owned());
        self.post = Post::restored(self.routes.clone(), second, lines, &open, self.now());
        self.log.extend(self.post.log());
        let green: BTreeSet<_> = self.incidents.values().map(|it| it.key.clone()).collect();
        let green = green.iter().filter(|key| open.iter().all(|it| it.key != **key));
        self.post.sweep(green.map(String::as_str), self.now());
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Incident)) {
        let now = self.now();
        let it = self.incidents.get_mut(id).expect("it was opened");
        change(it);
        let log = self.post.want(it, now);
        self.log.extend(log);
    }

    fn step(&mut self) {
        let now = self.now();
        let key = char::from(b'x' + self.random.u8(0..3)).to_string();
        let open = self.incidents.values().find(|it| it.key == key && it.closed.is_none());
        let open = open.map(|it| (it.id.clone(), it.held.clone()));
        let what = self.random.u8(0..100);
        match (what, open) {
            (0..18, None) => {
                let number = self.numbers.entry(key.clone()).or_default();
                *number += 1;
                let mut new = incident(&format!("{key}{number}"), now);
                if self.random.u8(0..10) == 0 {
                    (new.rounds, new.held) = (0, Some(Held::Paused));
                }
                let id = new.id.clone();
                self.note(|| format!("open {id}"));
                self.counters.opened += 1;
                self.incidents.insert(id.clone(), new);
                self.change(&id, |_| ());
            }
            (0..10, Some((id, _))) => {
                self.note(|| format!("close {id}"));
                self.change(&id, |it| it.closed = closed(now));
            }
            (10..12, Some((id, None))) => {
                let by = "ann".to_owned();
                self.change(&id, |it| it.acknowledged = Some(Acknowledged { at: now, by }));
            }
            (12..15, Some((id, None))) => {
                self.note(|| format!("remind {id}"));
                self.change(&id, |it| it.rounds += 1);
            }
            (15..18, Some((id, None))) => {
                self.note(|| format!("pause {id}"));
                self.change(&id, |it| it.held = Some(Held::Paused));
            }
            (18..22, Some((id, Some(_)))) => self.release(&id),
            (22..24, Some((id, None))) if self.shows(&key, &id) => self.human(&key, &id),
            (24..26, Some((id, _))) => self.time_out(&key, &id),
            (24..26, None) => {
                // Left by a life of which nothing is known any more.
                let id = format!("{key}-ghost");
                self.haunted = true;
                self.disturbed.insert(id.clone());
                self.trigger(&key, &id);
            }
            (26..30, _) => self.reconcile(),
            (30..33, _) => self.restart(),
            (33..36, _) => self.outage = !self.outage,
            (36..38, _) if self.may_jump => {
                self.counters.jumps += 1;
                let by = self.random.i64(-7_200_000..7_200_000);
                self.offset += by;
                self.gifts.push((self.real, if by > 0 { BURST } else { 0 }));
                self.note(|| format!("the clock jumps by {by}"));
            }
            (38..66, _) if !self.sent.is_empty() => {
                let at = self.random.usize(0..self.sent.len());
                self.end(at);
            }
            (66..86, _) => {
                let wake = self.post.wake(now).unwrap_or(now);
                let wait = milliseconds(wake, now);
                let most = if self.random.u8(0..10) == 0 { 600_000 } else { 30_000 };
                self.pass(wait.clamp(0, most));
            }
            _ => {
                let wait = self.random.i64(0..20_000);
                self.pass(wait);
            }
        }
        if self.random.bool() {
            self.keep();
        }
        if self.random.u8(0..4) > 0 {
            self.due(true);
        }
    }

    fn release(&mut self, id: &str) {
        self.note(|| format!("release {id}"));
        self.change(id, |it| {
            it.rounds =
                if matches!(it.held, Some(Held::Resolved { .. })) { it.rounds + 1 } else { it.rounds.max(1) };
            it.held = None;
        });
    }

    fn shows(&self, key: &str, id: &str) -> bool {
        self.pagerduty.get(key).is_some_and(|it| it.0 == id)
    }

    /// Somebody resolves it at PagerDuty, which is heard of at once.
    fn human(&mut self, key: &str, id: &str) {
        self.note(|| format!("somebody resolves {id}"));
        self.counters.resolved_there += 1;
        // A trigger that has arrived and whose end is not told yet will be taken for what is shown.
        self.unheard.insert(key.to_owned());
        self.disturbed.insert(id.to_owned());
        self.pagerduty.remove(key);
        let log = self.post.resolved_there("pd", id, "ann", self.now());
        self.log.extend(log);
        self.change(id, |it| it.held = Some(Held::Resolved { who: "ann".to_owned(), until: None }));
    }

    /// PagerDuty resolves it by itself, and it is known what stands there.
    fn time_out(&mut self, key: &str, id: &str) {
        let flying = self.sent.iter().any(|it| it.attempt.key == key && it.attempt.notifier == "pd");
        if flying || !self.shows(key, id) {
            return;
        }
        self.note(|| format!("timed out {id}"));
        self.counters.timed_out += 1;
        self.disturbed.insert(id.to_owned());
        self.pagerduty.remove(key);
        let log = self.post.timed_out("pd", id, self.now());
        self.log.extend(log);
        // If that were lost, the next comparison would find it again.
        self.keep();
    }

    fn reconcile(&mut self) {
        let now = self.now();
        let open = self.pagerduty.iter().map(|(key, (id, acknowledged))| RemoteIncident {
            id: format!("P-{id}"),
            key: key.clone(),
            status: if *acknowledged { RemoteStatus::Acknowledged } else { RemoteStatus::Triggered },
            created: now,
            resolved: None,
            by: None,
            url: None,
        });
        let open: Vec<_> = open.collect();
        self.note(|| format!("reconcile {:?}", open.iter().map(|it| &it.id).collect::<Vec<_>>()));
        let before = self.post.lines().filter(|it| it.there.is_some()).count();
        let findings = self.post.reconcile("pd", &open, now, now);
        self.counters.ghosts += (self.post.lines().filter(|it| it.there.is_some()).count() - before) as u64;
        self.log.extend(self.post.log());
        for finding in findings {
            match finding {
                Finding::Gone { incident, .. } => {
                    self.counters.gone += 1;
                    let log = self.post.swallowed("pd", &incident, "nobody on call", now);
                    self.log.extend(log);
                }
                Finding::Acknowledged { incident, .. } => {
                    let by = "bob".to_owned();
                    self.change(&incident, |it| it.acknowledged = Some(Acknowledged { at: now, by }));
                }
            }
        }
    }

    /// No faults from now on.
    fn settle(&mut self) {
        self.note(|| "no faults from now on".to_owned());
        let open: Vec<_> =
            self.incidents.values().filter(|it| it.closed.is_none()).map(|it| it.id.clone()).collect();
        for id in open {
            // The next round: what was refused, swallowed or resolved there is told again.
            self.release(&id);
            self.change(&id, |it| it.rounds += 1);
        }
        self.rest();
    }

    /// Until nothing is left to do.
    fn rest(&mut self) {
        for _ in 0..500 {
            while !self.sent.is_empty() {
                self.end(0);
            }
            self.due(false);
            if self.sent.is_empty() {
                let now = self.now();
                let Some(wake) = self.post.wake(now) else { break };
                self.pass(milliseconds(wake, now));
            }
        }
        self.keep();
    }

    fn check(&mut self) {
        (self.counters.told_at_the_end, self.counters.not_told, self.counters.escalated) = (0, 0, 0);
        let now = self.now();
        assert_eq!(self.post.wake(now), None, "it comes to rest");
        assert_eq!(self.post.undelivered(now), None);
        let wanted: BTreeMap<_, _> = self
            .incidents
            .values()
            .filter(|it| it.closed.is_none())
            .map(|it| (it.key.clone(), it.acknowledged.is_some()))
            .collect();
        let open: BTreeMap<_, _> =
            self.pagerduty.iter().map(|(key, (_, acknowledged))| (key.clone(), *acknowledged)).collect();
        assert_eq!(
            open.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "what is open there is what is wanted"
        );
        for (key, acknowledged) in &wanted {
            assert!(
                !acknowledged || open[key] || self.unheard.contains(key),
                "{key} is acknowledged there as well"
            );
        }
        self.counters.told_at_the_end += open.len() as u64;
        for it in self.incidents.values() {
            let made = self.made.get(&it.id).copied().unwrap_or_default();
            if !self.disturbed.contains(&it.id) {
                assert!(made <= 1, "{} is one incident there, and not {made}", it.id);
                let merged =
                    self.pagerduty.get(&it.key).is_some_and(|there| self.disturbed.contains(&there.0));
                assert!(it.closed.is_some() || made == 1 || merged, "{} is shown", it.id);
            }
        }
        for ((notifier, id), it) in self.told.iter().map(|it| (it, &self.incidents[&it.1])) {
            let resolved = self.resolved.contains(&(notifier.clone(), id.clone()));
            let there = notifier == "pd" && self.disturbed.contains(id);
            assert!(it.closed.is_none() || resolved || there, "{notifier} is told that {id} is over");
        }
        let mut escalated = BTreeSet::new();
        for entry in &self.log {
            match &entry.what {
                Happened::NotTold { notifier, .. } => {
                    self.counters.not_told += 1;
                    let told = self.told.contains(&(notifier.clone(), entry.incident.clone()));
                    assert!(!told, "{notifier} was told of {}", entry.incident);
                }
                Happened::Escalated { .. } => {
                    self.counters.escalated += 1;
                    escalated.insert(entry.incident.clone());
                }
                _ => (),
            }
        }
        let mail = self.told.iter().filter(|it| it.0 == "mail");
        assert!(
            mail.into_iter().all(|it| escalated.contains(&it.1)),
            "the second is told only after an escalation"
        );
        for ((notifier, id, round), count) in self.may_be_told.iter().filter(|it| it.0.0 != "pd") {
            assert!(*count <= 3, "{notifier} may have told {id} round {round} {count} times");
        }
        for (notifier, times) in &self.times {
            let mut first = 0;
            for (last, time) in times.iter().enumerate() {
                while times[first] < time - 60_000 {
                    first += 1;
                }
                let gifts = self.gifts.iter().filter(|it| it.0 >= times[first] && it.0 <= *time);
                let most = (BURST + PER_MINUTE + gifts.map(|it| it.1).sum::<u32>()) as usize;
                assert!(last - first < most, "{notifier}: more than {most} in a minute");
            }
        }
        assert!(self.post.lines().all(|it| it.wanted.is_some()), "what is over is forgotten");
        let kept: Vec<_> = self.disk.keys().map(|it| (&it.key, &it.notifier)).collect();
        let mut lines: Vec<_> = self.post.lines().map(|it| (&it.key, &it.notifier)).collect();
        lines.sort();
        assert_eq!(kept, lines, "what is kept is what there is");
    }

    fn play(&mut self) {
        for _ in 0..STEPS {
            self.step();
        }
        self.settle();
        if !self.haunted {
            self.check();
        }
        self.pass(61_000);
        let gone = self.counters.gone;
        self.reconcile();
        assert_eq!(self.counters.gone, gone, "what was taken is shown");
        self.rest();
        self.check();
    }
}

/// As it comes back from where it is kept.
fn copy(line: &Line) -> Line {
    let text = serde_json::to_string(line).expect("a line is JSON");
    serde_json::from_str(&text).expect("a line")
}

/// So that it is past that time.
fn milliseconds(until: Timestamp, now: Timestamp) -> i64 {
    i64::try_from(until.duration_since(now).as_millis()).expect("no ages") + 1
}

/// Plays histories; the first one that ends badly, if any.
fn play(seeds: std::ops::Range<u64>) -> Result<Counters, u64> {
    let mut all = Counters::default();
    for seed in seeds {
        let mut world = World::new(seed);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.play())).map_err(|_| seed)?;
        all.add(&world.counters);
    }
    Ok(all)
}

macro_rules! add {
    ($($field:ident)*) => {
        impl Counters {
            fn add(&mut self, more: &Self) {
                $(self.$field += more.$field;)*
            }

            /// What never happened.
            fn idle(&self) -> Vec<&'static str> {
                [$((stringify!($field), self.$field)),*].into_iter().filter(|it| it.1 == 0).map(|it| it.0).collect()
            }
        }
    };
}

add! {
    attempts ingested opened refused not_taken unknown delayed swallowed killed_in_flight restarts jumps not_told
    escalated resolved_there timed_out gone ghosts while_away told_at_the_end
}

#[test]
fn whatever_happens_what_is_shown_becomes_what_is_wanted() {
    let threads: Vec<_> = [0..HISTORIES / 2, HISTORIES / 2..HISTORIES]
        .into_iter()
        .map(|seeds| std::thread::spawn(move || play(seeds)))
        .collect();
    let mut all = Counters::default();
    for thread in threads {
        match thread.join().unwrap() {
            Ok(counters) => all.add(&counters),
            Err(seed) => {
                eprintln!("history {seed}");
                World { tells: true, ..World::new(seed) }.play();
            }
        }
    }
    println!("{HISTORIES} histories: {all:#?}");
    assert!(all.idle().is_empty(), "never happened: {:?}", all.idle());
}
