//! Which number or structure each code of `SystemParametersInfo` takes, and where the registry has it.
//!
//! From the API's page: codes from 0x1000 take a switch, those from 0x2000 and 0x71 a number, both in the place of the pointer; the older ones
//! take it in `uiParam`. A structure is read first, so that what was not restored stays as it is.

use std::io;

use device::apply::Picture;
use device::registry::{RawValue, Registry};
use model::catalog::{self, Effect, Root};

use super::{set_number, set_wallpaper, structure};
use crate::registry::LiveRegistry;
use crate::text::narrow;

/// Room for a structure, in words of 8 bytes: `SOUNDSENTRYW`, the longest, has 56 bytes.
pub(super) const BLOCK_WORDS: usize = 8;

/// `SPI_SETMOUSE`: three numbers without a size in front.
const MOUSE: u32 = 0x04;
/// `SPI_SETDESKWALLPAPER`.
const WALLPAPER: u32 = 0x14;
/// `SPI_SETHIGHCONTRAST`: told at sign-in only, because turning it on exchanges the whole theme.
const HIGH_CONTRAST: u32 = 0x43;
/// `SPI_SETFONTSMOOTHING`: a switch whose stored value is 0 or 2.
const FONT_SMOOTHING: u32 = 0x4b;
/// `SPI_SETLANGTOGGLE`: reads the registry itself.
const LANGUAGE_TOGGLE: u32 = 0x5b;
/// `SPI_SETMOUSESPEED`.
const MOUSE_SPEED: u32 = 0x71;

/// `SPI_SETWINARRANGING`, `SPI_SETDRAGFROMMAXIMIZE`, `SPI_SETSNAPSIZING`, `SPI_SETDOCKMOVING` (winuser.h).
const ARRANGING: u32 = 0x83;
const DRAG_FROM_MAXIMIZE: u32 = 0x8d;
const SNAP_SIZING: u32 = 0x8f;
const DOCK_MOVING: u32 = 0x91;

const KEYBOARD_RESPONSE: &str = r"Control Panel\Accessibility\Keyboard Response";
const MOUSE_KEYS: &str = r"Control Panel\Accessibility\MouseKeys";
const SOUND_SENTRY: &str = r"Control Panel\Accessibility\SoundSentry";
const TIME_OUT: &str = r"Control Panel\Accessibility\TimeOut";

/// A structure: its length in bytes, and which of its 32-bit fields stand where in the registry.
struct Layout {
    bytes: u32,
    fields: &'static [(usize, &'static str, &'static str)],
}

/// The structure of a code (winuser.h); `None` for a code that takes a number. The code that reads it is one less.
fn layout(code: u32) -> Option<Layout> {
    let of = |bytes, fields| Some(Layout { bytes, fields });
    match code {
        // FILTERKEYS
        0x33 => of(
            24,
            &[
                (1, KEYBOARD_RESPONSE, "Flags"),
                (2, KEYBOARD_RESPONSE, "DelayBeforeAcceptance"),
                (3, KEYBOARD_RESPONSE, "AutoRepeatDelay"),
                (4, KEYBOARD_RESPONSE, "AutoRepeatRate"),
                (5, KEYBOARD_RESPONSE, "BounceTime"),
            ],
        ),
        // TOGGLEKEYS
        0x35 => of(8, &[(1, r"Control Panel\Accessibility\ToggleKeys", "Flags")]),
        // MOUSEKEYS
        0x37 => {
            of(28, &[(1, MOUSE_KEYS, "Flags"), (2, MOUSE_KEYS, "MaximumSpeed"), (3, MOUSE_KEYS, "TimeToMaximumSpeed")])
        }
        // STICKYKEYS
        0x3b => of(8, &[(1, r"Control Panel\Accessibility\StickyKeys", "Flags")]),
        // ACCESSTIMEOUT
        0x3d => of(12, &[(1, TIME_OUT, "Flags"), (2, TIME_OUT, "TimeToWait")]),
        // SOUNDSENTRYW
        0x41 => of(56, &[(1, SOUND_SENTRY, "Flags"), (8, SOUND_SENTRY, "WindowsEffect")]),
        // ANIMATIONINFO
        0x49 => of(8, &[(1, r"Control Panel\Desktop\WindowMetrics", "MinAnimate")]),
        // AUDIODESCRIPTION
        0x75 => of(12, &[(1, r"Control Panel\Accessibility\AudioDescription", "On")]),
        _ => None,
    }
}

