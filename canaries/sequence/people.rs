//! What the dashboard shows of people and of what their teams have.

use serde::Deserialize;

/// Answer of `get-user`.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// The address.
    pub email: String,
    /// As given at sign-up.
    pub name: Option<String>,
    /// `confirmed`.
    pub status: String,
    /// Where the user is a member.
    pub teams: Vec<OwnTeam>,
}

/// A team that one is in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct OwnTeam {
    /// Its name.
    pub name: String,
    /// One's own role there.
    pub role: String,
}

/// A ledger of a team.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedLedger {
    /// The team.
    pub team: String,
    /// Its name.
    pub name: String,
    /// `dev` or `prod`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Since when.
    pub created: String,
}

/// A credential of a team, without its secret.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedCredential {
    /// Names it.
    pub id: String,
    /// The role it carries.
    pub role: String,
    /// Whose it is.
    pub email: String,
    /// Since when.
    pub created: String,
    /// Must not be shown.
    #[serde(default)]
    pub secret: Option<serde_json::Value>,
}
