//! Everything a person may point at, right and wrong.

use std::fs;
use std::path::Path;

use hive::writer::{Layout, Tree, utf16z};
use model::catalog::Root;

use super::*;

fn hive_of(build: impl FnOnce(&mut Tree)) -> Vec<u8> {
    let mut tree = Tree::new("ROOT");
    build(&mut tree);
    tree.to_bytes(&Layout::default())
}

fn user_hive() -> Vec<u8> {
    hive_of(|root| _ = root.key(r"Control Panel\Desktop").set("WallPaper", 1, utf16z("x")))
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn reason_of(path: &Path) -> Reason {
    Input::open(path).err().unwrap_or_else(|| panic!("{} was accepted", path.display())).reason()
}

fn read(input: &Input) -> Option<String> {
    let raw = input.registry.read(Root::User, r"Control Panel\Desktop", &["WallPaper"]).unwrap().remove(0)?;
    crate::codec::text_of(&raw.bytes)
}

#[test]
fn a_hive_a_profile_and_an_export_are_told_apart_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "someone.hiv", &user_hive());
    put(folder.path(), "ada/ntuser.dat", &user_hive());
    put(
        folder.path(),
        "export.txt",
        b"Windows Registry Editor Version 5.00\n[HKCU\\Control Panel\\Desktop]\n\"WallPaper\"=\"x\"\n",
    );
    for (name, source) in [("someone.hiv", Source::Hive), ("ada", Source::Hive), ("export.txt", Source::RegFile)] {
        let input = Input::open(&folder.path().join(name)).unwrap();
        assert_eq!((input.source, read(&input).as_deref()), (source, Some("x")), "{name}");
        assert_eq!(input.warnings, [""; 0], "{name}");
    }
}

#[test]
fn a_profile_is_found_whatever_the_case_of_its_names() {
    let disk = tempfile::tempdir().unwrap();
    let profile = disk.path().join("USERS/Ada");
    put(&profile, "ntuser.DAT", &user_hive());
    put(&profile, "appdata/LOCAL/Microsoft/Windows/usrclass.dat", &hive_of(|root| _ = root.key("Local Settings")));
    put(&profile, "AppData/Roaming/microsoft/windows/Themes/transcodedwallpaper", b"\xff\xd8\xff");
    put(&profile, "AppData/Local/decoy", b"");
    put(
        disk.path(),
        "WINDOWS/system32/config/software",
        &hive_of(|root| {
            root.key(r"Microsoft\Windows NT\CurrentVersion")
                .set("CurrentBuildNumber", 1, utf16z("26100"))
                .set("UBR", 4, 4351u32.to_le_bytes())
                .set("EditionID", 1, utf16z("Enterprise"));
        }),
    );
    put(
        disk.path(),
        "WINDOWS/system32/config/SYSTEM",
        &hive_of(|root| {
            root.key("Select").set("Current", 4, 2u32.to_le_bytes());
            root.key(r"ControlSet002\Control\ComputerName\ComputerName").set("ComputerName", 1, utf16z("LAPTOP-7"));
            root.key(r"ControlSet002\Control\SystemInformation").set("SystemProductName", 1, utf16z("Contoso Book 14"));
        }),
    );
    let input = Input::open(&profile).unwrap();
    assert_eq!(input.warnings, [""; 0]);
    assert!(input.files.wallpaper.is_some());
    assert_eq!(input.registry.subkeys(Root::Classes, "").unwrap(), ["Local Settings"]);
    let expected = DeviceFacts {
        name: "LAPTOP-7".into(),
        model: Some("Contoso Book 14".into()),
        build: Some(26100),
        revision: Some(4351),
        edition: Some("Enterprise".into()),
    };
    assert_eq!(input.facts, expected);
}

#[test]
fn the_names_of_mandatory_profiles_and_of_windows_7_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let themes = "AppData/Roaming/Microsoft/Windows/Themes";
    put(folder.path(), "ntuser.man", &user_hive());
    put(folder.path(), &format!("{themes}/TranscodedWallpaper.jpg"), b"\xff\xd8\xff");
    let input = Input::open(folder.path()).unwrap();
    assert_eq!((read(&input).as_deref(), input.warnings.len()), (Some("x"), 0));
    assert!(input.files.wallpaper.unwrap().path().ends_with(format!("{themes}/TranscodedWallpaper.jpg")));
    // Beside the usual names they are left alone: copies of an older time.
    put(
        folder.path(),
        "NTUSER.DAT",
        &hive_of(|root| _ = root.key(r"Control Panel\Desktop").set("WallPaper", 1, utf16z("y"))),
    );
    put(folder.path(), &format!("{themes}/TranscodedWallpaper"), b"\xff\xd8\xff");
    let input = Input::open(folder.path()).unwrap();
    assert_eq!(read(&input).as_deref(), Some("y"));
    assert!(input.files.wallpaper.unwrap().path().ends_with(format!("{themes}/TranscodedWallpaper")));
}

