use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Bends, Filter, Kind, Look, Root, Subject};
use crate::{
    name_set::NameSet,
    values::{Millis, Tags},
};

/// An action, or a transaction of some.
struct Thing {
    tags: Tags,
    kind: &'static str,
    time: Millis,
    amount: u128,
    parts: Vec<Thing>,
}

impl Subject for Thing {
    fn look(&self, root: Root) -> Look<'_> {
        match root {
            Root::Type => Look::Text(self.kind),
            Root::Amount => Look::Number(self.amount),
            Root::Timestamp => Look::Time(self.time),
            Root::Tags | Root::SnapshotTokenTags => Look::Tags(&self.tags),
            _ => Look::Absent,
        }
    }

    fn any_action(&self, test: &mut dyn FnMut(&dyn Subject) -> bool) -> bool {
        self.parts.iter().any(|part| test(part))
    }
}

fn thing(tags: &Value) -> Thing {
    let time: jiff::Timestamp = "2018-05-02T20:43:57.917Z".parse().unwrap();
    Thing {
        tags: Tags::from(tags.as_object()),
        kind: "issue",
        time: time.into(),
        amount: 7,
        parts: Vec::new(),
    }
}

fn read(
    kind: Kind,
    names: &str,
    filter: &str,
    parameters: &Value,
    bends: Bends,
) -> Result<Filter, &'static str> {
    let parameters = parameters.as_array().unwrap();
    Filter::read(Some(filter), parameters, kind, NameSet::read(Some(names)), bends)
        .map_err(|refusal| refusal.code.seq)
}

#[track_caller]
fn passes(thing: &Thing, filter: &str, parameters: &Value) -> bool {
    read(Kind::Action, "snake", filter, parameters, Bends::default()).expect(filter).passes(thing)
}

#[test]
fn equality() {
    let it = thing(&json!({
        "text": "a", "one": 1, "digits": "1", "yes": true, "nothing": null, "half": 1.5, "list": ["a"],
        "big": u64::MAX, "negative": -5, "a-b": "hyphen", "deep": {"er": {"est": "x"}}, "Case": "A",
    }));
    for (filter, expected) in [
        ("type='issue'", true),
        ("type = 'issue'", true),
        ("type='Issue'", false),
        ("amount=7", true),
        ("amount='7'", false),
        ("tags.text='a'", true),
        ("tags.text='A'", false),
        ("tags.one=1", true),
        ("tags.one='1'", false),
        ("tags.digits=1", false),
        ("tags.digits='1'", true),
        ("tags.yes='true'", false),
        ("tags.nothing='null'", false),
        ("tags.half=1", false),
        ("tags.list='a'", false),
        ("tags.big=18446744073709551615", true),
        ("tags.negative=-5", true),
        ("tags.a-b='hyphen'", true),
        ("tags.deep.er.est='x'", true),
        ("tags.deep.er='x'", false),
        ("tags.deep.er.est.more='x'", false),
        ("tags.missing='x'", false),
        ("tags.case='A'", false),
        ("tags.Case='A'", true),
        ("snapshot.token_tags.text='a'", true),
        ("snapshot.flavor_tags.text='a'", false),
    ] {
        assert_eq!(passes(&it, filter, &json!([])), expected, "{filter}");
    }
}

#[test]
fn precedence_parentheses_and_spaces() {
    let it = thing(&json!({"t": 1}));
    for (filter, expected) in [
        ("tags.t=1 AND tags.t=1", true),
        ("tags.t=1 AND tags.t=2", false),
        ("tags.t=2 OR tags.t=1", true),
        ("tags.t=2 OR tags.t=3", false),
        // If `OR` bound tighter, this would be false.
        ("tags.t=1 OR tags.t=1 AND tags.t=2", true),
        ("(tags.t=1 OR tags.t=1) AND tags.t=2", false),
        ("tags.t=2 AND tags.t=1 OR tags.t=1", true),
        ("tags.t=2 AND (tags.t=1 OR tags.t=1)", false),
        ("((tags.t=1))", true),
        ("(tags.t='x'OR(tags.t=1))AND type='issue'", true),
        ("  tags.t\t=\n1  ", true),
        ("tags.AND=1 OR tags.t=1", true),
    ] {
        assert_eq!(passes(&it, filter, &json!([])), expected, "{filter}");
    }
}

