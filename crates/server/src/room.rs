//! How much room profiles and tenants have left: asked before a file begins and before a snapshot is committed.
//!
//! A profile's bytes are counted exactly, when a file of it begins: that is where a device could fill the disk. What a tenant has is counted now and then and added up in between, so its limit may
//! be passed by what a few minutes bring.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::ids::TenantId;
use model::world::Moment;
use store::{Scope, TenantScope};

use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// How long a count of a tenant's bytes is good, in milliseconds: counting goes through an index of all its parts.
const COUNTED_MILLIS: i64 = 5 * 60 * 1000;

/// What tenants have, as far as it was counted.
#[derive(Default)]
pub struct Room(Mutex<HashMap<TenantId, (u64, Moment)>>);

impl Room {
    /// Whether a file of `length` bytes may begin.
    pub(crate) async fn for_file(&self, app: &Arc<App>, scope: &Scope, length: u64) -> Result<(), Refusal> {
        let max = app.bounds.profile_bytes_max;
        if max > 0 {
            let (app, scope) = (Arc::clone(app), scope.clone());
            let used = apart(move || app.store.profile_bytes(&scope)).await?;
            if used.saturating_add(length) > max {
                return Err(Refusal::no_room(format!("this PC's profile has {used} of {max} bytes")));
            }
        }
        self.within_tenant(app, scope.tenant_scope(), length).await?;
        self.took(scope.tenant(), length);
        Ok(())
    }

    /// Whether a snapshot that comes with `length` bytes may be committed.
    pub(crate) async fn for_backup(&self, app: &Arc<App>, scope: &Scope, length: u64) -> Result<(), Refusal> {
        self.within_tenant(app, scope.tenant_scope(), length).await
    }

    async fn within_tenant(&self, app: &Arc<App>, tenant: &TenantScope, length: u64) -> Result<(), Refusal> {
        let max = app.bounds.tenant_bytes_max;
        if max == 0 {
            return Ok(());
        }
        let now = app.clock.now();
        let counted = self.counted(tenant.tenant()).filter(|(_, at)| (0..COUNTED_MILLIS).contains(&(now.0 - at.0)));
        let used = if let Some((used, _)) = counted {
            used
        } else {
            let (worker, whose) = (Arc::clone(app), tenant.clone());
            let used = apart(move || worker.store.tenant_bytes(&whose)).await?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.tenant(), (used, now));
            used
        };
        if used.saturating_add(length) > max {
            return Err(Refusal::no_room(format!("the organisation has {used} of {max} bytes")));
        }
        Ok(())
    }

    fn counted(&self, tenant: TenantId) -> Option<(u64, Moment)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied()
    }

    /// Adds what was let in, until it is counted again.
    pub(crate) fn took(&self, tenant: TenantId, length: u64) {
        if let Some((used, _)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&tenant) {
            *used = used.saturating_add(length);
        }
    }
}
