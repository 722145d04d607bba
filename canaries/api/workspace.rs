//! Where the canary works: ledgers of its own, one to write in and one to count in.
//!
//! Fixtures that make no request only say what a step builds on: where that does not work, the step is blocked and
//! does not fail as well.

use coalmine::{Cleanup, Context, Out, Result};
use serde_json::json;

use super::{
    accounts::{Gold, Pair},
    balances::Issued,
    hello::Found,
    keys::FirstKey,
};
use crate::sequence::{
    Account, Dashboard, DeleteLedger, Flavor, Home, Key, Ledger, Sequence, Session, Transaction,
};

/// A ledger of this run.
pub(super) struct Workspace {
    /// The standing user.
    pub session: Session,
    /// The ledger's name, in the standing team.
    pub ledger: String,
}

/// The run's ledger, in which keys, accounts, flavors and transactions are known to work.
pub(super) struct Stage {
    home: Home,
    pub(super) key: Key,
    alice: Account,
    bob: Account,
}

/// A ledger in which nothing else happens, so that it can be counted and paged over.
pub(super) struct CountedLedger {
    /// Where it is.
    pub home: Home,
    /// Its keys, oldest first.
    pub keys: Vec<String>,
    /// Its flavors, oldest first.
    pub flavors: Vec<String>,
    /// Its accounts, oldest first.
    pub accounts: Vec<String>,
    /// Its transactions, oldest first.
    pub transactions: Vec<Transaction>,
}

/// How many things of each kind the counted ledger has.
const COUNT: usize = 4;

pub(super) async fn workspace(dashboard: Dashboard, cleanup: Cleanup, cx: Context) -> Result<Workspace> {
    let session = dashboard.sign_in(&dashboard.target().email).await?;
    let ledger = make_ledger(&dashboard, &cleanup, &cx, &session, "api").await?;
    Ok(Workspace { session, ledger })
}

pub(super) async fn stage(
    found: Out<Found>,
    key: Out<FirstKey>,
    accounts: Out<Pair>,
    _flavor: Out<Gold>,
    _transactions: Out<Issued>,
) -> Result<Stage> {
    let Pair { alice, bob } = &*accounts;
    Ok(Stage { home: found.0.clone(), key: key.0.clone(), alice: alice.clone(), bob: bob.clone() })
}

impl Stage {
    pub(super) fn ledger(&self, sequence: &Sequence) -> Ledger {
        sequence.ledger(&self.home)
    }

    /// A flavor of its own for a step, because others move theirs at the same time.
    pub(super) async fn flavor(&self, ledger: &Ledger, id: &str) -> Result<Flavor> {
        ledger.create_flavor(id, &self.key).await
    }

    pub(super) async fn account(&self, ledger: &Ledger, id: &str) -> Result<Account> {
        ledger.create_account(id, &self.key).await
    }

    /// A flavor of the step's own, and the accounts between which it can be moved.
    pub(super) async fn pair(&self, ledger: &Ledger, name: &str) -> Result<(Flavor, Account, Account)> {
        let (from, to) = self.accounts();
        Ok((self.flavor(ledger, name).await?, from, to))
    }

    pub(super) fn accounts(&self) -> (Account, Account) {
        (self.alice.clone(), self.bob.clone())
    }
}

pub(super) async fn counted_ledger(
    dashboard: Dashboard,
    sequence: Sequence,
    cleanup: Cleanup,
    cx: Context,
    workspace: Out<Workspace>,
    _stage: Out<Stage>,
) -> Result<CountedLedger> {
    let name = make_ledger(&dashboard, &cleanup, &cx, &workspace.session, "counted").await?;
    let home = sequence.find(&name, &sequence.target().credential).await?;
    fill(&sequence.ledger(&home), home).await
}

pub(super) async fn make_ledger(
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

async fn fill(ledger: &Ledger, home: Home) -> Result<CountedLedger> {
    let first = ledger.create_key("key-1").await?;
    let keys = async {
        let mut keys = vec![first.id.clone()];
        for number in 2..=COUNT {
            keys.push(ledger.create_key(&format!("key-{number}")).await?.id);
        }
        Ok::<_, coalmine::Failure>(keys)
    };
    let flavors = async {
        let mut flavors = Vec::new();
        for number in 1..=COUNT {
            flavors.push(ledger.create_flavor(&format!("flavor-{number}"), &first).await?.id);
        }
        Ok::<_, coalmine::Failure>(flavors)
    };
    let accounts = async {
        let mut accounts = Vec::new();
        for number in 1..=COUNT {
            accounts.push(ledger.create_account(&format!("account-{number}"), &first).await?.id);
        }
        Ok::<_, coalmine::Failure>(accounts)
    };
    let (keys, flavors, accounts) = tokio::try_join!(keys, flavors, accounts)?;
    let mut transactions = Vec::new();
    for account in &accounts {
        let issue = json!([{
            "type": "issue", "flavor_id": flavors[0], "amount": 1, "destination_account_id": account,
        }]);
        transactions.push(ledger.transact(issue).await?);
    }
    Ok(CountedLedger { home, keys, flavors, accounts, transactions })
}
