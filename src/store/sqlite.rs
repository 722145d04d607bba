//! The store in one SQLite file, beside the program that uses it.
//!
//! One task writes, through one connection; a few connections read, and nobody waits for anybody, because the database
//! has a write-ahead log. Runs that are handed over together become one transaction.
//!
//! What [`Store::add`] has reported done survives a kill of the process, and, with `synchronous = FULL`, also the loss
//! of power, as far as the disk keeps what it says it has flushed. `NORMAL` would lose up to half a minute of runs with
//! the power, and save one flush of the disk per transaction, which nobody notices at this rate.

mod alerts;
mod copy;
mod fault;
mod identity;
mod info;
mod lock;
mod prepared;
mod read;
mod schema;
mod statistics;
mod sweep;
mod writer;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sqlx::{
    SqlitePool,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};
use tokio::task::JoinHandle;

use super::{
    AlertRows, Day, Document, Filter, Finished, IncidentFilter, IncidentRow, Kept, Outcomes, Page, Retention,
    Schedule, StepPoint, StepStatistics, Store, StoreError, Summary, Swept, Task, Totals,
};
use identity::Identity;
use lock::Lock;
use prepared::Prepared;
use schema::Found;
use statistics::Outlines;
use writer::{Item, Writer};

pub use copy::restore;
pub use info::{CanaryContents, Contents};

const OPEN: &str = "open the store";

/// How many may read at once.
const READERS: u32 = 4;
/// How long a connection waits for another one's lock. With one writing process hardly anybody ever waits.
const BUSY: Duration = Duration::from_secs(10);
/// The write-ahead log is cut to this size, in bytes, when it begins anew.
const LOG: &str = "8388608";

/// Keeps runs in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    /// None in memory.
    path: Option<PathBuf>,
    /// Which file was opened to be written to.
    identity: Option<Identity>,
    /// What messages call it.
    place: String,
    retention: Retention,
    /// Of one connection: whoever has it is the one that writes.
    writing: SqlitePool,
    reading: SqlitePool,
    /// What was read of them.
    outlines: Outlines,
    /// Taken when the store is closed.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    writer: Arc<Writer>,
    task: JoinHandle<()>,
    /// None in memory. The task has it too, so that it ends with the last write.
    lock: Option<Arc<Lock>>,
}

