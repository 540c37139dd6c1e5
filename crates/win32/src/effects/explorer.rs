//! Explorer, told of changes and started anew.
//!
//! It is ended hard and not asked to close: one that closes in good order writes what it holds over what was just restored (`StuckRects3` among it).
//! Winlogon starts the shell again when it ends unexpectedly; where it does not, this does. The Start menu's own process is ended too and comes back by
//! itself. Only processes of the session that this runs in are touched, and only if they are Windows' own `explorer.exe`.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::ptr;

use device::apply::NotRestarted;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::SystemInformation::GetSystemWindowsDirectoryW;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    PROCESS_TERMINATE, QueryFullProcessImageNameW, Sleep, TerminateProcess, WaitForSingleObject,
};
use windows_sys::Win32::UI::Shell::{SHCNE_ASSOCCHANGED, SHCNF_IDLIST, SHChangeNotify, ShellExecuteW};
use windows_sys::Win32::UI::WindowsAndMessaging::{GetShellWindow, GetWindowThreadProcessId, SW_SHOWNORMAL};

use crate::text::{narrow, wide};

/// How long an ended process may take to be gone, in milliseconds.
const END_MILLISECONDS: u32 = 5_000;
/// How long Winlogon may take to bring the shell back, in milliseconds; it takes about one second.
const WINLOGON_MILLISECONDS: u32 = 4_000;
/// How long a shell that this program started may take until it has its window, in milliseconds.
const START_MILLISECONDS: u32 = 15_000;
/// How often the shell's window is looked for meanwhile, in milliseconds.
const GLANCE_MILLISECONDS: u32 = 100;
/// What an ended Explorer leaves as its exit code: not that of one that ended by itself, after which Winlogon would leave it so.
const ENDED: u32 = u32::MAX;
/// The longest path, in UTF-16 units.
const PATH_UNITS_MAX: u32 = 32_767;
/// The process that shows the Start menu.
const START_MENU: &str = "StartMenuExperienceHost.exe";

/// Has Explorer look again at icons, file types and its own options, as programs do that change them. It says nothing of whether it did.
pub(super) fn notify() {
    // SAFETY: this event takes no items.
    unsafe { SHChangeNotify(SHCNE_ASSOCCHANGED.cast_signed(), SHCNF_IDLIST, ptr::null(), ptr::null()) };
}

/// Ends the shell of this session and sees to it that one runs again. The error says why not.
pub(super) fn restart() -> Result<(), NotRestarted> {
    let stays = |error: io::Error| NotRestarted::NotEnded(error.to_string());
    let old = shell().ok_or(NotRestarted::NotThere("no Explorer is running in this session"))?;
    let program = windows_folder().map_err(stays)?.join("explorer.exe");
    let process = Process::open(old).map_err(stays)?;
    if !process.is(&program) {
        return Err(NotRestarted::NotThere("the shell of this session is another program than Explorer"));
    }
    process.end().map_err(stays)?;
    for menu in in_this_session(START_MENU) {
        // One that stays shows its settings after the next sign-in.
        drop(Process::open(menu).and_then(|process| process.end()));
    }
    if comes_back(old, WINLOGON_MILLISECONDS) {
        return Ok(());
    }
    start(&program).map_err(|error| NotRestarted::NotBack(format!(": {error}")))?;
    if comes_back(old, START_MILLISECONDS) {
        return Ok(());
    }
    Err(NotRestarted::NotBack(String::new()))
}

