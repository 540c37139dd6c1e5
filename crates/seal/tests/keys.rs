//! Wrapped keys and receipts in the hands of whoever can write to the database.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use model::erasure::{Erased, Erasure};
use model::ids::{KeyId, ProfileId, SnapshotId, TenantId, UserId};
use model::reason::Reason;
use model::receipt::{RECEIPT_LEN, Receipt};
use model::world::Moment;
use seal::Key;
use seal::receipt::{ReceiptError, ReceiptKey, verify, verify_erasure};
use seal::wrap::{Purpose, UnwrapError, WRAPPED_LEN, unwrap, wrap};
use world::{Counter, profile_key, secret};

const PURPOSE: Purpose = Purpose::Profile(TenantId([1; 16]), UserId([2; 16]), ProfileId([3; 16]));

fn parent() -> Key {
    Key::new(KeyId([9; 16]), secret(64))
}

#[test]
fn a_tree_of_keys_is_wrapped_and_unwrapped() {
    let random = Counter::default();
    let root = Key::random(&random);
    let mut parent = Key::new(root.id, secret(5));
    let mut rows = Vec::new();
    let purposes = [Purpose::Tenant(TenantId([1; 16])), Purpose::User(TenantId([1; 16]), UserId([2; 16])), PURPOSE];
    for purpose in purposes {
        let child = Key::random(&random);
        rows.push((child.id, wrap(&child, &parent, purpose, &random), purpose));
        parent = child;
    }
    let mut found = Key::new(root.id, secret(5));
    for (id, wrapped, purpose) in rows {
        found = unwrap(&wrapped, id, &found, purpose).unwrap();
    }
    assert_eq!(found.secret().expose(), parent.secret().expose());
}

#[test]
fn every_changed_bit_of_a_wrapped_key_is_refused() {
    let child = profile_key();
    let wrapped = wrap(&child, &parent(), PURPOSE, &Counter::default());
    for at in 0..WRAPPED_LEN {
        for bit in 0..8 {
            let mut changed = wrapped;
            changed[at] ^= 1 << bit;
            let error = unwrap(&changed, child.id, &parent(), PURPOSE).err();
            let expected = match at {
                0 => UnwrapError::NotAKey { len: WRAPPED_LEN },
                13..29 => UnwrapError::WrongKey { parent: parent().id, child: child.id },
                _ => UnwrapError::Changed { child: child.id },
            };
            assert_eq!(error, Some(expected), "byte {at}, bit {bit}");
        }
    }
    for len in 0..WRAPPED_LEN {
        assert_eq!(unwrap(&wrapped[..len], child.id, &parent(), PURPOSE).err(), Some(UnwrapError::NotAKey { len }));
    }
}

#[test]
fn a_wrapped_key_moved_to_another_row_does_not_open() {
    let child = profile_key();
    let wrapped = wrap(&child, &parent(), PURPOSE, &Counter::default());
    let elsewhere = [
        Purpose::Profile(TenantId([7; 16]), UserId([2; 16]), ProfileId([3; 16])),
        Purpose::Profile(TenantId([1; 16]), UserId([7; 16]), ProfileId([3; 16])),
        Purpose::Profile(TenantId([1; 16]), UserId([2; 16]), ProfileId([7; 16])),
        Purpose::User(TenantId([1; 16]), UserId([2; 16])),
        Purpose::Tenant(TenantId([1; 16])),
    ];
    let changed = Some(UnwrapError::Changed { child: child.id });
    for purpose in elsewhere {
        assert_eq!(unwrap(&wrapped, child.id, &parent(), purpose).err(), changed, "{purpose:?}");
    }
    let other_name = Key::new(KeyId([8; 16]), secret(64));
    assert_eq!(unwrap(&wrapped, child.id, &other_name, PURPOSE).err(), changed);
    let error = unwrap(&wrapped, KeyId([5; 16]), &parent(), PURPOSE).err();
    assert_eq!(error, Some(UnwrapError::Changed { child: KeyId([5; 16]) }));
    let other_secret = Key::new(KeyId([9; 16]), secret(65));
    assert_eq!(unwrap(&wrapped, child.id, &other_secret, PURPOSE).err().unwrap().reason(), Reason::WrongKey);
}

#[test]
fn every_changed_bit_of_a_receipt_is_refused() {
    let key = ReceiptKey::from_seed(&secret(1));
    let receipt = Receipt {
        tenant: TenantId([1; 16]),
        profile: ProfileId([2; 16]),
        seq: 3,
        snapshot: SnapshotId([4; 32]),
        header_hash: [5; 32],
        committed_at: Moment(-6),
        epoch: 7,
    };
    let signed = key.sign(&receipt);
    assert_eq!(verify(&signed, &key.public_key()), Ok(receipt));
    for at in 0..RECEIPT_LEN {
        for bit in 0..8 {
            let mut changed = signed;
            changed[at] ^= 1 << bit;
            assert!(verify(&changed, &key.public_key()).is_err(), "byte {at}, bit {bit}");
        }
    }
    let other = ReceiptKey::from_seed(&secret(2));
    assert_eq!(verify(&signed, &other.public_key()), Err(ReceiptError::WrongSignature));
    assert_eq!(verify(&signed[1..], &key.public_key()), Err(ReceiptError::NotAReceipt { len: RECEIPT_LEN - 1 }));
}

#[test]
fn every_changed_bit_of_a_deletions_receipt_is_refused() {
    let key = ReceiptKey::from_seed(&secret(7));
    let erasure = Erasure {
        tenant: TenantId([1; 16]),
        erased: Erased::User(UserId([2; 16])),
        snapshots: 3,
        at: Moment(1_795_000_000_000),
        epoch: 5,
    };
    let signed = key.sign_erasure(&erasure);
    assert_eq!(verify_erasure(&signed, &key.public_key()), Ok(erasure));
    assert!(verify(&signed, &key.public_key()).is_err(), "it is no receipt of a backup");
    for bit in 0..signed.len() * 8 {
        let mut changed = signed;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_erasure(&changed, &key.public_key()).is_err(), "bit {bit}");
    }
}
