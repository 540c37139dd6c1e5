//! Keeps dynamic groups as their rules say: goes on with rules that were written lately, and asks anew those whose outcome changes by itself.

use store::StoreError;

use crate::App;

/// Goes on with rules that were written lately. Gives how many rows were asked.
pub fn go_on(app: &App) -> Result<u64, StoreError> {
    app.store.continue_groups(app.clock.now())
}

/// Asks anew what time may have changed. Gives how many groups that were.
pub fn renew(app: &App) -> Result<usize, StoreError> {
    let now = app.clock.now();
    let groups = app.store.renew_groups(now)?;
    // So that the first preview does not wait for a million rows. Another server that shares the database reads them at its own first preview.
    app.store.warm_columns(now)?;
    Ok(groups)
}
