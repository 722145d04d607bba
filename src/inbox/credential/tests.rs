use super::*;

const TOKEN: &str = "1//0marker-refresh";

/// An RSA key.
fn key() -> String {
    let file: serde_json::Value = serde_json::from_str(&sandbox::mail::service_account("")).unwrap();
    file["private_key"].as_str().unwrap().to_owned()
}

fn parse(text: &str, id: Option<&str>, secret: Option<&str>) -> Result<Credential, String> {
    Credential::parse(text, id, secret.map(|it| Secret::new(it.to_owned())).as_ref(), None)
}

/// One kind of file: its name, an example as its tool writes it, whether the variables must give the client's id and its
/// secret, and the token endpoint that comes of it.
type Kind = (&'static str, &'static str, (bool, bool), Option<&'static str>);

/// Each kind that is met in the wild.
const FILES: [Kind; 12] = [
    ("a bare refresh token", " 1//0marker-refresh\n", (true, true), None),
    (
        "gcloud's application default credentials",
        r#"{
  "account": "",
  "client_id": "id",
  "client_secret": "marker-cs",
  "quota_project_id": "project",
  "refresh_token": "1//0marker-refresh",
  "type": "authorized_user",
  "universe_domain": "googleapis.com"
}"#,
        (false, false),
        None,
    ),
    (
        "Python's token.json",
        r#"{"token": "ya29.x", "refresh_token": "1//0marker-refresh", "token_uri": "https://oauth2.googleapis.com/token",
            "client_id": "id", "client_secret": "marker-cs", "scopes": ["a"], "universe_domain": "googleapis.com",
            "account": "", "expiry": "2026-01-01T00:00:00Z"}"#,
        (false, false),
        None,
    ),
    (
        "the same for an endpoint elsewhere",
        r#"{"token": "ya29.x", "refresh_token": "1//0marker-refresh", "token_uri": "https://sso.example.com/token",
            "client_id": "id", "client_secret": "marker-cs", "scopes": ["a"], "expiry": "2026-01-01T00:00:00Z"}"#,
        (false, false),
        Some("https://sso.example.com/token"),
    ),
    (
        "the same for an endpoint on this machine",
        r#"{"token": "ya29.x", "refresh_token": "1//0marker-refresh", "token_uri": "http://localhost:8080/token",
            "client_id": "id", "client_secret": "marker-cs"}"#,
        (false, false),
        Some("http://localhost:8080/token"),
    ),
    (
        "client secrets with a token beside them",
        r#"{"installed": {"client_id": "id", "project_id": "p", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token", "client_secret": "marker-cs",
            "redirect_uris": ["http://localhost"]}, "refresh_token": "1//0marker-refresh"}"#,
        (false, false),
        None,
    ),
    (
        "Node's tokens",
        r#"{"access_token": "ya29.x", "refresh_token": "1//0marker-refresh", "scope": "a b", "token_type": "Bearer",
            "expiry_date": 1767225600000}"#,
        (true, true),
        None,
    ),
    (
        "Ruby's FileStorage",
        r#"{"access_token": "ya29.x", "authorization_uri": "https://accounts.google.com/o/oauth2/auth",
            "client_id": "id", "client_secret": "marker-cs", "expires_in": 3600, "refresh_token": "1//0marker-refresh",
            "token_credential_uri": "https://accounts.google.com/o/oauth2/token", "issued_at": 1420070400}"#,
        (false, false),
        None,
    ),
    (
        "the token store of Ruby's googleauth",
        r#"---
default: '{"client_id":"id","access_token":"ya29.x","refresh_token":"1//0marker-refresh","scope":["a"],"expiration_time_millis":1767225600000}'
"#,
        (false, true),
        None,
    ),
    (
        "the same with several users, in another style",
        r#"someone@example.com: "{\"client_id\":\"other\"}"
default: "{\"client_id\":\"id\",\"refresh_token\":\"1//0marker-refresh\",\"scope\":[\"a\"]}"
"#,
        (false, true),
        None,
    ),
    (
        "Python's oauth2client",
        r#"{"access_token": "ya29.x", "client_id": "id", "client_secret": "marker-cs",
            "refresh_token": "1//0marker-refresh", "token_expiry": "2016-01-01T00:00:00Z",
            "token_uri": "https://www.googleapis.com/oauth2/v4/token", "user_agent": null, "invalid": false,
            "revoke_uri": "https://accounts.google.com/o/oauth2/revoke", "id_token": null,
            "token_response": {"access_token": "ya29.x", "expires_in": 3600, "token_type": "Bearer"}, "scopes": ["a"],
            "token_info_uri": "https://www.googleapis.com/oauth2/v3/tokeninfo", "_class": "OAuth2Credentials",
            "_module": "oauth2client.client"}"#,
        (false, false),
        None,
    ),
    (
        "what an editor has put a mark before",
        "\u{feff}{\"refresh_token\":\"1//0marker-refresh\"}",
        (true, true),
        None,
    ),
];

