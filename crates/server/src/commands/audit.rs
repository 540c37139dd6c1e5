//! `rehome-server audit`: whether the record is still what was written, and giving it out. All of it runs beside a running server.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use model::audit::{HEAD_LEN, Head};
use model::ids::{TenantId, from_hex, to_hex};
use model::reason::Reason;
use model::world::Moment;
use serde_json::{Value, json};
use store::{TenantScope, Walked};

use super::admin::{at, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::audit::export::{Format, run as export, sign};
use crate::audit::filter::{Filter, action, moment};
use crate::audit::verify::{self, Report};
use crate::config::Config;

/// Exit code for a record that is not as it was written.
const INTEGRITY: u8 = 8;

/// Exit code for a record of which only a part could be looked at.
const PART: u8 = 3;

/// The largest file of heads or of a key: ten thousand heads and words around them.
const SMALL_FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

#[derive(Subcommand)]
pub(super) enum AuditVerb {
    /// Walk the record of every organisation, or of an exported file, and say what was changed, removed, put in or moved
    Verify(VerifyArgs),
    /// Print the record: as lines of JSON that can be verified anywhere, as a table, or as syslog messages
    Export(ExportArgs),
    /// Print where the record stands, signed; whoever keeps it elsewhere proves every row before it
    Heads(Whose),
    /// Print the public key that signs heads and receipts
    Key,
}

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// An export as lines of JSON, instead of the database
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The public key that signs heads, or a file that holds it, as `audit key` prints it [default: that of the data here]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A file with signed heads that you kept, as `audit heads` prints them
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    heads: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Whose {
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT, conflicts_with = "operator")]
    tenant: String,
    /// The operator's own record: what belongs to no organisation
    #[arg(long)]
    operator: bool,
}

impl Whose {
    fn scope(&self, app: &App) -> Result<TenantScope, Failure> {
        if !self.operator {
            return scope(app, &self.tenant);
        }
        let chain = app.store.server_chain(app.clock.now())?;
        chain.ok_or_else(|| Failure::new(2, Reason::NotFound, "the operator has no record yet"))
    }
}

#[derive(Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    whose: Whose,
    /// In what form
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Form,
    /// Not before, as `2026-11-28` (midnight UTC) or `2026-11-28T08:30:00Z`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
    /// Before
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// Only this action, such as `snapshot.read`; `case` is all that begin with `case.`; repeatable
    #[arg(long = "action", value_name = "ACTION", value_parser = action)]
    actions: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Lines of JSON; without --since, --until and --action the file can be verified by itself
    Ndjson,
    /// A table (RFC 4180), safe to open in a spreadsheet
    Csv,
    /// Messages (RFC 5424), one a line
    Syslog,
}

pub(super) fn run(config: &Config, verb: AuditVerb) -> Result<ExitCode, Failure> {
    match verb {
        AuditVerb::Verify(args) => verify(config, &args),
        AuditVerb::Export(args) => give_out(&super::check::open(config)?, args),
        AuditVerb::Heads(whose) => heads(&super::check::open(config)?, &whose),
        AuditVerb::Key => print(&[to_hex(&super::check::open(config)?.keyring.receipt_key())]),
    }
}

fn verify(config: &Config, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let given = args.key.as_deref().map(public_key).transpose()?;
    if let Some(path) = &args.file {
        let key = match given {
            Some(key) => key,
            None => super::check::open(config).map_err(|failure| key_wanted(&failure))?.keyring.receipt_key(),
        };
        let file = File::open(path).map_err(|error| Failure::io(&error, format!("{}: {error}", path.display())))?;
        let report = verify::file(BufReader::new(file), &|head| seal::receipt::verify_head(head, &key).is_ok());
        let report = report.map_err(|error| Failure::io(&error, format!("{}: {error}", path.display())))?;
        return told(args.json, &report, |_| None);
    }
    let carried = args.heads.as_deref().map(kept_heads).transpose()?.unwrap_or_default();
    let app = super::check::open(config)?;
    let key = given.unwrap_or_else(|| app.keyring.receipt_key());
    let walked = app.store.verify_audit(&carried, &|head| seal::receipt::verify_head(head, &key).is_ok())?;
    let names = app.store.listed_tenants()?;
    let name = |id: TenantId| {
        let known = names.iter().find(|tenant| tenant.id == id).map(|tenant| tenant.name.clone());
        known.or_else(|| (id.0 == [0; 16]).then(|| "the operator".to_owned()))
    };
    let chains = walked.into_iter().map(|walked| (walked, false)).collect();
    told(args.json, &Report { chains, ..Report::default() }, name)
}

fn key_wanted(failure: &Failure) -> Failure {
    let text = format!("no key to check the signatures with: {}", failure.text);
    Failure::new(2, Reason::Usage, text).hint("name it with `--key`; `audit key` prints it where the server's data is")
}

