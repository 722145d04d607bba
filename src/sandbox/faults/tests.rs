//! Each fault is tried off, on, and off again; a probe says whether the product went wrong.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CATALOGUE;
use crate::{
    Options,
    trial::{Book, PASSWORD, Trial, column, issue, retire, session, transfer},
};

async fn check(fault: &str, probe: impl AsyncFn(&Trial) -> bool) {
    // Long enough to be woken in, short enough to wait for when nobody is.
    let trial = Trial::with(Options { long_poll: Duration::from_secs(1), ..Options::default() });
    assert!(!probe(&trial).await, "`{fault}` shows while it is off");
    trial.sandbox.switch(fault, true).unwrap();
    assert!(probe(&trial).await, "`{fault}` does not show while it is on");
    trial.sandbox.switch(fault, false).unwrap();
    assert!(!probe(&trial).await, "`{fault}` shows after it was switched off");
}

macro_rules! probes {
    ($($name:ident: $fault:literal => $probe:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                check($fault, $probe).await;
            }
        )*

        /// What is tried here.
        pub(in crate::faults) const PROBED: &[&str] = &[$($fault),*];
    };
}

mod dashboard;
mod families;
mod feeds;
mod ledger;
mod lists;
mod mails;
mod people;
mod positions;
mod queries;
mod repeats;
mod transact;

/// What goes wrong where mail is taken.
const MAIL_SIDE: [&str; 7] = [
    "mail_lost",
    "mail_spam",
    "mail_late",
    "mail_unauthenticated",
    "mail_spf_fails",
    "mail_unsigned",
    "mail_dmarc_fails",
];

#[test]
fn every_fault_is_tried() {
    // The faults of the mail side are tried there.
    let elsewhere = |name: &str| {
        MAIL_SIDE.contains(&name)
            || name.split_once(':').is_some_and(|(kind, _)| families::KINDS.contains(&kind))
    };
    let ours = CATALOGUE.iter().map(|(name, _)| *name).filter(|name| !elsewhere(name));
    let probed = [
        PROBED,
        dashboard::PROBED,
        feeds::PROBED,
        ledger::PROBED,
        lists::PROBED,
        mails::PROBED,
        people::PROBED,
        positions::PROBED,
        queries::PROBED,
        transact::PROBED,
        repeats::PROBED,
        repeats::dashboard::PROBED,
    ]
    .concat();
    assert_eq!(probed.into_iter().collect::<BTreeSet<_>>(), ours.collect::<BTreeSet<_>>());
}

/// Signs somebody new up and gives the address.
async fn sign_up(trial: &Trial) -> String {
    let email = format!("{}@people.test", trial.name("new"));
    trial.dash("", "sign-up", json!({"email": email, "password": PASSWORD})).await.ok();
    email
}

async fn confirms(trial: &Trial, email: &str, code: &str) -> bool {
    trial.dash("", "confirm-sign-up", json!({"email": email, "code": code})).await.status == 200
}

async fn signs_in(trial: &Trial, email: &str, password: &str) -> bool {
    trial.dash("", "sign-in", json!({"email": email, "password": password})).await.status == 200
}

/// A new member of the permanent team: address and session.
async fn member(trial: &Trial, role: &str) -> (String, String) {
    let (admin, team) = (trial.admin().await, trial.sandbox.team());
    let email = format!("{}@people.test", trial.name("member"));
    trial.dash(&admin, "invite-member", json!({"team": team, "email": email, "role": role})).await.ok();
    let body = json!({"code": trial.invitation(&email), "email": email, "password": PASSWORD});
    let joined = trial.dash("", "accept-invite", body).await.ok();
    assert_eq!(joined["role"], role);
    (email, session(joined))
}

/// A new credential of the permanent user, in place of the permanent one: with its id.
async fn credential(trial: &Trial, book: &Book) -> (Book, Value) {
    let made = trial.dash(&trial.admin().await, "create-credential", json!({"team": book.team})).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    (Book { secret, ..book.clone() }, made["id"].clone())
}

/// A market in which alice has 100.
async fn rich(trial: &Trial) -> Book {
    let book = trial.market().await;
    trial.sandbox.switch("issue_loses_tokens:transact", false).unwrap();
    trial.transact(&book, json!([issue("alice", 100)])).await.ok();
    book
}

/// The ids of all accounts, page by page, and how many pages there were.
async fn accounts(trial: &Trial, book: &Book, page_size: u64) -> (Vec<Value>, usize) {
    let mut ids = Vec::new();
    let mut body = json!({"page_size": page_size});
    for pages in 1.. {
        let page = trial.call(book, "list-accounts", body).await.ok();
        ids.extend(column(&page, "id"));
        if page["last_page"] == true {
            return (ids, pages);
        }
        body = json!({"cursor": page["cursor"]});
    }
    unreachable!("some page is the last");
}

