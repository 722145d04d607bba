//! Reports on disk: one folder with a file per format, never half-written.
//!
//! Before the first step the files say that the run did not finish, so that a run that is killed leaves neither
//! nothing nor the result of the run before it. Each file is written under another name and then renamed.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    junit::{JunitOptions, UNFINISHED, junit, redacted, strict, unfinished},
    surface::SurfaceCase,
};
use crate::{record::RunRecord, redact::Redactor};

/// The version of the form of `record.json`; the records in it have their own.
const VERSION: u32 = 1;

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// JUnit, the extended profile: `junit.xml`.
    pub junit: PathBuf,
    /// JUnit, the strict profile: `junit-strict.xml`.
    pub strict: PathBuf,
    /// Everything that is known of the runs: `record.json`.
    pub record: PathBuf,
}

/// A folder for reports that has been found writable.
#[derive(Clone, Debug)]
pub struct Reports {
    dir: PathBuf,
    files: ReportFiles,
    options: JunitOptions,
}

impl Reports {
    /// Makes the folder, if need be, and finds out whether files can be put into it: before the run, while somebody
    /// can still do something about it.
    ///
    /// # Errors
    /// If it is no folder, cannot be made or cannot be written to.
    pub fn open(dir: &Path) -> Result<Self, ReportError> {
        fs::create_dir_all(dir).map_err(|error| ReportError::folder(dir, &error))?;
        let files = ReportFiles {
            junit: dir.join("junit.xml"),
            strict: dir.join("junit-strict.xml"),
            record: dir.join("record.json"),
        };
        for file in [&files.junit, &files.strict, &files.record] {
            if file.is_dir() {
                return Err(ReportError::file(file, &"it is a folder"));
            }
        }
        let probe = dir.join(format!(".writable.{}.tmp", unique()));
        fs::write(&probe, "").map_err(|error| ReportError::folder(dir, &error))?;
        fs::remove_file(&probe).map_err(|error| ReportError::folder(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), files, options: JunitOptions::default() })
    }

    /// Writes JUnit with these options.
    #[must_use]
    pub fn options(mut self, options: JunitOptions) -> Self {
        self.options = options;
        self
    }

    /// Where the files are.
    #[must_use]
    pub fn files(&self) -> &ReportFiles {
        &self.files
    }

    /// Puts files in place that say that the run did not finish.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn placeholder(
        &self,
        suite: &str,
        canaries: &[&str],
        target: &str,
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        let json = unfinished_json(suite, canaries, target, redactor);
        self.put(&unfinished(suite, canaries, target), json, redactor)
    }

    /// Writes the files of a finished run.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(
        &self,
        suite: &str,
        records: &[RunRecord],
        surface: &[SurfaceCase],
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        let xml = junit(suite, records, surface, &self.options)
            .map_err(|error| ReportError::content(&self.files.junit, &error))?;
        self.put(&xml, json(records, surface, redactor), redactor)
    }

    fn put(
        &self,
        xml: &str,
        json: serde_json::Result<String>,
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        let ReportFiles { junit, strict: strict_file, record: record_file } = &self.files;
        let xml = redacted(xml, redactor).map_err(|error| ReportError::content(junit, &error))?;
        let core = strict(&xml).map_err(|error| ReportError::content(strict_file, &error))?;
        let json = json.map_err(|error| ReportError::content(record_file, &error))?;

        // All are written before the first is renamed: a full disk leaves the old ones as they are.
        let mut written = Vec::new();
        for (file, text) in [(junit, &xml), (strict_file, &core), (record_file, &json)] {
            written.push((
                Temporary::write(&self.dir, text).map_err(|error| ReportError::file(file, &error))?,
                file,
            ));
        }
        for (temporary, file) in written {
            temporary.rename(file).map_err(|error| ReportError::file(file, &error))?;
        }
        Ok(())
    }
}

/// What `record.json` holds of finished runs, without what the redactor knows.
pub(crate) fn json(
    records: &[RunRecord],
    surface: &[SurfaceCase],
    redactor: &Redactor,
) -> serde_json::Result<String> {
    Record { version: VERSION, runs: records, surface, unfinished: None }.json(redactor)
}

/// What it holds as long as they have not.
pub(crate) fn unfinished_json(
    suite: &str,
    canaries: &[&str],
    target: &str,
    redactor: &Redactor,
) -> serde_json::Result<String> {
    let unfinished = Some(Unfinished { message: UNFINISHED, suite, canaries, target });
    Record { version: VERSION, runs: &[], surface: &[], unfinished }.json(redactor)
}

#[derive(Serialize)]
struct Record<'a> {
    version: u32,
    runs: &'a [RunRecord],
    #[serde(skip_serializing_if = "<[SurfaceCase]>::is_empty")]
    surface: &'a [SurfaceCase],
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<Unfinished<'a>>,
}

impl Record<'_> {
    fn json(&self, redactor: &Redactor) -> serde_json::Result<String> {
        Ok(redacted_json(&serde_json::to_string_pretty(self)?, redactor) + "\n")
    }
}

#[derive(Serialize)]
struct Unfinished<'a> {
    message: &'a str,
    suite: &'a str,
    canaries: &'a [&'a str],
    target: &'a str,
}

/// A file under a name that no collector of reports looks for; removed unless it is renamed.
pub(super) struct Temporary(Option<PathBuf>);

impl Temporary {
    pub(super) fn write(dir: &Path, text: &str) -> io::Result<Self> {
        let path = dir.join(format!(".report.{}.tmp", unique()));
        let temporary = Self(Some(path.clone()));
        fs::write(path, text)?;
        Ok(temporary)
    }

    pub(super) fn rename(mut self, file: &Path) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, file)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Nobody is left to be told, and the error that led here is reported.
            let _ = fs::remove_file(path);
        }
    }
}

/// Two processes may write into one folder.
fn unique() -> String {
    format!("{}-{:08x}", std::process::id(), fastrand::u32(..))
}

/// Removes what the redactor knows from every string of the JSON, and leaves its form alone: over the JSON as a
/// whole, a pattern could reach across a quotation mark.
fn redacted_json(json: &str, redactor: &Redactor) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let mut escaped = false;
        let inside = &rest[start + 1..];
        let end = inside.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let Some(end) = end.map(|end| start + 1 + end + 1) else { break };
        let literal = &rest[start..end];
        out.push_str(&rest[..start]);
        match serde_json::from_str::<String>(literal) {
            Ok(text) => {
                out.push_str(&serde_json::Value::from(redactor.clean(&text).into_owned()).to_string())
            }
            Err(_) => out.push_str(literal),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError {
    /// The folder or the file.
    pub path: PathBuf,
    /// What it should have been.
    pub expected: &'static str,
    /// What came instead.
    pub cause: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl ReportError {
    fn folder(path: &Path, cause: &dyn fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            expected: "a folder that files can be put into",
            cause: cause.to_string(),
            remedy: "remove what is in the way, give this user the right to write there, or name another folder",
        }
    }

    pub(super) fn file(path: &Path, cause: &dyn fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            expected: "a file that can be written",
            cause: cause.to_string(),
            remedy: "remove what is in the way, make room on the disk, or name another folder",
        }
    }

    pub(crate) fn content(path: &Path, cause: &dyn fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            expected: "a report that can be written",
            cause: cause.to_string(),
            remedy: "this is a fault of this library; please report it with the message",
        }
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, expected, cause, remedy } = self;
        write!(f, "no report: `{}` is to be {expected}, but: {cause}\n  remedy: {remedy}", path.display())
    }
}

impl std::error::Error for ReportError {}
