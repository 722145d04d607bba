//! The names of the faults that any HTTP API can have, and which of them are on.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hyper::header::HeaderName;

use super::json::{Change, Pointer};
use crate::{
    operations::{Operation, Operations},
    world::UnknownFault,
};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `error_500:OPERATION`: the request never reaches the product; an error answers.
    Error500,
    /// `slow:OPERATION`: the answer is late.
    Slow,
    /// `field_missing:OPERATION`: a successful answer lacks its first member.
    FirstMissing,
    /// `field_missing:OPERATION:/json/pointer`, `field_renamed:…`, `field_mistyped:…`: a successful answer has the
    /// member at the pointer not, under another name, or of another type. With a status, as in
    /// `field_missing:OPERATION:404:/code`, only answers of that status are changed. In the pointer `*` stands for
    /// every element of an array.
    Field {
        /// What happens to it.
        change: Change,
        /// In which answers; none for all successful ones.
        status: Option<u16>,
        /// Where it is.
        place: Pointer,
    },
    /// `refusal_lifted:OPERATION`: what the product refuses is answered with success.
    RefusalLifted,
    /// `header_missing:OPERATION:Name`: answers lack a header.
    HeaderMissing(HeaderName),
}

/// The kinds that need nothing but an operation, with what the product does then.
const PLAIN: [(&str, Kind, &str); 4] = [
    ("error_500", Kind::Error500, "answers an internal error and does nothing"),
    ("slow", Kind::Slow, "answers late"),
    ("field_missing", Kind::FirstMissing, "leaves out the first member of a successful answer"),
    ("refusal_lifted", Kind::RefusalLifted, "answers success where it should refuse"),
];

/// Every kind's word in a name.
const WORDS: [&str; 7] = [
    "error_500",
    "slow",
    "field_missing",
    "field_renamed",
    "field_mistyped",
    "refusal_lifted",
    "header_missing",
];

/// The kinds that change a member.
const CHANGES: [(&str, Change); 3] = [
    ("field_missing", Change::Missing),
    ("field_renamed", Change::Renamed),
    ("field_mistyped", Change::Mistyped),
];

/// A fault of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultName {
    /// What goes wrong.
    pub kind: Kind,
    /// Where: the operation's name.
    pub operation: String,
}

impl FaultName {
    /// Reads a name such as `field_missing:list-keys:/items/0/id`.
    ///
    /// # Errors
    /// If the kind or the operation is unknown, or what follows them does not belong there.
    pub fn parse(name: &str, operations: &Operations) -> Result<Self, UnknownFault> {
        let error = |why: String, nearest: Option<String>| UnknownFault {
            name: name.to_owned(),
            why: Some(why),
            nearest,
        };
        let (word, rest) = name.split_once(':').unwrap_or((name, ""));
        if !WORDS.contains(&word) {
            let nearest = crate::nearest(word, WORDS).map(|word| format!("{word}:{rest}"));
            return Err(error(format!("the kinds are `{}`", WORDS.join("`, `")), nearest));
        }
        if rest.is_empty() {
            return Err(error(format!("it lacks the operation, as in `{word}:OPERATION`"), None));
        }
        let Some((operation, detail)) = split_operation(rest, operations) else {
            let wrong = rest.split_once(':').map_or(rest, |(operation, _)| operation);
            let detail = &rest[wrong.len()..];
            let nearest = crate::nearest(wrong, operations.names()).map(|it| format!("{word}:{it}{detail}"));
            return Err(error(format!("no operation is named `{wrong}`"), nearest));
        };
        let kind = match (word, detail) {
            ("field_missing" | "field_renamed" | "field_mistyped", Some(detail)) => {
                let status = detail.split_once(':').and_then(|(status, pointer)| {
                    let digits = status.len() == 3 && status.bytes().all(|it| it.is_ascii_digit());
                    let status = status.parse().ok().filter(|it| digits && (100..600).contains(it))?;
                    Some((status, pointer))
                });
                let (status, pointer) = status.map_or((None, detail), |(status, rest)| (Some(status), rest));
                let place = pointer.parse::<Pointer>().map_err(|why| {
                    let of = status.map_or(String::new(), |status| format!("{status}:"));
                    let repaired = format!("/{pointer}").parse::<Pointer>().ok();
                    // What stands before a place is meant for a status.
                    let repaired = repaired.filter(|_| !pointer.contains(":/") && !pointer.is_empty());
                    error(why.to_string(), repaired.map(|it| format!("{word}:{operation}:{of}{it}")))
                })?;
                let change = CHANGES.into_iter().find(|(known, _)| *known == word);
                let change = change.expect("each of these words changes a member").1;
                Kind::Field { change, status, place }
            }
            ("field_renamed" | "field_mistyped", None) => {
                return Err(error(format!("it lacks the place, as in `{name}:/id`"), None));
            }
            ("header_missing", Some(header)) => {
                let header = HeaderName::try_from(header);
                Kind::HeaderMissing(header.map_err(|_| error("this is no name of a header".into(), None))?)
            }
            ("header_missing", None) => {
                return Err(error(format!("it lacks the header, as in `{name}:Content-Type`"), None));
            }
            (_, Some(_)) => {
                let nearest = Some(format!("{word}:{operation}"));
                return Err(error(format!("nothing follows the operation of `{word}`"), nearest));
            }
            (_, None) => {
                let plain = PLAIN.into_iter().find(|(plain, ..)| *plain == word);
                plain.expect("every kind that is left is plain").1
            }
        };
        Ok(Self { kind, operation: operation.to_owned() })
    }
}

