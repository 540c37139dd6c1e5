//! Every setting of one PC on another one: all in one run, and category by category.

use std::collections::BTreeSet;

use device::codec::{decode, text_of};
use model::catalog::Category;
use serde_json::Value;

use crate::harness::World;

use super::dump::{place, values};
use super::lived_in::{restored, settings, stored};
use super::two_pcs;

/// What Wine 8 has no call for (`SystemParametersInfo`, numbers of the codes): stored, and reported as not applied live. From 51 on the
/// accessibility keys, contrast, layouts of the language bar, secured screen saver, arranging and docking of windows, how long messages stay, and what
/// touch, gestures and contacts look like.
const NOT_LIVE: [u64; 20] =
    [51, 53, 55, 59, 61, 65, 67, 91, 119, 131, 141, 143, 145, 4175, 8215, 8217, 8219, 8221, 8227, 8233];

/// The smallest picture there is.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\
    \r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

#[test]
fn every_setting_of_one_pc_comes_back_on_another_one_and_can_be_taken_back() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let (theirs, before) = (old.dump(), new.dump());
    let ours: BTreeSet<_> = settings().map(|(_, (key, name))| place(key, name)).collect();
    for place in &ours {
        assert_ne!(before.values.get(place), theirs.values.get(place), "{place:?} is another one on the old PC");
    }

    new.rehome(&["restore", "--from-device", "OLD-PC"]).ok();
    before.assert_same(&new.dump(), "a plan changes nothing");

    let said = new.rehome(&["restore", "--from-device", "OLD-PC", "--yes", "--json"]);
    assert_eq!(said.code, Some(11), "some of it is seen after signing out: {said:?}");
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let after = new.dump();
    assert_eq!(ids(&said["outcome"]["failed"]), [""; 0]);
    assert_eq!(ids(&said["outcome"]["applied"]).len(), settings().count(), "each setting is written once");
    for code in said["outcome"]["not_live"].as_array().unwrap() {
        let code = code["effect"]["spi"].as_u64().unwrap();
        assert!(NOT_LIVE.contains(&code), "Wine has a call for {code}");
    }
    for place in &ours {
        assert_eq!(after.values.get(place), theirs.values.get(place), "{place:?} is as on the old PC, byte for byte");
    }
    assert_eq!(before.changed(&after), ours, "nothing else is changed");

    new.rehome(&["undo", "--yes"]).done();
    let back = new.dump();
    before.assert_same(&back, "undo gives back what was there");
    // A key that a restore has made stays, empty.
    assert!(back.keys.difference(&after.keys).next().is_none());
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

#[test]
fn the_desktop_background_comes_back_and_is_shown() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let themes = old.person().join("AppData/Roaming/Microsoft/Windows/Themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(themes.join("TranscodedWallpaper"), PICTURE).unwrap();
    old.reg_add(r"HKCU\Control Panel\Desktop", ("WallPaper", "REG_SZ", r"C:\pictures\mine.png"));
    old.rehome(&["backup"]).ok();

    let only = ["restore", "--from-device", "OLD-PC", "--only", "personalization.background.picture", "--yes"];
    let said = new.json(&only);
    assert_eq!(ids(&said["outcome"]["applied"]), ["personalization.background.picture"], "{said}");
    let ours = new.person().join("AppData/Local/Rehome.files/wallpaper.png");
    assert_eq!(std::fs::read(&ours).unwrap(), PICTURE);
    assert_eq!(said["outcome"]["not_live"].as_array(), None, "Wine has a call for it: {said}");
    let named =
        stored(&new.export(), (r"Control Panel\Desktop", "Wallpaper")).and_then(|raw| text_of(&raw.bytes)).unwrap();
    assert!(named.ends_with(r"\AppData\Local\Rehome.files\wallpaper.png"), "{named}");
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}
