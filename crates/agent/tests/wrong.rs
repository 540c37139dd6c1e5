//! Everything that can be wrong, through the binary: what is said, where, and how it ends.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests make files wrong on purpose and may panic")]

#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use not_tried::not_tried;

/// Some key of P-256 (PKCS#8), made for these tests and used for nothing else.
const KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420ea760d584f5eceda5ed7e813306f5875\
    c6c0525aae6d71285d0e58dd4ee77b45a14403420004de680b66743b8d47887cd854f10453885607ce00d2d0986e1625ad5810c8b6fc\
    62a32a48642c1076853a9ef3b7220ee7d20328e8ece4e4b0b5a4f3792d158586";

/// A PC with a state folder of its own.
struct Pc {
    folder: tempfile::TempDir,
}

/// What a run said, and how it ended.
#[must_use]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Pc {
    /// A PC that is not connected with any server.
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A PC that is connected with the server at this address.
    fn enrolled(server: &str) -> Self {
        let pc = Self::new();
        let hex = |digit: &str, bytes: usize| digit.repeat(bytes * 2);
        let id = |digit: &str| hex(digit, 16);
        let enrolment = serde_json::json!({
            "version": 2, "server": server, "allow_http": false, "ca_pem": null,
            "tenant": id("1"), "tenant_name": "Example", "user": id("2"), "user_name": "ada",
            "device": id("3"), "device_name": "LAPTOP-ADA", "profile": id("4"),
            "key": {"store": "file", "level": "file", "record": KEY}, "key_made_at": 1_794_000_000_000_i64, "receipt_key": hex("5", 32),
            "keys": { "current": id("6"), "keys": [[id("6"), hex("7", 32)]], "id_key": hex("8", 32) },
        });
        fs::create_dir_all(pc.path("state/default")).unwrap();
        fs::write(pc.path("state/default/enrolment.json"), enrolment.to_string()).unwrap();
        pc
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    fn command(&self) -> Command {
        let mut command = cargo_bin_cmd!("rehome");
        command
            .env_clear()
            .env("REHOME_STATE_DIR", self.path("state"))
            .env("TZ", "UTC")
            .current_dir(self.folder.path());
        command
    }

    fn rehome(&self, words: &[&str]) -> Said {
        Said::of(self.command().args(words).output().unwrap())
    }

    /// Runs the program as a user whom permissions stop. Root is stopped by none, so for root it is somebody else.
    #[cfg(unix)]
    fn without_privileges(&self) -> Option<impl Fn(&[&str]) -> Said> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        const NOBODY: u32 = 65_534;
        let is_root = fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
        let program = self.path("rehome");
        fs::copy(assert_cmd::cargo::cargo_bin!("rehome"), &program).unwrap();
        let mut words = vec![program.display().to_string()];
        if is_root {
            fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            for path in ["state", "state/default", "state/default/enrolment.json"] {
                chown(self.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
            let switch = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
            words.splice(0..0, switch.map(str::to_owned));
        }
        let (state, folder) = (self.path("state"), self.folder.path().to_owned());
        let command = move || {
            let mut command = std::process::Command::new(&words[0]);
            command.args(&words[1..]).env("REHOME_STATE_DIR", &state).env("TZ", "UTC").current_dir(&folder);
            command
        };
        if !command().arg("version").output().is_ok_and(|ran| ran.status.success()) {
            not_tried("nobody else's program can be run here (setpriv of util-linux)", None);
            return None;
        }
        Some(move |words: &[&str]| Said::of(command().args(words).output().unwrap()))
    }
}

impl Said {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts the exit code, that the message holds `names`, and that a hint follows after an empty line.
    fn fails(&self, code: i32, names: &str) {
        let Self { out, err, .. } = self;
        assert_eq!(self.code, code, "{err}");
        assert!(err.starts_with("error: ") && err.contains(names), "no `{names}` in: {err}");
        assert!(err.contains("\n\nhint: "), "{err}");
        assert_eq!(out, "", "talk belongs on stderr");
        assert!(!err.contains("ea760d584f5e"), "{err}");
    }
}

/// A server on this machine that gives every request the same answer.
fn answering(status: &str, headers: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn refusing(status: u16, code: &str, headers: &str) -> String {
    let problem = serde_json::json!({
        "type": "about:blank", "title": "a title", "status": status, "code": code, "detail": "the words of this case", "hint": "",
    });
    let headers = format!("content-type: application/problem+json\r\n{headers}");
    answering(&format!("{status} No"), &headers, &problem.to_string())
}

/// An address where nobody answers.
fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// A file of the real data, if it is there.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        not_tried(&format!("there is no ../shared/data/{name}"), None);
        return None;
    }
    Some(path)
}

