//! How the chores talk: on stderr, in one voice, with colour only where a terminal wants it.
//!
//! Data goes to stdout elsewhere; whoever pipes a chore's result somewhere else still sees what it is doing.

use anstream::eprintln;
use anstyle::{AnsiColor, Style};

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Opens a new part of the work.
pub fn chapter(title: &str) {
    eprintln!("\n{STRONG}{title}{STRONG:#}");
}

/// Says something beside the work.
pub fn note(text: &str) {
    eprintln!("{FAINT}{text}{FAINT:#}");
}

/// Shows the command that a person would type.
pub fn command(line: &str) {
    eprintln!("{FAINT}${FAINT:#} {line}");
}

/// Something went well.
pub fn good(text: &str) {
    eprintln!("{GOOD}ok{GOOD:#} {text}");
}

/// Something could not be done here, loudly.
pub fn skipped(text: &str) {
    eprintln!("{ODD}SKIPPED{ODD:#} {text}");
}

/// Something is wrong.
pub fn bad(text: &str) {
    eprintln!("{BAD}failed{BAD:#} {text}");
}

/// Something is wrong and the chore ends.
pub fn error(error: &anyhow::Error) {
    eprintln!("{BAD}error:{BAD:#} {error:#}");
}
