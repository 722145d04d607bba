//! Steps that prove what the document says of incidents, silences and drills.

use coalmine::Out;

use super::{
    site::{expect, form},
    sites::Sites,
    watched::same,
    *,
};

async fn list_incidents(sites: Sites) -> Result<()> {
    let wrong = sites.at("wrong");
    // A drill may go on beside it.
    let all = wrong.read("/api/v1/incidents?canary=back", 200).await?;
    let open = wrong.read("/api/v1/incidents?open=true&canary=back", 200).await?;
    same("what is open", &open["incidents"][0]["id"], all["incidents"][0]["id"].clone())?;
    same("its canary", &all["incidents"][0]["canary"], "back")?;
    same("its root", &all["incidents"][0]["roots"][0]["step"], "open")?;
    same("what follows", &all["incidents"][0]["roots"][0]["blocks"][0], "enter")?;
    let none = Value::Array(Vec::new());
    for query in ["open=false&canary=back", "canary=front", "before=2026-01-01T00:00:00Z"] {
        let found = wrong.read(&format!("/api/v1/incidents?{query}"), 200).await?;
        same(query, &found["incidents"], none.clone())?;
    }
    wrong.read("/api/v1/incidents?limit=1&canary=back", 200).await?;
    let problem = wrong.read("/api/v1/incidents?open=maybe", 400).await?;
    same("detail", &problem["detail"], "`open`: expected `true` or `false`, found `maybe`")?;
    wrong.read("/api/v1/incidents?before=yesterday", 400).await?;
    wrong.read("/api/v1/incidents?canary=nobody", 404).await?;
    // What is open is known without the store.
    sites.at("gone").read("/api/v1/incidents?open=true", 200).await?;
    sites.at("gone").read("/api/v1/incidents", 503).await?;
    Ok(())
}

/// The incident of the service where something is wrong.
struct Wrong(String);

async fn read_incident(sites: Sites) -> Result<Wrong> {
    let list = sites.at("wrong").read("/api/v1/incidents?canary=back", 200).await?;
    let id = list["incidents"][0]["id"].as_str().unwrap_or_default().to_owned();
    let story = sites.at("wrong").read(&format!("/api/v1/incidents/{id}"), 200).await?;
    same("the incident", &story["incident"]["key"], list["incidents"][0]["key"].clone())?;
    same("its beginning", &story["log"][0]["happened"], "opened")?;
    sites.at("wrong").read("/api/v1/incidents/unknown", 404).await?;
    sites.at("gone").read("/api/v1/incidents/unknown", 503).await?;
    Ok(Wrong(id))
}

async fn see_incidents(sites: Sites) -> Result<()> {
    for site in ["main", "wrong", "paged"] {
        expect(sites.at(site).get("/incidents").header("accept", "text/html"), 200).await?;
    }
    expect(sites.at("main").get("/incidents?before=yesterday"), 400).await?;
    expect(sites.at("gone").get("/incidents"), 500).await?;
    Ok(())
}

async fn see_incident(sites: Sites, wrong: Out<Wrong>) -> Result<()> {
    let path = format!("/incidents/{}", wrong.0);
    let story: Value = expect(sites.at("wrong").get(&path), 200).await?.json()?;
    same("id", &story["incident"]["id"], wrong.0.as_str())?;
    expect(sites.at("wrong").get(&path).header("accept", "text/html"), 200).await?;
    expect(sites.at("wrong").get("/incidents/unknown"), 404).await?;
    expect(sites.at("gone").get("/incidents/unknown"), 500).await?;
    Ok(())
}

struct Taken;

async fn acknowledge(sites: Sites, wrong: Out<Wrong>) -> Result<Taken> {
    let path = format!("/incidents/{}/acknowledge", wrong.0);
    let problem: Value = expect(sites.at("wrong").post(&path), 400).await?.json()?;
    let detail = "it needs to be known who takes care of it: send a name as the form field `by`";
    same("detail", &problem["detail"], detail)?;
    let story: Value = expect(form(sites.at("wrong").post(&path), "by=Kim"), 200).await?.json()?;
    same("by", &story["incident"]["acknowledged"]["by"], "Kim")?;
    let by_page = form(sites.at("wrong").post(&path), "by=Sam&next=/incidents").header("accept", "text/html");
    same("next", &expect(by_page, 303).await?.header("location").into(), "/incidents")?;
    expect(form(sites.at("wrong").post("/incidents/unknown/acknowledge"), "by=Kim"), 404).await?;
    // On loopback without a token nobody has to say who they are.
    expect(sites.at("open").post("/incidents/unknown/acknowledge"), 404).await?;
    expect(form(sites.at("stopped").post(&path), "by=Kim"), 503).await?;
    Ok(Taken)
}

async fn unacknowledge(sites: Sites, wrong: Out<Wrong>, _: Out<Taken>) -> Result<()> {
    let path = format!("/incidents/{}/unacknowledge", wrong.0);
    let story: Value = expect(form(sites.at("wrong").post(&path), "by=Kim"), 200).await?.json()?;
    same("it", &story["incident"]["acknowledged"], Value::Null)?;
    let by_page = form(sites.at("wrong").post(&path), "by=Kim").header("accept", "text/html");
    let back = format!("/incidents/{}", wrong.0);
    same("back", &expect(by_page, 303).await?.header("location").into(), back)?;
    expect(form(sites.at("wrong").post("/incidents/unknown/unacknowledge"), "by=Kim"), 404).await?;
    expect(form(sites.at("stopped").post(&path), "by=Kim"), 503).await?;
    Ok(())
}

/// The id of a silence.
struct Silent(String);

