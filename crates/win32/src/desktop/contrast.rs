//! Whether a contrast theme is on, and its colours (Microsoft Learn, "HIGHCONTRASTW structure" and "Contrast themes").
//!
//! Wine 8 answers that none is on and takes none: what is said then is not under Wine.

use std::ptr;

use windows_sys::Win32::Graphics::Gdi::{
    COLOR_3DFACE, COLOR_BTNTEXT, COLOR_GRAYTEXT, COLOR_HIGHLIGHT, COLOR_HIGHLIGHTTEXT, COLOR_HOTLIGHT, COLOR_WINDOW,
    COLOR_WINDOWTEXT, GetSysColor, SYS_COLOR_INDEX,
};
use windows_sys::Win32::UI::Accessibility::{HCF_HIGHCONTRASTON, HIGHCONTRASTW};
use windows_sys::Win32::UI::WindowsAndMessaging::{SPI_GETHIGHCONTRAST, SystemParametersInfoW};

use super::colour::rgb;

/// The eight colours that a contrast theme has; everything is drawn with these. Each as `0xRRGGBB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// Behind everything.
    pub ground: u32,
    /// Text on it.
    pub text: u32,
    /// A link.
    pub link: u32,
    /// Text of what cannot be used.
    pub disabled: u32,
    /// Behind what is chosen.
    pub chosen: u32,
    /// Text on it.
    pub chosen_text: u32,
    /// A button.
    pub button: u32,
    /// Text on it.
    pub button_text: u32,
}

/// The contrast theme that is on, if one is.
pub fn contrast() -> Option<Contrast> {
    let size = size_of::<HIGHCONTRASTW>();
    let size = u32::try_from(size).expect("a structure of Windows is small");
    let mut found = HIGHCONTRASTW { cbSize: size, dwFlags: 0, lpszDefaultScheme: ptr::null_mut() };
    // SAFETY: the structure is the one that this parameter fills in, with its size; the name in it is not looked at.
    let asked = unsafe { SystemParametersInfoW(SPI_GETHIGHCONTRAST, size, (&raw mut found).cast(), 0) };
    if asked == 0 || found.dwFlags & HCF_HIGHCONTRASTON == 0 {
        return None;
    }
    Some(Contrast {
        ground: colour(COLOR_WINDOW),
        text: colour(COLOR_WINDOWTEXT),
        link: colour(COLOR_HOTLIGHT),
        disabled: colour(COLOR_GRAYTEXT),
        chosen: colour(COLOR_HIGHLIGHT),
        chosen_text: colour(COLOR_HIGHLIGHTTEXT),
        button: colour(COLOR_3DFACE),
        button_text: colour(COLOR_BTNTEXT),
    })
}

/// A colour of the system.
fn colour(index: SYS_COLOR_INDEX) -> u32 {
    // SAFETY: takes a number and looks at no memory of ours.
    rgb(unsafe { GetSysColor(index) })
}
