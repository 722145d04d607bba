//! `sandbox`: the product's stand-in as a program of its own, for everything that is not a test in the same process.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::ConfigError, drill::Control, verdict::EXIT_USAGE, world::World};

#[derive(Args)]
pub(super) struct SandboxArguments {
    /// Switches a fault on from the start; may be repeated. `--fault list` prints all names.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Adds this many milliseconds to every answer of the product.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency: u64,
    /// Where faults can be switched while it runs: an address on loopback.
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    control: SocketAddr,
    /// Where to put the certificate of the sandbox's authority; without it, in a folder for temporary files.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
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

pub(super) fn run(
    arguments: SandboxArguments,
    start: impl FnOnce(Vec<String>, Duration) -> Result<Standalone, ConfigError>,
) -> ExitCode {
    match serve(arguments, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            EXIT_USAGE.into()
        }
    }
}

fn serve(
    arguments: SandboxArguments,
    start: impl FnOnce(Vec<String>, Duration) -> Result<Standalone, ConfigError>,
) -> Result<(), ConfigError> {
    let SandboxArguments { fault, latency, control, ca } = arguments;
    let list = fault.iter().any(|it| it == "list");
    let faults = if list { Vec::new() } else { fault };
    let Standalone { world, addresses, ca_pem, exports } = start(faults, Duration::from_millis(latency))?;
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
    let port = control.address().port();
    let named = ca.is_some();
    let ca = ca.unwrap_or_else(|| std::env::temp_dir().join(format!("coalmine-sandbox-{port}.pem")));
    fs::write(&ca, ca_pem).map_err(|error| {
        ConfigError::one("--ca", format!("cannot write `{}`: {error}", ca.display()), "name a writable file")
    })?;

    let mut rows = addresses;
    let control = format!("http://{}", control.address());
    rows.push(("control".to_owned(), control.clone()));
    let mut text = format!("The sandbox is running. Ctrl-C stops it.\n\n{}\n", table(&rows));
    text.push_str("To point the canaries at it, run this in another shell:\n\n");
    for (name, value) in exports(&ca.to_string_lossy()) {
        text.push_str(&format!("export {name}='{}'\n", value.replace('\'', r"'\''")));
    }
    text.push_str(&format!(
        "\nTo break something, and to mend it:\n\n  curl -X PUT {control}/faults/NAME\n  curl -X DELETE \
         {control}/faults/NAME\n  curl {control}/faults      # which there are, and which are on\n  curl \
         {control}/census      # all that exists\n"
    ));
    let printed = print(&text);
    let waited = printed.and_then(|()| wait_for_signal());
    if !named {
        let _ = fs::remove_file(&ca);
    }
    waited
}

fn wait_for_signal() -> Result<(), ConfigError> {
    let failed = |error: std::io::Error| ConfigError::one("signals", error.to_string(), "run it elsewhere");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
        Ok(())
    })
}

/// Two columns, the first as wide as its widest cell.
fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(left, right)| format!("  {left:width$}  {right}\n")).collect()
}

/// A reader that has gone away (`| head`) is no reason to panic.
pub(super) fn print(text: &str) -> Result<(), ConfigError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| ConfigError::one("standard output", error.to_string(), "give it a reader"))
}
