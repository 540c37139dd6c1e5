//! The PC's own half of the registry, for the installer: what it was told, and the enrolment token. Needs an administrator.
//!
//! Members of `Users` may read the first and cannot write it (`HKLM\Software`). The token's key is stricter: readable by whoever sits at the PC,
//! because the agent enrols as them and never elevated, and deletable by them once it was used, but not writable: a token that somebody else put
//! there would connect a person with a stranger's account.

use std::io;
use std::ptr;

use model::policy::installed::{ENROLMENT_KEY, INSTALLED_KEY, TOKEN_VALUE};
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, LocalFree, WIN32_ERROR,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_SET_VALUE, KEY_WOW64_64KEY, REG_OPTION_NON_VOLATILE, REG_SZ, RegCloseKey,
    RegCreateKeyExW, RegDeleteKeyExW, RegDeleteTreeW, RegSetValueExW,
};

use crate::text::wide;

/// Who may do what with the token's key (Security Descriptor Definition Language): all for the system and administrators; reading (`KR`) and
/// deleting (`SD`) for whoever is signed in at the PC (`IU`). Nothing is inherited (`P`). Not under Wine, where everybody is one.
const TOKEN_RIGHTS: &str = "D:P(A;;KA;;;SY)(A;;KA;;;BA)(A;;KRSD;;;IU)";

/// Remembers a value of the installer's.
pub fn set(name: &str, text: &str) -> io::Result<()> {
    write(INSTALLED_KEY, None, name, text)
}

/// Remembers the enrolment token.
pub fn set_token(token: &str) -> io::Result<()> {
    // One that was there is replaced with its key, so that its rights are ours whoever made it.
    forget_token()?;
    write(ENROLMENT_KEY, Some(TOKEN_RIGHTS), TOKEN_VALUE, token)
}

/// Deletes the enrolment token; also that there is none is well.
pub fn forget_token() -> io::Result<()> {
    let path = wide(ENROLMENT_KEY);
    // SAFETY: the root is a predefined handle and the path ends in a zero.
    absent_is_well(unsafe { RegDeleteKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), KEY_WOW64_64KEY, 0) })
}

/// Deletes everything that the installer was told.
pub fn forget() -> io::Result<()> {
    let path = wide(INSTALLED_KEY);
    // SAFETY: as above. A 64-bit program sees the 64-bit half.
    absent_is_well(unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, path.as_ptr()) })
}

fn write(key: &str, rights: Option<&str>, name: &str, text: &str) -> io::Result<()> {
    let (path, name, data) = (wide(key), wide(name), wide(text));
    let descriptor = rights.map(descriptor).transpose()?;
    let attributes = descriptor.as_ref().map(|descriptor| SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>().try_into().expect("a few bytes"),
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    });
    let attributes = attributes.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut handle: HKEY = ptr::null_mut();
    // SAFETY: the root is a predefined handle, the path ends in a zero, the rights (or null for inherited ones) and `handle` outlive the call.
    let code = unsafe {
        RegCreateKeyExW(
            HKEY_LOCAL_MACHINE,
            path.as_ptr(),
            0,
            ptr::null(),
            REG_OPTION_NON_VOLATILE,
            KEY_SET_VALUE | KEY_WOW64_64KEY,
            attributes,
            &raw mut handle,
            ptr::null_mut(),
        )
    };
    done(code)?;
    let bytes = u32::try_from(data.len() * 2).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the key is open, both texts end in a zero, and the length is that of the text with its zero.
    let code = unsafe { RegSetValueExW(handle, name.as_ptr(), 0, REG_SZ, data.as_ptr().cast(), bytes) };
    // SAFETY: the handle was opened above and is closed once.
    unsafe { RegCloseKey(handle) };
    done(code)
}

/// Rights as Windows takes them. Freed when dropped.
struct Descriptor(PSECURITY_DESCRIPTOR);

fn descriptor(rights: &str) -> io::Result<Descriptor> {
    let text = wide(rights);
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: the text ends in a zero, `descriptor` outlives the call, and its length is not asked for.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            ptr::null_mut(),
        )
    };
    if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Descriptor(descriptor)) }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it was given by the call that says to free it so, and is not used any more.
        unsafe { LocalFree(self.0) };
    }
}

fn done(code: WIN32_ERROR) -> io::Result<()> {
    if code == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(code.cast_signed())) }
}

fn absent_is_well(code: WIN32_ERROR) -> io::Result<()> {
    if matches!(code, ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND) { Ok(()) } else { done(code) }
}
