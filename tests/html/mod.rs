//! Pages: what they say, what they refuse to be, and that nothing of the product leaves its place in them.

mod canary;
mod fixture;
mod hostile;
mod incident;
mod overview;
mod run;
mod step;
mod tags;
mod wrong;

use coalmine::report::html::{Assets, assets, security_policy};

#[test]
fn assets_are_named_by_their_content() {
    let [style, script] = assets();
    assert!(style.path.starts_with("/assets/style-") && style.path.ends_with(".css"), "{}", style.path);
    assert!(script.path.starts_with("/assets/live-") && script.path.ends_with(".js"), "{}", script.path);
    assert!(script.text.len() < 5120, "{} bytes", script.text.len());
    assert!(!script.text.contains("eval") && !script.text.contains("innerHTML ="));
    assert!(!script.text.contains("</") && !style.text.contains("</"), "they can stand in a page");
    assert!(!style.text.contains("url(") && !style.text.contains("@import"), "nothing is fetched");
}

#[test]
fn the_policy_allows_ours_only() {
    let [style, script] = assets();
    let linked = security_policy(Assets::Linked);
    assert!(linked.contains("default-src 'none'; style-src 'self'; script-src 'self'"), "{linked}");
    let hashed = security_policy(Assets::Embedded { nonce: None });
    assert!(hashed.contains(&style.hash) && hashed.contains(&script.hash), "{hashed}");
    let nonce = security_policy(Assets::Embedded { nonce: Some("n1") });
    assert!(nonce.contains("script-src 'nonce-n1'"), "{nonce}");
    for policy in [linked, hashed, nonce] {
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
