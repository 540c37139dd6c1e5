//! The road from end to end, with a server in memory: backed up from one PC, restored to another, taken back.
#![expect(clippy::disallowed_methods, reason = "the PCs of these tests are plain files")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use model::api::{Enrolled, Problem, ProfileKeys};
use model::catalog::Effect;
use model::envelope::Envelope;
use model::envelope::delta::Delta;
use model::ids::{DeviceId, KeyId, PartId, ProfileId, TenantId, UserId, to_hex};
use model::plan::SettingAction;
use model::reason::Reason;
use model::receipt::Receipt;
use model::world::{Clock, Moment};
use seal::Secret;
use seal::receipt::{ReceiptKey, header_hash};

use crate::apply::journal::FolderJournals;
use crate::apply::{NotRestarted, Picture, Work, undo};
use crate::apps::Listed;
use crate::backup::{BackedUp, Backup, BackupError};
use crate::facts::Known;
use crate::folder::Below;
use crate::input::Input;
use crate::list::FetchError;
use crate::own_files::lock_screen::Shown;
use crate::own_files::{Content, OwnFiles};
use crate::picture::tests::a_jpeg;
use crate::plan::Choice;
use crate::progress::{Progress, Silent, Station};
use crate::registry::MemoryRegistry;
use crate::rehearse::{Depth, Found, Rehearse, RehearseError, is_due};
use crate::restore::{PreviewError, Restore, Wish};
use crate::state::{Chosen, Enrolment, State};
use crate::target::{Effects, LivePc, LivePictures, RegTarget, RestoreTarget};
use crate::upload::address::Address;
use crate::upload::deliver::Outcome;
use crate::upload::fake::{Dice, json};
use crate::upload::server::{Patience, Server};
use crate::upload::wire::{Answer, Method, Request, Wire, WireError};

const OLD_PC: &str = "Windows Registry Editor Version 5.00\r\n\r\n\
    [HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Advanced]\r\n\
    \"TaskbarAl\"=dword:00000000\r\n\
    \"Hidden\"=dword:00000001\r\n\r\n\
    [HKEY_CURRENT_USER\\Control Panel\\Desktop]\r\n\
    \"WallPaper\"=\"C:\\\\Users\\\\ada\\\\lake.jpg\"\r\n\r\n\
    [HKEY_CURRENT_USER\\Keyboard Layout\\Preload]\r\n\
    \"1\"=\"00000407\"\r\n";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Moment {
        Moment(1_795_000_000_000)
    }
}

/// A server that keeps what it is given, in memory, by the rules of the API.
struct MemoryServer {
    address: Address,
    key: ReceiptKey,
    parts: RefCell<BTreeMap<PartId, Vec<u8>>>,
    kept: RefCell<Vec<Vec<u8>>>,
    blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    requests: Cell<usize>,
    /// What it was told besides backups: path and body, the newest last.
    told: RefCell<Vec<(String, String)>>,
    /// Whether it cannot be reached.
    away: Cell<bool>,
}

impl MemoryServer {
    fn new() -> Self {
        Self {
            address: Address::parse("https://rehome.test", false).unwrap(),
            key: ReceiptKey::from_seed(&Secret::from_bytes(&[5; 32])),
            parts: RefCell::default(),
            kept: RefCell::default(),
            blobs: RefCell::default(),
            requests: Cell::new(0),
            told: RefCell::default(),
            away: Cell::new(false),
        }
    }

    fn commit(&self, bytes: &[u8]) -> Answer {
        let envelope = Envelope::parse(bytes).unwrap();
        let mut parts = self.parts.borrow_mut();
        parts.extend(envelope.parts.iter().map(|(id, sealed)| (*id, sealed.to_vec())));
        let header = &envelope.header;
        let missing: Vec<_> = header.blobs.iter().map(|blob| blob.id).collect();
        let missing: Vec<_> =
            missing.into_iter().filter(|id| !self.blobs.borrow().contains_key(&id.to_string())).collect();
        if !missing.is_empty() {
            let problem = Problem { missing_blobs: missing, ..Problem::new(409, Reason::BlobsMissing, "send them") };
            return json(409, &problem);
        }
        let all: Vec<_> = header.parts.iter().map(|part| (part.id, parts[&part.id].as_slice())).collect();
        self.kept.borrow_mut().push(Envelope::assemble(envelope.header_bytes, &envelope.header_tag, &all));
        let receipt = Receipt {
            tenant: header.tenant,
            profile: header.profile,
            seq: header.seq,
            snapshot: header.snapshot,
            header_hash: header_hash(envelope.header_bytes),
            committed_at: Noon.now(),
            epoch: 1,
        };
        Answer { status: 201, body: self.key.sign_alone(&receipt), ..Answer::default() }
    }

