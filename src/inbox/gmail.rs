//! The few calls of the Gmail API that reading a mailbox takes.

mod look;

use std::{collections::HashMap, fmt, sync::atomic::Ordering, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use google_gmail1::{
    Error as ApiError, Gmail as Hub,
    api::{Message, Scope},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::Value;

pub use self::look::Headline;
use super::{
    budget,
    credential::Credential,
    spending::{Paid, Spending},
    token::{Grant, Tokens},
    trouble::{CHECK_ROOT, Kind, OUT_OF_ORDER, QUOTA, Trouble, refusal, silence, token_trouble},
};
use crate::{failure::chain, redact::Redactor};

/// The root of Google's own API.
pub const GMAIL_ROOT: &str = "https://gmail.googleapis.com/";

/// Google's own token endpoint.
pub const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// How long one call may take.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection may take to come about; less than a call, so that the reason can be told.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Most entries that the API gives at once.
const PAGE: u32 = 500;

/// The headers that say whose a mail is.
const HEADERS: [&str; 7] = ["To", "Cc", "Delivered-To", "Subject", "From", "Date", "Message-ID"];

/// Where the mailbox is and what opens it.
#[derive(Clone)]
pub struct GmailConfig {
    /// The API's root; [`GMAIL_ROOT`] unless something stands in for Google.
    pub api_root: String,
    /// Where access tokens come from; [`GOOGLE_TOKEN_URI`] likewise.
    pub token_uri: String,
    /// What opens the mailbox: a grant with the scope `gmail.readonly`, or a service account that may ask for it.
    pub credential: Credential,
    /// Whom to trust.
    pub tls: rustls::ClientConfig,
    /// Units of Gmail's quota that this process uses at most in any minute; 750, an eighth of what Google grants a
    /// user, if nothing else is said. Less than 60 counts as 60.
    pub units_per_minute: u32,
}

/// An eighth of Google's 6,000 for one user.
const UNITS_PER_MINUTE: u32 = 750;

impl GmailConfig {
    /// Google itself, opened with `credential`.
    #[must_use]
    pub fn new(credential: impl Into<Credential>, tls: rustls::ClientConfig) -> Self {
        let credential = credential.into();
        Self {
            api_root: GMAIL_ROOT.to_owned(),
            token_uri: credential.token_uri().unwrap_or(GOOGLE_TOKEN_URI).to_owned(),
            credential,
            tls,
            units_per_minute: UNITS_PER_MINUTE,
        }
    }
}

impl fmt::Debug for GmailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GmailConfig")
            .field("api_root", &self.api_root)
            .field("token_uri", &self.token_uri)
            .field("units_per_minute", &self.units_per_minute)
            .finish_non_exhaustive()
    }
}

/// The API, seen by the user of the refresh token.
pub(super) struct Gmail {
    hub: Hub<HttpsConnector<HttpConnector>>,
    tokens: Tokens,
    root: String,
    /// Whether `root` is an address at all; the API's client panics at one that is not.
    root_is_good: bool,
    units_per_minute: u32,
    pub(super) spending: Spending,
    /// Held while an access token is replaced, so that many calls that were refused with it replace it once.
    replacing: tokio::sync::Mutex<()>,
}

/// The mailbox itself: its address and where its history stands.
pub(super) struct Profile {
    pub(super) address: String,
    pub(super) history: u64,
}

impl Gmail {
    pub(super) fn new(config: GmailConfig, redactor: Redactor) -> Self {
        let tokens = Tokens::new(&config, redactor);
        let mut tls = config.tls;
        // The connector sets its own and insists on finding none.
        tls.alpn_protocols.clear();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_LIMIT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        // Otherwise a connection that the network has dropped silently would be used until the system notices.
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .http2_keep_alive_timeout(CONNECT_LIMIT)
            .build(connector);
        let mut hub = Hub::new(client, tokens.clone());
        let root = format!("{}/", config.api_root.trim_end_matches('/'));
        hub.base_url(root.clone());
        hub.root_url(root.clone());
        let root_is_good =
            reqwest::Url::parse(&root).is_ok_and(|url| url.has_host() && url.scheme().starts_with("http"));
        let units_per_minute = config.units_per_minute;
        let spending = Spending::new(units_per_minute);
        let replacing = tokio::sync::Mutex::default();
        Self { hub, tokens, root, root_is_good, units_per_minute, spending, replacing }
    }