/// The operation at the start of `text`, and what follows it behind a colon. The longest name wins, so that names may
/// hold colons themselves.
fn split_operation<'o, 't>(text: &'t str, operations: &'o Operations) -> Option<(&'o str, Option<&'t str>)> {
    operations
        .names()
        .filter_map(|name| match text.strip_prefix(name)? {
            "" => Some((name, None)),
            rest => Some((name, Some(rest.strip_prefix(':')?))),
        })
        .max_by_key(|(name, _)| name.len())
}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, operation } = self;
        match kind {
            Kind::Error500 => write!(f, "error_500:{operation}"),
            Kind::Slow => write!(f, "slow:{operation}"),
            Kind::FirstMissing => write!(f, "field_missing:{operation}"),
            Kind::Field { change, status, place } => {
                let word = CHANGES.iter().find(|(_, it)| it == change).map_or("", |(word, _)| word);
                write!(f, "{word}:{operation}:")?;
                status.map_or(Ok(()), |status| write!(f, "{status}:"))?;
                write!(f, "{place}")
            }
            Kind::RefusalLifted => write!(f, "refusal_lifted:{operation}"),
            Kind::HeaderMissing(header) => write!(f, "header_missing:{operation}:{header}"),
        }
    }
}

/// The faults that need no more than an operation, for every operation, as `(name, what the product does then)`.
#[must_use]
pub fn catalogue(operations: &Operations) -> Vec<(String, String)> {
    let of = |operation: &Operation| {
        let name = operation.name.clone();
        PLAIN.map(|(word, _, effect)| (format!("{word}:{name}"), format!("{name} {effect}")))
    };
    operations.iter().flat_map(of).collect()
}

/// Which faults are on.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// By the name's normal form. Written by switching, and by requests for the count; read by every request.
    on: Mutex<BTreeMap<String, (FaultName, u64)>>,
}

