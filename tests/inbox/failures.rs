//! Every case of `docs/inbox.md`, played through servers that answer so.

use std::net::TcpListener;

use coalmine::ensure_eq;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    rows::{ROWS, Row},
    stub::{Answer, Stub, refused},
    *,
};

/// How long a step may take that is to end with a trouble that stays.
const SOON: Duration = Duration::from_millis(1500);

/// How many cases are played at once.
const AT_ONCE: usize = 12;

/// What answers differently than a mailbox that is well, by path and number of the call.
type Script = Arc<dyn Fn(&str, usize) -> Option<Answer> + Send + Sync>;

fn says(status: u16, reason: &str, message: &str) -> Answer {
    refused(status, reason, message).unwrap().into()
}

fn oauth(status: u16, error: &str, description: &str) -> Answer {
    Answer::Json(status, json!({ "error": error, "error_description": description }))
}

fn on(at: &'static str, answer: Answer) -> Script {
    Arc::new(move |path, _| (path == at).then(|| answer.clone()))
}

/// So many times, then as a mailbox that is well.
fn first(times: usize, at: &'static str, answer: Answer) -> Script {
    Arc::new(move |path, before| (path == at && before < times).then(|| answer.clone()))
}

const NOT_FOUND: &str = "Requested entity was not found.";
const DOWN: [u16; 4] = [500, 502, 503, 504];