/// A PC's `SOFTWARE` with programs for everybody, in both of its lists.
fn software_with_programs() -> Vec<u8> {
    hive_of(|root| {
        let list = r"Microsoft\Windows\CurrentVersion\Uninstall";
        let mut program = |key: String, name: &str, kind: u32| {
            root.key(&key).set("DisplayName", kind, utf16z(name)).set("DisplayVersion", 1, utf16z("2.0"));
        };
        program(format!(r"{list}\7-Zip"), "7-Zip", 1);
        program(format!(r"{list}\Notes"), r"Notes in %ProgramFiles%", 2);
        program(format!(r"WOW6432Node\{list}\{{ABC}}"), "Old Editor", 1);
        root.key(&format!(r"{list}\Part")).set("DisplayName", 1, utf16z("Part")).set(
            "SystemComponent",
            4,
            1u32.to_le_bytes(),
        );
    })
}

fn programs_of(input: &Input) -> Vec<(String, String, Option<model::snapshot::AppScope>)> {
    use crate::apps::Apps as _;
    let apps = crate::apps::InputApps(input).list().unwrap();
    apps.into_iter().map(|app| (app.id, app.name.unwrap_or_default(), app.again.scope)).collect()
}

#[test]
fn programs_for_everybody_are_found_on_a_disk_without_amcache_and_once_with_it() {
    use model::snapshot::AppScope::Machine;

    let disk = tempfile::tempdir().unwrap();
    let profile = disk.path().join("Users/ada");
    put(&profile, "NTUSER.DAT", &user_hive());
    put(disk.path(), "Windows/System32/config/SOFTWARE", &software_with_programs());
    let row = |id: &str, name: &str, scope| (id.to_owned(), name.to_owned(), scope);
    let of_registry = [
        row("7-Zip", "7-Zip", Some(Machine)),
        row("Notes", "Notes in %ProgramFiles%", Some(Machine)),
        row("{ABC}", "Old Editor", Some(Machine)),
    ];
    let input = Input::open(&profile).unwrap();
    assert_eq!(input.warnings, [""; 0]);
    assert_eq!(programs_of(&input), of_registry);

    // Amcache spells one of them otherwise, and has one more of a version that is newer than what the registry says.
    let amcache = hive_of(|root| {
        for (key, id, name) in [("1", "{abc}", "Old Editor"), ("2", "7-Zip", "7-Zip"), ("3", "Tool", "Tool")] {
            root.key(&format!(r"Root\InventoryApplication\{key}"))
                .set("Source", 1, utf16z("AddRemoveProgram"))
                .set("Name", 1, utf16z(name))
                .set("Version", 1, utf16z("9.0"))
                .set("RegistryKeyPath", 1, utf16z(&format!(r"HKEY_LOCAL_MACHINE\Software\x\Uninstall\{id}")));
        }
    });
    put(disk.path(), "Windows/AppCompat/Programs/Amcache.hve", &amcache);
    let input = Input::open(&profile).unwrap();
    let [zip, notes, editor] = of_registry;
    assert_eq!(programs_of(&input), [zip, notes, row("Tool", "Tool", None), editor]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_profile_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("ada");
    put(&profile, "NTUSER.DAT", &user_hive());
    put(folder.path(), "secret", b"\xff\xd8\xff secret");
    put(&profile, "inside", b"\xff\xd8\xff mine");
    let themes = profile.join("AppData/Roaming/Microsoft/Windows/Themes");
    fs::create_dir_all(&themes).unwrap();
    let wallpaper = themes.join("TranscodedWallpaper");
    std::os::unix::fs::symlink(folder.path().join("secret"), &wallpaper).unwrap();
    assert_eq!(Input::open(&profile).unwrap().files.wallpaper, None);

    fs::remove_file(&wallpaper).unwrap();
    std::os::unix::fs::symlink(profile.join("inside"), &wallpaper).unwrap();
    assert_eq!(
        Input::open(&profile).unwrap().files.wallpaper.unwrap().path(),
        profile.canonicalize().unwrap().join("inside")
    );
}

/// Restored, "nothing there" takes a setting of the new PC away; so it must not be said of what nobody looked at.
#[test]
fn what_an_export_does_not_cover_is_unknown_and_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Control Panel\\Mouse]\r\n\"DoubleClickSpeed\"=\"500\"\r\n\r\n\
        [-HKEY_CURRENT_USER\\Console]\r\n";
    put(folder.path(), "part.reg", text.as_bytes());
    let input = Input::open(&folder.path().join("part.reg")).unwrap();
    let note = "the export is one of a part of the registry; settings that lie elsewhere are left out";
    assert_eq!(input.notes.last().unwrap(), note);
    let read = |key: &str, name: &str| {
        let found = input.registry.read(Root::User, key, &[name]);
        found.map(|found| found[0].is_some()).map_err(|error| error.reason())
    };
    assert_eq!(read(r"control panel\mouse", "DoubleClickSpeed"), Ok(true));
    assert_eq!(read(r"Control Panel\Mouse", "SwapMouseButtons"), Ok(false));
    assert_eq!(read(r"Control Panel\Mouse\Below", "Any"), Ok(false));
    assert_eq!(read(r"Console\Window", "FaceName"), Ok(false), "the export says that it is gone");
    for outside in [r"Control Panel", r"Control Panel\MouseKeys", r"Software"] {
        assert_eq!(read(outside, "Any"), Err(Reason::NotExported), "{outside}");
    }
    put(folder.path(), "whole.reg", b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER]\r\n");
    let whole = Input::open(&folder.path().join("whole.reg")).unwrap();
    assert_eq!(whole.registry.read(Root::User, "Software", &["Any"]).unwrap(), [None]);
}

