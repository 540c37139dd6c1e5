//! One open key, and the calls on it.

use std::io;
use std::ptr;

use device::registry::{RawValue, RegistryError};
use model::catalog::Root;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_KEY_DELETED, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS,
    ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, KEY_QUERY_VALUE, KEY_READ, KEY_SET_VALUE, REG_OPTION_NON_VOLATILE, RegCloseKey,
    RegCreateKeyExW, RegDeleteValueW, RegEnumKeyExW, RegEnumValueW, RegFlushKey, RegOpenKeyExW, RegQueryValueExW,
    RegSetValueExW,
};

use super::VALUE_BYTES_MAX;
use crate::text::{narrow, wide};

/// The longest name of a value, in UTF-16 units, with its zero (Registry element size limits, Windows documentation).
const NAME_UNITS_MAX: usize = 16_384;
/// The longest name of a key, in UTF-16 units, with its zero (same page).
const KEY_UNITS_MAX: usize = 256;
/// A first guess of a value's size, in bytes: nearly all settings are shorter, and need one call.
const GUESS_BYTES: usize = 256;
/// How often a read is tried while somebody makes the value longer meanwhile.
const TRIES: u32 = 4;

/// What a key is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Values and names of keys.
    Read,
    /// To remove a value.
    Write,
}

/// An open key. Closed when dropped.
#[derive(Debug)]
pub(super) struct Key {
    handle: HKEY,
    /// What people are told: the key with its root.
    name: String,
}

impl Key {
    /// Opens a key; `None` if it is not there.
    pub(super) fn open(root: Root, key: &str, access: Access) -> Result<Option<Self>, RegistryError> {
        let (path, name) = (wide(&below_user(root, key)), shown(root, key));
        let rights = match access {
            Access::Read => KEY_READ,
            Access::Write => KEY_QUERY_VALUE | KEY_SET_VALUE,
        };
        let mut handle: HKEY = ptr::null_mut();
        // SAFETY: the root is a predefined handle, the path ends in a zero, and `handle` outlives the call.
        let code = unsafe { RegOpenKeyExW(HKEY_CURRENT_USER, path.as_ptr(), 0, rights, &raw mut handle) };
        match code {
            ERROR_SUCCESS => Ok(Some(Self { handle, name })),
            code if is_absent(code) => Ok(None),
            code => Err(failed(code, &name, access)),
        }
    }

    /// Opens a key to write to, making it if it is not there.
    pub(super) fn create(root: Root, key: &str) -> Result<Self, RegistryError> {
        let (path, name) = (wide(&below_user(root, key)), shown(root, key));
        let mut handle: HKEY = ptr::null_mut();
        // SAFETY: as in `open`; the pointers that may be null are.
        let code = unsafe {
            RegCreateKeyExW(
                HKEY_CURRENT_USER,
                path.as_ptr(),
                0,
                ptr::null(),
                REG_OPTION_NON_VOLATILE,
                KEY_QUERY_VALUE | KEY_SET_VALUE,
                ptr::null(),
                &raw mut handle,
                ptr::null_mut(),
            )
        };
        if code == ERROR_SUCCESS { Ok(Self { handle, name }) } else { Err(failed(code, &name, Access::Write)) }
    }

