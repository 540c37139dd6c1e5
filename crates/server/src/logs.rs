//! Logs: JSON lines, or plain ones on a terminal. Never values, tokens or names of settings.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// What is logged if `RUST_LOG` does not say otherwise.
const DEFAULT: &str = "info";

/// Starts logging to standard error, as it is asked for, or as fits who reads it.
pub fn start(format: Option<LogFormat>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log that takes no more lines (its disk is full) is no reason to end: telling so on that same log would panic.
    let builder = builder.log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let text = format.map_or_else(|| std::io::stderr().is_terminal(), |format| format == LogFormat::Text);
    let started = if text {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    drop(started);
}
