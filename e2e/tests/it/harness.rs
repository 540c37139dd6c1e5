//! A server and PCs of one's own: starting, killing, and running `rehome` as its user would.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::not_tried::not_tried;

/// The password of the account that every story uses.
pub const PASSWORD: &str = "correct horse battery staple";

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the project").to_owned()
}

/// A file of the project's own demo persona.
pub fn persona(name: &str) -> PathBuf {
    root().join("xtask/demo").join(name)
}

/// The folder of real test data, if this machine has it. Says so if not.
pub fn shared_data() -> Option<PathBuf> {
    let folder = root().join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    not_tried("there is no real test data at ../shared/data beside the project", None);
    None
}

/// The library that tells programs another time (Debian's package `faketime`), if this machine has it. Says so if not.
fn faketime() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = LIBRARY.get_or_init(|| {
        let place = |machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1");
        ["x86_64", "aarch64"].map(place).iter().map(PathBuf::from).find(|path| path.is_file())
    });
    if found.is_none() {
        not_tried("there is no libfaketime here", Some("package faketime"));
    }
    found.as_deref()
}

/// Says something past the test runner, which keeps what passing tests print to itself.
pub fn say(what: &str) {
    drop(Write::write_all(&mut std::io::stderr(), what.as_bytes()));
}

/// The folder of the built binaries. Builds them once for all stories.
fn binaries() -> &'static Path {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    BINARIES.get_or_init(|| {
        // Whoever runs all tests has built the whole workspace as one, and says so; a build of two packages chooses other features and begins anew.
        if std::env::var_os("REHOME_TEST_BUILT").is_none() {
            build();
        }
        let test = std::env::current_exe().expect("a test knows its own path");
        test.ancestors().nth(2).expect("target/debug/deps/it").to_owned()
    })
}

/// Builds the two programs, as a plain `cargo test` of this package does not.
fn build() {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "agent", "--package", "server", "--bins"]).current_dir(root());
    // What cargo told this test of its own package: ring's build script looks at it, and everything above ring would be built anew, each time.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "the binaries build");
}

