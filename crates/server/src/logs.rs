//! Logs: JSON lines, or plain ones on a terminal. Never values, tokens or names of settings.
//!
//! Nobody waits for the log: a line that whoever reads it has no room for is lost, and counted (`logs::lines`).

mod lines;

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use lines::Lines;

/// What is logged if `RUST_LOG` does not say otherwise.
const DEFAULT: &str = "info";

/// The way to the log of this process.
static LINES: OnceLock<Lines> = OnceLock::new();

/// What is still on its way when this is dropped gets a moment to be written.
#[must_use = "dropped at once it ends the wait for the last lines"]
pub struct Started(());

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(lines) = LINES.get() {
            lines.wait_for_the_last();
        }
    }
}

/// Starts logging to standard error, as it is asked for, or as fits who reads it.
pub fn start(format: Option<LogFormat>) -> Started {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = LINES.get_or_init(|| {
        Lines::start(out(), |lost| tracing::warn!(lost, "lines of this log were lost: nobody took them in time"))
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| lines.clone());
    // A log that takes no more lines (its disk is full) is no reason to end: telling so on that same log would panic.
    let builder = builder.log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let text = format.map_or_else(|| std::io::stderr().is_terminal(), |format| format == LogFormat::Text);
    let started = if text {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    if started.is_ok() {
        // The standard one would write by itself, and wait where a line may not.
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a defect in this program")));
    }
    Started(())
}

/// How many lines were lost.
pub fn lost() -> u64 {
    LINES.get().map_or(0, Lines::lost)
}

/// Standard error without its lock: whoever waits in it must keep nobody else from it.
fn out() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned() {
        return Box::new(std::fs::File::from(own));
    }
    Box::new(std::io::stderr())
}
