//! The two streams: data on stdout, talk on stderr.
//!
//! A verb hands over values and text; whether that becomes JSON, colour or silence is decided here, once. A reader that goes away (`head`)
//! ends the run quietly.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::cli::Global;
use crate::failure::Failure;
use crate::paint::Paint;
use crate::render::put;

/// Where output goes.
pub struct Screen {
    out: RefCell<Box<dyn Write>>,
    err: RefCell<Box<dyn Write>>,
    /// Colours of stdout.
    pub paint: Paint,
    /// Colours of stderr.
    pub talk: Paint,
    json: bool,
    quiet: bool,
    verbose: u8,
}

impl Screen {
    /// The program's own streams, as the flags and the environment want them.
    pub fn new(global: &Global) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        let paint = |is_terminal| Paint::detect(!global.no_color, is_terminal, env);
        let (paint, talk) = (paint(io::stdout().is_terminal()), paint(io::stderr().is_terminal()));
        let choice =
            |paint| if paint == Paint::Plain { anstream::ColorChoice::Never } else { anstream::ColorChoice::Always };
        Self {
            out: RefCell::new(Box::new(io::BufWriter::new(anstream::AutoStream::new(io::stdout(), choice(paint))))),
            err: RefCell::new(Box::new(anstream::AutoStream::new(io::stderr(), choice(talk)))),
            paint,
            talk,
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    /// Whether `--json` was given, so that data is a document.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether everything is to be named that is otherwise counted.
    pub fn wants_all(&self) -> bool {
        self.verbose > 0
    }

    /// Data for people: `text` as it is, or with `--json` the document.
    pub fn data(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.document(document) } else { self.text(&text()) }
    }

    /// What became of a run that has no data for people: with `--json` the document, else talk.
    pub fn done(&self, document: &impl Serialize, talk: &str) -> Result<(), Failure> {
        self.say(talk);
        if self.json { self.document(document) } else { Ok(()) }
    }

    /// Data as JSON, whatever was asked for.
    pub fn document(&self, document: &impl Serialize) -> Result<(), Failure> {
        self.text(&json(document))
    }

    /// Data as text.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        write(&mut *self.out.borrow_mut(), text.as_bytes())
    }

    /// What a person is told about the run; nothing with `-q` or `--json`.
    pub fn say(&self, text: &str) {
        if self.speaks() {
            self.to_err(text);
        }
    }

    /// Whether what is said to a person comes out: not with `--quiet`, and not with `--json`.
    pub fn speaks(&self) -> bool {
        !self.quiet && !self.json
    }

    /// What only matters when looking closer (`-v`).
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.to_err(text);
        }
    }

    /// Something to act on, said even with `-q`.
    pub fn warn(&self, text: &str) {
        self.to_err(&format!("{} {text}", self.talk.warning("warning:")));
    }

    /// Advice after a result.
    pub fn hint(&self, text: &str) {
        if self.speaks() {
            self.to_err(&format!("\n{} {text}", self.talk.hint("hint:")));
        }
    }

    /// Asks a person at the keyboard for a yes. Nobody is asked where nobody can answer, or where talk is not wanted; that means no.
    pub fn ask(&self, question: &str) -> bool {
        let can_answer = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !self.speaks() || !can_answer {
            return false;
        }
        let mut answer = String::new();
        let asked = write!(self.err.borrow_mut(), "{question} [y/N] ").and_then(|()| self.err.borrow_mut().flush());
        asked.and_then(|()| io::stdin().read_line(&mut answer)).is_ok() && is_yes(&answer)
    }

    /// Tells why the run ended: on stderr for people, on stdout as JSON for scripts.
    pub fn fail(&self, failure: &Failure) {
        if let (true, Some(document)) = (self.json, failure.to_json()) {
            // There is nowhere left to tell if stdout does not take it.
            let _ = self.document(&document);
        } else if let Some((message, causes, hint)) = failure.to_text() {
            let mut text = format!("{} {message}", self.talk.error("error:"));
            for cause in causes {
                put(&mut text, format_args!("\n  because: {cause}"));
            }
            self.to_err(&format!("{text}\n\n{} {hint}", self.talk.hint("hint:")));
        }
    }

    fn to_err(&self, text: &str) {
        // Talk that nobody can hear is no reason to stop.
        let _ = writeln!(self.err.borrow_mut(), "{text}");
    }
}

/// Tells why there is no run at all, as `--json` wants it: the flags of the screen could not be read.
pub fn fail_before(failure: &Failure) {
    if let Some(document) = failure.to_json() {
        // There is nowhere left to tell if stdout does not take it.
        let _ = data_bytes(json(&document).as_bytes());
    }
}

fn json(document: &impl Serialize) -> String {
    let mut json = serde_json::to_string_pretty(document).expect("our own values can be written as JSON");
    json.push('\n');
    json
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Failure> {
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ReaderGone,
        io::ErrorKind::StorageFull => Failure::of(&error, model::reason::Reason::DiskFull),
        _ => Failure::of(&error, model::reason::Reason::ReadOnlyTarget),
    })
}

/// Whether an answer agrees: anything but a clear yes does not.
fn is_yes(answer: &str) -> bool {
    let answer = answer.trim();
    ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
}

/// Data as bytes, past all handling of colours.
pub fn data_bytes(bytes: &[u8]) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), bytes)
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_clear_yes_agrees() {
        assert!(["y\n", "Y\r\n", " yes ", "YES"].into_iter().all(is_yes));
        assert!(["", "\n", "n\n", "no", "yep", "ja", "y y"].into_iter().all(|answer| !is_yes(answer)));
    }
}
