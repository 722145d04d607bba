//! The product instance under watch, and who the suite is there.

use coalmine::{Redactor, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Where Sequence is, and the standing account that the suite works under.
#[derive(Clone, Debug)]
pub struct Target {
    /// The entry address, such as `https://api.seq.com`.
    pub entry: String,
    /// The standing team, in which the suite makes its ledgers.
    pub team: String,
    /// A production ledger of that team: it is never written to, and only asked for what it must refuse.
    pub production_ledger: String,
    /// An API credential of that team.
    pub credential: Secret,
    /// A confirmed user who may make ledgers in that team.
    pub email: String,
    /// That user's password.
    pub password: Secret,
    /// Passwords of the users that canaries sign up are derived from this key and the address, so that a sweep can
    /// remove what a killed run has left without anything being stored.
    pub user_key: Secret,
    /// What its mails must be.
    pub mails: MailRules,
}

/// What is demanded of every mail of the product. Instances differ: one in a laboratory may send from anywhere.
#[derive(Clone, Debug)]
pub struct MailRules {
    /// Whom they are from. Not looked at if nobody has said so.
    pub from: Option<String>,
    /// Where answers go. The same as `from` if nobody has said otherwise.
    pub reply_to: Option<String>,
    /// The hosts that their links may lead to.
    pub link_hosts: Vec<String>,
    /// Whether they must pass SPF, DKIM and DMARC.
    pub authenticated: bool,
}

impl MailRules {
    /// The rules of an instance of which only the entry address is known: links lead there.
    #[must_use]
    pub fn of(entry: &str) -> Self {
        let address = entry.split_once("://").map_or(entry, |(_, address)| address);
        let host = match address.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            Some(_) | None => address,
        };
        Self { from: None, reply_to: None, link_hosts: vec![host.to_owned()], authenticated: true }
    }
}

impl Target {
    /// The password of a user that a canary signs up.
    #[must_use]
    pub fn password_of(&self, email: &str, redactor: &Redactor) -> Secret {
        if email == self.email {
            return self.password.clone();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.user_key.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(email.as_bytes());
        let digest = mac.finalize().into_bytes();
        let password: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        redactor.learn(&password);
        Secret::new(password)
    }
}
