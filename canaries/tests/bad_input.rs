//! Settings that can be used and do not lead to a healthy product: the right verdict, cause and remedy, in bounded
//! time.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use canaries::{
    sequence::operations,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{
    Verdict,
    drill::{Proxy, ProxyOptions},
    http::{Roots, client_config},
};

use crate::{
    process::Process,
    program::{PATIENCE, Standalone, Suite, count, roots},
};

/// One thing that is wrong, and what is to come of it.
struct Case {
    /// Names and values; an empty value counts as not set.
    change: Vec<(&'static str, String)>,
    code: i32,
    /// `canary`, step, cause of everything that failed by itself.
    roots: &'static [(&'static str, &'static str, &'static str)],
    /// What standard error must say.
    says: &'static [&'static str],
    /// The canary that must pass all the same.
    passes: Option<&'static str>,
}

fn check(sandbox: &Standalone, cases: &[Case]) {
    let before = sandbox.census();
    for Case { change, code, roots: expected, says, passes } in cases {
        let mut suite = Suite::with(&sandbox.exports);
        for (name, value) in change {
            suite = suite.set(name, value);
        }
        let ended = suite.run();
        ended.expect_code(*code);
        let mut found = Vec::new();
        for record in suite.records() {
            found
                .extend(roots(&record).into_iter().map(|(step, cause)| (record.canary.clone(), step, cause)));
        }
        let found: Vec<_> = found.iter().map(|(canary, step, cause)| (&**canary, &**step, *cause)).collect();
        assert_eq!(found, *expected, "{change:?}{}", ended.said());
        for part in *says {
            assert!(ended.err.contains(part), "{change:?}: expected `{part}`{}", ended.said());
        }
        if let Some(canary) = passes {
            assert_eq!(suite.record(canary).verdict, Verdict::Passed, "{change:?}: {canary}");
        }
        for (_, value) in change {
            let secret = value.starts_with("wrong-");
            assert!(!secret || !ended.said().contains(value.as_str()), "{change:?}{}", ended.said());
        }
        assert_eq!(sandbox.census(), before, "{change:?}");
    }
}

/// An address of this machine at which nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("https://{}", listener.local_addr().unwrap())
}

#[test]
fn a_product_that_cannot_be_reached_has_failed() {
    let sandbox = Standalone::start(&[]);
    let unreachable: &[_] =
        &[("api", "fixture workspace", "transport"), ("onboarding", "sign_up", "transport")];
    let case = |change, roots, says| Case { change: vec![change], code: 1, roots, says, passes: None };
    check(
        &sandbox,
        &[
            case(
                ("COALMINE_TARGET", closed()),
                unreachable,
                &["the connection could not be made", "refused"],
            ),
            case(
                ("COALMINE_TARGET", "https://no-such-host.invalid".to_owned()),
                unreachable,
                &["the connection could not be made", "no-such-host.invalid"],
            ),
            // The mailbox's certificate is the sandbox's as well: the sign-up is not even tried.
            case(
                ("COALMINE_CA", String::new()),
                &[("api", "fixture workspace", "tls"), ("onboarding", "sign_up", "mail_provider")],
                &["the TLS handshake failed", "COALMINE_CA"],
            ),
        ],
    );
}

#[test]
fn a_refused_login_or_credential_has_failed_and_names_the_variable() {
    let sandbox = Standalone::start(&[]);
    let case = |change, roots: &'static [_], says| {
        let passes = (roots.len() == 1).then_some("onboarding");
        Case { change: vec![change], code: 1, roots, says, passes }
    };
    check(
        &sandbox,
        &[
            case(
                ("SEQUENCE_CREDENTIAL", "wrong-credential".to_owned()),
                &[("api", "hello", "credential")],
                &["the product refused", "remedy: set SEQUENCE_CREDENTIAL"],
            ),
            case(
                ("SEQUENCE_PASSWORD", "wrong-password".to_owned()),
                &[
                    ("api", "fixture workspace", "credential"),
                    ("onboarding", "refuse_deleting_production", "credential"),
                ],
                &["the product refused", "remedy: set SEQUENCE_EMAIL and SEQUENCE_PASSWORD"],
            ),
            case(
                ("SEQUENCE_TEAM", "no-such-team".to_owned()),
                &[
                    ("api", "fixture workspace", "credential"),
                    ("onboarding", "refuse_deleting_production", "credential"),
                ],
                &["the product refused", "remedy: set SEQUENCE_TEAM"],
            ),
        ],
    );
}