/// A registry export with one setting.
const EXPORT: &[u8] =
    b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Console]\r\n\"QuickEdit\"=dword:00000001\r\n";

#[test]
fn nothing_works_before_enrolling_and_the_hint_says_how() {
    let pc = Pc::new();
    for words in [&["backup", "--from", "x"][..], &["snapshots"], &["status"], &["restore", "--to", "x.reg"], &["show"]]
    {
        let said = pc.rehome(words);
        said.fails(4, "not connected");
        assert!(said.err.contains("rehome enroll --server"), "{}", said.err);
    }
}

#[test]
fn wrong_files_are_named_with_what_is_wrong() {
    let pc = Pc::enrolled(&nobody());
    fs::create_dir(pc.path("empty-folder")).unwrap();
    let cases = [
        ("missing.dat".to_owned(), 2, "missing.dat"),
        (pc.path("empty-folder").display().to_string(), 2, "the folder holds no NTUSER.DAT"),
        (pc.file("empty.dat", b""), 2, "the file is empty"),
        (pc.file("text.dat", b"hello, world\n"), 2, "not a Windows registry hive"),
        (pc.file("text.reg", b"hello, world\n"), 2, "text.reg"),
        (
            pc.file(
                "torn.reg",
                b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\A]\r\n\"x\"=dword:zz",
            ),
            2,
            "line 4",
        ),
        (pc.file("torn.dat", b"regf"), 8, "torn.dat` is too damaged to be read"),
    ];
    for (path, code, names) in cases {
        pc.rehome(&["backup", "--from", &path]).fails(code, names);
    }
    #[cfg(unix)]
    pc.rehome(&["backup", "--from", "/dev/zero"]).fails(2, "it is a device or a pipe");
}

#[test]
fn a_hive_that_was_cut_before_its_first_keys_is_told_from_one_of_another_kind() {
    let Some(path) = real("hives/win10-22h2-admin.NTUSER.DAT") else { return };
    let pc = Pc::enrolled(&nobody());
    let whole = fs::read(path).unwrap();
    for length in [3_000, 5_000] {
        let cut = pc.file("NTUSER.DAT", &whole[..length]);
        let said = pc.rehome(&["backup", "--from", &cut]);
        said.fails(8, "NTUSER.DAT` is too damaged to be read");
        assert!(said.err.contains("copy it again from its disk"), "{}", said.err);
        let document: serde_json::Value =
            serde_json::from_str(&pc.rehome(&["backup", "--from", &cut, "--json"]).out).unwrap();
        assert_eq!(document["code"], "truncated", "{document}");
    }
}

#[test]
fn a_hive_of_another_kind_is_not_a_users() {
    let Some(path) = real("hives/win10-21h2-apt.Amcache.hve") else { return };
    Pc::enrolled(&nobody()).rehome(&["backup", "--from", &path.display().to_string()]).fails(2, "not a user's hive");
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_or_written_is_a_matter_of_permission() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let pc = Pc::enrolled(&nobody());
    let secret = pc.file("secret.dat", b"regf");
    mode(Path::new(&secret), 0o000);
    fs::create_dir(pc.path("locked")).unwrap();
    let target = pc.file("locked/new.reg", EXPORT);
    mode(&pc.path("locked"), 0o555);
    let Some(rehome) = pc.without_privileges() else { return };
    rehome(&["backup", "--from", &secret]).fails(5, "secret.dat");
    rehome(&["man", "--out", "locked/man"]).fails(5, "locked/man");
    mode(&pc.path("state/default/enrolment.json"), 0o000);
    rehome(&["status"]).fails(5, "enrolment.json");
    let left = fs::read_dir(pc.path("locked")).unwrap().count();
    assert_eq!((left, fs::read(target).unwrap().as_slice()), (1, EXPORT), "nothing was made or changed");
}

