//! A PC under Wine: a registry of its own, and `rehome.exe` run in it as a person would.
//!
//! Making a prefix takes Wine some seconds and 700 MB, so it is made once for all runs, in cargo's folder for tests, and copied: files of
//! Windows as hard links, registry files as copies of their own, because Wine writes those in place. No display is needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use device::registry::MemoryRegistry;
use tempfile::TempDir;

use crate::harness::{PASSWORD, Ran, World, arg, root, run};
use crate::not_tried::not_tried;

use super::dump::Dump;

/// To be raised when [`make`] makes a prefix another way, so that no run takes one of the old make.
const MAKE: u32 = 1;

/// A new prefix calls itself Windows 7. The agent reads what Windows it runs on from these values of [`VERSION`], so these make it Windows 11
/// 25H2 in the first revision that takes part in everything (`model::prerequisite`).
const WINDOWS_11: [(&str, &str, &str); 5] = [
    ("CurrentBuild", "REG_SZ", "26200"),
    ("CurrentBuildNumber", "REG_SZ", "26200"),
    ("UBR", "REG_DWORD", "7922"),
    ("DisplayVersion", "REG_SZ", "25H2"),
    ("EditionID", "REG_SZ", "Enterprise"),
];

/// Where Windows says which one it is.
pub const VERSION: &str = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion";

/// Where the program lies in each prefix.
const PROGRAM: &str = r"C:\rehome\rehome.exe";

/// One PC under Wine. Switched off when dropped.
pub struct Prefix {
    folder: TempDir,
    speaks_german: AtomicBool,
}

impl Prefix {
    /// A fresh PC that is not connected yet; `None` if this machine cannot run one, which is said.
    pub fn fresh() -> Option<Self> {
        let program = program()?;
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let prefix = Self { folder, speaks_german: AtomicBool::new(false) };
        let here = prefix.folder.path();
        let copied = Command::new("cp").arg("-al").arg(base().join(".")).arg(here).status().unwrap();
        assert!(copied.success(), "the prefix is copied");
        for file in REGISTRY_FILES {
            std::fs::remove_file(here.join(file)).unwrap();
            std::fs::copy(base().join(file), here.join(file)).unwrap();
        }
        prefix.become_another_pc();
        let place = here.join("drive_c/rehome");
        std::fs::create_dir(&place).unwrap();
        std::fs::copy(program, place.join("rehome.exe")).unwrap();
        let shim = program.with_file_name("wine").join("bcryptprimitives.dll");
        // Where every program finds it, wherever an installer puts one.
        std::fs::copy(shim, here.join("drive_c/windows/system32/bcryptprimitives.dll")).unwrap();
        Some(prefix)
    }

    /// Puts the person's window beside the program.
    pub fn give_window(&self) {
        self.give("rehome-backup.exe");
    }

    /// Puts another built program beside it.
    pub fn give(&self, built: &str) {
        let program = program().expect("there is a prefix only where there is a program");
        let from = program.with_file_name(built);
        let to = self.path().join("drive_c/rehome").join(from.file_name().expect("a program has a name"));
        std::fs::copy(&from, to).unwrap_or_else(|error| panic!("`cargo xtask windows` builds {built} too: {error}"));
    }

    /// Takes the place of what Windows makes up when it is installed: all prefixes are copies of one, and the server would take them for one PC
    /// that enrols again and again.
    fn become_another_pc(&self) {
        static PCS: AtomicU32 = AtomicU32::new(0);
        let name = "\"MachineGuid\"=\"";
        let file = self.path().join("system.reg");
        let text = std::fs::read(&file).unwrap();
        let place = text.windows(name.len()).position(|here| here == name.as_bytes()).expect("Wine made one");
        let guid = format!("{:08x}-0000-4000-8000-{:012x}", std::process::id(), PCS.fetch_add(1, Ordering::Relaxed));
        let start = place + name.len();
        let text = [&text[..start], guid.as_bytes(), &text[start + guid.len()..]].concat();
        std::fs::write(&file, text).unwrap();
    }

