//! Starting and stopping it, alone and as part of a sandbox.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use super::*;
use crate::{Options as WorldOptions, Sandbox, StartError};

#[tokio::test]
async fn it_is_part_of_a_sandbox() {
    let options = WorldOptions {
        pagerduty: Options {
            routing_key: Some("R0123456789abcdefghijklmnopqrstu".to_owned()),
            api_token: Some("token".to_owned()),
            ..Options::default()
        },
        ..WorldOptions::default()
    };
    let sandbox = Sandbox::start(options).unwrap();
    let service = sandbox.pagerduty();
    assert_eq!((service.routing_key(), service.api_token()), ("R0123456789abcdefghijklmnopqrstu", "token"));
    let event = json!({
        "routing_key": service.routing_key(),
        "event_action": "trigger",
        "payload": {"summary": "s", "source": "s", "severity": "info"},
    });
    let client = trial::client(sandbox.ca_pem());
    let answer = client.post(format!("{}/v2/enqueue", service.root())).json(&event).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(service.open().len(), 1);
    // The clock is the sandbox's.
    sandbox.clock().advance(SignedDuration::from_secs(14_400));
    assert!(service.open().is_empty());
    drop(sandbox);
    assert!(client.get("https://127.0.0.1").send().await.is_err());
}

#[tokio::test]
async fn dropping_it_stops_it_and_frees_the_address() {
    let pager = Pager::start();
    pager.event(&pager.trigger("k")).await.is(202);
    let Pager { pagerduty, client } = pager;
    let (address, service) = (pagerduty.address(), pagerduty.service().clone());
    drop(pagerduty);
    assert!(client.get(service.root()).send().await.is_err());
    // What happened can still be looked at.
    assert_eq!(service.incidents().len(), 1);
    let again = PagerDuty::start(Options { listen: address, ..Options::default() }).unwrap();
    assert_eq!(again.address(), address);
}

#[test]
fn what_it_does_not_start_with() {
    let taken = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listen = taken.local_addr().unwrap();
    let error = PagerDuty::start(Options { listen, ..Options::default() }).unwrap_err();
    assert!(matches!(error, StartError::Bind(address, _) if address == listen));
    for key in ["", "short", &"-".repeat(32), &"a".repeat(33)] {
        let error = PagerDuty::start(Options { routing_key: Some(key.to_owned()), ..Options::default() });
        assert!(matches!(error, Err(StartError::RoutingKey)), "{key}");
    }
    for token in ["", "with space", "ä"] {
        let error = PagerDuty::start(Options { api_token: Some(token.to_owned()), ..Options::default() });
        assert!(matches!(error, Err(StartError::Credential)), "{token}");
    }
}

#[test]
fn secrets_do_not_show() {
    let pager = Pager::start();
    let (key, token) = (pager.service().routing_key(), pager.service().api_token());
    assert_eq!((key.len(), token.len()), (32, 20));
    let options = Options {
        routing_key: Some(key.to_owned()),
        api_token: Some(token.to_owned()),
        ..Options::default()
    };
    let shown = format!("{:?} {options:?}", pager.pagerduty);
    assert!(!shown.contains(key) && !shown.contains(token), "{shown}");
}

/// Many senders at once, more than the log of any incident or the old limit would hold: nothing is lost or doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_counted_to_the_last_event() {
    let pager = Arc::new(Pager::with(Options { events_per_minute: u32::MAX, ..Options::default() }));
    let senders: Vec<_> = (0..16)
        .map(|sender| {
            let pager = Arc::clone(&pager);
            tokio::spawn(async move {
                let key = format!("canary-{}", sender % 4);
                for round in 0..50 {
                    let action = if round % 10 == 9 { "resolve" } else { "trigger" };
                    pager.event(&pager.event_of(action, &key)).await.is(202);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let counts = pager.service().events();
    assert_eq!((counts.received, counts.accepted, counts.busiest_minute), (800, 800, 800));
    let incidents = pager.service().incidents();
    assert_eq!(incidents.len() as u64, counts.opened);
    let open = incidents.iter().filter(|incident| incident.status != Status::Resolved).count();
    assert_eq!(open, pager.service().open().len());
    // Of each key, one at a time.
    for key in 0..4 {
        let of_key = pager.service().incidents_of(&format!("canary-{key}"));
        for pair in of_key.windows(2) {
            assert!(pair[0].resolved_at.is_some_and(|resolved| resolved <= pair[1].created_at));
        }
    }
}
