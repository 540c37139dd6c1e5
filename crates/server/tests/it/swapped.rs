//! Files of one person in the place of another's, in the folder of the server: whoever fetches one is given bytes that do not open.

use std::io::Read;
use std::path::PathBuf;

use crate::support::{Live, Pc, Place};
use model::api::ProfileKeys;
use model::ids::BlobId;
use model::value::FileRef;
use seal::blob::{BlobError, Opener, Sealer};
use seal::content::blob_id;
use seal::{KeyRing, Owner};

/// A picture as it stands on both PCs: the same bytes.
const PICTURE: &[u8] = &[0x5A; 70_000];

struct Sealed {
    pc: Pc,
    ring: KeyRing,
    file: FileRef,
}

fn owner(pc: &Pc) -> Owner {
    Owner { tenant: pc.tenant, user: pc.user, profile: pc.profile }
}

fn put(live: &Live, who: &str) -> Sealed {
    let pc = live.enroll(who, "PC");
    let answer = live.get(&format!("/api/v1/profiles/{}/keys", pc.profile), &pc);
    let ring = KeyRing::from_api(&answer.json::<ProfileKeys>()).unwrap();
    let (blob, size) = blob_id(ring.id_key(), PICTURE).unwrap();
    let file = FileRef { blob, size };
    let mut sealed = Vec::new();
    Sealer::new(PICTURE, file, &owner(&pc), &ring).unwrap().read_to_end(&mut sealed).unwrap();
    let path = format!("/api/v1/profiles/{}/blobs/{blob}", pc.profile);
    let with = [("upload-offset", "0"), ("upload-length", &*sealed.len().to_string())];
    assert_eq!(live.ask("PUT", &path, &pc, &with, &sealed).status, 201);
    Sealed { pc, ring, file }
}

fn open(live: &Live, of: &Sealed) -> Result<Vec<u8>, BlobError> {
    let answer = live.get(&format!("/api/v1/profiles/{}/blobs/{}", of.pc.profile, of.file.blob), &of.pc);
    assert_eq!(answer.status, 200);
    let mut content = Vec::new();
    let read = Opener::new(&answer.body[..], of.file, &owner(&of.pc), &of.ring);
    let read = read.and_then(|mut opener| opener.read_to_end(&mut content));
    read.map(|_| content).map_err(|error| BlobError::of(&error).expect("a slice never fails to be read"))
}

fn place_of(place: &Place, of: &Sealed) -> PathBuf {
    let folder = place.data().join("blobs").join(of.pc.tenant.to_string()).join(of.pc.profile.to_string());
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn the_same_picture_of_two_people_has_two_names_and_neither_opens_as_the_other() {
    let place = Place::new();
    let live = place.serve();
    let all = ["ada", "bob", "ada", "other/eve"].map(|who| put(&live, who));
    let blobs: std::collections::BTreeSet<BlobId> = all.iter().map(|one| one.file.blob).collect();
    assert_eq!(blobs.len(), 3, "one name for each person, whatever the bytes");
    for one in &all {
        assert_eq!(open(&live, one).as_deref(), Ok(PICTURE));
    }
    let kept: Vec<Vec<u8>> = all.iter().map(|one| std::fs::read(place_of(&place, one)).unwrap()).collect();
    let mut refused = 0;
    for (mine, one) in all.iter().enumerate() {
        for theirs in (0..all.len()).filter(|theirs| *theirs != mine) {
            std::fs::copy(place_of(&place, &all[theirs]), place_of(&place, one)).unwrap();
            let found = open(&live, one);
            assert!(
                matches!(found, Err(BlobError::WrongKey | BlobError::Changed { .. })),
                "{mine} {theirs}: {found:?}"
            );
            refused += 1;
            let path = place_of(&place, one);
            std::fs::remove_file(&path).unwrap();
            std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), &kept[mine]).unwrap();
        }
    }
    assert_eq!(refused, 12);
    // And the operator's own check finds a file that is not the one of its row.
    std::fs::copy(place_of(&place, &all[1]), place_of(&place, &all[0])).unwrap();
    let findings = live.app.store.verify(&|_| true).unwrap().findings;
    assert!(!findings.is_empty(), "`rehome-server check` says so");
}
