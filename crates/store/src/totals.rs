//! Counts over all organisations, for the operator's gauges. A handful of statements that each read one table once; whoever asks often keeps the answer.

use model::world::Moment;

use crate::approvals::State;
use crate::sql::Connection;
use crate::{DAY_MILLIS, Store, StoreError, row};

/// What there is, over all organisations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// PCs with access.
    pub active: u64,
    /// Those of them as which two PCs back up.
    pub forked: u64,
    /// PCs whose access was withdrawn.
    pub revoked: u64,
    /// PCs with a backup, by the age of the newest in whole days.
    pub backups_by_days: Vec<(u64, u64)>,
    /// People, as they were last counted for the trend ([`Store::note_fleet_day`]).
    pub people: u64,
    /// Those of them who could be restored.
    pub restorable: u64,
    /// Sealed bytes in rows.
    pub part_bytes: u64,
    /// Sealed bytes in files.
    pub file_bytes: u64,
    /// Commands that PCs have not fetched.
    pub commands: u64,
    /// Requests that wait for a second administrator.
    pub approvals: u64,
}

impl Store {
    /// Counts. Reads all PCs, profiles, parts and files once.
    pub fn totals(&self, now: Moment) -> Result<Totals, StoreError> {
        self.read(|connection| {
            let one = |sql: &str| count(connection, sql);
            let alive = one("SELECT COUNT(*) FROM devices WHERE revoked_at IS NULL")?;
            let forked = one("SELECT COUNT(*) FROM devices WHERE revoked_at IS NULL AND forked_at IS NOT NULL")?;
            let newest =
                "FROM fleet_days f WHERE f.day = (SELECT MAX(g.day) FROM fleet_days g WHERE g.tenant = f.tenant)";
            Ok(Totals {
                active: alive - forked,
                forked,
                revoked: one("SELECT COUNT(*) FROM devices WHERE revoked_at IS NOT NULL")?,
                backups_by_days: ages(connection, now)?,
                people: one(&format!("SELECT CAST(COALESCE(SUM(f.people), 0) AS BIGINT) {newest}"))?,
                restorable: one(&format!("SELECT CAST(COALESCE(SUM(f.restorable), 0) AS BIGINT) {newest}"))?,
                part_bytes: one("SELECT CAST(COALESCE(SUM(sealed_len), 0) AS BIGINT) FROM parts")?,
                file_bytes: one("SELECT CAST(COALESCE(SUM(length), 0) AS BIGINT) FROM blobs")?,
                commands: one(&format!(
                    "SELECT COUNT(*) FROM device_commands WHERE done_at IS NULL AND expires_at > {}",
                    now.0
                ))?,
                approvals: one(&format!("SELECT COUNT(*) FROM approvals WHERE state = {}", State::Waiting as u8))?,
            })
        })
    }
}

fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    Ok(row::unsigned(connection.prepare(sql)?.query_row([], |row| row.get(0))?))
}

fn ages(connection: &Connection, now: Moment) -> Result<Vec<(u64, u64)>, StoreError> {
    let sql = format!(
        "SELECT (CAST($1 AS BIGINT) - latest_at) / {DAY_MILLIS} AS days, COUNT(*) FROM profiles \
         WHERE latest_at IS NOT NULL GROUP BY days ORDER BY days"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([now.0], |row| {
        // A PC's clock may be ahead.
        Ok((row::unsigned(row.get::<_, i64>(0)?.max(0)), row::unsigned(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
