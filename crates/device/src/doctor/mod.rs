//! Checks: whether this PC takes part, and if not, why and what to do.
//!
//! Microsoft's own product says nothing on screen when a PC does not take part; here every condition is a line with what was found, what is
//! needed, the reason code and the next step. [`examine`] is pure: facts and policy in, checks out. [`refusal()`] is the same judgement as a yes
//! or no, which `rehome backup` and `rehome restore` ask before they begin.

mod checks;
mod refusal;

use model::device::KeyLevel;
use model::policy::Effective;
use model::reason::Reason;
use model::world::Moment;
use serde::Serialize;

use crate::due::Due;
use crate::facts::Known;

pub use refusal::{Refusal, refusal};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Does not stop anything, and somebody should know.
    Warn,
    /// Stops what the check is about.
    Fail,
    /// The source does not say.
    Unknown,
    /// Does not apply here.
    NotApplicable,
}

impl Verdict {
    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Unknown => "unknown",
            Self::NotApplicable => "n/a",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The stable name: `windows.build.backup`.
    pub id: &'static str,
    /// What is checked, for people.
    pub title: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What is needed; empty where nothing is.
    pub needed: String,
    /// Why not, if it is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What to do, if it is not as it should be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

/// What only the program on the PC itself knows; `None` for an offline source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// The PC's own key, if it is connected with a server.
    pub key: Option<OwnKey>,
    /// When the last backup succeeded.
    pub last_success: Option<Moment>,
    /// Whether a backup is due.
    pub due: Due,
    /// Whether the scheduled task is there; `None` where there are no scheduled tasks.
    pub scheduled: Option<bool>,
}

/// The key that a connected PC signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// How hard it is to steal.
    pub level: KeyLevel,
    /// Why it cannot be used, if so.
    pub broken: Option<String>,
}

/// Makes all checks.
pub fn examine(known: &Known, policy: &Effective, here: Option<&Here>) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(here.into_iter().flat_map(checks::enrolment));
    checks.extend(checks::switches(policy));
    checks.extend(checks::builds(&known.facts, policy));
    checks.extend(checks::join_states(&known.facts, policy));
    checks.extend(checks::categories(policy));
    checks.extend(checks::surroundings(&known.facts, policy));
    checks.extend(checks::microsoft(known));
    checks.extend(checks::problems(policy));
    checks.extend(known.unread.iter().map(|what| Check {
        id: "facts.unread",
        title: "Everything could be read".to_owned(),
        verdict: Verdict::Warn,
        found: what.clone(),
        needed: String::new(),
        reason: Some(Reason::FactUnknown),
        next: Reason::FactUnknown.next().to_owned(),
    }));
    checks
}

#[cfg(test)]
mod tests;
