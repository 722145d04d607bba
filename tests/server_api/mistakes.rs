//! What is said of requests that cannot be answered. Each answer follows the document, or the step would fail.

use super::*;

/// Asks, and demands that the error has this code and that its texts contain these words.
async fn refused(client: &Client, path: &str, status: u16, code: &str, words: &[&str]) -> Result<()> {
    let error = client.read(path, status).await?;
    let text = format!("{} | {}", error["detail"].as_str().unwrap(), error["remedy"].as_str().unwrap());
    let right = error["code"] == code && words.iter().all(|it| text.contains(it));
    if right { Ok(()) } else { Err(Failure::new(format!("{path}: {error}"))) }
}

async fn parameters(client: Client) -> Result<()> {
    for (query, words) in [
        ("limit=0", &["`limit`: expected a number from 1 to 500, found `0`"][..]),
        ("limit=501", &["found `501`"]),
        ("limit=-1", &["found `-1`"]),
        ("limit=many", &["found `many`"]),
        ("verdict=blocked", &["found `blocked`", "passed, failed, inconclusive, skipped"]),
        ("limt=3", &["no parameter `limt`; did you mean `limit`?"]),
        ("x=3", &["no parameter `x`", "canary, verdict, limit, after"]),
        ("limit=1&limit=2", &["`limit` is there twice"]),
    ] {
        refused(&client, &format!("/api/v1/runs?{query}"), 400, "bad_request", words).await?;
    }
    let since = "/api/v1/canaries/front/steps?since=yesterday";
    refused(&client, since, 400, "bad_request", &["`since`", "`yesterday`", "RFC 3339"]).await?;
    for path in ["canaries", "canaries/front", "surface", "alerts", "silences", "openapi.json"] {
        refused(&client, &format!("/api/v1/{path}?a=b"), 400, "bad_request", &["takes none"]).await?;
    }
    refused(&client, "/api/v1/incidents?opn=true", 400, "bad_request", &["did you mean `open`?"]).await?;
    refused(&client, "/api/v1/runs/%FF", 400, "bad_request", &["path is malformed", "UTF-8"]).await?;
    for cursor in ["", "x", "%00", "AAAA"] {
        let path = format!("/api/v1/runs?after={cursor}");
        refused(&client, &path, 400, "bad_cursor", &["`after`", "from `next` of the page before"]).await?;
    }
    Ok(())
}

async fn names(client: Client) -> Result<()> {
    let words = &["there is no canary `frnt`; did you mean `front`?", "front, back, never"];
    for path in ["canaries/frnt", "canaries/frnt/runs", "canaries/frnt/steps", "canaries/frnt/steps/look"] {
        refused(&client, &format!("/api/v1/{path}"), 404, "not_found", words).await?;
    }
    refused(&client, "/api/v1/runs?canary=frnt", 404, "not_found", words).await?;
    let words = &["no step `lok`; did you mean `look`?", "/api/v1/canaries/front"];
    refused(&client, "/api/v1/canaries/front/steps/lok", 404, "not_found", words).await?;
    refused(&client, "/api/v1/runs/unknown", 404, "not_found", &["no run `unknown`"]).await?;
    refused(&client, "/api/v1/elsewhere", 404, "not_found", &["`/api/v1/elsewhere`", "openapi.json"]).await
}

async fn methods(client: Client) -> Result<()> {
    let answer = client.request("DELETE", "/api/v1/runs").send().await?;
    answer.ensure_status(405)?;
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    let error = answer.json::<Value>()?;
    assert_eq!(error["detail"], "`/api/v1/runs` does not take DELETE");
    Ok(())
}

#[tokio::test]
async fn mistakes_are_named_with_a_remedy() {
    let rig = Rig::new().await;
    let canary = Canary::new("mistakes").step("parameters", parameters).step("names", names);
    demand(&rig, canary.step("methods", methods)).await;
}

/// What needs no store goes on; the rest says what is wrong.
#[tokio::test]
async fn a_store_that_is_gone_is_said_so() {
    let rig = Rig::new().await;
    rig.store.close().await;
    let gone = async |client: Client| {
        for path in ["runs", "canaries/front/steps", "canaries/front/steps/look", "runs/x", "surface"] {
            refused(&client, &format!("/api/v1/{path}"), 503, "store", &["cannot "]).await?;
        }
        client.read("/api/v1/canaries/front", 200).await?;
        let answer = client.get("/metrics").send().await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if !text.contains("coalmine_up{canary=\"front\"} 1") {
            return Err(Failure::new(text));
        }
        Ok(())
    };
    demand(&rig, Canary::new("gone").step("gone", gone)).await;
}