impl SqliteStore {
    /// Opens the store in that file. If there is none, the file and its folder are created.
    ///
    /// To be called within a tokio runtime, which has to live as long as the store.
    ///
    /// # Errors
    /// If another process has it, a newer version wrote it, or the file is no store or cannot be used. Then nothing has
    /// changed in it.
    pub async fn open(path: impl Into<PathBuf>, retention: Retention) -> Result<Self, StoreError> {
        let path: PathBuf = path.into();
        let place = path.display().to_string();
        if path.is_dir() {
            return Err(StoreError::Broken {
                what: OPEN,
                why: format!("`{place}` is a folder"),
                remedy: "name a file in it, such as `runs.db`",
            });
        }
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| {
                fault::of_io("create the store's folder", folder, &error, "create it, or name another store")
            })?;
        }
        let lock = Arc::new(Lock::take(&path)?);
        schema::look(&path).await?;
        let writing = pool(
            1,
            schema::options(&path)
                .create_if_missing(true)
                // Before the first table, or never. Lets a sweep give room back without copying the whole file.
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("journal_size_limit", LOG),
        );
        let reading = pool(READERS, schema::options(&path).read_only(true));
        Self::start(Some(path), place, retention, writing, reading, Some(lock)).await
    }

    /// Opens the store in that file to read it, also while another process has it. Nothing can be written to it.
    ///
    /// To be called within a tokio runtime.
    ///
    /// # Errors
    /// If there is no store in that file, a newer version wrote it, or it cannot be read.
    pub async fn open_to_read(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path: PathBuf = path.into();
        let place = path.display().to_string();
        if !path.is_file() || schema::look(&path).await? == Found::Empty {
            return Err(StoreError::Broken {
                what: OPEN,
                why: format!("there is no store in `{place}`"),
                remedy: "name the store's file with --store, or run `serve` first",
            });
        }
        // Not such as can only read: the last of these would leave the log behind, which may then belong to another
        // user than the next one who writes.
        let reading = pool(READERS, schema::options(&path));
        // What would change something fails.
        let writing = pool(1, schema::options(&path).pragma("query_only", "1"));
        let (retention, open) = (Retention::default(), Mutex::new(None));
        let identity = None;
        Ok(Self {
            path: Some(path),
            identity,
            place,
            retention,
            writing,
            reading,
            outlines: Outlines::default(),
            open,
        })
    }

    /// How much it holds.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn contents(&self) -> Result<Contents, StoreError> {
        info::contents(&self.reading, &self.place).await
    }

    /// A store that ends with the process, for tests. Readers and the writer wait for one another.
    ///
    /// # Errors
    /// If SQLite does not start.
    pub async fn in_memory(retention: Retention) -> Result<Self, StoreError> {
        let options = schema::options(Path::new(":memory:")).auto_vacuum(SqliteAutoVacuum::Incremental);
        let one = pool(1, options);
        Self::start(None, "memory".into(), retention, one.clone(), one, None).await
    }

    async fn start(
        path: Option<PathBuf>,
        place: String,
        retention: Retention,
        writing: SqlitePool,
        reading: SqlitePool,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self, StoreError> {
        let mut connection = writing.acquire().await.map_err(|error| fault::of(OPEN, &place, &error))?;
        schema::migrate(&mut connection, &place).await?;
        alerts::forget_gone(&mut connection).await.map_err(|error| fault::of(OPEN, &place, &error))?;
        drop(connection);
        let identity = path.as_deref().and_then(Identity::of);
        let (writer, task) = Writer::start(writing.clone(), lock.clone());
        let open = Mutex::new(Some(Open { writer: Arc::new(writer), task, lock }));
        Ok(Self { path, identity, place, retention, writing, reading, outlines: Outlines::default(), open })
    }

    /// Ends the store: what was handed over is written, then the file is free for others. Whatever is asked of it
    /// afterwards is answered with an error. A store that is dropped ends so too, but nobody can wait for it.
    pub async fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let lock = match open {
            Some(Open { writer, task, lock }) => {
                drop(writer);
                let _ = task.await;
                lock
            }
            // Opened to be read, or closed already.
            None => None,
        };
        self.reading.close().await;
        self.writing.close().await;
        drop(lock);
    }

    async fn write(&self, what: &'static str, item: Item) -> Result<(), StoreError> {
        let writer =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.writer.clone());
        let writer = writer.ok_or_else(|| fault::closed(what, &self.place))?;
        if let (Some(identity), Some(path)) = (self.identity, &self.path) {
            identity.check(what, path)?;
        }
        writer.write(item).await.map_err(|error| fault::of(what, &self.place, &error))
    }
}

fn pool(size: u32, options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options.busy_timeout(BUSY))
}

