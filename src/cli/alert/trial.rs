//! `alert test`: a labelled page to each notifier, by the settings and on the way that `serve` uses. It is resolved
//! whatever becomes of it: a test must leave no page behind.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::super::{
    amount::interval, fault::switch, sandbox::print, say, serve, store::runtime, trouble::Trouble,
};
use crate::{
    alert::{
        Closed, Ending, Page, PageContext,
        notifier::{Action, Notifier, Outcome, Remote, RemoteIncident, RemoteStatus},
        specimen,
    },
    clock::Clock,
    config::{ConfigError, Environment, OwnSettings, Settings, Setup, Start},
    harness::Refusal,
    http::Roots,
    nearest,
    redact::Redactor,
    report::text::{one_line, time},
    suite::Suite,
    verdict::Verdict,
};

/// How often it is looked whether a page is there.
const LOOK: Duration = Duration::from_millis(500);

/// How many times a page that is to be resolved is told to be over, if that is not taken.
const RESOLVES: u32 = 3;

/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// By how much a notifier's clock may differ from ours.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);

/// How much of an answer is shown, in bytes.
const ANSWER: usize = 400;

#[derive(Args)]
pub(super) struct TestArguments {
    /// Tells only this one.
    #[arg(long, value_name = "NAME")]
    notifier: Option<String>,
    /// How long a notifier that can be asked may take until it shows the page, and until it shows it no more.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = interval)]
    wait: Duration,
    /// Where the page says that it comes from; without it, what `COALMINE_LOCATION` says.
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// Switches a fault of the sandbox on; may be repeated. `sandbox --fault list` prints all names.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
}

pub(super) fn run<S: Setup>(arguments: &TestArguments, suite: Suite) -> Result<Verdict, Trouble> {
    let plan = suite.plan()?;
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let own = OwnSettings::read(&mut settings);
    let setup = S::read(&mut settings);
    let roots = settings.roots("COALMINE_CA");
    settings.finish()?;
    let roots = roots.unwrap_or(Roots::System);
    let setup = setup
        .ok_or_else(|| Refusal("the suite's settings are not usable, and it does not say why".into()))?;
    let start = if arguments.fault.is_empty() { setup.start()? } else { setup.start_breakable()? };
    switch(&arguments.fault, start.world.as_deref())?;
    let notifiers = chosen(arguments, &own, &start, &roots)?;
    own.alerts.teach(&start.redactor);

    let context = PageContext {
        suite: plan.suite.to_string(),
        location: arguments.location.clone().unwrap_or_else(|| own.location.clone()),
        target: start.redactor.clean(&start.target).into_owned(),
    };
    let names: Vec<&str> = notifiers.iter().map(|it| it.manner().name.as_str()).collect();
    say(format_args!("a test page of {} at {} for {}", context.suite, context.target, names.join(", ")));
    let verdict = runtime()?.block_on(async {
        let stop = serve::stop_signal()?;
        tokio::pin!(stop);
        let mut verdicts = Vec::new();
        for notifier in &notifiers {
            let trial = Trial {
                notifier: &**notifier,
                page: specimen(&context, Clock::system().now()),
                wait: arguments.wait,
                redactor: &start.redactor,
            };
            let (verdict, stopped) = trial.run(&mut stop).await;
            verdicts.push(verdict);
            if stopped {
                break;
            }
        }
        Ok::<_, ConfigError>(Verdict::worst(verdicts))
    })?;
    drop(start);
    Ok(verdict)
}

