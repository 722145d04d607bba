//! Where the canary works: ledgers of its own, one to write in and one to count in.

use coalmine::{Cleanup, Context, Out, Result};
use serde_json::json;

use super::{accounts::Pair, balances::Issued, keys::FirstKey};
use crate::sequence::{Dashboard, DeleteLedger, Home, Ledger, Sequence, Session, Transaction};

/// A ledger of this run.
pub(super) struct Workspace {
    /// The standing user.
    pub session: Session,
    /// The ledger's name, in the standing team.
    pub ledger: String,
}

/// A ledger in which nothing else happens, so that it can be counted and paged over.
pub(super) struct CountedLedger {
    /// Where it is.
    pub home: Home,
    /// Its accounts, oldest first.
    pub accounts: Vec<String>,
    /// Its transactions, oldest first.
    pub transactions: Vec<Transaction>,
}

/// How many accounts and transactions the counted ledger has.
const COUNT: usize = 4;

pub(super) async fn workspace(dashboard: Dashboard, cleanup: Cleanup, cx: Context) -> Result<Workspace> {
    let session = dashboard.sign_in(&dashboard.target().email).await?;
    let ledger = make_ledger(&dashboard, &cleanup, &cx, &session, "api").await?;
    Ok(Workspace { session, ledger })
}

pub(super) async fn counted_ledger(
    dashboard: Dashboard,
    sequence: Sequence,
    cleanup: Cleanup,
    cx: Context,
    workspace: Out<Workspace>,
    // Everything this needs has its own prover; where one of them fails, this is blocked and does not fail as well.
    _proven: Out<FirstKey>,
    _accounts: Out<Pair>,
    _issued: Out<Issued>,
) -> Result<CountedLedger> {
    let name = make_ledger(&dashboard, &cleanup, &cx, &workspace.session, "counted").await?;
    let home = sequence.find(&name, &sequence.target().credential).await?;
    let ledger = sequence.ledger(&home);
    let (accounts, transactions) = fill(&ledger).await?;
    Ok(CountedLedger { home, accounts, transactions })
}

async fn make_ledger(
    dashboard: &Dashboard,
    cleanup: &Cleanup,
    cx: &Context,
    session: &Session,
    role: &str,
) -> Result<String> {
    let team = &dashboard.target().team;
    let name = format!("canary-{}-{}-{role}", cx.run(), cx.attempt());
    cleanup.intend(DeleteLedger { team: team.clone(), name: name.clone(), owner: session.email.clone() })?;
    dashboard.create_ledger(session, team, &name).await?;
    Ok(name)
}

async fn fill(ledger: &Ledger) -> Result<(Vec<String>, Vec<Transaction>)> {
    let key = ledger.create_key("key").await?;
    let flavor = ledger.create_flavor("gold", &key).await?;
    let mut accounts = Vec::new();
    for number in 1..=COUNT {
        accounts.push(ledger.create_account(&format!("account-{number}"), &key).await?.id);
    }
    let mut transactions = Vec::new();
    for account in &accounts {
        let issue = json!([{
            "type": "issue", "flavor_id": flavor.id, "amount": 1, "destination_account_id": account,
        }]);
        transactions.push(ledger.transact(issue).await?);
    }
    Ok((accounts, transactions))
}
