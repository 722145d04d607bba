//! Reports that somebody asked for by name, beside those in the folder of the reports.

use std::path::{Path, PathBuf};

#[cfg(feature = "server")]
use crate::report::html;
use crate::{
    config::{ConfigError, Problem},
    harness::Outcome,
    redact::Redactor,
    report::{
        files::{self, ReportError},
        junit::{JunitOptions, junit, redacted, unfinished},
        place,
    },
};

/// What stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// What a report is written in.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Junit,
    #[cfg(feature = "server")]
    Html,
}

impl Form {
    /// The option that asks for it.
    fn option(self) -> &'static str {
        match self {
            Self::Json => "--json",
            Self::Junit => "--junit",
            #[cfg(feature = "server")]
            Self::Html => "--html",
        }
    }
}

/// Where they go.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) json: Option<PathBuf>,
    pub(super) junit: Option<PathBuf>,
    #[cfg(feature = "server")]
    pub(super) html: Option<PathBuf>,
}

impl Outputs {
    /// Whether standard output is for a report, and for nothing else.
    pub(super) fn takes_standard_output(&self) -> bool {
        self.json.as_deref() == Some(Path::new(STANDARD_OUTPUT))
    }

    fn json_file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|_| !self.takes_standard_output())
    }

    fn files(&self) -> impl Iterator<Item = (Form, &Path)> {
        let files = [
            (Form::Json, self.json_file()),
            (Form::Junit, self.junit.as_deref()),
            #[cfg(feature = "server")]
            (Form::Html, self.html.as_deref()),
        ];
        files.into_iter().filter_map(|(form, path)| path.map(|path| (form, path)))
    }

    /// Finds out whether all can be written: before the run, while somebody can still do something about it.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for (index, (form, path)) in self.files().enumerate() {
            let mut problem = |found: String, remedy: &str| {
                problems.push(Problem { name: form.option().to_owned(), found, remedy: remedy.to_owned() });
            };
            if path == Path::new(STANDARD_OUTPUT) {
                problem("only JSON goes to standard output".to_owned(), "name a file");
            } else if let Err(ReportError { path, expected, cause, remedy }) = place::check(path) {
                problem(format!("`{}` is to be {expected}, but: {cause}", path.display()), remedy);
            } else if let Some((other, _)) = self.files().take(index).find(|(_, it)| *it == path) {
                problem(
                    format!("`{}` is the file of {} as well", path.display(), other.option()),
                    "name another file",
                );
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// Puts files in place that say that the run did not finish: one that is killed must not leave the result of the
    /// run before it.
    pub(super) fn placeholder(
        &self,
        suite: &str,
        canaries: &[&str],
        target: &str,
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        for (form, path) in self.files().filter(|(_, path)| !place::is_stream(path)) {
            let text = match form {
                Form::Json => files::unfinished_json(suite, canaries, target, redactor)
                    .map_err(|error| ReportError::content(path, &error))?,
                Form::Junit => redacted(&unfinished(suite, canaries, target), redactor)
                    .map_err(|error| ReportError::content(path, &error))?,
                #[cfg(feature = "server")]
                Form::Html => html::report(suite, &[], &[]),
            };
            place::put(path, &text)?;
        }
        Ok(())
    }

    /// Writes all that go to files; what went wrong, if anything did.
    pub(super) fn write(&self, outcome: &Outcome<'_>) -> Vec<ReportError> {
        let Outcome { suite, records, surface, redactor } = outcome;
        let write = |(form, path): (Form, &Path)| {
            let content = |error: &dyn std::fmt::Display| ReportError::content(path, error);
            let text = match form {
                Form::Json => files::json(records, surface, redactor).map_err(|error| content(&error))?,
                Form::Junit => {
                    let xml = junit(suite, records, surface, &JunitOptions::default());
                    let xml = xml.map_err(|error| content(&error))?;
                    redacted(&xml, redactor).map_err(|error| content(&error))?
                }
                #[cfg(feature = "server")]
                Form::Html => {
                    // Each run's record is without its own secrets; here they stand in one file.
                    let (mut records, mut surface) = (records.to_vec(), surface.to_vec());
                    records.iter_mut().for_each(|it| it.clean(redactor));
                    surface.iter_mut().for_each(|it| it.clean(redactor));
                    html::report(suite, &records, &surface)
                }
            };
            place::put(path, &text)
        };
        self.files().filter_map(|file| write(file).err()).collect()
    }

    /// What goes to standard output.
    pub(super) fn standard_output(&self, outcome: &Outcome<'_>) -> Option<serde_json::Result<String>> {
        let Outcome { suite: _, records, surface, redactor } = outcome;
        self.takes_standard_output().then(|| files::json(records, surface, redactor))
    }
}
