//! Devices, their keys, the tokens that let them in, and how two PCs that back up as one are found.

use std::sync::Arc;
use std::sync::mpsc::channel;

use crate::support::{Made, NOW, enroll, id16, id32, new_device, place, print, sign, tenant, user};
use model::envelope::Envelope;
use model::ids::UserId;
use model::world::Moment;
use store::blobs::MemoryBlobs;
use store::{Account, CommitError, DeviceState, EnrollError, NewEnrolmentToken, Revoked, Scope, Store, TenantScope};

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    operator: TenantScope,
    ada: Account,
    bob: Account,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&place(&folder.path().join("rehome.db")), Arc::new(MemoryBlobs::default()), NOW).unwrap();
    tenant(&store, "default", 1);
    let (ada, bob) = (user(&store, "default", "ada", 1), user(&store, "default", "bob", 2));
    let operator = store.operator("default").unwrap().unwrap();
    World { _folder: folder, store, operator, ada, bob }
}

impl World {
    fn token(&self, number: u64, change: impl FnOnce(&mut NewEnrolmentToken)) -> bool {
        let mut new = NewEnrolmentToken {
            id: id16("token", number),
            hash: id32("token", number),
            note: "imaging".to_owned(),
            user: None,
            approval: false,
            uses_max: 1,
            expires_at: NOW.plus_millis(1000),
        };
        change(&mut new);
        self.store.create_enrolment_token(&self.operator, new, NOW).unwrap()
    }

    /// A backup with this number by a PC that says it knows the number `base`.
    fn commit(&self, pc: &Scope, seq: u64, base: Option<u64>) -> Result<bool, CommitError> {
        let made = Made::new(pc, seq, &[(seq * 100 + base.unwrap_or(0), 10)], &[]);
        let bytes = bytes::Bytes::from(made.envelope(|_| true));
        let (answer, wait) = channel();
        let done = move |result| answer.send(result).unwrap();
        self.store.commit_then(pc, (&bytes, &Envelope::parse(&bytes).unwrap(), base), (NOW, sign()), done);
        wait.recv().unwrap().map(|committed| committed.new)
    }

    fn state(&self, pc: &Scope) -> DeviceState {
        let devices = self.store.devices(&self.operator).unwrap();
        devices.iter().find(|device| device.id == pc.device()).unwrap().state
    }
}

#[test]
fn the_same_pc_of_the_same_user_stays_the_same_device_with_another_key() {
    let world = world();
    let first = enroll(&world.store, &world.ada, new_device(1, Some(7)), None, NOW).unwrap();
    let again = enroll(&world.store, &world.ada, new_device(2, Some(7)), None, NOW).unwrap();
    assert_eq!((again.device(), again.profile()), (first.device(), first.profile()));
    assert!(world.store.authenticate(print(1)).unwrap().is_none(), "the old key is nobody's");
    assert_eq!(world.store.authenticate(print(2)).unwrap().unwrap().scope, again);
    // Another user of the PC, another PC, and a PC that does not know itself are devices of their own.
    let others = [
        enroll(&world.store, &world.bob, new_device(3, Some(7)), None, NOW).unwrap(),
        enroll(&world.store, &world.ada, new_device(4, Some(8)), None, NOW).unwrap(),
        enroll(&world.store, &world.ada, new_device(5, None), None, NOW).unwrap(),
        enroll(&world.store, &world.ada, new_device(6, None), None, NOW).unwrap(),
    ];
    let mut ids: Vec<_> = others.iter().chain([&first]).map(Scope::device).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    // One that was withdrawn stays so.
    assert_eq!(world.store.revoke(&world.operator, Revoked::Device(first.device()), NOW).unwrap(), 1);
    let after = enroll(&world.store, &world.ada, new_device(7, Some(7)), None, NOW).unwrap();
    assert_ne!(after.device(), first.device());
    assert_eq!(world.state(&first), DeviceState::Revoked);
}

#[test]
fn a_key_belongs_to_one_pc_and_asking_twice_with_it_is_asking_once() {
    let world = world();
    let first = enroll(&world.store, &world.ada, new_device(1, Some(7)), None, NOW).unwrap();
    assert_eq!(enroll(&world.store, &world.ada, new_device(1, Some(7)), None, NOW).unwrap(), first);
    assert_eq!(world.store.devices(&world.operator).unwrap().len(), 1);
    let cloned = enroll(&world.store, &world.ada, new_device(1, Some(8)), None, NOW);
    assert!(matches!(cloned, Err(EnrollError::OtherMachine)), "{cloned:?}");
    let stolen = enroll(&world.store, &world.bob, new_device(1, Some(7)), None, NOW);
    assert!(matches!(stolen, Err(EnrollError::KeyInUse)), "{stolen:?}");
    world.store.revoke(&world.operator, Revoked::All, NOW).unwrap();
    let revived = enroll(&world.store, &world.ada, new_device(1, Some(7)), None, NOW);
    assert!(matches!(revived, Err(EnrollError::KeyInUse)), "{revived:?}");
}