/// What a finished command left.
#[must_use]
#[derive(Debug)]
pub struct Ran {
    /// The program and its words, for whoever reads what failed.
    line: String,
    /// Exit code; `None` when killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn said_nothing(&self) -> bool {
        self.stdout.is_empty() && self.stderr.is_empty()
    }

    /// Asserts success and gives stdout.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self}");
        self.stdout
    }

    /// Asserts success and gives stderr.
    #[track_caller]
    pub fn ok_stderr(self) -> String {
        assert_eq!(self.code, Some(0), "{self}");
        self.stderr
    }

    /// Asserts that something was done on a live PC: at once, or seen whole after signing out (exit code 11). Gives stdout.
    #[track_caller]
    pub fn done(self) -> String {
        assert!(matches!(self.code, Some(0 | 11)), "{self}");
        self.stdout
    }

    /// Asserts that a backup was made: whole, or with something in it that could not be read (exit code 3). Gives stdout.
    #[track_caller]
    pub fn done_or_warned(self) -> String {
        assert!(matches!(self.code, Some(0 | 3)), "{self}");
        self.stdout
    }

    /// Asserts the exit code and that stderr says each text; asserts that it gives a hint.
    #[track_caller]
    pub fn refused(self, code: i32, says: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "{self}");
        for text in says {
            assert!(self.stderr.contains(text), "`{text}` is not said in: {}", self.stderr);
        }
        assert!(self.stderr.contains("hint:"), "no hint in: {}", self.stderr);
        self.stderr
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, code, stdout, stderr } = self;
        write!(f, "{line}\nexit code: {code:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// A scratch world: one server, any number of PCs.
pub struct World {
    folder: TempDir,
    server: Option<Running>,
    /// Flags of the server besides its address.
    flags: Vec<String>,
    address: String,
    /// What the server said until it listened.
    said: String,
    /// Further environment of both programs.
    pub env: Vec<(&'static str, String)>,
}

struct Running {
    child: Child,
    /// Reads the server's talk so that its pipe never fills.
    reader: Option<JoinHandle<String>>,
}

impl World {
    /// A world with a running server, the account `ada`, and a policy that switches backups on.
    pub fn new() -> Self {
        Self::with_tls(None)
    }

    /// The same, with the server speaking TLS with this certificate and key.
    pub fn with_tls(tls: Option<(PathBuf, PathBuf)>) -> Self {
        let flags =
            tls.map(|(certificate, key)| ["--tls-cert", arg(&certificate), "--tls-key", arg(&key)].map(str::to_owned));
        Self::with_flags(flags.into_iter().flatten().collect())
    }

    /// The same, with further flags of `rehome-server serve`.
    pub fn with_flags(flags: Vec<String>) -> Self {
        let world = Self::begin(flags);
        world.switch_backups_on("default");
        world
    }

    /// A world as it is before anybody has made a policy: nothing is backed up.
    pub fn without_policies() -> Self {
        Self::begin(Vec::new())
    }

    fn begin(flags: Vec<String>) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let mut world =
            Self { folder, server: None, flags, address: String::new(), said: String::new(), env: Vec::new() };
        world.server_command(&["tenant", "create", "default"], "").ok();
        world.add_user("ada");
        world.start_server();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the server said at its last start, until it named its address.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Switches backups on for every PC of a tenant, as its administrator does first.
    pub fn switch_backups_on(&self, tenant: &str) {
        let on = ["policy", "create", "Backups", "--set", "backup.enabled=true", "--all-devices", "--enable"];
        self.server_command(&[on.as_slice(), &["--tenant", tenant]].concat(), "").ok();
    }

    pub fn add_user(&self, name: &str) {
        let said = self.server_command(&["user", "create", name, "--password-stdin"], PASSWORD);
        said.ok();
    }

    /// Runs a verb of `rehome-server` on the world's data.
    pub fn server_command(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.server_binary();
        command.args(args);
        run(command, stdin)
    }

    /// The server's program with the world's data, not yet run.
    pub fn server_binary(&self) -> Command {
        let mut command = Command::new(binaries().join("rehome-server"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("REHOME_DATA_DIR", self.path("server"))
            .env("REHOME_ROOT_KEY", self.path("root.key"))
            // Stories restore more often than a person does.
            .env("REHOME_RESTORES_PER_HOUR", "0")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the server; the port is chosen by the system the first time and kept from then on.
    pub fn start_server(&mut self) {
        let listen = if self.address.is_empty() {
            "127.0.0.1:0".to_owned()
        } else {
            self.address.rsplit('/').next().expect("an address has a host").to_owned()
        };
        let mut command = self.server_binary();
        command.args(["serve", "--listen", &listen]);
        command.args(&self.flags);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut talk = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            let read = talk.read_line(&mut line).expect("the server's talk is text");
            assert!(read > 0, "the server ended before it listened: {said}");
            said.push_str(&line);
            let address =
                line.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"));
            if let Some(address) = address {
                break address.trim_end_matches(['/', ',', '.', '"']).to_owned();
            }
        };
        self.address = address;
        self.said = said;
        let reader = std::thread::spawn(move || {
            let mut rest = String::new();
            talk.read_to_string(&mut rest).ok();
            rest
        });
        self.server = Some(Running { child, reader: Some(reader) });
    }

    /// Kills the server without warning, as a power cut of the process would.
    pub fn kill_server(&mut self) {
        if let Some(running) = &mut self.server {
            running.child.kill().expect("the server can be killed");
        }
        drop(self.last_words());
    }

    /// What the server said since it listened, once it has ended.
    pub fn last_words(&mut self) -> String {
        let Some(mut running) = self.server.take() else { return String::new() };
        running.child.wait().expect("the server ends");
        running.reader.take().map(|reader| reader.join().expect("the reader ends")).unwrap_or_default()
    }

    /// Goes to another time with the server and all PCs: so many days from now. `false`: this machine cannot, and says so.
    pub fn go_to(&mut self, days: i64) -> bool {
        let Some(library) = faketime() else { return false };
        self.kill_server();
        self.env = vec![
            ("LD_PRELOAD", arg(library).to_owned()),
            ("FAKETIME", format!("{days:+}d")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        self.start_server();
        true
    }

    /// Asks the server to stop, as systemd does, without waiting for it.
    pub fn ask_server_to_stop(&self) {
        self.signal_server("-TERM");
    }

    /// Sends the server a signal, such as `-HUP`.
    pub fn signal_server(&self, signal: &str) {
        let pid = self.server_pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    }

    /// The server's process.
    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").child.id()
    }

    /// Waits for the server's own end and gives its exit code.
    pub fn server_ended(&mut self) -> Option<i32> {
        let mut running = self.server.take().expect("the server runs");
        let status = running.child.wait().expect("the server ends");
        if let Some(reader) = running.reader.take() {
            reader.join().expect("the reader ends");
        }
        status.code()
    }

    /// A PC of `ada`'s that is connected to the server.
    pub fn pc(&self, name: &str) -> Pc<'_> {
        self.pc_of("ada", name)
    }

    pub fn pc_of(&self, user: &str, name: &str) -> Pc<'_> {
        let pc = self.stranger(name);
        let args = ["enroll", "--server", &self.address, "--user", user, "--password-stdin", "--device-name", name];
        pc.run_with(&args, PASSWORD).ok();
        pc
    }

    /// A PC that is not connected yet.
    pub fn stranger(&self, name: &str) -> Pc<'_> {
        Pc { world: self, state: self.path(&format!("state-{name}")), ca: None }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_server();
    }
}

/// One PC: a state folder, and `rehome` run in it.
pub struct Pc<'a> {
    world: &'a World,
    state: PathBuf,
    pub ca: Option<PathBuf>,
}

impl Pc<'_> {
    pub fn state(&self) -> &Path {
        &self.state
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    pub fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        run(self.command(args), stdin)
    }

    /// The command, not yet run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binaries().join("rehome"));
        command.env_clear().env("HOME", self.world.folder.path()).env("TZ", "UTC").env("REHOME_STATE_DIR", &self.state);
        command.envs(self.world.env.iter().map(|(name, value)| (name, value)));
        if let Some(ca) = &self.ca {
            command.env("REHOME_CA_CERT", ca);
        }
        command.args(args);
        command
    }

    /// Runs a verb that prints JSON, and parses it.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let text = self.run(&[args, &["--json"]].concat()).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in: {text}"))
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command, stdin: &str) -> Ran {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends before it reads its input breaks the pipe; that is its right.
    child.stdin.take().expect("stdin is piped").write_all(stdin.as_bytes()).ok();
    let output = child.wait_with_output().expect("the program ends");
    Ran {
        line,
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

/// The path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().expect("scratch paths are UTF-8")
}
