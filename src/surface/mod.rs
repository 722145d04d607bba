//! The product's surface: what its OpenAPI document says, and whether answers keep to it.
//!
//! [`Surface::parse`] takes a document of OpenAPI 3.0 or 3.1, as JSON or YAML, in one file. Mistakes in it are found
//! at once, with their place. [`Surface::check`] holds an answer against it; [`crate::http::Api::surface`] does so
//! with every answer that arrives.
//!
//! What is checked: that the status is documented, that required headers are there and headers follow their schemas,
//! that the body has a documented type, and that a JSON body follows its schema, JSON Schema 2020-12. Decisions where
//! the standards leave room or real documents differ from them:
//!
//! * `nullable`, and flags as exclusive bounds, mean the same in both versions; beside `$ref`, 3.0 ignores all but
//!   `nullable`. `discriminator`, examples and `$schema` change nothing.
//! * Members that are `writeOnly` need not be in an answer.
//! * The formats `date-time`, `date`, `uuid`, `ipv4`, `ipv6` and `email` are demanded, others are not.
//! * Where a status has no `content`, any body is allowed; so is any answer where nothing is documented.
//! * Integers are compared exactly from −2^63 to 2^64−1. Beyond, a number counts as the nearest double: it still is an
//!   integer, but two of them can be taken for equal.
//! * References lead inside the document. What a `$dynamicRef` demands is not checked. Schemas that lead back to
//!   themselves at the same value are mistakes.
//! * Of schemas that no answer has to follow only the references are judged. Real documents have mistakes there.
//! * A path may have a query, as in `/pets?preview=true`: its pairs have to be in the request.
//!
//! [`Surface::documented`] lists what there is; [`coverage`] says what of it a run has not seen, and [`difference`]
//! what another document has otherwise. Answers that the product gives only when it is itself in trouble cannot be
//! seen on purpose. They are marked in the document, on the response object, with the reason, and do not count as
//! missing:
//!
//! ```yaml
//! '500':
//!   description: Something broke inside.
//!   x-coalmine-unprovoked: The shop answers so only when something in it is broken.
//! ```

mod breach;
mod check;
mod coverage;
mod difference;
mod document;
mod error;
mod expansion;
mod fields;
mod names;
mod pointer;
mod responses;
mod schema;
mod servers;
mod structure;
mod validator;
mod violation;

use std::sync::Arc;

use reqwest::header::HeaderMap;
use serde_json::Value;

pub use breach::{AnswerPlace, Breach};
pub use coverage::{Coverage, Hole, Missing, Tally, Unmatched, Unprovoked, coverage, exchanges};
pub use difference::{Change, Part, Way, difference};
pub use error::{DocumentError, DocumentPlace};
pub use fields::{Documented, DocumentedAnswer, DocumentedRequest, Field};

use self::{
    check::Check,
    responses::{Read, Reader, Request, Responses},
    structure::{Version, Walk},
    validator::Schemas,
};
use crate::operations::{Operation, Operations};

/// How much stack reading may use, in bytes. Of what is not used no memory is taken.
const STACK: usize = 64 << 20;

/// A product's document, ready to check answers.
///
/// ```
/// use coalmine::surface::Surface;
/// use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
///
/// let surface = Surface::parse("
/// openapi: 3.1.0
/// info: {title: Pets, version: '1'}
/// paths:
///   /pets/{id}:
///     get:
///       operationId: read-pet
///       responses:
///         '200':
///           description: the pet
///           content:
///             application/json:
///               schema: {type: object, required: [id], properties: {id: {type: integer}}}
/// ")?;
/// let json = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
/// assert!(surface.check("GET", "/pets/7", 200, &json, br#"{"id": 7}"#).is_ok());
/// let breach = surface.check("GET", "/pets/7", 200, &json, br#"{"id": "7"}"#).unwrap_err();
/// assert!(breach.to_string().starts_with("`read-pet` answered 200: `/id`: expected an integer, got \"7\""));
/// # Ok::<(), coalmine::surface::DocumentError>(())
/// ```
#[derive(Debug)]
pub struct Surface {
    /// Shared with the clients of every step.
    operations: Arc<Operations>,
    /// In the order of `operations`, as the next.
    requests: Vec<Option<Request>>,
    responses: Vec<Responses>,
    schemas: Schemas,
}

