//! Whatever bytes are flipped or cut off: no panic, no hang, and a walk that ends within its limits.

use std::ops::ControlFlow;

use hive::writer::{Layout, Lists, Tree, new_log, old_log, seal_base_block, seal_entry, set_sequence};
use hive::{Hive, limits, load};
use proptest::prelude::*;

fn tree(extra: u32) -> Tree {
    let mut tree = Tree::new("ROOT");
    tree.key(r"Control Panel\Desktop").set("WallPaper", 1, *b"a\0b\0\0\0").set("", 4, extra.to_le_bytes());
    tree.key(r"Привет\Ключ").set("Имя", 3, [1; 5]).class("class");
    tree.set("big", 3, vec![7; 20_000]);
    for number in 0..8 + extra {
        tree.key(&format!(r"Many\key{number}")).set("n", 4, number.to_le_bytes());
    }
    tree
}

fn layouts() -> impl Strategy<Value = Layout> {
    let lists = prop_oneof![Just(Lists::Plain), Just(Lists::Hinted), Just(Lists::Hashed)];
    (lists, prop_oneof![Just(3_usize), Just(500)], 3_u32..6).prop_map(|(lists, list_max, minor)| Layout {
        lists,
        list_max,
        minor,
        ..Layout::default()
    })
}

/// Changes of a file: bytes overwritten, pages zeroed, the end cut off. Places count from 0 to 1 over the file.
#[derive(Debug, Clone)]
struct Harm {
    bytes: Vec<(f64, u8)>,
    words: Vec<(f64, u32)>,
    page: Option<f64>,
    kept: f64,
}

fn harm() -> impl Strategy<Value = Harm> {
    let word = prop_oneof![Just(u32::MAX), Just(0), 0_u32..0x8000, any::<u32>(), (0_u32..1000).prop_map(|at| at * 8)];
    (
        prop::collection::vec((0.0..1.0, any::<u8>()), 0..6),
        prop::collection::vec((0.0..1.0, word), 0..6),
        prop::option::weighted(0.2, 0.0..1.0),
        prop_oneof![4 => Just(1.0), 1 => 0.0..1.0],
    )
        .prop_map(|(bytes, words, page, kept)| Harm { bytes, words, page, kept })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place below the length"
)]
fn place(length: usize, part: f64) -> usize {
    ((length as f64 * part) as usize).min(length.saturating_sub(1))
}

fn apply(file: &mut Vec<u8>, harm: &Harm) {
    if file.is_empty() {
        return;
    }
    for (part, byte) in &harm.bytes {
        let at = place(file.len(), *part);
        file[at] = *byte;
    }
    for (part, word) in &harm.words {
        let at = place(file.len(), *part) / 4 * 4;
        let end = (at + 4).min(file.len());
        file[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
    }
    if let Some(part) = harm.page {
        let at = place(file.len(), part) / 512 * 512;
        let end = (at + 512).min(file.len());
        file[at..end].fill(0);
    }
    if harm.kept < 1.0 {
        file.truncate(place(file.len(), harm.kept));
    }
}

/// Reads all that a caller can read, and checks the promises that hold for any bytes.
fn read_everything(file: &[u8]) {
    let Ok(hive) = Hive::open(file) else { return };
    let mut bytes = 0;
    let report = hive.walk(|path, found| {
        match found {
            hive::Found::Key(key) => {
                let _ = (key.class_name(), key.security(), key.last_written().to_unix(), path.to_string());
            }
            hive::Found::Value(value, data) => {
                bytes += data.len();
                let _ = value.name().to_string();
            }
        }
        ControlFlow::Continue(())
    });
    assert!(bytes <= file.len());
    assert!(report.keys + report.values <= limits::VISITS_MAX + 1);
    assert!(report.damages.kept().len() <= limits::DAMAGES_KEPT_MAX);
    for path in [r"Control Panel\Desktop", r"many\KEY3", r"Привет\Ключ", "absent"] {
        if let Ok(Some(key)) = hive.root().open(path) {
            let _ = (key.value("wallpaper").map(|value| value.map(|value| value.data())), key.subkeys().count());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn harmed_hives_are_read_within_the_limits(layout in layouts(), harm in harm(), sealed: bool) {
        let mut file = tree(3).to_bytes(&layout);
        apply(&mut file, &harm);
        if sealed {
            seal_base_block(&mut file);
        }
        read_everything(&file);
    }

    #[test]
    fn harmed_logs_are_replayed_or_refused(harm in harm(), hive_harm in harm(), old: bool, sealed: bool) {
        let (before, after) = (tree(0).to_bytes(&Layout::default()), tree(40).to_bytes(&Layout::default()));
        let mut log = if old { old_log(&before, &after, 2) } else { new_log(&[&before, &after], 1) };
        let mut file = before;
        set_sequence(&mut file, 2, 1);
        apply(&mut log, &harm);
        apply(&mut file, &hive_harm);
        if sealed {
            seal_base_block(&mut log);
            if let Some(entry) = log.get_mut(512..) {
                seal_entry(entry);
            }
        }
        let size = file.len();
        if let Ok(loaded) = load(file, &[("LOG1", &log)]) {
            assert!(loaded.bytes.len() <= size + log.len() + limits::GROWTH_SLACK);
            read_everything(&loaded.bytes);
        }
    }

    #[test]
    fn what_was_written_is_read(names in prop::collection::btree_set("[a-zA-Z0-9äЖ€ ]{1,12}", 1..30), layout in layouts()) {
        // Names that differ in case alone are one name.
        let mut seen = std::collections::HashSet::new();
        let names: Vec<_> = names.into_iter().filter(|name| seen.insert(name.to_lowercase())).collect();
        let mut tree = Tree::new("ROOT");
        for name in &names {
            tree.key(name).set(name, 3, name.as_bytes());
        }
        let file = tree.to_bytes(&layout);
        let root = Hive::open(&file).unwrap().root();
        for name in &names {
            let value = root.open(&name.to_uppercase()).unwrap().unwrap().value(&name.to_lowercase()).unwrap().unwrap();
            let data = value.data().unwrap();
            prop_assert_eq!(data.as_ref(), name.as_bytes());
        }
        prop_assert_eq!(root.subkeys().count(), names.len());
    }
}
