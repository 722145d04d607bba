//! PagerDuty by its Events API v2. What it demands of an event, and what it answers, is in its reference ("Send an
//! Alert Event", "PD-CEF"): a routing key of 32 characters, a summary of at most 1,024 characters, a key of at most 255,
//! an event of at most 512 KB, and 202 for one that was taken, which does not say that anybody is woken.

mod incidents;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Action, Manner, Notifier, Outcome, Remote, Sending, http::Line};
use crate::{
    alert::{
        Audience, Evidence, Kind, Page,
        page::{Field, first, is_address, share, short},
    },
    config::{ConfigError, PagerDutySettings},
    http::Roots,
    record::cut,
    redact::Redactor,
    secret::Secret,
    verdict::Severity,
};

use self::incidents::Incidents;

/// The longest summary, in characters. A longer one is refused, not cut.
pub const SUMMARY_LIMIT: usize = 1024;

/// The longest key.
pub const KEY_LIMIT: usize = 255;

/// The largest event, in bytes.
pub const EVENT_LIMIT: usize = 512 << 10;

/// The longest of the texts of which nothing is said, in characters.
const WORD_LIMIT: usize = 255;

/// A link longer than this, in bytes, is left out: half of one leads nowhere.
const LINK_LIMIT: usize = 2000;

/// How many steps are told, and what room all texts share, in characters: what is tried until the event fits. A character
/// has up to four bytes.
const LEVELS: [(usize, usize); 2] = [(40, 110_000), (10, 20_000)];

/// The event, as it is posted to `/v2/enqueue`.
#[must_use]
pub fn event(page: &Page, action: Action, minimal: bool, key: &Secret) -> Value {
    let mut event = json!({
        "routing_key": key.expose(),
        "event_action": action.as_str(),
        "dedup_key": dedup_key(&page.key),
    });
    if action != Action::Trigger {
        return event;
    }
    let target = [&page.target, &page.suite].into_iter().find(|it| !it.trim().is_empty());
    event["payload"] = json!({
        "summary": short(&page.title(), SUMMARY_LIMIT),
        "source": short(target.map_or("coalmine", String::as_str), WORD_LIMIT),
        "severity": severity(page),
    });
    if minimal {
        return event;
    }
    let payload = &mut event["payload"];
    payload["timestamp"] = json!(page.since);
    let component = match page.roots.as_slice() {
        [root] => format!("{}::{}", page.canary, root.step),
        _ => page.canary.clone(),
    };
    let class = match page.roots.as_slice() {
        [root] => root.cause.as_str(),
        _ => page.kind.as_str(),
    };
    for (name, text) in [("component", component.as_str()), ("group", page.suite.as_str()), ("class", class)]
    {
        if !text.trim().is_empty() {
            payload[name] = short(text, WORD_LIMIT).into();
        }
    }
    event["client"] = "coalmine".into();
    let links: Vec<_> = links(page).filter(|(href, _)| href.len() <= LINK_LIMIT).collect();
    if let Some((href, _)) = links.first() {
        event["client_url"] = (*href).into();
    }
    if !links.is_empty() {
        let links = links.into_iter().map(|(href, text)| json!({"href": href, "text": text}));
        event["links"] = links.collect();
    }
    for (steps, room) in LEVELS {
        event["payload"]["custom_details"] = details(page, steps, room);
        if fits(&event) {
            return event;
        }
    }
    event["payload"]["custom_details"] = json!({"note": "the details were left out: with them the event would be larger than PagerDuty takes"});
    event
}

/// The key under which PagerDuty keeps a page: its own, or if that is too long, its start and its digest.
#[must_use]
pub fn dedup_key(key: &str) -> String {
    if key.len() <= KEY_LIMIT {
        return key.to_owned();
    }
    let digest: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}#{digest}", cut(key, KEY_LIMIT - 1 - digest.len()))
}

fn severity(page: &Page) -> &'static str {
    match (page.kind.audience(), page.severity) {
        _ if page.kind == Kind::Drill => "info",
        (Audience::Owners, _) | (_, Severity::Warning) => "warning",
        (Audience::OnCall, Severity::Critical) => "critical",
    }
}

fn links(page: &Page) -> impl Iterator<Item = (&str, &'static str)> {
    let mut links = Vec::new();
    links.extend(link(&page.run_link).map(|it| (it, "the run")));
    links.extend(link(&page.incident_link).map(|it| (it, "the incident")));
    let mut runbooks: Vec<&str> = Vec::new();
    for runbook in page.roots.iter().filter_map(|it| link(&it.runbook)) {
        if !runbooks.contains(&runbook) && runbooks.len() < 5 {
            runbooks.push(runbook);
        }
    }
    links.extend(runbooks.into_iter().map(|it| (it, "the runbook")));
    links.into_iter()
}

fn link(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|it| is_address(it))
}

fn details(page: &Page, steps: usize, room: usize) -> Value {
    let characters = share(room, page.roots.len().min(steps));
    let labelled = |fields: Vec<Field>| -> Map<String, Value> {
        let texts = fields.into_iter().map(|it| (it.label.to_owned(), short(&it.text, characters).into()));
        texts.collect()
    };
    let mut details = labelled(page.about());
    let of = |root: &Evidence| labelled(page.evidence(root));
    match page.roots.as_slice() {
        [] => (),
        [root] => details.extend(of(root)),
        roots => {
            let (shown, left) = first(roots, steps);
            details.insert("steps".to_owned(), shown.iter().map(|it| Value::Object(of(it))).collect());
            if left > 0 {
                details.insert("left out".to_owned(), format!("{left} more steps").into());
            }
        }
    }
    details.into()
}

fn fits(event: &Value) -> bool {
    serde_json::to_vec(event).is_ok_and(|it| it.len() <= EVENT_LIMIT)
}

/// Sends events.
pub struct PagerDuty {
    manner: Manner,
    address: String,
    key: Secret,
    line: Line,
    incidents: Option<Incidents>,
}

impl PagerDuty {
    /// A sender.
    ///
    /// # Errors
    /// If nobody is trusted, so that no connection can be made.
    pub fn new(
        settings: &PagerDutySettings,
        roots: &Roots,
        redactor: &Redactor,
    ) -> Result<Self, ConfigError> {
        let PagerDutySettings { key, events, token, api, burst, per_minute } = settings;
        let line = Line::new("COALMINE_PAGERDUTY_EVENTS", events, roots, redactor.clone())?;
        let incidents = match token {
            Some(token) => {
                let line = Line::new("COALMINE_PAGERDUTY_API", api, roots, redactor.clone())?;
                Some(Incidents::new(line, api, token.clone()))
            }
            None => None,
        };
        Ok(Self {
            manner: Manner {
                name: "pagerduty".to_owned(),
                absorbs: true,
                acknowledges: true,
                refresh: None,
                burst: *burst,
                per_minute: *per_minute,
            },
            address: format!("{events}/v2/enqueue"),
            key: key.clone(),
            line,
            incidents,
        })
    }
}

impl Notifier for PagerDuty {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            let event = event(page, action, minimal, &self.key);
            let heard = self.line.ask(self.line.client().post(&self.address).json(&event)).await;
            // Anything but 202 was not taken for certain by PagerDuty, but only of these it is said that it was not:
            // behind a 5xx the event may have been taken.
            self.line.judge(heard, |status| status == 202, |status| matches!(status, 400 | 413))
        })
    }

    fn remote(&self) -> Option<&dyn Remote> {
        self.incidents.as_ref().map(|it| it as &dyn Remote)
    }
}
