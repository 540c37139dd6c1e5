//! Writes the seeds of the targets `snapshot_decode`, `envelope_open` and `bundle_open` from the golden files.
//!
//! Usage, from this folder: `cargo run --bin seeds_formats`

use std::fs;
use std::path::Path;

const PARTS: &[(u8, &str)] = &[
    (1, include_str!("../crates/model/tests/golden/snapshot-v1-device.hex")),
    (2, include_str!("../crates/model/tests/golden/snapshot-v1-apps.hex")),
    (16, include_str!("../crates/model/tests/golden/snapshot-v1-accessibility.hex")),
    (17, include_str!("../crates/model/tests/golden/snapshot-v1-language.hex")),
    (18, include_str!("../crates/model/tests/golden/snapshot-v1-region.hex")),
    (19, include_str!("../crates/model/tests/golden/snapshot-v1-typing.hex")),
    (21, include_str!("../crates/model/tests/golden/snapshot-v1-personalization.hex")),
    (23, include_str!("../crates/model/tests/golden/snapshot-v1-taskbar.hex")),
];
const HEADER: &str = include_str!("../crates/model/tests/golden/header-v1.hex");
const ENVELOPES: &[(&str, &str)] = &[
    ("compressed", include_str!("../crates/seal/tests/golden/envelope-v1.hex")),
    ("stored", include_str!("../crates/seal/tests/golden/envelope-v1-stored.hex")),
];

const BUNDLES: &[(&str, &str)] = &[
    ("key-file", include_str!("../crates/seal/tests/golden/bundle-v1.hex")),
    ("passphrase", include_str!("../crates/seal/tests/golden/bundle-v1-passphrase.hex")),
];
const BUNDLE_KEY: &str = include_str!("../crates/seal/tests/golden/bundle-v1.key");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.lines().flat_map(|line| line.split('#').next()).flat_map(str::split_whitespace).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn write(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// The frame of a part: lengths, coding, coded bytes. The padding is the fuzzer's to find.
fn frame(kind: u8, coding: u8, plain: &[u8], coded: &[u8]) -> Vec<u8> {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("golden files are small").to_be_bytes();
    [&[kind][..], &len(plain), &[coding], &len(coded), coded].concat()
}

fn main() -> std::io::Result<()> {
    for (kind, hex) in PARTS {
        let part = bytes(hex);
        write("snapshot_decode", &format!("kind-{kind}"), &[&[*kind][..], &part].concat())?;
        let compressed = zstd::bulk::compress(&part, 9)?;
        write("envelope_open", &format!("frame-stored-{kind}"), &frame(*kind, 0, &part, &part))?;
        write("envelope_open", &format!("frame-zstd-{kind}"), &frame(*kind, 1, &part, &compressed))?;
    }
    write("envelope_open", "header", &bytes(HEADER))?;
    for (name, hex) in ENVELOPES {
        write("envelope_open", &format!("envelope-{name}"), &bytes(hex))?;
    }
    for (name, hex) in BUNDLES {
        let bundle = bytes(hex);
        let len = u32::from_be_bytes(bundle[4..8].try_into().expect("four bytes")) as usize;
        write("bundle_open", &format!("header-{name}"), &bundle[8..8 + len])?;
        write("bundle_open", name, &bundle)?;
    }
    write("bundle_open", "key", BUNDLE_KEY.as_bytes())
}
