//! The person's window on Linux, opened on a screen and used with the keyboard: a real window, the real programs, a real server.
//!
//! It needs the window built with `--features x11`, which compiles a hundred crates that nothing else here needs: whoever runs all tests has done so, and
//! beside that it runs where it is asked for: `REHOME_WINDOW_X11=1 cargo test -p e2e --test it window::`. What the window does on Windows is told by the stories
//! under Wine, always.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Pc, World, arg, persona, root};
use crate::not_tried::not_tried;
use crate::screen::{Screen, keep, until};

/// The window's process. Ended when dropped.
struct Open(Child);

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Opens the window of a PC's person.
fn open(screen: &Screen, pc: &Pc<'_>, program: &Path, words: &[&str]) -> Open {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("HOME", pc.state()).env("TZ", "UTC").env("LANG", "en_GB.UTF-8");
    command.env("REHOME_STATE_DIR", pc.state()).env("SLINT_BACKEND", "winit-software");
    Open(screen.shown_on(&mut command).stdin(Stdio::null()).spawn().unwrap())
}

/// The window, built for this screen; `None` where nobody asked for that, which is said.
fn window() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its own path");
    let program = test.ancestors().nth(2).expect("target/debug/deps/it").join("rehome-backup");
    if std::env::var_os("REHOME_TEST_BUILT").is_some() {
        return Some(program);
    }
    if std::env::var_os("REHOME_WINDOW_X11").is_none() {
        not_tried("the window was not opened on Linux (REHOME_WINDOW_X11=1 builds and opens it)", None);
        return None;
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "window", "--package", "agent", "--package", "server"])
        .args(["--features", "window/x11", "--bins"])
        .current_dir(root())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the window builds");
    Some(program)
}

#[test]
fn a_person_with_a_keyboard_backs_up_restores_and_takes_it_back() {
    let Some(program) = window() else { return };
    let Some(screen) = Screen::new() else { return };
    let world = World::new();
    let (old, new) = (world.pc("OLD-PC"), world.pc("NEW-PC"));
    let bare = screen.picture();

    // The old PC: the button with the accent is the one that Enter presses.
    let opened = open(&screen, &old, &program, &["--from", arg(&persona("old-pc.reg"))]);
    let first = screen.after(&bare);
    screen.focus("Rehome");
    keep("window-backup", &screen.picture());
    screen.press(&["Return"]);
    until("a backup", || old.json(&["snapshots"]).to_string().contains("\"settings\""));
    screen.after(&first);
    keep("window-backup-done", &screen.picture());
    drop(opened);
    let bare = screen.picture();

    // The new PC: with Tab to the second page, its PC and its button.
    let target = world.path("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    let before = std::fs::read(&target).unwrap();
    let opened = open(&screen, &new, &program, &["--to", arg(&target)]);
    let page = screen.after(&bare);
    screen.focus("Rehome");
    screen.press(&["Tab", "Tab", "space"]);
    let pcs = screen.after(&page);
    keep("window-restore", &screen.picture());
    screen.press(&["Tab", "Tab", "Tab", "Return"]);
    let plan = screen.after(&pcs);
    keep("window-restore-preview", &screen.picture());
    assert_eq!(std::fs::read(&target).unwrap(), before, "nothing changes before it was seen");
    screen.press(&["Return"]);
    until("a restore", || std::fs::read(&target).is_ok_and(|bytes| bytes != before));
    until("the end of its journal", || new.json(&["undo", "--list"])[0]["state"] == "done");
    let done = screen.after(&plan);
    keep("window-restore-result", &screen.picture());
    let restored = std::fs::read(&target).unwrap();
    let left = new.json(&["plan", "--from-device", "OLD-PC", "--to", arg(&target)]).to_string();
    assert!(!left.contains(r#""action":"set""#), "everything came back: {left}");

    // And back, with the button beside.
    screen.press(&["Tab", "Return"]);
    until("an undo", || std::fs::read(&target).is_ok_and(|bytes| bytes != restored));
    screen.after(&done);
    keep("window-undone", &screen.picture());
    let undone = new.json(&["undo", "--list"]);
    assert_eq!(undone.as_array().map(Vec::len), Some(2), "{undone}");
    drop(opened);
}
