//! Whether refusals say what was wrong.
//!
//! Clients show `detail` to people and need `data` to name a field, but both are optional in the product's documents
//! (facts of the API, section 4). So no step fails for want of them. What is missing is gathered here, for the one step
//! that asks for it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use coalmine::{Context, FromContext, Needs, Result, ensure};
use serde_json::Value;

use super::Refusal;

/// Codes whose refusals say in `detail` what was wrong.
const EXPLAINED: [&str; 14] = [
    "SEQ002", "SEQ003", "SEQ008", "SEQ011", "SEQ050", "SEQ052", "SEQ200", "SEQ204", "SEQ601", "SEQ602",
    "SEQ620", "SEQ901", "SEQ904", "SEQ907",
];

/// Codes whose refusals name the field in `data.error_fields`, or those that are missing in `data.missing_fields`.
const NAMED: [&str; 8] = ["SEQ003", "SEQ008", "SEQ050", "SEQ052", "SEQ200", "SEQ204", "SEQ602", "SEQ904"];

/// Refusals of this process that did not say what was wrong, by run. A resource.
#[derive(Default)]
pub struct Explanations(Mutex<HashMap<String, BTreeSet<String>>>);

/// The refusals of one run. A step argument.
#[derive(Clone)]
pub struct Unexplained {
    run: String,
    all: Arc<Explanations>,
}

impl FromContext for Unexplained {
    fn needs(needs: &mut Needs) {
        needs.resource::<Explanations>();
    }

    fn from_context(cx: &Context) -> Self {
        Self { run: cx.run().to_owned(), all: cx.resource() }
    }
}

impl Unexplained {
    /// Looks at a refusal; `about` names the call for people.
    pub(super) fn look_at(&self, about: &str, request: &Value, refusal: &Refusal) {
        let Refusal { seq_code: code, detail, data, .. } = refusal;
        let mut missing = Vec::new();
        if EXPLAINED.contains(&code.as_str()) && detail.as_deref().is_none_or(str::is_empty) {
            missing.push("`detail`");
        }
        let field = data["error_fields"].as_str().is_some_and(|it| !it.is_empty());
        let fields = data["missing_fields"].as_array().is_some_and(|it| !it.is_empty());
        // What is no object has no fields.
        if NAMED.contains(&code.as_str()) && request.is_object() && !field && !fields {
            missing.push("`data.error_fields` or `data.missing_fields`");
        }
        if !missing.is_empty() {
            let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
            let of_run = all.entry(self.run.clone()).or_default();
            of_run.insert(format!("{about} {code} without {}", missing.join(" and ")));
        }
    }

    /// Demands that all refusals of the run so far have said what was wrong. They are forgotten then.
    ///
    /// # Errors
    /// If one has not; all are named.
    pub fn none(&self) -> Result<()> {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<String> = all.remove(&self.run).into_iter().flatten().collect();
        ensure!(
            found.is_empty(),
            "expected that refusals say what was wrong, got {} that do not: {}",
            found.len(),
            found.join("; ")
        );
        Ok(())
    }
}
