//! One canary, `front` with the steps a to e, its runs, and people; told by words.
//!
//! | word | meaning |
//! |---|---|
//! | `p` `f` `i` `x` `s` | a run: all passed; `a` failed; all inconclusive; somebody stopped it; all skipped |
//! | `ab>c?d-e` | a run in which a and b failed, c was blocked, d inconclusive, e skipped, and the rest passed |
//! | `Qf` `Rf` | the same, because somebody asked, or as a second look; else on schedule |
//! | `f!` `f~` | the same with something left over; with only some steps asked for |
//! | `again` | the last run is observed once more |
//! | `+5m` `-1h` | the clock moves, from the start of the last run or from where it was last moved to |
//! | `mute:a:1h` `win:*:1h:10m` | a silence of a step, of `front` or of all, from now or in ten minutes, for an hour |
//! | `lift` | the last silence is lifted |
//! | `ack:a` `unack:a` `human:a` | somebody takes the incident, gives it back, resolves it where it was told |
//! | `pause` `resume` `miss` | the canary |
//! | `gone:ab` `gone:*` | steps, or the canary, are no longer in the suite |
//!
//! Runs begin every five minutes and take ten seconds, unless the row says otherwise.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use std::{collections::BTreeMap, time::Duration};

use coalmine::{
    AlertPolicy,
    alert::{
        Ending, Held, Incident, RunFacts, Scope, Silence, SilenceKind,
        log::{Happened, LogEntry},
        rules::{self, CanaryState, Effects, Watched},
    },
};
use jiff::Timestamp;

use super::runs::{STEPS, facts};

pub(super) const PREFIX: &str = "shop/home/front";

/// The canary, all that is known of it, and what was said so far.
pub(super) struct World {
    pub(super) watched: Watched,
    pub(super) state: CanaryState,
    pub(super) silences: Vec<Silence>,
    /// Everything that has closed, in the order in which it did.
    pub(super) closed: Vec<Incident>,
    pub(super) log: Vec<LogEntry>,
    /// Seconds since the start of the world.
    pub(super) now: i64,
    /// The start of the last run, or where the clock was moved to since.
    cursor: Option<i64>,
    moved: bool,
    pub(super) runs: usize,
    pub(super) last: Option<RunFacts>,
    lasts: i64,
    ids: usize,
    /// What incidents are called in rows, by id.
    names: BTreeMap<String, String>,
    lines: Vec<String>,
}

pub(super) fn at(seconds: i64) -> Timestamp {
    // The first second of 2026.
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

/// `90s`, `5m`, `1h`.
fn seconds(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => panic!("no unit of time: {other}"),
    };
    number.parse::<i64>().unwrap() * unit
}

fn duration(text: &str) -> Option<Duration> {
    (text != "never").then(|| Duration::from_secs(seconds(text).unsigned_abs()))
}

