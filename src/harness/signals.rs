//! Ctrl-C and SIGTERM stop the run; clean-up and reports are still done.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels on the first signal. Further ones change nothing: clean-up has a limit of its own, and `kill -9` is there
/// for the impatient.
pub(super) async fn cancel_on_signal(cancel: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        eprintln!("warning: signals cannot be caught here; an interrupted run is not cleaned up");
        return;
    };
    let name = tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    };
    eprintln!("{name}: stopping the run and cleaning up");
    cancel.cancel();
}
