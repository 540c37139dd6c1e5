//! One open key, and the calls on it.

use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::OnceLock;

use device::registry::{RawValue, RegistryError};
use model::catalog::Root;
use windows_sys::Wdk::System::Registry::{KeyNameInformation, NtQueryKey};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_KEY_DELETED, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS,
    ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, KEY_CREATE_SUB_KEY, KEY_QUERY_VALUE, KEY_READ, KEY_SET_VALUE, REG_OPTION_NON_VOLATILE,
    RegCloseKey, RegCreateKeyExW, RegDeleteValueW, RegEnumKeyExW, RegEnumValueW, RegFlushKey, RegOpenKeyExW,
    RegQueryInfoKeyW, RegQueryValueExW, RegSetValueExW,
};

use super::VALUE_BYTES_MAX;
use crate::text::{narrow, wide};

/// The longest name of a value, in UTF-16 units, with its zero (Registry element size limits, Windows documentation).
const NAME_UNITS_MAX: usize = 16_384;
/// The longest name of a key, in UTF-16 units, with its zero (same page).
const KEY_UNITS_MAX: usize = 256;
/// A first guess of a value's size, in bytes: nearly all settings, and the names of apps that stand in resources, are shorter and need one call.
const GUESS_BYTES: usize = 1024;
/// Room for a key's real name, in words of 4 bytes: 512 levels of 255 characters are more than any key of the catalog has.
const REAL_NAME_WORDS: usize = 4096;
/// How the hive of a person's classes is called, behind their identifier.
const CLASSES: &str = "_Classes";
/// How often a read is tried while somebody makes the value longer meanwhile.
const TRIES: u32 = 4;

thread_local! {
    /// Room for what a call gives, kept from call to call: it takes longer to make it anew, and to fill it with zeros, than to ask.
    static ROOM: RefCell<Room> = const { RefCell::new(Room { name: Vec::new(), bytes: Vec::new(), words: Vec::new() }) };
}

/// Buffers of a thread.
struct Room {
    /// A name of a key or a value.
    name: Vec<u16>,
    /// A value.
    bytes: Vec<u8>,
    /// A key's real name, aligned as its structure needs it.
    words: Vec<u32>,
}

impl Room {
    /// Hands the buffers to `work`, none of them below its usual length.
    fn with<T>(work: impl FnOnce(&mut Self) -> T) -> T {
        ROOM.with_borrow_mut(|room| {
            room.name.resize(NAME_UNITS_MAX, 0);
            room.bytes.resize(room.bytes.len().max(GUESS_BYTES), 0);
            room.words.resize(REAL_NAME_WORDS, 0);
            work(room)
        })
    }
}

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
pub(crate) struct Key {
    handle: HKEY,
    /// What people are told: the key with its root.
    name: String,
    /// The largest value that is read from it, in bytes.
    value_bytes_max: u32,
}

impl Key {
    /// A key that somebody has opened, how people know it, and the largest value that is read from it, in bytes. Closed when dropped.
    pub(crate) fn new(handle: HKEY, name: String, value_bytes_max: u32) -> Self {
        Self { handle, name, value_bytes_max }
    }

