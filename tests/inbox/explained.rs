//! What a step is told of mails that do not come, or come where nobody looks.

use coalmine::{Failure, ensure_eq, inbox::Folder};

use super::*;

#[tokio::test]
async fn what_came_instead_is_told() {
    let world = World::start();
    let record = world
        .step(LONG, |world, inbox| async move {
            let address = inbox.address("owner").await?;
            let guest = inbox.address("guest").await?;
            world.send(&address, "Goodbye", "x").await?;
            world.send(&guest, "Invitation", "x").await?;
            world.send(world.foreign(), "Not yours", "x").await?;
            inbox.wait_for(&address).subject("Confirm").within(SHORT).await.map(drop)
        })
        .await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.starts_with("expected a mail with `Confirm` in its subject to coalmine+"), "{message}");
    assert!(message.contains(" within 0.6 s, got `Goodbye` (inbox, "), "{message}");
    assert!(
        message.contains("; for other addresses of this run came `Invitation` to coalmine+"),
        "{message}"
    );
    assert!(message.ends_with("; 1 mail for others"), "{message}");
    assert!(!message.contains("somebody") && !message.contains("Not yours"), "{message}");
}

#[tokio::test]
async fn a_late_mail_of_an_earlier_attempt_is_told() {
    let world = World::start();
    let own = world.clone();
    let first: Arc<Mutex<Option<String>>> = Arc::default();
    let body = move |inbox: Inbox| {
        let (world, first) = (own.clone(), Arc::clone(&first));
        async move {
            let address = inbox.address("owner").await?;
            let earlier = first.lock().unwrap().replace(address.to_string());
            let Some(earlier) = earlier else { return Err(Failure::new("the first attempt gives up")) };
            world.send(&earlier, "Too late", "x").await?;
            inbox.wait_for(&address).within(SHORT).await.map(drop)
        }
    };
    let record = world.run(step(LONG, body).retry(1)).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.contains("got none; for other addresses of this run came `Too late` to "), "{message}");
}

#[tokio::test]
async fn the_explanation_comes_before_the_steps_time_is_over() {
    let world = World::start();
    let body = |inbox: Inbox| async move {
        let address = inbox.address("owner").await?;
        inbox.wait_for(&address).await.map(drop)
    };
    let record = world.run(step(Duration::from_secs(1), body)).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.contains("got none; the step's time ended the wait before its 60.0 s"), "{message}");
}

#[tokio::test]
async fn spam_is_a_failure_of_its_own_kind() {
    let world = World::start();
    world.sandbox.switch("mail_spam", true).unwrap();
    for accept in [false, true] {
        let own = world.clone();
        let body = move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address("owner").await?;
                world.send(&address, "Confirm", "482913").await?;
                let wait = inbox.wait_for(&address);
                let mail = if accept { wait.accept_spam().await? } else { wait.await? };
                ensure_eq!(mail.folder(), Folder::Spam);
                Ok(())
            }
        };
        let record = world.run(step(LONG, body)).await;
        let mails = &record.steps[0].attempts[0].mails;
        assert_eq!(mails.iter().map(|it| it.folder.as_str()).collect::<Vec<_>>(), ["spam"]);
        if accept {
            passed(&record);
        } else {
            let (message, remedy) = failed(&record, Verdict::Failed, Cause::MailSpam);
            assert!(message.starts_with("expected the mail `Confirm` to coalmine+"), "{message}");
            assert!(
                message.ends_with("in the inbox, got it in spam") && remedy.contains("DMARC"),
                "{message}"
            );
        }
    }
}
