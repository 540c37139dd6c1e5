//! Who decides: what the organisation owns, what the person has set themself, what has changed since a plan was shown. All of it is said
//! before anything is written, and none of it is overwritten silently.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{World, arg};

const ADVANCED: &str = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
const POLICIES: &str = r"HKEY_LOCAL_MACHINE\Software\Policies\Rehome";

/// A backup of an old PC on which each of these lines was set by its person.
fn backed_up(world: &World, lines: &str) {
    let file = reg(world, "old.reg", lines);
    world.pc("OLD-PC").run(&["backup", "--from", arg(&file)]).ok();
}

/// A `.reg` file with these lines.
fn reg(world: &World, name: &str, lines: &str) -> PathBuf {
    let path = world.path(name);
    std::fs::write(&path, format!("Windows Registry Editor Version 5.00\r\n\r\n{lines}\r\n")).unwrap();
    path
}

fn plan<'a>(target: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["plan", "--from-device", "OLD-PC", "--to", arg(target)], more].concat()
}

fn restore<'a>(target: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["restore", "--from-device", "OLD-PC", "--to", arg(target), "--yes"], more].concat()
}

/// The step of a setting, in a plan or a result as JSON.
fn step<'a>(document: &'a Value, id: &str) -> Option<&'a Value> {
    document["plan"]["settings"].as_array().unwrap().iter().find(|step| step["id"] == id)
}

/// A page as it would be on one long line: where a line ends depends on the terminal.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    if bytes.starts_with(&[0xff, 0xfe]) {
        String::from_utf16(&units).unwrap()
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
fn what_a_person_has_set_on_the_new_pc_is_kept_until_they_say_otherwise() {
    let world = World::new();
    backed_up(&world, &format!("[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000\r\n\"HideFileExt\"=dword:00000000"));
    let new = world.pc("NEW-PC");
    let target = reg(&world, "new.reg", &format!("[{ADVANCED}]\r\n\"Hidden\"=dword:00000002"));
    let said = new.run(&["baseline", "--to", arg(&target)]).ok();
    assert!(said.contains("Took down"), "{said}");
    let again = new.run(&["baseline", "--to", arg(&target)]);
    assert!(again.stdout.contains("already") && again.stderr.contains("--again"), "{again:?}");

    // The person works on the new PC before they restore: they centre the taskbar and hide its corner.
    let target = reg(
        &world,
        "new.reg",
        &format!(
            "[{ADVANCED}]\r\n\"Hidden\"=dword:00000002\r\n\"TaskbarAl\"=dword:00000001\r\n\"TaskbarSd\"=dword:00000000"
        ),
    );
    let text = new.run(&plan(&target, &["--only", "taskbar", "--only", "explorer"]));
    assert!(text.stdout.contains("Changed by you on this PC since your first sign-in, and kept"), "{text:?}");
    assert!(text.stderr.contains("--replace"), "{text:?}");
    let shown = new.json(&plan(&target, &[]));
    let corner = step(&shown, "taskbar.show_desktop").unwrap();
    assert_eq!((&corner["action"], &corner["reason"]), (&"skip".into(), &"changed_since_sign_in".into()), "{corner}");
    assert_eq!(corner["changed"]["from"], Value::Null, "nothing was stored at the first sign-in");
    // The taskbar in the centre is what Windows does by default, and what was there at first: nobody has changed it.
    assert_eq!(step(&shown, "taskbar.alignment").unwrap()["action"], "set");

    new.run(&restore(&target, &[])).ok();
    let restored = read(&target);
    assert!(restored.contains("\"TaskbarSd\"=dword:00000000"), "the person's own stays: {restored}");
    assert!(restored.contains("\"TaskbarAl\"=dword:00000000") && restored.contains("\"HideFileExt\"=dword:00000000"));
    let report = new.run(&["report"]).ok();
    assert!(report.contains("Nothing to do if yours should stay"), "{report}");

    // What the restore has put there is not taken for the person's own, and theirs goes when they say so.
    let shown = new.json(&plan(&target, &[]));
    assert_eq!(step(&shown, "taskbar.alignment").unwrap()["action"], "same");
    new.run(&restore(&target, &["--replace", "taskbar.show_desktop"])).ok();
    assert!(!read(&target).contains("TaskbarSd"), "the backup has nothing stored there: Windows' default");
    new.run(&["undo", "--to", arg(&target), "--yes"]).ok();
    assert!(read(&target).contains("\"TaskbarSd\"=dword:00000000"), "and it comes back");
    new.run(&restore(&target, &["--replace", "taskbr"])).refused(2, &["`taskbr` is not"]);
}

