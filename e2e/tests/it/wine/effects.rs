//! What other programs of the session see of a restore: each change is told once, in the order of `windows.md` 1.3, and holds from then on.
//!
//! A small program of ours listens with a window as programs on the desktop do. Wine keeps parameters of a session apart from those stored, and a program
//! that starts is told the session's; one that runs already learns of a change by the message only. What `SHChangeNotify` says stays
//! within the process under Wine, so the story cannot hear that Explorer is told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use device::codec::decode;
use model::catalog::{Effect, Stage};
use model::value::Value as Stored;
use serde_json::Value;

use crate::harness::World;

use super::lived_in::{settings, stored};
use super::prefix::{Prefix, tool};
use super::round_trip::NOT_LIVE;
use super::two_pcs;

/// How long a program may take to be there on a busy machine.
const READY: Duration = Duration::from_mins(1);

/// Parameters that Wine can tell of, by the code that asks for them (winuser.h), and the setting that each belongs to.
const PARAMETERS: [(&str, &str); 8] = [
    ("a", "devices.keyboard.repeat_rate"),
    ("16", "devices.keyboard.repeat_delay"),
    ("5e", "devices.mouse.trails"),
    ("62", "devices.mouse.hover_width"),
    ("68", "devices.mouse.wheel_lines"),
    ("6a", "desktop.effect.menu_delay"),
    ("1002", "desktop.effect.menu_animation"),
    ("2006", "accessibility.text_cursor_width"),
];

#[test]
fn each_change_is_told_once_in_its_order_and_holds_for_the_session() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let theirs = old.export();
    let wanted = PARAMETERS.map(|(code, id)| {
        let (setting, place) = settings().find(|(setting, _)| setting.id == id).unwrap();
        let number = match stored(&theirs, place).and_then(|raw| decode(setting, &raw).ok()).unwrap() {
            Stored::Int(number) => number,
            Stored::Bool(on) => i64::from(on),
            other => panic!("{id} is no number: {other:?}"),
        };
        format!("{code} {number}")
    });
    let new = Session::of(new);
    let mut listener = new.stays(r"C:\session.exe", &["listen", r"C:\heard.log", r"C:\ready"], "ready");
    let before = new.ask();
    assert!(
        before.iter().zip(&wanted).all(|(before, wanted)| before != wanted),
        "{before:?} is to change to {wanted:?}"
    );

    let said = new.pc.rehome(&["restore", "--from-device", "OLD-PC", "--yes", "--json"]).done();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["outcome"]["explorer"], "restart_needed", "nobody was asked, so nothing was ended");
    new.pc.wine(&[r"C:\session.exe", "end"]).ok();
    assert!(ended(&mut listener), "the listener ends when it is told to");
    let heard = std::fs::read_to_string(new.pc.path().join("drive_c/heard.log")).unwrap();
    let heard: Vec<_> = heard.lines().map(str::trim_end).collect();
    assert_eq!(heard, expected());
    assert_eq!(new.ask(), wanted, "a program that starts now is told what the old PC had");
}

/// What each stage tells, calls before broadcasts, and what Explorer's taskbar hears in the end. A value that several settings share is written, and told,
/// with the earliest of them.
fn expected() -> Vec<String> {
    let mut lines = Vec::new();
    for stage in Stage::ALL {
        let effects: BTreeSet<_> =
            settings().filter(|(_, place)| stage_of(*place) == stage).map(|(setting, _)| setting.effect).collect();
        let calls = effects.iter().filter_map(|effect| match effect {
            Effect::Spi(code) if !NOT_LIVE.contains(&u64::from(*code)) => Some(format!("setting {code} -")),
            _ => None,
        });
        lines.extend(calls);
        let areas = effects.iter().filter_map(|effect| match effect {
            Effect::Broadcast(area) => Some(format!("setting 0 {area}")),
            _ => None,
        });
        lines.extend(areas);
    }
    lines.push("setting 0 TraySettings".to_owned());
    let distinct: BTreeSet<_> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "the catalog itself asks for each once");
    assert!(lines.len() > 40 && lines.contains(&"setting 0 intl".to_owned()), "{lines:?}");
    lines
}