async fn silence(sites: Sites) -> Result<Silent> {
    let main = sites.at("main");
    let ask = |body: &str| form(main.post("/silences"), body);
    let body = "scope=back::open&kind=maintenance&reason=new+floor&for=2h&from=1h&by=Kim";
    let silence: Value = expect(ask(body), 201).await?.json()?;
    same("scope", &silence["scope"]["step"], vec!["back", "open"])?;
    same("from", &silence["from"], "2026-01-01T01:00:00Z")?;
    same("until", &silence["until"], "2026-01-01T03:00:00Z")?;
    same("kind", &silence["kind"], "maintenance")?;
    for (scope, form) in [("*", Value::from("everything")), ("front", serde_json::json!({"canary": "front"}))]
    {
        let silence: Value = expect(ask(&format!("scope={scope}&reason=x&for=1h")), 201).await?.json()?;
        same("scope", &silence["scope"], form)?;
        same("kind", &silence["kind"], "mute")?;
    }
    let by_page = ask("scope=front&reason=x&for=1h&next=/canaries/front").header("accept", "text/html");
    same("next", &expect(by_page, 303).await?.header("location").into(), "/canaries/front")?;
    for wrong in [
        "reason=x&for=1h",
        "scope=::x&reason=x&for=1h",
        "scope=front&for=1h",
        "scope=front&reason=x",
        "scope=front&reason=x&for=-1h",
        "scope=front&reason=x&for=91d",
        "scope=front&reason=x&for=1h&kind=loud",
        "scope=front&reason=x&for=1h&from=soon",
        "scope=front&reason=x&for=1h&from=2025-01-01T00:00:00Z",
    ] {
        expect(ask(wrong), 400).await?;
    }
    for (scope, nearest) in [("frnt", "did you mean `front`?"), ("back::opn", "did you mean `open`?")] {
        let problem: Value = expect(ask(&format!("scope={scope}&reason=x&for=1h")), 404).await?.json()?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        same(detail, &detail.contains(nearest).into(), true)?;
    }
    expect(form(sites.at("stopped").post("/silences"), "scope=*&reason=x&for=1h"), 503).await?;
    Ok(Silent(silence["id"].as_str().unwrap_or_default().to_owned()))
}

async fn list_silences(sites: Sites, silent: Out<Silent>) -> Result<()> {
    let list = sites.at("main").read("/api/v1/silences", 200).await?;
    let ids: Vec<_> = list["silences"].as_array().into_iter().flatten().map(|it| &it["id"]).collect();
    same("it", &ids.iter().any(|it| **it == silent.0.as_str()).into(), true)
}

async fn lift_silence(sites: Sites, silent: Out<Silent>) -> Result<()> {
    let path = format!("/silences/{}/lift", silent.0);
    let lifted: Value = expect(sites.at("main").post(&path), 200).await?.json()?;
    same("id", &lifted["id"], silent.0.as_str())?;
    expect(sites.at("main").post(&path), 404).await?;
    let other: Value = sites.at("main").read("/api/v1/silences", 200).await?;
    let other = format!("/silences/{}/lift", other["silences"][0]["id"].as_str().unwrap_or_default());
    let by_page = sites.at("main").post(&other).header("accept", "text/html");
    same("back", &expect(by_page, 303).await?.header("location").into(), "/incidents")?;
    expect(sites.at("stopped").post(&path), 503).await?;
    Ok(())
}

async fn drill_pager(sites: Sites) -> Result<()> {
    let begun: Value = expect(sites.at("wrong").post("/alerts/drill"), 202).await?.json()?;
    let path = format!("/incidents/{}", begun["incident"].as_str().unwrap_or_default());
    let story: Value = expect(sites.at("wrong").get(&path), 200).await?.json()?;
    same("kind", &story["incident"]["kind"], "drill")?;
    expect(sites.at("wrong").get(&path).header("accept", "text/html"), 200).await?;
    let again: Value = expect(sites.at("wrong").post("/alerts/drill"), 409).await?.json()?;
    same("again", &again["detail"], "a drill goes on already; it ends after ten minutes at most")?;
    expect(sites.at("paged").post("/alerts/drill").header("accept", "text/html"), 303).await?;
    // Nobody could see its page.
    expect(sites.at("main").post("/alerts/drill"), 409).await?;
    expect(sites.at("stopped").post("/alerts/drill"), 503).await?;
    Ok(())
}

async fn read_alerts(sites: Sites) -> Result<()> {
    let wrong = sites.at("wrong").read("/api/v1/alerts", 200).await?;
    same("its notifier", &wrong["notifiers"][0]["name"], "pager")?;
    same("it tells", &wrong["notifiers"][0]["on_call"], true)?;
    same("it can be asked", &wrong["pager"]["provable"], true)?;
    let main = sites.at("main").read("/api/v1/alerts", 200).await?;
    same("nobody", &main["notifiers"], Value::Array(Vec::new()))?;
    same("no sign of life", main.pointer("/heartbeat").unwrap_or(&Value::from(1)), Value::Null)
}

/// These steps behind those of the API.
pub(super) fn with_alerts(canary: Canary) -> Canary {
    canary
        .step("list_incidents", list_incidents)
        .covers("list-incidents")
        .step("read_incident", read_incident)
        .covers("read-incident")
        .step("see_incidents", see_incidents)
        .covers("see-incidents")
        .step("see_incident", see_incident)
        .covers("see-incident")
        .step("acknowledge", acknowledge)
        .covers("acknowledge")
        .step("unacknowledge", unacknowledge)
        .covers("unacknowledge")
        .step("silence", silence)
        .covers("silence")
        .step("list_silences", list_silences)
        .covers("list-silences")
        .step("lift_silence", lift_silence)
        .covers("lift-silence")
        .step("drill_pager", drill_pager)
        .covers("drill-pager")
        .step("read_alerts", read_alerts)
        .covers("read-alerts")
}
