//! Secrets, ids and codes from the machine's random source, and the hash under which passwords are kept.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).expect("the machine has a random source");
    bytes
}

/// `N` random bytes as hex digits, twice as many.
pub(crate) fn hex<const N: usize>() -> String {
    bytes::<N>().iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written to it");
        text
    })
}

/// Six random digits.
pub(crate) fn code() -> String {
    format!("{:06}", u64::from_be_bytes(bytes()) % 1_000_000)
}

/// The signature of `text` under `key`.
pub(crate) fn sign(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

/// A password as it is kept: salted and hashed. Fast on purpose; the sandbox guards nothing.
#[derive(Clone, Debug)]
pub(crate) struct Password {
    salt: [u8; 16],
    hash: Vec<u8>,
}

impl Password {
    pub(crate) fn new(plain: &str) -> Password {
        let salt = bytes();
        Password { salt, hash: sign(&salt, plain.as_bytes()).finalize().into_bytes().to_vec() }
    }

    pub(crate) fn is(&self, plain: &str) -> bool {
        sign(&self.salt, plain.as_bytes()).verify_slice(&self.hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_itself_only() {
        let password = Password::new("correct horse");
        assert!(password.is("correct horse"));
        assert!(!password.is("correct horse "));
    }

    #[test]
    fn shapes() {
        assert_eq!(hex::<32>().len(), 64);
        assert_ne!(hex::<32>(), hex::<32>());
        let code = code();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    }
}