#[test]
fn every_kind_with_a_refresh_token_is_read() {
    for (kind, text, (needs_id, needs_secret), uri) in FILES {
        // The variables may say the same as the file.
        for given in [false, true] {
            let id = (given || needs_id).then_some("id");
            let secret = (given || needs_secret).then_some(" marker-cs ");
            let credential = parse(text, id, secret).unwrap_or_else(|error| panic!("{kind}: {error}"));
            let Credential::User(user) = credential else { panic!("{kind}: {credential:?}") };
            assert_eq!(user.client_id, "id", "{kind}");
            assert_eq!(user.client_secret.expose(), "marker-cs", "{kind}");
            assert_eq!(user.refresh_token.expose(), TOKEN, "{kind}");
            assert_eq!(user.token_uri.as_deref(), uri, "{kind}");
        }
        for (needed, variable) in
            [(needs_id, "`GMAIL_CLIENT_ID` is m"), (needs_secret, "`GMAIL_CLIENT_SECRET` is m")]
        {
            let error = parse(text, None, (variable.contains("_ID")).then_some("marker-cs"));
            let is_told = error.as_ref().is_err_and(|error| error.contains(variable));
            // Without an id, that is what is said first.
            assert_eq!(is_told, needed && (variable.contains("_ID") || !needs_id), "{kind}: {error:?}");
        }
    }
}

fn service_account(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut file = serde_json::json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "kid",
        "private_key": key(),
        "client_email": "canary@p.iam.gserviceaccount.com",
        "client_id": "1000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    });
    change(&mut file);
    file.to_string()
}

#[test]
fn a_service_account_reads_the_mailbox_that_is_named() {
    let subject = Some(" canary@example.com ");
    let spelt_out = service_account(|file| file["private_key"] = key().replace('\n', "\\n").into());
    let without_uri = service_account(|file| file["token_uri"] = serde_json::Value::Null);
    for text in [service_account(|_| ()), spelt_out] {
        let credential = Credential::parse(&text, None, None, subject).unwrap();
        let Credential::ServiceAccount(account) = credential else { panic!("{credential:?}") };
        assert_eq!(account.client_email, "canary@p.iam.gserviceaccount.com");
        assert_eq!(account.subject, "canary@example.com");
        assert_eq!(account.private_key.expose().trim(), key().trim());
        assert_eq!(account.private_key_id.as_deref(), Some("kid"));
        assert_eq!(account.token_uri, None);
    }
    let error = Credential::parse(&without_uri, None, None, subject);
    assert!(error.is_err() || error.is_ok_and(|it| it.token_uri().is_none()));
}

