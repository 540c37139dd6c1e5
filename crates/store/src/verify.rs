//! Whether everything that is promised is there: `rehome-server check`.

use crate::sql::Connection;
use model::ids::{BlobId, ProfileId, TenantId};

use crate::blobs::BlobKey;
use crate::scope::OwnProfile;
use crate::{Store, StoreError, audit, dialect, row, snapshots};

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Snapshots whose header, parts and blobs were read.
    pub snapshots: u64,
    /// Complete blobs that were read.
    pub blobs: u64,
    /// Audit rows whose chain was computed anew.
    pub audit_rows: u64,
    /// Each thing that is wrong, in words. Empty: all is well.
    pub findings: Vec<String>,
}

impl Store {
    /// Reads everything and compares it with its checksums. Takes as long as reading all data does.
    ///
    /// `receipt_ok` says whether a receipt's bytes bear the server's signature; the store does not know the key.
    pub fn verify(&self, receipt_ok: &dyn Fn(&[u8]) -> bool) -> Result<Report, StoreError> {
        let mut report = Report::default();
        self.read(|connection| {
            report.findings.extend(dialect::damage(connection)?.map(|what| format!("database: {what}")));
            for own in profiles(connection)? {
                check_profile(connection, &own, receipt_ok, &mut report)?;
                self.check_blobs(connection, &own, &mut report)?;
            }
            // Whose signatures the heads bear is asked by `verify_audit`.
            for walked in audit::chain::verify(connection, &[], &|_| true)? {
                report.audit_rows += walked.rows;
                report.findings.extend(walked.findings.iter().map(ToString::to_string));
            }
            Ok(())
        })?;
        Ok(report)
    }

    fn check_blobs(&self, connection: &Connection, own: &OwnProfile, report: &mut Report) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(
            "SELECT t.id, b.id, b.generation, b.length, b.checksum FROM blobs b JOIN tenants t ON t.no = b.tenant \
             WHERE b.tenant = $1 AND b.profile_no = $2 AND b.deleting = 0 \
             AND (b.checksum IS NOT NULL OR b.condemned_at IS NULL)",
        )?;
        let mut rows = statement.query((own.tenant, own.no))?;
        while let Some(row) = rows.next()? {
            let (tenant, blob) = (TenantId(row.get(0)?), BlobId(row.get(1)?));
            let key = BlobKey { tenant, profile: own.id, blob, generation: row.get(2)? };
            // Without one: it was found damaged, and the device has not sent it again yet.
            let checksum: Option<[u8; 32]> = row.get(4)?;
            let expected = (row::unsigned(row.get(3)?), checksum.unwrap_or_default());
            match self.blobs.check(&key)?.filter(|_| checksum.is_some()) {
                None => report.findings.push(format!("blob {blob} of profile {} is gone", own.id)),
                Some(found) if found != expected => {
                    report.findings.push(format!("blob {blob} of profile {} is damaged", own.id));
                }
                Some(_) => report.blobs += 1,
            }
        }
        Ok(())
    }
}

fn profiles(connection: &Connection) -> Result<Vec<OwnProfile>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT tenant, no, id FROM profiles ORDER BY tenant, no")?;
    let rows = statement
        .query_map([], |row| Ok(OwnProfile { tenant: row.get(0)?, no: row.get(1)?, id: ProfileId(row.get(2)?) }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn check_profile(
    connection: &Connection,
    own: &OwnProfile,
    receipt_ok: &dyn Fn(&[u8]) -> bool,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM snapshots WHERE tenant = $1 AND profile_no = $2 ORDER BY seq")?;
    let rows = statement.query_map((own.tenant, own.no), |row| row.get(0))?;
    for seq in rows.collect::<Result<Vec<i64>, _>>()? {
        let stored = match snapshots::load(connection, own, seq) {
            Ok(stored) => stored,
            Err(StoreError::Damaged(what)) => {
                report.findings.push(format!("{what} is missing or damaged"));
                continue;
            }
            Err(other) => return Err(other),
        };
        let Some(stored) = stored else { continue };
        for key in &stored.parts {
            if snapshots::part(connection, own, *key)?.is_none() {
                let id = key.1;
                report.findings.push(format!("part {id} of snapshot {seq} of profile {} is damaged", own.id));
            }
        }
        if !receipt_ok(&stored.receipt) {
            report.findings.push(format!("the receipt of snapshot {seq} of profile {} is not the server's", own.id));
        }
        report.snapshots += 1;
    }
    Ok(())
}
