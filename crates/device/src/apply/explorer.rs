//! Explorer started anew after a run that needs it: once, at the very end, and only if somebody agreed.
//!
//! Explorer reads some settings only when it starts. Ending it closes the folder windows that are open, so it is asked and never forced;
//! what nobody agreed to is seen after signing out and in. That it does not work is no failure of the run: everything is stored.

use model::catalog::Effect;
use model::reason::Reason;
use serde::Serialize;

use super::{NotLive, Outcome, Target};

/// Why Explorer was not started anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRestarted {
    /// There is none, or another program is the shell: nothing was touched.
    #[error("{0}")]
    NotThere(&'static str),
    /// It runs as before.
    #[error("Explorer cannot be ended: {0}")]
    NotEnded(String),
    /// It was ended, and that is all.
    #[error("Explorer was ended and has not come back{0}")]
    NotBack(String),
}

impl NotRestarted {
    /// The reason by which a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotThere(_) => Reason::NoExplorer,
            Self::NotEnded(_) => Reason::ExplorerStays,
            Self::NotBack(_) => Reason::ExplorerGone,
        }
    }
}

/// What became of Explorer after a run with settings that it reads when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Explorer {
    /// It runs as before: they are seen when it starts again.
    RestartNeeded,
    /// It was started again.
    Restarted,
}

/// Starts Explorer anew if the run needs it and `agree` says so, which is asked only then; notes in the outcome what became of it.
pub fn restart_explorer(outcome: &mut Outcome, target: &mut Target, agree: &mut dyn FnMut() -> bool) {
    if !outcome.effects.contains(&Effect::Explorer) {
        return;
    }
    outcome.explorer = Some(Explorer::RestartNeeded);
    if !agree() {
        return;
    }
    match target.effects.restart_explorer() {
        Ok(()) => outcome.explorer = Some(Explorer::Restarted),
        Err(why) => {
            outcome.not_live.push(NotLive { effect: Effect::Explorer, why: why.to_string(), choose: None });
        }
    }
}
