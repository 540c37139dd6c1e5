//! The calls that make a stored setting visible: `SystemParametersInfo` and `WM_SETTINGCHANGE` (docs: Windows App Development, both pages), and what
//! Explorer is told (`windows.md` 1.3). Under Wine no other process hears what `SHChangeNotify` says.
//!
//! The registry has been written before; a call tells the running session what is there. So none of them stores anything
//! (`SPIF_UPDATEINIFILE` is left out), but for the desktop background, which Windows only takes together with its path. What cannot be told is
//! reported and seen after the next sign-in.

mod explorer;
mod parameters;
mod taskbar;

use std::io;
use std::ptr;

use device::apply::{NotRestarted, Picture};
use device::target::Effects;
use model::catalog::Effect;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    HWND_BROADCAST, SMTO_ABORTIFHUNG, SPIF_UPDATEINIFILE, SendMessageTimeoutW, SystemParametersInfoW, WM_SETTINGCHANGE,
};

use crate::lock_screen;
use crate::text::wide;

/// How long each window may take to hear of a change, in milliseconds; one that hangs is not waited for.
const BROADCAST_MILLISECONDS: u32 = 500;

/// The area that the taskbar listens to (`windows.md` 1.3).
const TASKBAR: &str = "TraySettings";

/// The session of the person who is signed in.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveEffects;

impl Effects for LiveEffects {
    fn take(&mut self, effect: Effect, picture: &Picture) -> Result<(), String> {
        match effect {
            Effect::Spi(code) => {
                let all_told = parameters::tell(code, picture)?;
                // A window that does not answer has heard of it all the same, or will when it starts again.
                broadcast(code as usize, None).ok();
                if all_told { Ok(()) } else { Err(parameters::NOT_STORED.to_owned()) }
            }
            Effect::Broadcast(text) => broadcast(0, Some(text)).map_err(|error| error.to_string()),
            Effect::LockScreen => lock_screen::show(picture),
            Effect::AccountPicture => by_hand(picture),
            Effect::Explorer => {
                explorer::notify();
                taskbar::tell();
                broadcast(0, Some(TASKBAR)).map_err(|error| error.to_string())
            }
            Effect::Live | Effect::SignOut => Ok(()),
        }
    }

    fn restart_explorer(&mut self) -> Result<(), NotRestarted> {
        explorer::restart()
    }
}

/// What Windows takes from the person's hand only: for a picture of the account it has no call for programs (`UserInformation.SetAccountPictureAsync` is of
/// Windows 8 and gone).
pub(crate) fn by_hand(picture: &Picture) -> Result<(), String> {
    match picture {
        Picture::Set(_) => Err("Windows takes it from the person's hand".to_owned()),
        // What was shown before is shown still: nobody has put ours there but the person.
        Picture::Removed | Picture::Untouched(_) => Ok(()),
    }
}

/// Tells all windows of the session that a setting has changed: a parameter's code, or a named area.
fn broadcast(code: usize, area: Option<&str>) -> io::Result<()> {
    let area = area.map(wide);
    let text = area.as_ref().map_or(ptr::null(), Vec::as_ptr);
    // SAFETY: the text ends in a zero and outlives the call, which waits for every window or gives it up; no result is asked for.
    let heard = unsafe {
        SendMessageTimeoutW(
            HWND_BROADCAST,
            WM_SETTINGCHANGE,
            code,
            text as isize,
            SMTO_ABORTIFHUNG,
            BROADCAST_MILLISECONDS,
            ptr::null_mut(),
        )
    };
    if heard == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `SystemParametersInfo` with a number in each of its two places.
fn set_number(code: u32, ui_param: u32, pv_param: usize) -> io::Result<()> {
    // SAFETY: these codes take a number where others take a pointer, and read nothing through it.
    let done = unsafe { SystemParametersInfoW(code, ui_param, pv_param as *mut _, 0) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `SystemParametersInfo` with a structure, to be filled or to be taken over, of `bytes` bytes. `block` is at least that long.
fn structure(code: u32, block: &mut [u64; parameters::BLOCK_WORDS], bytes: u32) -> io::Result<()> {
    // SAFETY: the block is aligned for any structure and longer than all of them, and its first field says how many bytes are ours.
    let done = unsafe { SystemParametersInfoW(code, bytes, block.as_mut_ptr().cast(), 0) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Puts a picture on the desktop; with an empty path none.
fn set_wallpaper(code: u32, path: &str) -> io::Result<()> {
    let path = wide(path);
    // SAFETY: the path ends in a zero and outlives the call, which only reads it.
    let done = unsafe { SystemParametersInfoW(code, 0, path.as_ptr().cast_mut().cast(), SPIF_UPDATEINIFILE) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
