//! Faults of one kind that many operations have: one sandbox tries them all.

use serde_json::{Value, json};

use super::{CATALOGUE, member};
use crate::trial::{Book, Trial};

/// The kinds that are tried here.
pub(super) const KINDS: [&str; 5] = [
    "credential_unchecked",
    "deleted_credential_works",
    "readonly_may_write",
    "readers_may_not_read",
    "readers_may_manage",
];

/// Switches each fault of a kind on and off, while the probe says whether its operation went wrong.
async fn check(trial: &Trial, kind: &str, probe: impl AsyncFn(&'static str) -> bool) {
    let family = CATALOGUE.iter().filter_map(|(name, _)| Some((*name, name.split_once(':')?)));
    for (fault, (_, operation)) in family.filter(|(_, (it, _))| *it == kind) {
        assert!(!probe(operation).await, "`{fault}` shows while it is off");
        trial.sandbox.switch(fault, true).unwrap();
        assert!(probe(operation).await, "`{fault}` does not show while it is on");
        trial.sandbox.switch(fault, false).unwrap();
    }
}

/// A ledger and the credential of somebody who may only read.
async fn reader(trial: &Trial) -> (Book, String) {
    let book = trial.book().await;
    let (_, session) = member(trial, "readonly").await;
    let made = trial.dash(&session, "create-credential", json!({"team": book.team})).await.ok();
    (Book { secret: made["secret"].as_str().unwrap().to_owned(), ..book }, session)
}

fn code(body: &Value) -> &str {
    body["seq_code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn credential_unchecked() {
    let trial = Trial::start();
    let book = Book { secret: "made up".to_owned(), ..trial.book().await };
    check(&trial, "credential_unchecked", async |operation| {
        code(&trial.call(&book, operation, json!({})).await.body) != "SEQ002"
    })
    .await;
}

#[tokio::test]
async fn deleted_credential_works() {
    let trial = Trial::start();
    let (book, session) = reader(&trial).await;
    let listed = trial.dash(&session, "list-credentials", json!({"team": book.team})).await.ok();
    let id = listed["items"][0]["id"].clone();
    trial.dash(&session, "delete-credential", json!({"team": book.team, "id": id})).await.ok();
    check(&trial, "deleted_credential_works", async |operation| {
        code(&trial.call(&book, operation, json!({})).await.body) != "SEQ002"
    })
    .await;
}

#[tokio::test]
async fn readonly_may_write() {
    let trial = Trial::start();
    let (book, _) = reader(&trial).await;
    check(&trial, "readonly_may_write", async |operation| {
        code(&trial.call(&book, operation, json!({})).await.body) != "SEQ011"
    })
    .await;
}

#[tokio::test]
async fn readers_may_not_read() {
    let trial = Trial::start();
    let (book, _) = reader(&trial).await;
    check(&trial, "readers_may_not_read", async |operation| {
        code(&trial.call(&book, operation, json!({})).await.body) == "SEQ011"
    })
    .await;
}

#[tokio::test]
async fn readers_may_manage() {
    let trial = Trial::start();
    let (_, session) = reader(&trial).await;
    let body = json!({"team": trial.sandbox.team()});
    check(&trial, "readers_may_manage", async |operation| {
        let mut body = body.clone();
        // Or a reader is asked who may leave by themselves.
        body["email"] = json!("nobody@people.test");
        code(&trial.dash(&session, operation, body).await.body) != "SEQ011"
    })
    .await;
}
