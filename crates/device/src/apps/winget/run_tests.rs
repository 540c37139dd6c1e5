//! A stand-in for `winget` that writes down how it was called and plays back success, failure and a hang.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use model::snapshot::AppKind;
use tempfile::TempDir;

use super::*;

/// What the stand-in does, by the third word of its line.
const SCRIPT: &str = r#"#!/bin/sh
echo "$*" >> "$0.log"
case "$3" in
    9WORKSWORKS0) exit 0 ;;
    9FAILSFAILS0) exit 1 ;;
    9HANGSHANGS0) exec sleep 1000 ;;
esac
while [ "$1" != --output ]; do shift; done
printf '{"Sources":[{"Packages":[{"PackageIdentifier":"Mozilla.Firefox"}],"SourceDetails":{"Name":"winget"}}]}' > "$2"
exit 7
"#;

/// The stand-in in a folder of its own.
fn stand_in() -> (TempDir, Winget) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("winget");
    let mut file = fs::File::options().create(true).truncate(true).write(true).mode(0o700).open(&program).unwrap();
    file.write_all(SCRIPT.as_bytes()).unwrap();
    let winget = Winget { program, quietly: |_| (), wait: std::thread::sleep, show: |_| Ok(()), limit: 20 * LOOK };
    (folder, winget)
}

fn store(id: &str) -> Order {
    let again = Again { store_id: Some(id.to_owned()), ..Again::default() };
    Order::of(AppKind::Store, "A.Notes_mcm4njqhnhss8", &again).unwrap()
}

#[test]
fn an_order_is_carried_out_and_its_result_understood() {
    let (folder, winget) = stand_in();
    assert_eq!(winget.install(&store("9WORKSWORKS0")), Attempt::Installed);
    assert_eq!(winget.install(&store("9FAILSFAILS0")), Attempt::Later(Reason::InstallFailed));
    assert_eq!(winget.install(&store("9HANGSHANGS0")), Attempt::Later(Reason::InstallSlow), "it is ended");
    let log = fs::read_to_string(folder.path().join("winget.log")).unwrap();
    let words = "--exact --source msstore --silent --accept-package-agreements --accept-source-agreements --disable-interactivity";
    let lines = ["9WORKSWORKS0", "9FAILSFAILS0", "9HANGSHANGS0"].map(|id| format!("install --id {id} {words}"));
    assert_eq!(log.lines().collect::<Vec<_>>(), lines);
    let missing = Winget { program: folder.path().join("no-such"), ..winget };
    assert_eq!(missing.install(&store("9WORKSWORKS0")), Attempt::Later(Reason::NoInstaller));
}

#[test]
fn an_export_is_read_whatever_the_exit_code_and_nothing_is_left_of_it() {
    let (folder, winget) = stand_in();
    let file = folder.path().join("export.json");
    assert_eq!(winget.export(&file).unwrap().programs[0].id, "Mozilla.Firefox");
    assert!(!file.exists());
    let missing = Winget { program: folder.path().join("no-such"), ..winget };
    assert!(matches!(missing.export(&file), Err(WingetError::Missing)));
}
