use serde_json::{Value, json};

use super::{join, team};
use crate::trial::{Trial, column};

#[tokio::test]
async fn teams() {
    let trial = Trial::start();
    let (_, session) = trial.user().await;
    for name in ["x", "y", "z"] {
        trial.dash(&session, "create-team", json!({"name": name})).await.ok();
    }
    let list = async |session: &str, body: Value| trial.dash(session, "list-teams", body).await;
    let page = list(&session, json!({"page_size": 2})).await.ok();
    assert_eq!(page["items"], json!([{"name": "z", "role": "admin"}, {"name": "y", "role": "admin"}]));
    let cursor = json!({"cursor": page["cursor"]});
    let rest = list(&session, cursor.clone()).await.ok();
    assert_eq!((column(&rest, "name"), &rest["last_page"]), (vec![json!("x")], &json!(true)));
    // Nobody sees through another one's cursor.
    list(&trial.admin().await, cursor).await.refused(400, "SEQ600");
    list("", json!({})).await.refused(401, "SEQ901");
}

#[tokio::test]
async fn ledgers() {
    let trial = Trial::start();
    let (team, _, admin) = team(&trial).await;
    let mut made = Vec::new();
    for (name, kind) in [("a", "dev"), ("b", "prod"), ("c", "dev")] {
        let body = json!({"team": team, "name": name, "type": kind});
        made.insert(0, trial.dash(&admin, "create-ledger", body).await.ok());
    }
    let (_, reader) = join(&trial, &team, &admin, "readonly").await;
    let page = trial.dash(&reader, "list-ledgers", json!({"team": team})).await.ok();
    assert_eq!(page["items"], json!(made));
    assert_eq!(made[1]["type"], "prod");
    let page = trial.dash(&reader, "list-ledgers", json!({"team": team, "page_size": 1})).await.ok();
    let rest = trial.dash(&reader, "list-ledgers", json!({"cursor": page["cursor"]})).await.ok();
    assert_eq!(column(&rest, "name"), ["b"]);
    let (_, stranger) = trial.user().await;
    trial.dash(&stranger, "list-ledgers", json!({"team": team})).await.refused(404, "SEQ002");
    trial.dash(&stranger, "list-ledgers", json!({"cursor": page["cursor"]})).await.refused(404, "SEQ002");
    // A cursor of one list opens no other.
    trial.dash(&reader, "list-members", json!({"cursor": page["cursor"]})).await.refused(400, "SEQ600");
    for op in ["list-ledgers", "list-credentials", "list-members"] {
        trial.dash(&reader, op, json!({})).await.refused(400, "SEQ008");
    }
}

#[tokio::test]
async fn credentials() {
    let trial = Trial::start();
    let (team, first, admin) = team(&trial).await;
    let (second, reader) = join(&trial, &team, &admin, "readonly").await;
    let create = async |session: &str, name: Value| {
        trial.dash(session, "create-credential", json!({"team": team, "name": name})).await.ok()
    };
    let (one, two) = (create(&admin, json!("one")).await, create(&reader, json!(null)).await);
    let list = async |session: &str| {
        let answer = trial.dash(session, "list-credentials", json!({"team": team})).await;
        assert!(!answer.text.contains(one["secret"].as_str().unwrap()));
        answer.ok()
    };
    let all = list(&admin).await;
    assert_eq!(column(&all, "id"), [two["id"].clone(), one["id"].clone()]);
    assert_eq!(column(&all, "name"), [json!(null), json!("one")]);
    assert_eq!(column(&all, "role"), ["readonly", "admin"]);
    assert_eq!(column(&all, "email"), [second, first]);
    assert!(all["items"][0]["created"].is_string());
    // Those who are no admins see their own.
    assert_eq!(list(&reader).await["items"], json!([all["items"][0]]));
}