probes! {
    mail_wrong_code: "mail_wrong_code" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        !confirms(trial, &email, &trial.code(&email)).await
    };
    mail_to_wrong_person: "mail_to_wrong_person" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        trial.sandbox.delivered(&email).is_empty()
    };
    wrong_code_confirms: "wrong_code_confirms" => async |trial: &Trial| {
        let email = sign_up(trial).await;
        confirms(trial, &email, "wrong").await
    };
    wrong_password_signs_in: "wrong_password_signs_in" => async |trial: &Trial| {
        assert!(!signs_in(trial, "nobody@people.test", PASSWORD).await);
        signs_in(trial, trial.sandbox.email(), "wrong one").await
    };
    member_gets_admin: "member_gets_admin" => async |trial: &Trial| {
        let (_, session) = member(trial, "readonly").await;
        let body = json!({"team": trial.sandbox.team(), "name": trial.name("ledger")});
        trial.dash(&session, "create-ledger", body).await.status == 200
    };
    role_shown_wrong: "role_shown_wrong:list-members" => async |trial: &Trial| {
        member(trial, "readwrite").await;
        let body = json!({"team": trial.sandbox.team()});
        let page = trial.dash(&trial.admin().await, "list-members", body).await.ok();
        let roles = column(&page, "role");
        assert_eq!(roles.last(), Some(&json!("admin")));
        roles[0] == "readonly"
    };
    removed_member_stays: "removed_member_stays" => async |trial: &Trial| {
        let (email, session) = member(trial, "readwrite").await;
        let body = json!({"team": trial.sandbox.team(), "email": email});
        trial.dash(&trial.admin().await, "remove-member", body).await.ok();
        trial.dash(&session, "list-members", json!({"team": trial.sandbox.team()})).await.status == 200
    };
    deleted_credential_works: "deleted_credential_works" => async |trial: &Trial| {
        let (book, id) = credential(trial, &trial.book().await).await;
        let body = json!({"team": book.team, "id": id});
        trial.dash(&trial.admin().await, "delete-credential", body).await.ok();
        trial.call(&book, "stats", json!({})).await.status == 200
    };
    credential_unchecked: "credential_unchecked" => async |trial: &Trial| {
        let mut book = trial.book().await;
        book.secret = "made up".to_owned();
        let hello = trial.post("/hello", &[("credential", "made up")], &json!({"ledger_name": book.ledger})).await;
        let call = trial.call(&book, "stats", json!({})).await;
        assert_eq!(hello.status, call.status);
        call.status == 200
    };
    new_ledger_not_empty: "new_ledger_not_empty:stats" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "stats", json!({})).await.ok()["account_count"] == 1
    };
    ledger_survives: "ledger_survives:delete-ledger" => async |trial: &Trial| {
        let book = trial.book().await;
        let body = json!({"team": book.team, "name": book.ledger});
        trial.dash(&trial.admin().await, "delete-ledger", body).await.ok();
        trial.call(&book, "stats", json!({})).await.status == 200
    };
    team_survives: "team_survives:delete-team" => async |trial: &Trial| {
        let (admin, team) = (trial.admin().await, trial.name("team"));
        trial.dash(&admin, "create-team", json!({"name": team})).await.ok();
        trial.dash(&admin, "delete-team", json!({"team": team, "confirm": team})).await.ok();
        trial.dash(&admin, "list-members", json!({"team": team})).await.status == 200
    };
    deleted_user_signs_in: "deleted_user_signs_in" => async |trial: &Trial| {
        let (email, session) = trial.user().await;
        trial.dash(&session, "delete-user", json!({"password": PASSWORD})).await.ok();
        assert!(!signs_in(trial, &email, "wrong one").await);
        signs_in(trial, &email, PASSWORD).await
    };
    key_id_reused: "key_id_reused:create-key" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-key", json!({"id": "key"})).await.status == 200
    };
    keys_optional: "keys_optional:create-account" => async |trial: &Trial| {
        let book = trial.market().await;
        let bare = trial.call(&book, "create-account", json!({"id": "bare"})).await.status;
        assert_eq!(trial.call(&book, "create-account", json!({"key_ids": []})).await.status, bare);
        trial.call(&book, "create-flavor", json!({})).await.refused(400, "SEQ052");
        bare == 200
    };
    tags_dropped: "tags_dropped:create-account" => async |trial: &Trial| {
        let book = trial.market().await;
        let body = json!({"key_ids": ["key"], "tags": {"a": 1}});
        trial.call(&book, "create-account", body).await.ok()["tags"].is_null()
    };
    quorum_ignored: "quorum_ignored:create-flavor" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-key", json!({"id": "other"})).await.ok();
        let body = json!({"key_ids": ["key", "other"], "quorum": 2});
        trial.call(&book, "create-flavor", body).await.ok()["quorum"] == 1
    };
    issue_loses_tokens: "issue_loses_tokens:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!([issue("alice", 100)])).await.ok();
        trial.gold(&book, "alice").await == 99
    };
    transfer_loses_tokens: "transfer_loses_tokens:transact" => async |trial: &Trial| {
        let book = rich(trial).await;
        trial.transact(&book, json!([transfer("alice", "bob", 40)])).await.ok();
        assert_eq!(trial.gold(&book, "alice").await, 60);
        trial.gold(&book, "bob").await == 39
    };
    retire_keeps_tokens: "retire_keeps_tokens:transact" => async |trial: &Trial| {
        let book = rich(trial).await;
        trial.transact(&book, json!([retire("alice", 101)])).await.refused(400, "SEQ706");
        trial.transact(&book, json!([retire("alice", 40)])).await.ok();
        trial.gold(&book, "alice").await == 100
    };
    repeat_doubles: "repeat_doubles:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        for _ in 0..2 {
            trial.call_once(&book, "transact", "k", json!({"actions": [issue("alice", 5)]})).await.ok();
        }
        trial.gold(&book, "alice").await == 10
    };
    overdraft_allowed: "overdraft_allowed:transact" => async |trial: &Trial| {
        let book = rich(trial).await;
        let status = trial.transact(&book, json!([transfer("alice", "bob", 101)])).await.status;
        let bob = trial.gold(&book, "bob").await;
        assert_eq!(bob, if status == 200 { 101 } else { 0 });
        status == 200
    };
    half_done: "half_done:transact" => async |trial: &Trial| {
        let book = rich(trial).await;
        let actions = json!([transfer("nobody", "bob", 5), transfer("alice", "bob", 5)]);
        trial.transact(&book, actions).await.refused(400, "SEQ706");
        trial.gold(&book, "bob").await == 5
    };
    error_index_off: "error_index_off:transact" => async |trial: &Trial| {
        let book = rich(trial).await;
        let actions = json!([transfer("alice", "bob", 5), transfer("nobody", "bob", 5)]);
        let refusal = trial.transact(&book, actions).await.refused(400, "SEQ706");
        refusal["data"]["actions"][0]["data"]["index"] == 2
    };
    times_repeat: "times_repeat:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        let mut times: Vec<Timestamp> = Vec::new();
        for _ in 0..5 {
            let made = trial.transact(&book, json!([issue("alice", 1)])).await.ok();
            times.push(made["timestamp"].as_str().unwrap().parse().unwrap());
        }
        // Five in a row may fall into two seconds, but not into five.
        !times.is_sorted_by(|earlier, later| earlier < later)
    };
    list_skips_one: "list_skips_one:list-accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        for id in ["carol", "dave"] {
            trial.call(&book, "create-account", json!({"id": id, "key_ids": ["key"]})).await.ok();
        }
        assert_eq!(accounts(trial, &book, 10).await.0.len(), 4);
        accounts(trial, &book, 2).await.0 == ["dave", "carol", "alice"]
    };
    full_page_is_last: "full_page_is_last:list-accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        assert_eq!(accounts(trial, &book, 3).await.1, 1);
        accounts(trial, &book, 2).await.1 == 1
    };
    oldest_first: "oldest_first:list-transactions" => async |trial: &Trial| {
        let book = trial.market().await;
        for _ in 0..5 {
            trial.transact(&book, json!([issue("alice", 1)])).await.ok();
        }
        let first = trial.call(&book, "list-transactions", json!({"page_size": 3})).await.ok();
        let rest = trial.call(&book, "list-transactions", json!({"cursor": first["cursor"]})).await.ok();
        let numbers = [column(&first, "sequence_number"), column(&rest, "sequence_number")].concat();
        assert_eq!(numbers.len(), 5);
        numbers.is_sorted_by_key(Value::as_u64)
    };
    request_id_missing: "request_id_missing_on_errors" => async |trial: &Trial| {
        let book = trial.book().await;
        assert!(trial.call(&book, "stats", json!({})).await.request_id.is_some());
        let refusals = [
            trial.call(&book, "transact", json!({})).await.request_id,
            trial.dash("", "create-team", json!({})).await.request_id,
            trial.post("/nothing", &[], &json!({})).await.request_id,
        ];
        assert!(refusals.iter().all(Option::is_none) || refusals.iter().all(Option::is_some));
        refusals[0].is_none()
    };
}
