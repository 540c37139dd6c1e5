//! Lets go of the snapshots that each tenant's rules do not keep. What is decided, and why, is `model::retention`; the deletion is the store's.

use store::{Removed, StoreError};

use crate::App;

/// Goes through all tenants.
pub fn run(app: &App) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    for tenant in app.store.tenants()? {
        removed += app.store.retain(&tenant, app.clock.now())?;
    }
    Ok(removed)
}
