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
        ("/surface", StatusCode::OK),
        ("/canaries/failed", StatusCode::OK),
        ("/canaries/failed?verdict=%3Cscript%3E", StatusCode::BAD_REQUEST),
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
}

#[tokio::test]
async fn a_canary_shows_the_runs_that_are_asked_for() {
    let rig = Rig::new().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let answer = json(send(rig.get("/run/failed")).await).await;
        runs.push(answer["canaries"][0]["run"].as_str().unwrap().to_owned());
    }
    let shown = async |query: &str| {
        let answer = send(rig.get(&format!("/canaries/failed{query}"))).await;
        expect(&answer, StatusCode::OK, "failed");
        let page = text(answer).await;
        // The marks and the headline show them all, whatever the list does.
        let list = page.split_once("id=\"runs\"").unwrap().1.to_owned();
        runs.iter().map(|it| list.contains(&format!("/runs/{it}"))).collect::<Vec<_>>()
    };
    let today = rig.service.clock().now().strftime("%F").to_string();
    for (query, expected) in [
        (String::new(), [true, true]),
        ("?verdict=failed".into(), [true, true]),
        ("?verdict=passed".into(), [false, false]),
        (format!("?day={today}"), [true, true]),
        ("?day=2020-02-29".into(), [false, false]),
    ] {
        assert_eq!(shown(&query).await, expected, "{query}");
    }
    let listed = json(send(rig.get("/api/v1/canaries/failed/runs?limit=1")).await).await;
    let after = listed["next"].as_str().unwrap();
    assert_eq!(shown(&format!("?after={after}")).await, [true, false], "behind the newest");
    for query in ["?verdict=good", "?day=yesterday", "?after=%3Cscript%3E", "?verdict=failed&verdict=passed"]
    {
        assert_eq!(status(rig.get(&format!("/canaries/failed{query}"))).await, 400, "{query}");
    }
    let page = text(send(rig.get("/canaries/failed")).await).await;
    assert!(page.contains("it is broken") && page.contains("/canaries/failed/steps/fail"), "{page}");
    expect(&send(rig.get("/canaries/front")).await, StatusCode::OK, "none");
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

#[tokio::test]
async fn a_pause_may_have_an_end_and_leads_back_to_its_page() {
    let rig = Rig::new().await;
    let pause = |length: &str, next: &str| {
        rig.post("/canaries/front/pause").form(&[("reason", "new floor"), ("for", length), ("next", next)])
    };
    for length in ["soon", "-1h", "0s", "91d", "3000h"] {
        assert_eq!(status(pause(length, "")).await, 400, "{length}");
    }
    let before = rig.service.clock().now();
    let paused = json(send(pause("1h 30m", "")).await).await["paused"].clone();
    let until: jiff::Timestamp = paused["until"].as_str().unwrap().parse().unwrap();
    assert!(until.duration_since(before) >= jiff::SignedDuration::from_mins(90));
    assert!(until.duration_since(before) < jiff::SignedDuration::from_mins(95));
    assert_eq!(json(send(pause("", "")).await).await["paused"]["until"], serde_json::Value::Null);

    for (next, expected) in
        [("/canaries/front", "/canaries/front"), ("//evil.example", "/"), ("https://evil.example", "/")]
    {
        for request in [pause("1h", next), rig.post("/canaries/front/resume").form(&[("next", next)])] {
            let answer = send(request.header("accept", "text/html")).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            assert_eq!(answer.headers()["location"], expected);
        }
    }
}

#[tokio::test]
async fn a_canary_is_run_from_its_page() {
    let rig = Rig::new().await;
    assert!(text(send(rig.get("/canaries/front")).await).await.contains("action=\"/canaries/front/run\""));
    let answer = send(rig.post("/canaries/front/run")).await;
    expect(&answer, StatusCode::SEE_OTHER, "none");
    let run = answer.headers()["location"].to_str().unwrap().to_owned();
    rig.somebody().await;
    let page = send(rig.get(&run).header("accept", "text/html")).await;
    assert_eq!(page.status(), StatusCode::ACCEPTED);
    let page = text(page).await;
    assert!(page.contains("data-events=") && page.contains("http-equiv=\"refresh\""), "it waits: {page}");
    // Who asks again meanwhile gets the same.
    assert_eq!(send(rig.post("/canaries/front/run")).await.headers()["location"], run);
    rig.let_one_through();
    assert_eq!(status(rig.get("/run/front")).await, 200);
    let page = text(send(rig.get(&run).header("accept", "text/html")).await).await;
    assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    assert_eq!(rig.runs(), 1);
    assert_eq!(status(rig.post("/canaries/other/run")).await, 404);
    assert_eq!(status(rig.get("/canaries/front/run")).await, 405);
    let foreign = rig.post("/canaries/front/run").header("origin", "http://evil.example");
    assert_eq!(status(foreign).await, 403);
}

#[tokio::test]
async fn the_surface_is_a_page() {
    let rig = Rig::new().await;
    let answer = send(rig.get("/surface")).await;
    expect(&answer, StatusCode::OK, "none");
    assert!(text(answer).await.contains("This suite says of no operation"));
}
