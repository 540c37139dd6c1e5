//! Key providers keep one contract; a key service that is away is waited for and never done without; and keys can be changed while people
//! back up, at every level, through kills, without a snapshot that does not open afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::not_tried::not_tried;
use crate::support::service::{self, Mood, Service};
use crate::support::{Live, Pc, Place};
use model::api::{Enrolled, ProfileKeys};
use model::envelope::{Envelope, Source};
use model::ids::{KeyId, TenantId};
use model::retention::Rules;
use model::snapshot::{Reading, Snapshot};
use model::value::Value;
use model::world::Moment;
use seal::content::Outline;
use seal::random::SystemRandom;
use seal::wrap::Purpose;
use seal::{Key, KeyRing, Owner, Stamp, open, pack};
use server::app::OpenError;
use server::keyring::KeyringError;
use server::keyring::provider::{self, Provider, ProviderError};
use store::WrappedKey;

/// What every provider does, whatever it is.
fn keeps_the_contract(provider: &dyn Provider) {
    let random = SystemRandom::new();
    let purpose = Purpose::Tenant(TenantId([7; 16]));
    let child = Key::random(&random);
    assert_eq!(provider.ids().unwrap(), [], "nothing is there at first");
    assert!(matches!(
        provider.wrap(&child, purpose, &random),
        Err(ProviderError::Missing(_) | ProviderError::Refused { .. })
    ));
    let first = provider.add(&random).unwrap();
    assert_eq!(provider.ids().unwrap(), [first]);

    let (parent, wrapped) = provider.wrap(&child, purpose, &random).unwrap();
    assert_eq!(parent, first);
    let contains =
        |bytes: &[u8]| bytes.windows(16).any(|window| child.secret().expose().windows(16).any(|part| part == window));
    assert!(!contains(&wrapped), "the wrapping does not hold the secret");
    let old = WrappedKey { id: child.id, parent: Some(parent), wrapped };
    assert_eq!(provider.unwrap(&old, purpose).unwrap().secret().expose(), child.secret().expose());

    for (what, changed, purpose) in [
        ("another tenant", old.clone(), Purpose::Tenant(TenantId([8; 16]))),
        ("another level", old.clone(), Purpose::User(TenantId([7; 16]), model::ids::UserId([0; 16]))),
        ("another key", WrappedKey { id: KeyId([9; 16]), ..old.clone() }, purpose),
    ] {
        assert!(matches!(provider.unwrap(&changed, purpose), Err(ProviderError::Unwrap(_))), "{what}");
    }
    let mut flipped = old.clone();
    *flipped.wrapped.last_mut().unwrap() ^= 1;
    assert!(provider.unwrap(&flipped, purpose).is_err(), "a changed bit");
    let stranger = WrappedKey { parent: Some(KeyId([3; 16])), ..old.clone() };
    assert!(matches!(provider.unwrap(&stranger, purpose), Err(ProviderError::NotThere { .. })));

    let second = provider.add(&random).unwrap();
    assert_eq!(provider.ids().unwrap(), [second, first]);
    assert_eq!(
        provider.unwrap(&old, purpose).unwrap().secret().expose(),
        child.secret().expose(),
        "the old key still opens"
    );
    let (parent, wrapped) = provider.wrap(&child, purpose, &random).unwrap();
    assert_eq!(parent, second, "the newest wraps");
    assert_eq!(provider.retire().unwrap(), 1);
    assert_eq!(provider.ids().unwrap(), [second]);
    assert!(provider.unwrap(&old, purpose).is_err(), "the old key is gone for good");
    let new = WrappedKey { id: child.id, parent: Some(parent), wrapped };
    assert_eq!(provider.unwrap(&new, purpose).unwrap().secret().expose(), child.secret().expose());
}

#[test]
fn a_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let provider = provider::open(&path, Path::new("/nowhere")).unwrap();
    keeps_the_contract(&*provider);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "for its owner only");
    assert!(provider.warning().is_some(), "and it says that there is better");
}

#[test]
fn a_key_service_keeps_the_contract_and_never_sees_more_than_it_must() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start();
    let provider = provider::open(Path::new(&service.url(folder.path())), folder.path()).unwrap();
    keeps_the_contract(&*provider);
    let asked = service.asked();
    assert!(asked.iter().all(|line| !line.contains(service::TOKEN)), "the token is in the header only");
}

