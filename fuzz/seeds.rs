//! Writes the seeds of the fuzz targets: small hives and logs made by the project's own writer, so that they are
//! nobody's data.
//!
//! Usage, from this folder: `cargo run --bin seeds`

use std::fs;
use std::path::Path;

use hive::writer::{Layout, Lists, Tree, new_log, old_log, set_sequence, utf16z};

fn tree(keys: u32) -> Tree {
    let mut tree = Tree::new("ROOT");
    tree.key(r"Control Panel\Desktop").set("WallPaper", 1, utf16z("C:\\a.png")).set("", 4, [1, 2, 3, 4]);
    tree.key(r"Привет\Ключ").set("Имя", 3, [1; 5]).class("Klasse");
    tree.key("abcd_äöüß").set("odd", 0x05f5_e104, [7, 8]);
    for number in 0..keys {
        tree.key(&format!(r"Many\key{number}")).set("n", 4, number.to_le_bytes());
    }
    tree
}

fn write(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// The input of `hive_replay`: flags, two lengths of three bytes, hive and logs.
fn case(flags: u8, hive: &[u8], first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut case = vec![flags];
    for length in [hive.len(), first.len()] {
        case.extend_from_slice(&length.to_le_bytes()[..3]);
    }
    [case, hive.to_vec(), first.to_vec(), second.to_vec()].concat()
}

fn main() -> std::io::Result<()> {
    let mut segments = tree(0);
    segments.set("big", 3, vec![7; 16_400]);
    write("hive_read", "segments", &segments.to_bytes(&Layout::default()))?;
    for (name, lists, list_max) in [("lf", Lists::Hinted, 50), ("lh", Lists::Hashed, 50), ("ri-li", Lists::Plain, 2)] {
        write("hive_read", name, &tree(5).to_bytes(&Layout { lists, list_max, minor: 3, ..Layout::default() }))?;
    }

    let layout = Layout { sequence: 2, ..Layout::default() };
    let states: Vec<Vec<u8>> = [2, 3, 4].into_iter().map(|keys| tree(keys).to_bytes(&layout)).collect();
    let mut dirty = states[0].clone();
    set_sequence(&mut dirty, 3, 2);
    let (first, second) = (new_log(&[&states[0], &states[1]], 2), new_log(&[&states[1], &states[2]], 3));
    write("hive_replay", "new", &case(3, &dirty, &first, &second))?;
    let mut torn = dirty.clone();
    torn[508] ^= 1;
    write("hive_replay", "torn", &case(0, &torn, &[], &second))?;
    write("hive_replay", "old", &case(1, &dirty, &old_log(&states[0], &states[2], 3), &[]))
}
