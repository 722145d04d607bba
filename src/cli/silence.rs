//! `mute`, `maintenance`, `unmute`, `silences`: times in which nobody is told.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use clap::Args;
use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use serde::Deserialize;

use super::{
    amount::span,
    layout::{lasted, moment},
    sandbox::print,
    service::{Remote, ServiceArguments, id},
    store::runtime,
    trouble::{Trouble, code},
};
use crate::{
    alert::{Scope, Silence, SilenceKind},
    clock::Clock,
    config::Environment,
    report::text::one_line,
    verdict::Verdict,
};

/// How much of a reason is shown, in bytes.
const REASON: usize = 200;

/// What a silence is made of, whether it was planned or not.
#[derive(Args)]
struct Wish {
    /// What is silent: a canary, `CANARY::STEP`, or `*` for everything.
    #[arg(value_name = "SCOPE", value_parser = scope)]
    scope: Scope,
    /// How long: `30m`, `2h`, `1d 12h`.
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    length: Duration,
    /// Why, for the others who read it.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Who says so; without it, what `USER` says.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Args)]
pub(super) struct MuteArguments {
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
pub(super) struct MaintenanceArguments {
    #[command(flatten)]
    wish: Wish,
    /// When it begins: a time such as `22:00`, `2026-12-01T22:00` (both where you are) or `2026-12-01T22:00Z`, or how
    /// long until then, such as `30m`.
    #[arg(long, value_name = "TIME|DURATION", value_parser = begin)]
    from: Begin,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
pub(super) struct UnmuteArguments {
    /// The silence's id, as `mute` and `silences` have it.
    #[arg(value_name = "SILENCE")]
    silence: String,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
pub(super) struct SilencesArguments {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

pub(super) fn mute(arguments: &MuteArguments) -> ExitCode {
    let MuteArguments { wish, service } = arguments;
    code(silence(wish, "mute", None, service))
}

pub(super) fn maintenance(arguments: &MaintenanceArguments) -> ExitCode {
    let MaintenanceArguments { wish, from, service } = arguments;
    code(silence(wish, "maintenance", Some(from), service))
}

pub(super) fn unmute(arguments: &UnmuteArguments) -> ExitCode {
    code(lift(arguments))
}

pub(super) fn list(arguments: &SilencesArguments) -> ExitCode {
    code(listed(arguments))
}

fn silence(
    wish: &Wish,
    kind: &str,
    from: Option<&Begin>,
    service: &ServiceArguments,
) -> Result<Verdict, Trouble> {
    let Wish { scope, length, reason, by } = wish;
    let environment = Environment::of_process();
    let remote = Remote::new(service, &environment)?;
    let mut form = vec![
        ("scope", scope.to_string()),
        ("kind", kind.to_owned()),
        ("reason", reason.clone()),
        ("for", format!("{}s", length.as_secs())),
    ];
    form.extend(from.map(|it| ("from", it.to_string())));
    form.extend(who(by.as_deref(), &environment).map(|it| ("by", it)));
    let made: Silence = runtime()?.block_on(remote.post("/silences", &form))?;
    print(&begun(&made, Clock::system().now(), &TimeZone::system()))?;
    Ok(Verdict::Passed)
}

fn lift(arguments: &UnmuteArguments) -> Result<Verdict, Trouble> {
    let UnmuteArguments { silence, service } = arguments;
    let remote = Remote::new(service, &Environment::of_process())?;
    let path = format!("/silences/{}/lift", id(silence));
    let lifted: Silence = runtime()?.block_on(remote.post(&path, &[]))?;
    let (name, id) = (covered(&lifted.scope), &lifted.id);
    print(&format!("{id} is over: what is still down at {name} is told from now on\n"))?;
    Ok(Verdict::Passed)
}

/// What is read of the service's answer.
#[derive(Deserialize)]
struct Silences {
    silences: Vec<Silence>,
}

fn listed(arguments: &SilencesArguments) -> Result<Verdict, Trouble> {
    let SilencesArguments { json, service } = arguments;
    let remote = Remote::new(service, &Environment::of_process())?;
    let Silences { silences } = runtime()?.block_on(remote.get("/api/v1/silences"))?;
    let text = match (json, silences.as_slice()) {
        (true, all) => format!("{:#}\n", serde_json::json!(all)),
        (false, []) => "nothing is muted\n".to_owned(),
        (false, all) => table(all, Clock::system().now(), &TimeZone::system()),
    };
    print(&text)?;
    Ok(Verdict::Passed)
}

/// Who does something, as the service is told: nobody if neither they nor their machine say so.
pub(super) fn who(named: Option<&str>, environment: &Environment) -> Option<String> {
    named
        .or_else(|| environment.get("USER"))
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(ToOwned::to_owned)
}

/// What has been silenced, until when, and how to undo it.
fn begun(silence: &Silence, now: Timestamp, zone: &TimeZone) -> String {
    let Silence { id, kind, scope, from: begin, until, reason, by: _ } = silence;
    let (name, end) = (covered(scope), moment(*until, now, zone));
    let reason = one_line(reason, REASON);
    let what = match kind {
        SilenceKind::Mute => "muted",
        SilenceKind::Maintenance => "in maintenance",
    };
    let from = if *begin > now {
        format!(" from {} (in {})", moment(*begin, now, zone), lasted(now, *begin))
    } else {
        String::new()
    };
    let length = lasted(*begin, *until);
    format!(
        "{name}: {what}{from} until {end}, for {length}: {reason}\nend it before with: canaries unmute {id}\n"
    )
}

fn covered(scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Canary(_) | Scope::Step(..) => scope.to_string(),
    }
}

fn table(silences: &[Silence], now: Timestamp, zone: &TimeZone) -> String {
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let ids = width(&mut silences.iter().map(|it| it.id.chars().count()));
    let scopes = width(&mut silences.iter().map(|it| it.scope.to_string().chars().count())).max(5);
    let mut text = format!("{:ids$}  {:scopes$}  {:11}  when\n", "id", "scope", "kind");
    for Silence { id, kind, scope, from, until, reason, by } in silences {
        let kind = match kind {
            SilenceKind::Mute => "mute",
            SilenceKind::Maintenance => "maintenance",
        };
        let scope = scope.to_string();
        let end = moment(*until, now, zone);
        let when = if *from > now {
            format!("from {} until {end}", moment(*from, now, zone))
        } else {
            format!("until {end}, {} left", lasted(now, *until))
        };
        let by = by.as_ref().map(|it| format!(" ({})", one_line(it, REASON))).unwrap_or_default();
        let reason = one_line(reason, REASON);
        let _ = writeln!(text, "{id:ids$}  {scope:scopes$}  {kind:11}  {when}: {reason}{by}");
    }
    text
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "expected a canary, `canary::step`, or `*` for everything".to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("expected a reason that others can read".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// When something begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    At(Timestamp),
    /// By the service's clock.
    After(Duration),
}

impl std::fmt::Display for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::After(after) => write!(f, "{}s", after.as_secs()),
        }
    }
}

fn begin(text: &str) -> Result<Begin, String> {
    begins(text.trim(), Clock::system().now(), &TimeZone::system()).ok_or_else(|| {
        "expected a time to come, such as `22:00`, `2026-12-01T22:00` or `2026-12-01T22:00Z`, or how long until then, \
         such as `30m`"
            .to_owned()
    })
}

/// A time without a day is the next such one; without a zone, it is one where the reader's clock hangs.
fn begins(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Begin> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Begin::At(at));
    }
    if let Ok(after) = span(text) {
        return Some(Begin::After(after));
    }
    let here = |it: DateTime| zone.to_ambiguous_timestamp(it).compatible().ok();
    // Before the time alone: that is read out of one with a day as well.
    if let Ok(at) = text.parse::<DateTime>() {
        return here(at).map(Begin::At);
    }
    let time = text.parse::<Time>().ok()?;
    let today = zone.to_datetime(now).date();
    let days = [Some(today), today.tomorrow().ok()];
    let next = days.into_iter().flatten().filter_map(|it| here(it.to_datetime(time)));
    next.filter(|it| *it > now).min().map(Begin::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn muted() -> Silence {
        Silence {
            id: "s-3f9k2m7q4x".into(),
            kind: SilenceKind::Mute,
            scope: Scope::Canary("api".into()),
            from: at("2026-11-30T12:00:00Z"),
            until: at("2026-11-30T14:00:00Z"),
            reason: "a deploy\n of the ledger".into(),
            by: Some("anna".into()),
        }
    }

    #[test]
    fn what_is_silent_is_said_with_its_end_and_its_undoing() {
        let now = at("2026-11-30T12:00:00Z");
        assert_eq!(
            begun(&muted(), now, &TimeZone::UTC),
            "api: muted until 14:00 UTC, for 2 h: a deploy of the ledger\n\
             end it before with: canaries unmute s-3f9k2m7q4x\n"
        );
        let planned = Silence {
            kind: SilenceKind::Maintenance,
            scope: Scope::Everything,
            from: at("2026-11-30T22:00:00Z"),
            until: at("2026-12-01T00:30:00Z"),
            ..muted()
        };
        assert_eq!(
            begun(&planned, now, &TimeZone::UTC),
            "everything: in maintenance from 22:00 UTC (in 10 h) until Tue 2026-12-01 00:30 UTC, for 2 h 30 min: \
             a deploy of the ledger\nend it before with: canaries unmute s-3f9k2m7q4x\n"
        );
        assert_eq!(
            table(&[muted(), planned], at("2026-11-30T13:00:00Z"), &TimeZone::UTC),
            "\
id            scope  kind         when
s-3f9k2m7q4x  api    mute         until 14:00 UTC, 1 h left: a deploy of the ledger (anna)
s-3f9k2m7q4x  *      maintenance  from 22:00 UTC until Tue 2026-12-01 00:30 UTC: a deploy of the ledger (anna)
"
        );
    }

    #[test]
    fn a_window_begins_when_people_say() {
        let (now, zone) = (at("2026-11-30T12:00:00Z"), TimeZone::fixed(jiff::tz::offset(1)));
        for (text, expected) in [
            ("22:00", Some(Begin::At(at("2026-11-30T21:00:00Z")))),
            ("12:59", Some(Begin::At(at("2026-12-01T11:59:00Z")))),
            ("2026-12-01T22:00", Some(Begin::At(at("2026-12-01T21:00:00Z")))),
            ("2026-12-01 22:00", Some(Begin::At(at("2026-12-01T21:00:00Z")))),
            ("2026-12-01T22:00Z", Some(Begin::At(at("2026-12-01T22:00:00Z")))),
            ("30m", Some(Begin::After(Duration::from_secs(1800)))),
            ("1d", Some(Begin::After(Duration::from_secs(86_400)))),
            ("soon", None),
            ("", None),
            ("25:00", None),
        ] {
            assert_eq!(begins(text, now, &zone), expected, "{text}");
        }
        assert_eq!(Begin::After(Duration::from_secs(1800)).to_string(), "1800s");
    }

    #[test]
    fn somebody_does_it_who_is_known() {
        let environment: Environment = [("USER", "anna")].into_iter().collect();
        assert_eq!(who(None, &environment).as_deref(), Some("anna"));
        assert_eq!(who(Some("ben"), &environment).as_deref(), Some("ben"));
        assert_eq!(who(None, &Environment::default()), None);
    }
}
