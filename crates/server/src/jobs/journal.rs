//! Looks after the journal: whether files and root key alone would bring everything back, and a new base if not.

use store::{StoreError, Tended, Tending};

use crate::App;

/// What was done.
pub fn run(app: &App) -> Result<Tended, StoreError> {
    let ids = app.keyring.roots().current.ids().unwrap_or_default();
    app.store.tend_journal(&Tending {
        program: concat!("rehome-server ", env!("CARGO_PKG_VERSION")),
        root_keys: ids.iter().map(ToString::to_string).collect(),
        scratch: &app.data_dir,
    })
}
