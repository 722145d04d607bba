//! `/run`.

use std::collections::HashSet;

use coalmine::service::Event;
use reqwest::StatusCode;
use serde_json::Value;

use super::{Rig, expect, json, send, soon, text, verdict};

#[tokio::test]
async fn the_status_says_how_it_went() {
    let rig = Rig::new().await;
    for (canary, status, says) in [
        ("passed", 200, "passed"),
        ("flaky", 200, "passed"),
        ("failed", 500, "failed"),
        ("inconclusive", 503, "inconclusive"),
        ("skipped", 409, "skipped"),
    ] {
        for request in [rig.get(&format!("/run/{canary}")), rig.post(&format!("/run/{canary}"))] {
            let answer = send(request).await;
            assert_eq!((answer.status().as_u16(), verdict(&answer)), (status, says), "{canary}");
            let body = json(answer).await;
            let row = &body["canaries"][0];
            assert_eq!((body["verdict"].as_str(), row["canary"].as_str()), (Some(says), Some(canary)));
            assert_eq!(row["flaky"], Value::Bool(canary == "flaky"));
            let link = row["link"].as_str().unwrap();
            let page = send(rig.get(link)).await;
            expect(&page, StatusCode::OK, says);
        }
    }
}

#[tokio::test]
async fn all_canaries_run_and_the_worst_decides() {
    let rig = Rig::new().await;
    rig.let_one_through();
    let answer = send(rig.get("/run")).await;
    expect(&answer, StatusCode::INTERNAL_SERVER_ERROR, "failed");
    let body = text(answer).await;
    let line = body.lines().find(|it| it.contains("\"canary\":\"failed\"")).expect("a line per canary");
    assert!(line.contains("\"root\":\"fail\"") && line.contains("it is broken"), "{line}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["canaries"].as_array().unwrap().len(), 6);
    assert!(body.get("records").is_none());
}

#[tokio::test]
async fn records_junit_and_a_page_are_given_to_who_wants_them() {
    let rig = Rig::new().await;
    let body = json(send(rig.get("/run/failed?full")).await).await;
    assert_eq!(body["records"][0]["steps"][0]["name"], "fail");

    let answer = send(rig.get("/run/failed").header("accept", "application/xml")).await;
    expect(&answer, StatusCode::INTERNAL_SERVER_ERROR, "failed");
    assert_eq!(answer.headers()["content-type"], "application/xml");
    assert!(text(answer).await.contains("<testsuites"));

    let answer = send(rig.get("/run/passed").header("accept", "text/html")).await;
    expect(&answer, StatusCode::OK, "passed");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("'sha256-"), "{policy}");
    assert!(text(answer).await.starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn fifty_callers_cause_one_run() {
    let rig = Rig::new().await;
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let request = rig.get("/run/front");
            tokio::spawn(async move { json(send(request).await).await })
        })
        .collect();
    rig.somebody().await;
    // Whoever comes after the run has ended would start another one.
    rig.asked(50).await;
    rig.let_one_through();
    let mut runs = Vec::new();
    for caller in callers {
        runs.push(soon(caller).await.unwrap()["canaries"][0]["run"].clone());
    }
    runs.dedup();
    assert_eq!((runs.len(), rig.runs()), (1, 1));
}

#[tokio::test]
async fn a_fresh_run_starts_after_the_question() {
    let rig = Rig::new().await;
    let accepted = send(rig.post("/run/front").header("prefer", "respond-async")).await;
    rig.somebody().await;
    let first = json(accepted).await["canaries"][0]["run"].clone();
    let joined = json(send(rig.post("/run/front").header("prefer", "respond-async")).await).await;
    assert_eq!(joined["canaries"][0]["run"], first);
    let fresh = json(send(rig.post("/run/front?fresh").header("prefer", "respond-async")).await).await;
    let fresh = fresh["canaries"][0]["run"].clone();
    assert_ne!(fresh, first);
    // It has an address before it has begun.
    let path = format!("/runs/{}", fresh.as_str().unwrap());
    expect(&send(rig.get(&path)).await, StatusCode::ACCEPTED, "none");
    rig.let_one_through();
    rig.somebody().await;
    rig.let_one_through();
    let body = json(send(rig.get("/run/front?fresh=0&timeout=25s")).await).await;
    assert!(body["verdict"] == "passed", "{body}");
    assert!(rig.runs() >= 2);
}

