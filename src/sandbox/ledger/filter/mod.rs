//! The filter language (facts, section 9): a text becomes a [`Filter`], which says yes or no to a [`Subject`].
//!
//! Everything that can be wrong with a filter is found when it is read, never while it is used: the shapes of all
//! properties are known, and parameters come with the text. So a filter that was accepted is good for ever, and a
//! feed can keep it.

mod lexer;
mod parser;
mod property;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

pub(super) use self::property::{Kind, Look, Property, Root};
use crate::{codes, envelope::Refusal, name_set::NameSet, values::Millis, world::Context};

/// What filters and groupings look at.
pub(super) trait Subject {
    /// What stands at `root`.
    fn look(&self, root: Root) -> Look<'_>;

    /// Whether one of its actions passes; only transactions have some.
    fn any_action(&self, _test: &mut dyn FnMut(&dyn Subject) -> bool) -> bool {
        false
    }
}

/// A filter that was found to be in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter(Option<Expression>);

#[derive(Clone, Debug)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Equal(Property, Scalar),
    Time(Property, Operator, Moment),
    /// One and the same action passes all of it \[D\]; or, wrongly, each part of it is passed by some action.
    Actions {
        inner: Box<Expression>,
        apart: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scalar {
    Text(String),
    /// Wider than any integer that a body can hold.
    Number(i128),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Less => order.is_lt(),
            Operator::Greater => order.is_gt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A time to compare with.
#[derive(Clone, Debug)]
struct Moment {
    instant: Timestamp,
    without_offsets: bool,
    /// As it was written, only for the fault that compares texts.
    text: Option<String>,
}

/// How faults bend the language. None of them is on by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bends {
    or_is_and: bool,
    parameters_off: bool,
    without_offsets: bool,
    actions_apart: bool,
    or_binds_tighter: bool,
    times_as_text: bool,
}

impl Bends {
    pub(super) fn of(cx: &Context, operation: &str) -> Bends {
        let on = |kind| cx.faults.on_for(kind, operation);
        Bends {
            or_is_and: on("filter_or_is_and"),
            parameters_off: on("filter_param_off"),
            without_offsets: on("time_filter_ignores_offset"),
            actions_apart: on("scope_matches_any"),
            or_binds_tighter: on("or_binds_tighter"),
            times_as_text: on("tag_times_as_text"),
        }
    }
}

impl Filter {
    /// Reads a filter; none and the empty one let everything pass \[S, C, 9\].
    pub(super) fn read(
        text: Option<&str>,
        parameters: &[Value],
        kind: Kind,
        names: NameSet,
        bends: Bends,
    ) -> Result<Filter, Refusal> {
        let text = text.filter(|text| !text.trim().is_empty());
        match text {
            Some(text) => parser::parse(text, parameters, kind, names, bends).map(|it| Filter(Some(it))),
            None if parameters.is_empty() => Ok(Filter::default()),
            None => Err(codes::FILTER_PARAMS.because("there are parameters, but no filter")),
        }
    }

    pub(super) fn passes(&self, subject: &dyn Subject) -> bool {
        self.0.as_ref().is_none_or(|expression| expression.passes(subject))
    }
}

impl Expression {
    fn passes(&self, subject: &dyn Subject) -> bool {
        match self {
            Expression::All(parts) => parts.iter().all(|part| part.passes(subject)),
            Expression::Any(parts) => parts.iter().any(|part| part.passes(subject)),
            Expression::Equal(property, scalar) => equal(&property.of(subject), scalar),
            Expression::Time(property, operator, moment) => {
                moment.compare(&property.of(subject)).is_some_and(|order| operator.holds(order))
            }
            Expression::Actions { inner, apart: true } => inner.passes_apart(subject),
            Expression::Actions { inner, apart: false } => {
                subject.any_action(&mut |action| inner.passes(action))
            }
        }
    }

    fn passes_apart(&self, subject: &dyn Subject) -> bool {
        match self {
            Expression::All(parts) => parts.iter().all(|part| part.passes_apart(subject)),
            Expression::Any(parts) => parts.iter().any(|part| part.passes_apart(subject)),
            Expression::Equal(..) | Expression::Time(..) | Expression::Actions { .. } => {
                subject.any_action(&mut |action| self.passes(action))
            }
        }
    }
}

/// Type counts and case counts; other types than strings and integers are never equal \[D; C, 14 row 23\].
fn equal(look: &Look<'_>, scalar: &Scalar) -> bool {
    match (look, scalar) {
        (Look::Text(text), Scalar::Text(wanted)) => text == wanted,
        (Look::Number(number), Scalar::Number(wanted)) => {
            i128::try_from(*number).is_ok_and(|it| it == *wanted)
        }
        (Look::Json(Value::String(text)), Scalar::Text(wanted)) => text == wanted,
        (Look::Json(Value::Number(number)), Scalar::Number(wanted)) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            whole == Some(*wanted)
        }
        (
            Look::Absent
            | Look::Text(_)
            | Look::Number(_)
            | Look::Time(_)
            | Look::Tags(_)
            | Look::Json(_)
            | Look::Whole(_),
            _,
        ) => false,
    }
}

impl Moment {
    /// Numeric offsets and any number of decimals will do \[T, 9\].
    fn read(text: &str, bends: Bends) -> Option<Moment> {
        let Bends { without_offsets, times_as_text, .. } = bends;
        let instant = instant(text, without_offsets)?;
        Some(Moment { instant, without_offsets, text: times_as_text.then(|| text.to_owned()) })
    }

    /// How what is there compares to this; a tag that is not a time compares to nothing \[C, 9\].
    fn compare(&self, look: &Look<'_>) -> Option<Ordering> {
        match look {
            // At the precision that responses show \[S, 7\].
            Look::Time(time) => Some(time.cmp(&Millis::from(self.instant))),
            Look::Json(Value::String(text)) => match &self.text {
                Some(wanted) => Some(text.cmp(wanted)),
                None => Some(instant(text, self.without_offsets)?.cmp(&self.instant)),
            },
            Look::Absent
            | Look::Text(_)
            | Look::Number(_)
            | Look::Tags(_)
            | Look::Json(_)
            | Look::Whole(_) => None,
        }
    }
}

/// An RFC 3339 time. Date, time of day and offset all have to be there.
fn instant(text: &str, without_offsets: bool) -> Option<Timestamp> {
    let shaped = text.is_ascii() && text.len() >= 20 && !text.contains(['[', ' ']);
    if !shaped {
        return None;
    }
    if without_offsets {
        let clock = text[19..]
            .find(|it: char| it != '.' && !it.is_ascii_digit())
            .map_or(text, |end| &text[..19 + end]);
        return format!("{clock}Z").parse().ok();
    }
    text.parse().ok()
}
