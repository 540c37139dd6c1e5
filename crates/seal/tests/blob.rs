//! Files, sealed a chunk at a time: they come back, uploads go on anywhere, and nothing changed is ever taken for the file.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use std::io::{self, Read};

use model::envelope::{BLOB_BYTES_MAX, SEALED_BLOB_BYTES_MAX};
use model::ids::{BlobId, KeyId, ProfileId};
use model::reason::Reason;
use model::value::FileRef;
use proptest::prelude::*;
use seal::blob::{BlobError, CHUNK_BYTES, Opener, Sealer, sealed_len};
use seal::content::blob_id;
use seal::{Key, KeyRing, Owner};
use world::{id_key, owner, ring, secret};

const HEAD: usize = 17;
const CHUNK: usize = CHUNK_BYTES + 28;

/// Bytes that no compression or padding could be mistaken for.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| ((n % 251) ^ (n / 251)).to_le_bytes()[0] | 1).collect()
}

fn file_of(content: &[u8]) -> FileRef {
    let (blob, size) = blob_id(&id_key(), content).unwrap();
    FileRef { blob, size }
}

fn sealed(content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    Sealer::new(content, file_of(content), &owner(), &ring()).unwrap().read_to_end(&mut sealed).unwrap();
    sealed
}

fn opened(sealed: &[u8], file: FileRef) -> Result<Vec<u8>, BlobError> {
    let mut content = Vec::new();
    let read = Opener::new(sealed, file, &owner(), &ring()).and_then(|mut opener| opener.read_to_end(&mut content));
    read.map(|_| content).map_err(|error| BlobError::of(&error).expect("a slice never fails to be read"))
}

#[test]
fn files_of_every_size_class_come_back() {
    let whole_chunk_of_padding = 4 * 1024 * 1024 + 1;
    for len in [0, 1, 2, 35, 65_535, 65_536, 65_537, 131_072, 200_001, 1_000_000, whole_chunk_of_padding] {
        let content = content(len);
        let sealed = sealed(&content);
        assert_eq!(sealed.len() as u64, sealed_len(len as u64), "{len}");
        assert_eq!(opened(&sealed, file_of(&content)), Ok(content), "{len}");
    }
}

