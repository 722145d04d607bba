//! All that is remembered of one canary.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::window::{Burst, Course, Window};
use crate::alert::{Evidence, Green, Incident, Kind};

/// So many runs are known to have been observed.
const SEEN: usize = 16;

/// What is known of one canary, from run to run and from process to process.
///
/// It is kept as JSON. Everything in it may be missing, and what is unknown is left alone, so that an older and a newer
/// version can read what the other has kept. It grows with the steps that fail, not with time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CanaryState {
    /// What is open, in the order in which it opened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    /// The last run in which all was well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_green: Option<Green>,
    /// Ids of the last runs that were observed, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) seen: Vec<String>,
    /// The last counted runs of the whole canary.
    #[serde(skip_serializing_if = "Window::is_empty")]
    pub(super) runs: Window,
    /// Steps with a failure in their window, or with an incident.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) steps: BTreeMap<String, Course>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) burst: Option<Burst>,
    /// How many runs in a row speak for the end of the incident of the whole canary.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) calm: u32,
    /// Runs by whether they removed what they had made.
    #[serde(skip_serializing_if = "Course::is_empty")]
    pub(super) cleanups: Course,
    /// Since when no run could tell anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blind: Option<Blind>,
    /// What people have resolved elsewhere although it is down, by id. It stays here while a silence or a pause covers
    /// it: somebody is to be told anew after that.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) resolved: BTreeMap<String, Resolved>,
}

/// A time in which no run could tell anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blind {
    pub(super) since: Timestamp,
    pub(super) runs: u32,
}

/// Somebody has resolved it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolved {
    pub(super) who: String,
    /// When it is told anew.
    pub(super) until: Option<Timestamp>,
}

impl CanaryState {
    /// Takes note of a run; whether it was observed before.
    pub(super) fn see(&mut self, run: &str) -> bool {
        if self.seen.iter().any(|it| it == run) {
            return true;
        }
        self.seen.push(run.to_owned());
        let excess = self.seen.len().saturating_sub(SEEN);
        self.seen.drain(..excess);
        false
    }

    /// The open incident of a kind that there is only one of.
    pub(super) fn open(&self, kind: Kind) -> Option<&Incident> {
        self.incidents.iter().find(|it| it.kind == kind)
    }

    /// The same, to be changed.
    pub(super) fn open_mut(&mut self, kind: Kind) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|it| it.kind == kind)
    }

    /// The open incident of that id.
    pub(super) fn incident_mut(&mut self, id: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|it| it.id == id)
    }

    /// The roots of all that is open for the engineer on call.
    pub(super) fn open_roots(&self) -> impl Iterator<Item = &Evidence> {
        let product = |it: &&Incident| matches!(it.kind, Kind::Step | Kind::Canary);
        self.incidents.iter().filter(product).flat_map(|it| &it.roots)
    }

    /// The steps that have an incident of their own.
    pub(super) fn own(&self) -> impl Iterator<Item = &Evidence> {
        self.incidents.iter().filter(|it| it.kind == Kind::Step).flat_map(|it| &it.roots)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
