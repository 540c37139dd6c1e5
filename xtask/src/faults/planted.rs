//! Twelve bugs, put into a copy of the source one after the other: a harness that finds nothing in a broken product would prove nothing about a sound one.
//!
//! The copy lies in the target folder and shares its builds of other people's crates; the checkout itself is never touched. A bug is a replacement of a text that
//! occurs once in its file, so a change of that file shows up here (a test looks), and is found if a test fails. That the copy does not build, or that the test passes
//! without the bug no longer, is a failure of this chore.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::bench::Watch;
use crate::{process, repo, say};

/// A bug.
struct Bug {
    name: &'static str,
    file: &'static str,
    /// Texts that occur once in the file, and what takes their place.
    changes: &'static [(&'static str, &'static str)],
    package: &'static str,
    /// Which of the package's programs: words of `cargo test`.
    program: &'static [&'static str],
    /// Which of its tests.
    tests: &'static [&'static str],
}

/// Those that the project promises to find.
const BUGS: [Bug; 12] = [
    Bug {
        name: "confirmed before it is durable",
        file: "crates/store/src/dialect/sqlite.rs",
        changes: &[(
            "connection.pragma_update(None, \"synchronous\", \"FULL\")?;\n    connection.pragma_update(None, \"wal_autocheckpoint\"",
            "connection.pragma_update(None, \"synchronous\", \"NORMAL\")?;\n    connection.pragma_update(None, \"wal_autocheckpoint\"",
        )],
        package: "store",
        program: &["--test", "it"],
        tests: &["no_power_cut_loses_a_confirmed_snapshot"],
    },
    Bug {
        name: "a file is not synced",
        file: "crates/store/src/blobs/disk.rs",
        changes: &[("file.sync_all().map_err(StoreError::not_durable(&path))?;", "")],
        package: "store",
        program: &["--test", "it"],
        tests: &["no_power_cut_loses_a_confirmed_snapshot"],
    },
    Bug {
        name: "a folder is not synced",
        file: "crates/store/src/blobs/disk.rs",
        changes: &[(
            "fs::rename(&from, &to).map_err(StoreError::io(&to))?;\n                sync_folder(&folder)?;",
            "fs::rename(&from, &to).map_err(StoreError::io(&to))?;",
        )],
        package: "store",
        program: &["--test", "it"],
        tests: &["no_power_cut_loses_a_confirmed_snapshot"],
    },
    Bug {
        name: "a snapshot is committed before its files are there",
        file: "crates/store/src/commit/mod.rs",
        changes: &[("AND checksum IS NOT NULL AND deleting = 0 RETURNING no", "AND deleting = 0 RETURNING no")],
        package: "store",
        program: &["--test", "it"],
        tests: &["missing_parts_and_blobs_are_named_and_nothing_is_kept", "faults::"],
    },
    Bug {
        name: "files are let go although a backup names them",
        file: "crates/store/src/commit/mod.rs",
        changes: &[(
            "UPDATE blobs SET condemned_at = NULL WHERE",
            "UPDATE blobs SET condemned_at = condemned_at WHERE",
        )],
        package: "store",
        program: &["--test", "it"],
        tests: &["keep::", "faults::"],
    },
    Bug {
        name: "a statement forgets whose row it is",
        file: "crates/store/src/scope.rs",
        changes: &[(
            "AND id = $2 AND user_no = $3 AND left_at IS NULL",
            "AND id = $2 AND (user_no = $3 OR 1 = 1) AND left_at IS NULL",
        )],
        package: "store",
        program: &["--test", "it"],
        tests: &["people_and_tenants_see_nothing_of_each_other"],
    },
    Bug {
        name: "the owner is not part of what is authenticated",
        file: "crates/seal/src/aead.rs",
        changes: &[(
            "        aad.extend_from_slice(self.tenant.as_bytes());\n        aad.extend_from_slice(self.user.as_bytes());\n        aad.extend_from_slice(self.profile.as_bytes());\n",
            "",
        )],
        package: "seal",
        program: &["--test", "blob"],
        tests: &["another_owner_key_file_or_length_does_not_open_it"],
    },
    Bug {
        name: "nobody looks who issued a token",
        file: "crates/server/src/login/oidc/token.rs",
        changes: &[
            ("    validation.set_issuer(&[expected.issuer]);\n", ""),
            ("if claims.text(\"iss\") != Some(expected.issuer) {", "if claims.text(\"iss\").is_none() {"),
        ],
        package: "server",
        program: &["--test", "it"],
        tests: &["every_wrong_token_is_refused_and_written_down_once"],
    },
    Bug {
        name: "requests are taken twice",
        file: "crates/server/src/identity/nonces.rs",
        changes: &[(
            "            return Seen::Before;\n        }\n        if sets.young.len()",
            "            return Seen::New;\n        }\n        if sets.young.len()",
        )],
        package: "server",
        program: &["--test", "it"],
        tests: &["a_request_that_is_sent_again_is_refused_for_as_long_as_its_time_counts"],
    },
    Bug {
        name: "the journal is not durable before what it tells of",
        file: "crates/device/src/apply/journal/mod.rs",
        changes: &[(
            "        }\n        self.journals.append(self.number, &bytes)?;\n        self.journals.sync(self.number)\n",
            "        }\n        self.journals.append(self.number, &bytes)\n",
        )],
        package: "device",
        program: &["--lib"],
        tests: &["apply::crash_tests"],
    },
    Bug {
        name: "nothing is put back",
        file: "crates/device/src/apply/run.rs",
        changes: &[("results[*at] = self.swap(&steps[*at], Side::Prior).err();", "results[*at] = None;")],
        package: "device",
        program: &["--lib"],
        tests: &["apply::"],
    },
    Bug {
        name: "paths pass as texts",
        file: "crates/model/src/catalog/text.rs",
        changes: &[
            ("        || text.contains(\"..\")\n", ""),
            ("        || separates(text)\n", ""),
            ("        || names_program(text)\n", ""),
        ],
        package: "device",
        program: &["--lib"],
        tests: &["codec::", "apply::hostile_tests"],
    },
];

