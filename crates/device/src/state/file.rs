//! Files of the state: read bounded, replaced as a whole, private.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use super::StateError;
use crate::persist::persist;

/// The largest file of the state: an enrolment with a hundred old keys and a bundle of certificates stays below. Whoever keeps what comes from outside
/// bounds it by this before it is written, or nobody could read it again.
pub const FILE_BYTES_MAX: usize = 512 * 1024;

/// More than most files of the state have: room for them is made at once.
const USUAL_BYTES: usize = 16 * 1024;

/// How the name of a file begins that is not finished yet: as `tempfile` has it.
const BEGINNING: &str = ".tmp";

/// All bytes of a file; `None` if there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let wrong = |source| StateError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    // More room than there is in nearly all of them, so that the end is seen at once. To ask how long it is would look at the volume too, on Windows.
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(StateError::Damaged {
            path: path.to_owned(),
            what: format!("it is larger than {FILE_BYTES_MAX} bytes"),
        });
    }
    Ok(Some(bytes))
}

/// The same for a record that can be done without: one that is larger than any of ours is damaged, and counts as none. Else it would stop every run that
/// comes after, for ever.
pub fn read_spare(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match read(path) {
        Err(StateError::Damaged { .. }) => Ok(None),
        read => read,
    }
}

/// Replaces a file: the new bytes are on disk before they take its place, and the exchange is on disk before this returns.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    exchange(path, bytes, File::sync_all)?;
    sync_folder(folder_of(path)).map_err(|source| StateError::Write { path: path.to_owned(), source })
}

/// Replaces a file that nothing is lost with: a power cut soon after may leave the old one, or one that cannot be understood.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    exchange(path, bytes, |_| Ok(()))
}

fn exchange(path: &Path, bytes: &[u8], sync: fn(&File) -> io::Result<()>) -> Result<(), StateError> {
    let wrong = |source| StateError::Write { path: path.to_owned(), source };
    // A temporary file is made readable by its owner only (0600), and stays so under its final name.
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(wrong)?;
    file.write_all(bytes).and_then(|()| sync(file.as_file())).map_err(wrong)?;
    persist(file, path).map(drop).map_err(wrong)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().expect("every file of the state is in its folder")
}

/// Removes a file if it is there. On return it stays away after a power cut too.
pub fn remove(path: &Path) -> Result<(), StateError> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.and_then(|()| sync_folder(folder_of(path))),
    };
    removed.map_err(|source| StateError::Write { path: path.to_owned(), source })
}

/// Removes the beginnings of files that were never finished: of runs that were killed, before `before`. Whatever cannot be looked at stays; there is another time.
pub fn sweep(folder: &Path, before: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let is_beginning = entry.file_name().to_string_lossy().starts_with(BEGINNING);
        let is_old =
            || entry.metadata().is_ok_and(|there| there.is_file() && there.modified().is_ok_and(|at| at < before));
        if is_beginning && is_old() {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Makes a folder that only its owner may enter.
pub fn make_folder(path: &Path) -> Result<(), StateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StateError::Write { path: path.to_owned(), source })
}

/// A renamed file is durable only when its folder is; Windows has no such call and needs none.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
