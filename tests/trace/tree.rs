//! What a run's spans say, and what they hang from.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use coalmine::{Redactor, trace::Traces};
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};

use super::{receiver::Receiver, *};

fn attributes(of: &[KeyValue]) -> HashMap<&str, String> {
    let text = |it: &KeyValue| match it.value.as_ref().and_then(|it| it.value.as_ref()).expect("a value") {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        other => panic!("{}: {other:?}", it.key),
    };
    of.iter().map(|it| (it.key.as_str(), text(it))).collect()
}

/// Each span below its parent: its name, kind and status, and some of its attributes.
fn tree(spans: &[Span]) -> String {
    fn below(parent: &[u8], depth: usize, spans: &[Span], out: &mut String) {
        for span in spans.iter().filter(|it| it.parent_span_id == parent) {
            let kind = ["unspecified", "internal", "server", "client"][usize::try_from(span.kind).unwrap()];
            let _ = write!(out, "{:indent$}{} [{kind}]", "", span.name, indent = 2 * depth);
            let status = span.status.as_ref().unwrap();
            match status.code {
                0 => assert_eq!(status.message, ""),
                2 => drop(write!(out, " error `{}`", status.message)),
                other => panic!("{other}"),
            }
            let all = attributes(&span.attributes);
            for key in [
                "coalmine.verdict",
                "coalmine.root",
                "coalmine.flaky",
                "http.response.status_code",
                "error.type",
                "cicd.pipeline.result",
                "cicd.pipeline.task.run.result",
                "test.suite.run.status",
                "test.case.result.status",
            ] {
                if let Some(value) = all.get(key) {
                    let _ = write!(out, " {}={value}", key.rsplit_once('.').unwrap().1);
                }
            }
            out.push('\n');
            below(&span.span_id, depth + 1, spans, out);
        }
    }
    let mut out = String::new();
    below(&[], 0, spans, &mut out);
    out
}

/// A refusal that a step is after is none of its span's errors; one that it is not after is.
const TREE: &str = "\
RUN front [server] error `read_secrets: expected status 200, got 403 with [redacted]` verdict=failed type=assertion \
 result=failure status=failure
  sign_up [internal] verdict=passed result=success status=pass
    sign_up attempt 1 [internal] verdict=passed
      POST create-user [client] status_code=201
  confirm [internal] verdict=passed flaky=true result=success status=pass
    confirm attempt 1 [internal] error `expected status 200, got 502` verdict=failed type=assertion
      POST confirm [client] error `` status_code=502 type=502
    confirm attempt 2 [internal] verdict=passed
      POST confirm [client] status_code=200
  find_nobody [internal] verdict=passed result=success status=pass
    find_nobody attempt 1 [internal] verdict=passed
      GET [client] status_code=404 type=404
  read_secrets [internal] error `expected status 200, got 403 with [redacted]` verdict=failed type=assertion \
 result=failure status=fail
    read_secrets attempt 1 [internal] error `expected status 200, got 403 with [redacted]` verdict=failed type=assertion
      GET [client] status_code=200
      GET [client] error `` status_code=403 type=403
  use_secrets [internal] verdict=blocked root=read_secrets result=skip
  clean up user [internal]
    DELETE [client] status_code=200
";

#[tokio::test]
async fn a_run_is_a_tree_of_spans_from_which_those_of_the_product_hang() {
    let (product, receiver) = (Product::default(), Receiver::start([]).await);
    let record = run(&product).await;
    let settings = receiver.settings(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a%20b"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ]);
    let traces = Traces::start(&settings, &Redactor::new(), |line| panic!("{line}")).unwrap();
    traces.send(Arc::new(record.clone()));
    let counts = traces.close(Duration::from_secs(30)).await;
    assert_eq!((counts.exported, counts.lost), (1, 0));

    let spans = receiver.spans();
    assert_eq!(tree(&spans), TREE);

    // Every request that the product has seen has one span, with the id that it was told.
    let mut told: Vec<_> = product.asked.lock().unwrap().clone();
    told.sort();
    let hex = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<String>();
    let requests = spans.iter().filter(|it| it.kind == 3).map(|span| {
        let all = attributes(&span.attributes);
        let url: reqwest::Url = all["url.full"].parse().unwrap();
        assert_eq!(all["server.address"], "127.0.0.1");
        assert_eq!(all["server.port"], url.port().unwrap().to_string());
        assert_eq!(all["user_agent.synthetic.type"], "test");
        let what = format!("{} {}", all["http.request.method"], url.path());
        (what, format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id)))
    });
    let mut requests: Vec<_> = requests.collect();
    requests.sort();
    assert_eq!(requests, told);

    // One trace, ids that are nobody else's, each within its parent, and when the record says.
    let by_id: HashMap<_, _> = spans.iter().map(|it| (&it.span_id, it)).collect();
    assert_eq!(by_id.len(), spans.len());
    let began = u64::try_from(record.started.as_nanosecond()).unwrap();
    for span in &spans {
        assert_eq!((hex(&span.trace_id), span.span_id.len()), (record.trace.clone(), 8));
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        let Some(parent) = by_id.get(&span.parent_span_id) else {
            assert_eq!(span.start_time_unix_nano, began);
            let took = Duration::from_nanos(span.end_time_unix_nano - began);
            assert_eq!(coalmine::record::millis(took), record.duration_ms);
            continue;
        };
        assert!(parent.start_time_unix_nano <= span.start_time_unix_nano, "{span:?} in {parent:?}");
        // Attempts and their requests are timed by two readings of the clock.
        let slack = 2_000_000;
        assert!(span.end_time_unix_nano <= parent.end_time_unix_nano + slack, "{span:?} in {parent:?}");
    }
    let exchange = &record.step("sign_up").unwrap().attempts[0].exchanges[0];
    let span = spans.iter().find(|it| it.name == "POST create-user").unwrap();
    let offset = Duration::from_nanos(span.start_time_unix_nano - began);
    assert_eq!(coalmine::record::millis(offset), exchange.started_ms);

    // Who speaks, and to whom.
    let (headers, body) = &receiver.posts()[0];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["x-team"], "a b");
    let resources = receiver.resources();
    let resource = attributes(&resources[0].resource.as_ref().unwrap().attributes);
    assert_eq!(resource["service.name"], "coalmine");
    assert_eq!(resource["deployment.environment.name"], "test");
    let run = attributes(&spans[0].attributes);
    for (key, value) in [
        ("cicd.pipeline.name", "front"),
        ("cicd.pipeline.run.id", &*record.run),
        ("cicd.pipeline.action.name", "RUN"),
        ("test.suite.name", "shop"),
        ("coalmine.target", "http:"),
        ("coalmine.filtered", "false"),
    ] {
        assert_eq!(run[key], value, "{key}");
    }

    let found = body.windows(MARKER.len()).any(|it| it == MARKER.as_bytes());
    assert!(!found, "the secret is in the trace");
    assert!(body.windows(10).any(|it| it == b"[redacted]"));
}

#[tokio::test]
async fn a_record_gives_the_same_spans_whenever_it_is_sent() {
    let (product, receiver) = (Product::default(), Receiver::start([]).await);
    let record = Arc::new(run(&product).await);
    let traces = Traces::start(&receiver.settings(&[]), &Redactor::new(), |line| panic!("{line}")).unwrap();
    traces.send(Arc::clone(&record));
    traces.send(record);
    traces.close(Duration::from_secs(30)).await;
    let posts = receiver.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].1, posts[1].1);
}
