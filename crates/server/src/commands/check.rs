//! `rehome-server check`: whether everything that was confirmed is there.

use std::process::ExitCode;

use super::{Failure, print, say};
use crate::App;

/// Exit code for data that is not as it was written.
const INTEGRITY: u8 = 8;

pub(super) fn run(app: &App) -> Result<ExitCode, Failure> {
    let key = app.keyring.receipt_key();
    let report = app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok())?;
    say(&format!("read {} snapshots, {} files and {} audit rows", report.snapshots, report.blobs, report.audit_rows));
    if report.findings.is_empty() {
        say("everything is there");
        return Ok(ExitCode::SUCCESS);
    }
    print(&report.findings)?;
    Ok(ExitCode::from(INTEGRITY))
}
