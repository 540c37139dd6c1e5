//! Bringing a snapshot to a scripted server: what is asked, what is said, and what is remembered.

use std::time::Duration;

use model::api::{Enrolled, Problem, ProfileKeys, SnapshotSummary};
use model::catalog::FileRole;
use model::envelope::delta::Delta;
use model::envelope::{BlobEntry, Envelope, Source};
use model::ids::{BlobId, DeviceId, KeyId, ProfileId, SnapshotId, TenantId, UserId};
use model::reason::Reason;
use model::receipt::Receipt;
use model::snapshot::{Again, App, AppKind, Snapshot};
use model::world::Moment;
use seal::content::Outline;
use seal::receipt::{ReceiptKey, header_hash};
use seal::{IdKey, Key, KeyRing, Owner, Secret, Stamp};

use super::deliver::{DeliverError, Delivered, Delivery, Has, Outcome};
use super::fake::{Dice, FakeWire, json, with_server};
use super::wire::Answer;
use crate::progress::Silent;
use crate::state::{Chosen, Enrolment, Remembered, State};

/// Length of a sealed file, in bytes: more than one piece.
const SEALED_LEN: u32 = 600 * 1024;

const OWNER: Owner = Owner { tenant: TenantId([1; 16]), user: UserId([2; 16]), profile: ProfileId([4; 16]) };

/// A PC with its state, its keys and the server's signing key.
struct Pc {
    _root: tempfile::TempDir,
    state: State,
    ring: KeyRing,
    server_key: ReceiptKey,
}

impl Pc {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let state = State::at(root.path(), "default").unwrap();
        let key = Key::new(KeyId([6; 16]), Secret::from_bytes(&[7; 32]));
        let ring = KeyRing::new(KeyId([6; 16]), vec![key], IdKey::new(Secret::from_bytes(&[8; 32]))).unwrap();
        Self { _root: root, state, ring, server_key: ReceiptKey::from_seed(&Secret::from_bytes(&[5; 32])) }
    }

    fn enrolment(&self) -> Enrolment {
        let text = |text: &str| text.to_owned();
        let chosen = Chosen {
            server: text("https://rehome.test"),
            allow_http: false,
            ca_pem: None,
            pin: None,
            user_name: text("ada"),
            device_name: text("PC"),
            key: (crate::key::tests::record(), Moment(0)),
            machine: None,
            person: None,
        };
        let keys = ProfileKeys { current: KeyId([6; 16]), keys: Vec::new(), id_key: text(""), sealed_for: None };
        let enrolled = Enrolled {
            tenant: OWNER.tenant,
            tenant_name: text("Example"),
            user: OWNER.user,
            user_name: String::new(),
            device: DeviceId([3; 16]),
            profile: OWNER.profile,
            receipt_key: model::ids::to_hex(&self.server_key.public_key()),
            keys,
        };
        Enrolment::new(chosen, enrolled).unwrap()
    }

    /// An outline with a picture, and the picture.
    fn with_picture(&self) -> (Outline, BlobEntry) {
        let mut outline = self.outline("picture");
        let (role, id) = (FileRole::Wallpaper.number(), BlobId([0xbb; 32]));
        let blob = BlobEntry { role, id, sealed_len: SEALED_LEN.into() };
        outline.blobs.push(blob);
        (outline, blob)
    }

    fn outline(&self, name: &str) -> Outline {
        let mut snapshot = Snapshot { catalog_version: 1, ..Snapshot::default() };
        snapshot.device.name = name.to_owned();
        // A part of its own, the same whatever the name is.
        let app = App {
            kind: AppKind::Store,
            id: "Contoso.Notes_8wekyb3d8bbwe".to_owned(),
            name: None,
            version: None,
            publisher: None,
            again: Again::default(),
        };
        snapshot.apps.push(app);
        Outline::of(&snapshot, self.ring.id_key()).unwrap()
    }

    fn stamp(seq: u64) -> Stamp {
        let (taken_at, source) = (Moment(1), Source::RegFile);
        Stamp { owner: OWNER, device: DeviceId([3; 16]), seq, taken_at, source, device_name: "PC".to_owned() }
    }

    /// What the server answers when it keeps the outline under `seq`.
    fn kept(&self, outline: &Outline, seq: u64, header_bytes: &[u8]) -> Answer {
        let receipt = Receipt {
            tenant: OWNER.tenant,
            profile: OWNER.profile,
            seq,
            snapshot: outline.snapshot,
            header_hash: header_hash(header_bytes),
            committed_at: Moment(2),
            epoch: 1,
        };
        Answer { status: 201, body: self.server_key.sign_alone(&receipt), ..Answer::default() }
    }

    fn header(&self, outline: &Outline, seq: u64) -> Vec<u8> {
        seal::pack(outline, &self.ring, &Self::stamp(seq), &|_| None, &Dice(9)).unwrap().header_bytes
    }

    fn bring(&self, wire: &FakeWire, outline: &Outline) -> Result<Delivered, DeliverError> {
        let enrolment = self.enrolment();
        let seal = |seq, known: &Has<'_>| seal::pack(outline, &self.ring, &Self::stamp(seq), known, &Dice(9));
        let sealed_file = |_| Ok(Box::new(std::io::Cursor::new(sealed_bytes())) as Box<dyn std::io::Read>);
        let (result, _): (_, Duration) = with_server(wire, |server| {
            Delivery {
                server,
                enrolment: &enrolment,
                state: &self.state,
                outline,
                seal: &seal,
                sealed_file: &sealed_file,
                progress: &Silent,
            }
            .bring()
        });
        result
    }

    /// Brings the outline to a server that keeps it under `seq`.
    fn backed_up(&self, outline: &Outline, seq: u64) {
        let answer = self.kept(outline, seq, &self.header(outline, seq));
        self.bring(&FakeWire::new([Ok(answer)]), outline).unwrap();
    }

    fn remembered_seq(&self) -> Option<u64> {
        match self.state.last_backup(&self.server_key.public_key()).unwrap() {
            Remembered::Last(last) => Some(last.receipt.seq),
            Remembered::Nothing | Remembered::Damaged => None,
        }
    }
}

