//! The event log: a line for each thing that a run did, under the source `Rehome`.
//!
//! The installer registers the source in the log `Rehome` with `EventCreate.exe` of Windows as its message file, which has a message `%1` for
//! each id from 1 to 1000. Without the installer Windows puts the lines into the log `Application`, readable all the same.

use std::ptr;

use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW,
    ReportEventW,
};

use crate::text::wide;

/// The source's name.
const SOURCE: &str = "Rehome";

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It did not work.
    Error,
    /// It worked partly, or was refused.
    Warning,
    /// It worked.
    Information,
}

/// Writes a line. That it cannot be written is no reason to fail, so nothing is said then.
pub fn write(id: u32, kind: Kind, text: &str) {
    let (source, text) = (wide(SOURCE), wide(text));
    let kind = match kind {
        Kind::Error => EVENTLOG_ERROR_TYPE,
        Kind::Warning => EVENTLOG_WARNING_TYPE,
        Kind::Information => EVENTLOG_INFORMATION_TYPE,
    };
    // SAFETY: null means this PC, and the name ends in a zero.
    let log = unsafe { RegisterEventSourceW(ptr::null(), source.as_ptr()) };
    if log.is_null() {
        return;
    }
    let strings = [text.as_ptr()];
    // SAFETY: the log is open, there is one text, which ends in a zero and outlives the call, and no data.
    unsafe { ReportEventW(log, kind, 0, id, ptr::null_mut(), 1, 0, strings.as_ptr(), ptr::null()) };
    // SAFETY: the log was opened above and is closed once.
    unsafe { DeregisterEventSource(log) };
}
