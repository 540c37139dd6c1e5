//! Desktop backgrounds: the person's own comes back, encoded anew by a process that may do nothing else; one that is a link to elsewhere, or no picture at
//! all, does not. (That a link in the place of Windows' own copy is not followed is tested on Linux: Wine 8 shows links as the files they lead to.)

use device::codec::text_of;
use serde_json::Value;

use crate::harness::World;

use super::lived_in::stored;
use super::prefix::Prefix;

/// A whole picture of one pixel.
const PICTURE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
    \x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x0d\x49\x44\x41\x54\x78\xda\x63\x10\x32\x99\xf5\x1f\x00\
    \x03\x1c\x01\xe0\xb0\x45\x89\x32\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const ID: &str = "personalization.background.picture";
const RESTORE: [&str; 7] = ["restore", "--from-device", "OLD-PC", "--only", ID, "--yes", "--json"];

#[test]
fn the_desktop_background_comes_back_encoded_anew_and_is_shown() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    // What is behind the end of a picture does not travel on to the new PC's disk.
    backed_up(&old, &[PICTURE, b"MZ a program behind the picture"].concat());
    let said = restored(&new);
    assert_eq!(ids(&said["outcome"]["applied"]), [ID], "{said}");
    assert_eq!(said["outcome"]["not_live"].as_array(), None, "Wine has a call for it: {said}");
    let written = std::fs::read(ours(&new)).unwrap();
    assert!(written.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(!written.windows(9).any(|window| window == b"a program"));
    let named =
        stored(&new.export(), (r"Control Panel\Desktop", "Wallpaper")).and_then(|raw| text_of(&raw.bytes)).unwrap();
    assert!(named.ends_with(r"\AppData\Local\Rehome.files\wallpaper.png"), "{named}");
    let again = new.json(&["plan", "--from-device", "OLD-PC", "--only", ID]);
    let steps = again["plan"]["settings"].as_array().unwrap();
    assert_eq!(steps.iter().find(|step| step["id"] == ID).unwrap()["action"], "same", "though its bytes are others");
}

#[test]
fn a_picture_that_is_none_is_not_written_and_the_rest_is() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    // It begins like one, so it travels; what it is only its decoding can tell.
    backed_up(&old, b"\xff\xd8\xff\xe0\0\x10JFIF\0 and then a program");
    let said = restored(&new);
    assert_eq!(ids(&said["outcome"]["applied"]), [""; 0], "{said}");
    assert_eq!(said["outcome"]["failed"][0]["reason"], "not_a_picture", "{said}");
    assert!(!ours(&new).exists() && !ours(&new).with_extension("jpg").exists());
}

#[test]
fn a_link_in_the_place_of_a_restored_picture_leads_nowhere() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    backed_up(&old, PICTURE);
    let victim = world.path("victim");
    std::fs::write(&victim, b"precious").unwrap();
    std::fs::create_dir(ours(&new).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&victim, ours(&new)).unwrap();
    let said = restored(&new);
    assert_eq!(ids(&said["outcome"]["applied"]), [ID], "{said}");
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious", "the link was replaced, and not followed");
    assert!(!ours(&new).is_symlink());
}

/// Two connected PCs, the old one without a backup yet.
fn two_pcs(world: &World) -> Option<(Prefix, Prefix)> {
    Some((Prefix::enrolled(world, "OLD-PC")?, Prefix::enrolled(world, "NEW-PC")?))
}

/// Puts a picture on the desktop as Windows keeps it, and backs up.
fn backed_up(pc: &Prefix, picture: &[u8]) {
    let themes = pc.person().join("AppData/Roaming/Microsoft/Windows/Themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(themes.join("TranscodedWallpaper"), picture).unwrap();
    pc.reg_add(r"HKCU\Control Panel\Desktop", ("WallPaper", "REG_SZ", r"C:\pictures\mine.png"));
    pc.rehome(&["backup", "--no-rehearsal"]).ok();
}

fn restored(pc: &Prefix) -> Value {
    let said = pc.rehome(&RESTORE);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Where a restored picture lies.
fn ours(pc: &Prefix) -> std::path::PathBuf {
    pc.person().join("AppData/Local/Rehome.files/wallpaper.png")
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}
