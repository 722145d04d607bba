//! A canary of our own watches every operation of our own service.

use coalmine::{
    Out,
    report::surface::cases,
    surface::{coverage, exchanges},
};

use super::{alerts::with_alerts, refusals::refusals, site::with_site, sites::Running, *};

/// The runs that the lists named.
pub(super) struct Runs(pub(super) Vec<String>);

pub(super) fn same(what: &str, found: &Value, expected: impl Into<Value>) -> Result<()> {
    let expected = expected.into();
    if *found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: expected {expected}, found {found}")))
}

async fn list_canaries(client: Client) -> Result<()> {
    let body = client.read("/api/v1/canaries", 200).await?;
    let names: Vec<_> = body["canaries"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    same("names", &Value::from(names), vec!["front", "back", "never"])?;
    let [front, back, never] = [0, 1, 2].map(|it| &body["canaries"][it]);
    same("front", &front["verdict"], "passed")?;
    same("its rhythm", &front["rhythm"], "every 1h")?;
    same("back", &back["verdict"], "failed")?;
    same("its message", &back["last_run"]["message"], "it is shut")?;
    same("never", never.pointer("/verdict").unwrap(), Value::Null)?;
    same("totals", &front["totals"]["passed"], 2)
}

async fn read_canary(client: Client) -> Result<()> {
    let body = client.read("/api/v1/canaries/front", 200).await?;
    same("promise", &body["steps"][0]["promise"], "somebody can look")
}

async fn list_runs(client: Client) -> Result<Runs> {
    // Page by page is the same as all at once.
    let all = client.read("/api/v1/runs", 200).await?;
    let (mut found, mut path) = (Vec::new(), "/api/v1/runs?limit=1".to_owned());
    loop {
        let page = client.read(&path, 200).await?;
        found.extend(page["runs"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/runs?limit=1&after={next}");
    }
    same("pages", &Value::from(found.clone()), all["runs"].clone())?;
    let failed = client.read("/api/v1/runs?verdict=failed", 200).await?;
    same("failed", &failed["runs"][0]["canary"], "back")?;
    client.read("/api/v1/runs?canary=nobody", 404).await?;
    Ok(Runs(found.iter().map(|it| it["run"].as_str().unwrap().to_owned()).collect()))
}

async fn list_runs_of_canary(client: Client) -> Result<()> {
    let body = client.read("/api/v1/canaries/front/runs?verdict=passed&limit=500", 200).await?;
    same("how many", &body["runs"].as_array().unwrap().len().into(), 2)?;
    let same_runs = client.read("/api/v1/runs?canary=front", 200).await?;
    same("both ways", &body, same_runs)
}

async fn read_run(client: Client, runs: Out<Runs>) -> Result<()> {
    for run in &runs.0 {
        let body = client.read(&format!("/api/v1/runs/{run}"), 200).await?;
        same("id", &body["run"]["run"], run.as_str())?;
        same("record", &body["record"]["run"], run.as_str())?;
        same("full", &body["full"], true)?;
    }
    Ok(())
}

async fn list_steps(client: Client) -> Result<()> {
    let body = client.read("/api/v1/canaries/front/steps?since=2025-12-31T23:00:00Z", 200).await?;
    same("step", &body["steps"][0]["step"], "look")?;
    same("runs", &body["steps"][0]["runs"], 2)?;
    let later = client.read("/api/v1/canaries/front/steps?since=2026-01-02T00:00:00Z", 200).await?;
    same("later", &later["steps"], Value::Array(Vec::new()))
}

async fn read_step(client: Client) -> Result<()> {
    let body = client.read("/api/v1/canaries/front/steps/look?limit=1", 200).await?;
    same("points", &body["points"].as_array().unwrap().len().into(), 1)?;
    let never = client.read("/api/v1/canaries/never/steps/wait", 200).await?;
    same("no points", &never["points"], Value::Array(Vec::new()))
}

async fn read_surface(client: Client) -> Result<()> {
    let body = client.read("/api/v1/surface", 200).await?;
    let (look, open) = (&body["operations"][0], &body["operations"][1]);
    same("prover", &look["prover"], "front::look")?;
    // No step of that suite calls anything.
    same("verdict", &look["message"], "nobody called it: `front::look` passed without")?;
    same("open", &open["verdict"], "failed")
}

async fn read_document(client: Client) -> Result<()> {
    let body = client.read("/api/v1/openapi.json", 200).await?;
    same("the document", &body, serde_json::from_str::<Value>(api::DOCUMENT)?)
}

fn watching() -> Canary {
    Canary::new("own")
        .step("list_canaries", list_canaries)
        .covers("list-canaries")
        .step("read_canary", read_canary)
        .covers("read-canary")
        .step("list_runs", list_runs)
        .covers("list-runs")
        .step("list_runs_of_canary", list_runs_of_canary)
        .covers("list-runs-of-canary")
        .step("read_run", read_run)
        .covers("read-run")
        .step("list_steps", list_steps)
        .covers("list-steps")
        .step("read_step", read_step)
        .covers("read-step")
        .step("read_surface", read_surface)
        .covers("read-surface")
        .step("read_document", read_document)
        .covers("read-document")
}

/// All of it over HTTP, against servers as they are run: every operation's case passes, and there is no answer in the
/// document that nobody has seen, but for those that say why.
#[tokio::test]
async fn every_operation_of_our_own_service_passes() {
    let surface = document();
    let names: Vec<&str> = surface.operations().names().collect();
    let canary = with_alerts(with_site(watching())).step("refusals", refusals);
    let running = Running::start().await;
    let suite = Suite::new("coalmine").canary(canary).operations(names.iter().copied());
    let (plan, record) = watch_with(suite, running.resources()).await;
    passed(&record);
    let cases = cases(&plan, names.iter().copied(), std::slice::from_ref(&record));
    for case in &cases {
        assert_eq!(case.verdict, Verdict::Passed, "{}: {:?} {:?}", case.operation, case.message, case.also);
    }
    assert_eq!(cases.len(), names.len());

    let seen = coverage(&surface, exchanges(&record));
    println!("statuses {:?}, fields of answers {:?}", seen.statuses, seen.response_fields);
    let missing: Vec<_> = seen.holes.iter().filter(|it| it.field.is_none()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen.unmatched.is_empty() && seen.breaches == 0, "{:?}", seen.unmatched);
    let reasons: Vec<_> = seen.unprovoked.iter().map(|it| (it.status.as_str(), it.seen)).collect();
    assert!(reasons.iter().all(|it| *it == ("500", 0)), "only what breaks inside is left: {reasons:?}");
}

/// A service that has just started has nothing to tell, and says so without a failure.
#[tokio::test]
async fn a_young_service_answers_as_well() {
    let rig = Rig::idle().await;
    let young = async |client: Client| {
        let body = client.read("/api/v1/surface", 200).await?;
        same("verdict", &body["operations"][1]["verdict"], Value::Null)?;
        same("prover", &body["operations"][1]["prover"], "back::open")?;
        same("runs", &client.read("/api/v1/runs", 200).await?["runs"], Value::Array(Vec::new()))?;
        client.read("/api/v1/canaries", 200).await.map(drop)
    };
    demand(&rig, Canary::new("young").step("young", young)).await;
}
