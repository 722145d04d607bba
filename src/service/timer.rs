//! Waiting for a time of the service's clock.

use std::{future::pending, time::Duration};

use jiff::Timestamp;

use crate::clock::{Clock, Moved};

/// Whoever waits for a time looks at the clock again after this: it may have been set, or the machine may have slept.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Waits until that time, or a while, or until the clock has been moved: the caller looks at the clock again. Without a
/// time, for ever. `moved` was taken before the caller looked.
pub(super) async fn until(clock: &Clock, moved: Moved, time: Option<Timestamp>) {
    let Some(time) = time else { return pending().await };
    if clock.is_manual() {
        if time > clock.now() {
            moved.await;
        }
        return;
    }
    let left = Duration::try_from(time.duration_since(clock.now())).unwrap_or_default();
    tokio::time::sleep(left.min(LOOK_AGAIN)).await;
}
