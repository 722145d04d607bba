//! The half that serves. It prints where, goes on until its standard input ends, and then prints what it knows.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use coalmine::{
    Canary, Failure, Suite,
    server::{Server, ServerLimits, ServerOptions},
    service::{Event, Service, ServiceOptions},
    store::{Retention, SqliteStore, Store, Trigger},
};
use jiff::Timestamp;

use crate::Outcome;

/// Runs on schedule, each so many milliseconds late.
type Late = Arc<Mutex<Vec<f64>>>;

/// The two canaries of the store, each of which runs every two seconds, so that something changes every second.
pub(crate) fn serve_store(path: &Path) -> Outcome<()> {
    let canary = |name: &str, steps: u32| {
        (0..steps).fold(Canary::new(name).every(Duration::from_secs(2)), |canary, number| {
            canary.step(&format!("step_{number}"), async || Ok::<_, Failure>(()))
        })
    };
    serve(Suite::new("shop").canary(canary("api", 100)).canary(canary("onboarding", 70)), path)
}

/// So many canaries of one step, each of which runs every ten seconds.
pub(crate) fn serve_many(path: &Path, canaries: u32) -> Outcome<()> {
    let suite = (0..canaries).fold(Suite::new("many"), |suite, number| {
        let canary = Canary::new(&format!("canary_{number:04}")).every(Duration::from_secs(10));
        suite.canary(canary.step("look", async || Ok::<_, Failure>(())))
    });
    serve(suite, path)
}

fn serve(suite: Suite, path: &Path) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let plan = suite.plan().map_err(|error| error.to_string())?;
        let options = ServiceOptions { jitter: Duration::ZERO, ..ServiceOptions::watching("memory:") };
        let store = Arc::new(SqliteStore::open(path, Retention::default()).await?);
        let service =
            Service::start(plan, options, Arc::<SqliteStore>::clone(&store) as Arc<dyn Store>).await?;
        let late = Late::default();
        tokio::spawn(watch(service.clone(), Arc::clone(&late)));
        let options = ServerOptions { limits: ServerLimits::default(), ..ServerOptions::default() };
        let server = Server::start(TcpListener::bind("127.0.0.1:0")?, service.clone(), options)?;
        println!("{}", server.address());
        std::io::stdout().flush()?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        let late = std::mem::take(&mut *late.lock().map_err(|_| "nobody panics with it")?);
        late.iter().for_each(|it| println!("{it}"));
        drop(server);
        service.shutdown().await;
        store.close().await;
        Ok(())
    })
}

/// Compares when each run on schedule began with when it was to begin.
async fn watch(service: Service, late: Late) {
    let mut events = service.events();
    let mut planned: HashMap<String, [Option<Timestamp>; 2]> = HashMap::new();
    for view in service.snapshot().canaries {
        planned.insert(view.canary.to_string(), [None, view.schedule.next]);
    }
    while let Ok(event) = events.recv().await {
        match &*event {
            // Said when a run starts, of the one after it.
            Event::ScheduleChanged(entry) => {
                let times = planned.entry(entry.canary.clone()).or_default();
                *times = [times[1], entry.next];
            }
            Event::RunEnded(run) if run.trigger == Trigger::Schedule => {
                let planned = planned.get(&run.canary).and_then(|it| it[0]);
                if let (Some(planned), Ok(mut late)) = (planned, late.lock()) {
                    late.push(run.started.duration_since(planned).as_secs_f64() * 1e3);
                }
            }
            _ => (),
        }
    }
    println!("events came too fast to be watched");
}
