//! Whether a backup or a restore may begin.

use model::policy::{Effective, Held};
use model::prerequisite::{Activity, check_build, check_join, joins, needed};
use model::reason::Reason;

use crate::facts::Facts;

/// Why it may not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What was found and what is needed, in a sentence.
    pub message: String,
}

/// Why `activity` may not begin on this PC; `None`: it may. A fact that is not known stops nothing.
///
/// `facts` are those of the PC that the activity runs on. A backup from a disk or a file runs on another one: then there are none, and only
/// policy can refuse.
pub fn refusal(activity: Activity, policy: &Effective, facts: Option<&Facts>) -> Option<Refusal> {
    let Held { value: enabled, origin } = match activity {
        Activity::Backup => policy.backup_enabled(),
        Activity::SetupRestore | Activity::SignInRestore => policy.restore_enabled(),
    };
    if !enabled {
        let what = if activity == Activity::Backup { "backups are" } else { "restoring is" };
        return Some(Refusal { reason: Reason::PolicyOff, message: format!("{what} switched off by the {origin}") });
    }
    facts.and_then(|facts| of_facts(activity, policy, facts))
}

fn of_facts(activity: Activity, policy: &Effective, facts: &Facts) -> Option<Refusal> {
    if let (true, Some(build)) = (policy.demands_builds().value, facts.exact_build())
        && let Err(reason) = check_build(activity, build)
    {
        let row = needed(activity, build.build)?;
        let message =
            format!("Windows {build} is too old for a {}: {} ({}) is needed", activity.title(), row.least, row.version);
        return Some(Refusal { reason, message });
    }
    if let (true, Some(join)) = (policy.demands_join().value, facts.join)
        && let Err(reason) = check_join(activity, join)
    {
        let needed: Vec<_> = joins(activity).iter().map(|join| join.title()).collect();
        let message =
            format!("this PC is {}; a {} needs it to be {}", join.title(), activity.title(), needed.join(" or "));
        return Some(Refusal { reason, message });
    }
    None
}