#[test]
fn a_server_that_is_down_slow_or_something_else_is_told_apart() {
    let down = Pc::enrolled(&nobody());
    let export = down.file("pc.reg", EXPORT);
    let said = down.rehome(&["backup", "--from", &export]);
    said.fails(6, "could not reach http://127.0.0.1:");
    assert!(said.err.contains("\n  because: "), "{}", said.err);

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = Pc::enrolled(&format!("http://{}", silent.local_addr().unwrap()));
    slow.rehome(&["snapshots", "--timeout", "200ms"]).fails(6, "did not answer within");

    let other = Pc::enrolled(&answering("200 OK", "content-type: text/html\r\n", "<html>hello</html>"));
    other.rehome(&["snapshots"]).fails(6, "does not answer as a Rehome server");
}

#[test]
fn what_the_server_refuses_is_told_in_its_words_with_the_right_code() {
    for (status, code, headers, exit) in [
        (401, "revoked", "", 4),
        (403, "policy_off", "", 5),
        (429, "rate_limited", "retry-after: 40\r\n", 6),
        (507, "server_full", "", 6),
        (400, "newer_version", "", 1),
        (404, "no_profile", "", 10),
    ] {
        let pc = Pc::enrolled(&refusing(status, code, headers));
        let said = pc.rehome(&["snapshots"]);
        said.fails(exit, "answered: the words of this case");
        assert_eq!(said.err.contains("hint: try again in 40 s"), code == "rate_limited", "{}", said.err);
    }
}

