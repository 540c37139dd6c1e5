//! The program as a sign-in calls it: `rehome-backup --welcome`, with a `rehome` beside it that says what a test wants and writes down what it was asked.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A PC on which `rehome` gives these answers, by the first word that is no option.
struct Pc(TempDir);

impl Pc {
    #[expect(clippy::disallowed_methods, reason = "a scratch folder of a test: nobody reads half a file")]
    fn new(answers: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let here = folder.path();
        for (verb, answer) in answers {
            std::fs::write(here.join(verb), answer).expect("an answer is put there");
        }
        let script =
            "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$*\" >> \"$here/asked\"\ncat \"$here/$2\" 2>/dev/null\n";
        std::fs::write(here.join("script"), script).expect("the script is put there");
        // Another process makes the programs: a child of another test may hold on to a file that this one has open to write, and Linux starts no such file.
        let put = |from: &Path, name: &str| {
            assert!(
                Command::new("install")
                    .args(["-m", "755"])
                    .arg(from)
                    .arg(here.join(name))
                    .status()
                    .expect("`install` is everywhere")
                    .success()
            );
        };
        put(&here.join("script"), "rehome");
        put(Path::new(env!("CARGO_BIN_EXE_rehome-backup")), "rehome-backup");
        Self(folder)
    }

    /// Signs in; what was told, and what `rehome` was asked.
    #[expect(clippy::disallowed_methods, reason = "a scratch folder of a test: nobody reads half a file")]
    fn signs_in(&self) -> (String, Vec<String>) {
        let asked = self.0.path().join("asked");
        std::fs::write(&asked, "").expect("nothing was asked yet");
        let mut program = Command::new(self.0.path().join("rehome-backup"));
        // Without a screen: a page that came up would be a failure.
        let ran = program
            .arg("--welcome")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C")
            .output()
            .expect("the program runs");
        assert!(ran.status.success(), "{ran:?}");
        let asked = std::fs::read_to_string(asked).expect("what was asked is there");
        (String::from_utf8(ran.stderr).expect("text"), asked.lines().map(str::to_owned).collect())
    }
}

const NO_PAGE: (&str, &str) = ("welcome", r#"{"show":false}"#);

fn failing(told: bool) -> String {
    format!(
        r#"{{"last_success":"2000-01-01T00:00:00Z","interval_hours":24,
        "last_failure":{{"code":"disk_full","message":"m","hint":"h","told":{told}}}}}"#
    )
}

#[test]
fn why_backups_fail_is_told_and_remembered_as_told() {
    let pc = Pc::new(&[NO_PAGE, ("schedule", &failing(false)), ("status", r#"{"on_server":"kept"}"#)]);
    let (told, asked) = pc.signs_in();
    assert!(told.contains("cannot be backed up The disk of this PC is full."), "{told}");
    assert_eq!(
        asked,
        ["--json welcome --connect", "--json schedule status", "--json status", "--json schedule told disk_full",]
    );
}

#[test]
fn what_lasts_is_told_and_nothing_is_remembered_of_it() {
    let pc = Pc::new(&[NO_PAGE, ("schedule", &failing(true)), ("status", r#"{"on_server":"kept"}"#)]);
    let (told, asked) = pc.signs_in();
    assert!(told.contains("days old"), "{told}");
    assert_eq!(asked.len(), 3, "{asked:?}");
}

#[test]
fn a_pc_that_was_offline_and_asleep_says_nothing() {
    let no = r#"{"code":"server_unreachable","message":"m","hint":"h","exit":6}"#;
    let schedule = r#"{"last_success":"2999-01-01T00:00:00Z","interval_hours":24,"last_failure":null}"#;
    let (told, asked) = Pc::new(&[NO_PAGE, ("schedule", schedule), ("status", no)]).signs_in();
    assert_eq!((told.as_str(), asked.len()), ("", 3), "{asked:?}");
}
