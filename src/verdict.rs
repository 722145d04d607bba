//! How a step ended, and why: the words that every report, page and metric uses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a step, or a whole run, ended. *Flaky* is no verdict but a mark on a pass: see
/// [`StepRecord::flaky`](crate::record::StepRecord::flaky).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was promised was seen.
    Passed,
    /// The product is wrong, or a customer would see it as wrong.
    Failed,
    /// It could not be told: something that is not the product stood in the way.
    Inconclusive,
    /// A prerequisite did not pass, so this step says nothing about the product.
    Blocked,
    /// Left out on purpose, with a reason.
    #[default]
    Skipped,
}

impl Verdict {
    /// The verdict's word, as it stands in JSON, metrics and headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
        }
    }

    /// The worst of many decides for the whole: failed, then inconclusive, then passed.
    ///
    /// Blocked and skipped steps decide nothing, because their root does. If nothing is left that passed, failed
    /// or was inconclusive, nothing was checked, and the whole is skipped.
    ///
    /// ```
    /// use coalmine::Verdict::{self, *};
    /// assert_eq!(Verdict::worst([Passed, Inconclusive, Blocked]), Inconclusive);
    /// assert_eq!(Verdict::worst([Inconclusive, Failed]), Failed);
    /// assert_eq!(Verdict::worst([Blocked, Skipped]), Skipped);
    /// ```
    #[must_use]
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().fold(Self::Skipped, |worst, verdict| match (worst, verdict) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
            (Self::Passed, _) | (_, Self::Passed) => Self::Passed,
            (Self::Blocked | Self::Skipped, Self::Blocked | Self::Skipped) => Self::Skipped,
        })
    }

    /// The exit code of a process whose work ended so: 0, 1 (failed, or nothing was checked) or 75 (inconclusive,
    /// `EX_TEMPFAIL` of sysexits.h).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed | Self::Blocked | Self::Skipped => 1,
            Self::Inconclusive => 75,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Exit code for wrong usage or configuration: nothing was run (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $word:literal => $verdict:ident,)*) => {
        /// Why a step did not pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// Every cause, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The cause's word, as it stands in JSON and metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Whether this cause speaks against the product or only says that nobody could tell.
            #[must_use]
            pub fn verdict(self) -> Verdict {
                match self {
                    $(Self::$name => Verdict::$verdict,)*
                }
            }
        }
    };
}

causes! {
    /// An answer or a state is not what the step demands.
    Assertion = "assertion" => Failed,
    /// An answer breaks the API's own description.
    Contract = "contract" => Failed,
    /// Right, but later than the step's latency budget.
    Latency = "latency" => Failed,
    /// No answer: refused, reset, cut short, name not found.
    Transport = "transport" => Failed,
    /// The certificate or the handshake was refused.
    Tls = "tls" => Failed,
    /// Still running when the step's time, or a request's, was over.
    Timeout = "timeout" => Failed,
    /// The step's own code panicked. It counts against the product, or regressions would hide behind it.
    Panic = "panic" => Failed,
    /// The mail did not come at all.
    MailMissing = "mail_missing" => Failed,
    /// The mail came after its time.
    MailLate = "mail_late" => Failed,
    /// The mail was filed under spam.
    MailSpam = "mail_spam" => Failed,
    /// The same mail came more than once.
    MailDuplicate = "mail_duplicate" => Failed,
    /// The product refused the credential it was given for the canary.
    Credential = "credential" => Failed,
    /// The mailbox could not be read.
    MailProvider = "mail_provider" => Inconclusive,
    /// A secret could not be fetched.
    SecretProvider = "secret_provider" => Inconclusive,
    /// The machine that the canary runs on is offline or starved.
    Prober = "prober" => Inconclusive,
    /// Somebody stopped the run.
    Cancelled = "cancelled" => Inconclusive,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How loud a failed step is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Wakes somebody.
    #[default]
    Critical,
    /// Waits for the morning.
    Warning,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_agree() {
        for &cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
        assert_eq!(serde_json::to_value(Verdict::Inconclusive).unwrap(), Verdict::Inconclusive.as_str());
    }

    #[test]
    fn exactly_the_four_outside_causes_are_inconclusive() {
        let outside: Vec<_> = Cause::ALL
            .iter()
            .filter(|it| it.verdict() == Verdict::Inconclusive)
            .map(|it| it.as_str())
            .collect();
        assert_eq!(outside, ["mail_provider", "secret_provider", "prober", "cancelled"]);
    }
}
