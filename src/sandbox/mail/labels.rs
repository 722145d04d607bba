//! The methods about labels.

use serde_json::{Value, json};

use super::{
    Google,
    call::{Answer, Call, Refusal, Reply},
    label::{Draft, Label, LabelError},
};

/// Without counts and colours [V].
pub(super) fn list(google: &Google, _: &Call) -> Answer {
    let labels: Vec<_> = google.store.labels().iter().map(without_color).collect();
    Ok(Reply::json(&json!({ "labels": labels })))
}

pub(super) fn get(google: &Google, call: &Call) -> Answer {
    let labels = google.store.labels();
    let label = labels.iter().find(|label| label.id == call.id(0)).ok_or_else(Refusal::not_found)?;
    let mails = google.store.mails();
    let total = mails.iter().filter(|mail| mail.labels.contains(&label.id));
    let unread = total.clone().filter(|mail| mail.labels.iter().any(|label| label == "UNREAD")).count();
    let total = total.count();
    let mut view = json!(label);
    for (key, count) in [("messages", total), ("threads", total)] {
        view[format!("{key}Total")] = count.into();
        view[format!("{key}Unread")] = unread.into();
    }
    Ok(Reply::json(&view))
}

pub(super) fn create(google: &Google, call: &Call) -> Answer {
    let label = google.store.create_label(call.json()?);
    label.map(|label| Reply::json(&label)).map_err(|error| refusal(&error, "create"))
}

/// Changes what the call names.
pub(super) fn patch(google: &Google, call: &Call) -> Answer {
    change(google, call, call.json()?)
}

/// The whole label is to be given, at least its name.
pub(super) fn update(google: &Google, call: &Call) -> Answer {
    let draft: Draft = call.json()?;
    if draft.name.is_none() {
        return Err(refusal(&LabelError::Name, "update"));
    }
    change(google, call, draft)
}

fn change(google: &Google, call: &Call, draft: Draft) -> Answer {
    let id = call.id(0);
    if draft.id.as_ref().is_some_and(|named| named != id) {
        return Err(Refusal::invalid_argument("Invalid label id"));
    }
    let label = google.store.patch_label(id, draft);
    label.map(|label| Reply::json(&label)).map_err(|error| refusal(&error, "update"))
}

pub(super) fn delete(google: &Google, call: &Call) -> Answer {
    google.store.delete_label(call.id(0)).map_err(|error| refusal(&error, "delete"))?;
    Ok(Reply::nothing())
}

fn without_color(label: &Label) -> Value {
    let mut view = json!(label);
    if let Some(view) = view.as_object_mut() {
        view.remove("color");
    }
    view
}

fn refusal(error: &LabelError, what: &str) -> Refusal {
    match error {
        LabelError::Name => Refusal::invalid_argument("Invalid label name"),
        LabelError::Exists => Refusal::aborted("Label name exists or conflicts"),
        LabelError::Unknown => Refusal::not_found(),
        LabelError::System => Refusal::invalid_argument(format!("Invalid {what} request")),
    }
}