    /// What the token endpoint has said of the grant, once there was a token.
    pub(super) fn grant(&self) -> Grant {
        self.tokens.grant()
    }

    /// Units of quota for this process in any minute.
    pub(super) fn units_per_minute(&self) -> u32 {
        self.units_per_minute
    }

    /// Makes the credential known to a run.
    pub(super) fn teach(&self, redactor: &Redactor) {
        self.tokens.teach(redactor);
    }

    /// `users.getProfile`.
    pub(super) async fn profile(&self) -> Result<Profile, Trouble> {
        let profile = self
            .call(Price::Units(budget::PROFILE), || {
                self.hub.users().get_profile("me").add_scope(Scope::Readonly).doit()
            })
            .await?;
        match (profile.email_address, profile.history_id) {
            (Some(address), Some(history)) if address.contains('@') => Ok(Profile { address, history }),
            _ => Err(self.garbage("a profile without address or history id")),
        }
    }

    /// `users.history.list`: ids of mails added since `start`, wherever they were filed, oldest first, and where
    /// to go on next time.
    pub(super) async fn added_since(&self, start: u64) -> Result<(Vec<String>, u64), Trouble> {
        let mut ids = Vec::new();
        let mut next = None;
        let mut page: Option<String> = None;
        loop {
            self.spending.counts.polls.fetch_add(1, Ordering::Relaxed);
            let answer = self
                .call(Price::Units(budget::HISTORY), || {
                    let users = self.hub.users();
                    let mut call = users
                        .history_list("me")
                        .start_history_id(start)
                        .add_history_types("messageAdded")
                        .max_results(PAGE)
                        .add_scope(Scope::Readonly);
                    if let Some(page) = &page {
                        call = call.page_token(page);
                    }
                    call.doit()
                })
                .await?;
            let added =
                answer.history.into_iter().flatten().flat_map(|it| it.messages_added.unwrap_or_default());
            ids.extend(added.filter_map(|it| it.message?.id));
            // The first page's: what comes in while the others are read must be seen the next time.
            next = next.or(answer.history_id);
            match answer.next_page_token {
                Some(token) if !token.is_empty() && page.as_ref() != Some(&token) => page = Some(token),
                Some(_) | None => return Ok((ids, next.unwrap_or(start).max(start))),
            }
        }
    }

    /// `users.messages.list`: ids of all mails that came after a point in time, spam and trash included.
    pub(super) async fn search_after(&self, epoch_seconds: i64) -> Result<Vec<String>, Trouble> {
        let query = format!("in:anywhere after:{epoch_seconds}");
        let mut ids = Vec::new();
        let mut page: Option<String> = None;
        loop {
            self.spending.counts.searches.fetch_add(1, Ordering::Relaxed);
            let answer = self
                .call(Price::Units(budget::SEARCH), || {
                    let users = self.hub.users();
                    let mut call = users
                        .messages_list("me")
                        .q(&query)
                        .include_spam_trash(true)
                        .max_results(PAGE)
                        .add_scope(Scope::Readonly);
                    if let Some(page) = &page {
                        call = call.page_token(page);
                    }
                    call.doit()
                })
                .await?;
            ids.extend(answer.messages.into_iter().flatten().filter_map(|it| it.id));
            match answer.next_page_token {
                Some(token) if !token.is_empty() && page.as_ref() != Some(&token) => page = Some(token),
                Some(_) | None => break,
            }
        }
        // The API gives the newest first.
        ids.reverse();
        Ok(ids)
    }

    /// `users.messages.get`, headers only: lower-case name to all its values.
    pub(super) async fn headers(
        &self,
        id: &str,
        paid: Paid,
    ) -> Result<HashMap<String, Vec<String>>, Trouble> {
        self.spending.counts.headers.fetch_add(1, Ordering::Relaxed);
        let message = self
            .call(Price::Paid(paid), || {
                let mut call =
                    self.hub.users().messages_get("me", id).format("metadata").add_scope(Scope::Readonly);
                for header in HEADERS {
                    call = call.add_metadata_headers(header);
                }
                call.doit()
            })
            .await?;
        let mut headers: HashMap<String, Vec<String>> = HashMap::new();
        for header in message.payload.and_then(|it| it.headers).unwrap_or_default() {
            if let (Some(name), Some(value)) = (header.name, header.value) {
                headers.entry(name.to_ascii_lowercase()).or_default().push(value);
            }
        }
        Ok(headers)
    }

