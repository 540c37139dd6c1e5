//! `rehome report`: what a restore did, and what did not come back and why.

use clap::Args;
use device::apply::Outcome;
use device::apps::queue::Queue;
use device::list;
use device::report::{About, report, send_unsent};
use device::state::State;
use model::ids::ReportId;
use model::report::{KeptReport, LocalReport, Report};
use model::world::{Clock, Random};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::DIGITS_SHOWN;
use crate::paint::tame;
use crate::render::put;
use crate::render::table::Table;
use crate::restore::Planned;
use crate::run::{Connection, Run};
use crate::when::rfc3339;

/// Say what a restore did, and what did not come back and why
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The first digits of a report's id; the newest restore on this PC without it
    id: Option<String>,
    /// List the restores on all your PCs, as the server keeps them
    #[arg(long, conflicts_with = "id")]
    list: bool,
}

#[derive(Serialize)]
struct ReportDocument<'a> {
    sent: bool,
    #[serde(flatten)]
    report: &'a LocalReport,
    missing: Vec<String>,
}

/// There is no such report on this PC.
#[derive(Serialize)]
struct NoReportDocument {
    report: Option<Report>,
}

#[derive(Serialize)]
struct ListedDocument {
    report: String,
    device_name: String,
    received_at: String,
    snapshot: String,
    summary: String,
    missing: Vec<String>,
}

/// Prints one report of this PC, or lists those of all.
pub fn run(args: &ReportArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let unsent = {
        let _lock = state.lock()?;
        send_unsent(&state, &connection.server(run)).err()
    };
    if args.list {
        return list_all(run, &connection);
    }
    let reports = state.reports()?;
    let found = match &args.id {
        None => reports.first(),
        Some(digits) => {
            let digits = digits.to_ascii_lowercase();
            reports.iter().find(|kept| kept.report.report.report.to_string().starts_with(&digits))
        }
    };
    let Some(kept) = found else {
        run.screen.done(&NoReportDocument { report: None }, "No restore on this PC is reported yet")?;
        run.screen.hint("`rehome report --list` names those on your other PCs");
        return Ok(Exit::Nothing);
    };
    let missing = kept.report.missing();
    let document = ReportDocument { sent: kept.sent, report: &kept.report, missing: missing.clone() };
    run.screen.data(&document, || text(run, &kept.report, &missing))?;
    if unsent.is_some() {
        run.screen.say("note: the server does not have this report yet; the next run sends it");
    }
    Ok(Exit::Success)
}

fn text(run: &Run, local: &LocalReport, missing: &[String]) -> String {
    let report = &local.report;
    let mut text = String::new();
    let (id, snapshot) = (report.report.to_string(), report.snapshot.to_string());
    let heading = format!("Restore of {}, snapshot {}", run.when().said(report.made_at), &snapshot[..DIGITS_SHOWN]);
    put(&mut text, format_args!("{}  {}\n", run.screen.paint.bold(heading), run.screen.paint.dim(&id[..DIGITS_SHOWN])));
    put(&mut text, format_args!("{}\n", report.summary()));
    if missing.is_empty() {
        text.push_str("Everything came back\n");
    } else {
        put(&mut text, format_args!("\n{}\n", run.screen.paint.bold("What did not come back, and why")));
        for sentence in missing {
            put(&mut text, format_args!("  {}\n", tame(sentence, 400)));
        }
    }
    text
}

fn list_all(run: &Run, connection: &Connection) -> Result<Exit, Failure> {
    let all = list::reports(&connection.server(run))?;
    let documents: Vec<_> = all.iter().map(listed).collect();
    run.screen.data(&documents, || {
        let mut table = Table::default();
        for kept in &all {
            let id = kept.report.report.to_string();
            let when = run.when().said(kept.received_at);
            table.row([id[..DIGITS_SHOWN].to_owned(), tame(&kept.device_name, 64), when, kept.report.summary()]);
        }
        table.to_text("")
    })?;
    if all.is_empty() {
        run.screen.say("No restore is reported yet");
    }
    Ok(Exit::Success)
}

fn listed(kept: &KeptReport) -> ListedDocument {
    ListedDocument {
        report: kept.report.report.to_string(),
        device_name: kept.device_name.clone(),
        received_at: rfc3339(kept.received_at),
        snapshot: kept.report.snapshot.to_string(),
        summary: kept.report.summary(),
        missing: kept.report.missing(),
    }
}

/// Keeps the report of a restore on this PC; `about` is its id and the time, so that a second one takes the place of the first.
pub fn keep(run: &Run, state: &State, local: &LocalReport) -> bool {
    let kept = state.save_report(local);
    if let Err(error) = &kept {
        run.screen.warn(&format!("the report of this restore could not be kept: {error}"));
    }
    kept.is_ok()
}

/// After a restore: tries to bring the report to the server. The restore has succeeded whatever comes of that.
pub fn after_restore(run: &Run, connection: &Connection, state: &State, local: &LocalReport) {
    if !keep(run, state, local) {
        return;
    }
    if send_unsent(state, &connection.server(run)).is_err() {
        run.screen.say("note: the server does not have the report of this restore yet; the next run sends it");
    }
    let missing = local.missing().len();
    if missing > 0 {
        run.screen.hint("`rehome report` says what did not come back, and why");
    }
}

/// Keeps the report of a restore from a bundle; a PC that is connected sends it with its next run.
pub fn after_import(run: &Run, state: &State, planned: &Planned, (outcome, queue): (&Outcome, Option<&Queue>)) {
    let local = report(&about(run, planned), &planned.preview.plan, outcome, queue);
    // Without a connection there is nobody to send it to, and the page has just said all of it.
    if state.enrolment().is_ok() && state.save_report(&local).is_ok() && !local.missing().is_empty() {
        run.screen.hint("`rehome report` says what did not come back, and why");
    }
}

/// Which restore a report is about: a new id, and now.
pub fn about(run: &Run, planned: &Planned) -> About<'static> {
    let mut id = [0; ReportId::LEN];
    run.random.fill(&mut id);
    About {
        report: ReportId(id),
        made_at: run.clock.now(),
        profile: planned.found.snapshot.profile,
        snapshot: planned.found.snapshot.snapshot,
        agent: env!("CARGO_PKG_VERSION"),
    }
}
