//! A suite for each way in which a step may end.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use coalmine::{Canary, Cause, Failure, Out, Result, Suite, ensure};

use crate::marks::Marks;

struct Open;
struct Filled;
struct Shelf;

async fn passes(marks: Marks) -> Result<()> {
    marks.around().await;
    Ok(())
}

fn alone(canary: Canary) -> Suite {
    Suite::new("fixture").canary(canary)
}

/// One step fails, two stand behind it, one does not.
pub(super) fn blocked() -> Suite {
    async fn open(marks: Marks) -> Result<Open> {
        marks.leave("begin");
        Err(Failure::new("the door\nis locked").remedy("bring the key"))
    }
    async fn fill(marks: Marks, _: Out<Open>) -> Result<Filled> {
        marks.leave("begin");
        Ok(Filled)
    }
    async fn pay(marks: Marks, _: Out<Filled>) -> Result<()> {
        marks.leave("begin");
        Ok(())
    }
    alone(
        Canary::new("front")
            .step("open", open)
            .promise("the door opens")
            .step("fill", fill)
            .step("pay", pay)
            .step("passes", passes),
    )
}

/// The set-up of two steps fails.
pub(super) fn fixture() -> Suite {
    async fn shelf() -> Result<Shelf> {
        Err(Failure::new("the shelf fell down"))
    }
    async fn uses(marks: Marks, _: Out<Shelf>) -> Result<()> {
        marks.leave("begin");
        Ok(())
    }
    alone(
        Canary::new("front")
            .step("passes", passes)
            .fixture("shelf", shelf)
            .step("uses", uses)
            .step("also_uses", uses),
    )
}

/// The first step needs both fixtures and can name only one of them.
pub(super) fn two_fixtures() -> Suite {
    async fn shelf() -> Result<Shelf> {
        Err(Failure::new("the shelf fell down"))
    }
    async fn door() -> Result<Open> {
        Err(Failure::new("the door is locked"))
    }
    async fn both(_: Out<Open>, _: Out<Shelf>) -> Result<()> {
        Ok(())
    }
    async fn one(_: Out<Shelf>) -> Result<()> {
        Ok(())
    }
    alone(
        Canary::new("front")
            .fixture("door", door)
            .fixture("shelf", shelf)
            .step("both", both)
            .step("one", one)
            .step("other", one),
    )
}

async fn unread() -> Result<Open> {
    Err(Failure::of(Cause::MailProvider, "the mailbox did not answer").remedy("look at the provider's page"))
}

async fn opens(marks: Marks, _: Out<Open>) -> Result<()> {
    marks.leave("begin");
    Ok(())
}

/// Something that is not the product stands in the way.
pub(super) fn inconclusive() -> Suite {
    alone(Canary::new("front").step("reads", unread).step("opens", opens).step("passes", passes))
}

/// One canary fails, another cannot tell.
pub(super) fn mixed() -> Suite {
    async fn fails() -> Result<()> {
        ensure!(1 + 1 == 3);
        Ok(())
    }
    Suite::new("fixture")
        .canary(Canary::new("front").step("reads", unread).step("opens", opens))
        .canary(Canary::new("back").step("fails", fails))
}

/// The second attempt passes; the other step has one attempt too few.
pub(super) fn flaky() -> Suite {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    async fn wavers() -> Result<()> {
        ensure!(TRIES.fetch_add(1, Ordering::SeqCst) > 0, "not today");
        Ok(())
    }
    async fn refuses() -> Result<()> {
        Err(Failure::new("never"))
    }
    alone(Canary::new("front").step("wavers", wavers).retry(2).step("refuses", refuses).retry(1))
}

/// Right, but later than the budget allows.
pub(super) fn slow() -> Suite {
    alone(Canary::new("front").step("passes", passes).within(Duration::ZERO))
}

/// Never ends by itself.
pub(super) fn late() -> Suite {
    async fn waits() -> Result<()> {
        std::future::pending().await
    }
    alone(
        Canary::new("front").step("waits", waits).timeout(Duration::from_millis(100)).step("passes", passes),
    )
}

/// The step's own code is wrong.
pub(super) fn panics() -> Suite {
    async fn slips(cx: coalmine::Context) -> Result<()> {
        cx.redactor().learn("the-planted-secret");
        panic!("slipped on the-planted-secret");
    }
    alone(Canary::new("front").step("slips", slips).step("passes", passes))
}

/// The product's words try to steer the terminal.
pub(super) fn escapes() -> Suite {
    async fn clears() -> Result<Open> {
        Err(Failure::new("the page said \u{1b}[2J\u{1b}]0;owned\u{7}\rtest front::passes ... ok"))
    }
    alone(Canary::new("front").step("clears", clears).step("opens", opens).step("passes", passes))
}
