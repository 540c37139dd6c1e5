//! What every store of blobs must do, on a disk, in memory and in a real object store; and what an object store may do to us without anything being
//! acknowledged that is not there.

use model::ids::{BlobId, ProfileId, TenantId};
use store::blobs::{BlobKey, Blobs, DiskBlobs, Logs, MemoryBlobs};

fn key(number: u8) -> BlobKey {
    BlobKey { tenant: TenantId([1; 16]), profile: ProfileId([2; 16]), blob: BlobId([number; 32]), generation: 1 }
}

/// What every implementation must do.
fn conformance(blobs: &dyn Blobs) {
    let key = key(3);
    let hash: [u8; 32] = blake3::hash(b"hello world").into();
    blobs.ready().unwrap();
    assert_eq!(blobs.finish(&key, 0).unwrap(), None, "nothing was uploaded");
    assert!(!blobs.append(&key, 3, b"x").unwrap(), "an upload begins at its start");
    assert!(blobs.append(&key, 0, b"hello torn").unwrap());
    assert_eq!(blobs.read(&key, 0, 99).unwrap(), None, "an upload is not a blob");
    assert_eq!(blobs.finish(&key, 11).unwrap(), None, "it is not complete");
    assert!(blobs.append(&key, 6, b"world").unwrap(), "an unconfirmed rest is written over");
    assert!(!blobs.append(&key, 12, b"!").unwrap(), "no holes");
    assert_eq!(blobs.finish(&key, 11).unwrap(), Some(hash));
    assert_eq!(blobs.finish(&key, 11).unwrap(), Some(hash), "finishing twice is finishing");
    assert_eq!(blobs.check(&key).unwrap(), Some((11, hash)));
    assert_eq!(blobs.read(&key, 6, 3).unwrap().as_deref(), Some(b"wor".as_slice()));
    assert_eq!(blobs.read(&key, 99, 3).unwrap().as_deref(), Some(b"".as_slice()));
    let next = BlobKey { generation: 2, ..key };
    assert_eq!(blobs.check(&next).unwrap(), None, "generations are apart");
    assert!(blobs.append(&next, 0, b"x").unwrap());
    blobs.remove(&key).unwrap();
    blobs.remove(&key).unwrap();
    assert_eq!(blobs.read(&key, 0, 3).unwrap(), None);
    assert!(blobs.finish(&next, 1).unwrap().is_some());

    // An attempt that got further and was never confirmed is cut off, whatever it had behind.
    let torn = BlobKey { generation: 3, ..key };
    for (offset, piece) in [(0, b"abcd".as_slice()), (4, b"efgh"), (8, b"ijkl"), (2, b"XY")] {
        assert!(blobs.append(&torn, offset, piece).unwrap());
    }
    let hash = blake3::hash(b"abXY").into();
    assert_eq!(blobs.finish(&torn, 12).unwrap(), None);
    assert_eq!(blobs.finish(&torn, 4).unwrap(), Some(hash));

    // A tenant's blobs and uploads go together, and nobody else's.
    let other = BlobKey { tenant: TenantId([9; 16]), ..key };
    assert!(blobs.append(&other, 0, b"other").unwrap());
    assert!(blobs.finish(&other, 5).unwrap().is_some());
    assert!(blobs.append(&BlobKey { generation: 4, ..key }, 0, b"half").unwrap());
    blobs.remove_all(key.tenant).unwrap();
    blobs.remove_all(key.tenant).unwrap();
    for generation in 1..5 {
        assert_eq!(blobs.check(&BlobKey { generation, ..key }).unwrap(), None);
        assert!(!blobs.append(&BlobKey { generation, ..key }, 1, b"x").unwrap(), "the upload has gone too");
    }
    assert_eq!(blobs.check(&other).unwrap().map(|(len, _)| len), Some(5));
}

/// What every implementation must do with logs.
fn conformance_of_logs(blobs: &dyn Logs) {
    let all = |name: &str| {
        let mut bytes = Vec::new();
        while let Some(piece) = blobs.read_log(name, bytes.len() as u64).unwrap().filter(|piece| !piece.is_empty()) {
            bytes.extend_from_slice(&piece);
        }
        bytes
    };
    let names = ["journal/test/a-1", "journal/test/b-2", "journal/testing/c-3"];
    assert_eq!(blobs.read_log(names[0], 0).unwrap(), None, "there is none");
    for name in names {
        blobs.extend_log(name, 0, name.as_bytes()).unwrap();
    }
    blobs.extend_log(names[0], 16, b" and more").unwrap();
    blobs.extend_log(names[0], 25, b" at its end").unwrap();
    assert_eq!(all(names[0]), b"journal/test/a-1 and more at its end");
    blobs.extend_log(names[0], 25, b"!").unwrap();
    assert_eq!(all(names[0]), b"journal/test/a-1 and more!", "an attempt that nobody counts on is written over");
    assert_eq!(blobs.logs("journal/test/").unwrap(), names[..2]);
    assert_eq!(blobs.logs("journal/test").unwrap(), names);
    blobs.remove_log(names[0]).unwrap();
    blobs.remove_log(names[0]).unwrap();
    assert_eq!(blobs.read_log(names[0], 0).unwrap(), None);
    assert_eq!(blobs.logs("journal/test/").unwrap(), names[1..2]);
    for name in names {
        blobs.remove_log(name).unwrap();
    }
}

#[test]
fn memory_keeps_the_promises_of_blobs() {
    conformance(&MemoryBlobs::default());
    conformance_of_logs(&MemoryBlobs::default());
}

#[test]
fn a_disk_keeps_the_promises_of_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = DiskBlobs::open(folder.path().join("blobs")).unwrap();
    conformance(&blobs);
    conformance_of_logs(&blobs);
}

