//! Consent, its code, and the signed word of a service account.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Options, World, answer, text};
use crate::mail::service_account;

const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
const REDIRECT: &str = "http://127.0.0.1:4711/";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-in-length";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

impl World {
    /// What the page of consent answers to the right request, changed by `change`: status, and where the browser goes
    /// or what it shows.
    async fn consent(&self, change: &[(&str, Option<&str>)]) -> (u16, String) {
        let mut query = vec![
            ("client_id", self.service.options().client_id.clone().unwrap()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("response_type", "code".to_owned()),
            ("scope", READONLY.to_owned()),
            ("state", "a state&more".to_owned()),
            ("access_type", "offline".to_owned()),
            ("prompt", "consent".to_owned()),
            ("code_challenge", challenge()),
            ("code_challenge_method", "S256".to_owned()),
        ];
        for (name, value) in change {
            query.retain(|(field, _)| field != name);
            query.extend(value.map(|value| (*name, value.to_owned())));
        }
        let request = self.http.get(format!("{}/o/oauth2/v2/auth", self.root)).query(&query);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let place = response.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        (
            status,
            match place {
                Some(place) => place,
                None => response.text().await.unwrap(),
            },
        )
    }

    /// The code of a consent.
    async fn code(&self, change: &[(&str, Option<&str>)]) -> String {
        let (status, place) = self.consent(change).await;
        assert_eq!(status, 302, "{place}");
        parameter(&place, "code").unwrap()
    }

    /// The token endpoint's answer to a code.
    async fn redeem(&self, code: &str, change: &[(&str, Option<&str>)]) -> (u16, Value) {
        let change = [
            &[
                ("grant_type", Some("authorization_code")),
                ("refresh_token", None),
                ("code", Some(code)),
                ("redirect_uri", Some(REDIRECT)),
                ("code_verifier", Some(VERIFIER)),
            ],
            change,
        ];
        self.ask_token(&change.concat()).await
    }

    /// The token endpoint's answer to a signed word: the right claims, changed by `change`.
    async fn believe(&self, change: &[(&str, Value)]) -> (u16, Value) {
        self.present(&self.word(change)).await
    }

    async fn present(&self, assertion: &str) -> (u16, Value) {
        let form = [("grant_type", BEARER), ("assertion", assertion)];
        answer(self.http.post(format!("{}/token", self.root)).form(&form)).await
    }

    fn word(&self, change: &[(&str, Value)]) -> String {
        let now = self.clock.now().as_second();
        let file: Value = serde_json::from_str(&service_account("https://unused/")).unwrap();
        let mut claims = json!({
            "iss": file["client_email"],
            "sub": "coalmine@sandbox.test",
            "scope": READONLY,
            "aud": "https://oauth2.googleapis.com/token",
            "iat": now,
            "exp": now + 3600,
        });
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims));
        let pem = text(&file["private_key"]);
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn opens(&self, access_token: &Value) -> u16 {
        self.call_as("profile", "me", &format!("Bearer {}", text(access_token))).await.0
    }
}

/// A parameter of an address, decoded.
fn parameter(address: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_consent_becomes_a_refresh_token_that_works() {
    let world = World::start().await;
    let (status, place) = world.consent(&[]).await;
    assert_eq!(status, 302);
    assert!(place.starts_with(&format!("{REDIRECT}?")), "{place}");
    assert_eq!(parameter(&place, "state").unwrap(), "a state&more");
    assert_eq!(parameter(&place, "scope").unwrap(), READONLY);
    let (status, body) = world.redeem(&parameter(&place, "code").unwrap(), &[]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["scope"], &body["expires_in"]), (&json!(READONLY), &json!(3599)));
    assert_eq!(body.get("refresh_token_expires_in"), None, "a grant without an end");
    assert_eq!(world.opens(&body["access_token"]).await, 200);
    let refresh_token = text(&body["refresh_token"]);
    let (status, body) = world.ask_token(&[("refresh_token", Some(&refresh_token))]).await;
    assert_eq!((status, world.opens(&body["access_token"]).await), (200, 200));
}

