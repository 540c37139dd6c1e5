//! Writes the database anew after somebody was erased, so that no piece of their name is left between its rows.

use store::StoreError;

use crate::App;

/// Whether there was something to do.
pub fn run(app: &App) -> Result<bool, StoreError> {
    app.store.rewrite_if_erased()
}