    fn last(&self) -> Option<Vec<u8>> {
        self.kept.borrow().last().cloned()
    }
}

impl Wire for MemoryServer {
    fn send(&self, request: &Request<'_>) -> Result<Answer, WireError> {
        self.requests.set(self.requests.get() + 1);
        if self.away.get() {
            return Err(WireError::NoConnection("the cable is out".into()));
        }
        let body = request.body.map(|(_, bytes)| bytes).unwrap_or_default();
        let blob = request.path.rsplit_once("/blobs/").map(|(_, id)| id.to_owned());
        let found = |body: Vec<u8>| Answer { status: 200, body, ..Answer::default() };
        let nothing = || Answer { status: 404, ..Answer::default() };
        Ok(match (request.method, blob) {
            (Method::Head, Some(_)) => nothing(),
            (Method::Put, Some(id)) => {
                self.blobs.borrow_mut().entry(id).or_default().extend_from_slice(body);
                Answer { status: 204, ..Answer::default() }
            }
            (Method::Get, Some(id)) => self.blobs.borrow().get(&id).cloned().map_or_else(nothing, found),
            (Method::Post, None) => match Delta::parse(body) {
                Ok(delta) => {
                    let last = self.last().expect("a delta has a base");
                    let base = Envelope::parse(&last).unwrap();
                    assert_eq!(delta.base, base.header.seq);
                    self.commit(&delta.apply(base.header_bytes).unwrap())
                }
                Err(_) => self.commit(body),
            },
            (Method::Put, None) => {
                let body = String::from_utf8(body.to_vec()).unwrap();
                self.told.borrow_mut().push((request.path.to_owned(), body));
                Answer { status: 204, ..Answer::default() }
            }
            (Method::Get, None) if request.path.ends_with("/keys") => json(200, &keys()),
            (Method::Get, None) if request.path.ends_with("/latest") => Answer { status: 304, ..Answer::default() },
            (Method::Get, None) => self.last().map_or_else(nothing, found),
            other => panic!("nobody asks {other:?}"),
        })
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

fn keys() -> ProfileKeys {
    let key = KeyId([6; 16]);
    ProfileKeys { current: key, keys: vec![(key, "77".repeat(32))], id_key: "88".repeat(32), sealed_for: None }
}

/// A person's PC: its state and its folder.
struct Pc {
    root: tempfile::TempDir,
    state: State,
    enrolment: Enrolment,
}

impl Pc {
    fn wish(&self) -> Wish<'_> {
        static ALL: std::sync::LazyLock<Choice> = std::sync::LazyLock::new(Choice::all);
        Wish { choice: &ALL, state: &self.state }
    }

    fn new(server: &MemoryServer) -> Self {
        let root = tempfile::tempdir().unwrap();
        let state = State::at(root.path(), "default").unwrap();
        let text = str::to_owned;
        let chosen = Chosen {
            server: text("https://rehome.test"),
            allow_http: false,
            ca_pem: None,
            pin: None,
            user_name: text("ada"),
            device_name: text("LAPTOP-ADA"),
            key: (crate::key::tests::record(), Moment(0)),
            machine: None,
            person: None,
        };
        let enrolled = Enrolled {
            tenant: TenantId([1; 16]),
            tenant_name: text("Example"),
            user: UserId([2; 16]),
            user_name: String::new(),
            device: DeviceId([3; 16]),
            profile: ProfileId([4; 16]),
            receipt_key: to_hex(&server.key.public_key()),
            keys: keys(),
        };
        Self { root, state, enrolment: Enrolment::new(chosen, enrolled).unwrap() }
    }

    fn back_up(&self, wire: &MemoryServer, picture: Option<&Path>) -> BackedUp {
        self.back_up_files(wire, OwnFiles { wallpaper: picture.map(at), ..OwnFiles::default() })
    }

    fn back_up_files(&self, wire: &MemoryServer, files: OwnFiles) -> BackedUp {
        self.try_back_up(wire, files, &Silent).unwrap()
    }

    fn try_back_up(
        &self,
        wire: &MemoryServer,
        files: OwnFiles,
        progress: &dyn Progress,
    ) -> Result<BackedUp, BackupError> {
        let reg = self.root.path().join("old.reg");
        std::fs::write(&reg, OLD_PC).unwrap();
        let mut input = Input::open(&reg).unwrap();
        input.files = files;
        let server = Server::new(wire, Patience { random: &Dice(1), wait: &|_| () }, None);
        Backup {
            device_name: "LAPTOP-ADA",
            enrolment: &self.enrolment,
            state: &self.state,
            server: &server,
            clock: &Noon,
            random: &Dice(9),
            progress,
        }
        .run(input)
    }

    fn rehearse(&self, wire: &MemoryServer, done: &BackedUp, depth: Depth) -> Result<Found, RehearseError> {
        let server = Server::new(wire, Patience { random: &Dice(1), wait: &|_| () }, None);
        let rehearse = Rehearse { server: &server, enrolment: &self.enrolment, state: &self.state, progress: &Silent };
        rehearse.run((self.enrolment.profile, done.delivered.receipt.snapshot), depth)
    }

    fn rehearsal_is_due(&self, done: &BackedUp) -> bool {
        is_due(&self.state, (done.delivered.receipt.seq, done.delivered.receipt.snapshot)).unwrap()
    }
}

/// A file, as a collection finds it.
fn at(path: &Path) -> Below {
    Below::new(path.parent().unwrap().to_owned(), path.file_name())
}

fn dictionary(words: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(words.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

/// The lock screen shows the same picture as the desktop, which is one blob for two roles; the new PC has words of its own.
#[test]
fn all_files_of_a_person_come_back_and_words_are_added_to_those_that_are_there() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let root = pc.root.path();
    let (lake, face) = (root.join("lake.jpg"), root.join("face.jpg"));
    std::fs::write(&lake, a_jpeg(8, 6)).unwrap();
    std::fs::write(&face, a_jpeg(4, 4)).unwrap();
    for (language, words) in [("neutral", "Rehome\r\nAda\r\n"), ("de-DE", "Aktenzeichen\r\nC:\\bad\r\n")] {
        std::fs::create_dir_all(root.join("Spelling").join(language)).unwrap();
        std::fs::write(root.join("Spelling").join(language).join("default.dic"), dictionary(words)).unwrap();
    }
    let files = OwnFiles {
        wallpaper: Some(at(&lake)),
        lock_screen: Ok(Some(Content::There(at(&lake)))),
        account_picture: Ok(Some(at(&face))),
        spelling: Some(at(&root.join("Spelling"))),
    };
    let backed_up = pc.back_up_files(&wire, files.clone());
    assert_eq!(backed_up.delivered.outcome, Outcome::Kept);
    assert_eq!(backed_up.warnings.len(), 1, "a word that looks like a path: {:?}", backed_up.warnings);
    assert_eq!(pc.back_up_files(&wire, files).delivered.outcome, Outcome::Unchanged);

    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let path = root.join("new.reg");
    let spelling = root.join("new.reg.files/spelling");
    let own = dictionary("#LID 1031\r\nFernweh");
    std::fs::create_dir_all(spelling.join("de-de")).unwrap();
    std::fs::write(spelling.join("de-de/default.dic"), &own).unwrap();
    let mut target = RegTarget::open(&path).unwrap();
    let snapshot = (pc.enrolment.profile, backed_up.delivered.receipt.snapshot);
    let preview = restore.preview(snapshot, &mut target, &pc.wish()).unwrap();
    let mut journals = FolderJournals::new(pc.state.journals());
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| () };
    let outcome = restore.carry_out(&preview, &mut target, &mut work).unwrap();
    assert_eq!(outcome.failed, []);
    let read = |name: &str| std::fs::read(root.join("new.reg.files").join(name)).unwrap();
    for (name, original) in [("wallpaper.jpg", &lake), ("lock_screen.jpg", &lake), ("account_picture.jpg", &face)] {
        let noted = crate::picture::noted(&read(name)).unwrap();
        assert_eq!(noted.size, original.metadata().unwrap().len(), "{name}");
    }
    assert_eq!(read("spelling/neutral/default.dic"), dictionary("Ada\r\nRehome\r\n"));
    assert_eq!(read("spelling/de-de/default.dic"), dictionary("#LID 1031\r\nFernweh\r\nAktenzeichen\r\n"));

    // The words of both PCs are there, so nothing is written the second time.
    let mut again = RegTarget::open(&path).unwrap();
    let second = restore.preview(snapshot, &mut again, &pc.wish()).unwrap();
    assert_eq!(second.plan.changes(), 1, "the list of words is another one than the backup's: {:?}", second.plan);
    let outcome = restore.carry_out(&second, &mut again, &mut work).unwrap();
    assert_eq!((outcome.journal, outcome.applied.len()), (None, 1), "but there is nothing to add");

    let undone = undo(None, &Choice::all(), &mut again.as_target(), &mut work).unwrap();
    assert_eq!(undone.failed, []);
    assert_eq!(std::fs::read(spelling.join("de-de/default.dic")).unwrap(), own, "exactly as it was");
    assert!(!spelling.join("neutral/default.dic").exists());
    assert!(!root.join("new.reg.files/lock_screen.jpg").exists());
}

#[test]
fn what_was_set_on_one_pc_comes_back_on_another_and_can_be_taken_back() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let backed_up = pc.back_up(&wire, Some(&picture));
    assert_eq!(backed_up.delivered.outcome, Outcome::Kept);

