//! What the canaries saw, as a case for each operation.

use std::collections::BTreeMap;

use coalmine::{
    Canary, Out, Result, Suite,
    report::surface::{SurfaceCase, cases, unmatched, worst},
    suite::Plan,
};

use super::*;

struct Key;

fn plan(without: Option<&str>) -> Plan {
    async fn create() -> Result<Key> {
        Ok(Key)
    }
    async fn list(_: Out<Key>) -> Result<()> {
        Ok(())
    }
    let canary =
        Canary::new("api").step("create", create).covers("create-key").step("list", list).covers("list-keys");
    let suite = Suite::new("shop").operations(["create-key", "list-keys"]).canary(canary.step("look", list));
    let suite = without.into_iter().fold(suite, |suite, step| suite.without(step));
    suite.plan().unwrap_or_else(|error| panic!("{error}"))
}

fn called(operation: &str) -> Exchange {
    Exchange {
        operation: Some(operation.to_owned()),
        method: "POST".into(),
        url: format!("https://x/{operation}?a=b"),
        status: Some(200),
        duration_ms: 2.0,
        ..Exchange::default()
    }
}

/// A step with one attempt; its failure is about the last exchange.
fn did(name: &str, covers: &[&str], failed: Option<&str>, exchanges: Vec<Exchange>) -> StepRecord {
    let failure = failed.map(|message| {
        let mut failure = failure(Cause::Timeout, message);
        failure.exchange = exchanges.len().checked_sub(1);
        failure
    });
    let mut only = attempt(1, failure.clone());
    only.exchanges = exchanges;
    let verdict = only.verdict;
    let covers = covers.iter().map(|&it| it.to_owned()).collect();
    StepRecord { covers, failure, attempts: vec![only], ..step(name, verdict) }
}

fn judged(steps: Vec<StepRecord>) -> Vec<SurfaceCase> {
    cases(&plan(None), ["create-key", "list-keys"], &[run(steps)])
}

fn create() -> StepRecord {
    did("create", &["create-key"], None, vec![called("create-key")])
}

fn list() -> StepRecord {
    did("list", &["list-keys"], None, vec![called("list-keys"), called("create-key")])
}

/// Verdict, cause and message of the first operation, and all that is said against it besides.
#[track_caller]
fn first(steps: Vec<StepRecord>, verdict: Verdict, cause: Option<Cause>, message: &str) -> SurfaceCase {
    let case = judged(steps).swap_remove(0);
    assert_eq!((case.verdict, case.cause, case.message.as_deref().unwrap_or("")), (verdict, cause, message));
    case
}

#[test]
fn an_operation_passes_if_its_prover_did_and_it_was_called() {
    let all = judged(vec![create(), list()]);
    assert_eq!(all.iter().map(|it| it.verdict).collect::<Vec<_>>(), [Verdict::Passed; 2]);
    assert_eq!(all[0].prover.as_deref(), Some("api::create"));
    assert_eq!(all[0].answers, BTreeMap::from([(200, 2)]));
    assert_eq!(all[0].duration_ms, 4.0);
    assert_eq!(worst(&[], &all), Verdict::Passed);
    first(
        vec![did("create", &["create-key"], None, vec![]), did("list", &["list-keys"], None, vec![])],
        Verdict::Failed,
        Some(Cause::Assertion),
        "nobody called it: `api::create` passed without",
    );
    // A call without an answer is no call.
    let lost = Exchange { status: None, ..called("create-key") };
    let message = "nobody called it: `api::create` passed without";
    first(
        vec![did("create", &["create-key"], None, vec![lost])],
        Verdict::Failed,
        Some(Cause::Assertion),
        message,
    );
}

#[test]
fn an_operation_fails_with_its_prover() {
    let broken = did("create", &["create-key"], Some("too slow"), vec![called("create-key")]);
    let message = "`api::create`, which proves it, failed: too slow";
    let case = first(vec![broken, list()], Verdict::Failed, Some(Cause::Timeout), message);
    assert_eq!(case.also, [] as [&str; 0]);
}

#[test]
fn an_operation_fails_when_another_step_fails_at_it() {
    let other = did("look", &[], Some("gone"), vec![called("list-keys"), called("create-key")]);
    let message = "`api::look` failed at it: gone";
    first(vec![create(), list(), other.clone()], Verdict::Failed, Some(Cause::Timeout), message);
    // The other call of that step is not what it is about.
    assert_eq!(judged(vec![create(), list(), other])[1].verdict, Verdict::Passed);
    // A failure that is about no exchange is about no operation.
    let mut vague = did("look", &[], Some("gone"), vec![called("create-key")]);
    vague.failure.as_mut().unwrap().exchange = None;
    first(vec![create(), list(), vague], Verdict::Passed, None, "");
    // An earlier attempt is not how the step ended.
    let mut flaky = did("look", &[], Some("gone"), vec![called("create-key")]);
    (flaky.verdict, flaky.flaky, flaky.failure) = (Verdict::Passed, true, None);
    first(vec![create(), list(), flaky], Verdict::Passed, None, "");
}

