//! What a page says: everything that the engineer on call starts from, before any notifier has cut it to its form.

mod short;
mod text;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Acknowledged, Closed, Evidence, Green, Incident, Kind};
use crate::verdict::Severity;

pub(crate) use self::text::span;
pub use self::{
    short::{first, share, short, short_by},
    text::{Field, is_address},
};

/// An incident as it is told. Everything in it is redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The incident's id.
    pub incident: String,
    /// The incident's constant key.
    pub key: String,
    /// What kind of incident it is.
    pub kind: Kind,
    /// How loud.
    pub severity: Severity,
    /// The suite.
    pub suite: String,
    /// Where it was seen from.
    pub location: String,
    /// The product instance under watch.
    pub target: String,
    /// The canary.
    pub canary: String,
    /// What is wrong, one entry per failed step, the newest evidence of each.
    pub roots: Vec<Evidence>,
    /// Since when.
    pub since: Timestamp,
    /// When it was decided.
    pub opened: Timestamp,
    /// The last run in which all was well.
    pub last_green: Option<Green>,
    /// The how manieth time this is told, from 1.
    pub round: u32,
    /// Who takes care of it.
    pub acknowledged: Option<Acknowledged>,
    /// When and why it ended.
    pub closed: Option<Closed>,
    /// The page of the newest run that speaks for it, signed, so that a phone can open it.
    pub run_link: Option<String>,
    /// The incident's own page, signed.
    pub incident_link: Option<String>,
    /// Why it comes this way, if it should have come another one: `pagerduty has not taken it for 5 minutes: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// How many passes in a row have closed it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<u32>,
}

/// What pages say beside the incident.
#[derive(Clone, Debug, Default)]
pub struct PageContext {
    /// The suite.
    pub suite: String,
    /// Where runs are made from.
    pub location: String,
    /// The product instance under watch.
    pub target: String,
}

/// A page to try a notifier with: labelled as a test, critical as the real ones, with a key of its own.
#[must_use]
pub fn specimen(context: &PageContext, now: Timestamp) -> Page {
    let PageContext { suite, location, target } = context.clone();
    let second = now.as_second();
    Page {
        incident: format!("test-{second}"),
        key: format!("{suite}/{location}/coalmine/test-{second}"),
        kind: Kind::Drill,
        severity: Severity::Critical,
        suite,
        location,
        target,
        canary: String::new(),
        roots: Vec::new(),
        since: now,
        opened: now,
        last_green: None,
        round: 1,
        acknowledged: None,
        closed: None,
        run_link: None,
        incident_link: None,
        instead: None,
        passes: None,
    }
}

impl Page {
    /// What is told of an incident. Links are for the caller to add.
    #[must_use]
    pub fn of(incident: &Incident, context: &PageContext) -> Self {
        let PageContext { suite, location, target } = context.clone();
        Self {
            incident: incident.id.clone(),
            key: incident.key.clone(),
            kind: incident.kind,
            severity: incident.severity,
            suite,
            location,
            target,
            canary: incident.canary.clone(),
            roots: incident.roots.clone(),
            since: incident.since,
            opened: incident.opened,
            last_green: incident.last_green.clone(),
            round: incident.rounds,
            acknowledged: incident.acknowledged.clone(),
            closed: incident.closed.clone(),
            run_link: None,
            incident_link: None,
            instead: None,
            passes: None,
        }
    }

    /// What is told of a key under which nothing is known to be wrong: only that all is well.
    #[must_use]
    pub fn of_key(key: &str, incident: Option<&str>, context: &PageContext, now: Timestamp) -> Self {
        let PageContext { suite, location, target } = context.clone();
        Self {
            incident: incident.unwrap_or_default().to_owned(),
            key: key.to_owned(),
            kind: Kind::Canary,
            severity: Severity::Warning,
            suite,
            location,
            target,
            canary: String::new(),
            roots: Vec::new(),
            since: now,
            opened: now,
            last_green: None,
            round: 0,
            acknowledged: None,
            closed: None,
            run_link: None,
            incident_link: None,
            instead: None,
            passes: None,
        }
    }
}
