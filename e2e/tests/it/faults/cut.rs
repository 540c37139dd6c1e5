//! The connection between a PC and its server is cut in every phase of every request of a whole backup and of a whole restore: between the programs stands a line that
//! reads along ([`super::line`]). It is cut once, or for good until somebody mends it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::line::{Break, Line, Phase, Then};
use super::{figures, files_below};
use crate::harness::{PASSWORD, Pc, Ran, World, arg, persona, shared_data};

/// Stories that are told at once: most of the time they wait for a PC that tries again.
const AT_ONCE: usize = 6;

/// A world that lets in as many PCs as there are stories.
pub fn world_of_many() -> World {
    World::with_flags(["--enrolments-per-minute=0", "--tenant-enrolments-per-minute=0"].map(str::to_owned).into())
}

/// Backs up, for whoever looks at the exit code and at the document.
pub fn back_up_through(pc: &Pc<'_>, from: &Path) -> Ran {
    pc.run(&["backup", "--from", arg(from), "--json"])
}

/// A PC of `ada`'s that is connected through a line.
pub fn connected<'a>(world: &'a World, line: &Line, name: &str) -> Pc<'a> {
    let pc = world.stranger(name);
    let args = ["enroll", "--server", &line.address(), "--user", "ada", "--password-stdin", "--device-name", name];
    pc.run_with(&args, PASSWORD).ok();
    pc
}

/// What is backed up: a real person's profile with a picture of three pieces, or the demo's registry where no real one is.
pub fn profile(world: &World) -> PathBuf {
    let Some(data) = shared_data() else { return persona("old-pc.reg") };
    let folder = world.path("profile");
    let themes = folder.join("AppData/Roaming/Microsoft/Windows/Themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(folder.join("NTUSER.DAT"), with_own_picture(&data)).unwrap();
    let mut encoder = png::Encoder::new(std::fs::File::create(themes.join("TranscodedWallpaper")).unwrap(), 640, 640);
    encoder.set_color(png::ColorType::Rgb);
    // Noise, which nothing makes smaller.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(640 * 640 * 3)
    .collect();
    encoder.write_header().unwrap().write_image_data(&noise).unwrap();
    folder
}

/// A real person's registry, who has chosen a picture of their own and not the one that every Windows has.
fn with_own_picture(data: &Path) -> Vec<u8> {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (stock, own) = (wide("img0.jpg"), wide("mine.jpg"));
    let mut hive = std::fs::read(data.join("hives/win10-22h2-admin.NTUSER.DAT")).unwrap();
    let found: Vec<usize> = (0..hive.len() - stock.len()).filter(|at| hive[*at..].starts_with(&stock)).collect();
    assert!(!found.is_empty());
    for at in found {
        hive[at..at + own.len()].copy_from_slice(&own);
    }
    hive
}

/// Every break that is possible in a run that asked this.
fn breaks(asked: &[(String, bool)]) -> Vec<Break> {
    let of = |(request, (_, has_body)): (usize, &(String, bool))| {
        let has_body = *has_body;
        let phases = Phase::ALL.into_iter().filter(move |phase| has_body || *phase != Phase::Body);
        phases.flat_map(move |phase| [Then::Cut, Then::Away].map(|then| Break { request, phase, then }))
    };
    asked.iter().enumerate().flat_map(of).collect()
}

/// Tells the story of each, or of every so many-th, several at once.
pub fn tell<T: Clone + Sync>(what: &str, all: &[T], story: impl Fn(usize, T) + Sync) {
    let most = figures::of([30, usize::MAX, usize::MAX]);
    let step = all.len().div_ceil(most) | 1;
    let chosen: Vec<_> = all.iter().enumerate().step_by(step).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, one)) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                    story(*number, (*one).clone());
                }
            });
        }
    });
    figures::say(what, chosen.len());
}

/// The run says that the line is away, and nothing else went wrong.
#[track_caller]
fn says_that_it_is_away(said: &Ran, planned: Break) {
    let code: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, code["code"].as_str()), (Some(6), Some("server_unreachable")), "{planned:?}: {said}");
}

/// How many settings and apps each backup of the PC with this name has, newest first.
pub fn kept(pc: &Pc<'_>, name: &str) -> Vec<[u64; 2]> {
    let listed = pc.json(&["snapshots", "--from-device", name]);
    let snapshots = listed.as_array().unwrap().iter().flat_map(|profile| profile["snapshots"].as_array().unwrap());
    snapshots.map(|one| [&one["settings"], &one["apps"]].map(|number| number.as_u64().unwrap())).collect()
}