#[test]
fn parameters() {
    let it = thing(&json!({"t": "it's", "n": 5}));
    for (filter, parameters, expected) in [
        ("tags.t=$1", json!(["it's"]), true),
        ("tags.t=$1 AND tags.n=$2", json!(["it's", 5]), true),
        ("tags.t=$2 AND tags.n=$1", json!([5, "it's"]), true),
        ("tags.n=$1 AND tags.n=$1", json!([5]), true),
        ("tags.n=$1", json!(["5"]), false),
        ("tags.n=$2", json!([1, 5]), true),
    ] {
        assert_eq!(passes(&it, filter, &parameters), expected, "{filter}");
    }
    for (filter, parameters, code) in [
        ("tags.t=$1", json!([]), "SEQ601"),
        ("tags.t=$2", json!(["a"]), "SEQ601"),
        ("tags.t='a'", json!(["a"]), "SEQ601"),
        ("tags.t=$1", json!(["a", "b"]), "SEQ601"),
        ("", json!(["a"]), "SEQ601"),
        ("tags.t=$1", json!([true]), "SEQ602"),
        ("tags.t=$1", json!([1.5]), "SEQ602"),
        ("tags.t=$1", json!([null]), "SEQ602"),
        ("tags.t=$0", json!(["a"]), "SEQ602"),
        ("tags.t=$", json!(["a"]), "SEQ602"),
        ("tags.t=$x", json!(["a"]), "SEQ602"),
        ("$1='a'", json!(["id"]), "SEQ602"),
        ("timestamp > $1", json!([5]), "SEQ602"),
        ("timestamp > $1", json!(["yesterday"]), "SEQ602"),
    ] {
        let read = read(Kind::Action, "snake", filter, &parameters, Bends::default());
        assert_eq!(read.map(drop), Err(code), "{filter} {parameters}");
    }
}

#[test]
fn times() {
    let it = thing(
        &json!({"at": "2018-05-02T20:43:57.917+00:00", "east": "2018-05-03T01:43:57+05:00", "n": 5, "t": "x"}),
    );
    for (filter, expected) in [
        ("timestamp = '2018-05-02T20:43:57.917Z'", true),
        ("timestamp > '2018-05-02T20:43:57.917Z'", false),
        ("timestamp >= '2018-05-02T20:43:57.917Z'", true),
        ("timestamp < '2018-05-02T20:43:57.917Z'", false),
        ("timestamp <= '2018-05-02T20:43:57.917Z'", true),
        ("timestamp > '2018-05-02T20:43:57.916Z'", true),
        ("timestamp < '2018-05-02T20:43:57.918Z'", true),
        ("timestamp >= '2018-05-02T20:43:57.9179Z'", true),
        ("timestamp > '2018-05-02T20:43:57Z'", true),
        ("timestamp < '2018-05-02T22:43:58+02:00'", true),
        ("timestamp > '2018-05-02T22:43:58+02:00'", false),
        ("timestamp:time > '2018-05-02T20:43:57Z'", true),
        ("tags.at:time = '2018-05-02T20:43:57.917Z'", true),
        ("tags.at:time>='2018-05-02T22:43:57.917+02:00'", true),
        ("tags.at:time > '2018-05-02T20:43:57Z'", true),
        ("tags.at:time <= '2018-05-02T20:43:57Z'", false),
        ("tags.east:time = '2018-05-02T20:43:57Z'", true),
        ("tags.east:time < '2018-05-02T20:43:58.000Z'", true),
        ("tags.n:time < '2018-05-02T20:43:58Z'", false),
        ("tags.t:time < '2018-05-02T20:43:58Z'", false),
        ("tags.missing:time < '2018-05-02T20:43:58Z'", false),
    ] {
        assert_eq!(passes(&it, filter, &json!([])), expected, "{filter}");
    }
}

#[test]
fn scopes() {
    let mut it = thing(&json!({"of": "transaction"}));
    it.parts = vec![thing(&json!({"a": 1, "b": 1})), thing(&json!({"a": 2, "b": 2}))];
    for (filter, expected, apart) in [
        ("actions(tags.a=1)", true, true),
        ("actions(tags.a=3)", false, false),
        ("actions(tags.a=1 AND tags.b=1)", true, true),
        // By one and the same action.
        ("actions(tags.a=1 AND tags.b=2)", false, true),
        ("actions(tags.a=1) AND actions(tags.b=2)", true, true),
        ("actions (tags.a=3 OR tags.b=2) AND tags.of='transaction'", true, true),
        ("actions(type='issue' AND (tags.a=2 OR tags.a=3))", true, true),
        ("tags.a=1", false, false),
    ] {
        let passes =
            |bends| read(Kind::Transaction, "snake", filter, &json!([]), bends).expect(filter).passes(&it);
        assert_eq!(passes(Bends::default()), expected, "{filter}");
        assert_eq!(passes(Bends { actions_apart: true, ..Bends::default() }), apart, "{filter}");
    }
}

#[test]
fn name_sets() {
    let names = ["snake", "camel", "camel|snake", ""];
    for (kind, filter, good) in [
        (Kind::Action, "source_account_id='a'", [true, false, true, true]),
        (Kind::Action, "sourceAccountId='a'", [false, true, true, false]),
        (Kind::Action, "snapshot.actionTags.a_b='a'", [false, true, true, false]),
        (Kind::Action, "snapshot.action_tags.aB='a'", [true, false, true, true]),
        (Kind::Transaction, "sequenceNumber=1", [false, true, true, false]),
        (Kind::Transaction, "actions(flavor_id='a')", [true, false, true, true]),
        (Kind::TokenGroup, "flavorTags.x='a'", [false, true, true, false]),
        (Kind::TokenGroup, "flavor_id='a'", [true, false, true, true]),
        (Kind::Holder, "tags.actingAccount='a' AND tags.acting_party='b'", [true; 4]),
        (Kind::Action, "id='a' AND type='b' AND tags.a='c' AND amount=1", [true; 4]),
    ] {
        for (names, good) in names.iter().zip(good) {
            let read = read(kind, names, filter, &json!([]), Bends::default());
            assert_eq!(read.map(drop), if good { Ok(()) } else { Err("SEQ602") }, "{names}: {filter}");
        }
    }
}