    /// A fresh PC of `ada`'s that is connected to the server.
    #[track_caller]
    pub fn enrolled(world: &World, name: &str) -> Option<Self> {
        let prefix = Self::fresh()?;
        prefix.enroll(world, "ada", name);
        Some(prefix)
    }

    /// Connects the PC of this person.
    #[track_caller]
    pub fn enroll(&self, world: &World, user: &str, name: &str) {
        let words = ["enroll", "--server", world.address(), "--user", user, "--password-stdin", "--device-name", name];
        run(self.command(&words), PASSWORD).ok();
    }

    /// The same PC as another person has it: a registry branch and a folder of their own; what makes the machine, and its folder for all people, are shared.
    /// (Wine has one person in each prefix: its name is that of the Unix user, and its branch of the registry one file.)
    pub fn other_person(&self) -> Option<Self> {
        let other = Self::fresh()?;
        std::fs::copy(self.path().join("system.reg"), other.path().join("system.reg")).unwrap();
        let [mine, theirs] = [self, &other].map(|prefix| prefix.path().join("drive_c/ProgramData"));
        std::fs::remove_dir_all(&theirs).unwrap();
        std::os::unix::fs::symlink(mine, theirs).unwrap();
        Some(other)
    }

    /// Where the prefix lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the person who is signed in.
    pub fn person(&self) -> PathBuf {
        let users = std::fs::read_dir(self.path().join("drive_c/users")).unwrap().map(|entry| entry.unwrap().path());
        users.into_iter().find(|path| !path.ends_with("Public")).expect("somebody is signed in")
    }

    /// Runs a program of Windows, and waits for Wine's own services too, which it starts and which hold its output: so each program has a session
    /// of its own. That takes a second and more each time, but a program that comes into a session which is just ending may hang under Wine 8
    /// (seen with `rehome doctor`, which asks the task scheduler).
    pub fn wine(&self, words: &[&str]) -> Ran {
        let start = || {
            let mut command = self.bare_wine();
            command.args(words);
            run(command, "")
        };
        // On a machine that is very busy Wine 8 sometimes cannot start a program, and says so or nothing. What runs here are Wine's own tools, with which
        // a story prepares and looks; a real "no" of theirs says more, and says it again.
        let ran = start();
        if ran.code == Some(1) && (ran.said_nothing() || ran.stdout.contains("ShellExecuteEx failed")) {
            start()
        } else {
            ran
        }
    }

    /// Runs `rehome.exe`.
    pub fn rehome(&self, words: &[&str]) -> Ran {
        run(self.command(words), "")
    }

