//! One attempt of one step, under its limits.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{Current, Live, Run, cancelled};
use crate::{
    clock::Clock,
    failure::Failure,
    record::{AttemptRecord, millis},
    suite::context::{Context, Log, Outputs, Recorder, Value},
    verdict::{Cause, Verdict},
};

/// Stands for a timeout that is too long to be a point in time.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

impl Run {
    pub(super) async fn attempt(
        &self,
        index: usize,
        number: u32,
        outputs: Outputs,
    ) -> Result<Value, Failure> {
        let step = &self.plan.steps[index].step;
        let recorder = Recorder::new(self.shared.started);
        let limit = self.patience.map_or(step.timeout, |patience| patience.min(step.timeout));
        let started_ms = recorder.now_ms();
        let started = Clock::instant();
        let deadline = started.checked_add(limit).unwrap_or(started + NO_LIMIT);
        self.cells[index]
            .live()
            .get_or_insert_with(|| Box::new(Live { attempts: Vec::with_capacity(1), current: None }))
            .current = Some(Current { number, started, deadline, recorder: recorder.clone() });

        let cx = Context::new(
            Arc::clone(&self.shared),
            step.name.clone(),
            number,
            deadline,
            outputs,
            recorder.clone(),
        );
        let body = Arc::clone(&step.run);
        // A task of its own: a panic ends the step and not the run, and a step that blocks its thread does not keep
        // the time limit from being noticed on another one.
        let mut task = tokio::spawn(async move { body(&cx).await });
        // What is there counts, however late this task comes to look.
        let (outcome, elapsed) = tokio::select! {
            biased;
            outcome = &mut task => {
                (outcome.unwrap_or_else(|panic| Err(panic_failure(panic))), started.elapsed())
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                let elapsed = started.elapsed();
                self.stop(task).await;
                (Err(self.timed_out(limit, &recorder.log())), elapsed)
            }
            () = self.shared.cancel.cancelled() => {
                let elapsed = started.elapsed();
                self.stop(task).await;
                (Err(cancelled()), elapsed)
            }
        };

        let log = given_up(recorder.log());
        let outcome = match (outcome, step.within) {
            (Ok(_), Some(budget)) if elapsed > budget => Err(self.too_slow(elapsed, budget, &log)),
            (outcome, _) => outcome.map_err(|failure| self.name_the_exchange(failure, &log)),
        };
        let attempt = AttemptRecord {
            number,
            started_ms,
            duration_ms: millis(elapsed),
            verdict: outcome.as_ref().map_or_else(Failure::verdict, |_| Verdict::Passed),
            failure: outcome.as_ref().err().map(Box::from),
            exchanges: log.exchanges,
            notes: log.notes,
            mails: log.mails,
        };
        if let Some(live) = self.cells[index].live().as_mut() {
            live.current = None;
            live.attempts.push(attempt);
        }
        outcome
    }

    /// Ends a step's task. Until its next `.await` it still does things; those belong to this attempt, and must not
    /// happen beside the next one, or beside clean-up.
    async fn stop(&self, task: JoinHandle<Result<Value, Failure>>) {
        task.abort();
        let _ = tokio::time::timeout(self.shared.limits.stop, task).await;
    }

    /// What a step demands of an answer fails without naming it; the answer it looked at is the last that came.
    fn name_the_exchange(&self, failure: Failure, log: &Log) -> Failure {
        let about_an_answer = matches!(failure.cause, Cause::Assertion | Cause::Contract | Cause::Panic);
        match log.exchanges.iter().enumerate().next_back() {
            Some((index, exchange)) if about_an_answer => {
                failure.exchange(exchange.reference(index, &self.shared.redactor))
            }
            _ => failure,
        }
    }

    fn timed_out(&self, limit: Duration, log: &Log) -> Failure {
        let failure = Failure::of(Cause::Timeout, format_args!("still running after {limit:?}"));
        let open =
            log.exchanges.iter().enumerate().rfind(|(_, it)| it.status.is_none() && it.error.is_none());
        match open.or(log.exchanges.iter().enumerate().next_back()) {
            Some((index, exchange)) => failure.exchange(exchange.reference(index, &self.shared.redactor)),
            None => failure,
        }
    }

    fn too_slow(&self, elapsed: Duration, budget: Duration, log: &Log) -> Failure {
        let failure = Failure::of(
            Cause::Latency,
            format_args!(
                "right, but too slow: expected at most {budget:?}, took {:.3} s",
                elapsed.as_secs_f64()
            ),
        );
        let slowest =
            log.exchanges.iter().enumerate().max_by(|(_, a), (_, b)| a.duration_ms.total_cmp(&b.duration_ms));
        match slowest {
            Some((index, exchange)) => failure
                .exchange(exchange.reference(index, &self.shared.redactor))
                .about_slowest(exchange.duration_ms),
            None => failure,
        }
    }
}

impl Failure {
    fn about_slowest(mut self, duration_ms: f64) -> Self {
        self.causes.push(format!("the slowest request took {:.3} s", duration_ms / 1e3));
        self
    }
}

/// The failure that a panic in a step's task is.
pub(in crate::suite) fn panic_failure(error: tokio::task::JoinError) -> Failure {
    let Ok(payload) = error.try_into_panic() else { return cancelled() };
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().map_or("(no message)".to_owned(), |it| (*it).to_owned()),
    };
    Failure::of(Cause::Panic, format_args!("panicked: {text}"))
}

/// Marks the exchanges that were still open when their attempt ended.
pub(super) fn given_up(mut log: Log) -> Log {
    for exchange in log.exchanges.iter_mut().filter(|it| it.status.is_none() && it.error.is_none()) {
        exchange.error = Some("no answer yet when the step ended".to_owned());
    }
    log
}
