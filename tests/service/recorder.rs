//! A notifier that remembers what it was asked to tell, and does with it what a test says.

use std::sync::{Arc, Mutex};

use coalmine::{
    alert::{
        Page,
        notifier::{Action, Manner, Notifier, Outcome, Sending},
    },
    service::Alerts,
};
use tokio::sync::Semaphore;

pub(crate) struct Recorder {
    manner: Manner,
    mood: Mutex<Mood>,
    /// What it has taken.
    taken: Mutex<Vec<(Action, Page)>>,
    /// One permit for each time that it was asked.
    asked: Semaphore,
}

/// What it does when it is asked.
#[derive(Clone)]
pub(crate) enum Mood {
    Takes,
    /// For certain it has taken nothing.
    Away,
    Panics,
    /// Takes it when there is a permit.
    Waits(Arc<Semaphore>),
}

impl Recorder {
    /// Shows each message to somebody, as a chat does.
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Self::with(name, |_| ())
    }

    /// Keeps a state per key, and is told of acknowledgements, as a pager does.
    pub(crate) fn pager() -> Arc<Self> {
        Self::with("pager", |it| (it.absorbs, it.acknowledges) = (true, true))
    }

    pub(crate) fn with(name: &str, change: impl FnOnce(&mut Manner)) -> Arc<Self> {
        let mut manner = Manner {
            name: name.to_owned(),
            absorbs: false,
            acknowledges: false,
            refresh: None,
            burst: 1000,
            per_minute: 60_000,
        };
        change(&mut manner);
        let (mood, taken) = (Mutex::new(Mood::Takes), Mutex::default());
        Arc::new(Self { manner, mood, taken, asked: Semaphore::new(0) })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The next time that it is asked, or the last one that nobody has waited for.
    pub(crate) async fn is_asked(&self) {
        super::soon(self.asked.acquire()).await.unwrap().forget();
    }

    /// What it has taken, each as `trigger shop/here/front/look`, with the round of a reminder. That everything is well
    /// under a key where nothing was wrong is left out.
    pub(crate) fn told(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let wrong = taken.iter().filter(|(action, page)| *action != Action::Resolve || page.round > 0);
        wrong
            .map(|(action, page)| {
                let round = if page.round > 1 { format!(" {}", page.round) } else { String::new() };
                format!("{} {}{round}", action.as_str(), page.key)
            })
            .collect()
    }

    /// The last page that it has taken.
    pub(crate) fn last(&self) -> Page {
        self.taken.lock().unwrap().last().expect("it was told something").1.clone()
    }
}

impl Notifier for Recorder {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, _: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            let mood = self.mood.lock().unwrap().clone();
            self.asked.add_permits(1);
            match mood {
                Mood::Takes => (),
                Mood::Away => return Outcome::NotTaken { why: "nobody is there".into(), retry_after: None },
                Mood::Panics => panic!("a notifier with a mistake"),
                Mood::Waits(gate) => gate.acquire().await.unwrap().forget(),
            }
            self.taken.lock().unwrap().push((action, page.clone()));
            Outcome::Accepted { answer: "taken".into() }
        })
    }
}

/// The first of these tells the engineer on call, the second is told what that one does not take, the third tells the
/// owners.
pub(crate) fn alerts<const N: usize>(recorders: [&Arc<Recorder>; N]) -> Alerts {
    let names: Vec<String> = recorders.iter().map(|it| it.manner.name.clone()).collect();
    Alerts {
        notifiers: recorders.iter().map(|it| Arc::clone(it) as Arc<dyn Notifier>).collect(),
        notify: names.first().cloned().into_iter().collect(),
        second: names.get(1).cloned(),
        owners: names.get(2).cloned().into_iter().collect(),
        ..Alerts::default()
    }
}
