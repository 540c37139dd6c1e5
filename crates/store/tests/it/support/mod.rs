//! Envelopes and accounts for tests of the store, made without keys: to the store sealed bytes are only bytes.

#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "some of it is for the stories of one machine or another"
)]

pub mod journal;
pub mod moody;
mod place;
pub mod seaweed;

use std::sync::Arc;

use model::device::KeyLevel;
use model::envelope::{BlobEntry, Envelope, Header, PartEntry, Source};
use model::erasure::{ERASURE_LEN, Erasure};
use model::ids::{BlobId, DeviceId, KeyId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use model::receipt::{Proof, Receipt};
use model::signature::KeyPrint;
use model::world::Moment;
use store::{Account, NewDevice, NewDeviceKey, NewKey, NewTenant, NewUser, Purpose, Scope, Sign, SignErasure, Store};

pub use place::{SERVER, ask, elsewhere, place};

pub const NOW: Moment = Moment(1_795_000_000_000);

/// An id that belongs to a number, the same each time.
pub fn id16(kind: &str, number: u64) -> [u8; 16] {
    id32(kind, number)[..16].try_into().unwrap()
}

pub fn id32(kind: &str, number: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(&number.to_be_bytes());
    hasher.finalize().into()
}

/// Sealed bytes that belong to a part.
pub fn sealed(id: &PartId, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new_keyed(id.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn key(number: u64, purpose: Purpose, parent: KeyId) -> NewKey {
    NewKey { id: KeyId(id16("key", number)), purpose, parent, wrapped: vec![7; 77] }
}

pub fn tenant(store: &Store, name: &str, number: u64) {
    let key = key(number * 1000, Purpose::Tenant, KeyId([0; 16]));
    let new = NewTenant { id: TenantId(id16("tenant", number)), name: name.to_owned(), key };
    store.create_tenant(new, NOW).unwrap();
}

pub fn user(store: &Store, tenant: &str, name: &str, number: u64) -> Account {
    let scope = store.operator(tenant).unwrap().unwrap();
    let parent = store.tenant_keys(&scope).unwrap()[0].id;
    let keys = vec![key(number * 1000 + 1, Purpose::User, parent)];
    let new = NewUser { id: UserId(id16("user", number)), name: name.to_owned(), password: "hash".to_owned(), keys };
    store.create_user(&scope, new, NOW).unwrap();
    store.account(tenant, name).unwrap().unwrap()
}

pub fn device(store: &Store, account: &Account, number: u64) -> Scope {
    enroll(store, account, new_device(number, None), None, NOW).unwrap()
}

/// Enrols, with the profile's key wrapped by the account's.
pub fn enroll(
    store: &Store,
    account: &Account,
    mut new: NewDevice,
    token: Option<&store::FoundToken>,
    at: Moment,
) -> Result<Scope, store::EnrollError> {
    new.key.parent = store.chain_for(account).unwrap().user[0].id;
    store.enroll(account, new, token, at)
}

/// The name of a device's key.
pub fn print(number: u64) -> KeyPrint {
    KeyPrint(id16("print", number))
}

pub fn new_device(number: u64, machine: Option<u64>) -> NewDevice {
    let mut public = [4; 65];
    public[1..33].copy_from_slice(&id32("key", number));
    NewDevice {
        id: DeviceId(id16("device", number)),
        name: format!("PC {number}"),
        device_key: NewDeviceKey { print: print(number), public, level: KeyLevel::File },
        machine: machine.map(|number| id32("machine", number)),
        profile: ProfileId(id16("profile", number)),
        key: key(number * 1000 + 2, Purpose::Profile, KeyId([0; 16])),
    }
}

/// A snapshot to be committed: which parts and blobs it names, by number.
#[derive(Clone)]
pub struct Made {
    pub header: Header,
    pub header_bytes: Vec<u8>,
    pub tag: [u8; 32],
    pub sealed: Vec<(PartId, Vec<u8>)>,
}

impl Made {
    /// `parts`: number and length, in order; `blobs`: number and length.
    pub fn new(scope: &Scope, seq: u64, parts: &[(u64, usize)], blobs: &[(u64, u64)]) -> Self {
        let kinds = 16_u8..;
        let entries = parts.iter().zip(kinds).map(|((number, len), kind)| PartEntry {
            kind,
            id: PartId(id32("part", *number)),
            sealed_len: u32::try_from(*len).unwrap(),
            items: 3,
        });
        let roles = 1_u8..;
        let blobs = blobs.iter().zip(roles);
        let header = Header {
            tenant: scope.tenant(),
            user: scope.user(),
            device: scope.device(),
            profile: scope.profile(),
            seq,
            snapshot: SnapshotId(id32("snapshot", seq)),
            taken_at: NOW,
            catalog_version: 1,
            key: KeyId(id16("key", 9)),
            source: Source::Hive,
            device_name: "PC".to_owned(),
            settings_count: 143,
            apps_count: 27,
            parts: entries.collect(),
            blobs: blobs
                .map(|((number, len), role)| BlobEntry { role, id: BlobId(id32("blob", *number)), sealed_len: *len })
                .collect(),
        };
        let header_bytes = header.to_bytes().unwrap();
        let sealed = header.parts.iter().map(|part| (part.id, sealed(&part.id, part.sealed_len as usize))).collect();
        Self { header, header_bytes, tag: id32("tag", seq), sealed }
    }

    /// The envelope with those parts that `along` picks by index.
    pub fn envelope(&self, along: impl Fn(usize) -> bool) -> Vec<u8> {
        let parts: Vec<(PartId, &[u8])> = self
            .sealed
            .iter()
            .enumerate()
            .filter(|(index, _)| along(*index))
            .map(|(_, (id, sealed))| (*id, sealed.as_slice()))
            .collect();
        Envelope::assemble(&self.header_bytes, &self.tag, &parts)
    }
}

/// A stand-in for signing, which only the server can: each receipt has a signature of its own.
pub fn sign() -> Sign {
    Arc::new(|receipts| receipts.iter().map(|receipt| receipt.to_bytes(&Proof::Alone(&stand_in(receipt)))).collect())
}

fn stand_in(receipt: &Receipt) -> [u8; 64] {
    let hash: [u8; 32] = blake3::hash(&receipt.to_signed_bytes()).into();
    [hash, hash].as_flattened().try_into().unwrap()
}

/// Whether [`sign`] made it.
pub fn signed(bytes: &[u8]) -> bool {
    Receipt::from_bytes(bytes).is_some_and(|(receipt, proof)| proof == Proof::Alone(&stand_in(&receipt)))
}

/// A stand-in for the signature of a deletion.
pub fn sign_erasure() -> SignErasure {
    Box::new(|erasure: &Erasure| -> [u8; ERASURE_LEN] {
        let mut bytes = erasure.to_signed_bytes();
        let hash: [u8; 32] = blake3::hash(&bytes).into();
        bytes.extend_from_slice(&hash);
        bytes.extend_from_slice(&hash);
        bytes.try_into().unwrap()
    })
}