/// Starts a program that outlives this one, and so gets none of its handles: whoever reads what this program says must not wait for Explorer's end.
fn start(program: &Path) -> io::Result<()> {
    let (verb, program) = (wide("open"), wide(&program.to_string_lossy()));
    // SAFETY: both texts end in a zero and outlive the call; what may be null is.
    let done = unsafe {
        ShellExecuteW(ptr::null_mut(), verb.as_ptr(), program.as_ptr(), ptr::null(), ptr::null(), SW_SHOWNORMAL)
    };
    // Numbers up to this one are failures (its page).
    if done as isize > 32 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The process that has the shell's window: the taskbar and the desktop.
fn shell() -> Option<u32> {
    // SAFETY: it takes nothing.
    let window = unsafe { GetShellWindow() };
    let mut process = 0;
    // SAFETY: a window that is gone, or none, gives 0 and leaves the number as it is.
    unsafe { GetWindowThreadProcessId(window, &raw mut process) };
    (process != 0).then_some(process)
}

/// Waits until another process than `old` is the shell.
fn comes_back(old: u32, milliseconds: u32) -> bool {
    for _ in 0..milliseconds / GLANCE_MILLISECONDS {
        if shell().is_some_and(|process| process != old) {
            return true;
        }
        // SAFETY: it only waits.
        unsafe { Sleep(GLANCE_MILLISECONDS) };
    }
    false
}

/// A process that may be ended. Its handle is closed when dropped.
struct Process(HANDLE);

impl Process {
    fn open(id: u32) -> io::Result<Self> {
        let rights = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        // SAFETY: it takes numbers only; a process that is gone gives null.
        let handle = unsafe { OpenProcess(rights, 0, id) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }

    /// Whether it runs that program.
    fn is(&self, program: &Path) -> bool {
        let mut path = vec![0_u16; PATH_UNITS_MAX as usize];
        let mut units = PATH_UNITS_MAX;
        // SAFETY: the handle is open with the right to ask, and `units` is the length of the buffer.
        let told = unsafe { QueryFullProcessImageNameW(self.0, PROCESS_NAME_WIN32, path.as_mut_ptr(), &raw mut units) };
        told != 0 && program.to_string_lossy().eq_ignore_ascii_case(&narrow(&path))
    }

    fn end(&self) -> io::Result<()> {
        // SAFETY: the handle is open with the right to end it.
        if unsafe { TerminateProcess(self.0, ENDED) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open with the right to wait.
        let waited = unsafe { WaitForSingleObject(self.0, END_MILLISECONDS) };
        if waited == WAIT_OBJECT_0 { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: the handle was opened above and is closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// The processes of this session that run a program of that name. A list that cannot be had is empty.
fn in_this_session(name: &str) -> Vec<u32> {
    // SAFETY: it takes numbers only.
    let own = session(unsafe { GetCurrentProcessId() });
    // SAFETY: as above.
    let list = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if list == INVALID_HANDLE_VALUE {
        return Vec::new();
    }
    let list = Process(list);
    let mut entry = PROCESSENTRY32W {
        dwSize: size_of::<PROCESSENTRY32W>().try_into().expect("a few hundred bytes"),
        ..Default::default()
    };
    let mut found = Vec::new();
    // SAFETY: the list is open, and the entry says how long it is.
    let mut more = unsafe { Process32FirstW(list.0, &raw mut entry) };
    while more != 0 {
        let process = entry.th32ProcessID;
        if narrow(&entry.szExeFile).eq_ignore_ascii_case(name) && own.is_some() && session(process) == own {
            found.push(process);
        }
        // SAFETY: as above.
        more = unsafe { Process32NextW(list.0, &raw mut entry) };
    }
    found
}

/// The session of a process, if it can be told.
fn session(process: u32) -> Option<u32> {
    let mut session = 0;
    // SAFETY: the number outlives the call.
    let told = unsafe { ProcessIdToSessionId(process, &raw mut session) };
    (told != 0).then_some(session)
}

/// Windows' own folder, also on a Remote Desktop Session Host: there `GetWindowsDirectoryW` names each person's private one to a program that is not marked as
/// aware of it (Microsoft, that function's page).
fn windows_folder() -> io::Result<PathBuf> {
    let mut folder = vec![0_u16; PATH_UNITS_MAX as usize];
    // SAFETY: the length is that of the buffer.
    let units = unsafe { GetSystemWindowsDirectoryW(folder.as_mut_ptr(), PATH_UNITS_MAX) };
    if units == 0 || units > PATH_UNITS_MAX {
        return Err(io::Error::last_os_error());
    }
    Ok(PathBuf::from(OsString::from_wide(&folder[..units as usize])))
}
