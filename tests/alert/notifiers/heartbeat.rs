//! The sign of life, over real connections. When it is given is decided by a rule that has tests of its own.

use std::{sync::Arc, time::Duration};

use coalmine::{
    Clock, Secret,
    alert::heartbeat::{Health, Heartbeat, HeartbeatCounts},
    config::HeartbeatSettings,
    http::Roots,
};
use tokio_util::sync::CancellationToken;

use super::{
    receiver::{Receiver, Say},
    *,
};

fn heartbeat(address: &str) -> Arc<Heartbeat> {
    let url = Secret::new(format!("{address}/5ab3a5f2-0000-4000-8000-000000000000"));
    let settings = HeartbeatSettings { url, every: Duration::from_millis(20) };
    Arc::new(Heartbeat::new(&settings, &Roots::Only(String::new())).unwrap())
}

/// Runs it until the counts are so.
async fn until(heartbeat: &Arc<Heartbeat>, health: Health, enough: impl Fn(HeartbeatCounts) -> bool) {
    let cancel = CancellationToken::new();
    let running = {
        let (heartbeat, cancel) = (Arc::clone(heartbeat), cancel.clone());
        tokio::spawn(
            async move { heartbeat.run(|| health.clone(), Clock::manual(at("03:00:00")), cancel).await },
        )
    };
    while !enough(heartbeat.counts()) {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_sign_is_given_while_all_is_well() {
    let receiver = Receiver::start([Say::status(200, "OK"), Say::status(404, "not found"), Say::Cut]).await;
    let heartbeat = heartbeat(&receiver.address);
    until(&heartbeat, Health::default(), |it| it.failed == 2).await;
    assert_eq!(heartbeat.counts().pinged, 1);
    let [trouble] = &heartbeat.trouble()[..] else { panic!("{:?}", heartbeat.trouble()) };
    assert!(trouble.starts_with("the heartbeat was not taken: error sending request"), "{trouble}");
    until(&heartbeat, Health::default(), |it| it.pinged >= 2).await;
    assert_eq!(heartbeat.trouble(), Vec::<String>::new());
    let line = "GET /5ab3a5f2-0000-4000-8000-000000000000 HTTP/1.1";
    assert!(receiver.asked().iter().all(|it| it.line == line));
}

#[tokio::test]
async fn no_sign_is_given_while_the_service_is_not_well() {
    let receiver = Receiver::start([]).await;
    let heartbeat = heartbeat(&receiver.address);
    let health = Health { late: vec!["api is 4 min late".to_owned()], ..Health::default() };
    until(&heartbeat, health, |it| it.held >= 3).await;
    assert!(receiver.asked().is_empty());
    assert_eq!(heartbeat.trouble(), ["api is 4 min late"]);
    assert_eq!((heartbeat.counts().pinged, heartbeat.counts().failed), (0, 0));
}
