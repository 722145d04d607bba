//! What is taken out of a record before anybody sees it: every secret first, then what is too long.

use super::{
    AttemptRecord, BODY_LIMIT, CleanupRecord, Exchange, FailureRecord, MESSAGE_LIMIT, RunRecord, StepRecord,
    TEXT_LIMIT, cut,
};
use crate::redact::{REDACTED, Redactor, is_secret_header};

impl RunRecord {
    /// Removes every secret from every text of the record, then cuts bodies to [`BODY_LIMIT`].
    pub fn clean(&mut self, redactor: &Redactor) {
        // No `..` in this and the following: a new field has to be thought about here.
        let Self {
            version: _,
            suite: _,
            canary: _,
            run: _,
            trace: _,
            target,
            location: _,
            started: _,
            duration_ms: _,
            verdict: _,
            filtered: _,
            steps,
            cleanup,
            certificates: _,
        } = self;
        clean(target, redactor);
        for step in steps {
            step.clean(redactor);
        }
        for CleanupRecord { kind: _, name, duration_ms: _, error, exchanges } in cleanup {
            clean(name, redactor);
            exchanges.iter_mut().for_each(|it| it.clean(redactor));
            error.iter_mut().for_each(|it| clean(it, redactor));
        }
    }
}

impl StepRecord {
    fn clean(&mut self, redactor: &Redactor) {
        let Self {
            name: _,
            kind: _,
            promise: _,
            covers: _,
            severity: _,
            runbook: _,
            place: _,
            needs: _,
            waited_for: _,
            verdict: _,
            flaky: _,
            failure,
            root: _,
            reason,
            started_ms: _,
            duration_ms: _,
            attempts,
        } = self;
        failure.iter_mut().for_each(|it| it.clean(redactor));
        reason.iter_mut().for_each(|it| clean(it, redactor));
        for AttemptRecord {
            number: _,
            started_ms: _,
            duration_ms: _,
            verdict: _,
            failure,
            exchanges,
            notes,
            // The role is a name of the suite, and the rest is ours.
            mails: _,
        } in attempts
        {
            failure.iter_mut().for_each(|it| it.clean(redactor));
            exchanges.iter_mut().for_each(|it| it.clean(redactor));
            notes.iter_mut().for_each(|it| clean(it, redactor));
        }
    }
}

impl FailureRecord {
    fn clean(&mut self, redactor: &Redactor) {
        let Self { message, causes, cause: _, remedy, exchange: _, text } = self;
        for text in [message].into_iter().chain(causes).chain(remedy) {
            clean(text, redactor);
            shorten(text, MESSAGE_LIMIT);
        }
        clean(text, redactor);
        shorten(text, TEXT_LIMIT);
    }
}

impl Exchange {
    fn clean(&mut self, redactor: &Redactor) {
        let Self {
            operation: _,
            method: _,
            url,
            request_headers,
            request_body,
            status: _,
            response_headers,
            response_body,
            request_id,
            started_ms: _,
            duration_ms: _,
            error,
            breach,
            breach_expected: _,
        } = self;
        clean(url, redactor);
        for (name, value) in request_headers.iter_mut().chain(response_headers) {
            if is_secret_header(name) {
                REDACTED.clone_into(value);
            } else {
                clean(value, redactor);
            }
        }
        for body in request_body.iter_mut().chain(response_body) {
            clean(body, redactor);
            shorten(body, BODY_LIMIT);
        }
        request_id.iter_mut().for_each(|it| clean(it, redactor));
        error.iter_mut().for_each(|it| clean(it, redactor));
        breach.iter_mut().for_each(|it| clean(it, redactor));
    }
}

/// Cuts a text that is too long, and says how long it was.
pub(crate) fn shorten(text: &mut String, limit: usize) {
    let kept = cut(text, limit).len();
    if kept < text.len() {
        let whole = text.len();
        text.truncate(kept);
        text.push_str(&format!("… ({whole} bytes in all)"));
    }
}

fn clean(text: &mut String, redactor: &Redactor) {
    if let std::borrow::Cow::Owned(clean) = redactor.clean(text) {
        *text = clean;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::VERSION_1, *};

    #[test]
    fn bodies_are_redacted_before_they_are_cut() {
        let redactor = Redactor::new();
        redactor.learn("the-marker-secret");
        let mut record = RunRecord::from_json(VERSION_1).unwrap();
        let exchange = &mut record.steps[0].attempts[0].exchanges[0];
        // The cut falls into the middle of the secret.
        exchange.response_body = Some("x".repeat(BODY_LIMIT - 5) + "the-marker-secret" + &"y".repeat(100));
        exchange.request_headers = vec![("Authorization".into(), "Basic eHg6eXk=".into())];
        record.clean(&redactor);
        let json = serde_json::to_string(&record).unwrap();
        assert!(!json.contains("the-m") && !json.contains("eHg6"), "{json}");
    }

    #[test]
    fn long_failures_are_redacted_before_they_are_cut() {
        let redactor = Redactor::new();
        redactor.learn("the-marker-secret");
        let mut record = RunRecord::from_json(VERSION_1).unwrap();
        let failure = record.steps[0].failure.as_mut().unwrap();
        failure.message = "x".repeat(MESSAGE_LIMIT - 5) + "the-marker-secret" + &"y".repeat(100);
        failure.text = "x".repeat(TEXT_LIMIT - 5) + "the-marker-secret" + &"y".repeat(100);
        record.clean(&redactor);
        let failure = record.steps[0].failure.as_ref().unwrap();
        assert!(failure.message.ends_with("bytes in all)"), "{}", failure.message);
        assert!(failure.message.len() < MESSAGE_LIMIT + 40 && failure.text.len() < TEXT_LIMIT + 40);
        assert!(!failure.message.contains("the-m") && !failure.text.contains("the-m"));
    }
}
