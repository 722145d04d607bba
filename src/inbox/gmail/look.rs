//! A look at the mailbox for people: what is newest in it, by headers only.

use google_gmail1::api::Scope;
use jiff::Timestamp;

use super::{Gmail, Price};
use crate::inbox::{Folder, budget, trouble::Trouble};

/// One mail, by its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// When Google took it; `None` if it does not say.
    pub received: Option<Timestamp>,
    /// Where it was filed.
    pub folder: Folder,
    /// `From`, as it stands there.
    pub from: String,
    /// `To` likewise.
    pub to: String,
    /// `Subject` likewise.
    pub subject: String,
}

impl Gmail {
    /// `users.messages.list` and `users.messages.get`: the newest mails, wherever they were filed, newest first.
    pub(in crate::inbox) async fn newest(&self, count: u32) -> Result<Vec<Headline>, Trouble> {
        let listed = self
            .call(Price::Units(budget::SEARCH), || {
                let users = self.hub.users();
                users
                    .messages_list("me")
                    .include_spam_trash(true)
                    .max_results(count)
                    .add_scope(Scope::Readonly)
                    .doit()
            })
            .await?;
        let mut mails = Vec::new();
        for id in listed.messages.into_iter().flatten().filter_map(|it| it.id) {
            mails.push(self.headline(&id).await?);
        }
        Ok(mails)
    }

    async fn headline(&self, id: &str) -> Result<Headline, Trouble> {
        let mail = self
            .call(Price::Units(budget::MESSAGE), || {
                let mut call =
                    self.hub.users().messages_get("me", id).format("metadata").add_scope(Scope::Readonly);
                for header in ["From", "To", "Subject"] {
                    call = call.add_metadata_headers(header);
                }
                call.doit()
            })
            .await?;
        let headers = mail.payload.and_then(|it| it.headers).unwrap_or_default();
        let header = |wanted: &str| {
            let mut named = headers
                .iter()
                .filter(|it| it.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
            named.next().and_then(|it| it.value.clone()).unwrap_or_default()
        };
        Ok(Headline {
            received: mail.internal_date.and_then(|it| Timestamp::from_millisecond(it).ok()),
            folder: Folder::of(&mail.label_ids.unwrap_or_default()),
            from: header("From"),
            to: header("To"),
            subject: header("Subject"),
        })
    }
}
