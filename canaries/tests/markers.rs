//! No secret comes out, whatever goes wrong: distinct markers are planted as every secret that the suite is given,
//! and with what the product hands out on the way they are searched for in everything that a run leaves.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use canaries::{
    sequence::operations,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{
    Redactor, Secret,
    drill::{Proxy, ProxyOptions, Response, StatusCode},
    http::{Roots, client_config},
    world::World as _,
};
use tempfile::TempDir;

use crate::{
    process::Ended,
    program::{Suite, Variables, files_below},
};

// With characters that each encoding writes differently.
pub(crate) const PASSWORD: &str = "mark-pässword/1+\"quoted\"&<angled>";
pub(crate) const CREDENTIAL: &str = "mark-credential/2+\"quoted\"&<angled>~";
const USER_KEY: &str = "mark-user key/3+'quoted'&<angled>";
pub(crate) const CLIENT_SECRET: &str = "mark-client-secret/4+\\slashed\"&<angled>";
pub(crate) const REFRESH_TOKEN: &str = "1//mark-refresh_token/5+~quoted&<angled>";
const WRONG: &str = "mark-wrong/6+\"quoted\"&<angled>-of-nobody";
/// The code that is mailed; it cannot have other characters than digits.
const CODE: &str = "730514";

/// Faults that are on at once, and the exit code to be expected. Each makes failures that show what was answered.
const RUNS: &[(&[&str], i32)] = &[
    (&[], 0),
    (&["mail_wrong_code"], 1),
    // Answers with sessions, where there should be refusals.
    (&["wrong_password_signs_in"], 1),
    (&["wrong_code_confirms", "transfer_loses_tokens:transact"], 1),
    // Answers that hold a secret and break the contract, so that they are shown before the secret is known.
    (&["field_missing:sign-in:/email"], 1),
    (&["field_missing:confirm-sign-up:/email"], 1),
    (&["field_missing:create-credential:/name"], 1),
    (&["field_missing:invite-member:/id", "field_missing:hello:/addr"], 1),
    (&["field_missing:accept-invite:/team"], 1),
    // Leaves a journal behind.
    (&["error_500:delete-user", "error_500:delete-ledger"], 1),
];

/// A sandbox with the markers in place, and the variables that point the suite at it.
pub(crate) fn planted() -> (SandboxWorld, Variables, TempDir) {
    let mut options = WorldOptions { proxy: true, ..WorldOptions::default() };
    options.sandbox.password = Some(PASSWORD.to_owned());
    options.sandbox.credential = Some(CREDENTIAL.to_owned());
    options.sandbox.code = Some(CODE.to_owned());
    options.sandbox.mail.client_secret = Some(CLIENT_SECRET.to_owned());
    options.sandbox.mail.refresh_token = Some(REFRESH_TOKEN.to_owned());
    let world = SandboxWorld::start(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, world.sandbox().ca_pem()).unwrap();
    let mut exports: Variables = world.exports(&ca.to_string_lossy()).into_iter().collect();
    exports.insert("SEQUENCE_USER_KEY".to_owned(), USER_KEY.to_owned());
    (world, exports, folder)
}

#[test]
fn no_secret_is_written_anywhere() {
    let (world, exports, _folder) = planted();
    let suite = || Suite::with(&exports);

    let (mut kinds, mut journals) = (BTreeSet::new(), 0);
    for (faults, code) in RUNS {
        faults.iter().for_each(|fault| world.switch(fault, true).unwrap());
        let suite = suite();
        kinds.extend(search(&world, &suite, *code, &format!("{faults:?}")));
        journals += suite.journal_files().len();
        faults.iter().for_each(|fault| world.switch(fault, false).unwrap());
    }
    // What is refused is a secret as well: it may be one character off.
    for (name, code) in [
        ("SEQUENCE_PASSWORD", 1),
        ("SEQUENCE_CREDENTIAL", 1),
        ("GMAIL_CLIENT_SECRET", 75),
        ("GMAIL_CREDENTIAL", 75),
    ] {
        search(&world, &suite().set(name, WRONG), code, name);
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["code", "given", "invitation", "password"]);
    assert!(journals > 0, "a journal was searched as well");
}

