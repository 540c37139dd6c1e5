//! Settings that are files: pictures, and the person's own words.
//!
//! Beside a `.reg` target stands a folder `<target>.files`, on a live PC one in the person's local data, in which each role has one fixed name; a picture's
//! ending follows its signature, not anything that travelled. Dictionaries lie where Windows has them. Everything goes through [`crate::folder`]: links
//! are never followed, neither in the place of a file nor of a folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use model::catalog::FileRole;
use model::reason::Reason;

use crate::codec::text_of;
use crate::folder::{Below, Folder, FolderError};
use crate::own_files::dictionary::Kept;
use crate::own_files::{Content, OwnFiles};
use crate::plan::PICTURE_BYTES_MAX;
use crate::registry::RawValue;

/// Reads and writes the files that are settings.
///
/// The bytes of a picture are the file's. Those of [`FileRole::Dictionary`] are all dictionaries of the person in one ([`Kept::to_bytes`]).
pub trait FileWrite {
    /// The file's bytes; `None` if there is none.
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason>;

    /// Replaces the file as a whole. On return it is durable. Bytes that are not of the role's kind are refused.
    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason>;

    /// Removes the file; nothing happens if it is not there.
    fn remove(&mut self, role: FileRole) -> Result<(), Reason>;

    /// A picture, for the call that shows it. Where nobody looks there is nothing to say.
    fn picture(&self, _role: FileRole) -> Picture {
        Picture::Untouched(None)
    }
}

/// The endings of pictures, by their format.
const ENDINGS: [&str; 2] = ["jpg", "png"];

/// The ending for a picture with this content; `None` if it is neither JPEG nor PNG. The signatures are those of ISO/IEC 10918-1 (start of
/// image and the first marker) and of the PNG specification, section 5.2.
pub fn picture_ending(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xff\xd8\xff") {
        Some("jpg")
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("png")
    } else {
        None
    }
}

/// Whether bytes are of the role's kind, as far as that can be told without decoding them.
pub(crate) fn check_kind(role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
    match role {
        FileRole::Dictionary => Kept::parse(bytes).map(drop),
        _ => picture_ending(bytes).map(drop).ok_or(Reason::NotAPicture),
    }
}

/// Files in a folder, each under the name of its role.
#[derive(Clone, Debug)]
pub struct FolderFiles {
    place: Below,
    spelling: Below,
}

impl FolderFiles {
    /// The files in this folder, which is made when the first one is; the folder above it must be there.
    pub fn new(folder: &Path) -> Self {
        let base = folder.parent().unwrap_or(Path::new("")).to_owned();
        let place = Below::new(base, folder.file_name());
        Self { spelling: place.then("spelling"), place }
    }

    /// The files that belong to a `.reg` file.
    pub fn beside(reg_file: &Path) -> Self {
        let mut name = reg_file.as_os_str().to_owned();
        name.push(".files");
        Self::new(Path::new(&name))
    }

    /// The same with the dictionaries elsewhere: where Windows has them.
    #[must_use]
    pub fn with_spelling(self, spelling: Below) -> Self {
        Self { spelling, ..self }
    }

    /// The path of the picture with this role, if there is one.
    pub fn existing(&self, role: FileRole) -> Option<PathBuf> {
        self.found(role).map(|found| found.path())
    }

    /// Where everything is that is here, for a collection.
    pub fn own_files(&self) -> OwnFiles {
        OwnFiles {
            wallpaper: self.found(FileRole::Wallpaper),
            lock_screen: Ok(self.found(FileRole::LockScreen).map(Content::There)),
            account_picture: Ok(self.found(FileRole::AccountPicture)),
            spelling: Some(self.spelling.clone()),
        }
    }

    fn found(&self, role: FileRole) -> Option<Below> {
        let folder = self.place.folder().ok()?;
        let mut names = names(role).into_iter();
        let name = names.find(|name| folder.look(OsStr::new(name)).is_ok_and(|seen| seen.is_some()))?;
        Some(self.place.then(name))
    }

