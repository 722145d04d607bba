//! `canaries gmail login` and `canaries gmail check`, against the sandbox's Google. Each test is the browser.

use std::{fs, path::Path, time::Duration};

use canaries::world::{SandboxWorld, WorldOptions};
use coalmine::http::{Roots, client_config};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    markers::{find, forms},
    process::{Ended, Process, until},
    program::{PATIENCE, Variables, command},
};

const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// A sandbox, and the variables that point the commands at its Google, without those of the product.
struct World {
    sandbox: SandboxWorld,
    variables: Variables,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        Self::start_with(|_| ())
    }

    fn start_with(change: impl FnOnce(&mut sandbox::Options)) -> Self {
        let mut options = WorldOptions::default();
        change(&mut options.sandbox);
        let sandbox = SandboxWorld::start(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, sandbox.sandbox().ca_pem()).unwrap();
        let exports = sandbox.exports(&ca.to_string_lossy()).into_iter();
        let variables =
            exports.filter(|(name, _)| name.starts_with("GMAIL_") || name == "COALMINE_CA").collect();
        Self { sandbox, variables, folder }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn begin(&self, arguments: &[&str]) -> Process {
        Process::start(command(&self.variables, self.folder.path()).arg("gmail").args(arguments))
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        self.begin(arguments).wait(PATIENCE)
    }

    /// The browser of the mailbox's user: goes to an address, and where it is sent from there if that is wanted.
    /// What it ends with: status, address and page.
    fn browse(&self, address: &str, follow: bool) -> (u16, String, String) {
        let tls = client_config(&Roots::Only(self.sandbox.sandbox().ca_pem().to_owned())).unwrap();
        let policy =
            if follow { reqwest::redirect::Policy::limited(3) } else { reqwest::redirect::Policy::none() };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(policy)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = client.get(address).send().await.unwrap();
            let place = answer.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
            let place = place.unwrap_or_else(|| answer.url().to_string());
            (answer.status().as_u16(), place, answer.text().await.unwrap())
        })
    }

    /// Everything of this world that must not be shown.
    fn secrets(&self) -> [&str; 2] {
        ["GMAIL_CLIENT_SECRET", "GMAIL_CREDENTIAL"].map(|name| self.variables[name].as_str())
    }
}

/// The address that `login` asks to be opened.
fn invitation(login: &mut Process) -> String {
    until(PATIENCE, "the address to open", || {
        assert!(!login.has_ended(), "it has ended{}", login.said());
        let said = login.said();
        let line = said
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("https://") && line.contains("client_id="));
        line.filter(|_| said.contains("ssh -L")).map(str::to_owned)
    })
}

fn parameter(address: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[track_caller]
fn expect_without(text: &str, secrets: &[&str]) {
    for secret in secrets {
        let found = forms(secret).into_iter().find(|form| find(text, form).is_some());
        assert_eq!(found, None, "in {text}");
    }
    assert!(!text.contains("ya29.") && !text.contains("eyJhbGciOi"), "a token in {text}");
}

#[test]
fn whoever_logs_in_gets_variables_that_open_the_mailbox() {
    let world = World::start();
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    assert_eq!(parameter(&address, "scope").as_deref(), Some(READONLY));
    let (status, _, page) = world.browse(&address, true);
    assert_eq!(status, 200);
    assert!(page.contains("You can close this window"), "{page}");
    let ended = login.wait(PATIENCE);
    ended.expect_code(0);

    let lines: Vec<_> = ended.out.lines().collect();
    let names: Vec<_> = lines.iter().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, ["export GMAIL_CLIENT_ID", "export GMAIL_CLIENT_SECRET", "export GMAIL_CREDENTIAL"]);
    let credential = lines[2].split_once('=').unwrap().1.trim_matches('\'');
    assert_ne!(credential, world.variables["GMAIL_CREDENTIAL"], "a new grant");
    let secrets = world.secrets();
    expect_without(&ended.err, &[secrets[0], secrets[1], credential]);
    assert!(ended.err.contains("after seven days"), "{}", ended.err);

    let world = world.set("GMAIL_CREDENTIAL", credential);
    world.run(&["check"]).expect_code(0);
}

