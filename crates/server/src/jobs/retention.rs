//! Lets go of the snapshots that each tenant's rules do not keep. What is decided, and why, is `model::retention`; the deletion is the store's.

use store::{Removed, StoreError};

use crate::App;

/// Goes through all tenants. What is damaged in one of them is told at the end, and keeps nothing of the others'.
pub fn run(app: &App) -> Result<Removed, StoreError> {
    let (mut removed, mut damaged) = (Removed::default(), None);
    for tenant in app.store.tenants()? {
        match app.store.retain(&tenant, app.clock.now()) {
            Ok(of_tenant) => removed += of_tenant,
            Err(error @ StoreError::Damaged(_)) => damaged = damaged.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    damaged.map_or(Ok(removed), Err)
}
