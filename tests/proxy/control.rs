//! The control address.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use coalmine::{
    drill::{Control, StartError},
    world::{UnknownFault, World},
};
use serde_json::{Value, json};

const NAMES: [&str; 2] = ["mail_lost", "field_missing:list-keys:/items/0/a b"];

#[derive(Default)]
struct Shop(Mutex<BTreeSet<String>>);

impl World for Shop {
    fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        if !NAMES.contains(&fault) {
            return Err(UnknownFault::among(fault, NAMES));
        }
        let mut faults = self.0.lock().unwrap();
        if on {
            faults.insert(fault.to_owned())
        } else {
            faults.remove(fault)
        };
        Ok(())
    }

    fn faults_on(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }

    fn catalogue(&self) -> Vec<(String, String)> {
        NAMES.map(|name| (name.to_owned(), format!("what {name} does"))).to_vec()
    }

    fn census(&self) -> Value {
        json!({ "orders": [{ "id": 1 }] })
    }
}

fn start(world: Arc<dyn World>) -> Control {
    Control::start(TcpListener::bind("127.0.0.1:0").unwrap(), world).unwrap()
}

/// Status and body.
fn ask(control: &Control, line: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(control.address()).unwrap();
    stream.set_read_timeout(Some(super::wire::LIMIT)).unwrap();
    write!(stream, "{line} HTTP/1.1\r\n{host}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn ask_json(control: &Control, line: &str) -> (u16, Value) {
    let (status, body) = ask(control, line, "Host: localhost\r\n");
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn faults_are_listed_and_switched() {
    let shop = Arc::new(Shop::default());
    let control = start(Arc::clone(&shop) as Arc<dyn World>);
    let (status, faults) = ask_json(&control, "GET /faults");
    assert_eq!((status, &faults["on"]), (200, &json!([])));
    assert_eq!(faults["catalogue"][0], json!({ "name": "mail_lost", "description": "what mail_lost does" }));
    assert_eq!(ask(&control, "PUT /faults/mail_lost", "Host: 127.0.0.1:80\r\n"), (204, String::new()));
    assert_eq!(ask_json(&control, "PUT /faults/mail_lost").0, 204);
    let plain = "PUT /faults/field_missing:list-keys:/items/0/a%20b";
    let encoded = "DELETE /faults/field_missing%3Alist-keys%3A%2Fitems%2f0/a%20b";
    assert_eq!(ask_json(&control, plain).0, 204);
    assert_eq!(ask_json(&control, "GET /faults").1["on"], json!([NAMES[1], NAMES[0]]));
    assert_eq!(shop.faults_on(), [NAMES[1], NAMES[0]]);
    assert_eq!(ask_json(&control, encoded).0, 204);
    assert_eq!(shop.faults_on(), [NAMES[0]]);
}

#[test]
fn the_census_is_passed_on() {
    let control = start(Arc::new(Shop::default()));
    assert_eq!(ask_json(&control, "GET /census"), (200, json!({ "orders": [{ "id": 1 }] })));
}

#[test]
fn what_is_unknown_is_404_with_a_reason() {
    let control = start(Arc::new(Shop::default()));
    let (status, body) = ask_json(&control, "PUT /faults/mail_lots");
    assert_eq!(
        (status, body),
        (404, json!({ "error": "there is no fault `mail_lots`; did you mean `mail_lost`?" }))
    );
    for line in [
        "GET /",
        "GET /fault",
        "POST /faults",
        "PUT /faults",
        "PUT /faults/",
        "DELETE /faults/other",
        "POST /faults/mail_lost",
        "GET /faults/mail_lost",
        "PUT /faults/%ff",
        "PUT /faults/mail_lost/",
        "DELETE /census",
        "GET /census/",
    ] {
        let (status, body) = ask_json(&control, line);
        assert_eq!((status, body["error"].is_string()), (404, true), "{line}");
    }
    assert_eq!(ask_json(&control, "GET /faults").1["on"], json!([]));
}

#[test]
fn a_foreign_host_gets_nothing() {
    let shop = Arc::new(Shop::default());
    let control = start(Arc::clone(&shop) as Arc<dyn World>);
    for host in [
        "Host: evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        "Host: 192.0.2.1\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host: \r\n",
        "",
    ] {
        for line in ["GET /faults", "PUT /faults/mail_lost", "GET /census", "GET /nothing"] {
            let (status, body) = ask(&control, line, host);
            assert!(status == 403 || status == 400, "{line} {host:?}: {status}");
            assert!(!body.contains("mail_lost") && !body.contains("orders"), "{line} {host:?}: {body}");
        }
    }
    assert_eq!(ask(&control, "GET http://evil.example/faults", "Host: localhost\r\n").0, 403);
    assert_eq!(shop.faults_on(), Vec::<String>::new());
    assert_eq!(ask(&control, "GET /faults", "Host: [::1]:7\r\n").0, 200);
}

#[test]
fn other_machines_are_kept_out() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let error = Control::start(listener, Arc::new(Shop::default())).unwrap_err();
    assert!(matches!(error, StartError::NotLoopback(_)));
    assert!(error.to_string().ends_with("can be reached by other machines; listen on 127.0.0.1 or [::1]"));
}

/// The world may own a runtime of its own.
#[tokio::test]
async fn dropping_it_inside_a_runtime_frees_the_port_and_the_world() {
    let shop: Arc<dyn World> = Arc::new(Shop::default());
    let control = start(Arc::clone(&shop));
    let address = control.address();
    assert_eq!(ask_json(&control, "GET /census").0, 200);
    drop(control);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(Arc::strong_count(&shop), 1);
}