/// What every file seals to in these tests: no two stretches alike.
fn sealed_bytes() -> Vec<u8> {
    (0..SEALED_LEN / 4).flat_map(u32::to_be_bytes).collect()
}

fn refusal(reason: Reason, fill: impl FnOnce(&mut Problem)) -> Answer {
    let mut problem = Problem::new(409, reason, "says the server");
    fill(&mut problem);
    json(409, &problem)
}

#[test]
fn a_first_backup_is_one_request_and_its_receipt_is_remembered() {
    let pc = Pc::new();
    let outline = pc.outline("first");
    let wire = FakeWire::new([Ok(pc.kept(&outline, 1, &pc.header(&outline, 1)))]);
    let delivered = pc.bring(&wire, &outline).unwrap();
    assert_eq!((delivered.outcome, delivered.receipt.seq), (Outcome::Kept, 1));
    assert_eq!(wire.asked(), ["Post /api/v1/backups"]);
    assert_eq!(pc.remembered_seq(), Some(1));
}

#[test]
fn nothing_changed_is_exactly_one_small_request() {
    let pc = Pc::new();
    let outline = pc.outline("same");
    pc.backed_up(&outline, 1);
    let wire = FakeWire::new([Ok(Answer { status: 304, ..Answer::default() })]);
    let delivered = pc.bring(&wire, &outline).unwrap();
    assert_eq!((delivered.outcome, delivered.sent_bytes), (Outcome::Unchanged, 0));
    assert_eq!(wire.asked().len(), 1);
    assert!(wire.asked()[0].starts_with("Get /api/v1/profiles/"));
}

#[test]
fn a_change_sends_only_the_parts_that_are_new() {
    let pc = Pc::new();
    let (first, second) = (pc.outline("first"), pc.outline("second"));
    pc.backed_up(&first, 1);
    let packed =
        |known: &dyn Fn(_) -> Option<u32>| seal::pack(&second, &pc.ring, &Pc::stamp(2), known, &Dice(9)).unwrap();
    let sealed_len = |id| packed(&|_| None).header.parts.iter().find(|part| part.id == id).map(|part| part.sealed_len);
    let expected = packed(&|id| first.parts.iter().any(|(part, _)| *part == id).then(|| sealed_len(id)).flatten());
    assert!(Envelope::parse(&expected.bytes).unwrap().parts.len() < second.parts.len());

    let wire = FakeWire::new([Ok(pc.kept(&second, 2, &expected.header_bytes))]);
    let delivered = pc.bring(&wire, &second).unwrap();
    let sent = wire.bodies().remove(0);
    let delta = Delta::parse(&sent).unwrap();
    assert_eq!((delta.base, delta.apply(&pc.header(&first, 1))), (1, Ok(expected.bytes)));
    assert_eq!(delivered.sent_bytes, sent.len() as u64);
    assert_eq!(pc.remembered_seq(), Some(2));
}

