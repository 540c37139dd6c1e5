//! The scheduled task, registered with Windows' own `schtasks.exe`: one process in the system folder, and no COM in this program for what
//! happens once in a PC's life.
//!
//! Under Wine the program takes the task and keeps neither triggers nor actions; what the task calls is tested by calling it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::windows::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

/// The longest path of Windows' system folder, in UTF-16 units (`MAX_PATH`).
const PATH_UNITS_MAX: u32 = 260;

/// Registers the task, replacing an older one. `xml` is UTF-16LE with a byte order mark. Needs an administrator.
pub fn register(path: &str, xml: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(xml)?;
    // Closed, and still there until the end: schtasks.exe opens it itself.
    let file = file.into_temp_path();
    let file = file.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    run(&["/Create", "/F", "/TN", path, "/XML", file])
}

/// Removes the task. Needs an administrator.
pub fn remove(path: &str) -> io::Result<()> {
    run(&["/Delete", "/F", "/TN", path])
}

/// Whether the task is there, as far as this person may see it. Not under Wine, whose program answers yes to every such question.
pub fn is_registered(path: &str) -> io::Result<bool> {
    Ok(run(&["/Query", "/TN", path]).is_ok())
}

fn run(words: &[&str]) -> io::Result<()> {
    let mut command = Command::new(program()?);
    // Its text is in the language and code page of the PC: the code is what can be relied upon. So nobody listens, and a service that it starts
    // and that keeps the stream open holds nobody up (seen under Wine).
    let status = command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    // The code is 1 for everything, so whether this program runs elevated says whether that was why.
    let kind = match crate::facts::elevated() {
        Some(false) => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::Other,
    };
    Err(io::Error::new(kind, format!("schtasks.exe refused the task and ended with {}", ended(status))))
}

/// A code as Windows shows it: those of failures are known by their hexadecimal digits.
fn ended(status: ExitStatus) -> String {
    match status.code().unwrap_or_default() {
        code @ 0.. => code.to_string(),
        code => format!("{code:#x}"),
    }
}

/// `schtasks.exe` by its full path, so that no other program of that name runs.
fn program() -> io::Result<PathBuf> {
    let mut folder = [0_u16; PATH_UNITS_MAX as usize];
    // SAFETY: the length is that of the buffer.
    let units = unsafe { GetSystemDirectoryW(folder.as_mut_ptr(), PATH_UNITS_MAX) };
    if units == 0 || units > PATH_UNITS_MAX {
        return Err(io::Error::last_os_error());
    }
    Ok(PathBuf::from(OsString::from_wide(&folder[..units as usize])).join("schtasks.exe"))
}