    let before = wire.requests.get();
    assert_eq!(pc.back_up(&wire, Some(&picture)).delivered.outcome, Outcome::Unchanged);
    assert_eq!(wire.requests.get() - before, 1, "nothing changed is one request");

    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let path = pc.root.path().join("new.reg");
    let mut target = RegTarget::open(&path).unwrap();
    let snapshot = (pc.enrolment.profile, backed_up.delivered.receipt.snapshot);
    let preview = restore.preview(snapshot, &mut target, &pc.wish()).unwrap();
    assert!(!path.exists(), "a preview writes nothing");
    let changes = preview.plan.changes();
    assert!(changes >= 3, "{:?}", preview.plan);

    let mut journals = FolderJournals::new(pc.state.journals());
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| () };
    let outcome = restore.carry_out(&preview, &mut target, &mut work).unwrap();
    assert_eq!((outcome.applied.len(), outcome.failed.len()), (changes, 0), "{outcome:?}");
    let files = path.with_file_name("new.reg.files");
    let washed = std::fs::read(files.join("wallpaper.jpg")).unwrap();
    assert_ne!(washed, std::fs::read(&picture).unwrap(), "it is encoded anew");

    // Asked again of the file as it is on the disk, nothing is left to do.
    let mut again = RegTarget::open(&path).unwrap();
    assert_eq!(restore.preview(snapshot, &mut again, &pc.wish()).unwrap().plan.changes(), 0);

    let undone = undo(None, &Choice::all(), &mut again.as_target(), &mut work).unwrap();
    assert_eq!(undone.applied.len(), changes);
    assert!(!files.join("wallpaper.jpg").exists());
    assert_eq!(
        restore.preview(snapshot, &mut RegTarget::open(&path).unwrap(), &pc.wish()).unwrap().plan.changes(),
        changes
    );
}

