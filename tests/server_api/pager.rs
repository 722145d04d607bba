//! A notifier that takes everything, and shows nothing: whether a page is there can be asked.

use coalmine::alert::{
    Page,
    notifier::{Action, Manner, Notifier, Outcome, Remote, RemoteIncident, Sending},
};

pub(super) struct Pager(Manner);

impl Pager {
    pub(super) fn new() -> Self {
        Self(Manner {
            name: "pager".to_owned(),
            absorbs: true,
            acknowledges: true,
            refresh: None,
            burst: 100,
            per_minute: 100,
        })
    }
}

impl Notifier for Pager {
    fn manner(&self) -> &Manner {
        &self.0
    }

    fn send<'a>(&'a self, _: &'a Page, _: Action, _: bool) -> Sending<'a, Outcome> {
        Box::pin(async { Outcome::Accepted { answer: "taken".to_owned() } })
    }

    fn remote(&self) -> Option<&dyn Remote> {
        Some(self)
    }
}

impl Remote for Pager {
    fn open<'a>(&'a self, _: &'a str) -> Sending<'a, Result<Vec<RemoteIncident>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn of_key<'a>(
        &'a self,
        _: &'a str,
        _: jiff::Timestamp,
    ) -> Sending<'a, Result<Vec<RemoteIncident>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
