//! Any bytes as an envelope, as a header, and as the frame of a part that somebody sealed with the right key (the
//! first byte is the kind): nothing panics, and what opens is what its content id says.

#![no_main]

#[path = "../../crates/seal/tests/forger/mod.rs"]
mod forger;
#[path = "../../crates/seal/tests/world/mod.rs"]
mod world;

use model::envelope::{Envelope, Header};
use model::ids::PartId;
use model::snapshot::PartKind;
use seal::content::part_id;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    open(input);
    if let Ok(header) = Header::from_bytes(input) {
        let bytes = header.to_bytes().expect("what was read can be written");
        assert_eq!(Header::from_bytes(&bytes).as_ref(), Ok(&header));
    }
    let Some((kind, frame)) = input.split_first() else { return };
    if frame.len() > 64 * 1024 {
        return;
    }
    let frame = padded(frame);
    let content = content(&frame);
    let id = match PartKind::from_number(*kind) {
        Some(kind) => part_id(&world::id_key(), kind, &content),
        None => PartId([7; 32]),
    };
    open(&forger::envelope_of_frame(&frame, *kind, id));
});

/// The content that a frame most likely holds, so that the id is right and what follows is tried too.
fn content(frame: &[u8]) -> Vec<u8> {
    let Some((&[a, b, c, d, coding, e, f, g, h], coded)) = frame.split_first_chunk::<9>() else { return Vec::new() };
    let coded_len = u32::from_be_bytes([e, f, g, h]) as usize;
    let coded = &coded[..coded_len.min(coded.len())];
    let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX).min(512 * 1024);
    match coding {
        1 => zstd::bulk::decompress(coded, len).unwrap_or_default(),
        _ => coded[..len.min(coded.len())].to_vec(),
    }
}

/// The frame, padded if it ends with its coded bytes.
fn padded(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let coded_len = frame.first_chunk::<9>().map(|head| u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
    if coded_len.is_some_and(|len| len as usize + 9 == frame.len()) {
        let exponent = frame.len().ilog2();
        let granule = 1 << (exponent - exponent.ilog2() - 1);
        frame.resize(frame.len().next_multiple_of(granule), 0);
    }
    frame
}

fn open(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else { return };
    let again = Envelope::assemble(envelope.header_bytes, &envelope.header_tag, &envelope.parts);
    assert_eq!(again, bytes, "a second framing was accepted");
    if let Ok(opened) = seal::open(&envelope, &world::owner(), &world::ring()) {
        model::snapshot::v1::encode(&opened.snapshot).expect("what was opened can be written");
    }
}