#[test]
fn why_the_schedule_cannot_back_up_is_kept_in_mind_until_the_person_knows() {
    let failure = |pc: &Pc| {
        let said = pc.rehome(&["schedule", "status", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&said.out).expect("a document");
        (document["last_failure"]["code"].as_str().map(str::to_owned), document["last_failure"]["told"] == true)
    };
    let full = Pc::enrolled(&refusing(507, "server_full", ""));
    let export = full.file("pc.reg", EXPORT);
    let run = ["schedule", "run", "--from", &export];
    assert_eq!(failure(&full), (None, false));
    assert_eq!(full.rehome(&run).code, 6);
    assert_eq!(failure(&full), (Some("server_full".to_owned()), false));
    let told = full.rehome(&["schedule", "status"]);
    assert!(told.out.contains("the server has no room left; tell your administrator"), "{}", told.out);

    // Once told, another run that fails for it is no news; offline is none at all.
    assert_eq!(full.rehome(&["schedule", "told", "revoked"]).code, 0);
    assert!(!failure(&full).1, "of that cause nobody was told");
    assert_eq!(full.rehome(&["schedule", "told", "server_full"]).code, 0);
    assert_eq!(full.rehome(&run).code, 6);
    assert_eq!(failure(&full), (Some("server_full".to_owned()), true));
    full.rehome(&["schedule", "told", "of_tomorrow"]).fails(2, "no reason has the code `of_tomorrow`");

    // Whoever runs it themself has seen why.
    let by_hand = Pc::enrolled(&refusing(507, "server_full", ""));
    by_hand.rehome(&["backup", "--from", &export]).fails(6, "");
    assert_eq!(failure(&by_hand), (Some("server_full".to_owned()), true));

    for server in [nobody(), refusing(429, "rate_limited", "retry-after: 1\r\n")] {
        let pc = Pc::enrolled(&server);
        assert_eq!(pc.rehome(&run).code, 6);
        assert_eq!(failure(&pc), (None, false), "{server}");
    }
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    let pc = Pc::new();
    let enroll = |server: &str| pc.rehome(&["enroll", "--server", server, "--user", "ada", "--password-stdin"]);
    enroll("rehome.example.com").fails(2, "does not begin with `https://`");
    enroll("https://").fails(2, "is not an address");
    enroll("http://rehome.example.com").fails(2, "is not encrypted");
    let said = enroll("https://ada:hunter2@rehome.example.com");
    said.fails(2, "holds a name or password");
    assert!(!said.err.contains("hunter2"));
}

#[test]
fn a_wrong_password_or_none_is_said() {
    let server = refusing(401, "wrong_credentials", "");
    let pc = Pc::new();
    let words = ["enroll", "--server", &server, "--user", "ada", "--password-stdin", "--device-name", "PC"];
    let wrong = pc.command().args(words).write_stdin("wrong\n").output().unwrap();
    assert_eq!(wrong.status.code(), Some(4), "{}", String::from_utf8_lossy(&wrong.stderr));
    pc.rehome(&words).fails(2, "no password on stdin");
    assert!(!pc.path("state/default/enrolment.json").exists(), "nothing half-written");
}

#[test]
fn certificates_that_are_none_are_refused() {
    let pc = Pc::new();
    let file = pc.file("ca.pem", b"not a certificate");
    let words = |ca: &str| {
        let enroll =
            ["enroll", "--server", "https://127.0.0.1:1", "--user", "a", "--device-name", "b", "--password-stdin"];
        pc.rehome(&[&enroll[..], &["--ca-cert", ca]].concat())
    };
    words(&file).fails(2, "ca.pem");
    words("missing.pem").fails(2, "missing.pem");
}

#[test]
fn words_that_name_nothing_are_refused_with_the_nearest_that_does() {
    let pc = Pc::enrolled(&nobody());
    let only = pc.rehome(&["restore", "--to", "x.reg", "--only", "taskbr"]);
    only.fails(2, "`taskbr` is not a category, a setting or `app-list`");
    assert!(only.err.contains("hint: did you mean `taskbar`?"), "{}", only.err);
    let listed = pc.rehome(&["catalog", "list", "--category", "taskbarr"]);
    listed.fails(2, "`taskbarr` is not a category");
    assert!(listed.err.contains("did you mean `taskbar`?"), "{}", listed.err);
    pc.rehome(&["explain", "tls_faild"]).fails(2, "`tls_faild`");
}

#[test]
fn ids_are_checked_before_anything_is_sent() {
    let pc = Pc::enrolled(&nobody());
    for id in ["abc", "newest", "xyz12345", &"a".repeat(65)] {
        pc.rehome(&["show", id]).fails(2, "is not a snapshot id");
    }
}

#[test]
fn a_target_that_cannot_be_is_refused_and_nothing_is_made() {
    let pc = Pc::enrolled(&nobody());
    fs::create_dir(pc.path("folder")).unwrap();
    let hive = pc.file("NTUSER.DAT", b"regf and more");
    pc.rehome(&["restore", "--to", "missing/new.reg"]).fails(2, "missing/new.reg` cannot be made: there is no folder");
    pc.rehome(&["restore", "--to", "folder"]).fails(2, "folder");
    pc.rehome(&["restore", "--to", &hive, "--yes"]).fails(2, "NTUSER.DAT");
    assert!(!pc.path("missing").exists());
    assert_eq!(fs::read(&hive).unwrap(), b"regf and more");
    pc.rehome(&["undo", "--to", "new.reg"]).fails(10, "left to undo");
    pc.rehome(&["undo"]).fails(10, "left to undo");
}

#[test]
fn a_damaged_record_is_named_and_another_profile_is_not_touched_by_it() {
    let pc = Pc::enrolled(&nobody());
    pc.file("state/default/enrolment.json", b"{\"version\": 2, ");
    pc.rehome(&["status"]).fails(8, "enrolment.json");
    pc.rehome(&["status", "--profile", "work"]).fails(4, "not connected");
    pc.rehome(&["status", "--profile", "../work"]).fails(2, "`../work` is not a profile name");
}

#[test]
fn a_second_run_is_told_that_the_first_is_at_work() {
    let pc = Pc::enrolled(&nobody());
    let export = pc.file("pc.reg", EXPORT);
    let lock = fs::File::create(pc.path("state/default/lock")).unwrap();
    lock.lock().unwrap();
    pc.rehome(&["backup", "--from", &export]).fails(7, "another run holds");
}

#[test]
fn with_json_the_error_is_one_document_on_stdout() {
    let pc = Pc::new();
    let said = pc.rehome(&["status", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, said.err.as_str()), (4, ""));
    assert_eq!((&document["code"], &document["exit"]), (&"not_enrolled".into(), &4.into()));
    assert!(document["message"].is_string() && document["hint"].is_string(), "{document}");
}

#[test]
fn with_json_a_wrong_command_line_is_one_document_too() {
    let pc = Pc::new();
    for (words, says, next) in [
        (&["--json", "bakcup"][..], "unrecognized subcommand 'bakcup'", "'backup'"),
        (&["restore", "--json"], "required arguments were not provided: --to <FILE>", "rehome restore"),
        (&["status", "--json", "--no-such-flag"], "unexpected argument '--no-such-flag'", "--help"),
        (&["--json"], "no verb was given", "rehome --help"),
    ] {
        let said = pc.rehome(words);
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.out));
        assert_eq!((said.code, said.err.as_str(), &document["code"]), (2, "", &"usage".into()), "{words:?}");
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        assert!(text("message").contains(says) && !text("message").contains('\n'), "{document}");
        assert!(text("hint").contains(next), "{document}");
    }
    // What follows `--` is no flag.
    assert!(pc.rehome(&["status", "--", "--json"]).out.is_empty());
}

