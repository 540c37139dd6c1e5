//! Any bytes as a bundle, as its header, as its list of keys and as a key file; and the payload of a bundle that somebody with the right key
//! made: nothing panics, and what is accepted has one spelling.

#![no_main]

#[path = "../../crates/seal/tests/world/mod.rs"]
mod world;

use model::bundle::{BundleHeader, BundleKeys};
use model::envelope::Envelope;
use seal::bundle::{BundleError, BundleKey, KeyFile, Reader};

/// The key of the seeds, which are golden files.
const KEY: &str = include_str!("../../crates/seal/tests/golden/bundle-v1.key");

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let key = KeyFile::parse(KEY).expect("a golden file is a key file");
    if read(input, &BundleKey::File(&key)).is_ok() {
        assert!(input.starts_with(b"RHB1"));
    }
    if let Ok(header) = BundleHeader::from_bytes(input) {
        // Optional fields of a newer version are left out, so the bytes may be fewer; what they say is the same.
        assert_eq!(BundleHeader::from_bytes(&header.to_bytes()), Ok(header));
    }
    if let Ok(keys) = BundleKeys::from_bytes(input) {
        let bytes = keys.to_bytes();
        assert!(BundleKeys::from_bytes(&bytes).is_ok_and(|again| again == keys));
    }
    if let Some(key) = std::str::from_utf8(input).ok().and_then(|text| KeyFile::parse(text).ok()) {
        assert!(KeyFile::parse(&key.to_text()).is_ok());
    }
});

/// Goes through the whole bundle, as an import does.
fn read(bytes: &[u8], key: &BundleKey<'_>) -> Result<(), BundleError> {
    let mut reader = Reader::open(bytes, key)?;
    let ring = reader.keys()?;
    let envelope = reader.envelope()?;
    let Ok(envelope) = Envelope::parse(&envelope) else { return Err(BundleError::Changed { piece: "envelope" }) };
    let _ = seal::open(&envelope, &world::owner(), &ring);
    for blob in &envelope.header.blobs {
        reader.blob(blob.sealed_len, true)?;
    }
    reader.finish()?;
    Ok(())
}
