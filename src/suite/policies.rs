//! Which alert policy each canary has, and what is wrong with it.

use std::sync::Arc;

use super::problem::Problem;
use crate::policy::{AlertPolicy, PolicyChoice};

/// The name of the policy that canaries have which choose none.
const DEFAULT_POLICY: &str = "default";

/// What is wrong with a suite's policies themselves.
pub(super) fn check(policies: &[(Arc<str>, AlertPolicy)], problems: &mut Vec<Problem>) {
    for (at, (name, policy)) in policies.iter().enumerate() {
        if policies[..at].iter().any(|(it, _)| it == name) {
            problems.push(Problem::DuplicatePolicy { policy: name.clone() });
        }
        if let Some(mistake) = policy.mistake() {
            problems.push(Problem::BadPolicy { of: format!("`{name}`"), mistake });
        }
    }
}

/// The policy that a canary has chosen.
pub(super) fn choose(
    canary: &Arc<str>,
    choice: Option<PolicyChoice>,
    policies: &[(Arc<str>, AlertPolicy)],
    problems: &mut Vec<Problem>,
) -> AlertPolicy {
    let named = |name: &str| policies.iter().find(|(it, _)| **it == *name).map(|(_, policy)| policy.clone());
    match choice {
        None => named(DEFAULT_POLICY).unwrap_or_default(),
        Some(PolicyChoice::Own(policy)) => {
            if let Some(mistake) = policy.mistake() {
                problems.push(Problem::BadPolicy { of: format!("of the canary `{canary}`"), mistake });
            }
            policy
        }
        Some(PolicyChoice::Named(name)) => named(&name).unwrap_or_else(|| {
            // There is always this one.
            if &*name != DEFAULT_POLICY {
                let known = policies.iter().map(|(it, _)| it.clone()).collect();
                problems.push(Problem::UnknownPolicy { canary: canary.clone(), policy: name, known });
            }
            AlertPolicy::default()
        }),
    }
}