/// A service account signs, and its key is in the environment: the same, for it.
#[test]
fn no_secret_of_a_service_account_is_written_anywhere() {
    let (world, exports, _folder) = planted();
    let key = sandbox::mail::service_account(&exports["GMAIL_TOKEN_URI"]);
    let file: serde_json::Value = serde_json::from_str(&key).unwrap();
    let lines = file["private_key"].as_str().unwrap().lines().filter(|line| !line.starts_with('-'));
    // Whatever shows a key shows its first lines.
    let lines: Vec<_> = lines.take(3).map(str::to_owned).collect();
    let suite = |subject: &str, key: &str| {
        Suite::with(&exports).set("GMAIL_CREDENTIAL", key).set("GMAIL_SUBJECT", subject)
    };
    let of_another = key.replacen("canaries@", "marker-canaries@", 1);
    for (subject, key, code, what) in [
        ("coalmine@sandbox.test", &key, 0, "a service account"),
        ("boss@sandbox.test", &key, 75, "of nobody here"),
        ("coalmine@sandbox.test", &of_another, 75, "that is not known"),
    ] {
        let suite = suite(subject, key);
        search_all(&world, &suite, suite.run(), code, what, &lines);
    }
}

/// A product's error may hold what it was sent, in whatever form: here in all of them, where nothing tells that it is
/// secret.
#[test]
fn a_secret_that_the_product_repeats_is_not_passed_on() {
    let (world, exports, _folder) = planted();
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    let hearing = Arc::clone(&heard);
    let trusting = client_config(&Roots::Only(world.sandbox().ca_pem().to_owned())).unwrap();
    let upstream = format!("https://{}", world.sandbox().address());
    let mut options = ProxyOptions::new(world.sandbox().server_tls(), upstream, trusting, operations());
    options.error_answer = Arc::new(move |_, headers| {
        let sent = ["credential", "session"].into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
        let sent: BTreeSet<_> = sent.map(str::to_owned).collect();
        // No JSON: that would encode once more what is encoded already.
        let text = sent.iter().flat_map(|it| forms(it)).collect::<Vec<_>>().join(" ");
        hearing.lock().unwrap().extend(sent);
        let mut answer = Response::new(text.into());
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    });
    let proxy = Proxy::start(TcpListener::bind("127.0.0.1:0").unwrap(), options).unwrap();
    for fault in ["error_500:create-key", "error_500:create-team"] {
        proxy.switch(fault, true).unwrap();
    }
    let suite = Suite::with(&exports).set("COALMINE_TARGET", &format!("https://{}", proxy.address()));
    let ended = suite.run();
    let heard: Vec<_> = heard.lock().unwrap().iter().cloned().collect();
    assert_eq!(heard.len(), 3, "a credential, a session, and one that was never opened");
    search_all(&world, &suite, ended, 1, "repeated", &heard);
    assert!(suite.report("record.json").contains("[redacted] [redacted]"), "the answers are in the record");
}

/// Runs the suite and searches all that it leaves; returns the kinds of secrets that were searched for.
fn search(world: &SandboxWorld, suite: &Suite, code: i32, what: &str) -> Vec<&'static str> {
    search_all(world, suite, suite.run(), code, what, &[])
}

fn search_all(
    world: &SandboxWorld,
    suite: &Suite,
    ended: Ended,
    code: i32,
    what: &str,
    heard: &[String],
) -> Vec<&'static str> {
    ended.expect_code(code);
    let mut texts = vec![("standard output".to_owned(), ended.out), ("standard error".to_owned(), ended.err)];
    for file in files_below(suite.folder()) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        texts.push((file.display().to_string(), text));
    }
    assert!(texts.len() >= 5, "outputs and reports");

    let given = [PASSWORD, CREDENTIAL, USER_KEY, CLIENT_SECRET, REFRESH_TOKEN, WRONG];
    let mut secrets: Vec<_> = given.into_iter().map(|it| ("given", it.to_owned())).collect();
    let target =
        canaries::sequence::Target { user_key: Secret::new(USER_KEY.to_owned()), ..world.access().target };
    secrets.extend(heard.iter().map(|it| ("heard", it.clone())));
    for address in addresses(&suite.report("record.json")) {
        let password = target.password_of(&address, &Redactor::new());
        secrets.push(("password", password.expose().clone()));
        for mail in world.sandbox().delivered(&address) {
            secrets.extend(mailed(&String::from_utf8_lossy(&mail)));
        }
    }
    for (place, text) in &texts {
        for (kind, secret) in &secrets {
            for form in forms(secret) {
                let at = find(text, &form);
                assert_eq!(
                    at,
                    None,
                    "{what}: {place} has a secret ({kind}) as `{form}`: …{}…",
                    around(text, at)
                );
            }
        }
        // What the sandbox hands out at random is known by its shape: sessions and credentials by their length.
        let hex = text.split(|c: char| !c.is_ascii_hexdigit()).find(|it| matches!(it.len(), 40 | 48));
        assert_eq!(hex, None, "{what}: {place} has a session or a credential");
        assert!(!text.contains("ya29."), "{what}: {place} has an access token");
        // The start of every header that says how something is signed.
        assert!(!text.contains("eyJhbGciOi"), "{what}: {place} has what a service account has signed");
    }
    secrets.into_iter().map(|(kind, _)| kind).collect()
}

