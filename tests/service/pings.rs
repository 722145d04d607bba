//! Counts the signs of life that a heartbeat gives, by a thread of its own: whatever stalls in a service, this goes on.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use tokio::sync::watch;

pub(crate) struct Pings {
    address: SocketAddr,
    count: watch::Receiver<u64>,
}

impl Pings {
    /// Its thread ends with the process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (counting, count) = watch::channel(0);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if answer(stream).is_some() {
                    counting.send_modify(|it| *it += 1);
                }
            }
        });
        Self { address, count }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/ping", self.address)
    }

    /// How many came until now.
    pub(crate) fn count(&self) -> u64 {
        *self.count.borrow()
    }

    /// Waits until so many more have come.
    pub(crate) async fn more(&self, by: u64) {
        let wanted = self.count() + by;
        let come = tokio::time::timeout(Duration::from_secs(30), self.until(wanted)).await;
        assert!(come.is_ok(), "{} pings, and no more", self.count());
    }

    /// Watches for so long, and expects that none comes but one that was on its way.
    ///
    /// That something does not happen is no event: the window is bounded, and many intervals long. If a ping comes, this
    /// ends at once.
    pub(crate) async fn none_for(&self, window: Duration) {
        let one_too_many = self.count() + 2;
        let come = tokio::time::timeout(window, self.until(one_too_many)).await;
        assert!(come.is_err(), "pings go on: {}", self.count());
    }

    async fn until(&self, count: u64) {
        let mut counted = self.count.clone();
        counted.wait_for(|it| *it >= count).await.expect("the thread counts as long as the process lives");
    }
}

/// Answers one request; nothing if it was none.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 512];
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut chunk).ok().filter(|it| *it > 0)?;
        request.extend_from_slice(&chunk[..length]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    request.starts_with(b"GET /ping ").then_some(())
}