#[test]
fn what_policy_owns_on_the_new_pc_is_left_alone_and_named() {
    let world = World::new();
    let desktop = r"HKEY_CURRENT_USER\Control Panel\Desktop";
    let clipboard = r"HKEY_CURRENT_USER\Software\Microsoft\Clipboard";
    backed_up(
        &world,
        &format!(
            "[{desktop}]\r\n\"ScreenSaveTimeOut\"=\"900\"\r\n\r\n[{clipboard}]\r\n\"EnableClipboardHistory\"=dword:00000001"
        ),
    );
    let lines = [
        r"[HKEY_CURRENT_USER\Software\Policies\Microsoft\Windows\Control Panel\Desktop]",
        "\"ScreenSaveTimeOut\"=\"300\"",
        r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\Experience]",
        "\"AllowClipboardHistory\"=dword:00000000",
    ];
    let target = reg(&world, "new.reg", &lines.join("\r\n"));
    let new = world.pc("NEW-PC");
    let before = read(&target);
    let text = flat(&new.run(&plan(&target, &["--only", "system"])).ok());
    let named = "your organisation manages it: `Screen saver timeout`, by Group Policy for this person";
    assert!(text.contains(named), "{text}");
    assert!(text.contains("your organisation manages it: `Allow Clipboard History`, by device management"), "{text}");
    let done = new.json(&restore(&target, &["--only", "system"]));
    for id in ["system.screen_saver.wait", "system.clipboard.history"] {
        let step = step(&done, id).unwrap();
        assert_eq!((&step["action"], &step["reason"]), (&"skip".into(), &"managed_by_policy".into()), "{id}");
        assert!(step["managed_by"]["policy"].is_string(), "{step}");
    }
    assert_eq!(read(&target), before, "nothing was written");
    // Without the policy the same backup is written.
    let free = reg(&world, "free.reg", "");
    new.run(&restore(&free, &["--only", "system"])).ok();
    assert!(read(&free).contains("\"EnableClipboardHistory\"=dword:00000001"));
}

#[test]
fn required_categories_come_along_and_those_never_restored_are_not_shown() {
    let world = World::new();
    backed_up(
        &world,
        &format!(
            "[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000\r\n\"HideFileExt\"=dword:00000000\r\n\"SnapAssist\"=dword:00000000"
        ),
    );
    let rules = "\"Taskbar\"=\"required\"\r\n\"Multitasking\"=\"never\"";
    let target = reg(&world, "new.reg", &format!("[{POLICIES}\\Categories]\r\n{rules}"));
    let new = world.pc("NEW-PC");
    let before = read(&target);
    let refused = new.run(&plan(&target, &["--except", "taskbar.alignment"]));
    refused.refused(5, &["your organisation always restores the category `taskbar`"]);
    new.run(&restore(&target, &["--except", "taskbar"])).refused(5, &["always restores"]);
    assert_eq!(read(&target), before);

    let shown = new.json(&plan(&target, &["--only", "explorer"]));
    assert_eq!(step(&shown, "taskbar.alignment").unwrap()["action"], "set", "it comes along");
    assert_eq!(step(&shown, "multitasking.snap.assist"), None);
    let choice =
        |word: &str| shown["plan"]["choices"].as_array().unwrap().iter().find(|one| one["group"] == word).unwrap();
    assert_eq!((&choice("taskbar")["rule"], &choice("taskbar")["locked"]), (&"required".into(), &true.into()));
    assert_eq!((&choice("multitasking")["rule"], &choice("multitasking")["taken"]), (&"never".into(), &false.into()));
    assert_eq!((&choice("explorer")["rule"], &choice("explorer")["changes"]), (&"optional".into(), &1.into()));
    let text = new.run(&plan(&target, &[])).ok();
    assert!(text.contains("Your organisation always restores: Taskbar"), "{text}");
    assert!(text.contains("Your organisation does not restore: ") && !text.contains("Snap"), "{text}");
    new.run(&restore(&target, &["--only", "multitasking"])).ok();
    let restored = read(&target);
    assert!(!restored.contains("SnapAssist") && restored.contains("TaskbarAl"), "{restored}");
}

