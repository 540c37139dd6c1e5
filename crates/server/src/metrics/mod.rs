//! What the server counts of itself, for Prometheus and whoever reads its text format: `/metrics`, on a listener of its own.
//!
//! [`FAMILIES`] is the whole list, with what each means; `docs/guides/operate.md`, the dashboard and the alert rules are held against it by tests. Numbers that
//! follow from what is stored are asked of the database when somebody looks, and kept for `TOTALS_MILLIS`; all others are counted where things happen.
//! No label holds a person, a PC or an organisation, and none takes a value that an asker chooses: the number of series is bounded (decision 76).

mod collect;
mod family;
mod listener;

use std::sync::{Mutex, PoisonError};

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use model::report::{Outcome, Report};
use model::world::Moment;
use store::Totals;

pub use family::{Family, Kind};
pub use listener::serve;

use family::Series;

/// For how long numbers that are asked of the database are good, in milliseconds: counting a million PCs takes about a second.
const TOTALS_MILLIS: i64 = 5 * 60 * 1000;

/// Limits of the classes of times, in seconds: from an answer out of memory to what a person gives up on.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Limits of the classes of ages of backups, in seconds: 1, 2, 8, 14, 30, 60 and 90 days. Windows backs up every 8 days; after 30 a backup is no longer current.
const AGES: &[f64] = &[86_400.0, 172_800.0, 691_200.0, 1_209_600.0, 2_592_000.0, 5_184_000.0, 7_776_000.0];

macro_rules! families {
    ($($id:ident $kind:ident $name:literal [$($label:literal)*] $buckets:expr, $help:literal;)*) => {
        /// A family by its place in [`FAMILIES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Id { $($id),* }

        /// Everything that `/metrics` tells.
        pub const FAMILIES: &[Family] = &[
            $(Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], buckets: $buckets, help: $help }),*
        ];
    };
}

families! {
    BuildInfo Gauge "rehome_build_info" ["version" "commit"] &[], "Which program this is; always 1";
    Requests Histogram "http_server_request_duration_seconds" ["method" "route" "status"] SECONDS,
        "Answers, by their route in the table of routes, and how long they took";
    AtWork Gauge "rehome_requests_at_work" [] &[], "Requests being answered right now";
    Backups Counter "rehome_backups_total" ["result"] &[],
        "Backups that were sent: stored, unchanged (had been stored before), refused, failed";
    BackupTime Histogram "rehome_backup_duration_seconds" [] SECONDS,
        "From a backup's head to its receipt, for those that were stored";
    BackupBytes Counter "rehome_backup_uploaded_bytes_total" [] &[], "Bytes of backups and files that were taken";
    Restores Counter "rehome_restores_total" ["stage" "result"] &[],
        "Restores: snapshots that were given out (fetch), and reports that came in (report: good, partly, failed)";
    RestoreItems Counter "rehome_restore_items_total" ["group" "outcome"] &[],
        "Settings by category, and apps, as restores report them";
    Devices Gauge "rehome_devices" ["state"] &[], "PCs: active, forked (two back up as one), revoked";
    Restorable Gauge "rehome_users_restorable_ratio" [] &[],
        "Of all people, those who could be restored, as they were last counted; absent before the first count";
    BackupAge Histogram "rehome_last_backup_age_seconds" [] AGES,
        "PCs by the age of their newest backup, now (each scrape counts anew; do not take a rate)";
    Stored Gauge "rehome_blob_store_bytes" ["kind"] &[], "Sealed bytes that are kept: parts in rows, files in the blob store";
    Pending Gauge "rehome_jobs_pending" ["queue"] &[], "What waits: commands for PCs, requests for a second administrator";
    JobTime Histogram "rehome_job_duration_seconds" ["job"] SECONDS, "How long the server's own jobs took";
    JobFailures Counter "rehome_job_failures_total" ["job"] &[], "Jobs that did not do what they should";
    JobSuccess Gauge "rehome_job_last_success_timestamp_seconds" ["job"] &[], "When this server last did a job well";
    GcSuccess Gauge "rehome_gc_last_success_timestamp_seconds" [] &[],
        "When this server last let go of what is no longer kept";
    AuthFailures Counter "rehome_auth_failures_total" ["reason"] &[],
        "Requests refused for who asked: reasons as in docs/api.md";
    KeyOperations Counter "rehome_key_operations_total" ["provider" "result"] &[],
        "Wrapping and unwrapping with the root key";
    Evaluations Counter "rehome_policy_evaluations_total" [] &[], "Check-ins for which it was worked out what holds";
    Writes Counter "rehome_store_writes_total" [] &[], "Writes that the database has taken";
    Transactions Counter "rehome_store_transactions_total" [] &[],
        "Transactions they were committed in: writes that waited together share one";
    StoreFailed Gauge "rehome_store_failed" [] &[], "1 once the disk has failed and nothing is written any more";
    Reserve Gauge "rehome_store_reserve_bytes" [] &[],
        "Room that the disk of the database keeps for readers, and that is left of it; absent where the database is elsewhere";
    ReserveUsed Gauge "rehome_store_reserve_in_use" [] &[],
        "1 while the disk of the database is full: what is stored is given out, and nothing is taken; absent where the database is elsewhere";
    FilesUp Gauge "rehome_blob_store_up" [] &[], "1 while the folder or the bucket with the files can be reached, as of the last half minute";
    Draining Gauge "rehome_draining" [] &[], "1 once the server is on its way down";
    SpansDropped Counter "rehome_trace_spans_dropped_total" [] &[],
        "Traces that the collector did not take, or that there was no room for";
    LinesLost Counter "rehome_log_lines_lost_total" [] &[],
        "Lines of the log that nobody took in time";
    JournalBehind Gauge "rehome_journal_behind_seconds" [] &[],
        "For how long files and root key alone would not bring everything back; 0 if they would, absent where no journal is kept";
    JournalBytes Counter "rehome_journal_bytes_total" [] &[], "Bytes of the journal that this server has written";
    JournalBase Gauge "rehome_journal_base_timestamp_seconds" [] &[], "When the base of the journal was made";
    OwnBackup Gauge "rehome_server_backup_last_success_timestamp_seconds" [] &[],
        "When `rehome-server backup-server` last made a backup of the server's own data; 0 if never";
    Memory Gauge "process_resident_memory_bytes" [] &[], "Memory that the process has in use";
    OpenFiles Gauge "process_open_fds" [] &[], "Open files and connections";
    Started Gauge "process_start_time_seconds" [] &[], "When the server was started";
}

