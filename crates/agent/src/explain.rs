//! `rehome explain`: what a reason or an exit code means.

use clap::Args;
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::near::nearest;
use crate::render::put;
use crate::run::Run;

/// Explain a reason code or an exit code
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A reason such as `tls_failed` or `402`, or an exit code such as `6`; all of them without it
    code: Option<String>,
}

#[derive(Serialize)]
struct ReasonDocument {
    code: &'static str,
    number: u16,
    title: &'static str,
    next: &'static str,
    exit: u8,
}

#[derive(Serialize)]
struct ExitDocument {
    exit: u8,
    title: &'static str,
    reasons: Vec<&'static str>,
}

/// Prints what the code means.
pub fn run(args: &ExplainArgs, run: &Run) -> Result<Exit, Failure> {
    let screen = &run.screen;
    let Some(code) = args.code.as_deref() else {
        let all: Vec<ReasonDocument> = Reason::ALL.iter().map(|reason| document(*reason)).collect();
        screen.data(&all, all_text)?;
        return Ok(Exit::Success);
    };
    let number: Option<u16> = code.parse().ok();
    let reason = Reason::from_code(code).or_else(|| Reason::from_number(number?));
    let exit = Exit::ALL.into_iter().find(|exit| number == Some(u16::from(exit.code())));
    match (reason, exit) {
        (Some(reason), _) => screen.data(&document(reason), || reason_text(reason))?,
        (None, Some(exit)) => screen.data(&exit_document(exit), || exit_text(exit))?,
        (None, None) => return Err(unknown(code)),
    }
    Ok(Exit::Success)
}

fn document(reason: Reason) -> ReasonDocument {
    let (code, number, title, next) = (reason.code(), reason.number(), reason.title(), reason.next());
    ReasonDocument { code, number, title, next, exit: Exit::of(reason).code() }
}

fn exit_document(exit: Exit) -> ExitDocument {
    ExitDocument { exit: exit.code(), title: exit.title(), reasons: reasons_of(exit) }
}

fn reasons_of(exit: Exit) -> Vec<&'static str> {
    Reason::ALL.iter().filter(|reason| Exit::of(**reason) == exit).map(|reason| reason.code()).collect()
}

fn reason_text(reason: Reason) -> String {
    let exit = Exit::of(reason);
    format!(
        "{} ({}): {}\nWhat to do: {}\nExit code {}: {}\n",
        reason.code(),
        reason.number(),
        reason.title(),
        reason.next(),
        exit.code(),
        exit.title()
    )
}

fn exit_text(exit: Exit) -> String {
    let reasons = reasons_of(exit);
    let mut text = format!("Exit code {}: {}\n", exit.code(), exit.title());
    if exit != Exit::Success && !reasons.is_empty() {
        put(&mut text, format_args!("Reasons: {}\n", reasons.join(", ")));
    }
    text
}

fn all_text() -> String {
    let mut table = crate::render::table::Table::default();
    for reason in Reason::ALL {
        table.row([reason.number().to_string(), reason.code().to_owned(), reason.title().to_owned()]);
    }
    let mut exits = crate::render::table::Table::default();
    for exit in Exit::ALL {
        exits.row([exit.code().to_string(), exit.title().to_owned()]);
    }
    format!("Reasons\n{}\nExit codes\n{}", table.to_text("  "), exits.to_text("  "))
}

fn unknown(code: &str) -> Failure {
    let failure = Failure::new(Reason::Usage, format!("`{code}` is neither a reason nor an exit code"));
    match nearest(code, Reason::ALL.iter().map(|reason| reason.code())) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`rehome explain` lists them all"),
    }
}
