//! The Gmail REST API, version 1, as far as it is needed to read a mailbox.
//!
//! 64-bit numbers are strings and empty lists are left out [V].

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Google,
    call::{Call, Refusal},
    mailbox::{Change, ChangeKind, Gone, Mail},
    oauth, payload,
    query::Query,
};

type Answer = Result<Json<Value>, Refusal>;

/// Everything that the API's listener answers: the mailbox, and the token endpoint.
pub(super) fn router(google: Arc<Google>) -> Router {
    let user = Router::new()
        .route("/profile", get(profile))
        .route("/messages", get(list))
        .route("/messages/{id}", get(message))
        .route("/messages/{id}/attachments/{attachment}", get(attachment))
        .route("/history", get(history));
    Router::new()
        .nest("/gmail/v1/users/{user}", user)
        .route("/token", post(oauth::token))
        .route("/o/oauth2/v2/auth", get(oauth::consent))
        .fallback(async || Refusal::not_found())
        .method_not_allowed_fallback(async || Refusal::not_found())
        .with_state(google)
}

async fn profile(State(google): State<Arc<Google>>, _: Call) -> Answer {
    let mails = google.store.mails().len();
    Ok(Json(json!({
        "emailAddress": google.store.address(),
        "messagesTotal": mails,
        // Every mail is a thread of its own.
        "threadsTotal": mails,
        "historyId": google.store.history_id().to_string(),
    })))
}

async fn list(State(google): State<Arc<Google>>, call: Call) -> Answer {
    let query = Query::parse(call.one("q").unwrap_or_default(), google.clock.now());
    let labels = call.all("labelIds");
    let size = call.page_size()?;
    // The token is the last mail of the page before, so that mail which comes in between moves nothing.
    let below = call.page_token()?.unwrap_or(u64::MAX);
    let everywhere = call.switch("includeSpamTrash")?
        || query.reaches_spam_and_trash
        || labels.iter().any(|label| hidden(label));

    let mut mails = google.store.mails();
    mails.reverse();
    mails.retain(|mail| {
        (everywhere || !mail.labels.iter().any(|label| hidden(label)))
            && labels.iter().all(|wanted| mail.labels.iter().any(|label| label == wanted))
            && query.matches(mail)
    });
    let found = mails.len();
    mails.retain(|mail| mail.id < below);
    let next = (mails.len() > size).then(|| mails[size - 1].id);
    mails.truncate(size);

    let mut answer = Map::new();
    if !mails.is_empty() {
        answer.insert("messages".to_owned(), mails.iter().map(|mail| reference(mail)).collect());
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".to_owned(), next.to_string().into());
    }
    answer.insert("resultSizeEstimate".to_owned(), found.into());
    Ok(Json(answer.into()))
}

/// Whether mail with this label is left out of a list that does not ask for it.
fn hidden(label: &str) -> bool {
    matches!(label, "SPAM" | "TRASH")
}

/// A mail by name only.
fn reference(mail: &Mail) -> Value {
    let id = format!("{:016x}", mail.id);
    json!({ "id": id, "threadId": id })
}

/// A mail in the form that was asked for; the shape of `Message` [V].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageView {
    id: String,
    thread_id: String,
    label_ids: Vec<String>,
    snippet: String,
    history_id: String,
    internal_date: String,
    size_estimate: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

async fn message(State(google): State<Arc<Google>>, call: Call) -> Result<Json<MessageView>, Refusal> {
    let mail = google.store.mail(call.id("id")?).ok_or_else(Refusal::not_found)?;
    let (mut payload, mut raw) = (None, None);
    match call.one("format").unwrap_or("full").to_lowercase().as_str() {
        "minimal" => {}
        "full" => payload = Some(json!(payload::tree(&mail.raw))),
        "raw" => raw = Some(URL_SAFE.encode(&mail.raw)),
        "metadata" => {
            let root = payload::tree(&mail.raw);
            let wanted = call.all("metadataHeaders");
            let headers: Vec<_> = root
                .headers
                .into_iter()
                .filter(|header| {
                    wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(&header.name))
                })
                .collect();
            payload = Some(json!({ "mimeType": root.mime_type, "headers": headers }));
        }
        other => {
            return Err(Refusal::invalid_argument(format!(
                "Invalid value at 'format' (TYPE_ENUM), \"{other}\""
            )));
        }
    }
    let id = format!("{:016x}", mail.id);
    Ok(Json(MessageView {
        thread_id: id.clone(),
        id,
        label_ids: mail.labels.clone(),
        snippet: payload::snippet(&mail.raw),
        history_id: mail.history_id.to_string(),
        internal_date: mail.received.as_millisecond().to_string(),
        size_estimate: mail.raw.len(),
        payload,
        raw,
    }))
}

async fn attachment(State(google): State<Arc<Google>>, call: Call) -> Answer {
    let mail = google.store.mail(call.id("id")?).ok_or_else(Refusal::not_found)?;
    let bytes = payload::attachment(&mail.raw, call.path("attachment"))
        .ok_or_else(|| Refusal::invalid_argument("Invalid attachment token"))?;
    Ok(Json(json!({ "size": bytes.len(), "data": URL_SAFE.encode(&bytes) })))
}

async fn history(State(google): State<Arc<Google>>, call: Call) -> Answer {
    let missing = || Refusal::invalid_argument("Missing/invalid parameter: startHistoryId");
    let start: u64 = call.one("startHistoryId").ok_or_else(missing)?.parse().map_err(|_| missing())?;
    let kinds = call.all("historyTypes");
    for kind in &kinds {
        if !["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"].contains(kind) {
            return Err(Refusal::invalid_argument(format!(
                "Invalid value at 'history_types' (TYPE_ENUM), \"{kind}\""
            )));
        }
    }
    let label = call.one("labelId");
    let size = call.page_size()?;
    // The token is the last change of the page before.
    let above = call.page_token()?.unwrap_or(start);

    let (mut changes, newest) = google.store.history(start).map_err(|Gone| Refusal::not_found())?;
    changes.retain(|change| change.id > above);
    let next = (changes.len() > size).then(|| changes[size - 1].id);
    changes.truncate(size);
    // What was not asked for is dropped after the page is cut: a page can be empty and still not the last [S].
    changes.retain(|change| {
        let wanted_kind = kinds.is_empty() || kinds.contains(&change.kind.name());
        wanted_kind && label.is_none_or(|label| change.mail.labels.iter().any(|own| own == label))
    });

    let mut answer = Map::new();
    if !changes.is_empty() {
        answer.insert("history".to_owned(), changes.iter().map(record).collect());
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".to_owned(), next.to_string().into());
    }
    answer.insert("historyId".to_owned(), newest.to_string().into());
    Ok(Json(answer.into()))
}

/// One entry of the history: the mail by name, and again under what happened to it [V].
fn record(change: &Change) -> Value {
    let mail = reference(&change.mail);
    let mut record = Map::new();
    record.insert("id".to_owned(), change.id.to_string().into());
    record.insert("messages".to_owned(), json!([mail]));
    match change.kind {
        ChangeKind::Added => {
            let mut message = mail;
            message["labelIds"] = json!(change.mail.labels);
            record.insert("messagesAdded".to_owned(), json!([{ "message": message }]));
        }
    }
    record.into()
}

impl ChangeKind {
    /// As `historyTypes` spells it.
    fn name(self) -> &'static str {
        match self {
            ChangeKind::Added => "messageAdded",
        }
    }
}
