//! `sandbox`: the product's stand-in as a program of its own, for everything that is not a test in the same process.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{config::ConfigError, drill::Control, verdict::EXIT_USAGE, world::World};

/// The most that can be added to an answer: longer than any client waits, and no timer overflows.
const LONGEST_LATENCY: Duration = Duration::from_secs(10 * 60);

#[derive(Args)]
pub(super) struct SandboxArguments<O: Args> {
    /// Switches a fault on from the start; may be repeated. `--fault list` prints all names.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Adds this many milliseconds to every answer of the product; at most ten minutes.
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = latency)]
    latency: Duration,
    /// Where faults can be switched while it runs: an address on loopback.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        value_parser = socket_address
    )]
    control: SocketAddr,
    /// Where to put the certificate of the sandbox's authority; without it, in a folder of its own among the temporary
    /// files, which is removed at the end.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    of_the_product: O,
}

/// A world that runs as a program of its own.
pub struct Standalone {
    /// What runs.
    pub world: Arc<dyn World>,
    /// Its addresses, each with what it is.
    pub addresses: Vec<(String, String)>,
    /// The certificate that its clients must trust.
    pub ca_pem: String,
    /// The variables that point a suite at it, once the certificate has been put into a file of this name.
    pub exports: Exports,
}

/// Names and values of variables, given the name of the certificate's file.
pub type Exports = Box<dyn Fn(&str) -> Vec<(String, String)> + Send>;

/// An IP address with a port, as an option's value.
///
/// # Errors
/// If it is something else, with an example.
pub fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as `127.0.0.1:8443` or `[::1]:0`".to_owned())
}

fn latency(text: &str) -> Result<Duration, String> {
    let milliseconds = text.parse().ok().map(Duration::from_millis).filter(|it| *it <= LONGEST_LATENCY);
    let most = LONGEST_LATENCY.as_millis();
    milliseconds
        .ok_or_else(|| format!("expected a whole number of milliseconds, at most {most} (ten minutes)"))
}

pub(super) fn run<O: Args>(
    arguments: SandboxArguments<O>,
    start: impl FnOnce(Vec<String>, Duration, O) -> Result<Standalone, ConfigError>,
) -> ExitCode {
    match serve(arguments, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            EXIT_USAGE.into()
        }
    }
}

fn serve<O: Args>(
    arguments: SandboxArguments<O>,
    start: impl FnOnce(Vec<String>, Duration, O) -> Result<Standalone, ConfigError>,
) -> Result<(), ConfigError> {
    let SandboxArguments { fault, latency, control, ca, of_the_product } = arguments;
    let list = fault.iter().any(|it| it == "list");
    let faults = if list { Vec::new() } else { fault };
    let Standalone { world, addresses, ca_pem, exports } = start(faults, latency, of_the_product)?;
    if list {
        let rows: Vec<_> = world.catalogue();
        print(&table(&rows))?;
        return Ok(());
    }

    let listener = TcpListener::bind(control).map_err(|error| {
        ConfigError::one("--control", format!("cannot listen at {control}: {error}"), "choose a free address")
    })?;
    let control = Control::start(listener, Arc::clone(&world))
        .map_err(|error| ConfigError::one("--control", error.to_string(), "choose an address on loopback"))?;
    // Before there is anything to remove: a signal that came earlier than this would end the process on the spot.
    let mut end = End::listen()?;
    let certificate = Certificate::write(ca, &ca_pem)?;

    let mut rows = addresses;
    let control = format!("http://{}", control.address());
    rows.push(("control".to_owned(), control.clone()));
    let mut text = format!("The sandbox is running. Ctrl-C stops it.\n\n{}\n", table(&rows));
    text.push_str("To point the canaries at it, run this in another shell:\n\n");
    for (name, value) in exports(&certificate.path.to_string_lossy()) {
        text.push_str(&format!("export {name}='{}'\n", value.replace('\'', r"'\''")));
    }
    text.push_str(&format!(
        "\nTo break something, and to mend it:\n\n  curl -X PUT {control}/faults/NAME\n  curl -X DELETE \
         {control}/faults/NAME\n  curl {control}/faults      # which there are, and which are on\n  curl \
         {control}/census      # all that exists\n"
    ));
    print(&text)?;
    end.wait();
    Ok(())
}

/// The file with the certificate that clients must trust.
struct Certificate {
    path: PathBuf,
    /// The folder that goes when this is dropped; none if the user named the file. A name that can be foreseen, in a
    /// folder that others may write to, could be made a link by them: to a file of ours, or to an authority of theirs.
    _folder: Option<TempDir>,
}

impl Certificate {
    fn write(named: Option<PathBuf>, pem: &str) -> Result<Self, ConfigError> {
        let unwritable = |path: &Path, error: &std::io::Error| {
            let found = format!("cannot write `{}`: {error}", path.display());
            ConfigError::one("--ca", found, "name a writable file")
        };
        if let Some(path) = named {
            // A pipe would wait for a reader, and a device takes no certificate.
            if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
                let found = format!("`{}` is no file", path.display());
                return Err(ConfigError::one("--ca", found, "name a file that may be written, or a new one"));
            }
            fs::write(&path, pem).map_err(|error| unwritable(&path, &error))?;
            return Ok(Self { path, _folder: None });
        }
        let ours_alone = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("coalmine-sandbox-").permissions(ours_alone).tempdir();
        let folder = folder.map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
        let path = folder.path().join("ca.pem");
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(pem.as_bytes()));
        written.map_err(|error| unwritable(&path, &error))?;
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// The signals that end it.
struct End {
    runtime: Runtime,
    signals: [Signal; 3],
}

impl End {
    fn listen() -> Result<Self, ConfigError> {
        let failed =
            |error: std::io::Error| ConfigError::one("signals", error.to_string(), "run it elsewhere");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let signals = {
            let _inside = runtime.enter();
            let listen = |kind| signal(kind).map_err(failed);
            [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            ]
        };
        Ok(Self { runtime, signals })
    }

    fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
                _ = hangup.recv() => (),
            }
        });
    }
}

/// Two columns, the first as wide as its widest cell.
fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(left, right)| format!("  {left:width$}  {right}\n")).collect()
}

/// A reader that has gone away (`| head`) has seen what it wanted: that is no mistake of anybody's.
pub(super) fn print(text: &str) -> Result<(), ConfigError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let remedy = "make room where it leads to, or let it lead elsewhere";
            Err(ConfigError::one("standard output", error.to_string(), remedy))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
