//! What the rules see of a run, and of a suite.

use std::time::Duration;

use coalmine::{
    Canary, Out, Result, RunRecord, Suite, Verdict,
    alert::{RunFacts, rules::Watched},
    record::{CleanupRecord, FailureRecord, StepKind, StepRecord},
    store::Trigger,
    verdict::Cause,
};

struct Workspace;
struct Key;

async fn workspace() -> Result<Workspace> {
    Ok(Workspace)
}

async fn make_key(_: Out<Workspace>) -> Result<Key> {
    Ok(Key)
}

async fn use_key(_: Out<Key>) -> Result<()> {
    Ok(())
}

async fn look() -> Result<()> {
    Ok(())
}

#[test]
fn what_is_watched_is_what_runs() {
    let canary = Canary::new("api")
        .every(Duration::from_secs(60))
        .fixture("workspace", workspace)
        .step("make_key", make_key)
        .ignore("slow, but somebody needs it")
        .step("use_key", use_key)
        .step("look", look)
        .ignore("slow");
    let plan = Suite::new("shop").canary(canary).plan().unwrap();
    let watched = Watched::of("shop", "home", plan.canary("api").unwrap(), None, false);
    assert_eq!(watched.prefix, "shop/home/api");
    assert_eq!(watched.steps, ["fixture workspace", "make_key", "use_key"]);
}

fn step(name: &str, verdict: Verdict, cause: Option<Cause>) -> StepRecord {
    let failure = cause.map(|cause| {
        Box::new(FailureRecord {
            message: format!("{name} says why"),
            causes: Vec::new(),
            cause,
            remedy: None,
            exchange: None,
            text: String::new(),
        })
    });
    StepRecord { name: name.into(), verdict, failure, ..StepRecord::default() }
}

#[test]
fn what_failed_and_what_was_unclear_are_kept_apart() {
    let cleanup = |name: &str, error: Option<&str>| CleanupRecord {
        kind: "key".into(),
        name: name.into(),
        duration_ms: 1.0,
        error: error.map(str::to_owned),
        exchanges: Vec::new(),
    };
    let started = "2026-01-01T00:00:00Z".parse().unwrap();
    let record = RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: "api".into(),
        run: "r1".into(),
        trace: "t1".into(),
        target: "https://shop.test".into(),
        location: "home".into(),
        started,
        duration_ms: 1500.0,
        verdict: Verdict::Failed,
        filtered: false,
        steps: vec![
            StepRecord { kind: StepKind::Fixture, ..step("workspace", Verdict::Passed, None) },
            step("make_key", Verdict::Failed, Some(Cause::Contract)),
            StepRecord {
                root: Some("make_key".into()),
                ..step("use_key", Verdict::Blocked, Some(Cause::Contract))
            },
            step("read_mail", Verdict::Inconclusive, Some(Cause::MailProvider)),
            step("look", Verdict::Skipped, None),
        ],
        cleanup: vec![cleanup("k1", None), cleanup("k2", Some("503"))],
        certificates: Vec::new(),
    };
    let facts = RunFacts::of(&record, Trigger::Request);
    let roots: Vec<_> = facts.roots().map(|it| (&*it.step, it.cause, &it.blocks[..])).collect();
    assert_eq!(roots, [("make_key", Cause::Contract, &["use_key".to_owned()][..])]);
    let unclear: Vec<_> = facts.unclear().map(|it| (&*it.step, it.cause, &*it.message)).collect();
    assert_eq!(unclear, [("read_mail", Cause::MailProvider, "read_mail says why")]);
    assert_eq!(facts.steps[0].step, "fixture workspace");
    assert_eq!(facts.leftovers, ["key `k2`: 503"]);
    assert_eq!(facts.ended.duration_since(started), jiff::SignedDuration::from_millis(1500));
}
