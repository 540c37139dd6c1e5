//! What devices found when they opened their snapshots as a new PC would.

use model::ids::SnapshotId;
use model::rehearsal::Rehearsal;
use model::world::Moment;

use crate::scope::Scope;
use crate::{Store, StoreError, row, snapshots};

impl Store {
    /// Notes what a rehearsal of a snapshot of the device's own profile found; a later one takes its place. `false`: there is no such snapshot.
    ///
    /// No audit row: fetching the snapshot has left one.
    pub fn note_rehearsal(
        &self,
        scope: &Scope,
        snapshot: SnapshotId,
        rehearsal: &Rehearsal,
        at: Moment,
    ) -> Result<bool, StoreError> {
        let (own, rehearsal) = (scope.own(), rehearsal.clone());
        self.writer.write(move |tx| {
            let noted = tx
                .prepare_cached(
                    "INSERT INTO rehearsals (tenant, profile_no, seq, reason, rehearsed_at) \
                     SELECT tenant, profile_no, seq, $1, $2 FROM snapshots \
                     WHERE tenant = $3 AND profile_no = $4 AND seq = $5 AND id = $6 \
                     ON CONFLICT (tenant, profile_no, seq) \
                     DO UPDATE SET reason = excluded.reason, rehearsed_at = excluded.rehearsed_at",
                )?
                .execute((
                    &rehearsal.reason,
                    at.0,
                    own.tenant,
                    own.no,
                    row::signed(rehearsal.seq),
                    snapshot.as_bytes(),
                ))?;
            if noted == 1 {
                snapshots::describe_latest(tx, (own.tenant, own.no))?;
            }
            Ok(noted == 1)
        })
    }
}