#[test]
fn a_mailbox_that_cannot_be_read_is_inconclusive_and_leaves_the_api_canary_alone() {
    let sandbox = Standalone::start(&[]);
    let case = |change, says| Case {
        change,
        code: 75,
        roots: &[("onboarding", "sign_up", "mail_provider")],
        says,
        passes: Some("api"),
    };
    check(
        &sandbox,
        &[
            case(
                vec![("GMAIL_CREDENTIAL", "wrong-refresh-token".to_owned())],
                &["`invalid_grant`", "remedy: ", "GMAIL_CREDENTIAL"],
            ),
            case(
                vec![("GMAIL_CLIENT_SECRET", "wrong-client-secret".to_owned())],
                &["`invalid_client`", "remedy: ", "GMAIL_CLIENT_SECRET"],
            ),
            case(vec![("GMAIL_API_ROOT", closed()), ("GMAIL_TOKEN_URI", closed() + "/token")], &["remedy: "]),
        ],
    );
}

/// A request is given up after ten seconds, before its step's thirty are over; so the failure names the request. All
/// first steps begin at once and all others are blocked, so the run takes those ten seconds, and at most the five of
/// clean-up: a sign-up without an answer may have made a user, who cannot be removed either.
#[test]
fn a_product_that_never_answers_ends_a_run_in_bounded_time() {
    let world = SandboxWorld::start(WorldOptions::default()).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = format!("https://{}", silent.local_addr().unwrap());
    // Shakes hands, takes the request, and never answers: what stands behind it is the silent one.
    let trusting = client_config(&Roots::Only(world.sandbox().ca_pem().to_owned())).unwrap();
    let tls = world.sandbox().server_tls();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute =
        Proxy::start(listener, ProxyOptions::new(tls, &silent_address, trusting, operations())).unwrap();
    let mute_address = format!("https://{}", mute.address());

    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), world.sandbox().ca_pem()).unwrap();
    let exports = world.exports(&ca.path().to_string_lossy()).into_iter().collect();
    let began = Instant::now();
    let runs: Vec<(Suite, Process)> = [silent_address, mute_address]
        .map(|target| Suite::with(&exports).set("COALMINE_TARGET", &target))
        .map(|suite| {
            let process = suite.start();
            (suite, process)
        })
        .into();
    for (suite, process) in runs {
        let ended = process.wait(PATIENCE);
        let took = began.elapsed();
        ended.expect_code(1);
        assert_eq!(roots(&suite.record("api")), [("fixture workspace".to_owned(), "timeout")]);
        let onboarding = suite.record("onboarding");
        assert_eq!(roots(&onboarding), [("sign_up".to_owned(), "timeout")]);
        let others = crate::runs::cases().iter().filter(|it| it.starts_with("onboarding::")).count() - 1;
        assert_eq!(count(&onboarding, Verdict::Blocked), others);
        assert!(ended.err.contains("expected an answer within 10s, got none"), "{}", ended.said());
        assert!(ended.err.contains("left behind: user "), "{}", ended.said());
        // What is left is in the journal.
        assert_eq!(suite.left_over(&suite.variables["COALMINE_TARGET"]).len(), 1);
        assert!(took < Duration::from_secs(10 + 5 + 5), "it took {took:?}");
    }
}
