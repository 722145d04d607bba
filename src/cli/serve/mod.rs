//! `serve`: the canaries as a service, on their schedules, until a signal ends it.
//!
//! What people read while it starts and stops goes to standard error; standard output has one line per finished run.

mod alerts;
mod print;

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

pub(super) use alerts::alerts;
use clap::Args;
use tokio::{
    runtime::{Handle, Runtime},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{
    amount::{age, interval, size},
    fault::{switch, unbreakable},
    sandbox::socket_address,
    say,
    service::token as token_of,
    store::in_folder,
};
use crate::{
    config::{ConfigError, Environment, OwnSettings, Settings, Setup, Start},
    drill::Control,
    harness::Refusal,
    http::Roots,
    journal,
    secret::Secret,
    server::{Server, ServerError, ServerLimits, ServerOptions},
    service::{Event, Service, ServiceOptions, Stopped},
    store::{Retention, SqliteStore, Store},
    suite::{Plan, Suite},
    trace::{self, Traces},
    verdict::{EXIT_USAGE, Verdict},
};

/// Where the service is if nothing else is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8077);

/// How often the runtime is given something to do; see [`keep_awake`].
const NUDGE: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(super) struct ServeArguments {
    /// Runs every canary this often, whatever it says itself: `10s`, `5m`, `1h 30m`.
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    every: Option<Duration>,
    /// The file in which runs are kept; without it, `store.db` in the folder of the reports.
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// How long runs are kept: `90d`, `12w`, `36h`.
    #[arg(long, value_name = "DURATION", default_value = "400d", value_parser = age)]
    keep: Duration,
    /// How large the store may become before the oldest runs go: `500MB`, `2GB`, `4GiB`.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size)]
    keep_size: u64,
    /// How many of a canary's newest passed runs are kept with all their requests; of older ones there are the timings.
    /// Runs that did not pass are always kept whole.
    #[arg(long, value_name = "COUNT", default_value_t = Retention::default().passed_in_full)]
    keep_full: u32,
    /// Where runs are made from; without it, what `COALMINE_LOCATION` says.
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// Switches a fault of the sandbox on from the start; may be repeated.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Where the sandbox's faults can be switched while it runs: an address on loopback.
    #[arg(long, value_name = "ADDRESS", value_parser = socket_address)]
    control: Option<SocketAddr>,
    /// Where the status page and `/run` are. Others than this machine can reach it only if there is a token.
    #[arg(long, value_name = "ADDRESS", default_value_t = LISTEN, value_parser = socket_address)]
    listen: SocketAddr,
    /// The file with the token that lets somebody in; without it, what `COALMINE_TOKEN` says.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// Tells nobody of what fails, although the target is a real one.
    #[arg(long)]
    no_alerts: bool,
    /// A further name by which the service is called, as behind a proxy: `canaries.example.com`; may be repeated.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
}

pub(super) fn run<S: Setup>(arguments: &ServeArguments, suite: Suite) -> ExitCode {
    match start::<S>(arguments, suite) {
        Ok(code) => code,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn start<S: Setup>(arguments: &ServeArguments, suite: Suite) -> Result<ExitCode, Refusal> {
    let plan = suite.plan()?;
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let own = OwnSettings::read(&mut settings);
    let setup = S::read(&mut settings);
    let roots = settings.roots("COALMINE_CA");
    settings.finish()?;
    let roots = roots.unwrap_or(Roots::System);
    let setup = setup
        .ok_or_else(|| Refusal("the suite's settings are not usable, and it does not say why".into()))?;

    let breakable = !arguments.fault.is_empty() || arguments.control.is_some();
    let start = if breakable { setup.start_breakable()? } else { setup.start()? };
    own.alerts.teach(&start.redactor);
    // Before anything is written.
    let alerts = alerts::alerts(&own, &start, &roots, arguments.no_alerts)?;
    let control = control(arguments, &start)?;
    let (journal, left) = journal::of_target(&own, &start)?;
    if let Some(warning) = left {
        say(warning);
    }
    let mut options = ServiceOptions::new(&start);
    options.journal = journal;
    options.every = arguments.every;
    options.location = arguments.location.clone().unwrap_or_else(|| own.location.clone());
    let path = arguments.store.clone().unwrap_or_else(|| in_folder(&own));
    if let Some(traces) = &own.traces {
        traces.teach(&start.redactor);
    }
    options.alerts = alerts;
    let public = own.alerts.public_url.clone();
    let site = site(arguments, own.token.clone(), public)?;
    if let Some(token) = &site.options.token {
        options.redactor.learn(token.expose());
    }

    say(format_args!("watching {} at {}", plan.suite, start.redactor.clean(&start.target)));
    options.anchors = alerts::anchors(&own, &start);
    if let Some(control) = &control {
        say(format_args!("faults are switched at http://{}", control.address()));
    }
    hide_panics();
    let runtime = Runtime::new().map_err(|error| Refusal(format!("the runtime cannot start: {error}")))?;
    let awake = keep_awake(runtime.handle().clone());
    let ServeArguments { keep, keep_size, keep_full, .. } = *arguments;
    let retention = Retention { age: keep, size: keep_size, passed_in_full: keep_full };
    let store = StoreAt { path, retention };
    let stopped = runtime.block_on(async {
        if let Some(settings) = &own.traces {
            say(trace::announcement(settings));
            let warn = |line| say(format_args!("warning: {line}"));
            options.traces = Some(Traces::start(settings, &start.redactor, warn)?);
        }
        whole(plan, options, store, site).await
    })?;
    drop(awake);
    // A step that blocks its thread must not keep the process alive.
    runtime.shutdown_background();
    drop(control);
    drop(start);

    let Stopped { ended: _, cancelled: _, given_up, not_kept } = stopped;
    Ok(if given_up.is_empty() && not_kept == 0 {
        ExitCode::SUCCESS
    } else {
        Verdict::Inconclusive.exit_code().into()
    })
}

/// The service from its start to its end.
async fn whole(plan: Plan, options: ServiceOptions, at: StoreAt, site: Site) -> Result<Stopped, Refusal> {
    // Before anything runs: a signal that came earlier than this would end the process on the spot.
    let signal = stop_signal()?;
    let StoreAt { path, retention } = at;
    let told = options.alerts.clone();
    let store = Arc::new(SqliteStore::open(&path, retention).await?);
    let service = Service::start(plan, options, Arc::<SqliteStore>::clone(&store) as Arc<dyn Store>).await?;
    say(format_args!("runs are kept in {}", path.display()));
    for canary in service.snapshot().canaries {
        let rhythm = canary.rhythm.as_deref().unwrap_or("only when somebody asks");
        let paused = canary.schedule.paused.as_ref().map(|it| format!(", paused: {}", it.reason));
        say(format_args!("  {}: {rhythm}{}", canary.canary, paused.unwrap_or_default()));
    }
    alerts::announce(&told);
    for problem in service.unread() {
        say(format_args!(
            "warning: what was kept of alerts is begun anew, because it cannot be read: {problem}"
        ));
    }
    for event in service.missed_at_start() {
        if let Event::MissedRun { canary, planned, .. } = event {
            say(format_args!(
                "warning: {canary} should have run at {planned:.0}, when no service was running"
            ));
        }
    }
    let traces = service.traces();
    let server = Server::start(site.listener, service.clone(), site.options)?;
    say(format_args!("the status page is at http://{}/", server.address()));
    let stopped = serve(&service, &server, signal).await;
    drop(server);
    drop(service);
    store.close().await;
    if let Some(traces) = traces {
        traces.close(trace::LAST_MOMENTS).await;
    }
    Ok(stopped)
}

/// Where runs are kept, and how many.
struct StoreAt {
    path: PathBuf,
    retention: Retention,
}

/// Where requests come in, and who may ask.
struct Site {
    listener: TcpListener,
    options: ServerOptions,
}

/// Takes the address before anything runs, so that a second service does not get far.
fn site(
    arguments: &ServeArguments,
    token: Option<Secret>,
    public_url: Option<String>,
) -> Result<Site, Refusal> {
    let ServeArguments { listen, token_file, host, .. } = arguments;
    let token = token_of(token_file.as_deref(), token)?;
    let options = ServerOptions { token, hosts: host.clone(), public_url, limits: ServerLimits::default() };
    options.check(*listen)?;
    let listener = TcpListener::bind(listen).map_err(|error| ServerError::Listen(*listen, error))?;
    Ok(Site { listener, options })
}

/// Serves until somebody asks for the end, then stops the service.
async fn serve(service: &Service, server: &Server, stop: impl Future<Output = &'static str>) -> Stopped {
    let over = CancellationToken::new();
    let announcing = tokio::spawn(print::announce(service.events(), over.clone()));
    let signal = stop.await;
    say(format_args!("{signal}: no new runs; ending those in flight"));
    // Those who wait for runs are answered when these end.
    let (stopped, _) = tokio::join!(service.shutdown(), server.shutdown());
    over.cancel();
    let _ = announcing.await;
    let Stopped { ended, cancelled, given_up, not_kept } = &stopped;
    let mut line = format!("stopped; {} ended by themselves, {} cancelled", ended.len(), cancelled.len());
    if !given_up.is_empty() {
        line.push_str(&format!("; these did not end, see the journal: {}", given_up.join(", ")));
    }
    if *not_kept > 0 {
        line.push_str(&format!("; {not_kept} could not be kept"));
    }
    if let Some((since, pages)) = service.alerts().undelivered {
        let pages = if pages == 1 { "1 page is".to_owned() } else { format!("{pages} pages are") };
        line.push_str(&format!(
            "; {pages} undelivered since {since:.0}: the next service with this store tells of it"
        ));
    }
    say(line);
    stopped
}

/// Switches the faults on, and lets them be switched, if the target is one that may be broken.
fn control(arguments: &ServeArguments, start: &Start) -> Result<Option<Control>, ConfigError> {
    let ServeArguments { fault, control, .. } = arguments;
    switch(fault, start.world.as_deref())?;
    let Some(address) = *control else { return Ok(None) };
    let world = start.world.as_ref().ok_or_else(|| unbreakable("--control"))?;
    let listener = TcpListener::bind(address).map_err(|error| {
        ConfigError::one("--control", format!("cannot listen at {address}: {error}"), "choose a free address")
    })?;
    let control = Control::start(listener, Arc::clone(world))
        .map_err(|error| ConfigError::one("--control", error.to_string(), "choose an address on loopback"))?;
    Ok(Some(control))
}

/// The name of the first signal that asks for the end. Further ones change nothing: stopping has a limit of its own.
/// Signals are caught from the return of this function on.
pub(super) fn stop_signal() -> Result<impl Future<Output = &'static str>, ConfigError> {
    let listen = |kind| {
        signal(kind).map_err(|error| ConfigError::one("signals", error.to_string(), "run it elsewhere"))
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            // A closed terminal, or a connection that broke.
            _ = hangup.recv() => "SIGHUP",
        }
    })
}

/// If the thread that watches timers and sockets is taken by a step that blocks it, the idle ones sleep on and nobody
/// watches. Something to do wakes one, and it takes over. Stops when dropped.
fn keep_awake(runtime: Handle) -> Sender<()> {
    let (alive, stopped) = channel();
    thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(NUDGE) {
            runtime.spawn(std::future::ready(()));
        }
    });
    alive
}

/// Panics print where they happen, and what they say may hold a secret that only its run knows. The run's record has
/// it, redacted; here is only the place.
fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|it| format!(" at {}:{}", it.file(), it.line()));
        say(format_args!("panicked{}; the run's record says more", place.unwrap_or_default()));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_help_says_is_the_default() {
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            arguments: ServeArguments,
        }
        let ServeArguments { keep, keep_size, keep_full, .. } =
            <Program as clap::Parser>::parse_from(["serve"]).arguments;
        let said = Retention { age: keep, size: keep_size, passed_in_full: keep_full };
        assert_eq!(said, Retention::default());
    }
}
