//! The journal on disk: one file per run, one JSON line per intent, gone when everything has been undone.
//!
//! A file that is left behind by a killed process names what is left on its target.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{ConfigError, OwnSettings, Start},
    suite::{Journal, JournalEntry, NoJournal},
};

/// Keeps the intents of every run against one target in a folder of the target's own.
pub struct FileJournal {
    folder: PathBuf,
    /// Files of the runs that have something open. Written under the lock, so that lines do not mix.
    runs: Mutex<HashMap<String, RunFile>>,
}

struct RunFile {
    file: File,
    path: PathBuf,
    open: usize,
}

/// One line of a journal file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// Something is about to be created.
    Intent(JournalEntry),
    /// The thing with this number is gone.
    Done(u64),
}

impl FileJournal {
    /// The journal of `target` below `folder`.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(folder: &Path, target: &str) -> io::Result<Self> {
        let name: String = target
            .trim_start_matches("https://")
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() || matches!(it, '.' | '-') { it } else { '_' })
            .collect();
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, runs: Mutex::default() })
    }

    /// Everything that earlier runs have promised to undo and not undone, oldest first. The runs of this process
    /// are among them.
    ///
    /// # Errors
    /// If the folder or a file cannot be read. A last line that was cut short by a kill is passed over: nothing
    /// was created before its write had ended.
    pub fn left_over(&self) -> io::Result<Vec<JournalEntry>> {
        let mut left = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == "jsonl") {
                left.extend(open_entries(&fs::read_to_string(path)?));
            }
        }
        left.sort_by_key(|entry| (entry.at, entry.id));
        Ok(left)
    }
}

/// Where intents against this target go: to its journal, if it outlives the process. The text says what earlier runs
/// have left on it, if they have.
///
/// # Errors
/// If the journal's folder cannot be used.
pub fn of_target(
    own: &OwnSettings,
    start: &Start,
) -> Result<(Arc<dyn Journal>, Option<String>), ConfigError> {
    if !start.lasting {
        return Ok((Arc::new(NoJournal), None));
    }
    let folder = own.journal.display();
    let journal = FileJournal::open(&own.journal, &start.target).map_err(|error| {
        let found = format!("cannot keep a journal in `{folder}`: {error}");
        ConfigError::one("COALMINE_JOURNAL", found, "name a writable folder")
    })?;
    let left = journal.left_over().unwrap_or_default();
    let warning = left.first().map(|first| {
        format!(
            "warning: earlier runs have left {} things on this target, the oldest since {}; see {folder}",
            left.len(),
            first.at,
        )
    });
    Ok((Arc::new(journal), warning))
}

fn open_entries(text: &str) -> Vec<JournalEntry> {
    let mut open: Vec<JournalEntry> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Intent(entry)) => open.push(entry),
            Ok(Line::Done(id)) => open.retain(|entry| entry.id != id),
            Err(_) => (),
        }
    }
    open
}

impl Journal for FileJournal {
    fn intend(&self, entry: &JournalEntry) -> io::Result<()> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match runs.entry(entry.run.clone()) {
            std::collections::hash_map::Entry::Occupied(run) => run.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let path = self.folder.join(format!("{}.jsonl", entry.run));
                let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
                vacant.insert(RunFile { file, path, open: 0 })
            }
        };
        append(&mut run.file, &Line::Intent(entry.clone()))?;
        run.file.sync_data()?;
        run.open += 1;
        Ok(())
    }

    fn done(&self, entry: &JournalEntry) -> io::Result<()> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(run) = runs.get_mut(&entry.run) else { return Ok(()) };
        run.open = run.open.saturating_sub(1);
        if run.open == 0 {
            let path = run.path.clone();
            runs.remove(&entry.run);
            return fs::remove_file(path);
        }
        // Not synced: a lost "done" only means that the thing is removed once more.
        append(&mut run.file, &Line::Done(entry.id))
    }
}

/// One write per line, so that a kill cuts at most the last one.
fn append(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &str, id: u64) -> JournalEntry {
        JournalEntry {
            target: "https://api.example.com:8443".into(),
            run: run.into(),
            canary: "onboarding".into(),
            id,
            kind: "user".into(),
            name: format!("user-{id}"),
            data: serde_json::json!({ "email": id }),
            at: "2026-01-31T12:00:00Z".parse().unwrap(),
        }
    }

    fn names(journal: &FileJournal) -> Vec<String> {
        journal.left_over().unwrap().into_iter().map(|it| it.name).collect()
    }

    #[test]
    fn what_is_not_undone_is_left_over_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let target = "https://api.example.com:8443";
        let journal = FileJournal::open(folder.path(), target).unwrap();
        journal.intend(&entry("r1", 0)).unwrap();
        journal.intend(&entry("r1", 1)).unwrap();
        journal.done(&entry("r1", 0)).unwrap();

        let next = FileJournal::open(folder.path(), target).unwrap();
        assert_eq!(names(&next), ["user-1"]);
        assert!(names(&FileJournal::open(folder.path(), "https://other").unwrap()).is_empty());

        journal.done(&entry("r1", 1)).unwrap();
        assert_eq!(names(&next), [""; 0]);
        assert_eq!(
            fs::read_dir(folder.path().join("api.example.com_8443")).unwrap().count(),
            0,
            "the file is gone"
        );
    }

    #[test]
    fn a_line_that_a_kill_has_cut_short_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = FileJournal::open(folder.path(), "t").unwrap();
        journal.intend(&entry("r1", 0)).unwrap();
        let path = folder.path().join("t/r1.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"intent\":{\"target\":\"t\",\"ru");
        fs::write(&path, text).unwrap();
        assert_eq!(names(&journal), ["user-0"]);
    }
}
