//! The person's window on Linux, opened on a screen and used with the keyboard: a real window, the real programs, a real server.
//!
//! It needs the window built with `--features x11`, which compiles a hundred crates that nothing else here needs, so it runs where it is asked for:
//! `REHOME_WINDOW_X11=1 cargo test -p e2e --test it window::`. What the window does on Windows is told by the stories under Wine, always.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Pc, World, arg, persona, root};

/// How long a step may take on a machine that does much else.
const READY: Duration = Duration::from_secs(90);
/// How long nothing may change until a page counts as drawn.
const REST: Duration = Duration::from_millis(1_500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A screen that draws into a file. Switched off when dropped.
struct Screen {
    server: Child,
    display: String,
    folder: TempDir,
}

/// The window's process. Ended when dropped.
struct Open(Child);

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Screen {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1024x768x24", "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's package xvfb is here");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, display: format!(":{}", number.trim()), folder }
    }

    fn picture(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("Xvfb_screen0")).unwrap()
    }

    /// Waits until the picture is another one and stays so.
    #[track_caller]
    fn after(&self, before: &[u8]) -> Vec<u8> {
        let begun = Instant::now();
        let (mut last, mut since) = (self.picture(), Instant::now());
        loop {
            std::thread::park_timeout(LOOK);
            let now = self.picture();
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > REST && last != before {
                return last;
            }
            assert!(begun.elapsed() < READY, "the page stays as it was");
        }
    }

    /// Presses keys, as xdotool calls them.
    fn press(&self, keys: &[&str]) {
        let mut command = Command::new("xdotool");
        let pressed = command.env("DISPLAY", &self.display).args(["key", "--delay", "80"]).args(keys).status();
        assert!(pressed.expect("Debian's package xdotool is here").success(), "{keys:?}");
    }

    /// Gives the keyboard to the window, as a desktop does with what is opened: this screen has no desktop.
    fn focus(&self) {
        let mut command = Command::new("xdotool");
        let found = ["search", "--sync", "--onlyvisible", "--name", "Rehome", "windowfocus", "--sync"];
        let focused = command.env("DISPLAY", &self.display).args(found).status();
        assert!(focused.expect("Debian's package xdotool is here").success());
    }

    /// Opens the window of a PC's person.
    fn open(&self, pc: &Pc<'_>, program: &Path, words: &[&str]) -> Open {
        let mut command = Command::new(program);
        command.args(words).env_clear().env("HOME", self.folder.path()).env("TZ", "UTC").env("LANG", "en_GB.UTF-8");
        command
            .env("DISPLAY", &self.display)
            .env("REHOME_STATE_DIR", pc.state())
            .env("SLINT_BACKEND", "winit-software");
        Open(command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// Keeps what is on the screen for somebody to look at.
    fn keep(&self, name: &str) {
        let file = root().join("target/tmp").join(format!("window-{name}.xwd"));
        std::fs::write(file, self.picture()).unwrap();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The window, built for this screen; `None` where nobody asked for that, which is said.
fn window() -> Option<PathBuf> {
    if std::env::var_os("REHOME_WINDOW_X11").is_none() {
        eprintln!("SKIPPED: the window was not opened on Linux (REHOME_WINDOW_X11=1 builds and opens it)");
        return None;
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "window", "--package", "agent", "--package", "server"])
        .args(["--features", "window/x11", "--bins"])
        .current_dir(root())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the window builds");
    let test = std::env::current_exe().expect("a test knows its own path");
    Some(test.ancestors().nth(2).expect("target/debug/deps/it").join("rehome-backup"))
}

/// Waits until something has happened.
#[track_caller]
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < READY, "never: {what}");
        std::thread::park_timeout(LOOK);
    }
}

#[test]
fn a_person_with_a_keyboard_backs_up_restores_and_takes_it_back() {
    let Some(program) = window() else { return };
    let (screen, world) = (Screen::new(), World::new());
    let (old, new) = (world.pc("OLD-PC"), world.pc("NEW-PC"));
    let bare = screen.picture();

    // The old PC: the button with the accent is the one that Enter presses.
    let open = screen.open(&old, &program, &["--from", arg(&persona("old-pc.reg"))]);
    let first = screen.after(&bare);
    screen.focus();
    screen.keep("backup");
    screen.press(&["Return"]);
    until("a backup", || old.json(&["snapshots"]).to_string().contains("\"settings\""));
    screen.after(&first);
    screen.keep("backup-done");
    drop(open);
    let bare = screen.picture();

    // The new PC: with Tab to the second page, its PC and its button.
    let target = world.path("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    let before = std::fs::read(&target).unwrap();
    let open = screen.open(&new, &program, &["--to", arg(&target)]);
    let page = screen.after(&bare);
    screen.focus();
    screen.press(&["Tab", "Tab", "space"]);
    let pcs = screen.after(&page);
    screen.keep("restore");
    screen.press(&["Tab", "Tab", "Tab", "Return"]);
    let plan = screen.after(&pcs);
    screen.keep("restore-preview");
    assert_eq!(std::fs::read(&target).unwrap(), before, "nothing changes before it was seen");
    screen.press(&["Return"]);
    until("a restore", || std::fs::read(&target).is_ok_and(|bytes| bytes != before));
    until("the end of its journal", || new.json(&["undo", "--list"])[0]["state"] == "done");
    let done = screen.after(&plan);
    screen.keep("restore-result");
    let restored = std::fs::read(&target).unwrap();
    let left = new.json(&["plan", "--from-device", "OLD-PC", "--to", arg(&target)]).to_string();
    assert!(!left.contains(r#""action":"set""#), "everything came back: {left}");

    // And back, with the button beside.
    screen.press(&["Tab", "Return"]);
    until("an undo", || std::fs::read(&target).is_ok_and(|bytes| bytes != restored));
    screen.after(&done);
    screen.keep("undone");
    let undone = new.json(&["undo", "--list"]);
    assert_eq!(undone.as_array().map(Vec::len), Some(2), "{undone}");
    drop(open);
}
