//! Room on the database's disk that is kept for readers (decision 107).
//!
//! Who opens a backup is written down before it is given out, and so is who signs in and which PC is connected for that. On a full disk nothing of it could be written,
//! and nobody got back what is there. So a file beside the database holds [`RESERVE_BYTES`] with nothing in them. When a write of that class finds no room, a step of the file goes
//! back to the disk and the write is tried again. As long as a step is missing, everything else is refused without being tried, so that the room goes to none but
//! readers; and whoever writes next looks first whether the file can be made whole again.
//!
//! A file that is shorter than it should be says so to every process and after every restart. One that was never made, because the disk had no room for it, keeps nobody from
//! writing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::StoreError;

/// What is kept: 16 MiB. A restore on a new PC takes about 1 kB of the disk (sign-in, PC, keys, rows of the audit; forty of them, measured) once the log has been copied, so this is
/// ten thousand: days of a company's, and weeks until somebody has to have made room. As much as the log may take by itself, so no disk that serves is too small for it.
pub const RESERVE_BYTES: u64 = 16 << 20;

/// What is given back at once. Others write to the disk too, and what is free may be theirs a moment later: they get one step at most, not all.
const STEP_BYTES: u64 = 1 << 20;

/// What has to be free beside the reserve before it is made: with less, what goes on would stand again at once.
const BESIDE_BYTES: u64 = 4 << 20;

/// How a reserve stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReserveState {
    /// Bytes that are held. 0: all of it is used up, or it was never made.
    pub held_bytes: u64,
    /// The disk was full, and is: only what reading writes is taken.
    pub is_in_use: bool,
}

/// The reserve of one database. How it stands is asked of the file each time: a command beside the server may have used it.
pub(crate) struct Reserve {
    path: PathBuf,
    /// Held by whoever changes the file.
    changing: Mutex<()>,
}

impl Reserve {
    /// That of the database at `database`. Makes none.
    pub(crate) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-reserve");
        Self { path: path.into(), changing: Mutex::default() }
    }

    pub(crate) fn state(&self) -> ReserveState {
        let length = self.length();
        ReserveState { held_bytes: length.unwrap_or(0), is_in_use: length.is_some_and(|length| length < RESERVE_BYTES) }
    }

    /// Whether only what reading writes is taken now. Looks first whether there is room again, and makes the reserve whole if so.
    pub(crate) fn is_needed(&self) -> bool {
        self.state().is_in_use && self.fill().is_err()
    }

    /// Gives a step back to the disk. `false`: there is nothing to give.
    pub(crate) fn give(&self) -> bool {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.length().unwrap_or(0);
        let left = held.saturating_sub(STEP_BYTES);
        let file = OpenOptions::new().write(true).open(&self.path);
        held > 0 && file.and_then(|file| file.set_len(left)).is_ok()
    }

    /// Makes the reserve, or makes it whole again.
    pub(crate) fn fill(&self) -> Result<(), StoreError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.length() {
            Some(length) if length >= RESERVE_BYTES => Ok(()),
            Some(length) => self.grow(length),
            None => self.make(),
        }
    }

    fn grow(&self, length: u64) -> Result<(), StoreError> {
        self.has_room(RESERVE_BYTES - length)?;
        let file = OpenOptions::new().write(true).open(&self.path).map_err(StoreError::io(&self.path))?;
        hold(&file, length)
            .inspect_err(|_| {
                // What came in part is given back at once: others wait for it.
                drop(file.set_len(length));
            })
            .map_err(StoreError::io(&self.path))
    }

    /// Under another name first: one that was begun and not finished would say that the disk is full.
    #[expect(clippy::disallowed_methods, reason = "nothing is in it, so a power cut loses nothing")]
    fn make(&self) -> Result<(), StoreError> {
        self.has_room(RESERVE_BYTES)?;
        let mut beside = self.path.as_os_str().to_owned();
        beside.push("-new");
        let beside = PathBuf::from(beside);
        let made = File::create(&beside)
            .and_then(|file| hold(&file, 0))
            .and_then(|()| fs::rename(&beside, &self.path))
            .inspect_err(|_| drop(fs::remove_file(&beside)));
        made.map_err(StoreError::io(&self.path))
    }

    fn length(&self) -> Option<u64> {
        fs::metadata(&self.path).ok().map(|file| file.len())
    }

    fn has_room(&self, bytes: u64) -> Result<(), StoreError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let free = free(folder).map_err(StoreError::io(folder))?;
        if free >= bytes + BESIDE_BYTES { Ok(()) } else { Err(StoreError::Full) }
    }
}

/// Bytes that we may still write to the disk of a folder.
#[cfg(target_os = "linux")]
fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(target_os = "linux"))]
fn free(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Has the disk hold all of the reserve for the file, of which `from` bytes are there.
fn hold(file: &File, from: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::FallocateFlags;
        use rustix::io::Errno;
        match rustix::fs::fallocate(file, FallocateFlags::empty(), from, RESERVE_BYTES - from) {
            // Not every kind of disk can.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            done => return Ok(done?),
        }
    }
    write(file, from)
}

/// The same by writing: bytes that no disk makes smaller.
fn write(mut file: &File, from: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut noise = blake3::Hasher::new().finalize_xof();
    noise.set_position(from);
    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut noise.take(RESERVE_BYTES - from), &mut file)?;
    // Where a disk finds out late that there is no room.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve() -> (tempfile::TempDir, Reserve) {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&folder.path().join("store.db"));
        (folder, reserve)
    }

    #[test]
    fn nothing_is_given_of_a_reserve_that_was_never_made() {
        let (_folder, reserve) = reserve();
        assert!(!reserve.give());
        assert_eq!(reserve.state(), ReserveState::default());
        assert!(!reserve.is_needed(), "and nobody waits for it");
    }

    #[test]
    fn a_reserve_is_given_in_steps_known_after_a_restart_and_made_whole_where_there_is_room() {
        let (folder, reserve) = reserve();
        reserve.fill().unwrap();
        assert_eq!(reserve.state(), ReserveState { held_bytes: RESERVE_BYTES, is_in_use: false });
        assert!(reserve.give());
        let left = RESERVE_BYTES - STEP_BYTES;
        assert_eq!(reserve.state(), ReserveState { held_bytes: left, is_in_use: true });
        let again = Reserve::of(&folder.path().join("store.db"));
        assert_eq!(again.state(), reserve.state());
        assert!(!again.is_needed(), "there is room here");
        assert_eq!(again.state(), ReserveState { held_bytes: RESERVE_BYTES, is_in_use: false });
        for _ in 0..RESERVE_BYTES / STEP_BYTES {
            assert!(again.give());
        }
        assert!(!again.give(), "it is bounded");
        assert_eq!(again.state(), ReserveState { held_bytes: 0, is_in_use: true });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_really_holds_what_is_kept_however_it_is_told_to() {
        use std::os::unix::fs::MetadataExt as _;
        let blocks = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
        let (folder, reserve) = reserve();
        reserve.fill().unwrap();
        assert!(blocks(&reserve.path) >= RESERVE_BYTES);
        let written = folder.path().join("written");
        write(&File::create(&written).unwrap(), 0).unwrap();
        assert_eq!(fs::metadata(&written).unwrap().len(), RESERVE_BYTES);
        assert!(blocks(&written) >= RESERVE_BYTES);
    }
}
