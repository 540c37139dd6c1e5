//! Known answers. The golden files were made by a second implementation of `docs/format.md` (in another language, with other libraries),
//! except `envelope-v1.hex` and `envelope-v1-dictionary.hex`, which this crate made when the format was frozen. All of them open for good.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../model/tests/examples/mod.rs"]
mod examples;
mod world;

use std::io::Read;

use examples::{bytes_of_hex, example};
use model::envelope::Envelope;
use model::erasure::{Erased, Erasure};
use model::ids::{KeyId, ProfileId, TenantId, UserId, to_hex};
use model::receipt::Receipt;
use model::value::FileRef;
use model::world::Moment;
use seal::blob::{Opener, Sealer, sealed_len};
use seal::content::{Outline, blob_id, snapshot_id};
use seal::receipt::{ReceiptKey, header_hash, verify, verify_erasure};
use seal::wrap::{Purpose, unwrap, wrap};
use seal::{Key, open, pack};
use world::{Fixed, id_key, owner, profile_key, ring, secret, stamp};

const STORED: &str = include_str!("golden/envelope-v1-stored.hex");
const COMPRESSED: &str = include_str!("golden/envelope-v1.hex");
const BEHIND_DICTIONARY: &str = include_str!("golden/envelope-v1-dictionary.hex");
const BLOB: &str = include_str!("golden/blob-v1.hex");
const WRAPPED_KEY: &str = include_str!("golden/wrapped-key-v1.hex");
const RECEIPT: &str = include_str!("golden/receipt-v1.hex");
const RECEIPT_TOGETHER: &str = include_str!("golden/receipt-v2.hex");
const ERASURE: &str = include_str!("golden/erasure-v1.hex");

/// Sealed part of a golden envelope.
fn sealed_part(envelope: &Envelope<'_>, kind: u8) -> Vec<u8> {
    let entry = envelope.header.parts.iter().find(|entry| entry.kind == kind).unwrap();
    envelope.parts.iter().find(|(id, _)| *id == entry.id).unwrap().1.to_vec()
}

/// The example's outline with the wallpaper, which is no setting of today's catalog, and so not found by it.
fn whole_outline(golden: &Envelope<'_>) -> Outline {
    let mut outline = Outline::of(&example(), &id_key()).unwrap();
    outline.blobs.clone_from(&golden.header.blobs);
    let parts: Vec<_> = outline.parts.iter().map(|(id, part)| (part.kind.number(), *id)).collect();
    let blobs: Vec<_> = outline.blobs.iter().map(|blob| (blob.role, blob.id)).collect();
    outline.snapshot = snapshot_id(&id_key(), outline.catalog_version, &parts, &blobs);
    outline
}

#[test]
fn golden_envelopes_open_for_good() {
    for hex in [STORED, COMPRESSED, BEHIND_DICTIONARY] {
        let bytes = bytes_of_hex(hex);
        let opened = open(&Envelope::parse(&bytes).unwrap(), &owner(), &ring()).unwrap();
        assert_eq!(opened.snapshot, example());
        assert_eq!((opened.damaged, opened.unknown_kinds), (vec![], vec![]));
    }
}

/// Every sealed part of coding 2 needs these very bytes to be opened.
#[test]
fn the_dictionary_is_the_one_that_was_frozen() {
    let dictionary = include_bytes!("../src/dictionary-1.bin");
    let hash = to_hex(blake3::hash(dictionary).as_bytes());
    assert_eq!(
        (dictionary.len(), hash.as_str()),
        (8711, "1e9a611655d9431e74381111eaf0f0dc2e88227d3aadd0d565b53dc4bc8e35f8")
    );
}

#[test]
fn parts_are_compressed_behind_the_dictionary() {
    let outline = Outline::of(&example(), &id_key()).unwrap();
    let ours = pack(&outline, &ring(), &stamp(), &|_| None, &Fixed(16)).unwrap().bytes.len();
    let without = bytes_of_hex(COMPRESSED).len();
    assert!(ours < without, "{ours} bytes with the dictionary, {without} without");
}

#[test]
fn ids_header_and_tag_are_those_of_the_other_implementation() {
    let golden = bytes_of_hex(STORED);
    let golden = Envelope::parse(&golden).unwrap();
    let outline = whole_outline(&golden);
    assert_eq!(outline.snapshot.to_string(), "22a04dd8359acf8c9b2117624601417f6a90d528cc77957955120392a58d257f");
    let known = |id| golden.header.parts.iter().find(|entry| entry.id == id).map(|entry| entry.sealed_len);
    let packed = pack(&outline, &ring(), &stamp(), &known, &Fixed(0)).unwrap();
    assert_eq!(to_hex(&packed.bytes), to_hex(&Envelope::assemble(golden.header_bytes, &golden.header_tag, &[])));
}

