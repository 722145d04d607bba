//! Prometheus' Alertmanager by its API v2 (`api/v2/openapi.yaml` in its repository). An alert is its set of labels: one
//! that is not posted again within `resolve_timeout` (5 minutes) is over for it, and one is ended by posting it with an
//! end.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Map, Value, json};

use super::{Action, Manner, Notifier, Outcome, Sending, http::Line};
use crate::{
    alert::{
        Kind, Page,
        page::{first, is_address, short},
    },
    config::{AlertmanagerSettings, ConfigError},
    http::Roots,
    redact::Redactor,
    report::text::one_line,
    secret::Secret,
    verdict::Severity,
};

/// How often an open alert is posted again: twice within the time after which it would be over.
const REFRESH: Duration = Duration::from_secs(120);

/// The longest label and the longest annotation, in characters. Alertmanager has no limit; what it hands them on to has.
const LABEL_LIMIT: usize = 500;
const ANNOTATION_LIMIT: usize = 4000;

/// The most steps that are told one by one.
const STEPS: usize = 20;

/// The list of one alert, as it is posted to `/api/v2/alerts`.
#[must_use]
pub fn alerts(page: &Page, action: Action, minimal: bool) -> Value {
    let severity = match page.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
    };
    let step = match (page.kind, page.roots.as_slice()) {
        (Kind::Step, [root, ..]) => root.step.as_str(),
        _ => "",
    };
    let labels = [
        ("alertname", name(page.kind)),
        ("suite", &page.suite),
        ("canary", &page.canary),
        ("step", step),
        ("location", &page.location),
        ("severity", severity),
        ("key", &page.key),
    ];
    // One without a value is none.
    let labels = labels.into_iter().filter(|(_, text)| !text.trim().is_empty());
    let labels: Map<_, _> = labels
        .map(|(name, text)| (name.to_owned(), one_line(&short(text, LABEL_LIMIT), usize::MAX).into()))
        .collect();
    let annotations = if minimal {
        json!({"summary": short(&page.headline(action), LABEL_LIMIT)})
    } else {
        annotations(page, action)
    };
    let mut alert = json!({"labels": labels, "annotations": annotations, "startsAt": page.since});
    if action == Action::Resolve {
        let ended = page.closed.as_ref().map_or(page.opened, |it| it.at);
        alert["endsAt"] = json!(ended.max(page.since));
    }
    let link = page.incident_link.as_deref().or(page.run_link.as_deref());
    if let Some(link) = link.filter(|it| is_address(it)) {
        alert["generatorURL"] = link.into();
    }
    json!([alert])
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Step => "CanaryStepFailed",
        Kind::Canary => "CanaryFailed",
        Kind::Inconclusive => "CanaryInconclusive",
        Kind::Leftovers => "CanaryLeftovers",
        Kind::Missed => "CanaryMissed",
        Kind::Drill => "CanaryDrill",
    }
}

fn annotations(page: &Page, action: Action) -> Value {
    let mut annotations = Map::new();
    let mut add = |name: &str, text: &str| {
        annotations.insert(name.to_owned(), short(text, ANNOTATION_LIMIT).into());
    };
    add("summary", &page.headline(action));
    let (shown, left) = first(&page.roots, STEPS);
    let mut steps: Vec<String> = shown
        .iter()
        .map(|root| {
            let lines = page.evidence(root).into_iter().map(|it| format!("{}: {}", it.label, it.text));
            short(&lines.collect::<Vec<_>>().join("\n"), ANNOTATION_LIMIT / shown.len())
        })
        .collect();
    if left > 0 {
        steps.push(format!("{left} more steps have failed"));
    }
    if !steps.is_empty() {
        add("description", &steps.join("\n\n"));
    }
    if let Some(runbook) = page.roots.iter().find_map(|it| it.runbook.as_deref()) {
        // The name that Prometheus' own dashboards look for.
        add("runbook_url", runbook);
    }
    for field in page.about() {
        add(&field.label.replace(' ', "_"), &field.text);
    }
    annotations.into()
}

/// Posts alerts.
pub struct Alertmanager {
    manner: Manner,
    address: String,
    token: Option<Secret>,
    line: Line,
}

impl Alertmanager {
    /// A sender.
    ///
    /// # Errors
    /// If nobody is trusted, so that no connection can be made.
    pub fn new(
        settings: &AlertmanagerSettings,
        roots: &Roots,
        redactor: &Redactor,
    ) -> Result<Self, ConfigError> {
        let AlertmanagerSettings { root, token } = settings;
        let line = Line::new("COALMINE_ALERTMANAGER", root, roots, redactor.clone())?;
        let manner = Manner {
            name: "alertmanager".to_owned(),
            absorbs: true,
            acknowledges: false,
            refresh: Some(REFRESH),
            burst: 60,
            per_minute: 600,
        };
        Ok(Self { manner, address: format!("{root}/api/v2/alerts"), token: token.clone(), line })
    }
}

impl Notifier for Alertmanager {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            let mut request = self.line.client().post(&self.address).json(&alerts(page, action, minimal));
            if let Some(token) = &self.token {
                // It was tried when it was read.
                if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
                    value.set_sensitive(true);
                    request = request.header(AUTHORIZATION, value);
                }
            }
            let heard = self.line.ask(request).await;
            self.line.judge(
                heard,
                |status| (200..300).contains(&status),
                |status| matches!(status, 400..=407 | 409..=428 | 430..=499),
            )
        })
    }
}
