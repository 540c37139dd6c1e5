//! Settings that are files: the desktop background.
//!
//! Beside a `.reg` target stands a folder `<target>.files`, in which each role has one fixed name; its ending follows the picture's signature, not
//! anything that travelled. Links are never followed: a link in the place of a file is replaced, and a link in the place of the folder refused.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::catalog::FileRole;
use model::reason::Reason;

use super::journal::{reason_of_write, replace, sync_folder};
use crate::plan::PICTURE_BYTES_MAX;

/// Reads and writes the files that are settings.
pub trait FileWrite {
    /// The file's bytes; `None` if there is none.
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason>;

    /// Replaces the file as a whole. On return it is durable. Bytes that are no picture are refused.
    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason>;

    /// Removes the file; nothing happens if it is not there.
    fn remove(&mut self, role: FileRole) -> Result<(), Reason>;

    /// The desktop background, for the call that shows it. Where nobody looks there is nothing to say.
    fn picture(&self) -> Picture {
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

/// Files in a folder, each under the name of its role.
#[derive(Clone, Debug)]
pub struct FolderFiles {
    folder: PathBuf,
}

impl FolderFiles {
    /// The files in this folder, which is made when the first one is; the folder above it must be there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The files that belong to a `.reg` file.
    pub fn beside(reg_file: &Path) -> Self {
        let mut name = reg_file.as_os_str().to_owned();
        name.push(".files");
        Self { folder: name.into() }
    }

    /// The path of the file with this role, if there is one.
    pub fn existing(&self, role: FileRole) -> Option<PathBuf> {
        let paths = ENDINGS.into_iter().map(|ending| self.path(role, ending));
        paths.into_iter().find(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file()))
    }

    fn path(&self, role: FileRole, ending: &str) -> PathBuf {
        let FileRole::Wallpaper = role;
        self.folder.join(format!("wallpaper.{ending}"))
    }

    /// Whether the folder is there; a link or a file in its place is refused.
    fn has_folder(&self) -> Result<bool, Reason> {
        match fs::symlink_metadata(&self.folder) {
            Ok(found) if found.is_dir() => Ok(true),
            Ok(_) => Err(Reason::AccessDenied),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(reason_of_write(&error)),
        }
    }
}

impl FileWrite for FolderFiles {
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        if !self.has_folder()? {
            return Ok(None);
        }
        for ending in ENDINGS {
            let path = self.path(role, ending);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_file() => return read_bounded(&path).map(Some),
                // A link, or anything else that is not a file: it is not ours to read, and it is not there.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return Err(Reason::AccessDenied),
            }
        }
        Ok(None)
    }

    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        let ending = picture_ending(bytes).ok_or(Reason::NotAPicture)?;
        if !self.has_folder()? {
            fs::create_dir(&self.folder).map_err(|error| reason_of_write(&error))?;
        }
        replace(&self.path(role, ending), bytes).map_err(|error| reason_of_write(&error))?;
        for other in ENDINGS.into_iter().filter(|other| *other != ending) {
            remove_file(&self.path(role, other))?;
        }
        sync_folder(&self.folder).map_err(|error| reason_of_write(&error))
    }

    fn remove(&mut self, role: FileRole) -> Result<(), Reason> {
        if !self.has_folder()? {
            return Ok(());
        }
        for ending in ENDINGS {
            remove_file(&self.path(role, ending))?;
        }
        sync_folder(&self.folder).map_err(|error| reason_of_write(&error))
    }
}

/// The desktop background as a run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// It is the one that was there: the file that Windows keeps of it, if there is one.
    Untouched(Option<PathBuf>),
    /// This one of ours.
    Set(PathBuf),
    /// It was taken away.
    Removed,
}

/// The files of the person who is signed in to a live PC.
///
/// What Windows keeps of a picture is read and never written: a restored picture goes into a folder of ours, and Windows is pointed to it by a
/// call ([`crate::target::Effects`]).
#[derive(Clone, Debug)]
pub struct LiveFiles {
    ours: FolderFiles,
    /// `None`: what lies in our folder is what is on the desktop.
    theirs: Option<Picture>,
    written: bool,
}

impl LiveFiles {
    /// With a picture that is not ours, or none.
    pub fn new(ours: FolderFiles, theirs: Picture) -> Self {
        Self { ours, theirs: Some(theirs), written: false }
    }

    /// With the picture that an earlier restore has put into our folder.
    pub fn ours(ours: FolderFiles) -> Self {
        Self { ours, theirs: None, written: false }
    }

    /// The file of the picture that is on the desktop, if there is one.
    pub fn existing(&self) -> Option<PathBuf> {
        match &self.theirs {
            Some(Picture::Untouched(path)) => path.clone(),
            _ => self.ours.existing(FileRole::Wallpaper),
        }
    }
}

impl FileWrite for LiveFiles {
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        match &self.theirs {
            Some(Picture::Untouched(path)) => path.as_deref().map(read_bounded).transpose(),
            _ => self.ours.read(role),
        }
    }

    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        self.ours.write(role, bytes)?;
        (self.theirs, self.written) = (None, true);
        Ok(())
    }

    fn remove(&mut self, role: FileRole) -> Result<(), Reason> {
        self.ours.remove(role)?;
        (self.theirs, self.written) = (None, true);
        Ok(())
    }

    /// The picture as it is now, and whether this run has put it there.
    fn picture(&self) -> Picture {
        match (self.written, self.existing()) {
            (true, Some(path)) => Picture::Set(path),
            (true, None) => Picture::Removed,
            (false, path) => Picture::Untouched(path),
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|_| Reason::AccessDenied)?;
    file.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| Reason::Damaged)?;
    if bytes.len() as u64 > PICTURE_BYTES_MAX { Err(Reason::FileTooLarge) } else { Ok(bytes) }
}

fn remove_file(path: &Path) -> Result<(), Reason> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(reason_of_write(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
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
        let mut files = FolderFiles::new(folder.path().join("files"));
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
        let ours = FolderFiles::new(folder.path().join("ours"));
        let mut files = LiveFiles::new(ours, Picture::Untouched(Some(copy.clone())));
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(JPEG));
        assert_eq!(files.picture(), Picture::Untouched(Some(copy.clone())));
        files.write(ROLE, PNG).unwrap();
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(PNG));
        assert_eq!(files.picture(), Picture::Set(folder.path().join("ours").join("wallpaper.png")));
        files.remove(ROLE).unwrap();
        assert_eq!((files.read(ROLE), files.picture()), (Ok(None), Picture::Removed));
        assert_eq!(fs::read(&copy).unwrap(), JPEG);
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
        let mut files = FolderFiles::new(inside.clone());
        assert_eq!(files.read(ROLE), Ok(None), "what the link points to is not read");
        files.write(ROLE, PNG).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), JPEG);
        assert_eq!(fs::read(inside.join("wallpaper.png")).unwrap(), PNG);

        symlink(&inside, folder.path().join("link")).unwrap();
        assert_eq!(FolderFiles::new(folder.path().join("link")).write(ROLE, PNG), Err(Reason::AccessDenied));
    }
}
