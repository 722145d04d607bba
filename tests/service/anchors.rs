//! A prober that is offline pages nobody: the anchor is a listener on loopback, which the test closes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use coalmine::{
    AlertPolicy, Canary, Cause, Clock, Failure, Out, Result, Verdict,
    config::Anchor,
    service::{Ask, Event, Service},
};
use jiff::SignedDuration;
use tokio::net::TcpListener;

use super::{
    memory::Memory,
    options,
    recorder::{Recorder, alerts},
    soon, start, start_time,
};

/// How the product does; the canary's first step looks at it.
#[derive(Clone, Default)]
struct Product(Arc<AtomicU8>);

#[derive(Clone, Copy)]
enum State {
    Well = 0,
    /// Nobody answers.
    Silent = 1,
    /// It answers, and wrongly.
    Wrong = 2,
}

struct Found;

impl Product {
    fn is(&self, state: State) {
        self.0.store(state as u8, Ordering::SeqCst);
    }

    fn canary(&self) -> Canary {
        let state = Arc::clone(&self.0);
        let policy = AlertPolicy::default().inconclusive(Duration::from_secs(20 * 60));
        Canary::new("front")
            .alert(policy)
            .step("look", move || {
                let state = state.load(Ordering::SeqCst);
                async move {
                    match state {
                        0 => Ok(Found),
                        1 => Err(Failure::of(Cause::Transport, "the connection could not be made")),
                        _ => Err(Failure::new("expected 200, got 503")),
                    }
                }
            })
            .step("pay", pay)
    }
}

async fn pay(_: Out<Found>) -> Result<()> {
    Ok(())
}

/// Takes connections at an address, until it is closed; opened again, at the same one.
struct Place {
    address: SocketAddr,
    listening: Option<tokio::task::JoinHandle<()>>,
    connected: tokio::sync::mpsc::UnboundedReceiver<()>,
}

impl Place {
    async fn open_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connected) = tokio::sync::mpsc::unbounded_channel();
        let listening = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                let _ = seen.send(());
            }
        });
        Self { address, listening: Some(listening), connected }
    }

    async fn open() -> Self {
        Self::open_at("127.0.0.1:0").await
    }

    fn anchor(&self) -> Anchor {
        Anchor::parse(&format!("tcp://{}", self.address)).unwrap()
    }

    async fn is_asked(&mut self) {
        soon(self.connected.recv()).await.expect("it is open");
    }

    async fn close(&mut self) {
        let listening = self.listening.take().expect("it is open");
        listening.abort();
        let _ = listening.await;
    }
}

struct Rig {
    service: Service,
    clock: Clock,
    store: Arc<Memory>,
    product: Product,
    on_call: Arc<Recorder>,
    owners: Arc<Recorder>,
    place: Place,
}

impl Rig {
    async fn new() -> Self {
        let (place, other) = (Place::open().await, Place::open().await);
        let clock = Clock::manual(start_time());
        let (store, product) = (Arc::new(Memory::default()), Product::default());
        let (on_call, owners) = (Recorder::new("pager"), Recorder::new("owners"));
        let mut options = options(&clock);
        options.alerts = alerts([&on_call]);
        options.alerts.notifiers.push(owners.clone());
        options.alerts.owners = vec!["owners".to_owned()];
        options.anchors = vec![place.anchor(), other.anchor()];
        let service = start(product.canary(), options, &store).await;
        service.set_links(Arc::new(|path, _| path.to_owned()));
        // Its task goes on listening.
        drop(other);
        Self { service, clock, store, product, on_call, owners, place }
    }

    /// A run in which all is well; the anchors are known afterwards.
    async fn passes(&mut self) {
        self.product.is(State::Well);
        assert_eq!(self.run().await.0, Verdict::Passed);
        self.place.is_asked().await;
    }

