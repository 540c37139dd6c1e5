//! Ctrl-C and the system's request to end: the run stops at once, says what that means, and ends with 130 or 143.
//!
//! Stopping anywhere is safe, because nothing depends on tidying up: files are replaced whole, a backup exists when the server has signed for it,
//! and a restore wrote its journal first, so that the next one finishes or takes back what was begun. So this only has to say so. On Windows
//! the system ends the program itself.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether settings are being written.
static APPLYING: AtomicBool = AtomicBool::new(false);

/// Says, while it lives, that settings are being written.
pub struct Applying;

impl Applying {
    /// Settings are being written from now on.
    pub fn begin() -> Self {
        APPLYING.store(true, Ordering::SeqCst);
        Self
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        APPLYING.store(false, Ordering::SeqCst);
    }
}

/// What a person is told when a run was stopped.
#[cfg_attr(not(unix), expect(dead_code, reason = "Windows ends the program itself"))]
fn words(applying: bool) -> &'static str {
    if applying {
        "stopped in the middle of a restore\n\nhint: run the same command again; it first finishes or takes back what was begun"
    } else {
        "stopped; nothing on this PC was changed"
    }
}

/// Listens from now on. Without signals to listen to, the system's own way of ending a program remains.
#[cfg(unix)]
pub fn listen() {
    use std::io::Write;

    use signal_hook::consts::{SIGINT, SIGTERM};

    use crate::exit::Exit;

    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // A screen that is gone is no reason to go on.
            let _ = writeln!(std::io::stderr(), "\n{}", words(APPLYING.load(Ordering::SeqCst)));
            let exit = if signal == SIGINT { Exit::Interrupted } else { Exit::Terminated };
            std::process::exit(i32::from(exit.code()));
        }
    });
}

/// Listens from now on: there is nothing to listen to.
#[cfg(not(unix))]
pub fn listen() {}
