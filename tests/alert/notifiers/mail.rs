//! Mail: what it says, how it is threaded, and what is made of what servers say.

use coalmine::{
    alert::notifier::{
        Action::{self, Resolve, Trigger},
        Notifier,
        Outcome::{self, Accepted, NotTaken, Refused, Unknown},
        mail,
    },
    config::MailSettings,
    http::Roots,
};
use sandbox::{Options, Sandbox};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use super::{receiver::acceptor, *};

fn mail_settings(server: &str, to: &str) -> AlertSettings {
    settings(&[
        ("COALMINE_SMTP", server),
        ("COALMINE_MAIL_FROM", "canaries@example.com"),
        ("COALMINE_MAIL_TO", to),
    ])
}

fn notifier(server: &str, to: &str) -> Box<dyn Notifier> {
    let pem = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    mail_settings(server, to).notifiers(&Roots::Only(pem)).unwrap().remove(0)
}

fn written(page: &Page, action: Action) -> String {
    let settings: MailSettings =
        mail_settings("smtps://mail.example.com", "ada@example.com,bob@example.com").mail.unwrap();
    let message = mail::message(page, action, false, &settings, at("03:14:10")).unwrap();
    String::from_utf8(message.formatted()).unwrap().replace("\r\n", "\n")
}

const HEADLINE: &str =
    "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com";

#[test]
fn a_mail_is_laid_out_for_reading() {
    let expected = format!(
        "{HEADLINE}

step             api::list_keys
promise          every key is listed once
found            expected 200, got 500
cause            assertion
request          POST https://api.example.com/list-keys -> 500
request id       r-81
blocks           rename_key, drop_key
seen in run      9q4x at 2026-11-30 03:14:00 UTC
trace id         4bf92f3577b34da6a3ce929d0e0e4736
repeat it with   cargo test --test canaries -- --exact api::list_keys
runbook          https://wiki.example.com/keys

target           sequence at https://api.example.com
seen from        fra
since            2026-11-30 03:12:00 UTC
last green run   2b7n at 2026-11-30 03:10:00 UTC, 2 min before
run              https://canaries.example.com/runs/9q4x?until=1&signature=a
incident         https://canaries.example.com/incidents/i-7k2m9q4x

--{space}
Coalmine, incident i-7k2m9q4x, key sequence/fra/api/list_keys
",
        space = " "
    );
    assert_eq!(mail::text(&page(), Trigger, false), expected);
    assert_eq!(mail::text(&page(), Trigger, true), format!("{HEADLINE}\n"));
}

/// The headers, folded lines joined.
fn headers(mail: &str) -> Vec<String> {
    let head = mail.split("\n\n").next().unwrap().replace("\n ", " ");
    head.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn the_mails_of_an_incident_are_one_thread() {
    let opening = "<coalmine.i-7k2m9q4x.1.trigger@example.com>";
    let subject = "=?utf-8?b?";
    let first = headers(&written(&page(), Trigger));
    let expected = [
        "From: Coalmine <canaries@example.com>",
        "Date: Mon, 30 Nov 2026 03:14:10 +0000",
        &format!("Message-ID: {opening}"),
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
        "To: ada@example.com, bob@example.com",
        "Content-Transfer-Encoding: quoted-printable",
    ];
    let without_subject: Vec<_> = first.iter().filter(|it| !it.starts_with("Subject: ")).collect();
    assert_eq!(without_subject, expected);
    assert!(first.iter().any(|it| it.starts_with("Subject: api::list_keys failed ") && it.contains(subject)));

    let mut ids = vec![format!("Message-ID: {opening}")];
    for (page, action) in [(Page { round: 2, ..page() }, Trigger), (over(page()), Resolve)] {
        let headers = headers(&written(&page, action));
        assert!(headers.contains(&format!("In-Reply-To: {opening}")), "{headers:?}");
        assert!(headers.contains(&format!("References: {opening}")), "{headers:?}");
        assert!(
            headers.iter().any(|it| it.starts_with("Subject: Re: api::list_keys failed ")),
            "{headers:?}"
        );
        ids.extend(headers.into_iter().filter(|it| it.starts_with("Message-ID: ")));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_eq!(written(&page(), Trigger), written(&page(), Trigger), "a second copy is the same mail");
}

#[test]
fn no_text_of_a_product_becomes_a_header() {
    let mail = written(&hostile(), Trigger);
    let headers = headers(&mail);
    assert_eq!(headers.iter().filter(|it| it.to_lowercase().starts_with("subject:")).count(), 1);
    assert!(!headers.iter().any(|it| it.starts_with("X: y")), "{headers:?}");
    assert!(mail.is_ascii(), "no server has to take more");
    assert!(mail.lines().all(|it| it.len() <= 998));
}

#[tokio::test]
async fn a_server_takes_it() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let mailbox = sandbox.mail().mailbox.clone();
    let notifier = notifier(&format!("smtp://{}", sandbox.smtp()), &mailbox);
    let outcome = notifier.send(&hostile(), Trigger, false).await;
    assert!(matches!(outcome, Accepted { .. }), "{outcome:?}");
    let outcome = notifier.send(&over(page()), Resolve, false).await;
    assert!(matches!(outcome, Accepted { .. }), "{outcome:?}");
    let delivered = sandbox.delivered(&mailbox);
    assert_eq!(delivered.len(), 2);
    let text = String::from_utf8(delivered[1].clone()).unwrap();
    assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
    assert!(text.contains("all well again after 12 min, 2 passes in a row"), "{text}");
}

type Says = &'static [(&'static str, &'static str)];

/// A server that says so to each command, and hangs up where there is nothing to say.
async fn server(says: Says) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("smtp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.write_all(b"220 here\r\n").await);
            converse(&mut BufReader::new(stream), says).await;
        }
    });
    address
}