    /// A value; `None` if it is not there.
    pub(super) fn value(&self, name: &str) -> Result<Option<RawValue>, RegistryError> {
        let name = wide(name);
        let mut bytes = vec![0; GUESS_BYTES];
        for _ in 0..TRIES {
            let (mut reg_type, mut size) = (0, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            // SAFETY: the key is open, the name ends in a zero, and `size` is the length of the buffer.
            let code = unsafe {
                RegQueryValueExW(
                    self.handle,
                    name.as_ptr(),
                    ptr::null(),
                    &raw mut reg_type,
                    bytes.as_mut_ptr(),
                    &raw mut size,
                )
            };
            match code {
                ERROR_SUCCESS => {
                    bytes.truncate(size as usize);
                    bytes.shrink_to_fit();
                    return Ok(Some(RawValue { reg_type, bytes }));
                }
                ERROR_MORE_DATA if size <= VALUE_BYTES_MAX => bytes.resize(size as usize, 0),
                ERROR_MORE_DATA => return Err(self.too_large()),
                code if is_absent(code) => return Ok(None),
                code => return Err(failed(code, &self.name, Access::Read)),
            }
        }
        Err(failed(ERROR_MORE_DATA, &self.name, Access::Read))
    }

    /// All values with their names.
    pub(super) fn values(&self) -> Result<Vec<(String, RawValue)>, RegistryError> {
        let mut values = Vec::new();
        let (mut name, mut bytes) = (vec![0_u16; NAME_UNITS_MAX], vec![0_u8; GUESS_BYTES]);
        loop {
            let index = u32::try_from(values.len()).unwrap_or(u32::MAX);
            let mut units = u32::try_from(name.len()).unwrap_or(u32::MAX);
            let (mut reg_type, mut size) = (0, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            // SAFETY: the key is open; `units` and `size` are the lengths of the two buffers.
            let code = unsafe {
                RegEnumValueW(
                    self.handle,
                    index,
                    name.as_mut_ptr(),
                    &raw mut units,
                    ptr::null(),
                    &raw mut reg_type,
                    bytes.as_mut_ptr(),
                    &raw mut size,
                )
            };
            match code {
                ERROR_SUCCESS => {
                    let value = RawValue { reg_type, bytes: bytes[..size as usize].to_vec() };
                    values.push((narrow(&name[..units as usize]), value));
                }
                ERROR_NO_MORE_ITEMS | ERROR_KEY_DELETED => return Ok(values),
                // It says the size, but not always: doubling ends in any case.
                ERROR_MORE_DATA if bytes.len() <= VALUE_BYTES_MAX as usize => {
                    let longer = (size as usize).max(bytes.len() * 2);
                    bytes.resize(longer.min(2 * VALUE_BYTES_MAX as usize), 0);
                }
                ERROR_MORE_DATA => return Err(self.too_large()),
                code => return Err(failed(code, &self.name, Access::Read)),
            }
        }
    }

    /// The names of the keys right below.
    pub(super) fn subkeys(&self) -> Result<Vec<String>, RegistryError> {
        let mut names = Vec::new();
        let mut name = vec![0_u16; KEY_UNITS_MAX];
        loop {
            let index = u32::try_from(names.len()).unwrap_or(u32::MAX);
            let mut units = u32::try_from(name.len()).unwrap_or(u32::MAX);
            // SAFETY: the key is open, `units` is the length of the buffer, and what may be null is.
            let code = unsafe {
                RegEnumKeyExW(
                    self.handle,
                    index,
                    name.as_mut_ptr(),
                    &raw mut units,
                    ptr::null(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            };
            match code {
                ERROR_SUCCESS => names.push(narrow(&name[..units as usize])),
                ERROR_NO_MORE_ITEMS | ERROR_KEY_DELETED => return Ok(names),
                code => return Err(failed(code, &self.name, Access::Read)),
            }
        }
    }

    /// Stores a value with its exact type and bytes.
    pub(super) fn set(&self, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        let name = wide(name);
        let size = u32::try_from(value.bytes.len()).map_err(|_| self.too_large())?;
        // SAFETY: the key is open for writing, the name ends in a zero, and `size` is the length of the bytes.
        let code = unsafe { RegSetValueExW(self.handle, name.as_ptr(), 0, value.reg_type, value.bytes.as_ptr(), size) };
        if code == ERROR_SUCCESS { Ok(()) } else { Err(failed(code, &self.name, Access::Write)) }
    }

    /// Removes a value; nothing happens if it is not there.
    pub(super) fn remove(&self, name: &str) -> Result<(), RegistryError> {
        let name = wide(name);
        // SAFETY: the key is open for writing, and the name ends in a zero.
        let code = unsafe { RegDeleteValueW(self.handle, name.as_ptr()) };
        if code == ERROR_SUCCESS || is_absent(code) { Ok(()) } else { Err(failed(code, &self.name, Access::Write)) }
    }

    fn too_large(&self) -> RegistryError {
        let what = format!("a value has more than {VALUE_BYTES_MAX} bytes");
        RegistryError::Damaged { key: self.name.clone(), what }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open, ours, and closed once. Closing what was open cannot fail in a way that matters.
        unsafe { RegCloseKey(self.handle) };
    }
}

/// Writes what the registry still holds in memory to its files.
pub(super) fn flush() -> Result<(), RegistryError> {
    // SAFETY: the handle is a predefined one.
    let code = unsafe { RegFlushKey(HKEY_CURRENT_USER) };
    if code == ERROR_SUCCESS { Ok(()) } else { Err(failed(code, "HKEY_CURRENT_USER", Access::Write)) }
}

/// The key's path below `HKEY_CURRENT_USER`. Windows shows the person's UsrClass.dat as `Software\Classes` there.
fn below_user(root: Root, key: &str) -> String {
    match root {
        Root::User => key.to_owned(),
        Root::Classes if key.is_empty() => r"Software\Classes".to_owned(),
        Root::Classes => format!(r"Software\Classes\{key}"),
    }
}

fn shown(root: Root, key: &str) -> String {
    format!(r"HKEY_CURRENT_USER\{}", below_user(root, key))
}

/// Whether that code means that there is no such key or value; a key that is being deleted counts as gone.
fn is_absent(code: WIN32_ERROR) -> bool {
    matches!(code, ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND | ERROR_KEY_DELETED)
}

fn failed(code: WIN32_ERROR, key: &str, access: Access) -> RegistryError {
    let source = io::Error::from_raw_os_error(code.cast_signed());
    match (code, access) {
        (ERROR_ACCESS_DENIED, _) => RegistryError::Denied { key: key.to_owned() },
        (_, Access::Read) => RegistryError::Damaged { key: key.to_owned(), what: source.to_string() },
        (_, Access::Write) => RegistryError::Write { path: key.into(), source },
    }
}