/// Plants each and looks whether it is found.
pub fn run() -> anyhow::Result<ExitCode> {
    let copy = copy()?;
    let mut missed = 0;
    for bug in &BUGS {
        let watch = Watch::start();
        let file = copy.join(bug.file);
        let sound = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
        repo::write(&file, planted(bug, &sound)?)?;
        let found = is_found(bug, &copy);
        repo::write(&file, sound)?;
        let seconds = watch.elapsed().as_secs_f64();
        if let Some(by) = found? {
            say::good(&format!("{seconds:6.1} s  found by {by}: {}", bug.name));
        } else {
            missed += 1;
            say::bad(&format!("{seconds:6.1} s  NOT FOUND: {}", bug.name));
        }
    }
    say::note(&format!("{} of {} planted bugs were found", BUGS.len() - missed, BUGS.len()));
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The source with the bug in it.
fn planted(bug: &Bug, sound: &str) -> anyhow::Result<String> {
    let mut text = sound.to_owned();
    for (from, to) in bug.changes {
        if text.matches(from).count() != 1 {
            bail!("`{}` can no longer be planted: its text does not occur once in {}", bug.name, bug.file);
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

/// The first test that failed.
fn is_found(bug: &Bug, copy: &Path) -> anyhow::Result<Option<String>> {
    let mut cargo = repo::cargo();
    cargo.current_dir(copy).env("CARGO_TARGET_DIR", repo::target()?).args([
        "test",
        "--locked",
        "--package",
        bug.package,
    ]);
    cargo.args(bug.program).arg("--").args(bug.tests);
    let output = process::capture(&mut cargo, "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = text.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    if failed.is_none()
        && (!output.status.success() || !text.contains("test result: ok. ") || text.contains("ok. 0 passed"))
    {
        bail!("`{}` does not build or runs no test: {}", bug.name, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(failed.map(str::to_owned))
}

/// A copy of what git has, with what was changed since; files that are the same stay, so that only what differs is built again.
fn copy() -> anyhow::Result<PathBuf> {
    let folder = repo::target()?.join("planted");
    let mut git = std::process::Command::new("git");
    git.current_dir(repo::root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::capture(&mut git, "")?;
    if !listed.status.success() {
        bail!("git could not list the files: {}", String::from_utf8_lossy(&listed.stderr).trim());
    }
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (repo::root().join(name), folder.join(name));
        let Ok(bytes) = std::fs::read(&from) else { continue };
        if std::fs::read(&to).ok().as_ref() != Some(&bytes) {
            let above = to.parent().context("a file lies in a folder")?;
            std::fs::create_dir_all(above).with_context(|| format!("could not make {}", above.display()))?;
            repo::write(&to, bytes)?;
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_can_still_be_planted() {
        for bug in &BUGS {
            let sound = std::fs::read_to_string(repo::root().join(bug.file)).unwrap();
            assert_ne!(planted(bug, &sound).unwrap(), sound, "{}", bug.name);
        }
    }
}
