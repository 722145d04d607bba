//! A receiver of traces that reads them with OpenTelemetry's own messages, and answers as it is told.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use coalmine::config::{Environment, OtlpSettings, OwnSettings, Settings};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    trace::v1::{ResourceSpans, Span},
};
use prost::Message as _;
use tokio::sync::Notify;

/// What the receiver says to a post.
#[derive(Clone, Copy)]
pub(super) enum Say {
    /// This status, and when to come again.
    Status(u16, Option<&'static str>),
    /// 200, but not all of it.
    Partly(i64),
    /// Nothing.
    Hang,
}

#[derive(Clone)]
pub(super) struct Receiver {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// What is said to the next posts; after that, yes.
    says: Mutex<VecDeque<Say>>,
    posts: Mutex<Vec<(HeaderMap, Bytes)>>,
    came: Notify,
}

impl Receiver {
    pub(super) async fn start(says: impl IntoIterator<Item = Say>) -> Self {
        let says = Mutex::new(says.into_iter().collect());
        let shared = Arc::new(Shared { says, posts: Mutex::default(), came: Notify::new() });
        let router = Router::new().route("/v1/traces", post(answer)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// As the service reads them.
    pub(super) fn settings(&self, more: &[(&str, &str)]) -> OtlpSettings {
        settings(&self.address, more)
    }

    pub(super) fn posts(&self) -> Vec<(HeaderMap, Bytes)> {
        self.shared.posts.lock().unwrap().clone()
    }

    /// Waits until somebody posts.
    pub(super) async fn somebody(&self) {
        self.shared.came.notified().await;
    }

    /// What came with each post.
    pub(super) fn resources(&self) -> Vec<ResourceSpans> {
        let read =
            |(_, body): (HeaderMap, Bytes)| ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
        self.posts().into_iter().flat_map(read).collect()
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.resources().into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }
}

pub(super) fn settings(address: &str, more: &[(&str, &str)]) -> OtlpSettings {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", address);
    let environment: Environment = more.iter().copied().chain([endpoint]).collect();
    let mut settings = Settings::new(&environment);
    let traces = OwnSettings::read(&mut settings).traces;
    settings.finish().unwrap();
    traces.unwrap()
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let say = shared.says.lock().unwrap().pop_front();
    shared.posts.lock().unwrap().push((headers, body));
    shared.came.notify_one();
    let partial = |rejected_spans| ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans, error_message: "too old".into() }),
    };
    match say {
        None => ExportTraceServiceResponse::default().encode_to_vec().into_response(),
        Some(Say::Partly(rejected)) => partial(rejected).encode_to_vec().into_response(),
        Some(Say::Status(status, after)) => {
            let status = StatusCode::from_u16(status).unwrap();
            match after {
                Some(after) => (status, [("retry-after", after)], "go away").into_response(),
                None => (status, "go away").into_response(),
            }
        }
        Some(Say::Hang) => pending().await,
    }
}
