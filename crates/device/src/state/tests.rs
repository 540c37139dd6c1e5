//! What is remembered survives, what is damaged is said, what is private stays private.

#![expect(clippy::disallowed_methods, reason = "files are damaged on purpose")]

use model::api::{Enrolled, ProfileKeys};
use model::ids::{DeviceId, KeyId, ProfileId, SnapshotId, TenantId, UserId};
use model::world::Moment;
use seal::receipt::ReceiptKey;

use super::*;

fn enrolment() -> Enrolment {
    let chosen = Chosen {
        server: "https://rehome.test".to_owned(),
        allow_http: false,
        ca_pem: None,
        pin: None,
        user_name: "ada".to_owned(),
        device_name: "LAPTOP-ADA".to_owned(),
        key: (crate::key::tests::record(), Moment(0)),
        machine: None,
        person: None,
    };
    let enrolled = Enrolled {
        tenant: TenantId([1; 16]),
        tenant_name: "Example".to_owned(),
        user: UserId([2; 16]),
        user_name: String::new(),
        device: DeviceId([3; 16]),
        profile: ProfileId([4; 16]),
        receipt_key: "55".repeat(32),
        keys: ProfileKeys {
            current: KeyId([6; 16]),
            keys: vec![(KeyId([6; 16]), "77".repeat(32))],
            id_key: "88".repeat(32),
            sealed_for: None,
        },
    };
    Enrolment::new(chosen, enrolled).unwrap()
}

/// A receipt for `header`, signed, and the key that checks it.
fn receipt_for(header: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let key = ReceiptKey::from_seed(&seal::Secret::from_bytes(&[5; 32]));
    (key.sign_alone(&confirming(header)), key.public_key())
}

fn confirming(header: &[u8]) -> Receipt {
    Receipt {
        tenant: TenantId([1; 16]),
        profile: ProfileId([4; 16]),
        seq: 3,
        snapshot: SnapshotId([9; 32]),
        header_hash: header_hash(header),
        committed_at: Moment(5),
        epoch: 1,
    }
}

#[test]
fn an_enrolment_survives_and_a_new_one_forgets_the_last_backup() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    assert!(matches!(state.enrolment(), Err(StateError::NotEnrolled)));

    state.save_enrolment(&enrolment()).unwrap();
    let (receipt, receipt_key) = receipt_for(b"header");
    state.save_last_backup(&receipt, b"header").unwrap();
    let back = state.enrolment().unwrap();
    assert_eq!(
        (back.device_name.as_str(), back.key, back.keys.keys.len()),
        ("LAPTOP-ADA", crate::key::tests::record(), 1)
    );

    state.save_enrolment(&enrolment()).unwrap();
    assert_eq!(state.last_backup(&receipt_key).unwrap(), Remembered::Nothing);
}

#[test]
fn the_last_backup_is_believed_only_with_its_signature() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    let (receipt, key) = receipt_for(b"header");
    state.save_last_backup(&receipt, b"header").unwrap();
    let Remembered::Last(last) = state.last_backup(&key).unwrap() else { panic!("it is there") };
    assert_eq!((last.receipt.seq, last.header_bytes.as_slice()), (3, &b"header"[..]));
    assert_eq!(state.last_backup(&[7; 32]).unwrap(), Remembered::Damaged, "another server's key");

    state.save_last_backup(&receipt, b"another header").unwrap();
    assert_eq!(state.last_backup(&key).unwrap(), Remembered::Damaged);
    std::fs::write(state.folder().join("last-backup"), b"torn").unwrap();
    assert_eq!(state.last_backup(&key).unwrap(), Remembered::Damaged);
}

#[test]
fn a_receipt_that_shares_its_signature_is_believed_as_well() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    let key = ReceiptKey::from_seed(&seal::Secret::from_bytes(&[5; 32]));
    let signed = key.sign(&[confirming(b"another's"), confirming(b"header"), confirming(b"a third one's")]);
    state.save_last_backup(&signed[1], b"header").unwrap();
    let Remembered::Last(last) = state.last_backup(&key.public_key()).unwrap() else { panic!("it is there") };
    assert_eq!((last.receipt, last.header_bytes.as_slice()), (confirming(b"header"), &b"header"[..]));
    state.save_last_backup(&signed[0], b"header").unwrap();
    assert_eq!(state.last_backup(&key.public_key()).unwrap(), Remembered::Damaged, "it confirms another's");
}

