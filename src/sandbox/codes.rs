//! The product's error codes: one constant each, with status, retriability and general text (facts, section 5).

use axum::http::StatusCode;
use serde::Serialize;

/// One code of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    #[serde(rename = "seq_code")]
    pub(crate) seq: &'static str,
    #[serde(skip)]
    pub(crate) status: StatusCode,
    /// What a refusal says unless it knows better.
    #[serde(skip)]
    pub(crate) retriable: bool,
    pub(crate) message: &'static str,
    /// What a refusal gives as specifics unless it knows better.
    #[serde(skip)]
    pub(crate) detail: Option<&'static str>,
}

const fn code(seq: &'static str, status: StatusCode, message: &'static str) -> Code {
    Code { seq, status, retriable: false, message, detail: None }
}

const fn detailed(
    seq: &'static str,
    status: StatusCode,
    message: &'static str,
    detail: &'static str,
) -> Code {
    Code { seq, status, retriable: false, message, detail: Some(detail) }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;

/// Something broke inside \[C, 14 row 5\].
pub(crate) const INTERNAL: Code = code("SEQ000", StatusCode::INTERNAL_SERVER_ERROR, "Internal error");
/// Object not found; also a bad credential, which is 404 and not 401 \[T, 2\].
pub(crate) const NOT_FOUND: Code = detailed(
    "SEQ002",
    StatusCode::NOT_FOUND,
    "Not found",
    "there is no such thing here, or the credential does not open it",
);
/// A body that is not JSON, too big, too deep, or a field of the wrong type \[C, 14 rows 5 and 34\].
pub(crate) const MALFORMED: Code = code("SEQ003", BAD, "Malformed request");
/// A required field is missing, or an id is not acceptable \[D; C, 14 row 35\].
pub(crate) const MISSING: Code = code("SEQ008", BAD, "Missing or invalid field");
/// The role does not allow it \[C, 14 row 7\].
pub(crate) const FORBIDDEN: Code = detailed(
    "SEQ011",
    StatusCode::FORBIDDEN,
    "Not allowed",
    "the role does not allow it, or the ledger is a production ledger",
);
/// The id is in use \[T for keys, D\].
pub(crate) const IN_USE: Code = code("SEQ050", BAD, "Already in use");
/// `key_ids` missing, empty or unknown \[T, D\].
pub(crate) const KEY_IDS: Code = code("SEQ052", BAD, "Invalid key id");
/// Quorum below one or above the number of keys \[D\].
pub(crate) const QUORUM: Code = code("SEQ200", BAD, "Invalid quorum");
/// The same key twice \[D\].
pub(crate) const KEY_TWICE: Code = code("SEQ204", BAD, "Key given twice");
/// A cursor that is malformed or belongs elsewhere \[D, C\].
pub(crate) const CURSOR: Code = code("SEQ600", BAD, "Malformed pagination cursor");
/// Number of parameters does not fit the filter \[D\].
pub(crate) const FILTER_PARAMS: Code = code("SEQ601", BAD, "Wrong number of filter parameters");
/// Malformed filter \[T, D\].
pub(crate) const FILTER: Code = code("SEQ602", BAD, "Malformed filter");
/// Somebody else acknowledged in between \[C, 14 row 30\].
pub(crate) const FEED_CONFLICT: Code =
    code("SEQ620", StatusCode::CONFLICT, "The feed was acknowledged by another consumer");
/// Nested: unknown action type \[D\].
pub(crate) const ACTION_TYPE: Code = code("SEQ701", BAD, "Invalid action type");
/// Nested: an id in the action does not exist \[T\].
pub(crate) const ACTION_ID: Code = code("SEQ702", BAD, "Unknown id in action");
/// Nested: the action is not a valid object \[D\].
pub(crate) const ACTION_SHAPE: Code = code("SEQ703", BAD, "Invalid action object");
/// Nested: the amount is out of range \[D\].
pub(crate) const ACTION_AMOUNT: Code = code("SEQ704", BAD, "Invalid amount");
/// One or more actions failed \[T\].
pub(crate) const ACTIONS: Code = code("SEQ706", BAD, "One or more actions had an error");
/// No actions \[D\].
pub(crate) const NO_ACTIONS: Code = code("SEQ707", BAD, "Transaction has no actions");
/// Too many actions \[D\].
pub(crate) const TOO_BIG: Code = code("SEQ711", BAD, "Transaction is too large: use fewer actions");
/// Nested: not enough tokens \[T\].
pub(crate) const FUNDS: Code = code("SEQ760", BAD, "Insufficient tokens");
/// Nested: enough tokens, but some are reserved \[T\].
pub(crate) const RESERVED: Code =
    Code { retriable: true, ..code("SEQ761", BAD, "Some tokens are reserved; try again") };
/// Not signed in \[15\].
pub(crate) const NOT_SIGNED_IN: Code =
    detailed("SEQ901", StatusCode::UNAUTHORIZED, "Not signed in", "the session is missing, wrong or ended");
/// Wrong code \[15\].
pub(crate) const WRONG_CODE: Code = code("SEQ902", BAD, "Wrong code");
/// Code expired, or used up by wrong tries \[15\].
pub(crate) const EXPIRED_CODE: Code = code("SEQ903", BAD, "Code expired");
/// A name that is not allowed \[15\].
pub(crate) const BAD_NAME: Code = code("SEQ904", BAD, "Name not allowed");
/// The last admin cannot go \[15\].
pub(crate) const LAST_ADMIN: Code = code("SEQ905", BAD, "The last admin cannot leave");
/// The team holds something that cannot be deleted \[15\].
pub(crate) const NOT_EMPTY: Code = code("SEQ906", BAD, "Team not empty");
/// Asked for too often \[15\].
pub(crate) const TOO_OFTEN: Code = code("SEQ907", StatusCode::TOO_MANY_REQUESTS, "Too often");
