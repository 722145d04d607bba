//! Suites in which every step passes: what is selected, in which order, and how many at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use coalmine::{Canary, Context, FromContext, Needs, Out, Result, Suite};
use tokio::sync::Barrier;

use crate::marks::Marks;

struct Open;
struct Basket;
struct Paid;
struct Counter;

/// Two canaries; a chain of three, two steps of their own, two that are ignored.
pub(super) fn shop() -> Suite {
    async fn open(marks: Marks) -> Result<Open> {
        marks.around().await;
        Ok(Open)
    }
    async fn fill(marks: Marks, _: Out<Open>) -> Result<Basket> {
        marks.around().await;
        Ok(Basket)
    }
    async fn pay(marks: Marks, _: Out<Basket>) -> Result<Paid> {
        marks.around().await;
        Ok(Paid)
    }
    Suite::new("shop")
        .canary(
            Canary::new("front")
                .step("open", open)
                .step("fill_basket", fill)
                .promise("a basket takes things")
                .step("pay", pay)
                .step("look_around", mark)
                .step("audit", mark)
                .ignore("takes a day"),
        )
        .canary(Canary::new("back").step("count", mark).step("prune", mark).ignore("prunes too much"))
}

/// How many steps the queue has; enough for an order that is left to chance not to be the list's.
pub(crate) const QUEUE: usize = 60;

/// Steps that do not need one another, but for the first, which needs the last and a fixture.
pub(super) fn queue() -> Suite {
    async fn first(marks: Marks, _: Out<Paid>, _: Out<Counter>) -> Result<()> {
        marks.around().await;
        Ok(())
    }
    async fn counter(marks: Marks) -> Result<Counter> {
        marks.around().await;
        Ok(Counter)
    }
    async fn last(marks: Marks) -> Result<Paid> {
        marks.around().await;
        Ok(Paid)
    }
    let mut canary = Canary::new("queue").fixture("counter", counter).step("first", first);
    for number in 0..QUEUE {
        canary = canary.step(&format!("step_{number:02}"), mark);
    }
    Suite::new("queue").canary(canary.step("last", last)).canary(Canary::new("other").step("alone", mark))
}

async fn mark(marks: Marks) -> Result<()> {
    marks.around().await;
    Ok(())
}

/// Steps that pass only in company, and say when there are more at once than ever before.
pub(super) fn crowd() -> Suite {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    async fn meet(marks: Marks, Meeting(barrier): Meeting) -> Result<()> {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        if MOST.fetch_max(now, Ordering::SeqCst) < now {
            marks.leave(&format!("most {now}"));
        }
        barrier.wait().await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
    let canary = (0..9).fold(Canary::new("crowd"), |canary, it| canary.step(&format!("meet_{it}"), meet));
    Suite::new("crowd").canary(canary)
}

/// Where the crowd meets.
struct Meeting(Arc<Barrier>);

impl FromContext for Meeting {
    fn needs(needs: &mut Needs) {
        needs.resource::<Arc<Barrier>>();
    }

    fn from_context(cx: &Context) -> Self {
        Self(Arc::clone(&cx.resource::<Arc<Barrier>>()))
    }
}

/// Nothing of this is run unless it is asked for.
pub(super) fn all_ignored() -> Suite {
    Suite::new("idle").canary(
        Canary::new("front").step("audit", mark).ignore("takes a day").step("prune", mark).ignore("not now"),
    )
}