    /// The key, to read from until the program ends, when Windows closes it: to close each takes as long as to read one value more, and this program runs once, for
    /// seconds, and reads some hundred keys. What is written to is closed.
    pub(crate) fn left_open(self) -> ManuallyDrop<Self> {
        ManuallyDrop::new(self)
    }

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
            ERROR_SUCCESS => Self::new(handle, name, VALUE_BYTES_MAX).itself(root, key).map(Some),
            code if is_absent(code) => Ok(None),
            code => Err(failed(code, &name, access)),
        }
    }

    /// The key, if it is the one that was asked for: a key that is a symbolic link, or one below it, has another name (`NtQueryKey`, Windows documentation).
    /// Nothing is read or written before that is known.
    fn itself(self, root: Root, key: &str) -> Result<Self, RegistryError> {
        if real_name(self.handle).is_some_and(|real| is_asked_for(&real, root, key)) {
            Ok(self)
        } else {
            Err(RegistryError::Link { key: self.name.clone() })
        }
    }

    /// Opens a key to write to, making it if it is not there. Step by step: below a link nothing is made either.
    pub(super) fn create(root: Root, key: &str) -> Result<Self, RegistryError> {
        if let Some(there) = Self::open(root, key, Access::Write)? {
            return Ok(there);
        }
        let path = below_user(root, key);
        let mut above: Option<Self> = None;
        let mut so_far = String::new();
        for step in path.split('\\') {
            so_far.extend((!so_far.is_empty()).then_some("\\"));
            so_far.push_str(step);
            let parent = above.as_ref().map_or(HKEY_CURRENT_USER, |key| key.handle);
            let made = Self::new(make(parent, step, &shown(root, key))?, shown(Root::User, &so_far), VALUE_BYTES_MAX);
            // Up to `Software\Classes` that is the person's other hive, whose name the last step has again.
            above = Some(if root == Root::Classes { made } else { made.itself(Root::User, &so_far)? });
        }
        above.ok_or_else(|| failed(ERROR_PATH_NOT_FOUND, key, Access::Write))?.itself(root, key)
    }

    /// A value; `None` if it is not there.
    pub(crate) fn value(&self, name: &str) -> Result<Option<RawValue>, RegistryError> {
        let name = wide(name);
        Room::with(|Room { bytes, .. }| self.value_into(bytes, &name))
    }

    fn value_into(&self, bytes: &mut Vec<u8>, name: &[u16]) -> Result<Option<RawValue>, RegistryError> {
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
                // The room may have grown beyond it.
                ERROR_SUCCESS if size > self.value_bytes_max => return Err(self.too_large()),
                ERROR_SUCCESS => return Ok(Some(RawValue { reg_type, bytes: bytes[..size as usize].to_vec() })),
                ERROR_MORE_DATA if size <= self.value_bytes_max => bytes.resize(size as usize, 0),
                ERROR_MORE_DATA => return Err(self.too_large()),
                code if is_absent(code) => return Ok(None),
                code => return Err(failed(code, &self.name, Access::Read)),
            }
        }
        Err(failed(ERROR_MORE_DATA, &self.name, Access::Read))
    }

    /// How many values it has.
    pub(super) fn count(&self) -> Result<u32, RegistryError> {
        let mut values = 0;
        // SAFETY: the key is open, `values` outlives the call, and the pointers that may be null are.
        let code = unsafe {
            RegQueryInfoKeyW(
                self.handle,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &raw mut values,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if code == ERROR_SUCCESS { Ok(values) } else { Err(failed(code, &self.name, Access::Read)) }
    }

    /// The values with their names, `most` at most: whoever knows how many there are need not ask for the end.
    pub(crate) fn values(&self, most: u32) -> Result<Vec<(String, RawValue)>, RegistryError> {
        Room::with(|Room { name, bytes, .. }| self.values_into((name, bytes), most))
    }

    fn values_into(
        &self,
        (name, bytes): (&mut [u16], &mut Vec<u8>),
        most: u32,
    ) -> Result<Vec<(String, RawValue)>, RegistryError> {
        let mut values = Vec::new();
        loop {
            let index = u32::try_from(values.len()).unwrap_or(u32::MAX);
            if index >= most {
                return Ok(values);
            }
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
                // The buffer may have doubled beyond it.
                ERROR_SUCCESS if size > self.value_bytes_max => return Err(self.too_large()),
                ERROR_SUCCESS => {
                    let value = RawValue { reg_type, bytes: bytes[..size as usize].to_vec() };
                    values.push((narrow(&name[..units as usize]), value));
                }
                ERROR_NO_MORE_ITEMS | ERROR_KEY_DELETED => return Ok(values),
                // It says the size, but not always: doubling ends in any case.
                ERROR_MORE_DATA if bytes.len() <= self.value_bytes_max as usize => {
                    let longer = (size as usize).max(bytes.len() * 2);
                    bytes.resize(longer.min(2 * self.value_bytes_max as usize), 0);
                }
                ERROR_MORE_DATA => return Err(self.too_large()),
                code => return Err(failed(code, &self.name, Access::Read)),
            }
        }
    }

    /// The names of the keys right below, `most` at most.
    pub(crate) fn subkeys(&self, most: u32) -> Result<Vec<String>, RegistryError> {
        Room::with(|Room { name, .. }| self.subkeys_into(&mut name[..KEY_UNITS_MAX], most))
    }

    fn subkeys_into(&self, name: &mut [u16], most: u32) -> Result<Vec<String>, RegistryError> {
        let mut names = Vec::new();
        loop {
            let index = u32::try_from(names.len()).unwrap_or(u32::MAX);
            if index >= most {
                return Ok(names);
            }
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
        let what = format!("a value has more than {} bytes", self.value_bytes_max);
        RegistryError::Damaged { key: self.name.clone(), what }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open, ours, and closed once. Closing what was open cannot fail in a way that matters.
        unsafe { RegCloseKey(self.handle) };
    }
}

/// Opens one key below another to write to, or makes it.
fn make(parent: HKEY, step: &str, name: &str) -> Result<HKEY, RegistryError> {
    let step = wide(step);
    let mut handle: HKEY = ptr::null_mut();
    // SAFETY: the parent is open or a predefined handle, the name ends in a zero, `handle` outlives the call; the pointers that may be null are.
    let code = unsafe {
        RegCreateKeyExW(
            parent,
            step.as_ptr(),
            0,
            ptr::null(),
            REG_OPTION_NON_VOLATILE,
            KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_CREATE_SUB_KEY,
            ptr::null(),
            &raw mut handle,
            ptr::null_mut(),
        )
    };
    if code == ERROR_SUCCESS { Ok(handle) } else { Err(failed(code, name, Access::Write)) }
}

/// What the system itself calls an open key, such as `\REGISTRY\USER\S-1-5-21-1-2-3-1001\Control Panel`; `None` if it does not say.
fn real_name(handle: HKEY) -> Option<String> {
    Room::with(|Room { words, name, .. }| real_name_into((words, name), handle))
}

fn real_name_into((buffer, name): (&mut [u32], &mut [u16]), handle: HKEY) -> Option<String> {
    let size = u32::try_from(size_of_val(buffer)).unwrap_or_default();
    let mut written = 0;
    // SAFETY: the key is open, and `size` is the length of the buffer, which is aligned as the structure needs it.
    let status = unsafe { NtQueryKey(handle, KeyNameInformation, buffer.as_mut_ptr().cast(), size, &raw mut written) };
    if status < 0 {
        return None;
    }
    // `KEY_NAME_INFORMATION`: the length of the name in bytes, then the name.
    let (bytes, words) = buffer.split_first()?;
    let units = *bytes as usize / 2;
    let name = name.get_mut(..units)?;
    for (pair, word) in name.chunks_mut(2).zip(words) {
        let [a, b, c, d] = word.to_ne_bytes();
        pair[0] = u16::from_ne_bytes([a, b]);
        if let Some(second) = pair.get_mut(1) {
            *second = u16::from_ne_bytes([c, d]);
        }
    }
    String::from_utf16(name).ok()
}

/// Whether a real name is that of the key in this person's hives.
fn is_asked_for(real: &str, root: Root, key: &str) -> bool {
    const USERS: &str = r"\REGISTRY\USER\";
    static PERSON: OnceLock<Option<String>> = OnceLock::new();
    let Some((users, rest)) = real.split_at_checked(USERS.len()) else { return false };
    let (hive, path) = rest.split_once('\\').unwrap_or((rest, ""));
    let classes =
        hive.get(hive.len().saturating_sub(CLASSES.len())..).is_some_and(|end| end.eq_ignore_ascii_case(CLASSES));
    let person = if classes { &hive[..hive.len() - CLASSES.len()] } else { hive };
    let is_theirs =
        PERSON.get_or_init(crate::facts::person).as_ref().is_none_or(|sid| person.eq_ignore_ascii_case(sid));
    let wanted = if classes && root == Root::Classes { key.to_owned() } else { below_user(root, key) };
    let is_hive = root == Root::Classes || !classes;
    let same = path.to_lowercase() == wanted.trim_matches('\\').to_lowercase();
    users.eq_ignore_ascii_case(USERS) && is_theirs && is_hive && same
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
