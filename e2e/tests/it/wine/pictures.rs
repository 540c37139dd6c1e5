//! Desktop backgrounds: the person's own comes back, encoded anew by a process that may do nothing else; one that is a link to elsewhere, or no picture at
//! all, does not. (That a link in the place of Windows' own copy is not followed is tested on Linux: Wine 8 shows links as the files they lead to.)

use device::codec::text_of;
use serde_json::Value;

use crate::harness::{World, run};

use super::lived_in::stored;
use super::prefix::{Prefix, tool};

/// A whole picture of one pixel.
pub const PICTURE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
    \x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x0d\x49\x44\x41\x54\x78\xda\x63\x10\x32\x99\xf5\x1f\x00\
    \x03\x1c\x01\xe0\xb0\x45\x89\x32\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// Wine's person (seen with Wine 8).
const SID: &str = "S-1-5-21-0-0-0-1000";
const SYSTEM_DATA: &str = "ProgramData/Microsoft/Windows/SystemData/SID/ReadOnly";
const ACCOUNT_PICTURES: &str = "users/Public/AccountPictures/SID";

const ID: &str = "personalization.background.picture";
pub const RESTORE: [&str; 7] = ["restore", "--from-device", "OLD-PC", "--only", ID, "--yes", "--json"];

#[test]
fn the_desktop_background_comes_back_encoded_anew_and_is_shown() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    // What is behind the end of a picture does not travel on to the new PC's disk.
    backed_up(&old, &[PICTURE, b"MZ a program behind the picture"].concat());
    let said = restored(&new);
    assert_eq!(new.ours_that_run(), [""; 0], "what decodes the picture has ended");
    assert_eq!(ids(&said["outcome"]["applied"]), [ID], "{said}");
    assert_eq!(said["outcome"]["not_live"].as_array(), None, "Wine has a call for it: {said}");
    let written = std::fs::read(ours(&new)).unwrap();
    assert!(written.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(!written.windows(9).any(|window| window == b"a program"));
    let named =
        stored(&new.export(), (r"Control Panel\Desktop", "Wallpaper")).and_then(|raw| text_of(&raw.bytes)).unwrap();
    assert!(named.ends_with(r"\AppData\Local\Rehome.files\wallpaper.png"), "{named}");
    let again = new.json(&["plan", "--from-device", "OLD-PC", "--only", ID]);
    let steps = again["plan"]["settings"].as_array().unwrap();
    assert_eq!(steps.iter().find(|step| step["id"] == ID).unwrap()["action"], "same", "though its bytes are others");
}

#[test]
fn a_plain_colour_is_there_again_when_the_desktop_background_is_taken_back() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    backed_up(&old, PICTURE);
    new.reg_add(r"HKCU\Control Panel\Desktop", ("WallPaper", "REG_SZ", ""));
    assert_eq!(ids(&restored(&new)["outcome"]["applied"]), [ID]);
    new.rehome(&["undo", "--yes"]).done();
    let named = stored(&new.export(), (r"Control Panel\Desktop", "Wallpaper")).map(|raw| text_of(&raw.bytes));
    assert_eq!(named, Some(Some(String::new())), "an empty path, and not the picture that Windows starts with");
    assert!(!ours(&new).exists());
}

#[test]
fn a_picture_that_is_none_is_not_written_and_the_rest_is() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    // It begins like one, so it travels; what it is only its decoding can tell.
    backed_up(&old, b"\xff\xd8\xff\xe0\0\x10JFIF\0 and then a program");
    let said = restored(&new);
    assert_eq!(ids(&said["outcome"]["applied"]), [""; 0], "{said}");
    assert_eq!(said["outcome"]["failed"][0]["reason"], "not_a_picture", "{said}");
    assert!(!ours(&new).exists() && !ours(&new).with_extension("jpg").exists());
}

#[test]
fn a_link_in_the_place_of_a_restored_picture_leads_nowhere() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    backed_up(&old, PICTURE);
    let victim = world.path("victim");
    std::fs::write(&victim, b"precious").unwrap();
    std::fs::create_dir(ours(&new).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&victim, ours(&new)).unwrap();
    let said = restored(&new);
    assert_eq!(ids(&said["outcome"]["applied"]), [ID], "{said}");
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious", "the link was replaced, and not followed");
    assert!(!ours(&new).is_symlink());
}

