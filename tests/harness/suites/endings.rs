//! Suites that do not come to their end by themselves.

use std::{fs, path::Path, time::Duration};

use coalmine::{Canary, Cleanup, Context, Failure, FromContext, Out, Result, Suite, Undo};
use serde::{Deserialize, Serialize};

use crate::{
    marks::{MarkFile, Marks},
    setup::ReportFolder,
};

/// Something that has to be removed again.
#[derive(Serialize, Deserialize)]
struct Thing {
    name: String,
    /// Whether removing it fails.
    stays: bool,
}

impl Undo for Thing {
    const KIND: &'static str = "thing";

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        cx.resource::<MarkFile>().leave(&format!("undone {}", self.name));
        if self.stays { Err(Failure::new("it is nailed to the floor")) } else { Ok(()) }
    }
}

struct Made;

/// So many steps that block their thread for ever, and one that only waits.
pub(super) fn parked(blocking: usize) -> Suite {
    async fn park(marks: Marks) -> Result<()> {
        marks.leave("begin");
        loop {
            std::thread::park();
        }
    }
    async fn rest(marks: Marks) -> Result<()> {
        marks.around().await;
        Ok(())
    }
    let mut canary = Canary::new("front");
    for number in 0..blocking {
        canary = canary.step(&format!("park_{number}"), park).timeout(Duration::from_millis(200));
    }
    Suite::new("fixture").canary(canary.step("rest", rest))
}

async fn make(marks: Marks, cleanup: Cleanup) -> Result<Made> {
    for number in 1..=2 {
        cleanup.intend(Thing { name: format!("thing-{number}"), stays: false })?;
    }
    marks.leave("begin");
    std::future::pending().await
}

async fn uses(_: Out<Made>) -> Result<()> {
    Ok(())
}

/// Makes things and then waits until it is stopped.
pub(super) fn pending() -> Suite {
    async fn passes() -> Result<()> {
        Ok(())
    }
    Suite::new("fixture")
        .canary(Canary::new("front").step("passes", passes).step("make", make).step("uses", uses))
}

/// Makes things, one of which a step removes itself, and passes.
pub(super) fn lasting() -> Suite {
    async fn make(cleanup: Cleanup) -> Result<Made> {
        let gone = Thing { name: "gone".to_owned(), stays: false };
        cleanup.intend(Thing { name: "first".to_owned(), stays: false })?;
        cleanup.intend(Thing { name: "gone".to_owned(), stays: false })?;
        cleanup.intend(Thing { name: "last".to_owned(), stays: false })?;
        cleanup.done(&gone);
        Ok(Made)
    }
    Suite::new("fixture").canary(Canary::new("front").step("make", make).step("uses", uses))
}

/// Makes a thing that cannot be removed.
pub(super) fn stubborn() -> Suite {
    async fn make(cleanup: Cleanup) -> Result<Made> {
        cleanup.intend(Thing { name: "rock".to_owned(), stays: true })?;
        Ok(Made)
    }
    Suite::new("fixture").canary(Canary::new("front").step("make", make))
}

/// Puts a folder where a report is to be put.
pub(super) fn breaks_reports() -> Suite {
    async fn breaks(cx: Reports) -> Result<()> {
        let file = Path::new(&cx.0).join("junit.xml");
        fs::remove_file(&file)?;
        fs::create_dir_all(file.join("in the way"))?;
        Ok(())
    }
    Suite::new("fixture").canary(Canary::new("front").step("breaks", breaks))
}

/// The folder of the reports.
struct Reports(String);

impl FromContext for Reports {
    fn from_context(cx: &Context) -> Self {
        Self(cx.resource::<ReportFolder>().0.clone().unwrap_or_default())
    }
}