#[test]
fn a_backup_whose_connection_is_cut_anywhere_is_there_once_it_was_said_and_the_next_one_finishes_it() {
    let world = world_of_many();
    let from = profile(&world);
    let line = Line::to(world.address());
    let untouched = connected(&world, &line, "UNTOUCHED");
    line.break_at(None);
    back_up_through(&untouched, &from).done_or_warned();
    let asked = line.asked();
    let posted = asked.iter().any(|(first, _)| first.starts_with("POST /api/v1/backups "));
    let pieces = asked.iter().filter(|(first, _)| first.starts_with("PUT ") && first.contains("/blobs/")).count();
    assert!(posted && (pieces == 3 || from.is_file()), "{asked:?}");
    let wanted = kept(&untouched, "UNTOUCHED");
    assert_eq!(wanted.len(), 1);
    let files = files_below(untouched.state());
    let said_and_kept = Mutex::new((0, 0));
    tell("cuts of a backup", &breaks(&asked), |number, planned| {
        let mut line = Line::to(world.address());
        let name = format!("PC-{number}");
        let pc = connected(&world, &line, &name);
        line.break_at(Some(planned));
        let said = back_up_through(&pc, &from);
        assert!(line.broke(), "{planned:?}: {:?}", line.asked());
        line.mend();
        let there = kept(&pc, &name);
        assert!(there.is_empty() || there == wanted, "{planned:?}: {there:?}");
        let was_said = matches!(said.code, Some(0 | 3));
        if was_said {
            assert_eq!(there, wanted, "{planned:?}: it was said to be kept: {said}");
        } else {
            assert_eq!(planned.then, Then::Away, "one cut is ridden out: {said}");
            says_that_it_is_away(&said, planned);
        }
        let mut counts = said_and_kept.lock().unwrap();
        *counts = (counts.0 + usize::from(was_said), counts.1 + usize::from(!there.is_empty()));
        drop(counts);
        back_up_through(&pc, &from).done_or_warned();
        // A run that does not know of the answer that another one has missed brings the same content under the next number.
        let missed = usize::from(!was_said && !there.is_empty());
        assert_eq!(kept(&pc, &name), vec![wanted[0]; 1 + missed], "{planned:?}");
        pc.run(&["rehearse"]).ok();
        assert_eq!(files_below(pc.state()), files, "{planned:?}");
    });
    let (said, kept) = *said_and_kept.lock().unwrap();
    assert!(kept > said, "some answers were lost on their way: {said} said, {kept} kept");
    world.server_command(&["check"], "").ok();
}

#[test]
fn a_restore_whose_connection_is_cut_anywhere_is_whole_or_never_was() {
    let world = world_of_many();
    world.pc("OLD-PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let target = |name: &str| {
        let target = world.path(&format!("{name}.reg"));
        std::fs::copy(persona("new-pc.reg"), &target).unwrap();
        target
    };
    let restore =
        |pc: &Pc<'_>, to: &Path| pc.run(&["restore", "--from-device", "OLD-PC", "--to", arg(to), "--yes", "--json"]);
    let line = Line::to(world.address());
    let untouched = connected(&world, &line, "UNTOUCHED");
    let reference = target("UNTOUCHED");
    let read = |path: &Path| std::fs::read(path).unwrap();
    let before = read(&reference);
    line.break_at(None);
    restore(&untouched, &reference).ok();
    let asked = line.asked();
    let wanted = read(&reference);
    assert_ne!(wanted, before);
    let undo = |pc: &Pc<'_>, to: &Path| pc.run(&["undo", "--to", arg(to), "--yes"]).ok();
    undo(&untouched, &reference);
    let undone = read(&reference);
    tell("cuts of a restore", &breaks(&asked), |number, planned| {
        let mut line = Line::to(world.address());
        let name = format!("PC-{number}");
        let (pc, to) = (connected(&world, &line, &name), target(&name));
        line.break_at(Some(planned));
        let said = restore(&pc, &to);
        assert!(line.broke(), "{planned:?}: {:?}", line.asked());
        if said.code == Some(0) {
            assert!(read(&to) == wanted, "{planned:?}: done, and something else is there: {said}");
        } else {
            assert_eq!(planned.then, Then::Away, "one cut is ridden out: {said}");
            says_that_it_is_away(&said, planned);
            assert!(read(&to) == before, "{planned:?}: not done, and something has changed");
        }
        line.mend();
        restore(&pc, &to).ok();
        assert!(read(&to) == wanted, "{planned:?}: the next one finishes it");
        undo(&pc, &to);
        assert!(read(&to) == undone, "{planned:?}: and it can be taken back");
    });
}
