//! Goes on with a change of keys: wraps anew what still hangs on an old one (`keyring::rotate`).

use crate::App;
use crate::keyring::KeyringError;

/// Batches in one round, so that other jobs get their turn: 64 of 256 keys are a second or two.
const BATCHES_MAX: usize = 64;

/// Wraps anew. Gives how many keys were.
pub fn run(app: &App) -> Result<u64, KeyringError> {
    // The provider may have been given a newer key by its own administrators.
    app.keyring.adopt(&app.store)?;
    let mut done = 0;
    for _ in 0..BATCHES_MAX {
        match app.keyring.step(&app.store, &*app.random)? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}