#[test]
fn a_key_service_in_a_mood_is_an_error_in_time_and_never_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start();
    let provider = provider::open(Path::new(&service.url(folder.path())), folder.path()).unwrap();
    let random = SystemRandom::new();
    provider.add(&random).unwrap();
    let (purpose, child) = (Purpose::Tenant(TenantId([7; 16])), Key::random(&random));
    let (parent, wrapped) = provider.wrap(&child, purpose, &random).unwrap();
    let stored = WrappedKey { id: child.id, parent: Some(parent), wrapped };
    for mood in [Mood::Fails, Mood::Babbles, Mood::Floods, Mood::Redirects, Mood::Hangs] {
        service.be(mood);
        let error = provider.unwrap(&stored, purpose).err().unwrap();
        assert!(matches!(error, ProviderError::Silent { .. }), "{error}");
    }
    service.be(Mood::Forbids);
    assert!(matches!(provider.unwrap(&stored, purpose), Err(ProviderError::Refused { .. })));
    service.be(Mood::Well);
    assert!(provider.unwrap(&stored, purpose).is_ok());
    fs::write(folder.path().join("service.token"), "another").unwrap();
    assert!(
        matches!(provider.unwrap(&stored, purpose), Err(ProviderError::Refused { .. })),
        "the token is read each time"
    );
}

/// The library of `SoftHSM`, if it is here.
fn soft_hsm() -> Option<&'static str> {
    let found = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists());
    if found.is_none() {
        not_tried("PKCS#11 was not tried: there is no SoftHSM here", Some("package softhsm2"));
    }
    found
}