#[tokio::test]
async fn only_who_asks_for_it_gets_a_refresh_token() {
    let world = World::start().await;
    for missing in ["access_type", "prompt"] {
        let code = world.code(&[(missing, None)]).await;
        let (status, body) = world.redeem(&code, &[]).await;
        assert_eq!((status, body.get("refresh_token")), (200, None), "without {missing}");
    }
}

#[tokio::test]
async fn a_grant_in_testing_says_when_it_ends_and_ends() {
    let week = SignedDuration::from_hours(7 * 24);
    let options = Options { grant_lifetime: Some(week), ..Options::default() };
    let world = World::start_with(options).await;
    let (_, body) = world.redeem(&world.code(&[]).await, &[]).await;
    let left = body["refresh_token_expires_in"].as_i64().unwrap();
    assert!((week.as_secs() - left).abs() < 60, "{left}");
    let refresh_token = text(&body["refresh_token"]);
    world.clock.advance(SignedDuration::from_hours(24));
    let (_, body) = world.ask_token(&[("refresh_token", Some(&refresh_token))]).await;
    let left = body["refresh_token_expires_in"].as_i64().unwrap();
    assert!((left - 6 * 24 * 3600).abs() < 60, "{left}");
    world.clock.advance(SignedDuration::from_hours(6 * 24));
    let (status, body) = world.ask_token(&[("refresh_token", Some(&refresh_token))]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn the_page_sends_nobody_back_who_may_not_ask() {
    let world = World::start().await;
    for (name, value, status, error) in [
        ("client_id", None, 400, "invalid_request"),
        ("client_id", Some("wrong"), 401, "invalid_client"),
        ("redirect_uri", None, 400, "invalid_request"),
        ("redirect_uri", Some("https://evil.example/"), 400, "redirect_uri_mismatch"),
        ("redirect_uri", Some("http://127.0.0.1.evil.example/"), 400, "redirect_uri_mismatch"),
        ("response_type", Some("token"), 400, "unsupported_response_type"),
        ("scope", None, 400, "invalid_request"),
        ("scope", Some("https://www.googleapis.com/auth/<b>"), 400, "invalid_scope"),
        ("code_challenge", Some("short"), 400, "invalid_request"),
        ("code_challenge_method", Some("plain"), 400, "invalid_request"),
    ] {
        let (answered, page) = world.consent(&[(name, value)]).await;
        assert_eq!(answered, status, "{name}={value:?}: {page}");
        assert!(page.contains(error) && !page.contains("<b>"), "{name}={value:?}: {page}");
    }
}

#[tokio::test]
async fn the_user_grants_what_the_options_say_or_nothing() {
    let world = World::start().await;
    let both = format!("{MODIFY} {READONLY}");
    let (_, place) = world.consent(&[("scope", Some(&both))]).await;
    assert_eq!(parameter(&place, "scope").unwrap(), READONLY);
    let (status, place) = world.consent(&[("scope", Some(MODIFY))]).await;
    assert_eq!((status, parameter(&place, "error").as_deref()), (302, Some("access_denied")));
    assert_eq!(parameter(&place, "state").unwrap(), "a state&more");
    assert_eq!(parameter(&place, "code"), None);
}

#[tokio::test]
async fn a_code_is_good_once_for_whom_it_was_given() {
    let world = World::start().await;
    for (name, value, error, description) in [
        ("code", Some("4/0wrong"), "invalid_grant", "Malformed auth code."),
        ("code", None, "invalid_request", "Missing required parameter: code"),
        ("redirect_uri", Some("http://127.0.0.1:4712/"), "redirect_uri_mismatch", "Bad Request"),
        ("code_verifier", Some("another"), "invalid_grant", "Invalid code verifier."),
        ("code_verifier", None, "invalid_grant", "Missing code verifier."),
    ] {
        let code = world.code(&[]).await;
        let refused = json!({ "error": error, "error_description": description });
        assert_eq!(world.redeem(&code, &[(name, value)]).await, (400, refused), "{name}={value:?}");
    }
    let code = world.code(&[]).await;
    assert_eq!(world.redeem(&code, &[]).await.0, 200);
    assert_eq!(world.redeem(&code, &[]).await.0, 400, "the second time");
    let code = world.code(&[]).await;
    world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(world.redeem(&code, &[]).await.0, 400, "ten minutes later");
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_not_for_more() {
    let scopes = vec![READONLY.to_owned(), MODIFY.to_owned()];
    let world = World::start_with(Options { scopes, ..Options::default() }).await;
    let (_, body) = world.ask_token(&[]).await;
    assert_eq!(body["scope"], format!("{READONLY} {MODIFY}"));
    let (_, body) = world.ask_token(&[("scope", Some(READONLY))]).await;
    assert_eq!(body["scope"], READONLY);
    let token = text(&body["access_token"]);
    assert_eq!(world.service.google.tokens.scopes(&token), Some(vec![READONLY.to_owned()]));
    let (status, body) = world.ask_token(&[("scope", Some("https://mail.google.com/"))]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
}

#[tokio::test]
async fn a_service_account_reads_in_the_name_of_the_mailbox() {
    let world = World::start().await;
    let (status, body) = world.believe(&[]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(3599), &json!("Bearer")));
    assert_eq!(body.as_object().unwrap().len(), 3);
    assert_eq!(world.opens(&body["access_token"]).await, 200);
    world.service.revoke();
    assert_eq!(world.opens(&body["access_token"]).await, 200, "it does not hang on the user's password");
}

#[tokio::test]
async fn a_service_account_has_no_mailbox_of_its_own() {
    let world = World::start().await;
    let (status, body) = world.believe(&[("sub", Value::Null)]).await;
    assert_eq!(status, 200, "{body}");
    let bearer = format!("Bearer {}", text(&body["access_token"]));
    let (status, body) = world.call_as("profile", "me", &bearer).await;
    assert_eq!((status, &body["error"]["status"]), (400, &json!("FAILED_PRECONDITION")));
    assert_eq!(body["error"]["errors"][0]["reason"], "failedPrecondition");
}

#[tokio::test]
async fn each_wrong_claim_has_its_error() {
    let world = World::start().await;
    let now = world.clock.now().as_second();
    let timeframe = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check \
                     your iat and exp values in the JWT claim.";
    let unauthorized = "Client is unauthorized to retrieve access tokens using this method, or client not authorized \
                        for any of the scopes requested.";
    for (change, status, error, description) in [
        (vec![("iss", json!("who@else"))], 400, "invalid_grant", "Invalid grant: account not found"),
        (vec![("sub", json!("boss@sandbox.test"))], 400, "invalid_grant", "Invalid email or User ID"),
        (vec![("scope", json!(""))], 400, "invalid_scope", "Empty or missing scope not allowed."),
        (
            vec![("scope", json!("gmail"))],
            400,
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ),
        (vec![("scope", json!(MODIFY))], 401, "unauthorized_client", unauthorized),
        (
            vec![("aud", json!("https://accounts.google.com/o/oauth2/token"))],
            400,
            "invalid_grant",
            "Invalid JWT: Failed audience check.",
        ),
        (vec![("exp", json!(now + 3601))], 400, "invalid_grant", timeframe),
        (vec![("iat", json!(now + 400)), ("exp", json!(now + 800))], 400, "invalid_grant", timeframe),
        (vec![("iat", json!(now - 4000)), ("exp", json!(now - 400))], 400, "invalid_grant", timeframe),
        (vec![("exp", json!("soon"))], 400, "invalid_grant", "Invalid JWT: Malformed token."),
    ] {
        let refused = json!({ "error": error, "error_description": description });
        assert_eq!(world.believe(&change).await, (status, refused), "{change:?}");
    }
    // A clock that is a little off does no harm.
    let skewed = [("iat", json!(now + 200)), ("exp", json!(now + 3800))];
    assert_eq!(world.believe(&skewed).await.0, 200);

    let word = world.word(&[]);
    let (signed, signature) = word.rsplit_once('.').unwrap();
    let other = world.word(&[("exp", json!(now + 60))]);
    let (_, of_another) = other.rsplit_once('.').unwrap();
    for forged in [format!("{signed}.{of_another}"), format!("{signed}."), format!("{signed}.?")] {
        let (status, body) = world.present(&forged).await;
        assert_eq!((status, &body["error_description"]), (400, &json!("Invalid JWT Signature.")));
    }
    assert_eq!(world.present(signature).await.0, 400);
    assert_eq!(world.present(&format!("{signed}.{signature}=")).await.0, 200, "padding does no harm");
}
