//! Servers side by side on one database: what one was told the others know, and one that is killed takes nothing with it. On SQLite, which one server has for
//! itself, there is nothing to try.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::api::{EnrollRequest, Enrolled};
use model::device::KeyLevel;
use seal::device_key::DeviceKey;

use crate::people::browser::{Browser, as_fields, hidden};
use crate::support::{Answer, Live, Made, PASSWORD, Pc, Place, elsewhere, said, sign};

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

/// A browser behind a load balancer that sends each request to the other server than the one before.
struct Balanced<'a> {
    browsers: [Browser<'a>; 2],
    asked: Cell<usize>,
}

impl<'a> Balanced<'a> {
    fn new([here, there]: &'a [Live; 2]) -> Self {
        Self { browsers: [Browser::new(here), Browser::new(there)], asked: Cell::new(0) }
    }

    /// The browser at the server whose turn it is, with the cookies that it has by now.
    fn next(&self) -> &Browser<'a> {
        let before = self.asked.replace(self.asked.get() + 1) % 2;
        let cookies = self.browsers[before].cookies.borrow().clone();
        *self.browsers[1 - before].cookies.borrow_mut() = cookies;
        &self.browsers[1 - before]
    }

    fn get(&self, path: &str) -> String {
        let answer = self.next().get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Opens a page at one server and sends its form to the other.
    fn send(&self, page: &str, fields: &[(&str, &str)]) -> Answer {
        let form = hidden(&self.get(page));
        let mut all = as_fields(&form);
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend_from_slice(fields);
        self.next().post(page, &all)
    }

    fn sign_in(&self) {
        let signed_in = self.send("/t/default/login", &[("name", "ada"), ("password", PASSWORD)]);
        assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    }
}

/// Two servers without a policy, whose owner is Ada.
fn two_of_ada() -> (Place, [Live; 2]) {
    let place = Place::new();
    let servers = [place.serve_off(), place.serve_off()];
    servers[0].make_owner("default/ada");
    (place, servers)
}

#[test]
fn a_policy_is_made_and_changed_though_each_request_comes_to_another_server() {
    if !elsewhere() {
        return;
    }
    let (_place, servers) = two_of_ada();
    let ada = Balanced::new(&servers);
    ada.sign_in();
    let basics = ada.next().get("/console/policies/new").leads_to();
    let settings = ada.send(&basics, &[("name", "Back up all"), ("go", "next")]).leads_to();
    assert!(settings.ends_with("?step=settings"), "{settings}");
    let wrong = ada.send(&settings, &[("set.backup.interval_hours", "0"), ("go", "next")]);
    assert_eq!(wrong.status, 422);
    let tags = ada.send(&settings, &[("set.backup.interval_hours", "24"), ("go", "next")]).leads_to();
    let assignments = ada.send(&tags, &[("go", "next")]).leads_to();
    let review = ada.send(&assignments, &[("all_devices", "on"), ("go", "next")]).leads_to();
    let back = ada.send(&review, &[("go", "back")]).leads_to();
    assert_eq!(back, assignments);
    // Each of the two shows all that was said at the other.
    for _ in 0..2 {
        let text = ada.get(&review);
        assert!(text.contains("Back up all") && text.contains("24 hours") && text.contains("All devices"), "{text}");
    }
    let form = hidden(&ada.get(&review));
    let mut fields = as_fields(&form);
    fields.extend([("enabled", "on"), ("go", "create")]);
    let made = ada.next().post(&review, &fields).leads_to();
    assert!(made.ends_with("?done=created"), "{made}");
    // Sent again to the other, it is the same policy.
    let again = ada.next().post(&review, &fields).leads_to();
    let policy = made.split('?').next().unwrap();
    assert_eq!(again, format!("{policy}?done=changed"));
    let view = operator(&servers[1]);
    let policies = servers[1].app.store.policies(&view, store::Slice::default()).unwrap().items;
    assert_eq!((policies.len(), policies[0].version, policies[0].terms.enabled), (1, 1, true));

    let edit = format!("/console/policies/new?of={}", policies[0].id);
    let (mine, thrown) = (ada.next().get(&edit).leads_to(), ada.next().get(&edit).leads_to());
    let next = ada.send(&mine, &[("name", "Back up everything"), ("go", "review")]).leads_to();
    assert!(ada.send(&next, &[("go", "create")]).leads_to().ends_with("?done=changed"));
    assert_eq!(ada.send(&thrown, &[("go", "discard")]).leads_to(), "/console/policies");
    for _ in 0..2 {
        assert_eq!(ada.next().get(&thrown).status, 404, "thrown away at one, it is gone at both");
    }
    let policies = servers[0].app.store.policies(&view, store::Slice::default()).unwrap().items;
    assert_eq!((policies.len(), policies[0].terms.name.as_str()), (1, "Back up everything"));
}

fn operator(live: &Live) -> store::View {
    store::View::operator(&live.app.store.operator("default").unwrap().unwrap())
}

#[test]
fn a_form_whose_session_has_ended_at_one_server_is_carried_out_at_the_other() {
    if !elsewhere() {
        return;
    }
    let (place, servers) = two_of_ada();
    let ada = Balanced::new(&servers);
    ada.sign_in();
    let basics = ada.next().get("/console/policies/new").leads_to();
    let mut forms = Vec::new();
    for (page, name) in [("/console/filters/new", "Laptops <1>"), (basics.as_str(), "Back up all")] {
        let form = hidden(&ada.get(page));
        let fields: Vec<(String, String)> = form.into_iter().chain([("name".to_owned(), name.to_owned())]).collect();
        forms.push((page, name, fields));
    }
    // Longer than a session lasts without a request.
    place.clock.turn(31 * 60);
    let mut waiting = Vec::new();
    for (page, name, fields) in &forms {
        let mut fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([("rule", "(device.deviceOwnership -eq \"Corporate\")"), ("go", "next")]);
        let away = ada.next().post(page, &fields).leads_to();
        let back = crate::people::browser::field(&away, "return_to");
        assert!(away.starts_with("/login?") && back.contains("parked="), "{away}");
        waiting.push((back, *name));
    }
    ada.sign_in();
    for (back, name) in &waiting {
        let shown = format!("value=\"{}\"", name.replace('<', "&#60;").replace('>', "&#62;"));
        for _ in 0..2 {
            let text = ada.get(back);
            assert!(text.contains(&shown) && text.contains("Your session had ended"), "{text}");
        }
        // Another browser of the same person has nothing filled in.
        let other = Balanced::new(&servers);
        other.sign_in();
        assert!(!other.get(back).contains(&shown));
    }
    let (filter, step) = (&waiting[0].0, &waiting[1].0);
    let fields = [("name", "Laptops <1>"), ("rule", "(device.deviceOwnership -eq \"Corporate\")"), ("go", "save")];
    let made = ada.send(filter, &fields);
    assert_eq!(made.status, 303, "{}", made.text());
    assert!(ada.get("/console/filters").contains("Laptops &#60;1&#62;"));
    ada.send(step, &[("name", "Back up all"), ("go", "next")]).leads_to();
    assert!(ada.get(&basics).contains("value=\"Back up all\""));
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
