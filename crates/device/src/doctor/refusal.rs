//! Whether a backup or a restore may begin on a PC. What decides is [`model::prerequisite::refusal`], which the server asks as well.

use model::policy::Effective;
use model::prerequisite::{self, Activity};

use crate::facts::Facts;

pub use model::prerequisite::Refusal;

/// Why `activity` may not begin on this PC; `None`: it may. A fact that is not known stops nothing.
///
/// `facts` are those of the PC that the activity runs on. A backup from a disk or a file runs on another one: then there are none, and only
/// policy can refuse.
pub fn refusal(activity: Activity, policy: &Effective, facts: Option<&Facts>) -> Option<Refusal> {
    let known = facts.map_or((None, None), |facts| (facts.exact_build(), facts.join));
    prerequisite::refusal(activity, policy, known)
}