/// The addresses that the run gave out.
pub(crate) fn addresses(record: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.@".contains(c);
    record.split(|c| !is_part(c)).filter(|it| it.starts_with("coalmine+")).map(str::to_owned).collect()
}

/// The code or the invitation in a mail.
pub(crate) fn mailed(mail: &str) -> Vec<(&'static str, String)> {
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    let code = mail.lines().find(|it| it.len() == 6 && it.bytes().all(|byte| byte.is_ascii_digit()));
    let invitation = mail
        .split_once("/accept-invite?code=")
        .map(|(_, rest)| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default());
    let found = [("code", code), ("invitation", invitation)];
    found.into_iter().filter_map(|(kind, it)| Some((kind, it?.to_owned()))).collect()
}

/// The forms in which a secret may be written, each by one encoder.
pub(crate) fn forms(secret: &str) -> BTreeSet<String> {
    let percent = |keep: &str, upper: bool| {
        secret.bytes().fold(String::new(), |mut text, byte| {
            let kept = byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte);
            let _ = match (kept, upper) {
                (true, _) => write!(text, "{}", char::from(byte)),
                (false, true) => write!(text, "%{byte:02X}"),
                (false, false) => write!(text, "%{byte:02x}"),
            };
            text
        })
    };
    let hex = |upper: bool| {
        let digits = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        if upper { digits.to_uppercase() } else { digits }
    };
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let escaped = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        percent("-_.~", true),
        percent("-_.~", false),
        percent("-_.~", true).replace("%20", "+"),
        json.to_owned(),
        json.replace('/', "\\/"),
        escaped.clone(),
        escaped.replace('"', "&quot;").replace('\'', "&apos;"),
        escaped.replace('"', "&quot;").replace('\'', "&#39;"),
        hex(true),
        hex(false),
    ]);
    for offset in 0..3 {
        let bytes = [vec![b'x'; offset].as_slice(), secret.as_bytes()].concat();
        // Characters that depend on what stands before or behind are left out.
        let certain = (offset * 8).div_ceil(6)..bytes.len() * 8 / 6;
        forms.insert(STANDARD_NO_PAD.encode(&bytes)[certain.clone()].to_owned());
        forms.insert(URL_SAFE_NO_PAD.encode(&bytes)[certain].to_owned());
    }
    forms
}

/// Where a form stands in a text. Six digits are found by themselves only: a time may have them in its fractions.
pub(crate) fn find(text: &str, form: &str) -> Option<usize> {
    let is_code = form.len() == 6 && form.bytes().all(|it| it.is_ascii_digit());
    let part = |c: char| is_code && (c.is_ascii_alphanumeric() || c == '.');
    text.match_indices(form).map(|(at, _)| at).find(|&at| {
        let (before, behind) = (&text[..at], &text[at + form.len()..]);
        !before.ends_with(part) && !behind.starts_with(part)
    })
}

fn around(text: &str, at: Option<usize>) -> &str {
    let at = at.unwrap_or_default();
    &text
        [text.floor_char_boundary(at.saturating_sub(80))..text.ceil_char_boundary((at + 120).min(text.len()))]
}

#[test]
fn a_planted_marker_would_be_found() {
    for (secret, text) in [
        (PASSWORD, format!("Basic {}", STANDARD_NO_PAD.encode(format!("me:{PASSWORD}!")))),
        (CREDENTIAL, serde_json::json!({ "credential": CREDENTIAL }).to_string()),
        (USER_KEY, "a=mark-user+key%2F3%2B%27quoted%27%26%3Cangled%3E&b".to_owned()),
        (REFRESH_TOKEN, "<a>1//mark-refresh_token/5+~quoted&amp;&lt;angled&gt;</a>".to_owned()),
        (CODE, format!("{{\"code\":\"{CODE}\"}}")),
    ] {
        assert!(forms(secret).iter().any(|it| find(&text, it).is_some()), "{secret} in {text}");
    }
    assert_eq!(find("at 02.730514Z", CODE), None);
}