#[test]
fn a_grant_in_testing_is_told_to_end() {
    let week = jiff::SignedDuration::from_hours(7 * 24);
    let world = World::start_with(|options| options.mail.grant_lifetime = Some(week));
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    world.browse(&address, true);
    let ended = login.wait(PATIENCE);
    ended.expect_code(0);
    assert!(ended.err.contains("warning: this grant ends by itself in 7 days"), "{}", ended.err);

    let ended = world.run(&["check"]);
    ended.expect_code(0);
    assert!(ended.out.contains("grant ends  in 6 days"), "{}", ended.out);
    assert!(ended.err.contains("warning: the grant ends by itself in 6 days"), "{}", ended.err);
}

#[test]
fn only_the_answer_that_was_asked_for_ends_the_wait() {
    let world = World::start();
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    let place = parameter(&address, "redirect_uri").unwrap();
    for target in ["", "?code=4%2F0stolen&state=guessed", "favicon.ico", "?error=access_denied"] {
        let (status, _, page) = world.browse(&format!("{place}{target}"), false);
        assert_eq!(status, 404, "{target}: {page}");
    }
    // A connection in advance that says nothing.
    let idle =
        std::net::TcpStream::connect(place.trim_start_matches("http://").trim_end_matches('/')).unwrap();
    assert_eq!(world.browse(&address, true).0, 200);
    login.wait(PATIENCE).expect_code(0);
    drop(idle);
}

#[test]
fn a_user_who_says_no_is_told_once() {
    let world = World::start();
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    let (place, state) =
        (parameter(&address, "redirect_uri").unwrap(), parameter(&address, "state").unwrap());
    let (status, _, page) = world.browse(&format!("{place}?error=access_denied&state={state}"), false);
    assert_eq!(status, 200);
    assert!(page.contains("not let in"), "{page}");
    let ended = login.wait(PATIENCE);
    ended.expect_code(1);
    assert_eq!(ended.out, "");
    assert_eq!(
        ended.err.matches("error: the canaries were not let in: `access_denied`").count(),
        1,
        "{}",
        ended.err
    );
}

#[test]
fn each_way_in_which_a_login_can_fail_has_its_exit_code_and_tells_no_secret() {
    let metadata = || vec!["https://www.googleapis.com/auth/gmail.metadata".to_owned()];
    // Who grants nothing of what was asked for has said no.
    let world = World::start_with(|options| options.mail.scopes = metadata());
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    world.browse(&address, true);
    login.wait(PATIENCE).expect_code(1);

    // A code that was exchanged already, as by somebody who has listened.
    let world = World::start();
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    let place = parameter(&address, "redirect_uri").unwrap();
    let state = parameter(&address, "state").unwrap();
    world.browse(&format!("{place}?code=4%2F0mark-wrong-code&state={state}"), false);
    let ended = login.wait(PATIENCE);
    ended.expect_code(64);
    assert!(ended.err.contains("`invalid_grant` (Malformed auth code)"), "{}", ended.err);
    expect_without(&ended.err, &["4/0mark-wrong-code", world.secrets()[0]]);

    // A wrong secret is found when the code is exchanged.
    let world = World::start().set("GMAIL_CLIENT_SECRET", "mark-wrong-secret");
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    let (_, place, _) = world.browse(&address, false);
    let code = parameter(&place, "code").unwrap();
    world.browse(&place, false);
    let ended = login.wait(PATIENCE);
    ended.expect_code(64);
    assert!(
        ended.err.contains("`invalid_client`") && ended.err.contains("GMAIL_CLIENT_SECRET"),
        "{}",
        ended.err
    );
    expect_without(&ended.err, &["mark-wrong-secret", &code]);

    // Nobody exchanges it.
    let world = World::start().set("GMAIL_TOKEN_URI", "https://127.0.0.1:1/token");
    let mut login = world.begin(&["login"]);
    let address = invitation(&mut login);
    world.browse(&address, true);
    let ended = login.wait(PATIENCE);
    ended.expect_code(75);
    assert!(ended.err.contains("check the network"), "{}", ended.err);

    // Nobody comes.
    let ended = World::start().run(&["login", "--timeout", "1"]);
    ended.expect_code(75);
    assert!(ended.err.contains("nobody has come back from the browser within 1 s"), "{}", ended.err);
}

