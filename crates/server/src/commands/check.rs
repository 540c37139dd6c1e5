//! `rehome-server check`: whether everything that was confirmed is there.

use std::process::ExitCode;

use model::reason::Reason;
use store::{Store, Wrong};

use super::{Failure, print, say};
use crate::App;
use crate::config::Config;

/// Exit code for data that is not as it was written.
const INTEGRITY: u8 = 8;

/// Opens what is there. Without data there is nothing to check: a mistyped folder must not be found in order.
pub(super) fn open(config: &Config) -> Result<App, Failure> {
    let database = &config.settings.database;
    if Store::exists(database.place())? {
        return super::open(config);
    }
    let text = format!("there is no server's data in `{database}`");
    Err(Failure::new(2, Reason::FileNotFound, text)
        .hint("name the folder with `--data-dir`, or the database with `--database`; `config show` says which it is"))
}

pub(super) fn run(app: &App) -> Result<ExitCode, Failure> {
    let key = app.keyring.receipt_key();
    let mut report = app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok())?;
    say(&format!("read {} snapshots, {} files and {} audit rows", report.snapshots, report.blobs, report.audit_rows));
    // The walk above knows no key; whether the signed heads are the server's is asked here.
    let heads = app.store.verify_audit(&[], &|head| seal::receipt::verify_head(head, &key).is_ok())?;
    let bad = heads.iter().flat_map(|walked| &walked.findings).filter(|found| found.wrong == Wrong::BadHead);
    report.findings.extend(bad.map(ToString::to_string));
    if report.findings.is_empty() {
        say("everything is there");
        return Ok(ExitCode::SUCCESS);
    }
    print(&report.findings)?;
    Ok(ExitCode::from(INTEGRITY))
}
