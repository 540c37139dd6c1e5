//! What this PC says of itself: its half of the registry, and the calls that only Windows can answer.
//!
//! Reading only. Functions that older Windows or Wine lack are looked up by name, so that the program starts without them; then the registry
//! is the only source.

use std::cell::RefCell;
use std::io;
use std::ptr;

use device::facts::{Asked, Known, Places};
use device::registry::{RawValue, RegistryError};
use model::policy::Hive;
use model::prerequisite::Join;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, HANDLE, WIN32_ERROR,
};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    NETSETUP_JOIN_STATUS, NetApiBufferFree, NetGetJoinInformation, NetSetupDomainName,
};
use windows_sys::Win32::Security::{GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation, TokenUser};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, RegOpenKeyExW,
};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetSystemFirmwareTable, RSMB,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use crate::registry::Key;
use crate::text::{narrow, wide};

/// The largest value that is read, in bytes: policies and facts are a few words.
const VALUE_BYTES_MAX: u32 = 64 * 1024;
/// The largest table of the firmware, in bytes (SMBIOS 2.1 allows 64 kB, servers have some more).
const FIRMWARE_BYTES_MAX: u32 = 1024 * 1024;
/// The most keys listed below one key: enrolments and accounts are a handful.
const SUBKEYS_MAX: u32 = 1024;
/// The longest name of a PC, in UTF-16 units.
const NAME_UNITS_MAX: u32 = 256;

/// Room for `TOKEN_USER` and the longest security identifier (68 bytes, `SECURITY_MAX_SID_SIZE`), in words of eight bytes.
const TOKEN_USER_WORDS: usize = 16;

/// `DSREG_UNKNOWN_JOIN`, `DSREG_DEVICE_JOIN` and `DSREG_WORKPLACE_JOIN` (lmjoin.h): the first field of what `NetGetAadJoinInformation` gives.
const NO_JOIN: i32 = 0;
const DEVICE_JOIN: i32 = 1;
const WORKPLACE_JOIN: i32 = 2;
/// `NetworkConnectivityCostHintFixed` and `...Variable` (nldef.h): the network has a price.
const COST_FIXED: i32 = 2;
const COST_VARIABLE: i32 = 3;

/// The registry of the running PC.
#[derive(Clone, Copy, Debug, Default)]
pub struct LivePlaces;

/// Everything that this PC says of itself.
pub fn known() -> Known {
    device::facts::read(&LivePlaces, &ask())
}

/// What Windows says when asked.
pub fn ask() -> Asked {
    Asked {
        join: join(),
        firmware: firmware(),
        name: name(),
        metered: metered(),
        elevated: elevated(),
        person: person(),
    }
}

thread_local! {
    /// The key that was read from last, which stays open: facts of a key are asked for one after the other.
    static LAST: RefCell<Option<(Hive, String, Key)>> = const { RefCell::new(None) };
}

impl Places for LivePlaces {
    fn value(&self, hive: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
        Ok(with_key(hive, key, |key| key.value(name))?.flatten())
    }

    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        Ok(with_key(hive, key, |key| key.values(u32::MAX))?.unwrap_or_default())
    }

    fn subkeys(&self, hive: Hive, key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(with_key(hive, key, |key| key.subkeys(SUBKEYS_MAX))?.unwrap_or_default())
    }
}

/// Reads from a key; `None` if it is not there.
fn with_key<T>(
    hive: Hive,
    key: &str,
    read: impl FnOnce(&Key) -> Result<T, RegistryError>,
) -> Result<Option<T>, RegistryError> {
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(of, path, _)| (*of, path.as_str()) != (hive, key)) {
            *last = open(hive, key)?.map(|opened| (hive, key.to_owned(), opened));
        }
        last.as_ref().map(|(_, _, key)| read(key)).transpose()
    })
}

/// Opens a key to read from; `None` if it is not there. Policies and facts are no restore's target, so links are Windows' own business here.
pub(crate) fn open(hive: Hive, key: &str) -> Result<Option<Key>, RegistryError> {
    let path = wide(key);
    let mut handle: HKEY = ptr::null_mut();
    // SAFETY: the root is a predefined handle, the path ends in a zero, and `handle` outlives the call.
    let code = unsafe { RegOpenKeyExW(root(hive), path.as_ptr(), 0, KEY_READ | KEY_WOW64_64KEY, &raw mut handle) };
    match code {
        ERROR_SUCCESS => Ok(Some(Key::new(handle, shown(hive, key), VALUE_BYTES_MAX))),
        code if is_absent(code) => Ok(None),
        code => Err(failed(code, hive, key)),
    }
}