    fn folder(&self) -> Result<Option<Folder>, Reason> {
        self.place.folder_if_there().map_err(|error| error.reason_of_write())
    }
}

fn names(role: FileRole) -> [String; 2] {
    ENDINGS.map(|ending| format!("{}.{ending}", role.word()))
}

impl FileWrite for FolderFiles {
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        if role == FileRole::Dictionary {
            let kept = Kept::read(&self.spelling)?;
            return Ok((!kept.is_empty()).then(|| kept.to_bytes()));
        }
        let Some(folder) = self.folder()? else { return Ok(None) };
        for name in names(role) {
            match folder.read(OsStr::new(&name), PICTURE_BYTES_MAX) {
                // A link is not ours to read: it is not there.
                Ok(None) | Err(FolderError::Link) => {}
                read => return read.map_err(|error| error.reason_of_read()),
            }
        }
        Ok(None)
    }

    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        if role == FileRole::Dictionary {
            return Kept::parse(bytes)?.write(&self.spelling);
        }
        let ending = picture_ending(bytes).ok_or(Reason::NotAPicture)?;
        let reason = |error: FolderError| error.reason_of_write();
        let folder = self.place.folder_or_made().map_err(reason)?;
        folder.replace(OsStr::new(&format!("{}.{ending}", role.word())), bytes).map_err(reason)?;
        let mut others = false;
        for other in names(role).iter().filter(|name| !name.ends_with(ending)) {
            others |= folder.remove(OsStr::new(other)).map_err(reason)?;
        }
        if others { folder.sync().map_err(reason) } else { Ok(()) }
    }

    fn remove(&mut self, role: FileRole) -> Result<(), Reason> {
        if role == FileRole::Dictionary {
            return Kept::default().write(&self.spelling);
        }
        let Some(folder) = self.folder()? else { return Ok(()) };
        let reason = |error: FolderError| error.reason_of_write();
        for name in names(role) {
            folder.remove(OsStr::new(&name)).map_err(reason)?;
        }
        folder.sync().map_err(reason)
    }
}

/// A picture as a run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// It is the one that was there: the file that Windows keeps of it, if there is one.
    Untouched(Option<PathBuf>),
    /// This one of ours.
    Set(PathBuf),
    /// It was taken away.
    Removed,
}

/// `REG_EXPAND_SZ`: a text with variables between per cent signs.
const EXPAND_SZ: u32 = 2;

impl Picture {
    /// The path that Windows is told, so that its desktop shows this: an empty one for a plain colour, because none at all would bring Windows' own picture.
    /// Of a picture that was left alone it is what the registry names, told again so that it is shown in another way. `variable` is the environment.
    pub fn desktop_path(
        &self,
        named: Option<&RawValue>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, &'static str> {
        match self {
            Self::Set(path) => path.to_str().map(str::to_owned).ok_or("the picture's path is no text"),
            Self::Removed => Ok(String::new()),
            Self::Untouched(_) => {
                let named = named.ok_or("no picture is on the desktop")?;
                let path = text_of(&named.bytes).ok_or("the picture's path is no text")?;
                Ok(if named.reg_type == EXPAND_SZ { expanded(&path, variable) } else { path })
            }
        }
    }
}

/// A text with its variables filled in; one that is not set stays as it stands, as Windows leaves it.
fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut full = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        full.push_str(before);
        let known = after.split_once('%').and_then(|(name, behind)| Some((variable(name)?, behind)));
        let (value, behind) = known.unwrap_or_else(|| ("%".to_owned(), after));
        full.push_str(&value);
        rest = behind;
    }
    full + rest
}

/// The files of the person who is signed in to a live PC.
///
/// What Windows keeps of a picture is read and never written: a restored picture goes into a folder of ours, and Windows is pointed to it by a
/// call ([`crate::target::Effects`]), or the person is.
#[derive(Clone, Debug)]
pub struct LiveFiles {
    ours: FolderFiles,
    desktop: Shows,
    lock_screen: Shows,
    written: Vec<FileRole>,
}

