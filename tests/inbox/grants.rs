//! What opens the mailbox: users' grants and service accounts, with what the sandbox's Google grants them.

use coalmine::inbox::Folder;
use jiff::SignedDuration;

use super::{
    stub::{Answer, Stub},
    *,
};

const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// A world in which these options hold, and the mailbox is opened by what `change` says.
fn world(options: sandbox::mail::Options, change: impl FnOnce(&mut GmailConfig)) -> World {
    let sandbox = Sandbox::start(Options { mail: options, ..Options::default() }).unwrap();
    let mut config = config(&sandbox);
    change(&mut config);
    let redactor = Redactor::new();
    World { sandbox: Arc::new(sandbox), mailbox: Mailbox::new(config, &redactor), redactor }
}

fn granting(scopes: &[&str]) -> sandbox::mail::Options {
    let scopes = scopes.iter().map(|it| (*it).to_owned()).collect();
    sandbox::mail::Options { scopes, ..sandbox::mail::Options::default() }
}

/// Opens it by the sandbox's service account, in the name of `subject`.
fn delegated(subject: &'static str) -> impl FnOnce(&mut GmailConfig) {
    move |config| {
        let key = sandbox::mail::service_account(&config.token_uri);
        config.credential = Credential::parse(&key, None, None, Some(subject)).unwrap();
    }
}

/// A step that waits for a mail.
async fn received(world: &World) -> RunRecord {
    let own = world.clone();
    let body = move |inbox: Inbox| {
        let world = own.clone();
        async move {
            let address = inbox.address("owner").await?;
            world.send(&address, "Confirm", "482913").await?;
            inbox.wait_for(&address).await.map(drop)
        }
    };
    world.run(step(LONG, body)).await
}

#[tokio::test]
async fn a_service_account_reads_the_mailbox_of_its_subject() {
    let world = world(granting(&[READONLY]), delegated("coalmine@sandbox.test"));
    passed(&received(&world).await);
    let look = world.mailbox.look(1).await.unwrap();
    assert_eq!(look.address, "coalmine@sandbox.test");
    assert_eq!((look.grant.scopes, look.grant.ends), (None, None), "Google says neither");
}

#[tokio::test]
async fn a_service_account_that_may_not_is_told_what_to_do() {
    let all = &["https://mail.google.com/"];
    for (options, subject, says, remedy) in [
        (granting(&[READONLY]), "boss@sandbox.test", "(Invalid email or User ID)", "correct `GMAIL_SUBJECT`"),
        // The administrator has allowed something else.
        (granting(all), "coalmine@sandbox.test", "`unauthorized_client`", "exactly the scopes asked for"),
    ] {
        let record = received(&world(options, delegated(subject))).await;
        let (message, told) = failed(&record, Verdict::Inconclusive, Cause::MailProvider);
        assert!(message.contains(says) && told.contains(remedy), "{message}; {told}");
    }
}

#[tokio::test]
async fn a_grant_that_does_not_read_is_found_before_the_first_call() {
    let metadata = "https://www.googleapis.com/auth/gmail.metadata";
    let record = received(&world(granting(&[metadata]), |_| ())).await;
    let (message, remedy) = failed(&record, Verdict::Inconclusive, Cause::MailProvider);
    assert!(message.contains(&format!("its scopes are {metadata}")), "{message}");
    assert!(remedy.contains(READONLY), "{remedy}");
}

#[tokio::test]
async fn a_look_says_what_the_grant_allows_and_until_when() {
    for (scopes, excess) in [
        (vec![READONLY], vec![]),
        (
            vec!["https://www.googleapis.com/auth/gmail.modify"],
            vec!["https://www.googleapis.com/auth/gmail.modify"],
        ),
        (vec![READONLY, "https://mail.google.com/"], vec!["https://mail.google.com/"]),
    ] {
        let week = SignedDuration::from_hours(7 * 24);
        let options = sandbox::mail::Options { grant_lifetime: Some(week), ..granting(&scopes) };
        let world = world(options, |config| config.units_per_minute = 1000);
        world.send(world.foreign(), "First", "x").await.unwrap();
        world.send(world.foreign(), "Second", "x").await.unwrap();
        let look = world.mailbox.look(1).await.unwrap();
        assert_eq!(look.grant.excess(), excess);
        let left = look.grant.ends.unwrap().duration_since(coalmine::Clock::system().now());
        assert!((week - left).as_secs().abs() < 60, "{left}");
        assert_eq!(look.newest.len(), 1);
        let newest = &look.newest[0];
        assert_eq!((newest.subject.as_str(), newest.folder), ("Second", Folder::Inbox));
        assert_eq!((newest.from.as_str(), &newest.to), ("Shop <no-reply@shop.test>", &world.foreign()));
        assert!(newest.received.is_some());
        assert_eq!((look.usage.units, look.units_per_minute), (26, 1000));
        assert_eq!(world.mailbox.look(0).await.unwrap().newest, []);
    }
}

#[tokio::test]
async fn many_who_need_a_token_at_once_fetch_it_once() {
    let stub = Stub::start(|_, _| None::<Answer>).await;
    let looks: Vec<_> = (0..50)
        .map(|_| {
            let mailbox = stub.mailbox.clone();
            tokio::spawn(async move { mailbox.look(0).await.map(drop) })
        })
        .collect();
    for look in looks {
        look.await.unwrap().unwrap();
    }
    assert_eq!((stub.count("/token"), stub.count("/profile")), (1, 50));
}
