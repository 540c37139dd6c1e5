//! Which number or structure each code of `SystemParametersInfo` takes, and where the registry has it.
//!
//! From the API's page: codes from 0x1000 take a switch, those from 0x2000 and 0x71 a number, both in the place of the pointer; the older ones
//! take it in `uiParam`. A structure is read first, so that what was not restored stays as it is. What is not stored (any more) stays too; unless that is what
//! Windows has without it, it is reported: the session goes on with another value than the next sign-in.

use std::io;

use device::apply::Picture;
use device::codec::{default_value, encode};
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
const POINTER: &str = r"Control Panel\Mouse";
const MOUSE_KEYS: &str = r"Control Panel\Accessibility\MouseKeys";
const SOUND_SENTRY: &str = r"Control Panel\Accessibility\SoundSentry";
const TIME_OUT: &str = r"Control Panel\Accessibility\TimeOut";

/// Why a number cannot be told.
pub(super) const NOT_STORED: &str = "no number is stored";

/// A structure: its length in bytes (0 if it does not begin with it), and which of its 32-bit fields stand where in the registry.
struct Layout {
    bytes: u32,
    fields: &'static [(usize, &'static str, &'static str)],
}

/// The structure of a code (winuser.h); `None` for a code that takes a number. The code that reads it is one less.
fn layout(code: u32) -> Option<Layout> {
    let of = |bytes, fields| Some(Layout { bytes, fields });
    match code {
        MOUSE => of(0, &[(0, POINTER, "MouseThreshold1"), (1, POINTER, "MouseThreshold2"), (2, POINTER, "MouseSpeed")]),
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

/// Tells the session what the registry has for a code. Says whether that is all that belongs to it: if not, [`NOT_STORED`] is why.
pub(super) fn tell(code: u32, picture: &Picture) -> Result<bool, String> {
    if let Some(layout) = layout(code) {
        return patch(code, &layout).map_err(|error| error.to_string());
    }
    let number = || number_for(code).ok_or(NOT_STORED);
    let told = match code {
        WALLPAPER => return wallpaper(picture).map(|()| true),
        HIGH_CONTRAST => return Err("the contrast theme is taken over at sign-in".to_owned()),
        LANGUAGE_TOGGLE => set_number(code, 0, 0),
        FONT_SMOOTHING => set_number(code, u32::from(number()? != 0), 0),
        MOUSE_SPEED | 0x1000.. => set_number(code, 0, number()? as usize),
        // Their page says `pvParam`, and programs in the field had to say it in `uiParam`: each Windows finds it where it looks.
        ARRANGING | DOCK_MOVING | DRAG_FROM_MAXIMIZE | SNAP_SIZING => {
            let number = number()?;
            set_number(code, number, number as usize)
        }
        _ => set_number(code, number()?, 0),
    };
    told.map(|()| true).map_err(|error| error.to_string())
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

fn patch(code: u32, layout: &Layout) -> io::Result<bool> {
    let mut block = [0; BLOCK_WORDS];
    // Without a length in front the first field is one of these.
    put(&mut block, 0, layout.bytes);
    structure(code - 1, &mut block, layout.bytes)?;
    let mut all_told = true;
    for &(at, key, name) in layout.fields {
        match stored(key, name).as_ref().and_then(number) {
            Some(number) => put(&mut block, at, number),
            None => all_told &= without(key, name) == Some(get(&block, at)),
        }
    }
    structure(code, &mut block, layout.bytes)?;
    Ok(all_told)
}

/// The number that Windows has where nothing is stored, as far as the catalog knows it.
fn without(key: &str, name: &str) -> Option<u32> {
    if let Some(base) = catalog::packed_base(key, name) {
        return base.try_into().ok();
    }
    let is_here = |setting: &&catalog::Setting| setting.key() == Some(key) && setting.name() == Some(name);
    let setting = catalog::SETTINGS.iter().find(is_here)?;
    number(&encode(setting, &default_value(setting)?, None).ok()?)
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

/// The 32-bit field with that number.
fn get(block: &[u64; BLOCK_WORDS], field: usize) -> u32 {
    (block[field / 2] >> (32 * (field % 2)) & 0xffff_ffff) as u32
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