impl World {
    /// `2/3/2` is the policy; the rest is `every=5m lasts=10s recheck=30s remind=4h inconclusive=30m roots=3`.
    pub(super) fn new(with: &str) -> Self {
        let mut watched = Watched {
            canary: "front".into(),
            prefix: PREFIX.into(),
            steps: STEPS.chars().map(String::from).collect(),
            policy: AlertPolicy::default(),
            interval: Some(Duration::from_secs(300)),
            recheck: Duration::from_secs(30),
            paused: false,
        };
        let mut lasts = 10;
        for option in with.split_whitespace() {
            let policy = &mut watched.policy;
            match option.split_once('=') {
                Some(("every", it)) => watched.interval = duration(it),
                Some(("lasts", it)) => lasts = seconds(it),
                Some(("recheck", it)) => watched.recheck = duration(it).unwrap(),
                Some(("remind", it)) => policy.remind = duration(it),
                Some(("inconclusive", it)) => policy.inconclusive = duration(it),
                Some(("roots", it)) => policy.roots = it.parse().unwrap(),
                Some(other) => panic!("no such option: {other:?}"),
                None => {
                    let numbers: Vec<u32> = option.split('/').map(|it| it.parse().unwrap()).collect();
                    [policy.fail, policy.of, policy.pass] = numbers.try_into().unwrap();
                }
            }
        }
        Self {
            watched,
            state: CanaryState::default(),
            silences: Vec::new(),
            closed: Vec::new(),
            log: Vec::new(),
            now: 0,
            cursor: None,
            moved: false,
            runs: 0,
            last: None,
            lasts,
            ids: 0,
            names: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Goes through what one word says.
    pub(super) fn word(&mut self, word: &str) {
        let parts: Vec<&str> = word.split(':').collect();
        match parts[..] {
            ["pause"] => self.pause(true),
            ["resume"] => self.pause(false),
            ["lift"] => {
                self.silences.pop();
                self.tick();
            }
            ["mute", scope, length] => self.silence(SilenceKind::Mute, scope, length, "0s"),
            ["win", scope, length] => self.silence(SilenceKind::Maintenance, scope, length, "0s"),
            ["win", scope, length, delay] => self.silence(SilenceKind::Maintenance, scope, length, delay),
            ["ack", name] => {
                let id = self.id(name);
                let log = rules::acknowledge(&mut self.state, &id, "ann", at(self.now));
                self.take(None, Effects { log, ..Effects::default() });
            }
            ["unack", name] => {
                let id = self.id(name);
                let log = rules::unacknowledge(&mut self.state, &self.watched, &id, "ann", at(self.now));
                self.take(None, Effects { log, ..Effects::default() });
            }
            ["human", name] => {
                let id = self.id(name);
                let (watched, now) = (&self.watched, at(self.now));
                let log = rules::resolved_by_human(&mut self.state, watched, &id, "pagerduty", "bo", now);
                self.take(None, Effects { log, ..Effects::default() });
            }
            ["gone", "*"] => {
                let effects = rules::removed(&mut self.state, None, at(self.now));
                self.take(None, effects);
            }
            ["gone", steps] => {
                self.watched.steps.retain(|it| !steps.contains(&**it));
                let effects = rules::removed(&mut self.state, Some(&self.watched), at(self.now));
                self.take(None, effects);
            }
            ["miss"] => {
                let (watched, silences, now) = (&self.watched, &self.silences, at(self.now));
                let mut id = counter(&mut self.ids);
                let effects = rules::missed(&mut self.state, watched, silences, now, now, &mut id);
                drop(id);
                self.take(None, effects);
            }
            ["again"] => {
                let Some(facts) = self.last.clone() else { return };
                let before = self.state.clone();
                let effects = self.observe(&facts);
                assert_eq!((effects, &self.state), (Effects::default(), &before), "a run counts once");
            }
            [word] if word.starts_with(['+', '-']) => self.go(seconds(word)),
            [word] => self.run(word),
            _ => panic!("no such word: {word}"),
        }
        self.keep();
    }

    /// The state is what was kept of it, and looks no further than it must.
    fn keep(&mut self) {
        let kept = serde_json::to_string(&self.state).unwrap();
        let read: CanaryState = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, self.state, "kept as {kept}");
        self.state = read;
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.watched.paused = paused;
        self.tick();
    }

    pub(super) fn silence(&mut self, kind: SilenceKind, scope: &str, length: &str, delay: &str) {
        let from = self.now + seconds(delay);
        let scope = match scope {
            "*" | "front" => Scope::parse(scope).unwrap(),
            step => Scope::Step("front".into(), step.into()),
        };
        let id = format!("s{}", self.silences.len() + 1);
        let (from, until) = (at(from), at(from + seconds(length)));
        self.silences.push(Silence { id, kind, scope, from, until, reason: "release".into(), by: None });
        self.tick();
    }

    /// Moves the clock, and does on the way what has its time.
    pub(super) fn go(&mut self, by: i64) {
        let target = self.cursor.unwrap_or(0) + by;
        self.advance(target);
        (self.cursor, self.moved) = (Some(target), true);
    }

    fn advance(&mut self, target: i64) {
        while let Some(next) = rules::wake(&self.state, &self.watched, &self.silences, at(self.now)) {
            if next > at(target) {
                break;
            }
            let next = (next - at(0)).get_seconds();
            assert!(next > self.now, "what has its time now is done already");
            self.now = next;
            let before = self.log.len();
            self.tick();
            let something = self.log.len() > before || !self.silences.is_empty();
            assert!(something, "it wakes for nothing");
        }
        self.now = target;
        self.tick();
    }

    pub(super) fn tick(&mut self) {
        let log = rules::tick(&mut self.state, &self.watched, &self.silences, at(self.now));
        self.take(None, Effects { log, ..Effects::default() });
    }

    fn run(&mut self, word: &str) {
        let every = self.watched.interval.map_or(300, |it| i64::try_from(it.as_secs()).unwrap());
        let start = match self.cursor {
            None => 0,
            Some(cursor) if self.moved => cursor,
            Some(cursor) => cursor + every.max(self.lasts),
        };
        self.advance(start);
        (self.cursor, self.moved) = (Some(start), false);
        self.runs += 1;
        let facts = facts(word, &format!("r{}", self.runs), start, self.lasts);
        self.advance(start + self.lasts);
        self.last = Some(facts.clone());
        let effects = self.observe(&facts);
        self.take(Some(self.runs), effects);
    }

    pub(super) fn observe(&mut self, facts: &RunFacts) -> Effects {
        let ids = &mut counter(&mut self.ids);
        rules::observe(&mut self.state, &self.watched, &self.silences, facts, at(self.now), ids)
    }

    /// Takes note of what was said, in the words of the rows.
    pub(super) fn take(&mut self, run: Option<usize>, Effects { log, closed }: Effects) {
        for incident in self.state.incidents.iter().chain(&closed) {
            let name = match incident.key.strip_prefix(PREFIX).unwrap() {
                "" => "*",
                rest => rest.strip_prefix('/').unwrap(),
            };
            self.names.insert(incident.id.clone(), name.to_owned());
        }
        assert!(self.state.incidents.iter().all(|it| it.closed.is_none()), "what is closed is handed back");
        for LogEntry { incident: id, at: when, what } in &log {
            assert_eq!(*when, at(self.now));
            let name = &self.names[id];
            let (verb, rest) = match what {
                Happened::Opened { .. } => ("open", String::new()),
                Happened::Joined { step } => ("join", format!("+{step}")),
                Happened::Held { .. } => ("hold", String::new()),
                Happened::Released { .. } => ("free", String::new()),
                Happened::Acknowledged { .. } => ("ack", String::new()),
                Happened::Reminded { .. } => ("remind", String::new()),
                Happened::ResolvedByHuman { .. } => ("human", String::new()),
                Happened::Closed { .. } => {
                    let incident = closed.iter().find(|it| it.id == *id).unwrap();
                    let untold = if incident.rounds == 0 { " untold" } else { "" };
                    let ending = incident.closed.as_ref().unwrap();
                    (if ending.why == Ending::Removed { "gone" } else { "close" }, untold.to_owned())
                }
                other => panic!("not for the rules to say: {other:?}"),
            };
            let when = run.map_or_else(|| format!("@{}m", self.now.div_euclid(60)), |it| it.to_string());
            self.lines.push(format!("{when} {verb} {name}{rest}"));
        }
        self.log.extend(log);
        self.closed.extend(closed);
    }

    /// All that was said, and what is open.
    pub(super) fn told(&self) -> String {
        let open: Vec<String> = self
            .state
            .incidents
            .iter()
            .map(|it| {
                let held = match it.held {
                    None => "",
                    Some(Held::Silence { .. }) => "z",
                    Some(Held::Paused) => "P",
                    Some(Held::Resolved { .. }) => "R",
                };
                let acknowledged = if it.acknowledged.is_some() { "k" } else { "" };
                let name = &self.names[&it.id];
                let roots: String = it.roots.iter().map(|it| &*it.step).collect();
                let roots = if name == "*" { format!("({roots})") } else { String::new() };
                format!("{name}{}{held}{acknowledged}{roots}", it.rounds)
            })
            .collect();
        let lines = self.lines.join("; ");
        if open.is_empty() { lines } else { format!("{lines} | {}", open.join(" ")) }
    }

    /// The id of the open incident of that name; of none, one that nobody knows.
    fn id(&self, name: &str) -> String {
        let open = |it: &&Incident| self.names[&it.id] == name;
        self.state.incidents.iter().find(open).map_or_else(|| "i-unknown".into(), |it| it.id.clone())
    }

    /// The one open incident.
    pub(super) fn only(&self) -> &Incident {
        assert_eq!(self.state.incidents.len(), 1, "{:#?}", self.state.incidents);
        &self.state.incidents[0]
    }
}

fn counter(ids: &mut usize) -> impl FnMut() -> String {
    move || {
        *ids += 1;
        format!("i-{ids}")
    }
}
