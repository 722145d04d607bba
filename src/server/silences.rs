//! Mutes and maintenance windows: begun and lifted by a form or a command.

use axum::{
    Form,
    extract::{
        Path, State as From,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use serde_json::to_string;

use super::{
    State,
    answer::{Wanted, json_text, problem},
    control::refused,
    people::{back, is_stopping, name},
};
use crate::{
    alert::{Scope, Silence, SilenceKind},
    pages::REASON,
    service::{Refusal, Service},
};

/// The longest silence, and how far ahead one may begin: what nobody remembers hides what it was not meant to.
const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);

#[derive(Default, Deserialize)]
pub(super) struct Wish {
    scope: Option<String>,
    kind: Option<String>,
    reason: Option<String>,
    r#for: Option<String>,
    from: Option<String>,
    by: Option<String>,
    /// Which page to come back to.
    next: Option<String>,
}

/// Why there will be no silence.
enum Wrong {
    /// It was said in a way that means nothing.
    Said(String),
    /// There is no such canary.
    Canary(Refusal),
    /// There is no such step.
    Step(String),
}

pub(super) async fn begin(
    From(state): From<State>,
    headers: HeaderMap,
    form: Result<Form<Wish>, FormRejection>,
) -> Response {
    let wanted = Wanted::of(&headers);
    let wish = form.map(|Form(it)| it).unwrap_or_default();
    let next = wish.next.clone();
    let silence = match understood(&state.service, wish, state.service.clock().now()) {
        Ok(silence) => silence,
        Err(Wrong::Said(why)) => return problem(&state, wanted, StatusCode::BAD_REQUEST, &why),
        Err(Wrong::Step(why)) => return problem(&state, wanted, StatusCode::NOT_FOUND, &why),
        Err(Wrong::Canary(refusal)) => return refused(&state, wanted, &refusal),
    };
    if is_stopping(&state) {
        return refused(&state, wanted, &Refusal::Stopping);
    }
    let silence = state.service.silence(silence).await;
    state.cache.forget().await;
    told(wanted, StatusCode::CREATED, &silence, next)
}

pub(super) async fn lift(
    From(state): From<State>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Form<Wish>, FormRejection>,
) -> Response {
    let wanted = Wanted::of(&headers);
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    if is_stopping(&state) {
        return refused(&state, wanted, &Refusal::Stopping);
    }
    let lifted = state.service.lift(&id).await;
    state.cache.forget().await;
    match lifted {
        Some(silence) => told(wanted, StatusCode::OK, &silence, form.ok().and_then(|Form(it)| it.next)),
        None => {
            let known: Vec<_> = state.service.alerts().silences.into_iter().map(|it| it.id).collect();
            let known = match known.as_slice() {
                [] => "nothing is muted".to_owned(),
                known => format!("there are: {}", known.join(", ")),
            };
            let why = format!("there is no silence `{id}`, or it is over; {known}");
            problem(&state, wanted, StatusCode::NOT_FOUND, &why)
        }
    }
}

fn told(wanted: Wanted, status: StatusCode, silence: &Silence, next: Option<String>) -> Response {
    if wanted == Wanted::Html {
        return back(next);
    }
    json_text(status, to_string(silence).unwrap_or_default() + "\n")
}

/// The silence that is wished for; it gets its id from the book.
fn understood(service: &Service, wish: Wish, now: Timestamp) -> Result<Silence, Wrong> {
    let Wish { scope, kind, reason, r#for, from, by, next: _ } = wish;
    let said = |why: &str| Wrong::Said(why.to_owned());
    let scope = Scope::parse(scope.as_deref().unwrap_or_default()).ok_or_else(|| {
        said("expected what is to be silent in the form field `scope`: `*`, a canary, or `canary::step`")
    })?;
    check(service, &scope)?;
    let kind = match kind.as_deref().map(str::trim) {
        None | Some("" | "mute") => SilenceKind::Mute,
        Some("maintenance") => SilenceKind::Maintenance,
        Some(_) => return Err(said("expected `mute` or `maintenance` in the form field `kind`")),
    };
    let reason: String = reason.unwrap_or_default().trim().chars().take(REASON).collect();
    if reason.is_empty() {
        return Err(said(
            "a silence needs a reason that others can read: send it as the form field `reason`",
        ));
    }
    let length = r#for.as_deref().and_then(|it| it.trim().parse::<SignedDuration>().ok());
    let length = length.filter(|it| it.is_positive() && *it <= LONGEST).ok_or_else(|| {
        said("expected a duration up to 90 days in the form field `for`, such as `30m` or `4h`")
    })?;
    let from = match from.as_deref().map(str::trim) {
        None | Some("") => now,
        Some(text) => begin_at(text, now).ok_or_else(|| {
            said(
                "expected a time up to 90 days ahead in the form field `from`, such as `2026-01-31T12:00:00Z`, or how \
                 long until then, such as `2h`",
            )
        })?,
    };
    let until = from.checked_add(length).ok().filter(|it| *it > now);
    let until = until.ok_or_else(|| said("it would be over already: `from` and `for` end before now"))?;
    Ok(Silence { id: String::new(), kind, scope, from, until, reason, by: name(by) })
}

/// A time, or how long until then. A time without a zone is in UTC, as all times on the pages are.
fn begin_at(text: &str, now: Timestamp) -> Option<Timestamp> {
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
    let ahead = || {
        let ahead = text.parse::<SignedDuration>().ok().filter(|it| !it.is_negative())?;
        now.checked_add(ahead).ok()
    };
    let at = text.parse::<Timestamp>().ok().or_else(ahead).or_else(civil)?;
    (at.duration_since(now) <= LONGEST).then_some(at)
}

/// Whether there is such a canary, and such a step: what silences nothing would be taken for something that does.
fn check(service: &Service, scope: &Scope) -> Result<(), Wrong> {
    let (name, step) = match scope {
        Scope::Everything => return Ok(()),
        Scope::Canary(canary) => (canary, None),
        Scope::Step(canary, step) => (canary, Some(step)),
    };
    let plan = service.plan();
    let Some(canary) = plan.canary(name) else {
        let nearest = crate::nearest(name, plan.canaries.iter().map(|it| it.name()));
        let nearest = nearest.map(ToOwned::to_owned);
        return Err(Wrong::Canary(Refusal::UnknownCanary { name: name.clone(), nearest }));
    };
    let titles: Vec<String> = (0..canary.len()).map(|it| canary.title(it)).collect();
    match step {
        Some(step) if !titles.contains(step) => {
            let nearest = crate::nearest(step, titles.iter().map(String::as_str));
            let hint = nearest.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
            Err(Wrong::Step(format!("the canary `{name}` has no step `{step}`{hint}")))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_begins_at_a_time_or_after_a_while() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-01-31T14:00:00Z", Some("2026-01-31T14:00:00Z")),
            ("2026-01-31T15:00:00+01:00", Some("2026-01-31T14:00:00Z")),
            ("2026-01-31T14:00", Some("2026-01-31T14:00:00Z")),
            ("2h", Some("2026-01-31T14:00:00Z")),
            ("1h 30m", Some("2026-01-31T13:30:00Z")),
            ("-1h", None),
            ("91d", None),
            ("2027-01-31T14:00:00Z", None),
            ("tomorrow", None),
        ] {
            let expected = expected.map(|it| it.parse().unwrap());
            assert_eq!(begin_at(text, now), expected, "{text}");
        }
    }
}
