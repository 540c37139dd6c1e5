//! A file of a snapshot as it comes from a server or a bundle, and what may be made of it.
//!
//! It is opened a chunk at a time ([`Opener`]), and no more of it is kept open than whoever asks needs: to know that it opens, nothing; to write
//! a word list, the list; of a picture only the new one, as the old goes straight into the process that decodes it.

use std::io::{self, Read};

use model::catalog::FileRole;
use model::reason::Reason;
use model::value::FileRef;
use seal::blob::{BlobError, Opener};
use seal::{KeyRing, Owner};

use crate::picture::Washer;

/// A sealed file, whose it is, and the keys.
pub(crate) struct Sealed<'a, R> {
    /// Gives the sealed bytes.
    pub bytes: R,
    /// What they hold.
    pub file: FileRef,
    /// Whose they are.
    pub owner: &'a Owner,
    /// The keys that may open them.
    pub ring: &'a KeyRing,
}

impl<R: Read> Sealed<'_, R> {
    /// Opens it to its end, keeping nothing; fails with why it does not open.
    pub(crate) fn check(self) -> Result<(), Reason> {
        let copied = self.opener().and_then(|mut opener| io::copy(&mut opener, &mut io::sink()));
        copied.map(drop).map_err(|error| reason(&error))
    }

    /// What may be written: of a picture the one that was encoded anew; a word list as it is, as whoever writes it reads it. The sealed bytes are gone
    /// before the new ones are held.
    pub(crate) fn into_written(self, role: FileRole, washer: &dyn Washer) -> Result<Vec<u8>, Reason> {
        let file = self.file;
        let mut opener = self.opener().map_err(|error| reason(&error))?;
        if role.is_picture() {
            return washer.wash(Box::new(opener), &file);
        }
        // The opener has looked that it is not too long.
        let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or_default());
        opener.read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        Ok(bytes)
    }

    fn opener(self) -> io::Result<Opener<R>> {
        Opener::new(self.bytes, self.file, self.owner, self.ring)
    }
}

/// Why a file could not be opened, or not read further.
pub(crate) fn reason(error: &io::Error) -> Reason {
    BlobError::of(error).map_or(Reason::IntegrityFailed, BlobError::reason)
}