/// The notifiers to try.
fn chosen(
    arguments: &TestArguments,
    own: &OwnSettings,
    start: &Start,
    roots: &Roots,
) -> Result<Vec<Arc<dyn Notifier>>, ConfigError> {
    if start.alerts.is_none() && own.alerts.configured().is_empty() {
        let remedy = "set COALMINE_PAGERDUTY_KEY, or another notifier's variables (see the README)";
        return Err(ConfigError::one("alerts", "there is no notifier to be tested", remedy));
    }
    let mut notifiers = serve::alerts(own, start, roots, false)?.notifiers;
    if let Some(wanted) = &arguments.notifier {
        let names: Vec<String> = notifiers.iter().map(|it| it.manner().name.clone()).collect();
        notifiers.retain(|it| it.manner().name == *wanted);
        if notifiers.is_empty() {
            let there_are = format!("there are: {}", names.join(", "));
            let remedy = match nearest(wanted, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`? {there_are}"),
                None => format!("{there_are}; others are configured by their variables (see the README)"),
            };
            return Err(ConfigError::one("--notifier", format!("there is no notifier `{wanted}`"), remedy));
        }
    }
    Ok(notifiers)
}

/// One page to one notifier.
struct Trial<'t> {
    notifier: &'t dyn Notifier,
    page: Page,
    wait: Duration,
    redactor: &'t Redactor,
}

/// How far a page has come.
struct Came {
    verdict: Verdict,
    /// Whether it may be open there, so that it has to be resolved.
    may_be_there: bool,
}

impl Trial<'_> {
    /// Tells and resolves it, with a line for each step. Says as well whether a signal has asked for the end.
    async fn run(mut self, stop: &mut (impl Future<Output = &'static str> + Unpin)) -> (Verdict, bool) {
        let (came, stopped) = tokio::select! {
            biased;
            came = self.trigger() => (came, false),
            signal = stop => {
                self.step("stopped", &format!("{signal}: nothing more is tried"));
                (Came { verdict: Verdict::Inconclusive, may_be_there: true }, true)
            }
        };
        let mut verdict = came.verdict;
        if came.may_be_there {
            let now = Clock::system().now();
            self.page.closed = Some(Closed { at: now, why: Ending::Drilled, run: None });
            verdict = Verdict::worst([verdict, self.resolve(came.verdict == Verdict::Passed).await]);
        }
        let end = match verdict {
            Verdict::Passed => "works",
            Verdict::Failed => "does not work: nobody would have been paged this way",
            Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => {
                "it could not be told whether it works"
            }
        };
        self.step("verdict", end);
        (verdict, stopped)
    }

    /// Sends the page, in its shortest form if the whole one is refused, and looks whether it is there.
    async fn trigger(&self) -> Came {
        let mut outcome = self.send(Action::Trigger, false).await;
        if let Outcome::Refused { .. } = outcome {
            outcome = self.send(Action::Trigger, true).await;
        }
        let came = |verdict, may_be_there| Came { verdict, may_be_there };
        match outcome {
            Outcome::Accepted { .. } => came(self.seen().await, true),
            Outcome::Refused { .. } => came(Verdict::Failed, false),
            Outcome::NotTaken { .. } => came(Verdict::Inconclusive, false),
            Outcome::Unknown { .. } => came(Verdict::Inconclusive, true),
        }
    }

    async fn seen(&self) -> Verdict {
        let Some(remote) = self.notifier.remote() else {
            self.step("shown", "this notifier cannot be asked: look for the page yourself");
            return Verdict::Passed;
        };
        let begun = Clock::instant();
        let found = self.look(remote, |known| {
            let newest = known.iter().max_by_key(|it| it.created)?;
            Some(newest.url.clone().unwrap_or_else(|| newest.id.clone()))
        });
        match found.await {
            Ok(Some(place)) => {
                self.step("shown", &format!("after {}: {place}", since(begun)));
                Verdict::Passed
            }
            Ok(None) => {
                let why = "swallowed: nobody on call, a maintenance window, or a rule there";
                self.step("shown", &format!("not within {}: {why}", since(begun)));
                Verdict::Failed
            }
            Err(why) => {
                self.step("shown", &format!("could not be asked: {why}"));
                Verdict::Inconclusive
            }
        }
    }

    /// Resolves it; what is not taken at once is sent again, because a page that stays behind would wake somebody.
    async fn resolve(&self, was_seen: bool) -> Verdict {
        let mut outcome = self.send(Action::Resolve, false).await;
        for _ in 1..RESOLVES {
            if matches!(outcome, Outcome::Accepted { .. } | Outcome::Refused { .. }) {
                break;
            }
            tokio::time::sleep(LOOK).await;
            outcome = self.send(Action::Resolve, false).await;
        }
        let refused = matches!(outcome, Outcome::Refused { .. });
        if !matches!(outcome, Outcome::Accepted { .. }) {
            self.step("gone", "the test page may be open there: resolve it by hand");
            return if refused { Verdict::Failed } else { Verdict::Inconclusive };
        }
        let Some(remote) = self.notifier.remote().filter(|_| was_seen) else { return Verdict::Passed };
        let begun = Clock::instant();
        let gone = self
            .look(remote, |known| known.iter().all(|it| it.status == RemoteStatus::Resolved).then_some(()));
        match gone.await {
            Ok(Some(())) => {
                self.step("gone", &format!("after {}", since(begun)));
                Verdict::Passed
            }
            Ok(None) => {
                self.step("gone", &format!("not within {}: resolve it there by hand", since(begun)));
                Verdict::Failed
            }
            Err(why) => {
                self.step("gone", &format!("could not be asked: {why}"));
                Verdict::Inconclusive
            }
        }
    }

    async fn send(&self, action: Action, minimal: bool) -> Outcome {
        let begun = Clock::instant();
        let outcome = self.notifier.send(&self.page, action, minimal).await;
        let word = match outcome {
            Outcome::Accepted { .. } => "accepted in",
            Outcome::Refused { .. } => "refused in",
            Outcome::NotTaken { .. } => "not taken in",
            Outcome::Unknown { .. } => "no answer that tells in",
        };
        let form = if minimal { "in its shortest form " } else { "" };
        self.step(action.as_str(), &format!("{form}{word} {}: {}", since(begun), outcome.text()));
        outcome
    }

    /// Asks what became of the key until that is what is looked for; nothing if it was not in time.
    async fn look<T>(
        &self,
        remote: &dyn Remote,
        found: impl Fn(&[RemoteIncident]) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let begun = Clock::instant();
        let from = self.page.opened.checked_sub(CLOCKS).unwrap_or(Timestamp::MIN);
        loop {
            let asked = tokio::time::timeout(LOOK_LIMIT, remote.of_key(&self.page.key, from)).await;
            let known = asked.unwrap_or_else(|_| Err(format!("no answer within {LOOK_LIMIT:?}")));
            let over = begun.elapsed() >= self.wait;
            match known {
                Ok(known) => {
                    let found = found(&known);
                    if found.is_some() || over {
                        return Ok(found);
                    }
                }
                Err(why) if over => return Err(why),
                Err(_) => (),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A line. That nobody reads it any more must not keep the page from being resolved.
    fn step(&self, what: &str, text: &str) {
        let name = &self.notifier.manner().name;
        let text = one_line(&self.redactor.clean(text), ANSWER);
        let _ = print(&format!("{name:12}  {what:8}  {text}\n"));
    }
}

fn since(begun: Instant) -> String {
    time(begun.elapsed().as_secs_f64() * 1e3)
}
