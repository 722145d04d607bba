//! People log in with the token, and get a cookie.

use std::net::IpAddr;

use axum::{
    Extension, Form,
    extract::{
        Query, State as From,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{
    State,
    answer::{Wanted, html, problem, see_other, set},
    connection::Caller,
    key::{Key, Purpose},
};
use crate::{
    pages::{Login, login},
    report::html::{HOME, Site},
};

/// Where the form is.
pub(super) const LOGIN: &str = "/login";

/// The cookie.
const COOKIE: &str = "coalmine_session";

/// How long the form may lie on a desk.
const FORM: SignedDuration = SignedDuration::from_hours(1);

#[derive(Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Entered {
    csrf: Option<String>,
    password: Option<String>,
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Signed {
    csrf: Option<String>,
}

/// Only a page of ours may come next.
pub(super) fn page(next: Option<String>) -> Option<String> {
    next.filter(|it| {
        it.starts_with('/')
            && !it.starts_with("//")
            && it.len() <= 1024
            && it.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    })
}

/// Whether somebody has logged in.
pub(super) fn has_session(state: &State, key: &Key, headers: &HeaderMap) -> bool {
    let now = state.service.clock().now();
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut cookies = texts.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    cookies.any(|(name, value)| name == COOKIE && key.is_sealed(Purpose::Session, value, now))
}

pub(super) async fn form(From(state): From<State>, next: Result<Query<Next>, QueryRejection>) -> Response {
    let next = page(next.ok().and_then(|Query(it)| it.next));
    match &state.key {
        None => see_other(HOME),
        Some(key) => shown(&state, key, StatusCode::OK, next.as_deref(), None),
    }
}

fn shown(
    state: &State,
    key: &Key,
    status: StatusCode,
    next: Option<&str>,
    problem: Option<&str>,
) -> Response {
    let now = state.service.clock().now();
    let csrf = key.seal(Purpose::Login, now.saturating_add(FORM).unwrap_or(now));
    let site = Site { suite: &state.service.plan().suite, ..Site::default() };
    html(status, login(&site, &Login { action: LOGIN, csrf: &csrf, next, problem }))
}

pub(super) async fn enter(
    From(state): From<State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    entered: Result<Form<Entered>, FormRejection>,
) -> Response {
    let Some(key) = state.key.clone() else { return see_other(HOME) };
    let Ok(Form(Entered { csrf, password, next })) = entered else {
        let why = "expected a form with the fields `csrf` and `password`; take it from /login";
        return problem(&state, Wanted::of(&headers), StatusCode::BAD_REQUEST, why);
    };
    let next = page(next);
    let from: IpAddr = caller.peer.ip();
    if let Err(wait) = state.rates.login(from) {
        let seconds = wait.as_secs() + 1;
        let why = format!("too many tries; the next one is taken in {seconds} s");
        let mut response = shown(&state, &key, StatusCode::TOO_MANY_REQUESTS, next.as_deref(), Some(&why));
        set(&mut response, header::RETRY_AFTER, &seconds.to_string());
        return response;
    }
    let now = state.service.clock().now();
    if !csrf.is_some_and(|it| key.is_sealed(Purpose::Login, &it, now)) {
        let why = "the form was too old; try again";
        return shown(&state, &key, StatusCode::FORBIDDEN, next.as_deref(), Some(why));
    }
    if !password.is_some_and(|it| key.is_token(it.trim())) {
        let why = "that is not the token";
        return shown(&state, &key, StatusCode::UNAUTHORIZED, next.as_deref(), Some(why));
    }
    let session = state.options.limits.session;
    let until = now.saturating_add(session).unwrap_or(now);
    let mut response = see_other(next.as_deref().unwrap_or(HOME));
    let value = key.seal(Purpose::Session, until);
    set_cookie(&mut response, &headers, &value, session.as_secs());
    response
}

pub(super) async fn leave(
    From(state): From<State>,
    headers: HeaderMap,
    signed: Result<Form<Signed>, FormRejection>,
) -> Response {
    let Some(key) = &state.key else { return see_other(HOME) };
    let now = state.service.clock().now();
    let ours =
        signed.ok().and_then(|Form(it)| it.csrf).is_some_and(|it| key.is_sealed(Purpose::Form, &it, now));
    if !ours {
        let why = "the form to log out was too old; load the page again";
        return problem(&state, Wanted::of(&headers), StatusCode::FORBIDDEN, why);
    }
    let mut response = see_other(LOGIN);
    set_cookie(&mut response, &headers, "", 0);
    response
}

fn set_cookie(response: &mut Response, headers: &HeaderMap, value: &str, seconds: u64) {
    // The service itself speaks no TLS; where a proxy does, the browser's page says so.
    let secure = headers.get(header::ORIGIN).is_some_and(|it| it.as_bytes().starts_with(b"https://"));
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    set(response, header::SET_COOKIE, &cookie);
}
