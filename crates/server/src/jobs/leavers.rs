//! Erases people whom their provider took away where leaving means being erased, and whose erasure failed or was on hold then.

use store::{EraseError, StoreError};

use crate::App;
use crate::keyring::erasure_signer;

/// Goes through all who are left over. Gives how many were erased. One who cannot be erased keeps no other waiting; the last such error is told at the end.
pub fn run(app: &App) -> Result<u64, StoreError> {
    let (mut at, mut erased, mut failed) = ((0, 0), 0, None);
    while let Some((next, tenant, user)) = app.store.next_leaver(at)? {
        at = next;
        match app.store.erase_user(&tenant, user, (app.clock.now(), erasure_signer(app))) {
            Ok(_) => erased += 1,
            Err(EraseError::OnHold { held }) => tracing::debug!(%user, held, "a person who has left is on hold"),
            Err(EraseError::Store(error)) => failed = Some(error),
        }
    }
    failed.map_or(Ok(erased), Err)
}
