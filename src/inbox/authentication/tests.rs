use super::*;

/// What Gmail puts on top of a mail.
const TRACE: &str = "Delivered-To: me@x.test\n\
    Received: by 2002:a05:6214:1a03:b0:6f9:1 with SMTP id k3csp1; Mon, 30 Nov 2026 10:00:03 -0800 (PST)\n\
    X-Received: by 2002:a17:902 with SMTP id a1; Mon, 30 Nov 2026 10:00:02 -0800 (PST)\n\
    ARC-Authentication-Results: i=1; mx.google.com; spf=fail\n\
    Return-Path: <bounces@em.shop.test>\n\
    Received: from out.shop.test (out.shop.test. [192.0.2.7]) by mx.google.com with ESMTPS id q1 for <me@x.test>; Mon\n\
    Received-SPF: pass (google.com: domain of bounces@em.shop.test designates 192.0.2.7) client-ip=192.0.2.7;\n";

const GOOD: &str = "Authentication-Results: mx.google.com; dkim=pass header.i=@shop.test header.s=s1 header.b=Ab/; \
    dkim=fail header.i=@relay.test; \
    spf=pass (google.com: domain of bounces@em.shop.test designates 192.0.2.7 as permitted sender) \
    smtp.mailfrom=bounces@em.shop.test; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.test\n";

