//! What the host writes on a mail while a fault is on.

use jiff::{SignedDuration, Timestamp};

use super::World;

/// The headers of the host on a mail that is sent while `fault` is on, unfolded, and when it was taken.
async fn stamped(fault: &str) -> (Vec<String>, SignedDuration) {
    let world = World::start().await;
    world.faults.switch(fault, true).unwrap();
    let sent = world.clock.now();
    world.send_text("coalmine@sandbox.test", "Marked", "").await;
    let [id] = &world.list("").await[..] else { panic!("one mail was expected") };
    let mail = world.get(&format!("messages/{id}")).await;
    let headers = mail["payload"]["headers"].as_array().unwrap();
    let headers = headers.iter().map(|it| {
        let value = it["value"].as_str().unwrap();
        let words: Vec<&str> = value.split_whitespace().collect();
        format!("{}: {}", it["name"].as_str().unwrap(), words.join(" "))
    });
    let taken = mail["internalDate"].as_str().unwrap().parse().unwrap();
    (headers.collect(), Timestamp::from_millisecond(taken).unwrap().duration_since(sent))
}

#[tokio::test]
async fn late_mail_says_so_and_is_there_at_once() {
    let (headers, took) = stamped("mail_late").await;
    assert!((89..120).contains(&took.as_secs()), "{took}");
    assert!(headers.iter().any(|it| it.starts_with("Received: ")), "{headers:?}");
    let (_, took) = stamped("mail_spf_fails").await;
    assert!(took.as_secs() < 30, "{took}");
}

#[tokio::test]
async fn each_method_fails_in_the_words_of_the_host() {
    for (fault, spf, dkim, dmarc) in [
        ("mail_spf_fails", "spf=softfail", true, "dmarc=pass"),
        ("mail_unsigned", "spf=pass", false, "dmarc=pass"),
        ("mail_dmarc_fails", "spf=pass", true, "dmarc=fail"),
        ("mail_unauthenticated", "spf=softfail", false, "dmarc=fail"),
    ] {
        let (headers, _) = stamped(fault).await;
        let results = headers.iter().find(|it| it.starts_with("Authentication-Results: ")).unwrap();
        assert!(results.starts_with("Authentication-Results: mx.google.com; "), "{results}");
        let entry = |word: &str| results.split("; ").any(|it| it.starts_with(word));
        assert!(entry(spf) && entry(dmarc), "{fault}: {results}");
        assert_eq!(entry("dkim="), dkim, "{fault}: {results}");
    }
}
