//! The picture of the lock screen: `ProgramData\Microsoft\Windows\SystemData\<SID>\ReadOnly\LockScreen_*`.
//!
//! Windows keeps it, and copies of it for each size of screen, in a folder that only the system may open, and makes another one (`LockScreen_Z`, `LockScreen_Y`...)
//! each time that the person chooses. So the newest folder counts, and in it the picture itself, or the largest copy. On a running PC the person's own
//! programs may not look, but may ask ([`Shown`]); on a disk that was taken out, or read by an administrator, it is there.

use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use model::catalog::Root;
use model::reason::Reason;

use super::{Content, why};
use crate::folder::{Below, Folder, FolderError, Name, Seen};
use crate::registry::Registry;

/// Where the registry says that the lock screen shows what Windows chooses each day (catalog: `personalization.lock_screen.spotlight`), or a series of
/// pictures (`...slideshow`): then its picture is not one of the person's own.
pub(crate) const NOT_OWN: [(&str, &str); 2] = [
    (r"Software\Microsoft\Windows\CurrentVersion\ContentDeliveryManager", "RotatingLockScreenEnabled"),
    (r"Software\Microsoft\Windows\CurrentVersion\Lock Screen", "SlideshowEnabled"),
];

/// Where Windows keeps the pictures that it comes with, in small letters.
const STOCK: &str = r"\windows\web\";

/// What a running Windows says that its lock screen shows. It tells the person's own programs so on request, and nobody where the file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The file that it was made from, if it was made from one: compared, never opened.
    pub made_from: Option<String>,
    /// The picture.
    pub picture: Vec<u8>,
}

impl Shown {
    /// Whether it was made from this file.
    pub(crate) fn is_made_from(&self, path: &Path) -> bool {
        self.made_from.as_ref().is_some_and(|from| path.to_string_lossy().eq_ignore_ascii_case(from))
    }

    /// Whether it is a picture that Windows comes with.
    pub(crate) fn is_stock(&self) -> bool {
        self.made_from.as_ref().is_some_and(|from| from.to_ascii_lowercase().contains(STOCK))
    }

    /// The picture, if it is none of Windows' own.
    pub(super) fn own(self) -> Option<Content> {
        (!self.is_stock()).then_some(Content::Here(self.picture))
    }
}

/// Whether the lock screen shows one picture, and not what Windows chooses or a series.
pub fn is_one_picture(registry: &dyn Registry) -> bool {
    let is_on = |(key, name): (&str, &str)| {
        let stored = registry.read(Root::User, key, &[name]).ok().and_then(|mut found| found.pop().flatten());
        stored.is_some_and(|raw| raw.reg_type == 4 && raw.bytes == [1, 0, 0, 0])
    };
    !NOT_OWN.into_iter().any(is_on)
}

/// How the folders are called that hold one choice each.
const CHOICE: &str = "LockScreen_";

/// How the picture itself is called; copies have sizes in their names.
const ITSELF: &str = "LockScreen.";

/// The most folders and files that are looked at: Windows keeps two or three choices, with a copy for each screen.
const LOOKED_AT_MAX: usize = 64;

pub(super) fn find(program_data: &Path, sid: &Name) -> Result<Option<Content>, Reason> {
    let place = Below::new(program_data.to_owned(), ["Microsoft", "Windows", "SystemData"]).then(sid).then("ReadOnly");
    Ok(newest(&place).map_err(|error| why(&error))?.map(Content::There))
}

fn newest(place: &Below) -> Result<Option<Below>, FolderError> {
    let Some(folder) = place.folder_if_there()? else { return Ok(None) };
    let mut best: Option<(SystemTime, Below)> = None;
    for choice in named(&folder, CHOICE)? {
        let Some((changed, file)) = picture(&folder.child(&choice)?)? else { continue };
        if best.as_ref().is_none_or(|(newest, _)| changed >= *newest) {
            best = Some((changed, place.then(choice).then(file)));
        }
    }
    Ok(best.map(|(_, place)| place))
}

/// The picture of one choice: itself, or its largest copy; and when it was written.
fn picture(folder: &Folder) -> Result<Option<(SystemTime, OsString)>, FolderError> {
    let mut best: Option<(bool, Seen, OsString)> = None;
    for name in named(folder, "LockScreen")?.into_iter().filter(is_picture) {
        let Some(seen) = folder.look(&name)? else { continue };
        let itself = starts_with(&name, ITSELF);
        if best.as_ref().is_none_or(|(is, so_far, _)| (itself, seen.len) > (*is, so_far.len)) {
            best = Some((itself, seen, name));
        }
    }
    Ok(best.map(|(_, seen, name)| (seen.changed, name)))
}

fn named(folder: &Folder, start: &str) -> Result<Vec<OsString>, FolderError> {
    let names = folder.names()?.into_iter().filter(|name| starts_with(name, start));
    Ok(names.take(LOOKED_AT_MAX).collect())
}

/// Whether it is a plain name that begins so.
fn starts_with(name: &OsString, start: &str) -> bool {
    let name = name.to_str().and_then(Name::new);
    name.is_some_and(|name| name.as_str().get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
}

fn is_picture(name: &OsString) -> bool {
    let ending = Path::new(name).extension();
    ending.is_some_and(|ending| ["jpg", "jpeg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
