//! Small suites, each for one behaviour of the harness.

mod endings;
pub(crate) mod secrets;
pub(crate) mod shop;
mod verdicts;

use coalmine::{AlertPolicy, Canary, Out, Result, Suite};

/// The suite of that name.
pub(crate) fn by_name(name: &str) -> Suite {
    match name {
        "shop" => shop::shop(),
        "queue" => shop::queue(),
        "crowd" => shop::crowd(),
        "all_ignored" => shop::all_ignored(),
        "blocked" => verdicts::blocked(),
        "fixture" => verdicts::fixture(),
        "two_fixtures" => verdicts::two_fixtures(),
        "inconclusive" => verdicts::inconclusive(),
        "mixed" => verdicts::mixed(),
        "flaky" => verdicts::flaky(),
        "slow" => verdicts::slow(),
        "late" => verdicts::late(),
        "panics" => verdicts::panics(),
        "escapes" => verdicts::escapes(),
        "parked" => endings::parked(1),
        "starved" => endings::parked(2),
        "starved_twice" => endings::parked(4),
        "pending" => endings::pending(),
        "lasting" => endings::lasting(),
        "stubborn" => endings::stubborn(),
        "breaks_reports" => endings::breaks_reports(),
        "secrets" => secrets::secrets(),
        "oauth_secrets" => secrets::oauth(),
        "late_secret" => secrets::late_secret(),
        "misplanned" => misplanned(),
        "mispoliced" => mispoliced(),
        other => panic!("there is no fixture suite `{other}`"),
    }
}

/// A suite with several things wrong.
fn misplanned() -> Suite {
    struct Nobody;
    async fn wants(_: Out<Nobody>) -> Result<()> {
        Ok(())
    }
    async fn passes() -> Result<()> {
        Ok(())
    }
    Suite::new("misplanned").operations(["list-things"]).canary(
        Canary::new("front")
            .step("wants", wants)
            .step("twice", passes)
            .step("twice", passes)
            .after("nowhere"),
    )
}

/// A suite whose canary alerts by a policy of another name.
fn mispoliced() -> Suite {
    async fn passes() -> Result<()> {
        Ok(())
    }
    let canary = Canary::new("front").alert("nightly").step("passes", passes);
    Suite::new("mispoliced").policy("nightli", AlertPolicy::default()).canary(canary)
}