impl Switches {
    pub(super) fn switch(&self, fault: FaultName, on: bool) {
        let name = fault.to_string();
        if on {
            self.lock().entry(name).or_insert((fault, 0));
        } else {
            self.lock().remove(&name);
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// What goes wrong with this operation now.
    pub(super) fn of(&self, operation: &str) -> Vec<FaultName> {
        let on = self.lock();
        on.values()
            .filter(|(fault, _)| fault.operation == operation)
            .map(|(fault, _)| fault.clone())
            .collect()
    }

    /// Notes that a fault changed an answer.
    pub(super) fn took_effect(&self, fault: &FaultName) {
        if let Some((_, count)) = self.lock().get_mut(&fault.to_string()) {
            *count += 1;
        }
    }

    /// How many answers the fault has changed since it was switched on.
    pub(super) fn effects(&self, fault: &FaultName) -> u64 {
        self.lock().get(&fault.to_string()).map_or(0, |(_, count)| *count)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (FaultName, u64)>> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Operations {
        Operations::new([
            ("create-key", "POST", "/create-key"),
            ("list-keys", "POST", "/list-keys"),
            ("keys:list", "POST", "/keys/list"),
            ("keys", "POST", "/keys"),
        ])
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for name in [
            "error_500:create-key",
            "slow:list-keys",
            "field_missing:list-keys",
            "field_missing:list-keys:/items/0/a~1b:c",
            "field_missing:list-keys:404:/code",
            "field_renamed:list-keys:/items/*/id",
            "field_mistyped:keys:list:200:/1:/x",
            "refusal_lifted:create-key",
            "header_missing:create-key:content-type",
            "slow:keys:list",
            "field_missing:keys:/list",
        ] {
            assert_eq!(
                FaultName::parse(name, &operations()).map(|fault| fault.to_string()),
                Ok(name.to_owned())
            );
        }
        let fault = FaultName::parse("header_missing:keys:Content-Type", &operations()).unwrap();
        assert_eq!(fault.to_string(), "header_missing:keys:content-type");
    }

    #[test]
    fn a_wrong_name_says_what_is_wrong() {
        let kinds = "the kinds are `error_500`, `slow`, `field_missing`, `field_renamed`, `field_mistyped`, \
                     `refusal_lifted`, `header_missing`";
        for (name, why, remedy) in [
            ("eror_500:create-key", kinds, "did you mean `error_500:create-key`?"),
            ("fire:create-key", kinds, "take one from the catalogue of faults"),
            ("", kinds, "take one from the catalogue of faults"),
            (
                "slow",
                "it lacks the operation, as in `slow:OPERATION`",
                "take one from the catalogue of faults",
            ),
            ("slow:create-kye", "no operation is named `create-kye`", "did you mean `slow:create-key`?"),
            ("slow:xyz", "no operation is named `xyz`", "take one from the catalogue of faults"),
            (
                "field_missing:list-key:/id",
                "no operation is named `list-key`",
                "did you mean `field_missing:list-keys:/id`?",
            ),
            (
                "field_missing:list-keys:items/0",
                "a JSON pointer begins with a slash, as in `/items/0/id`",
                "did you mean `field_missing:list-keys:/items/0`?",
            ),
            (
                "field_missing:list-keys:/a~b",
                "in a JSON pointer `~` is written `~0` and a slash inside a name `~1`",
                "take one from the catalogue of faults",
            ),
            (
                "header_missing:keys",
                "it lacks the header, as in `header_missing:keys:Content-Type`",
                "take one from the catalogue of faults",
            ),
            (
                "header_missing:keys:a b",
                "this is no name of a header",
                "take one from the catalogue of faults",
            ),
            ("slow:keys:5", "nothing follows the operation of `slow`", "did you mean `slow:keys`?"),
        ] {
            let error = FaultName::parse(name, &operations()).unwrap_err();
            assert_eq!(error.to_string(), format!("there is no fault `{name}`: {why}; {remedy}"));
        }
    }

    #[test]
    fn the_catalogue_names_faults_that_exist() {
        let catalogue = catalogue(&operations());
        assert_eq!(catalogue.len(), 16);
        assert_eq!(catalogue[1], ("slow:create-key".to_owned(), "create-key answers late".to_owned()));
        for (name, _) in catalogue {
            assert!(FaultName::parse(&name, &operations()).is_ok(), "{name}");
        }
    }

    #[test]
    fn switching_on_again_keeps_the_count_and_off_forgets_it() {
        let (switches, fault) = (Switches::default(), FaultName::parse("slow:keys", &operations()).unwrap());
        switches.took_effect(&fault);
        switches.switch(fault.clone(), true);
        switches.took_effect(&fault);
        switches.switch(fault.clone(), true);
        assert_eq!((switches.effects(&fault), switches.names()), (1, vec!["slow:keys".to_owned()]));
        assert_eq!((switches.of("keys").len(), switches.of("keys:list").len()), (1, 0));
        switches.switch(fault.clone(), false);
        assert_eq!((switches.effects(&fault), switches.names()), (0, vec![]));
    }
}
