//! The picture of the account: `Users\Public\AccountPictures\<SID>`, under a name that only the registry knows, because the folder shows its files to nobody.
//!
//! `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\AccountPicture\Users\<SID>` has a path for each size, the largest `Image1080`. Of a path only the name at its
//! end is used, and only one that is a plain name: where the file lies is known without it.

use std::io;
use std::path::Path;

use model::policy::Hive;
use model::reason::Reason;

use super::{Found, last_of, why};
use crate::codec::text_of;
use crate::facts::Places;
use crate::folder::{Below, FolderError, Name};

const KEY: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\AccountPicture\Users";

/// The sizes, in pixels, largest first: as Windows 10 and 11 have them.
const SIZES: [u16; 12] = [1080, 448, 424, 240, 208, 200, 192, 96, 64, 48, 40, 32];

pub(super) fn find(public: &Path, sid: &Name, places: &dyn Places) -> Found {
    let key = format!(r"{KEY}\{}", sid.as_str());
    for size in SIZES {
        let stored = places.value(Hive::Machine, &key, &format!("Image{size}")).map_err(|error| error.reason())?;
        let Some(path) = stored.and_then(|raw| text_of(&raw.bytes)).filter(|path| !path.is_empty()) else { continue };
        let name = last_of(&path).and_then(Name::new).ok_or(Reason::CouldCarryCode)?;
        let folder = Below::new(public.to_owned(), ["AccountPictures"]).then(sid);
        return match folder.folder().and_then(|folder| folder.look(name.as_ref())) {
            Ok(Some(_)) => Ok(Some(folder.then(name))),
            Ok(None) => Err(Reason::FileMissing),
            Err(FolderError::System(error)) if error.kind() == io::ErrorKind::NotFound => Err(Reason::FileMissing),
            Err(error) => Err(why(&error)),
        };
    }
    Ok(None)
}