/// All files of a person: what a backup of the running PC finds, what the new PC gets, byte by byte, and what it says of what needs the person's hand.
#[test]
fn all_four_files_of_a_person_come_back_and_what_needs_them_is_said() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    put(&old, SYSTEM_DATA, "LockScreen_Z/LockScreen.png", PICTURE);
    put(&old, SYSTEM_DATA, "LockScreen_Z/LockScreen___1920_1080_notdimmed.png", b"a copy");
    put(&old, ACCOUNT_PICTURES, "{6B6A}-Image448.png", PICTURE);
    let key = format!(r"HKLM\Software\Microsoft\Windows\CurrentVersion\AccountPicture\Users\{SID}");
    old.reg_add(&key, ("Image448", "REG_SZ", r"C:\Users\Public\AccountPictures\elsewhere\{6B6A}-Image448.png"));
    dictionary(&old, "neutral", "Rehome\r\nAda\r\n");
    dictionary(&old, "de-DE", "Aktenzeichen\r\n");
    backed_up(&old, PICTURE);
    dictionary(&new, "de-de", "Fernweh");

    let only = ids_of(&["lock_screen.picture", "account_picture", "background.picture"]);
    let words: Vec<&str> = only.iter().flat_map(|id| ["--only", id]).chain(["--only", "typing.dictionary"]).collect();
    let ask = [&["restore", "--from-device", "OLD-PC", "--yes"], &words[..]].concat();
    let said = new.rehome(&[&ask[..], &["--json"]].concat());
    let said: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(said["outcome"]["failed"].as_array().unwrap().len(), 0, "{said}");
    assert_eq!(ids(&said["outcome"]["applied"]).len(), 4, "{said}");
    let chosen = said["outcome"]["not_live"].as_array().unwrap();
    let pages: Vec<&str> = chosen.iter().map(|one| one["choose"]["page"].as_str().unwrap()).collect();
    assert_eq!(pages, ["Settings, Personalization, Lock screen", "Settings, Accounts, Your info"], "{said}");
    let file = chosen[0]["choose"]["file"].as_str().unwrap();
    assert!(file.ends_with(r"\AppData\Local\Rehome.files\lock_screen.png"), "{file}");

    let washed = std::fs::read(ours(&new)).unwrap();
    for name in ["lock_screen.png", "account_picture.png"] {
        let here = std::fs::read(ours(&new).with_file_name(name)).unwrap();
        assert_eq!(here, washed, "{name}: the same picture, encoded anew in the same way");
    }
    assert_eq!(spelling(&new, "neutral"), utf16("Ada\r\nRehome\r\n"));
    assert_eq!(spelling(&new, "de-de"), utf16("Fernweh\r\nAktenzeichen\r\n"), "added to what is there");

    let report = new.json(&["report"]);
    let of = |id: &str| {
        let all = report["settings"].as_array().unwrap_or_else(|| panic!("{report}"));
        all.iter().find(|one| one["id"] == id).unwrap()["reason"].clone()
    };
    assert_eq!(of("personalization.account_picture"), "needs_you");

    new.rehome(&["undo", "--yes"]).done();
    assert_eq!(spelling(&new, "de-de"), utf16("Fernweh"), "exactly what was there");
    assert!(!dictionary_path(&new, "neutral").exists() && !ours(&new).with_file_name("lock_screen.png").exists());
    let told = new.rehome(&ask).stderr;
    assert!(told.contains("Account picture needs you: saved as C:\\"), "{told}");
}

