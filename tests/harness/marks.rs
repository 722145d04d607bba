//! What a suite in another process has done, as lines of a file: `begin open`, `undone clean-up`.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use coalmine::{Context, FromContext, Needs};

/// Where marks are left. A resource.
pub(crate) struct MarkFile(pub(crate) PathBuf);

impl MarkFile {
    /// One write per line, so that lines of several threads do not mix.
    pub(crate) fn leave(&self, mark: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0).expect("marks can be left");
        file.write_all(format!("{mark}\n").as_bytes()).expect("marks can be left");
    }
}

/// Leaves marks in a step's name. A step argument.
#[derive(Clone)]
pub(crate) struct Marks(Context);

impl FromContext for Marks {
    fn needs(needs: &mut Needs) {
        needs.resource::<MarkFile>();
    }

    fn from_context(cx: &Context) -> Self {
        Self(cx.clone())
    }
}

impl Marks {
    /// `word step`.
    pub(crate) fn leave(&self, word: &str) {
        self.0.resource::<MarkFile>().leave(&format!("{word} {}", self.0.step()));
    }

    /// Marks the step's begin and end, with several chances for others to come between.
    pub(crate) async fn around(&self) {
        self.leave("begin");
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.leave("end");
    }
}
