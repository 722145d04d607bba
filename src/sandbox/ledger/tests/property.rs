use std::{collections::HashMap, thread};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Call, Ledger, LedgerKind, Operation};
use crate::{
    envelope::{Fields, Refusal},
    name_set::NameSet,
    trial::{issue, retire, transfer},
    world::Context,
};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// A call without a network around it.
fn call(ledger: &Ledger, cx: &Context, op: &str, body: &Value) -> Result<Value, Refusal> {
    let fields = Fields::parse(body.to_string().as_bytes()).unwrap();
    let call = Call {
        cx,
        operation: Operation::named(op).unwrap(),
        fields: &fields,
        names: NameSet::default(),
        idempotency_key: None,
        neighbours: Vec::new(),
    };
    Ok(serde_json::from_str(&ledger.call(&call)?.reply).unwrap())
}

fn action() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(&NAMES);
    let moved = (name(), name(), 1..60_u64, 0..3_u64, prop::option::of(0..3_u64));
    prop_oneof![
        2 => (name(), 1..50_u64).prop_map(|(to, amount)| issue(to, amount)),
        5 => moved.prop_map(|(from, to, amount, tag, wanted)| {
            let mut action = transfer(from, to, amount);
            action["token_tags"] = json!({"tag": tag});
            if let Some(wanted) = wanted {
                action["filter"] = json!(format!("tags.tag={wanted}"));
            }
            action
        }),
        1 => (name(), 1..30_u64).prop_map(|(from, amount)| retire(from, amount)),
    ]
}

fn scripts() -> impl Strategy<Value = Vec<Vec<Vec<Value>>>> {
    let transaction = prop::collection::vec(action(), 1..4);
    prop::collection::vec(prop::collection::vec(transaction, 1..12), 2..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever clients do at once: tokens are conserved, nobody owes any, times rise.
    #[test]
    fn transactions_at_once(scripts in scripts()) {
        let cx = Context::for_tests();
        let ledger = Ledger::new("l", LedgerKind::Dev, cx.clock.now(), 1);
        call(&ledger, &cx, "create-key", &json!({"id": "key"})).unwrap();
        for id in NAMES {
            call(&ledger, &cx, "create-account", &json!({"id": id, "key_ids": ["key"]})).unwrap();
        }
        call(&ledger, &cx, "create-flavor", &json!({"id": "gold", "key_ids": ["key"]})).unwrap();

        thread::scope(|scope| {
            for script in &scripts {
                let (ledger, cx) = (&ledger, &cx);
                scope.spawn(move || {
                    for actions in script {
                        let made = call(ledger, cx, "transact", &json!({"actions": actions}));
                        if let Err(refusal) = made {
                            assert_eq!(refusal.code.seq, "SEQ706");
                        }
                    }
                });
            }
        });

        let mut balances: HashMap<String, i128> = HashMap::new();
        let mut last = String::new();
        let page = call(&ledger, &cx, "list-transactions", &json!({"page_size": 1000})).unwrap();
        for transaction in page["items"].as_array().unwrap().iter().rev() {
            let time = transaction["timestamp"].as_str().unwrap();
            prop_assert!(time > last.as_str(), "{time} after {last}");
            last = time.to_owned();
            for action in transaction["actions"].as_array().unwrap() {
                let amount = i128::from(action["amount"].as_u64().unwrap());
                for (field, amount) in [("source_account_id", -amount), ("destination_account_id", amount)] {
                    if let Some(account) = action[field].as_str() {
                        let balance = balances.entry(account.to_owned()).or_default();
                        *balance += amount;
                        prop_assert!(*balance >= 0, "{account} owes");
                    }
                }
            }
        }
        let body = json!({"group_by": ["account_id"]});
        let sums = call(&ledger, &cx, "sum-tokens", &body).unwrap();
        let held: HashMap<String, i128> = sums["items"].as_array().unwrap().iter()
            .map(|sum| (sum["account_id"].as_str().unwrap().to_owned(), sum["amount"].as_u64().unwrap().into()))
            .collect();
        balances.retain(|_, balance| *balance > 0);
        prop_assert_eq!(held, balances);
    }
}
