//! Sequence, as its customers' programs see it: typed clients, and what the suite must know of the product.

mod contract;
mod dashboard;
mod explanations;
mod ledger;
mod objects;
mod people;
mod repeat;
mod reply;
mod target;
mod undo;

pub use contract::{DOCUMENT, operations, read, surface};
pub use dashboard::{Credential, Dashboard, Invite, Member, Session, Sessions};
pub use explanations::{Explanations, Unexplained};
pub use ledger::{CHANGING, Home, Ledger, READING, Sequence};
pub use objects::{
    Account, Action, Feed, FeedItems, Flavor, Key, Page, Snapshot, Stats, Tags, TokenGroup, Transaction,
};
pub use people::{ListedCredential, ListedLedger, OwnTeam, User};
pub use repeat::Sent;
pub use reply::{Names, Refusal, Reply};
pub use target::{MailRules, Target};
pub use undo::{DeleteLedger, DeleteTeam, DeleteUser};
