//! One secret is planted wherever a secret can be, and then looked for in everything that a run leaves.

use std::{fs, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("a_planted_secret_is_found_nowhere", a_planted_secret_is_found_nowhere),
    #[cfg(all(feature = "drill", feature = "server"))]
    ("a_planted_secret_is_found_nowhere_by_the_program", a_planted_secret_by_the_program),
    ("a_secret_that_nobody_registers_is_found", a_secret_that_nobody_registers_is_found),
    ("what_oauth_hands_out_is_found_nowhere", what_oauth_hands_out),
    ("a_secret_learnt_by_the_process_is_found_nowhere", a_secret_learnt_by_the_process),
];

/// Every character that an encoder treats in its own way, and that a header may still hold.
const MARKER: &str = r#"Mk7&<q>"w'/z +%~x\!Pl@nt:9?=;e"#;

/// Every form in which a secret may come back, by the encoder's name.
pub(crate) fn encodings(secret: &str) -> Vec<(String, String)> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let html = |apostrophe: &str| {
        let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;").replace('\'', apostrophe)
    };
    let mut forms = vec![
        ("raw".to_owned(), secret.to_owned()),
        ("slashed".to_owned(), json.replace('/', "\\/")),
        ("json".to_owned(), json),
        ("debug".to_owned(), format!("{secret:?}").trim_matches('"').to_owned()),
        ("html".to_owned(), html("&#39;")),
        ("html hex".to_owned(), html("&#x27;")),
        ("xml".to_owned(), html("&apos;")),
        ("hex".to_owned(), hex.clone()),
        ("HEX".to_owned(), hex.to_uppercase()),
    ];
    for (name, keep) in [("percent", "-_.~"), ("component", "-_.!~*'()"), ("form", "-_.*"), ("all", "")] {
        for upper in [true, false] {
            let text = percent(secret, keep, upper);
            forms.push((format!("{name} plus {upper}"), text.replace("%20", "+")));
            forms.push((format!("{name} {upper}"), text));
        }
    }
    for before in ["", "u", "us", "user:"] {
        for after in ["", "!"] {
            let text = format!("{before}{secret}{after}");
            forms.push((format!("base64 {before}{after}"), STANDARD.encode(&text)));
            forms.push((format!("base64url {before}{after}"), URL_SAFE_NO_PAD.encode(&text)));
        }
    }
    forms
}

/// All but letters, digits and `keep` as `%2F` or `%2f`.
pub(crate) fn percent(secret: &str, keep: &str, upper: bool) -> String {
    let mut out = String::new();
    for character in secret.chars() {
        if character.is_ascii_alphanumeric() || keep.contains(character) {
            out.push(character);
            continue;
        }
        for byte in character.to_string().bytes() {
            out.push_str(&if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") });
        }
    }
    out
}

/// The part of an encoded secret that does not depend on what stands beside it.
fn core(name: &str, form: &str) -> String {
    if name.starts_with("base64") { form[8..form.len() - 4].to_owned() } else { form.to_owned() }
}

/// Where the secret is found: the encodings' names.
fn found(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    encodings(MARKER)
        .into_iter()
        .filter(|(name, form)| {
            let form = core(name, form);
            // Base64 with another case is another text; of everything else any case would give the secret away.
            text.contains(&form) || (!name.starts_with("base64") && lower.contains(&form.to_lowercase()))
        })
        .map(|(name, _)| name)
        .collect()
}

/// Everything that a run leaves, each by its name.
fn everything(ended: &Ended) -> Vec<(String, String)> {
    let mut all =
        vec![("stdout".to_owned(), ended.stdout.clone()), ("stderr".to_owned(), ended.stderr.clone())];
    files(&ended.path("reports"), &mut all);
    files(&ended.path("journal"), &mut all);
    all
}

fn files(folder: &Path, all: &mut Vec<(String, String)>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
        }
    }
}

fn planted(args: &[&str]) -> Fixture {
    let fixture = Fixture::new("secrets", args).var("FIXTURE_SECRET", MARKER).var("FIXTURE_LASTING", "1");
    let journal = fixture.path().join("journal");
    fixture.var("COALMINE_JOURNAL", journal)
}

