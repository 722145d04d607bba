//! A service that answers as it is told, by HTTP or HTTPS, and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What is said to a request.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// This status, these headers, this body.
    Answer(u16, Vec<(&'static str, &'static str)>, String),
    /// Nothing: the connection ends when the whole request has come.
    Cut,
}

impl Say {
    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, Vec::new(), body.to_owned())
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `POST /v2/enqueue HTTP/1.1`.
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(super) struct Receiver {
    /// Where it is, without a slash at the end.
    pub(super) address: String,
    /// The authority that is to be trusted.
    pub(super) ca: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Receiver {
    /// One that speaks HTTP.
    pub(super) async fn start(says: impl IntoIterator<Item = Say>) -> Self {
        Self::listen(says, None).await
    }

    /// One that speaks HTTPS.
    pub(super) async fn start_tls(says: impl IntoIterator<Item = Say>) -> Self {
        Self::listen(says, Some(acceptor())).await
    }

    async fn listen(says: impl IntoIterator<Item = Say>, tls: Option<(TlsAcceptor, String)>) -> Self {
        let says: Arc<Mutex<VecDeque<Say>>> = Arc::new(Mutex::new(says.into_iter().collect()));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let (acceptor, ca) = tls.unzip();
        let remember = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, says, asked) = (acceptor.clone(), Arc::clone(&says), Arc::clone(&remember));
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                converse(stream, &says, &asked).await;
                            }
                        }
                        None => converse(stream, &says, &asked).await,
                    }
                });
            }
        });
        Self { address, ca: ca.unwrap_or_default(), asked }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// What speaks TLS for `localhost`, and who signs for it.
pub(super) fn acceptor() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

/// One request and its answer. Without anything else to say it is 200 and `ok`.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    says: &Mutex<VecDeque<Say>>,
    asked: &Mutex<Vec<Asked>>,
) {
    let Some(request) = read(&mut stream).await else { return };
    asked.lock().unwrap().push(request);
    let say = says.lock().unwrap().pop_front();
    let (status, headers, body) = match say {
        Some(Say::Answer(status, headers, body)) => (status, headers, body),
        Some(Say::Cut) => return,
        None => (200, Vec::new(), "ok".to_owned()),
    };
    let mut answer =
        format!("HTTP/1.1 {status} so\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    answer.push_str(&body);
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut part = vec![0; 64 << 10];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut part).await.ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&part[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut asked = Asked { line, headers, body: String::new() };
    let length: usize = asked.header("content-length").map_or(0, |it| it.parse().unwrap());
    while bytes.len() < end + length {
        match stream.read(&mut part).await.ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&part[..length]),
        }
    }
    asked.body = String::from_utf8(bytes[end..].to_vec()).ok()?;
    Some(asked)
}
