//! The validator's errors in our words: what was expected, and the place that tells most.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::{breach::describe, pointer::child};

/// One place of a value that a schema does not allow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// JSON pointer into the value.
    pub(super) place: String,
    /// JSON pointer into the changed document.
    pub(super) schema: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// What an error says.
pub(super) fn violation(error: &ValidationError<'_>) -> Violation {
    let error = nearest(error);
    let value = error.instance();
    let mut place = error.instance_path().as_str().to_owned();
    let mut found = describe(value);
    let expected = match error.kind() {
        Kind::Required { property } => {
            found = "none".into();
            format!("a member {}", code(property))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            match unexpected.as_slice() {
                [one] => {
                    place = child(&place, one);
                    found = value.get(one).map_or(found, describe);
                    "no such member".into()
                }
                several => {
                    let names: Vec<_> = several.iter().map(|name| format!("`{name}`")).collect();
                    format!("none of the members {}", names.join(", "))
                }
            }
        }
        Kind::Type { kind: TypeKind::Single(one) } => article(one.as_str()).to_owned(),
        Kind::Type { kind: TypeKind::Multiple(set) } => {
            let all: Vec<_> = set.iter().map(|one| article(one.as_str())).collect();
            all.join(" or ")
        }
        Kind::Enum { options } => match options.as_array().map(Vec::as_slice) {
            Some([one]) => one.to_string(),
            Some(all) if all.len() <= 8 => {
                let all: Vec<_> = all.iter().map(Value::to_string).collect();
                format!("one of {}", all.join(", "))
            }
            _ => "one of the values of `enum`".into(),
        },
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Format { format } => format!("text of the format `{format}`"),
        Kind::Pattern { pattern } => format!("text that matches `{pattern}`"),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinItems { limit } => format!("at least {limit} elements"),
        Kind::MaxItems { limit } => format!("at most {limit} elements"),
        Kind::MinProperties { limit } => format!("at least {limit} members"),
        Kind::MaxProperties { limit } => format!("at most {limit} members"),
        Kind::UniqueItems => "elements that all differ".into(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            format!("what one of {} schemas allows", context.len())
        }
        Kind::OneOfMultipleValid { .. } => "what exactly one of the schemas allows".into(),
        Kind::FalseSchema => "nothing".into(),
        Kind::Not { .. } => "what the schema of `not` does not allow".into(),
        Kind::Contains => "an element that the schema of `contains` allows".into(),
        Kind::PropertyNames { .. } => "only names that the schema of `propertyNames` allows".into(),
        Kind::AdditionalItems { limit } => format!("at most {limit} elements"),
        Kind::UnevaluatedItems { .. } => "no further elements".into(),
        Kind::ContentEncoding { .. }
        | Kind::ContentMediaType { .. }
        | Kind::BacktrackLimitExceeded { .. }
        | Kind::RegexEngineFailure { .. }
        | Kind::Custom { .. }
        | Kind::FromUtf8 { .. }
        | Kind::Referencing(_) => error.masked().to_string(),
    };
    Violation { place, schema: error.schema_path().as_str().to_owned(), expected, found }
}

/// Of alternatives that all failed, the one that got furthest is what was meant. If none got further than the value
/// itself, the alternatives are what there is to say. A single one beside `null` is meant for sure.
fn nearest<'e, 'v>(error: &'e ValidationError<'v>) -> &'e ValidationError<'v>
where
    'v: 'e,
{
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else { return error };
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let is_null = |error: &ValidationError<'_>| {
        let Kind::Type { kind: TypeKind::Single(one) } = error.kind() else { return false };
        one.as_str() == "null"
    };
    let branches = || context.iter().filter_map(|branch| branch.first()).filter(|error| !is_null(error));
    if let (Some(only), None) = (branches().next(), branches().nth(1)) {
        return nearest(only);
    }
    let best = branches().map(nearest).max_by_key(|error| depth(error));
    best.filter(|best| depth(best) > depth(error)).unwrap_or(error)
}

fn code(name: &Value) -> String {
    name.as_str().map_or_else(|| name.to_string(), |name| format!("`{name}`"))
}

fn article(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "number" => "a number",
        "integer" => "an integer",
        "boolean" => "a boolean",
        "array" => "an array",
        "object" => "an object",
        _ => "null",
    }
}
