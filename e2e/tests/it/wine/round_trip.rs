//! Every setting of one PC on another one: all in one run, and category by category.

use std::collections::BTreeSet;
use std::process::Child;

use device::codec::decode;
use model::catalog::{Category, SETTINGS};
use serde_json::Value;

use crate::harness::World;

use super::dump::{place, values};
use super::effects::Session;
use super::lived_in::{every_setting, older_settings, other_values, restored, settings, stored};
use super::prefix::{Prefix, VERSION};
use super::{two_pcs, two_pcs_of_two_languages};

/// What Wine 8 has no call for (`SystemParametersInfo`, numbers of the codes): stored, and reported as not applied live. From 51 on the
/// accessibility keys, contrast, layouts of the language bar, secured screen saver, arranging and docking of windows, how long messages stay, and what
/// touch, gestures and contacts look like.
pub const NOT_LIVE: [u64; 20] =
    [51, 53, 55, 59, 61, 65, 67, 91, 119, 131, 141, 143, 145, 4175, 8215, 8217, 8219, 8221, 8227, 8233];

/// What Wine writes from its environment whenever a program loads user32.
const KEYBOARD: &str = "typing.layout.slot_1";

#[test]
fn every_setting_of_one_pc_comes_back_on_another_one_and_can_be_taken_back() {
    let world = World::new();
    let Some((old, new)) = two_pcs_of_two_languages(&world) else { return };
    let (theirs, before) = (old.dump(), new.dump());
    let ours: BTreeSet<_> = every_setting().map(|(_, (key, name))| place(key, name)).collect();
    for place in &ours {
        assert_ne!(before.values.get(place), theirs.values.get(place), "{place:?} is another one on the old PC");
    }

    new.rehome(&["restore", "--from-device", "OLD-PC"]).ok();
    before.assert_same(&new.dump(), "a plan changes nothing");

    let new = Session::of(new);
    let desktop = somebody_is_there(&new, "restoring");
    let said = new.pc.rehome(&["restore", "--from-device", "OLD-PC", "--yes", "--json"]);
    assert_eq!(said.code, Some(11), "some of it is seen after signing out: {said:?}");
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let after = new.pc.dump();
    ended(desktop);
    assert_eq!(ids(&said["outcome"]["failed"]), [""; 0]);
    assert_eq!(ids(&said["outcome"]["applied"]).len(), every_setting().count(), "each setting is written once");
    for code in said["outcome"]["not_live"].as_array().unwrap() {
        let code = code["effect"]["spi"].as_u64().unwrap();
        assert!(NOT_LIVE.contains(&code), "Wine has a call for {code}");
    }
    for place in &ours {
        assert_eq!(after.values.get(place), theirs.values.get(place), "{place:?} is as on the old PC, byte for byte");
    }
    assert_eq!(before.changed(&after), ours, "nothing else is changed");

    // The PC is a German one now. In an English environment Wine would write the region anew before the undo begins, as before all that begins.
    new.pc.speak_german().expect("the old one speaks it");
    // The keyboard alone: an undo loads user32 at the first message that it sends, and Wine writes that one place then. This sends none.
    let (_, (key, name)) = every_setting().find(|(setting, _)| setting.id == KEYBOARD).unwrap();
    let keyboard = place(key, name);
    let desktop = somebody_is_there(&new, "taking-back");
    new.pc.rehome(&["undo", "--only", KEYBOARD, "--yes"]).done();
    let first = new.pc.dump();
    ended(desktop);
    assert_eq!(first.values.get(&keyboard), before.values.get(&keyboard), "undo gives back the keyboard");
    assert_eq!(after.changed(&first), BTreeSet::from([keyboard.clone()]), "and nothing else");
    let desktop = somebody_is_there(&new, "taking-back-the-rest");
    new.pc.rehome(&["undo", "--yes"]).done();
    let mut back = new.pc.dump();
    ended(desktop);
    back.values.insert(keyboard.clone(), first.values[&keyboard].clone());
    before.assert_same(&back, "undo gives back what was there");
    // A key that a restore has made stays, empty.
    assert!(back.keys.difference(&after.keys).next().is_none());
}

/// A program with a window, as there is on every desktop. Otherwise Wine starts its own at the first message that a restore sends, and that one writes what is of
/// its environment over what was restored.
fn somebody_is_there(pc: &Session, ready: &str) -> Child {
    pc.stays(r"C:\session.exe", &["listen", r"C:\heard.log", &format!(r"C:\{ready}")], ready)
}

/// It ended when the PC was switched off.
fn ended(mut program: Child) {
    program.wait().unwrap();
}

#[test]
fn each_category_comes_back_alone() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let (theirs, before) = (old.export(), new.export());
    for category in Category::ALL {
        let word = category.word();
        new.rehome(&["restore", "--from-device", "OLD-PC", "--only", word, "--yes"]).done();
        let wanted = restored(&before, &theirs, settings().filter(|(setting, _)| setting.category == category));
        let after = new.export();
        assert_eq!(values(&after), values(&wanted), "{word}: its settings, and nothing else");
        let changed = |(setting, place)| {
            let meaning = |registry| stored(registry, place).and_then(|raw| decode(setting, &raw).ok());
            meaning(&before) != meaning(&after)
        };
        assert!(settings().any(changed), "{word} is not empty");
        // What an undo left would be found beside the next category.
        new.rehome(&["undo", "--yes"]).done();
    }
    assert_eq!(values(&new.export()), values(&before), "undo gives back what was there");
}

/// Builds of Windows that together have the settings that 25H2 has no more.
const OLDER: [u32; 2] = [19045, 22621];

#[test]
fn what_only_older_versions_of_windows_have_comes_back_on_them() {
    let world = World::new();
    let (Some(old), Some(new)) = (Prefix::enrolled(&world, "OLD-PC"), Prefix::enrolled(&world, "NEW-PC")) else {
        return;
    };
    let mut tried = BTreeSet::new();
    for build in OLDER {
        let ours = older_settings(build);
        for pc in [&old, &new] {
            pc.reg_add(r"HKLM\Software\Policies\Rehome", ("RequiredBuilds", "REG_SZ", "any"));
            pc.reg_add(VERSION, ("CurrentBuildNumber", "REG_SZ", &build.to_string()));
        }
        let before = new.export();
        old.import(&other_values(&old.export(), ours.iter().copied()));
        old.rehome(&["backup", "--no-rehearsal"]).ok();
        let words = ours.iter().flat_map(|(setting, _)| ["--only", setting.id]);
        let words: Vec<_> = ["restore", "--from-device", "OLD-PC", "--yes"].into_iter().chain(words).collect();
        new.rehome(&words).done();
        let after = new.export();
        assert_eq!(values(&after), values(&restored(&before, &old.export(), ours.iter().copied())), "{build}");
        for &(setting, place) in &ours {
            assert_ne!(stored(&after, place), stored(&before, place), "{} was another one", setting.id);
            tried.insert(setting.id);
        }
    }
    // Every setting of the catalog was in one of the stories, but for pictures, which have their own.
    let all = SETTINGS.iter().filter(|setting| setting.key().is_some()).map(|setting| setting.id);
    let told: BTreeSet<_> = every_setting().map(|(setting, _)| setting.id).chain(tried.iter().copied()).collect();
    assert_eq!(all.filter(|id| !told.contains(id)).collect::<Vec<_>>(), [""; 0]);
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}
