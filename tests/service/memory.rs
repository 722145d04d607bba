//! A store that forgets everything with the test, and breaks when it is told to.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use coalmine::store::{
    AlertRows, Day, Document, Filter, Finished, IncidentFilter, IncidentRow, Kept, Outcomes, Page, Schedule,
    StepPoint, StepStatistics, Store, StoreError, Summary, Swept, Task, Totals,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

#[derive(Default)]
pub(crate) struct Memory {
    runs: Mutex<Vec<Summary>>,
    schedule: Mutex<BTreeMap<String, Schedule>>,
    alerts: Mutex<AlertRows>,
    broken: AtomicBool,
    panicking: AtomicBool,
    /// How many times a run was to be added.
    pub(crate) tries: AtomicUsize,
    /// Where adding waits, if it is to.
    held: Mutex<Option<Arc<Semaphore>>>,
}

impl Memory {
    pub(crate) fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// From now on, whoever writes to it panics.
    pub(crate) fn set_panicking(&self) {
        self.panicking.store(true, Ordering::SeqCst);
    }

    /// From now on, each run waits for a permit.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.held.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<Summary> {
        self.runs.lock().unwrap().clone()
    }

    pub(crate) fn entry(&self, canary: &str) -> Option<Schedule> {
        self.schedule.lock().unwrap().get(canary).cloned()
    }

    fn works(&self) -> Result<(), StoreError> {
        assert!(!self.panicking.load(Ordering::SeqCst), "a store with a mistake");
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Broken {
                what: "write",
                why: "the disk is full".into(),
                remedy: "make room",
            });
        }
        Ok(())
    }
}

fn not_needed<'a, T: Send + 'a>() -> Task<'a, T> {
    Box::pin(async { panic!("no test needs this") })
}

impl Store for Memory {
    fn commit<'a>(&'a self, run: Option<&'a Finished>, alerts: &'a AlertRows) -> Task<'a, ()> {
        Box::pin(async move {
            let Some(run) = run else {
                self.works()?;
                self.alerts.lock().unwrap().merge(alerts.clone());
                return Ok(());
            };
            self.tries.fetch_add(1, Ordering::SeqCst);
            let held = self.held.lock().unwrap().clone();
            if let Some(gate) = held {
                gate.acquire().await.unwrap().forget();
            }
            self.works()?;
            self.runs.lock().unwrap().push(Summary::of(run));
            self.alerts.lock().unwrap().merge(alerts.clone());
            Ok(())
        })
    }

    fn documents(&self) -> Task<'_, Vec<Document>> {
        Box::pin(async {
            let documents = self.alerts.lock().unwrap().documents.clone();
            Ok(documents.into_iter().filter(|it| it.body.is_some()).collect())
        })
    }

    fn incidents<'a>(&'a self, filter: &'a IncidentFilter) -> Task<'a, Vec<IncidentRow>> {
        Box::pin(async {
            let mut incidents = self.alerts.lock().unwrap().incidents.clone();
            incidents.retain(|it| filter.open.is_none_or(|open| open == it.closed.is_none()));
            Ok(incidents)
        })
    }

    fn incident<'a>(&'a self, id: &'a str) -> Task<'a, Option<(IncidentRow, Vec<String>)>> {
        Box::pin(async move {
            let alerts = self.alerts.lock().unwrap();
            let Some(found) = alerts.incidents.iter().find(|it| it.id == id) else { return Ok(None) };
            let log = alerts.log.iter().filter(|it| it.incident == id).map(|it| it.body.clone());
            Ok(Some((found.clone(), log.collect())))
        })
    }

    fn runs<'a>(&'a self, filter: &'a Filter) -> Task<'a, Page<Summary>> {
        Box::pin(async move {
            let runs = self.runs.lock().unwrap();
            let wanted =
                runs.iter().rev().filter(|it| filter.canary.as_ref().is_none_or(|of| *of == it.canary));
            Ok(Page { items: wanted.take(filter.limit).cloned().collect(), next: None })
        })
    }

    fn run<'a>(&'a self, _: &'a str) -> Task<'a, Option<Kept>> {
        not_needed()
    }

    fn last_passed<'a>(&'a self, _: &'a str, _: Timestamp) -> Task<'a, Option<Kept>> {
        not_needed()
    }

    fn steps<'a>(&'a self, _: &'a str, _: Timestamp) -> Task<'a, Vec<StepStatistics>> {
        not_needed()
    }

    fn step<'a>(&'a self, _: &'a str, _: &'a str, _: usize) -> Task<'a, Vec<StepPoint>> {
        not_needed()
    }

    fn days<'a>(&'a self, _: Timestamp) -> Task<'a, Vec<Day>> {
        not_needed()
    }

    fn outcomes<'a>(
        &'a self,
        _: &'a str,
        _: Timestamp,
        _: Timestamp,
        _: SignedDuration,
    ) -> Task<'a, Vec<(Timestamp, Outcomes)>> {
        not_needed()
    }

    fn totals(&self) -> Task<'_, Vec<Totals>> {
        Box::pin(async move {
            self.works()?;
            Ok(Vec::new())
        })
    }

    fn schedule(&self) -> Task<'_, Vec<Schedule>> {
        Box::pin(async move { Ok(self.schedule.lock().unwrap().values().cloned().collect()) })
    }

    fn put_schedule<'a>(&'a self, entry: &'a Schedule) -> Task<'a, ()> {
        Box::pin(async move {
            self.works()?;
            self.schedule.lock().unwrap().insert(entry.canary.clone(), entry.clone());
            Ok(())
        })
    }

    fn sweep(&self, _: Timestamp) -> Task<'_, Swept> {
        Box::pin(async { Ok(Swept::default()) })
    }

    fn backup<'a>(&'a self, _: &'a Path) -> Task<'a, ()> {
        not_needed()
    }

    fn size(&self) -> Task<'_, u64> {
        not_needed()
    }
}
