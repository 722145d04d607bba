//! What is wrong in a mail itself.

use super::*;

/// The last mail to somebody who has just signed up, as it was filed.
async fn mailed(trial: &Trial) -> String {
    let email = sign_up(trial).await;
    String::from_utf8(trial.sandbox.delivered(&email).pop().unwrap()).unwrap()
}

/// Address and last mail of somebody who has just been invited.
async fn invited(trial: &Trial) -> (String, String) {
    let (admin, team) = (trial.admin().await, trial.sandbox.team());
    let email = format!("{}@people.test", trial.name("invited"));
    trial.dash(&admin, "invite-member", json!({"team": team, "email": email})).await.ok();
    let mail = String::from_utf8(trial.sandbox.delivered(&email).pop().unwrap()).unwrap();
    (email, mail)
}

probes! {
    from_wrong_sender: "mail_from_wrong_sender" => async |trial: &Trial| {
        let mail = mailed(trial).await;
        let wrong = mail.contains("From: Sequence <sequence@freemail.test>");
        assert_eq!(wrong, mail.contains("Reply-To: Sequence <no-reply@sandbox.test>"));
        wrong
    };
    reply_elsewhere: "mail_reply_elsewhere" => async |trial: &Trial| {
        mailed(trial).await.contains("Reply-To: Sequence <sequence@freemail.test>")
    };
    placeholder_left: "mail_placeholder_left" => async |trial: &Trial| {
        mailed(trial).await.contains("{{name}}")
    };
    placeholder_left_resend_code: "mail_placeholder_left:resend-code" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        assert!(!trial.mail(&email).2.contains("{{name}}"));
        trial.dash("", "resend-code", json!({"email": email})).await.ok();
        trial.mail(&email).2.contains("{{name}}")
    };
    placeholder_left_invite_member: "mail_placeholder_left:invite-member" => async |trial: &Trial| {
        assert!(!mailed(trial).await.contains("{{name}}"));
        invited(trial).await.1.contains("{{name}}")
    };
    broken_mime: "mail_broken_mime" => async |trial: &Trial| {
        let mail = mailed(trial).await;
        let (_, boundary) = mail.split_once("boundary=\"").unwrap();
        let boundary = boundary.split('"').next().unwrap();
        assert!(mail.contains(&format!("--{boundary}\r\n")));
        !mail.contains(&format!("--{boundary}--"))
    };
    charset_unknown: "mail_charset_unknown" => async |trial: &Trial| {
        !mailed(trial).await.contains("charset=utf-8")
    };
    html_missing: "mail_html_missing" => async |trial: &Trial| !mailed(trial).await.contains("text/html");
    parts_differ: "mail_parts_differ" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        let (_, _, html) = trial.mail(&email);
        let (guest, _) = invited(trial).await;
        let (_, _, invitation) = trial.mail(&guest);
        let differ = !html.contains(&trial.code(&email));
        assert_eq!(differ, !invitation.contains(&trial.invitation(&guest)));
        differ
    };
    link_elsewhere: "mail_link_elsewhere" => async |trial: &Trial| {
        let (email, _) = invited(trial).await;
        let (_, text, html) = trial.mail(&email);
        assert_eq!(text.contains("https://click.tracker.test/"), html.contains("\"https://click.tracker.test/"));
        text.contains("https://click.tracker.test/")
    };
}
