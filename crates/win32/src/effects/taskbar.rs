//! Whether the taskbar hides by itself, told to the taskbar that is there.
//!
//! Explorer keeps it in `StuckRects3` and writes that value anew when the person signs out, from what its taskbar does then (Raymond Chen, The Old New Thing, 1 August 2013, of the
//! value's predecessor). So what was restored beside it would be gone after the very sign-out that was to make it visible. The call is documented for this
//! (Microsoft Learn, "`SHAppBarMessage`", "`ABM_SETSTATE`"). Not under Wine, whose desktop has no such taskbar.

use device::registry::Registry as _;
use model::catalog::Root;
use windows_sys::Win32::UI::Shell::{
    ABM_GETSTATE, ABM_SETSTATE, ABS_ALWAYSONTOP, ABS_AUTOHIDE, APPBARDATA, SHAppBarMessage,
};
use windows_sys::Win32::UI::WindowsAndMessaging::FindWindowW;

use crate::registry::LiveRegistry;
use crate::text::wide;

const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StuckRects3";
/// The byte of the value whose lowest bit says that it hides (`taskbar.auto_hide` in the catalog).
const BYTE: usize = 8;

/// Has the taskbar do what is stored, if it does something else and there is one.
pub(super) fn tell() {
    let stored = LiveRegistry.read(Root::User, KEY, &["Settings"]).ok().and_then(|mut found| found.pop().flatten());
    let Some(byte) = stored.and_then(|raw| raw.bytes.get(BYTE).copied()) else { return };
    let class = wide("Shell_TrayWnd");
    // SAFETY: the name of the class ends in a zero; a title is not asked for.
    let taskbar = unsafe { FindWindowW(class.as_ptr(), std::ptr::null()) };
    if taskbar.is_null() {
        return;
    }
    // SAFETY: plain data, for which zeros are a value.
    let mut data: APPBARDATA = unsafe { std::mem::zeroed() };
    data.cbSize = size_of::<APPBARDATA>().try_into().expect("a structure of Windows is small");
    data.hWnd = taskbar;
    // SAFETY: the structure is whole, has its size, and outlives the call.
    let now = unsafe { SHAppBarMessage(ABM_GETSTATE, &raw mut data) };
    let hides = byte & 1 == 1;
    if (now & ABS_AUTOHIDE as usize != 0) == hides {
        return;
    }
    data.lParam = if hides { ABS_AUTOHIDE } else { ABS_ALWAYSONTOP }.try_into().expect("both states are small numbers");
    // SAFETY: as above.
    unsafe { SHAppBarMessage(ABM_SETSTATE, &raw mut data) };
}
