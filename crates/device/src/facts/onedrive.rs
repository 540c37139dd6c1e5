//! Which of a person's folders OneDrive has taken over (Known Folder Move).
//!
//! Windows keeps where a folder is as a text with `%USERPROFILE%` in it (`REG_EXPAND_SZ`: Microsoft, the registry reference's pages of `User Shell Folders`),
//! and OneDrive where its own folder is without it. Both are told as a place in the profile before they are compared.

use model::policy::Hive;

use super::Reader;
use crate::own_files::PROFILES;

const SHELL_FOLDERS: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";
const ACCOUNTS: &str = r"Software\Microsoft\OneDrive\Accounts";

/// The folders that OneDrive can take over, as `User Shell Folders` names them and as people do.
const KNOWN_FOLDERS: [(&str, &str); 3] =
    [("Desktop", "Desktop"), ("Personal", "Documents"), ("My Pictures", "Pictures")];

/// What stands for the profile's folder in a path of Windows.
const PROFILE: &str = "%userprofile%";

/// The folder that Windows makes profiles in, below a drive's letter.
const USERS: &str = r":\users\";

/// OneDrive has a folder when the place of the folder is, or lies below, the folder of one of its accounts. `None`: nothing says where the folders are.
pub(super) fn folders(reader: &mut Reader<'_>, person: Option<&str>) -> Option<Vec<&'static str>> {
    let profile =
        person.and_then(|sid| reader.whole_text(Hive::Machine, &format!(r"{PROFILES}\{sid}"), "ProfileImagePath"));
    let profile = profile.map(|path| even(&path)).filter(|path| !path.is_empty() && !path.contains('%'));
    let in_profile = |path: &str| in_profile(&even(path), profile.as_deref());
    let places: Vec<_> = KNOWN_FOLDERS
        .iter()
        .filter_map(|(value, name)| Some((*name, in_profile(&reader.whole_text(Hive::User, SHELL_FOLDERS, value)?))))
        .collect();
    let roots: Vec<_> = reader
        .subkeys(Hive::User, ACCOUNTS)
        .iter()
        .filter_map(|account| reader.whole_text(Hive::User, &format!(r"{ACCOUNTS}\{account}"), "UserFolder"))
        .map(|root| in_profile(&root))
        .filter(|root| !root.is_empty())
        .collect();
    let is_below = |place: &str| roots.iter().any(|root| below(place, root).is_some());
    let taken = places.iter().filter(|(_, place)| is_below(place)).map(|(name, _)| *name).collect();
    (!places.is_empty()).then_some(taken)
}

/// A path without what Windows does not mind in it: case, blanks around it, and separators at its end.
fn even(path: &str) -> String {
    path.trim().trim_end_matches('\\').to_lowercase()
}

/// A path with the variable in front if it lies in the profile. Where the list of profiles is not known (a hive alone), the profile is taken to be
/// where Windows makes them: a folder of any name in `Users`.
fn in_profile(path: &str, profile: Option<&str>) -> String {
    let rest = match profile {
        Some(profile) => below(path, profile),
        None => by_custom(path),
    };
    rest.map_or_else(|| path.to_owned(), |rest| format!("{PROFILE}{rest}"))
}

/// What follows `C:\Users\ada`.
fn by_custom(path: &str) -> Option<&str> {
    let name = path.get(1..)?.strip_prefix(USERS)?;
    let end = name.find('\\').unwrap_or(name.len());
    (end > 0).then(|| &name[end..])
}

/// What follows a folder in the path of something in it, with the separator in front; empty for the folder itself.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('\\'))
}
