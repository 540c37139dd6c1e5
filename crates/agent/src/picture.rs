//! `rehome clean-picture`: the process in which pictures of a backup are decoded; nobody types it. See `device::picture`.
//!
//! It gives up what it could do harm with before it reads a byte: on Unix by limits that let it open nothing, start nothing and write no file; on
//! Windows by a job, without privileges, at low integrity (`win32::confine`).

use std::ffi::OsString;
use std::io;
use std::process::Command;

use device::picture::{self, Process};
use model::ids::BlobId;
use model::reason::Reason;

use crate::failure::Failure;

/// What [`Process`] asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// The picture's id in its backup.
    blob: BlobId,
    /// Its size there.
    size: u64,
}

/// What the words on the command line ask for, if it is this. Read by hand, as it is no verb: that costs every picture a millisecond less, and
/// nobody finds it in a list of verbs.
pub fn asked(words: impl Iterator<Item = OsString>) -> Option<Asked> {
    let words: Vec<String> = words.skip(1).take(4).map(|word| word.into_string().unwrap_or_default()).collect();
    match &words[..] {
        [verb, blob, size] if verb == picture::VERB => {
            Some(Asked { blob: blob.parse().ok()?, size: size.parse().ok()? })
        }
        _ => None,
    }
}

/// What washes pictures: this program, started once more for each.
pub fn washer() -> Result<Process, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of(&error, Reason::Internal))?;
    Ok(Process { program, quietly: quietly() })
}

/// Reads a picture from stdin, and writes it anew to stdout.
pub fn run(args: &Asked) -> u8 {
    confine();
    picture::serve(args.blob, args.size, io::stdin().lock(), io::stdout().lock())
}

#[cfg(windows)]
fn quietly() -> fn(&mut Command) {
    win32::without_window
}

#[cfg(not(windows))]
fn quietly() -> fn(&mut Command) {
    |_| ()
}

#[cfg(windows)]
fn confine() {
    win32::confine();
}

/// Limits that hold for the rest of this process. One that the system refuses leaves the others.
#[cfg(unix)]
fn confine() {
    use nix::sys::resource::{Resource, setrlimit};

    /// Memory: the pixels of the largest picture in four bytes each, twice, and what decoding takes besides.
    const MEMORY_BYTES: u64 = 1536 << 20;
    /// Processor time: the largest picture takes a few seconds.
    const SECONDS: u64 = 60;

    let limits = [
        (Resource::RLIMIT_AS, MEMORY_BYTES),
        (Resource::RLIMIT_CPU, SECONDS),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 0),
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        (Resource::RLIMIT_NPROC, 0),
    ];
    for (resource, limit) in limits {
        let _ = setrlimit(resource, limit, limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_request_is_one() {
        let ask = |line: &str| asked(line.split(' ').map(OsString::from));
        let id = "ab".repeat(32);
        assert_eq!(ask(&format!("rehome clean-picture {id} 7")), Some(Asked { blob: BlobId([0xab; 32]), size: 7 }));
        for other in ["rehome", "rehome backup", "rehome clean-picture", "clean-picture"] {
            assert_eq!(ask(other), None, "{other}");
        }
        for wrong in [
            format!("rehome clean-picture {id} x"),
            format!("rehome clean-picture {id} 7 8"),
            "rehome clean-picture z 7".to_owned(),
        ] {
            assert_eq!(ask(&wrong), None, "{wrong}");
        }
    }
}
