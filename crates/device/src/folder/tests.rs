//! Links in every place, hostile names, full disks.

use std::collections::BTreeSet;
use std::fs;

use model::words::is_language;

use super::spellings::all;
use super::*;

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

#[test]
fn more_than_two_hundred_spellings_of_elsewhere_are_no_names() {
    let spellings = all();
    assert_eq!(spellings.iter().collect::<BTreeSet<_>>().len(), 276, "none stands there twice");
    for spelling in &spellings {
        assert_eq!(Name::new(spelling), None, "{spelling:?}");
        assert!(!is_language(spelling), "{spelling:?}");
    }
    let good =
        ["default.dic", "LockScreen___1920_1080_notdimmed.jpg", "{6B6A3C4D-1F2E}-Image448.jpg", "S-1-5-21-1-2-3-1001"];
    assert!(good.iter().all(|text| Name::new(text).is_some()));
    assert!(["neutral", "de-DE", "zh-Hant-TW", "en", "conlang"].iter().all(|tag| is_language(tag)));
}

#[test]
fn a_step_is_one_step() {
    let root = tempfile::tempdir().unwrap();
    let inside = root.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(root.path().join("x"), b"outside").unwrap();
    let folder = Folder::open(&inside).unwrap();
    for step in ["..", "../x", "/", "", ".", "a/b", "a/", "./x"] {
        assert!(folder.read(name(step), 99).is_err(), "{step}");
        assert!(folder.replace(name(step), b"1").is_err(), "{step}");
        assert!(folder.child(name(step)).is_err() && folder.child_or_made(name(step)).is_err(), "{step}");
        assert!(folder.remove(name(step)).is_err(), "{step}");
    }
    assert_eq!(fs::read(root.path().join("x")).unwrap(), b"outside");
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 0);
}

#[test]
fn a_file_is_replaced_whole_and_what_a_crash_left_is_cleared_away() {
    let root = tempfile::tempdir().unwrap();
    let place = Below::new(root.path().to_owned(), ["a", "b"]);
    assert!(place.folder_if_there().unwrap().is_none());
    let folder = place.folder_or_made().unwrap();
    folder.replace(name("x"), b"one").unwrap();
    fs::write(place.then("x.new").path(), b"half of").unwrap();
    folder.replace(name("x"), b"two").unwrap();
    assert_eq!(folder.names().unwrap(), ["x"]);
    assert_eq!(folder.read(name("x"), 3).unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(folder.read(name("x"), 2).unwrap_err().reason_of_read(), Reason::FileTooLarge);
    assert!(folder.remove(name("x")).unwrap());
    assert!(!folder.remove(name("x")).unwrap(), "it was there once");
    assert_eq!(folder.read(name("x"), 3).unwrap(), None);
    assert_eq!(place.then("x").read(9).unwrap_err().reason_of_read(), Reason::FileMissing);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_link_is_refused_in_the_place_of_a_folder_and_replaced_in_that_of_a_file() {
        let root = tempfile::tempdir().unwrap();
        let (inside, outside) = (root.path().join("inside"), root.path().join("outside"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), b"secret").unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        symlink(outside.join("secret"), inside.join("file")).unwrap();
        symlink("nowhere", inside.join("file.new")).unwrap();
        let folder = Folder::open(&inside).unwrap();
        assert!(matches!(folder.child(name("folder")), Err(FolderError::Link)));
        assert!(matches!(folder.child_or_made(name("folder")), Err(FolderError::Link)));
        assert!(matches!(folder.read(name("file"), 99), Err(FolderError::Link)));
        assert!(matches!(folder.look(name("file")), Err(FolderError::Link)));
        folder.replace(name("file"), b"mine").unwrap();
        assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
        assert_eq!(folder.read(name("file"), 99).unwrap().as_deref(), Some(&b"mine"[..]));
        assert!(!inside.join("nowhere").exists());
    }

    /// Ends the exchange whatever happens, so that a failure is told and not waited for.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Somebody exchanges a folder on the way for a link and back, as fast as they can, while a restore writes.
    #[test]
    fn nobody_is_quick_enough_to_put_a_link_in_the_way() {
        const WRITES: usize = 200;
        // In memory, where making things durable takes no time.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let (inside, outside) = (root.path().join("inside"), root.path().join("outside"));
        fs::create_dir_all(inside.join("files")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("wallpaper.png"), b"precious").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        let place = Below::new(inside.clone(), ["files"]);
        let done = AtomicBool::new(false);
        let (mut written, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            let _stop = Stop(&done);
            let swapping = scope.spawn(|| {
                let at = |name: &str| inside.join(name);
                let mut swaps = 0_usize;
                while !done.load(Ordering::Relaxed) {
                    let steps = [("files", "aside"), ("link", "files"), ("files", "link"), ("aside", "files")];
                    for (from, to) in steps {
                        fs::rename(at(from), at(to)).unwrap();
                    }
                    swaps += 1;
                }
                swaps
            });
            // Until both were seen often, which a slow machine takes longer for; without a race the bound ends it.
            for round in 0_u64.. {
                match place.folder().and_then(|folder| folder.replace(name("wallpaper.png"), &round.to_le_bytes())) {
                    Ok(()) => written += 1,
                    Err(FolderError::Link) => refused += 1,
                    // Between two steps of the exchange nothing stands there; and what was a link when it was opened may be none any more when it is
                    // looked at to say why it was refused.
                    Err(FolderError::System(error)) => {
                        let expected = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
                        assert!(expected.contains(&error.kind()), "{error}");
                    }
                }
                if (written > WRITES && refused > 10) || round > 500_000 {
                    break;
                }
            }
            done.store(true, Ordering::Relaxed);
            assert!(swapping.join().unwrap() > 10);
        });
        assert!(written > WRITES && refused > 10, "{written} written, {refused} refused");
        let names = |folder: &Path| {
            let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&outside), ["wallpaper.png"]);
        assert_eq!(fs::read(outside.join("wallpaper.png")).unwrap(), b"precious", "nothing outside was ever written");
        assert_eq!(names(&inside.join("files")), ["wallpaper.png"]);
    }
}
