//! A child process that ends with the test that started it, however that ends.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A running program. Dropping it kills it and waits until it is gone.
pub(crate) struct Process {
    child: Child,
    out: Stream,
    err: Stream,
}

/// What a program has left behind that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// One of a child's outputs, read by a thread of its own: a full pipe must not stop the child.
struct Stream {
    /// Written by the thread.
    read: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        let out = Stream::of(child.stdout.take().expect("it is piped"));
        let err = Stream::of(child.stderr.take().expect("it is piped"));
        Self { child, out, err }
    }

    /// What it has written to standard output so far.
    pub(crate) fn out(&self) -> String {
        self.out.text()
    }

    /// Everything that it has written so far, for people.
    pub(crate) fn said(&self) -> String {
        format!("\n--- standard output\n{}\n--- standard error\n{}", self.out.text(), self.err.text())
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is a child of this process").is_some()
    }

    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("there is a shell");
        assert!(status.success(), "`{kill}`: {status}");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn wait(mut self, limit: Duration) -> Ended {
        let status = try_until(limit, || self.child.try_wait().expect("it is a child of this process"));
        let Some(status) = status else { panic!("still running after {limit:?}{}", self.said()) };
        Ended { code: status.code(), out: self.out.rest(), err: self.err.rest() }
    }

    /// Ends it at once, in a way that it cannot notice.
    pub(crate) fn kill(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Stream {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&read);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.extend_from_slice(&chunk[..length]);
            }
        });
        Self { read, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All of it; the child must have ended.
    fn rest(&mut self) -> String {
        self.reader.take().map(JoinHandle::join).transpose().expect("the reader does not panic");
        self.text()
    }
}

impl Ended {
    /// Both outputs, for people.
    pub(crate) fn said(&self) -> String {
        format!("\n--- standard output\n{}\n--- standard error\n{}", self.out, self.err)
    }

    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "exit code{}", self.said());
        assert!(!self.err.contains("panicked"), "a panic{}", self.said());
    }
}

/// Looks again and again until there is something to see, or time is up.
pub(crate) fn try_until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() > deadline {
            return seen;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The same where there must be something to see.
#[track_caller]
pub(crate) fn until<T>(limit: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    try_until(limit, look).unwrap_or_else(|| panic!("waited {limit:?} for {what}"))
}
