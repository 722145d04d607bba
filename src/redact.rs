//! The one filter that stands before every sink: console, reports, records, logs, journal.
//!
//! First net: every secret that was resolved or learnt, in all the encodings in which it could come back. Second
//! net: places and shapes that are secret wherever they stand (a `password` member, a bearer token's shape), for
//! what nobody has registered. Redact before truncating: half a secret matches nothing.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Write as _},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex_lite::{Captures, Regex};

/// What stands where a secret stood; constant, so that it tells nothing of the length.
pub const REDACTED: &str = "[redacted]";

/// Values shorter than this are not registered: they would blot out half of every text.
const SHORTEST: usize = 6;

/// Of a longer value only the start is registered, in bytes: no honest secret is longer, and what a broken product
/// hands out as one must not cost gigabytes.
const LONGEST: usize = 4096;

/// Knows the secrets of a process, or of one run, and removes them from text. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
    /// What the process knows, if this is a run's: also what it learns while the run goes on.
    parent: Option<Arc<Self>>,
}

#[derive(Clone, Default)]
struct Known {
    /// Every form of every secret.
    forms: BTreeSet<String>,
    /// Built from `forms` when text is next cleaned; emptied when a form is added.
    matcher: Option<Arc<AhoCorasick>>,
}

impl Redactor {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A redactor that knows what this one knows and will know, and keeps its own additions to itself: for one run,
    /// whose sessions and codes nobody needs afterwards.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { known: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }

    /// A redactor that knows what all of these know now.
    #[must_use]
    pub fn all_of<'r>(redactors: impl IntoIterator<Item = &'r Self>) -> Self {
        let mut forms = BTreeSet::new();
        for redactor in redactors {
            let mut next = Some(redactor);
            while let Some(redactor) = next {
                forms.extend(
                    redactor.known.read().unwrap_or_else(PoisonError::into_inner).forms.iter().cloned(),
                );
                next = redactor.parent.as_deref();
            }
        }
        Self { known: Arc::new(RwLock::new(Known { forms, matcher: None })), parent: None }
    }

    /// Registers a secret in all its encodings. Returns `false`, and does nothing, for a value too short to be
    /// told from ordinary text.
    pub fn learn(&self, secret: &str) -> bool {
        let forms = forms_of(secret);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.forms.len();
        let any = !forms.is_empty();
        known.forms.extend(forms);
        if known.forms.len() != before {
            known.matcher = None;
        }
        any
    }

    /// The text without secrets.
    #[must_use]
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.clean_known(text);
        match clean_by_shape(&known) {
            Some(clean) => Cow::Owned(clean),
            None => known,
        }
    }

    /// The first net: this redactor's own secrets, then its parent's.
    fn clean_known<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let own = match self.matcher() {
            Some(matcher) if matcher.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                matcher.replace_all_with(text, &mut clean, |_, _, out| {
                    out.push_str(REDACTED);
                    true
                });
                Cow::Owned(clean)
            }
            _ => Cow::Borrowed(text),
        };
        match (&self.parent, own) {
            (None, own) => own,
            (Some(parent), Cow::Borrowed(text)) => parent.clean_known(text),
            (Some(parent), Cow::Owned(text)) => Cow::Owned(parent.clean_known(&text).into_owned()),
        }
    }

    fn matcher(&self) -> Option<Arc<AhoCorasick>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.matcher.is_some() || known.forms.is_empty() {
            return known.matcher.clone();
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let matcher = AhoCorasick::builder()
            // The kind that is built fastest: every secret that a run learns has it built anew, and texts are short.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            // Encoders differ in the case of their hexadecimal digits, and may mix them.
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&known.forms)
            .expect("some dozens of short patterns are within the limits of the automaton");
        known.matcher = Some(Arc::new(matcher));
        known.matcher.clone()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.known.read().unwrap_or_else(PoisonError::into_inner).forms.len();
        write!(f, "Redactor({forms} forms)")
    }
}

/// Whether a header's value is secret by the header's name.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "credential", "session", "token", "secret", "password", "api-key"]
        .iter()
        .any(|part| name.contains(part))
}

