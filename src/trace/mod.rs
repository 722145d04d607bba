//! Traces: finished runs as spans, sent by OTLP over HTTP to where [`OtlpSettings`] say.
//!
//! Records are the only source, and they have been redacted. Sending holds nobody up and fails nothing: runs wait in a
//! queue that has an end, and what cannot be delivered is dropped and counted.
//!
//! Reading order: this file (the queue), `spans` (what a record becomes), `message` (how that is written), `exporter`
//! (how it is sent).

mod exporter;
mod message;
mod spans;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Builder, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::exporter::Exporter;
use crate::{
    clock::Clock,
    config::{ConfigError, OtlpSettings},
    record::RunRecord,
    redact::Redactor,
};

/// How many runs wait for the receiver. Further ones are dropped.
pub const QUEUE: usize = 64;

/// How long the receiver has for what is left when a process ends.
pub(crate) const LAST_MOMENTS: Duration = Duration::from_secs(3);

/// Sends the traces of runs. Clones send to the same receiver.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use coalmine::{Redactor, RunRecord, config::{ConfigError, Environment, OwnSettings, Settings}, trace::Traces};
/// # async fn example(record: RunRecord) -> Result<(), ConfigError> {
/// let environment: Environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")].into_iter().collect();
/// let mut settings = Settings::new(&environment);
/// let own = OwnSettings::read(&mut settings);
/// settings.finish()?;
/// if let Some(settings) = &own.traces {
///     let traces = Traces::start(settings, &Redactor::new(), |line| eprintln!("{line}"))?;
///     traces.send(Arc::new(record));
///     traces.close(Duration::from_secs(5)).await;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Traces(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Arc<RunRecord>>,
    counts: Arc<Counts>,
    closing: CancellationToken,
    tell: Tell,
    /// Taken by who closes it.
    worker: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// Takes lines for people.
type Tell = Arc<dyn Fn(String) + Send + Sync>;

#[derive(Default)]
struct Counts {
    exported: AtomicU64,
    lost: AtomicU64,
    /// Runs in the queue, and the one that is being sent.
    waiting: AtomicU64,
}

/// What has become of the traces of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// Runs whose spans the receiver took.
    pub exported: u64,
    /// Runs whose spans were dropped.
    pub lost: u64,
}

impl Traces {
    /// Begins. `tell` is given a line for people when the receiver does not take a trace, and when it does again.
    ///
    /// # Errors
    /// If the authorities that the receiver's certificate is held against cannot be loaded.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        settings: &OtlpSettings,
        redactor: &Redactor,
        tell: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let (queue, runs) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let closing = CancellationToken::new();
        let tell: Tell = Arc::new(tell);
        let exporter = Exporter::new(settings, redactor.clone(), Arc::clone(&tell))?;
        let worker = tokio::spawn(work(exporter, runs, Arc::clone(&counts), closing.clone()));
        let worker = tokio::sync::Mutex::new(Some(worker));
        Ok(Self(Arc::new(Shared { queue, counts, closing, tell, worker })))
    }

    /// Sends a run's spans, some time. Never waits.
    pub fn send(&self, record: Arc<RunRecord>) {
        let Shared { queue, counts, closing, .. } = &*self.0;
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        if closing.is_cancelled() || queue.try_send(record).is_err() {
            counts.settle(false);
        }
    }

    /// What has become of them by now. A run that still waits is in neither number.
    #[must_use]
    pub fn counts(&self) -> TraceCounts {
        let Counts { exported, lost, waiting: _ } = &*self.0.counts;
        TraceCounts { exported: exported.load(Ordering::Relaxed), lost: lost.load(Ordering::Relaxed) }
    }

    /// As [`Self::send`], but waits for room in the queue.
    async fn send_patiently(&self, record: Arc<RunRecord>) {
        self.0.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if self.0.queue.send(record).await.is_err() {
            self.0.counts.settle(false);
        }
    }

    /// Sends what waits, for so long at most; what is left is lost. Nothing more is taken.
    pub async fn close(&self, limit: Duration) -> TraceCounts {
        self.0.closing.cancel();
        if let Some(mut worker) = self.0.worker.lock().await.take()
            && tokio::time::timeout(limit, &mut worker).await.is_err()
        {
            worker.abort();
            let _ = worker.await;
        }
        let left = self.0.counts.waiting.swap(0, Ordering::Relaxed);
        self.0.counts.lost.fetch_add(left, Ordering::Relaxed);
        if left > 0 {
            (self.0.tell)(format!(
                "the traces of {left} runs are lost: the receiver did not take them in time"
            ));
        }
        self.counts()
    }
}

/// Where traces go, for people.
pub(crate) fn announcement(settings: &OtlpSettings) -> String {
    format!("traces go to {}", settings.endpoint.origin().ascii_serialization())
}

/// Sends the traces of runs that have ended, within [`LAST_MOMENTS`]. It has a runtime of its own, because that of the
/// runs may be starved by a step that blocks it.
pub(crate) fn send_all(
    settings: &OtlpSettings,
    redactor: &Redactor,
    records: Vec<RunRecord>,
    tell: impl Fn(String) + Clone + Send + Sync + 'static,
) {
    let problem = tell.clone();
    let sent =
        Builder::new_current_thread().enable_all().build().map_err(|it| it.to_string()).and_then(|runtime| {
            let sent = runtime.block_on(async {
                let deadline = Clock::instant() + LAST_MOMENTS;
                let traces = Traces::start(settings, redactor, tell).map_err(|it| it.to_string())?;
                let all = async {
                    for record in records {
                        traces.send_patiently(Arc::new(record)).await;
                    }
                };
                let _ = tokio::time::timeout_at(deadline.into(), all).await;
                traces.close(deadline.saturating_duration_since(Clock::instant())).await;
                Ok(())
            });
            // The resolver of names may hang in a thread of its own.
            runtime.shutdown_background();
            sent
        });
    if let Err(error) = sent {
        problem(format!("traces are not exported: {error}"));
    }
}

impl Counts {
    fn settle(&self, delivered: bool) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if delivered { &self.exported } else { &self.lost }.fetch_add(1, Ordering::Relaxed);
    }
}

/// Until it is closed and the queue is empty, or nobody is left who could send.
async fn work(
    mut exporter: Exporter,
    mut runs: mpsc::Receiver<Arc<RunRecord>>,
    counts: Arc<Counts>,
    closing: CancellationToken,
) {
    loop {
        let record = tokio::select! {
            biased;
            record = runs.recv() => record,
            () = closing.cancelled(), if !runs.is_closed() => {
                runs.close();
                continue;
            }
        };
        let Some(record) = record else { return };
        let delivered = exporter.deliver(&record).await;
        counts.settle(delivered);
    }
}
