//! Work on a thread and a runtime of its own.
//!
//! A server that stands between a test and the product must answer while the test's own runtime is blocked, and must
//! not keep it from ending.

use std::{
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread::{self, ThreadId},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

/// How long a drop waits for the thread. It only has to notice; were something to block it, the drop goes on.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// A future, with all that it spawns, on a thread of its own; stopped on drop.
#[derive(Debug)]
pub(super) struct Background {
    stop: CancellationToken,
    /// Disconnected by the thread once nothing of the work is left. Only the drop reads it; the lock makes it shareable.
    stopped: Mutex<mpsc::Receiver<()>>,
    thread: ThreadId,
}

impl Background {
    /// Starts `work` on a new thread.
    pub(super) fn start<W>(name: &str, work: impl FnOnce() -> W + Send + 'static) -> io::Result<Self>
    where
        W: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let token = stop.clone();
        let (running, stopped) = mpsc::sync_channel::<()>(0);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped last, and by a panic as well.
            let _running = running;
            runtime.block_on(async {
                tokio::select! {
                    () = token.cancelled() => {}
                    () = async { work().await } => {}
                }
            });
            // Drops every task, but waits for no name resolution that is under way.
            runtime.shutdown_background();
        })?;
        Ok(Self { stop, stopped: Mutex::new(stopped), thread: thread.thread().id() })
    }
}

impl Drop for Background {
    /// When it returns, ports are free and connections closed.
    fn drop(&mut self) {
        self.stop.cancel();
        if thread::current().id() != self.thread {
            // Nothing is ever sent: this ends when the thread does, or at the limit.
            let stopped = self.stopped.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = stopped.recv_timeout(STOP_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_stops_the_work_and_its_tasks() {
        let (alive, ended) = mpsc::sync_channel::<()>(0);
        let background = Background::start("test", move || async move {
            tokio::spawn(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            });
            std::future::pending::<()>().await;
        })
        .unwrap();
        drop(background);
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }

    #[tokio::test]
    async fn it_can_be_dropped_inside_a_runtime() {
        drop(Background::start("test", std::future::pending::<()>).unwrap());
    }

    #[test]
    fn work_that_ended_or_panicked_leaves_nothing_to_wait_for() {
        drop(Background::start("test", || async {}).unwrap());
        drop(Background::start("test", || async { panic!("on purpose") }).unwrap());
    }
}
