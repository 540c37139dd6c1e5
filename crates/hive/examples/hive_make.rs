//! Makes the hive that `cargo xtask ci` counts instructions over: always the same bytes, about the size and shape of a user's hive, nobody's
//! data.
//!
//! Usage: `hive_make HIVE`

#![expect(
    clippy::disallowed_methods,
    reason = "a file of its own making: nothing is lost that a second run does not make again"
)]

use hive::writer::{Layout, Tree, utf16z};

/// Programs with settings of their own, as a user's hive has hundreds.
const PROGRAMS: u32 = 400;
/// Folder views, the bulk of an old user's hive.
const FOLDER_VIEWS: u32 = 900;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: hive_make HIVE")?;
    let mut root = Tree::new("ROOT");
    desktop(&mut root);
    for number in 0..PROGRAMS {
        program(&mut root, number);
    }
    for number in 0..FOLDER_VIEWS {
        folder_view(&mut root, number);
    }
    std::fs::write(path, root.to_bytes(&Layout::default()))?;
    Ok(())
}

fn desktop(root: &mut Tree) {
    let key = root.key(r"Control Panel\Desktop");
    key.set("CaretTimeout", 4, 5000_u32.to_le_bytes()).set("CaretWidth", 4, 1_u32.to_le_bytes());
    key.set("UserPreferencesMask", 3, [0x9e, 0x1e, 0x07, 0x80, 0x12, 0, 0, 0]);
    key.set("WallPaper", 1, utf16z(r"C:\Windows\web\wallpaper\Windows\img0.jpg"));
    root.key(r"Control Panel\Mouse").set("MouseSensitivity", 1, utf16z("10")).set("SwapMouseButtons", 1, utf16z("0"));
    root.key(r"Control Panel\Accessibility\StickyKeys").set("Flags", 1, utf16z("510"));
}

fn program(root: &mut Tree, number: u32) {
    let key = root.key(&format!(r"Software\Vendor {}\Program {number:03}\Settings", number % 23));
    for value in 0..8_u32 {
        key.set(&format!("Number{value}"), 4, (number * value).to_le_bytes());
    }
    key.set("Title", 1, utf16z(&format!("Program number {number}")));
    key.set("Window", 3, vec![u8::try_from(number % 251).unwrap_or_default(); 44]);
    key.set("Größe", 4, number.to_le_bytes()); // a name beyond ASCII is compared the slow way
}

fn folder_view(root: &mut Tree, number: u32) {
    let key = root.key(&format!(r"Software\Microsoft\Windows\Shell\Bags\{number}\Shell"));
    key.set("Mode", 4, (number % 8).to_le_bytes()).set("IconSize", 4, 48_u32.to_le_bytes());
    key.set("ColInfo", 3, vec![7; 112 + (number % 5) as usize * 36]);
    key.set("Sort", 3, vec![3; 28]);
}
