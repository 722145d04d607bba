//! The frame around every page: head, top line, assets, and what a browser may do with it.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::text::{encoded, line};
use crate::verdict::Verdict;

/// How a page gets its stylesheet and its script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assets<'a> {
    /// From the paths of [`assets`], which a server answers.
    #[default]
    Linked,
    /// They stand in the page. A browser that is told so by [`security_policy`] runs them, and nothing else, because
    /// it knows their hashes, or the nonce of this one answer.
    Embedded {
        /// The nonce, if the policy names one instead of the hashes.
        nonce: Option<&'a str>,
    },
}

/// A file that pages need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where it is: its name changes with its content, so that browsers may keep it for ever.
    pub path: String,
    /// What the answer's `content-type` is.
    pub content_type: &'static str,
    /// What is in it.
    pub text: &'static str,
    /// As a policy names it: `sha256-…`.
    pub hash: String,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("style", "css", "text/css; charset=utf-8", include_str!("style.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("live", "js", "text/javascript; charset=utf-8", include_str!("live.js")));

/// The stylesheet and the script.
#[must_use]
pub fn assets() -> [&'static Asset; 2] {
    [&STYLE, &SCRIPT]
}

fn asset(name: &str, extension: &str, content_type: &'static str, text: &'static str) -> Asset {
    let digest = Sha256::digest(text);
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Asset {
        path: format!("/assets/{name}-{short}.{extension}"),
        content_type,
        text,
        hash: format!("sha256-{}", STANDARD.encode(digest)),
    }
}

/// What a `Content-Security-Policy` header says of these pages: nothing from elsewhere, no code but ours.
#[must_use]
pub fn security_policy(assets: Assets<'_>) -> String {
    let (style, script) = match assets {
        Assets::Linked => ("'self'".to_owned(), "'self'".to_owned()),
        Assets::Embedded { nonce: Some(nonce) } => (format!("'nonce-{nonce}'"), format!("'nonce-{nonce}'")),
        Assets::Embedded { nonce: None } => (format!("'{}'", STYLE.hash), format!("'{}'", SCRIPT.hash)),
    };
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; img-src data:; connect-src 'self'; form-action \
         'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// What all pages of a service have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site<'a> {
    /// The suite.
    pub suite: &'a str,
    /// The product instance under watch.
    pub target: &'a str,
    /// How pages get their stylesheet.
    pub assets: Assets<'a>,
    /// The token of the form that logs out; without one there is no such form.
    pub logout: Option<&'a str>,
}

/// Where the overview is.
pub const HOME: &str = "/";
/// Where the product's operations are.
pub const SURFACE: &str = "/surface";
/// Where all that is wrong is.
pub const INCIDENTS: &str = "/incidents";
/// Where changes are announced, as server-sent events.
pub const EVENTS: &str = "/events";
/// Where the form that logs out goes.
pub const LOGOUT: &str = "/logout";

/// Where a run's page is.
#[must_use]
pub fn run_path(run: &str) -> String {
    format!("/runs/{}", encoded(run))
}

/// Where an incident's page is.
#[must_use]
pub fn incident_path(incident: &str) -> String {
    format!("/incidents/{}", encoded(incident))
}

/// Where a canary's page is.
#[must_use]
pub fn canary_path(canary: &str) -> String {
    format!("/canaries/{}", encoded(canary))
}

/// Where a step's page is. A fixture's name is its title, as in `fixture workspace`.
#[must_use]
pub fn step_path(canary: &str, step: &str) -> String {
    format!("{}/steps/{}", canary_path(canary), encoded(step))
}

/// What a page is about.
pub(crate) struct Head<'a> {
    /// What the browser's tab says first, and shows as its picture.
    pub(crate) verdict: Option<Verdict>,
    /// What it says next; the suite's name is added.
    pub(crate) title: &'a str,
    /// Whether it changes by itself.
    pub(crate) live: bool,
    /// Whether the rest of the site can be reached from it.
    pub(crate) alone: bool,
    /// Whether there will soon be something else in its place: it is asked for again also where no script does that.
    pub(crate) waits: bool,
}

/// A whole page around its main part.
pub(crate) fn framed(site: &Site<'_>, head: &Head<'_>, main: &Markup) -> String {
    let Site { suite, target, assets, logout } = site;
    let verdict = head.verdict.map(|it| format!("{it}: ")).unwrap_or_default();
    let suite_name = line(suite, 80);
    // Where there is no server, nobody sends the policy along.
    let policy = (head.alone && matches!(assets, Assets::Embedded { nonce: None })).then(|| {
        let policy = security_policy(*assets);
        policy.replace("; frame-ancestors 'none'", "").replace("connect-src 'self'", "connect-src 'none'")
    });
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if let Some(policy) = &policy {
                    meta http-equiv="Content-Security-Policy" content=(policy);
                }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                meta name="robots" content="noindex, nofollow";
                @if head.waits { noscript { meta http-equiv="refresh" content="2"; } }
                title { (verdict) (line(head.title, 120)) " · " (suite_name) }
                link rel="icon" href=(favicon(head.verdict));
                @match assets {
                    Assets::Linked => {
                        link rel="stylesheet" href=(STYLE.path);
                        script src=(SCRIPT.path) defer {}
                    }
                    Assets::Embedded { nonce } => {
                        style nonce=[*nonce] { (PreEscaped(STYLE.text)) }
                        // Only files can be deferred; it waits for the page by itself.
                        script nonce=[*nonce] { (PreEscaped(SCRIPT.text)) }
                    }
                }
            }
            body data-events=[head.live.then_some(EVENTS)] {
                a.skip href="#main" { "Skip to content" }
                (shapes())
                header.top {
                    @if head.alone {
                        span.brand { (bird()) span { (suite_name) } }
                    } @else {
                        a.brand href=(HOME) { (bird()) span { (suite_name) } }
                    }
                    @if !target.is_empty() {
                        p.target { span.dim { "watching " } (line(target, 200)) }
                    }
                    // Who is not told what is watched is not let in there either.
                    @if !head.alone && !target.is_empty() {
                        nav.site aria-label="Site" {
                            a href=(HOME) { "Overview" } a href=(INCIDENTS) { "Incidents" } a href=(SURFACE) { "Surface" }
                        }
                    }
                    @if let Some(token) = logout {
                        form method="post" action=(LOGOUT) {
                            input type="hidden" name="csrf" value=(token);
                            button.quiet { "Log out" }
                        }
                    }
                }
                p #stream role="status" hidden {}
                main #main tabindex="-1" { (main) }
                footer { "Coalmine " (env!("CARGO_PKG_VERSION")) " · all times are UTC" }
            }
        }
    };
    page.into_string()
}

