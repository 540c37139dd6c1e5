//! Looks after the journal: whether files and root key alone would bring everything back, and a new base if not.

use store::{StoreError, Tended, Tending};

use crate::App;

/// What was done.
pub fn run(app: &App) -> Result<Tended, StoreError> {
    let program = concat!("rehome-server ", env!("CARGO_PKG_VERSION"));
    app.store.tend_journal(&Tending { program, scratch: &app.data_dir })
}