#[test]
fn an_envelope_goes_whole_when_the_server_cannot_use_the_delta() {
    let pc = Pc::new();
    let (first, second) = (pc.outline("first"), pc.outline("second"));
    pc.backed_up(&first, 1);
    let no_delta = json(400, &Problem::new(400, Reason::InvalidRequest, "snapshot 1, the delta's base, is not here"));
    let wire = FakeWire::new([Ok(no_delta), Ok(pc.kept(&second, 2, &pc.header(&second, 2)))]);
    let delivered = pc.bring(&wire, &second).unwrap();
    let sent = wire.bodies();
    assert!(Delta::parse(&sent[0]).is_ok() && Envelope::parse(&sent[1]).is_ok());
    assert_eq!(delivered.outcome, Outcome::Kept, "nothing was lost");
}

#[test]
fn a_whole_envelope_that_is_refused_is_not_sent_again() {
    let pc = Pc::new();
    let refused = || Ok(json(400, &Problem::new(400, Reason::InvalidRequest, "no")));
    let wire = FakeWire::new([refused()]);
    assert_eq!(pc.bring(&wire, &pc.outline("first")).unwrap_err().reason(), Reason::InvalidRequest);
}

#[test]
fn a_server_that_lost_the_newest_backup_gets_everything_again() {
    let pc = Pc::new();
    let outline = pc.outline("same");
    pc.backed_up(&outline, 7);
    let older = SnapshotSummary {
        snapshot: SnapshotId([0; 32]),
        profile: OWNER.profile,
        seq: 3,
        taken_at: Moment(0),
        committed_at: Moment(0),
        settings: 0,
        apps: 0,
        size_bytes: 0,
        rehearsed: None,
        kept: Vec::new(),
        kept_by: Vec::new(),
    };
    let wire = FakeWire::new([Ok(json(200, &older)), Ok(pc.kept(&outline, 8, &pc.header(&outline, 8)))]);
    let delivered = pc.bring(&wire, &outline).unwrap();
    assert_eq!((delivered.outcome, delivered.receipt.seq), (Outcome::Healed, 8));
    assert_eq!(
        delivered.sent_bytes,
        seal::pack(&outline, &pc.ring, &Pc::stamp(8), &|_| None, &Dice(9)).unwrap().bytes.len() as u64
    );
}

#[test]
fn parts_that_the_server_lacks_are_sent_and_that_is_told() {
    let pc = Pc::new();
    let (first, second) = (pc.outline("first"), pc.outline("second"));
    pc.backed_up(&first, 1);
    let shared = second.parts.iter().find(|(id, _)| first.parts.iter().any(|(old, _)| old == id)).unwrap().0;
    let wire = FakeWire::new([
        Ok(refusal(Reason::PartsMissing, |problem| problem.missing_parts.push(shared))),
        Ok(pc.kept(&second, 2, &pc.header(&second, 2))),
    ]);
    assert_eq!(pc.bring(&wire, &second).unwrap().outcome, Outcome::Healed);
}

#[test]
fn a_run_that_lost_its_record_goes_on_from_the_servers_number() {
    let pc = Pc::new();
    let outline = pc.outline("again");
    let wire = FakeWire::new([
        Ok(refusal(Reason::OutOfOrder, |problem| problem.latest_seq = Some(41))),
        Ok(pc.kept(&outline, 42, &pc.header(&outline, 42))),
    ]);
    let delivered = pc.bring(&wire, &outline).unwrap();
    assert_eq!((delivered.outcome, delivered.receipt.seq), (Outcome::Kept, 42));
}

#[test]
fn a_server_that_was_set_back_counts_from_where_it_is_and_that_is_told() {
    let pc = Pc::new();
    pc.backed_up(&pc.outline("first"), 7);
    let second = pc.outline("second");
    let wire = FakeWire::new([
        Ok(refusal(Reason::OutOfOrder, |problem| problem.latest_seq = Some(3))),
        Ok(pc.kept(&second, 4, &pc.header(&second, 4))),
    ]);
    let delivered = pc.bring(&wire, &second).unwrap();
    assert_eq!((delivered.outcome, delivered.receipt.seq), (Outcome::Healed, 4));
}

#[test]
fn a_server_that_repeats_itself_is_not_asked_forever() {
    let pc = Pc::new();
    let outline = pc.outline("loop");
    let stuck = || Ok(refusal(Reason::OutOfOrder, |problem| problem.latest_seq = Some(9)));
    let wire = FakeWire::new([stuck(), stuck()]);
    assert_eq!(pc.bring(&wire, &outline).unwrap_err().reason(), Reason::OutOfOrder);

    let restless = (1..=5).map(|seq| Ok(refusal(Reason::OutOfOrder, |problem| problem.latest_seq = Some(seq))));
    let wire = FakeWire::new(restless);
    assert_eq!(pc.bring(&wire, &outline).unwrap_err().reason(), Reason::OutOfOrder);
    assert_eq!(wire.asked().len(), 5);
}

