//! What of a document a run has seen, and what not.
//!
//! Decisions:
//!
//! * An operation counts as exercised, and a status as seen, with the first answer that the document allows. Answers
//!   that break it count for nothing; their number is told.
//! * A field counts as seen if such an answer had it with a value. One that only ever was `null` does not: nobody
//!   has looked at its values. It does if `null` is all that the document allows.
//! * A field inside an array is seen if any element had it.
//! * A request's field counts as sent if any request with it was answered.
//! * Fields are the named members of JSON bodies; members of any name, and bodies of other types, are not counted.
//! * Requests of clean-up do not count: nobody looks at their answers.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Documented, Field, Surface, names::Names};
use crate::record::{Exchange, RunRecord};

/// What was seen of a document. Everything in it is a name of the document, but the paths of [`Self::unmatched`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Operations that were exercised.
    pub operations: Tally,
    /// Documented statuses that were seen, of all operations together.
    pub statuses: Tally,
    /// Fields of answers, of each status of each operation.
    pub response_fields: Tally,
    /// Fields of requests, of each operation.
    pub request_fields: Tally,
    /// What was not seen.
    pub holes: Vec<Hole>,
    /// What was not seen in bodies that were too long to be kept whole, and may have been in the rest.
    pub unknown: Vec<Hole>,
    /// Statuses that no client can bring about; neither they nor their fields count.
    pub unprovoked: Vec<Unprovoked>,
    /// Requests for no operation of the document.
    pub unmatched: Vec<Unmatched>,
    /// How many answers broke the document.
    pub breaches: usize,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Those that were seen.
    pub seen: usize,
    /// All.
    pub of: usize,
}

/// Something that was not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// What it is.
    pub kind: Missing,
    /// The operation.
    pub operation: String,
    /// Which of its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// JSON pointer to the field, as in [`Field::pointer`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether it was there, but only as `null`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_null: bool,
    /// How many fields within it were not seen either; they have no entry of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub fields: usize,
}

/// What kind of thing was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// An operation, with its statuses and fields.
    Operation,
    /// A status, with its fields.
    Status,
    /// A field of an answer.
    ResponseField,
    /// A field of a request.
    RequestField,
}

/// A status that no client can bring about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unprovoked {
    /// The operation.
    pub operation: String,
    /// The status.
    pub status: String,
    /// Why, as the document has it.
    pub reason: String,
    /// How many such answers came all the same.
    pub seen: usize,
}

/// Requests for no operation of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Their method.
    pub method: String,
    /// Their address, without its query.
    pub url: String,
    /// How many there were.
    pub requests: usize,
}

impl Tally {
    /// The share in percent, rounded down: only what is whole has 100. Of nothing, all was seen.
    #[must_use]
    pub fn percent(self) -> f64 {
        let Self { seen, of } = self;
        (seen * 1000).checked_div(of).map_or(100.0, |tenths| tenths as f64 / 10.0)
    }

    fn add(&mut self, seen: bool) {
        self.seen += usize::from(seen);
        self.of += 1;
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The requests that the steps of a run made, in the order of the table of contents.
pub fn exchanges(record: &RunRecord) -> impl Iterator<Item = &Exchange> {
    record.steps.iter().flat_map(|step| &step.attempts).flat_map(|attempt| &attempt.exchanges)
}

/// What these exchanges have shown of the document. Their bodies must be as they were: redacted ones have lost
/// members, and cut ones are no JSON.
///
/// ```
/// use coalmine::{record::Exchange, surface::{Missing, Surface, coverage}};
///
/// let surface = Surface::parse(r#"{"openapi": "3.1.0", "paths": {"/pets": {"get": {
///     "operationId": "list-pets", "responses": {"200": {}, "404": {}}}}}}"#)?;
/// let exchange = Exchange { operation: Some("list-pets".into()), status: Some(200), ..Exchange::default() };
/// let coverage = coverage(&surface, [&exchange]);
/// assert_eq!(coverage.statuses.percent(), 50.0);
/// assert_eq!(coverage.holes[0].kind, Missing::Status);
/// assert_eq!(coverage.holes[0].status.as_deref(), Some("404"));
/// # Ok::<(), coalmine::surface::DocumentError>(())
/// ```
pub fn coverage<'e>(surface: &Surface, exchanges: impl IntoIterator<Item = &'e Exchange>) -> Coverage {
    let mut all = Sightings::new(surface);
    for exchange in exchanges {
        all.add(exchange);
    }
    all.sum_up()
}

/// What was seen of one operation.
#[derive(Default)]
struct Sighting {
    answers: usize,
    request: Names,
    /// In the order of its documented answers.
    statuses: Vec<(usize, Names)>,
}

struct Sightings<'s> {
    surface: &'s Surface,
    numbers: HashMap<&'s str, usize>,
    operations: Vec<Sighting>,
    unmatched: BTreeMap<(String, String), usize>,
    breaches: usize,
}

