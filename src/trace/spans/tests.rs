use serde_json::{Value as Json, json};

use super::{
    super::message::{Kind, Span, StatusCode, Value},
    of,
};
use crate::record::RunRecord;

/// A run of one step with one attempt, with these members over the usual ones.
fn record(run: Json, step: Json, attempt: Json) -> RunRecord {
    let over = |mut base: Json, more: Json| {
        let Json::Object(more) = more else { panic!("{more}") };
        base.as_object_mut().unwrap().extend(more);
        base
    };
    let attempt =
        over(json!({"number": 1, "started_ms": 10.5, "duration_ms": 100.0, "verdict": "passed"}), attempt);
    let step = over(
        json!({"name": "pay", "verdict": "passed", "started_ms": 10.0, "duration_ms": 101.0, "attempts": [attempt]}),
        step,
    );
    let run = over(
        json!({
            "version": 1, "suite": "shop", "canary": "front", "run": "r1", "location": "l", "target": "x",
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736", "started": "2026-01-31T12:00:00.5Z", "duration_ms": 200.25,
            "verdict": "passed", "steps": [step],
        }),
        run,
    );
    serde_json::from_value(run).unwrap()
}

/// The span of the only request.
fn request(attempt: Json) -> Span {
    let spans = of(&record(json!({}), json!({}), attempt));
    spans.into_iter().find(|it| it.kind == i32::from(Kind::Client)).expect("a request")
}

fn says(span: &Span, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|it| it.key == key)?;
    Some(match attribute.value.clone()?.value? {
        Value::Text(text) => text,
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
    })
}

fn status(span: &Span) -> (bool, String) {
    let status = span.status.clone().unwrap();
    (status.code == i32::from(StatusCode::Error), status.message)
}

#[test]
fn times_are_those_of_the_record_to_the_microsecond() {
    let spans = of(&record(json!({}), json!({}), json!({})));
    let began = 1_769_860_800_500_000_000;
    let times: Vec<_> =
        spans.iter().map(|it| (it.start_time_unix_nano - began, it.end_time_unix_nano - began)).collect();
    assert_eq!(times, [(0, 200_250_000), (10_000_000, 111_000_000), (10_500_000, 110_500_000)]);
}

#[test]
fn results_have_the_words_of_the_conventions() {
    let failure = |cause: &str| json!({"message": "m", "cause": cause, "text": "m"});
    for (verdict, cause, result, suite, case) in [
        ("passed", None, "success", "success", Some("pass")),
        ("failed", Some("assertion"), "failure", "failure", Some("fail")),
        ("failed", Some("timeout"), "timeout", "failure", Some("fail")),
        ("inconclusive", Some("mail_provider"), "error", "aborted", None),
        ("inconclusive", Some("cancelled"), "cancellation", "aborted", None),
    ] {
        let mut step = json!({"verdict": verdict});
        if let Some(cause) = cause {
            step["failure"] = failure(cause);
        }
        let spans = of(&record(json!({"verdict": verdict}), step, json!({})));
        let (run, step) = (&spans[0], &spans[1]);
        assert_eq!(says(run, "cicd.pipeline.result").as_deref(), Some(result));
        assert_eq!(says(run, "test.suite.run.status").as_deref(), Some(suite));
        assert_eq!(says(run, "error.type").as_deref(), cause);
        assert_eq!(says(step, "cicd.pipeline.task.run.result").as_deref(), Some(result));
        assert_eq!(says(step, "test.case.result.status").as_deref(), case);
        assert_eq!(status(run), (cause.is_some(), cause.map_or("", |_| "pay: m").to_owned()));
    }
    let fixture = of(&record(json!({}), json!({"kind": "fixture"}), json!({})));
    assert_eq!(says(&fixture[1], "test.case.name"), None, "a fixture is no test case");
}