#[test]
fn the_largest_file_has_the_largest_sealed_length() {
    assert_eq!(sealed_len(BLOB_BYTES_MAX), SEALED_BLOB_BYTES_MAX);
    assert!((0..BLOB_BYTES_MAX).step_by(9_973).all(|len| sealed_len(len) <= SEALED_BLOB_BYTES_MAX));
    let over = FileRef { blob: BlobId([0; 32]), size: BLOB_BYTES_MAX + 1 };
    let error = Sealer::new(io::empty(), over, &owner(), &ring()).err().unwrap();
    assert_eq!((error, error.reason()), (BlobError::TooLarge { size: BLOB_BYTES_MAX + 1 }, Reason::FileTooLarge));
    let error = blob_id(&id_key(), io::repeat(7)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn an_upload_goes_on_at_any_offset_without_a_spool() {
    let small = content(300);
    let whole = sealed(&small);
    for offset in 0..=whole.len() + 3 {
        let mut sealer = Sealer::new(&small[..], file_of(&small), &owner(), &ring()).unwrap();
        sealer.skip(offset as u64).unwrap();
        let mut rest = Vec::new();
        sealer.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, whole[offset.min(whole.len())..], "{offset}");
    }
    let large = content(200_001);
    let whole = sealed(&large);
    for offset in [1, HEAD, HEAD + 1, HEAD + CHUNK - 1, HEAD + CHUNK, HEAD + CHUNK + 1, 150_000, whole.len() - 1] {
        let mut sealer = Sealer::new(&large[..], file_of(&large), &owner(), &ring()).unwrap();
        sealer.skip(offset as u64).unwrap();
        let mut piece = vec![0; (whole.len() - offset).min(70_000)];
        sealer.read_exact(&mut piece).unwrap();
        assert_eq!(piece, whole[offset..offset + piece.len()], "{offset}");
    }
}

#[test]
fn every_changed_bit_of_a_small_one_is_refused() {
    let content = content(40);
    let sealed = sealed(&content);
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(opened(&changed, file_of(&content)).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn cut_swapped_repeated_or_dropped_chunks_are_refused() {
    let content = content(4 * CHUNK_BYTES);
    let sealed = sealed(&content);
    let file = file_of(&content);
    let (head, chunks) = sealed.split_at(HEAD);
    let chunks: Vec<_> = chunks.chunks(CHUNK).collect();
    let with = |order: &[usize]| {
        let chosen: Vec<_> = order.iter().map(|index| chunks[*index]).collect();
        opened(&[&[head][..], &chosen].concat().concat(), file)
    };
    assert_eq!(with(&[0, 1, 2, 3]), Ok(content));
    assert_eq!(with(&[0, 2, 1, 3]), Err(BlobError::Changed { chunk: 1 }));
    assert_eq!(with(&[0, 0, 1, 3]), Err(BlobError::Changed { chunk: 1 }));
    assert_eq!(with(&[0, 1, 3]), Err(BlobError::Changed { chunk: 2 }));
    assert_eq!(with(&[3, 1, 2, 0]), Err(BlobError::Changed { chunk: 0 }));
    assert_eq!(with(&[0, 1, 2]), Err(BlobError::Truncated { chunk: 3 }));
    assert_eq!(with(&[]), Err(BlobError::Truncated { chunk: 0 }));
    assert_eq!(with(&[0, 1, 2, 3, 3]), Err(BlobError::Trailing));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let content = content(150);
    let sealed = sealed(&content);
    for len in 0..sealed.len() {
        assert_eq!(opened(&sealed[..len], file_of(&content)), Err(BlobError::Truncated { chunk: 0 }), "{len}");
    }
}

#[test]
fn another_owner_key_file_or_length_does_not_open_it() {
    let content = content(1_000);
    let (sealed, file) = (sealed(&content), file_of(&content));
    let open_as = |file, owner: Owner, ring: &KeyRing| {
        let read =
            Opener::new(&sealed[..], file, &owner, ring).and_then(|mut opener| opener.read_to_end(&mut Vec::new()));
        BlobError::of(&read.unwrap_err()).unwrap()
    };
    let changed = BlobError::Changed { chunk: 0 };
    assert_eq!(open_as(file, Owner { profile: ProfileId([9; 16]), ..owner() }, &ring()), changed);
    assert_eq!(open_as(FileRef { blob: BlobId([9; 32]), ..file }, owner(), &ring()), changed);
    assert_eq!(open_as(FileRef { size: 999, ..file }, owner(), &ring()), changed);
    let other = KeyRing::new(KeyId([1; 16]), vec![Key::new(KeyId([1; 16]), secret(9))], id_key()).unwrap();
    assert_eq!(open_as(file, owner(), &other), BlobError::WrongKey);
    assert_eq!(BlobError::WrongKey.reason(), Reason::WrongKey);
}

#[test]
fn a_file_that_changes_while_it_is_sealed_never_becomes_whole() {
    let before = content(200_000);
    let mut other = before.clone();
    other[150_000] ^= 1;
    let longer = content(200_001);
    for now in [&other[..], &before[..199_999], &longer[..], &[]] {
        let mut sealed = Vec::new();
        let mut sealer = Sealer::new(now, file_of(&before), &owner(), &ring()).unwrap();
        let error = sealer.read_to_end(&mut sealed).unwrap_err();
        assert_eq!(BlobError::of(&error), Some(BlobError::ContentDiffers));
        assert!(sealed.len() < HEAD + 4 * CHUNK, "the last chunk was given");
        assert!(sealer.read(&mut [0; 64]).is_err(), "asking again does not help");
    }
}

#[test]
fn a_file_that_changed_shares_no_nonce_with_what_it_was() {
    let before = content(3 * CHUNK_BYTES);
    let mut after = before.clone();
    after[0] ^= 1;
    let mut changed = Vec::new();
    let mut sealer = Sealer::new(&after[..], file_of(&before), &owner(), &ring()).unwrap();
    sealer.read_to_end(&mut changed).unwrap_err();
    let before = sealed(&before);
    assert_ne!(before[HEAD..HEAD + 12], changed[HEAD..HEAD + 12]);
    assert_eq!(before[HEAD + CHUNK..HEAD + 2 * CHUNK], changed[HEAD + CHUNK..], "what did not change seals the same");
}

/// A disk or connection that fails after some bytes.
struct Failing<R>(R);

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            read => Ok(read),
        }
    }
}

#[test]
fn a_disk_that_fails_gives_no_plain_bytes() {
    let content = content(100_000);
    let mut sealer = Sealer::new(Failing(&content[..90_000]), file_of(&content), &owner(), &ring()).unwrap();
    let mut given = Vec::new();
    assert_eq!(sealer.read_to_end(&mut given).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(given, sealed(&content)[..HEAD + CHUNK]);
    assert!(sealer.read(&mut [0; 64]).is_err());
}

#[test]
fn a_failing_connection_stays_a_failing_connection() {
    let content = content(100_000);
    let sealed = sealed(&content);
    let source = Failing(&sealed[..70_000]);
    let mut opener = Opener::new(source, file_of(&content), &owner(), &ring()).unwrap();
    let error = opener.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), BlobError::of(&error)), (io::ErrorKind::ConnectionReset, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_comes_back_and_any_change_is_refused(len in 0_usize..200_000, at: prop::sample::Index, change in 1_u8..) {
        let content = content(len);
        let mut sealed = sealed(&content);
        let read = opened(&sealed, file_of(&content)).unwrap();
        prop_assert!(read == content);
        let at = at.index(sealed.len());
        sealed[at] ^= change;
        prop_assert!(opened(&sealed, file_of(&content)).is_err());
    }

    #[test]
    fn random_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 0_u64..400) {
        let file = FileRef { blob: BlobId([1; 32]), size };
        prop_assert!(opened(&bytes, file).is_err());
    }
}
