//! The token endpoint, and what a token opens.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{World, text};

fn credentials_refused() -> (u16, Value) {
    super::refused(401, "authError", "UNAUTHENTICATED", "Invalid Credentials")
}

#[tokio::test]
async fn a_refresh_token_is_good_for_an_access_token_of_an_hour() {
    let world = World::start().await;
    let (status, body) = world.ask_token(&[]).await;
    assert_eq!(status, 200);
    assert!(text(&body["access_token"]).starts_with("ya29."));
    assert_eq!(body["expires_in"], 3599);
    assert_eq!(body["scope"], "https://www.googleapis.com/auth/gmail.readonly");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body.as_object().unwrap().len(), 4, "a refresh gives no new refresh token");
}

#[tokio::test]
async fn an_expired_access_token_is_refused_until_refreshed() {
    let mut world = World::start().await;
    world.clock.advance(SignedDuration::from_mins(59));
    world.get("profile").await;
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(world.call("profile").await, credentials_refused());
    world.refresh().await;
    world.get("profile").await;
}

#[tokio::test]
async fn nothing_opens_without_the_right_token() {
    let world = World::start().await;
    for authorization in ["", "Bearer", "Bearer ", "Bearer ya29.wrong", &format!("Basic {}", world.token)] {
        let refused = world.call_as("messages", "me", authorization).await;
        assert_eq!(refused, credentials_refused(), "{authorization:?}");
    }
    let unnamed = world.http.get(format!("{}/gmail/v1/users/me/profile", world.root));
    assert_eq!(super::answer(unnamed).await, credentials_refused());
    let (status, _) = world.call_as("profile", "me", &format!("bearer {}", world.token)).await;
    assert_eq!(status, 200, "the scheme has no case");
}

#[tokio::test]
async fn a_revoked_grant_ends_both_tokens() {
    let world = World::start().await;
    world.service.revoke();
    assert_eq!(world.call("profile").await, credentials_refused());
    let (status, body) = world.ask_token(&[]).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." })
    );
}

#[tokio::test]
async fn each_wrong_field_of_the_form_has_its_error() {
    let world = World::start().await;
    for (name, value, status, error) in [
        ("refresh_token", Some("1//0wrong"), 400, "invalid_grant"),
        ("client_id", Some("wrong"), 401, "invalid_client"),
        ("client_secret", Some("wrong"), 401, "invalid_client"),
        ("grant_type", Some("password"), 400, "unsupported_grant_type"),
        ("grant_type", None, 400, "invalid_request"),
        ("refresh_token", None, 400, "invalid_request"),
    ] {
        let (answered, body) = world.ask_token(&[(name, value)]).await;
        assert_eq!((answered, &body["error"]), (status, &json!(error)), "{name}={value:?}");
        assert!(body["error_description"].is_string(), "{body}");
    }
    let no_form = world.http.post(format!("{}/token", world.root)).body("{}");
    assert_eq!(super::answer(no_form).await.0, 400);
}

#[tokio::test]
async fn the_mailbox_is_open_to_its_own_user_only() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.token);
    for user in ["me", "coalmine@sandbox.test", "Coalmine%40Sandbox.test"] {
        let (status, body) = world.call_as("profile", user, &bearer).await;
        assert_eq!((status, &body["emailAddress"]), (200, &json!("coalmine@sandbox.test")), "{user}");
    }
    let message = "Delegation denied for coalmine@sandbox.test";
    let refused = json!({ "error": {
        "code": 403,
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": "forbidden" }],
        "status": "PERMISSION_DENIED",
    }});
    assert_eq!(world.call_as("profile", "boss@sandbox.test", &bearer).await, (403, refused));
}
