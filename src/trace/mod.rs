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

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::exporter::Exporter;
use crate::{
    config::{ConfigError, OtlpSettings},
    record::RunRecord,
    redact::Redactor,
};

/// How many runs wait for the receiver. Further ones are dropped.
pub const QUEUE: usize = 64;

/// How long the receiver has for what is left when a process ends.
pub(crate) const LAST_MOMENTS: Duration = Duration::from_secs(5);

/// Sends the traces of runs. Clones send to the same receiver.
#[derive(Clone)]
pub struct Traces(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Arc<RunRecord>>,
    counts: Arc<Counts>,
    closing: CancellationToken,
    /// Taken by who closes it.
    worker: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

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
        let exporter = Exporter::new(settings, redactor.clone(), Box::new(tell))?;
        let worker = tokio::spawn(work(exporter, runs, Arc::clone(&counts), closing.clone()));
        let worker = tokio::sync::Mutex::new(Some(worker));
        Ok(Self(Arc::new(Shared { queue, counts, closing, worker })))
    }

    /// Sends a run's spans, some time. Never waits.
    pub fn send(&self, record: Arc<RunRecord>) {
        let Shared { queue, counts, closing, worker: _ } = &*self.0;
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
        self.counts()
    }
}

/// Begins, if there are to be traces, and says where they go.
pub(crate) fn begin(
    settings: Option<&OtlpSettings>,
    redactor: &Redactor,
    say: fn(String),
) -> Result<Option<Traces>, ConfigError> {
    let Some(settings) = settings else { return Ok(None) };
    let traces = Traces::start(settings, redactor, move |problem| say(format!("warning: {problem}")))?;
    say(format!("traces go to {}", settings.endpoint.origin().ascii_serialization()));
    Ok(Some(traces))
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