/// Every form in which a secret may come back from a product, a library or an encoder of ours.
fn forms_of(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    let whole = [secret, secret.trim()];
    for value in whole.into_iter().chain(secret.lines().map(str::trim)) {
        if value.chars().count() < SHORTEST {
            continue;
        }
        let value = &value[..value.floor_char_boundary(LONGEST)];
        forms.insert(value.to_owned());
        for keep in ["-_.~", "-_.!~*'()", "-_.*", ""] {
            let percent = percent_encode(value, keep);
            forms.insert(percent.replace("%20", "+"));
            forms.insert(percent);
        }
        let json = serde_json::to_string(value).unwrap_or_default();
        forms.insert(json.trim_matches('"').replace('/', "\\/"));
        forms.insert(json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned());
        forms.insert(value.escape_debug().to_string());
        for (quote, apostrophe) in
            [("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&quot;", "&apos;"), ("\"", "'")]
        {
            forms.insert(
                value
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;")
                    .replace('"', quote)
                    .replace('\'', apostrophe),
            );
        }
        let mut hex = String::new();
        for byte in value.bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        forms.insert(hex);
        for offset in 0..3 {
            forms.insert(base64_core(value, offset, &STANDARD_NO_PAD));
            forms.insert(base64_core(value, offset, &URL_SAFE_NO_PAD));
        }
    }
    forms.retain(|form| form.chars().count() >= SHORTEST);
    forms
}