/// What was found, on standard output, and what it means, on standard error.
fn told(json: bool, report: &Report, name: impl Fn(TenantId) -> Option<String>) -> Result<ExitCode, Failure> {
    let part = report.chains.iter().any(|(_, selection)| *selection);
    let whole = report.is_whole();
    let code = match (whole, part) {
        (false, _) => INTEGRITY,
        (true, true) => PART,
        (true, false) => 0,
    };
    if json {
        print(&[document(report, (whole, part), &name).to_string()])?;
        return Ok(ExitCode::from(code));
    }
    let mut lines = Vec::new();
    for (walked, selection) in &report.chains {
        lines.extend(walked.findings.iter().map(ToString::to_string));
        if walked.more > 0 {
            lines.push(format!("audit of tenant {}: {} more findings", walked.tenant, walked.more));
        }
        say(&chain_line(walked, *selection, name(walked.tenant)));
    }
    lines.extend(report.lines.iter().map(|found| format!("line {} {}", found.line, found.what)));
    if report.more > 0 {
        lines.push(format!("{} more lines", report.more));
    }
    print(&lines)?;
    say(match (whole, part) {
        (false, _) => "the record is not as it was written",
        (true, true) => "every row is as it was written; this is a selection, so nothing says whether rows are missing",
        (true, false) => "the record is as it was written",
    });
    Ok(ExitCode::from(code))
}

fn chain_line(walked: &Walked, selection: bool, name: Option<String>) -> String {
    let whose = name.unwrap_or_else(|| walked.tenant.to_string());
    let what = if selection { "a selection of " } else { "" };
    let signed = match walked.signed {
        Some((n, when)) => format!("signed up to row {n} on {}", at(when)),
        None => "not signed yet".to_owned(),
    };
    format!("{whose}: {what}{} rows, {signed}", walked.rows)
}

fn document(report: &Report, (whole, part): (bool, bool), name: &dyn Fn(TenantId) -> Option<String>) -> Value {
    let chain = |(walked, selection): &(Walked, bool)| {
        let findings = walked
            .findings
            .iter()
            .map(|found| json!({"row": found.n, "wrong": found.wrong.word(), "text": found.to_string()}));
        json!({
            "tenant": walked.tenant,
            "name": name(walked.tenant),
            "rows": walked.rows,
            "selection": selection,
            "signed_to": walked.signed.map(|(n, _)| n),
            "signed_at": walked.signed.map(|(_, when)| at(when)),
            "findings": findings.collect::<Vec<_>>(),
            "more_findings": walked.more,
        })
    };
    let line = |found: &verify::LineFinding| json!({"line": found.line, "text": found.what});
    json!({
        "whole": whole && !part,
        "chains": report.chains.iter().map(chain).collect::<Vec<_>>(),
        "lines": report.lines.iter().map(line).collect::<Vec<_>>(),
        "more_lines": report.more,
    })
}

fn give_out(app: &App, args: ExportArgs) -> Result<ExitCode, Failure> {
    let format = match args.format {
        Form::Ndjson => Format::Ndjson,
        Form::Csv => Format::Csv,
        Form::Syslog => Format::Syslog,
    };
    let filter = Filter { since: args.since, until: args.until, actions: args.actions, ..Filter::default() };
    let tenant = args.whose.scope(app)?;
    // The very bytes: nothing between us and the file may change a line.
    let mut stdout = std::io::stdout().lock();
    let mut failed = None;
    let mut out = |text: String| match stdout.write_all(text.as_bytes()) {
        Ok(()) => true,
        Err(error) => {
            // A reader that has gone away is no failure.
            failed = Some(error).filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
            false
        }
    };
    export(app, &tenant, (format, &filter), &mut out)?;
    let flushed = stdout.flush().err().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
    match failed.or(flushed) {
        Some(error) => Err(Failure::io(&error, format!("standard output: {error}"))),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn heads(app: &App, whose: &Whose) -> Result<ExitCode, Failure> {
    let tenant = whose.scope(app)?;
    let newest = app.store.audit_head(&tenant)?;
    let mut heads = app.store.heads(&tenant)?;
    heads.push(sign(app, &tenant, newest).to_vec());
    let line = |head: &Vec<u8>| {
        let (says, _) = Head::from_bytes(head)?;
        Some(format!("{}\trow {}\t{}\t{}", says.tenant, says.n, at(says.at), to_hex(head)))
    };
    print(&heads.iter().filter_map(line).collect::<Vec<_>>())
}

/// A key as digits, or a file that holds them.
fn public_key(given: &str) -> Result<[u8; 32], Failure> {
    if let Some(key) = from_hex(given) {
        return Ok(key);
    }
    let text = small_file(Path::new(given))?;
    from_hex(text.trim()).ok_or_else(|| {
        let text = format!("`{given}` holds no public key");
        Failure::new(2, Reason::Usage, text)
            .hint("give 64 hexadecimal digits, as `audit key` prints them, or a file with them")
    })
}

/// All heads in a file, whatever stands around them: what `audit heads` prints, the API's answer, lines of an export.
fn kept_heads(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = small_file(path)?;
    let digits = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == HEAD_LEN * 2);
    let heads: Vec<Vec<u8>> = digits.filter_map(from_hex::<HEAD_LEN>).map(|head| head.to_vec()).collect();
    if heads.is_empty() {
        let text = format!("`{}` holds no signed head", path.display());
        return Err(Failure::new(2, Reason::Usage, text).hint("name a file that `audit heads` has printed"));
    }
    Ok(heads)
}

fn small_file(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::io(&error, format!("{}: {error}", path.display()));
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(SMALL_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
