//! Where a person's files are on disks that were laid out for it, and on such as a stranger has laid out.

use std::fs;

use super::*;
use crate::folder::spellings::all;
use crate::registry::{RawValue, RegistryError};

const SID: &str = "S-1-5-21-1-2-3-1001";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";
const ACCOUNT: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\AccountPicture\Users\S-1-5-21-1-2-3-1001";

/// The PC's half of a registry: texts by key and name.
#[derive(Default)]
struct Machine(Vec<(String, String, String)>);

impl Places for Machine {
    fn value(&self, _: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
        let found = self.0.iter().find(|(at, called, _)| at == key && called == name);
        let bytes = |text: &str| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        Ok(found.map(|(_, _, text)| RawValue { reg_type: 1, bytes: bytes(text) }))
    }

    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        let of_key = self.0.iter().filter(|(at, _, _)| at == key);
        of_key.map(|(_, name, _)| Ok((name.clone(), self.value(hive, key, name)?.unwrap()))).collect()
    }

    fn subkeys(&self, _: Hive, key: &str) -> Result<Vec<String>, RegistryError> {
        let below = self.0.iter().filter_map(|(at, _, _)| at.strip_prefix(key)?.strip_prefix('\\'));
        Ok(below.map(ToOwned::to_owned).collect())
    }
}

