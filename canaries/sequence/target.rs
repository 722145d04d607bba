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
