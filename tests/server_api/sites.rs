//! Services in every state that an answer can tell of, side by side.

use std::collections::HashMap;

use coalmine::{Cause, server::Rate};

use super::*;

/// Where they are. A resource.
struct Addresses(HashMap<&'static str, SocketAddr>);

/// One that a step shuts down. A resource.
pub(super) struct Ending(pub(super) Arc<Server>);

/// All of them, as one step sees them.
pub(super) struct Sites(HashMap<&'static str, Client>);

impl FromContext for Sites {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Addresses>();
        needs.resource::<Surface>();
    }

    fn from_context(cx: &Context) -> Self {
        let all = cx.resource::<Addresses>();
        Self(all.0.iter().map(|(name, address)| (*name, Client::at(cx, *address))).collect())
    }
}

impl Sites {
    pub(super) fn at(&self, name: &str) -> &Client {
        &self.0[name]
    }
}

/// The services themselves; they end when this is dropped.
pub(super) struct Running(HashMap<&'static str, Rig>);

/// The canaries of the services that `/run` is asked of, each alone in its suite, with the status of its answer.
pub(super) const ENDINGS: [(&str, u16); 4] =
    [("passed", 200), ("failed", 500), ("inconclusive", 503), ("skipped", 409)];

fn alone(name: &str) -> Suite {
    let canary = Canary::new(name);
    Suite::new("shop").canary(match name {
        "passed" => canary.step("look", async || Ok::<_, Failure>(())),
        "failed" => canary.step("look", async || Err::<(), _>(Failure::new("it is broken"))),
        "inconclusive" => {
            canary.step("look", async || Err::<(), _>(Failure::of(Cause::MailProvider, "nobody can tell")))
        }
        "skipped" => canary.step("look", async || Ok::<_, Failure>(())).ignore("not today"),
        _ => canary.step("look", async || std::future::pending::<Result<()>>().await),
    })
}

impl Running {
    pub(super) async fn start() -> Self {
        let mut all = HashMap::new();
        for name in ["passed", "failed", "inconclusive", "skipped", "endless"] {
            all.insert(name, Rig::of(alone(name), |_| ()).await);
        }
        all.insert("main", Rig::new().await);
        all.insert("wrong", Rig::wrong().await);
        all.insert("paged", Rig::paged().await);
        all.insert("open", Rig::of(suite(), |options| options.token = None).await);
        all.insert("ending", Rig::idle().await);
        let never = Rate { burst: 0, every: Duration::from_secs(3600) };
        let strict = |options: &mut ServerOptions| {
            let limits = &mut options.limits;
            (limits.runs, limits.logins, limits.listeners) = (never, never, 0);
        };
        all.insert("strict", Rig::of(suite(), strict).await);
        let impatient = |options: &mut ServerOptions| options.limits.body_time = Duration::from_millis(10);
        all.insert("impatient", Rig::of(suite(), impatient).await);
        let gone = Rig::new().await;
        gone.store.close().await;
        all.insert("gone", gone);
        let stopped = Rig::idle().await;
        stopped.service.shutdown().await;
        all.insert("stopped", stopped);
        Self(all)
    }

    pub(super) fn resources(&self) -> Resources {
        let addresses = self.0.iter().map(|(name, rig)| (*name, rig.address())).collect();
        Resources::new()
            .with(Address(self.0["main"].address()))
            .with(Addresses(addresses))
            .with(Ending(Arc::clone(&self.0["ending"].server)))
    }
}
