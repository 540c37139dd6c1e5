//! Whether a PC's backups are taken at all: its policies are asked, and what they allow is remembered for a minute.
//!
//! An agent that is up to date asks itself before it collects anything (`model::prerequisite`). The server asks again, because an older or an altered agent
//! must not bring what the organisation has not switched on. Only a yes is remembered: a PC whose policy was switched on just now is let in at once, and one whose
//! policy was switched off is refused after a minute at the latest.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use model::ids::DeviceId;
use model::reason::Reason;
use store::Scope;

use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// How long a yes counts, in milliseconds. Reading the policies costs more than a small backup itself, and a PC sends several requests for one backup.
const KEPT_MILLIS: i64 = 60_000;

/// PCs that are remembered in one minute; beyond that each is asked about anew.
const PCS_MAX: usize = 100_000;

/// PCs of which backups were allowed in a minute, counted since 1970.
#[derive(Default)]
pub struct Allowed(Mutex<(i64, HashSet<DeviceId>)>);

impl Allowed {
    /// Lets a backup, or a file of one, through if the policies of the PC that asks switch backups on.
    pub(crate) async fn backup(&self, app: &Arc<App>, scope: &Scope) -> Result<(), Refusal> {
        let minute = app.clock.now().0.div_euclid(KEPT_MILLIS);
        if self.knows(minute, scope.device()) {
            return Ok(());
        }
        let (worker, whose) = (Arc::clone(app), scope.clone());
        if let Some(why) = apart(move || worker.store.backups_off(&whose)).await? {
            return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::PolicyOff, why));
        }
        self.remember(minute, scope.device());
        Ok(())
    }

    fn knows(&self, minute: i64, device: DeviceId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 == minute && known.1.contains(&device)
    }

    fn remember(&self, minute: i64, device: DeviceId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != minute {
            *known = (minute, HashSet::new());
        }
        if known.1.len() < PCS_MAX {
            known.1.insert(device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_counts_for_its_minute_and_its_pc_only() {
        let (allowed, pc) = (Allowed::default(), DeviceId([1; 16]));
        allowed.remember(5, pc);
        assert!(allowed.knows(5, pc) && !allowed.knows(6, pc) && !allowed.knows(5, DeviceId([2; 16])));
        allowed.remember(6, DeviceId([2; 16]));
        assert!(!allowed.knows(6, pc), "the minute before is forgotten");
    }
}