/// When a value is written.
fn stage_of(place: (&str, &str)) -> Stage {
    settings().filter(|(_, other)| *other == place).map(|(setting, _)| setting.stage).min().unwrap()
}

/// A value that is gone again stays with the session until the next sign-in; of structures that was not said.
#[test]
fn what_is_not_stored_any_more_and_goes_on_for_the_session_is_said() {
    const MOUSE: &str = r"HKCU\Control Panel\Mouse";
    const SPEED: &str = "devices.mouse.precision";
    let world = World::new();
    let Some((_old, new)) = two_pcs(&world) else { return };
    let new = Session::of(new);
    let told = |words: &[&str]| {
        let said: Value = serde_json::from_str(&new.pc.rehome(words).done()).unwrap();
        let outcome = said.get("outcome").unwrap_or(&said);
        assert_eq!(outcome["effects"], serde_json::json!([{ "spi": 4 }]), "{said}");
        outcome["not_live"].as_array().cloned().unwrap_or_default()
    };
    let restore = ["restore", "--from-device", "OLD-PC", "--only", SPEED, "--replace", SPEED, "--yes", "--json"];
    let undo = ["undo", "--yes", "--json"];
    for (name, number) in [("MouseSpeed", "1"), ("MouseThreshold1", "6"), ("MouseThreshold2", "10")] {
        new.pc.reg_add(MOUSE, (name, "REG_SZ", number));
    }
    // Under Wine a session ends with the last program in it.
    let stay = || new.stays(r"C:\session.exe", &["listen", r"C:\heard.log", r"C:\ready"], "ready");
    let leave = |mut listener: Child| {
        new.pc.wine(&[r"C:\session.exe", "end"]).ok();
        assert!(ended(&mut listener), "the listener ends when it is told to");
        std::fs::remove_file(new.pc.path().join("drive_c/ready")).unwrap();
    };
    let listener = stay();
    assert!(told(&restore).is_empty() && told(&undo).is_empty(), "what is stored is told");
    leave(listener);

    new.pc.wine(&["reg", "delete", MOUSE, "/v", "MouseSpeed", "/f"]).ok();
    let listener = stay();
    assert!(told(&restore).is_empty());
    let not_live = told(&undo);
    leave(listener);
    assert_eq!(not_live.len(), 1, "{not_live:?}");
    assert_eq!((&not_live[0]["effect"]["spi"], &not_live[0]["why"]), (&4.into(), &"no number is stored".into()));
}

