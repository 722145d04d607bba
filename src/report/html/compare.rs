//! The last good run against this one: what a step was answered then, and what now.

use std::{borrow::Cow, collections::HashMap};

use maud::{Markup, html};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{
    NAME, exchange,
    page::run_path,
    text::{bytes, clipped, counted, line, time, when},
};
use crate::record::{Exchange, RunRecord, StepRecord};

/// How many lines of a body are compared. Comparing takes up to the square of it.
const LINES: usize = 400;
/// How many bytes of a line are shown.
const WIDTH: usize = 600;
/// How many equal lines stand around a changed one.
const CONTEXT: usize = 3;

/// The same step in the last run that passed, against this one.
pub(super) fn compared(
    record: &RunRecord,
    step: &StepRecord,
    good: Option<&RunRecord>,
    id: &str,
    links: bool,
) -> Markup {
    let Some(good) = good else {
        return nothing(&html! { "No passed run is kept to compare with." });
    };
    let run = html! {
        @if links {
            a href=(run_path(&good.run)) { "run " (line(&good.run, NAME)) }
        } @else {
            "run " (line(&good.run, NAME))
        }
        ", " (when(good.started))
    };
    let Some(then) = good.step(&step.name) else {
        return nothing(&html! { "The last good " (run) " did not have this step." });
    };
    let (now_calls, then_calls) = (calls(step), calls(then));
    let about = step.failure.as_ref().and_then(|it| it.exchange);
    let pairs = pairs(then_calls, now_calls, good, record);
    let changed: Vec<_> = pairs.iter().filter(|it| it.changed(good, record)).collect();
    let alone = changed.len() == 1;
    html! {
        section.compare {
            h4 { "Against the last good run" }
            p {
                "In the last good " (run) " it passed in " b { (time(then.duration_ms)) }
                "; now it took " b { (time(step.duration_ms)) } "."
            }
            @if then_calls.is_empty() && !now_calls.is_empty() {
                p.dim { "What was answered then is not kept." }
            } @else if changed.is_empty() && !pairs.is_empty() {
                p {
                    "All " (counted(pairs.len(), "request was", "requests were"))
                    " answered as then; the difference is somewhere else."
                }
            }
            @if !then_calls.is_empty() {
                @for (number, pair) in changed.iter().enumerate() {
                    @let is_about = pair.now.is_some_and(|(index, _)| Some(index) == about);
                    details id={ (id) "-compare-" (number) } open[is_about || alone] {
                        summary { (pair.head()) }
                        (pair.body(good, record))
                    }
                }
            }
        }
    }
}

/// The requests of the attempt that decided.
fn calls(step: &StepRecord) -> &[Exchange] {
    step.attempts.last().map(|it| it.exchanges.as_slice()).unwrap_or_default()
}

/// That there is nothing to compare with, and why.
fn nothing(why: &Markup) -> Markup {
    html! { section.compare { h4 { "Against the last good run" } p.dim { (why) } } }
}

/// A request of then and the one that stands for it now; each with its number.
struct Pair<'a> {
    then: Option<(usize, &'a Exchange)>,
    now: Option<(usize, &'a Exchange)>,
}

/// Requests belong together if they call the same: the first then to the first now, and so on.
fn pairs<'a>(
    then: &'a [Exchange],
    now: &'a [Exchange],
    good: &RunRecord,
    record: &RunRecord,
) -> Vec<Pair<'a>> {
    let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, exchange) in then.iter().enumerate().rev() {
        waiting.entry(key(exchange, good)).or_default().push(index);
    }
    let mut taken = vec![false; then.len()];
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for (index, exchange) in now.iter().enumerate() {
        let partner = waiting.get_mut(&key(exchange, record)).and_then(Vec::pop);
        if let Some(partner) = partner {
            taken[partner] = true;
        }
        pairs.push(Pair { then: partner.map(|it| (it, &then[it])), now: Some((index, exchange)) });
    }
    let left = then.iter().enumerate().filter(|(index, _)| !taken[*index]);
    pairs.extend(left.map(|it| Pair { then: Some(it), now: None }));
    pairs
}

fn key(exchange: &Exchange, record: &RunRecord) -> String {
    let what = exchange.operation.clone().unwrap_or_else(|| {
        let path = exchange::path(&exchange.url).split('?').next().unwrap_or_default();
        same(path, record).into_owned()
    });
    format!("{} {what}", exchange.method)
}

/// The text with something in place of the run's id, which is part of every name that the run gives.
fn same<'t>(text: &'t str, record: &RunRecord) -> Cow<'t, str> {
    if record.run.is_empty() || !text.contains(&record.run) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(&record.run, "{run}"))
}

