//! Reports of restores, as devices sent them: outcomes and reasons, no values.

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::ReportId;
use model::report::{KeptReport, Outcome, Report};
use model::world::Moment;

use crate::audit::{self, Action};
use crate::scope::{Scope, TenantScope};
use crate::{Store, StoreError, row};

/// Reports kept of one device; an older one makes room. A restore a week for two years, and no device fills the disk with them.
pub const REPORTS_KEPT_MAX: u32 = 100;

/// What became of a report that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    /// It is kept.
    New,
    /// It was kept before, and is the same to the byte.
    Again,
    /// The device has another one with that id.
    Another,
}

const SELECT: &str = "SELECT d.id, d.name, r.received_at, r.body FROM reports r \
                      JOIN devices d ON d.tenant = r.tenant AND d.no = r.device_no WHERE r.tenant = $1";

impl Store {
    /// Keeps a report of a restore on the device. The report must have been checked.
    pub fn file_report(&self, scope: &Scope, report: &Report, at: Moment) -> Result<Filed, StoreError> {
        let body = serde_json::to_string(report).map_err(|error| StoreError::Damaged(format!("a report: {error}")))?;
        let (scope, id, profile) = (scope.clone(), report.report, report.profile);
        let count = |fits: fn(Outcome) -> bool| report.settings.iter().filter(|one| fits(one.outcome)).count() as u64;
        let (came_back, failed) = (count(Outcome::came_back), count(|outcome| outcome == Outcome::Failed));
        self.writer.write(move |tx| {
            let key = (scope.tenant.no, scope.device_no, id.as_bytes());
            let same = "SELECT body FROM reports WHERE tenant = $1 AND device_no = $2 AND id = $3";
            let known: Option<String> = tx.prepare_cached(same)?.query_row(key, |row| row.get(0)).optional()?;
            if let Some(known) = known {
                return Ok(if known == body { Filed::Again } else { Filed::Another });
            }
            tx.prepare_cached(
                "INSERT INTO reports (tenant, device_no, id, received_at, body, came_back, failed) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )?
            .execute((key.0, key.1, key.2, at.0, &body, row::signed(came_back), row::signed(failed)))?;
            make_room(tx, &scope)?;
            audit::append_by(tx, &scope, at, Action::RestoreReport, (profile.as_bytes(), 0))?;
            Ok(Filed::New)
        })
    }

    /// The reports of all PCs of the person, newest first.
    pub fn reports(&self, scope: &Scope) -> Result<Vec<KeptReport>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} AND d.user_no = $2 ORDER BY r.received_at DESC, r.id");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_and_then((scope.tenant.no, scope.user_no), kept)?;
            rows.collect()
        })
    }

    /// One report of the person. `None`: unknown and foreign alike.
    pub fn report(&self, scope: &Scope, id: ReportId) -> Result<Option<KeptReport>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} AND d.user_no = $2 AND r.id = $3");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query_and_then((scope.tenant.no, scope.user_no, id.as_bytes()), kept)?;
            rows.next().transpose()
        })
    }

    /// All reports of a tenant with the names of their users, newest first, for its operator.
    pub fn all_reports(&self, tenant: &TenantScope) -> Result<Vec<(String, KeptReport)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id, d.name, r.received_at, r.body, u.name FROM reports r \
                 JOIN devices d ON d.tenant = r.tenant AND d.no = r.device_no \
                 JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
                 WHERE r.tenant = $1 ORDER BY r.received_at DESC, r.id",
            )?;
            let rows = statement.query_and_then([tenant.no], |row| Ok::<_, StoreError>((row.get(4)?, kept(row)?)))?;
            rows.collect()
        })
    }
}

fn make_room(tx: &Connection, scope: &Scope) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM reports WHERE tenant = $1 AND device_no = $2 AND id NOT IN (SELECT r.id FROM reports r \
         WHERE r.tenant = $1 AND r.device_no = $2 ORDER BY r.received_at DESC, r.id LIMIT $3)",
    )?
    .execute((scope.tenant.no, scope.device_no, REPORTS_KEPT_MAX))?;
    Ok(())
}

fn kept(row: &Row<'_>) -> Result<KeptReport, StoreError> {
    let body: String = row.get(3)?;
    let report = serde_json::from_str(&body).map_err(|error| StoreError::Damaged(format!("a report: {error}")))?;
    Ok(KeptReport {
        device: row::Id(row.get(0)?).into(),
        device_name: row.get(1)?,
        received_at: Moment(row.get(2)?),
        report,
    })
}
