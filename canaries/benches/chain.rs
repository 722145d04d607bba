//! The longest chain of requests of a run, by its record: what a run cannot be faster than.

use std::collections::HashMap;

use coalmine::{RunRecord, record::Exchange};

/// Steps, each waiting for the one before it, whose requests take the most together.
pub(crate) struct Chain {
    /// What their requests take, clean-up included, in whatever the weight counts.
    pub(crate) total: f64,
    /// From the first step to the last.
    pub(crate) steps: Vec<String>,
}

/// The longest chain, where `weight` says what some requests of one attempt or of the clean-up take.
///
/// # Panics
/// If a step waited for one that is not in the record.
pub(crate) fn longest(record: &RunRecord, weight: impl Fn(&[Exchange]) -> f64) -> Chain {
    fn up_to<'r>(
        record: &'r RunRecord,
        name: &'r str,
        weight: &impl Fn(&[Exchange]) -> f64,
        known: &mut HashMap<&'r str, (f64, Option<&'r str>)>,
    ) -> f64 {
        if let Some((total, _)) = known.get(name) {
            return *total;
        }
        let step = record.step(name).expect("a step that another one names");
        let before = step.needs.iter().chain(&step.waited_for);
        let before = before.map(|it| (up_to(record, it, weight, known), it.as_str())).collect::<Vec<_>>();
        let before = before.into_iter().max_by(|one, other| one.0.total_cmp(&other.0));
        let own: f64 = step.attempts.iter().map(|it| weight(&it.exchanges)).sum();
        let total = own + before.map_or(0.0, |(total, _)| total);
        known.insert(name, (total, before.map(|(_, name)| name)));
        total
    }

    let mut known = HashMap::new();
    let mut last: Option<(f64, &str)> = None;
    for step in &record.steps {
        let total = up_to(record, &step.name, &weight, &mut known);
        if last.is_none_or(|(most, _)| total > most) {
            last = Some((total, &step.name));
        }
    }
    let mut steps = Vec::new();
    let mut at = last.map(|(_, name)| name);
    while let Some(name) = at {
        steps.insert(0, name.to_owned());
        at = known[name].1;
    }
    let cleanup: f64 = record.cleanup.iter().map(|it| weight(&it.exchanges)).sum();
    Chain { total: last.map_or(0.0, |(total, _)| total) + cleanup, steps }
}
