//! Servers side by side on one database: what one was told the others know, and one that is killed takes nothing with it. On SQLite, which one server has for
//! itself, there is nothing to try.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::api::{EnrollRequest, Enrolled};
use model::device::KeyLevel;
use seal::device_key::DeviceKey;

use crate::people::browser::Browser;
use crate::support::{Live, Made, PASSWORD, Pc, Place, elsewhere, said, sign};

/// What people call all of them, whatever each listens on.
const NAME: &str = "rehome.example";

fn two(place: &Place) -> [Live; 2] {
    [place.serve(), place.serve()]
}

#[test]
fn whoever_signs_in_at_one_is_signed_in_at_the_other_until_they_sign_out_there() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    let [here, there] = two(&place);
    let (browser, other) = (Browser::new(&here), Browser::new(&there));
    assert_eq!(browser.sign_in("default", "ada", PASSWORD).leads_to(), "/account");
    *other.cookies.borrow_mut() = browser.cookies.borrow().clone();
    assert!(other.is_signed_in());
    assert_eq!(other.fill("/account", "/logout", &[]).status, 200);
    assert!(!browser.is_signed_in());
}

#[test]
fn a_request_that_was_at_one_is_refused_at_the_other() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    let [here, there] = two(&place);
    let pc = here.enroll("ada", "PC");
    let mut headers = vec![("host".to_owned(), NAME.to_owned())];
    sign(&pc.key, (("GET", "/api/v1/profiles"), NAME, place.clock_seconds()), &mut headers, b"");
    assert_eq!(here.send(("GET", "/api/v1/profiles"), &headers, b"").status, 200);
    for live in [&there, &here] {
        assert_eq!(live.send(("GET", "/api/v1/profiles"), &headers, b"").problem(), (401, "replayed".to_owned()));
    }
    assert_eq!(there.get("/api/v1/profiles", &pc).status, 200, "the PC itself goes on, wherever it gets to");
}

#[test]
fn guesses_and_rates_are_counted_over_both() {
    if !elsewhere() {
        return;
    }
    let mut place = Place::new();
    place.enrolments = 6;
    let [here, there] = two(&place);
    let guess = |live: &Live| live.try_enroll("ada", "wrong", "PC").status;
    let answers: Vec<u16> = [&here, &there, &here, &there].map(guess).to_vec();
    assert_eq!(answers, [401; 4]);
    assert_eq!(guess(&here), 429, "the fourth wrong try makes the next one wait, wherever it comes");
    assert_eq!(there.try_enroll("bob", PASSWORD, "PC").status, 201);
    assert_eq!(here.try_enroll("bob", PASSWORD, "PC 2").status, 429, "more than six a minute from here");
    place.clock.turn(60);
    assert_eq!(here.try_enroll("bob", PASSWORD, "PC 2").status, 201);
}

#[test]
fn a_job_runs_once_however_many_servers_there_are() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    let [here, there] = two(&place);
    let tenant = here.app.store.operator("default").unwrap().unwrap();
    let days = || here.app.store.heads(&tenant).unwrap().len();
    std::thread::scope(|scope| {
        for live in [&here, &there, &here, &there] {
            scope.spawn(|| live.app.housekeep().unwrap());
        }
    });
    assert_eq!(days(), 1);
    here.enroll("ada", "PC");
    there.app.housekeep().unwrap();
    assert_eq!(days(), 1, "not again on the same day, whoever asks");
    place.clock.turn(24 * 60 * 60);
    there.app.housekeep().unwrap();
    here.app.housekeep().unwrap();
    assert_eq!(days(), 2);
}

#[test]
fn two_that_race_for_one_profile_lose_nothing_and_number_it_once() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    let [here, there] = two(&place);
    let pc = here.enroll("ada", "PC");
    for seq in 1..=12 {
        let envelope = Made::new(&pc, seq, &[(1, 100)], &[]).with(|_| seq == 1);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads = [&here, &there, &here, &there].map(|live| {
                let (pc, envelope) = (&pc, &envelope);
                scope.spawn(move || live.backup(pc, envelope))
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201], "{seq}");
        assert!(answers.iter().all(|answer| answer.body == answers[0].body), "one receipt");
    }
    let report = there.app.store.verify(&|_| true).unwrap();
    assert_eq!((report.snapshots, report.findings), (12, Vec::new()));
}

/// `rehome-server serve` as a process of its own.
pub struct Process {
    pub child: Child,
    address: String,
}

impl Process {
    pub fn start(place: &Place) -> Self {
        let unlimited = ["--requests-per-minute", "0", "--backups-per-day", "0"];
        let mut command = place.command(&[&["serve", "--listen", "127.0.0.1:0"], &unlimited[..]].concat());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it listens") }
    }