    /// Five minutes later: how a run ends, and what it says.
    async fn run(&self) -> (Verdict, Option<Cause>, String) {
        self.clock.advance(SignedDuration::from_secs(300));
        self.service.run("front", Ask::default()).await.unwrap();
        let last = self.store.all().pop().unwrap();
        (last.verdict, last.cause, last.message.unwrap_or_default())
    }

    /// Nobody is to be told anything, and nobody has been told anything.
    fn nobody_was_told(&self) {
        let alerts = self.service.alerts();
        assert!(alerts.open.is_empty() && alerts.notifiers.iter().all(|it| it.waiting == 0), "{alerts:?}");
        assert!(self.on_call.told().is_empty() && self.owners.told().is_empty());
    }
}

#[tokio::test]
async fn while_the_prober_is_offline_the_owners_are_told_and_nobody_is_paged() {
    let mut rig = Rig::new().await;
    rig.passes().await;
    rig.place.close().await;
    rig.product.is(State::Silent);
    let anchor = rig.place.anchor();
    let says = format!(
        "the prober seems to be offline: `{anchor}` answered after the last run that passed, and does not now"
    );
    let mut events = rig.service.events();
    for _ in 0..4 {
        assert_eq!(rig.run().await, (Verdict::Inconclusive, Some(Cause::Prober), says.clone()));
        rig.nobody_was_told();
    }
    // Nothing could be told for twenty minutes.
    rig.run().await;
    let told = soon(async {
        loop {
            if let Event::Told { notifier, key, accepted, .. } = &*events.recv().await.unwrap() {
                return (notifier.clone(), key.clone(), *accepted);
            }
        }
    });
    assert_eq!(told.await, ("owners".to_owned(), "shop/here/front/~inconclusive".to_owned(), true));
    let page = rig.owners.last();
    assert_eq!((page.roots[0].cause, page.roots[0].message.as_str()), (Cause::Prober, says.as_str()));
    assert_eq!(page.roots[0].blocks, ["pay"]);
    assert!(rig.on_call.told().is_empty());

    // The network is there again, and the product is not.
    let again = Place::open_at(&rig.place.address.to_string()).await;
    for _ in 0..2 {
        let (verdict, cause, message) = rig.run().await;
        assert_eq!((verdict, cause), (Verdict::Failed, Some(Cause::Transport)), "{message}");
    }
    soon(async {
        while rig.on_call.told().is_empty() {
            events.recv().await.unwrap();
        }
    })
    .await;
    assert_eq!(rig.on_call.told(), ["trigger shop/here/front/look"]);
    drop(again);
}

#[tokio::test]
async fn what_has_had_an_answer_has_failed_even_if_the_prober_is_offline() {
    let mut rig = Rig::new().await;
    rig.passes().await;
    rig.place.close().await;
    rig.product.is(State::Wrong);
    assert_eq!(
        rig.run().await,
        (Verdict::Failed, Some(Cause::Assertion), "expected 200, got 503".to_owned())
    );
}

#[tokio::test]
async fn an_anchor_that_did_not_answer_before_says_nothing() {
    let mut rig = Rig::new().await;
    rig.place.close().await;
    // It is asked after this, and does not answer.
    rig.product.is(State::Well);
    assert_eq!(rig.run().await.0, Verdict::Passed);
    rig.product.is(State::Silent);
    let (verdict, cause, _) = rig.run().await;
    assert_eq!((verdict, cause), (Verdict::Failed, Some(Cause::Transport)));
}

#[tokio::test]
async fn an_anchor_that_answers_leaves_the_product_to_blame() {
    let mut rig = Rig::new().await;
    rig.passes().await;
    rig.product.is(State::Silent);
    let (verdict, cause, message) = rig.run().await;
    assert_eq!((verdict, cause), (Verdict::Failed, Some(Cause::Transport)), "{message}");
    assert_eq!(message, "the connection could not be made");
    // It was asked once more for that.
    rig.place.is_asked().await;
}
