//! `history.list`: what has happened in the mailbox since a point that the reader names.

use serde_json::{Map, Value, json};

use super::{
    Google,
    call::{Answer, Call, Refusal, Reply},
    mailbox::{Change, ChangeKind, Gone},
    messages::{labelled, reference},
};

/// The kinds as `historyTypes` spells them.
const KINDS: [&str; 4] = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];

pub(super) fn list(google: &Google, call: &Call) -> Answer {
    let missing = || Refusal::invalid_argument("Missing/invalid parameter: startHistoryId");
    let start: u64 = call.one("startHistoryId").ok_or_else(missing)?.parse().map_err(|_| missing())?;
    let kinds = call.all("historyTypes");
    if let Some(unknown) = kinds.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(Refusal::invalid_argument(format!(
            "Invalid value at 'history_types' (TYPE_ENUM), \"{unknown}\""
        )));
    }
    let label = call.one("labelId");
    let size = call.page_size()?;
    // The token is the last change of the page before.
    let above = call.page_token(|token| token.parse().ok())?.unwrap_or(start);

    let (mut changes, newest) = google.store.history(start).map_err(|Gone| Refusal::not_found())?;
    changes.retain(|change| change.id > above);
    let next = (changes.len() > size).then(|| changes[size - 1].id);
    changes.truncate(size);
    // What was not asked for is dropped after the page is cut: a page can be empty and still not the last [S].
    changes.retain(|change| {
        let wanted_kind = kinds.is_empty() || kinds.contains(&change.kind.name());
        wanted_kind && label.is_none_or(|label| change.is_about(label))
    });

    let mut answer = Map::new();
    if !changes.is_empty() {
        answer.insert("history".to_owned(), changes.iter().map(record).collect());
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".to_owned(), next.to_string().into());
    }
    answer.insert("historyId".to_owned(), newest.to_string().into());
    Ok(Reply::json(&answer))
}

/// One entry of the history: the mail by name, and again under what happened to it [V].
fn record(change: &Change) -> Value {
    let message = labelled(&change.mail);
    let (key, entry) = match &change.kind {
        ChangeKind::Added => ("messagesAdded", json!({ "message": message })),
        ChangeKind::Deleted => ("messagesDeleted", json!({ "message": message })),
        ChangeKind::LabelsAdded(labels) => ("labelsAdded", json!({ "message": message, "labelIds": labels })),
        ChangeKind::LabelsRemoved(labels) => {
            ("labelsRemoved", json!({ "message": message, "labelIds": labels }))
        }
    };
    json!({ "id": change.id.to_string(), "messages": [reference(&change.mail)], key: [entry] })
}

impl Change {
    /// Whether the mail has the label, or got or lost it by this change.
    fn is_about(&self, label: &str) -> bool {
        let of_change = match &self.kind {
            ChangeKind::Added | ChangeKind::Deleted => [].as_slice(),
            ChangeKind::LabelsAdded(labels) | ChangeKind::LabelsRemoved(labels) => labels,
        };
        self.mail.labels.iter().chain(of_change).any(|own| own == label)
    }
}

impl ChangeKind {
    fn name(&self) -> &'static str {
        match self {
            ChangeKind::Added => "messageAdded",
            ChangeKind::Deleted => "messageDeleted",
            ChangeKind::LabelsAdded(_) => "labelAdded",
            ChangeKind::LabelsRemoved(_) => "labelRemoved",
        }
    }
}
