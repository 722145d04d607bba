//! The one that writes. Everybody else hands over what is to be written and waits; what has gathered while a
//! transaction was on its way becomes the next one, so that a burst costs a few flushes of the disk, not one per run.

use std::sync::Arc;

use sqlx::{Error, SqliteConnection, SqlitePool, query};
use tokio::sync::{mpsc, oneshot};

use super::{
    alerts,
    lock::Lock,
    prepared::{self, Prepared},
};
use crate::store::AlertRows;

/// How many runs may wait before those that hand them over have to wait too.
const WAITING: usize = 1024;
/// How many become one transaction.
const GROUP: usize = 256;

/// Something to write.
#[derive(Debug)]
pub(super) enum Item {
    /// A run, with what it has changed of alerts.
    Run(Box<Prepared>, AlertRows),
    /// What has changed of alerts without a run.
    Alerts(AlertRows),
    /// One canary's entry of the schedule, and it as JSON.
    Schedule(String, String),
}

impl Item {
    async fn write(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        match self {
            Self::Run(run, rows) => {
                run.write(connection).await?;
                alerts::write(rows, connection).await
            }
            Self::Alerts(rows) => alerts::write(rows, connection).await,
            Self::Schedule(canary, body) => {
                prepared::put_schedule(canary, body).execute(connection).await.map(drop)
            }
        }
    }
}

/// An item, and who waits for it. The error goes to many if a whole group could not be written.
type Job = (Item, oneshot::Sender<Result<(), Arc<Error>>>);

/// Hands items to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the task. It keeps the lock until everything that was handed over is written.
    pub(super) fn start(pool: SqlitePool, lock: Option<Arc<Lock>>) -> (Self, tokio::task::JoinHandle<()>) {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let task = tokio::spawn(async move {
            let mut group = Vec::with_capacity(GROUP);
            while waiting.recv_many(&mut group, GROUP).await > 0 {
                write(&pool, &mut group).await;
            }
            drop(lock);
        });
        (Self { jobs }, task)
    }

    /// Writes an item. When this is done it is on the disk; if the waiting is given up, it may be nevertheless.
    pub(super) async fn write(&self, item: Item) -> Result<(), Arc<Error>> {
        let (done, written) = oneshot::channel();
        let closed = || Arc::new(Error::PoolClosed);
        self.jobs.send((item, done)).await.map_err(|_| closed())?;
        written.await.map_err(|_| closed())?
    }
}

async fn write(pool: &SqlitePool, group: &mut Vec<Job>) {
    let together = commit(pool, group).await;
    // One that cannot be written must not take the others with it.
    if together.is_err() && group.len() > 1 {
        for job in group.drain(..) {
            let alone = commit(pool, std::slice::from_ref(&job)).await;
            let _ = job.1.send(alone.map_err(Arc::new));
        }
        return;
    }
    let together = together.map_err(Arc::new);
    for (_, done) in group.drain(..) {
        let _ = done.send(together.clone());
    }
}

async fn commit(pool: &SqlitePool, group: &[Job]) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    begin(&mut connection).await?;
    let written = all(&mut connection, group).await;
    end(&mut connection, written).await
}

async fn all(connection: &mut SqliteConnection, group: &[Job]) -> Result<(), Error> {
    for (item, _) in group {
        item.write(connection).await?;
    }
    Ok(())
}

/// Begins a transaction. By hand, because SQLite ends one by itself when, for example, the disk is full, and sqlx's own
/// bookkeeping then refuses to begin another one on that connection for ever.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), Error> {
    const BEGIN: &str = "BEGIN IMMEDIATE";
    let Err(error) = query(BEGIN).execute(&mut *connection).await else { return Ok(()) };
    // Somebody was given up in the middle of one: what he has left is undone.
    match query("ROLLBACK").execute(&mut *connection).await {
        Ok(_) => query(BEGIN).execute(connection).await.map(drop),
        Err(_) => Err(error),
    }
}

/// Ends a transaction: by all of it if that succeeds, else by nothing.
pub(super) async fn end<T>(connection: &mut SqliteConnection, done: Result<T, Error>) -> Result<T, Error> {
    let ended = match done {
        Ok(value) => query("COMMIT").execute(&mut *connection).await.map(|_| value),
        Err(error) => Err(error),
    };
    if ended.is_err() {
        // Fails if SQLite has done it already.
        let _ = query("ROLLBACK").execute(connection).await;
    }
    ended
}
