//! Puts a finished file in the place of another one.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

/// How often it is tried on Windows, and the pause in between: half a second in all.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// `ERROR_ACCESS_DENIED` and `ERROR_SHARING_VIOLATION` (Microsoft, "System Error Codes"): what `MoveFileExW` says while another program has one of the two files open.
const IN_USE: [i32; 2] = [5, 32];

/// Gives `file` the name `path`, in place of what has it.
///
/// Windows refuses that for as long as somebody has the old file open, to read it too, and a virus scanner opens what was just written. That passes, so it
/// is tried for half a second before it is an error.
pub fn persist(mut file: NamedTempFile, path: &Path) -> io::Result<File> {
    for tries in 1.. {
        match file.persist(path) {
            Ok(file) => return Ok(file),
            Err(failed) if tries < TRIES && is_in_use(&failed.error) => file = failed.file,
            Err(failed) => return Err(failed.error),
        }
        std::thread::sleep(PAUSE);
    }
    unreachable!("it is tried {TRIES} times")
}

/// Elsewhere the same numbers mean something else, and a file that is open is no obstacle.
fn is_in_use(error: &io::Error) -> bool {
    cfg!(windows) && error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}
