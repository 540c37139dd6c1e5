//! What the device keeps of restores and rehearsals: reports, also such as the server does not have yet, what the last rehearsal found, and what a PC
//! had at the person's first sign-in.
//!
//! All of it can be done without: a record that is damaged is left out, and a rehearsal is made again.

use std::io;
use std::path::PathBuf;

use model::ids::{BlobId, SnapshotId};
use model::report::LocalReport;
use serde::{Deserialize, Serialize};

use super::{State, StateError, file};
use crate::baseline::Baseline;

/// Reports kept on the device; older ones make room.
const REPORTS_KEPT_MAX: usize = 20;

/// What a report's file ends with while the server does not have it, and once it has.
const UNSENT: &str = ".unsent";
const SENT: &str = ".sent";

/// A report on this PC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// What the restore did.
    pub report: LocalReport,
    /// Whether the server has it.
    pub sent: bool,
    path: PathBuf,
}

/// What the last rehearsal of a snapshot of this PC found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRehearsal {
    /// The snapshot's number.
    pub seq: u64,
    /// Its content.
    pub snapshot: SnapshotId,
    /// Why it could not be restored: a code of [`model::reason::Reason`]. `None`: it could.
    pub reason: Option<String>,
    /// Files that were fetched and opened, so that the next rehearsal need not fetch them again.
    pub files: Vec<BlobId>,
}

impl State {
    /// Keeps a report that the server does not have yet, and lets the oldest go.
    pub fn save_report(&self, report: &LocalReport) -> Result<(), StateError> {
        let folder = self.reports_folder();
        file::make_folder(&folder)?;
        // Digits of one length, so that names sort by time.
        let at = u64::try_from(report.report.made_at.0).unwrap_or(0);
        let path = folder.join(format!("{at:020}-{}{UNSENT}", report.report.report));
        file::replace(&path, &serde_json::to_vec(report).expect("a report is plain data"))?;
        for (path, _) in self.report_files()?.into_iter().skip(REPORTS_KEPT_MAX) {
            file::remove(&path)?;
        }
        Ok(())
    }

    /// The reports on this PC, newest first. Damaged ones are left out.
    pub fn reports(&self) -> Result<Vec<KeptReport>, StateError> {
        Self::read_reports(self.report_files()?)
    }

    /// Those that the server does not have yet. Reads no others: each backup asks.
    pub fn unsent_reports(&self) -> Result<Vec<KeptReport>, StateError> {
        Self::read_reports(self.report_files()?.into_iter().filter(|(_, sent)| !sent))
    }

    fn read_reports(files: impl IntoIterator<Item = (PathBuf, bool)>) -> Result<Vec<KeptReport>, StateError> {
        let mut reports = Vec::new();
        for (path, sent) in files {
            let bytes = file::read_spare(&path)?.unwrap_or_default();
            if let Ok(report) = serde_json::from_slice(&bytes) {
                reports.push(KeptReport { report, sent, path });
            }
        }
        Ok(reports)
    }

    /// Remembers that the server has a report.
    #[expect(clippy::disallowed_methods, reason = "need not be durable: a report that is sent again is kept once")]
    pub fn mark_sent(&self, report: &KeptReport) -> Result<(), StateError> {
        let sent = report.path.with_extension(&SENT[1..]);
        std::fs::rename(&report.path, sent).map_err(|source| StateError::Write { path: report.path.clone(), source })
    }

    /// What the last rehearsal found; `None` if there was none or its record is damaged.
    pub fn last_rehearsal(&self) -> Result<Option<LastRehearsal>, StateError> {
        let bytes = file::read_spare(&self.rehearsal_path())?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Remembers what a rehearsal found.
    pub fn save_rehearsal(&self, found: &LastRehearsal) -> Result<(), StateError> {
        file::make_folder(&self.folder)?;
        file::replace(&self.rehearsal_path(), &serde_json::to_vec(found).expect("it is plain data"))
    }

    /// What a target had at the person's first sign-in; `None` if nobody has taken that down, or its record is damaged.
    pub fn baseline(&self, target: &str) -> Result<Option<Baseline>, StateError> {
        let bytes = file::read_spare(&self.baseline_path(target))?;
        let found: Option<Baseline> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(found.filter(|baseline| baseline.target == target))
    }

    /// Keeps what a target had at the person's first sign-in.
    pub fn save_baseline(&self, baseline: &Baseline) -> Result<(), StateError> {
        let path = self.baseline_path(&baseline.target);
        file::make_folder(path.parent().expect("it has a folder of its own"))?;
        file::replace(&path, &serde_json::to_vec(baseline).expect("it is plain data"))
    }

    /// Forgets what a target had, so that it can be taken down anew.
    pub fn forget_baseline(&self, target: &str) -> Result<(), StateError> {
        file::remove(&self.baseline_path(target))
    }

    /// One file for each target, whose name may be a path: it stands in the file, and a checksum of it in the file's name.
    fn baseline_path(&self, target: &str) -> PathBuf {
        self.folder.join("baselines").join(format!("{:08x}.json", crc32fast::hash(target.as_bytes())))
    }

    /// Paths of reports, newest first, and whether the server has each.
    fn report_files(&self) -> Result<Vec<(PathBuf, bool)>, StateError> {
        let folder = self.reports_folder();
        let unread = |source| StateError::Read { path: folder.clone(), source };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(unread)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(extension) if extension == &UNSENT[1..] => files.push((path, false)),
                Some(extension) if extension == &SENT[1..] => files.push((path, true)),
                _ => {}
            }
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        Ok(files)
    }

    fn reports_folder(&self) -> PathBuf {
        self.folder.join("reports")
    }

    pub(super) fn rehearsal_path(&self) -> PathBuf {
        self.folder.join("rehearsal.json")
    }
}
