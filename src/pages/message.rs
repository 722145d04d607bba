//! Small pages: a message, and the form to log in.

use maud::html;

use crate::{
    report::html::{
        HOME, Head, Site, framed,
        text::{clipped, line, shape},
    },
    verdict::Verdict,
};

use super::{NAME, SENTENCE};

/// A page that says one thing.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it says first, and in the tab.
    pub title: &'a str,
    /// What it says next.
    pub text: &'a str,
    /// Which shape stands before it.
    pub verdict: Option<Verdict>,
    /// Where to go from here: words and path. The overview is always among them.
    pub links: &'a [(&'a str, &'a str)],
    /// Whether it is shown until there is something else.
    pub live: bool,
}

impl Message<'_> {
    /// There is no such page.
    pub const NOT_FOUND: Message<'static> = Message {
        title: "Not found",
        text: "There is no such page. A run that was here may have been too old to keep.",
        verdict: None,
        links: &[],
        live: false,
    };

    /// The service itself has a problem.
    pub const ERROR: Message<'static> = Message {
        title: "This page could not be made",
        text: "The service has a problem of its own, which says nothing about the product. Its log has the reason.",
        verdict: Some(Verdict::Inconclusive),
        links: &[],
        live: false,
    };
}

/// The page of a message.
#[must_use]
pub fn message(site: &Site<'_>, message: &Message<'_>) -> String {
    let Message { title, text, verdict, links, live } = message;
    let main = html! {
        div.small-page {
            h1 { @if let Some(verdict) = verdict { (shape(verdict.as_str())) } (line(title, NAME)) }
            p { (clipped(text, SENTENCE)) }
            p.links {
                @for (words, path) in *links { a href=(path) { (line(words, NAME)) } " " }
                a href=(HOME) { "Overview" }
            }
        }
    };
    // No verdict in the tab: it would be taken for the product's.
    framed(site, &Head { verdict: None, title, live: *live, alone: false, waits: *live }, &main)
}

/// What the form to log in needs.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Where it goes.
    pub action: &'a str,
    /// The token that says that the form is ours.
    pub csrf: &'a str,
    /// Which page was asked for.
    pub next: Option<&'a str>,
    /// Why the last try did not succeed.
    pub problem: Option<&'a str>,
}

/// The form to log in.
#[must_use]
pub fn login(site: &Site<'_>, login: &Login<'_>) -> String {
    let Login { action, csrf, next, problem } = login;
    let main = html! {
        div.small-page {
            h1 { "Log in" }
            @if let Some(problem) = problem {
                p #problem.problem role="alert" { (shape("failed")) (clipped(problem, SENTENCE)) }
            }
            form method="post" action=(action) {
                input type="hidden" name="csrf" value=(csrf);
                @if let Some(next) = next { input type="hidden" name="next" value=(next); }
                // Password managers want to know whose password it is.
                input type="hidden" name="username" value="coalmine" autocomplete="username";
                label for="password" { "Password or token" }
                input #password type="password" name="password" required autofocus autocomplete="current-password"
                    aria-describedby=[problem.map(|_| "problem")];
                button { "Log in" }
            }
        }
    };
    // Who is not logged in need not know what is watched.
    let site = Site { target: "", logout: None, ..*site };
    framed(&site, &Head { verdict: None, title: "Log in", live: false, alone: false, waits: false }, &main)
}
