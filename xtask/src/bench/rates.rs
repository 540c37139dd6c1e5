//! Durable backups a second.

use super::Args;
use super::report::Report;

/// Stand-in until the API is there.
pub fn measure(_args: &Args, report: &mut Report) -> anyhow::Result<()> {
    report.open(11, "not measured yet");
    report.open(13, "not measured yet");
    Ok(())
}
