//! Servers whose files are in a bucket: what several servers on PostgreSQL have, and what one with a database of its own may have. `cargo xtask ci elsewhere` brings the object store,
//! and PostgreSQL where it is installed.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use model::api::{LENGTH_HEADER, OFFSET_HEADER};
use model::ids::BlobId;

use crate::support::seaweed::Seaweed;
use crate::support::{Live, Made, Pc, Place, elsewhere, glance, out, said};

const LENGTH: usize = 300_000;

fn path(pc: &Pc) -> String {
    format!("/api/v1/profiles/{}/blobs/{}", pc.profile, BlobId([9; 32]))
}

/// Sends a piece of the file, and gives the status.
fn send(live: &Live, pc: &Pc, (offset, piece): (usize, &[u8])) -> u16 {
    let (offset, length) = (offset.to_string(), LENGTH.to_string());
    live.ask("PUT", &path(pc), pc, &[(OFFSET_HEADER, &offset), (LENGTH_HEADER, &length)], piece).status
}

#[test]
fn servers_share_a_bucket_and_what_needs_no_file_outlives_it() {
    let Some(bucket) = Seaweed::start() else { return };
    let mut place = Place::new();
    place.blobs = Some(bucket.url(bucket.address, ""));
    place.journal = true;
    // An object store takes no request that was signed at another time than its own.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    place.clock.turn(i64::try_from(now).unwrap() - place.clock_seconds());
    let here = place.serve();
    let other = elsewhere().then(|| place.serve());
    let there = other.as_ref().unwrap_or(&here);

    let pc = here.enroll("ada", "PC of Ada");
    let picture: Vec<u8> = (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap()).collect();
    assert_eq!(send(&here, &pc, (0, &picture[..100_000])), 204);
    assert_eq!(send(there, &pc, (100_000, &picture[100_000..])), 201, "one goes on where the other stopped");
    assert_eq!(here.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[(9, LENGTH as u64)]).whole()).status, 201);
    assert_eq!(there.get(&path(&pc), &pc).body, picture);

    // The journal lies in the bucket too, and leads to where the database is: so says the server whose turn it was to look.
    let is_whole = || [&here, there].iter().any(|live| live.app.store.journal().0.behind_since.is_none());
    glance("the journal is whole", || {
        here.app.housekeep().unwrap();
        is_whole()
    });
    let folder = place.path().join("kept");
    let backed_up = place.run(&["backup-server", "--to", folder.to_str().unwrap()]);
    assert_eq!(backed_up.status.code(), Some(0), "{}", said(&backed_up));
    assert!(out(&backed_up).contains("files\t1\t"), "{}", out(&backed_up));
    let checked = place.run(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", out(&checked), said(&checked));

    // The bucket is gone: settings go on, load balancers choose this server still, and who watches is told.
    drop(bucket);
    for live in [&here, there] {
        assert_eq!(live.send(("GET", "/readyz"), &[], b"").status, 200);
    }
    assert_eq!(there.backup(&pc, &Made::new(&pc, 2, &[(2, 100)], &[]).whole()).status, 201);
    assert_eq!(here.get(&path(&pc), &pc).problem(), (503, "storage_unavailable".to_owned()));
    here.app.housekeep().unwrap();
    assert!(!here.app.files_up.load(Ordering::SeqCst));
}
