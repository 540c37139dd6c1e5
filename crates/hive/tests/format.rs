//! Every feature of the format, in hives that the project's own writer makes.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::borrow::Cow;
use std::ops::ControlFlow;

use hive::writer::{Layout, Lists, Tree, utf16z};
use hive::{Damage, FileTime, Found, Hive, OpenError, Report, What, limits};

const REG_SZ: u32 = 1;
const REG_BINARY: u32 = 3;
const REG_DWORD: u32 = 4;

fn sample() -> Tree {
    let mut tree = Tree::new("ROOT");
    tree.key(r"Control Panel\Desktop").set("WallPaper", REG_SZ, utf16z(r"C:\a.png")).set("", REG_DWORD, [1, 2, 3, 4]);
    tree.key("Console").set("empty", REG_BINARY, []).set("odd", 0x05f5_e104, [9, 8]).written(FileTime(5));
    tree.key(r"Привет\Ключ").set("Имя", REG_BINARY, [1; 5]);
    tree.key("abcd_äöüß").set("abcd_äöüß", REG_BINARY, [7]).class("Klasse €");
    for number in 0..20 {
        tree.key(&format!(r"Many\key{number}")).set("n", REG_DWORD, u32::to_le_bytes(number));
    }
    tree
}

fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    for lists in [Lists::Plain, Lists::Hinted, Lists::Hashed] {
        for list_max in [3, 500] {
            layouts.push(Layout { lists, list_max, ..Layout::default() });
        }
    }
    layouts
}

fn walk(file: &[u8]) -> (Vec<String>, Report) {
    let mut seen = Vec::new();
    let report = Hive::open(file).unwrap().walk(|path, found| {
        seen.push(match found {
            Found::Key(_) => path.to_string(),
            Found::Value(value, data) => format!("{path}:{}={}:{data:?}", value.name(), value.kind()),
        });
        ControlFlow::Continue(())
    });
    (seen, report)
}

/// Offset in the file of the cell of the key at `path`.
fn place(file: &[u8], path: &str) -> usize {
    4096 + Hive::open(file).unwrap().root().open(path).unwrap().unwrap().offset() as usize
}

