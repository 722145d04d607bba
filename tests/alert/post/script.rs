//! A language for tables: each row is `event | what is begun after it | what is logged`.

use std::{collections::BTreeMap, time::Duration};

use coalmine::{
    Severity,
    alert::{
        Acknowledged, Closed, Ending, Held, Incident, Kind, SilenceKind,
        log::{Happened, LogEntry},
        notifier::{Manner, Outcome, RemoteIncident, RemoteStatus},
        post::{Attempt, Finding, Line, LineId, Post, Route},
    },
};
use jiff::{SignedDuration, Timestamp};

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn start() -> Timestamp {
    time("2026-01-01T00:00:00Z")
}

/// `pd` absorbs and acknowledges, `am` absorbs and forgets, others do neither.
pub(super) fn route(name: &str) -> Route {
    let manner = Manner {
        name: name.to_owned(),
        absorbs: name == "pd" || name == "am",
        acknowledges: name == "pd",
        refresh: (name == "am").then(|| Duration::from_secs(60)),
        burst: 20,
        per_minute: 60,
    };
    Route { manner, on_call: true, owners: false }
}

/// `x1` is an incident under the key `x`.
pub(super) fn incident(id: &str, now: Timestamp) -> Incident {
    Incident {
        id: id.to_owned(),
        key: id.chars().take_while(|it| !it.is_ascii_digit()).collect(),
        kind: Kind::Step,
        canary: "front".to_owned(),
        roots: Vec::new(),
        severity: Severity::Critical,
        since: now,
        opened: now,
        run: None,
        last_green: None,
        acknowledged: None,
        rounds: 1,
        remind_at: None,
        held: None,
        closed: None,
    }
}

pub(super) fn closed(now: Timestamp) -> Option<Closed> {
    Some(Closed { at: now, why: Ending::Green, run: None })
}

pub(super) fn outcome(word: &str) -> Option<Outcome> {
    let why = || "because".to_owned();
    Some(match word {
        "accepted" => Outcome::Accepted { answer: "202".to_owned() },
        "refused" => Outcome::Refused { answer: "400".to_owned() },
        "away" => Outcome::NotTaken { why: why(), retry_after: None },
        "maybe" => Outcome::Unknown { why: why() },
        _ => {
            let seconds = word.strip_prefix("later:")?.parse().expect("seconds");
            Outcome::NotTaken { why: why(), retry_after: Some(Duration::from_secs(seconds)) }
        }
    })
}

/// A post, with all that its owner has to hold.
pub(super) struct Desk {
    pub(super) post: Post,
    pub(super) now: Timestamp,
    pub(super) incidents: BTreeMap<String, Incident>,
    pub(super) flying: Vec<Attempt>,
    pub(super) rows: BTreeMap<LineId, String>,
    pub(super) log: Vec<LogEntry>,
    routes: Vec<Route>,
    second: Option<String>,
}

impl Desk {
    pub(super) fn new(routes: &[Route], second: Option<&str>) -> Self {
        let (routes, second) = (routes.to_vec(), second.map(str::to_owned));
        Self {
            post: Post::new(routes.clone(), second.clone()),
            now: start(),
            incidents: BTreeMap::new(),
            flying: Vec::new(),
            rows: BTreeMap::new(),
            log: Vec::new(),
            routes,
            second,
        }
    }

    /// What is begun now.
    pub(super) fn due(&mut self) -> Vec<Attempt> {
        let begun = self.post.due(self.now);
        self.keep();
        self.flying.extend(begun.iter().cloned());
        let wake = self.post.wake(self.now);
        assert!(wake.is_none_or(|it| it > self.now), "all is done, and it wakes at once");
        begun
    }

    pub(super) fn keep(&mut self) {
        for (id, line) in self.post.dirty() {
            match line {
                Some(line) => self.rows.insert(id, serde_json::to_string(&line).expect("a line is JSON")),
                None => Some(self.rows.remove(&id).expect("only what was kept is removed")),
            };
        }
    }

    pub(super) fn want(&mut self, id: &str) {
        let log = self.post.want(&self.incidents[id], self.now);
        self.log.extend(log);
    }

