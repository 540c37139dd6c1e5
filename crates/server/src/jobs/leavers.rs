//! Erases people whom their provider took away where leaving means being erased, and whose erasure failed or was on hold then.

use std::sync::mpsc;

use model::ids::UserId;
use store::{Deleted, EraseError, StoreError, TenantScope};

use crate::App;

/// Goes through all who are left over. Gives how many were erased. One who cannot be erased keeps no other waiting; the last such error is told at the end.
pub fn run(app: &App) -> Result<u64, StoreError> {
    let (mut at, mut erased, mut failed) = ((0, 0), 0, None);
    while let Some((next, tenant, user)) = app.store.next_leaver(at)? {
        at = next;
        match erase(app, &tenant, user) {
            Ok(_) => erased += 1,
            Err(EraseError::OnHold { held }) => tracing::debug!(%user, held, "a person who has left is on hold"),
            Err(EraseError::Store(error)) => failed = Some(error),
        }
    }
    failed.map_or(Ok(erased), Err)
}

/// Erases one. What signs the receipt is the store's to keep as long as it likes, and a job's app is only lent: so it is asked for and told the signature.
fn erase(app: &App, tenant: &TenantScope, user: UserId) -> Result<Option<Deleted>, EraseError> {
    let (ask, asked) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let sign = Box::new(move |erasure: &_| {
        // This end is there until the store has let go of the other.
        ask.send(*erasure).expect("somebody signs");
        told.recv().expect("somebody signs")
    });
    std::thread::scope(|scope| {
        let erased = scope.spawn(|| app.store.erase_user(tenant, user, (app.clock.now(), sign)));
        for erasure in asked {
            if tell.send(app.keyring.sign_erasure(&erasure)).is_err() {
                break;
            }
        }
        erased.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