fn root(hive: Hive) -> HKEY {
    match hive {
        Hive::Machine => HKEY_LOCAL_MACHINE,
        Hive::User => HKEY_CURRENT_USER,
    }
}

fn is_absent(code: WIN32_ERROR) -> bool {
    matches!(code, ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND)
}

fn shown(hive: Hive, key: &str) -> String {
    format!(r"{}\{key}", hive.short())
}

fn failed(code: WIN32_ERROR, hive: Hive, key: &str) -> RegistryError {
    let key = shown(hive, key);
    match code {
        ERROR_ACCESS_DENIED => RegistryError::Denied { key },
        code => RegistryError::Damaged { key, what: io::Error::from_raw_os_error(code.cast_signed()).to_string() },
    }
}

/// How the PC is joined. `None` where Windows cannot say whether it is known to Entra: then the registry is asked. Not under Wine.
fn join() -> Option<Join> {
    let cloud = cloud_join()?;
    Some(match (cloud, is_domain_member()) {
        (DEVICE_JOIN, true) => Join::Hybrid,
        (DEVICE_JOIN, false) => Join::Entra,
        (_, true) => Join::Domain,
        (WORKPLACE_JOIN, false) => Join::Registered,
        (_, false) => Join::Workgroup,
    })
}

/// The kind of join that `NetGetAadJoinInformation` says; `None` where it is not there to ask (before Windows 10) or cannot say.
fn cloud_join() -> Option<i32> {
    type Get = unsafe extern "system" fn(*const u16, *mut *mut i32) -> i32;
    type Free = unsafe extern "system" fn(*mut i32);
    let get = function("netapi32.dll", c"NetGetAadJoinInformation")?;
    let free = function("netapi32.dll", c"NetFreeAadJoinInformation")?;
    // SAFETY: lmjoin.h declares it so: a text that may be null, and a pointer to a structure that begins with a 32-bit number.
    let get: Get = unsafe { std::mem::transmute(get) };
    // SAFETY: as above; it takes what the other gave.
    let free: Free = unsafe { std::mem::transmute(free) };
    let mut info: *mut i32 = ptr::null_mut();
    // SAFETY: the pointer outlives the call, and null asks for the PC's own tenant.
    let code = unsafe { get(ptr::null(), &raw mut info) };
    if code < 0 {
        return None;
    }
    if info.is_null() {
        return Some(NO_JOIN);
    }
    // SAFETY: not null, and the first field is the kind of join.
    let kind = unsafe { *info };
    // SAFETY: it was given by the call above and is not used any more.
    unsafe { free(info) };
    Some(kind)
}

fn is_domain_member() -> bool {
    let mut name: *mut u16 = ptr::null_mut();
    let mut status: NETSETUP_JOIN_STATUS = 0;
    // SAFETY: null means this PC, and both pointers outlive the call.
    let code = unsafe { NetGetJoinInformation(ptr::null(), &raw mut name, &raw mut status) };
    if !name.is_null() {
        // SAFETY: the call above gave it to be freed so.
        unsafe { NetApiBufferFree(name.cast()) };
    }
    code == 0 && status == NetSetupDomainName
}

/// The firmware's table; empty if there is none.
fn firmware() -> Vec<u8> {
    // SAFETY: without a buffer it only says how long the table is.
    let size = unsafe { GetSystemFirmwareTable(RSMB, 0, ptr::null_mut(), 0) };
    if size == 0 || size > FIRMWARE_BYTES_MAX {
        return Vec::new();
    }
    let mut table = vec![0; size as usize];
    // SAFETY: the buffer is as long as said.
    let written = unsafe { GetSystemFirmwareTable(RSMB, 0, table.as_mut_ptr(), size) };
    table.truncate(written.min(size) as usize);
    table
}

