//! `canaries surface`: what the suite has not seen of its document, and what another document has otherwise.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
    thread,
};

use canaries::sequence::{DOCUMENT, read};
use serde_json::{Value, json};

use crate::{
    process::{Ended, Process},
    program::{PATIENCE, Standalone, Variables, command},
};

const SECRET: &str = "correct-horse-battery";

fn surface_with(variables: &Variables, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = variables.clone();
    variables.insert("COALMINE_REPORTS".to_owned(), folder.path().join("reports").to_string_lossy().into());
    let mut command = command(&variables, folder.path());
    Process::start(command.arg("surface").args(arguments)).wait(PATIENCE)
}

fn surface(arguments: &[&str]) -> Ended {
    surface_with(&Variables::new(), arguments)
}

/// A copy of the suite's document with something changed, in a file of this folder.
fn copy(folder: &Path, change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
    change(&mut document);
    let path = folder.join("copy.json");
    fs::write(&path, serde_json::to_string_pretty(&document).unwrap()).unwrap();
    path.to_string_lossy().into_owned()
}

/// Answers one request, and gives what it was.
fn serve_once(answer: String) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/openapi.json", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let request: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(answer.as_bytes()).unwrap();
        request.join("\n")
    });
    (address, server)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What this suite promises of itself: it has looked at everything that can be looked at.
#[test]
fn the_suite_sees_every_operation_and_status_and_nearly_every_field() {
    let ended = surface(&["--json"]);
    ended.expect_code(0);
    let value: Value = serde_json::from_str(&ended.out).expect("standard output is JSON and nothing else");
    assert_eq!(
        (&value["version"], &value["suite"], &value["verdict"]),
        (&json!(1), &json!("sequence"), &json!("passed"))
    );
    let coverage = &value["coverage"];
    let tally =
        |name: &str| (coverage[name]["seen"].as_u64().unwrap(), coverage[name]["of"].as_u64().unwrap());
    let holes = serde_json::to_string_pretty(&coverage["holes"]).unwrap();
    assert_eq!(tally("operations"), (47, 47), "{holes}");
    let (seen, of) = tally("statuses");
    assert_eq!(seen, of, "{holes}");
    let (seen, of) = tally("response_fields");
    assert!(seen * 100 >= of * 95, "{seen} of {of} fields of answers: {holes}");
    assert_eq!((&coverage["unknown"], &coverage["breaches"]), (&json!([]), &json!(0)));
    // What nobody can provoke is nothing but trouble of the product's own.
    for status in coverage["unprovoked"].as_array().unwrap() {
        assert!(status["status"] == "429" || status["status"] == "500", "{status}");
        assert_eq!(status["seen"], 0, "{status}");
    }
}

#[test]
fn people_get_a_table_and_no_secret() {
    let sandbox = Standalone::start(&[]);
    let ended = surface_with(&sandbox.exports, &[]);
    ended.expect_code(0);
    assert!(ended.out.starts_with("  47 of 47    operations       100 %\n"), "{}", ended.said());
    assert!(ended.out.contains("\nnot counted, because no client can bring it about:\n"), "{}", ended.said());
    assert!(ended.err.contains("\noverall: passed"), "the verdict goes beside it{}", ended.said());
    for (name, value) in &sandbox.exports {
        let is_secret = ["CREDENTIAL", "PASSWORD", "SECRET", "USER_KEY"].iter().any(|it| name.contains(it));
        assert!(!is_secret || !ended.out.contains(value.as_str()), "{name}{}", ended.said());
    }
}

#[test]
fn a_run_that_fails_is_a_failure_with_a_table() {
    let faults = Variables::from([("COALMINE_FAULT".to_owned(), "error_500:list-keys".to_owned())]);
    let ended = surface_with(&faults, &[]);
    ended.expect_code(1);
    assert!(ended.out.contains("  list-keys "), "what it kept from being seen{}", ended.said());
}

#[test]
fn its_own_document_differs_in_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ended = surface(&["--against", &copy(folder.path(), |_| ())]);
    ended.expect_code(0);
    assert!(ended.out.ends_with("has the same operations, statuses and fields\n"), "{}", ended.said());
    assert_eq!(ended.err, "", "nothing was run");
}

#[test]
fn what_is_new_gone_and_otherwise_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = copy(folder.path(), |document| {
        let paths = document["paths"].as_object_mut().unwrap();
        let stats = paths.remove("/{team}/{ledger}/stats").unwrap();
        // The names of parameters make no difference.
        let mut keys = paths.remove("/{team}/{ledger}/list-keys").unwrap();
        keys["post"]["operationId"] = "list-all-keys".into();
        paths.insert("/{group}/{book}/list-keys".into(), keys);
        let mut archive = stats;
        archive["post"]["operationId"] = "archive".into();
        paths.insert("/{team}/{ledger}/archive".into(), archive);
        let hello = &mut paths["/hello"]["post"]["responses"];
        hello["410"] = hello["404"].clone();
        hello.as_object_mut().unwrap().remove("429");
        let schemas = &mut document["components"]["schemas"];
        schemas["Place"]["properties"]["region"] = json!({"properties": {"name": {}}});
        schemas["HelloRequest"]["required"] = json!(["ledger_name"]);
    });
    let ended = surface(&["--against", &file, "--json"]);
    ended.expect_code(1);
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    let changes: Vec<_> = value["changes"].as_array().unwrap().iter().map(short).collect();
    let expected = [
        "new response_field hello 200 /region",
        "gone status hello 429",
        "new status hello 410",
        "required request_field hello /ledger_name",
        "renamed operation list-keys list-all-keys",
        "gone operation stats",
        "new operation archive",
    ];
    let mut sorted = (changes.clone(), expected.map(ToOwned::to_owned).to_vec());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);

    let ended = surface(&["--against", &file]);
    ended.expect_code(1);
    for line in [
        "  new           archive    POST /{team}/{ledger}/archive\n",
        "  now required  hello      request /ledger_name\n",
    ] {
        assert!(ended.out.contains(line), "{line:?}{}", ended.said());
    }
}