fn write(file: &mut [u8], at: usize, number: u32) {
    file[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

fn read(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*file[at..].first_chunk().unwrap())
}

#[test]
fn every_kind_of_list_gives_the_same_keys_and_values() {
    let reference = walk(&sample().to_bytes(&Layout::default()));
    assert_eq!((reference.1.keys, reference.1.values), (28, 26));
    for layout in layouts() {
        let (seen, report) = walk(&sample().to_bytes(&layout));
        assert!(report.damages.is_empty(), "{layout:?}: {:?}", report.damages);
        assert_eq!(seen, reference.0, "{layout:?}");
    }
}

#[test]
fn keys_are_found_in_any_case_in_every_kind_of_list() {
    for layout in layouts() {
        let file = sample().to_bytes(&layout);
        let root = Hive::open(&file).unwrap().root();
        for path in [r"CONTROL panel\DESKTOP", r"ПРИВЕТ\ключ", "ABCD_ÄÖÜß", r"many\KEY19", r"\Many\\key3\", ""]
        {
            assert!(root.open(path).unwrap().is_some(), "{layout:?} {path}");
        }
        for path in ["Control Pane", "Control Panelx", r"Many\key20", r"Many\key", r"Console\x", "При"] {
            assert!(root.open(path).unwrap().is_none(), "{layout:?} {path}");
        }
    }
}

#[test]
fn values_keep_type_length_and_bytes() {
    let file = sample().to_bytes(&Layout::default());
    let root = Hive::open(&file).unwrap().root();
    let value = |path: &str, name: &str| root.open(path).unwrap().unwrap().value(name).unwrap().unwrap();
    let wallpaper = value(r"Control Panel\Desktop", "WALLPAPER");
    assert_eq!((wallpaper.kind(), wallpaper.stored_len()), (REG_SZ, 18));
    assert!(matches!(wallpaper.data().unwrap(), Cow::Borrowed(data) if data == utf16z(r"C:\a.png")));
    assert_eq!(value(r"Control Panel\Desktop", "").data().unwrap(), [1, 2, 3, 4].as_slice());
    assert_eq!((value("Console", "odd").kind(), value("Console", "odd").stored_len()), (0x05f5_e104, 2));
    assert!(value("Console", "empty").data().unwrap().is_empty());
    assert_eq!(value(r"Привет\Ключ", "имя").data().unwrap(), [1; 5].as_slice());
    assert!(root.open("Console").unwrap().unwrap().value("absent").unwrap().is_none());
}

#[test]
fn keys_give_time_class_and_security() {
    let file = sample().to_bytes(&Layout::default());
    let root = Hive::open(&file).unwrap().root();
    assert_eq!(root.open("Console").unwrap().unwrap().last_written(), FileTime(5));
    assert_eq!(root.open("abcd_äöüß").unwrap().unwrap().class_name().unwrap().unwrap().to_string(), "Klasse €");
    assert!(root.class_name().unwrap().is_none());
    assert_eq!(root.security().unwrap().len(), 20);
}

#[test]
fn header_tells_which_hive_it_is() {
    let file = sample().to_bytes(&Layout::default());
    let hive = Hive::open(&file).unwrap();
    assert!(hive.file_name().to_string().ends_with("NTUSER.DAT"));
    assert_eq!(hive.header().version(), (1, 5));
    assert_eq!(hive.header().last_written().to_unix(), (1_735_689_600, 0));
    assert!(!hive.is_dirty() && hive.damages().is_empty());
}

#[test]
fn big_data_is_put_together_from_its_segments() {
    let big: Vec<u8> = (0..40_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let mut tree = Tree::new("ROOT");
    for length in [16_343, 16_344, 16_345, 32_688, 32_689, 40_000] {
        tree.set(&length.to_string(), REG_BINARY, &big[..length]);
    }
    for minor in [3, 5] {
        let file = tree.to_bytes(&Layout { minor, ..Layout::default() });
        for value in Hive::open(&file).unwrap().root().values() {
            let value = value.unwrap();
            let data = value.data().unwrap();
            assert_eq!(data.as_ref(), &big[..value.stored_len() as usize]);
            assert_eq!(matches!(data, Cow::Owned(_)), minor == 5 && data.len() > 16_344, "{}", data.len());
        }
    }
}

#[test]
fn damaged_big_data_is_reported_and_the_rest_is_read() {
    let mut tree = Tree::new("ROOT");
    tree.set("big", REG_BINARY, vec![1; 40_000]).set("small", REG_DWORD, [1; 4]);
    let mut file = tree.to_bytes(&Layout::default());
    let record = file.windows(2).position(|two| two == b"db").unwrap();
    write(&mut file, record + 4, 7); // the list of segments leads nowhere
    let (seen, report) = walk(&file);
    assert_eq!(seen, ["", ":small=4:[1, 1, 1, 1]"]);
    assert_eq!(report.damages.kept(), [Damage { offset: 7, what: What::Offset }]);
}

#[test]
fn impossible_lengths_and_offsets_of_a_value_are_reported() {
    let mut tree = Tree::new("ROOT");
    tree.set("inline", REG_DWORD, [1; 4]).set("apart", REG_BINARY, [2; 8]);
    let file = tree.to_bytes(&Layout::default());
    let root = Hive::open(&file).unwrap().root();
    let [inline, apart] = ["inline", "apart"].map(|name| root.value(name).unwrap().unwrap().offset());
    let data_of_apart = read(&file, 4096 + apart as usize + 12);
    let damage_of = |value: u32, field: usize, number: u32| {
        let mut file = file.clone();
        write(&mut file, 4096 + value as usize + 4 + field, number);
        let report = walk(&file).1;
        assert_eq!((report.values, report.damages.total()), (1, 1));
        report.damages.kept()[0]
    };
    let (size, place) = (4, 8);
    let length = What::ValueLength { length: 5 };
    assert_eq!(damage_of(inline, size, 0x8000_0005), Damage { offset: inline, what: length });
    let length = What::ValueLength { length: limits::VALUE_SIZE_MAX + 1 };
    assert_eq!(damage_of(apart, size, limits::VALUE_SIZE_MAX + 1), Damage { offset: apart, what: length });
    let short = What::ValueShort { expected: 13, actual: 12 };
    assert_eq!(damage_of(apart, size, 13), Damage { offset: data_of_apart, what: short });
    // The length field of the cell would do, but no cell starts between multiples of 8.
    let mut unaligned = file.clone();
    write(&mut unaligned, 4096 + data_of_apart as usize + 4, (-12_i32).cast_unsigned());
    write(&mut unaligned, 4096 + apart as usize + 4 + place, data_of_apart + 4);
    let offset = Damage { offset: data_of_apart + 4, what: What::Offset };
    assert_eq!(walk(&unaligned).1.damages.kept(), [offset]);
    assert!(matches!(damage_of(apart, place, 0x7fff_fff8).what, What::Offset));
}

#[test]
fn files_that_are_no_hives_are_refused_with_the_facts() {
    let good = sample().to_bytes(&Layout::default());
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = good.clone();
        change(&mut file);
        Hive::open(&file).unwrap_err()
    };
    assert_eq!(Hive::open(b"").unwrap_err(), OpenError::NotAHive { actual: vec![] });
    assert_eq!(refused(&|file| file[0] = b'R'), OpenError::NotAHive { actual: b"Regf".to_vec() });
    assert_eq!(refused(&|file| file.truncate(600)), OpenError::Truncated { expected: 4096, actual: 600 });
    assert_eq!(refused(&|file| file[28] = 6), OpenError::FileType { actual: 6 });
    assert_eq!(refused(&|file| file[24] = 1), OpenError::Version { major: 1, minor: 1 });
    assert_eq!(refused(&|file| file[20] = 2), OpenError::Version { major: 2, minor: 5 });
    assert!(matches!(refused(&|file| file.truncate(4096)), OpenError::Root(_)));
    assert!(matches!(refused(&|file| file[4096..].fill(0)), OpenError::Root(_)));
    let error = refused(&|file| file[28] = 6).to_string();
    assert_eq!(error, "file is of type 6, a hive is of type 0 (1, 2 and 6 are transaction logs)");
}

#[test]
fn wrong_checksum_and_missing_end_are_told_but_do_not_stop_reading() {
    let mut file = sample().to_bytes(&Layout::default());
    let sound = walk(&file).0;
    file[40..44].fill(0); // the length of the bins
    let hive = Hive::open(&file).unwrap();
    assert!(hive.is_dirty());
    assert!(matches!(hive.damages(), [Damage { what: What::Checksum { .. }, .. }]));
    assert_eq!(walk(&file).0, sound);

    let mut file = sample().to_bytes(&Layout::default());
    file.truncate(file.len() - 2048);
    let (seen, report) = walk(&file);
    assert!(matches!(report.damages.kept()[0].what, What::FileTruncated { .. }));
    assert!(!seen.is_empty() && seen.len() <= sound.len());
}

#[test]
fn zeroed_key_is_reported_and_its_neighbours_are_read() {
    let mut file = sample().to_bytes(&Layout::default());
    let at = place(&file, r"Many\key7");
    file[at..at + 76].fill(0);
    let (seen, report) = walk(&file);
    assert!(seen.contains(&r"Many\key6".to_owned()) && !seen.contains(&r"Many\key7".to_owned()));
    assert_eq!(report.keys, 27);
    assert!(matches!(report.damages.kept(), [Damage { what: What::CellFree { size: 0 }, .. }]));
    // The lookup of the lost key cannot say "absent"; that of its neighbour is not disturbed.
    let root = Hive::open(&file).unwrap().root();
    assert!(root.open(r"Many\key7").is_err());
    assert!(root.open(r"Many\key8").unwrap().is_some());
}

#[test]
fn loop_is_cut_and_reported() {
    let mut tree = Tree::new("ROOT");
    tree.key(r"a\b").set("v", REG_DWORD, [0; 4]);
    let mut file = tree.to_bytes(&Layout::default());
    let (a, b) = (place(&file, "a"), place(&file, r"a\b"));
    let list_of_a = read(&file, a + 4 + 28) as usize;
    write(&mut file, 4096 + list_of_a + 4 + 4, u32::try_from(a - 4096).unwrap()); // a lists itself
    write(&mut file, b + 4 + 20, 0);
    let (seen, report) = walk(&file);
    assert_eq!(seen, ["", "a"]);
    assert!(report.damages.kept().iter().any(|damage| damage.what == What::Loop), "{:?}", report.damages);
}

#[test]
fn key_with_two_parents_is_given_twice_but_its_subkeys_once() {
    let mut tree = Tree::new("ROOT");
    tree.key(r"a\x\deep").set("v", REG_DWORD, [0; 4]);
    tree.key(r"b\y");
    let mut file = tree.to_bytes(&Layout::default());
    let (x, b) = (place(&file, r"a\x"), place(&file, "b"));
    let list_of_b = read(&file, b + 4 + 28) as usize;
    write(&mut file, 4096 + list_of_b + 4 + 4, u32::try_from(x - 4096).unwrap());
    let (seen, report) = walk(&file);
    assert_eq!(seen, ["", "a", r"a\x", r"a\x\deep", r"a\x\deep:v=4:[0, 0, 0, 0]", "b", r"b\x"]);
    let kinds: Vec<What> = report.damages.kept().iter().map(|damage| damage.what).collect();
    assert!(matches!(kinds[..], [What::Parent { .. }, What::Repeated]), "{kinds:?}");
}

#[test]
fn doubling_lists_do_not_explode() {
    // Each of 40 keys lists its one subkey twice: 2^40 paths, 41 keys.
    let mut tree = Tree::new("ROOT");
    let path: Vec<String> = (0..40).map(|level| level.to_string()).collect();
    tree.key(&path.join("\\"));
    for level in 0..39 {
        tree.key(&path[..=level].join("\\")).key("twin");
    }
    let mut file = tree.to_bytes(&Layout::default());
    for level in 0..39 {
        let key = place(&file, &path[..=level].join("\\"));
        let list = 4096 + read(&file, key + 4 + 28) as usize;
        let first = read(&file, list + 8);
        write(&mut file, list + 16, first);
    }
    let (seen, report) = walk(&file);
    assert!(seen.len() < 100, "{}", seen.len());
    assert_eq!(report.damages.kept().iter().filter(|damage| damage.what == What::Repeated).count(), 39);
}

#[test]
fn depth_is_limited() {
    let mut tree = Tree::new("ROOT");
    tree.key(&vec!["k"; limits::DEPTH_MAX + 3].join("\\"));
    let report = walk(&tree.to_bytes(&Layout::default())).1;
    assert_eq!(report.keys as usize, limits::DEPTH_MAX + 1);
    assert!(matches!(report.damages.kept(), [Damage { what: What::Depth, .. }]));
}

#[test]
fn values_that_share_their_data_end_the_walk_in_time() {
    // One value of 8 KiB, listed 4000 times: more bytes than the hive has.
    let mut tree = Tree::new("ROOT");
    tree.set("v", REG_BINARY, vec![0; 8192]);
    tree.key("list").set("room", REG_BINARY, vec![0; 16_000]);
    let mut file = tree.to_bytes(&Layout::default());
    let root = 4096 + 32;
    let value = read(&file, 4096 + read(&file, root + 4 + 40) as usize + 4);
    let room = Hive::open(&file).unwrap().root().open("list").unwrap().unwrap().value("room").unwrap().unwrap();
    let room = read(&file, 4096 + room.offset() as usize + 4 + 8);
    for place in 0..4000 {
        write(&mut file, 4096 + room as usize + 4 + place * 4, value);
    }
    write(&mut file, root + 4 + 36, 4000);
    write(&mut file, root + 4 + 40, room);
    let report = walk(&file).1;
    assert!(report.cut_short && report.values < 10, "{report:?}");
    assert_eq!(report.damages.kept()[0].what, What::Budget);
}

#[test]
fn counts_that_disagree_with_the_lists_are_reported() {
    let file = sample().to_bytes(&Layout::default());
    for (field, count) in [(20, 19), (20, 21), (36, 1)] {
        let mut file = file.clone();
        let many = place(&file, "Many");
        write(&mut file, many + 4 + field, count);
        let report = walk(&file).1;
        assert_eq!(report.keys, 28);
        assert_eq!(report.damages.total(), 1, "{field} {count}: {:?}", report.damages);
    }
}

#[test]
fn only_the_first_damages_are_kept_but_all_are_counted() {
    let mut tree = Tree::new("ROOT");
    for number in 0..600 {
        tree.key(&number.to_string());
    }
    let mut file = tree.to_bytes(&Layout::default());
    let places: Vec<usize> = (0..600).map(|number| place(&file, &number.to_string())).collect();
    for at in places {
        file[at + 4] = b'?';
    }
    let report = walk(&file).1;
    assert_eq!((report.damages.total(), report.damages.kept().len()), (600, limits::DAMAGES_KEPT_MAX));
}

#[test]
fn visitor_may_break_off() {
    let file = sample().to_bytes(&Layout::default());
    let report = Hive::open(&file).unwrap().walk(|_, _| ControlFlow::Break(()));
    assert!(report.cut_short);
    assert_eq!(report.keys, 1);
}

#[test]
fn walk_of_a_key_gives_paths_below_it() {
    let file = sample().to_bytes(&Layout::default());
    let key = Hive::open(&file).unwrap().root().open("Control Panel").unwrap().unwrap();
    let mut paths = Vec::new();
    key.walk(|path, _| {
        paths.push(path.to_string());
        ControlFlow::Continue(())
    });
    paths.dedup();
    assert_eq!(paths, ["", "Desktop"]);
}
