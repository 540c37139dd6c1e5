//! A move to another organisation that is cut off at any step: it is in one place or in the other, whole, and doing it again finishes it.

mod cut;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::{Made, NOW, id16, id32, place};
use model::api::SealedFor;
use model::envelope::Envelope;
use model::ids::{ApprovalId, BlobId, InvitationId, KeyId, TenantId};
use model::permission::Permission;
use store::blobs::{BlobKey, Blobs, MemoryBlobs};
use store::{
    AdminError, Approval, Moving, NewInvitation, NewMove, Piece, Scope, Sending, State, Store, StoreError, TenantScope,
    View, WrappedKey,
};

/// Blobs on a disk that stops working after so many operations, and stays so until somebody turns it on again.
#[derive(Default)]
struct Failing {
    inner: MemoryBlobs,
    left: AtomicI64,
}

impl Failing {
    fn step(&self) -> Result<(), StoreError> {
        let gone = std::io::Error::other("the disk is gone");
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 { Ok(()) } else { Err(StoreError::io("blobs")(gone)) }
    }

    fn works_for(&self, operations: i64) {
        self.left.store(operations, Ordering::SeqCst);
    }
}

impl Blobs for Failing {
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError> {
        self.step()?;
        self.inner.append(key, offset, piece)
    }

    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.step()?;
        self.inner.finish(key, length)
    }

    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.step()?;
        self.inner.read(key, offset, len)
    }

    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        self.inner.check(key)
    }

    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.inner.remove_all(tenant)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.step()?;
        self.inner.remove(key)
    }
}

struct World {
    store: Store,
    blobs: Arc<Failing>,
    here: TenantScope,
    there: TenantScope,
    old: Scope,
    new: Scope,
    sent: Approval,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Arc::new(Failing::default());
    blobs.works_for(1_000_000);
    let shared: Arc<dyn Blobs> = Arc::<Failing>::clone(&blobs);
    let store = Store::open(&place(&folder.path().join("db")), shared, NOW).unwrap();
    let Furnished { here, there, old, new, sent } = furnish(&store);
    World { store, blobs, here, there, old, new, sent, _folder: folder }
}

struct Furnished {
    here: TenantScope,
    there: TenantScope,
    old: Scope,
    new: Scope,
    sent: Approval,
}

/// Two organisations; a profile of the first with two snapshots and two files, asked for and approved on both sides.
fn furnish(store: &Store) -> Furnished {
    for (name, number) in [("here", 1), ("there", 2)] {
        crate::support::tenant(store, name, number);
        crate::support::user(store, name, "ada", number);
    }
    let scope = |name: &str| store.operator(name).unwrap().unwrap();
    let (here, there) = (scope("here"), scope("there"));
    let old = crate::support::device(store, &store.account("here", "ada").unwrap().unwrap(), 11);
    let new = crate::support::device(store, &store.account("there", "ada").unwrap().unwrap(), 12);
    for seq in 1..=2 {
        let piece = Piece { blob: BlobId(id32("blob", seq)), offset: 0, length: 4, bytes: b"blob" };
        assert!(store.put_piece(&old, &piece, NOW).unwrap().complete);
        let made = Made::new(&old, seq, &[(seq, 300), (9, 50)], &[(seq, 4)]).envelope(|_| true);
        store.commit(&old, &Envelope::parse(&made).unwrap(), NOW, crate::support::sign()).unwrap();
    }
    let to_user = new.user();
    let invited =
        NewInvitation { id: InvitationId(id16("invitation", 1)), hash: [5; 32], to_user, note: String::new() };
    store.invite(&View::operator(&there), invited, NOW).unwrap();
    let (id, their_id) = (ApprovalId(id16("approval", 1)), ApprovalId(id16("approval", 2)));
    let wish = NewMove { id, their_id, profile: old.profile(), hash: [5; 32], note: String::new() };
    store.ask_to_move(&View::operator(&here), wish, NOW).unwrap();
    // Nobody else is there to decide, so the delay does.
    let approved = store.settle_approvals(NOW.plus_millis(store::ALONE_MILLIS)).unwrap();
    assert_eq!(approved.len(), 2);
    let sent = store.approval(&here, id).unwrap().unwrap();
    assert!(sent.is_half() && sent.kind == Permission::ProfileRehome.word());
    Furnished { here, there, old, new, sent }
}

/// Moves the profile of `old` to the account of `new`, which the other organisation has asked for.
fn send(
    store: &Store,
    (here, old): (&TenantScope, &Scope),
    (there, new): (&TenantScope, &Scope),
    (approval, attempt): (ApprovalId, i64),
) -> Result<u64, AdminError> {
    let found = store.keys_to_send(here, old.profile(), (there, new.user()))?.ok_or(AdminError::NotFound)?;
    let parent = Some(found.new_chain.user[0].id);
    let wrap = |key: &WrappedKey| WrappedKey { id: key.id, parent, wrapped: vec![8; 77] };
    let moving = Moving {
        profile: old.profile(),
        from: found.user,
        to: new.user(),
        keys: found.chain.profile.iter().map(wrap).collect(),
        origin: WrappedKey { id: KeyId(id16("origin", 1)), parent, wrapped: vec![9; 77] },
        sealed_for: SealedFor { tenant: old.tenant(), user: old.user() },
    };
    let sending = Sending { moving, approval, generation: attempt };
    store.send_profile(here, sending, World::later())
}

impl World {
    fn later() -> model::world::Moment {
        NOW.plus_millis(store::ALONE_MILLIS + 1)
    }