#[test]
fn properties_by_kind() {
    let properties = [
        "id",
        "quorum",
        "timestamp",
        "sequence_number",
        "type",
        "amount",
        "transaction_id",
        "flavor_id",
        "account_id",
        "source_account_id",
        "destination_account_id",
        "tags.x",
        "flavor_tags.x",
        "account_tags.x",
        "snapshot.token_tags.x",
    ];
    for (kind, known) in [
        (Kind::Holder, "id quorum tags.x"),
        (Kind::Transaction, "id timestamp sequence_number tags.x"),
        (
            Kind::Action,
            "id timestamp type amount transaction_id flavor_id source_account_id destination_account_id tags.x \
             snapshot.token_tags.x",
        ),
        (Kind::TokenGroup, "amount flavor_id account_id tags.x flavor_tags.x account_tags.x"),
    ] {
        let good = |property: &&&str| {
            let value = if **property == "timestamp" { "2018-05-02T20:43:57Z" } else { "x" };
            read(kind, "snake", &format!("{property}='{value}'"), &json!([]), Bends::default()).is_ok()
        };
        let seen: Vec<&str> = properties.iter().filter(good).copied().collect();
        assert_eq!(seen.join(" "), known, "{kind:?}");
    }
}

#[test]
fn malformed() {
    let mut deep = "(".repeat(70_000);
    write!(deep, "type='a'{}", ")".repeat(70_000)).unwrap();
    for filter in [
        "type",
        "type=",
        "='a'",
        "type='a",
        "type=a",
        "type=issue",
        "type='a' AND",
        "AND type='a'",
        "OR",
        "and",
        "type='a' and type='b'",
        "type='a' type='b'",
        "(type='a'",
        "type='a')",
        "()",
        "type=('a')",
        "type=='a'",
        "type=<'a'",
        "type!='a'",
        "type='a' NOT type='b'",
        "type:time='2018-05-02T20:43:57Z'",
        "tags.a:data='a'",
        "tags.a :time='2018-05-02T20:43:57Z'",
        "tags.a:time='5'",
        "tags.a:time=5",
        "tags.a>'a'",
        "amount>5",
        "tags='a'",
        "snapshot='a'",
        "snapshot.x='a'",
        "snapshot.token_tags='a'",
        "tags.='a'",
        ".tags.a='a'",
        "tags..a='a'",
        "type.x='a'",
        "nothing='a'",
        "actions(type='a')",
        "tokens(type='a')",
        "actions(type='a'",
        "timestamp>5",
        "timestamp>'2018-05-02'",
        "timestamp>'2018-05-02T20:43:57'",
        "amount=1.5",
        "amount=+5",
        "amount=99999999999999999999999999999999999999999",
        "tags.a=\"a\"",
        "tags.a='a';",
        "'a'=tags.a",
        &deep,
    ] {
        let read = read(Kind::Action, "snake", filter, &json!([]), Bends::default());
        let shown: String = filter.chars().take(80).collect();
        assert_eq!(read.map(drop), Err("SEQ602"), "{shown}");
    }
    for nested in ["actions(actions(type='a'))", "actions()", "actions='a'", "actions"] {
        assert!(read(Kind::Transaction, "snake", nested, &json!([]), Bends::default()).is_err(), "{nested}");
    }
}

#[test]
fn nothing_is_everything() {
    for filter in [None, Some(""), Some("  ")] {
        let read = Filter::read(filter, &[], Kind::Action, NameSet::default(), Bends::default());
        assert!(read.unwrap().passes(&thing(&json!({}))));
    }
}

#[test]
fn bends() {
    let it = thing(&json!({"a": 1, "b": 2, "at": "2018-05-02T22:43:57+02:00"}));
    let check = |filter: &str, parameters: Value, bends: Bends| {
        let straight = passes(&it, filter, &parameters);
        let bent = read(Kind::Action, "snake", filter, &parameters, bends).unwrap().passes(&it);
        assert_ne!(straight, bent, "{filter}");
    };
    check("tags.a=1 OR tags.b=1", json!([]), Bends { or_is_and: true, ..Bends::default() });
    check("tags.a=$1 AND tags.b=$2", json!([1, 2]), Bends { parameters_off: true, ..Bends::default() });
    check("tags.a=$1", json!([1]), Bends { parameters_off: true, ..Bends::default() });
    let bends = Bends { without_offsets: true, ..Bends::default() };
    check("timestamp>'2018-05-02T22:00:00+02:00'", json!([]), bends);
    check("tags.at:time='2018-05-02T20:43:57Z'", json!([]), bends);
}