#[test]
fn a_receipt_that_is_not_the_servers_is_refused_and_not_remembered() {
    let pc = Pc::new();
    let outline = pc.outline("forged");
    let good = pc.kept(&outline, 1, &pc.header(&outline, 1));
    let mut forged = good.clone();
    forged.body[20] ^= 1;
    let other = pc.kept(&pc.outline("other"), 1, b"header");
    for answer in [forged, other, Answer { body: b"thanks".to_vec(), ..good }] {
        let error = pc.bring(&FakeWire::new([Ok(answer)]), &outline).unwrap_err();
        assert_eq!(error.reason(), Reason::IntegrityFailed, "{error}");
        assert_eq!(pc.remembered_seq(), None);
    }
}

/// The answer of a server that has so much of a file.
fn has(offset: u32) -> Answer {
    Answer { status: 200, headers: vec![("upload-offset".to_owned(), offset.to_string())], body: Vec::new() }
}

#[test]
fn a_file_is_sent_before_the_envelope_and_from_where_it_stopped() {
    let pc = Pc::new();
    let (outline, blob) = pc.with_picture();
    let at = |offset: u32| Ok(has(offset));
    let ok = || Ok(Answer { status: 204, ..Answer::default() });
    let kept = || Ok(pc.kept(&outline, 1, b"another header"));
    let path = format!("/api/v1/profiles/{}/blobs/{}", OWNER.profile, blob.id);
    let put = |offset: u32| format!("Put {path} upload-offset={offset} upload-length=614400");

    let wire = FakeWire::new([Ok(Answer { status: 404, ..Answer::default() }), ok(), ok(), kept()]);
    pc.bring(&wire, &outline).unwrap();
    assert_eq!(wire.asked(), [format!("Head {path}"), put(0), put(524_288), "Post /api/v1/backups".to_owned()]);

    pc.state.forget_last_backup().unwrap();
    let wire = FakeWire::new([at(600_000), ok(), kept()]);
    pc.bring(&wire, &outline).unwrap();
    assert_eq!(wire.asked(), [format!("Head {path}"), put(600_000), "Post /api/v1/backups".to_owned()]);
    assert_eq!(wire.bodies()[1], sealed_bytes()[600_000..]);
}

/// A piece has arrived, whole or in part, and its answer has not: the wire tries again, and the server says that it is further.
#[test]
fn a_piece_whose_answer_got_lost_is_taken_for_sent_as_far_as_the_server_has_it() {
    let pc = Pc::new();
    let (outline, blob) = pc.with_picture();
    let at = |offset: u32| Ok(has(offset));
    let (ok, nothing) = (Answer { status: 204, ..Answer::default() }, Answer { status: 404, ..Answer::default() });
    let further = || Ok(refusal(Reason::OffsetMismatch, |_| ()));
    let path = format!("/api/v1/profiles/{}/blobs/{}", OWNER.profile, blob.id);
    let put = |offset: u32| format!("Put {path} upload-offset={offset} upload-length=614400");
    let (head, post) = (format!("Head {path}"), "Post /api/v1/backups".to_owned());

    let kept = Ok(pc.kept(&outline, 1, b"another header"));
    let script = [Ok(nothing.clone()), further(), at(524_288), Ok(ok.clone()), kept];
    let wire = FakeWire::new(script);
    pc.bring(&wire, &outline).unwrap();
    assert_eq!(wire.asked(), [&head, &put(0), &head, &put(524_288), &post].map(Clone::clone));

    pc.state.forget_last_backup().unwrap();
    let kept = Ok(pc.kept(&outline, 1, b"another header"));
    let script = [Ok(nothing.clone()), further(), at(100_000), Ok(ok.clone()), Ok(ok), kept];
    let wire = FakeWire::new(script);
    pc.bring(&wire, &outline).unwrap();
    assert_eq!(wire.asked(), [&head, &put(0), &head, &put(100_000), &put(524_288), &post].map(Clone::clone));
    assert_eq!(wire.bodies()[3], sealed_bytes()[100_000..524_288]);

    // Not further, or further than the piece: this is something else, and is said.
    for elsewhere in [0, 600_000] {
        let wire = FakeWire::new([Ok(nothing.clone()), further(), at(elsewhere)]);
        pc.state.forget_last_backup().unwrap();
        assert_eq!(pc.bring(&wire, &outline).unwrap_err().reason(), Reason::OffsetMismatch);
    }
}
