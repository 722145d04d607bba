//! Production ledgers stay. Tried on the standing team, which is only ever refused on: nobody could remove another one.

use coalmine::{Out, Result};
use serde_json::json;

use super::tear_down::{LedgerGone, TeamGone};
use crate::sequence::Dashboard;

pub(super) async fn refuse_deleting_production(
    dashboard: Dashboard,
    _ledger: Out<LedgerGone>,
    _team: Out<TeamGone>,
) -> Result<()> {
    let target = dashboard.target();
    let session = dashboard.open_session(&target.email).await?;
    let body = json!({ "team": target.team, "name": target.production_ledger });
    let reply = dashboard.call("delete-ledger", Some(&session), &body).await?;
    reply.welcome("SEQ002", "the standing team or its production ledger", "SEQUENCE_PRODUCTION_LEDGER")?;
    reply.refused(403, "SEQ011")?;
    // The team is not asked for before it is known to have one.
    let body = json!({ "team": target.team, "confirm": target.team });
    dashboard.call("delete-team", Some(&session), &body).await?.refused(400, "SEQ906")?;
    Ok(())
}
