//! One request with its answer, folded; and the line that repeats it.

use maud::{Markup, html};

use super::{
    NAME, SENTENCE, json,
    text::{clipped, counted, line, quoted, time},
};
use crate::record::Exchange;

/// How many bytes of a body are shown, laid out. A record keeps less; who made it otherwise gets a page that opens.
const BODY: usize = 32 * 1024;
/// How many bytes of a header's value are shown.
const VALUE: usize = 1024;
/// How many headers are shown.
const HEADERS: usize = 60;

/// Headers that belong to one connection or one run, and would be wrong in another.
const NOT_REPEATED: &[&str] =
    &["content-length", "host", "connection", "transfer-encoding", "traceparent", "coalmine-run"];

/// How an exchange is shown.
pub(super) struct Shown<'a> {
    /// The id of its element.
    pub(super) id: String,
    /// Its number in the attempt.
    pub(super) number: usize,
    /// Whether the failure is about it.
    pub(super) about: bool,
    /// Whether headers and bodies are shown as well.
    pub(super) whole: bool,
    /// The exchange.
    pub(super) exchange: &'a Exchange,
}

/// How many bytes an exchange takes on a page, nearly.
pub(super) fn weight(exchange: &Exchange) -> usize {
    let headers = exchange.request_headers.iter().chain(&exchange.response_headers);
    let bodies = [&exchange.request_body, &exchange.response_body].into_iter().flatten();
    500 + headers.map(|(name, value)| 40 + name.len() + value.len()).sum::<usize>()
        + bodies.map(|body| body.len().min(BODY) * 3 / 2).sum::<usize>()
}

/// One exchange: a line, and the rest behind it.
pub(super) fn exchange(shown: &Shown<'_>) -> Markup {
    let Shown { id, number, about, whole, exchange } = shown;
    let head = html! {
        span.number { (number) }
        span.call { b { (line(&exchange.method, 20)) } " " (line(path(&exchange.url), NAME)) }
        (status(exchange))
        span.took { (time(exchange.duration_ms)) }
        @if *about { span.tag.failed { "the failure is about this one" } }
        @if exchange.breach.is_some() && !exchange.breach_expected {
            span.tag.failed { "breaks the contract" }
        }
    };
    if !whole {
        return html! { div.exchange.line id=(id) { (head) } };
    }
    html! {
        details.exchange id=(id) open[*about] {
            summary { (head) }
            dl.facts {
                dt { "address" } dd.code { (clipped(&exchange.url, SENTENCE)) }
                @if let Some(operation) = &exchange.operation {
                    dt { "operation" } dd.code { (line(operation, NAME)) }
                }
                @if let Some(request) = &exchange.request_id {
                    dt { "request id" } dd.code { (line(request, NAME)) }
                }
                dt { "sent at" } dd { (time(exchange.started_ms)) }
                @if let Some(error) = &exchange.error { dt { "no answer" } dd { (clipped(error, SENTENCE)) } }
                @if let Some(breach) = &exchange.breach {
                    dt { "contract" }
                    dd {
                        (clipped(breach, SENTENCE))
                        @if exchange.breach_expected {
                            " (the step was after that)"
                        }
                    }
                }
            }
            div.sides {
                (side("Request", &exchange.request_headers, exchange.request_body.as_deref()))
                (side("Answer", &exchange.response_headers, exchange.response_body.as_deref()))
            }
        }
    }
}

/// The status, or that there is none.
fn status(exchange: &Exchange) -> Markup {
    match exchange.status {
        Some(status) => html! { span class={ "status s" (status / 100) } { (status) } },
        None => html! { span.status.s5 { "no answer" } },
    }
}

fn side(name: &str, headers: &[(String, String)], body: Option<&str>) -> Markup {
    html! {
        div.side {
            h5 { (name) }
            @if !headers.is_empty() {
                dl.headers tabindex="0" {
                    @for (name, value) in headers.iter().take(HEADERS) {
                        dt { (line(name, 100)) } dd { (clipped(value, VALUE)) }
                    }
                    @if headers.len() > HEADERS {
                        dt.cut { "…" }
                        dd.cut { (counted(headers.len() - HEADERS, "header", "headers")) " more" }
                    }
                }
            }
            @match body {
                Some(body) if !body.is_empty() => (shown_body(body)),
                _ => p.dim { "no body" },
            }
        }
    }
}

/// A body in a box that scrolls.
fn shown_body(body: &str) -> Markup {
    html! { pre.body tabindex="0" { (clipped(&readable(body), BODY)) } }
}

/// A body as it is read: laid out if it is JSON.
pub(super) fn readable(body: &str) -> String {
    let kept = crate::record::cut(body, BODY * 4);
    let mut out = json::laid_out(kept).unwrap_or_else(|| kept.to_owned());
    if kept.len() < body.len() {
        out.push_str(&format!("… ({} in all)", super::text::bytes(body.len())));
    }
    out
}

/// An address without its host: what is the same in every target.
pub(super) fn path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    if behind.len() == url.len() {
        return url;
    }
    behind.find('/').map_or("/", |at| &behind[at..])
}

/// The command that sends the request again.
pub(super) fn curl(exchange: &Exchange) -> String {
    let method = match exchange.method.as_str() {
        "GET" => String::new(),
        other => format!("-X {} ", quoted(other)),
    };
    let mut words = vec![format!("curl -i {method}{}", quoted(&exchange.url))];
    for (name, value) in &exchange.request_headers {
        if !NOT_REPEATED.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            words.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
    }
    if let Some(body) = exchange.request_body.as_deref().filter(|it| !it.is_empty()) {
        words.push(format!("--data-raw {}", quoted(body)));
    }
    words.join(" \\\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_again_as_it_was() {
        let exchange = Exchange {
            method: "POST".into(),
            url: "https://x/a?b=c d".into(),
            request_headers: vec![
                ("credential".into(), "[redacted]".into()),
                ("Content-Length".into(), "7".into()),
                ("traceparent".into(), "00-1".into()),
            ],
            request_body: Some(r#"{"a":"it's"}"#.into()),
            ..Exchange::default()
        };
        assert_eq!(
            curl(&exchange),
            "curl -i -X POST 'https://x/a?b=c d' \\\n  -H 'credential: [redacted]' \\\n  --data-raw \
             '{\"a\":\"it'\\''s\"}'"
        );
    }

    #[test]
    fn a_path_is_what_stands_behind_the_host() {
        assert_eq!(path("https://127.0.0.1:80/a?b"), "/a?b");
        assert_eq!(path("https://x"), "/");
        assert_eq!(path("not an address"), "not an address");
    }
}
