//! The person's window under Wine, as somebody with a keyboard uses it: an old PC backs up, and a new one, which the installer prepared, welcomes its person
//! back at the first sign-in.
//!
//! A sign-in is Wine's own: `wineboot` starts what stands under the key `Run`, as Windows does once the desktop is there. What Wine cannot show is not told
//! here: contrast themes, screen readers, and how long Windows lets the programs of `Run` wait.

use std::process::Stdio;

use device::registry::MemoryRegistry;

use crate::harness::World;
use crate::screen::{Screen, until};

use super::desktop::{give_fonts, page, start};
use super::lived_in::{lived_in, packed_values, settings, stored};
use super::prefix::{Prefix, installers, tool};

/// Where each Windows has the programs that a sign-in starts (Microsoft Learn, on the registry keys Run and `RunOnce`).
const RUN: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run";
/// The window beside the program that the other stories run.
const WINDOW: &str = r"C:\rehome\rehome-backup.exe";

/// A fresh PC that the installer prepared with a token of `ada`'s, as management does.
fn prepared(world: &World) -> Option<Prefix> {
    let [installer, _] = installers()?;
    let pc = Prefix::fresh()?;
    if !give_fonts(&pc) {
        return None;
    }
    pc.import(&packed_values(&pc.export()));
    std::fs::copy(installer, pc.path().join("drive_c/rehome.msi")).unwrap();
    let server = format!("SERVERURL={}", world.address());
    let secret = world.server_command(&["token", "create", "--user", "ada"], "").ok();
    let token = format!("ENROLLTOKEN={}", secret.trim());
    pc.wine(&["msiexec", "/i", r"C:\rehome.msi", "/qn", "/norestart", &server, &token]).ok();
    Some(pc)
}

/// A sign-in on which no page comes up: the desktop comes to its end by itself, and leaves the screen as it was before anything was on it.
fn signs_in_to_a_bare_desktop(pc: &Prefix, screen: &Screen, bare: &[u8]) {
    start(screen, pc, &["wineboot"], &[]).ended();
    // Wine's desktop goes a moment after its last program.
    until("a bare screen", || screen.picture() == bare);
}

fn welcome(pc: &Prefix) -> serde_json::Value {
    pc.json(&["welcome"])
}