/// A picture for the tab: the verdict's shape in its colour.
fn favicon(verdict: Option<Verdict>) -> String {
    let drawing = match verdict {
        Some(Verdict::Passed) => {
            "<circle cx='8' cy='8' r='8' fill='%231a7f37'/><path d='m4.5 8.3 2.4 2.4 4.6-5.2'/>"
        }
        Some(Verdict::Failed) => {
            "<path d='M5 0h6l5 5v6l-5 5H5l-5-5V5z' fill='%23cf222e' stroke='none'/><path d='m5 5 6 6m0-6-6 6'/>"
        }
        Some(Verdict::Inconclusive) => {
            "<path d='M8 0 16 15H0z' fill='%239a6700' stroke='none'/><path d='M8 5.5v4m0 2.5v.1'/>"
        }
        Some(Verdict::Blocked | Verdict::Skipped) => {
            "<circle cx='8' cy='8' r='8' fill='%2359636e'/><path d='M4.5 8h7'/>"
        }
        None => "<circle cx='8' cy='8' r='8' fill='%23f2b705' stroke='none'/>",
    };
    format!(
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><g fill='none' \
         stroke='white' stroke-width='2' stroke-linecap='round'>{drawing}</g></svg>"
    )
}

/// Every verdict's shape, to be shown by `use`: none is told by its colour alone.
fn shapes() -> Markup {
    let symbol = |name: &str, drawing: &Markup| {
        html! { symbol id={ "shape-" (name) } viewBox="0 0 16 16" { (drawing) } }
    };
    let disc = html! { circle cx="8" cy="8" r="7.5" fill="currentColor" {} };
    let ring = html! { circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="2" {} };
    let glyph = |d: &str| html! { path.glyph d=(d) {} };
    let line = |d: &str| {
        html! { path d=(d) fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" {} }
    };
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            defs {
                pattern #hatch width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="8" height="8" {}
                    rect.hatch-line width="3" height="8" {}
                }
            }
            (symbol("passed", &html! { (disc) (glyph("m4.6 8.3 2.4 2.4 4.4-5")) }))
            (symbol("flaky", &html! { (disc) (glyph("M4 9.2c1.2-2.4 2.6-2.4 4-1.2s2.8 1.2 4-1.2")) }))
            (symbol("failed", &html! {
                path d="M4.9.5h6.2l4.4 4.4v6.2l-4.4 4.4H4.9L.5 11.1V4.9z" fill="currentColor" {}
                (glyph("m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6"))
            }))
            (symbol("inconclusive", &html! {
                path d="M8 .8 15.7 15H.3z" fill="currentColor" {}
                (glyph("M8 6v3.6m0 2.6v.1"))
            }))
            (symbol("blocked", &html! {
                rect x="1" y="1" width="14" height="14" rx="2" fill="currentColor" {}
                (glyph("m4.5 11.5 7-7"))
            }))
            (symbol("skipped", &html! { (ring) (line("M5 8h6")) }))
            (symbol("paused", &html! { (ring) (line("M6.2 5.8v4.4m3.6-4.4v4.4")) }))
            (symbol("running", &html! { (ring) path d="M6.3 5v6l5-3z" fill="currentColor" {} }))
            (symbol("none", &html! {
                circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="2"
                    stroke-dasharray="2.5 2.6" {}
            }))
        }
    }
}

/// The house's mark.
fn bird() -> Markup {
    html! {
        svg.bird viewBox="0 0 32 32" aria-hidden="true" {
            path.bird-body d="M5 27c1-10 5-19 14-19 6 0 8 4 8 7 0 8-7 11-13 11-4 0-7 0-9 1z" {}
            path.bird-wing d="M10 22c2-5 6-7 11-7-1 5-5 8-11 7z" {}
            path.bird-beak d="M26.6 11.6 31 13l-4 2.2z" {}
            circle.bird-eye cx="22.4" cy="12" r="1.5" {}
        }
    }
}
