//! What the agent has left in people's profiles, removed when the program goes. Runs as the system.
//!
//! A profile belongs to its person, who may put a link where the system is about to delete. So the folder that holds ours is opened first, without
//! following a link at its end and without letting anybody rename or delete it meanwhile; only if it really is where the registry says a
//! profile is, what is in it goes, and [`std::fs::remove_dir_all`] follows no link below.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};

use device::facts::Places as _;
use model::policy::Hive;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_NAME_NORMALIZED, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetFinalPathNameByHandleW,
};

use crate::facts::LivePlaces;
use crate::text::narrow;

/// Where Windows lists the profiles, in `HKLM`.
const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// The longest path, in UTF-16 units (Windows documentation, "Maximum Path Length Limitation").
const PATH_UNITS_MAX: usize = 32_767;

/// Removes what the agent has left in all profiles; says how many folders could not be removed.
pub fn clear(names: &[&str]) -> usize {
    profiles().iter().map(|profile| profile.join(r"AppData\Local")).map(|local| clear_in(&local, names)).sum()
}

fn clear_in(local: &Path, names: &[&str]) -> usize {
    if names.iter().all(|name| local.join(name).symlink_metadata().is_err()) {
        return 0;
    }
    let Ok(_held) = hold(local) else { return names.len() };
    names
        .iter()
        .filter(|name| match std::fs::remove_dir_all(local.join(name)) {
            Err(error) => error.kind() != io::ErrorKind::NotFound,
            Ok(()) => false,
        })
        .count()
}

/// The folders of people: each key of the list names one. Those of Windows' own accounts are in the system folder, where we write nothing.
fn profiles() -> Vec<PathBuf> {
    let sids = LivePlaces.subkeys(Hive::Machine, PROFILES).unwrap_or_default();
    let folder = |sid: &String| {
        let raw = LivePlaces.value(Hive::Machine, &format!(r"{PROFILES}\{sid}"), "ProfileImagePath").ok()??;
        let units: Vec<u16> = raw.bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Some(PathBuf::from(narrow(&units)))
    };
    // One with a variable in it is Windows' own.
    sids.iter().filter_map(folder).filter(|path| path.is_absolute()).collect()
}

/// Opens a folder so that it stays where it is, and makes sure that it is the one that was meant.
fn hold(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(folder)?;
    let meant = format!(r"\\?\{}", folder.display());
    if final_path(&file)?.eq_ignore_ascii_case(&meant) { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn final_path(file: &File) -> io::Result<String> {
    let mut path = vec![0_u16; PATH_UNITS_MAX];
    let length = u32::try_from(path.len()).unwrap_or_default();
    // SAFETY: the file is open, and the length is that of the buffer.
    let units =
        unsafe { GetFinalPathNameByHandleW(file.as_raw_handle(), path.as_mut_ptr(), length, FILE_NAME_NORMALIZED) };
    if units == 0 || units >= length { Err(io::Error::last_os_error()) } else { Ok(narrow(&path)) }
}
