//! What a step is told when the mailbox cannot be read: the sandbox's own ways of failing.

use std::net::TcpListener;

use coalmine::ensure_eq;
use jiff::SignedDuration;

use super::*;

/// Waits for a mail that was sent, after something was done to the world.
async fn after(world: &World, limit: Duration, change: impl Fn(&World) + Send + Sync + 'static) -> RunRecord {
    let own = world.clone();
    let change = Arc::new(change);
    let body = move |inbox: Inbox| {
        let (world, change) = (own.clone(), Arc::clone(&change));
        async move {
            let address = inbox.address("owner").await?;
            world.send(world.foreign(), "Not yours", "x").await?;
            change(&world);
            world.send(&address, "Confirm", "482913").await?;
            let mail = inbox.wait_for(&address).await?;
            ensure_eq!(*mail.code(6)?.expose(), "482913");
            Ok(())
        }
    };
    world.run(step(limit, body)).await
}

#[tokio::test]
async fn an_expired_access_token_is_replaced() {
    let world = World::start();
    passed(&after(&world, LONG, |world| world.sandbox.clock().advance(SignedDuration::from_hours(2))).await);
}

#[tokio::test]
async fn a_lost_history_is_made_up_for_by_a_search() {
    let world = World::start();
    passed(
        &after(&world, LONG, |world| world.sandbox.clock().advance(SignedDuration::from_hours(8 * 24))).await,
    );
}

#[tokio::test]
async fn a_revoked_token_is_inconclusive() {
    let world = World::start();
    let record = after(&world, LONG, |world| world.sandbox.revoke_mail_access()).await;
    let (message, remedy) = failed(&record, Verdict::Inconclusive, Cause::MailProvider);
    assert!(message.starts_with("expected to read the mailbox, got `invalid_grant` ("), "{message}");
    assert!(remedy.contains("`GMAIL_CREDENTIAL`"), "{remedy}");
    // Those who come later fail too, and as fast.
    let record = after(&world, LONG, |_| ()).await;
    failed(&record, Verdict::Inconclusive, Cause::MailProvider);
}

#[tokio::test]
async fn a_wrong_client_is_inconclusive() {
    let world = World::start_with(|config| config.client_secret = Secret::new("marker-wrong".to_owned()));
    let (message, remedy) =
        failed(&after(&world, LONG, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
    assert!(
        message.contains("`invalid_client`") && remedy.contains("`GMAIL_CLIENT_SECRET`"),
        "{message} {remedy}"
    );
}

#[tokio::test]
async fn an_api_out_of_reach_is_inconclusive() {
    // A port that was free a moment ago and that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let root = format!("https://localhost:{port}");
    let limit = Duration::from_secs(1);
    for token_too in [false, true] {
        let world = World::start_with(|config| {
            config.api_root = root.clone();
            if token_too {
                config.token_uri = format!("{root}/token");
            }
        });
        let (message, remedy) =
            failed(&after(&world, limit, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
        assert!(message.contains(&root) && message.contains("onnection refused"), "{message}");
        assert!(remedy.contains("network"), "{remedy}");
    }
    let world = World::start_with(|config| config.api_root = "no address".to_owned());
    failed(&after(&world, LONG, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
}