impl Pair<'_> {
    fn changed(&self, good: &RunRecord, record: &RunRecord) -> bool {
        let (Some((_, then)), Some((_, now))) = (self.then, self.now) else { return true };
        let differ = |then: &Option<String>, now: &Option<String>| {
            let text = |it: &Option<String>, of| same(it.as_deref().unwrap_or_default(), of).into_owned();
            text(then, good) != text(now, record)
        };
        then.status != now.status
            || then.error.is_some() != now.error.is_some()
            || differ(&then.request_body, &now.request_body)
            || differ(&then.response_body, &now.response_body)
    }

    fn head(&self) -> Markup {
        let status = |it: &Exchange| it.status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
        let call = |it: &Exchange| {
            html! { span.call { b { (line(&it.method, 20)) } " " (line(exchange::path(&it.url), NAME)) } " " }
        };
        match (self.then, self.now) {
            (Some((_, then)), Some((_, now))) => html! {
                (call(now))
                @if then.status == now.status {
                    "still " (status(now))
                } @else {
                    b { (status(then)) " → " (status(now)) }
                }
                span.dim { ", " (time(then.duration_ms)) " → " (time(now.duration_ms)) }
            },
            (Some((_, then)), None) => {
                html! { (call(then)) b { "not sent now" } span.dim { ", answered " (status(then)) " then" } }
            }
            (None, Some((_, now))) => {
                html! { (call(now)) b { "not sent then" } span.dim { ", answered " (status(now)) " now" } }
            }
            (None, None) => html! {},
        }
    }

    fn body(&self, good: &RunRecord, record: &RunRecord) -> Markup {
        let sent = |side: Option<(usize, &Exchange)>| {
            side.and_then(|(_, it)| it.request_body.as_deref()).map(exchange::readable).unwrap_or_default()
        };
        let answered = |side: Option<(usize, &Exchange)>| {
            let body = side.and_then(|(_, it)| it.response_body.as_deref().or(it.error.as_deref()));
            body.map(exchange::readable).unwrap_or_default()
        };
        let (sent_then, sent_now) = (sent(self.then), sent(self.now));
        html! {
            @if same(&sent_then, good) != same(&sent_now, record) {
                h5 { "What was sent" }
                (difference(&sent_then, &sent_now, good, record))
            }
            h5 { "What was answered" }
            (difference(&answered(self.then), &answered(self.now), good, record))
        }
    }
}

/// Two texts side by side, where there is room, with their changed lines marked by sign and colour. Lines that differ
/// only by the id of their run are equal.
fn difference(then: &str, now: &str, good: &RunRecord, record: &RunRecord) -> Markup {
    let then_lines: Vec<&str> = then.lines().take(LINES).collect();
    let now_lines: Vec<&str> = now.lines().take(LINES).collect();
    let then_keys: Vec<_> = then_lines.iter().map(|it| same(it, good)).collect();
    let now_keys: Vec<_> = now_lines.iter().map(|it| same(it, record)).collect();
    let operations = capture_diff_slices(Algorithm::Myers, &then_keys, &now_keys);
    if operations.iter().all(|it| matches!(it, DiffOp::Equal { .. })) {
        let same = if now.is_empty() { "Nothing, both times." } else { "The same both times." };
        return html! { p.dim { (same) } };
    }
    let left_out = [then, now].map(|text| text.lines().skip(LINES).map(|it| it.len() + 1).sum::<usize>());
    html! {
        div.diff tabindex="0" role="region" aria-label="What differs" {
            div.pair.head { div { span.sign { "− " } "last good" } div { span.sign { "+ " } "now" } }
            @for (number, operation) in operations.iter().enumerate() {
                (rows(operation, &then_lines, &now_lines, number == 0, number + 1 == operations.len()))
            }
            @if left_out != [0, 0] {
                div.gap {
                    "… " (bytes(left_out[0])) " more then, " (bytes(left_out[1])) " more now: not compared"
                }
            }
        }
    }
}

fn rows(operation: &DiffOp, then: &[&str], now: &[&str], is_first: bool, is_last: bool) -> Markup {
    let DiffOp::Equal { old_index, new_index, len } = *operation else {
        let (then, now) = (&then[operation.old_range()], &now[operation.new_range()]);
        let rows = then.len().max(now.len());
        return html! {
            @for row in 0..rows {
                div.pair.changed {
                    div { @if let Some(it) = then.get(row) { del { span.sign { "− " } (text(it)) } } }
                    div { @if let Some(it) = now.get(row) { ins { span.sign { "+ " } (text(it)) } } }
                }
            }
        };
    };
    let before = if is_first { 0 } else { CONTEXT };
    let behind = if is_last { 0 } else { CONTEXT };
    let row = |at: usize| {
        html! {
            div.pair.same {
                div { span.sign { "  " } (text(then[old_index + at])) }
                div { span.sign { "  " } (text(now[new_index + at])) }
            }
        }
    };
    html! {
        @if len <= before + behind + 1 {
            @for at in 0..len { (row(at)) }
        } @else {
            @for at in 0..before { (row(at)) }
            div.gap { "… " (counted(len - before - behind, "equal line", "equal lines")) }
            @for at in len - behind..len { (row(at)) }
        }
    }
}

fn text(line: &str) -> Markup {
    clipped(line, WIDTH)
}
