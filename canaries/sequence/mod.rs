//! Sequence, as its customers' programs see it: typed clients, and what the suite must know of the product.

mod dashboard;
mod ledger;
mod operations;
mod people;
mod repeat;
mod reply;
mod target;
mod undo;

pub use dashboard::{Credential, Dashboard, Invite, Member, Session, Sessions};
pub use ledger::{
    Account, Action, Flavor, Home, Key, Ledger, Page, Sequence, Stats, TokenGroup, Transaction,
};
pub use operations::{OPERATIONS, operations};
pub use people::{ListedCredential, ListedLedger, OwnTeam, User};
pub use repeat::Sent;
pub use reply::{Refusal, Reply};
pub use target::Target;
pub use undo::{DeleteLedger, DeleteTeam, DeleteUser};
