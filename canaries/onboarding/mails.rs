//! The product's mails, as its users get them: what is demanded of every one of them stands here and nowhere else.

use std::{sync::Arc, time::Duration};

use coalmine::{
    Context, FromContext, Needs, Result, Secret,
    inbox::{Address, Inbox, Mail, Wait},
};
use jiff::Timestamp;

use super::MAIL_LIMIT;
use crate::sequence::{MailRules, Target};

/// How long a mail is waited for: one that is late is to be told from one that never comes.
const PATIENCE: Duration = MAIL_LIMIT.saturating_add(Duration::from_secs(30));

/// How long nothing more may come: a second worker or a retry is not far behind.
const QUIET: Duration = Duration::from_secs(1);

/// An inbox for mails of the product.
pub(super) struct Mails {
    cx: Context,
    inbox: Inbox,
    target: Arc<Target>,
}

impl FromContext for Mails {
    fn needs(needs: &mut Needs) {
        Inbox::needs(needs);
        needs.resource::<Target>();
    }

    fn from_context(cx: &Context) -> Self {
        Self { cx: cx.clone(), inbox: Inbox::from_context(cx), target: cx.resource() }
    }
}

impl Mails {
    /// An address for this role in the run. To be asked for right before whatever sends the first mail to it: from then
    /// on the mail is awaited.
    pub(super) async fn address(&self, role: &str) -> Result<Address> {
        self.inbox.address(role).await
    }

    /// When something is sent to an address that has got mail before.
    pub(super) fn now(&self) -> Timestamp {
        self.cx.clock().now()
    }

    /// The code in the first mail with one that came to an address.
    pub(super) async fn confirmation_code(&self, address: &Address) -> Result<Secret> {
        self.read(self.inbox.wait_for(address).subject("Confirm")).await?.code(6)
    }

    /// The code in the first invitation that came to an address.
    pub(super) async fn invitation_code(&self, address: &Address) -> Result<Secret> {
        self.invitation(self.inbox.wait_for(address)).await
    }

    /// The code in the invitation that was sent at this time to an address that has got mail before.
    pub(super) async fn invitation_code_since(&self, address: &Address, sent: Timestamp) -> Result<Secret> {
        self.invitation(self.inbox.wait_for(address).since(sent)).await
    }

    async fn invitation(&self, wait: Wait) -> Result<Secret> {
        self.read(wait.subject("invited")).await?.link("/accept-invite")?.parameter("code")
    }

    /// Nothing came twice to these addresses.
    pub(super) async fn ensure_once(&self, one: &Address, other: &Address) -> Result<()> {
        let once = async |address| self.inbox.ensure_once(address).for_at_least(QUIET).await;
        tokio::try_join!(once(one), once(other))?;
        Ok(())
    }

    /// The mail, which is as every mail must be.
    async fn read(&self, wait: Wait) -> Result<Mail> {
        let mail = wait.within(PATIENCE).delivered_within(MAIL_LIMIT).await?;
        let MailRules { from, reply_to, link_hosts, authenticated } = &self.target.mails;
        if let Some(from) = from {
            mail.ensure_from(from)?;
        }
        if let Some(reply_to) = reply_to {
            mail.ensure_reply_to(reply_to)?;
        }
        if *authenticated {
            mail.ensure_authenticated()?;
        }
        let hosts: Vec<&str> = link_hosts.iter().map(String::as_str).collect();
        mail.ensure_well_formed()?.ensure_parts_agree()?.ensure_no_placeholder()?.ensure_links_to(&hosts)?;
        Ok(mail)
    }
}