#[test]
fn with_json_a_run_that_has_little_to_say_says_it_as_a_document() {
    let pc = Pc::enrolled(&nobody());
    let document = |words: &[&str], code: i32| -> serde_json::Value {
        let said = pc.rehome(&[words, &["--json"]].concat());
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{words:?}: {error} in `{}`", said.out))
    };
    assert_eq!(document(&["report"], 10), serde_json::json!({ "report": null }));
    assert_eq!(document(&["schedule", "told", "server_full"], 0), serde_json::json!({ "told": "server_full" }));
    assert_eq!(document(&["welcome", "--remember", "shown"], 0)["shown"], 1);
    let answered = document(&["welcome", "--remember", "new-pc"], 0);
    assert_eq!((&answered["shown"], &answered["answer"]), (&1.into(), &"new_pc".into()));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_help_with_0() {
    let pc = Pc::new();
    for words in [&["bakcup"][..], &["restore"], &["backup", "--from"], &["status", "--timeout", "30"], &["diff", "a"]]
    {
        let said = pc.rehome(words);
        assert!(said.code == 2 && said.out.is_empty() && said.err.starts_with("error: "), "{words:?}: {}", said.err);
    }
    assert!(pc.rehome(&["bakcup"]).err.contains("backup"), "clap names the nearest verb");
    let help = pc.rehome(&["--help"]);
    assert!(help.code == 0 && help.err.is_empty() && help.out.contains("restore"), "{}", help.out);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rehome"));
    let mut child = command.args(["catalog", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn what_needs_no_server_works_without_one() {
    let pc = Pc::new();
    for (words, holds) in [
        (&["catalog", "list"][..], "known and not carried"),
        (&["catalog", "show", "taskbar.alignment"], "Taskbar alignment"),
        (&["catalog", "check"], ""),
        (&["explain", "9"], "Exit code 9: the key does not open the backup"),
        (&["explain", "tls_failed"], "tls_failed (402)"),
        (&["version"], "envelope format 1"),
        (&["completions", "bash"], "_rehome"),
        (&["man"], ".TH rehome 1"),
    ] {
        let said = pc.rehome(words);
        assert!(said.code == 0 && said.out.contains(holds), "{words:?}: {}{}", said.out, said.err);
    }
}

#[test]
fn the_manual_has_a_page_for_every_verb() {
    let pc = Pc::new();
    let said = pc.rehome(&["man", "--out", "man"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    let restore = fs::read_to_string(pc.path("man/rehome-restore.1")).unwrap();
    assert!(restore.contains("\\-\\-dry\\-run") && restore.contains("Only say what would be done"), "{restore}");
    for verb in ["backup", "undo", "catalog-show", "schedule-run", "man"] {
        assert!(pc.path(&format!("man/rehome-{verb}.1")).is_file(), "{verb}");
    }
    let file = pc.file("taken", b"");
    pc.rehome(&["man", "--out", &file]).fails(5, "taken");
}

#[test]
fn whatever_changes_something_can_be_asked_what_it_would_do() {
    let pc = Pc::enrolled(&nobody());
    for words in
        [&["restore", "--to", "x.reg"][..], &["undo"], &["forget", "latest"], &["import", "x", "--to", "x.reg"]]
    {
        let both = pc.rehome(&[words, &["-n", "--yes"]].concat());
        assert!(both.code == 2 && both.err.contains("cannot be used with"), "{words:?}: {}", both.err);
        let only = pc.rehome(&[words, &["--dry-run"]].concat());
        assert!(only.code != 0 && !only.err.contains("unexpected argument"), "{words:?}: {}", only.err);
    }
}