/// Wine shows a link to a folder as one, and a link to a file as the file. So these are links to folders: where a backup reads and where a restore writes.
#[test]
fn a_folder_that_is_a_link_to_elsewhere_is_neither_read_nor_written() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let elsewhere = world.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("TranscodedWallpaper"), PICTURE).unwrap();
    backed_up(&old, PICTURE);
    dictionary(&old, "neutral", "Rehome\r\n");
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    // On the new PC, the folder that a restored picture goes into and that of the words lead out.
    for link in [ours(&new).parent().unwrap(), dictionary_path(&new, "neutral").parent().unwrap()] {
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, link).unwrap();
    }
    let said = new.rehome(&[&RESTORE[..6], &["--only", "typing.dictionary", "--json"]].concat());
    let said: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(ids(&said["outcome"]["applied"]), [""; 0], "{said}");
    let left: Vec<_> = std::fs::read_dir(&elsewhere).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["TranscodedWallpaper"], "nothing was written there");

    // On the old PC, the folder that Windows keeps the picture in leads out.
    let themes = old.person().join("AppData/Roaming/Microsoft/Windows/Themes");
    std::fs::remove_dir_all(&themes).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &themes).unwrap();
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    let shown = old.json(&["show"]);
    let reading = &shown["readings"][ID];
    assert_eq!(reading["outcome"], "refused", "{reading}");
}

/// Wine can make links in its registry, by the call that Windows has for it. (Not of a key that Wine makes anew at each start, such as that of the mouse.)
#[test]
fn a_key_that_is_a_link_is_neither_read_nor_written_through() {
    const ADVANCED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let key = format!(r"HKCU\{ADVANCED}");
    old.reg_add(&key, ("TaskbarAl", "REG_DWORD", "0"));
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    let link = |pc: &Prefix| {
        // It need not be there.
        drop(pc.wine(&["reg", "delete", &key, "/f"]));
        pc.reg_add(r"HKCU\Elsewhere", ("TaskbarAl", "REG_DWORD", "1"));
        std::fs::copy(tool("reglink"), pc.path().join("drive_c/reglink.exe")).unwrap();
        run(pc.program(r"C:\reglink.exe", &[ADVANCED, "Elsewhere"]), "").ok();
    };
    link(&new);
    let said = new.rehome(&["restore", "--from-device", "OLD-PC", "--only", "taskbar", "--yes", "--json"]);
    let there = stored(&new.export(), ("Elsewhere", "TaskbarAl")).map(|raw| raw.bytes);
    assert_eq!(there, Some(vec![1, 0, 0, 0]), "nothing was written through the link: {said:?}");
    assert!(said.stdout.contains("is_a_link"), "{said:?}");

    link(&old);
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    let shown = old.json(&["show"]).to_string();
    assert!(shown.contains("is_a_link"), "{shown}");
}

/// Two connected PCs, the old one without a backup yet.
fn two_pcs(world: &World) -> Option<(Prefix, Prefix)> {
    Some((Prefix::enrolled(world, "OLD-PC")?, Prefix::enrolled(world, "NEW-PC")?))
}

fn ids_of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("personalization.{name}")).collect()
}

/// Puts a file below a folder of drive C, with the identifier of Wine's person in its path.
fn put(pc: &Prefix, folder: &str, name: &str, bytes: &[u8]) {
    let path = pc.path().join("drive_c").join(folder.replace("SID", SID)).join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn dictionary_path(pc: &Prefix, language: &str) -> std::path::PathBuf {
    pc.person().join("AppData/Roaming/Microsoft/Spelling").join(language).join("default.dic")
}

fn dictionary(pc: &Prefix, language: &str, words: &str) {
    let path = dictionary_path(pc, language);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, utf16(words)).unwrap();
}

fn spelling(pc: &Prefix, language: &str) -> Vec<u8> {
    std::fs::read(dictionary_path(pc, language)).unwrap()
}

/// Text as Windows keeps dictionaries.
fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

/// Puts a picture on the desktop as Windows keeps it, and backs up.
pub fn backed_up(pc: &Prefix, picture: &[u8]) {
    let themes = pc.person().join("AppData/Roaming/Microsoft/Windows/Themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(themes.join("TranscodedWallpaper"), picture).unwrap();
    pc.reg_add(r"HKCU\Control Panel\Desktop", ("WallPaper", "REG_SZ", r"C:\pictures\mine.png"));
    pc.rehome(&["backup", "--no-rehearsal"]).ok();
}

fn restored(pc: &Prefix) -> Value {
    let said = pc.rehome(&RESTORE);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Where a restored picture lies.
fn ours(pc: &Prefix) -> std::path::PathBuf {
    pc.person().join("AppData/Local/Rehome.files/wallpaper.png")
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}
