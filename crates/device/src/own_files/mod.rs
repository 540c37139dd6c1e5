//! The person's own files that are settings: where Windows keeps them, on a running PC and on a disk.
//!
//! What is found here is a place and not yet bytes; [`crate::collect`] reads it, without following a link on the way ([`crate::folder`]). A path that the
//! registry has is never used: the account picture's file name is taken from it, if it is one, and looked for where Windows keeps such files.

mod account;
pub mod dictionary;
pub mod lock_screen;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use model::policy::Hive;
use model::reason::Reason;

use crate::facts::Places;
use crate::folder::{Below, FolderError, Name};

use lock_screen::Shown;

/// What Windows' folder of dictionaries is called, below a person's `AppData\Roaming` (MSREF-C: `%AppData%\Microsoft\Spelling`).
pub const SPELLING: [&str; 2] = ["Microsoft", "Spelling"];

/// The desktop background as Windows keeps it, below a person's `AppData\Roaming`.
const WALLPAPER: [&str; 4] = ["Microsoft", "Windows", "Themes", "TranscodedWallpaper"];

/// Where Windows lists the profiles, in `HKLM`.
pub(crate) const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// A file that was looked for: where it is, that there is none, or why that cannot be told.
pub type Found = Result<Option<Below>, Reason>;

/// Where a file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In a file of the person's.
    There(Below),
    /// Here: put together, or told by Windows.
    Here(Vec<u8>),
}

impl Content {
    /// Where it lies, if it lies somewhere.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::There(place) => Some(place.path()),
            Self::Here(_) => None,
        }
    }
}

/// The files of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFiles {
    /// The desktop background as Windows keeps it.
    pub wallpaper: Option<Below>,
    /// The picture of the lock screen.
    pub lock_screen: Result<Option<Content>, Reason>,
    /// The picture of the account.
    pub account_picture: Found,
    /// The folder of dictionaries, one folder for each language in it.
    pub spelling: Option<Below>,
}

impl Default for OwnFiles {
    fn default() -> Self {
        Self { wallpaper: None, lock_screen: Ok(None), account_picture: Ok(None), spelling: None }
    }
}

/// The folders that Windows names to a program that runs for a person.
#[derive(Clone, Debug)]
pub struct Folders {
    /// `%APPDATA%`.
    pub roaming: PathBuf,
    /// `%ProgramData%`.
    pub program_data: PathBuf,
    /// `%PUBLIC%`.
    pub public: PathBuf,
}

/// Whose files of the whole PC they are: the person's security identifier, and the PC's half of the registry.
#[derive(Clone, Copy)]
pub struct Whose<'a> {
    /// The identifier, such as `S-1-5-21-1-2-3-1001`.
    pub sid: &'a str,
    /// The registry.
    pub places: &'a dyn Places,
}

impl OwnFiles {
    /// The files of the person who is signed in.
    pub fn live(folders: &Folders, whose: Option<Whose<'_>>) -> Self {
        let copy = Below::new(folders.roaming.clone(), WALLPAPER);
        let spelling = Below::new(folders.roaming.clone(), SPELLING);
        Self {
            wallpaper: is_file(&copy).then_some(copy),
            spelling: Some(spelling),
            ..Self::of_pc(&folders.program_data, &folders.public, whose)
        }
    }

    /// With what Windows says of its lock screen, if it says anything: that counts more than a folder that only the system may open.
    #[must_use]
    pub fn showing(self, shown: Option<Shown>) -> Self {
        match shown {
            Some(shown) => Self { lock_screen: Ok(shown.own()), ..self },
            None => self,
        }
    }

    /// Those that Windows keeps outside of the profile.
    pub(crate) fn of_pc(program_data: &Path, public: &Path, whose: Option<Whose<'_>>) -> Self {
        let Some(Whose { sid, places }) = whose else { return Self::default() };
        let Some(sid) = Name::new(sid) else { return Self::default() };
        Self {
            lock_screen: lock_screen::find(program_data, &sid),
            account_picture: account::find(public, &sid, places),
            ..Self::default()
        }
    }
}

/// The security identifier of the person whose profile folder has that name, by the PC's list of profiles. What it says of the folder's place is not used.
pub(crate) fn sid_of(profile: &OsStr, places: &dyn Places) -> Option<String> {
    let sids = places.subkeys(Hive::Machine, PROFILES).ok()?;
    sids.into_iter().find(|sid| {
        let key = format!(r"{PROFILES}\{sid}");
        let raw = places.value(Hive::Machine, &key, "ProfileImagePath").ok().flatten();
        let path = raw.and_then(|raw| crate::codec::text_of(&raw.bytes));
        path.is_some_and(|path| last_of(&path).is_some_and(|name| profile.eq_ignore_ascii_case(name)))
    })
}

/// What stands behind the last separator of a path that Windows has stored.
fn last_of(path: &str) -> Option<&str> {
    path.rsplit(['\\', '/']).next().filter(|name| !name.is_empty())
}

fn is_file(place: &Below) -> bool {
    let Some((file, above)) = place.steps.split_last() else { return false };
    let above = Below { base: place.base.clone(), steps: above.to_vec() };
    above.folder().is_ok_and(|folder| folder.look(file).is_ok_and(|seen| seen.is_some()))
}

/// A folder that only the system may open is no damage and no mistake of the person's.
fn why(error: &FolderError) -> Reason {
    match error {
        FolderError::System(error) if error.kind() == io::ErrorKind::PermissionDenied => Reason::SystemOnly,
        other => other.reason_of_read(),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out their own disks")]
mod tests;
