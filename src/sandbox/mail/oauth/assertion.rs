//! What a service account says and signs: a JSON web token, checked as Google checks it.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Refusal, SCOPES, scopes};

/// As the form names this way to a token.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// For whom the word must be meant, wherever the endpoint is: Google's Python client writes this whatever its key file
/// says.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

const EMAIL: &str = "canaries@coalmine-sandbox.iam.gserviceaccount.com";

const KEY_ID: &str = "5a9d1b0c00000000000000000000000000000001";

/// The longest that a word may be good for.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// How far the signer's clock may be off \[M\].
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The key in the repository, which opens nothing but sandboxes. (No crate in the tree makes RSA keys, and a client signs
/// with no other kind.)
const PEM: &str = include_str!("service-account.pem");

static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    let key = PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).expect("the sandbox's own key is PEM");
    RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("the sandbox's own key is an RSA key")
});

/// The key file of the sandbox's service account, as Google's console gives it; `token_uri` is where its word is taken.
/// Its key is the same in every sandbox.
#[must_use]
pub fn service_account(token_uri: &str) -> String {
    let (_, key) = PEM.split_once("\n\n").expect("a note and a key");
    let file = json!({
        "type": "service_account",
        "project_id": "coalmine-sandbox",
        "private_key_id": KEY_ID,
        "private_key": key,
        "client_email": EMAIL,
        "client_id": "100000000000000000001",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    });
    file.to_string()
}

/// A word that is genuine, and meant for now and here.
pub(super) struct Said {
    /// In whose name.
    pub(super) subject: Option<String>,
    pub(super) scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    aud: String,
    iat: i64,
    exp: i64,
}

pub(super) fn verify(assertion: &str, now: Timestamp) -> Result<Said, Refusal> {
    let malformed = || Refusal::invalid_grant("Invalid JWT: Malformed token.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let Header { alg } = part(header).ok_or_else(malformed)?;
    let Claims { iss, sub, scope, aud, iat, exp } = part(claims).ok_or_else(malformed)?;
    if iss != EMAIL {
        return Err(Refusal::invalid_grant("Invalid grant: account not found"));
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, KEY.public_key());
    let genuine = bytes(signature).is_some_and(|signature| key.verify(signed.as_bytes(), &signature).is_ok());
    if alg != "RS256" || !genuine {
        return Err(Refusal::invalid_grant("Invalid JWT Signature."));
    }
    let short = iat <= exp && exp - iat <= LONGEST.as_secs();
    let (now, skew) = (now.as_second(), SKEW.as_secs());
    if !short || iat > now + skew || exp < now - skew {
        return Err(Refusal::invalid_grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your \
             iat and exp values in the JWT claim.",
        ));
    }
    if aud != AUDIENCE {
        return Err(Refusal::invalid_grant("Invalid JWT: Failed audience check."));
    }
    let scopes = scopes(&scope);
    if scopes.is_empty() {
        return Err(Refusal::bad("invalid_scope", "Empty or missing scope not allowed."));
    }
    if !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
        return Err(Refusal::bad("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(Said { subject: sub.filter(|sub| !sub.is_empty()), scopes })
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&bytes(text)?).ok()
}

/// With padding or without: clients do either.
fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
