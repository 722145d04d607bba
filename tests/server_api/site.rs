//! Steps that prove the rest of the document: `/run`, the pages, and what operators ask.

use coalmine::{Out, http::Answer, report::html::assets};

use super::{
    sites::{ENDINGS, Ending, Sites},
    watched::{Runs, same},
    *,
};

/// The token in a form of a page.
fn csrf(page: &Answer) -> Result<String> {
    let text = String::from_utf8_lossy(page.body());
    let token = text.split("name=\"csrf\" value=\"").nth(1).and_then(|it| it.split('"').next());
    token.map(ToOwned::to_owned).ok_or_else(|| page.fail("the form has no token"))
}

pub(super) async fn expect(request: RequestBuilder, status: u16) -> Result<Answer> {
    let answer = request.send().await?;
    answer.ensure_status(status)?;
    Ok(answer)
}

pub(super) fn form(request: RequestBuilder, body: &str) -> RequestBuilder {
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Every way that a run can end or go on, in every form of the answer.
async fn run(sites: Sites, method: &str, all: bool) -> Result<()> {
    let path = |canary: &str| if all { "/run".to_owned() } else { format!("/run/{canary}") };
    for (canary, status) in ENDINGS {
        let ask = |query: &str| sites.at(canary).request(method, &(path(canary) + query));
        let body: Value = expect(ask("?full"), status).await?.json()?;
        same("verdict", &body["verdict"], canary)?;
        same("record", &body["records"][0]["verdict"], canary)?;
        expect(ask("").header("accept", "application/xml"), status).await?;
        expect(ask("?fresh").header("accept", "text/html"), status).await?;
    }
    let ask = |query: &str| sites.at("endless").request(method, &(path("endless") + query));
    let accepted = expect(ask("").header("prefer", "respond-async"), 202).await?;
    let late = expect(ask("?timeout=1ms"), 504).await?;
    let [accepted, late] = [accepted, late].map(|it| it.json::<Value>());
    same("the run", &late?["canaries"][0]["run"], accepted?["canaries"][0]["run"].clone())?;
    let problem: Value = expect(sites.at("stopped").request(method, "/run/front"), 503).await?.json()?;
    same("code", &problem["code"], "unavailable")?;
    if all {
        // Also each operation of the product has its say, as under `cargo test`.
        let body: Value = expect(sites.at("open").request(method, "/run"), 500).await?.json()?;
        same("operation", &body["surface"][0]["operation"], "look-around")?;
        same("it", &body["surface"][0]["message"], "nobody called it: `front::look` passed without")?;
        let junit = sites.at("open").request(method, "/run").header("accept", "application/xml");
        let junit = expect(junit, 500).await?;
        let text = String::from_utf8_lossy(junit.body()).into_owned();
        same("a suite of them", &text.contains("name=\"shop.surface\"").into(), true)?;
    } else {
        expect(sites.at("main").request(method, "/run/nobody"), 404).await?;
    }
    let problem: Value =
        expect(sites.at("main").request(method, &(path("front") + "?fersh")), 400).await?.json()?;
    same(
        "detail",
        &problem["detail"],
        "there is no option `fersh`; there are `full`, `fresh` and `timeout=30s`",
    )
}

async fn see_overview(sites: Sites) -> Result<()> {
    let page = expect(sites.at("main").get("/").header("accept", "text/html"), 200).await?;
    same("verdict", &page.header("coalmine-verdict").into(), "failed")?;
    expect(sites.at("gone").get("/"), 500).await?;
    Ok(())
}

async fn see_run(sites: Sites, runs: Out<Runs>) -> Result<()> {
    for run in &runs.0 {
        let path = format!("/runs/{run}");
        let record: Value = expect(sites.at("main").get(&path), 200).await?.json()?;
        same("run", &record["run"], run.as_str())?;
        expect(sites.at("main").get(&path).header("accept", "text/html"), 200).await?;
    }
    let accepted = sites.at("endless").post("/run").header("prefer", "respond-async");
    let accepted = expect(accepted, 202).await?;
    let location = accepted.header("location").ok_or_else(|| accepted.fail("it leads nowhere"))?;
    expect(sites.at("endless").get(location), 202).await?;
    expect(sites.at("main").get("/runs/unknown"), 404).await?;
    expect(sites.at("gone").get("/runs/unknown"), 500).await?;
    Ok(())
}

async fn see_canary(sites: Sites) -> Result<()> {
    expect(sites.at("main").get("/canaries/front?verdict=passed"), 200).await?;
    expect(sites.at("main").get("/canaries/front?verdict=blue"), 400).await?;
    expect(sites.at("main").get("/canaries/nobody"), 404).await?;
    expect(sites.at("gone").get("/canaries/front"), 500).await?;
    Ok(())
}

async fn see_surface(sites: Sites) -> Result<()> {
    expect(sites.at("main").get("/surface"), 200).await?;
    expect(sites.at("gone").get("/surface"), 500).await?;
    Ok(())
}

async fn run_by_form(sites: Sites) -> Result<()> {
    let answer = expect(sites.at("open").post("/canaries/front/run"), 303).await?;
    let to_a_run = answer.header("location").is_some_and(|it| it.starts_with("/runs/"));
    same("to the run", &to_a_run.into(), true)?;
    expect(sites.at("open").post("/canaries/nobody/run"), 404).await?;
    expect(sites.at("stopped").post("/canaries/front/run"), 503).await?;
    Ok(())
}

async fn see_step(sites: Sites) -> Result<()> {
    expect(sites.at("main").get("/canaries/front/steps/look"), 200).await?;
    expect(sites.at("main").get("/canaries/front/steps/nothing"), 404).await?;
    expect(sites.at("gone").get("/canaries/front/steps/look"), 500).await?;
    Ok(())
}

struct Paused;

async fn pause(sites: Sites) -> Result<Paused> {
    let path = "/canaries/never/pause";
    let entry: Value = expect(form(sites.at("main").post(path), "reason=new+floor"), 200).await?.json()?;
    same("reason", &entry["paused"]["reason"], "new floor")?;
    let by_page = form(sites.at("main").post(path), "reason=new+floor").header("accept", "text/html");
    expect(by_page, 303).await?;
    expect(sites.at("main").post(path), 400).await?;
    expect(form(sites.at("main").post("/canaries/nobody/pause"), "reason=x"), 404).await?;
    expect(form(sites.at("stopped").post(path), "reason=x"), 503).await?;
    Ok(Paused)
}

async fn resume(sites: Sites, _: Out<Paused>) -> Result<()> {
    let path = "/canaries/never/resume";
    let entry: Value = expect(sites.at("main").post(path), 200).await?.json()?;
    same("paused", &entry["paused"], Value::Null)?;
    expect(sites.at("main").post(path).header("accept", "text/html"), 303).await?;
    expect(sites.at("main").post("/canaries/nobody/resume"), 404).await?;
    expect(sites.at("stopped").post(path), 503).await?;
    Ok(())
}

/// What the form to log in has.
struct Form(String);

async fn see_login(sites: Sites) -> Result<Form> {
    expect(sites.at("open").get("/login"), 303).await?;
    csrf(&expect(sites.at("main").get("/login"), 200).await?).map(Form)
}

/// The cookie.
struct Session(String);

async fn log_in(sites: Sites, entered: Out<Form>) -> Result<Session> {
    let main = &sites.at("main").0;
    let enter = |csrf: &str, password: &str| {
        form(main.post("/login"), &format!("csrf={csrf}&password={password}&next=/readyz"))
    };
    expect(main.post("/login"), 400).await?;
    expect(enter("1.x", TOKEN), 403).await?;
    expect(enter(&entered.0, "wrong"), 401).await?;
    let answer = expect(enter(&entered.0, TOKEN), 303).await?;
    same("location", &answer.header("location").into(), "/readyz")?;
    let cookie = answer.header("set-cookie").and_then(|it| it.split(';').next());
    cookie.map(|it| Session(it.to_owned())).ok_or_else(|| answer.fail("there is no cookie"))
}

async fn log_out(sites: Sites, session: Out<Session>) -> Result<()> {
    let main = &sites.at("main").0;
    let page = expect(main.get("/").header("cookie", &session.0), 200).await?;
    let leave = |csrf: &str| {
        let leave = form(main.post("/logout"), &format!("csrf={csrf}"));
        leave.header("cookie", &session.0).header("sec-fetch-site", "same-origin")
    };
    expect(leave("1.x"), 403).await?;
    let answer = expect(leave(&csrf(&page)?), 303).await?;
    same("location", &answer.header("location").into(), "/login")
}

async fn load_asset(sites: Sites) -> Result<()> {
    for asset in assets() {
        let answer = expect(sites.at("main").0.get(&asset.path), 200).await?;
        same("content", &String::from_utf8_lossy(answer.body()).into(), asset.text)?;
    }
    expect(sites.at("main").0.get("/assets/nothing.css"), 404).await?;
    Ok(())
}

/// Events go on as long as the service does, so this one is shut down.
async fn follow_events(context: Context, sites: Sites) -> Result<()> {
    let server = Arc::clone(&context.resource::<Ending>().0);
    let listening = tokio::spawn(expect(sites.at("ending").get("/events"), 200));
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
    let answer = listening.await??;
    same("type", &answer.header("content-type").into(), "text/event-stream")?;
    expect(sites.at("strict").get("/events"), 503).await?;
    Ok(())
}

async fn read_metrics(sites: Sites) -> Result<()> {
    let answer = expect(sites.at("main").get("/metrics"), 200).await?;
    same("type", &answer.header("content-type").into(), "text/plain; version=0.0.4; charset=utf-8")
}

async fn is_alive(sites: Sites) -> Result<()> {
    expect(sites.at("stopped").0.get("/healthz"), 200).await?;
    Ok(())
}

async fn is_ready(sites: Sites) -> Result<()> {
    expect(sites.at("main").0.get("/readyz"), 200).await?;
    let body: Value = expect(sites.at("stopped").0.get("/readyz"), 503).await?.json()?;
    same("reason", &body["reasons"][0], "the service is stopping")
}

/// What the store's end makes of the API.
async fn store_gone(sites: Sites) -> Result<()> {
    for path in [
        "runs",
        "canaries/front/runs",
        "canaries/front/steps",
        "canaries/front/steps/look",
        "runs/x",
        "surface",
    ] {
        let problem = sites.at("gone").read(&format!("/api/v1/{path}"), 503).await?;
        same(path, &problem["code"], "store")?;
    }
    Ok(())
}

/// These steps behind those of the API.
pub(super) fn with_site(canary: Canary) -> Canary {
    canary
        .step("run_all", |sites: Sites| run(sites, "POST", true))
        .covers("run-all")
        .step("run_all_by_get", |sites: Sites| run(sites, "GET", true))
        .covers("run-all-by-get")
        .step("run_one", |sites: Sites| run(sites, "POST", false))
        .covers("run-one")
        .step("run_one_by_get", |sites: Sites| run(sites, "GET", false))
        .covers("run-one-by-get")
        .step("see_overview", see_overview)
        .covers("see-overview")
        .step("see_run", see_run)
        .covers("see-run")
        .step("see_canary", see_canary)
        .covers("see-canary")
        .step("see_surface", see_surface)
        .covers("see-surface")
        .step("run_by_form", run_by_form)
        .covers("run-by-form")
        .step("see_step", see_step)
        .covers("see-step")
        .step("pause", pause)
        .covers("pause")
        .step("resume", resume)
        .covers("resume")
        .step("see_login", see_login)
        .covers("see-login")
        .step("log_in", log_in)
        .covers("log-in")
        .step("log_out", log_out)
        .covers("log-out")
        .step("load_asset", load_asset)
        .covers("load-asset")
        .step("follow_events", follow_events)
        .covers("follow-events")
        .step("read_metrics", read_metrics)
        .covers("read-metrics")
        .step("is_alive", is_alive)
        .covers("is-alive")
        .step("is_ready", is_ready)
        .covers("is-ready")
        .step("store_gone", store_gone)
}