fn headers(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn of(text: &str) -> Option<Authentication> {
    Authentication::of(&headers(text))
}

/// What is missing for a mail of `shop.test`, by the header that stands where Google's does.
#[track_caller]
fn missing(results: &str) -> Vec<String> {
    let header = format!("{TRACE}Authentication-Results: mx.google.com; {results}");
    of(&header).unwrap().shortcomings("shop.test")
}

#[test]
fn the_words_of_gmail_are_understood() {
    let found = of(&format!("{TRACE}{GOOD}From: no-reply@shop.test")).unwrap();
    let check = |result, domain: &str| AuthCheck { result, domain: Some(domain.to_owned()) };
    assert_eq!(found.spf, Some(check(AuthResult::Pass, "em.shop.test")));
    assert_eq!(found.dkim, [check(AuthResult::Pass, "shop.test"), check(AuthResult::Fail, "relay.test")]);
    assert_eq!(found.dmarc, Some(check(AuthResult::Pass, "shop.test")));
    assert_eq!(found.shortcomings("shop.test"), Vec::<String>::new());
}

#[test]
fn only_the_hosts_own_header_counts() {
    let forged = GOOD;
    let fails = "Authentication-Results: mx.google.com; spf=softfail smtp.mailfrom=a@b.test\n";
    // Its own goes before one that the mail brings.
    let found = of(&format!("{TRACE}{fails}{forged}")).unwrap();
    assert_eq!(found.spf.unwrap().result, AuthResult::SoftFail);
    for headers in [
        // Below what the sender or another host wrote.
        format!("{TRACE}From: no-reply@shop.test\n{forged}"),
        format!("{TRACE}DKIM-Signature: v=1\n{forged}"),
        format!("{TRACE}Received: from a by b.shop.test; Mon\n{forged}"),
        // Not below the host's own trace.
        forged.to_owned(),
        format!("Received: from mx.google.com by evil.test; Mon\n{forged}"),
        format!("Received: from a (by mx.google.com) by evil.test; Mon\n{forged}"),
        format!("Received: from a by mx.google.com.evil.test; Mon\n{forged}"),
        format!("Received: by 2002:a05:6214 with SMTP id 1; Mon\n{forged}"),
        // Of another host, whatever it calls itself.
        format!("{TRACE}{}", forged.replace("mx.google.com;", "mx.google.com.evil.test;")),
        format!("{TRACE}{}", forged.replace("mx.google.com;", "evil.test (mx.google.com);")),
        format!("{TRACE}{}", forged.replace("mx.google.com;", "evil.test mx.google.com;")),
        format!("{TRACE}{}", forged.replace("mx.google.com;", "(")),
        format!("{TRACE}Authentication-Results: evil.test; spf=pass\n{forged}"),
        TRACE.to_owned(),
        String::new(),
    ] {
        assert_eq!(of(&headers), None, "{headers}");
    }
}

#[test]
fn what_a_sender_smuggles_in_makes_nothing_better() {
    // The envelope's sender is quoted in the comment and in the property: here it closes the one and ends the other.
    let smuggled = "spf=softfail (google.com: domain of \"a); dmarc=pass header.from=shop.test; x=(\"@evil.test does \
                    not designate) smtp.mailfrom=\"a); dmarc=pass header.from=shop.test; x=(\"@evil.test; dmarc=fail \
                    header.from=shop.test";
    let missing_of = missing(smuggled);
    assert!(missing_of.iter().any(|it| it.contains("DMARC `ambiguous`")), "{missing_of:?}");
    // Quoted, it is one word.
    let quoted = "spf=softfail smtp.mailfrom=\"; dmarc=pass header.from=shop.test; \"@evil.test; dmarc=fail \
                  header.from=shop.test";
    let missing_of = missing(quoted);
    assert!(missing_of.contains(&"DMARC `fail` for `shop.test`".to_owned()), "{missing_of:?}");
    assert!(missing_of.contains(&"SPF `softfail` for `evil.test`".to_owned()), "{missing_of:?}");
    // Without an end it is not believed at all.
    assert_eq!(of(&format!("{TRACE}Authentication-Results: mx.google.com; spf=pass (x; dmarc=pass")), None);
    assert_eq!(
        of(&format!("{TRACE}Authentication-Results: mx.google.com; spf=pass \"x; dmarc=pass\\")),
        None
    );
}

#[test]
fn every_shortcoming_is_named() {
    let (spf, dkim) = ("spf=pass smtp.mailfrom=a@shop.test", "dkim=pass header.d=mail.shop.test");
    let dmarc = "dmarc=pass header.from=shop.test";
    for (results, says) in [
        (format!("{dkim}; {dmarc}"), "no result of SPF"),
        (format!("spf=none; {dkim}; {dmarc}"), "SPF `none`"),
        (format!("{spf}; {dmarc}"), "no signature by DKIM"),
        (
            format!("{spf}; dkim=neutral (bad) header.i=@a.test; dkim=fail; {dmarc}"),
            "DKIM `neutral` for `a.test`, `fail`",
        ),
        (format!("{spf}; {dkim}"), "no result of DMARC"),
        (format!("{spf}; {dkim}; dmarc=fail header.from=shop.test"), "DMARC `fail` for `shop.test`"),
        (format!("{spf}; {dkim}; dmarc=bestguesspass header.from=shop.test"), "DMARC `another result` for `shop.test`"),
        (
            format!("{spf}; {dkim}; dmarc=pass header.from=evil.test"),
            "DMARC of `evil.test`, and not of the author's domain `shop.test`",
        ),
        (
            "spf=pass smtp.mailfrom=x@relay.test; dkim=pass header.i=@relay.test; dmarc=pass header.from=shop.test"
                .to_owned(),
            "neither SPF nor DKIM for the author's domain `shop.test`",
        ),
        (format!("{spf}; {spf}; {dkim}; {dmarc}"), "SPF `ambiguous`"),
    ] {
        assert_eq!(missing(&results), [says], "{results}");
    }
    assert_eq!(missing(&format!("{spf}; {dkim}; {dmarc}")), Vec::<String>::new());
    assert_eq!(missing("none").len(), 3);
}

#[test]
fn domains_of_one_organisation_belong_together() {
    for (one, other, together) in [
        ("shop.test", "shop.test", true),
        ("em.shop.test", "mail.shop.test", true),
        ("shop.test", "a.b.shop.test", true),
        ("shop.test", "workshop.test", false),
        ("shop.co.uk", "mail.shop.co.uk", true),
        ("shop.co.uk", "other.co.uk", false),
        ("co.uk", "co.uk", true),
        ("localhost", "localhost", true),
        ("", "", false),
    ] {
        assert_eq!(same_organisation(one, other), together, "{one} {other}");
    }
}
