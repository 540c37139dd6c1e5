//! Reading files that somebody named, with limits: how long they may be, and of what kind.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use model::reason::Reason;

use super::InputError;
use crate::registry::hive::HiveBytes;
use crate::registry::reg_file::RegFileError;

/// The first bytes of every hive.
const HIVE_SIGNATURE: &[u8] = b"regf";

/// What Windows calls the transaction logs of a hive: up to Windows 8 one, later two that take turns.
const LOG_EXTENSIONS: [&str; 3] = [".LOG", ".LOG1", ".LOG2"];

/// Reads a whole file of at most `most` bytes. Only regular files: opening a pipe or a device could wait for ever.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let refused = |reason| InputError::File { path: path.to_owned(), reason };
    let kind = fs::metadata(path).map_err(failed)?;
    if kind.is_dir() {
        return Err(refused(Reason::IsADirectory));
    }
    if !kind.is_file() {
        return Err(refused(Reason::NotAFile));
    }
    if kind.len() > most {
        return Err(refused(Reason::FileTooBig));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(kind.len()).unwrap_or_default());
    // The file may grow while it is read; one byte more than allowed tells.
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(failed)?;
    match bytes.len() {
        0 => Err(refused(Reason::FileEmpty)),
        length if length as u64 > most => Err(refused(Reason::FileTooBig)),
        _ => Ok(bytes),
    }
}

/// Whether the file has the signature of a hive.
pub(super) fn starts_like_a_hive(path: &Path) -> Result<bool, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(InputError::File { path: path.to_owned(), reason: Reason::NotAFile });
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(HIVE_SIGNATURE.len() as u64).read_to_end(&mut start)).map_err(failed)?;
    Ok(start == HIVE_SIGNATURE)
}

/// Reads a hive and the transaction logs beside it, in whatever case their names are written.
pub fn read_hive(path: &Path) -> Result<HiveBytes, InputError> {
    let most = hive::limits::FILE_SIZE_MAX as u64;
    let bytes = read(path, most)?;
    let name = name_of(path);
    let mut logs = Vec::new();
    for sibling in siblings(path) {
        let is_log = LOG_EXTENSIONS.iter().any(|extension| sibling.eq_ignore_ascii_case(&format!("{name}{extension}")));
        // A log that cannot be read, or is empty as Windows leaves them, is as good as none: the hive says whether it needs one.
        if is_log && let Ok(bytes) = read(&path.with_file_name(&sibling), most) {
            logs.push((sibling, bytes));
        }
    }
    logs.sort();
    Ok(HiveBytes { name, bytes, logs })
}

/// The error for a file that is neither hive nor export: by its name, and by how it starts, it was meant to be one of them.
pub(super) fn neither(path: &Path, source: RegFileError) -> InputError {
    let meant_as_export = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("reg"));
    match source {
        RegFileError::NoSignature | RegFileError::NotText if !meant_as_export => {
            InputError::File { path: path.to_owned(), reason: Reason::NotAHive }
        }
        source => InputError::RegFile { path: path.to_owned(), source },
    }
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Names of the files in the folder of `path`; none if it cannot be listed.
fn siblings(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return guessed_logs(path),
        Err(_) => return Vec::new(),
    };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// The names that logs usually have, for folders that may be entered but not listed.
fn guessed_logs(path: &Path) -> Vec<String> {
    LOG_EXTENSIONS.iter().map(|extension| format!("{}{extension}", name_of(path))).collect()
}
