//! Every fault: what the sender sees of it, and what becomes of the event.

use std::collections::BTreeSet;

use super::*;
use crate::{
    CATALOGUE as PRODUCT, Options as WorldOptions, Sandbox, StartError, UnknownFault, pagerduty::CATALOGUE,
};

/// What the sender of a trigger sees: a status, or no answer.
async fn seen(pager: &Pager) -> Option<u16> {
    pager.try_event(&pager.trigger("k")).await.ok().map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn what_is_seen_and_what_is_taken() {
    let slow = Duration::from_millis(300);
    let table = [
        ("pagerduty_down", None, false),
        ("pagerduty_slow", Some(202), true),
        ("pagerduty_rate_limited", Some(429), false),
        ("pagerduty_error", Some(503), false),
        ("pagerduty_error_after_accepting", Some(500), true),
        ("pagerduty_cut_before_ingesting", None, false),
        ("pagerduty_cut_after_reading", None, true),
        ("pagerduty_swallows", Some(202), false),
        ("pagerduty_maintenance", Some(202), false),
        ("pagerduty_refuses", Some(400), false),
        ("pagerduty_refuses_all", Some(400), false),
        ("pagerduty_api_down", Some(202), true),
        ("pagerduty_api_refuses", Some(202), true),
    ];
    let named: BTreeSet<_> = table.iter().map(|(fault, ..)| *fault).collect();
    assert_eq!(named, CATALOGUE.iter().map(|(name, _)| *name).collect());

    for (fault, expected, taken) in table {
        let pager = Pager::with(Options { slow, ..Options::default() });
        pager.switch(fault, true);
        assert_eq!(pager.service().faults_on(), [fault]);
        assert_eq!(seen(&pager).await, expected, "{fault}");
        assert_eq!(pager.service().open().contains("k"), taken, "{fault}");
        let counts = pager.service().events();
        let sum = counts.accepted + counts.refused + counts.rate_limited + counts.failed;
        assert_eq!(counts.received, sum, "{fault}");
        assert_eq!(counts.received, u64::from(fault != "pagerduty_down"), "{fault}");

        pager.switch(fault, false);
        assert_eq!(seen(&pager).await, Some(202), "after {fault}");
        assert_eq!(pager.service().incidents().len(), 1, "after {fault}");
    }
}

#[tokio::test]
async fn down_is_down_for_new_and_for_old_connections_and_for_both_apis() {
    let pager = Pager::start();
    assert_eq!(seen(&pager).await, Some(202));
    pager.switch("pagerduty_down", true);
    for _ in 0..3 {
        assert_eq!(seen(&pager).await, None);
    }
    let token = format!("Token token={}", pager.service().api_token());
    let asked = pager.send(Method::GET, "/incidents", &[("authorization", &token)], "").await;
    assert!(asked.is_err());
    // A client of its own has no connection from before.
    let root = pager.service().root();
    let error = trial::client(pager.pagerduty.ca_pem()).get(root).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    pager.switch("pagerduty_down", false);
    assert_eq!(seen(&pager).await, Some(202));
}

#[tokio::test]
async fn a_slow_answer_is_to_an_event_that_was_taken_before() {
    let slow = Duration::from_secs(3600);
    let pager = Pager::with(Options { slow, ..Options::default() });
    pager.switch("pagerduty_slow", true);
    let trigger = pager.trigger("k");
    let opened =
        pager.service().wait_for(Duration::from_secs(20), |it| it.open().contains("k").then_some(()));
    tokio::select! {
        opened = opened => assert!(opened.is_some()),
        answer = pager.event(&trigger) => panic!("{answer:?}"),
    }
    // Whoever asks is answered.
    pager.get("/incidents").await.is(200);
}

#[tokio::test]
async fn an_error_is_a_page_of_html() {
    let pager = Pager::start();
    pager.switch("pagerduty_error", true);
    let answer = pager.event(&pager.trigger("k")).await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.text.contains("<html>"), "{}", answer.text);
}