#[test]
fn access_is_withdrawn_from_one_from_one_users_and_from_all() {
    let world = world();
    let ada: Vec<Scope> =
        (1..4).map(|n| enroll(&world.store, &world.ada, new_device(n, None), None, NOW).unwrap()).collect();
    let bob = enroll(&world.store, &world.bob, new_device(9, None), None, NOW).unwrap();
    let revoke = |whose| world.store.revoke(&world.operator, whose, NOW).unwrap();
    assert_eq!(revoke(Revoked::Device(ada[0].device())), 1);
    assert_eq!(revoke(Revoked::User(world.ada.user)), 2);
    assert_eq!(revoke(Revoked::User(UserId([9; 16]))), 0);
    assert_eq!(world.state(&bob), DeviceState::Active);
    assert_eq!(revoke(Revoked::All), 1);
    assert!(world.store.authenticate(print(9)).unwrap().is_none());
    assert!(!world.store.change_key(&bob, new_device(10, None).device_key, NOW).unwrap());
}

#[test]
fn a_key_changes_in_its_place() {
    let world = world();
    let pc = enroll(&world.store, &world.ada, new_device(1, None), None, NOW).unwrap();
    enroll(&world.store, &world.ada, new_device(2, None), None, NOW).unwrap();
    assert!(!world.store.change_key(&pc, new_device(2, None).device_key, NOW).unwrap(), "another device has it");
    assert!(world.store.change_key(&pc, new_device(3, None).device_key, NOW.plus_millis(5)).unwrap());
    assert!(world.store.authenticate(print(1)).unwrap().is_none());
    let holder = world.store.authenticate(print(3)).unwrap().unwrap();
    assert_eq!((holder.scope, holder.key_made_at), (pc, NOW.plus_millis(5)));
}

#[test]
fn a_token_lets_in_as_often_and_as_long_as_it_says() {
    let world = world();
    world.token(1, |token| token.uses_max = 2);
    let find = |key, at| world.store.find_token(&id32("token", 1), print(key), at).unwrap();
    assert!(world.store.find_token(&id32("token", 2), print(1), NOW).unwrap().is_none());
    assert!(find(1, NOW.plus_millis(1000)).is_none(), "expired");
    for key in [1, 2] {
        let token = find(key, NOW).unwrap();
        enroll(&world.store, &world.ada, new_device(key, None), Some(&token), NOW).unwrap();
    }
    let stale = world.store.find_token(&id32("token", 1), print(3), NOW).unwrap();
    assert!(stale.is_none(), "used up");
    // Whoever found it before it was used up is refused all the same.
    world.token(3, |_| {});
    let found = world.store.find_token(&id32("token", 3), print(4), NOW).unwrap().unwrap();
    enroll(&world.store, &world.ada, new_device(4, None), Some(&found), NOW).unwrap();
    let refused = enroll(&world.store, &world.ada, new_device(5, None), Some(&found), NOW);
    assert!(matches!(refused, Err(EnrollError::TokenRefused)), "{refused:?}");
    assert!(world.store.revoke_enrolment_token(&world.operator, id16("token", 1), NOW).unwrap());
    assert!(!world.store.revoke_enrolment_token(&world.operator, id16("token", 1), NOW).unwrap());
    let listed = world.store.enrolment_tokens(&world.operator).unwrap();
    let of = |number| listed.iter().find(|token| token.id == id16("token", number)).unwrap();
    assert!(of(1).revoked && of(1).uses == 2 && !of(3).revoked && of(3).uses == 1);
    assert!(!world.token(9, |token| token.user = Some(UserId([9; 16]))), "nobody has that id");
}

#[test]
fn a_pc_waits_once_until_somebody_says_yes() {
    let world = world();
    world.token(1, |token| token.approval = true);
    let find = |key| world.store.find_token(&id32("token", 1), print(key), NOW).unwrap();
    let token = find(1).unwrap();
    assert!(!world.store.wait(&token, (print(1), "PC"), NOW).unwrap());
    assert!(!world.store.wait(&find(1).unwrap(), (print(1), "PC"), NOW).unwrap(), "counted once");
    assert!(find(2).is_none(), "used up, for another PC");
    assert_eq!(world.store.waiting(&world.operator, print(1)).unwrap(), Some(false));
    assert!(world.store.approve(&world.operator, print(1), NOW).unwrap());
    assert!(!world.store.approve(&world.operator, print(1), NOW).unwrap());
    let listed = world.store.waiting_devices(&world.operator).unwrap();
    assert_eq!(listed.iter().map(|pc| (pc.name.as_str(), pc.approved)).collect::<Vec<_>>(), [("PC", true)]);
    assert!(world.store.wait(&token, (print(1), "PC"), NOW).unwrap());
    enroll(&world.store, &world.ada, new_device(1, None), Some(&token), NOW).unwrap();
    assert!(world.store.waiting_devices(&world.operator).unwrap().is_empty());
    assert_eq!(world.store.enrolment_tokens(&world.operator).unwrap()[0].uses, 1);
    // A token that is withdrawn takes those along who wait by it.
    world.token(2, |token| token.approval = true);
    let second = world.store.find_token(&id32("token", 2), print(5), NOW).unwrap().unwrap();
    world.store.wait(&second, (print(5), "PC"), NOW).unwrap();
    world.store.revoke_enrolment_token(&world.operator, id16("token", 2), NOW).unwrap();
    assert!(world.store.waiting_devices(&world.operator).unwrap().is_empty());
}

