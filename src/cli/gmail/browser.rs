//! Listens for the browser that comes back from the page of consent: an HTTP server for one request.

use std::{io, net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::inbox::{Login, Returned};

/// How much of a request is read, in bytes; and how long one may take, as browsers open connections in advance.
const HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections may say nothing at once.
const WAITING: usize = 16;

/// A free port of this machine, which nobody else can reach.
pub(super) struct Browser {
    listener: TcpListener,
    port: u16,
}

impl Browser {
    pub(super) async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Where the browser is sent. By number: `localhost` may be another address of the machine.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Waits until it brings the answer to this question. Whatever else comes is told so.
    pub(super) async fn answer(&self, login: &Login) -> io::Result<Returned> {
        let (sender, mut requests) = mpsc::channel::<(String, TcpStream)>(WAITING);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (mut stream, _) = accepted?;
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        let target = tokio::time::timeout(PATIENCE, target(&mut stream)).await;
                        if let Ok(Some(target)) = target {
                            // Fails only if the answer is there already.
                            let _ = sender.send((target, stream)).await;
                        }
                    });
                }
                Some((target, stream)) = requests.recv() => {
                    let returned = login.returned(&target);
                    // Who has gone away needs no page.
                    let _ = tokio::time::timeout(PATIENCE, show(stream, &returned)).await;
                    if returned != Returned::Foreign {
                        return Ok(returned);
                    }
                }
            }
        }
    }
}

/// What a request asks for, if it is one that a browser makes.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let length = stream.read(&mut chunk).await.ok().filter(|length| *length > 0)?;
        head.extend_from_slice(&chunk[..length]);
        if head.len() > HEAD {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some("GET"), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) => Some(target.to_owned()),
        _ => None,
    }
}

/// A page that holds nothing of what was asked.
async fn show(mut stream: TcpStream, returned: &Returned) -> io::Result<()> {
    let (status, text) = match returned {
        Returned::Foreign => ("404 Not Found", "This is not what the canaries are waiting for."),
        Returned::Denied(_) => ("200 OK", "The canaries were not let in. You can close this window."),
        Returned::Code(_) => (
            "200 OK",
            "The canaries have the answer; the terminal says what came of it. You can close this window.",
        ),
    };
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Canaries</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: \
         no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(format!("{head}{page}").as_bytes()).await?;
    stream.shutdown().await
}
