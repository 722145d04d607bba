//! The process's environment, read once. No other file of the library reads it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Environment variables, as they were when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Names of variables that are set to something that is no text, or are no text themselves.
    garbled: BTreeSet<String>,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one file that reads the environment")]
        let variables = std::env::vars_os();
        let mut environment = Self::default();
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    environment.values.insert(name, value);
                }
                (Ok(name), Err(_)) => {
                    environment.garbled.insert(name);
                }
                (Err(name), _) => {
                    environment.garbled.insert(name.to_string_lossy().into_owned());
                }
            }
        }
        environment
    }

    /// A variable's value; an empty one counts as not set, because that is what CI systems make of a missing secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names of all variables that are set and not empty.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let texts = self.values.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str());
        texts.chain(self.garbled())
    }

    /// The names of those that have no value, because it is no text.
    pub(super) fn garbled(&self) -> impl Iterator<Item = &str> {
        self.garbled.iter().map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, garbled: BTreeSet::new() }
    }
}

/// The folder of the workspace: `cargo test` starts a test in the folder of its package, which may lie below. Without
/// a workspace, the empty path, which is the folder that the process was started in.
pub(super) fn workspace() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors().find(|it| it.join("Cargo.lock").is_file()).map(PathBuf::from).unwrap_or_default()
}
