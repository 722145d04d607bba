//! What is read of a service that is not the product: a pager, a receiver of traces.

use std::{error::Error, time::Duration};

use reqwest::{Response, header::RETRY_AFTER};

/// When the service wants to be asked again, in seconds (RFC 9110, 10.2.3). The form with a date is as good as none.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The first `limit` bytes of an answer's body. What cannot be read of it is left out: the status has been said.
pub(crate) async fn start_of(mut response: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == limit {
            break;
        }
    }
    body
}

/// What went wrong, with what lies below it and without the address, which may be secret.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = error.source();
    }
    text
}
