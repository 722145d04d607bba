//! Compares what the service says with what PagerDuty shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use coalmine::{
    Clock,
    alert::{
        Incident,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
    },
    store::{IncidentFilter, SqliteStore, Store},
};
use jiff::Timestamp;
use sandbox::pagerduty::{CATALOGUE, Incident as Theirs, PagerDutyService};
use tokio::runtime::Runtime;

use super::Heard;

/// An incident, as the service has told of it: when that was heard.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    key: String,
    opened: Timestamp,
    closed: Option<Timestamp>,
}

/// Takes a line of the service in. The machine's clock is the one that never jumps here.
pub(super) fn hear(heard: &Heard, line: &str) {
    let mut words = line.split(' ');
    let (Some(what), Some(id), Some(key)) = (words.next(), words.next(), words.next()) else {
        // The kill has cut it.
        return;
    };
    let now = Clock::system().now();
    let mut heard = heard.lock().unwrap();
    let seen = heard.entry(id.to_owned());
    let seen = seen.or_insert_with(|| Seen { key: key.to_owned(), opened: now, closed: None });
    seen.closed = (what == "close").then_some(now);
}

pub(super) struct Judge<'f> {
    folder: &'f Path,
    pagerduty: PagerDutyService,
    runtime: Runtime,
    heard: Heard,
}

impl<'f> Judge<'f> {
    pub(super) fn new(folder: &'f Path, pagerduty: PagerDutyService) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { folder, pagerduty, runtime, heard: Arc::default() }
    }

    pub(super) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// How many there were, as far as the service could tell before it was killed.
    pub(super) fn incidents(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Everything that the service has kept.
    fn kept(&self) -> Vec<(Incident, Vec<LogEntry>)> {
        self.runtime.block_on(async {
            let store = SqliteStore::open_to_read(self.folder.join("runs.db")).await.unwrap();
            let filter = IncidentFilter { limit: usize::MAX, ..IncidentFilter::default() };
            let mut all = Vec::new();
            for row in store.incidents(&filter).await.unwrap() {
                let (row, log) = store.incident(&row.id).await.unwrap().unwrap();
                let log = log.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
                all.push((serde_json::from_str(&row.body).unwrap(), log));
            }
            store.close().await;
            all
        })
    }

    fn open(&self) -> BTreeSet<String> {
        self.runtime.block_on(async {
            let store = SqliteStore::open_to_read(self.folder.join("runs.db")).await.unwrap();
            let filter = IncidentFilter { open: Some(true), limit: usize::MAX, ..IncidentFilter::default() };
            let open = store.incidents(&filter).await.unwrap();
            store.close().await;
            open.into_iter().map(|it| it.key).collect()
        })
    }

    /// PagerDuty's open set becomes ours, for every key.
    pub(super) fn compare(&self, limit: Duration, when: &str) {
        let begun = Instant::now();
        loop {
            let (ours, theirs) = (self.open(), self.pagerduty.open());
            if ours == theirs && (when != "when all are green" || ours.is_empty()) {
                println!("{when}: {} open, at both, after {:.1?}", ours.len(), begun.elapsed());
                return;
            }
            let only =
                |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
            assert!(
                begun.elapsed() < limit,
                "{when}: only ours {:?}, only PagerDuty's {:?}",
                only(&ours, &theirs),
                only(&theirs, &ours)
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Each incident that has been open for so long, while PagerDuty answered, is exactly one there; every other one has
    /// at most one, or says in its history why it has none.
    pub(super) fn told_once(&self, quiet: Duration) {
        let now = Clock::system().now();
        let mut lasting = 0;
        for (incident, _) in self.kept().iter().filter(|(it, _)| it.closed.is_none()) {
            let opened = self.heard.lock().unwrap().get(&incident.id).map(|it| it.opened);
            let Some(opened) = opened else { continue };
            let lasted = Duration::try_from(now.duration_since(opened)).unwrap_or_default();
            if lasted < Duration::from_secs(60) {
                continue;
            }
            lasting += 1;
            let theirs = self.pagerduty.incidents_of(&incident.key);
            let (told, open) = (theirs.iter().filter(|it| names(it, &incident.id)).count(), open_of(&theirs));
            // The shortest form of a page, which is sent where the whole one is refused, does not name the incident.
            let once = told == 1 || (told == 0 && open == 1);
            assert!(once && open == 1, "{} {} opened {opened}: {theirs:#?}", incident.id, incident.key);
        }
        println!(
            "{lasting} incidents have lasted for more than 60 s and are one each there ({quiet:?} of quiet)"
        );
        assert!(lasting >= 20, "{lasting} incidents have lasted");
    }

    /// The whole story in figures; no incident without a word of what became of it.
    pub(super) fn sum_up(&self, took: Duration, kills: usize, jumps: usize) {
        let kept = self.kept();
        let (mut told, mut untold) = (0, 0);
        let all = self.pagerduty.incidents();
        for (incident, log) in &kept {
            let theirs = all.iter().filter(|it| it.key == incident.key && names(it, &incident.id));
            let twice: Vec<_> = theirs.collect();
            assert!(twice.len() <= 1, "{} has been told twice: {twice:#?}, {log:#?}", incident.id);
            let sent = |it: &LogEntry| {
                let Happened::Sent { action, outcome, .. } = &it.what else { return false };
                *action == Action::Trigger && matches!(outcome, OutcomeWord::Accepted | OutcomeWord::Unknown)
            };
            if log.iter().any(sent) {
                told += 1;
                continue;
            }
            untold += 1;
            let says_why = log.iter().any(|it| {
                matches!(
                    it.what,
                    Happened::NotTold { .. } | Happened::Swallowed { .. } | Happened::Escalated { .. }
                )
            });
            assert!(says_why, "nobody knows what became of {}: {log:#?}", incident.id);
        }
        println!(
            "{} incidents in {took:.0?}, {told} told, {untold} over before anybody could be; {kills} kills, {jumps} \
             jumps of the clock, {} faults of PagerDuty; {:?}",
            kept.len(),
            CATALOGUE.len(),
            self.pagerduty.events(),
        );
        println!("{}", self.delays());
    }

    /// How long it took from the opening of an incident to its page, by the machine's clock.
    fn delays(&self) -> String {
        let heard = self.heard.lock().unwrap();
        let mut first: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        heard.values().for_each(|it| first.entry(&it.key).or_default().push(it));
        let mut delays: Vec<f64> = Vec::new();
        for theirs in self.pagerduty.incidents() {
            // The newest of ours that had opened by then.
            let ours = first.get(theirs.key.as_str()).into_iter().flatten();
            let ours = ours.filter(|it| it.opened <= theirs.created_at).max_by_key(|it| it.opened);
            if let Some(ours) = ours.filter(|it| it.closed.is_none_or(|at| at >= theirs.created_at)) {
                delays.push(theirs.created_at.duration_since(ours.opened).as_secs_f64());
            }
        }
        delays.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let place = ((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1));
            delays.get(place).copied().unwrap_or_default()
        };
        format!(
            "from the opening to the incident at PagerDuty, faults and kills included: n = {}, median {:.3} s, p99 \
             {:.1} s, longest {:.1} s",
            delays.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        )
    }
}

/// Whether one of its pages has named our incident.
fn names(theirs: &Theirs, id: &str) -> bool {
    let link = format!("/incidents/{id}\"");
    theirs.log.iter().any(|it| it.body.as_deref().is_some_and(|it| it.contains(&link)))
}

fn open_of(theirs: &[Theirs]) -> usize {
    theirs.iter().filter(|it| it.resolved_at.is_none()).count()
}
