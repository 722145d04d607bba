//! The labels of a mailbox: those that every mailbox has, and those that its user made.

use serde::{Deserialize, Serialize};

/// The labels that every mailbox has, and whether a mail can be given them or lose them by a call \[V\]. Their names
/// are their ids.
const SYSTEM: [(&str, bool); 14] = [
    ("CHAT", false),
    ("SENT", false),
    ("INBOX", true),
    ("IMPORTANT", true),
    ("TRASH", true),
    ("DRAFT", false),
    ("SPAM", true),
    ("CATEGORY_FORUMS", true),
    ("CATEGORY_UPDATES", true),
    ("CATEGORY_PERSONAL", true),
    ("CATEGORY_PROMOTIONS", true),
    ("CATEGORY_SOCIAL", true),
    ("STARRED", true),
    ("UNREAD", true),
];

/// A label; the shape of `Label` without its counts \[V\].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Label {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_list_visibility: Option<MessageListVisibility>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_list_visibility: Option<LabelListVisibility>,
    r#type: Owner,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<Color>,
}

/// What a call says of a label. What it leaves out stays as it is, or as new labels have it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Draft {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    message_list_visibility: Option<MessageListVisibility>,
    label_list_visibility: Option<LabelListVisibility>,
    color: Option<Color>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Owner {
    System,
    User,
}

/// Whether mails with the label show in the list of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum MessageListVisibility {
    Show,
    Hide,
}

/// Whether the label shows in the list of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum LabelListVisibility {
    #[serde(rename = "labelShow")]
    Show,
    #[serde(rename = "labelShowIfUnread")]
    ShowIfUnread,
    #[serde(rename = "labelHide")]
    Hide,
}

/// Kept as it is given; Google takes only the colours of its palette.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Color {
    text_color: String,
    background_color: String,
}

/// Why a label was not made, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LabelError {
    /// The name is empty, or one of Gmail's own.
    Name,
    /// Another label has the name, case aside.
    Exists,
    /// There is no such label.
    Unknown,
    /// The label is one of Gmail's own.
    System,
}

/// The labels that the user made.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    own: Vec<Label>,
    /// How many were ever made: ids are not used again.
    made: u32,
}

impl Labels {
    /// All labels, Gmail's own first.
    pub(super) fn all(&self) -> Vec<Label> {
        let system = SYSTEM.iter().map(|(id, _)| Label {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            message_list_visibility: None,
            label_list_visibility: None,
            r#type: Owner::System,
            color: None,
        });
        system.chain(self.own.iter().cloned()).collect()
    }

    /// Whether a mail can be given the label `id`, or lose it.
    pub(super) fn can_be_put(&self, id: &str) -> bool {
        let system = SYSTEM.iter().find(|(system, _)| *system == id);
        system.map_or_else(|| self.own.iter().any(|label| label.id == id), |(_, can)| *can)
    }

    pub(super) fn create(&mut self, draft: Draft) -> Result<Label, LabelError> {
        let name = self.free_name(draft.name.as_deref().unwrap_or_default(), None)?;
        self.made += 1;
        let label = Label {
            id: format!("Label_{}", self.made),
            name,
            message_list_visibility: draft.message_list_visibility.or(Some(MessageListVisibility::Show)),
            label_list_visibility: draft.label_list_visibility.or(Some(LabelListVisibility::Show)),
            r#type: Owner::User,
            color: draft.color,
        };
        self.own.push(label.clone());
        Ok(label)
    }

    /// Changes what `draft` names.
    pub(super) fn patch(&mut self, id: &str, draft: Draft) -> Result<Label, LabelError> {
        let at = self.position(id)?;
        let name = draft.name.map(|name| self.free_name(&name, Some(id))).transpose()?;
        let label = &mut self.own[at];
        label.name = name.unwrap_or_else(|| label.name.clone());
        label.message_list_visibility = draft.message_list_visibility.or(label.message_list_visibility);
        label.label_list_visibility = draft.label_list_visibility.or(label.label_list_visibility);
        label.color = draft.color.or_else(|| label.color.take());
        Ok(label.clone())
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), LabelError> {
        let at = self.position(id)?;
        self.own.remove(at);
        Ok(())
    }

    fn position(&self, id: &str) -> Result<usize, LabelError> {
        if SYSTEM.iter().any(|(system, _)| *system == id) {
            return Err(LabelError::System);
        }
        self.own.iter().position(|label| label.id == id).ok_or(LabelError::Unknown)
    }

    /// The name as it is kept, if no label but `owner` has it.
    fn free_name(&self, name: &str, owner: Option<&str>) -> Result<String, LabelError> {
        let name = name.trim();
        if name.is_empty() || SYSTEM.iter().any(|(system, _)| system.eq_ignore_ascii_case(name)) {
            return Err(LabelError::Name);
        }
        let same = |label: &&Label| label.name.to_lowercase() == name.to_lowercase();
        match self.own.iter().find(same) {
            Some(label) if owner != Some(label.id.as_str()) => Err(LabelError::Exists),
            _ => Ok(name.to_owned()),
        }
    }
}
