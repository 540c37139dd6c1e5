//! The object store is away for eight hours: settings are backed up and given all the same, files are told to wait, and at its return uploads go on where they stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::envelope::Envelope;
use model::ids::BlobId;
use store::blobs::Blobs;
use store::{CommitError, Piece, Scope, Store, StoreError, Upload, UploadError};

use crate::support::moody::Moody;
use crate::support::{Made, NOW, device, id32, place, sign, tenant, user};

/// Eight hours, in milliseconds.
const NIGHT: i64 = 8 * 60 * 60 * 1000;

fn put(store: &Store, pc: &Scope, offset: usize) -> Result<Upload, UploadError> {
    let (blob, bytes) = (BlobId(id32("blob", 1)), b"0123456789");
    let piece = Piece { blob, offset: offset as u64, length: 10, bytes: &bytes[offset..(offset + 5).min(10)] };
    store.put_piece(pc, &piece, NOW)
}

#[test]
fn while_files_have_no_place_settings_are_kept_and_uploads_go_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Arc::new(Moody::default());
    let store =
        Store::open(&place(&folder.path().join("rehome.db")), Arc::clone(&blobs) as Arc<dyn Blobs>, NOW).unwrap();
    tenant(&store, "default", 1);
    let pc = device(&store, &user(&store, "default", "ada", 1), 1);
    let commit = |seq: u64, files: &[(u64, u64)], at: i64| {
        let bytes = Made::new(&pc, seq, &[(seq, 500)], files).envelope(|_| true);
        store.commit(&pc, &Envelope::parse(&bytes).unwrap(), NOW.plus_millis(at), sign()).map(drop)
    };
    assert_eq!(put(&store, &pc, 0).unwrap().offset, 5);

    blobs.is_away.store(true, Ordering::SeqCst);
    for seq in 1..=8 {
        commit(seq, &[], NIGHT / 8 * i64::try_from(seq).unwrap()).unwrap();
        assert_eq!(store.latest(&pc, pc.profile()).unwrap().flatten().unwrap().seq, seq);
        let refused = put(&store, &pc, 5);
        assert!(matches!(refused, Err(UploadError::Store(StoreError::Storage { .. }))), "{refused:?}");
    }
    let refused = commit(9, &[(1, 10)], NIGHT);
    assert!(matches!(refused, Err(CommitError::BlobsMissing(_))), "{refused:?}");
    assert!(store.files_ready().is_err(), "it says so");
    store.ready().unwrap();
    assert!(!store.failed(), "and goes on: requests without files are sent to it");

    blobs.is_away.store(false, Ordering::SeqCst);
    store.files_ready().unwrap();
    assert_eq!(put(&store, &pc, 5).unwrap().offset, 10, "it goes on where it stopped");
    commit(9, &[(1, 10)], NIGHT).unwrap();
    assert_eq!(store.latest(&pc, pc.profile()).unwrap().flatten().unwrap().seq, 9);
}
