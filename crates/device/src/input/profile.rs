//! Where things are in the folder of a Windows user, and on the disk it lies on.
//!
//! Windows does not mind case, other systems do, so each level is looked up by listing its folder. A copied or mounted disk may hold links,
//! and a hostile one may hold links to anywhere: whatever a name leads to must lie inside the folder that was searched.

use std::fs;
use std::path::{Path, PathBuf};

use model::reason::Reason;

use super::InputError;
use crate::folder::Below;

/// The user's hive, below the profile.
const USER_HIVE: &str = "NTUSER.DAT";

/// The same of a mandatory profile, which Windows does not write back (Microsoft Learn, "Create mandatory user profiles").
const MANDATORY_HIVE: &str = "NTUSER.MAN";

/// The user's classes, below the profile.
const CLASSES_HIVE: &str = "AppData/Local/Microsoft/Windows/UsrClass.dat";

/// The desktop background as Windows keeps it, below the profile.
const WALLPAPER: &str = "AppData/Roaming/Microsoft/Windows/Themes/TranscodedWallpaper";

/// The same in Windows 7.
const WALLPAPER_7: &str = "AppData/Roaming/Microsoft/Windows/Themes/TranscodedWallpaper.jpg";

/// The folder of dictionaries, below the profile.
const SPELLING: &str = "AppData/Roaming/Microsoft/Spelling";

/// The files of a user's profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// `NTUSER.DAT`, or `NTUSER.MAN` where that is not there.
    pub user: PathBuf,
    /// `UsrClass.dat`.
    pub classes: Option<PathBuf>,
    /// `TranscodedWallpaper`, or `TranscodedWallpaper.jpg` where that is not there.
    pub wallpaper: Option<Below>,
    /// The folder of dictionaries.
    pub spelling: Option<Below>,
    /// The PC's own files, if the profile lies in `Users` beside `Windows`.
    pub machine: Option<Machine>,
}

/// The PC's own files that say something about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The hive with the version of Windows.
    pub software: Option<PathBuf>,
    /// The hive with the name and model of the PC.
    pub system: Option<PathBuf>,
    /// The list of programs that Windows has seen.
    pub amcache: Option<PathBuf>,
    /// What belongs to all programs and all people: `ProgramData`.
    pub program_data: Option<PathBuf>,
    /// What belongs to all people: `Users\Public`.
    pub public: Option<PathBuf>,
}

impl Profile {
    /// Finds the files of a profile.
    pub fn find(folder: &Path) -> Result<Self, InputError> {
        // Listing it once tells an unreadable folder from one without a profile.
        fs::read_dir(folder).map_err(|source| InputError::Read { path: folder.to_owned(), source })?;
        let either = |first, second| inside(folder, first).or_else(|| inside(folder, second));
        let user = either(USER_HIVE, MANDATORY_HIVE)
            .ok_or_else(|| InputError::File { path: folder.to_owned(), reason: Reason::NoUserProfile })?;
        let machine = machine_of(folder);
        let wallpaper = either(WALLPAPER, WALLPAPER_7).and_then(|path| place(folder, &path));
        let spelling = folder_inside(folder, SPELLING).and_then(|path| place(folder, &path));
        Ok(Self { user, classes: inside(folder, CLASSES_HIVE), wallpaper, spelling, machine })
    }
}

/// The `Windows` folder of the disk: the profile must lie in a folder `Users` beside it.
fn machine_of(profile: &Path) -> Option<Machine> {
    let users = fs::canonicalize(profile).ok()?.parent()?.to_owned();
    let is_users = users.file_name().is_some_and(|name| name.eq_ignore_ascii_case("Users"));
    let disk = users.parent().filter(|_| is_users)?;
    Some(Machine {
        software: inside(disk, "Windows/System32/config/SOFTWARE"),
        system: inside(disk, "Windows/System32/config/SYSTEM"),
        amcache: inside(disk, "Windows/AppCompat/Programs/Amcache.hve"),
        program_data: folder_inside(disk, "ProgramData"),
        public: folder_inside(&users, "Public"),
    })
}

/// Where a path inside of a folder really leads, as steps that hold no link: whoever puts one there later is not followed.
fn place(folder: &Path, path: &Path) -> Option<Below> {
    let home = fs::canonicalize(folder).ok()?;
    let real = fs::canonicalize(path).ok()?;
    let steps: Vec<_> = real.strip_prefix(&home).ok()?.components().map(|step| step.as_os_str().to_owned()).collect();
    Some(Below { base: home, steps })
}

/// The regular file at a path below a folder, found without case; `None` if there is none, or it lies elsewhere.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    really_inside(folder, path, Path::is_file)
}

/// The same for a folder.
fn folder_inside(folder: &Path, path: &str) -> Option<PathBuf> {
    really_inside(folder, path, Path::is_dir)
}

fn really_inside(folder: &Path, path: &str, is_kind: fn(&Path) -> bool) -> Option<PathBuf> {
    let home = fs::canonicalize(folder).ok()?;
    let levels: Vec<&str> = path.split('/').collect();
    below(folder, &levels, &|found| fs::canonicalize(found).is_ok_and(|real| real.starts_with(&home) && is_kind(&real)))
}

/// The first path that passes, over all spellings of each level: a copied profile may have both `AppData` and `appdata`.
fn below(folder: &Path, levels: &[&str], passes: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let Some((level, rest)) = levels.split_first() else { return passes(folder).then(|| folder.to_owned()) };
    spellings(folder, level).into_iter().find_map(|child| below(&child, rest, passes))
}

/// The entries of a folder with that name: in the same letters first, then in any case, sorted so that each run takes the same.
fn spellings(folder: &Path, name: &str) -> Vec<PathBuf> {
    let exact = folder.join(name);
    let listed = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut others: Vec<_> = listed.filter(|found| found.eq_ignore_ascii_case(name) && *found != *name).collect();
    others.sort();
    let exact = fs::symlink_metadata(&exact).is_ok().then_some(exact);
    exact.into_iter().chain(others.into_iter().map(|found| folder.join(found))).collect()
}