#[test]
fn a_file_of_client_secrets_is_as_good_as_the_variables() {
    let world = World::start();
    let [id, secret] = ["GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET"].map(|name| world.variables[name].clone());
    let file = world.folder.path().join("client.json");
    let write = |kind: &str, path: &Path| {
        let client = serde_json::json!({ kind: {
            "client_id": id,
            "client_secret": secret,
            "auth_uri": world.variables["GMAIL_AUTH_URI"],
            "token_uri": world.variables["GMAIL_TOKEN_URI"],
            "redirect_uris": ["http://localhost"],
        }});
        fs::write(path, client.to_string()).unwrap();
    };
    write("installed", &file);
    let variables = world.variables.iter().filter(|(name, _)| *name == "COALMINE_CA");
    let bare = World {
        variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
        folder: tempfile::tempdir().unwrap(),
        sandbox: SandboxWorld::start(WorldOptions::default()).unwrap(),
    };
    let path = file.to_string_lossy();
    let mut login = bare.begin(&["login", "--client", &path]);
    let address = invitation(&mut login);
    world.browse(&address, true);
    let ended = login.wait(PATIENCE);
    ended.expect_code(0);
    assert!(ended.out.contains(&format!("export GMAIL_CLIENT_ID='{id}'\n")), "{}", ended.out);

    write("web", &file);
    for (arguments, says) in [
        (vec!["login", "--client", &path], "a web application's"),
        (vec!["login", "--client", "/no/such/file"], "cannot be read"),
        (vec!["login"], "GMAIL_CLIENT_SECRET"),
        (vec!["login", "--timeout", "0"], "0 is not in"),
        (vec!["check"], "`canaries gmail login` makes one"),
    ] {
        let ended = bare.run(&arguments);
        ended.expect_code(64);
        assert!(ended.err.contains(says), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out, "");
        expect_without(&ended.err, &[&secret]);
    }
}

#[test]
fn check_says_whose_mailbox_it_is_and_what_is_new_in_it() {
    let world = World::start();
    let ended = world.run(&["check"]);
    ended.expect_code(0);
    for line in [
        "mailbox     coalmine@sandbox.test\n",
        "opened by   its user's grant to the client ",
        "no end is known",
    ] {
        assert!(ended.out.contains(line), "{line} in {}", ended.out);
    }
    assert!(ended.out.contains(&format!("scopes      {READONLY}\n")), "{}", ended.out);
    assert_eq!(ended.err, "", "nothing to warn of");

    deliver(&world, "coalmine+k3-1-owner@sandbox.test", "Your code is 730514");
    deliver(&world, "coalmine+k3-1-other@sandbox.test", "Come to https://shop.test/accept?code=mark-link");
    let ended = world.run(&["check", "--json"]);
    ended.expect_code(0);
    let seen: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&seen["mailbox"], &seen["scopes"][0]), (&"coalmine@sandbox.test".into(), &READONLY.into()));
    assert_eq!(seen["opened_by"]["kind"], "user");
    assert_eq!(seen["units"], serde_json::json!({ "used": 46, "per_minute": 15000 }));
    let mails = seen["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 2, "{seen}");
    assert_eq!(mails[1]["to"], "coalmine+k3-1-owner@sandbox.test");
    assert_eq!(mails[1]["folder"], "inbox");
    assert_eq!(mails[1]["subject"], "Your code is [redacted]");
    assert_eq!(mails[0]["subject"], "Come to [redacted]");
    let text = world.run(&["check"]);
    let [secret, credential] = world.secrets();
    for said in [&ended.out, &ended.err, &text.out, &text.err] {
        expect_without(said, &[secret, credential, "730514", "mark-link"]);
    }
    assert_eq!(world.run(&["check", "--mails", "0"]).out.matches("k3-1").count(), 0);
}

