//! Cron expressions in a time zone.
//!
//! The expression is walked in civil time; the zone turns civil times into instants. A zone is a row of spans with one
//! offset each, and within a span civil time runs evenly, so only the seams need rules:
//!
//! - *Clocks go forward*: a civil time in the gap runs at the first instant after it. Several run once.
//! - *Clocks go back*: times that come twice run the first time; if the hour is `*` or a step, both times.

use std::fmt;

use croner::parser::{CronParser, Year};
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

/// Before any time that a canary could be planned for: that an expression has a next time at all is tried from here.
const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

/// A cron expression and the zone that it is meant in.
#[derive(Clone, Debug)]
pub struct Cron {
    expression: String,
    name: String,
    pattern: croner::Cron,
    zone: TimeZone,
    /// Whether the hour is `*` or a step, so that it runs in both passes of an hour that comes twice.
    every_pass: bool,
}

/// What is wrong with an expression or a zone, and what to do about it.
pub(super) type Trouble = (String, String);

impl Cron {
    /// Reads both.
    pub(super) fn parse(expression: &str, zone: &str) -> Result<Self, Trouble> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let remedy = || {
            "write minute, hour, day of month, month and day of week, such as `*/5 * * * *`; seconds may stand before \
             them"
            .to_owned()
        };
        let pattern = parser.parse(expression).map_err(|error| {
            let why = error.to_string();
            (format!("`{expression}` is no cron expression: {}", why.trim_end_matches('.')), remedy())
        })?;
        let found = TimeZone::get(zone).map_err(|_| {
            let like = nearest_zone(zone).map(|it| format!("did you mean `{it}`? ")).unwrap_or_default();
            (
                format!("there is no time zone `{zone}`"),
                format!("{like}name it as the IANA database does, such as `Europe/Berlin` or `UTC`"),
            )
        })?;
        let cron = Self {
            expression: expression.to_owned(),
            name: zone.to_owned(),
            every_pass: every_pass(expression),
            pattern,
            zone: found,
        };
        if cron.next(LONG_AGO).is_none() {
            return Err((format!("`{expression}` never comes"), "name a day that exists".to_owned()));
        }
        Ok(cron)
    }

    /// The expression as it was given.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone's name as it was given.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// The first time later than `after`; none at the end of the calendar.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let offset = self.zone.to_offset(after);
        let civil = self.later_than(offset.to_datetime(after), &self.fold_behind(after, offset))?;
        self.walk(after, offset, civil)
    }

    /// Follows the spans from the one that `at` lies in, with the first civil time that is still to come there.
    fn walk(&self, at: Timestamp, mut offset: Offset, mut civil: DateTime) -> Option<Timestamp> {
        for seam in self.zone.following(at) {
            let (seam, new) = (seam.timestamp(), seam.offset());
            let instant = offset.to_timestamp(civil).ok()?;
            if instant < seam {
                return Some(instant);
            }
            let (ends, begins) = (offset.to_datetime(seam), new.to_datetime(seam));
            if civil < begins {
                // In the gap: these civil times do not exist.
                return Some(seam);
            }
            if begins < ends && self.every_pass {
                civil = self.not_before(begins)?;
            }
            offset = new;
        }
        offset.to_timestamp(civil).ok()
    }

    /// If `at` lies where civil times come for the second time: where that ends.
    fn fold_behind(&self, at: Timestamp, offset: Offset) -> Option<DateTime> {
        // The seam itself belongs to the span that it begins.
        let seam = self.zone.preceding(later_by_one(at)).next()?.timestamp();
        let before = self.zone.to_offset(seam.checked_sub(SignedDuration::from_nanos(1)).ok()?);
        let ends = before.to_datetime(seam);
        (offset.to_datetime(at) < ends).then_some(ends)
    }

    fn later_than(&self, civil: DateTime, fold: &Option<DateTime>) -> Option<DateTime> {
        match fold {
            // These have been.
            Some(end) if !self.every_pass => self.not_before(*end),
            Some(_) | None => self.pattern.find_next_occurrence(&civil, false).ok(),
        }
    }

    fn not_before(&self, civil: DateTime) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&civil, true).ok()
    }
}

fn later_by_one(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at)
}

/// Whether the hour of an expression is `*` or has a step.
fn every_pass(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match fields.as_slice() {
        [_, hour, _, _, _] | [_, _, hour, _, _, _] => hour.contains(['*', '/', '?']),
        // The nicknames.
        [name] => name.eq_ignore_ascii_case("@hourly"),
        _ => false,
    }
}

fn nearest_zone(zone: &str) -> Option<String> {
    // Near to very little are zones such as `GB`, which nobody means.
    if zone.len() < 3 {
        return None;
    }
    let known: Vec<String> = jiff::tz::db().available().map(|it| it.to_string()).collect();
    crate::nearest(zone, known.iter().map(String::as_str)).map(ToOwned::to_owned)
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.expression, self.name)
    }
}
