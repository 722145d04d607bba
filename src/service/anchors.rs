//! Whether a target that cannot be reached has failed, or the machine that the canaries run on is offline.
//!
//! After a run in which all was well the anchors are asked, and who answered is remembered. When a run fails because the
//! target was not reached, those are asked again: if one of them is silent as well, nobody can tell what the target
//! does. All canaries share what is remembered: there is one network, and the newest look at it is worth most.

mod rewrite;

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpStream, sync::Mutex, task::JoinSet};

use crate::{config::Anchor, record::RunRecord, verdict::Verdict};

/// How long an anchor has for its answer.
const LIMIT: Duration = Duration::from_secs(3);

/// The anchors, and what is known of them.
pub(super) struct Anchors {
    anchors: Vec<Anchor>,
    /// Those that answered after the last passed run. Held while they are asked, so that who wants to know how it was
    /// waits for the end of that.
    answered: Arc<Mutex<Vec<Anchor>>>,
}

impl Anchors {
    pub(super) fn new(anchors: Vec<Anchor>) -> Self {
        Self { anchors, answered: Arc::default() }
    }

    /// Looks at a run that has ended. If it has failed, and that may be for want of a network, its record says so
    /// afterwards. Nothing waits for what is asked because it has passed.
    pub(super) async fn look_at(&self, record: &mut RunRecord) {
        match record.verdict {
            _ if self.anchors.is_empty() => (),
            Verdict::Passed => self.remember(),
            Verdict::Failed if rewrite::may_be_offline(record) => {
                let answered = self.answered.lock().await.clone();
                let silent = among(&answered, &ask(&answered).await, false);
                if !silent.is_empty() {
                    rewrite::offline(record, &silent);
                }
            }
            Verdict::Failed | Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => (),
        }
    }

    /// Asks all of them, unless somebody does so already.
    fn remember(&self) {
        let Ok(mut answered) = Arc::clone(&self.answered).try_lock_owned() else { return };
        let anchors = self.anchors.clone();
        tokio::spawn(async move {
            *answered = among(&anchors, &ask(&anchors).await, true);
        });
    }
}

/// Those that have answered, or have not.
fn among(anchors: &[Anchor], answers: &[bool], answered: bool) -> Vec<Anchor> {
    let those = anchors.iter().zip(answers).filter(|(_, answer)| **answer == answered);
    those.map(|(anchor, _)| anchor.clone()).collect()
}

/// Whether each takes a connection, all side by side. More than that is not asked: a handshake would need clocks and
/// authorities that have nothing to do with the network.
async fn ask(anchors: &[Anchor]) -> Vec<bool> {
    let mut asked = JoinSet::new();
    for (at, Anchor { host, port, .. }) in anchors.iter().enumerate() {
        let place = (host.clone(), *port);
        asked.spawn(async move {
            let connected = tokio::time::timeout(LIMIT, TcpStream::connect(place)).await;
            (at, matches!(connected, Ok(Ok(_))))
        });
    }
    let mut answers = vec![false; anchors.len()];
    while let Some(answer) = asked.join_next().await {
        if let Ok((at, answer)) = answer
            && let Some(place) = answers.get_mut(at)
        {
            *place = answer;
        }
    }
    answers
}
