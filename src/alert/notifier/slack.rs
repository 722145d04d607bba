//! Slack by an incoming webhook. What a message may hold is in its reference ("Block Kit", "Formatting text for app
//! surfaces", "Incoming webhooks"): at most 50 blocks, 3,000 characters in the text of one, `&`, `<` and `>` escaped. What
//! was posted can be neither changed nor taken back, so that the end is a message of its own.

use serde_json::{Value, json};

use super::{Action, Manner, Notifier, Outcome, Sending, http::Line};
use crate::{
    alert::{
        Kind, Page,
        page::{Field, first, is_address, short_by},
    },
    config::{ConfigError, SlackSettings},
    http::Roots,
    redact::Redactor,
    secret::Secret,
    verdict::Severity,
};

/// The most blocks of a message.
pub const BLOCK_LIMIT: usize = 50;

/// The longest text of a block, escaped. Whether Slack counts characters or UTF-16's units is not said: the larger number
/// is held to it.
pub const TEXT_LIMIT: usize = 3000;

/// The longest title.
const TITLE_LIMIT: usize = 1000;

/// The most steps that are told one by one.
const STEPS: usize = 10;

/// A link longer than this, in bytes, is left out: half of one leads nowhere.
const LINK_LIMIT: usize = 1500;

/// The message, as it is posted to the webhook.
#[must_use]
pub fn message(page: &Page, action: Action, minimal: bool) -> Value {
    let title = escaped(&page.headline(action), TITLE_LIMIT);
    let icon = match action {
        Action::Resolve => ":white_check_mark:",
        Action::Acknowledge => ":eyes:",
        Action::Trigger if page.kind == Kind::Drill => ":satellite_antenna:",
        Action::Trigger if page.severity == Severity::Critical => ":rotating_light:",
        Action::Trigger => ":warning:",
    };
    if minimal {
        return json!({"text": title});
    }
    let mut texts = vec![format!("{icon} *{title}*")];
    let about = page.about();
    match action {
        Action::Trigger => {
            // Many steps share the room of one.
            let (shown, left) = first(&page.roots, STEPS);
            let limit = if shown.len() > 1 { 250 } else { 1500 };
            for root in shown {
                sections(&page.evidence(root), limit, &mut texts);
            }
            if left > 0 {
                texts.push(format!("… and {left} more steps have failed"));
            }
            sections(&about, 1500, &mut texts);
        }
        Action::Acknowledge | Action::Resolve => {
            let kept = ["run", "incident", "acknowledged by"];
            let few: Vec<_> = about.into_iter().filter(|it| kept.contains(&it.label)).collect();
            sections(&few, 1500, &mut texts);
        }
    }
    let blocks: Vec<_> = texts
        .iter()
        .take(BLOCK_LIMIT)
        .map(|text| {
            // Verbatim: what looks like a name of a channel or an address is left alone.
            json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
        })
        .collect();
    json!({"text": title, "blocks": blocks})
}

/// Adds fields as few texts.
fn sections(fields: &[Field], limit: usize, texts: &mut Vec<String>) {
    let mut text = String::new();
    for field in fields {
        let line = if field.is_link && is_address(&field.text) {
            if field.text.len() > LINK_LIMIT {
                continue;
            }
            // Within a link these two would end it.
            let address = field.text.replace('|', "%7C").replace('>', "%3E").replace('<', "%3C");
            format!("*{}*  <{}|open>", field.label, address.replace('&', "&amp;"))
        } else {
            format!("*{}*  {}", field.label, escaped(&field.text, limit))
        };
        if !text.is_empty() && length(&text) + 1 + length(&line) > TEXT_LIMIT {
            texts.push(std::mem::take(&mut text));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    if !text.is_empty() {
        texts.push(text);
    }
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text, escaped, within a limit that holds for the escaped form.
fn escaped(text: &str, limit: usize) -> String {
    let weight = |it: char| match it {
        '&' => 5,
        '<' | '>' => 4,
        _ => it.len_utf16(),
    };
    short_by(text, limit, weight).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Posts messages.
pub struct Slack {
    manner: Manner,
    address: Secret,
    line: Line,
}

impl Slack {
    /// A sender.
    ///
    /// # Errors
    /// If nobody is trusted, so that no connection can be made.
    pub fn new(settings: &SlackSettings, roots: &Roots, redactor: &Redactor) -> Result<Self, ConfigError> {
        let SlackSettings { webhook } = settings;
        let line = Line::new("COALMINE_SLACK_WEBHOOK", webhook.expose(), roots, redactor.clone())?;
        let manner = Manner {
            name: "slack".to_owned(),
            absorbs: false,
            acknowledges: false,
            refresh: None,
            // About one message a second is taken.
            burst: 5,
            per_minute: 55,
        };
        Ok(Self { manner, address: webhook.clone(), line })
    }
}

impl Notifier for Slack {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            let message = message(page, action, minimal);
            let heard = self.line.ask(self.line.client().post(self.address.expose()).json(&message)).await;
            self.line.judge(
                heard,
                |status| status == 200,
                |status| matches!(status, 400 | 403 | 404 | 410 | 413),
            )
        })
    }
}