#[test]
fn a_service_account_is_refused_without_its_value() {
    let cases = [
        (service_account(|_| ()), None, "set it to the address of the mailbox"),
        (service_account(|_| ()), Some("marker"), "set it to the address of the mailbox"),
        (service_account(|file| file["private_key"] = "marker".into()), Some("a@b.c"), "is no RSA key"),
        (service_account(|file| file["private_key"] = 1.into()), Some("a@b.c"), "not text"),
        (service_account(|file| file["client_email"] = "".into()), Some("a@b.c"), "is missing"),
        (service_account(|file| file["project_id"] = 1.into()), Some("a@b.c"), "is not text"),
        (
            service_account(|file| file["token_uri"] = "http://marker/".into()),
            Some("a@b.c"),
            "no https address",
        ),
    ];
    for (text, subject, says) in cases {
        let error = Credential::parse(&text, None, None, subject).unwrap_err();
        assert!(error.contains(says), "{error}");
        assert!(error.contains("; "), "no remedy: {error}");
        assert!(!error.contains("marker") && !error.contains("BEGIN"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_said_without_the_value() {
    let full = r#""client_id":"marker-id","client_secret":"marker-cs""#;
    for (text, says) in [
        ("", "is empty"),
        ("ya29.marker", "is an access token"),
        ("4/0marker", "is the code of a consent"),
        ("/home/me/marker.json", "GMAIL_CREDENTIAL_FILE"),
        ("tokens/marker.yaml", "GMAIL_CREDENTIAL_FILE"),
        ("1//marker two words", "paste it again"),
        (r#"{"refresh_token":"marker"#, "broken at line 1"),
        (r#"["marker"]"#, "no object"),
        (r#"{"type":"marker"}"#, "unknown type"),
        (r#"{"type":"external_account","audience":"marker"}"#, "unknown type"),
        (r#"{"type":1}"#, "unknown type"),
        (r#"{"installed":{"client_secret":"marker"}}"#, "client secrets"),
        (r#"{"web":{"client_secret":"marker"}}"#, "client secrets"),
        (r#"{"refresh_token":"marker","client_id":"marker","invalid":true}"#, "marked `invalid`"),
        (&format!("{{{full}}}"), "no `refresh_token`"),
        (&format!(r#"{{{full},"refresh_token":""}}"#), "no `refresh_token`"),
        (&format!(r#"{{{full},"refresh_token":["marker"]}}"#), "not text"),
        (&format!(r#"{{{full},"refresh_token":"marker","token_uri":"http://marker/"}}"#), "no https address"),
        (
            &format!(r#"{{{full},"refresh_token":"marker","token_uri":"http://localhost.marker/"}}"#),
            "no https address",
        ),
        (&format!(r#"{{{full},"refresh_token":"marker","token_uri":"marker"}}"#), "no https address"),
        (r#"{"refresh_token":"marker"}"#, "`GMAIL_CLIENT_ID` is missing"),
        (r#"{"refresh_token":"marker","client_id":"marker"}"#, "`GMAIL_CLIENT_SECRET` is missing"),
        ("---\nmarker: [marker]\n", "no map of users"),
        ("---\n- marker\n", "no map of users"),
        ("---\na: '{\"client_id\":\"marker\"}'\nb: '{}'\n", "2 users"),
        ("---\na: '{marker'\n", "broken at line 1"),
        ("---\na: '{\"client_id\":\"marker\"}'\n", "no `refresh_token`"),
    ] {
        let error = parse(text, None, None).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
        assert!(error.contains("; "), "no remedy: {error}");
        assert!(!error.contains("marker"), "{error}");
    }
    let text = format!(r#"{{{full},"refresh_token":"marker"}}"#);
    let error = parse(&text, Some("marker-other"), None).unwrap_err();
    assert!(error.contains("unset `GMAIL_CLIENT_ID`") && !error.contains("marker"), "{error}");
    let secret = Secret::new("marker".to_owned());
    let error = Credential::parse(TOKEN, Some("marker"), Some(&secret), Some("a@b.c")).unwrap_err();
    assert!(error.contains("unset `GMAIL_SUBJECT`"), "{error}");
}

#[test]
fn nothing_of_a_credential_is_shown() {
    let user = parse(TOKEN, Some("id"), Some("marker-cs")).unwrap();
    let account = Credential::parse(&service_account(|_| ()), None, None, Some("a@b.c")).unwrap();
    for (credential, count) in [(user, 2), (account, 27)] {
        let shown = format!("{credential:?}");
        let secrets: Vec<_> = credential.secrets().collect();
        assert!(secrets.len() >= count, "{}", secrets.len());
        for secret in secrets {
            assert!(!secret.is_empty() && !shown.contains(secret), "{shown}");
        }
    }
}