    /// `users.messages.get`, the whole mail.
    pub(super) async fn raw(&self, id: &str, paid: Paid) -> Result<Message, Trouble> {
        self.spending.counts.mails.fetch_add(1, Ordering::Relaxed);
        let message = self
            .call(Price::Paid(paid), || async {
                let call = self.hub.users().messages_get("me", id).format("raw").add_scope(Scope::Readonly);
                match call.doit().await {
                    Err(ApiError::JsonDecodeError(text, error)) => {
                        unpadded(&text).map(|mail| ((), mail)).ok_or(ApiError::JsonDecodeError(text, error))
                    }
                    other => other.map(|(_, mail)| ((), mail)),
                }
            })
            .await?;
        if message.raw.is_none() { Err(self.garbage("a mail without its text")) } else { Ok(message) }
    }

    /// One call within its time; once more if the access token is refused.
    async fn call<R, T, F>(&self, price: Price, mut make: impl FnMut() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = google_gmail1::Result<(R, T)>>,
    {
        if !self.root_is_good {
            let text = format!("an API root that is no address: {}", self.root);
            return Err(Trouble::new(Kind::Fatal, text, "correct the API root, or leave it out"));
        }
        let (units, mut is_paid) = match price {
            Price::Units(units) => (units, false),
            Price::Paid(Paid) => (budget::MESSAGE, true),
        };
        let mut again = true;
        loop {
            // Fetched here, so that the time it takes does not count as the API's; the call finds it ready.
            let token = self.tokens.access().await.map_err(|error| token_trouble(&error))?;
            if !std::mem::take(&mut is_paid) {
                self.spending.pay(units).await;
            }
            let mut trouble = match tokio::time::timeout(CALL_LIMIT, make()).await {
                Ok(Ok((_, answer))) => return Ok(answer),
                Ok(Err(error)) => self.trouble(&error),
                Err(_) => silence(&self.root, &format!("still waiting after {CALL_LIMIT:?}")),
            };
            if trouble.kind != Kind::Unauthorized {
                return Err(trouble);
            }
            if !again {
                // A fresh token is no better, so another one would not be either.
                trouble.kind = Kind::Fatal;
                return Err(trouble);
            }
            again = false;
            let _turn = self.replacing.lock().await;
            // Unless another call has done so meanwhile.
            if self.tokens.access().await.is_ok_and(|present| present == token) {
                self.tokens.forget().await;
            }
        }
    }

    fn garbage(&self, what: &str) -> Trouble {
        let text = format!("{what} from {}", self.root);
        Trouble::new(
            Kind::Passing,
            text,
            "check that the API root is Gmail's and that no proxy rewrites its answers",
        )
    }

    fn trouble(&self, error: &ApiError) -> Trouble {
        match error {
            ApiError::HttpError(error) => silence(&self.root, &chain(error)),
            ApiError::Io(error) => silence(&self.root, &chain(error)),
            ApiError::BadRequest(body) => refusal(body, &self.root),
            ApiError::Failure(response) => {
                let status = response.status().as_u16();
                let text = format!("status {status} from {}", self.root);
                match status {
                    408 | 425 | 500.. => Trouble::new(Kind::Passing, text, OUT_OF_ORDER),
                    429 => Trouble::new(Kind::Busy(None), text, QUOTA),
                    _ => Trouble::new(Kind::Fatal, text, CHECK_ROOT),
                }
            }
            // The error's own text would show the answer.
            ApiError::JsonDecodeError(..) => self.garbage("an answer that cannot be read"),
            ApiError::MissingToken(error) => match error.downcast_ref() {
                Some(error) => token_trouble(error),
                None => silence(&self.root, "no access token"),
            },
            ApiError::UploadSizeLimitExceeded(..)
            | ApiError::MissingAPIKey
            | ApiError::Cancelled
            | ApiError::FieldClash(_) => self.garbage("a call that could not be made"),
        }
    }
}

/// What is to be taken from the budget before a call.
enum Price {
    Units(u32),
    Paid(Paid),
}

/// A mail whose text comes without the padding of base64, which the API may leave out and its client insists on.
fn unpadded(answer: &str) -> Option<Message> {
    let mut answer: Value = serde_json::from_str(answer).ok()?;
    let raw = URL_SAFE_NO_PAD.decode(answer.get("raw")?.as_str()?.trim_end_matches('=')).ok()?;
    answer.as_object_mut()?.remove("raw");
    Some(Message { raw: Some(raw), ..serde_json::from_value(answer).ok()? })
}