/// The lock screen of a Windows that shows what it is handed.
#[derive(Clone, Default)]
struct LockScreen(Rc<RefCell<(String, Vec<u8>)>>);

impl LockScreen {
    fn shown(&self) -> Shown {
        let (made_from, picture) = self.0.borrow().clone();
        Shown { made_from: Some(made_from), picture }
    }
}

impl Effects for LockScreen {
    fn take(&mut self, effect: Effect, picture: &Picture) -> Result<(), String> {
        if let (Effect::LockScreen, Picture::Set(path)) = (effect, picture) {
            *self.0.borrow_mut() = (path.to_string_lossy().into_owned(), std::fs::read(path).unwrap());
        }
        Ok(())
    }

    fn restart_explorer(&mut self) -> Result<(), NotRestarted> {
        Ok(())
    }
}

#[test]
fn a_running_pc_is_asked_for_its_lock_screen_and_handed_it_back_and_an_undo_sets_the_former_one() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let theirs = LockScreen::default();
    *theirs.0.borrow_mut() = (r"C:\Users\ada\lake.jpg".to_owned(), a_jpeg(8, 6));
    let backed_up = pc.back_up_files(&wire, OwnFiles::default().showing(Some(theirs.shown())));

    let former = a_jpeg(4, 4);
    let screen = LockScreen::default();
    *screen.0.borrow_mut() = (r"C:\Users\ada\face.jpg".to_owned(), former.clone());
    let live = || {
        let registry = MemoryRegistry::whole();
        let windows = OwnFiles::default();
        let pictures = LivePictures { windows, lock_screen: Some(screen.shown()), ours: pc.root.path().join("ours") };
        let files = pictures.files(&registry);
        let (listed, known) = (Listed::default(), Known::default());
        LivePc { registry: Box::new(registry), listed, known, files, effects: Box::new(screen.clone()) }
    };
    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let snapshot = (pc.enrolment.profile, backed_up.delivered.receipt.snapshot);
    let only = Choice::of(&["personalization.lock_screen.picture".to_owned()], &[]).unwrap();
    let wish = Wish { choice: &only, state: &pc.state };
    let mut target = live();
    let preview = restore.preview(snapshot, &mut target, &wish).unwrap();
    let mut journals = FolderJournals::new(pc.state.journals());
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| () };
    let outcome = restore.carry_out(&preview, &mut target, &mut work).unwrap();
    assert_eq!((outcome.applied.len(), outcome.not_live), (1, vec![]), "nothing is left to the person");
    assert_eq!(crate::picture::noted(&screen.shown().picture).unwrap().size, a_jpeg(8, 6).len() as u64);

    let mut again = live();
    assert_eq!(restore.preview(snapshot, &mut again, &wish).unwrap().plan.changes(), 0, "it is there");
    let undone = undo(None, &Choice::all(), &mut again.as_target(), &mut work).unwrap();
    assert_eq!((undone.failed.len(), undone.not_live.len()), (0, 0));
    assert_eq!(screen.shown().picture, former);
}

