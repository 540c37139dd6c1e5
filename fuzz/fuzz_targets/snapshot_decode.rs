//! Any bytes as a part of a snapshot (the first byte is the kind), and as a list of words: reading neither panics nor keeps what breaks the
//! format, and what is read can be written and read again.

#![no_main]

use model::snapshot::v1::{decode, encode};
use model::words::WordList;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(item) = model::cbor::decode(input) {
        assert_eq!(model::cbor::encode(&item), input, "a second spelling was accepted");
    }
    if let Ok(words) = WordList::parse(input) {
        assert_eq!(words.to_bytes().as_deref(), Ok(input), "a second spelling was accepted");
    }
    let Some((kind, bytes)) = input.split_first() else { return };
    let Ok(decoded) = decode([(*kind, bytes)]) else { return };
    // An accepted snapshot is within the limits of the writer, and the writer's bytes mean the same.
    let parts = encode(&decoded.snapshot).expect("what was read can be written");
    let again = decode(parts.iter().map(|part| (part.kind.number(), part.bytes.as_slice())));
    assert_eq!(again.expect("what was written can be read").snapshot, decoded.snapshot);
});