/// The numbers.
pub struct Metrics {
    series: Vec<Mutex<Series>>,
    totals: Mutex<Option<(Moment, Totals)>>,
    started: Moment,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new(now: Moment) -> Self {
        let series = FAMILIES.iter().map(|_| Mutex::default()).collect();
        let metrics = Self { series, totals: Mutex::default(), started: now };
        // What has not happened is 0 and not absent, so that the first time shows as a rise.
        for result in ["stored", "unchanged", "refused", "failed"] {
            metrics.add(Id::Backups, &[result], 0);
        }
        for id in [Id::BackupBytes, Id::Evaluations, Id::SpansDropped, Id::LinesLost] {
            metrics.add(id, &[], 0);
        }
        for (stage, result) in [("fetch", "ok"), ("report", "good"), ("report", "partly"), ("report", "failed")] {
            metrics.add(Id::Restores, &[stage, result], 0);
        }
        metrics
    }

    fn with<T>(&self, id: Id, work: impl FnOnce(&Family, &mut Series) -> T) -> T {
        let mut series = self.series[id as usize].lock().unwrap_or_else(PoisonError::into_inner);
        work(&FAMILIES[id as usize], &mut series)
    }

    /// Counts.
    pub(crate) fn add(&self, id: Id, labels: &[&str], by: u64) {
        self.with(id, |family, series| series.add(family, labels, by));
    }

    /// Notes how long something took.
    pub(crate) fn took(&self, id: Id, labels: &[&str], seconds: f64) {
        self.with(id, |family, series| series.observe(family, labels, seconds, 1));
    }

    /// Notes where something stands.
    pub(crate) fn set(&self, id: Id, labels: &[&str], value: f64) {
        self.with(id, |family, series| series.set(family, labels, value));
    }