#[test]
fn an_operation_fails_when_an_answer_broke_the_contract() {
    let breach = |expected| Exchange {
        breach: Some("`/id` is missing".to_owned()),
        breach_expected: expected,
        ..called("create-key")
    };
    let look = |name: &str, expected| did(name, &[], None, vec![breach(expected)]);
    let message = "`/id` is missing, seen by `api::look` and 1 more";
    let steps = vec![create(), list(), look("look", false), look("again", false)];
    first(steps, Verdict::Failed, Some(Cause::Contract), message);
    first(vec![create(), list(), look("look", true)], Verdict::Passed, None, "");
    // Who failed for it has said it.
    let broken = did("create", &["create-key"], Some("`/id` is missing"), vec![breach(false)]);
    let message = "`api::create`, which proves it, failed: `/id` is missing";
    let case = first(vec![broken, list()], Verdict::Failed, Some(Cause::Timeout), message);
    assert_eq!(case.also, [] as [&str; 0]);
}

#[test]
fn an_operation_is_as_undecided_as_its_prover() {
    let blocked = StepRecord {
        covers: vec!["create-key".into()],
        root: Some("look".into()),
        failure: Some(failure(Cause::Tls, "the door is locked")),
        ..step("create", Verdict::Blocked)
    };
    let root = did("look", &[], Some("the door is locked"), vec![]);
    let message = "`api::create`, which proves it, is blocked by `api::look`: the door is locked";
    let case = first(vec![blocked, root], Verdict::Blocked, Some(Cause::Tls), message);
    assert_eq!(case.root.as_deref(), Some("api::look"));
    assert_eq!(worst(&[], &[case]), Verdict::Skipped);

    let mut unclear = did("create", &["create-key"], None, vec![called("create-key")]);
    (unclear.verdict, unclear.failure) = (Verdict::Inconclusive, Some(failure(Cause::Prober, "no network")));
    let message = "`api::create`, which proves it, could not tell: no network";
    first(vec![unclear], Verdict::Inconclusive, Some(Cause::Prober), message);

    let left = StepRecord {
        covers: vec!["create-key".into()],
        reason: Some("takes a day".into()),
        ..step("create", Verdict::Skipped)
    };
    first(vec![left], Verdict::Skipped, None, "takes a day");
}

#[test]
fn an_operation_that_nobody_proves_fails_whoever_called_it() {
    let record = run(vec![did("create", &[], None, vec![called("create-key")]), list()]);
    let all = cases(&plan(Some("api::create")), ["create-key", "list-keys"], &[record]);
    assert_eq!(all[0].verdict, Verdict::Failed);
    assert_eq!(all[0].message.as_deref(), Some("nobody proves it: `api::create` is left out"));
    assert_eq!(all[1].verdict, Verdict::Passed);
}

#[test]
fn requests_for_no_operation_are_listed() {
    let stray = Exchange { operation: None, ..called("elsewhere") };
    let look = did("look", &[], None, vec![stray.clone(), stray.clone()]);
    let found = unmatched(&[run(vec![create(), look, did("again", &[], None, vec![stray])])]);
    let steps = vec!["api::look".to_owned(), "api::again".to_owned()];
    assert_eq!(found, BTreeMap::from([("POST https://x/elsewhere".to_owned(), (3, steps))]));
}

#[test]
fn junit_has_a_case_for_each_operation() {
    let hostile = Some("no <b> & \u{1b}[2J");
    let broken = did("create", &["create-key"], hostile, vec![called("create-key")]);
    let records = [run(vec![broken, list()])];
    let cases = cases(&plan(None), ["create-key", "list-keys"], &records);
    let xml = junit("shop", &records, &cases, &JunitOptions::default()).unwrap();
    check_strict(&strict(&xml).unwrap());
    let report = Report::deserialize_from_str(&xml).unwrap();
    let surface = &report.test_suites[1];
    assert_eq!((surface.name.as_str(), surface.tests, surface.failures), ("surface", 2, 1));
    let names: Vec<_> = surface.test_cases.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["create-key", "list-keys"]);
    assert_eq!(surface.test_cases[0].classname.as_ref().unwrap().as_str(), "shop.surface");
    assert!(xml.contains("message=\"`api::create`, which proves it, failed: no &lt;b&gt; &amp;\""), "{xml}");
    assert!(xml.contains("<property name=\"answers\" value=\"2 of status 200\"/>"), "{xml}");
}

#[test]
fn what_is_left_out_must_be_there() {
    async fn passes() -> Result<()> {
        Ok(())
    }
    let suite = |name| Suite::new("shop").canary(Canary::new(name).step("pays", passes).covers("pay"));
    let problems = |suite: Suite| suite.plan().err().unwrap().to_string();
    let text = problems(suite("api").without("api::pay"));
    assert!(text.contains("`api::pay` is to be left out, but there is no such step"), "{text}");
    let text = problems(suite("surface").operations(["pay"]));
    assert!(
        text.contains("the canary `surface` has the name that the cases of the product's operations"),
        "{text}"
    );
    assert!(suite("surface").plan().is_ok(), "without operations the name is free");
}
