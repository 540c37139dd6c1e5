//! Keeps dynamic groups as their rules say: goes on with rules that were written lately, and asks anew those whose outcome changes by itself.

use store::StoreError;

use crate::App;

/// Does what is left to do; `renew`: also what time may have changed.
pub fn run(app: &App, renew: bool) -> Result<(), StoreError> {
    let now = app.clock.now();
    if renew {
        let groups = app.store.renew_groups(now)?;
        tracing::debug!(groups, "rules were asked anew");
        // So that the first preview does not wait for a million rows.
        app.store.warm_columns(now)?;
    }
    let rows = app.store.continue_groups(now)?;
    if rows > 0 {
        tracing::info!(rows, "rules of groups were asked");
    }
    Ok(())
}
