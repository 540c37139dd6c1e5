//! Envelopes between two devices and a server that may be hostile.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../model/tests/examples/mod.rs"]
mod examples;
mod world;

use examples::{any_snapshot, example};
use model::catalog::Category;
use model::envelope::{Envelope, Header};
use model::ids::{KeyId, PartId, ProfileId, TenantId, UserId};
use model::reason::Reason;
use model::snapshot::{PartKind, Reading, Snapshot};
use model::value::Value;
use proptest::prelude::*;
use seal::content::Outline;
use seal::{Key, KeyRing, OpenError, Opened, Owner, Stamp, open, pack};
use world::{Counter, id_key, owner, packed, profile_key, ring, secret, stamp};

fn opened(bytes: &[u8]) -> Result<Opened, Reason> {
    let envelope = Envelope::parse(bytes).map_err(|error| error.reason())?;
    open(&envelope, &owner(), &ring()).map_err(OpenError::reason)
}

/// One reading in each of two categories whose ids have the same length.
fn twins() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for id in ["desktop.a", "taskbar.a"] {
        snapshot.readings.insert(id.to_owned(), Reading::Set { value: Value::Bool(true) });
    }
    snapshot
}

/// What a person may see of a snapshot whose envelope was tampered with: what is there is as it was, and what is missing is reported.
fn assert_harmless(result: Result<Opened, Reason>, original: &Snapshot, what: &str) {
    let Ok(opened) = result else { return };
    assert!(!opened.damaged.is_empty(), "{what}: a change went unnoticed");
    for (id, reading) in &opened.snapshot.readings {
        assert_eq!(original.readings.get(id), Some(reading), "{what}: `{id}` was changed");
    }
    for id in original.readings.keys().filter(|id| !opened.snapshot.readings.contains_key(*id)) {
        let category = Category::from_word(id.split('.').next().unwrap()).unwrap();
        let reported = opened.damaged.iter().any(|(kind, _)| *kind == PartKind::Category(category));
        assert!(reported, "{what}: `{id}` is missing without a report");
    }
    let apps_reported = opened.damaged.iter().any(|(kind, _)| *kind == PartKind::Apps);
    assert!(apps_reported || opened.snapshot.apps == original.apps, "{what}: the apps were changed");
    let device_reported = opened.damaged.iter().any(|(kind, _)| *kind == PartKind::Device);
    assert!(device_reported || opened.snapshot.device == original.device, "{what}: the PC was changed");
}

#[test]
fn the_same_state_has_the_same_id_and_any_change_another() {
    let id = |snapshot: &Snapshot| Outline::of(snapshot, &id_key()).unwrap().snapshot;
    let mut changed = example();
    changed.apps.reverse();
    assert_eq!(id(&changed), id(&example()));
    changed.catalog_version += 1;
    assert_ne!(id(&changed), id(&example()));
    let mut changed = example();
    changed.readings.insert("taskbar.badges".to_owned(), Reading::Set { value: Value::Bool(false) });
    assert_ne!(id(&changed), id(&example()));
    let other_user = seal::IdKey::new(secret(33));
    assert_ne!(Outline::of(&example(), &other_user).unwrap().snapshot, id(&example()));
}

#[test]
fn one_changed_setting_sends_one_part() {
    let first = packed(&example());
    let mut next = example();
    next.readings.insert("taskbar.badges".to_owned(), Reading::Set { value: Value::Bool(true) });
    let outline = Outline::of(&next, &id_key()).unwrap();
    let known = |id: PartId| first.header.parts.iter().find(|part| part.id == id).map(|part| part.sealed_len);
    let second = pack(&outline, &ring(), &Stamp { seq: 43, ..stamp() }, &known, &Counter::default()).unwrap();
    let sent = Envelope::parse(&second.bytes).unwrap();
    assert_eq!(sent.parts.len(), 1);

    // Alone it opens to the one category, and names the others as missing.
    let alone = open(&sent, &owner(), &ring()).unwrap();
    assert_eq!(alone.snapshot.readings.len(), 2);
    assert!(alone.damaged.iter().all(|(_, reason)| *reason == Reason::PartsMissing));
    assert_eq!(alone.damaged.len(), 7);
    assert_eq!((alone.snapshot.catalog_version, alone.snapshot.device.name.as_str()), (7, "ADA-BOOK"));

    // With the parts that the server kept it is whole.
    let before = Envelope::parse(&first.bytes).unwrap();
    let find = |id: PartId| *sent.parts.iter().chain(&before.parts).find(|(other, _)| *other == id).unwrap();
    let parts: Vec<_> = sent.header.parts.iter().map(|part| find(part.id)).collect();
    let whole = Envelope::assemble(sent.header_bytes, &sent.header_tag, &parts);
    let whole = opened(&whole).unwrap();
    assert_eq!((whole.snapshot, whole.damaged), (next, vec![]));
}

