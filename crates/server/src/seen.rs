//! When devices last asked: kept in memory, written in batches.
//!
//! A check that finds nothing new writes nothing; a million devices would otherwise touch a million rows for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::ids::DeviceId;
use model::world::Moment;
use store::Scope;

/// Devices noted before the next batch; further ones wait for their next request.
const NOTED_MAX: usize = 100_000;

/// Devices that have asked since the last batch.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<DeviceId, (Scope, Moment)>>);

impl Seen {
    pub(crate) fn note(&self, scope: &Scope, now: Moment) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = noted.get_mut(&scope.device()) {
            *at = now;
        } else if noted.len() < NOTED_MAX {
            noted.insert(scope.device(), (scope.clone(), now));
        }
    }

    pub(crate) fn take(&self) -> Vec<(Scope, Moment)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_values().collect()
    }
}
