//! `canaries sandbox`: the product's stand-in as a program.

use std::{fs, net::TcpListener, path::Path};

use coalmine::world::World as _;

use crate::program::{PATIENCE, Standalone, Suite, Variables, files_below, roots, sandbox};

#[test]
fn the_list_of_faults_is_the_catalogue_of_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let ended = sandbox(&["--fault", "list"], folder.path()).wait(PATIENCE);
    ended.expect_code(0);
    let options = canaries::world::WorldOptions { proxy: true, ..Default::default() };
    let catalogue = canaries::world::SandboxWorld::start(options).unwrap().catalogue();
    let printed: Vec<_> = ended
        .out
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(name, effect)| (name.to_owned(), effect.trim().to_owned()))
        .collect();
    assert_eq!(printed, catalogue);
    assert_eq!(ended.err, "");
}

#[test]
fn it_prints_where_everything_is_and_ends_on_ctrl_c_without_a_trace() {
    for signal in ["INT", "TERM"] {
        let sandbox = Standalone::start(&[]);
        let printed = sandbox.process.out();
        for row in
            ["product (ledger API and dashboard)", "Gmail API", "OAuth token endpoint", "SMTP", "control"]
        {
            assert!(printed.contains(&format!("\n  {row} ")), "{row} in {printed}");
        }
        let names: Vec<_> = sandbox.exports.keys().map(String::as_str).collect();
        let expected = [
            "COALMINE_CA",
            "COALMINE_TARGET",
            "GMAIL_API_ROOT",
            "GMAIL_CLIENT_ID",
            "GMAIL_CLIENT_SECRET",
            "GMAIL_CREDENTIAL",
            "GMAIL_TOKEN_URI",
            "SEQUENCE_CREDENTIAL",
            "SEQUENCE_EMAIL",
            "SEQUENCE_PASSWORD",
            "SEQUENCE_PRODUCTION_LEDGER",
            "SEQUENCE_TEAM",
            "SEQUENCE_USER_KEY",
        ];
        assert_eq!(names, expected);
        assert!(fs::read_to_string(&sandbox.exports["COALMINE_CA"]).unwrap().contains("BEGIN CERTIFICATE"));

        sandbox.process.signal(signal);
        let (ended, folder) = sandbox.wait();
        ended.expect_code(0);
        assert_eq!(files_below(folder.path()), <[&Path; 0]>::default(), "after SIG{signal}");
    }
}

#[test]
fn a_named_certificate_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let sandbox = Standalone::start(&["--ca", &ca.to_string_lossy()]);
    assert_eq!(sandbox.exports["COALMINE_CA"], ca.to_string_lossy());
    sandbox.process.signal("INT");
    sandbox.wait().0.expect_code(0);
    assert!(ca.is_file());
}

#[test]
fn a_fault_switched_on_makes_a_run_red_and_switched_off_green_again() {
    let sandbox = Standalone::start(&[]);
    let filtered = || {
        let suite = Suite::with(&sandbox.exports).arguments(&["api::transfer_tokens"]);
        (suite.run(), suite)
    };
    filtered().0.expect_code(0);

    sandbox.switch("transfer_loses_tokens:transact", true);
    let (ended, suite) = filtered();
    ended.expect_code(1);
    assert_eq!(roots(&suite.record("api")), [("transfer_tokens".to_owned(), "assertion")]);
    let (_, faults) = sandbox.ask("GET", "/faults");
    assert!(faults.contains(r#""on":["transfer_loses_tokens:transact"]"#), "{faults}");

    sandbox.switch("transfer_loses_tokens:transact", false);
    filtered().0.expect_code(0);
}

#[test]
fn two_sandboxes_at_once_are_two_worlds() {
    let (one, other) = (Standalone::start(&["--fault", "credential_unchecked"]), Standalone::start(&[]));
    for (name, value) in &one.exports {
        let same = matches!(name.as_str(), "SEQUENCE_EMAIL" | "SEQUENCE_PRODUCTION_LEDGER" | "SEQUENCE_TEAM");
        assert_eq!(value == &other.exports[name], same, "{name}");
    }
    let run = |exports: &Variables| Suite::with(exports).arguments(&["api::refuse_credential"]).run();
    run(&one.exports).expect_code(1);
    run(&other.exports).expect_code(0);
}

#[test]
fn what_it_cannot_do_it_says_and_names_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--control", &taken], &["--control", &taken, "choose a free address"]),
        (&["--control", "0.0.0.0:0"], &["--control", "loopback", "choose an address on loopback"]),
        (&["--control", "nowhere"], &["--control", "nowhere"]),
        (
            &["--fault", "mail_lots"],
            &["- --fault: there is no fault `mail_lots`", "did you mean `mail_lost`?"],
        ),
        (&["--fault", "slow:transcat"], &["`slow:transcat`", "did you mean `slow:transact`?"]),
        (&["--ca", "/no/such/folder/ca.pem"], &["--ca", "/no/such/folder/ca.pem", "name a writable file"]),
        (&["--latency", "soon"], &["--latency", "soon"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
    ];
    for (arguments, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let ended = sandbox(arguments, folder.path()).wait(PATIENCE);
        ended.expect_code(64);
        for part in *expected {
            assert!(ended.err.contains(part), "{arguments:?}: expected {part}{}", ended.said());
        }
        assert_eq!(ended.out, "", "{arguments:?}");
        assert_eq!(files_below(folder.path()), <[&Path; 0]>::default(), "{arguments:?}");
    }
}
