//! Which calls are made, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};

use coalmine::{Failure, ensure_eq};
use serde_json::{Value, json};

use super::{
    stub::{Answer, Stub, refused},
    *,
};

#[tokio::test]
async fn troubles_that_pass_are_sat_out() {
    let stub = Stub::start(|path, before| match (path, before) {
        ("/profile", 0) | ("/history", 0) => refused(503, "backendError", "Backend Error"),
        ("/history", 1) => Some((200, json!("garbage"))),
        ("/history", 2) => Some((502, Value::Null)),
        ("/messages/m1", 0..=2) => refused(404, "notFound", "Requested entity was not found."),
        ("/messages/m1", 4) => Some((200, json!({ "id": "m1" }))),
        _ => None,
    })
    .await;
    passed(&stub.wait(LONG).await);
    assert_eq!(stub.count("/token"), 1, "one token serves all calls");
}

#[tokio::test]
async fn troubles_that_stay_are_inconclusive() {
    let limit = Duration::from_millis(700);
    for (code, reason, message, remedy) in [
        (500, "backendError", "Backend Error", "out of order"),
        (429, "rateLimitExceeded", "Retry after 2999-01-01T00:00:00Z", "quota"),
        (403, "userRateLimitExceeded", "User Rate Limit Exceeded", "quota"),
        (403, "insufficientPermissions", "Insufficient Permission", "gmail.readonly"),
        (403, "accessNotConfigured", "Gmail API has not been used", "enable the Gmail API"),
        (401, "authError", "Invalid Credentials", "GMAIL_CREDENTIAL"),
    ] {
        let stub = Stub::start(
            move |path, _| {
                if path == "/history" { refused(code, reason, message) } else { None }
            },
        )
        .await;
        let (told, says) = failed(&stub.wait(limit).await, Verdict::Inconclusive, Cause::MailProvider);
        assert!(told.contains(&format!("got status {code} `{reason}` ({message}")), "{told}");
        assert!(says.contains(remedy), "{says}");
        let most = if code == 500 { 8 } else { 2 };
        assert!(stub.count("/history") <= most, "{code}: {:?}", stub.calls.lock().unwrap());
        assert_eq!(stub.count("/token"), if code == 401 { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_mailbox_that_does_not_answer_is_inconclusive() {
    let stub = Stub::start(|path, _| {
        (path == "/history").then(|| (200, json!({ "historyId": 7, "history": "no list" })))
    })
    .await;
    let limit = Duration::from_millis(700);
    let (told, _) = failed(&stub.wait(limit).await, Verdict::Inconclusive, Cause::MailProvider);
    assert!(told.contains("an answer that cannot be read") && !told.contains("no list"), "{told}");
}

#[tokio::test]
async fn history_is_read_to_its_last_page() {
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pages);
    let stub = Stub::start(move |path, _| {
        // A page may be empty and still not the last.
        (path == "/history" && counted.fetch_add(1, Ordering::Relaxed) < 2)
            .then(|| (200, json!({ "historyId": "100", "nextPageToken": format!("p{}", counted.load(Ordering::Relaxed)) })))
    })
    .await;
    passed(&stub.wait(LONG).await);
    let calls = stub.calls.lock().unwrap().clone();
    assert!(calls.iter().any(|it| it.contains("pageToken=p2")), "{calls:?}");
    let call = calls.iter().find(|it| it.starts_with("/history")).unwrap();
    assert!(call.contains("startHistoryId=100") && call.contains("historyTypes=messageAdded"), "{call}");
    assert!(!call.contains("labelId"), "{call}");
}

#[tokio::test]
async fn many_at_once_open_the_mailbox_once_and_share_one_poller() {
    let stub = Stub::start(|_, _| None::<Answer>).await;
    let body = |inbox: Inbox| async move {
        let opening = (0..10).map(|number| {
            let inbox = inbox.clone();
            tokio::spawn(async move { inbox.address(&format!("role-{number}")).await })
        });
        let mut addresses = Vec::new();
        for task in opening.collect::<Vec<_>>() {
            addresses.push(task.await??);
        }
        let waiting: Vec<_> = addresses
            .iter()
            .map(|address| tokio::spawn(inbox.wait_for(address).within(SHORT).into_future()))
            .collect();
        for task in waiting {
            let failure = task.await?.expect_err("nothing is sent");
            ensure_eq!(failure.cause, Cause::MailMissing);
        }
        Ok::<_, Failure>(())
    };
    passed(&run(&stub.mailbox, &stub.redactor, step(LONG, body)).await);
    assert_eq!((stub.count("/token"), stub.count("/profile")), (1, 1));
    // Pauses grow from 10 ms by a quarter: some fifteen in 0.6 s for one poller, ten times as many for ten.
    assert!(stub.count("/history") < 40, "{}", stub.count("/history"));
}

#[tokio::test]
async fn many_calls_that_are_refused_at_once_take_one_new_token() {
    let stub = Stub::start(|path, before| match path {
        "/token" => Some((200, json!({ "access_token": format!("token-{before}"), "expires_in": 3599 }))),
        "/history" => {
            let added: Vec<_> = (0..8).map(|id| json!({ "message": { "id": format!("m{id}") } })).collect();
            Some((200, json!({ "history": [{ "id": "101", "messagesAdded": added }], "historyId": "101" })))
        }
        _ if path.starts_with("/messages/m") && before == 0 => {
            refused(401, "authError", "Invalid Credentials")
        }
        _ => None,
    })
    .await;
    passed(&stub.wait(LONG).await);
    assert_eq!(stub.count("/token"), 2, "{:?}", stub.calls.lock().unwrap());
}

#[tokio::test]
async fn of_two_mails_that_are_read_at_once_the_one_that_came_first_is_given() {
    let stub = Stub::start(|path, before| {
        let answer = match path {
            "/history" => json!({
                "history": [{ "id": "101", "messagesAdded": [
                    { "message": { "id": "m1" } }, { "message": { "id": "m2" } },
                ] }],
                "historyId": "101",
            }),
            // Its headers come when the second mail is asked for as a whole.
            "/messages/m1" if before == 0 => return Some(Answer::AfterCall("/messages/m2?", "format=raw")),
            // Another code, so that a step that is given this one fails.
            "/messages/m2" if before == 1 => {
                json!({ "id": "m2", "raw": "U3ViamVjdDogQ29uZmlybQ0KDQo0ODI5MTQ", "labelIds": ["INBOX"], "internalDate": "1767225600001" })
            }
            _ => return None,
        };
        Some(Answer::Json(200, answer))
    })
    .await;
    let record = stub.wait(LONG).await;
    assert!(stub.count("/messages/m2") == 2, "{:?}", stub.calls.lock().unwrap());
    passed(&record);
}

#[tokio::test]
async fn a_mail_that_is_not_there_yet_is_asked_for_ever_more_seldom() {
    let stub = Stub::start(|path, _| {
        if path == "/messages/m1" {
            refused(404, "notFound", "Requested entity was not found.")
        } else {
            None
        }
    })
    .await;
    failed(&stub.wait(Duration::from_millis(1500)).await, Verdict::Inconclusive, Cause::MailProvider);
    // After 0.1, 0.2, 0.4 and 0.8 s.
    assert!((2..=6).contains(&stub.count("/messages/m1")), "{:?}", stub.calls.lock().unwrap());
}

#[tokio::test]
async fn a_mailbox_that_asks_to_be_left_alone_is_left_alone() {
    let stub = Stub::start(|path, _| {
        let message = "User-rate limit exceeded.  Retry after 2999-01-01T00:00:00.000Z";
        if path == "/profile" { refused(429, "rateLimitExceeded", message) } else { None }
    })
    .await;
    let body = |inbox: Inbox| async move {
        for number in 0..5 {
            let failure = inbox.address(&format!("role-{number}")).await.expect_err("it is busy");
            ensure_eq!(failure.cause, Cause::MailProvider);
        }
        Ok::<_, Failure>(())
    };
    let record = run(&stub.mailbox, &stub.redactor, step(LONG, body)).await;
    passed(&record);
    assert_eq!(stub.count("/profile"), 1);
    assert!(record.steps[0].duration_ms < 5_000.0, "nobody waits for what will not come");
}
