//! What a step sees of mails that come.

use coalmine::{Failure, ensure, ensure_eq, inbox::Folder, record::MailRecord};
use jiff::SignedDuration;

use super::*;

#[tokio::test]
async fn a_mail_arrives_with_its_code_and_link() {
    let world = World::start();
    let record = world
        .step(LONG, |world, inbox| async move {
            let address = inbox.address("owner").await?;
            let link = "https://shop.test/join?code=c0dec0de&team=x";
            let html = format!("<p><b>482913</b></p><a href=\"{}\">join</a>", link.replace('&', "&amp;"));
            let body = MultiPart::alternative_plain_html(format!("Hello\n\n482913\n\n{link}\n"), html);
            world.deliver(&address, "Confirm your address", body).await?;
            let mail = inbox.wait_for(&address).subject("Confirm").await?;
            ensure_eq!(mail.code(6)?.expose().as_str(), "482913");
            ensure_eq!(mail.link("/join")?.parameter("code")?.expose().as_str(), "c0dec0de");
            ensure_eq!(mail.from(), "no-reply@shop.test");
            ensure_eq!(mail.to(), [address.to_string()]);
            ensure_eq!(mail.folder(), Folder::Inbox);
            ensure!(mail.header("authentication-results").is_some());
            ensure!(mail.delivery() < SignedDuration::from_secs(30));
            let again = inbox.wait_for(&address).await?;
            ensure_eq!(again.received(), mail.received(), "the same wait gives the same mail");
            ensure_eq!(again.header("message-id"), mail.header("message-id"));
            Err(Failure::new(format!("the code was {}", mail.code(6)?.expose())))
        })
        .await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::Assertion);
    assert_eq!(message, "the code was [redacted]");
    let note = &record.steps[0].attempts[0].notes[0];
    assert!(note.starts_with("the mail `Confirm your address` to coalmine+"), "{note}");
    assert!(note.contains(" in inbox, delivered in "), "{note}");
    // It was waited for twice, and came once. Who reads numbers is told neither to whom nor what.
    let mails = &record.steps[0].attempts[0].mails;
    let [MailRecord { role, folder, delivery_ms, budget_ms: None }] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    assert_eq!((role.as_str(), folder.as_str()), ("owner", "inbox"));
    assert!((-1_000.0..30_000.0).contains(delivery_ms), "{delivery_ms}");
}

#[tokio::test]
async fn the_way_of_a_further_mail_begins_where_that_of_the_one_before_ended() {
    let world = World::start();
    let record = world
        .step(LONG, |world, inbox| async move {
            let address = inbox.address("new-owner").await?;
            world.send(&address, "first", "1").await?;
            let first = inbox.wait_for(&address).subject("first").await?;
            world.send(&address, "second", "2").await?;
            let second = inbox.wait_for(&address).subject("second").await?;
            ensure_eq!(second.delivery(), second.received().duration_since(first.received()));
            Ok(())
        })
        .await;
    passed(&record);
    let mails = &record.steps[0].attempts[0].mails;
    assert_eq!(mails.iter().map(|it| it.role.as_str()).collect::<Vec<_>>(), ["new-owner", "new-owner"]);
}

#[tokio::test]
async fn ten_who_wait_at_once_each_get_their_own() {
    let world = World::start();
    let mut canary = Canary::new("mail");
    for number in 0..10 {
        let own = world.clone();
        let body = move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address(&format!("role-{number}")).await?;
                let wait = tokio::spawn(inbox.wait_for(&address).into_future());
                let code = format!("11223{number}");
                world.send(&address, "Confirm", &code).await?;
                let mail = wait.await??;
                ensure_eq!(*mail.code(6)?.expose(), code);
                Ok::<_, Failure>(())
            }
        };
        canary = canary.step(&format!("receives_{number}"), body).promise("mail comes");
    }
    passed(&world.run(canary).await);
}

#[tokio::test]
async fn attempts_roles_and_runs_have_addresses_of_their_own() {
    let world = World::start();
    let all: Arc<Mutex<Vec<Address>>> = Arc::default();
    for _ in 0..2 {
        let kept = Arc::clone(&all);
        let body = move |inbox: Inbox| {
            let kept = Arc::clone(&kept);
            async move {
                let owner = inbox.address("owner").await?;
                ensure_eq!(inbox.address("owner").await?.as_str(), owner.as_str(), "the same role");
                let guest = inbox.address("guest").await?;
                kept.lock().unwrap().extend([owner, guest]);
                ensure!(kept.lock().unwrap().len().is_multiple_of(4), "the first attempt fails");
                Ok(())
            }
        };
        passed(&world.run(step(LONG, body).retry(1)).await);
    }
    let all = all.lock().unwrap();
    let mut distinct: Vec<_> = all.iter().map(Address::as_str).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 8, "{distinct:?}");
    assert!(all[0].as_str().ends_with("-1-owner@sandbox.test"), "{}", all[0]);
    assert!(all[3].as_str().ends_with("-2-guest@sandbox.test"), "{}", all[3]);
}

#[tokio::test]
async fn a_role_that_cannot_stand_in_an_address_is_refused() {
    let world = World::start();
    for role in ["", "Owner", "a b", "a+b", "-a", "é"] {
        let record = world
            .run(step(LONG, move |inbox: Inbox| async move { inbox.address(role).await.map(drop) }))
            .await;
        let (message, _) = failed(&record, Verdict::Failed, Cause::Assertion);
        assert!(message.starts_with("expected a role of lower-case letters"), "{message}");
    }
}