#[test]
fn sealing_twice_gives_other_bytes_of_the_same_length() {
    let outline = Outline::of(&example(), &id_key()).unwrap();
    let random = Counter::default();
    let [one, two] = [(); 2].map(|()| pack(&outline, &ring(), &stamp(), &|_| None, &random).unwrap());
    assert_eq!(one.header_bytes, two.header_bytes);
    assert_ne!(one.bytes, two.bytes);
}

#[test]
fn no_value_and_no_app_is_readable_in_an_envelope() {
    let bytes = packed(&example()).bytes;
    for secret in ["Contoso", "Notes", "de-CH", "left", "taskbar", "26100", "Enterprise", "cursors"] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "`{secret}` can be read");
    }
}

#[test]
fn every_changed_byte_is_refused_or_costs_one_reported_part() {
    let bytes = packed(&example()).bytes;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert_harmless(opened(&changed), &example(), &format!("byte {at}"));
    }
}

#[test]
fn every_changed_bit_of_a_small_one_is_refused_or_costs_one_reported_part() {
    let bytes = packed(&twins()).bytes;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let result = opened(&changed);
            let lost = result.as_ref().map_or(1, |opened| opened.damaged.len());
            assert_eq!(lost, 1, "byte {at}, bit {bit}");
            assert_harmless(result, &twins(), &format!("byte {at}, bit {bit}"));
        }
    }
}

#[test]
fn an_envelope_cut_anywhere_is_refused() {
    let bytes = packed(&example()).bytes;
    for len in 0..bytes.len() {
        assert_eq!(opened(&bytes[..len]), Err(Reason::Truncated), "{len}");
    }
}

#[test]
fn parts_swapped_by_the_server_are_refused() {
    let bytes = packed(&twins()).bytes;
    let mut envelope = Envelope::parse(&bytes).unwrap();
    assert_eq!(envelope.parts[1].1.len(), envelope.parts[2].1.len());
    let (one, two) = (envelope.parts[1].1, envelope.parts[2].1);
    envelope.parts[1].1 = two;
    envelope.parts[2].1 = one;
    let opened = open(&envelope, &owner(), &ring()).unwrap();
    let desktop = (PartKind::Category(Category::Desktop), Reason::IntegrityFailed);
    let taskbar = (PartKind::Category(Category::Taskbar), Reason::IntegrityFailed);
    assert_eq!(opened.damaged, [desktop, taskbar]);
    assert!(opened.snapshot.readings.is_empty());
}

#[test]
fn a_part_of_an_older_snapshot_cannot_stand_in() {
    let mut older = twins();
    older.readings.insert("taskbar.a".to_owned(), Reading::Set { value: Value::Bool(false) });
    let (older, newer) = (packed(&older).bytes, packed(&twins()).bytes);
    let (older, mut newer) = (Envelope::parse(&older).unwrap(), Envelope::parse(&newer).unwrap());
    newer.parts[2].1 = older.parts[2].1;
    let opened = open(&newer, &owner(), &ring()).unwrap();
    assert_eq!(opened.damaged, [(PartKind::Category(Category::Taskbar), Reason::IntegrityFailed)]);
    // Nor under its own id: the header does not list it.
    newer.parts[2] = older.parts[2];
    let bytes = Envelope::assemble(newer.header_bytes, &newer.header_tag, &newer.parts);
    assert!(Envelope::parse(&bytes).is_err());
}

#[test]
fn an_envelope_of_somebody_else_is_refused() {
    let bytes = packed(&example()).bytes;
    let envelope = Envelope::parse(&bytes).unwrap();
    let other_user = Owner { user: UserId([9; 16]), ..owner() };
    let other_tenant = Owner { tenant: TenantId([9; 16]), ..owner() };
    let other_profile = Owner { profile: ProfileId([9; 16]), ..owner() };
    assert_eq!(open(&envelope, &other_user, &ring()), Err(OpenError::OtherAccount));
    assert_eq!(open(&envelope, &other_tenant, &ring()), Err(OpenError::OtherAccount));
    let error = open(&envelope, &other_profile, &ring()).unwrap_err();
    assert_eq!(
        (error, error.reason()),
        (OpenError::OtherProfile { profile: ProfileId([0x44; 16]) }, Reason::IntegrityFailed,)
    );
}

#[test]
fn a_header_rewritten_for_somebody_else_is_refused() {
    let bytes = packed(&example()).bytes;
    let envelope = Envelope::parse(&bytes).unwrap();
    let mine = Owner { profile: ProfileId([9; 16]), ..owner() };
    let rewritten = Header { profile: mine.profile, ..envelope.header.clone() }.to_bytes().unwrap();
    let forged = Envelope::assemble(&rewritten, &envelope.header_tag, &envelope.parts);
    let forged = Envelope::parse(&forged).unwrap();
    assert_eq!(open(&forged, &mine, &ring()), Err(OpenError::HeaderChanged));
    // Even a tag by the right key does not help: each part is bound to its owner.
    let outline = Outline::of(&example(), &id_key()).unwrap();
    let lens = |id| envelope.header.parts.iter().find(|part| part.id == id).map(|part| part.sealed_len);
    let own = pack(&outline, &ring(), &Stamp { owner: mine, ..stamp() }, &lens, &Counter::default()).unwrap();
    let own = Envelope::parse(&own.bytes).unwrap();
    let mixed = Envelope { parts: envelope.parts.clone(), ..own };
    let opened = open(&mixed, &mine, &ring()).unwrap();
    assert_eq!(opened.damaged.len(), 8);
    assert!(opened.damaged.iter().all(|(_, reason)| *reason == Reason::IntegrityFailed));
}