impl<'s> Sightings<'s> {
    fn new(surface: &'s Surface) -> Self {
        let numbers = surface.operations.names().enumerate().map(|(number, name)| (name, number)).collect();
        let of = |statuses: usize| Sighting {
            statuses: vec![<(usize, Names)>::default(); statuses],
            ..Sighting::default()
        };
        let operations = surface.responses.iter().map(|it| of(it.list.len())).collect();
        Self { surface, numbers, operations, unmatched: BTreeMap::new(), breaches: 0 }
    }

    fn add(&mut self, exchange: &Exchange) {
        let number = exchange.operation.as_deref().and_then(|name| self.numbers.get(name));
        let Some(&number) = number else {
            let url = exchange.url.split(['?', '#']).next().unwrap_or_default().to_owned();
            *self.unmatched.entry((exchange.method.clone(), url)).or_default() += 1;
            return;
        };
        let Some(status) = exchange.status else { return };
        if exchange.breach.is_some() {
            self.breaches += 1;
            return;
        }
        let operation = &mut self.operations[number];
        operation.answers += 1;
        if let Some(body) = &exchange.request_body {
            operation.request.add(body);
        }
        if let Some(answer) = self.surface.responses[number].position(status) {
            let (seen, names) = &mut operation.statuses[answer];
            *seen += 1;
            if let Some(body) = &exchange.response_body {
                names.add(body);
            }
        }
    }

    fn sum_up(self) -> Coverage {
        let (operations, statuses) = (Tally::default(), Tally::default());
        let (response_fields, request_fields) = (Tally::default(), Tally::default());
        let unmatched = self.unmatched.into_iter();
        let unmatched = unmatched.map(|((method, url), requests)| Unmatched { method, url, requests });
        let mut coverage = Coverage {
            operations,
            statuses,
            response_fields,
            request_fields,
            holes: Vec::new(),
            unknown: Vec::new(),
            unprovoked: Vec::new(),
            unmatched: unmatched.collect(),
            breaches: self.breaches,
        };
        for (documented, sighting) in self.surface.documented().into_iter().zip(&self.operations) {
            coverage.operation(&documented, sighting);
        }
        coverage
    }
}

impl Coverage {
    fn operation(&mut self, documented: &Documented, sighting: &Sighting) {
        let Documented { operation, request, answers } = documented;
        let exercised = sighting.answers > 0;
        self.operations.add(exercised);
        let hole = |kind, status: Option<&str>| Hole {
            kind,
            operation: operation.clone(),
            status: status.map(ToOwned::to_owned),
            field: None,
            only_null: false,
            fields: 0,
        };
        let mut found = Found::default();
        let fields = request.as_ref().map_or(&[][..], |it| it.fields.as_slice());
        let of_request = found.fields(&hole(Missing::RequestField, None), fields, &sighting.request);
        let mut of_answers = Tally::default();
        for (answer, (seen, names)) in answers.iter().zip(&sighting.statuses) {
            let status = answer.status.as_str();
            if let Some(reason) = &answer.unprovoked {
                let (operation, status) = (operation.clone(), status.to_owned());
                self.unprovoked.push(Unprovoked { operation, status, reason: reason.clone(), seen: *seen });
                continue;
            }
            self.statuses.add(*seen > 0);
            if *seen == 0 {
                of_answers.of += answer.fields.len();
                found.holes.push(Hole { fields: answer.fields.len(), ..hole(Missing::Status, Some(status)) });
                continue;
            }
            let tally = found.fields(&hole(Missing::ResponseField, Some(status)), &answer.fields, names);
            of_answers.seen += tally.seen;
            of_answers.of += tally.of;
        }
        for (all, own) in [(&mut self.request_fields, of_request), (&mut self.response_fields, of_answers)] {
            all.seen += own.seen;
            all.of += own.of;
        }
        if exercised {
            self.holes.append(&mut found.holes);
            self.unknown.append(&mut found.unknown);
        } else {
            let fields = of_request.of + of_answers.of;
            self.holes.push(Hole { fields, ..hole(Missing::Operation, None) });
        }
    }
}

/// The holes of one operation.
#[derive(Default)]
struct Found {
    holes: Vec<Hole>,
    unknown: Vec<Hole>,
}

impl Found {
    /// Counts the fields of one body, and notes those that were not seen as `hole`, each with those within it.
    fn fields(&mut self, hole: &Hole, fields: &[Field], names: &Names) -> Tally {
        let list = if names.cut { &mut self.unknown } else { &mut self.holes };
        let first = list.len();
        let mut tally = Tally::default();
        for Field { pointer, required: _, only_null } in fields {
            let found = names.get(pointer);
            let seen = found.is_some_and(|something| something || *only_null);
            tally.add(seen);
            if seen {
                continue;
            }
            let above = list[first..].iter_mut().find(|above| {
                let above = above.field.as_deref().and_then(|above| pointer.strip_prefix(above));
                above.is_some_and(|below| below.starts_with('/'))
            });
            match above {
                Some(above) => above.fields += 1,
                None => list.push(Hole {
                    field: Some(pointer.clone()),
                    only_null: found.is_some(),
                    ..hole.clone()
                }),
            }
        }
        tally
    }
}