#[test]
fn an_old_pc_backs_up_and_a_new_one_welcomes_back() {
    let Some(screen) = Screen::new() else { return };
    let bare = screen.picture();
    let world = World::new();
    let Some(old) = Prefix::enrolled(&world, "OLD-PC") else { return };
    let Some(new) = prepared(&world) else { return };
    give_fonts(&old);
    old.give_window();
    old.import(&packed_values(&old.export()));
    old.import(&lived_in(&old.export()));

    // The old PC: the page Backup is in front, and its button is the one that Enter presses.
    let desktop = start(&screen, &old, &[WINDOW], &[]);
    let first = page(&screen, "backup-first", &bare);
    screen.press(&["Return"]);
    page(&screen, "backup-done", &first);
    screen.press(&["alt+F4"]);
    desktop.ended();
    let theirs = old.export();
    let kept = old.json(&["snapshots"]);
    assert_eq!(kept[0]["snapshots"].as_array().map(Vec::len), Some(1), "the button has backed up: {kept}");

    // The new PC: what the installer registered is what Windows starts at each sign-in.
    let hook = new.wine(&["reg", "query", RUN, "/v", "Rehome"]).ok();
    assert!(hook.contains(r#""C:\Program Files\Rehome\rehome-backup.exe" --welcome"#), "{hook}");
    let here = new.export();
    let desktop = start(&screen, &new, &["wineboot"], &[]);
    let offered = page(&screen, "welcome", &bare);
    screen.press(&["Return"]);
    let shown = page(&screen, "welcome-preview", &offered);
    screen.press(&["Return"]);
    page(&screen, "welcome-result", &shown);
    screen.press(&["Return"]);
    desktop.ended();
    same_settings(&here, &new.export(), &theirs);
    assert_eq!(welcome(&new)["answer"], "restored");

    // It has had its answer.
    signs_in_to_a_bare_desktop(&new, &screen, &bare);
    assert_eq!(welcome(&new)["shown"], 1);
}

/// Every setting is as on the old PC, and was another one before.
fn same_settings(before: &MemoryRegistry, here: &MemoryRegistry, theirs: &MemoryRegistry) {
    let mut changed = 0;
    for (setting, place) in settings() {
        assert_eq!(stored(here, place), stored(theirs, place), "{} is as on the old PC", setting.id);
        changed += usize::from(stored(before, place) != stored(here, place));
    }
    assert_eq!(changed, settings().count(), "each of them came back");
}

#[test]
fn every_page_is_drawn_in_every_look() {
    const LOOKS: [&str; 3] = ["light", "dark", "contrast"];
    /// What leads to a page from the beginning: its place among the tabs.
    const PAGES: [(&str, &[&str]); 3] =
        [("backup", &[]), ("restore", &["Tab", "Tab", "Return"]), ("privacy", &["Tab", "Return"])];
    let Some(screen) = Screen::new() else { return };
    let bare = screen.picture();
    let world = World::new();
    let Some(pc) = Prefix::enrolled(&world, "OLD-PC") else { return };
    if !give_fonts(&pc) {
        return;
    }
    pc.give_window();
    pc.rehome(&["backup"]).ok();
    for look in LOOKS {
        let desktop = start(&screen, &pc, &[WINDOW], &[("REHOME_LOOK", look)]);
        let mut last = bare.clone();
        for (name, keys) in PAGES {
            if !keys.is_empty() {
                screen.press(keys);
            }
            last = page(&screen, &format!("{name}-{look}"), &last);
        }
        screen.press(&["alt+F4"]);
        desktop.ended();
    }
}

#[test]
fn a_sign_in_shows_no_page_where_none_is_due() {
    let Some(screen) = Screen::new() else { return };
    let bare = screen.picture();
    let world = World::new();
    let Some(new) = prepared(&world) else { return };
    let decided = |pc: &Prefix| {
        let said = welcome(pc);
        (said["show"].clone(), said["reason"].as_str().unwrap_or_default().to_owned(), said["shown"].clone())
    };

    // Nothing to offer: the first sign-in connects the PC with the installer's token, and that is all.
    signs_in_to_a_bare_desktop(&new, &screen, &bare);
    assert_eq!(decided(&new), (false.into(), "no_profile".to_owned(), 0.into()));

    // There is another PC now, and the organisation wants no page.
    let Some(old) = Prefix::enrolled(&world, "OLD-PC") else { return };
    old.rehome(&["backup"]).ok();
    let policy = r"HKLM\Software\Policies\Rehome";
    new.reg_add(policy, ("ShowRestorePage", "REG_DWORD", "0"));
    signs_in_to_a_bare_desktop(&new, &screen, &bare);
    assert_eq!(decided(&new), (false.into(), "restore_page_off".to_owned(), 0.into()));
    new.wine(&["reg", "delete", policy, "/v", "ShowRestorePage", "/f"]).ok();

    // A PC that people share, and the account of a kiosk. Nobody is asked, nothing is counted.
    let nodes = r"HKLM\Software\Microsoft\Windows\CurrentVersion\SharedPC\NodeValues";
    let kiosk = r"HKCU\Software\Microsoft\Windows\AssignedAccessConfiguration";
    for (key, value) in [(nodes, ("01", "REG_DWORD", "1")), (kiosk, ("Id", "REG_SZ", "{1}"))] {
        new.reg_add(key, value);
        signs_in_to_a_bare_desktop(&new, &screen, &bare);
        assert_eq!(decided(&new), (false.into(), "shared_pc".to_owned(), 0.into()), "{key}");
        new.wine(&["reg", "delete", key, "/f"]).ok();
    }

    // Closed without an answer it comes back once, at the next sign-in, although the task has backed up meanwhile.
    for shown in 1..=2 {
        let desktop = start(&screen, &new, &["wineboot"], &[]);
        screen.at_rest();
        screen.press(&["Escape"]);
        desktop.ended();
        assert_eq!(welcome(&new)["shown"], shown);
        new.rehome(&["backup"]).ok();
    }
    signs_in_to_a_bare_desktop(&new, &screen, &bare);
    assert_eq!(decided(&new), (false.into(), "welcomed_before".to_owned(), 2.into()));
}

/// The program as one of the desktop, for which Windows opens no console (PE format, "Optional Header Windows-Specific Fields": `Subsystem`).
fn without_console(mut program: Vec<u8>) -> Vec<u8> {
    const SUBSYSTEM: usize = 0x5c;
    let header = u32::from_le_bytes(program[0x3c..0x40].try_into().unwrap());
    program[usize::try_from(header).unwrap() + SUBSYSTEM] = 2;
    program
}

#[test]
fn explorer_starts_anew_when_its_button_is_pressed() {
    let Some(screen) = Screen::new() else { return };
    let bare = screen.picture();
    let world = World::new();
    let Some(old) = Prefix::enrolled(&world, "OLD-PC") else { return };
    old.reg_add(r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced", ("TaskbarAl", "REG_DWORD", "0"));
    old.rehome(&["backup"]).ok();
    let Some(new) = Prefix::enrolled(&world, "NEW-PC") else { return };
    if !give_fonts(&new) {
        return;
    }
    new.give_window();
    let drive = new.path().join("drive_c");
    std::fs::copy(tool("session"), drive.join("session.exe")).unwrap();
    let desktop = start(&screen, &new, &[WINDOW], &[]);
    let first = page(&screen, "explorer-first", &bare);

    // The desktop is Wine's; its shell is a stand-in where Windows has Explorer.
    let explorer = drive.join("windows/explorer.exe");
    std::fs::remove_file(&explorer).unwrap();
    std::fs::write(&explorer, without_console(std::fs::read(tool("session")).unwrap())).unwrap();
    let starts = || std::fs::read_to_string(drive.join("shell.log")).unwrap_or_default();
    let mut shell = new.program(r"C:\session.exe", &["on", "rehome", r"C:\windows\explorer.exe"]);
    assert!(screen.shown_on(&mut shell).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    until("the shell", || starts().lines().count() == 1);
    assert_eq!(starts().lines().collect::<Vec<_>>(), ["shell"]);

    screen.press(&["Tab", "Tab", "Return"]);
    let pcs = page(&screen, "explorer-pcs", &first);
    // From the tab to the PC, its button, and what would come back.
    screen.press(&["Tab", "Tab", "Tab", "space"]);
    let shown = page(&screen, "explorer-preview", &pcs);
    screen.press(&["Return"]);
    let result = page(&screen, "explorer-result", &shown);
    assert_eq!(starts().lines().count(), 1, "nobody has asked for it");
    screen.press(&["Tab", "Tab", "space"]);
    page(&screen, "explorer-done", &result);
    assert_eq!(starts().lines().collect::<Vec<_>>(), ["shell", "shell"]);
    drop(desktop);
}
