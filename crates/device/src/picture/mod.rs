//! Pictures that came with a backup: decoded, and encoded anew, before anything of them reaches a disk or Windows (rule R6 of the threat model).
//!
//! Windows' own readers of pictures run in programs with the person's rights, so they are given none of a stranger's bytes: only pixels that our reader
//! has understood, written down by our writer. Metadata goes with the old encoding. The reader is memory-safe, and runs in a process of its own
//! that may do nothing else ([`Washer`]; the program starts itself for that, `rehome clean-picture`).
//!
//! The new file bears one note: which picture it was made from. So a second restore finds that the picture is there already, though its
//! bytes are others.

mod note;
mod wash;

use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use model::ids::BlobId;
use model::reason::Reason;
use model::value::FileRef;

use crate::sealed::reason;

pub use note::{HEAD_BYTES, noted};
pub use wash::wash;

/// The most pixels of a picture, in all (rule R6): 8K has 33 million.
pub const PIXELS_MAX: u64 = 64 << 20;

/// How a washing process says why it has nothing to give: its exit codes.
const NOT_A_PICTURE: i32 = 20;
const TOO_LARGE: i32 = 21;

/// The largest washed picture that is taken from the process, in bytes: pixels as they are, and some more.
const WASHED_BYTES_MAX: u64 = 4 * PIXELS_MAX + (1 << 20);

/// The first word of the command line that asks for it.
pub const VERB: &str = "clean-picture";

/// How much of a picture is passed on at once, in bytes: a chunk of a sealed file.
const PIECE_BYTES: usize = 64 << 10;

/// Encodes a picture anew, somewhere where its bytes can do no harm.
pub trait Washer {
    /// The picture anew, with the note that it was made from `file`. The old one is let go of once it was read. What goes wrong while it is read is told by [`BlobError`]'s reasons.
    ///
    /// [`BlobError`]: seal::blob::BlobError
    fn wash(&self, picture: Box<dyn Read + '_>, file: &FileRef) -> Result<Vec<u8>, Reason>;
}

/// In this very process. For tests; and what [`Process`] runs at its other end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

impl Washer for Here {
    fn wash(&self, picture: Box<dyn Read + '_>, file: &FileRef) -> Result<Vec<u8>, Reason> {
        let (mut picture, mut bytes) = (picture, Vec::new());
        picture.read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        wash(&bytes, file)
    }
}

/// In a process of its own.
#[derive(Clone, Debug)]
pub struct Process {
    /// This program.
    pub program: PathBuf,
    /// Sets it up so that it opens no window.
    pub quietly: fn(&mut Command),
}

impl Washer for Process {
    fn wash(&self, picture: Box<dyn Read + '_>, file: &FileRef) -> Result<Vec<u8>, Reason> {
        let failed = |_| Reason::Internal;
        let mut command = Command::new(&self.program);
        command.args([VERB, &file.blob.to_string(), &file.size.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        (self.quietly)(&mut command);
        let mut child = command.spawn().map_err(failed)?;
        // It reads all before it writes, so neither waits for the other. One that ends before has its reason in its exit code.
        if let Err(reason) = pass(picture, child.stdin.take().expect("stdin is piped")) {
            // What it has read is not the picture; nothing of what it makes of that is looked at.
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            return Err(reason);
        }
        let mut washed = Vec::with_capacity(wash::room(file.size));
        let read = child.stdout.take().expect("stdout is piped").take(WASHED_BYTES_MAX).read_to_end(&mut washed);
        let status = child.wait().map_err(failed)?;
        match status.code() {
            Some(0) if read.is_ok() && noted(&washed) == Some(*file) => Ok(washed),
            Some(TOO_LARGE) => Err(Reason::FileTooLarge),
            // Also a reader that was ended because it took too much: what does that is no picture of a person's.
            _ => Err(Reason::NotAPicture),
        }
    }
}

/// Passes all on, unless the other end does not want it any more.
fn pass(mut picture: Box<dyn Read + '_>, mut to: impl Write) -> Result<(), Reason> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match picture.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) if to.write_all(&piece[..read]).is_err() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(reason(&error)),
        }
    }
}

/// The other end of [`Process`]: what the program does that was started so. Gives its exit code.
pub fn serve(blob: BlobId, size: u64, mut from: impl Read, to: impl Write) -> u8 {
    let most = crate::plan::PICTURE_BYTES_MAX;
    // One byte more, so that the end is seen without making room for what does not come.
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(most) + 1).unwrap_or_default());
    if from.by_ref().take(most + 1).read_to_end(&mut bytes).is_err() || bytes.len() as u64 > most {
        return code(TOO_LARGE);
    }
    // Straight to the other end: of what comes with an error nothing is looked at.
    let mut to = BufWriter::with_capacity(PIECE_BYTES, to);
    match wash::wash_to(&bytes, &FileRef { blob, size }, &mut to) {
        Ok(()) if to.flush().is_ok() => 0,
        Err(Reason::FileTooLarge) => code(TOO_LARGE),
        _ => code(NOT_A_PICTURE),
    }
}

fn code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
