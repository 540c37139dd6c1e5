//! Programs that are run without showing anything.

use std::os::windows::process::CommandExt as _;
use std::process::Command;

use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;

/// Sets a program up so that it opens no console of its own: a scheduled run must not flash one on the person's screen.
pub fn without_window(command: &mut Command) {
    command.creation_flags(CREATE_NO_WINDOW);
}
