//! Many calls in one request: `multipart/mixed` there and back.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, StatusCode, Uri, header};

use super::{
    Google,
    call::{Refusal, Reply},
    gmail::{self, Asked},
    multipart::{self, Part, first_line},
};
use crate::random;

/// How many calls one request may carry [S].
const MAX_CALLS: usize = 100;

/// A batch's answer, or the reason why the whole of it is refused.
pub(super) struct Batched {
    content_type: String,
    body: Vec<u8>,
}

/// Answers each call as if it had come alone, in the order given.
pub(super) fn answer(google: &Google, asked: &Asked) -> Result<Batched, Reply> {
    let parts = multipart::parts(asked.header(header::CONTENT_TYPE), &asked.body)
        .filter(|parts| !parts.is_empty())
        .ok_or_else(|| Refusal::bad_request("Failed to parse batch request"))?;
    if parts.len() > MAX_CALLS {
        return Err(Reply::from(Refusal::bad_request(format!(
            "Inner request count exceeds the limit. Received: {}, Limit: {MAX_CALLS}",
            parts.len()
        ))));
    }
    let boundary = format!("batch_{}", random::hex::<16>());
    let mut body = Vec::new();
    for part in &parts {
        let reply = match inner(part, asked) {
            Some(call) => gmail::answer(google, call),
            None => Refusal::bad_request("Failed to parse a call of the batch").into(),
        };
        write_part(&mut body, &boundary, part.header("content-id"), &reply);
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Batched { content_type: format!("multipart/mixed; boundary={boundary}"), body })
}

/// The call in one part. What the outer request says of who calls holds for it too, unless it says otherwise [V].
fn inner(part: &Part<'_>, outer: &Asked) -> Option<Asked> {
    let (line, rest) = first_line(part.body);
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let verb: Verb = words.next()?.parse().ok()?;
    let uri: Uri = words.next()?.parse().ok()?;
    let call = Part::read(rest);
    let mut headers = HeaderMap::new();
    if let Some(authorization) = outer.headers.get(header::AUTHORIZATION) {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(Asked { verb, uri, headers, body: call.body.to_vec().into() })
}

fn write_part(body: &mut Vec<u8>, boundary: &str, id: &str, reply: &Reply) {
    let Reply { status, kind, body: content } = reply;
    let mut head = format!("--{boundary}\r\nContent-Type: application/http\r\n");
    let mut line = |text: std::fmt::Arguments<'_>| {
        let written = head.write_fmt(text);
        debug_assert!(written.is_ok(), "a string takes any text");
    };
    // `<response-` and the id that the call had [V].
    if let Some(id) = id.strip_prefix('<') {
        line(format_args!("Content-ID: <response-{id}\r\n"));
    }
    let reason = status.canonical_reason().unwrap_or_default();
    line(format_args!("\r\nHTTP/1.1 {} {reason}\r\n", status.as_u16()));
    if let Some(kind) = kind {
        line(format_args!("Content-Type: {kind}\r\n"));
    }
    line(format_args!("Content-Length: {}\r\n\r\n", content.len()));
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n");
}

impl axum::response::IntoResponse for Batched {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::OK, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response()
    }
}