    /// Ends what is in flight, all of it or that of one notifier.
    pub(super) fn end(&mut self, notifier: Option<&str>, outcome: &Outcome) {
        let (ended, flying) =
            self.flying.drain(..).partition(|it| notifier.is_none_or(|name| it.notifier == name));
        self.flying = flying;
        let ended: Vec<Attempt> = ended;
        assert!(!ended.is_empty(), "nothing is in flight");
        for attempt in ended {
            self.log.extend(self.post.ended(&attempt, outcome, Duration::from_millis(5), self.now));
        }
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn restart(&mut self) {
        let lines: Vec<Line> =
            self.rows.values().map(|it| serde_json::from_str(it).expect("a line")).collect();
        let open: Vec<_> = self.incidents.values().filter(|it| it.closed.is_none()).cloned().collect();
        let (routes, second) = (self.routes.clone(), self.second.clone());
        self.post = Post::restored(routes, second, lines, &open, self.now);
        self.flying.clear();
    }

    pub(super) fn act(&mut self, event: &str) {
        let words: Vec<&str> = event.split_whitespace().collect();
        if let Some(outcome) = outcome(words[0]) {
            return self.end(words.get(1).copied(), &outcome);
        }
        let until = self.now;
        let silence = Held::Silence {
            silence: "s-1".to_owned(),
            kind: SilenceKind::Mute,
            reason: "noise".to_owned(),
            until,
        };
        let change: &dyn Fn(&mut Incident, Timestamp) = match words[0] {
            "open" => {
                let mut new = incident(words[1], self.now);
                for word in &words[2..] {
                    match *word {
                        "warning" => new.severity = Severity::Warning,
                        "owners" => new.kind = Kind::Missed,
                        "held" => (new.held, new.rounds) = (Some(silence.clone()), 0),
                        _ => panic!("{event}"),
                    }
                }
                self.incidents.insert(new.id.clone(), new);
                &|_, _| ()
            }
            "close" => &|it, now| it.closed = closed(now),
            "ack" => &|it, at| it.acknowledged = Some(Acknowledged { at, by: "ann".to_owned() }),
            "remind" => &|it, _| it.rounds += 1,
            "hold" => &|it, _| it.held = Some(silence.clone()),
            "pause" => &|it, _| it.held = Some(Held::Paused),
            "human" => &|it, _| it.held = Some(Held::Resolved { who: "ann".to_owned(), until: None }),
            "release" => &|it, _| (it.held, it.rounds) = (None, it.rounds.max(1)),
            _ => return self.other(event, &words),
        };
        change(self.incidents.get_mut(words[1]).expect(event), self.now);
        self.want(words[1]);
    }

    fn other(&mut self, event: &str, words: &[&str]) {
        match words {
            ["restart"] => self.restart(),
            ["sweep", keys @ ..] => self.post.sweep(keys.iter().copied(), self.now),
            ["resolved", notifier, id] => {
                self.log.extend(self.post.resolved_there(notifier, id, "ann", self.now));
            }
            ["swallowed", notifier, id] => {
                self.log.extend(self.post.swallowed(notifier, id, "nobody on call", self.now));
            }
            ["timed_out", notifier, id] => self.log.extend(self.post.timed_out(notifier, id, self.now)),
            ["routes", names @ ..] => self.routes = names.iter().map(|it| route(it)).collect(),
            _ => {
                let seconds = event.strip_prefix('+').or_else(|| event.starts_with('-').then_some(event));
                self.pass(seconds.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{event}")));
            }
        }
    }

    /// `list pd x y*`: what its service shows, with a star what is acknowledged there.
    pub(super) fn list(&mut self, notifier: &str, keys: &[&str]) -> Vec<Finding> {
        let remote = |key: &&str| RemoteIncident {
            id: format!("P-{key}"),
            key: key.trim_end_matches('*').to_owned(),
            status: if key.ends_with('*') { RemoteStatus::Acknowledged } else { RemoteStatus::Triggered },
            created: self.now,
            resolved: None,
            by: key.ends_with('*').then(|| "bob".to_owned()),
            url: None,
        };
        let open: Vec<_> = keys.iter().map(remote).collect();
        let findings = self.post.reconcile(notifier, &open, self.now, self.now);
        self.log.extend(self.post.log());
        findings
    }

    /// Acts, row by row, and compares.
    pub(super) fn play(&mut self, script: &str) {
        for row in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
            let mut cells = row.split('|').map(str::trim);
            let event = cells.next().unwrap_or_default();
            let (begun, logged) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            let mut told = Vec::new();
            match event.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["list", notifier, keys @ ..] => {
                    told.extend(self.list(notifier, keys).into_iter().map(|it| match it {
                        Finding::Gone { incident, .. } => format!("gone {incident}"),
                        Finding::Acknowledged { incident, by, .. } => {
                            format!("ack {incident} by {}", by.unwrap_or_default())
                        }
                    }));
                }
                _ => self.act(event),
            }
            let found: Vec<String> = self.due().iter().map(attempt).collect();
            self.log.extend(self.post.log());
            assert_eq!(found.join(", "), begun, "begun after `{row}` of {script}");
            told.extend(self.log.drain(..).filter_map(|it| entry(&it)));
            assert_eq!(told.join(", "), logged, "logged after `{row}` of {script}");
        }
    }
}

pub(super) fn attempt(it: &Attempt) -> String {
    let id = it.incident.as_deref().unwrap_or(&it.key);
    let mut text = format!("{} {} {id}", it.notifier, it.action.as_str());
    if it.round > 1 {
        text += &format!(" r{}", it.round);
    }
    for (word, is_so) in [("minimal", it.minimal), ("instead", it.instead.is_some())] {
        if is_so {
            text += &format!(" {word}");
        }
    }
    text
}

/// Attempts are told by rows.
pub(super) fn entry(it: &LogEntry) -> Option<String> {
    let id = &it.incident;
    Some(match &it.what {
        Happened::NotTold { notifier, .. } => format!("not told {id} {notifier}"),
        Happened::Escalated { from, to, .. } => {
            format!("escalated {id} {from}>{}", to.as_deref().unwrap_or("nobody"))
        }
        Happened::Swallowed { notifier, .. } => format!("swallowed {id} {notifier}"),
        Happened::ResolvedByHuman { notifier, .. } => format!("resolved {id} {notifier}"),
        Happened::Confirmed { notifier, .. } => format!("confirmed {id} {notifier}"),
        _ => return None,
    })
}
