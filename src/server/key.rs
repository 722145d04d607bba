//! What the token lets somebody do: sign, and tell what was signed. The token itself is kept nowhere.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// Derived from the token. What is signed for one purpose is worth nothing for another.
pub(super) struct Key {
    key: [u8; 32],
    /// The token's own signature: comparing signatures takes the same time however much of them fits.
    token: Vec<u8>,
}

/// What signatures are for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// The cookie of somebody who has logged in.
    Session,
    /// The form to log in.
    Login,
    /// The form to log out, and other forms of those who have logged in.
    Form,
    /// A link to one page.
    Link,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Login => "login",
            Self::Form => "form",
            Self::Link => "link",
        }
    }
}

impl Key {
    pub(super) fn of(token: &str) -> Self {
        let key =
            mac(token.as_bytes(), &["coalmine: cookies, forms and links"]).finalize().into_bytes().into();
        let mut it = Self { key, token: Vec::new() };
        it.token = it.mac_of_token(token).finalize().into_bytes().to_vec();
        it
    }

    pub(super) fn is_token(&self, candidate: &str) -> bool {
        self.mac_of_token(candidate).verify_slice(&self.token).is_ok()
    }

    fn mac_of_token(&self, token: &str) -> Hmac<Sha256> {
        mac(&self.key, &["token", token])
    }

    /// The signature of a text that holds until then.
    pub(super) fn sign(&self, purpose: Purpose, text: &str, until: Timestamp) -> String {
        let until = until.as_second().to_string();
        URL_SAFE_NO_PAD.encode(mac(&self.key, &[purpose.word(), &until, text]).finalize().into_bytes())
    }

    /// Whether the text was signed, and the signature still holds.
    pub(super) fn holds(
        &self,
        purpose: Purpose,
        text: &str,
        until: &str,
        signature: &str,
        now: Timestamp,
    ) -> bool {
        let fresh = until.parse::<i64>().is_ok_and(|it| it > now.as_second() && it.to_string() == until);
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        fresh && mac(&self.key, &[purpose.word(), until, text]).verify_slice(&signature).is_ok()
    }

    /// A signature with its end in one word.
    pub(super) fn seal(&self, purpose: Purpose, until: Timestamp) -> String {
        format!("{}.{}", until.as_second(), self.sign(purpose, "", until))
    }

    pub(super) fn is_sealed(&self, purpose: Purpose, seal: &str, now: Timestamp) -> bool {
        seal.split_once('.').is_some_and(|(until, signature)| self.holds(purpose, "", until, signature, now))
    }
}

fn mac(key: &[u8], parts: &[&str]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_holds_for_its_purpose_text_and_time_only() {
        let key = Key::of("a-token-of-some-length");
        let at = |second| Timestamp::from_second(second).unwrap();
        let signature = key.sign(Purpose::Link, "/runs/a", at(100));
        assert!(key.holds(Purpose::Link, "/runs/a", "100", &signature, at(99)));
        for (purpose, text, until, now) in [
            (Purpose::Link, "/runs/a", "100", 100),
            (Purpose::Link, "/runs/b", "100", 99),
            (Purpose::Link, "/runs/a", "101", 99),
            (Purpose::Link, "/runs/a", "0100", 99),
            (Purpose::Session, "/runs/a", "100", 99),
        ] {
            assert!(!key.holds(purpose, text, until, &signature, at(now)), "{text} {until} {now}");
        }
        assert!(!Key::of("another-token").holds(Purpose::Link, "/runs/a", "100", &signature, at(99)));
        assert!(!key.holds(Purpose::Link, "/runs/a", "100", "", at(99)));

        let seal = key.seal(Purpose::Session, at(100));
        assert!(key.is_sealed(Purpose::Session, &seal, at(99)));
        assert!(!key.is_sealed(Purpose::Form, &seal, at(99)));
        assert!(!key.is_sealed(Purpose::Session, &seal, at(101)));
        assert!(key.is_token("a-token-of-some-length") && !key.is_token("a-token-of-some-lengtH"));
    }
}
