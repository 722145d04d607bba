//! What the mailbox's own host found out about a mail's sender: `Authentication-Results`, RFC 8601.
//!
//! Anybody can write such a header into a mail, under any name. Three things keep a forged one out. Only headers of
//! the one host are read whose word the mailbox's owner has reason to take. Only the top-most of them is read, and
//! only above whatever another host or the sender has written: a host adds its headers on top. And within it,
//! whatever a sender could have smuggled in (its own address is quoted there) makes the result ambiguous, and not
//! better. What is left: were the host to write no such header at all, the first line of the sender's own could be
//! taken for it. Google writes one on every mail that comes over SMTP.

use std::fmt;

/// The host whose word counts: Gmail's.
const HOST: &str = "mx.google.com";

/// What a method said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthResult {
    /// The mail is what the domain's records demand.
    Pass,
    /// It is not.
    Fail,
    /// It is not, and the domain asks not to be strict (SPF).
    SoftFail,
    /// The domain says nothing about it.
    Neutral,
    /// There is nothing to check by.
    None,
    /// It could not be checked now.
    TempError,
    /// It cannot be checked: the domain's records are wrong.
    PermError,
    /// The header has more than one result of a method that has one: somebody wrote into it.
    Ambiguous,
    /// A word that is not known here.
    Other,
}

impl AuthResult {
    const WORDS: [(&str, Self); 9] = [
        ("pass", Self::Pass),
        ("fail", Self::Fail),
        ("hardfail", Self::Fail),
        ("softfail", Self::SoftFail),
        ("neutral", Self::Neutral),
        ("none", Self::None),
        ("temperror", Self::TempError),
        ("permerror", Self::PermError),
        ("ambiguous", Self::Ambiguous),
    ];

    fn of(word: &str) -> Self {
        let known = Self::WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        // A host that really says "ambiguous" has not said "pass" either.
        known.map_or(Self::Other, |(_, result)| *result)
    }

    /// The result's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, it)| *it == self).map_or("another result", |(word, _)| word)
    }
}

impl fmt::Display for AuthResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One method's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthCheck {
    /// What it said.
    pub result: AuthResult,
    /// Of which domain, in lower case: that of the envelope's sender (SPF), of the signature (DKIM), or of the author
    /// (DMARC).
    pub domain: Option<String>,
}

impl AuthCheck {
    fn passed(&self) -> bool {
        self.result == AuthResult::Pass
    }
}

/// What the mailbox's host found out about the sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// Whether the machine that handed the mail in may speak for the envelope's sender.
    pub spf: Option<AuthCheck>,
    /// One per signature.
    pub dkim: Vec<AuthCheck>,
    /// Whether one of the two speaks for the author's domain.
    pub dmarc: Option<AuthCheck>,
}