/// Tells the session what the registry has for a code.
pub(super) fn tell(code: u32, picture: &Picture) -> Result<(), String> {
    let told = match code {
        MOUSE => mouse(),
        WALLPAPER => return wallpaper(picture),
        HIGH_CONTRAST => return Err("the contrast theme is taken over at sign-in".to_owned()),
        LANGUAGE_TOGGLE => set_number(code, 0, 0),
        _ => {
            if let Some(layout) = layout(code) {
                patch(code, &layout)
            } else {
                let number = number_for(code).ok_or("no number is stored")?;
                match code {
                    FONT_SMOOTHING => set_number(code, u32::from(number != 0), 0),
                    MOUSE_SPEED | 0x1000.. => set_number(code, 0, number as usize),
                    // Their page says `pvParam`, and programs in the field had to say it in `uiParam`: each Windows finds it where it looks.
                    ARRANGING | DOCK_MOVING | DRAG_FROM_MAXIMIZE | SNAP_SIZING => {
                        set_number(code, number, number as usize)
                    }
                    _ => set_number(code, number, 0),
                }
            }
        }
    };
    told.map_err(|error| error.to_string())
}

/// The number of a code: a bit of `UserPreferencesMask` for 0x1001 to 0x104f, which stand in it in their order; else the value of the setting
/// that the catalog gives the code to.
fn number_for(code: u32) -> Option<u32> {
    if (0x1001..=0x104f).contains(&code) {
        let mask = stored(r"Control Panel\Desktop", "UserPreferencesMask")?;
        let bit = (code as usize - 0x1001) / 2;
        return mask.bytes.get(bit / 8).map(|byte| u32::from(byte >> (bit % 8) & 1));
    }
    let setting = catalog::SETTINGS.iter().find(|setting| setting.effect == Effect::Spi(code))?;
    number(&stored(setting.key()?, setting.name()?)?)
}

fn mouse() -> io::Result<()> {
    let names = ["MouseThreshold1", "MouseThreshold2", "MouseSpeed"];
    let mut block = [0; BLOCK_WORDS];
    structure(MOUSE - 1, &mut block, 0)?;
    for (at, name) in names.into_iter().enumerate() {
        if let Some(number) = stored(r"Control Panel\Mouse", name).as_ref().and_then(number) {
            put(&mut block, at, number);
        }
    }
    structure(MOUSE, &mut block, 0)
}

fn patch(code: u32, layout: &Layout) -> io::Result<()> {
    let mut block = [0; BLOCK_WORDS];
    put(&mut block, 0, layout.bytes);
    structure(code - 1, &mut block, layout.bytes)?;
    for &(at, key, name) in layout.fields {
        if let Some(number) = stored(key, name).as_ref().and_then(number) {
            put(&mut block, at, number);
        }
    }
    structure(code, &mut block, layout.bytes)
}

fn wallpaper(picture: &Picture) -> Result<(), String> {
    let named = stored(r"Control Panel\Desktop", "WallPaper");
    let path = picture.desktop_path(named.as_ref(), &|name| std::env::var(name).ok())?;
    set_wallpaper(WALLPAPER, &path).map_err(|error| error.to_string())
}

/// Writes the 32-bit field with that number, as x86-64 has them in a word.
fn put(block: &mut [u64; BLOCK_WORDS], field: usize, number: u32) {
    let shift = 32 * (field % 2);
    let word = &mut block[field / 2];
    *word = *word & !(0xffff_ffff << shift) | u64::from(number) << shift;
}

fn stored(key: &str, name: &str) -> Option<RawValue> {
    LiveRegistry.read(Root::User, key, &[name]).ok()?.pop().flatten()
}

/// A stored number: a `REG_DWORD`, or a text in decimal digits or of Windows' older words.
fn number(raw: &RawValue) -> Option<u32> {
    if raw.reg_type == 4 {
        return raw.bytes.as_slice().try_into().ok().map(u32::from_le_bytes);
    }
    match text(raw).trim() {
        yes if yes.eq_ignore_ascii_case("yes") => Some(1),
        no if no.eq_ignore_ascii_case("no") => Some(0),
        digits => digits.parse().ok().or_else(|| digits.parse().ok().map(i32::cast_unsigned)),
    }
}

fn text(raw: &RawValue) -> String {
    let units: Vec<u16> = raw.bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    narrow(&units)
}
