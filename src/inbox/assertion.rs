//! What a service account says to get an access token: that it acts for the mailbox's user, signed with its key
//! (RFC 7523).
//!
//! Its key file is read with the client library's own type; its flow is not used, because that writes what it signs
//! and what it is given to the log, and drops the reason of a refusal.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rustls::{
    SignatureScheme,
    crypto::ring::sign::RsaSigningKey,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey as _,
};
use serde_json::json;

use super::{credential::ServiceAccount, gmail::GOOGLE_TOKEN_URI, token::READONLY};

/// As the form names this way to a token.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// For how long what was signed is good; Google takes no more.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// The signed word, good from `now` on; `None` if the account's key is none that signs.
///
/// It asks for the least that reads mail. It is meant for Google, wherever it is sent: what stands in for Google's
/// endpoint checks what Google does.
pub(super) fn sign(account: &ServiceAccount, now: Timestamp) -> Option<String> {
    let ServiceAccount { client_email, private_key, private_key_id, subject, .. } = account;
    let issued = now.as_second();
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = private_key_id {
        header["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": client_email,
        "sub": subject,
        "scope": READONLY,
        "aud": GOOGLE_TOKEN_URI,
        "iat": issued,
        "exp": issued + LIFETIME.as_secs(),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = PrivateKeyDer::from_pem_slice(private_key.expose().as_bytes()).ok()?;
    let signer = RsaSigningKey::new(&key).ok()?.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    let signature = signer.sign(signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