    fn send(&self, attempt: i64) -> Result<u64, AdminError> {
        let (from, to) = ((&self.here, &self.old), (&self.there, &self.new));
        send(&self.store, from, to, (self.sent.id, attempt))
    }

    /// Snapshots and bytes of a file of the profile, for each of the two people.
    fn seen(&self) -> [Option<(usize, Option<Vec<u8>>)>; 2] {
        [&self.old, &self.new].map(|scope| {
            let listed = self.store.snapshots(scope, self.old.profile()).unwrap();
            let of = (self.old.profile(), BlobId(id32("blob", 2)));
            listed.map(|listed| (listed.len(), self.store.read_blob(scope, of, 0, 99).unwrap()))
        })
    }

    /// Copies and originals: generation 1 are the originals, any other was made by an attempt.
    fn copies(&self, attempts: i64) -> usize {
        let key = |blob: u64, generation: i64| BlobKey {
            tenant: self.new.tenant(),
            profile: self.old.profile(),
            blob: BlobId(id32("blob", blob)),
            generation,
        };
        let all = (1..=2).flat_map(|blob| (1..=attempts).map(move |attempt| key(blob, 100 + attempt)));
        all.filter(|key| self.blobs.check(key).unwrap().is_some()).count()
    }
}

#[test]
fn wherever_it_is_cut_off_the_profile_is_whole_in_one_place_and_the_next_attempt_moves_it() {
    let world = world();
    let whole = Some((2, Some(b"blob".to_vec())));
    let mut attempt = 0;
    loop {
        attempt += 1;
        assert!(attempt < 50, "it never works");
        world.blobs.works_for(attempt - 1);
        let sent = world.send(100 + attempt);
        world.blobs.works_for(1_000_000);
        if let Err(error) = sent {
            assert!(matches!(error, AdminError::Store(StoreError::Io { .. })), "{error}");
            assert_eq!(world.seen(), [whole.clone(), None], "attempt {attempt}");
            continue;
        }
        break;
    }
    assert!(attempt > 4, "it was cut off while it copied: {attempt}");
    assert_eq!(world.seen()[1], whole);
    assert!(world.copies(attempt) >= 2);
    // What the attempts before have left goes by itself, and nothing else does.
    world.store.sweep(World::later().plus_millis(7 * 60 * 60 * 1000)).unwrap();
    assert_eq!(world.copies(attempt), 2);
    let nothing = Some((0, None));
    assert_eq!(world.seen(), [nothing, whole], "the PC that it was remembers its name for seconds, and finds nothing");
    assert_eq!(world.store.profiles(&world.old).unwrap().len(), 0, "not even that it was there");
    assert_eq!(world.store.verify(&crate::support::signed).unwrap().findings, Vec::<String>::new());
    assert!(matches!(world.send_again(), Err(AdminError::NotFound | AdminError::Invalid(_))), "once");
}

impl World {
    /// The same act once more, with keys that are made up.
    fn send_again(&self) -> Result<u64, AdminError> {
        let moving = Moving {
            profile: self.old.profile(),
            from: self.old.user(),
            to: self.new.user(),
            keys: Vec::new(),
            origin: WrappedKey { id: KeyId(id16("origin", 2)), parent: None, wrapped: vec![9; 77] },
            sealed_for: SealedFor { tenant: self.old.tenant(), user: self.old.user() },
        };
        self.store.send_profile(&self.here, Sending { moving, approval: self.sent.id, generation: 7 }, Self::later())
    }
}

#[test]
fn keys_or_files_that_changed_meanwhile_are_not_left_behind() {
    let world = world();
    let found =
        world.store.keys_to_send(&world.here, world.old.profile(), (&world.there, world.new.user())).unwrap().unwrap();
    let moving = Moving {
        profile: world.old.profile(),
        from: found.user,
        to: world.new.user(),
        // One key is missing: it came while the others were wrapped.
        keys: Vec::new(),
        origin: WrappedKey {
            id: KeyId(id16("origin", 1)),
            parent: Some(found.new_chain.user[0].id),
            wrapped: vec![9; 77],
        },
        sealed_for: SealedFor { tenant: world.old.tenant(), user: world.old.user() },
    };
    let sending = Sending { moving, approval: world.sent.id, generation: 101 };
    let refused = world.store.send_profile(&world.here, sending, World::later());
    assert!(matches!(refused, Err(AdminError::Again)), "{refused:?}");
    assert_eq!((world.copies(1), world.seen()[1].clone()), (0, None), "and no copy is left");
    // A snapshot that comes before the move goes along.
    let made = Made::new(&world.old, 3, &[(9, 50)], &[]).envelope(|_| true);
    world.store.commit(&world.old, &Envelope::parse(&made).unwrap(), NOW, crate::support::sign()).unwrap();
    assert_eq!(world.send(102).unwrap(), 3);
    assert_eq!(world.store.latest(&world.new, world.old.profile()).unwrap().unwrap().unwrap().seq, 3);
    assert_eq!(world.store.verify(&crate::support::signed).unwrap().findings, Vec::<String>::new());
}

#[test]
fn half_an_approval_moves_nothing_whoever_calls() {
    let world = world();
    let theirs = ApprovalId(id16("approval", 2));
    assert!(world.store.finish_approval(&world.there, theirs, (false, "no".to_owned()), NOW).unwrap());
    let refused = world.send(101);
    assert!(matches!(refused, Err(AdminError::Invalid(_))), "{refused:?}");
    let ours = world.store.approval(&world.here, world.sent.id).unwrap().unwrap();
    assert_eq!((ours.state, ours.outcome.as_deref()), (State::Failed, Some("no")));
    assert_eq!((world.copies(1), world.seen()[1].clone()), (0, None));
}
