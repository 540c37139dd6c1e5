//! From where this program loads libraries: from the system's own folder, and from nowhere else.
//!
//! Windows looks first where the program lies, and for a library that is not there in more places, of which one is the folder that the person happens to be in
//! (Microsoft, "Dynamic-link library search order"). Everything that this program calls is Windows' own. Most of it is loaded at its first call (`build.rs`), so
//! this holds for it too.

use windows_sys::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};

/// Called before anything else: from here on, libraries come from the system's folder only. A Windows that refuses goes on as it did before.
pub fn from_system_only() {
    // SAFETY: it takes a number, and changes only where libraries are looked for that are named without a path.
    unsafe { SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32) };
}
