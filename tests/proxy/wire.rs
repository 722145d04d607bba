//! A client and a product that speak raw HTTP over TLS, so that tests see the very bytes.
//!
//! Both block, and run on plain threads: nothing here shares a runtime with what is tested.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivatePkcs8KeyDer, ServerName},
};

/// Nothing in these tests takes that long; it only keeps a broken one from hanging.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// A certificate for `localhost`, and who trusts it.
pub(super) fn tls() -> (Arc<ServerConfig>, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), client)
}

/// A request or an answer: first line, header lines in order, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) start: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status")
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The header lines; those of one name in their order, names sorted.
    pub(super) fn header_lines(&self) -> Vec<String> {
        let mut headers = self.headers.clone();
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        headers.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    /// Reads one; `bodiless` for the answer to a HEAD. Nothing if the other side has closed.
    fn read(stream: &mut impl BufRead, bodiless: bool) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let start = lines.remove(0);
        let split =
            |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = lines.iter().filter_map(split).collect();
        let mut message = Self { start, headers, body: Vec::new() };
        let length = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if !bodiless && !message.start.contains(" 304 ") {
            message.body = vec![0; length];
            stream.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }
}

/// One connection of a client.
pub(super) struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Connection {
    pub(super) fn open(address: SocketAddr, tls: &ClientConfig) -> Self {
        let connection =
            ClientConnection::new(Arc::new(tls.clone()), ServerName::try_from("localhost").unwrap()).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(BufReader::new(StreamOwned::new(connection, stream)))
    }

    pub(super) fn send(&mut self, request: &[u8]) {
        self.0.get_mut().write_all(request).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    pub(super) fn receive(&mut self, bodiless: bool) -> Message {
        Message::read(&mut self.0, bodiless).unwrap().expect("an answer")
    }

    pub(super) fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        let request = request.as_ref();
        self.send(request);
        self.receive(request.starts_with(b"HEAD "))
    }

    /// Hangs up, and returns once the other side has hung up too.
    pub(super) fn hang_up(mut self) {
        let stream = self.0.get_mut();
        stream.conn.send_close_notify();
        // The other side may have been first, and a reset does as well.
        let _ = stream.flush();
        let _ = stream.sock.shutdown(std::net::Shutdown::Write);
        let _ = self.0.read_to_end(&mut Vec::new());
    }
}

/// `POST path` with a JSON body, as raw bytes.
pub(super) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A raw answer with a body.
pub(super) fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What the product does with a request: the raw answer, and nothing closes the connection without one.
pub(super) type Answer = dyn Fn(&Message) -> Option<Vec<u8>> + Send + Sync;

/// A product whose answers the test writes.
pub(super) struct Product {
    pub(super) address: SocketAddr,
    pub(super) tls: ClientConfig,
    /// The requests as they arrived.
    asked: Mutex<mpsc::Receiver<Message>>,
    connections: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
}

impl Product {
    pub(super) fn start(answer: impl Fn(&Message) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let answer: Arc<Answer> = Arc::new(answer);
        let (server_tls, tls) = tls();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = mpsc::channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (counter, stop) = (Arc::clone(&connections), Arc::clone(&stopping));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(SeqCst) {
                    return;
                }
                counter.fetch_add(1, SeqCst);
                let (tls, sender, answer) = (Arc::clone(&server_tls), sender.clone(), Arc::clone(&answer));
                thread::spawn(move || stream.and_then(|stream| serve(stream, tls, &sender, &*answer)));
            }
        });
        Self { address, tls, asked: Mutex::new(asked), connections, stopping }
    }

    pub(super) fn base(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The next request that arrived.
    pub(super) fn asked(&self) -> Message {
        self.asked.lock().unwrap().recv_timeout(LIMIT).expect("a request arrives")
    }

    /// How many more requests have arrived.
    pub(super) fn asked_count(&self) -> usize {
        self.asked.lock().unwrap().try_iter().count()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

fn serve(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    asked: &mpsc::Sender<Message>,
    answer: &Answer,
) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(request) = Message::read(&mut stream, false)? {
        let _ = asked.send(request.clone());
        let Some(answer) = answer(&request) else { break };
        stream.get_mut().write_all(&answer)?;
        stream.get_mut().flush()?;
        if answer.windows(17).any(|bytes| bytes == b"Connection: close") {
            break;
        }
    }
    Ok(())
}

impl Drop for Product {
    fn drop(&mut self) {
        self.stopping.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}
