//! The methods about mails: listing and reading them, labelling them, putting them in and taking them away.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE},
};
use jiff::Timestamp;
use mail_parser::MessageParser;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Google,
    call::{Answer, Call, Refusal, Reply, mail_id, read_json},
    mailbox::{Mail, NoSuchLabel, Relabel},
    methods::METADATA,
    multipart, payload,
    query::Query,
    smtp::{MAX_PARTS, MAX_SIZE},
};

/// How many labels one call may give or take [V].
const MAX_LABELS: usize = 100;

/// How many mails one call may change [V].
const MAX_IDS: usize = 1000;

/// Takes base64 with or without its padding, as Google does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn profile(google: &Google, _: &Call) -> Answer {
    let mails = google.store.mails().len();
    Ok(Reply::json(&json!({
        "emailAddress": google.store.address(),
        "messagesTotal": mails,
        // Every mail is a thread of its own.
        "threadsTotal": mails,
        "historyId": google.store.history_id().to_string(),
    })))
}

pub(super) fn list(google: &Google, call: &Call) -> Answer {
    let now = google.clock.now();
    // Even an empty `q` is one, and even beside a wider scope [S].
    if call.has("q") && call.scopes.iter().any(|scope| scope == METADATA) {
        return Err(Refusal::metadata_only("Metadata scope does not support 'q' parameter"));
    }
    let q = call.one("q");
    let query = Query::parse(q.unwrap_or_default(), now, &google.store.labels());
    let labels = call.all("labelIds");
    let size = call.page_size()?;
    // The token is the last mail of the page before, so that mail which comes in between moves nothing.
    let below = call.page_token(read_place)?;
    let everywhere = call.switch("includeSpamTrash")?
        || query.reaches_spam_and_trash
        || labels.iter().any(|label| hidden(label));

    let mut mails = google.store.mails();
    mails.retain(|mail| {
        (everywhere || !mail.labels.iter().any(|label| hidden(label)))
            && labels.iter().all(|wanted| mail.labels.iter().any(|label| label == wanted))
            // Only a search reads the index, and the index lags [S].
            && (q.is_none() || now.duration_since(mail.filed) >= google.index_lag)
            && query.matches(mail)
    });
    let found = mails.len();
    mails.sort_by_key(|mail| std::cmp::Reverse(place(mail)));
    mails.retain(|mail| below.is_none_or(|below| place(mail) < below));
    let next = (mails.len() > size).then(|| place(&mails[size - 1]));
    mails.truncate(size);

    let mut answer = Map::new();
    if !mails.is_empty() {
        answer.insert("messages".to_owned(), mails.iter().map(|mail| reference(mail)).collect());
    }
    if let Some((millisecond, id)) = next {
        answer.insert("nextPageToken".to_owned(), format!("{millisecond}.{id}").into());
    }
    answer.insert("resultSizeEstimate".to_owned(), found.into());
    Ok(Reply::json(&answer))
}

/// Where a mail stands in the list: the higher, the nearer to its beginning.
fn place(mail: &Mail) -> (i64, u64) {
    (mail.received.as_millisecond(), mail.id)
}

fn read_place(token: &str) -> Option<(i64, u64)> {
    let (millisecond, id) = token.split_once('.')?;
    Some((millisecond.parse().ok()?, id.parse().ok()?))
}

/// Whether mail with this label is left out of a list that does not ask for it.
fn hidden(label: &str) -> bool {
    matches!(label, "SPAM" | "TRASH")
}

/// A mail by name only.
pub(super) fn reference(mail: &Mail) -> Value {
    let id = format!("{:016x}", mail.id);
    json!({ "id": id, "threadId": id })
}

/// A mail by name, with its labels; without any, the key is absent.
pub(super) fn labelled(mail: &Mail) -> Value {
    let mut message = reference(mail);
    if !mail.labels.is_empty() {
        message["labelIds"] = json!(mail.labels);
    }
    message
}

/// A mail in the form that was asked for; the shape of `Message` [V].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageView {
    id: String,
    thread_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
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