/// What takes a server that is no part of Rehome. `cargo xtask ci elsewhere` installs and runs it.
mod elsewhere {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::SystemTime;

    use model::world::{Clock, Moment};
    use store::StoreError;
    use store::blobs::{Blobs, S3Blobs};

    use super::{conformance, conformance_of_logs, key};
    use crate::support::seaweed::{self, Fault, Seaweed, proxy};

    /// The real time, which an object store compares with its own.
    struct RealClock;

    impl Clock for RealClock {
        fn now(&self) -> Moment {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            Moment(i64::try_from(since.as_millis()).unwrap())
        }
    }

    #[test]
    fn an_object_store_keeps_the_promises_of_blobs_whatever_happens_on_the_way() {
        let Some(store) = Seaweed::start() else { return };
        let blobs = open(&store, store.address, "").unwrap();
        conformance(&blobs);
        conformance_of_logs(&blobs);
        many_pieces(&store);
        what_passes_is_tried_again(&store);
        what_stays_is_an_error_and_nothing_is_acknowledged(&store);
        a_wrong_key_or_bucket_is_found_at_the_start(&store);
    }

    fn open(store: &Seaweed, via: SocketAddr, more: &str) -> Result<S3Blobs, StoreError> {
        S3Blobs::open(&store.url(via, more), Arc::new(RealClock))
    }

    /// An upload in pieces of odd lengths comes out byte for byte, also read in pieces.
    fn many_pieces(store: &Seaweed) {
        let blobs = open(store, store.address, "").unwrap();
        let mut bytes = vec![0; 300_001];
        blake3::Hasher::new_keyed(&[7; 32]).finalize_xof().fill(&mut bytes);
        let key = key(20);
        let mut at = 0;
        for piece in bytes.chunks(70_003) {
            assert!(blobs.append(&key, at, piece).unwrap());
            at += piece.len() as u64;
        }
        assert_eq!(blobs.finish(&key, at).unwrap(), Some(blake3::hash(&bytes).into()));
        let read: Vec<u8> = (0..4).flat_map(|n| blobs.read(&key, n * 100_000, 100_000).unwrap().unwrap()).collect();
        assert!(read == bytes);
    }

    /// Each fault once, and twice, at every request of an upload: what is told afterwards is true.
    fn what_passes_is_tried_again(store: &Seaweed) {
        let direct = open(store, store.address, "").unwrap();
        let faults = [Fault::Cut, Fault::Busy, Fault::HalfAnswer, Fault::NoAnswer, Fault::HalfRequest, Fault::Silence];
        for (number, fault) in faults.into_iter().enumerate() {
            let key = key(100 + u8::try_from(number).unwrap());
            let hash: [u8; 32] = blake3::hash(b"0123456789").into();
            let through = |count: usize| open(store, proxy(store.address, vec![fault; count]), "&timeout=1").unwrap();
            // The first request is the one with which a store is opened.
            let blobs = through(1);
            assert!(blobs.append(&key, 0, b"01234").unwrap(), "{fault:?}");
            assert!(through(2).append(&key, 5, b"56789").unwrap(), "{fault:?}");
            assert_eq!(through(1).finish(&key, 10).unwrap(), Some(hash), "{fault:?}");
            assert_eq!(direct.check(&key).unwrap(), Some((10, hash)), "{fault:?}");
            assert_eq!(through(1).read(&key, 5, 3).unwrap().as_deref(), Some(b"567".as_slice()), "{fault:?}");
            through(1).remove(&key).unwrap();
            assert_eq!(direct.check(&key).unwrap(), None, "{fault:?}");
        }
    }

    /// A store that never answers as it should: an error that says where and why, after a limited number of tries.
    fn what_stays_is_an_error_and_nothing_is_acknowledged(store: &Seaweed) {
        let direct = open(store, store.address, "").unwrap();
        for (number, fault) in [Fault::Cut, Fault::Busy, Fault::HalfRequest].into_iter().enumerate() {
            let key = key(200 + u8::try_from(number).unwrap());
            // One good answer, to open it; then only bad ones.
            let mut faults = vec![None];
            faults.extend([Some(fault); 16]);
            let blobs = open(store, seaweed::proxy_with(store.address, faults), "&timeout=1").unwrap();
            let error = blobs.append(&key, 0, b"lost").unwrap_err();
            let StoreError::Storage { at, why } = &error else { panic!("{error:?}") };
            assert_eq!(at, "s3://rehome/tests");
            assert!(fault != Fault::Busy || why == "status 503, SlowDown", "{why}");
            assert!(!direct.append(&key, 1, b"x").unwrap(), "{fault:?}: nothing of it is there");
        }
    }

    fn a_wrong_key_or_bucket_is_found_at_the_start(store: &Seaweed) {
        let why = |url: &str| match S3Blobs::open(url, Arc::new(RealClock)) {
            Err(StoreError::Storage { why, .. } | StoreError::Address { why, .. }) => why,
            other => panic!("{:?}", other.err()),
        };
        let url = store.url(store.address, "");
        assert_eq!(why(&url.replacen("s3://rehome/", "s3://nobody/", 1)), "status 404, NoSuchBucket");
        let wrong = store.folder.path().join("wrong");
        std::fs::write(&wrong, seaweed::KEYS.replace("secret-of", "secret-not-of")).unwrap();
        assert_eq!(why(&url.replace("/keys", "/wrong")), "status 403, SignatureDoesNotMatch");
        std::fs::write(&wrong, "aws_access_key_id = REHOME\n").unwrap();
        assert!(why(&url.replace("/keys", "/wrong")).contains("aws_secret_access_key"));
    }
}