#[test]
fn a_keyboard_list_is_left_alone_where_it_would_bring_other_keys() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let backed_up = pc.back_up(&wire, None);
    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let path = pc.root.path().join("new.reg");
    let planned = |layout: &str| {
        let key = format!("[HKEY_CURRENT_USER\\Keyboard Layout\\Substitutes]\r\n\"{layout}\"=\"00000411\"\r\n");
        std::fs::write(&path, format!("Windows Registry Editor Version 5.00\r\n\r\n{key}")).unwrap();
        let snapshot = (pc.enrolment.profile, backed_up.delivered.receipt.snapshot);
        let plan = restore.preview(snapshot, &mut RegTarget::open(&path).unwrap(), &pc.wish()).unwrap().plan;
        plan.settings.into_iter().find(|step| step.id == "typing.layout.slot_1").unwrap().action
    };
    assert!(matches!(planned("00000407"), SettingAction::Skip { reason: Reason::HeldBack, .. }));
    assert!(matches!(planned("00000809"), SettingAction::Set { .. }), "it stands in for one that is in no list");
}

#[test]
fn a_server_that_gives_another_snapshot_than_asked_for_is_found_out() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let first = pc.back_up(&wire, None).delivered.receipt.snapshot;
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let _newest = pc.back_up(&wire, Some(&picture));

    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let mut target = RegTarget::open(&pc.root.path().join("new.reg")).unwrap();
    let error = restore.preview((pc.enrolment.profile, first), &mut target, &pc.wish()).map(drop).unwrap_err();
    assert!(matches!(error, PreviewError::Fetch(FetchError::Another { wanted, .. }) if wanted == first), "{error}");
    assert_eq!(error.reason(), Reason::IntegrityFailed);
}

#[test]
fn a_changed_picture_is_not_written() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let snapshot = pc.back_up(&wire, Some(&picture)).delivered.receipt.snapshot;
    for sealed in wire.blobs.borrow_mut().values_mut() {
        let middle = sealed.len() / 2;
        sealed[middle] ^= 1;
    }
    let server = Server::new(&wire, Patience { random: &Dice(1), wait: &|_| () }, None);
    let restore =
        Restore { server: &server, enrolment: &pc.enrolment, progress: &Silent, washer: &crate::picture::Here };
    let path = pc.root.path().join("new.reg");
    let mut target = RegTarget::open(&path).unwrap();
    let preview = restore.preview((pc.enrolment.profile, snapshot), &mut target, &pc.wish()).unwrap();
    let mut journals = FolderJournals::new(pc.state.journals());
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| () };
    let outcome = restore.carry_out(&preview, &mut target, &mut work).unwrap();
    let failed: Vec<_> = outcome.failed.iter().map(|one| one.reason).collect();
    assert_eq!(failed, [Reason::IntegrityFailed]);
    assert!(!path.with_file_name("new.reg.files").exists());
    let mut text = Vec::new();
    std::fs::File::open(&path).unwrap().read_to_end(&mut text).unwrap();
    assert!(!text.is_empty(), "the settings were written all the same");
}