impl Authentication {
    /// The host's word on a mail, from its headers, top-most first.
    pub(super) fn of(headers: &[(String, String)]) -> Option<Self> {
        let mut taken = false;
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "received" => match by(value)?.as_str() {
                    HOST => taken = true,
                    // Machines inside are written with an address of 6to4's range.
                    host if host.ends_with(".google.com") || host.starts_with("2002:") => (),
                    _ => return None,
                },
                "authentication-results" => return Self::read(value).filter(|_| taken),
                // What Gmail writes beside them.
                "delivered-to" | "return-path" | "received-spf" => (),
                _ if name.starts_with("x-") || name.starts_with("arc-") => (),
                _ => return None,
            }
        }
        None
    }

    fn read(value: &str) -> Option<Self> {
        let entries = entries(value)?;
        let (host, results) = entries.split_first()?;
        match host.as_slice() {
            [host] if host.eq_ignore_ascii_case(HOST) => (),
            [host, version] if host.eq_ignore_ascii_case(HOST) && version == "1" => (),
            _ => return None,
        }
        let mut found = Self::default();
        for entry in results {
            let Some((method, result)) = entry.first().and_then(|first| first.split_once('=')) else {
                continue;
            };
            let method = method.split('/').next().unwrap_or(method).to_ascii_lowercase();
            let domain = |names: &[&str]| {
                let properties = entry.iter().skip(1).filter_map(|it| it.split_once('='));
                let mut values =
                    properties.filter(|(name, _)| names.iter().any(|it| name.eq_ignore_ascii_case(it)));
                values.next().map(|(_, value)| domain_of(value))
            };
            let check = |names| AuthCheck { result: AuthResult::of(result), domain: domain(names) };
            match method.as_str() {
                "spf" => once(&mut found.spf, check(&["smtp.mailfrom", "smtp.helo"])),
                "dkim" => found.dkim.push(check(&["header.i", "header.d"])),
                "dmarc" => once(&mut found.dmarc, check(&["header.from"])),
                _ => (),
            }
        }
        Some(found)
    }

    /// Whether a domain has vouched for this author's: DKIM or SPF passed for one that belongs to the same
    /// organisation.
    #[must_use]
    pub fn is_aligned(&self, author: &str) -> bool {
        let passed = self.spf.iter().chain(&self.dkim).filter(|it| it.passed());
        passed.filter_map(|it| it.domain.as_deref()).any(|domain| same_organisation(domain, author))
    }

    /// What is missing for a mail of this author's domain to be beyond doubt.
    pub(super) fn shortcomings(&self, author: &str) -> Vec<String> {
        let of = |check: &AuthCheck| {
            let domain = check.domain.as_deref().map_or(String::new(), |it| format!(" for `{it}`"));
            format!("`{}`{domain}", check.result)
        };
        let mut missing = Vec::new();
        match &self.spf {
            None => missing.push("no result of SPF".to_owned()),
            Some(spf) if !spf.passed() => missing.push(format!("SPF {}", of(spf))),
            Some(_) => (),
        }
        if self.dkim.is_empty() {
            missing.push("no signature by DKIM".to_owned());
        } else if !self.dkim.iter().any(AuthCheck::passed) {
            missing.push(format!("DKIM {}", self.dkim.iter().map(of).collect::<Vec<_>>().join(", ")));
        }
        match &self.dmarc {
            None => missing.push("no result of DMARC".to_owned()),
            Some(dmarc) if !dmarc.passed() => missing.push(format!("DMARC {}", of(dmarc))),
            Some(dmarc) if dmarc.domain.as_deref() != Some(author) => {
                let judged = dmarc.domain.as_deref().unwrap_or("nobody");
                missing.push(format!("DMARC of `{judged}`, and not of the author's domain `{author}`"));
            }
            Some(_) if !self.is_aligned(author) => {
                missing.push(format!("neither SPF nor DKIM for the author's domain `{author}`"));
            }
            Some(_) => (),
        }
        missing
    }
}

/// A second result makes both worthless: one of them was smuggled in.
fn once(place: &mut Option<AuthCheck>, check: AuthCheck) {
    *place = match place {
        None => Some(check),
        Some(_) => Some(AuthCheck { result: AuthResult::Ambiguous, domain: None }),
    };
}

/// Who wrote a `Received`, in lower case.
fn by(received: &str) -> Option<String> {
    let entries = entries(received)?;
    let mut words = entries.first()?.iter();
    words.find(|word| word.eq_ignore_ascii_case("by"))?;
    Some(words.next()?.to_ascii_lowercase())
}

/// The words of a structured header, split at `;`: comments are left out, and what is quoted is one word. `None` if a
/// comment or a quote has no end.
fn entries(value: &str) -> Option<Vec<Vec<String>>> {
    let mut entries = vec![Vec::new()];
    let mut word = String::new();
    let (mut depth, mut quoted) = (0_usize, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || depth > 0 => {
                let escaped = chars.next()?;
                if depth == 0 {
                    word.push(escaped);
                }
            }
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => word.push(c),
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => (),
            ';' | ' ' | '\t' => {
                if !word.is_empty() {
                    entries.last_mut()?.push(std::mem::take(&mut word));
                }
                if c == ';' {
                    entries.push(Vec::new());
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        entries.last_mut()?.push(word);
    }
    if depth > 0 || quoted { None } else { Some(entries) }
}

/// What stands behind the last `@`, in lower case.
pub(super) fn domain_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    domain.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether two domains belong together, as DMARC's relaxed alignment has it.
///
/// Strictly that takes the list of public suffixes. Its place is taken by a rule that is right for nearly all domains:
/// an organisation's is the last two labels, or the last three if those two are short, as in `shop.co.uk`.
fn same_organisation(one: &str, other: &str) -> bool {
    fn organisation(domain: &str) -> &str {
        let mut dots = domain.rmatch_indices('.').map(|(at, _)| at);
        let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return domain };
        let is_suffix = domain.len() - last <= 3 && last - second <= 4;
        let start = if is_suffix { dots.next().map_or(0, |at| at + 1) } else { second + 1 };
        &domain[start..]
    }
    !one.is_empty() && organisation(one) == organisation(other)
}

#[cfg(test)]
mod tests;