/// Whose picture is on the desktop, or on the lock screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shows {
    /// What lies in our folder, if anything does: an earlier restore has put it there, or Windows does not say what it shows.
    #[default]
    Ours,
    /// The one that Windows keeps there, or none.
    Theirs(Option<Content>),
    /// One that Windows comes with: it is nobody's own, and still what an undo sets back.
    Stock(Vec<u8>),
}

impl Shows {
    /// What is there, if it is not what lies in our folder.
    fn theirs(&self) -> Option<Result<Option<Vec<u8>>, Reason>> {
        Some(match self {
            Self::Ours => return None,
            Self::Theirs(Some(Content::There(place))) => {
                place.read(PICTURE_BYTES_MAX).map(Some).map_err(|error| error.reason_of_read())
            }
            Self::Theirs(Some(Content::Here(bytes))) | Self::Stock(bytes) => Ok(Some(bytes.clone())),
            Self::Theirs(None) => Ok(None),
        })
    }
}

impl LiveFiles {
    /// With what the desktop and the lock screen show.
    pub fn new(ours: FolderFiles, desktop: Shows, lock_screen: Shows) -> Self {
        Self { ours, desktop, lock_screen, written: Vec::new() }
    }

    /// Where everything is, for a collection: the pictures that are shown, the words, and of what Windows takes from the person's hand only what a restore has saved.
    pub fn own_files(&self) -> OwnFiles {
        let mut files = self.ours.own_files();
        match &self.desktop {
            Shows::Theirs(Some(Content::There(place))) => files.wallpaper = Some(place.clone()),
            Shows::Theirs(_) | Shows::Stock(_) => files.wallpaper = None,
            Shows::Ours => {}
        }
        match &self.lock_screen {
            Shows::Theirs(theirs) => files.lock_screen = Ok(theirs.clone()),
            Shows::Stock(_) => files.lock_screen = Ok(None),
            Shows::Ours => {}
        }
        files
    }

    /// What is shown in the place of a role, for those that are shown.
    fn shows(&self, role: FileRole) -> &Shows {
        match role {
            FileRole::Wallpaper => &self.desktop,
            FileRole::LockScreen => &self.lock_screen,
            FileRole::AccountPicture | FileRole::Dictionary => &Shows::Ours,
        }
    }

    fn wrote(&mut self, role: FileRole) {
        self.written.push(role);
        match role {
            FileRole::Wallpaper => self.desktop = Shows::Ours,
            FileRole::LockScreen => self.lock_screen = Shows::Ours,
            FileRole::AccountPicture | FileRole::Dictionary => {}
        }
    }
}