/// Somebody chooses another background while a backup runs.
struct Chooses<'a>(&'a Path);

impl Progress for Chooses<'_> {
    fn station(&self, station: Station) {
        if station == Station::Snapshot {
            std::fs::write(self.0, a_jpeg(3, 2)).unwrap();
        }
    }

    fn bytes(&self, _: u64, _: u64) {}
}

/// The picture is read once to be hashed and once to be sent.
#[test]
fn a_picture_that_changes_meanwhile_is_not_sent_and_the_next_backup_takes_it_as_it_is_then() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let files = OwnFiles { wallpaper: Some(at(&picture)), ..OwnFiles::default() };
    let error = pc.try_back_up(&wire, files, &Chooses(&picture)).err().unwrap();
    assert_eq!(error.reason(), Reason::ChangedMeanwhile);
    assert!(wire.kept.borrow().is_empty(), "no snapshot names a picture that nobody has");
    let done = pc.back_up(&wire, Some(&picture));
    assert_eq!(done.snapshot.files().count(), 1);
    assert!(pc.rehearse(&wire, &done, Depth::Everything).is_ok());
}

#[test]
fn a_rehearsal_opens_what_is_stored_tells_the_server_and_is_due_once() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let done = pc.back_up(&wire, Some(&picture));
    assert!(pc.rehearsal_is_due(&done));
    let before = wire.requests.get();
    let found = pc.rehearse(&wire, &done, Depth::New).unwrap();
    assert_eq!((found.reason, found.files), (None, 1));
    assert!(found.settings >= 3, "{found:?}");
    assert_eq!(wire.requests.get() - before, 3, "the envelope, the new file, the finding");
    let (path, body) = wire.told.borrow().last().unwrap().clone();
    assert!(path.ends_with("/rehearsal") && body == r#"{"seq":1,"restorable":true}"#, "{path} {body}");
    assert!(!pc.rehearsal_is_due(&done));

    let before = wire.requests.get();
    assert_eq!(pc.rehearse(&wire, &done, Depth::New).unwrap().files, 0, "a file is opened once");
    assert_eq!(wire.requests.get() - before, 2);
    assert_eq!(pc.rehearse(&wire, &done, Depth::Everything).unwrap().files, 1, "unless all is asked for");
}

#[test]
fn a_backup_that_does_not_open_is_found_and_the_next_one_sends_everything() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let done = pc.back_up(&wire, None);
    let whole = wire.last().unwrap();
    for at in [whole.len() / 3, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        *wire.kept.borrow_mut() = vec![changed];
        let found = pc.rehearse(&wire, &done, Depth::New).unwrap();
        assert!(found.reason.is_some(), "a flipped bit at {at}");
        let (_, body) = wire.told.borrow().last().unwrap().clone();
        assert!(body.contains(r#""restorable":false"#), "{body}");
    }
    let last = pc.state.last_rehearsal().unwrap().unwrap();
    assert!(last.reason.is_some());
    let again = pc.back_up(&wire, None);
    assert_eq!(again.delivered.outcome, Outcome::Kept, "the state was forgotten, so it is sent again");
    let sent = Envelope::parse(&wire.last().unwrap()).unwrap().parts.len();
    assert_eq!(sent, Envelope::parse(&whole).unwrap().parts.len());
}

#[test]
fn a_file_that_does_not_open_is_found() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let picture = pc.root.path().join("lake.jpg");
    std::fs::write(&picture, a_jpeg(8, 6)).unwrap();
    let done = pc.back_up(&wire, Some(&picture));
    wire.blobs.borrow_mut().values_mut().for_each(|sealed| sealed[40] ^= 1);
    assert_eq!(pc.rehearse(&wire, &done, Depth::New).unwrap().reason, Some(Reason::IntegrityFailed));
}

#[test]
fn a_server_that_cannot_be_asked_says_nothing_of_the_backup() {
    let wire = MemoryServer::new();
    let pc = Pc::new(&wire);
    let done = pc.back_up(&wire, None);
    wire.away.set(true);
    let error = pc.rehearse(&wire, &done, Depth::New).unwrap_err();
    assert_eq!(error.reason(), Reason::ServerUnreachable);
    assert!(pc.rehearsal_is_due(&done), "the next run tries again");
}