/// Answers until the client goes, is hung up on, or asks for TLS: then true.
async fn converse(stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin), says: Says) -> bool {
    let mut is_text = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        if is_text && line != ".\r\n" {
            continue;
        }
        is_text = line.starts_with("DATA");
        let found = says.iter().find(|(command, _)| line.starts_with(command));
        let usual = if is_text { "354 go on" } else { "250 fine" };
        let say = found.map_or(usual, |(_, say)| *say);
        is_text = say.starts_with("354");
        if say.is_empty() {
            return false;
        }
        drop(stream.write_all(format!("{say}\r\n").as_bytes()).await);
        if line.starts_with("STARTTLS") && say.starts_with("220") {
            return true;
        }
    }
}

/// A server that speaks TLS, from the first byte on or when it is asked; its address without a scheme, and who signs for
/// it. Only within TLS it lets anybody log in.
async fn secured(implicit: bool) -> (String, String) {
    const OPEN: Says =
        &[("EHLO", "250-here\r\n250 STARTTLS"), ("STARTTLS", "220 go on"), ("", "530 5.7.0 not here")];
    const INSIDE: Says = &[("EHLO", "250-here\r\n250 AUTH PLAIN"), ("AUTH PLAIN", "235 2.7.0 welcome")];
    let (acceptor, pem) = acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if !implicit {
                drop(stream.write_all(b"220 here\r\n").await);
                let mut buffered = BufReader::new(stream);
                if !converse(&mut buffered, OPEN).await {
                    continue;
                }
                stream = buffered.into_inner();
            }
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if implicit {
                drop(stream.write_all(b"220 here\r\n").await);
            }
            converse(&mut BufReader::new(stream), INSIDE).await;
        }
    });
    (format!("localhost:{port}"), pem)
}

#[tokio::test]
async fn a_server_is_logged_in_to_within_tls_and_only_if_it_is_trusted() {
    for (scheme, implicit) in [("smtps", true), ("smtp", false)] {
        let (address, pem) = secured(implicit).await;
        let server = format!("{scheme}://canaries:pass-word-1@{address}");
        let trusting =
            mail_settings(&server, "ada@example.com").notifiers(&Roots::Only(pem)).unwrap().remove(0);
        let outcome = trusting.send(&page(), Trigger, false).await;
        assert_eq!(outcome, Accepted { answer: "250 fine".to_owned() }, "{scheme}");
        // This one trusts somebody else.
        let outcome = notifier(&server, "ada@example.com").send(&page(), Trigger, false).await;
        let NotTaken { why, .. } = outcome else { panic!("{scheme}: {outcome:?}") };
        assert!(why.contains("certificate"), "{scheme}: {why}");
    }
}

async fn send(says: Says) -> Outcome {
    let notifier = notifier(&server(says).await, "ada@example.com,bob@example.com");
    notifier.send(&page(), Trigger, false).await
}

#[tokio::test]
async fn until_the_text_has_ended_nothing_has_arrived() {
    let outcome = send(&[]).await;
    assert_eq!(outcome, Accepted { answer: "250 fine".to_owned() });
    for command in ["EHLO", "MAIL", "RCPT", "DATA"] {
        let says: Says = Vec::leak(vec![(command, "451 4.3.0 later")]);
        assert!(matches!(send(says).await, NotTaken { .. }), "{command} later");
        let says: Says = Vec::leak(vec![(command, "550 5.7.1 never")]);
        let outcome = send(says).await;
        assert!(matches!(&outcome, Refused { answer } if answer.contains("never")), "{command}: {outcome:?}");
        let says: Says = Vec::leak(vec![(command, "")]);
        assert!(matches!(send(says).await, NotTaken { .. }), "{command} cut");
    }
    assert!(matches!(send(&[(".", "452 4.3.1 full")]).await, NotTaken { .. }));
    assert!(matches!(send(&[(".", "554 5.6.0 no")]).await, Refused { .. }));
    assert!(matches!(send(&[(".", "")]).await, Unknown { .. }));
}

#[tokio::test]
async fn one_mistyped_address_keeps_it_from_nobody_else() {
    let outcome = send(&[("RCPT TO:<bob", "550 5.1.1 no such user")]).await;
    let Accepted { answer } = outcome else { panic!("{outcome:?}") };
    assert!(answer.starts_with("250 fine, but not for bob@example.com ("), "{answer}");
    assert!(answer.contains("no such user"), "{answer}");
}

#[tokio::test]
async fn nobody_there_is_not_taken_and_a_password_goes_to_who_is_trusted_only() {
    let nobody = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("smtp://{}", taken.local_addr().unwrap())
    };
    let outcome = notifier(&nobody, "ada@example.com").send(&page(), Trigger, false).await;
    assert!(matches!(outcome, NotTaken { .. }), "{outcome:?}");

    let refuses = server(&[("EHLO", "250-here\r\n250 AUTH PLAIN"), ("AUTH", "535 5.7.8 bad password")]).await;
    let with_user = refuses.replace("smtp://", "smtp://canaries:pass-word-1@");
    let outcome = notifier(&with_user, "ada@example.com").send(&page(), Trigger, false).await;
    assert!(matches!(&outcome, Refused { answer } if answer.contains("bad password")), "{outcome:?}");
    // It does not speak TLS, so that nothing is said to it.
    let secured = refuses.replace("smtp://", "smtps://canaries:pass-word-1@");
    let outcome = notifier(&secured, "ada@example.com").send(&page(), Trigger, false).await;
    assert!(matches!(outcome, NotTaken { .. }), "{outcome:?}");
}
