//! The pages.

use coalmine::report::html::assets;
use reqwest::StatusCode;

use super::{Rig, expect, json, send, status, text, verdict};

#[tokio::test]
async fn the_overview_follows_what_happens() {
    let rig = Rig::new().await;
    let page = || async { text(send(rig.get("/").header("accept", "text/html")).await).await };
    let before = page().await;
    assert!(before.contains("flaky"), "{before}");
    let answer = send(rig.get("/run/failed")).await;
    let run = json(answer).await["canaries"][0]["run"].as_str().unwrap().to_owned();
    // The cache hears of it as everybody else does.
    super::soon(async {
        while !page().await.contains(&run) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(verdict(&send(rig.get("/")).await), "failed");
}

#[tokio::test]
async fn every_page_says_what_a_browser_may_do() {
    let rig = Rig::new().await;
    assert_eq!(status(rig.get("/run/failed")).await, 500);
    for (path, expected) in [
        ("/", StatusCode::OK),
        ("/canaries/failed/steps/fail", StatusCode::OK),
        ("/canaries/failed/steps/other", StatusCode::NOT_FOUND),
        ("/canaries/other/steps/fail", StatusCode::NOT_FOUND),
        ("/canaries/other", StatusCode::NOT_FOUND),
        ("/runs/other", StatusCode::NOT_FOUND),
        ("/nothing/here", StatusCode::NOT_FOUND),
        ("/assets/nothing.css", StatusCode::NOT_FOUND),
    ] {
        let answer = send(rig.get(path).header("accept", "text/html")).await;
        assert_eq!(answer.status(), expected, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with("text/html"), "{path}");
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
        assert!(!header("coalmine-verdict").is_empty());
    }
    let page = text(send(rig.get("/canaries/failed/steps/fail")).await).await;
    assert!(page.contains("it is broken"), "{page}");
    let answer = send(rig.get("/canaries/failed")).await;
    assert_eq!(answer.headers()["location"], "/#canary-failed");
}

#[tokio::test]
async fn assets_are_kept_for_ever() {
    let rig = Rig::with_token().await;
    for asset in assets() {
        let answer = send(rig.get(&asset.path)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], asset.content_type);
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(text(answer).await, asset.text);
    }
}

#[tokio::test]
async fn schedules_are_paused_with_a_reason() {
    let rig = Rig::new().await;
    assert_eq!(status(rig.post("/canaries/front/pause")).await, 400);
    assert_eq!(status(rig.post("/canaries/other/pause").form(&[("reason", "x")])).await, 404);
    let answer = send(rig.post("/canaries/front/pause").form(&[("reason", "new floor")])).await;
    expect(&answer, StatusCode::OK, "none");
    assert_eq!(json(answer).await["paused"]["reason"], "new floor");
    assert!(text(send(rig.get("/")).await).await.contains("new floor"));
    assert_eq!(json(send(rig.post("/canaries/front/resume")).await).await["paused"], serde_json::Value::Null);
    expect(&send(rig.get("/canaries/front/pause")).await, StatusCode::METHOD_NOT_ALLOWED, "none");
}
