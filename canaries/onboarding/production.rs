//! Production ledgers stay. Tried on the standing team, which is only ever refused on: nobody could remove another one.

use coalmine::{Out, Result};
use serde_json::json;

use super::{
    team::LedgersListed,
    tear_down::{LedgerGone, TeamGone},
};
use crate::sequence::{Dashboard, ListedLedger, Page};

pub(super) async fn refuse_deleting_production(
    dashboard: Dashboard,
    _listed: Out<LedgersListed>,
    _ledger: Out<LedgerGone>,
    _team: Out<TeamGone>,
) -> Result<()> {
    let target = dashboard.target();
    let session = dashboard.open_session(&target.email).await?;
    let body = json!({ "team": target.team });
    let page: Page<ListedLedger> = dashboard.call("list-ledgers", Some(&session), &body).await?.ok()?;
    // Without one there is nothing that would keep the team from being deleted.
    if let Some(ledger) = page.items.iter().find(|it| it.kind == "prod") {
        let body = json!({ "team": target.team, "name": ledger.name });
        dashboard.call("delete-ledger", Some(&session), &body).await?.refused(403, "SEQ011")?;
        let body = json!({ "team": target.team, "confirm": target.team });
        dashboard.call("delete-team", Some(&session), &body).await?.refused(400, "SEQ906")?;
    }
    Ok(())
}