impl FileWrite for LiveFiles {
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        self.shows(role).theirs().unwrap_or_else(|| self.ours.read(role))
    }

    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        self.ours.write(role, bytes)?;
        self.wrote(role);
        Ok(())
    }

    fn remove(&mut self, role: FileRole) -> Result<(), Reason> {
        self.ours.remove(role)?;
        self.wrote(role);
        Ok(())
    }

    /// The picture as it is now, and whether this run has put it there.
    fn picture(&self, role: FileRole) -> Picture {
        let existing = match self.shows(role) {
            Shows::Ours => self.ours.existing(role),
            Shows::Theirs(theirs) => theirs.as_ref().and_then(Content::path),
            Shows::Stock(_) => None,
        };
        match (self.written.contains(&role), existing) {
            (true, Some(path)) => Picture::Set(path),
            (true, None) => Picture::Removed,
            (false, path) => Picture::Untouched(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a picture";
    const ROLE: FileRole = FileRole::Wallpaper;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_picture_stands_beside_the_reg_file_under_its_fixed_name() {
        let folder = tempfile::tempdir().unwrap();
        let reg = folder.path().join("new.reg");
        let mut files = FolderFiles::beside(&reg);
        assert_eq!(files.read(ROLE), Ok(None));
        files.write(ROLE, JPEG).unwrap();
        files.write(ROLE, PNG).unwrap();
        assert_eq!(names(&folder.path().join("new.reg.files")), ["wallpaper.png"], "one picture at a time");
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(PNG));
        files.remove(ROLE).unwrap();
        files.remove(ROLE).unwrap();
        assert_eq!(files.read(ROLE), Ok(None));
    }

    #[test]
    fn only_pictures_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = FolderFiles::new(&folder.path().join("files"));
        for bytes in [&b"MZ"[..], b"", b"[Theme]", b"\xff\xd8", b"<svg/>"] {
            assert_eq!(files.write(ROLE, bytes), Err(Reason::NotAPicture));
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test plays Windows, which keeps its own copy")]
    fn what_windows_keeps_is_read_and_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("TranscodedWallpaper");
        fs::write(&copy, JPEG).unwrap();
        let ours = FolderFiles::new(&folder.path().join("ours"));
        let theirs = Below::new(folder.path().to_owned(), ["TranscodedWallpaper"]);
        let mut files = LiveFiles::new(ours, Shows::Theirs(Some(Content::There(theirs))), Shows::Ours);
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(JPEG));
        assert_eq!(files.picture(ROLE), Picture::Untouched(Some(copy.clone())));
        files.write(ROLE, PNG).unwrap();
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(PNG));
        assert_eq!(files.picture(ROLE), Picture::Set(folder.path().join("ours").join("wallpaper.png")));
        files.remove(ROLE).unwrap();
        assert_eq!((files.read(ROLE), files.picture(ROLE)), (Ok(None), Picture::Removed));
        assert_eq!(fs::read(&copy).unwrap(), JPEG);
    }

    #[test]
    fn a_picture_that_was_taken_away_leaves_a_plain_colour_and_not_windows_own_picture() {
        let none = |_: &str| None;
        assert_eq!(Picture::Removed.desktop_path(None, &none).as_deref(), Ok(""));
        let set = Picture::Set(PathBuf::from(r"C:\ours\wallpaper.png"));
        assert_eq!(set.desktop_path(None, &none).as_deref(), Ok(r"C:\ours\wallpaper.png"));
    }

    #[test]
    fn the_path_of_a_picture_that_stays_has_its_variables_filled_in_where_it_has_any() {
        let variable = |name: &str| name.eq_ignore_ascii_case("SystemRoot").then(|| r"C:\Windows".to_owned());
        let told = |reg_type, text: &str| {
            let bytes = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            Picture::Untouched(None).desktop_path(Some(&RawValue { reg_type, bytes }), &variable).unwrap()
        };
        for (reg_type, stored, path) in [
            (2, r"%SystemRoot%\web\img0.jpg", r"C:\Windows\web\img0.jpg"),
            (2, r"%systemroot%\100%%nobody%.jpg", r"C:\Windows\100%%nobody%.jpg"),
            (2, "", ""),
            (2, r"D:\50%.jpg", r"D:\50%.jpg"),
            (1, r"C:\%SystemRoot%\cat.jpg", r"C:\%SystemRoot%\cat.jpg"),
        ] {
            assert_eq!(told(reg_type, stored), path);
        }
        assert!(Picture::Untouched(None).desktop_path(None, &variable).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::io::Write;
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let (victim, inside) = (folder.path().join("victim"), folder.path().join("files"));
        fs::File::create(&victim).unwrap().write_all(JPEG).unwrap();
        fs::create_dir(&inside).unwrap();
        symlink(&victim, inside.join("wallpaper.png")).unwrap();
        let mut files = FolderFiles::new(&inside);
        assert_eq!(files.read(ROLE), Ok(None), "what the link points to is not read");
        files.write(ROLE, PNG).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), JPEG);
        assert_eq!(fs::read(inside.join("wallpaper.png")).unwrap(), PNG);

        symlink(&inside, folder.path().join("link")).unwrap();
        assert_eq!(FolderFiles::new(&folder.path().join("link")).write(ROLE, PNG), Err(Reason::IsALink));
    }
}
