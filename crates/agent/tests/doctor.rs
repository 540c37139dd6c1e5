//! `rehome doctor` and `rehome schedule` through the binary: what people and scripts are told, and that no log says what it must not.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests make their own files and may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use assert_cmd::cargo::cargo_bin_cmd;
use model::policy::POLICIES;
use model::prerequisite::{Activity, ROWS};
use serde_json::Value;

/// Some key of P-256 (PKCS#8), made for these tests and used for nothing else.
const KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420ea760d584f5eceda5ed7e813306f5875\
    c6c0525aae6d71285d0e58dd4ee77b45a14403420004de680b66743b8d47887cd854f10453885607ce00d2d0986e1625ad5810c8b6fc\
    62a32a48642c1076853a9ef3b7220ee7d20328e8ece4e4b0b5a4f3792d158586";

/// A folder with an export of a PC's registry.
struct Pc(tempfile::TempDir);

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Pc {
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pc.reg"), format!("Windows Registry Editor Version 5.00\r\n\r\n{lines}\r\n"))
            .unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn rehome(&self, words: &[&str]) -> Said {
        let mut command = cargo_bin_cmd!("rehome");
        command.env_clear().env("REHOME_STATE_DIR", self.path("state")).env("TZ", "UTC").current_dir(self.0.path());
        let output = command.args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What `doctor --json` says of the export.
    fn doctor(&self) -> (i32, Value) {
        let said = self.rehome(&["doctor", "--json", "--from", "pc.reg"]);
        (said.code, serde_json::from_str(&said.out).unwrap())
    }

    fn enrol(&self) {
        let hex = |digit: &str, bytes: usize| digit.repeat(bytes * 2);
        let id = |digit: &str| hex(digit, 16);
        let enrolment = serde_json::json!({
            "version": 2, "server": "https://127.0.0.1:1", "allow_http": false, "ca_pem": null,
            "tenant": id("1"), "tenant_name": "Example", "user": id("2"), "user_name": "ada",
            "device": id("3"), "device_name": "LAPTOP-ADA", "profile": id("4"),
            "key": {"store": "file", "level": "file", "record": KEY}, "key_made_at": 1_794_000_000_000_i64, "receipt_key": hex("5", 32),
            "keys": { "current": id("6"), "keys": [[id("6"), hex("7", 32)]], "id_key": hex("8", 32) },
        });
        fs::create_dir_all(self.path("state/default")).unwrap();
        fs::write(self.path("state/default/enrolment.json"), enrolment.to_string()).unwrap();
    }
}

fn check<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

fn version(build: u32, revision: u32) -> String {
    format!(
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\r\n\"CurrentBuildNumber\"=\"{build}\"\r\n\"UBR\"=dword:{revision:08x}\r\n"
    )
}

fn policy(lines: &str) -> String {
    format!("[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Rehome]\r\n{lines}\r\n")
}

#[test]
fn each_prerequisite_row_is_refused_one_below_and_allowed_from_its_build_on() {
    for row in ROWS {
        let id = match row.activity {
            Activity::Backup => "windows.build.backup",
            Activity::SetupRestore => "windows.build.setup_restore",
            Activity::SignInRestore => "windows.build.sign_in_restore",
        };
        for (revision, verdict) in
            [(row.least.revision - 1, "fail"), (row.least.revision, "pass"), (row.least.revision + 1, "pass")]
        {
            let (code, document) = Pc::new(&version(row.least.build, revision)).doctor();
            let check = check(&document, id);
            assert_eq!(check["verdict"], verdict, "{row:?} {revision}");
            assert_eq!(check["found"], format!("{}.{revision}", row.least.build));
            if verdict == "fail" {
                assert_eq!((code, &check["reason"]), (5, &Value::from("build_too_old")));
                assert!(check["needed"].as_str().unwrap().contains(&row.least.to_string()));
                assert!(!check["next"].as_str().unwrap().is_empty());
            }
        }
    }
}

#[test]
fn a_pc_that_takes_part_in_everything_ends_with_0() {
    let (code, document) = Pc::new(&version(26100, 7922)).doctor();
    assert_eq!((code, &document["verdict"]), (0, &Value::from("pass")), "any join state is good enough by default");
    let demanding = policy("\"RequiredJoinState\"=\"microsoft\"");
    let registered = "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows NT\\CurrentVersion\\WorkplaceJoin\\JoinInfo\\AB]\r\n\"TenantId\"=\"t\"\r\n";
    let (code, document) = Pc::new(&format!("{}{demanding}{registered}", version(26100, 7922))).doctor();
    assert_eq!((code, &document["verdict"]), (5, &Value::from("fail")));
    assert_eq!(check(&document, "join.backup")["reason"], "wrong_join_state");
    assert_eq!(check(&document, "join.backup")["found"], "Entra registered only (says the registry)");
}

#[test]
fn a_backup_that_policy_switched_off_is_refused_and_says_by_whom() {
    let pc = Pc::new(&policy("\"EnableBackup\"=dword:00000000"));
    pc.enrol();
    let said = pc.rehome(&["backup", "--from", "pc.reg"]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("backups are switched off by the policy for this PC"), "{}", said.err);
    let (code, document) = pc.doctor();
    assert_eq!((code, &check(&document, "policy.backup")["reason"]), (5, &Value::from("policy_off")));
}

#[test]
fn a_restore_that_policy_switched_off_is_refused() {
    let pc = Pc::new(&policy("\"EnableRestore\"=dword:00000000"));
    pc.enrol();
    let said = pc.rehome(&["restore", "--to", "pc.reg", "--yes"]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("restoring is switched off"), "{}", said.err);
}

#[test]
fn an_old_build_does_not_hold_back_a_rescue() {
    let pc = Pc::new(&version(10240, 1));
    pc.enrol();
    let said = pc.rehome(&["backup", "--from", "pc.reg"]);
    assert_eq!(said.code, 6, "only the server is missing: {}", said.err);
}

#[test]
fn microsoft_s_backup_beside_ours_is_a_warning_with_what_to_set() {
    let sync = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\SettingSync]\r\n\"EnableWindowsBackup\"=dword:00000001\r\n";
    let pc = Pc::new(&format!("{}{sync}", version(26100, 7922)));
    let said = pc.rehome(&["doctor", "--from", "pc.reg"]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(
        said.out.contains("two_backups") && said.out.contains("`Enable Windows Backup` to disabled"),
        "{}",
        said.out
    );
    assert!(said.err.contains("not held back by builds"), "{}", said.err);
}

/// What could not be told was called a success, and nobody learned why or what to do.
#[test]
fn what_is_not_known_ends_as_a_warning_with_its_reason_and_what_to_do() {
    let pc = Pc::new(&policy("\"BackupIntervalHours\"=dword:00000018"));
    let said = pc.rehome(&["doctor", "--from", "pc.reg"]);
    assert_eq!(said.code, 3, "{}", said.out);
    let about = said.out.split_once("\nWindows build: ").unwrap().1;
    assert!(about.contains("(fact_unknown)\n  nothing is held back by it; ask the PC itself"), "{}", said.out);
    let (code, document) = pc.doctor();
    assert_eq!((code, &document["verdict"]), (3, &Value::from("unknown")));
    assert_eq!(check(&document, "windows.build.backup")["reason"], "fact_unknown");
}

#[test]
fn every_policy_is_shown_with_who_set_it_and_no_secret() {
    let pc = Pc::new(&policy("\"EnrolmentToken\"=\"geheim-0815\"\r\n\"BackupIntervalHours\"=dword:00000018"));
    let said = pc.rehome(&["doctor", "--policies", "--from", "pc.reg"]);
    for policy in POLICIES {
        assert!(said.out.contains(policy.id), "{}", policy.id);
    }
    assert!(said.out.contains("set, not shown") && !said.out.contains("geheim"), "{}", said.out);
    let (_, document) = pc.doctor();
    assert!(!document.to_string().contains("geheim"));
    let of =
        |id: &str| document["policies"].as_array().unwrap().iter().find(|policy| policy["id"] == id).unwrap().clone();
    assert_eq!(
        (&of("backup.interval_hours")["value"], &of("backup.interval_hours")["by"]),
        (&Value::from(24), &Value::from("machine"))
    );
    assert_eq!(of("agent.enrolment_token")["value"], "set");
}

#[test]
fn without_windows_the_checks_say_so() {
    let pc = Pc::new("");
    let said = pc.rehome(&["doctor"]);
    assert_eq!(said.code, 4, "not connected: {}", said.out);
    assert!(said.out.contains("not_enrolled") && said.err.contains("This is not Windows"), "{}{}", said.out, said.err);
}

#[test]
fn a_scheduled_run_does_nothing_until_a_backup_is_due() {
    let pc = Pc::new("");
    pc.enrol();
    let due = pc.rehome(&["schedule", "run", "--from", "pc.reg"]);
    assert_eq!(due.code, 6, "due, and the server is away: {}", due.err);
    let hour = 3_600_000;
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    for (hours, code, said) in [(191, 0, "Nothing to do"), (193, 6, "because"), (-48, 6, "because")] {
        fs::write(pc.path("state/default/last-success"), format!("{}\n", now - hours * hour)).unwrap();
        let run = pc.rehome(&["schedule", "run", "--from", "pc.reg"]);
        assert_eq!(run.code, code, "{hours}: {}", run.err);
        assert!(run.err.contains(said), "{hours}: {}", run.err);
    }
    fs::write(pc.path("state/default/last-success"), format!("{now}\n")).unwrap();
    let run = pc.rehome(&["schedule", "run", "--from", "pc.reg", "--json"]);
    let document: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no document: {}", run.out));
    assert_eq!((&document["outcome"], &document["due"]), (&"not_due".into(), &"not_yet".into()), "{document}");
    assert!(document["at"].is_i64(), "{document}");
    fs::write(pc.path("state/default/last-success"), format!("{}\n", now + 48 * hour)).unwrap();
    let status: Value = serde_json::from_str(&pc.rehome(&["schedule", "status", "--json"]).out).unwrap();
    assert_eq!((&status["due"], &status["interval_hours"]), (&Value::from("clock_changed"), &Value::from(192)));
}

#[test]
fn the_task_is_printed_and_cannot_be_registered_without_windows() {
    let pc = Pc::new("");
    let printed = pc.rehome(&["schedule", "install", "--print"]);
    assert_eq!(printed.code, 0);
    assert!(printed.out.contains("<Arguments>schedule run</Arguments>"), "{}", printed.out);
    assert_eq!(pc.rehome(&["schedule", "install"]).code, 2);
    assert_eq!(pc.rehome(&["schedule", "remove"]).code, 2);
}

#[test]
fn no_setting_value_token_or_path_gets_into_a_log() {
    let secret = "Geheimes-Bild-7";
    let mut lines = policy("\"EnrolmentToken\"=\"geheim-0815\"");
    writeln!(
        lines,
        "[HKEY_CURRENT_USER\\Control Panel\\Desktop]\r\n\"Wallpaper\"=\"C:\\\\Users\\\\ada\\\\{secret}.jpg\"\r"
    )
    .unwrap();
    let pc = Pc::new(&lines);
    pc.enrol();
    for words in [
        &["doctor", "--from", "pc.reg"][..],
        &["backup", "--from", "pc.reg", "--device-name", secret],
        &["backup", "--from", "no-such-file-geheim"],
        &["schedule", "run", "--from", "pc.reg"],
        &["restore", "--to", "pc.reg", "--yes"],
        &["undo", "--to", "pc.reg"],
        &["enroll", "--server", "https://127.0.0.1:1/geheim", "--user", "geheim-user"],
    ] {
        let _ = pc.rehome(words);
    }
    let log = fs::read_to_string(pc.path("state/default/logs/agent.log")).unwrap();
    assert!(log.lines().count() >= 5, "{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(entry["event"].is_u64() && entry["exit"].is_u64() && entry["ts"].is_string(), "{line}");
    }
    let lower = log.to_lowercase();
    for word in ["geheim", "ea760d584f5e", "127.0.0.1", "ada", ".reg", "users", "4711"] {
        assert!(!lower.contains(word), "`{word}` is in {log}");
    }
}
