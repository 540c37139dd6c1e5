//! Files that a person names on the command line.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use model::reason::Reason;

use crate::failure::Failure;

/// The reason for a failed read of a named file.
pub fn reading(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reason::FileNotFound,
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        io::ErrorKind::IsADirectory => Reason::IsADirectory,
        _ => Reason::InputFailed,
    }
}

/// The reason for a failed write of a named file.
pub fn writing(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reason::FileNotFound,
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        io::ErrorKind::IsADirectory => Reason::IsADirectory,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
        _ => Reason::ReadOnlyTarget,
    }
}

/// The text of a small file.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let failed =
        |error: io::Error| Failure::new(reading(&error), format!("could not read `{}`: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    match file.take(bytes_max + 1).read_to_string(&mut text) {
        Ok(read) if read as u64 > bytes_max => {
            Err(Failure::new(Reason::FileTooBig, format!("`{}` is larger than {bytes_max} bytes", path.display())))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(failed(error)),
    }
}

/// Replaces a file as a whole: after a failure the old one is there, untouched. A link is followed; into a pipe or a device is written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::new(writing(&error), format!("could not write `{}`: {error}", path.display()));
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match path.metadata() {
        Ok(there) if there.is_dir() => {
            return Err(Failure::new(Reason::IsADirectory, format!("`{}` is a folder", path.display())));
        }
        // Put in its place, a file would take the device away from everybody.
        Ok(there) if !there.is_file() => {
            let file = File::options().write(true).open(path);
            return file.and_then(|mut file| file.write_all(bytes)).map_err(failed);
        }
        _ => {}
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(Failure::new(Reason::FileNotFound, format!("there is no folder `{}`", folder.display())));
    }
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    device::persist::persist(file, path).map(drop).map_err(failed)
}

/// The folder that a named file is in.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
