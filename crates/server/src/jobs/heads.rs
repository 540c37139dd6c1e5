//! Signs where each audit chain stands, so that a copy of the signed heads proves later that nothing before them was touched.

use store::StoreError;

use crate::App;

/// Goes through all chains.
pub fn run(app: &App) -> Result<u64, StoreError> {
    app.store.sign_heads(app.clock.now(), &|head| app.keyring.sign_head(head))
}