    /// A request was answered. `route` is an entry of the table of routes; `bytes` is the length of its body as it says itself.
    pub(crate) fn answered(&self, asked: &Asked, status: StatusCode, refused: Option<&str>, seconds: f64) {
        let route = asked.route().unwrap_or("none");
        let code = status.as_str();
        self.took(Id::Requests, &[method(&asked.method), route, code], seconds);
        match (&asked.method, route) {
            (&Method::POST, "/api/v1/backups") => {
                let result = match status.as_u16() {
                    201 => "stored",
                    200 => "unchanged",
                    400..=499 => "refused",
                    _ => "failed",
                };
                self.add(Id::Backups, &[result], 1);
                if status == StatusCode::CREATED {
                    self.took(Id::BackupTime, &[], seconds);
                    self.add(Id::BackupBytes, &[], asked.bytes);
                }
            }
            (&Method::PUT, "/api/v1/profiles/{profile}/blobs/{blob}") if status.is_success() => {
                self.add(Id::BackupBytes, &[], asked.bytes);
            }
            (&Method::GET, "/api/v1/profiles/{profile}/snapshots/{snapshot}") if status.is_success() => {
                self.add(Id::Restores, &["fetch", "ok"], 1);
            }
            (&Method::POST, "/api/v1/check-in") if status.is_success() => self.add(Id::Evaluations, &[], 1),
            _ => {}
        }
        if let Some(code) = refused {
            self.add(Id::AuthFailures, &[code], 1);
        }
    }

    /// A restore was reported.
    pub(crate) fn restored(&self, report: &Report) {
        let (mut good, mut bad) = (false, false);
        for setting in &report.settings {
            good |= setting.outcome.came_back();
            bad |= setting.outcome == Outcome::Failed;
            let group = model::catalog::find(&setting.id).map_or("other", |setting| setting.category.word());
            self.add(Id::RestoreItems, &[group, word(setting.outcome)], 1);
        }
        for apps in &report.apps {
            good |= apps.outcome.came_back();
            bad |= apps.outcome == Outcome::Failed;
            self.add(Id::RestoreItems, &["apps", word(apps.outcome)], u64::from(apps.count));
        }
        let result = match (good, bad) {
            (_, false) => "good",
            (true, true) => "partly",
            (false, true) => "failed",
        };
        self.add(Id::Restores, &["report", result], 1);
    }

    /// A job has ended.
    pub(crate) fn job(&self, (job, well): (&str, bool), seconds: f64, now: Moment) {
        self.took(Id::JobTime, &[job], seconds);
        self.add(Id::JobFailures, &[job], u64::from(!well));
        if well {
            let at = family::seconds(now.0);
            self.set(Id::JobSuccess, &[job], at);
            if job == "retention" {
                self.set(Id::GcSuccess, &[], at);
            }
        }
    }
}

/// What was asked, as far as it is counted.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: Option<MatchedPath>,
    pub(crate) bytes: u64,
}

impl Asked {
    /// The entry of the table of routes.
    pub(crate) fn route(&self) -> Option<&str> {
        self.path.as_ref().map(MatchedPath::as_str)
    }
}

/// The methods that there are; an asker may make up others.
fn method(method: &Method) -> &'static str {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        .iter()
        .zip(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
        .find(|(known, _)| *known == method)
        .map_or("other", |(_, word)| word)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Restored => "restored",
        Outcome::Same => "same",
        Outcome::LeftAlone => "left_alone",
        Outcome::Failed => "failed",
        Outcome::NotCarried => "not_carried",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_prometheus_asks_and_each_is_there_once() {
        let mut names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        for family in FAMILIES {
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
            assert_eq!(family.kind == Kind::Histogram, !family.buckets.is_empty(), "{}", family.name);
            let known = ["rehome_", "http_server_", "process_"];
            assert!(known.iter().any(|prefix| family.name.starts_with(prefix)), "{}", family.name);
            assert!(!family.name.contains("milli") && !family.help.ends_with('.'), "{}", family.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAMILIES.len());
    }

    #[test]
    fn what_an_asker_makes_up_is_no_label() {
        let metrics = Metrics::new(Moment(0));
        for made_up in ["BREW", "PROPFIND", "X1"] {
            let asked = Asked { method: Method::from_bytes(made_up.as_bytes()).unwrap(), path: None, bytes: 0 };
            metrics.answered(&asked, StatusCode::NOT_FOUND, None, 0.1);
        }
        let text = metrics.with(Id::Requests, |family, series| series.text(family));
        assert_eq!(text.matches("_count{").count(), 1, "{text}");
        assert!(text.contains("_count{method=\"other\",route=\"none\",status=\"404\"} 3"), "{text}");
    }
}