#[test]
fn a_plan_that_no_longer_holds_is_shown_anew_instead_of_being_applied() {
    let world = World::new();
    backed_up(&world, &format!("[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000\r\n\"HideFileExt\"=dword:00000000"));
    let new = world.pc("NEW-PC");
    let target = reg(&world, "new.reg", "");
    let mark = new.json(&plan(&target, &[]))["mark"].as_str().unwrap().to_owned();
    assert!(new.run(&plan(&target, &[])).ok().contains(&mark));

    // Somebody changes the PC in between.
    reg(&world, "new.reg", &format!("[{ADVANCED}]\r\n\"HideFileExt\"=dword:00000000"));
    let before = read(&target);
    let ran = new.run(&restore(&target, &["--plan", &mark]));
    assert!(ran.stdout.contains("Would restore"), "{ran:?}");
    let said = ran.refused(1, &["nothing was changed", "has changed since the plan was shown"]);
    assert_eq!(read(&target), before);
    let now = said.split("`--plan ").nth(1).unwrap().split(' ').next().unwrap();
    assert_ne!(now, mark);
    new.run(&restore(&target, &["--plan", now])).ok();
    assert!(read(&target).contains("\"TaskbarAl\"=dword:00000000"));
    assert_eq!(new.run(&["restore", "--to", arg(&target), "--plan", now]).code, Some(2), "a mark is for doing it");
}

#[test]
fn a_setting_of_another_windows_comes_back_as_this_one_has_it() {
    let world = World::new();
    let version = |build: &str| {
        format!(
            r#"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion]{}"CurrentBuildNumber"="{build}"{0}"#,
            "\r\n"
        )
    };
    let keyboard = r"HKEY_CURRENT_USER\Software\Microsoft\TabletTip\1.7";
    let ten = format!("{}[{keyboard}]\r\n\"EnableDesktopModeAutoInvoke\"=dword:00000001", version("19045"));
    backed_up(&world, &format!("{ten}\r\n[{ADVANCED}]\r\n\"SnapFill\"=dword:00000000"));
    let new = world.pc("NEW-PC");
    let target = reg(
        &world,
        "new.reg",
        &format!("{}[{keyboard}]\r\n\"TouchKeyboardTapInvoke\"=dword:00000000", version("26200")),
    );
    let text = flat(&new.run(&plan(&target, &[])).ok());
    assert!(text.contains("(from `Show the touch keyboard when no keyboard is attached`: on)"), "{text}");
    assert!(text.contains("this version of Windows has another setting in its place"), "{text}");
    assert!(text.contains("this version of Windows does not have the setting"), "{text}");
    new.run(&restore(&target, &[])).ok();
    let restored = read(&target);
    assert!(restored.contains("\"TouchKeyboardTapInvoke\"=dword:00000001"), "{restored}");
    assert!(!restored.contains("EnableDesktopModeAutoInvoke") && !restored.contains("SnapFill"), "{restored}");
}

#[test]
fn policy_reaches_bundles_and_undo() {
    let world = World::new();
    backed_up(&world, &format!("[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000"));
    let old = world.stranger("OLD-PC");
    let (file, key) = (world.path("a.rhb"), world.path("a.key"));
    old.run(&["export", "--as", "bundle", "-o", arg(&file), "--key", arg(&key)]).ok();
    let target = reg(&world, "new.reg", &format!("[{POLICIES}]\r\n\"EnableRestore\"=dword:00000000"));
    let before = read(&target);
    let import = ["import", arg(&file), "--key", arg(&key), "--to", arg(&target), "--yes"];
    old.run(&import).refused(5, &["restoring is switched off by the policy for this PC"]);
    assert_eq!(read(&target), before);

    let free = reg(&world, "free.reg", "");
    let new = world.pc("NEW-PC");
    new.run(&restore(&free, &[])).ok();
    let allowed = |who: &str| {
        let lines =
            format!("[{POLICIES}]\r\n\"UndoAllowed\"=\"{who}\"\r\n\r\n[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000");
        reg(&world, "free.reg", &lines);
        new.run(&["undo", "--to", arg(&free), "--yes"])
    };
    allowed("nobody").refused(5, &["nobody may take a restore back here"]);
    allowed("administrator").refused(5, &["only an administrator"]);
    assert!(read(&free).contains("TaskbarAl"));
    allowed("person").ok();
    assert!(!read(&free).contains("TaskbarAl"));
}
