//! Keys.

use coalmine::{Out, Result, ensure_eq};
use serde_json::json;

use super::hello::Found;
use crate::sequence::{Key, Sequence};

/// The run's key.
pub(super) struct FirstKey(pub Key);

/// Its name has been refused to another key.
pub(super) struct TakenRefused;

pub(super) async fn create_key(sequence: Sequence, found: Out<Found>) -> Result<FirstKey> {
    let key = sequence.ledger(&found.0).create_key("first").await?;
    ensure_eq!(key.id, "first", "id of the new key");
    Ok(FirstKey(key))
}

pub(super) async fn refuse_taken_key(
    sequence: Sequence,
    found: Out<Found>,
    key: Out<FirstKey>,
) -> Result<TakenRefused> {
    let body = json!({ "id": key.0.id });
    sequence.ledger(&found.0).call("create-key", &body).await?.refused(400, "SEQ050")?;
    Ok(TakenRefused)
}