/// Whatever is asked in whatever order: a fresh run had not begun when somebody asked for it, one that is joined had not
/// ended, and each of them comes to an end.
#[tokio::test]
async fn no_order_of_questions_makes_a_fresh_run_old() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let rig = Rig::new().await;
        let mut events = rig.service.events();
        let (mut begun, mut ended, mut promised) = (HashSet::new(), HashSet::new(), HashSet::new());
        let take = |event: &Event, begun: &mut HashSet<String>, ended: &mut HashSet<String>| match event {
            Event::RunStarted { run, .. } => drop(begun.insert(run.clone())),
            Event::RunEnded(summary) => drop(ended.insert(summary.run.clone())),
            _ => (),
        };
        for _ in 0..30 {
            while let Ok(event) = events.try_recv() {
                take(&event, &mut begun, &mut ended);
            }
            if random.u8(..4) == 0 {
                rig.let_one_through();
                continue;
            }
            // Several at once, who know nothing of one another.
            let asking: Vec<_> = (0..random.usize(1..4))
                .map(|_| {
                    let fresh = random.bool();
                    let path = if fresh { "/run/front?fresh" } else { "/run/front" };
                    let request = rig.post(path).header("prefer", "respond-async");
                    tokio::spawn(async move { (fresh, json(send(request).await).await) })
                })
                .collect();
            for asked in asking {
                let (fresh, body) = soon(asked).await.unwrap();
                let run = body["canaries"][0]["run"].as_str().unwrap().to_owned();
                let known = if fresh { &begun } else { &ended };
                assert!(!known.contains(&run), "seed {seed}: fresh {fresh}, {run}");
                promised.insert(run);
            }
        }
        // Many may have been let through when nobody stood there.
        while !promised.is_subset(&ended) {
            rig.let_one_through();
            let event = soon(events.recv()).await.unwrap();
            take(&event, &mut begun, &mut ended);
        }
        assert_eq!(rig.runs(), begun.len(), "seed {seed}");
    }
}

#[tokio::test]
async fn who_does_not_wait_is_told_where_to_look() {
    let rig = Rig::new().await;
    let mut events = rig.service.events();
    let accepted = send(rig.post("/run/front").header("prefer", "respond-async")).await;
    expect(&accepted, StatusCode::ACCEPTED, "none");
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    let run = json(accepted).await["canaries"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/runs/{run}"));
    expect(&send(rig.get(&location)).await, StatusCode::ACCEPTED, "none");
    rig.let_one_through();
    soon(async { while !matches!(&*events.recv().await.unwrap(), Event::RunEnded(_)) {} }).await;
    expect(&send(rig.get(&location)).await, StatusCode::OK, "passed");
}

#[tokio::test]
async fn a_deadline_ends_the_waiting_and_not_the_run() {
    let rig = Rig::new().await;
    let answer = send(rig.get("/run/front?timeout=10ms")).await;
    expect(&answer, StatusCode::GATEWAY_TIMEOUT, "none");
    let run = json(answer).await["canaries"][0]["run"].clone();
    rig.somebody().await;
    // The next one joins it.
    let next = tokio::spawn(rig.get("/run/front").send());
    rig.asked(2).await;
    rig.let_one_through();
    let body = json(soon(next).await.unwrap().unwrap()).await;
    assert_eq!((&body["canaries"][0]["run"], rig.runs()), (&run, 1));
}

#[tokio::test]
async fn who_hangs_up_ends_no_run() {
    let rig = Rig::new().await;
    let mut events = rig.service.events();
    let caller = tokio::spawn(rig.get("/run/front").send());
    rig.somebody().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    rig.let_one_through();
    let ended = soon(async {
        loop {
            if let Event::RunEnded(summary) = &*events.recv().await.unwrap() {
                return summary.verdict;
            }
        }
    })
    .await;
    assert_eq!((ended, rig.runs()), (coalmine::Verdict::Passed, 1));
}

#[tokio::test]
async fn mistakes_in_the_question_are_named() {
    let rig = Rig::new().await;
    for (path, status, says) in [
        ("/run/frnt", 404, "did you mean `front`?; there are: front, passed, failed"),
        ("/run/passed?timeout=soon", 400, "expected a time up to 15m, such as `30s`, found `soon`"),
        ("/run/passed?timeout=0s", 400, "`timeout`"),
        ("/run/passed?fresh=maybe", 400, "`fresh`: expected nothing, 1 or 0"),
        ("/run/passed?fersh", 400, "there is no option `fersh`"),
    ] {
        let answer = send(rig.get(path)).await;
        assert_eq!((answer.status().as_u16(), verdict(&answer)), (status, "none"), "{path}");
        let why = json(answer).await["detail"].as_str().unwrap().to_owned();
        assert!(why.contains(says), "{path}: {why}");
    }
    let head = send(rig.client.head(rig.url("/run/passed"))).await;
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
}
