//! `rehome-server report`: what restores did, and what did not come back.

use std::process::ExitCode;

use clap::Subcommand;
use model::ids::ReportId;
use model::reason::Reason;
use model::report::KeptReport;

use super::admin::{at, scope};
use super::{Failure, print};
use crate::App;
use crate::app::DEFAULT_TENANT;

#[derive(Subcommand)]
pub(super) enum ReportVerb {
    /// List the restores, newest first
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Say what one restore did, and what did not come back and why
    Show {
        /// Its id
        report: ReportId,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

pub(super) fn run(app: &App, verb: ReportVerb) -> Result<ExitCode, Failure> {
    match verb {
        ReportVerb::List { user, tenant } => {
            let all = app.store.all_reports(&scope(app, &tenant)?)?;
            let wanted = all.iter().filter(|(name, _)| user.as_ref().is_none_or(|user| user == name));
            let line = |(name, kept): &(String, KeptReport)| {
                let report = &kept.report;
                let what = report.summary();
                format!("{}\t{}\t{name}\t{}\t{what}", report.report, at(kept.received_at), kept.device_name)
            };
            print(&wanted.map(line).collect::<Vec<_>>())
        }
        ReportVerb::Show { report, tenant } => {
            let all = app.store.all_reports(&scope(app, &tenant)?)?;
            let found = all.into_iter().find(|(_, kept)| kept.report.report == report);
            let (name, kept) =
                found.ok_or_else(|| Failure::new(2, Reason::NotFound, format!("there is no report {report}")))?;
            let mut lines = vec![
                format!("{} restored snapshot {} for {name}", kept.device_name, kept.report.snapshot),
                kept.report.summary(),
            ];
            lines.extend(kept.report.missing());
            print(&lines)
        }
    }
}
