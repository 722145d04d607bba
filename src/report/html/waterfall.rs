//! The waterfall: what ran when, below what it needed.

use std::collections::HashMap;

use maud::{Markup, html};

use super::{
    NAME,
    text::{counted, line, shape, time},
};
use crate::{
    record::{RunRecord, StepRecord},
    verdict::Verdict,
};

/// The width of the drawing in its own units; it is stretched to the width that there is.
const WIDTH: f64 = 1000.0;
/// What is shorter is drawn so wide, or it could not be seen.
const NARROWEST: f64 = 4.0;
/// How deep names are indented.
const DEEPEST: usize = 8;

/// A row per step: its name below the step that it waited for longest, a bar per attempt, its duration. Those that are
/// blocked are folded away, below their root.
pub(super) fn waterfall(record: &RunRecord, anchors: &[String]) -> Markup {
    let end = end(record);
    let rows = tree(&record.steps);
    let (blocked, ran): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(index, _)| record.steps[*index].verdict == Verdict::Blocked);
    let row = |&(index, depth): &(usize, usize)| row(&record.steps[index], &anchors[index], depth, end);
    html! {
        div.waterfall.scroll role="region" aria-label="Waterfall of all steps" tabindex="0" {
            div.axis aria-hidden="true" {
                span {}
                span.ticks { @for tick in 0..5 { span { (time(end * f64::from(tick) / 4.0)) } } }
                span {}
            }
            ol { @for it in &ran { li { (row(it)) } } }
            @for (root, rows) in by_root(record, &blocked) {
                details id={ "waterfall-" (super::text::slug(&root)) } {
                    summary {
                        (shape("blocked")) (counted(rows.len(), "step", "steps")) " blocked by " code {
                            (line(&root, NAME))
                        }
                    }
                    ol { @for it in &rows { li { (row(it)) } } }
                }
            }
        }
    }
}

/// The end of the axis: of the run, or of what lasted beyond.
fn end(record: &RunRecord) -> f64 {
    let last = record.steps.iter().map(|it| it.started_ms + it.duration_ms).filter(|it| it.is_finite());
    last.fold(record.duration_ms, f64::max).max(1.0)
}

fn row(step: &StepRecord, anchor: &str, depth: usize, end: f64) -> Markup {
    let name = line(&step.title(), NAME);
    let mark = if step.flaky { "flaky" } else { step.verdict.as_str() };
    let root = step.root.as_deref().map(|it| format!(", blocked by {}", line(it, NAME))).unwrap_or_default();
    let needs = if step.needs.is_empty() {
        String::new()
    } else {
        format!("; needs {}", line(&step.needs.join(", "), NAME))
    };
    let spent = time(step.duration_ms);
    html! {
        a class={ "row " (mark) } href={ "#" (anchor) } {
            span class={ "name d" (depth.min(DEEPEST)) } {
                (shape(mark)) span.text { (name) }
            }
            svg.bars viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" {
                title { (name) " " (mark) (root) ", begun at " (time(step.started_ms)) ", took " (spent) (needs) }
                @if step.verdict == Verdict::Blocked {
                    @let from = at(step.started_ms, end);
                    rect x=(unit(from)) y="3" width=(unit(WIDTH - from)) height="14" fill="url(#hatch)" {}
                }
                @for attempt in &step.attempts {
                    @let from = at(attempt.started_ms, end);
                    @let width = (at(attempt.started_ms + attempt.duration_ms, end) - from).max(NARROWEST);
                    @let is_flaky = step.flaky && attempt.verdict == Verdict::Passed;
                    @let mark = if is_flaky { "flaky" } else { attempt.verdict.as_str() };
                    rect class={ "bar " (mark) } x=(unit(from.min(WIDTH - NARROWEST))) y="3" height="14"
                        width=(unit(width)) {}
                }
            }
            span.took {
                @if matches!(step.verdict, Verdict::Blocked | Verdict::Skipped) {
                    (step.verdict)
                } @else {
                    (spent)
                }
            }
        }
    }
}

fn at(milliseconds: f64, end: f64) -> f64 {
    let at = milliseconds / end * WIDTH;
    if at.is_finite() { at.clamp(0.0, WIDTH) } else { 0.0 }
}

fn unit(length: f64) -> String {
    format!("{length:.1}")
}

/// The rows below each root, roots in the order of their first row.
fn by_root(record: &RunRecord, blocked: &[(usize, usize)]) -> Vec<(String, Vec<(usize, usize)>)> {
    let mut groups: Vec<(String, Vec<(usize, usize)>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for &(index, depth) in blocked {
        let root = root_title(record, &record.steps[index]);
        let group = *known.entry(root.clone()).or_insert_with(|| {
            groups.push((root, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push((index, depth));
    }
    groups
}

/// The root of a blocked step as people read it.
pub(super) fn root_title(record: &RunRecord, step: &StepRecord) -> String {
    let Some(root) = step.root.as_deref() else { return "a prerequisite".to_owned() };
    record.step(root).map_or_else(|| root.to_owned(), StepRecord::title)
}

/// All steps with their depth: each stands below the last of its needs to end, which it waited for longest.
fn tree(steps: &[StepRecord]) -> Vec<(usize, usize)> {
    let mut index_of = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        index_of.entry(step.name.as_str()).or_insert(index);
    }
    let ends = |index: usize| steps[index].started_ms + steps[index].duration_ms;
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut tops = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let needs = step.needs.iter().filter_map(|it| index_of.get(it.as_str()).copied());
        let last = needs.filter(|it| *it != index).max_by(|a, b| ends(*a).total_cmp(&ends(*b)));
        match last {
            Some(parent) => children[parent].push(index),
            None => tops.push(index),
        }
    }
    let by_start =
        |list: &mut Vec<usize>| list.sort_by(|a, b| steps[*a].started_ms.total_cmp(&steps[*b].started_ms));
    by_start(&mut tops);
    children.iter_mut().for_each(by_start);

    // A record is data: in one that is not ours, needs may go in a circle, of which nothing is a top.
    let mut seen = vec![false; steps.len()];
    let mut rows = Vec::with_capacity(steps.len());
    for top in tops.into_iter().chain(0..steps.len()) {
        let mut open = vec![(top, 0)];
        while let Some((index, depth)) = open.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            rows.push((index, depth));
            open.extend(children[index].iter().rev().map(|child| (*child, depth + 1)));
        }
    }
    rows
}