pub(super) fn get(google: &Google, call: &Call) -> Answer {
    let format = call.one("format").unwrap_or("full").to_lowercase();
    if matches!(format.as_str(), "full" | "raw") && call.scopes.iter().any(|scope| scope == METADATA) {
        let format = format.to_uppercase();
        return Err(Refusal::metadata_only(format!("Metadata scope doesn't allow format {format}")));
    }
    let mail = google.store.mail(call.mail()?).ok_or_else(Refusal::not_found)?;
    // A mail can be in the history before it can be read [S].
    if google.clock.now().duration_since(mail.filed) < google.get_lag {
        return Err(Refusal::not_found());
    }
    let (mut payload, mut raw) = (None, None);
    match format.as_str() {
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
    Ok(Reply::json(&MessageView {
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

pub(super) fn attachment(google: &Google, call: &Call) -> Answer {
    let mail = google.store.mail(call.mail()?).ok_or_else(Refusal::not_found)?;
    let bytes = payload::attachment(&mail.raw, call.id(1))
        .ok_or_else(|| Refusal::invalid_argument("Invalid attachment token"))?;
    Ok(Reply::json(&json!({ "size": bytes.len(), "data": URL_SAFE.encode(&bytes) })))
}

/// What a call says of mails that it changes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Changes {
    ids: Vec<String>,
    add_label_ids: Vec<String>,
    remove_label_ids: Vec<String>,
}

impl Changes {
    fn labels(&self) -> Result<Relabel<'_>, Refusal> {
        let Changes { ids: _, add_label_ids: add, remove_label_ids: remove } = self;
        if add.is_empty() && remove.is_empty() {
            return Err(Refusal::invalid_argument("No label add or removes specified"));
        }
        if add.len() > MAX_LABELS || remove.len() > MAX_LABELS {
            return Err(Refusal::invalid_argument(format!("Too many labels: the limit is {MAX_LABELS}")));
        }
        if let Some(both) = add.iter().find(|label| remove.contains(label)) {
            return Err(Refusal::invalid_argument(format!(
                "Cannot both add and remove the same label: {both}"
            )));
        }
        Ok(Relabel { add, remove })
    }

    fn ids(&self) -> Result<Vec<u64>, Refusal> {
        if self.ids.is_empty() {
            return Err(Refusal::invalid_argument("Missing/invalid parameter: ids"));
        }
        if self.ids.len() > MAX_IDS {
            return Err(Refusal::invalid_argument(format!("Too many ids: the limit is {MAX_IDS}")));
        }
        self.ids.iter().map(|id| mail_id(id)).collect()
    }
}

pub(super) fn modify(google: &Google, call: &Call) -> Answer {
    let changes: Changes = call.json()?;
    relabel(google, call.mail()?, changes.labels()?)
}

pub(super) fn trash(google: &Google, call: &Call) -> Answer {
    let (add, remove) = (["TRASH".to_owned()], ["INBOX".to_owned(), "SPAM".to_owned()]);
    relabel(google, call.mail()?, Relabel { add: &add, remove: &remove })
}

/// The mail is not put back where it was [M]: it is in no folder then.
pub(super) fn untrash(google: &Google, call: &Call) -> Answer {
    relabel(google, call.mail()?, Relabel { add: &[], remove: &["TRASH".to_owned()] })
}

fn relabel(google: &Google, id: u64, labels: Relabel<'_>) -> Answer {
    let changed = google.store.relabel(&[id], labels).map_err(invalid_label)?;
    changed.first().map(|mail| Reply::json(&labelled(mail))).ok_or_else(Refusal::not_found)
}

fn invalid_label(NoSuchLabel(label): NoSuchLabel) -> Refusal {
    Refusal::invalid_argument(format!("Invalid label: {label}"))
}

pub(super) fn batch_modify(google: &Google, call: &Call) -> Answer {
    let changes: Changes = call.json()?;
    google.store.relabel(&changes.ids()?, changes.labels()?).map_err(invalid_label)?;
    Ok(Reply::nothing())
}

pub(super) fn delete(google: &Google, call: &Call) -> Answer {
    if google.store.delete(&[call.mail()?]) == 0 { Err(Refusal::not_found()) } else { Ok(Reply::nothing()) }
}

/// Whether the mails were there or not, it says nothing [V].
pub(super) fn batch_delete(google: &Google, call: &Call) -> Answer {
    let changes: Changes = call.json()?;
    google.store.delete(&changes.ids()?);
    Ok(Reply::nothing())
}

pub(super) fn insert(google: &Google, call: &Call) -> Answer {
    put(google, call, "receivedTime", |_| {})
}

/// As if the mail had come by SMTP: it may be taken for spam.
pub(super) fn import(google: &Google, call: &Call) -> Answer {
    let spam = google.faults.on("mail_spam") && !call.switch("neverMarkSpam")?;
    put(google, call, "dateHeader", |labels| {
        if spam {
            labels.retain(|label| label != "INBOX");
            labels.push("SPAM".to_owned());
        }
    })
}

/// A mail that is put in, as JSON: the labels, and the mail itself unless it is uploaded.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Draft {
    label_ids: Vec<String>,
    raw: Option<String>,
}

fn put(google: &Google, call: &Call, date_source: &str, classify: impl Fn(&mut Vec<String>)) -> Answer {
    let (mut labels, raw) = sent(call)?;
    if raw.len() > MAX_SIZE {
        return Err(Refusal::too_large());
    }
    if payload::content_types(&raw) > MAX_PARTS {
        return Err(Refusal::invalid_argument("The mail has too many parts"));
    }
    let received = match call.one("internalDateSource").unwrap_or(date_source) {
        "receivedTime" => None,
        "dateHeader" => date(&raw),
        other => {
            return Err(Refusal::invalid_argument(format!(
                "Invalid value at 'internal_date_source' (TYPE_ENUM), \"{other}\""
            )));
        }
    };
    classify(&mut labels);
    let mail = google.store.insert(&raw, received, &labels).map_err(invalid_label)?;
    Ok(Reply::json(&labelled(&mail)))
}

/// The labels and the bytes of a mail that is put in: in JSON, or uploaded with or without JSON beside it.
fn sent(call: &Call) -> Result<(Vec<String>, Vec<u8>), Refusal> {
    let nothing = || {
        Refusal::invalid_argument(
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        )
    };
    if !call.upload {
        let Draft { label_ids, raw } = call.json()?;
        let raw = raw.filter(|raw| !raw.is_empty()).ok_or_else(nothing)?;
        let raw = BASE64.decode(raw).map_err(|error| {
            Refusal::bad_request(format!("Invalid value at 'message.raw' (TYPE_BYTES), {error}"))
        })?;
        return Ok((label_ids, raw));
    }
    let (draft, kind, raw) = match call.one("uploadType") {
        Some("media") | None => (Draft::default(), call.content_type.clone(), call.body.to_vec()),
        Some("multipart") => {
            let parts = multipart::parts(&call.content_type, &call.body)
                .ok_or_else(|| Refusal::bad_request("Malformed multipart body."))?;
            let [draft, media] = &parts[..] else {
                return Err(Refusal::bad_request("Multipart must have exactly two parts."));
            };
            (read_json(draft.body)?, media.header("content-type").to_owned(), media.body.to_vec())
        }
        Some(other) => return Err(Refusal::bad_request(format!("Invalid uploadType: {other}"))),
    };
    if !kind.to_lowercase().starts_with("message/") {
        return Err(Refusal::bad_request(format!(
            "Media type '{kind}' is not supported. Valid media types: [message/*]"
        )));
    }
    if raw.is_empty() { Err(nothing()) } else { Ok((draft.label_ids, raw)) }
}

/// What the mail says of when it was written.
fn date(raw: &[u8]) -> Option<Timestamp> {
    let message = MessageParser::default().parse(raw)?;
    Timestamp::from_second(message.date()?.to_timestamp()).ok()
}
