//! `canaries sandbox`: the product's stand-in as a program.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use coalmine::{
    http::{Roots, client_config},
    world::World as _,
};
use serde_json::{Value, json};

use crate::program::{PATIENCE, Standalone, Suite, Variables, command, files_below, roots, sandbox};

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
fn a_reader_that_goes_away_is_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&Variables::new(), folder.path());
    let ended = command.args(["sandbox", "--fault", "list"]).stdout(writer).output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn it_prints_where_everything_is_and_ends_on_ctrl_c_without_a_trace() {
    for signal in ["INT", "TERM"] {
        let sandbox = Standalone::start(&[]);
        let printed = sandbox.process.out();
        for row in [
            "product (ledger API and dashboard)",
            "Gmail API",
            "OAuth page of consent",
            "OAuth token endpoint",
            "SMTP",
            "PagerDuty (Events and REST API)",
            "control",
        ] {
            assert!(printed.contains(&format!("\n  {row} ")), "{row} in {printed}");
        }
        let names: Vec<_> = sandbox.exports.keys().map(String::as_str).collect();
        let expected = [
            "COALMINE_CA",
            "COALMINE_PAGERDUTY_API",
            "COALMINE_PAGERDUTY_EVENTS",
            "COALMINE_PAGERDUTY_KEY",
            "COALMINE_PAGERDUTY_TOKEN",
            "COALMINE_TARGET",
            "GMAIL_API_ROOT",
            "GMAIL_AUTH_URI",
            "GMAIL_CLIENT_ID",
            "GMAIL_CLIENT_SECRET",
            "GMAIL_CREDENTIAL",
            "GMAIL_TOKEN_URI",
            "GMAIL_UNITS_PER_MINUTE",
            "SEQUENCE_CREDENTIAL",
            "SEQUENCE_EMAIL",
            "SEQUENCE_MAIL_FROM",
            "SEQUENCE_MAIL_LINKS",
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
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "a trace of it after SIG{signal}");
    }
}

