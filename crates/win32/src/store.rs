//! The Store's page of an app, shown to the person who is signed in.

use std::io;
use std::ptr;

use windows_sys::Win32::UI::Shell::ShellExecuteW;
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;

use crate::text::wide;

/// What every address of a page in the Store begins with (Microsoft Learn, "Launch the Microsoft Store app").
const PAGE: &str = "ms-windows-store://pdp/?";

/// The greatest number by which `ShellExecute` says that it failed (its page).
const FAILED_MAX: isize = 32;

/// Shows a page of the Store. Nothing else than such a page is ever handed to the shell. Under Wine nobody answers for the scheme.
pub fn open_store_page(page: &str) -> Result<(), String> {
    let query = page.strip_prefix(PAGE).ok_or("it is no page of the Store")?;
    if !query.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'.' | b'_' | b'-')) {
        return Err("it is no page of the Store".to_owned());
    }
    let (verb, page) = (wide("open"), wide(page));
    // SAFETY: both texts end in a zero and outlive the call; what may be null is.
    let done = unsafe {
        ShellExecuteW(ptr::null_mut(), verb.as_ptr(), page.as_ptr(), ptr::null(), ptr::null(), SW_SHOWNORMAL)
    };
    if done as isize > FAILED_MAX { Ok(()) } else { Err(io::Error::last_os_error().to_string()) }
}