#[test]
fn a_wrong_key_is_told_from_damage() {
    let bytes = packed(&example()).bytes;
    let envelope = Envelope::parse(&bytes).unwrap();
    let other = KeyRing::new(KeyId([1; 16]), vec![Key::new(KeyId([1; 16]), secret(7))], id_key()).unwrap();
    let wrong_key = OpenError::WrongKey { key: KeyId([0x66; 16]) };
    assert_eq!(open(&envelope, &owner(), &other), Err(wrong_key));
    let same_name = KeyRing::new(KeyId([0x66; 16]), vec![Key::new(KeyId([0x66; 16]), secret(7))], id_key()).unwrap();
    assert_eq!(open(&envelope, &owner(), &same_name), Err(wrong_key));
    assert_eq!(wrong_key.reason(), Reason::WrongKey);
    let other_ids = KeyRing::new(KeyId([0x66; 16]), vec![profile_key()], seal::IdKey::new(secret(1))).unwrap();
    assert_eq!(open(&envelope, &owner(), &other_ids), Err(OpenError::OtherContent));
    let changed_tag = Envelope { header_tag: [0; 32], ..envelope };
    assert_eq!(open(&changed_tag, &owner(), &ring()), Err(OpenError::HeaderChanged));
}

#[test]
fn parts_sealed_before_a_rotation_still_open_after_it() {
    let first = packed(&example());
    let keys = || vec![profile_key(), Key::new(KeyId([2; 16]), secret(100))];
    let rotated = KeyRing::new(KeyId([2; 16]), keys(), id_key()).unwrap();
    let mut next = example();
    next.readings.insert("taskbar.badges".to_owned(), Reading::Absent);
    let outline = Outline::of(&next, &id_key()).unwrap();
    let known = |id: PartId| first.header.parts.iter().find(|part| part.id == id).map(|part| part.sealed_len);
    let second = pack(&outline, &rotated, &stamp(), &known, &Counter::default()).unwrap();
    let (first, second) = (Envelope::parse(&first.bytes).unwrap(), Envelope::parse(&second.bytes).unwrap());
    assert_eq!(second.header.key, KeyId([2; 16]));
    let parts = [first.parts.as_slice(), second.parts.as_slice()].concat();
    let whole = Envelope { parts, ..second };
    assert_eq!(open(&whole, &owner(), &rotated).unwrap().snapshot, next);
    // A ring from which the old key was destroyed opens what came after, and says why the rest is gone.
    let without = KeyRing::new(KeyId([2; 16]), vec![Key::new(KeyId([2; 16]), secret(100))], id_key()).unwrap();
    let rest = open(&whole, &owner(), &without).unwrap();
    assert_eq!(rest.snapshot.readings.len(), 2);
    assert!(rest.damaged.iter().all(|(_, reason)| *reason == Reason::WrongKey));
}

#[test]
fn a_ring_survives_the_api_and_shows_no_secret() {
    let answer = ring().to_api();
    let again = KeyRing::from_api(&answer).unwrap();
    assert_eq!(again.current().secret().expose(), profile_key().secret().expose());
    assert_eq!(again.id_key().secret().expose(), id_key().secret().expose());
    assert!(!format!("{answer:?}").contains("000102"));
    let mut wrong = ring().to_api();
    wrong.keys[0].1.pop();
    assert!(KeyRing::from_api(&wrong).is_err());
    let mut wrong = ring().to_api();
    wrong.current = KeyId([9; 16]);
    assert!(KeyRing::from_api(&wrong).is_err());
    let mut wrong = ring().to_api();
    wrong.keys.push(wrong.keys[0].clone());
    assert!(KeyRing::from_api(&wrong).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_snapshot_comes_back_sealed(snapshot in any_snapshot()) {
        let bytes = packed(&snapshot).bytes;
        let opened = opened(&bytes).unwrap();
        prop_assert_eq!(opened.snapshot, snapshot);
        prop_assert!(opened.damaged.is_empty() && opened.unknown_kinds.is_empty());
    }

    #[test]
    fn any_changes_are_harmless(
        snapshot in any_snapshot(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
    ) {
        let original = packed(&snapshot).bytes;
        let mut bytes = original.clone();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        if bytes != original {
            assert_harmless(opened(&bytes), &snapshot, "changed");
        }
    }
}
