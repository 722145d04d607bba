//! What each fault does to an answer.

use hyper::{
    Response, StatusCode,
    body::Bytes,
    ext::ReasonPhrase,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{
    fault::{FaultName, Kind},
    json,
};

/// Prepares a request whose answer is going to be rewritten: it must not come compressed.
pub(super) fn ask_for_plain_text(headers: &mut HeaderMap, faults: &[FaultName]) {
    if faults.iter().any(|fault| matches!(fault.kind, Kind::FirstMissing | Kind::Field { .. }))
        && headers.contains_key(ACCEPT_ENCODING)
    {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// Makes the fault in the answer and says whether that changed anything. Being slow or answering an error changes no
/// answer of the product's and is not done here.
pub(super) fn rewrite(answer: &mut Response<Bytes>, fault: &FaultName) -> bool {
    match &fault.kind {
        Kind::Error500 | Kind::Slow => false,
        Kind::FirstMissing | Kind::Field { .. } if answer.headers().contains_key(CONTENT_ENCODING) => false,
        Kind::FirstMissing => {
            let left = if answer.status().is_success() { json::without_first(answer.body()) } else { None };
            left.map(|left| replace_body(answer, left.into())).is_some()
        }
        Kind::Field { change, status, place } => {
            if !status.map_or(answer.status().is_success(), |it| it == answer.status().as_u16()) {
                return false;
            }
            let changed = json::changed(answer.body(), place, *change);
            changed.map(|changed| replace_body(answer, changed.into())).is_some()
        }
        Kind::RefusalLifted => {
            if !answer.status().is_client_error() {
                return false;
            }
            *answer.status_mut() = StatusCode::OK;
            answer.extensions_mut().remove::<ReasonPhrase>();
            answer.headers_mut().remove(CONTENT_ENCODING);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            replace_body(answer, Bytes::from_static(b"{}"));
            true
        }
        Kind::HeaderMissing(name) => answer.headers_mut().remove(name).is_some(),
    }
}

/// The length is written anew when the answer is sent.
fn replace_body(answer: &mut Response<Bytes>, body: Bytes) {
    *answer.body_mut() = body;
    answer.headers_mut().remove(CONTENT_LENGTH);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Operations;

    fn rewritten(fault: &str, status: u16, body: &'static str) -> (bool, u16, String) {
        let fault = FaultName::parse(fault, &Operations::new([("op", "POST", "/op")])).unwrap();
        let answer =
            Response::builder().status(status).header("Content-Length", body.len()).header("X-Id", "1");
        let mut answer = answer.body(Bytes::from_static(body.as_bytes())).unwrap();
        let changed = rewrite(&mut answer, &fault);
        let body_kept = answer.body() == body;
        assert_eq!(answer.headers().contains_key("content-length"), body_kept);
        (changed, answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    }

    #[test]
    fn faults_change_the_answers_that_they_are_for() {
        let object = r#"{"id":"1","n":12345678901234567890123}"#;
        for (fault, status, body, changed, expected_status, expected) in [
            ("field_missing:op", 200, object, true, 200, r#"{"n":12345678901234567890123}"#),
            ("field_missing:op:/n", 201, object, true, 201, r#"{"id":"1"}"#),
            ("field_missing:op:/x", 200, object, false, 200, object),
            ("field_renamed:op:/id", 200, object, true, 200, r#"{"x_id":"1","n":12345678901234567890123}"#),
            ("field_mistyped:op:/id", 200, object, true, 200, r#"{"id":7,"n":12345678901234567890123}"#),
            ("field_mistyped:op:/n", 200, object, true, 200, r#"{"id":"1","n":"7"}"#),
            ("field_mistyped:op:404:/n", 404, object, true, 404, r#"{"id":"1","n":"7"}"#),
            ("field_mistyped:op:404:/n", 400, object, false, 400, object),
            ("field_mistyped:op:404:/n", 200, object, false, 200, object),
            ("field_missing:op", 400, object, false, 400, object),
            ("field_missing:op", 200, "plain", false, 200, "plain"),
            ("field_missing:op", 204, "", false, 204, ""),
            ("refusal_lifted:op", 404, object, true, 200, "{}"),
            ("refusal_lifted:op", 500, object, false, 500, object),
            ("refusal_lifted:op", 200, object, false, 200, object),
            ("header_missing:op:X-ID", 200, object, true, 200, object),
            ("header_missing:op:Other", 200, object, false, 200, object),
            ("slow:op", 200, object, false, 200, object),
            ("error_500:op", 200, object, false, 200, object),
        ] {
            let expected = (changed, expected_status, expected.to_owned());
            assert_eq!(rewritten(fault, status, body), expected, "{fault} {status} {body}");
        }
    }

    #[test]
    fn a_lifted_refusal_is_plain_json() {
        let fault = FaultName { kind: Kind::RefusalLifted, operation: "op".into() };
        let answer =
            Response::builder().status(400).header("Content-Encoding", "gzip").header("Request-Id", "7");
        let mut answer = answer.body(Bytes::from_static(b"\x1f\x8b")).unwrap();
        assert!(rewrite(&mut answer, &fault));
        assert_eq!(answer.headers().len(), 2);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["request-id"], "7");
    }

    #[test]
    fn compression_is_only_refused_where_a_body_is_edited() {
        let fault = |kind| [FaultName { kind, operation: "op".into() }];
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        ask_for_plain_text(&mut headers, &fault(Kind::Slow));
        assert_eq!(headers[ACCEPT_ENCODING], "gzip");
        ask_for_plain_text(&mut headers, &fault(Kind::FirstMissing));
        assert_eq!(headers[ACCEPT_ENCODING], "identity");
        headers.clear();
        ask_for_plain_text(&mut headers, &fault(Kind::FirstMissing));
        assert!(headers.is_empty());
    }
}
