//! What a page says, in words: the one line, the labelled fields, and the end.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    Page,
    short::{first, short},
};
use crate::{
    alert::{Audience, Ending, Evidence, Kind, notifier::Action},
    report::text::{one_line, plain},
    verdict::Severity,
};

/// How many steps a title names.
const NAMED: usize = 5;

/// How much of one text goes into a title, in bytes: a notifier may take less.
const TITLE_PART: usize = 4096;

/// How much of one text is kept, in characters: a notifier may take less.
const TEXT_LIMIT: usize = 10_000;

/// How many blocked steps are named.
const BLOCKS: usize = 100;

/// The longest address that is a link, in bytes.
const LINK_LIMIT: usize = 2000;

/// One labelled thing that a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub label: &'static str,
    /// What is said; it may have several lines, and no other control characters.
    pub text: String,
    /// Whether it is the address of a page.
    pub is_link: bool,
}

impl Field {
    fn new(label: &'static str, text: impl AsRef<str>) -> Self {
        // A product may say megabytes, of which nobody takes so much.
        Self { label, text: plain(&short(text.as_ref(), TEXT_LIMIT)), is_link: false }
    }

    fn link(label: &'static str, address: &str) -> Self {
        let text = one_line(address, usize::MAX);
        // Half of one leads nowhere: then it is a text like others.
        if text.len() > LINK_LIMIT { Self::new(label, text) } else { Self { label, text, is_link: true } }
    }
}

impl Page {
    /// What is wrong, in one line: what a lock screen shows. It has no limit of its own.
    #[must_use]
    pub fn title(&self) -> String {
        let label = match self.kind {
            Kind::Drill => "[drill] ",
            Kind::Inconclusive | Kind::Leftovers | Kind::Missed => "[owners] ",
            Kind::Step | Kind::Canary => "",
        };
        let again = if self.round > 1 && self.kind != Kind::Drill { "still: " } else { "" };
        let message = self.roots.first().map(|it| one_line(&it.message, TITLE_PART));
        let what = match (self.kind, self.roots.as_slice()) {
            (Kind::Step, [root, ..]) => {
                format!("{} failed ({}): {}", self.what(), root.cause, message.unwrap_or_default())
            }
            (Kind::Canary, [_, ..]) => {
                let count = self.roots.len();
                let steps = if count == 1 { "step" } else { "steps" };
                format!("{}: {count} {steps} failed: {}", self.canary, self.step_names())
            }
            (Kind::Drill, _) => {
                "this is a test of the way to you: nothing is wrong, nothing is to be done".to_owned()
            }
            (Kind::Step | Kind::Canary | Kind::Inconclusive | Kind::Leftovers | Kind::Missed, _) => {
                let message = message.map(|it| format!(": {it}")).unwrap_or_default();
                format!("{} {}{message}", self.what(), self.trouble())
            }
        };
        one_line(&format!("{label}{again}{what}{}", self.place()), usize::MAX)
    }

    /// What it is about, the same for each page of one incident: what messages are threaded by.
    #[must_use]
    pub fn subject(&self) -> String {
        let label = match self.kind.audience() {
            Audience::OnCall if self.kind == Kind::Drill => "[drill] ",
            Audience::OnCall => "",
            Audience::Owners => "[owners] ",
        };
        let subject = match self.kind {
            Kind::Drill => format!("{label}a test of the way to you{}", self.place()),
            Kind::Step | Kind::Canary | Kind::Inconclusive | Kind::Leftovers | Kind::Missed => {
                format!("{label}{} {}{}", self.what(), self.trouble(), self.place())
            }
        };
        one_line(&subject, usize::MAX)
    }

    /// What is to be told, in one line.
    #[must_use]
    pub fn headline(&self, action: Action) -> String {
        match action {
            Action::Trigger => self.title(),
            Action::Acknowledge => {
                let by = self.acknowledged.as_ref().map_or("somebody", |it| it.by.as_str());
                one_line(&format!("acknowledged by {by}: {}", self.subject()), usize::MAX)
            }
            Action::Resolve => {
                one_line(&format!("resolved: {}: {}", self.subject(), self.resolved()), usize::MAX)
            }
        }
    }

    /// How it ended, in one line; of one that has not, that it is over.
    #[must_use]
    pub fn resolved(&self) -> String {
        let Some(closed) = &self.closed else { return "it is over".to_owned() };
        let after = span(between(self.since, closed.at));
        match closed.why {
            Ending::Green => {
                let passes = match self.passes {
                    Some(1) => ", one pass".to_owned(),
                    Some(passes) => format!(", {passes} passes in a row"),
                    None => String::new(),
                };
                format!("all well again after {after}{passes}")
            }
            Ending::Removed => format!("it is no part of the suite any more, after {after}"),
            Ending::Merged => {
                format!("it is part of the page for the whole canary `{}` from now on", self.canary)
            }
            Ending::Drilled => "the drill is over".to_owned(),
        }
    }

