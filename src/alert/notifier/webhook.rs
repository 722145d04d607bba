//! Any program that takes JSON. What is posted is described in `docs/webhook.md`, which is all that a receiver has to
//! know.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Action, Manner, Notifier, Outcome, Sending,
    http::{Heard, Line},
};
use crate::{
    alert::{
        Evidence, Page,
        page::{first, share, short},
    },
    clock::Clock,
    config::{ConfigError, WebhookSettings},
    http::Roots,
    redact::Redactor,
    report::text::plain,
    secret::Secret,
};

/// The version of the document: it grows by members, and changes its number if one changes its meaning.
pub const VERSION: u32 = 1;

/// The largest body, in bytes.
pub const BODY_LIMIT: usize = 256 << 10;

/// How many steps are told, and what room all texts share, in characters: what is tried until the body fits. Each text
/// stands in it twice, and a character has up to four bytes.
const LEVELS: [(usize, usize); 2] = [(40, 25_000), (10, 5_000)];

/// The most blocked steps that are named for each step.
const BLOCKS: usize = 20;

/// The document that is posted.
#[must_use]
pub fn document(page: &Page, action: Action, minimal: bool) -> Value {
    for (steps, room) in if minimal { &[][..] } else { &LEVELS[..] } {
        let document = at_level(page, action, *steps, share(*room, page.roots.len().min(*steps)));
        if serde_json::to_vec(&document).is_ok_and(|it| it.len() <= BODY_LIMIT) {
            return document;
        }
    }
    let mut document = at_level(page, action, 0, 200);
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "text" | "links" | "last_green"));
    }
    document
}

fn at_level(page: &Page, action: Action, steps: usize, characters: usize) -> Value {
    let text = |it: &str| short(&plain(it), characters);
    let maybe = |it: &Option<String>| it.as_deref().map(text);
    let (shown, left) = first(&page.roots, steps);
    json!({
        "version": VERSION,
        "action": action.as_str(),
        "delivery": delivery(page, action),
        "title": text(&page.headline(action)),
        "text": body(page, steps, characters),
        "incident": {
            "id": text(&page.incident),
            "key": short(&page.key, 1_000),
            "kind": page.kind,
            "severity": page.severity,
            "since": page.since,
            "opened": page.opened,
            "round": page.round,
            "acknowledged": page.acknowledged.as_ref().map(|it| json!({"at": it.at, "by": text(&it.by)})),
            "closed": page.closed.as_ref().map(|it| json!({"at": it.at, "why": it.why})),
        },
        "suite": text(&page.suite),
        "location": text(&page.location),
        "target": text(&page.target),
        "canary": text(&page.canary),
        "failed": shown.iter().map(|it| failed(page, it, &text)).collect::<Vec<_>>(),
        "failed_more": left,
        "last_green": page.last_green.as_ref().map(|it| json!({"run": text(&it.run), "started": it.started})),
        "links": {"run": page.run_link, "incident": page.incident_link},
        "instead": maybe(&page.instead),
    })
}

fn failed(page: &Page, root: &Evidence, text: &impl Fn(&str) -> String) -> Value {
    let maybe = |it: &Option<String>| it.as_deref().map(text);
    let Evidence { step, promise, severity, cause, message, remedy, request, request_id, .. } = root;
    let Evidence { runbook, blocks, run, trace, started, .. } = root;
    json!({
        "step": text(step),
        "promise": text(promise),
        "severity": severity,
        "cause": cause,
        "message": text(message),
        "remedy": maybe(remedy),
        "request": maybe(request),
        "request_id": maybe(request_id),
        "runbook": maybe(runbook),
        "blocks": first(blocks, BLOCKS).0.iter().map(|it| text(it)).collect::<Vec<_>>(),
        "run": text(run),
        "trace": text(trace),
        "started": started,
        "repeat": page.command(root).as_deref().map(text),
    })
}

/// All that there is to say as lines of text, for receivers that only show it to somebody.
fn body(page: &Page, steps: usize, characters: usize) -> String {
    let (shown, left) = first(&page.roots, steps);
    let line = |it: crate::alert::page::Field| format!("{}: {}", it.label, short(&it.text, characters));
    let mut parts: Vec<String> = shown
        .iter()
        .map(|root| page.evidence(root).into_iter().map(line).collect::<Vec<_>>().join("\n"))
        .collect();
    if left > 0 {
        parts.push(format!("{left} more steps have failed"));
    }
    parts.push(page.about().into_iter().map(line).collect::<Vec<_>>().join("\n"));
    parts.join("\n\n")
}

/// The same for each attempt at the same message: `i-7k2m9q4x/1/trigger`.
#[must_use]
pub fn delivery(page: &Page, action: Action) -> String {
    let fit = |it: char| it.is_ascii_alphanumeric() || "-_.:".contains(it);
    let incident: String = page.incident.chars().map(|it| if fit(it) { it } else { '-' }).take(100).collect();
    format!("{incident}/{}/{}", page.round, action.as_str())
}

/// The header `Coalmine-Signature`: `t=1790000000,v1=…`, the HMAC-SHA256 of the time, a full stop and the body.
#[must_use]
pub fn signature(secret: &Secret, at: Timestamp, body: &[u8]) -> String {
    let second = at.as_second();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{second}.").as_bytes());
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={second},v1={digest}")
}

/// Posts documents.
pub struct Webhook {
    manner: Manner,
    address: Secret,
    secret: Option<Secret>,
    line: Line,
}

impl Webhook {
    /// A sender.
    ///
    /// # Errors
    /// If nobody is trusted, so that no connection can be made.
    pub fn new(settings: &WebhookSettings, roots: &Roots, redactor: &Redactor) -> Result<Self, ConfigError> {
        let WebhookSettings { url, secret } = settings;
        let line = Line::new("COALMINE_WEBHOOK", url.expose(), roots, redactor.clone())?;
        let manner = Manner {
            name: "webhook".to_owned(),
            absorbs: false,
            acknowledges: true,
            refresh: None,
            burst: 30,
            per_minute: 120,
        };
        Ok(Self { manner, address: url.clone(), secret: secret.clone(), line })
    }
}

impl Notifier for Webhook {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            let body = document(page, action, minimal).to_string();
            let mut request = self
                .line
                .client()
                .post(self.address.expose())
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .header("coalmine-delivery", delivery(page, action));
            if let Some(secret) = &self.secret {
                // Receivers hold it against their own clocks, so that it is the machine's in every case.
                let signature = signature(secret, Clock::system().now(), body.as_bytes());
                request = request.header("coalmine-signature", signature);
            }
            match self.line.ask(request.body(body)).await {
                // It has not read the whole request (RFC 9110, 15.5.9).
                heard @ Heard::Answer { status, retry_after, .. } if status.as_u16() == 408 => {
                    let why = self.line.judge(heard, |_| true, |_| false).text().to_owned();
                    Outcome::NotTaken { why, retry_after }
                }
                heard => self.line.judge(
                    heard,
                    |status| (200..300).contains(&status),
                    // An address that has moved is to be corrected: nobody is led elsewhere.
                    |status| (300..500).contains(&status),
                ),
            }
        })
    }
}
