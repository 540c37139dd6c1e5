//! Whose a folder is.

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetNamedSecurityInfoW, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{GetLengthSid, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID};

use crate::facts::{elevated, identifier, person};

/// The administrators of the PC, and Windows itself (Microsoft Learn, "Well-known SIDs"): nobody else can give them a file, and what an administrator makes may be theirs.
const ADMINISTRATORS: [&str; 2] = ["S-1-5-32-544", "S-1-5-18"];

/// Whether a folder is that of who runs this program. To an administrator with their rights so is that of all administrators. Fails if it is not there, or its owner may
/// not be read.
pub fn is_ours(folder: &Path) -> io::Result<bool> {
    let owner = owner(folder)?;
    let is_administrators = ADMINISTRATORS.contains(&owner.as_str()) && elevated() == Some(true);
    Ok(is_administrators || person().is_some_and(|person| person == owner))
}

/// The identifier of a folder's owner.
fn owner(folder: &Path) -> io::Result<String> {
    let path: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut owner: PSID = ptr::null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: the path ends in a zero, both pointers outlive the call, and those that are not asked for may be null.
    let code = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    if code != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    let mut bytes = Vec::new();
    if !owner.is_null() {
        // SAFETY: the call above gave it, as a valid identifier within the descriptor.
        let length = unsafe { GetLengthSid(owner) };
        // SAFETY: it has that many bytes, and they stay until the descriptor is freed.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(owner.cast::<u8>(), length as usize) });
    }
    // SAFETY: it was given by the call above to be freed so, and the identifier in it is not used any more.
    unsafe { LocalFree(descriptor) };
    identifier(&bytes).ok_or_else(|| io::Error::other("its owner is unknown"))
}
