//! Waits that demand more than that a mail comes: once, and in time.

use coalmine::ensure_eq;
use jiff::SignedDuration;

use super::*;

const PERIOD: Duration = Duration::from_millis(300);

/// Sends mails of these subjects and texts to one address, then watches it.
async fn once(
    mails: &'static [(&'static str, &'static str)],
    watch: impl Fn(coalmine::inbox::Once) -> coalmine::inbox::Once + Clone + Send + Sync + 'static,
) -> RunRecord {
    let world = World::start();
    let own = world.clone();
    let body = move |inbox: Inbox| {
        let (world, watch) = (own.clone(), watch.clone());
        async move {
            let address = inbox.address("owner").await?;
            for (subject, text) in mails {
                world.send(&address, subject, text).await?;
            }
            watch(inbox.ensure_once(&address).for_at_least(PERIOD)).await
        }
    };
    world.run(step(LONG, body)).await
}

#[tokio::test]
async fn mails_that_came_once_each_pass_after_the_period() {
    let record = once(&[("Confirm", "1"), ("Welcome", "1")], |it| it).await;
    passed(&record);
    let attempt = &record.steps[0].attempts[0];
    assert!(attempt.duration_ms >= 300.0, "{}", attempt.duration_ms);
    assert!(attempt.notes[0].contains(", none of them twice in 0.300 s"), "{:?}", attempt.notes);
}

#[tokio::test]
async fn a_mail_that_came_twice_is_named_with_its_times() {
    let record = once(&[("Confirm", "1"), ("Confirm", "1")], |it| it).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailDuplicate);
    assert!(message.starts_with("expected the mail `Confirm` to coalmine+"), "{message}");
    assert!(message.contains(" once, got it 2 times, the last "), "{message}");
    let (_, times) = message.rsplit_once("after the first: ").unwrap();
    assert_eq!(times.split(", ").filter(|it| it.ends_with('Z')).count(), 2, "{message}");
    // It is known at once; nobody waits for the rest of the period.
    let record = once(&[("Confirm", "1"), ("Confirm", "2")], |it| it.for_at_least(LONG)).await;
    failed(&record, Verdict::Failed, Cause::MailDuplicate);
}

#[tokio::test]
async fn a_mail_that_was_sent_again_on_purpose_may_come_again() {
    passed(&once(&[("Confirm", "1"), ("Confirm", "2")], |it| it.times(2)).await);
    let record = once(&[("Confirm", "1"), ("Confirm", "2"), ("Confirm", "3")], |it| it.times(2)).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailDuplicate);
    assert!(message.contains(" 2 times at most, got it 3 times, "), "{message}");
}

#[tokio::test]
async fn a_period_longer_than_the_steps_time_says_so() {
    let world = World::start();
    let own = world.clone();
    let body = move |inbox: Inbox| {
        let world = own.clone();
        async move {
            let address = inbox.address("owner").await?;
            world.send(&address, "Confirm", "1").await?;
            inbox.ensure_once(&address).for_at_least(LONG).await
        }
    };
    let record = world.run(step(Duration::from_secs(1), body)).await;
    let (message, remedy) = failed(&record, Verdict::Inconclusive, Cause::MailProvider);
    assert!(message.starts_with("expected to watch the mailbox for 30.0 s, got "), "{message}");
    assert_eq!(remedy, "give the step more time than the quiet period");
}

#[tokio::test]
async fn delivery_is_held_against_its_budget_and_recorded_with_it() {
    let world = World::start();
    let record = world
        .step(LONG, |world, inbox| async move {
            let address = inbox.address("owner").await?;
            world.sandbox.clock().advance(SignedDuration::from_secs(5));
            let triggered = world.sandbox.clock().now();
            world.send(&address, "Confirm", "1").await?;
            // Five seconds after the address was made, and at once after the trigger.
            let wait = inbox.wait_for(&address).delivered_within(Duration::from_secs(4));
            let mail = wait.since(triggered).await?;
            ensure_eq!(mail.delivery(), mail.received().duration_since(triggered));
            Ok(())
        })
        .await;
    passed(&record);
    let attempt = &record.steps[0].attempts[0];
    assert_eq!(attempt.mails[0].budget_ms, Some(4_000.0));
    assert!(attempt.mails[0].delivery_ms < 4_000.0, "{:?}", attempt.mails);
    assert!(attempt.notes[0].contains(" s of 4.000 s, read in 0."), "{:?}", attempt.notes);
}

#[tokio::test]
async fn a_late_mail_is_recorded_too() {
    let world = World::start();
    let record = world
        .step(LONG, |world, inbox| async move {
            let address = inbox.address("owner").await?;
            world.sandbox.clock().advance(SignedDuration::from_secs(5));
            world.send(&address, "Confirm", "1").await?;
            inbox.wait_for(&address).delivered_within(Duration::from_secs(2)).await.map(drop)
        })
        .await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailLate);
    let (_, took) = message.split_once(" to be delivered within 2.0 s, got it after ").unwrap();
    let (took, sending) = took.split_once(" s, ").unwrap();
    let sending = sending.strip_suffix(" s of them until a host took it").unwrap();
    for seconds in [took, sending] {
        // The second is from a header, which has whole ones.
        assert!((3.9..30.0).contains(&seconds.parse::<f64>().unwrap()), "{message}");
    }
    let mail = &record.steps[0].attempts[0].mails[0];
    assert_eq!(mail.budget_ms, Some(2_000.0));
    assert!(mail.delivery_ms > 4_900.0, "{mail:?}");
}
