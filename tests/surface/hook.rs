//! Steps whose answers are held against a document as they arrive.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use coalmine::{
    Canary, Cause, Context, FromContext, Needs, Resources, Result, RunRecord, Suite,
    http::{Api, HttpPool, Roots, client_config},
    suite::{Run, RunOptions},
};

use super::*;

const SECRET: &str = "correct-horse-battery";

/// Where the product listens.
struct Address(SocketAddr);

struct Client(Api);

impl FromContext for Client {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Address>();
        needs.resource::<Surface>();
    }

    fn from_context(cx: &Context) -> Self {
        let base = format!("http://{}", cx.resource::<Address>().0);
        Self(Api::new(cx, &cx.resource::<HttpPool>(), &base).surface(cx.resource::<Surface>()))
    }
}

/// Answers each path with what the document allows or does not allow; as many requests as there are.
fn product(requests: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let start = lines.next().unwrap();
            lines.find(String::is_empty).unwrap();
            let body = match start.split(' ').nth(1).unwrap() {
                "/thing" => "{\"a\":1}".to_owned(),
                "/thing?broken" => format!("{{\"a\":\"{SECRET}\"}}"),
                _ => "[]".into(),
            };
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    address
}

async fn right(client: Client) -> Result<()> {
    client.0.get("/thing").send().await?.ensure_status(200)
}

async fn wrong(client: Client) -> Result<()> {
    client.0.context().redactor().learn(SECRET);
    client.0.get("/thing?broken").send().await.map(drop)
}

async fn provoked(client: Client) -> Result<()> {
    client.0.get("/thing?broken").expect_breach().send().await?.ensure_status(200)
}

async fn unknown(client: Client) -> Result<()> {
    client.0.get("/elsewhere").send().await.map(drop)
}

async fn run(canary: Canary, requests: usize) -> RunRecord {
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let tls = client_config(&Roots::Only(certificate.cert.pem())).unwrap();
    let resources = Resources::new()
        .with(HttpPool::new(tls).unwrap())
        .with(Address(product(requests)))
        .with(parse(&answering("3.1.0", &schema, &json!({}))));
    let plan = Suite::new("suite").canary(canary).plan().unwrap_or_else(|error| panic!("{error}"));
    let run = Run::new(Arc::clone(&plan.canaries[0]), RunOptions::new("http:", resources));
    run.finish().await
}

#[tokio::test]
async fn each_answer_is_checked_when_it_arrives() {
    let canary = Canary::new("canary")
        .step("right", right)
        .step("wrong", wrong)
        .step("provoked", provoked)
        .step("unknown", unknown);
    let record = run(canary, 4).await;
    let exchange = |step: &str| &record.step(step).unwrap().attempts[0].exchanges[0];
    let place =
        "document: #/paths/~1thing/get/responses/200/content/application~1json/schema/properties/a/type";
    let breach =
        |found: &str| format!("`read` answered 200: `/a`: expected an integer, got \"{found}\" ({place})");

    assert_eq!(
        (exchange("right").operation.as_deref(), exchange("right").breach.as_deref()),
        (Some("read"), None)
    );

    let failure = record.step("wrong").unwrap().failure.as_ref().unwrap();
    assert_eq!((failure.cause, failure.exchange), (Cause::Contract, Some(0)));
    assert_eq!(failure.message, breach("[redacted]"));
    assert!(failure.text.contains("/thing?broken -> 200"), "{}", failure.text);
    assert_eq!(exchange("wrong").breach, Some(breach("[redacted]")));

    assert!(record.step("provoked").unwrap().failure.is_none());
    assert!(exchange("provoked").breach.as_deref().unwrap().starts_with("`read` answered 200: `/a`"));

    assert!(record.step("unknown").unwrap().failure.is_none());
    assert_eq!((&exchange("unknown").operation, &exchange("unknown").breach), (&None, &None));

    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(RunRecord::from_json(&json).unwrap(), record);
}
