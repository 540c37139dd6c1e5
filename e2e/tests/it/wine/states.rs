//! Every page and state of the person's window, as Windows' own kind of window, its fonts and its renderer draw them: the example `states` of the crate `window`
//! walks through the documents that the pictures of `docs/screens/window` show, and each must look as it does there. (How pages get there, with the real
//! programs, is told by the stories of `wine::window`.)

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use super::desktop::{give_fonts, start};
use super::prefix::Prefix;
use crate::harness::root;
use crate::screen::{LOOK, READY, Screen, beyond, different, write_sized};

/// How many of a thousand pixels may differ from what Linux draws, and from what was looked at.
const DIFFERENT_MAX: usize = 20;
/// Pictures of a screen that this one is not.
const NOT_HERE: [&str; 2] = ["-200", "-250"];

#[test]
fn every_state_is_drawn_as_it_was_looked_at() {
    let Some(screen) = Screen::new() else { return };
    let Some(pc) = Prefix::fresh() else { return };
    if !give_fonts(&pc) {
        return;
    }
    pc.give("examples/states.exe");
    let drawn = pc.path().join("drive_c/states");
    std::fs::create_dir(&drawn).unwrap();
    let desktop = start(&screen, &pc, &[r"C:\rehome\states.exe", r"C:\states"], &[]);
    // As long as pictures come it is at work, however slow the machine is.
    let (mut count, mut since) = (0, Instant::now());
    while !drawn.join("done").is_file() {
        let now = files(&drawn, "rgb").len();
        if now != count {
            (count, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < READY, "no picture comes after {count}");
        std::thread::park_timeout(LOOK);
    }
    desktop.ended();

    let looked_at = root().join("docs/screens/window");
    let mut names = files(&looked_at, "png");
    names.retain(|name| !NOT_HERE.iter().any(|end| name.ends_with(end)));
    assert_eq!(files(&drawn, "rgb"), names, "each state has its picture, and each picture its state");
    let wrong: Vec<String> = names.iter().filter_map(|name| differs(&looked_at, &drawn, name).err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The names of the files of that kind.
fn files(folder: &Path, extension: &str) -> BTreeSet<String> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kind = all.filter(|path| path.extension().is_some_and(|found| found == extension));
    kind.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn differs(looked_at: &Path, drawn: &Path, name: &str) -> Result<(), String> {
    let file = std::fs::File::open(looked_at.join(format!("{name}.png"))).unwrap();
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut kept = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut kept).unwrap();
    let bytes = std::fs::read(drawn.join(format!("{name}.rgb"))).unwrap();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (size, picture) = ((number(0), number(4)), &bytes[8..]);
    if size != (info.width, info.height) {
        return Err(format!("{name}: {size:?} and not {:?}", (info.width, info.height)));
    }
    let most = kept.len() / 3 * DIFFERENT_MAX / 1000;
    let found = different(picture, &kept);
    if found > most {
        let path = beyond(&format!("states-{name}"));
        write_sized(&path, picture, size);
        return Err(format!("{name}: {found} pixels differ, {most} may; see {}", path.display()));
    }
    Ok(())
}