fn short(change: &Value) -> String {
    let members = ["change", "part", "operation", "status", "field", "name"];
    members.iter().filter_map(|it| change[*it].as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_mistake_in_a_document_is_one_message_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = copy(folder.path(), |document| {
        document["paths"]["/hello"]["post"]["responses"]["200"] =
            json!({"$ref": "#/components/responses/Nowhere"});
    });
    let place = "#/paths/~1hello/post/responses/200/$ref: `#/components/responses/Nowhere` leads nowhere";
    let ended = surface(&["--against", &file]);
    ended.expect_code(64);
    assert!(
        ended.err.contains(&format!("\n- {file}: {place}\n  remedy: correct the document")),
        "{}",
        ended.said()
    );
    assert_eq!((ended.err.lines().count(), ended.out.as_str()), (3, ""), "{}", ended.said());

    // The suite's own is read by the same function, for every command.
    let error = read(&fs::read_to_string(&file).unwrap()).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert_eq!(
        (error.problems[0].name.as_str(), error.problems[0].found.as_str()),
        ("sequence.openapi.json", place)
    );
}

#[test]
fn a_document_is_fetched_with_a_header_that_nobody_sees() {
    let (address, server) = serve_once(ok(DOCUMENT));
    let header = format!("Authorization: Bearer {SECRET}");
    let ended = surface(&["--against", &format!("{address}?key={SECRET}"), "--header", &header]);
    ended.expect_code(0);
    assert!(server.join().unwrap().to_lowercase().contains(&format!("authorization: bearer {SECRET}")));
    assert!(!ended.said().contains(SECRET), "{}", ended.said());
    assert!(ended.out.starts_with(&address), "{}", ended.said());
}

#[test]
fn what_is_no_document_is_refused_with_a_remedy() {
    let header = format!("X-Token: {SECRET}");
    let reflected = ok(&json!({"openapi": SECRET}).to_string());
    let moved =
        "HTTP/1.1 302 Found\r\nlocation: https://elsewhere/?t=1\r\ncontent-length: 0\r\n\r\n".to_owned();
    let denied = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned();
    for (answer, said) in [
        (reflected, "is not supported; 3.0 and 3.1 are"),
        (moved, "got status 302 Found to https://elsewhere/\n"),
        (denied, "got status 401 Unauthorized\n"),
        (ok("<html>"), ": expected an object, got a string"),
        ("no HTTP".to_owned(), "cannot be fetched: "),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_owned(), "cannot be fetched: "),
    ] {
        let (address, server) = serve_once(answer);
        let ended = surface(&["--against", &address, "--header", &header]);
        server.join().unwrap();
        ended.expect_code(64);
        assert!(
            ended.err.contains(&format!("- {address}: ")) && ended.err.contains(said),
            "{}",
            ended.said()
        );
        assert!(ended.err.contains("\n  remedy: ") && !ended.said().contains(SECRET), "{}", ended.said());
    }
    for (arguments, said) in [
        (&["--against", "/no/such/file"][..], "- /no/such/file: cannot be read: "),
        (&["--against", "/"], "- /: cannot be read: "),
        (
            &["--against", "https://127.0.0.1:1/x", "--header", SECRET],
            "- --header (number 1): there is no colon",
        ),
        (&["--against", "http://192.0.2.1/x", "--header", &header], "- --header: would be sent unencrypted"),
        (&["--header", &header], "--against"),
    ] {
        let ended = surface(arguments);
        ended.expect_code(64);
        assert!(ended.err.contains(said) && !ended.said().contains(SECRET), "{}", ended.said());
    }
}

#[test]
fn other_settings_do_not_matter_to_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    fs::write(&pem, "no certificate").unwrap();
    let variables = |name: &str, value: &str| Variables::from([(name.to_owned(), value.to_owned())]);
    let (address, server) = serve_once(ok(DOCUMENT));
    surface_with(&variables("COALMINE_TARGET", "https://incomplete"), &["--against", &address])
        .expect_code(0);
    server.join().unwrap();
    let authority = variables("COALMINE_CA", &pem.to_string_lossy());
    let ended = surface_with(&authority, &["--against", "https://127.0.0.1:1/x"]);
    ended.expect_code(64);
    assert!(ended.err.contains("- COALMINE_CA: "), "{}", ended.said());
}
