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
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<File> {
    // Elsewhere the same numbers mean something else, and a file that is open is no obstacle.
    let passes = |error: &io::Error| cfg!(windows) && is_in_use(error);
    let once = |file: NamedTempFile| file.persist(path).map_err(|failed| (failed.file, failed.error));
    persevere(file, once, passes, || std::thread::sleep(PAUSE))
}

/// Tries `once` until it works, as long as what stands in the way `passes`, with a pause after each try that failed. `once` gives back what it was given if
/// it fails.
fn persevere<F, T>(
    mut file: F,
    mut once: impl FnMut(F) -> Result<T, (F, io::Error)>,
    passes: impl Fn(&io::Error) -> bool,
    mut pause: impl FnMut(),
) -> io::Result<T> {
    for tries in 1.. {
        match once(file) {
            Ok(done) => return Ok(done),
            Err((back, error)) if tries < TRIES && passes(&error) => file = back,
            Err((_, error)) => return Err(error),
        }
        pause();
    }
    unreachable!("it is tried {TRIES} times")
}

fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARING_VIOLATION: i32 = 32;
    const DISK_FULL: i32 = 112;

    /// Plays Windows: fails so often with that code. What comes of it, how often it was tried, and how often it paused.
    fn tried(fails: u32, code: i32) -> (io::Result<&'static str>, u32, u32) {
        let (mut tries, mut pauses) = (0, 0);
        let once = |file| {
            tries += 1;
            if tries <= fails { Err((file, io::Error::from_raw_os_error(code))) } else { Ok(file) }
        };
        let done = persevere("the file", once, is_in_use, || pauses += 1);
        (done, tries, pauses)
    }

    #[test]
    fn a_file_that_somebody_holds_for_a_moment_is_replaced_once_they_let_go() {
        for code in IN_USE {
            let (done, tries, pauses) = tried(3, code);
            assert_eq!((done.unwrap(), tries, pauses), ("the file", 4, 3), "{code}");
        }
        let (done, tries, pauses) = tried(0, SHARING_VIOLATION);
        assert_eq!((done.unwrap(), tries, pauses), ("the file", 1, 0), "nobody waits for what works");
    }

    #[test]
    fn a_file_that_is_held_for_long_is_an_error_after_half_a_second() {
        let (done, tries, pauses) = tried(u32::MAX, SHARING_VIOLATION);
        assert_eq!((done.unwrap_err().raw_os_error(), tries), (Some(SHARING_VIOLATION), TRIES));
        assert!(PAUSE * pauses <= Duration::from_millis(500));
    }

    #[test]
    fn what_does_not_pass_is_not_tried_again() {
        let (done, tries, pauses) = tried(1, DISK_FULL);
        assert_eq!((done.unwrap_err().raw_os_error(), tries, pauses), (Some(DISK_FULL), 1, 0));
    }
}