#[test]
fn a_part_too_small_to_compress_is_sealed_exactly() {
    let golden = bytes_of_hex(STORED);
    let golden = Envelope::parse(&golden).unwrap();
    let outline = Outline::of(&example(), &id_key()).unwrap();
    let packed = pack(&outline, &ring(), &stamp(), &|_| None, &Fixed(16)).unwrap();
    let ours = Envelope::parse(&packed.bytes).unwrap();
    assert_eq!(to_hex(&sealed_part(&ours, 16)), to_hex(&sealed_part(&golden, 16)));
}

#[test]
fn a_file_is_sealed_exactly_and_opens_for_good() {
    let content = b"a small picture, as far as we care";
    let (blob, size) = blob_id(&id_key(), &content[..]).unwrap();
    let file = FileRef { blob, size };
    let mut sealed = Vec::new();
    Sealer::new(&content[..], file, &owner(), &ring()).unwrap().read_to_end(&mut sealed).unwrap();
    assert_eq!(to_hex(&sealed), to_hex(&bytes_of_hex(BLOB)));
    let mut opened = Vec::new();
    Opener::new(&sealed[..], file, &owner(), &ring()).unwrap().read_to_end(&mut opened).unwrap();
    assert_eq!(opened, content);
}

#[test]
fn a_file_of_several_chunks_is_sealed_exactly() {
    let content: Vec<u8> = (0..200_001_u64).map(|n| ((n * n) >> 3).to_le_bytes()[0]).collect();
    let (blob, size) = blob_id(&id_key(), &content[..]).unwrap();
    assert_eq!(blob.to_string(), "e3eb599e3b67f47f8dd925087a3dc01c3c662f4c34be9292621360adad7a2b9a");
    let mut sealed = Vec::new();
    let mut sealer = Sealer::new(&content[..], FileRef { blob, size }, &owner(), &ring()).unwrap();
    sealer.read_to_end(&mut sealed).unwrap();
    assert_eq!((sealed.len(), sealed_len(200_001)), (200_833, 200_833));
    assert_eq!(to_hex(&header_hash(&sealed)), "33ab5e479f948109b9650387b834e1ac2e0e6ce60fba18385c6427468bf1677d");
}

#[test]
fn a_key_is_wrapped_exactly() {
    let user_key = Key::new(KeyId([0x77; 16]), secret(64));
    let purpose = Purpose::Profile(TenantId([0x11; 16]), UserId([0x22; 16]), ProfileId([0x44; 16]));
    let wrapped = wrap(&profile_key(), &user_key, purpose, &Fixed(0x0c));
    assert_eq!(to_hex(&wrapped), to_hex(&bytes_of_hex(WRAPPED_KEY)));
    let unwrapped = unwrap(&wrapped, KeyId([0x66; 16]), &user_key, purpose).unwrap();
    assert_eq!(unwrapped.secret().expose(), profile_key().secret().expose());
    let id_key = user_key.id_key().secret().to_hex();
    assert_eq!(id_key.as_str(), "1d8dff27fd14d8a79080951eba00137f7a6cf539e7f6aa88583b6a7c7ce67e5c");
}

/// The receipt that receipt-v1.hex is.
fn receipt() -> Receipt {
    let golden = bytes_of_hex(STORED);
    let golden = Envelope::parse(&golden).unwrap();
    Receipt {
        tenant: TenantId([0x11; 16]),
        profile: ProfileId([0x44; 16]),
        seq: 42,
        snapshot: golden.header.snapshot,
        header_hash: header_hash(golden.header_bytes),
        committed_at: Moment(1_795_000_000_500),
        epoch: 3,
    }
}

#[test]
fn a_receipt_is_signed_exactly() {
    let key = ReceiptKey::from_seed(&secret(96));
    let public_key = "174553b456dddfc6908ecab1c101fe6ab21e2baa0617795b7d43a63482993fd5";
    assert_eq!(to_hex(&key.public_key()), public_key);
    assert_eq!(to_hex(&key.sign_alone(&receipt())), to_hex(&bytes_of_hex(RECEIPT)));
    assert_eq!(verify(&bytes_of_hex(RECEIPT), &key.public_key()), Ok(receipt()));
}

#[test]
fn receipts_are_signed_together_exactly() {
    let key = ReceiptKey::from_seed(&secret(96));
    let signed = key.sign(&[41, 42, 43].map(|seq| Receipt { seq, ..receipt() }));
    assert_eq!(to_hex(&signed[1]), to_hex(&bytes_of_hex(RECEIPT_TOGETHER)));
    assert_eq!(verify(&bytes_of_hex(RECEIPT_TOGETHER), &key.public_key()), Ok(receipt()));
}

#[test]
fn the_receipt_of_a_deletion_is_signed_exactly() {
    let erasure = Erasure {
        tenant: TenantId([0x11; 16]),
        erased: Erased::User(UserId([0x22; 16])),
        snapshots: 42,
        at: Moment(1_795_000_000_500),
        epoch: 3,
    };
    let key = ReceiptKey::from_seed(&secret(96));
    assert_eq!(to_hex(&key.sign_erasure(&erasure)), to_hex(&bytes_of_hex(ERASURE)));
    assert_eq!(verify_erasure(&bytes_of_hex(ERASURE), &key.public_key()), Ok(erasure));
}
