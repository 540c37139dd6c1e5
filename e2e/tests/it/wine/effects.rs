//! What a restore writes is seen in the running session: a window hears of it, and the session has the new values.

use std::collections::BTreeSet;
use std::process::Stdio;

use device::codec::text_of;
use model::catalog::Effect;

use crate::harness::World;

use super::lived_in::{settings, stored};
use super::prefix::tool;
use super::two_pcs;

/// Codes of `SystemParametersInfo` that Wine 8 knows, with the one that reads the same number back (winuser.h): keyboard speed and delay,
/// pointer trails, hover time, lines of the wheel, delay of menus.
const READ_BACK: [(u32, u32); 6] = [(0x0b, 0x0a), (0x17, 0x16), (0x5d, 0x5e), (0x67, 0x66), (0x69, 0x68), (0x6b, 0x6a)];

#[test]
fn windows_of_the_session_hear_of_it_and_the_session_has_the_new_values() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let theirs = old.export();
    let folder = new.path().join("drive_c/rehome");
    std::fs::copy(tool("listen"), folder.join("listen.exe")).unwrap();
    let codes: Vec<_> = READ_BACK.iter().map(|(_, get)| get.to_string()).collect();
    let mut command = new.program(r"C:\rehome\listen.exe", &codes.iter().map(String::as_str).collect::<Vec<_>>());
    let mut listener = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !folder.join("listen.ready").exists() {
        assert!(listener.try_wait().unwrap().is_none(), "the window is there");
        std::thread::yield_now();
    }
    new.rehome(&["restore", "--from-device", "OLD-PC", "--yes"]).done();
    std::fs::write(folder.join("listen.stop"), "").unwrap();
    listener.wait().unwrap();
    let heard = std::fs::read_to_string(folder.join("listen.heard")).unwrap();
    let lines: Vec<_> = heard.lines().map(str::trim_end).collect();

    let effects: BTreeSet<Effect> = settings().map(|(setting, _)| setting.effect).collect();
    for effect in effects {
        let Effect::Broadcast(text) = effect else { continue };
        let times = lines.iter().filter(|line| line.strip_prefix("text ") == Some(text)).count();
        assert!((1..=3).contains(&times), "`{text}` is heard, and at most once a stage: {times} times in {heard}");
    }
    let mut read = 0;
    for (set, get) in READ_BACK {
        let of_code = settings().filter(|(setting, _)| setting.effect == Effect::Spi(set));
        for (setting, place) in of_code {
            let raw = stored(&theirs, place).unwrap();
            let Some(number) = text_of(&raw.bytes).and_then(|text| text.parse::<u32>().ok()) else { continue };
            assert!(lines.contains(&format!("has {get} {number}").as_str()), "{} is {number}: {heard}", setting.id);
            read += 1;
        }
    }
    assert!(read >= 3, "the catalog has settings with these codes: {read}");
}