/// Hands a mail in, word by word.
fn deliver(world: &World, to: &str, subject: &str) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let stream = std::net::TcpStream::connect(world.sandbox.sandbox().smtp()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut answered = |code: &str| {
        let line = lines.by_ref().map(|line| line.unwrap()).find(|line| !line[3..].starts_with('-')).unwrap();
        assert!(line.starts_with(code), "{line}");
    };
    answered("220");
    let mail = format!("From: Shop <no-reply@shop.test>\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n.");
    for (said, code) in [
        ("EHLO test".to_owned(), "250"),
        ("MAIL FROM:<no-reply@shop.test>".to_owned(), "250"),
        (format!("RCPT TO:<{to}>"), "250"),
        ("DATA".to_owned(), "354"),
        (mail, "250"),
    ] {
        write!(&stream, "{said}\r\n").unwrap();
        answered(code);
    }
}

#[test]
fn check_warns_of_a_grant_that_allows_more() {
    let all = vec!["https://mail.google.com/".to_owned()];
    let world = World::start_with(|options| options.mail.scopes = all);
    let ended = world.run(&["check"]);
    ended.expect_code(0);
    assert!(ended.err.contains("warning: the grant allows more than reading"), "{}", ended.err);
    let seen: Value = serde_json::from_str(&world.run(&["check", "--json"]).out).unwrap();
    assert_eq!(seen["warnings"].as_array().unwrap().len(), 1, "{seen}");
}

#[test]
fn check_takes_a_service_account() {
    let world = World::start();
    let key = sandbox::mail::service_account(&world.variables["GMAIL_TOKEN_URI"]);
    let world = world.set("GMAIL_CREDENTIAL", &key).set("GMAIL_SUBJECT", "coalmine@sandbox.test");
    let ended = world.run(&["check"]);
    ended.expect_code(0);
    assert!(ended.out.contains("in the name of coalmine@sandbox.test"), "{}", ended.out);
    assert!(ended.out.contains("not said; gmail.readonly was asked for"), "{}", ended.out);
    expect_without(&format!("{}{}", ended.out, ended.err), &["BEGIN PRIVATE KEY"]);
    let ended = world.set("GMAIL_SUBJECT", "boss@sandbox.test").run(&["check"]);
    ended.expect_code(75);
    assert!(ended.err.contains("correct `GMAIL_SUBJECT`"), "{}", ended.err);
}

#[test]
fn check_tells_a_mailbox_that_cannot_be_read_from_a_wrong_setting() {
    let less = vec!["https://www.googleapis.com/auth/gmail.metadata".to_owned()];
    let world = World::start_with(|options| options.mail.scopes = less);
    let ended = world.run(&["check"]);
    ended.expect_code(75);
    assert!(ended.err.contains("an access token that does not read mail"), "{}", ended.err);
    assert!(ended.err.contains(READONLY), "{}", ended.err);

    let world = World::start().set("GMAIL_CREDENTIAL", "1//mark-wrong-token");
    let ended = world.run(&["check", "--json"]);
    ended.expect_code(75);
    assert_eq!(ended.out, "");
    assert!(ended.err.contains("`invalid_grant`"), "{}", ended.err);
    expect_without(&ended.err, &["1//mark-wrong-token", world.secrets()[0]]);

    let ended = World::start().set("GMAIL_CREDENTIAL", "ya29.access").run(&["check"]);
    ended.expect_code(64);
    assert!(ended.err.contains("which lasts an hour"), "{}", ended.err);
}
