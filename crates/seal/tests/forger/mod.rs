//! Seals what the crate's own writer could not make: any frame, and any header, with the right keys. Written from `docs/format.md`, and
//! shared by the tests and the fuzz target `envelope_open`.

use model::envelope::{Envelope, Header, MAGIC, PartEntry, Source};
use model::ids::{DeviceId, KeyId, PartId};
use ring::{aead, hkdf};
use seal::content::snapshot_id;

use super::world::{id_key, owner, profile_key, stamp};

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"rehome").extract(profile_key().secret().expose());
    root.expand(info, Len(N)).expect("lengths fit").fill(&mut out).expect("lengths fit");
    out
}

/// Seals a frame as part `id`.
fn seal_frame(frame: &[u8], kind: u8, id: PartId) -> Vec<u8> {
    let key: [u8; 32] = derive(&[b"rehome/part/v1", id.as_bytes()]);
    let mut aad = vec![0, 1, 1, 1];
    for piece in [&[0x11; 16], &[0x22; 16], &[0x44; 16]] {
        aad.extend_from_slice(piece);
    }
    aad.push(kind);
    aad.extend_from_slice(id.as_bytes());
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &key).expect("lengths fit"));
    let mut body = frame.to_vec();
    let nonce = aead::Nonce::assume_unique_for_key([7; 12]);
    key.seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut body).expect("lengths fit");
    let check: [u8; 16] = derive(&[b"rehome/check/v1"]);
    [&[1][..], &[7; 12], &check, &body].concat()
}

/// An envelope whose only part is this frame.
pub fn envelope_of_frame(frame: &[u8], kind: u8, id: PartId) -> Vec<u8> {
    let sealed = seal_frame(frame, kind, id);
    let sealed_len = u32::try_from(sealed.len()).expect("frames of tests are small");
    let (owner, stamp) = (owner(), stamp());
    let header = Header {
        tenant: owner.tenant,
        user: owner.user,
        device: DeviceId([0x33; 16]),
        profile: owner.profile,
        seq: 1,
        snapshot: snapshot_id(&id_key(), 0, &[(kind, id)], &[]),
        taken_at: stamp.taken_at,
        catalog_version: 0,
        key: KeyId([0x66; 16]),
        source: Source::Hive,
        device_name: String::new(),
        settings_count: 0,
        apps_count: 0,
        parts: vec![PartEntry { kind, id, sealed_len, items: 0 }],
        blobs: vec![],
    };
    let header = header.to_bytes().expect("one part is in order");
    let tag_key: [u8; 32] = derive(&[b"rehome/header/v1"]);
    let tag = blake3::Hasher::new_keyed(&tag_key).update(&MAGIC).update(&header).finalize();
    Envelope::assemble(&header, tag.as_bytes(), &[(id, &sealed)])
}