#[test]
fn two_pcs_that_back_up_as_one_are_found_and_only_read_until_somebody_decides() {
    let world = world();
    let pc = enroll(&world.store, &world.ada, new_device(1, Some(7)), None, NOW).unwrap();
    assert!(world.commit(&pc, 1, None).unwrap());
    assert!(world.commit(&pc, 2, Some(1)).unwrap());
    // A clone of the PC as it was at number 1. The first time it looks like a PC whose answer got lost.
    assert!(matches!(world.commit(&pc, 2, Some(1)), Ok(false)), "the very same backup again");
    assert!(world.commit(&pc, 3, Some(1)).unwrap());
    // The PC itself, which knows of number 2.
    let found = world.commit(&pc, 3, Some(2));
    assert!(matches!(found, Err(CommitError::Forked)), "{found:?}");
    world.store.mark_forked(&pc, NOW).unwrap();
    assert_eq!(world.state(&pc), DeviceState::Forked);
    assert!(world.store.authenticate(print(1)).unwrap().unwrap().forked);
    assert!(matches!(world.commit(&pc, 4, Some(3)), Err(CommitError::Forked)));
    assert!(world.store.accept_device(&world.operator, pc.device(), NOW).unwrap());
    assert!(!world.store.accept_device(&world.operator, pc.device(), NOW).unwrap());
    assert!(world.commit(&pc, 4, Some(2)).unwrap(), "whoever comes next counts");
    assert_eq!(world.state(&pc), DeviceState::Active);
}

#[test]
fn a_pc_whose_answers_get_lost_or_that_was_set_up_anew_is_no_fork() {
    let world = world();
    let pc = enroll(&world.store, &world.ada, new_device(1, None), None, NOW).unwrap();
    for (seq, base) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(1)), (5, Some(4)), (6, None), (7, Some(6))] {
        assert!(world.commit(&pc, seq, base).unwrap(), "{seq} on {base:?}");
    }
    // It asks with a number that was given meanwhile to a backup whose answer it never saw.
    let asked = world.commit(&pc, 7, Some(6));
    assert!(matches!(asked, Ok(false) | Err(CommitError::OutOfOrder { .. })), "{asked:?}");
    // A server that was set back knows less than its PC.
    assert!(world.commit(&pc, 8, Some(20)).unwrap());
}

/// `0001` and `0002` as they were shipped: there is data out there.
#[test]
fn data_of_before_devices_had_keys_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rehome.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    for sql in
        [include_str!("../../migrations/sqlite/0001_begin.sql"), include_str!("../../migrations/sqlite/0002_keep.sql")]
    {
        old.execute_batch(sql).unwrap();
    }
    old.execute_batch(
        "INSERT INTO tenants VALUES (1, x'01010101010101010101010101010101', 'default', 5);
         INSERT INTO users VALUES (1, 1, x'02020202020202020202020202020202', 'ada', '', 5);
         INSERT INTO keys (tenant, id, purpose, user_no, wrapped, created_at)
         VALUES (1, x'06060606060606060606060606060606', 1, NULL, x'07', 5), (1, x'08080808080808080808080808080808', 2, 1, x'09', 5);
         INSERT INTO devices (tenant, no, id, user_no, name, token_hash, created_at, seen_at)
         VALUES (1, 1, x'03030303030303030303030303030303', 1, 'PC', x'04', 5, 6);
         INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, next_part, next_blob, created_at)
         VALUES (1, 1, x'05050505050505050505050505050505', 1, 1, 0, 1, 1, 5);
         PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(old);
    let store = Store::open(&path, Arc::new(MemoryBlobs::default()), NOW).unwrap();
    let operator = store.operator("default").unwrap().unwrap();
    let devices = store.devices(&operator).unwrap();
    assert_eq!(devices.len(), 1);
    assert_eq!((devices[0].state, devices[0].level, devices[0].seen_at), (DeviceState::WithoutKey, None, Moment(6)));
    let ada = store.account("default", "ada").unwrap().unwrap();
    let pc = enroll(&store, &ada, new_device(1, Some(7)), None, NOW).unwrap();
    assert_eq!(store.profiles(&pc).unwrap().len(), 2, "what was backed up before is there to be restored");
}