    /// `rehome.exe`, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        self.program(PROGRAM, words)
    }

    /// A program of the prefix, not yet run.
    pub fn program(&self, path: &str, words: &[&str]) -> Command {
        let mut command = self.bare_wine();
        command.arg(path).args(words);
        command
    }

    /// From now on the person's language and region are German: Wine has them from the environment of what it starts. `None` where no such language can be
    /// made, which is said.
    pub fn speak_german(&self) -> Option<()> {
        german()?;
        self.speaks_german.store(true, Ordering::Relaxed);
        Some(())
    }

    fn bare_wine(&self) -> Command {
        let mut command = bare("wine", self.path());
        if self.speaks_german.load(Ordering::Relaxed) {
            let languages = german().expect("it was there when it was asked for");
            command.env("LOCPATH", languages).env("LC_ALL", GERMAN);
        }
        command
    }

    /// The same with something set in its environment.
    pub fn rehome_with(&self, words: &[&str], (name, value): (&str, &str)) -> Ran {
        let mut command = self.command(words);
        command.env(name, value);
        run(command, "")
    }

    /// Runs a verb that prints JSON, and parses it.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        let text = self.rehome(&[words, &["--json"]].concat()).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in: {text}"))
    }

    /// Stores a value as an administrator would.
    #[track_caller]
    pub fn reg_add(&self, key: &str, (name, kind, data): (&str, &str, &str)) {
        self.wine(&["reg", "add", key, "/v", name, "/t", kind, "/d", data, "/f"]).ok();
    }

    /// Imports a `.reg` file with Wine's own regedit.
    #[track_caller]
    pub fn import(&self, registry: &MemoryRegistry) {
        let file = self.path().join("drive_c/import.reg");
        std::fs::write(&file, registry.to_reg_file()).unwrap();
        self.wine(&["regedit", "/S", r"C:\import.reg"]).ok();
    }

    /// Imports sections of a `.reg` file, of any root.
    #[track_caller]
    pub fn import_text(&self, sections: &str) {
        let text = format!("Windows Registry Editor Version 5.00\n\n{sections}").replace('\n', "\r\n");
        std::fs::write(self.path().join("drive_c/import.reg"), text).unwrap();
        self.wine(&["regedit", "/S", r"C:\import.reg"]).ok();
    }

    /// The person's registry, as Wine's own `reg export` writes it. The PC stays on.
    #[track_caller]
    pub fn export(&self) -> MemoryRegistry {
        self.wine(&["reg", "export", "HKCU", r"C:\export.reg", "/y"]).ok();
        MemoryRegistry::parse(&std::fs::read(self.path().join("drive_c/export.reg")).unwrap()).unwrap()
    }

    /// Everything that is in the registry. Switches the PC off.
    pub fn dump(&self) -> Dump {
        self.switch_off();
        Dump::read(self.path(), &REGISTRY_FILES)
    }

    /// Ends everything that runs on the PC, as switching it off does: Wine saves its registry.
    pub fn switch_off(&self) {
        bare("wineserver", self.path()).arg("-k").status().unwrap();
        self.wait_for_its_end();
    }

    /// What runs on the PC: the folders of its processes in `/proc`.
    pub fn processes(&self) -> Vec<PathBuf> {
        let mark = format!("WINEPREFIX={}", arg(self.path()));
        let is_here = |process: &PathBuf| {
            let set = std::fs::read(process.join("environ")).unwrap_or_default();
            set.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
        };
        let all = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        all.filter(is_here).collect()
    }

    /// Of what runs on the PC, the command lines of our own program.
    pub fn ours_that_run(&self) -> Vec<String> {
        let lines = self.processes().into_iter().filter_map(|process| std::fs::read(process.join("cmdline")).ok());
        lines
            .map(|line| String::from_utf8_lossy(&line).into_owned())
            .filter(|line| line.contains("rehome.exe"))
            .collect()
    }

    /// Ends everything that runs on the PC at once, as a power cut does: Wine saves nothing.
    pub fn cut_power(&self) {
        // Again until none is left: one may have been starting another meanwhile. (A server that was overlooked so cut off the next program.)
        loop {
            let here = self.processes();
            let ids: Vec<_> = here.iter().map(|process| process.file_name().unwrap().to_owned()).collect();
            if ids.is_empty() {
                break;
            }
            // Some may have ended meanwhile; that is as good.
            Command::new("kill").arg("-KILL").args(ids).output().unwrap();
        }
        self.wait_for_its_end();
    }

    /// A server that was killed has no environment any more and is not found by it, but holds its socket for a moment; a program that connects then is cut
    /// off. Wine's own way to wait looks at the server's lock, which goes last.
    fn wait_for_its_end(&self) {
        bare("wineserver", self.path()).arg("-w").status().unwrap();
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        self.switch_off();
    }
}

/// The files in which Wine keeps the registry: the person's, the machine's, and the one that new people start with.
const REGISTRY_FILES: [&str; 3] = ["user.reg", "system.reg", "userdef.reg"];