    /// What is said once, however many steps failed; what it takes to judge comes first.
    #[must_use]
    pub fn about(&self) -> Vec<Field> {
        let Self { target, suite, location, since, last_green, round, acknowledged, closed, .. } = self;
        let mut fields = Vec::new();
        if let Some(instead) = &self.instead {
            fields.push(Field::new("instead", instead));
        }
        if closed.is_some() {
            fields.push(Field::new("ended", self.resolved()));
        }
        if let Some(it) = acknowledged {
            fields.push(Field::new("acknowledged by", format!("{}, at {}", it.by, time(it.at))));
        }
        fields.push(Field::new("target", format!("{suite} at {target}")));
        fields.push(Field::new("seen from", location));
        fields.push(Field::new("since", time(*since)));
        fields.push(Field::new(
            "last green run",
            match last_green {
                Some(green) => {
                    let before = span(between(green.started, *since));
                    format!("{} at {}, {before} before", green.run, time(green.started))
                }
                None => "none is known".to_owned(),
            },
        ));
        if *round > 1 {
            fields.push(Field::new("told", format!("{round} times, this time included")));
        }
        if self.severity == Severity::Warning && self.kind.audience() == Audience::OnCall {
            fields.push(Field::new("severity", "warning: it waits for the morning"));
        }
        if let Some(link) = &self.run_link {
            fields.push(Field::link("run", link));
        }
        if let Some(link) = &self.incident_link {
            fields.push(Field::link("incident", link));
        }
        fields
    }

    /// What is said of one failed step.
    #[must_use]
    pub fn evidence(&self, root: &Evidence) -> Vec<Field> {
        let Evidence { step, promise, cause, message, remedy, request, request_id, runbook, .. } = root;
        let Evidence { blocks, run, trace, started, severity: _, .. } = root;
        let mut fields = Vec::new();
        if !step.is_empty() {
            fields.push(Field::new("step", format!("{}::{step}", self.canary)));
        }
        if !promise.is_empty() {
            fields.push(Field::new("promise", promise));
        }
        fields.push(Field::new("found", message));
        fields.push(Field::new("cause", cause.as_str()));
        let maybe = [
            ("remedy", remedy.as_deref()),
            ("request", request.as_deref()),
            ("request id", request_id.as_deref()),
        ];
        for (label, text) in maybe {
            fields.extend(text.map(|text| Field::new(label, text)));
        }
        if !blocks.is_empty() {
            let (named, left) = first(blocks, BLOCKS);
            let more = if left > 0 { format!(" and {left} more") } else { String::new() };
            fields.push(Field::new("blocks", named.join(", ") + &more));
        }
        if !run.is_empty() {
            fields.push(Field::new("seen in run", format!("{run} at {}", time(*started))));
        }
        if !trace.is_empty() {
            fields.push(Field::new("trace id", trace));
        }
        if let Some(command) = self.command(root) {
            fields.push(Field::new("repeat it with", command));
        }
        match runbook {
            Some(address) if is_address(address) => fields.push(Field::link("runbook", address)),
            Some(text) => fields.push(Field::new("runbook", text)),
            None => (),
        }
        fields
    }

    /// The command that repeats a failure. A fixture is no test: the first step that it blocks shows the same.
    #[must_use]
    pub fn command(&self, root: &Evidence) -> Option<String> {
        if self.kind == Kind::Drill || self.canary.is_empty() {
            return None;
        }
        let step = match root.step.strip_prefix("fixture ") {
            Some(_) => root.blocks.iter().find(|it| !it.starts_with("fixture "))?,
            None => &root.step,
        };
        (!step.is_empty()).then(|| {
            format!("cargo test --test canaries -- --exact {}", quoted(&format!("{}::{step}", self.canary)))
        })
    }

    /// The canary, or of a single step that.
    fn what(&self) -> String {
        match (self.kind, self.roots.as_slice()) {
            (Kind::Step, [root, ..]) => format!("{}::{}", self.canary, root.step),
            _ if self.canary.is_empty() => "coalmine".to_owned(),
            _ => self.canary.clone(),
        }
    }

    fn trouble(&self) -> &'static str {
        match self.kind {
            Kind::Step => "failed",
            Kind::Canary => "has failed in many steps",
            Kind::Inconclusive => "has long been unable to tell whether all is well",
            Kind::Leftovers => "leaves things behind that could not be removed",
            Kind::Missed => "does not run when it should",
            Kind::Drill => "is tried",
        }
    }

    fn step_names(&self) -> String {
        let (shown, left) = first(&self.roots, NAMED);
        let names: Vec<_> = shown.iter().map(|it| one_line(&it.step, 200)).collect();
        match left {
            0 => names.join(", "),
            _ => format!("{} and {left} more", names.join(", ")),
        }
    }

    fn place(&self) -> String {
        match (self.suite.is_empty(), self.target.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!(" — {}", self.suite),
            (true, false) => format!(" — {}", self.target),
            (false, false) => format!(" — {} at {}", self.suite, self.target),
        }
    }
}

/// Whether a text is the address of a page, so that it may be made a link.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|it| it.is_ascii_graphic());
    plain && reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-:./".contains(it);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// `2026-11-30 03:12:04 UTC`.
fn time(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A time as people say it, by its two largest units: `45 s`, `12 min`, `3 h 5 min`, `2 d 1 h`.
pub(crate) fn span(it: Duration) -> String {
    let seconds = it.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, less: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {less}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_by_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (779, "12 min"),
            (3600, "1 h"),
            (11_100, "3 h 5 min"),
            (86_400, "1 d"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell_if_need_be() {
        assert_eq!(quoted("api::list_keys"), "api::list_keys");
        assert_eq!(quoted("api::it's $(x)"), r"'api::it'\''s $(x)'");
    }

    #[test]
    fn only_addresses_of_pages_are_links() {
        assert!(is_address("https://wiki.example.com/runbook#keys"));
        for text in ["javascript:alert(1)", "see the wiki", "https://x y", "docs/runbook.md", ""] {
            assert!(!is_address(text), "{text}");
        }
    }
}
