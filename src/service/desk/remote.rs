//! What notifiers show is compared with what they were told; and the pager is drilled.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio_util::task::AbortOnDropHandle;

use super::Desk;
use crate::{
    alert::{
        notifier::{Notifier, RemoteIncident},
        post::Finding,
    },
    service::{lock, timer},
};

/// How often what notifiers show is compared with what they were told.
const COMPARE: SignedDuration = SignedDuration::from_secs(60);

/// How often, while a drill goes on.
const COMPARE_DRILL: SignedDuration = SignedDuration::from_secs(5);

/// By how much a notifier's clock may differ from ours.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);

/// How long asking may take.
const LIMIT: Duration = Duration::from_secs(30);

impl Desk {
    /// Compares at once, and then again and again.
    pub(super) async fn compare(self: Arc<Self>) {
        let remotes: Vec<_> = self.notifiers.values().filter(|it| it.remote().is_some()).cloned().collect();
        if remotes.is_empty() {
            // Without a look at what is there: resolve what may be.
            self.change_soon(|book, now| book.sweep(now));
            return;
        }
        let mut swept = false;
        while !self.stop.is_cancelled() {
            let asked_at = self.clock.now();
            let mut seen = true;
            for notifier in &remotes {
                seen &= self.compare_one(notifier).await;
            }
            if !swept {
                // Whatever a look has not shown, because it did not come about, is resolved unseen.
                swept = true;
                let unseen = |it: &Arc<dyn Notifier>| it.manner().absorbs && it.remote().is_none();
                if !seen || self.notifiers.values().any(unseen) {
                    self.change_soon(|book, now| book.sweep(now));
                }
            }
            self.pause(asked_at).await;
        }
    }

    /// Until the next comparison is due, or there is to be none.
    async fn pause(&self, asked_at: Timestamp) {
        loop {
            let moved = self.clock.moved();
            let drilled = self.look(|book, _| book.drill().running.is_some());
            let pause = if drilled { COMPARE_DRILL } else { COMPARE };
            let now = self.clock.now();
            // After the clock has gone back, the last one lies ahead.
            let next = asked_at.min(now).saturating_add(pause).unwrap_or(Timestamp::MAX);
            if next <= now {
                return;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = timer::until(&self.clock, moved, Some(next)) => (),
                () = self.drilling.notified() => (),
            }
        }
    }

    /// Whether the notifier could be asked.
    async fn compare_one(&self, notifier: &Arc<dyn Notifier>) -> bool {
        let name = notifier.manner().name.as_str();
        let asked_at = self.clock.now();
        let prefix = self.look(|book, _| book.prefix());
        let open = match open(Arc::clone(notifier), prefix).await {
            Ok(open) => open,
            Err(why) => {
                let why = self.redactor.clean(&why).into_owned();
                let mut blind = lock(&self.blind);
                let known = blind.entry(name.to_owned()).or_insert_with(|| (asked_at, String::new()));
                known.1 = why;
                return false;
            }
        };
        lock(&self.blind).remove(name);
        let findings = self.change_soon(|book, now| book.reconcile(name, &open, asked_at, now));
        for finding in findings {
            match finding {
                Finding::Acknowledged { incident, by, .. } => {
                    self.change_soon(|book, now| {
                        book.acknowledged_there(name, &incident, by.as_deref(), now);
                    });
                }
                Finding::Gone { key, incident } => self.look_into(notifier, key, &incident).await,
            }
        }
        true
    }

    async fn look_into(&self, notifier: &Arc<dyn Notifier>, key: String, incident: &str) {
        let since = self.look(|book, now| book.incident(incident).map_or(now, |it| it.opened));
        let since = since.saturating_sub(CLOCKS).unwrap_or(since);
        if let Ok(known) = of_key(Arc::clone(notifier), key.clone(), since).await {
            let name = notifier.manner().name.as_str();
            self.change_soon(|book, now| book.gone(name, incident, &known, now));
            if known.is_empty() {
                // Whoever reads the service's output hears that its answer has meant nothing.
                self.events.tell(crate::service::Event::Told {
                    incident: Some(incident.to_owned()),
                    key,
                    notifier: name.to_owned(),
                    action: crate::alert::notifier::Action::Trigger,
                    accepted: false,
                    answer: "it took it and does not show it: nobody on call, a maintenance window or a rule there"
                        .to_owned(),
                    took_ms: 0.0,
                });
            }
        }
    }

    /// Drills the pager at its times.
    pub(super) async fn drill(self: Arc<Self>) {
        let Some(rhythm) = self.drills.clone() else {
            self.change_soon(|book, _| book.plan_drill(None));
            return;
        };
        let planned = self.look(|book, _| book.drill().next);
        let mut next = planned.unwrap_or_else(|| rhythm.next(self.clock.now()));
        loop {
            let moved = self.clock.moved();
            let now = self.clock.now();
            // After the clock has gone back, what was planned lies too far ahead.
            next = next.min(rhythm.next(now));
            if next <= now {
                next = rhythm.next(now);
                self.change_soon(|book, now| {
                    book.plan_drill(Some(next));
                    book.begin_drill(now)
                });
                self.drilling.notify_one();
            } else {
                self.change_soon(|book, _| book.plan_drill(Some(next)));
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = timer::until(&self.clock, moved, Some(next)) => (),
            }
        }
    }
}

/// What is open there.
async fn open(notifier: Arc<dyn Notifier>, prefix: String) -> Result<Vec<RemoteIncident>, String> {
    limited(async move {
        match notifier.remote() {
            Some(remote) => remote.open(&prefix).await,
            None => Ok(Vec::new()),
        }
    })
    .await
}

/// What is known there of a key.
async fn of_key(
    notifier: Arc<dyn Notifier>,
    key: String,
    since: Timestamp,
) -> Result<Vec<RemoteIncident>, String> {
    limited(async move {
        match notifier.remote() {
            Some(remote) => remote.of_key(&key, since).await,
            None => Ok(Vec::new()),
        }
    })
    .await
}

/// In a task of its own, for so long: a notifier that panics, or never ends, must not end the comparing.
async fn limited<T: Send + 'static>(
    asking: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, AbortOnDropHandle::new(tokio::spawn(asking))).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err("the notifier panicked".to_owned()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}