#[test]
fn explorer_starts_anew_when_that_is_asked_for_and_what_cannot_be_is_no_failure() {
    let world = World::new();
    let Some((_old, new)) = two_pcs(&world) else { return };
    let new = Session::of(new);
    let restore = ["restore", "--from-device", "OLD-PC", "--only", "taskbar", "--yes"];
    let anew = [&restore[..], &["--restart-explorer", "--json"]].concat();
    let explorer = |said: &str| serde_json::from_str::<Value>(said).unwrap()["outcome"].clone();

    // Nothing on this PC is the shell: stored, and said.
    let outcome = explorer(&new.pc.rehome(&anew).done());
    assert_eq!(outcome["explorer"], "restart_needed");
    let not_live = outcome["not_live"].as_array().unwrap();
    assert_eq!(not_live.len(), 1, "{outcome}");
    assert_eq!(not_live[0]["effect"], "explorer");
    assert!(not_live[0]["why"].as_str().unwrap().contains("no Explorer is running"), "{outcome}");
    let after = |id: &str| {
        let applied = outcome["applied"].as_array().unwrap().iter();
        applied.clone().find(|one| one["id"] == id).map(|one| one["after"].clone())
    };
    assert_eq!(after("taskbar.alignment"), Some("explorer".into()), "the window names what waits by this");
    let why = new.pc.rehome(&["restart-explorer", "--yes", "--json"]);
    assert_eq!(why.code, Some(1), "{why:?}");
    assert_eq!(serde_json::from_str::<Value>(&why.stdout).unwrap()["code"], "no_explorer");
    new.pc.rehome(&["undo", "--yes"]).done();

    // A stand-in for Explorer, where Windows has it.
    let program = new.pc.path().join("drive_c/windows/explorer.exe");
    std::fs::remove_file(&program).unwrap();
    std::fs::copy(tool("session"), &program).unwrap();
    let mut shell = new.stays(r"C:\windows\explorer.exe", &[], "shell.log");
    let starts = || std::fs::read_to_string(new.pc.path().join("drive_c/shell.log")).unwrap();
    assert_eq!(starts().lines().collect::<Vec<_>>(), ["shell"]);

    let said = new.pc.rehome(&restore);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("take effect when Explorer starts again"), "{said:?}");
    assert!(shell.try_wait().unwrap().is_none(), "without the flag it is left alone");
    new.pc.rehome(&["undo", "--yes"]).done();

    // The new one inherits Wine's own stream for errors, and would be waited for if that were a pipe.
    let into_a_file = |words: &[&str]| {
        let file = new.pc.path().join("said.json");
        let mut command = new.pc.command(words);
        command.stdin(Stdio::null()).stdout(std::fs::File::create(&file).unwrap()).stderr(Stdio::null());
        let code = command.status().unwrap().code();
        assert!(matches!(code, Some(0 | 11)), "{words:?}: {code:?}");
        std::fs::read_to_string(&file).unwrap()
    };
    let outcome = explorer(&into_a_file(&anew));
    assert_eq!((&outcome["explorer"], outcome["not_live"].as_array()), (&"restarted".into(), None), "{outcome}");
    assert!(ended(&mut shell), "the old one is gone");
    assert_eq!(starts().lines().collect::<Vec<_>>(), ["shell", "shell"]);

    // Whoever said no has a verb for it later, which asks for a yes of its own; the window presses it for the person.
    let said = new.pc.rehome(&["restart-explorer"]).ok();
    assert!(said.contains("open folder windows close"), "{said}");
    assert_eq!(starts().lines().count(), 2, "nothing was touched");
    let said = into_a_file(&["restart-explorer", "--yes", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), serde_json::json!({ "restarted": true }));
    assert_eq!(starts().lines().collect::<Vec<_>>(), ["shell"; 3]);
}

/// Whether a program that was told to has ended, before the deadline.
fn ended(program: &mut Child) -> bool {
    until(|| program.try_wait().unwrap().is_some())
}

/// Waits until something holds, looking again and again, but for no longer than [`READY`].
fn until(mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > READY {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    true
}

/// A PC with somebody at it: programs can have windows there, and run beside `rehome.exe`.
pub struct Session {
    pub pc: Prefix,
}

impl Session {
    pub fn of(pc: Prefix) -> Self {
        // Wine makes windows without a display if it is told that there is none; otherwise it waits for one.
        pc.reg_add(r"HKCU\Software\Wine\Drivers", ("Graphics", "REG_SZ", "null"));
        std::fs::copy(tool("session"), pc.path().join("drive_c/session.exe")).unwrap();
        Self { pc }
    }

    /// Starts a program that stays, and waits for the file by which it says that it is ready. It holds no stream of ours, and neither does what Wine starts
    /// for it.
    pub fn stays(&self, program: &str, words: &[&str], ready: &str) -> Child {
        let mut command = self.pc.program(program, words);
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let file = self.pc.path().join("drive_c").join(ready);
        let there = |file: &Path| file.metadata().is_ok_and(|found| found.len() > 0);
        assert!(until(|| there(&file) || running.try_wait().unwrap().is_some()), "{program} {words:?} is not ready");
        assert!(there(&file), "{program} {words:?} ended: {:?}", running.try_wait());
        running
    }

    /// The parameters of the session, each with its code.
    fn ask(&self) -> Vec<String> {
        let words = [&[r"C:\session.exe", "ask"][..], &PARAMETERS.map(|(code, _)| code)].concat();
        let said = self.pc.wine(&words).ok();
        said.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}