    /// The answer's status and body, or nothing if the connection broke.
    pub fn ask(&self, key: &DeviceKey, (method, path): (&str, &str), body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut headers = Vec::new();
        if path.ends_with("backups") {
            headers.push(("content-type".to_owned(), model::api::ENVELOPE_TYPE.to_owned()));
        }
        sign(key, ((method, path), &self.address, i64::try_from(created).unwrap()), &mut headers, body);
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = ureq::Agent::from(config).run(request.body(body).unwrap()).ok()?;
        let body = answer.body_mut().read_to_vec().ok()?;
        Some((answer.status().as_u16(), body))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn one_that_is_killed_in_the_middle_of_backups_takes_nothing_with_it_that_it_has_confirmed() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    drop(place.serve());
    let kept = place.run(&["retention", "set", "--keep-last", "1000"]);
    assert!(kept.status.success(), "{}", said(&kept));
    let survivor = Process::start(&place);
    let pcs: Vec<Pc> = (0..4).map(|number| enroll(&survivor, number)).collect();
    for turn in 0..3 {
        let victim = Process::start(&place);
        let (confirmed, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let receipts: Vec<Vec<(u64, Vec<u8>)>> = std::thread::scope(|scope| {
            let threads: Vec<_> = pcs
                .iter()
                .map(|pc| {
                    let (victim, confirmed, over) = (&victim, &confirmed, &over);
                    scope.spawn(move || {
                        let mut receipts = Vec::new();
                        for seq in turn * 50 + 1..=turn * 50 + 50 {
                            let envelope = Made::new(pc, seq, &[(1, 100)], &[]).whole();
                            let answer = victim.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope);
                            let Some((201, receipt)) = answer else { break };
                            receipts.push((seq, receipt));
                            confirmed.fetch_add(1, Ordering::SeqCst);
                        }
                        over.store(true, Ordering::SeqCst);
                        receipts
                    })
                })
                .collect();
            // Some have been confirmed and others are on their way.
            while confirmed.load(Ordering::SeqCst) < 10 && !over.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let pid = victim.child.id().to_string();
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (pc, receipts) in pcs.iter().zip(&receipts) {
            for (seq, receipt) in receipts {
                let envelope = Made::new(pc, *seq, &[(1, 100)], &[]).whole();
                let again = survivor.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope).unwrap();
                assert_eq!(again, (200, receipt.clone()), "{seq}");
            }
            // What was on its way goes on at the one that is left.
            for seq in receipts.last().map_or(turn * 50, |last| last.0) + 1..=turn * 50 + 50 {
                let envelope = Made::new(pc, seq, &[(1, 100)], &[]).whole();
                let (status, _) = survivor.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope).unwrap();
                assert!(status == 201 || status == 200, "{seq}: {status}");
            }
        }
        assert!(receipts.iter().map(Vec::len).sum::<usize>() >= 4, "the kill came in the middle");
    }
    drop(survivor);
    let app = place.open().unwrap();
    let key = app.keyring.receipt_key();
    let report = app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!((report.snapshots, report.findings), (600, Vec::new()));
}

pub fn enroll(process: &Process, number: usize) -> Pc {
    let key = DeviceKey::generate();
    let request = EnrollRequest {
        device_name: format!("PC {number}"),
        public_key: model::ids::to_hex(&key.public_key()),
        key_level: KeyLevel::File,
        machine: None,
        user: Some("ada".to_owned()),
        password: Some(PASSWORD.to_owned()),
        sign_in: None,
        token: None,
    };
    let body = serde_json::to_vec(&request).unwrap();
    let (status, body) = process.ask(&key, ("POST", "/api/v1/enroll"), &body).unwrap();
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    let enrolled: Enrolled = serde_json::from_slice(&body).unwrap();
    Pc { enrolled, key }
}

#[test]
fn all_data_moves_from_a_file_to_a_server_and_is_the_same_there() {
    if !elsewhere() {
        return;
    }
    let mut place = Place::new();
    place.on_file = true;
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let envelope = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    let receipt = live.backup(&pc, &envelope);
    assert_eq!(receipt.status, 201);
    let file = place.database();
    place.on_file = false;
    let migrate = |with: &[&str]| {
        let mut migrate = place.command(&[]);
        migrate.args(["migrate", "--from"]).arg(&file).arg("--to").arg(place.database()).args(with).output().unwrap()
    };
    let busy = migrate(&["--listen", &live.address.to_string()]);
    assert_eq!(busy.status.code(), Some(7), "{}", said(&busy));
    drop(live);
    let moved = migrate(&["--listen", "127.0.0.1:0"]);
    assert_eq!(moved.status.code(), Some(0), "{}", said(&moved));
    assert!(said(&moved).contains("are the same on both sides"), "{}", said(&moved));
    let tables = String::from_utf8(moved.stdout).unwrap();
    assert!(tables.contains("\nsnapshots\t1 rows\t") && tables.contains("\nusers\t3 rows\t"), "{tables}");
    let again = migrate(&["--listen", "127.0.0.1:0"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    let live = place.serve();
    let same = live.backup(&pc, &envelope);
    assert_eq!((same.status, same.body), (200, receipt.body), "the receipt of before");
    assert_eq!(live.backup(&pc, &Made::new(&pc, 2, &[(1, 100)], &[]).whole()).status, 201);
    let key = live.app.keyring.receipt_key();
    let report = live.app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!((report.snapshots, report.findings), (2, Vec::new()));
}