fn name() -> Option<String> {
    let mut buffer = [0_u16; NAME_UNITS_MAX as usize];
    let mut units = NAME_UNITS_MAX;
    // SAFETY: `units` is the length of the buffer.
    let done = unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, buffer.as_mut_ptr(), &raw mut units) };
    (done != 0).then(|| narrow(&buffer)).filter(|name| !name.is_empty())
}

/// Whether the network in use has a price; `None` before Windows 10 2004. Not under Wine.
fn metered() -> Option<bool> {
    /// `NL_NETWORK_CONNECTIVITY_HINT` (nldef.h).
    #[repr(C)]
    #[derive(Default)]
    struct Hint {
        level: i32,
        cost: i32,
        flags: [u8; 3],
    }
    type Get = unsafe extern "system" fn(*mut Hint) -> u32;
    let get = function("iphlpapi.dll", c"GetNetworkConnectivityHint")?;
    // SAFETY: netioapi.h declares it so.
    let get: Get = unsafe { std::mem::transmute(get) };
    let mut hint = Hint::default();
    // SAFETY: the structure has the size and layout that the call fills, and outlives it.
    let code = unsafe { get(&raw mut hint) };
    (code == ERROR_SUCCESS).then_some(matches!(hint.cost, COST_FIXED | COST_VARIABLE))
}

pub(crate) fn elevated() -> Option<bool> {
    let mut elevation = TOKEN_ELEVATION { TokenIsElevated: 0 };
    let size = u32::try_from(size_of::<TOKEN_ELEVATION>()).unwrap_or_default();
    let mut written = 0;
    let done = with_token(|token| {
        // SAFETY: the token is open, and `size` is the size of the structure.
        unsafe { GetTokenInformation(token, TokenElevation, (&raw mut elevation).cast(), size, &raw mut written) }
    })?;
    (done != 0).then_some(elevation.TokenIsElevated != 0)
}

/// The identifier of the account that runs this program.
pub fn person() -> Option<String> {
    let mut buffer = [0_u64; TOKEN_USER_WORDS];
    let size = u32::try_from(size_of_val(&buffer)).unwrap_or_default();
    let mut written = 0;
    let done = with_token(|token| {
        // SAFETY: the token is open, `size` is the length of the buffer, which is aligned as the structure needs it.
        unsafe { GetTokenInformation(token, TokenUser, buffer.as_mut_ptr().cast(), size, &raw mut written) }
    })?;
    if done == 0 {
        return None;
    }
    let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    // `TOKEN_USER` begins with a pointer to the identifier, which lies in the same buffer.
    let pointer = usize::from_ne_bytes(bytes.get(..size_of::<usize>())?.try_into().ok()?);
    let at = pointer.checked_sub(buffer.as_ptr().addr())?;
    identifier(bytes.get(at..)?)
}

/// A security identifier as Windows writes it: revision, authority (48 bits, the highest byte first) and 32-bit sub-authorities (Microsoft,
/// MS-DTYP 2.4.2.2).
fn identifier(bytes: &[u8]) -> Option<String> {
    let (&[revision, count], rest) = bytes.split_first_chunk::<2>()?;
    let (authority, rest) = rest.split_first_chunk::<6>()?;
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let parts = rest.get(..4 * usize::from(count))?.chunks_exact(4);
    let parts = parts.map(|four| four.try_into().map_or(0, u32::from_le_bytes).to_string());
    Some(format!("S-{revision}-{authority}-{}", parts.collect::<Vec<_>>().join("-")))
}

/// Asks the token of this process.
fn with_token<T>(ask: impl FnOnce(HANDLE) -> T) -> Option<T> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: it only gives a constant that stands for this process.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the process is this one, and `token` outlives the call.
    let opened = unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) };
    if opened == 0 {
        return None;
    }
    let said = ask(token);
    // SAFETY: the token was opened above and is closed once.
    unsafe { CloseHandle(token) };
    Some(said)
}

/// A function of one of Windows' own libraries, loaded from its system folder only.
fn function(library: &str, name: &std::ffi::CStr) -> Option<unsafe extern "system" fn() -> isize> {
    let library = wide(library);
    // SAFETY: the name ends in a zero; only the system folder is searched. It is never unloaded: it is one of Windows' own.
    let module = unsafe { LoadLibraryExW(library.as_ptr(), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if module.is_null() {
        return None;
    }
    // SAFETY: the module is loaded, and the name ends in a zero.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }
}
