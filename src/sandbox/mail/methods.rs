//! The methods of the API as data: where each is, what it costs, what opens it, and what can be asked of it.
//!
//! Paths, scopes and parameters are those of Google's discovery document \[V\]. A method that is not here is one that
//! neither we nor a client of Google's has needed yet.

use axum::http::Method as Verb;

use super::{
    Google,
    call::{Answer, Call},
    history, labels, messages,
};

/// Everything: the one scope that may delete for good.
const ALL: &str = "https://mail.google.com/";
const MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const LABELS: &str = "https://www.googleapis.com/auth/gmail.labels";
const INSERT: &str = "https://www.googleapis.com/auth/gmail.insert";
const COMPOSE: &str = "https://www.googleapis.com/auth/gmail.compose";
/// Headers and labels only. It forbids what it does not allow even beside a wider scope \[S\].
pub(super) const METADATA: &str = "https://www.googleapis.com/auth/gmail.metadata";

/// The parameters that every method has \[V\]. What they change here is nothing but `fields`.
const GLOBAL: [&str; 6] = ["alt", "fields", "key", "prettyPrint", "quotaUser", "uploadType"];

/// One method.
pub(super) struct Method {
    verb: Verb,
    /// Below `/gmail/v1/users/{userId}/`; `*` stands for an id.
    path: &'static str,
    /// Whether a mail can be its body, under `/upload`.
    upload: bool,
    /// What a call costs, in units. For projects since May 2026: `messages.get` is reported \[S\], `attachments.get` is
    /// taken to cost the same, which nobody has verified, and the rest is as it was \[V\].
    pub(super) units: u32,
    /// Any one of these opens it.
    scopes: &'static [&'static str],
    parameters: &'static [&'static str],
    pub(super) run: fn(&Google, &Call) -> Answer,
}

const PAGE: [&str; 2] = ["maxResults", "pageToken"];

static METHODS: [Method; 19] = [
    Method {
        verb: Verb::GET,
        path: "profile",
        upload: false,
        units: 1,
        scopes: &[ALL, COMPOSE, METADATA, MODIFY, READONLY],
        parameters: &[],
        run: messages::profile,
    },
    Method {
        verb: Verb::GET,
        path: "messages",
        upload: false,
        units: 5,
        scopes: &[ALL, METADATA, MODIFY, READONLY],
        parameters: &["includeSpamTrash", "labelIds", PAGE[0], PAGE[1], "q"],
        run: messages::list,
    },
    Method {
        verb: Verb::POST,
        path: "messages",
        upload: true,
        units: 25,
        scopes: &[ALL, INSERT, MODIFY],
        parameters: &["internalDateSource"],
        run: messages::insert,
    },
    Method {
        verb: Verb::POST,
        path: "messages/import",
        upload: true,
        units: 25,
        scopes: &[ALL, INSERT, MODIFY],
        parameters: &["internalDateSource", "neverMarkSpam"],
        run: messages::import,
    },
    Method {
        verb: Verb::POST,
        path: "messages/batchModify",
        upload: false,
        units: 50,
        scopes: &[ALL, MODIFY],
        parameters: &[],
        run: messages::batch_modify,
    },
    Method {
        verb: Verb::POST,
        path: "messages/batchDelete",
        upload: false,
        units: 50,
        scopes: &[ALL],
        parameters: &[],
        run: messages::batch_delete,
    },
    Method {
        verb: Verb::GET,
        path: "messages/*",
        upload: false,
        units: 20,
        scopes: &[ALL, METADATA, MODIFY, READONLY],
        parameters: &["format", "metadataHeaders"],
        run: messages::get,
    },
    Method {
        verb: Verb::DELETE,
        path: "messages/*",
        upload: false,
        units: 10,
        scopes: &[ALL],
        parameters: &[],
        run: messages::delete,
    },
    Method {
        verb: Verb::POST,
        path: "messages/*/modify",
        upload: false,
        units: 5,
        scopes: &[ALL, MODIFY],
        parameters: &[],
        run: messages::modify,
    },
    Method {
        verb: Verb::POST,
        path: "messages/*/trash",
        upload: false,
        units: 5,
        scopes: &[ALL, MODIFY],
        parameters: &[],
        run: messages::trash,
    },
    Method {
        verb: Verb::POST,
        path: "messages/*/untrash",
        upload: false,
        units: 5,
        scopes: &[ALL, MODIFY],
        parameters: &[],
        run: messages::untrash,
    },
    Method {
        verb: Verb::GET,
        path: "messages/*/attachments/*",
        upload: false,
        units: 20,
        scopes: &[ALL, MODIFY, READONLY],
        parameters: &[],
        run: messages::attachment,
    },
    Method {
        verb: Verb::GET,
        path: "history",
        upload: false,
        units: 2,
        scopes: &[ALL, METADATA, MODIFY, READONLY],
        parameters: &["historyTypes", "labelId", PAGE[0], PAGE[1], "startHistoryId"],
        run: history::list,
    },
    Method {
        verb: Verb::GET,
        path: "labels",
        upload: false,
        units: 1,
        scopes: &[ALL, LABELS, METADATA, MODIFY, READONLY],
        parameters: &[],
        run: labels::list,
    },
    Method {
        verb: Verb::POST,
        path: "labels",
        upload: false,
        units: 5,
        scopes: &[ALL, LABELS, MODIFY],
        parameters: &[],
        run: labels::create,
    },
    Method {
        verb: Verb::GET,
        path: "labels/*",
        upload: false,
        units: 1,
        scopes: &[ALL, LABELS, METADATA, MODIFY, READONLY],
        parameters: &[],
        run: labels::get,
    },
    Method {
        verb: Verb::PATCH,
        path: "labels/*",
        upload: false,
        units: 5,
        scopes: &[ALL, LABELS, MODIFY],
        parameters: &[],
        run: labels::patch,
    },
    Method {
        verb: Verb::PUT,
        path: "labels/*",
        upload: false,
        units: 5,
        scopes: &[ALL, LABELS, MODIFY],
        parameters: &[],
        run: labels::update,
    },
    Method {
        verb: Verb::DELETE,
        path: "labels/*",
        upload: false,
        units: 5,
        scopes: &[ALL, LABELS, MODIFY],
        parameters: &[],
        run: labels::delete,
    },
];

impl Method {
    /// The method at `path` below the user's, and the ids that the path names, as they stand there.
    pub(super) fn find<'p>(
        verb: &Verb,
        path: &'p str,
        upload: bool,
    ) -> Option<(&'static Method, Vec<&'p str>)> {
        METHODS.iter().find_map(|method| {
            let fits = method.verb == *verb && (method.upload || !upload);
            Some((method, ids(method.path, path).filter(|_| fits)?))
        })
    }

    /// Whether a token of these scopes opens it.
    pub(super) fn is_open_to(&self, scopes: &[String]) -> bool {
        self.scopes.iter().any(|needed| scopes.iter().any(|scope| scope == needed))
    }

    /// Whether it has a parameter of that name.
    pub(super) fn takes(&self, parameter: &str) -> bool {
        self.parameters.contains(&parameter) || GLOBAL.contains(&parameter)
    }
}

/// What stands in `path` where `pattern` has its asterisks, if it fits.
fn ids<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut ids = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some("*"), Some(id)) if !id.is_empty() => ids.push(id),
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}