#[tokio::test]
async fn a_minimal_payload_gets_through_where_a_full_one_is_refused() {
    let pager = Pager::start();
    pager.switch("pagerduty_refuses", true);
    let mut trigger = pager.trigger("k");
    let errors = pager.event(&trigger).await.is(400)["errors"].clone();
    assert_eq!(errors, json!(["'payload.custom_details' is invalid"]));
    trigger["payload"].as_object_mut().unwrap().remove("custom_details");
    pager.event(&trigger).await.is(202);
    pager.event(&pager.event_of("resolve", "k")).await.is(202);
    assert_eq!(pager.service().incidents()[0].status, Status::Resolved);
}

#[tokio::test]
async fn what_opens_no_incident_leaves_the_open_ones_alone() {
    for (fault, on_call, windows, status) in
        [("pagerduty_swallows", 0, 0, "critical"), ("pagerduty_maintenance", 1, 1, "maintenance")]
    {
        let pager = Pager::start();
        pager.event(&pager.trigger("old")).await.is(202);
        pager.switch(fault, true);
        pager.event(&pager.trigger("old")).await.is(202);
        pager.event(&pager.trigger("new")).await.is(202);
        assert_eq!(pager.service().open(), ["old".to_owned()].into(), "{fault}");
        let counts = pager.service().events();
        assert_eq!((counts.accepted, counts.swallowed, counts.opened), (3, 1, 1), "{fault}");
        assert_eq!(pager.service().incidents()[0].log.len(), 2, "{fault}");
        // Whoever wants to know why can ask.
        let length =
            async |path: &str, name: &str| pager.get(path).await.is(200)[name].as_array().unwrap().len();
        assert_eq!(length("/oncalls", "oncalls").await, on_call, "{fault}");
        assert_eq!(length("/maintenance_windows?filter=ongoing", "maintenance_windows").await, windows);
        assert_eq!(pager.get("/services/PSANDBOX").await.is(200)["service"]["status"], status);

        pager.event(&pager.event_of("resolve", "old")).await.is(202);
        assert!(pager.service().open().is_empty(), "{fault}");
        pager.switch(fault, false);
        pager.event(&pager.trigger("new")).await.is(202);
        assert_eq!(pager.service().open(), ["new".to_owned()].into(), "{fault}");
    }
}

#[tokio::test]
async fn the_rest_api_has_faults_of_its_own() {
    let pager = Pager::start();
    let ask = async || {
        let token = format!("Token token={}", pager.service().api_token());
        pager.send(Method::GET, "/incidents", &[("authorization", &token)], "").await
    };
    pager.switch("pagerduty_api_refuses", true);
    assert_eq!(ask().await.unwrap().is(401)["error"]["code"], 2006);
    pager.switch("pagerduty_api_down", true);
    assert!(ask().await.is_err());
    pager.switch("pagerduty_api_refuses", false);
    pager.switch("pagerduty_api_down", false);
    ask().await.unwrap().is(200);
}

#[test]
fn a_sandbox_knows_the_faults_of_both() {
    let options = WorldOptions {
        faults: vec!["pagerduty_down".to_owned(), "mail_lost".to_owned()],
        ..WorldOptions::default()
    };
    let sandbox = Sandbox::start(options).unwrap();
    assert_eq!(sandbox.faults_on(), ["mail_lost", "pagerduty_down"]);
    assert_eq!(sandbox.pagerduty().faults_on(), ["pagerduty_down"]);
    sandbox.switch("pagerduty_down", false).unwrap();
    assert_eq!(sandbox.faults_on(), ["mail_lost"]);
    assert_eq!(sandbox.switch("pagerduty_up", true), Err(UnknownFault("pagerduty_up".to_owned())));

    let unknown = WorldOptions { faults: vec!["pagerduty_up".to_owned()], ..WorldOptions::default() };
    assert!(matches!(Sandbox::start(unknown), Err(StartError::Fault(_))));
    let both: BTreeSet<_> = PRODUCT.iter().chain(CATALOGUE).map(|(name, _)| name).collect();
    assert_eq!(both.len(), PRODUCT.len() + CATALOGUE.len(), "a name is used twice");
}
