//! The PC that this program runs on: its facts and policies, and whether something may begin on it.
//!
//! Only Windows has them. Elsewhere this program works on files and disks of other PCs; their own hives and exports say what they know.

use device::doctor::refusal;
use device::facts::Known;
use model::envelope::Source;
use model::prerequisite::Activity;

use crate::failure::Failure;

/// What this PC says of itself; `None` where there is no Windows to ask.
#[cfg_attr(windows, expect(clippy::unnecessary_wraps, reason = "only Windows always has an answer"))]
pub fn known() -> Option<Known> {
    #[cfg(windows)]
    return Some(win32::known());
    #[cfg(not(windows))]
    None
}

/// Stops what policy or the prerequisites do not allow. Prerequisites are asked of the live PC only: a disk or a file runs elsewhere.
pub fn allow(activity: Activity, known: &Known, source: Source) -> Result<(), Failure> {
    let facts = (source == Source::Live).then_some(&known.facts);
    match refusal(activity, &known.policy(), facts) {
        Some(refusal) => Err(Failure::new(refusal.reason, refusal.message)),
        None => Ok(()),
    }
}
