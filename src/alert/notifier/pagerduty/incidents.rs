//! PagerDuty's incidents by its REST API v2: the only proof that a page exists ("List incidents", "Pagination",
//! "Authentication" in its reference).

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::{
    super::{Remote, RemoteIncident, RemoteStatus, Sending, http::Line},
    dedup_key,
};
use crate::secret::Secret;

/// How many are asked for at once: the most that there are.
const PAGE: usize = 100;

/// Up to here it can be leafed.
const END: usize = 10_000;

const OPEN: [&str; 2] = ["triggered", "acknowledged"];

pub(super) struct Incidents {
    line: Line,
    address: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Leaf {
    incidents: Vec<Incident>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Incident {
    id: String,
    #[serde(default)]
    incident_key: Option<String>,
    status: String,
    created_at: Timestamp,
    #[serde(default)]
    resolved_at: Option<Timestamp>,
    #[serde(default)]
    last_status_change_at: Option<Timestamp>,
    #[serde(default)]
    last_status_change_by: Option<Agent>,
    #[serde(default)]
    html_url: Option<String>,
}

/// Who did something: a person, a service, an integration.
#[derive(Deserialize)]
struct Agent {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    summary: Option<String>,
}

impl Incidents {
    pub(super) fn new(line: Line, api: &str, token: Secret) -> Self {
        Self { line, address: format!("{api}/incidents"), token }
    }

    async fn list(&self, query: &[(&str, &str)]) -> Result<Vec<Incident>, String> {
        let mut authorization = HeaderValue::from_str(&format!("Token token={}", self.token.expose()))
            .map_err(|_| "the token cannot be sent in a header".to_owned())?;
        authorization.set_sensitive(true);
        let mut all = Vec::new();
        loop {
            if all.len() + PAGE > END {
                return Err(format!(
                    "there are more than {} incidents, and no further ones can be asked for",
                    all.len()
                ));
            }
            let (limit, offset) = (PAGE.to_string(), all.len().to_string());
            let leafing = [("limit", limit.as_str()), ("offset", offset.as_str()), ("date_range", "all")];
            let request = self
                .line
                .client()
                .get(&self.address)
                .header(AUTHORIZATION, authorization.clone())
                .header(ACCEPT, "application/vnd.pagerduty+json;version=2")
                .query(query)
                .query(&leafing);
            let answer = self.line.read(request).await?;
            let leaf: Leaf = serde_json::from_value(answer)
                .map_err(|error| format!("the answer is no list of incidents: {error}"))?;
            let is_empty = leaf.incidents.is_empty();
            all.extend(leaf.incidents);
            // One that says there are more and has none would be asked for ever.
            if !leaf.more || is_empty {
                return Ok(all);
            }
        }
    }
}

impl Remote for Incidents {
    fn open<'a>(&'a self, prefix: &'a str) -> Sending<'a, Result<Vec<RemoteIncident>, String>> {
        Box::pin(async move {
            let query = OPEN.map(|status| ("statuses[]", status));
            let open = self.list(&query).await?.into_iter().filter_map(|it| remote(it, None));
            Ok(open.filter(|it| it.key.starts_with(prefix)).collect())
        })
    }

    fn of_key<'a>(
        &'a self,
        key: &'a str,
        since: Timestamp,
    ) -> Sending<'a, Result<Vec<RemoteIncident>, String>> {
        Box::pin(async move {
            let dedup_key = dedup_key(key);
            let query = [
                ("incident_key", dedup_key.as_str()),
                ("statuses[]", OPEN[0]),
                ("statuses[]", OPEN[1]),
                ("statuses[]", "resolved"),
                ("sort_by", "created_at:desc"),
            ];
            // It tells times in whole seconds.
            let since = since.checked_sub(SignedDuration::from_secs(1)).unwrap_or(since);
            let all = self.list(&query).await?.into_iter().filter_map(|it| remote(it, Some(key)));
            // What was there before and is open still has absorbed what was told since.
            let mut all: Vec<_> =
                all.filter(|it| it.created >= since || it.resolved.is_none_or(|at| at >= since)).collect();
            all.sort_by_key(|it| std::cmp::Reverse(it.created));
            Ok(all)
        })
    }
}

/// As delivery knows it; nothing if it is in a state that there is not.
fn remote(incident: Incident, key: Option<&str>) -> Option<RemoteIncident> {
    let status = match incident.status.as_str() {
        "triggered" => RemoteStatus::Triggered,
        "acknowledged" => RemoteStatus::Acknowledged,
        "resolved" => RemoteStatus::Resolved,
        _ => return None,
    };
    let resolved = incident.resolved_at.or(incident.last_status_change_at);
    // An integration or the service itself are nobody: that is how our own resolve is shown.
    let person =
        incident.last_status_change_by.filter(|it| matches!(it.kind.as_str(), "user_reference" | "user"));
    Some(RemoteIncident {
        id: incident.id,
        // Asked by a key that was shortened, it is told by the whole one.
        key: key.map(ToOwned::to_owned).or(incident.incident_key).unwrap_or_default(),
        status,
        created: incident.created_at,
        resolved: resolved.filter(|_| status == RemoteStatus::Resolved),
        by: person.filter(|_| status != RemoteStatus::Triggered).and_then(|it| it.summary),
        url: incident.html_url,
    })
}