fn a_planted_secret_is_found_nowhere() {
    for (args, nextest) in
        [(&[][..], ""), (&["--format", "json"], ""), (&["--exact", "suite"], "process-per-test")]
    {
        let ended = planted(args).var("NEXTEST_EXECUTION_MODE", nextest).run().expect_code(1);
        let all = everything(&ended);
        assert_eq!(all.len(), 6, "two streams, three reports, a journal: {all:?}");
        for (name, text) in all {
            assert_eq!(found(&text), [""; 0], "in {name}:\n{text}");
        }
        // Everything was said; nothing is missing only because it never happened.
        let junit = ended.report("junit.xml");
        for said in
            ["it said [redacted]", "in panic: [redacted]", "no room for [redacted]", "base64 user:! ("]
        {
            assert!(junit.contains(said), "no `{said}` in {junit}");
        }
        ended.warns("the account of [redacted] stays").warns("in panic: [redacted]");
        ended.says("it said [redacted]").says("no room for [redacted]");
        let careless = ended.step("careless").failure.unwrap().message;
        assert_eq!(careless, "the undo action `careless` holds a secret, which would go into the journal");
        let exchange = &ended.step("refused").attempts[1].exchanges[0];
        assert!(exchange.response_body.as_ref().unwrap().contains("html: ([redacted])"), "{exchange:?}");
        assert!(exchange.url.starts_with("http://[redacted]@127.0.0.1:"), "{exchange:?}");
    }
}

#[cfg(all(feature = "drill", feature = "server"))]
fn a_planted_secret_by_the_program() {
    let reports = ["--json", "reports/of.json", "--junit", "reports/of.xml", "--html", "reports/of.html"];
    for args in [&["run"][..], &["run", "--json"], &[&["run"][..], &reports].concat()] {
        let fixture = planted(args).var("FIXTURE_PROGRAM", "1").file("reports/of.json", "");
        let ended = fixture.run().expect_code(1);
        let mut all = everything(&ended);
        for (name, text) in &mut all {
            assert_eq!(found(text), [""; 0], "in {name}:\n{text}");
        }
        assert_eq!(all.len(), if args.len() > 2 { 9 } else { 7 }, "{all:?}");
        let read = if args.contains(&"--json") && args.len() == 2 { &ended.stderr } else { &ended.stdout };
        for said in ["it said [redacted]", "no room for [redacted]", "in panic: [redacted]"] {
            assert!(read.contains(said), "no `{said}` in {read}");
        }
    }
    // Otherwise this would prove nothing.
    let args = [&["run"][..], &reports].concat();
    let fixture = planted(&args).var("FIXTURE_PROGRAM", "1").var("FIXTURE_FORGET", "1");
    let ended = fixture.file("reports/of.json", "").run().expect_code(1);
    for (name, text) in everything(&ended).iter().filter(|(name, _)| name != "stderr") {
        assert!(!found(text).is_empty(), "nothing found in {name}:\n{text}");
    }
}

fn a_secret_that_nobody_registers_is_found() {
    // Otherwise the search above would prove nothing.
    let ended = planted(&[]).var("FIXTURE_FORGET", "1").run().expect_code(1);
    for (name, text) in everything(&ended) {
        let found = found(&text);
        assert!(!found.is_empty(), "nothing found in {name}:\n{text}");
        if name.ends_with("record.json") {
            let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
            let notes = parsed["runs"][0]["steps"][0]["attempts"][0]["notes"].as_array().unwrap().clone();
            let notes: String = notes.iter().filter_map(|it| it.as_str()).collect();
            assert_eq!(self::found(&notes).len(), encodings(MARKER).len(), "{notes}");
        }
    }
}

fn a_secret_learnt_by_the_process() {
    for args in [&[][..], &["uses"]] {
        let ended = Fixture::new("late_secret", args).run().expect_code(1);
        ended.says("the token [redacted] was refused");
        for text in [&ended.stdout, &ended.stderr, &ended.report("junit.xml"), &ended.report("record.json")] {
            assert!(!text.contains("a-late-secret"), "{text}");
        }
    }
}

/// Also if nobody has registered it: it is known by its shape or its place.
fn what_oauth_hands_out() {
    let ended = Fixture::new("oauth_secrets", &[]).run().expect_code(1);
    ended.says("[redacted] and [redacted]");
    for text in [&ended.stdout, &ended.stderr, &ended.report("junit.xml"), &ended.report("record.json")] {
        let at = text.find("mark-").or_else(|| text.find("eyJ"));
        assert_eq!(at.map(|at| &text[at..]), None);
    }
}
