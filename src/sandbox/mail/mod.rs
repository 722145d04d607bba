//! The mail side of the sandbox: an SMTP sink that anybody may send to, and Google's way of reading what came.
//!
//! One mailbox, with plus-addressing, can be read through the Gmail API; mail for anybody else is kept in boxes
//! that only a test looks into. Reader and sender share nothing but the store, so that a mail takes the same
//! way as in the world: out of a program, over a socket, into a mailbox, out through an API behind a token.

mod batch;
mod call;
mod envelope;
mod fields;
mod gmail;
mod history;
mod label;
mod labels;
mod mailbox;
mod messages;
mod methods;
mod multipart;
mod oauth;
mod payload;
mod query;
mod quota;
mod smtp;
#[cfg(test)]
mod tests;

use std::{fmt, io, net::TcpListener, sync::Arc};

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use self::{
    mailbox::Store,
    oauth::{Rules, Tokens},
    quota::Quota,
};
pub use self::{oauth::service_account, quota::QuotaStyle};
use crate::{clock::Clock, faults::Faults, random, server};

/// How the mail side is set up.
#[derive(Clone)]
pub struct Options {
    /// The address whose mail can be read; mail to `local+tag@domain` reaches it as well.
    pub mailbox: String,
    /// OAuth client id of the reader; a random one if `None`.
    pub client_id: Option<String>,
    /// OAuth client secret of the reader; a random one if `None`.
    pub client_secret: Option<String>,
    /// The refresh token that opens the mailbox; a random one if `None`.
    pub refresh_token: Option<String>,
    /// How long an access token lasts, by the sandbox's clock.
    pub token_lifetime: SignedDuration,
    /// What the mailbox's user grants to the client, and the administrator to the service account.
    pub scopes: Vec<String>,
    /// How long a grant lasts, by the sandbox's clock; for ever if `None`. Seven days if the application is in testing.
    pub grant_lifetime: Option<SignedDuration>,
    /// How long a new mail cannot be found by a search, by the sandbox's clock. Lists without `q` and the history have
    /// it at once.
    pub index_lag: SignedDuration,
    /// How long a new mail cannot be read by its id, by the sandbox's clock, although lists and the history have it.
    pub get_lag: SignedDuration,
    /// How long what changed can be asked for, by the sandbox's clock: usually a week at least, sometimes hours \[V\].
    pub history_kept: SignedDuration,
    /// How many quota units calls may cost in any minute of the sandbox's clock; any number if `None`.
    pub quota_per_minute: Option<u32>,
    /// How a call over the quota is refused.
    pub quota_style: QuotaStyle,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            mailbox: "coalmine@sandbox.test".to_owned(),
            client_id: None,
            client_secret: None,
            refresh_token: None,
            token_lifetime: SignedDuration::from_hours(1),
            scopes: vec![oauth::READONLY.to_owned()],
            grant_lifetime: None,
            index_lag: SignedDuration::ZERO,
            get_lag: SignedDuration::ZERO,
            history_kept: SignedDuration::from_hours(7 * 24),
            quota_per_minute: None,
            quota_style: QuotaStyle::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secrets; taken apart so that a new one is noticed.
        let Options {
            mailbox,
            client_id,
            client_secret: _,
            refresh_token: _,
            token_lifetime,
            scopes,
            grant_lifetime,
            index_lag,
            get_lag,
            history_kept,
            quota_per_minute,
            quota_style,
        } = self;
        f.debug_struct("Options")
            .field("mailbox", mailbox)
            .field("client_id", client_id)
            .field("token_lifetime", token_lifetime)
            .field("scopes", scopes)
            .field("grant_lifetime", grant_lifetime)
            .field("index_lag", index_lag)
            .field("get_lag", get_lag)
            .field("history_kept", history_kept)
            .field("quota_per_minute", quota_per_minute)
            .field("quota_style", quota_style)
            .finish_non_exhaustive()
    }
}

/// The running mail side. It runs until its stop token is cancelled.
pub(crate) struct MailService {
    options: Options,
    google: Arc<Google>,
}

/// What the handlers of the API share.
struct Google {
    store: Arc<Store>,
    tokens: Tokens,
    quota: Quota,
    clock: Clock,
    faults: Faults,
    /// As in [`Options`].
    index_lag: SignedDuration,
    get_lag: SignedDuration,
}

impl MailService {
    /// Starts both servers, on listeners that are bound already. Must be called inside the runtime that is to do
    /// the work.
    pub(crate) fn start(
        options: Options,
        clock: Clock,
        faults: Faults,
        tls: Arc<rustls::ServerConfig>,
        api: TcpListener,
        smtp: TcpListener,
        stop: CancellationToken,
    ) -> io::Result<MailService> {
        let Options {
            mailbox,
            client_id,
            client_secret,
            refresh_token,
            token_lifetime,
            scopes,
            grant_lifetime,
            index_lag,
            get_lag,
            history_kept,
            quota_per_minute,
            quota_style,
        } = options;
        let client_id =
            client_id.unwrap_or_else(|| format!("{}.apps.googleusercontent.com", random::hex::<16>()));
        let client_secret = client_secret.unwrap_or_else(|| format!("GOCSPX-{}", oauth::secret::<21>()));
        let refresh_token = refresh_token.unwrap_or_else(|| format!("1//0{}", oauth::secret::<72>()));

        let store = Arc::new(Store::new(clock.clone(), &mailbox, history_kept));
        let rules = Rules {
            clock: clock.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            mailbox: mailbox.clone(),
            scopes: scopes.clone(),
            lifetime: token_lifetime,
            grant_lifetime,
        };
        let tokens = Tokens::new(rules, refresh_token.clone());
        let quota = Quota::new(clock.clone(), quota_per_minute, quota_style);
        let google = Arc::new(Google {
            store: Arc::clone(&store),
            tokens,
            quota,
            clock,
            faults: faults.clone(),
            index_lag,
            get_lag,
        });

        smtp.set_nonblocking(true)?;
        let smtp = tokio::net::TcpListener::from_std(smtp)?;
        server::serve(api, tls, gmail::router(Arc::clone(&google)), stop.clone())?;
        tokio::spawn(smtp::serve(smtp, store, faults, stop));

        let options = Options {
            mailbox,
            client_id: Some(client_id),
            client_secret: Some(client_secret),
            refresh_token: Some(refresh_token),
            token_lifetime,
            scopes,
            grant_lifetime,
            index_lag,
            get_lag,
            history_kept,
            quota_per_minute,
            quota_style,
        };
        Ok(MailService { options, google })
    }

    /// The options in effect: what was `None` is filled in.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Revokes the refresh token, and with it the access tokens, as a changed password does.
    pub(crate) fn revoke(&self) {
        self.google.tokens.revoke();
    }

    /// How many quota units the calls of the API have cost.
    pub(crate) fn units(&self) -> u64 {
        self.google.quota.total()
    }

    /// The raw mails that reached exactly `address` (tag included, case aside), oldest first.
    pub(crate) fn delivered(&self, address: &str) -> Vec<Vec<u8>> {
        self.google.store.delivered(address)
    }
}