#[test]
fn a_request_without_an_answer_has_the_cause_of_the_failure_that_names_it() {
    let exchange = json!({"method": "GET", "url": "https://x/", "duration_ms": 3.0, "error": "it broke"});
    let failure =
        |about: usize| json!({"message": "m", "cause": "transport", "text": "m", "exchange": about});
    for (about, expected) in [(0, "transport"), (1, "_OTHER")] {
        let failed = json!({"verdict": "failed", "failure": failure(about), "exchanges": [exchange]});
        let span = request(failed);
        assert_eq!(says(&span, "error.type").as_deref(), Some(expected));
        assert_eq!(says(&span, "http.response.status_code"), None);
        assert_eq!(status(&span), (true, "it broke".to_owned()));
    }
    // Nobody was left to take an answer when the attempt ended.
    let open = json!({"method": "GET", "url": "https://x/", "started_ms": 20.5, "error": "no answer yet"});
    let span = request(json!({"verdict": "failed", "failure": failure(0), "exchanges": [open]}));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 90_000_000);
}

#[test]
fn a_refusal_is_an_error_unless_the_step_was_after_it() {
    let failure = json!({"message": "m", "cause": "assertion", "text": "m"});
    for (code, well, expected) in
        [(200, false, false), (404, true, false), (404, false, true), (500, true, true), (302, false, false)]
    {
        let exchange = json!({"method": "GET", "url": "https://x/", "duration_ms": 1.0, "status": code});
        let mut attempt = json!({"exchanges": [exchange]});
        if !well {
            attempt["failure"] = failure.clone();
        }
        let span = request(attempt);
        assert_eq!(status(&span), (expected, String::new()), "{code} {well}");
        let kind = (code >= 400).then(|| code.to_string());
        assert_eq!(says(&span, "error.type"), kind);
    }
}

#[test]
fn requests_are_named_by_what_takes_few_values() {
    for (method, operation, name, says_method) in [
        ("GET", None, "GET", "GET"),
        ("POST", Some("create-key"), "POST create-key", "POST"),
        ("BREW", Some("coffee"), "HTTP coffee", "_OTHER"),
    ] {
        let mut exchange = json!({"method": method, "url": "https://x/users/17"});
        if let Some(operation) = operation {
            exchange["operation"] = operation.into();
        }
        let span = request(json!({"exchanges": [exchange]}));
        assert_eq!(span.name, name);
        assert_eq!(says(&span, "http.request.method").as_deref(), Some(says_method));
        let original = (method == "BREW").then(|| "BREW".to_owned());
        assert_eq!(says(&span, "http.request.method_original"), original);
    }
}

#[test]
fn an_address_has_no_name_and_no_password() {
    for (url, full, host, port) in [
        ("https://x.test/a?b=c", "https://x.test/a?b=c", Some("x.test"), Some("443")),
        ("http://[::1]:8080/", "http://[::1]:8080/", Some("::1"), Some("8080")),
        ("https://me:pass@x.test/", "https://REDACTED:REDACTED@x.test/", Some("x.test"), Some("443")),
        ("nowhere", "nowhere", None, None),
    ] {
        let span = request(json!({"exchanges": [{"method": "GET", "url": url}]}));
        assert_eq!(says(&span, "url.full").as_deref(), Some(full));
        assert_eq!(says(&span, "server.address").as_deref(), host);
        assert_eq!(says(&span, "server.port").as_deref(), port);
    }
}

#[test]
fn a_span_has_the_id_that_its_request_told_or_one_of_its_own() {
    let told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (value, is_told) in [
        (told, true),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01", false),
        ("nonsense", false),
    ] {
        let headers = json!([["traceparent", value]]);
        let span = request(json!({"exchanges": [{"method": "GET", "url": "x", "request_headers": headers}]}));
        assert_eq!(span.span_id == [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7], is_told, "{value}");
        assert_eq!(span.span_id.len(), 8);
    }
}

#[test]
fn without_a_trace_id_there_are_no_spans() {
    for trace in ["", "t1", "00000000000000000000000000000000", "4bf92f3577b34da6a3ce929d0e0e473ä"] {
        assert!(of(&record(json!({"trace": trace}), json!({}), json!({}))).is_empty(), "{trace}");
    }
}