/// How a case is answered, in each of its variants; nothing for those that are [`played`] otherwise.
fn scripts(case: &str) -> Vec<Script> {
    let history = |status, reason, message| vec![on("/history", says(status, reason, message))];
    let token = |status, error, description| vec![on("/token", oauth(status, error, description))];
    let token_errors = || {
        let statuses = [408, 429, 500, 503, 504].map(|status| Answer::Text(status, "later"));
        let words =
            ["internal_failure", "server_error", "temporarily_unavailable"].map(|it| oauth(400, it, ""));
        statuses.into_iter().chain(words)
    };
    match case {
        "bad-request" => history(400, "badRequest", "Bad Request"),
        "invalid-argument" => history(400, "invalidArgument", "Missing/invalid parameter: startHistoryId"),
        "failed-precondition" => history(400, "failedPrecondition", "Precondition check failed."),
        "unauthorized-once" => vec![first(1, "/history", says(401, "authError", "Invalid Credentials"))],
        "unauthorized" => history(401, "authError", "Invalid Credentials"),
        "insufficient-permissions" => {
            history(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        }
        "metadata-scope" => {
            vec![on("/messages/m1", says(403, "forbidden", "Metadata scope doesn't allow format RAW"))]
        }
        "delegation-denied" => history(403, "forbidden", "Delegation denied for me@x.test"),
        "access-not-configured" => history(403, "accessNotConfigured", "Gmail API has not been used"),
        "other-refusal" => {
            history(403, "domainPolicy", "The domain administrators have disabled Gmail apps.")
        }
        "rate-limit-403" => history(403, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries'"),
        "user-rate-limit-403" => history(403, "userRateLimitExceeded", "User Rate Limit Exceeded"),
        "daily-limit-403" => history(403, "dailyLimitExceeded", "Daily Limit Exceeded"),
        "exhausted-429" => {
            history(429, "rateLimitExceeded", "Resource has been exhausted (e.g. check quota).")
        }
        "concurrent-429" => history(429, "rateLimitExceeded", "Too many concurrent requests for user"),
        "retry-after-429" => {
            let message = "User-rate limit exceeded.  Retry after 2999-01-01T00:00:00.000Z";
            history(429, "rateLimitExceeded", message)
        }
        "busy-opening" => {
            let message = "User-rate limit exceeded.  Retry after 2999-01-01T00:00:00.000Z";
            vec![on("/profile", says(429, "rateLimitExceeded", message))]
        }
        "history-too-old" | "search-lags" => {
            let found_at = usize::from(case == "search-lags");
            vec![Arc::new(move |path: &str, before| match path {
                "/history" if before == 0 => Some(says(404, "notFound", NOT_FOUND)),
                "/history" => Some(Answer::Json(200, json!({ "historyId": "100" }))),
                "/messages" if before >= found_at => {
                    Some(Answer::Json(200, json!({ "messages": [{ "id": "m1" }] })))
                }
                _ => None,
            })]
        }
        "nothing-found" => vec![on("/profile", says(404, "notFound", NOT_FOUND))],
        "fresh-mail-404" => vec![first(4, "/messages/m1", says(404, "notFound", NOT_FOUND))],
        "fresh-mail-stays-404" => vec![on("/messages/m1", says(404, "notFound", NOT_FOUND))],
        "server-error-once" => {
            let at = |path| move |status| first(2, path, says(status, "backendError", "Backend Error"));
            DOWN.map(at("/history")).into_iter().chain(DOWN.map(at("/messages/m1"))).collect()
        }
        "server-error" => DOWN.map(|it| on("/history", says(it, "backendError", "Backend Error"))).to_vec(),
        "server-error-bare" => vec![
            on("/history", Answer::Text(502, "<html>Bad Gateway</html>")),
            on("/history", Answer::Json(503, Value::Null)),
        ],
        "request-timeout" => vec![
            on("/history", Answer::Text(408, "")),
            on("/history", says(408, "requestTimeout", "Request timed out")),
        ],
        "hang" => vec![on("/history", Answer::Hang), on("/messages/m1", Answer::Hang)],
        "hang-once" => vec![first(1, "/history", Answer::Hang), first(1, "/messages/m1", Answer::Hang)],
        "cut-short" => vec![on("/history", Answer::Cut), on("/messages/m1", Answer::Cut)],
        "garbage" => vec![
            on("/history", Answer::Text(200, "<html>Log in to the guest network</html>")),
            on("/history", Answer::Json(200, json!({ "historyId": 7, "history": "no list" }))),
        ],
        "foreign-refusal" => vec![on("/history", Answer::Text(403, "<html>Forbidden</html>"))],
        "invalid-grant" => token(400, "invalid_grant", "Token has been expired or revoked."),
        "invalid-grant-session" => token(400, "invalid_grant", "reauth related error (invalid_rapt)"),
        "invalid-grant-clock" => {
            let message =
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
            token(400, "invalid_grant", message)
        }
        "invalid-client" => token(401, "invalid_client", "The OAuth client was not found."),
        "unauthorized-client" => {
            let message = "Client is unauthorized to retrieve access tokens using this method, or client not \
                           authorized for any of the scopes requested.";
            token(401, "unauthorized_client", message)
        }
        "other-oauth-refusal" => token(400, "invalid_scope", "Some requested scopes were invalid."),
        "token-error-once" => token_errors().map(|answer| first(2, "/token", answer)).collect(),
        "token-error" => token_errors().map(|answer| on("/token", answer)).collect(),
        "token-garbage" => vec![
            on("/token", Answer::Text(200, "<html>Log in to the guest network</html>")),
            on("/token", Answer::Json(200, json!({ "access_token": "", "expires_in": 3599 }))),
        ],
        "time-limited-grant" => vec![on(
            "/token",
            Answer::Json(
                200,
                json!({ "access_token": "t", "expires_in": 3599, "refresh_token_expires_in": 604_799 }),
            ),
        )],
        _ => Vec::new(),
    }
}

/// Plays a case that takes more than answers.
async fn played(case: &str) -> RunRecord {
    match case {
        "retry-soon-429" => retried_in_time().await,
        "refused" | "token-refused" => {
            // A port that was free a moment ago and that nobody listens on.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let root = format!("http://localhost:{port}");
            let change = |config: &mut GmailConfig| match case {
                "refused" => config.api_root = root,
                _ => config.token_uri = format!("{root}/token"),
            };
            Stub::start_with(change, |_, _| None::<Answer>).await.wait(SOON).await
        }
        "no-address" => {
            let change = |config: &mut GmailConfig| config.api_root = "no address".to_owned();
            Stub::start_with(change, |_, _| None::<Answer>).await.wait(SOON).await
        }
        "untrusted" | "token-untrusted" => {
            let stub = Stub::start(|_, _| None::<Answer>).await;
            let world = World::start_with(|config| {
                config.tls = tls(rustls::RootCertStore::empty());
                if case == "untrusted" {
                    config.token_uri = format!("{}/token", stub.root);
                }
            });
            world.run(step(SOON, |inbox: Inbox| async move { inbox.address("owner").await.map(drop) })).await
        }
        // Hangs when the mailbox is open: the first token lasts no second.
        "token-hang" => {
            let answer = |path: &str, before| match (path, before) {
                ("/token", 0) => Some(Answer::Json(200, json!({ "access_token": "t", "expires_in": 0 }))),
                ("/token", _) => Some(Answer::Hang),
                _ => None,
            };
            Stub::start(answer).await.wait(SOON).await
        }
        // Enough for the headers of a mail, and not for the whole of it.
        "own-budget" => {
            let change = |config: &mut GmailConfig| config.units_per_minute = 60;
            Stub::start_with(change, |_, _| None::<Answer>).await.wait(SOON).await
        }
        _ => played_in_the_sandbox(case.to_owned()).await,
    }
}

/// Asked to come back in two seconds, it does not come sooner.
async fn retried_in_time() -> RunRecord {
    let until = coalmine::Clock::system().now() + SignedDuration::from_secs(2);
    let message = format!("User-rate limit exceeded.  Retry after {until}");
    let stub = Stub::start(move |path: &str, before| match (path, before) {
        ("/history", 0) => Some(says(429, "rateLimitExceeded", &message)),
        // Too early: a trouble that stays.
        ("/history", _) if coalmine::Clock::system().now() < until => {
            Some(says(400, "badRequest", "too early"))
        }
        _ => None,
    })
    .await;
    let record = stub.wait(LONG).await;
    assert_eq!(stub.count("/token"), 1);
    record
}

/// The cases of the mail itself.
async fn played_in_the_sandbox(case: String) -> RunRecord {
    let world = World::start();
    world.sandbox.switch("mail_spam", case == "mail-spam").unwrap();
    let own = world.clone();
    let body = move |inbox: Inbox| {
        let (world, case) = (own.clone(), case.clone());
        async move {
            let (owner, guest) = (inbox.address("owner").await?, inbox.address("guest").await?);
            let wait = inbox.wait_for(&owner).subject("Confirm");
            match case.as_str() {
                "mail-missing" => wait.within(SHORT).await.map(drop),
                "mail-other-subject" => {
                    world.send(&owner, "Goodbye", "x").await?;
                    wait.within(SHORT).await.map(drop)
                }
                "mail-to-another" => {
                    world.send(&guest, "Confirm", "x").await?;
                    wait.within(SHORT).await.map(drop)
                }
                "mail-late" => {
                    world.sandbox.clock().advance(SignedDuration::from_secs(5));
                    world.send(&owner, "Confirm", "x").await?;
                    wait.delivered_within(Duration::from_secs(2)).await.map(drop)
                }
                "mail-spam" => {
                    world.send(&owner, "Confirm", "x").await?;
                    wait.await.map(drop)
                }
                "mail-duplicate" => {
                    world.send(&owner, "Confirm", "1").await?;
                    wait.await?;
                    world.send(&owner, "Confirm", "2").await?;
                    inbox.ensure_once(&owner).await
                }
                "mail-never-to-be-once" => {
                    inbox.ensure_once(&owner).for_at_least(Duration::from_millis(300)).await
                }
                _ => {
                    ensure_eq!(case, "a case that is played");
                    Ok(())
                }
            }
        }
    };
    world.run(step(LONG, body)).await
}

/// What a case that was played has of its row's, in words; nothing if all is as it should be.
fn differs(row: &Row, record: &RunRecord) -> Option<String> {
    let (case, cause, message, remedy) = *row;
    let failure = record.steps[0].attempts.last().unwrap().failure.as_deref();
    let verdict = cause.map_or(Verdict::Passed, Cause::verdict);
    let fits = record.verdict == verdict
        && match (failure, cause) {
            (None, None) => true,
            (Some(failure), Some(cause)) => {
                failure.cause == cause
                    && failure.message.contains(message)
                    && failure.remedy.as_deref() == Some(remedy)
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
    (!fits).then(|| format!("{case}: {} {:?}\n", record.verdict, failure.map(|it| &it.text)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_the_page_has_its_verdict_and_remedy() {
    let mut playing: JoinSet<Option<String>> = JoinSet::new();
    let mut wrong = Vec::new();
    // The long ones first.
    let (first, rest): (Vec<&Row>, Vec<&Row>) = ROWS.iter().partition(|it| it.0 == "hang-once");
    for row in first.into_iter().chain(rest) {
        let limit = if row.1.is_none() { LONG } else { SOON };
        let scripts = scripts(row.0);
        if scripts.is_empty() {
            playing.spawn(async move { differs(row, &played(row.0).await) });
        }
        for script in scripts {
            playing.spawn(async move {
                let stub = Stub::start(move |path, before| script(path, before)).await;
                differs(row, &stub.wait(limit).await)
            });
        }
        while playing.len() >= AT_ONCE {
            wrong.extend(playing.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(ended) = playing.join_next().await {
        wrong.extend(ended.unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