fn machine(entries: &[(&str, &str, &str)]) -> Machine {
    Machine(entries.iter().map(|(key, name, text)| ((*key).into(), (*name).into(), (*text).into())).collect())
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn of_pc(root: &Path, places: &Machine) -> OwnFiles {
    OwnFiles::of_pc(&root.join("ProgramData"), &root.join("Users/Public"), Some(Whose { sid: SID, places }))
}

#[test]
fn what_windows_says_of_its_lock_screen_counts_and_a_picture_that_it_comes_with_does_not() {
    let disk = tempfile::tempdir().unwrap();
    let folder = of_pc(disk.path(), &Machine::default());
    let showing = |made_from: Option<&str>| {
        let shown = Shown { made_from: made_from.map(str::to_owned), picture: b"a picture".to_vec() };
        folder.clone().showing(Some(shown)).lock_screen
    };
    let own = Ok(Some(Content::Here(b"a picture".to_vec())));
    assert_eq!(showing(Some(r"C:\Users\ada\Pictures\lake.jpg")), own);
    assert_eq!(showing(None), own, "a program has set it without a file");
    assert_eq!(showing(Some(r"C:\Windows\Web\Screen\img100.jpg")), Ok(None));
    assert_eq!(folder.clone().showing(None), folder, "what Windows does not say changes nothing");
}

#[test]
fn the_newest_choice_of_a_lock_screen_counts_and_in_it_the_picture_itself() {
    let disk = tempfile::tempdir().unwrap();
    let folder = format!("ProgramData/Microsoft/Windows/SystemData/{SID}/ReadOnly");
    let find = || of_pc(disk.path(), &Machine::default()).lock_screen.map(|found| found.and_then(|found| found.path()));
    assert_eq!(find(), Ok(None));
    put(
        disk.path(),
        &format!("{folder}/LockScreen_A/LockScreen___1920_1080_notdimmed.jpg"),
        b"\xff\xd8\xff the longest of all",
    );
    put(disk.path(), &format!("{folder}/LockScreen_A/LockScreen___1024_0768_notdimmed.jpg"), JPEG);
    put(disk.path(), &format!("{folder}/LockScreen_A/notes.txt"), &[b'x'; 99]);
    put(disk.path(), &format!("{folder}/Other/LockScreen.jpg"), JPEG);
    let at = |path: &str| Ok(Some(disk.path().join(&folder).join(path)));
    assert_eq!(find(), at("LockScreen_A/LockScreen___1920_1080_notdimmed.jpg"), "the largest copy");
    put(disk.path(), &format!("{folder}/LockScreen_B/LockScreen.png"), JPEG);
    put(disk.path(), &format!("{folder}/LockScreen_B/LockScreen___1920_1080_notdimmed.jpg"), &[b'x'; 99]);
    let later = fs::File::open(disk.path().join(&folder).join("LockScreen_A/LockScreen___1920_1080_notdimmed.jpg"));
    let later = later.unwrap().metadata().unwrap().modified().unwrap() + std::time::Duration::from_secs(9);
    let newest = fs::File::options().append(true).open(disk.path().join(&folder).join("LockScreen_B/LockScreen.png"));
    newest.unwrap().set_modified(later).unwrap();
    assert_eq!(find(), at("LockScreen_B/LockScreen.png"), "the picture itself, of the newest");
}

#[test]
fn an_account_picture_is_found_by_its_name_alone() {
    let disk = tempfile::tempdir().unwrap();
    let find = |path: &str| of_pc(disk.path(), &machine(&[(ACCOUNT, "Image448", path)])).account_picture;
    let named = r"D:\Old\Public\AccountPictures\{6B6A}-Image448.jpg";
    assert_eq!(find(named), Err(Reason::FileMissing));
    put(disk.path(), &format!("Users/Public/AccountPictures/{SID}/{{6B6A}}-Image448.jpg"), JPEG);
    let place = find(named).unwrap().unwrap();
    assert_eq!(place.path(), disk.path().join(format!("Users/Public/AccountPictures/{SID}/{{6B6A}}-Image448.jpg")));
    assert_eq!(place.read(99).unwrap(), JPEG);
    assert_eq!(of_pc(disk.path(), &Machine::default()).account_picture, Ok(None));
}

#[test]
fn no_spelling_of_elsewhere_leads_anywhere() {
    let disk = tempfile::tempdir().unwrap();
    let folder = format!("Users/Public/AccountPictures/{SID}");
    put(disk.path(), &format!("{folder}/inside.jpg"), JPEG);
    for path in ["Users/Public/AccountPictures/x", "Users/Public/x", "Users/x", "x", "ProgramData/x", "etc/passwd"] {
        put(disk.path(), path, JPEG);
    }
    let mut tried = 0;
    for spelling in all() {
        for named in [spelling.clone(), format!(r"C:\Users\Public\AccountPictures\{SID}\{spelling}")] {
            let found = of_pc(disk.path(), &machine(&[(ACCOUNT, "Image1080", &named)])).account_picture;
            // Refused, or cut down to a plain name of the one folder, in which nothing of that name is.
            let refused = matches!(found, Ok(None) | Err(Reason::CouldCarryCode | Reason::FileMissing));
            assert!(refused, "{named:?}: {found:?}");
            tried += 1;
        }
        let whose = Whose { sid: &spelling, places: &Machine::default() };
        let files = OwnFiles::of_pc(&disk.path().join("ProgramData"), &disk.path().join("Users/Public"), Some(whose));
        assert_eq!(files, OwnFiles::default(), "{spelling:?} is nobody");
    }
    assert_eq!(tried, 2 * 276);
}

#[test]
fn a_person_is_found_by_the_name_of_their_folder() {
    let key = |sid: &str| format!(r"{PROFILES}\{sid}");
    let places = machine(&[
        (&key("S-1-5-18"), "ProfileImagePath", r"%systemroot%\system32\config\systemprofile"),
        (&key(SID), "ProfileImagePath", r"C:\Users\Ada"),
    ]);
    assert_eq!(sid_of(OsStr::new("ada"), &places).as_deref(), Some(SID));
    assert_eq!(sid_of(OsStr::new("bob"), &places), None);
}

#[cfg(unix)]
#[test]
fn a_picture_that_is_a_link_to_elsewhere_is_not_read() {
    use std::os::unix::fs::symlink;

    let disk = tempfile::tempdir().unwrap();
    put(disk.path(), "secret.jpg", JPEG);
    let folder = disk.path().join(format!("Users/Public/AccountPictures/{SID}"));
    fs::create_dir_all(&folder).unwrap();
    symlink(disk.path().join("secret.jpg"), folder.join("mine.jpg")).unwrap();
    let places = machine(&[(ACCOUNT, "Image448", r"C:\x\mine.jpg")]);
    assert_eq!(of_pc(disk.path(), &places).account_picture, Err(Reason::IsALink));

    let system = disk.path().join(format!("ProgramData/Microsoft/Windows/SystemData/{SID}/ReadOnly"));
    fs::create_dir_all(&system).unwrap();
    fs::create_dir(disk.path().join("elsewhere")).unwrap();
    put(disk.path(), "elsewhere/LockScreen.jpg", JPEG);
    symlink(disk.path().join("elsewhere"), system.join("LockScreen_A")).unwrap();
    assert_eq!(of_pc(disk.path(), &places).lock_screen, Err(Reason::IsALink));

    let spelling = Below::new(disk.path().to_owned(), SPELLING);
    fs::create_dir_all(spelling.path()).unwrap();
    symlink(disk.path().join("elsewhere"), spelling.then("neutral").path()).unwrap();
    assert_eq!(dictionary::Kept::read(&spelling), Err(Reason::IsALink));
}
