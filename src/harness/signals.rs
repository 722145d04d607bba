//! Ctrl-C, SIGTERM and SIGHUP stop the run; clean-up and reports are still done.

use std::sync::Arc;

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::front::Front;

/// Cancels on the first signal. Further ones change nothing: clean-up has a limit of its own, and `kill -9` is there
/// for the impatient.
///
/// Signals are caught from the return of this function on: before the first step creates anything.
pub(super) fn cancel_on_signal(runtime: &Runtime, cancel: CancellationToken, front: &Arc<dyn Front>) {
    let _inside = runtime.enter();
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        front.say("warning: signals cannot be caught here; an interrupted run is not cleaned up");
        return;
    };
    let front = Arc::clone(front);
    runtime.spawn(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            // A closed terminal, or a connection that broke.
            _ = hangup.recv() => "SIGHUP",
        };
        cancel.cancel();
        front.say(&format!("{name}: stopping the run and cleaning up"));
    });
}
