//! Real hives: each gives exactly the values that yarp, the format's reference reader, gives, with its logs and
//! without.
//!
//! The files are read in place from the shared test data and are never copied into this repository; without them the
//! tests say loudly that they were skipped.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, and says what it skips")]

use std::collections::BTreeSet;
#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use hive::{Found, Hive, Loaded, OpenError, Refusal, Report, State, What, load};
use not_tried::not_tried;

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hives");
    if !path.is_dir() {
        not_tried("the shared test data is not beside the project", None);
        return None;
    }
    Some(path)
}

/// Loads a hive with the logs that lie beside it, or without.
fn open(path: &Path, with_logs: bool) -> Result<Loaded, OpenError> {
    let logs: Vec<(String, Vec<u8>)> = ["LOG1", "LOG2"]
        .into_iter()
        .filter_map(|end| Some((end.to_owned(), fs::read(format!("{}.{end}", path.display())).ok()?)))
        .collect();
    let logs: Vec<(&str, &[u8])> = logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    load(fs::read(path).unwrap(), if with_logs { &logs } else { &[] })
}

fn escape(text: &impl ToString) -> String {
    text.to_string().chars().fold(String::new(), |mut out, c| {
        if c == '%' || c.is_control() {
            write!(out, "%{:02X}", u32::from(c)).unwrap();
        } else {
            out.push(c);
        }
        out
    })
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Prefixes of keys that the expected files list: the settings scope, or everything for the small edge cases.
struct Scope(Option<Vec<String>>);

impl Scope {
    fn of(data: &Path, hive: &Path) -> Self {
        if hive.parent() != Some(data) {
            return Self(None);
        }
        let text = fs::read_to_string(data.join("settings-scope.txt")).unwrap();
        Self(Some(text.lines().filter(|line| !line.is_empty()).map(fold).collect()))
    }

    fn holds(&self, path: &str) -> bool {
        let Some(keys) = &self.0 else { return true };
        let path = fold(path);
        keys.iter()
            .any(|key| path.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\')))
    }
}

/// The lines of an expected file, from our reading.
fn lines(hive: &Hive<'_>, scope: &Scope) -> (BTreeSet<String>, Report) {
    let mut lines = BTreeSet::new();
    let report = hive.walk(|path, found| {
        let path = path.to_string();
        if scope.holds(&path) {
            let path = escape(&path);
            match found {
                Found::Key(key) if key.values().next().is_none() => _ = lines.insert(format!("{path}\t\t-\t")),
                Found::Key(_) => {}
                Found::Value(value, data) => {
                    let hex = data.iter().fold(String::new(), |mut hex, byte| {
                        write!(hex, "{byte:02x}").unwrap();
                        hex
                    });
                    lines.insert(format!("{path}\t{}\t{}\t{hex}", escape(&value.name()), value.kind()));
                }
            }
        }
        ControlFlow::Continue(())
    });
    (lines, report)
}

fn expected(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split('\n')
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

/// Compares, and shows the first differences instead of megabytes.
fn assert_same(name: &Path, ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    let cut = |line: &String| line.chars().take(200).collect::<String>();
    let missing: Vec<_> = theirs.difference(ours).take(5).map(cut).collect();
    let extra: Vec<_> = ours.difference(theirs).take(5).map(cut).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{}: missing {missing:#?}, extra {extra:#?}", name.display());
}

fn hives(data: &Path, ending: &str) -> Vec<(PathBuf, PathBuf)> {
    let mut hives = Vec::new();
    for folder in [data.to_owned(), data.join("edge")] {
        for entry in fs::read_dir(folder).unwrap() {
            let list = entry.unwrap().path();
            if let Some(hive) = list.to_str().unwrap().strip_suffix(ending) {
                hives.push((PathBuf::from(hive), list.clone()));
            }
        }
    }
    hives.sort();
    hives
}

#[test]
fn every_hive_gives_exactly_the_expected_values_after_replay() {
    let Some(data) = data() else { return };
    let hives = hives(&data, ".expected.tsv");
    assert!(hives.len() >= 18, "{}", hives.len());
    for (path, list) in hives {
        let loaded = open(&path, true).unwrap();
        let (ours, _) = lines(&loaded.hive().unwrap(), &Scope::of(&data, &path));
        assert_same(&path, &ours, &expected(&list));
    }
}

#[test]
fn every_dirty_hive_gives_exactly_the_expected_values_without_its_logs() {
    let Some(data) = data() else { return };
    let hives = hives(&data, ".expected-nolog.tsv");
    assert!(hives.len() >= 5, "{}", hives.len());
    for (path, list) in hives {
        let loaded = open(&path, false).unwrap();
        assert_eq!(loaded.replay.state, State::Dirty, "{}", path.display());
        assert_eq!(loaded.replay.warnings().len(), 1);
        let (ours, _) = lines(&loaded.hive().unwrap(), &Scope::of(&data, &path));
        assert_same(&path, &ours, &expected(&list));
    }
}

fn counts(path: &Path, with_logs: bool) -> (u32, u32) {
    let loaded = open(path, with_logs).unwrap();
    let report = loaded.hive().unwrap().walk(|_, _| ControlFlow::Continue(()));
    assert!(!report.cut_short);
    (report.keys, report.values)
}

#[test]
fn key_and_value_counts_are_those_of_the_reference() {
    let Some(data) = data() else { return };
    let usrclass = data.join("win10-1709-jcloudy.UsrClass.dat");
    assert_eq!(counts(&usrclass, true), (6_238, 12_531));
    assert_eq!(counts(&usrclass, false), (6_205, 12_369));
    let amcache = data.join("win10-21h2-apt.Amcache.hve");
    assert_eq!(counts(&amcache, true), (471, 10_961));
    assert_eq!(counts(&amcache, false), (470, 10_942));
    assert_eq!(counts(&data.join("win10-22h2-admin.NTUSER.DAT"), true), (3_074, 4_949));
}

#[test]
fn sound_hives_show_no_damage() {
    let Some(data) = data() else { return };
    for (path, _) in hives(&data, ".expected.tsv") {
        if ["BadListHive", "TruncatedHive"].iter().any(|bad| path.ends_with(bad)) {
            continue;
        }
        let loaded = open(&path, true).unwrap();
        let report = loaded.hive().unwrap().walk(|_, _| ControlFlow::Continue(()));
        assert!(report.damages.is_empty(), "{}: {:?}", path.display(), report.damages);
    }
}

#[test]
fn every_key_is_found_by_its_path_in_any_case() {
    let Some(data) = data() else { return };
    for name in ["win10-22h2-admin.NTUSER.DAT", "win10-1709-jcloudy.UsrClass.dat", "edge/ManySubkeysHive"] {
        let loaded = open(&data.join(name), true).unwrap();
        let hive = loaded.hive().unwrap();
        hive.walk(|path, found| {
            let path = path.to_string();
            let key = hive.root().open(&path.to_ascii_uppercase()).unwrap().unwrap();
            match found {
                Found::Key(expected) => assert_eq!(key.offset(), expected.offset(), "{path}"),
                Found::Value(value, _) => {
                    let name = value.name().to_string();
                    assert_eq!(
                        key.value(&name.to_ascii_lowercase()).unwrap().unwrap().offset(),
                        value.offset(),
                        "{path}\\{name}"
                    );
                }
            }
            ControlFlow::Continue(())
        });
    }
}

#[test]
fn replay_equals_what_windows_recovered() {
    let Some(data) = data() else { return };
    let ours = open(&data.join("edge/NewDirtyHive1"), true).unwrap();
    let theirs = fs::read(data.join("edge/NewDirtyHive1.RecoveredByWindows10")).unwrap();
    assert_eq!(ours.replay.state, State::Replayed);
    assert_eq!(
        ours.replay.logs.iter().map(|log| (log.applied, log.refusal)).collect::<Vec<_>>(),
        [(1, None), (3, None)]
    );
    let everything = Scope(None);
    let (theirs, _) = lines(&Hive::open(&theirs).unwrap(), &everything);
    assert_same(Path::new("NewDirtyHive1"), &lines(&ours.hive().unwrap(), &everything).0, &theirs);
}

#[test]
fn only_the_second_log_is_used_where_the_first_is_stale() {
    let Some(data) = data() else { return };
    let loaded = open(&data.join("edge/NewDirtyHive2"), true).unwrap();
    assert_eq!(loaded.replay.logs[0].applied, 0);
    assert_eq!(loaded.replay.logs[0].refusal, Some(Refusal::Stale { expected: 3, actual: 2 }));
    assert_eq!((loaded.replay.logs[1].applied, loaded.replay.logs[1].refusal), (3, None));
}

#[test]
fn damaged_logs_are_refused_and_told() {
    let Some(data) = data() else { return };
    let path = data.join("edge/BadLogHive3");
    let loaded = open(&path, true).unwrap();
    assert_eq!(loaded.replay.state, State::Dirty);
    assert!(loaded.replay.logs.iter().all(|log| log.refusal == Some(Refusal::BaseBlock)));
    assert_eq!(loaded.replay.warnings().len(), 3);
    assert_eq!(loaded.bytes, fs::read(path).unwrap());
}

#[test]
fn truncated_hive_gives_what_is_left_and_reports_the_rest() {
    let Some(data) = data() else { return };
    let loaded = open(&data.join("edge/TruncatedHive"), true).unwrap();
    let report = loaded.hive().unwrap().walk(|_, _| ControlFlow::Continue(()));
    assert_eq!(report.keys, 2);
    assert!(matches!(report.damages.kept()[0].what, What::FileTruncated { expected: 487_424, actual: 8_192 }));
    assert!(report.damages.total() > 1, "{:?}", report.damages);
}

#[test]
fn key_listed_under_a_foreign_parent_is_given_and_reported() {
    let Some(data) = data() else { return };
    let loaded = open(&data.join("edge/BadListHive"), true).unwrap();
    let report = loaded.hive().unwrap().walk(|_, _| ControlFlow::Continue(()));
    assert_eq!(report.keys, 7);
    assert!(
        report.damages.kept().iter().any(|damage| matches!(damage.what, What::Parent { .. })),
        "{:?}",
        report.damages
    );
}
