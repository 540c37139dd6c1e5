//! What is not counted as it happens but looked up when somebody asks: what is stored, and what the system says of the process.

use std::fs;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use store::{StoreError, Totals};

use super::family::{float, seconds};
use super::{FAMILIES, Id, Metrics, TOTALS_MILLIS};
use crate::App;

/// Everything, as text. Waits for the database, if its numbers are not of the last minutes; if it does not answer, the old ones are left out.
pub(super) fn text(app: &App) -> String {
    let metrics = &app.metrics;
    let commit = option_env!("REHOME_COMMIT").unwrap_or("unknown");
    metrics.set(Id::BuildInfo, &[env!("CARGO_PKG_VERSION"), commit], 1.0);
    metrics.set(Id::AtWork, &[], float(app.at_work()));
    metrics.set(Id::StoreFailed, &[], f64::from(u8::from(app.store.failed())));
    metrics.set(Id::FilesUp, &[], f64::from(u8::from(app.files_up.load(Ordering::Acquire))));
    metrics.set(Id::Draining, &[], f64::from(u8::from(app.leaving())));
    metrics.set(Id::Started, &[], seconds(metrics.started.0));
    let (transactions, writes) = app.store.write_counts();
    metrics.with(Id::Transactions, |family, series| series.put(family, &[], transactions));
    metrics.with(Id::Writes, |family, series| series.put(family, &[], writes));
    for (provider, result, count) in app.keyring.roots().operations() {
        metrics.with(Id::KeyOperations, |family, series| series.put(family, &[provider, result], count));
    }
    metrics.with(Id::SpansDropped, |family, series| series.put(family, &[], app.traces.dropped()));
    metrics.with(Id::LinesLost, |family, series| series.put(family, &[], crate::logs::lost()));
    of_the_reserve(app, metrics);
    of_the_journal(app, metrics);
    of_the_process(metrics);
    match of_the_store(app).and_then(|totals| Ok((totals, app.store.own_backup_at()?))) {
        Ok((totals, own_backup)) => {
            tell(metrics, &totals);
            metrics.set(Id::OwnBackup, &[], own_backup.map_or(0.0, |at| seconds(at.0)));
        }
        Err(error) => {
            tracing::warn!(%error, "what is stored could not be counted");
            for id in [Id::OwnBackup, Id::Devices, Id::Restorable, Id::BackupAge, Id::Stored, Id::Pending] {
                metrics.with(id, |_, series| series.clear());
            }
        }
    }
    let texts = FAMILIES.iter().zip(&metrics.series);
    texts.map(|(family, series)| series.lock().unwrap_or_else(PoisonError::into_inner).text(family)).collect()
}

/// Held while it is counted: whoever asks meanwhile waits for the same count.
fn of_the_store(app: &App) -> Result<Totals, StoreError> {
    let mut kept = app.metrics.totals.lock().unwrap_or_else(PoisonError::into_inner);
    let now = app.clock.now();
    if let Some((at, totals)) = &*kept
        && (at.0..at.0 + TOTALS_MILLIS).contains(&now.0)
    {
        return Ok(totals.clone());
    }
    let totals = app.store.totals(now)?;
    *kept = Some((now, totals.clone()));
    Ok(totals)
}

fn tell(metrics: &Metrics, totals: &Totals) {
    let devices = [("active", totals.active), ("forked", totals.forked), ("revoked", totals.revoked)];
    for (state, count) in devices {
        metrics.set(Id::Devices, &[state], float(count));
    }
    if totals.people > 0 {
        metrics.set(Id::Restorable, &[], float(totals.restorable) / float(totals.people));
    }
    metrics.with(Id::BackupAge, |family, series| {
        series.clear();
        for (days, count) in &totals.backups_by_days {
            // In the middle of the day: what is told is classes of whole days.
            series.observe(family, &[], (float(*days) + 0.5) * 86_400.0, *count);
        }
    });
    for (kind, bytes) in [("part", totals.part_bytes), ("file", totals.file_bytes)] {
        metrics.set(Id::Stored, &[kind], float(bytes));
    }
    for (queue, count) in [("commands", totals.commands), ("approvals", totals.approvals)] {
        metrics.set(Id::Pending, &[queue], float(count));
    }
}

fn of_the_reserve(app: &App, metrics: &Metrics) {
    let Some(state) = app.store.reserve() else { return };
    metrics.set(Id::Reserve, &[], float(state.held_bytes));
    metrics.set(Id::ReserveUsed, &[], f64::from(u8::from(state.is_in_use)));
}

fn of_the_journal(app: &App, metrics: &Metrics) {
    let (state, _) = app.store.journal();
    if !state.is_kept {
        return;
    }
    let behind = state.behind_since.map_or(0, |since| app.clock.now().0.saturating_sub(since.0).max(0));
    metrics.set(Id::JournalBehind, &[], seconds(behind));
    metrics.with(Id::JournalBytes, |family, series| series.put(family, &[], state.bytes));
    if let Some(made) = state.base_at {
        metrics.set(Id::JournalBase, &[], seconds(made.0));
    }
}

/// From `/proc`, where there is one (proc(5)).
fn of_the_process(metrics: &Metrics) {
    let resident = fs::read_to_string("/proc/self/status").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim();
        line.strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    if let Some(kilobytes) = resident {
        metrics.set(Id::Memory, &[], float(kilobytes * 1024));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics.set(Id::OpenFiles, &[], float(files.count() as u64));
    }
}
