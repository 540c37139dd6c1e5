//! Wrapped keys and receipts in the hands of whoever can write to the database.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use model::erasure::{Erased, Erasure};
use model::ids::{KeyId, ProfileId, SnapshotId, TenantId, UserId};
use model::reason::Reason;
use model::receipt::{RECEIPT_LEN, Receipt, STATEMENT_LEN};
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

fn receipt(seq: u64) -> Receipt {
    Receipt {
        tenant: TenantId([1; 16]),
        profile: ProfileId([2; 16]),
        seq,
        snapshot: SnapshotId([4; 32]),
        header_hash: [5; 32],
        committed_at: Moment(-6),
        epoch: 7,
    }
}

fn refuse_every_changed_bit(signed: &[u8], key: &ReceiptKey) {
    for at in 0..signed.len() {
        for bit in 0..8 {
            let mut changed = signed.to_vec();
            changed[at] ^= 1 << bit;
            assert!(verify(&changed, &key.public_key()).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_receipt_is_refused() {
    let key = ReceiptKey::from_seed(&secret(1));
    let signed = key.sign_alone(&receipt(3));
    assert_eq!(verify(&signed, &key.public_key()), Ok(receipt(3)));
    refuse_every_changed_bit(&signed, &key);
    let other = ReceiptKey::from_seed(&secret(2));
    assert_eq!(verify(&signed, &other.public_key()), Err(ReceiptError::WrongSignature));
    assert_eq!(verify(&signed[1..], &key.public_key()), Err(ReceiptError::NotAReceipt { len: RECEIPT_LEN - 1 }));
}

#[test]
fn receipts_that_share_a_signature_are_each_as_good_as_one_with_its_own() {
    let key = ReceiptKey::from_seed(&secret(1));
    assert!(key.sign(&[]).is_empty());
    for count in (1..=19).chain([64, 255, 256]) {
        let receipts: Vec<Receipt> = (0..count).map(receipt).collect();
        let signed = key.sign(&receipts);
        assert_eq!(signed.len(), receipts.len());
        for (bytes, receipt) in signed.iter().zip(&receipts) {
            assert_eq!(verify(bytes, &key.public_key()), Ok(*receipt), "one of {count}");
        }
        let other = ReceiptKey::from_seed(&secret(2));
        assert_eq!(verify(&signed[0], &other.public_key()), Err(ReceiptError::WrongSignature));
    }
    for signed in key.sign(&[receipt(1), receipt(2), receipt(3), receipt(4), receipt(5)]) {
        refuse_every_changed_bit(&signed, &key);
    }
}

#[test]
fn a_node_of_the_tree_is_never_taken_for_a_receipt_nor_one_receipts_proof_for_anothers() {
    let key = ReceiptKey::from_seed(&secret(1));
    let signed = key.sign(&[receipt(1), receipt(2)]);
    let (first, second) = (&signed[0], &signed[1]);
    let swapped = [&first[..STATEMENT_LEN], &second[STATEMENT_LEN..]].concat();
    assert_eq!(verify(&swapped, &key.public_key()), Err(ReceiptError::WrongSignature));
    let alone = key.sign_alone(&receipt(1));
    let as_one_of_one = [&[2], &alone[1..STATEMENT_LEN], &[0, 0], &alone[STATEMENT_LEN..]].concat();
    assert_eq!(verify(&as_one_of_one, &key.public_key()), Err(ReceiptError::WrongSignature));
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