/// Others may write to the folder of temporary files: what stands in it under a name that they can foresee is theirs to
/// replace.
#[test]
fn the_certificate_file_is_out_of_reach_of_others() {
    let (one, other) = (Standalone::start(&[]), Standalone::start(&[]));
    let folder =
        |sandbox: &Standalone| Path::new(&sandbox.exports["COALMINE_CA"]).parent().unwrap().to_owned();
    assert_ne!(folder(&one).file_name(), folder(&other).file_name());
    assert_eq!(fs::metadata(folder(&one)).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Asks an operation of the product as a client does that finds the host by this name.
async fn ask(sandbox: &Standalone, host: &str, path: &str, body: Value) -> Result<Value, reqwest::Error> {
    let address: SocketAddr = sandbox.target().strip_prefix("https://").unwrap().parse().unwrap();
    let ca = fs::read_to_string(&sandbox.exports["COALMINE_CA"]).unwrap();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(client_config(&Roots::Only(ca)).unwrap())
        .no_proxy()
        .resolve(host, address)
        .timeout(PATIENCE)
        .build()?;
    let request = client.post(format!("https://{host}:{}{path}", address.port())).body(body.to_string());
    let answer = request.header("credential", &sandbox.exports["SEQUENCE_CREDENTIAL"]).send().await?;
    Ok(serde_json::from_str(&answer.text().await?).unwrap())
}

#[tokio::test]
async fn clients_find_the_team_the_ledger_and_the_addresses_that_were_asked_for() {
    let sandbox = Standalone::start(
        &[
            &["--listen", "127.0.0.2:0", "--team", "team", "--ledger", "books"][..],
            &[
                "--credential",
                "fixed:one",
                "--announce",
                "api.test:8443",
                "--name",
                "one.test",
                "--name",
                "*.two.test",
            ],
        ]
        .concat(),
    );
    let address = sandbox.target().strip_prefix("https://").unwrap();
    for (name, value) in [
        ("SEQUENCE_TEAM", "team"),
        ("SEQUENCE_CREDENTIAL", "fixed:one"),
        ("SEQADDR", address),
        ("SEQTLSCA", &sandbox.exports["COALMINE_CA"]),
        ("SEQCRED", "fixed:one"),
        ("LEDGER_NAME", "books"),
    ] {
        assert_eq!(sandbox.exports[name], value, "{name}");
    }
    for host in ["127.0.0.2", "localhost", "api.test", "one.test", "www.two.test"] {
        let told = ask(&sandbox, host, "/hello", json!({"ledger_name": "books"})).await.unwrap();
        assert_eq!((&told["team_name"], &told["addr"]), (&json!("team"), &json!("api.test:8443")), "{host}");
    }
    assert!(
        ask(&sandbox, "two.test", "/hello", json!({})).await.is_err(),
        "the certificate has no such name"
    );
    let stats = ask(&sandbox, "api.test", "/team/books/stats", json!({})).await.unwrap();
    assert_eq!(stats["ledger_type"], "dev");
    assert_eq!(sandbox.census()["ledgers"], json!(["team/books", "team/prod"]));
}

#[test]
fn the_address_of_every_interface_is_told_as_one_that_clients_can_ask_for() {
    let sandbox = Standalone::start(&["--listen", "0.0.0.0:0"]);
    assert!(sandbox.target().starts_with("https://127.0.0.1:"), "{}", sandbox.target());
    let suite = Suite::with(&sandbox.exports).arguments(&["api::hello"]);
    suite.run().expect_code(0);
}

#[test]
fn the_help_lists_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let ended = sandbox(&["--help"], folder.path()).wait(PATIENCE);
    ended.expect_code(0);
    for option in
        ["fault", "latency", "control", "ca", "listen", "team", "ledger", "credential", "announce", "name"]
    {
        let is_row = |line: &&str| line.trim_start().starts_with(&format!("--{option} <"));
        let (_, rest) = ended.out.lines().find(is_row).and_then(|it| it.split_once('>')).expect(option);
        assert!(rest.trim().len() > 20, "--{option} is explained, found `{rest}`");
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
        let of_every_sandbox = [
            "GMAIL_UNITS_PER_MINUTE",
            "SEQUENCE_EMAIL",
            "SEQUENCE_MAIL_FROM",
            "SEQUENCE_MAIL_LINKS",
            "SEQUENCE_PRODUCTION_LEDGER",
            "SEQUENCE_TEAM",
        ];
        let same = of_every_sandbox.contains(&name.as_str());
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
        (&["--latency", "soon"], &["--latency", "soon", "milliseconds"]),
        (&["--latency", "600001"], &["--latency", "600001", "at most 600000 (ten minutes)"]),
        (&["--latency=-1"], &["--latency", "at most 600000 (ten minutes)"]),
        (&["--listen", &taken], &["- --listen: cannot listen on", &taken, "remedy: choose a free address"]),
        (&["--listen", "localhost:0"], &["--listen", "localhost:0", "such as `127.0.0.1:8443`"]),
        (&["--listen", "127.0.0.1:65536"], &["--listen", "such as `127.0.0.1:8443`"]),
        (&["--team="], &["- --team: ``", "1 to 64 letters, digits and hyphens", "remedy: "]),
        (&["--team", "two words"], &["- --team: `two words`", "remedy: "]),
        (&["--team", "dashboard"], &["- --team: `dashboard`", "remedy: "]),
        (&["--ledger="], &["- --ledger: ``", "1 to 64 letters, digits and hyphens", "remedy: "]),
        (
            &["--ledger", "prod"],
            &["- --ledger: `prod`", "used once", "`prod` is the team's production ledger"],
        ),
        (&["--credential="], &["- --credential: ", "1 to 256 characters", "remedy: "]),
        (&["--credential", "line\nbreak"], &["- --credential: ", "ASCII without spaces", "remedy: "]),
        (&["--announce", "https://api.test"], &["- --announce: `https://api.test`", "remedy: write it as"]),
        (&["--announce", "api.test:port"], &["- --announce: `api.test:port`", "`host:port`", "remedy: "]),
        (&["--name", "two words"], &["- --name: `two words`", "a host name or an IP address", "remedy: "]),
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