impl Store for SqliteStore {
    fn commit<'a>(&'a self, run: Option<&'a Finished>, alerts: &'a AlertRows) -> Task<'a, ()> {
        Box::pin(async move {
            const ADD: &str = "keep a run";
            const KEEP: &str = "keep the state of alerts";
            let alerts = alerts.clone();
            let Some(run) = run.cloned() else {
                return self.write(KEEP, Item::Alerts(alerts)).await;
            };
            // Milliseconds for a large record: not on a thread that others wait for.
            let prepared = tokio::task::spawn_blocking(move || Prepared::of(&run))
                .await
                .map_err(|_| fault::closed(ADD, &self.place))?
                .map_err(|error| fault::of(ADD, &self.place, &sqlx::Error::Encode(error.into())))?;
            self.write(ADD, Item::Run(Box::new(prepared), alerts)).await
        })
    }

    fn documents(&self) -> Task<'_, Vec<Document>> {
        Box::pin(alerts::documents(&self.reading, &self.place))
    }

    fn incidents<'a>(&'a self, filter: &'a IncidentFilter) -> Task<'a, Vec<IncidentRow>> {
        Box::pin(alerts::incidents(&self.reading, &self.place, filter))
    }

    fn incident<'a>(&'a self, id: &'a str) -> Task<'a, Option<(IncidentRow, Vec<String>)>> {
        Box::pin(alerts::incident(&self.reading, &self.place, id))
    }

    fn runs<'a>(&'a self, filter: &'a Filter) -> Task<'a, Page<Summary>> {
        Box::pin(read::runs(&self.reading, &self.place, filter))
    }

    fn run<'a>(&'a self, id: &'a str) -> Task<'a, Option<Kept>> {
        Box::pin(read::run(&self.reading, &self.place, id))
    }

    fn last_passed<'a>(&'a self, canary: &'a str, before: Timestamp) -> Task<'a, Option<Kept>> {
        Box::pin(read::last_passed(&self.reading, &self.place, canary, before))
    }

    fn steps<'a>(&'a self, canary: &'a str, since: Timestamp) -> Task<'a, Vec<StepStatistics>> {
        Box::pin(statistics::steps(&self.reading, &self.outlines, &self.place, canary, since))
    }

    fn step<'a>(&'a self, canary: &'a str, step: &'a str, limit: usize) -> Task<'a, Vec<StepPoint>> {
        Box::pin(statistics::step(&self.reading, &self.outlines, &self.place, canary, step, limit))
    }

    fn days<'a>(&'a self, since: Timestamp) -> Task<'a, Vec<Day>> {
        Box::pin(statistics::days(&self.reading, &self.place, since))
    }

    fn outcomes<'a>(
        &'a self,
        canary: &'a str,
        from: Timestamp,
        until: Timestamp,
        part: SignedDuration,
    ) -> Task<'a, Vec<(Timestamp, Outcomes)>> {
        Box::pin(statistics::outcomes(&self.reading, &self.place, canary, from, until, part))
    }

    fn totals(&self) -> Task<'_, Vec<Totals>> {
        Box::pin(statistics::totals(&self.reading, &self.place))
    }

    fn schedule(&self) -> Task<'_, Vec<Schedule>> {
        Box::pin(statistics::schedule(&self.reading, &self.place))
    }

    fn put_schedule<'a>(&'a self, entry: &'a Schedule) -> Task<'a, ()> {
        Box::pin(async move {
            const PUT: &str = "keep the schedule";
            let (canary, body) = prepared::schedule(entry)
                .map_err(|error| fault::of(PUT, &self.place, &sqlx::Error::Encode(error.into())))?;
            self.write(PUT, Item::Schedule(canary, body)).await
        })
    }

    fn sweep(&self, now: Timestamp) -> Task<'_, Swept> {
        Box::pin(async move {
            let _sweeping = self.outlines.forget();
            let swept = sweep::sweep(&self.writing, &self.retention, now).await;
            swept.map_err(|error| fault::of("remove old runs", &self.place, &error))
        })
    }

    fn backup<'a>(&'a self, to: &'a Path) -> Task<'a, ()> {
        Box::pin(copy::backup(&self.reading, to))
    }

    fn size(&self) -> Task<'_, u64> {
        Box::pin(async move {
            const SIZE: &str = "measure the store";
            let Some(path) = &self.path else {
                let pages: i64 = sqlx::query_scalar(
                    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                )
                .fetch_one(&self.reading)
                .await
                .map_err(|error| fault::of(SIZE, &self.place, &error))?;
                return Ok(pages.unsigned_abs());
            };
            // What stands in the log counts too, until it is moved over.
            let log = fs::metadata(lock::beside(path, "-wal")).map_or(0, |it| it.len());
            let file = fs::metadata(path)
                .map_err(|error| fault::of_io(SIZE, path, &error, "see where the file has gone"))?;
            Ok(file.len() + log)
        })
    }
}