#[test]
fn an_enrolment_of_before_keys_says_so_and_a_new_key_waits_until_it_is_known() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    file::make_folder(state.folder()).unwrap();
    std::fs::write(state.folder().join("enrolment.json"), br#"{"version": 1, "token": "very-secret"}"#).unwrap();
    let error = state.enrolment().unwrap_err();
    assert!(matches!(error, StateError::BeforeKeys) && error.reason() == Reason::NotEnrolled, "{error}");

    let record = crate::key::tests::record();
    state.set_next_key(Some(&record)).unwrap();
    assert_eq!(state.next_key().unwrap(), Some(record));
    std::fs::write(state.folder().join("next-key.json"), b"torn").unwrap();
    assert_eq!(state.next_key().unwrap(), None);
    state.set_next_key(None).unwrap();
    assert_eq!(state.next_key().unwrap(), None);
}

#[test]
fn a_key_is_renewed_after_half_a_year_and_when_nobody_knows_how_old_it_is() {
    use crate::upload::renew::{RENEW_MILLIS, is_due};
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let mut enrolment = enrolment();
    let mut due_when_made = |made_at: i64, now: i64| {
        enrolment.key_made_at = Moment(made_at);
        is_due(&enrolment, Moment(now))
    };
    assert!(!due_when_made(0, RENEW_MILLIS - 1) && due_when_made(0, RENEW_MILLIS));
    assert!(!due_when_made(DAY, 1), "clocks differ");
    // Three years ahead when the PC was enrolled, and put right since.
    assert!(due_when_made(3 * 365 * DAY, 0));
}

/// The power failed after the enrolment was written and before the key on its way was forgotten; the next backup then destroyed it as one that nobody knows.
#[test]
fn a_key_that_has_become_this_pcs_is_not_on_its_way_any_more() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    let enrolment = enrolment();
    state.set_next_key(Some(&enrolment.key)).unwrap();
    assert_eq!(state.next_key().unwrap().as_ref(), Some(&enrolment.key));
    state.save_enrolment(&enrolment).unwrap();
    assert_eq!(state.next_key().unwrap(), None);
}

#[test]
fn a_damaged_enrolment_is_an_error_that_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    state.save_enrolment(&enrolment()).unwrap();
    let path = state.folder().join("enrolment.json");
    let good = std::fs::read(&path).unwrap();
    let with = |from: &str, to: &str| String::from_utf8(good.clone()).unwrap().replace(from, to).into_bytes();
    for (bytes, reason) in [
        (good[..good.len() / 2].to_vec(), Reason::DamagedState),
        (Vec::new(), Reason::DamagedState),
        (vec![0; 100], Reason::DamagedState),
        (vec![b' '; 600 * 1024], Reason::DamagedState),
        (with(&"55".repeat(32), "55"), Reason::DamagedState),
        (with("\"version\": 2", "\"version\": 3"), Reason::NewerVersion),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = state.enrolment().unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains("enrolment.json"), "{error}");
    }
}

#[test]
fn a_second_run_is_told_that_the_first_is_at_work() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    let lock = state.lock().unwrap();
    assert_eq!(state.lock().unwrap_err().reason(), Reason::Busy);
    drop(lock);
    state.lock().unwrap();
}

#[test]
fn names_that_could_leave_the_folder_are_refused() {
    for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "c:", "é", &"x".repeat(65)] {
        assert_eq!(State::at(Path::new("root"), name).unwrap_err().reason(), Reason::Usage, "{name}");
    }
    assert_eq!(State::at(Path::new("root"), "work-2.b_c").unwrap().folder(), Path::new("root/work-2.b_c"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    state.save_enrolment(&enrolment()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(state.folder()), mode(&state.folder().join("enrolment.json"))), (0o700, 0o600));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let shown = format!("{:?}", enrolment());
    assert!(!shown.contains("5ec2e7") && !shown.contains("7777") && !shown.contains("8888"), "{shown}");
}

/// What a run that was killed had begun goes, once nobody can be at it any more; nothing else does.
#[test]
fn beginnings_that_nobody_finishes_go_after_a_day() {
    let root = tempfile::tempdir().unwrap();
    let state = State::at(root.path(), "default").unwrap();
    state.save_enrolment(&enrolment()).unwrap();
    std::fs::create_dir(state.journals()).unwrap();
    let day = 24 * 60 * 60 * 1_000;
    let of = |at: i64| SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap());
    let put = |path: PathBuf, at: i64| {
        std::fs::write(&path, b"half").unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(of(at)).unwrap();
        path
    };
    let now = Moment(20_000 * day);
    let old =
        [state.folder().join(".tmpAbC123"), state.journals().join(".tmpXyZ789")].map(|path| put(path, now.0 - day - 1));
    let young = put(state.folder().join(".tmpYoung1"), now.0 - day);
    let other = put(state.folder().join("last-backup"), 0);
    state.sweep(now);
    assert!(old.iter().all(|path| !path.exists()));
    assert!(young.exists() && other.exists() && state.enrolment().is_ok());
    // A clock before all time sweeps nothing, and no folder is none to sweep.
    state.sweep(Moment(i64::MIN));
    State::at(root.path(), "nothing").unwrap().sweep(now);
    assert!(young.exists());
}