#[test]
fn each_wrong_thing_has_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    put(folder.path(), "empty", b"");
    put(folder.path(), "empty.reg", b"");
    put(folder.path(), "picture.jpg", b"\xff\xd8\xff\xe0");
    put(folder.path(), "notes.reg", b"hello");
    put(folder.path(), "old.reg", b"REGEDIT\r\n");
    put(folder.path(), "SYSTEM", &hive_of(|root| _ = root.key("Select")));
    put(folder.path(), "cut", &user_hive()[..2048]);
    put(folder.path(), "no profile/file", b"x");
    let cases = [
        ("missing", Reason::FileNotFound),
        ("empty/below", Reason::FileNotFound),
        ("empty", Reason::FileEmpty),
        ("empty.reg", Reason::FileEmpty),
        ("picture.jpg", Reason::NotAHive),
        ("notes.reg", Reason::NotARegFile),
        ("old.reg", Reason::NotARegFile),
        ("SYSTEM", Reason::WrongHive),
        ("cut", Reason::Truncated),
        ("no profile", Reason::NoUserProfile),
    ];
    for (name, reason) in cases {
        assert_eq!(reason_of(&at(name)), reason, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(reason_of(&pipe), Reason::NotAFile);
    assert_eq!(reason_of(Path::new("/dev/zero")), Reason::NotAFile);
}

#[test]
fn an_export_with_lines_that_say_nothing_tells_of_them() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.reg", b"REGEDIT4\r\n# mine\r\n[HKEY_CURRENT_USER]\r\n\"x\"=dword:1\r\n\x1a");
    let input = Input::open(&folder.path().join("a.reg")).unwrap();
    assert_eq!(input.notes, ["1 line of the export says nothing to Windows and was not read; look at line 2"]);
    assert_eq!(input.warnings, [""; 0]);
}

#[test]
fn an_export_of_a_whole_pc_says_what_was_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Windows Registry Editor Version 5.00\n[HKEY_LOCAL_MACHINE\\A]\n[HKEY_LOCAL_MACHINE\\B]\n[HKEY_CURRENT_USER]\n[HKEY_CURRENT_USER\\C]\n\"x\"=-\n";
    put(folder.path(), "pc.reg", text.as_bytes());
    let input = Input::open(&folder.path().join("pc.reg")).unwrap();
    assert_eq!(
        input.notes,
        [
            "2 keys of `HKEY_LOCAL_MACHINE` lie outside the user's settings and were not read",
            "1 line of the export deletes keys or values; what is deleted counts as not stored"
        ]
    );
    assert_eq!(input.warnings, [""; 0], "nothing of the user's settings is missing");
}