/// A new token in `folder`: its address, and the file that `SoftHSM` is told of it by.
fn token(folder: &Path, library: &str) -> (String, std::path::PathBuf) {
    let (tokens, configuration, pin) = (folder.join("tokens"), folder.join("softhsm2.conf"), folder.join("pin"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    fs::write(&pin, "123456\n").unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "rehome test", "--pin", "123456", "--so-pin", "654321"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let address = format!(
        "pkcs11:token=rehome%20test;object=rehome-root?module-path={library}&pin-source=file:{}",
        pin.display()
    );
    (address, configuration)
}

const TOKEN_ADDRESS: &str = "REHOME_TEST_TOKEN";

/// `SoftHSM` finds its tokens by an environment variable, which a process cannot safely set for itself: so the test below runs in one of its own.
#[test]
fn a_token_keeps_the_contract() {
    let Some(library) = soft_hsm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (address, configuration) = token(folder.path(), library);
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keys::inside_a_token", "--nocapture"])
        .env("SOFTHSM2_CONF", configuration)
        .env(TOKEN_ADDRESS, address)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn inside_a_token() {
    // Only `a_token_keeps_the_contract` says where the token is.
    let Ok(address) = std::env::var(TOKEN_ADDRESS) else { return };
    keeps_the_contract(&*provider::open(Path::new(&address), Path::new("/nowhere")).unwrap());
    let wrong = address.replace("rehome%20test", "another");
    let error = provider::open(Path::new(&wrong), Path::new("/nowhere")).unwrap().ids().unwrap_err();
    assert!(matches!(error, ProviderError::Silent { .. }), "{error}");
}

#[test]
fn a_whole_server_moves_from_a_file_into_a_token_and_the_file_is_not_needed_any_more() {
    let Some(library) = soft_hsm() else { return };
    let place = Place::new();
    drop(place.serve());
    let folder = tempfile::tempdir().unwrap();
    let (address, configuration) = token(folder.path(), library);
    let run = |root: &str, old: Option<&Path>, arguments: &[&str]| {
        let mut command = place.command_with(arguments, Path::new(root));
        command.env("SOFTHSM2_CONF", &configuration);
        if let Some(old) = old {
            command.arg("--root-key-old").arg(old);
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let file = place.root_key();
    let (code, said) = run(&address, Some(&file), &["check"]);
    assert_eq!(code, Some(9), "the token holds no key yet: {said}");
    assert!(said.contains("wrong_key"), "{said}");
    let (code, said) = run(file.to_str().unwrap(), None, &["key", "provider", &address, "--create"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("wraps and unwraps"), "{said}");
    let (code, said) = run(&address, None, &["check"]);
    assert_eq!(code, Some(9), "nothing was moved yet, so the token alone is the wrong key: {said}");
    let (code, said) = run(&address, Some(&file), &["key", "rotate", "root"]);
    assert_eq!(code, Some(0), "{said}");
    fs::remove_file(&file).unwrap();
    let (code, said) = run(&address, None, &["check"]);
    assert_eq!(code, Some(0), "the file is not needed any more: {said}");
    let (_, said) = run(&address, None, &["key", "status"]);
    assert!(said.contains("in use\t2 organisations") && !said.contains("warning"), "{said}");
    assert_eq!(run(&address, None, &["user", "create", "newcomer"]).0, Some(0));
    fs::write(folder.path().join("pin"), "000000").unwrap();
    let (code, said) = run(&address, None, &["check"]);
    assert_eq!(code, Some(5), "a wrong PIN: {said}");
    assert!(said.contains("keys_unavailable"), "{said}");
}

#[test]
fn while_the_key_service_is_away_people_go_on_for_a_quarter_of_an_hour_and_then_wait() {
    let mut place = Place::new();
    let service = Service::start();
    place.root = Some(service.url(place.path()).into());
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let keys = format!("/api/v1/profiles/{}/keys", pc.profile);
    let before = live.get(&keys, &pc);
    assert_eq!(before.status, 200);

    service.be(Mood::Fails);
    place.clock.turn(14 * 60);
    assert_eq!(live.get(&keys, &pc).body, before.body, "remembered");
    place.clock.turn(60);
    let away = live.get(&keys, &pc);
    assert_eq!(away.problem(), (503, "keys_unavailable".to_owned()));
    assert_eq!(away.header("retry-after"), "30");
    assert_eq!(
        live.try_enroll("ada", crate::support::PASSWORD, "PC 2").problem(),
        (503, "keys_unavailable".to_owned())
    );
    let envelope = crate::support::Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    assert_eq!(live.backup(&pc, &envelope).status, 201, "a backup needs no key of the server's");

    service.be(Mood::Well);
    assert_eq!(live.get(&keys, &pc).status, 503, "not asked again at once");
    place.clock.turn(5);
    assert_eq!(live.get(&keys, &pc).body, before.body);
    drop(live);
    service.be(Mood::Fails);
    let refused = place.open().err().unwrap();
    let silent = matches!(refused, OpenError::Keyring(KeyringError::Provider(ProviderError::Silent { .. })));
    assert!(silent, "without its keys the server does not start: {refused}");
}

#[test]
fn a_key_that_the_service_changed_by_itself_is_taken_into_use() {
    let mut place = Place::new();
    let service = Service::start();
    place.root = Some(service.url(place.path()).into());
    let live = place.serve();
    let first = live.app.store.root_key_id().unwrap().unwrap();
    provider::open(place.root.as_ref().unwrap(), &place.data()).unwrap().add(&SystemRandom::new()).unwrap();
    live.app.housekeep().unwrap();
    let second = live.app.store.root_key_id().unwrap().unwrap();
    assert_ne!(first, second);
    assert!(live.app.store.key_counts().unwrap().iter().all(|count| count.keys[0].1 == Some(second)));
    assert_eq!(live.app.keyring.retire_roots(&live.app.store).unwrap(), Some(1));
    drop(live);
    assert!(place.open().is_ok());
}

/// A person's PC with what it has backed up, as bytes that left it.
struct Backed {
    enrolled: Pc,
    sent: Vec<Vec<u8>>,
}

fn owner(pc: &Enrolled) -> Owner {
    Owner { tenant: pc.tenant, user: pc.user, profile: pc.profile }
}

fn sealed(pc: &Enrolled, ring: &KeyRing, seq: u64) -> Vec<u8> {
    let mut readings = BTreeMap::new();
    readings.insert("devices.mouse_speed".to_owned(), Reading::Set { value: Value::Int(i64::try_from(seq).unwrap()) });
    let snapshot = Snapshot { readings, ..Snapshot::default() };
    let outline = Outline::of(&snapshot, ring.id_key()).unwrap();
    let stamp = Stamp {
        owner: owner(pc),
        device: pc.device,
        seq,
        taken_at: Moment(1_795_000_000_000),
        source: Source::Hive,
        device_name: "PC".to_owned(),
    };
    pack(&outline, ring, &stamp, &|_| None, &SystemRandom::new()).unwrap().bytes
}

fn ring_of(live: &Live, pc: &Pc) -> KeyRing {
    let answer = live.get(&format!("/api/v1/profiles/{}/keys", pc.profile), pc);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    KeyRing::from_api(&answer.json::<ProfileKeys>()).unwrap()
}

/// Every envelope opens with the keys that the server gives now.
fn all_open(live: &Live, pcs: &[Backed]) -> usize {
    let mut opened = 0;
    for pc in pcs {
        let ring = ring_of(live, &pc.enrolled);
        for (bytes, seq) in pc.sent.iter().zip(1_i64..) {
            let found = open(&Envelope::parse(bytes).unwrap(), &owner(&pc.enrolled), &ring).unwrap();
            assert_eq!(found.damaged, []);
            assert_eq!(found.snapshot.readings["devices.mouse_speed"], Reading::Set { value: Value::Int(seq) });
            opened += 1;
        }
    }
    opened
}

fn more_users(live: &Live, count: usize) {
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    for number in 0..count {
        let world = (live.app.clock.now(), &*live.app.random);
        let name = format!("user-{number}");
        live.app.keyring.create_user(&live.app.store, &tenant, (&name, "none".to_owned()), world).unwrap();
    }
}

/// So that retention, which runs beside, lets nothing go.
fn keep_everything(live: &Live) {
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let rules = Rules { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: None };
    assert!(rules.keep_everything());
    live.app.store.set_rules(&tenant, &rules, live.app.clock.now()).unwrap();
}

/// What a change of keys is made of, one after the other: root, tenant, every user; each with all its steps.
fn change_all_keys(live: &Live, users: &[&str]) {
    let (keyring, store, random) = (&live.app.keyring, &live.app.store, &*live.app.random);
    let tenant = store.operator("default").unwrap().unwrap();
    let finish = || while keyring.step(store, random).unwrap() > 0 {};
    keyring.rotate_root(store, random).unwrap();
    finish();
    keyring.rotate_tenant(store, &tenant, random).unwrap();
    finish();
    for user in users {
        let user = store.user_named(&tenant, user).unwrap().unwrap();
        assert!(keyring.rotate_user(store, &tenant, (user, random)).unwrap());
    }
}

const PCS: usize = 20;
const SNAPSHOTS_EACH: usize = 500;

#[test]
fn changing_every_key_with_ten_thousand_snapshots_under_load_loses_none() {
    if crate::support::elsewhere() {
        return;
    }
    let place = Place::new();
    let live = place.serve();
    more_users(&live, 600);
    keep_everything(&live);
    let mut pcs: Vec<Backed> = (0..PCS)
        .map(|number| {
            let user = if number % 2 == 0 { "ada" } else { "bob" };
            Backed { enrolled: live.enroll(user, &format!("PC {number}")), sent: Vec::new() }
        })
        .collect();
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let changes = std::thread::scope(|scope| {
        let workers: Vec<_> = pcs
            .chunks_mut(PCS / 4)
            .map(|mine| {
                let (live, ask) = (&live, ask.clone());
                scope.spawn(move || {
                    for seq in 1..=SNAPSHOTS_EACH {
                        for pc in &mut *mine {
                            // The keys are asked for again now and then, as on a new PC; in between the device has its own.
                            let ring = if seq % 50 == 0 {
                                ring_of(live, &pc.enrolled)
                            } else {
                                KeyRing::from_api(&pc.enrolled.keys).unwrap()
                            };
                            let bytes = sealed(&pc.enrolled, &ring, u64::try_from(seq).unwrap());
                            assert_eq!(live.backup(&pc.enrolled, &bytes).status, 201);
                            pc.sent.push(bytes);
                        }
                        if seq % 50 == 0 {
                            ask.send(()).unwrap();
                        }
                    }
                })
            })
            .collect();
        drop(ask);
        // All keys are changed as often as somebody asks, until nobody backs up any more.
        let mut changes = 0;
        for () in asked {
            change_all_keys(&live, &["ada", "bob"]);
            assert_eq!(live.app.keyring.retire_roots(&live.app.store).unwrap(), Some(1));
            changes += 1;
        }
        assert!(workers.into_iter().all(|worker| worker.join().is_ok()));
        changes
    });
    assert!(changes >= 10, "keys were changed meanwhile");
    assert_eq!(all_open(&live, &pcs), PCS * SNAPSHOTS_EACH);
    let key = live.app.keyring.receipt_key();
    let report = live.app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!(report.findings, Vec::<String>::new());
    assert_eq!(report.snapshots, (PCS * SNAPSHOTS_EACH) as u64);
    let stored = live.get(&format!("/api/v1/profiles/{}/snapshots", pcs[0].enrolled.profile), &pcs[0].enrolled);
    assert_eq!(stored.status, 200);
    println!("{} snapshots, {} changes of all keys meanwhile", report.snapshots, changes);
}

#[test]
fn a_change_of_keys_that_is_stopped_after_any_step_goes_on_and_opens_everything_in_between() {
    let place = Place::new();
    let live = place.serve();
    more_users(&live, 600);
    let enrolled = live.enroll("ada", "PC");
    let ring = KeyRing::from_api(&enrolled.keys).unwrap();
    let pcs = [Backed { sent: (1..=3).map(|seq| sealed(&enrolled, &ring, seq)).collect(), enrolled }];
    let begin = |level: usize| {
        let app = place.open().unwrap();
        let (keyring, store, random) = (&app.keyring, &app.store, &*app.random);
        let tenant = store.operator("default").unwrap().unwrap();
        match level {
            0 => drop(keyring.rotate_root(store, random).unwrap()),
            1 => drop(keyring.rotate_tenant(store, &tenant, random).unwrap()),
            // Several in a row: what hangs on two old keys at once.
            _ => {
                keyring.rotate_tenant(store, &tenant, random).unwrap();
                keyring.rotate_root(store, random).unwrap();
                assert!(keyring.rotate_user(store, &tenant, (pcs[0].enrolled.user, random)).unwrap());
                keyring.rotate_tenant(store, &tenant, random).unwrap();
            }
        }
    };
    let mut stops = 0;
    for level in 0..3 {
        begin(level);
        loop {
            // A program that does one step and is gone: the next one begins from the rows, and the server beside sees what is between.
            let app = place.open().unwrap();
            let done = app.keyring.step(&app.store, &*app.random).unwrap();
            drop(app);
            assert_eq!(all_open(&live, &pcs), 3);
            if done == 0 {
                break;
            }
            stops += 1;
        }
    }
    assert!(stops >= 10, "{stops} stops");
    let counts = live.app.store.key_counts().unwrap();
    assert!(counts.iter().all(|count| count.stale == 0 && count.keys.len() == 1), "{counts:?}");
    assert_eq!(live.app.keyring.roots().current.ids().unwrap().len(), 3, "old root keys stay until somebody says so");
    assert_eq!(live.app.keyring.retire_roots(&live.app.store).unwrap(), Some(2));
    drop(live);
    assert_eq!(all_open(&place.serve(), &pcs), 3);
}

#[test]
fn a_killed_command_leaves_nothing_that_does_not_open() {
    let place = Place::new();
    let live = place.serve();
    more_users(&live, 1_000);
    let enrolled = live.enroll("ada", "PC");
    let ring = KeyRing::from_api(&enrolled.keys).unwrap();
    let pcs = [Backed { sent: vec![sealed(&enrolled, &ring, 1)], enrolled }];
    for (level, line) in [("tenant", "wrapped anew"), ("root", "the new root key"), ("tenant", "the new key")] {
        let mut child =
            place.command(&["key", "rotate", level]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|text| text.unwrap().starts_with(line)), "it begins");
        child.kill().unwrap();
        child.wait().unwrap();
        // The server that is still running goes on with it.
        assert_eq!(all_open(&live, &pcs), 1);
        live.app.housekeep().unwrap();
        assert_eq!(all_open(&live, &pcs), 1);
        assert!(live.app.store.key_counts().unwrap().iter().all(|count| count.stale == 0 && count.keys.len() == 1));
    }
}

#[test]
fn secrets_of_a_tenant_are_read_again_after_its_key_changed() {
    let place = Place::new();
    let live = place.serve();
    let (keyring, store, random) = (&live.app.keyring, &live.app.store, &*live.app.random);
    let tenant = store.operator("default").unwrap().unwrap();
    let sealed = keyring.seal_secret(store, &tenant, ("a test", b"the secret"), random).unwrap();
    for _ in 0..2 {
        keyring.rotate_tenant(store, &tenant, random).unwrap();
        while keyring.step(store, random).unwrap() > 0 {}
        assert_eq!(store.tenant_keys(&tenant).unwrap().len(), 1, "the old key is gone");
        assert_eq!(keyring.open_secret(store, &tenant, "a test", &sealed).unwrap(), b"the secret");
    }
    assert!(keyring.open_secret(store, &tenant, "another use", &sealed).is_err());
    let other = store.operator("other").unwrap().unwrap();
    assert!(keyring.open_secret(store, &other, "a test", &sealed).is_err());
}

#[test]
fn an_erased_person_has_no_key_left_whatever_was_changed_before() {
    let place = Place::new();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    assert!(live.app.keyring.rotate_user(&live.app.store, &tenant, (pc.user, &*live.app.random)).unwrap());
    let when = (live.app.clock.now(), server::keyring::erasure_signer(&live.app));
    let deleted = live.app.store.erase_user(&tenant, pc.user, when).unwrap().unwrap();
    let receipt = seal::receipt::verify_erasure(&deleted.receipt, &live.app.keyring.receipt_key()).unwrap();
    assert_eq!(receipt.erased, model::erasure::Erased::User(pc.user));
    let (chain, profiles) = live.app.store.keys_of_user(&tenant, pc.user).unwrap().unwrap();
    assert!(chain.user.is_empty() && chain.ids.is_none() && profiles.is_empty(), "the receipt tells the truth");
    assert!(!live.app.keyring.rotate_user(&live.app.store, &tenant, (pc.user, &*live.app.random)).unwrap());
}