impl Surface {
    /// Reads a document, JSON or YAML.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        // The readers of JSON and YAML recurse, and a caller's thread may have little stack left.
        std::thread::scope(|scope| {
            let reader =
                std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || Self::read(text));
            match reader.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(surface)) => surface,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => Err(DocumentError::at("", format_args!("it cannot be read: {error}"))),
            }
        })
    }

    fn read(text: &str) -> Result<Self, DocumentError> {
        let document = document::read(text)?;
        let version = version(&document)?;
        let mut walk = Walk::new(&document, version);
        walk.whole()?;
        let edits = walk.edits;
        let mut reader = Reader::new(&document, version);
        let Read { operations, requests, responses } = reader.operations()?;
        let places = reader.schemas;
        let operations = Arc::new(operations.below(servers::base_paths(&document)));
        Ok(Self { operations, requests, responses, schemas: Schemas::new(document, edits, &places) })
    }

    /// The operations, in the order of their paths. They are found with the base paths of the document's servers and
    /// without. An operation is named by its `operationId`; one without, by method and path: `GET /pets`.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// As [`Self::operations`], to be kept.
    pub(crate) fn shared_operations(&self) -> Arc<Operations> {
        Arc::clone(&self.operations)
    }

    /// The operation that a request is for. The case of the method makes no difference.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        self.operations.of(&method.to_ascii_uppercase(), path)
    }

    /// Holds an answer against the document. A request that is for no operation of the document is not judged: see
    /// [`Self::operation`].
    ///
    /// # Errors
    /// What the document does not allow; of several such things, the first.
    pub fn check(
        &self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Box<Breach>> {
        let method = method.to_ascii_uppercase();
        let Some(index) = self.operations.position(&method, path) else { return Ok(()) };
        let Some(operation) = self.operations.iter().nth(index) else { return Ok(()) };
        let (operation, method, schemas) = (operation.name.as_str(), method.as_str(), &self.schemas);
        let check = Check { operation, method, schemas, status, headers, body };
        check.against(&self.responses[index])
    }

    /// What the document says that each operation is sent and answers, in the order of [`Self::operations`].
    #[must_use]
    pub fn documented(&self) -> Vec<Documented> {
        let answer = |(status, response): &(responses::Status, Arc<responses::Response>)| {
            let required = response.headers.iter().filter(|header| header.required);
            DocumentedAnswer {
                status: status.to_string(),
                unprovoked: response.unprovoked.clone(),
                headers: required.map(|header| header.name.clone()).collect(),
                fields: fields::of_answer(response, &self.schemas),
            }
        };
        let request = |request: &Request| DocumentedRequest {
            required: request.required,
            fields: fields::of_request(request, &self.schemas),
        };
        self.operations
            .iter()
            .zip(self.requests.iter().zip(&self.responses))
            .map(|(operation, (asked, responses))| Documented {
                operation: operation.name.clone(),
                request: asked.as_ref().map(request),
                answers: responses.list.iter().map(answer).collect(),
            })
            .collect()
    }

    /// Compiles every schema now. Otherwise each is compiled when the first answer needs it, and never again.
    ///
    /// # Errors
    /// If the validator refuses one, which [`Self::parse`] should have done.
    pub fn compile(&self) -> Result<(), DocumentError> {
        self.schemas.compile_all()
    }

    /// How many schemas are compiled by now.
    #[must_use]
    pub fn compiled(&self) -> usize {
        self.schemas.compiled()
    }
}

/// The document's version, and that it is a document at all.
fn version(document: &Value) -> Result<Version, DocumentError> {
    let version = match (document.get("openapi"), document.get("swagger")) {
        (Some(Value::String(version)), _) => version,
        (Some(other), _) => {
            return Err(DocumentError::at(
                "/openapi",
                format_args!("expected text such as \"3.0.3\", got {other}"),
            ));
        }
        (None, Some(_)) => {
            return Err(DocumentError::at("/swagger", "Swagger 2 is not supported; convert it to OpenAPI 3"));
        }
        (None, None) => return Err(DocumentError::at("", "this is no OpenAPI document: it lacks `openapi`")),
    };
    let known = match version.split('.').collect::<Vec<_>>().as_slice() {
        ["3", "0", ..] => Version::V3_0,
        ["3", "1", ..] => Version::V3_1,
        _ => {
            let message = format!("version {version} is not supported; 3.0 and 3.1 are");
            return Err(DocumentError::at("/openapi", message));
        }
    };
    let others = ["components", "webhooks"].iter().any(|it| document.get(*it).is_some());
    if document.get("paths").is_none() && (known == Version::V3_0 || !others) {
        return Err(DocumentError::at("", "the document has no `paths`"));
    }
    Ok(known)
}