fn percent_encode(value: &str, keep: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The part of the base64 text that depends on the secret alone when `offset` bytes (modulo 3) stand before it, as
/// in `user:password` of basic authentication.
fn base64_core(value: &str, offset: usize, engine: &impl base64::Engine) -> String {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    // Six bits a character: those touched by the bytes before, and those that bytes behind would change, go.
    let start = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(start..end).unwrap_or_default().to_owned()
}

/// The second net. `None` if nothing was found, which is the usual case.
fn clean_by_shape(text: &str) -> Option<String> {
    static MEMBER: OnceLock<Regex> = OnceLock::new();
    static PARAMETER: OnceLock<Regex> = OnceLock::new();
    static USERINFO: OnceLock<Regex> = OnceLock::new();
    static TOKEN: OnceLock<Regex> = OnceLock::new();

    const NAMES: &str = "code|session|credential|password|secret|token|signature|sig|api_key|routing_key|assertion\
                         |[a-z_]+_(?:token|secret|password|credential)|client_assertion|code_verifier|private_key";
    let member = MEMBER.get_or_init(|| regex(&format!(r#"(?i)("(?:{NAMES})"\s*:\s*")((?:[^"\\]|\\.)+)(")"#)));
    let parameter = PARAMETER.get_or_init(|| regex(&format!(r#"(?i)([?&;](?:{NAMES})=)([^&#;\s<>"']+)"#)));
    let userinfo = USERINFO.get_or_init(|| regex(r"(://)([^/\s@:?#]+:[^/\s@?#]+)(@)"));
    let token = TOKEN.get_or_init(|| {
        regex(
            r"(?x) ya29\.[\w-]{8,} | \b1//[\w-]{20,} | \b4/0[\w-]{20,}
              | (?s:-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----.*?-----END\ [A-Z\ ]*PRIVATE\ KEY-----)
              | \beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]* | \bops_\w{20,}
              | \bxox[a-z]-[\w-]{10,} | (?i:\bbearer\s+)[\w.~+/=-]{8,}",
        )
    });
    let keep_frame = |found: &Captures<'_>| {
        let part = |at| found.get(at).map_or("", |it: regex_lite::Match<'_>| it.as_str());
        format!("{}{REDACTED}{}", part(1), part(3))
    };

    let mut changed: Option<String> = None;
    for pattern in [member, parameter, userinfo] {
        if let Cow::Owned(clean) = pattern.replace_all(changed.as_deref().unwrap_or(text), keep_frame) {
            changed = Some(clean);
        }
    }
    if let Cow::Owned(clean) = token.replace_all(changed.as_deref().unwrap_or(text), REDACTED) {
        changed = Some(clean);
    }
    changed
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant and compiles in a test")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    fn check(secret: &str, text: &str, clean: &str) {
        let redactor = Redactor::new();
        redactor.learn(secret);
        assert_eq!(redactor.clean(text), clean, "{secret:?} in {text:?}");
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let secret = "pa ss/w\"ör<d>&'1+";
        for encoded in [
            secret.to_owned(),
            "pa%20ss%2Fw%22%C3%B6r%3Cd%3E%26%271%2B".to_owned(),
            "pa%20ss%2fw%22%c3%b6r%3cd%3e%26%271%2b".to_owned(),
            "pa%20ss%2Fw%22%c3%B6r%3cd%3E%26%271%2b".to_owned(),
            "pa+ss%2Fw%22%C3%B6r%3Cd%3E%26%271%2B".to_owned(),
            "pa%20ss%2Fw%22%C3%B6r%3Cd%3E%26'1%2B".to_owned(),
            r#"pa ss/w\"ör<d>&'1+"#.to_owned(),
            r#"pa ss\/w\"ör<d>&'1+"#.to_owned(),
            "pa ss/w&quot;ör&lt;d&gt;&amp;&#39;1+".to_owned(),
            "pa ss/w&quot;ör&lt;d&gt;&amp;&#x27;1+".to_owned(),
            "pa ss/w\"ör&lt;d&gt;&amp;'1+".to_owned(),
            format!("{secret:?}").trim_matches('"').to_owned(),
        ] {
            check(secret, &format!("a {encoded} b"), "a [redacted] b");
        }
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        let redactor = Redactor::new();
        redactor.learn("correct-horse");
        for before in ["", "u", "us", "use", "user:"] {
            for after in ["", "x", "xy"] {
                for encoded in [
                    STANDARD_NO_PAD.encode(format!("{before}correct-horse{after}")),
                    URL_SAFE_NO_PAD.encode(format!("{before}correct-horse{after}")),
                ] {
                    let clean = redactor.clean(&encoded);
                    assert!(clean.contains(REDACTED), "{before:?} {after:?}: {clean}");
                }
            }
        }
    }

    #[test]
    fn every_line_of_a_long_secret_counts() {
        check("-----BEGIN-----\nabcdefgh\n-----END-----", "key abcdefgh.", "key [redacted].");
    }

    #[test]
    fn the_longest_secret_wins() {
        let redactor = Redactor::new();
        redactor.learn("secret-1");
        redactor.learn("secret-1-and-more");
        assert_eq!(redactor.clean("secret-1-and-more"), REDACTED);
    }

    #[test]
    fn short_values_are_refused() {
        let redactor = Redactor::new();
        assert!(!redactor.learn("true"));
        assert_eq!(redactor.clean("true"), "true");
        assert!(redactor.learn("482913"), "a mailed code is long enough");
    }

    #[test]
    fn a_fork_keeps_its_additions_to_itself() {
        let process = Redactor::new();
        process.learn("process-wide");
        let run = process.fork();
        run.learn("of-this-run");
        assert_eq!(run.clean("process-wide of-this-run"), "[redacted] [redacted]");
        assert_eq!(process.clean("process-wide of-this-run"), "[redacted] of-this-run");
        process.learn("learnt-later");
        assert_eq!(
            run.clean("learnt-later"),
            "[redacted]",
            "the run knows what the process learns meanwhile"
        );
        assert_eq!(Redactor::all_of([&run]).clean("process-wide of-this-run"), "[redacted] [redacted]");
    }

    #[test]
    fn places_and_shapes_are_secret_unregistered() {
        let redactor = Redactor::new();
        for (text, clean) in [
            (
                r#"{"password": "a\"b", "seq_code":"SEQ002"}"#,
                r#"{"password": "[redacted]", "seq_code":"SEQ002"}"#,
            ),
            (r#"{"access_token":"x"}"#, r#"{"access_token":"[redacted]"}"#),
            ("/accept-invite?code=abc&x=1", "/accept-invite?code=[redacted]&x=1"),
            ("https://me:pw@host/", "https://[redacted]@host/"),
            ("Bearer abcdefghijkl", "[redacted]"),
            ("ya29.a0AfH6SMBx-y", "[redacted]"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig", "[redacted]"),
            ("a?code_verifier=abc&x=1", "a?code_verifier=[redacted]&x=1"),
            ("got 4/0AVG7fiQx-y_zAbCdEfGhIj, and", "got [redacted], and"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----\n", "[redacted]\n"),
            (r#"{"private_key":"-----BEGIN PRIVATE KEY-----\nMIIE"}"#, r#"{"private_key":"[redacted]"}"#),
            ("4/0 of all, 14/02/2026", "4/0 of all, 14/02/2026"),
            ("nothing secret here", "nothing secret here"),
        ] {
            assert_eq!(redactor.clean(text), clean);
        }
    }
}
