//! Settings that cannot be used: every problem at once, by the variable's name and with its remedy; nothing is run.

use std::fs;

use crate::program::{Suite, Variables};

/// Complete settings; nothing is where they point.
pub(crate) fn settings() -> Variables {
    [
        ("COALMINE_TARGET", "https://127.0.0.1:1"),
        ("SEQUENCE_TEAM", "canary-team"),
        ("SEQUENCE_PRODUCTION_LEDGER", "prod"),
        ("SEQUENCE_CREDENTIAL", "credential-7531"),
        ("SEQUENCE_EMAIL", "watcher@sandbox.test"),
        ("SEQUENCE_PASSWORD", "password-8642"),
        ("SEQUENCE_USER_KEY", "user-key-97531-of-the-suite"),
        ("GMAIL_CLIENT_ID", "client"),
        ("GMAIL_CLIENT_SECRET", "client-secret-1357"),
        ("GMAIL_CREDENTIAL", "1//0refresh-token-2468"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Changes to [`settings`], and for each problem what has to stand in its two lines.
struct Case {
    change: &'static [(&'static str, &'static str)],
    problems: &'static [(&'static str, &'static str, &'static str)],
}

const ADDRESS: &str = "expected an address such as `https://api.example.com`";
const KEY: &str = "make one with `openssl rand -hex 32` and keep it";
const PEM: &str = "name a readable file with the PEM certificates of the authority";

const CASES: &[Case] = &[
    Case {
        change: &[("SEQUENCE_CREDENTAIL", "x"), ("SEQUENCE_CREDENTIAL", "")],
        problems: &[
            ("SEQUENCE_CREDENTIAL", "not set", "make an API credential in the dashboard"),
            ("SEQUENCE_CREDENTAIL", "there is no such setting", "did you mean `SEQUENCE_CREDENTIAL`?"),
        ],
    },
    Case {
        change: &[("COALMINE_REPROTS", "x")],
        problems: &[("COALMINE_REPROTS", "there is no such setting", "did you mean `COALMINE_REPORTS`?")],
    },
    Case {
        change: &[("COALMINE_ENTIRELY_ELSE", "x")],
        problems: &[("COALMINE_ENTIRELY_ELSE", "there is no such setting", "correct the name, or unset it")],
    },
    // An empty value is what CI systems make of a missing secret.
    Case {
        change: &[("SEQUENCE_PASSWORD", ""), ("SEQUENCE_TEAM", ""), ("GMAIL_CREDENTIAL", "")],
        problems: &[
            ("SEQUENCE_TEAM", "not set", "name the team"),
            ("SEQUENCE_PASSWORD", "not set", "set the password"),
            ("GMAIL_CREDENTIAL", "not set", "set the refresh token"),
        ],
    },
    Case {
        change: &[("COALMINE_TARGET", "")],
        problems: &[("COALMINE_TARGET", "not set", "name the entry address")],
    },
    Case {
        change: &[("COALMINE_TARGET", "http://127.0.0.1:1")],
        problems: &[("COALMINE_TARGET", ADDRESS, "correct the address")],
    },
    Case {
        change: &[("COALMINE_TARGET", "https://127.0.0.1:1/api")],
        problems: &[("COALMINE_TARGET", ADDRESS, "correct the address")],
    },
    Case {
        change: &[("COALMINE_TARGET", "https://me:password-8642@127.0.0.1:1")],
        problems: &[("COALMINE_TARGET", ADDRESS, "correct the address")],
    },
    Case {
        change: &[("COALMINE_TARGET", "api.seq.com")],
        problems: &[("COALMINE_TARGET", ADDRESS, "correct the address")],
    },
    Case {
        change: &[("GMAIL_API_ROOT", "http://localhost/gmail")],
        problems: &[("GMAIL_API_ROOT", ADDRESS, "correct the address")],
    },
    Case {
        change: &[("COALMINE_CA", "no-such-file.pem")],
        problems: &[("COALMINE_CA", "cannot read `no-such-file.pem`", PEM)],
    },
    Case {
        change: &[("COALMINE_CA", "no-pem.txt")],
        problems: &[("COALMINE_CA", "`no-pem.txt`: expected PEM certificates", PEM)],
    },
    Case {
        change: &[("SEQUENCE_USER_KEY", "short-key-1357")],
        problems: &[("SEQUENCE_USER_KEY", "expected at least 16 characters, found 14", KEY)],
    },
    Case {
        change: &[("SEQUENCE_MAIL_FROM", "Sequence <no-reply@sandbox.test>")],
        problems: &[("SEQUENCE_MAIL_FROM", "expected a bare address", "no-reply@example.com")],
    },
    Case {
        change: &[("SEQUENCE_MAIL_REPLY_TO", "nobody")],
        problems: &[("SEQUENCE_MAIL_REPLY_TO", "expected a bare address", "no-reply@example.com")],
    },
    Case {
        change: &[("SEQUENCE_MAIL_LINKS", "https://app.example.com/")],
        problems: &[("SEQUENCE_MAIL_LINKS", "expected names of hosts", "without `https://`")],
    },
    Case {
        change: &[("SEQUENCE_MAIL_UNAUTHENTICATED", "maybe")],
        problems: &[("SEQUENCE_MAIL_UNAUTHENTICATED", "expected 1 or 0, found `maybe`", "set it to 1")],
    },
    Case {
        change: &[("COALMINE_FAULT", "mail_lost")],
        problems: &[("COALMINE_FAULT", "in the sandbox inside the process only", "unset it")],
    },
    Case {
        change: &[("COALMINE_REQUIRE_TARGET", "maybe")],
        problems: &[("COALMINE_REQUIRE_TARGET", "expected 1 or 0, found `maybe`", "set it to 1")],
    },
    Case {
        change: &[("GMAIL_CREDENTIAL", r#"{"refresh_token": "1//0refresh-token-2468", }"#)],
        problems: &[("GMAIL_CREDENTIAL", "broken at line 1, column", "paste the whole file")],
    },
    Case {
        change: &[("GMAIL_CREDENTIAL", r#"{"type": "service_account", "private_key": "password-8642"}"#)],
        problems: &[("GMAIL_CREDENTIAL", "`client_email` in the service account's key", "make a new key")],
    },
    Case {
        change: &[("GMAIL_SUBJECT", "canary@example.com")],
        problems: &[("GMAIL_CREDENTIAL", "is a user's own", "unset `GMAIL_SUBJECT`")],
    },
    Case {
        change: &[("GMAIL_UNITS_PER_MINUTE", "59")],
        problems: &[("GMAIL_UNITS_PER_MINUTE", "a whole number from 60 to 15000", "unset it for 750")],
    },
    Case {
        change: &[("GMAIL_UNITS_PER_MINUTE", "15001")],
        problems: &[("GMAIL_UNITS_PER_MINUTE", "a whole number from 60 to 15000", "unset it for 750")],
    },
    Case {
        change: &[("GMAIL_AUTH_URI", "http://localhost/auth")],
        problems: &[("GMAIL_AUTH_URI", "expected an https address", "unset it to use Google's")],
    },
    Case {
        change: &[("GMAIL_CREDENTIAL", "/home/me/refresh-token-2468.json")],
        problems: &[("GMAIL_CREDENTIAL", "looks like a path", "give the file's content")],
    },
    Case {
        change: &[("GMAIL_CLIENT_SECRET", "")],
        problems: &[("GMAIL_CREDENTIAL", "`GMAIL_CLIENT_SECRET` is missing", "set it to")],
    },
    Case {
        change: &[
            ("COALMINE_TARGET", "ftp://x"),
            ("COALMINE_CA", "no-such-file.pem"),
            ("SEQUENCE_TEAM", ""),
            ("SEQUENCE_USER_KEY", "short"),
            ("SEQUENCE_PASWORD", "password-8642"),
            ("COALMINE_FAULT", "mail_lost"),
        ],
        problems: &[
            ("COALMINE_TARGET", ADDRESS, "correct"),
            ("COALMINE_CA", "cannot read", PEM),
            ("SEQUENCE_TEAM", "not set", "name the team"),
            ("SEQUENCE_USER_KEY", "expected at least 16 characters, found 5", KEY),
            ("COALMINE_FAULT", "only", "unset it"),
            ("SEQUENCE_PASWORD", "there is no such setting", "did you mean `SEQUENCE_PASSWORD`?"),
        ],
    },
];

/// Parts of the secrets above.
const SECRET: &[&str] = &["7531", "8642", "1357", "2468"];

#[test]
fn every_problem_is_named_with_its_remedy_and_nothing_is_run() {
    for Case { change, problems } in CASES {
        let mut suite = Suite::with(&settings());
        for (name, value) in *change {
            suite = suite.set(name, value);
        }
        fs::write(suite.folder().join("no-pem.txt"), "this is no certificate").unwrap();
        let ended = suite.run();
        ended.expect_code(64);
        assert_eq!(ended.out, "", "{change:?}");
        let lines: Vec<_> = ended.err.lines().collect();
        assert_eq!(lines[0], "error: the configuration is not usable; nothing was run");
        for (name, found, remedy) in *problems {
            let told = lines.windows(2).any(|pair| {
                pair[0].starts_with(&format!("- {name}: "))
                    && pair[0].contains(found)
                    && pair[1].starts_with("  remedy: ")
                    && pair[1].contains(remedy)
            });
            assert!(told, "{change:?}: expected {name}, {found}, {remedy}{}", ended.said());
        }
        assert_eq!(lines.len(), 1 + 2 * problems.len(), "{change:?}: and nothing else{}", ended.said());
        for secret in SECRET {
            assert!(!ended.err.contains(secret), "{change:?}: a value is shown{}", ended.said());
        }
        assert!(!suite.folder().join("reports").exists(), "{change:?}: nothing was written");
    }
}

#[test]
fn an_unknown_fault_is_refused_with_the_nearest_name() {
    for (fault, nearest) in [
        ("mail_lots", "mail_lost"),
        ("transfer_loses_token:transact", "transfer_loses_tokens:transact"),
        ("mail_lost,slow:transcat", "slow:transact"),
        ("eror_500:transact", "error_500:transact"),
        ("fire, mail_lots", "mail_lost"),
        ("pagerduty_dawn", "pagerduty_down"),
    ] {
        let ended = Suite::new().set("COALMINE_FAULT", fault).run();
        ended.expect_code(64);
        assert!(ended.err.contains(&format!("did you mean `{nearest}`?")), "{fault}{}", ended.said());
        assert!(ended.err.contains("- COALMINE_FAULT: there is no fault `"), "{fault}{}", ended.said());
        assert_eq!(ended.out, "");
    }
}

#[test]
fn an_empty_variable_is_no_reason_to_leave_the_sandbox() {
    let suite = Suite::new().set("SEQUENCE_CREDENTIAL", "").set("COALMINE_TARGET", "");
    let ended = suite.arguments(&["--exact", "api::hello"]).run();
    ended.expect_code(0);
    assert!(ended.err.starts_with("watching sequence at sandbox in this process\n"), "{}", ended.said());
}

#[test]
fn folders_that_cannot_be_written_to_are_named() {
    for name in ["COALMINE_REPORTS", "COALMINE_JOURNAL"] {
        let suite = Suite::with(&settings());
        let file = suite.folder().join("file");
        fs::write(&file, "").unwrap();
        let folder = file.join("below-a-file").to_string_lossy().into_owned();
        let ended = suite.set(name, &folder).run();
        ended.expect_code(64);
        for part in [name, &folder, "remedy: "] {
            assert!(ended.err.contains(part), "{name}: expected {part}{}", ended.said());
        }
        assert_eq!(ended.out, "", "{name}");
    }
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    for (arguments, expected) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--test-threads", "0"], "expected at least 1"),
        (&["--exact", "api::helo"], "did you mean `api::hello`?"),
    ] {
        let ended = Suite::new().arguments(arguments).run();
        ended.expect_code(64);
        assert!(ended.err.contains(expected), "{arguments:?}{}", ended.said());
        assert_eq!(ended.out, "", "{arguments:?}");
    }
}
