//! Parts that were sealed with the right key by somebody who means harm, such as an infected device of the same person: bombs, and frames
//! that break a rule. They are made here without the crate's own writer, which could not make them. One test only, because it watches
//! the memory of the whole process.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod forger;
#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;
mod world;

use std::io::Read;

use forger::envelope_of_frame;
use model::envelope::Envelope;
use model::ids::{BlobId, PartId};
use model::reason::Reason;
use model::snapshot::v1::encode;
use model::snapshot::{PartKind, Snapshot};
use model::value::FileRef;
use not_tried::not_tried;
use seal::blob::{Opener, Sealer};
use seal::content::{blob_id, part_id};
use seal::open;
use world::{id_key, owner, ring};

/// Opens an envelope whose only part is this frame; gives what was reported about it.
fn verdict(frame: &[u8], id: PartId) -> Option<Reason> {
    let bytes = envelope_of_frame(frame, 1, id);
    let opened = open(&Envelope::parse(&bytes).unwrap(), &owner(), &ring()).unwrap();
    opened.damaged.first().map(|(kind, reason)| {
        assert_eq!(*kind, PartKind::Device);
        *reason
    })
}

fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    let len = frame.len() as u64;
    let exponent = len.ilog2();
    let granule = 1 << (exponent - exponent.ilog2() - 1);
    frame.resize(usize::try_from(len.next_multiple_of(granule)).unwrap(), 0);
    frame
}

fn frame(plain_len: usize, coding: u8, coded: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(plain_len).unwrap().to_be_bytes().to_vec();
    frame.push(coding);
    frame.extend_from_slice(&u32::try_from(coded.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(coded);
    padded(frame)
}

fn zeros_compressed(len: u64) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(len), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// Most memory that the process ever held, in kB.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn hostile_frames_are_refused_in_little_memory() {
    let plain = encode(&Snapshot::default()).unwrap().remove(0).bytes;
    let id = part_id(&id_key(), PartKind::Device, &plain);
    let compressed = zstd::bulk::compress(&plain, 3).unwrap();
    assert_eq!(verdict(&frame(plain.len(), 0, &plain), id), None, "the forger works");
    assert_eq!(verdict(&frame(plain.len(), 1, &compressed), id), None, "other levels open too");

    let streamed = zstd::stream::encode_all(&plain[..], 3).unwrap();
    let two_frames = [compressed.as_slice(), &compressed].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4][..], &compressed].concat();
    let mut named_dictionary = compressed.clone();
    named_dictionary[4] |= 1;
    named_dictionary.insert(5, 9);
    let mut lying = zstd::bulk::compress(&vec![0; 300_000], 3).unwrap();
    // Descriptor 0xa0: single segment, content size in four bytes, which are made smaller than what the blocks hold.
    assert_eq!(lying[4], 0xa0);
    lying[5..9].copy_from_slice(&1_000_u32.to_le_bytes());
    let mut not_padded = frame(plain.len(), 0, &plain);
    not_padded.pop();
    let mut over_padded = frame(plain.len(), 0, &plain);
    over_padded.extend_from_slice(&[0; 64]);
    let mut padded_with_news = frame(plain.len(), 0, &[plain.as_slice(), &[0; 2]].concat());
    *padded_with_news.last_mut().unwrap() = 1;
    let limit = 512 * 1024;
    // 256 MiB of zeros in 8 kB; the process never held more than a few MB to make them.
    let bomb = zeros_compressed(256 * 1024 * 1024);
    assert!(bomb.len() < 16 * 1024);

    let cases = [
        ("no content size", frame(plain.len(), 1, &streamed)),
        ("two frames", frame(plain.len(), 1, &two_frames)),
        ("twice as long", frame(2 * plain.len(), 1, &two_frames)),
        ("a skippable frame first", frame(plain.len(), 1, &skippable)),
        ("a dictionary", frame(plain.len(), 1, &named_dictionary)),
        ("bytes after the frame", frame(plain.len(), 1, &[compressed.as_slice(), &[0]].concat())),
        ("more content than it says", frame(1_000, 1, &lying)),
        ("a length that differs", frame(plain.len() + 1, 1, &compressed)),
        ("a length that differs, stored", frame(plain.len() + 1, 0, &plain)),
        ("an unknown coding", frame(plain.len(), 3, &plain)),
        ("too little padding", not_padded),
        ("too much padding", over_padded),
        ("padding that says something", padded_with_news),
        ("an empty frame", vec![]),
        ("a frame of lengths only", vec![0; 9]),
        ("coded bytes beyond the end", frame(4, 0, &[])),
        ("a length beyond the limit", frame(limit + 1, 1, &zstd::bulk::compress(&vec![0; limit + 1], 3).unwrap())),
        ("a bomb that says its size", frame(256 * 1024 * 1024, 1, &bomb)),
        ("a bomb that says a small size", frame(1_000, 1, &bomb)),
        ("a bomb at the limit", frame(limit, 1, &zstd::bulk::compress(&vec![0; limit], 19).unwrap())),
        ("other content than the id says", frame(4, 0, b"\xa1\x00\x01\x01")),
    ];
    // Behind the dictionary the same rules hold.
    let is_zstd = |frame: &[u8]| frame.get(4) == Some(&1);
    let behind = |frame: &[u8]| [&frame[..4], &[2], &frame[5..]].concat();
    let zstd = cases.iter().filter(|(_, frame)| is_zstd(frame)).map(|(what, frame)| (*what, behind(frame)));
    let cases: Vec<_> = zstd.chain(cases.iter().cloned()).collect();
    let before = peak_kb();
    for _ in 0..20 {
        for (what, frame) in &cases {
            assert_eq!(verdict(frame, id), Some(Reason::IntegrityFailed), "{what}");
        }
    }
    // A file of the largest size, hashed, sealed and opened as a stream.
    let content = || std::io::repeat(0x5a).take(32 * 1024 * 1024);
    let (blob, size) = blob_id(&id_key(), content()).unwrap();
    let sealer = Sealer::new(content(), FileRef { blob, size }, &owner(), &ring()).unwrap();
    let mut opener = Opener::new(sealer, FileRef { blob, size }, &owner(), &ring()).unwrap();
    assert_eq!(std::io::copy(&mut opener, &mut std::io::sink()).unwrap(), 32 * 1024 * 1024);
    assert_ne!(blob, BlobId([0; 32]));
    match (before, peak_kb()) {
        (Some(before), Some(after)) => assert!(after - before < 2_048, "{} kB more than before", after - before),
        _ => not_tried("this system does not tell a process's peak memory", None),
    }
}