/// The built installer and the one of the next version, if they are there.
pub fn installers() -> Option<[PathBuf; 2]> {
    let folder = program()?.with_file_name("wine");
    let found = ["rehome.msi", "rehome-next.msi"].map(|name| folder.join(name));
    if found.iter().all(|file| file.is_file()) {
        return Some(found);
    }
    not_tried("there is no installer to run under Wine", Some("cargo xtask msi"));
    None
}

/// The built program, if this machine can run it. Says so if not.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        let target = test.ancestors().nth(3).expect("target/debug/deps/it");
        let program = target.join("x86_64-pc-windows-gnu/release/rehome.exe");
        if Command::new("wine").arg("--version").output().is_err() {
            not_tried("nothing was tested on Windows' registry: no Wine here", Some("package wine"));
            return None;
        }
        if !program.is_file() {
            not_tried("there is no rehome.exe to run under Wine", Some("cargo xtask windows"));
            return None;
        }
        Some(program)
    });
    found.as_deref()
}

/// A small Windows program of these stories, built once from its C source in `tool/` with mingw, which built `rehome.exe` too.
pub fn tool(name: &str) -> PathBuf {
    static BUILT: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let source = root().join("e2e/tests/it/wine/tool").join(name).with_extension("c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("exe");
    let made = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    if made(&program).is_none_or(|made_at| Some(made_at) < made(&source)) {
        let fresh = program.with_extension("new.exe");
        let mut compiler = Command::new("x86_64-w64-mingw32-gcc");
        compiler.args(["-O1", "-s", "-o", arg(&fresh), arg(&source), "-lgdi32"]);
        run(compiler, "").ok();
        std::fs::rename(&fresh, &program).unwrap();
    }
    program
}

/// German, as Unix calls it.
const GERMAN: &str = "de_DE.UTF-8";

/// The folder with that language, made once for all runs from what Debian's package `locales` has. Says so if that is not here.
fn german() -> Option<&'static Path> {
    static LANGUAGES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = LANGUAGES.get_or_init(|| {
        let languages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
        if languages.join(GERMAN).is_dir() {
            return Some(languages);
        }
        let fresh = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut maker = Command::new("localedef");
        maker.args(["-i", "de_DE", "-f", "UTF-8"]).arg(fresh.path().join(GERMAN));
        if !maker.output().is_ok_and(|made| made.status.success()) {
            not_tried("no PC speaks German: there is nothing to make the language from", Some("package locales"));
            return None;
        }
        // Another run may have been quicker; then its language is as good.
        std::fs::rename(fresh.path(), &languages).ok();
        Some(languages)
    });
    made.as_deref()
}

/// The prefix that all others are copies of.
fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        let said = Command::new("wine").arg("--version").output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let version = said.split_whitespace().next().expect("Wine says its version");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{version}-{MAKE}"));
        if !folder.is_dir() {
            let made = make();
            // Another run may have been quicker; then its prefix is as good.
            std::fs::rename(made.path(), &folder).ok();
        }
        assert!(folder.join("system.reg").is_file(), "{} is a prefix", folder.display());
        folder
    })
}

/// Makes a prefix: what `wineboot` puts there, and the values of Windows 11.
fn make() -> TempDir {
    std::fs::create_dir_all(home()).unwrap();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let wine = |words: &[&str]| {
        let mut command = bare("wine", folder.path());
        command.args(words);
        run(command, "").ok();
    };
    wine(&["wineboot", "-i"]);
    for (name, kind, data) in WINDOWS_11 {
        wine(&["reg", "add", VERSION, "/v", name, "/t", kind, "/d", data, "/f"]);
    }
    bare("wineserver", folder.path()).arg("-w").status().unwrap();
    folder
}

/// A program of Wine's, for one prefix, without anything of the person's own environment.
fn bare(program: &str, prefix: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home())
        .env("TZ", "UTC")
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n,b");
    command
}

/// The home folder that prefixes link to for documents and the like; nothing is put there.
fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine-home")
}
