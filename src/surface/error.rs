//! What is wrong with a document, and where.

use std::fmt;

/// Why a document cannot be used: the first mistake in it.
///
/// ```
/// use coalmine::surface::Surface;
///
/// let error = Surface::parse("openapi: 3.1.0\npaths: {pets: {}}").unwrap_err();
/// assert_eq!(error.to_string(), "#/paths/pets: a path begins with a slash");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// Where.
    pub place: DocumentPlace,
    /// What, as one fragment of a sentence.
    pub message: String,
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentPlace {
    /// In the text, which is no JSON or YAML; both numbers from 1.
    Text {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
    },
    /// JSON pointer to the value. It is empty if the document as a whole is meant.
    Value(String),
}

impl DocumentError {
    /// A mistake in the value at a JSON pointer.
    pub(super) fn at(pointer: &str, message: impl fmt::Display) -> Self {
        Self { place: DocumentPlace::Value(pointer.to_owned()), message: message.to_string() }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            DocumentPlace::Text { line, column } => write!(f, "line {line}, column {column}: ")?,
            DocumentPlace::Value(pointer) => write!(f, "#{pointer}: ")?,
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for DocumentError {}
