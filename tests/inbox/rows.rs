//! What a step must be told in each case of `docs/inbox.md`: written down a second time, so that neither the page nor
//! the code can change alone.

use coalmine::{
    Cause::{self, MailDuplicate, MailLate, MailMissing, MailProvider, MailSpam},
    Verdict,
};

/// One case: its name, why the step does not pass, what its message says besides, and the remedy. No cause is a pass.
pub(super) type Row = (&'static str, Option<Cause>, &'static str, &'static str);

const REPORT: &str = "the API does not take this call: look whether a proxy rewrites it, and report it as a mistake of the inbox";
const SCOPE: &str = "make a new refresh token for `GMAIL_CREDENTIAL` that has the scope https://www.googleapis.com/auth/gmail.readonly";
const QUOTA: &str = "wait until the quota is free again; lower `GMAIL_UNITS_PER_MINUTE`, or give the canaries a mailbox of their own";
const API_DOWN: &str = "wait; the mail API is out of order";
const NETWORK: &str = "check the network between here and the mail API";
const ROOT: &str = "check that the API root is Gmail's";
const SLOW: &str =
    "give the wait more time than one call of the mail API takes; if it has, check the network";
const CERTIFICATE: &str =
    "correct the server's certificate; if its authority is private, name its PEM file in COALMINE_CA";
const TOKEN_DOWN: &str = "wait; the token endpoint is out of order";
const LOG: &str = "look in the product's mail log for this address";

const API: Option<Cause> = Some(MailProvider);

pub(super) const ROWS: &[Row] = &[
    ("bad-request", API, "status 400 `badRequest`", REPORT),
    ("invalid-argument", API, "status 400 `invalidArgument`", REPORT),
    (
        "failed-precondition",
        API,
        "status 400 `failedPrecondition` (Precondition check failed)",
        "use the credential of a user whose account has Gmail switched on; a service account needs that user as its \
         subject",
    ),
    ("unauthorized-once", None, "", ""),
    (
        "unauthorized",
        API,
        "status 401 `authError` (Invalid Credentials)",
        "make a new refresh token for `GMAIL_CREDENTIAL`",
    ),
    ("insufficient-permissions", API, "status 403 `insufficientPermissions`", SCOPE),
    ("metadata-scope", API, "status 403 `forbidden` (Metadata scope", SCOPE),
    (
        "delegation-denied",
        API,
        "status 403 `forbidden` (Delegation denied for me@x.test)",
        "use a credential of the mailbox's own user, or of a service account that has that user as its subject",
    ),
    (
        "access-not-configured",
        API,
        "status 403 `accessNotConfigured`",
        "enable the Gmail API in the project of `GMAIL_CLIENT_ID`",
    ),
    ("other-refusal", API, "status 403 `domainPolicy`", "check `GMAIL_CREDENTIAL` and the mailbox's account"),
    ("rate-limit-403", API, "status 403 `rateLimitExceeded`", QUOTA),
    ("user-rate-limit-403", API, "status 403 `userRateLimitExceeded`", QUOTA),
    (
        "daily-limit-403",
        API,
        "status 403 `dailyLimitExceeded`",
        "wait until midnight in California, or raise the day's quota of the project of `GMAIL_CLIENT_ID`",
    ),
    ("exhausted-429", API, "status 429 `rateLimitExceeded` (Resource has been exhausted", QUOTA),
    (
        "concurrent-429",
        API,
        "status 429 `rateLimitExceeded` (Too many concurrent requests for user)",
        "let fewer processes read this mailbox at once",
    ),
    ("retry-after-429", API, "Retry after 2999-01-01T00:00:00.000Z", QUOTA),
    ("retry-soon-429", None, "", ""),
    ("busy-opening", API, "status 429 `rateLimitExceeded`", QUOTA),
    ("history-too-old", None, "", ""),
    ("search-lags", None, "", ""),
    ("nothing-found", API, "status 404 `notFound`", ROOT),
    ("fresh-mail-404", None, "", ""),
    (
        "fresh-mail-stays-404",
        API,
        "status 404 for a mail that its history names",
        "give the wait more time: Gmail may name a mail some seconds before it can be read",
    ),
    ("server-error-once", None, "", ""),
    ("server-error", API, "`backendError` (Backend Error)", API_DOWN),
    ("server-error-bare", API, " from http://", API_DOWN),
    ("request-timeout", API, "got status 408", API_DOWN),
    ("hang", API, "no answer for ", SLOW),
    ("hang-once", None, "", ""),
    ("refused", API, "onnection refused", NETWORK),
    ("cut-short", API, "no answer from http://", NETWORK),
    (
        "garbage",
        API,
        "an answer that cannot be read from http://",
        "check that the API root is Gmail's and that no proxy rewrites its answers",
    ),
    ("foreign-refusal", API, "got status 403 from http://", ROOT),
    ("untrusted", API, "invalid peer certificate", CERTIFICATE),
    (
        "no-address",
        API,
        "an API root that is no address: no address/",
        "correct the API root, or leave it out",
    ),
    (
        "own-budget",
        API,
        "1 mail that this process's own budget of units was too small for",
        "raise `GMAIL_UNITS_PER_MINUTE` as far as the other processes on this mailbox allow: Google grants its user \
         6,000",
    ),
    (
        "invalid-grant",
        API,
        "`invalid_grant` (Token has been expired or revoked) from http://",
        "make a new refresh token for `GMAIL_CREDENTIAL`; it ends with a changed password, when its user or an \
         administrator withdraws it, after six months without use, and after seven days while the consent screen is \
         in testing",
    ),
    (
        "invalid-grant-session",
        API,
        "`invalid_grant` (reauth related error (invalid_rapt))",
        "exempt the mailbox's user from the administrator's session control, and make a new refresh token for \
         `GMAIL_CREDENTIAL`",
    ),
    (
        "invalid-grant-clock",
        API,
        "`invalid_grant` (Invalid JWT: Token must be a short-lived token",
        "correct this machine's clock: a service account signs with its time",
    ),
    ("invalid-client", API, "`invalid_client`", "check `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`"),
    (
        "unauthorized-client",
        API,
        "`unauthorized_client` (Client is unauthorized to retrieve access tokens",
        "check `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`; for a service account, allow its numeric client id \
         exactly the scopes asked for, in the Admin console",
    ),
    (
        "other-oauth-refusal",
        API,
        "`invalid_scope`",
        "check `GMAIL_CREDENTIAL`, `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`",
    ),
    ("token-error-once", None, "", ""),
    ("token-error", API, " without a token from http://", TOKEN_DOWN),
    ("token-garbage", API, "status 200 without a token from http://", TOKEN_DOWN),
    ("token-hang", API, "no answer for ", SLOW),
    ("token-refused", API, "onnection refused", "check the network between here and the token endpoint"),
    ("token-untrusted", API, "invalid peer certificate", CERTIFICATE),
    ("time-limited-grant", None, "", ""),
    ("mail-missing", Some(MailMissing), " within 0.6 s, got none", LOG),
    ("mail-other-subject", Some(MailMissing), " within 0.6 s, got `Goodbye` (inbox, ", LOG),
    ("mail-to-another", Some(MailMissing), "; for other addresses of this run came `Confirm` to ", LOG),
    (
        "mail-late",
        Some(MailLate),
        "to be delivered within 2.0 s, got it after ",
        "compare the times in the mail's `Received` headers, from the bottom: where it lay is where it was late",
    ),
    (
        "mail-spam",
        Some(MailSpam),
        " in the inbox, got it in spam",
        "look at SPF, DKIM and DMARC of the sender's domain in the mail's `Authentication-Results`",
    ),
    (
        "mail-duplicate",
        Some(MailDuplicate),
        " once, got it 2 times, the last ",
        "look in the product's mail log for who sent it again: a retried job, or two workers with one task",
    ),
    ("mail-never-to-be-once", Some(MailMissing), " once, got none in 0.3 s", LOG),
];

/// The rows of the page: case, verdict, cause and remedy.
pub(super) fn of_the_page() -> Vec<(String, String, String, String)> {
    const PAGE: &str = include_str!("../../docs/inbox.md");
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect();
        let [case, _, done, verdict, cause, remedy] = cells.try_into().expect("a row of six cells");
        assert!(!done.is_empty(), "{case}: what is done?");
        (case.trim_matches('`').to_owned(), verdict, cause, remedy)
    })
    .collect()
}

#[test]
fn the_page_and_the_tests_have_the_same_rows() {
    let none = || "—".to_owned();
    let ours: Vec<_> = ROWS
        .iter()
        .map(|&(case, cause, _, remedy)| {
            let verdict = cause.map_or(Verdict::Passed, Cause::verdict).to_string();
            let cause = cause.map_or_else(none, |it| it.to_string());
            (
                case.to_owned(),
                verdict,
                cause,
                Some(remedy.to_owned()).filter(|it| !it.is_empty()).unwrap_or_else(none),
            )
        })
        .collect();
    for (page, ours) in of_the_page().iter().zip(&ours) {
        assert_eq!(page, ours);
    }
    assert_eq!(of_the_page().len(), ours.len());
}
