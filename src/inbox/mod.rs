//! The inbox: addresses for a run, and the mails that come to them.
//!
//! Every address is the mailbox's own with a tag that no other run, attempt or role has, so a mail is known by whom
//! it is addressed to and never by being the newest. Reading order: this file (what steps hold), `wait` (waiting and
//! its explanation) and `once` (that nothing came twice), `mail` (what a step reads) with `expectation` (what it
//! demands), `content` (what is in a mail's bytes) with `form`, `hop` and `authentication`, `reading`, `html`, `link` and
//! `placeholder` (what is in its text), `mailbox`, `registered` and `waiter` (what waiters share), `poller` and `reader` (the one
//! task that asks), `gmail`, `budget`, `spending`, `token` with `assertion`, and `trouble` (the API), `credential` and `settings`;
//! `login` and `look` are for people who set a mailbox up. What can go wrong, and what is said of it: `docs/inbox.md`.

mod assertion;
mod authentication;
mod budget;
mod content;
mod credential;
mod expectation;
mod form;
mod gmail;
mod hop;
mod html;
mod link;
mod login;
mod look;
mod mail;
mod mailbox;
mod once;
mod placeholder;
mod poller;
mod reader;
mod reading;
mod registered;
mod settings;
mod spending;
#[cfg(test)]
mod tests;
mod token;
mod trouble;
mod wait;
mod waiter;

use std::{fmt, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

pub use authentication::{AuthCheck, AuthResult, Authentication};
pub use credential::{ClientSecrets, Credential, ServiceAccount, UserCredential};
pub use gmail::{GMAIL_ROOT, GOOGLE_TOKEN_URI, GmailConfig, Headline};
pub use hop::{DeliverySplit, Hop};
pub use link::Link;
pub use login::{Endpoints, GOOGLE_AUTH_URI, Granted, Login, LoginError, Returned, Whose, days_left};
pub use look::Look;
pub use mail::{Attachment, Folder, Mail};
pub use mailbox::Mailbox;
pub use once::Once;
use registered::Registered;
pub use settings::{GmailSettings, LoginSettings};
pub use spending::Usage;
pub use token::Grant;
pub use wait::Wait;

use crate::{
    failure::{Failure, Result},
    suite::{Context, FromContext, Needs},
};

/// How long opening the mailbox may take.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// The longest part before the `@` that mail servers must take (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// Gives out addresses and waits for mail to them. Runs need a [`Mailbox`] among their resources.
///
/// ```
/// use std::time::Duration;
/// use coalmine::{Canary, Result, Secret, Suite, inbox::{Address, Inbox}};
///
/// async fn confirm_email(inbox: Inbox) -> Result<()> {
///     let address: Address = inbox.address("owner").await?;
///     // … sign up with `address` …
///     let mail = inbox.wait_for(&address).subject("Confirm").within(Duration::from_secs(30)).await?;
///     let code: Secret = mail.code(6)?;
///     // … confirm with `code.expose()` …
///     Ok(())
/// }
/// # let suite = Suite::new("shop").canary(Canary::new("sign-up").step("confirm_email", confirm_email));
/// # assert!(suite.plan().is_ok());
/// ```
#[derive(Clone)]
pub struct Inbox {
    cx: Context,
    mailbox: Arc<Mailbox>,
}

impl FromContext for Inbox {
    fn needs(needs: &mut Needs) {
        needs.resource::<Mailbox>();
    }

    fn from_context(cx: &Context) -> Self {
        Self { cx: cx.clone(), mailbox: cx.resource() }
    }
}

impl Inbox {
    /// An address that is this run's, this attempt's and this role's only: `local+run-attempt-role@domain`. The
    /// same role gives the same address for as long as somebody holds it; mail to it is kept that long.
    ///
    /// Ask for it before whatever sends the mail: what came before is never looked at. The mailbox is opened by the
    /// first address.
    ///
    /// # Errors
    /// The role is not made of lower-case letters, digits and inner `-`, or the mailbox cannot be read
    /// (inconclusive).
    pub async fn address(&self, role: &str) -> Result<Address> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if role.is_empty() || !role.chars().all(allowed) || role.starts_with('-') || role.ends_with('-') {
            return Err(Failure::new(format_args!(
                "expected a role of lower-case letters, digits and inner `-`, got `{role}`"
            )));
        }
        let tag = format!("{}-{}-{role}", self.cx.run(), self.cx.attempt());
        let limit = OPEN_LIMIT.min(wait::usable(self.cx.time_left()));
        let registered = self.mailbox.address(self.cx.run(), tag, self.cx.clock(), limit).await;
        self.mailbox.teach(self.cx.redactor());
        let registered = registered?;
        let local = registered.address.rsplit_once('@').map_or(0, |(local, _)| local.len());
        if local > LONGEST_LOCAL {
            return Err(Failure::new(format_args!(
                "expected an address with at most {LONGEST_LOCAL} characters before the `@`, got {local}: \
                 {}",
                registered.address
            ))
            .remedy("use a shorter role, or a mailbox with a shorter name"));
        }
        Ok(Address(registered))
    }

    /// Waits for a mail to an address. Says by [`Wait`]'s methods which and how long, and is then awaited.
    ///
    /// # Errors
    /// As a failure: no such mail in time ([`MailMissing`](crate::Cause::MailMissing), with what came instead), or
    /// it was filed under spam ([`MailSpam`](crate::Cause::MailSpam)), or its delivery took longer than it may
    /// ([`MailLate`](crate::Cause::MailLate)). As inconclusive: the mailbox could not be read
    /// ([`MailProvider`](crate::Cause::MailProvider)).
    pub fn wait_for(&self, address: &Address) -> Wait {
        Wait::new(self.cx.clone(), Arc::clone(&self.mailbox), address.clone())
    }

    /// Watches an address for a quiet period and sees that no mail to it came twice, see [`Once`]; `.await` it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use coalmine::{Result, inbox::{Address, Inbox}};
    /// # async fn step(inbox: Inbox, address: Address) -> Result<()> {
    /// inbox.ensure_once(&address).for_at_least(Duration::from_secs(2)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As a failure: a mail came twice ([`MailDuplicate`](crate::Cause::MailDuplicate)), or none came at all
    /// ([`MailMissing`](crate::Cause::MailMissing)). As inconclusive: the mailbox could not be read to the end of the
    /// period ([`MailProvider`](crate::Cause::MailProvider)).
    pub fn ensure_once(&self, address: &Address) -> Once {
        Once::new(self.cx.clone(), Arc::clone(&self.mailbox), address.clone())
    }
}

/// An address that mail can be sent to. Clones are the same address; mail to it is kept while one of them exists.
#[derive(Clone)]
pub struct Address(Arc<Registered>);

impl Address {
    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.address
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
