//! A live server on a port of its own, with a clock that the test turns, and a client that is not ours.

#![allow(dead_code, clippy::allow_attributes, reason = "some of it is for the stories of one machine or another")]

pub mod cluster;
pub mod service;

// What the store's tests have.
#[path = "../../../../store/tests/it/support/place.rs"]
mod place;
#[path = "../../../../store/tests/it/support/seaweed.rs"]
pub mod seaweed;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use axum::http::request::Parts;

use model::api::{EnrollRequest, Enrolled, Problem};
use model::device::KeyLevel;
use model::envelope::{BlobEntry, Envelope, Header, PartEntry, Source};
use model::ids::{AssignmentId, BlobId, PartId, PolicyId, SnapshotId};
use model::permission::BuiltIn;
use model::signature::{Covered, DIGEST_HEADER, FIELDS, INPUT_HEADER, SIGNATURE_HEADER};
use model::world::{Clock, Moment};
use seal::device_key::{self, DeviceKey};
use seal::random::SystemRandom;
use server::access::Principal;
use server::app::Settings;
use server::gates::Bounds;
use server::identity::Identify;
use server::problem::Refusal;
use server::{App, listen};
use store::{Person, Terms, View, Which};
use tokio::sync::oneshot;

pub use place::{ask, elsewhere};

pub const PASSWORD: &str = "correct horse battery";

/// [`PASSWORD`] as the server keeps it. Hashed once: every test has three accounts, and to hash is meant to take long.
pub fn hashed() -> String {
    static HASHED: OnceLock<String> = OnceLock::new();
    HASHED.get_or_init(|| server::password::hash(PASSWORD, &SystemRandom::new())).clone()
}

/// Glances at something that takes a moment: a minute of them.
const GLANCES_MAX: u32 = 6_000;

/// Waits until something is so.
pub fn glance(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..GLANCES_MAX {
        if is_so() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("not within a minute: {what}");
}

/// What a command printed.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command said beside that.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}

impl TestClock {
    pub fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

/// A folder with data and root key, and the account `admin`.
pub struct Place {
    folder: tempfile::TempDir,
    pub clock: Arc<TestClock>,
    /// Whether the database is a file, whatever others have.
    pub on_file: bool,
    /// Where the database is, if a test has its own.
    pub elsewhere: Option<PathBuf>,
    /// Where the root key is, if not in the file.
    pub root: Option<PathBuf>,
    pub enrolments: u32,
    pub requests: u32,
    /// What else is limited; nothing, unless a test says so.
    pub bounds: Bounds,
    pub hosts: Vec<String>,
    /// List of passwords that nobody may choose.
    pub passwords_refused: Option<PathBuf>,
    pub site: server::login::site::Site,
    /// Address of a collector of traces.
    pub otlp: Option<String>,
    /// Where files are, if not in a folder.
    pub blobs: Option<String>,
    /// Whether a journal is kept.
    pub journal: bool,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_000_000_000)));
        Self {
            folder,
            clock,
            on_file: false,
            elsewhere: None,
            root: None,
            enrolments: 0,
            requests: 0,
            bounds: Bounds::OPEN,
            hosts: Vec::new(),
            passwords_refused: None,
            site: server::login::site::Site::default(),
            otlp: None,
            blobs: None,
            journal: false,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The database: a file in the data folder, or one of its own on a server of PostgreSQL (`place.rs`).
    pub fn database(&self) -> PathBuf {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.clone();
        }
        let file = self.data().join("rehome.db");
        if self.on_file { file } else { place::place(&file) }
    }

    /// The clock's time in seconds, as signatures have it.
    pub fn clock_seconds(&self) -> i64 {
        self.clock.now().0 / 1000
    }

    pub fn root_key(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `rehome-server` with these words and the place's data, beside the running server.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_with(words, &self.root_key())
    }

    /// The same with another root key.
    pub fn command_with(&self, words: &[&str], root_key: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehome-server"));
        command.args(words).arg("--data-dir").arg(self.data()).arg("--database").arg(self.database());
        command.arg("--root-key").arg(root_key);
        if let Some(blobs) = &self.blobs {
            command.args(["--blobs", blobs]);
        }
        command
    }

    /// Runs that command to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub fn open(&self) -> Result<App, server::app::OpenError> {
        let settings = Settings {
            data_dir: self.data(),
            database: self.database().into(),
            blobs: self.blobs.clone().unwrap_or_else(|| self.data().join("blobs").display().to_string()),
            journal: self.journal,
            root_key: self.root.clone().unwrap_or_else(|| self.root_key()),
            root_key_old: None,
            bounds: Bounds {
                enrolments_per_minute: self.enrolments,
                requests_per_minute: self.requests,
                ..self.bounds
            },
            hosts: self.hosts.clone(),
            site: self.site.clone(),
            passwords_refused: self.passwords_refused.clone(),
            otlp: self.otlp.clone(),
        };
        App::open(&settings, Arc::clone(&self.clock) as Arc<dyn Clock>, Arc::new(SystemRandom::new()))
    }

    /// The same as [`Self::serve_off`], with a policy `Backups` in each tenant that switches backups on for all devices.
    pub fn serve(&self) -> Live {
        let live = self.serve_off();
        for tenant in ["default", "other"] {
            live.switch_backups_on(tenant);
        }
        live
    }

    /// Opens, makes the accounts `ada` and `bob` of the tenant `default` and `eve` of `other`, and serves.
    pub fn serve_off(&self) -> Live {
        let app = self.open().unwrap();
        if app.store.is_new().unwrap() {
            let world = (app.clock.now(), &*app.random);
            for (tenant, users) in [("default", ["ada", "bob"].as_slice()), ("other", &["eve"])] {
                let scope = app.keyring.create_tenant(&app.store, tenant, world).unwrap();
                for user in users {
                    let hash = hashed();
                    app.keyring.create_user(&app.store, &scope, (user, hash), world).unwrap();
                }
            }
        }
        let mut app = app;
        let sessions: Arc<Sessions> = Arc::default();
        app.identity.insert(0, Box::new(Shown(Arc::clone(&sessions))));
        Live::start(Arc::new(app), sessions, self.database())
    }
}

/// People who are signed in, by what they show as a bearer token. What a browser's cookie is takes the place of this in a real sign-in; everything behind
/// it is the real thing.
type Sessions = Mutex<HashMap<String, (Person, Moment)>>;

struct Shown(Arc<Sessions>);

impl Identify for Shown {
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal> {
        let value = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let sessions = self.0.lock().unwrap();
        let found = token.and_then(|token| sessions.get(token)).cloned();
        Ok(found.map(|(person, signed_in_at)| Principal::Person { person, signed_in_at }))
    }
}

/// A server at work; stops when dropped.
pub struct Live {
    pub app: Arc<App>,
    sessions: Arc<Sessions>,
    pub address: SocketAddr,
    pub database: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    agent: ureq::Agent,
}

pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The status and code of a problem, which must be a whole one.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), model::api::PROBLEM_TYPE, "{}", String::from_utf8_lossy(&self.body));
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty() && !problem.hint.is_empty(), "{problem:?}");
        (self.status, problem.code)
    }
}

impl Live {
    /// Signs a person in, given as `tenant/name`, and gives what they show.
    pub fn sign_in(&self, who: &str) -> String {
        let person = self.person(who);
        let mut sessions = self.sessions.lock().unwrap();
        let token = format!("session-{}", sessions.len());
        sessions.insert(token.clone(), (person, self.app.clock.now()));
        token
    }

    fn person(&self, who: &str) -> Person {
        let (tenant, name) = who.split_once('/').unwrap();
        let scope = self.app.store.operator(tenant).unwrap().unwrap();
        let id = self.app.store.user_named(&scope, name).unwrap().unwrap();
        self.app.store.person(&scope, id).unwrap().unwrap()
    }

    /// Switches backups on for all devices of a tenant, as its administrator does first. Once is enough.
    pub fn switch_backups_on(&self, tenant: &str) {
        let view = View::operator(&self.app.store.operator(tenant).unwrap().unwrap());
        if self.app.store.policy_named(&view, "Backups").unwrap().is_none() {
            let terms = serde_json::json!({
                "name": "Backups", "enabled": true, "priority": 1000, "settings": {"backup.enabled": true},
                "assignments": {"all_devices": true},
            });
            let mut id = [0; 16];
            self.app.random.fill(&mut id);
            let terms = serde_json::from_value(terms).unwrap();
            self.app.store.create_policy(&view, (PolicyId(id), terms), self.app.clock.now()).unwrap();
        }
    }

    /// Makes a person an owner of their tenant, as the operator does.
    pub fn make_owner(&self, who: &str) {
        self.give(who, BuiltIn::Owner);
    }

    /// Gives a person a role over everything, as the operator does.
    pub fn give(&self, who: &str, role: BuiltIn) {
        let scope = self.app.store.operator(who.split_once('/').unwrap().0).unwrap().unwrap();
        let mut id = [0; 16];
        self.app.random.fill(&mut id);
        let terms = Terms {
            name: format!("{}: {}", role.word(), who.replace('/', " ")),
            role: Which::BuiltIn(role),
            users: vec![self.person(who).user()],
            groups: Vec::new(),
            tokens: Vec::new(),
            scope_groups: None,
            scope_tags: None,
            expires_at: None,
        };
        let now = self.app.clock.now();
        self.app.store.assign(&View::operator(&scope), (AssignmentId(id), terms, None), now).unwrap();
    }

    fn start(app: Arc<App>, sessions: Arc<Sessions>, database: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&app);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let stop = async { drop(stopped.await) };
            runtime.block_on(listen::serve(served, listen::Listening::plain(listener), stop)).unwrap();
        });
        // Each request on a connection of its own: a refusal that comes before the body was read closes the one it came on.
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).max_idle_connections(0);
        let agent = config.build().into();
        Self { app, sessions, address, database, stop: Some(stop), thread: Some(thread), agent }
    }

    /// Asks as they are, with further headers.
    #[expect(clippy::too_many_arguments, reason = "these are the pieces of a request")]
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        who: &(impl Asker + ?Sized),
        with: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut headers: Vec<(String, String)> =
            with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        who.sign(self, (method, path), &mut headers, body);
        self.send((method, path), &headers, body)
    }

    /// Asks with these headers and no others.
    pub fn send(&self, (method, path): (&str, &str), headers: &[(String, String)], body: &[u8]) -> Answer {
        let uri = format!("http://{}{path}", self.address);
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = if body.is_empty() && method != "POST" && method != "PUT" {
            self.agent.run(request.body(()).unwrap()).unwrap()
        } else {
            self.agent.run(request.body(body).unwrap()).unwrap()
        };
        let body = response.body_mut().read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub fn get(&self, path: &str, who: &(impl Asker + ?Sized)) -> Answer {
        self.ask("GET", path, who, &[], b"")
    }

    /// Asks to be taken in with this key, and what `change` makes of the request.
    pub fn enroll_with(&self, key: &DeviceKey, change: impl FnOnce(&mut EnrollRequest)) -> Answer {
        let mut request = EnrollRequest {
            device_name: "PC".to_owned(),
            public_key: model::ids::to_hex(&key.public_key()),
            key_level: KeyLevel::File,
            machine: None,
            user: None,
            password: None,
            sign_in: None,
            token: None,
        };
        change(&mut request);
        self.ask("POST", "/api/v1/enroll", key, &[], &serde_json::to_vec(&request).unwrap())
    }

    pub fn try_enroll(&self, user: &str, password: &str, device: &str) -> Answer {
        self.enroll_with(&DeviceKey::generate(), |request| {
            device.clone_into(&mut request.device_name);
            request.user = Some(user.to_owned());
            request.password = Some(password.to_owned());
        })
    }

    pub fn enroll(&self, user: &str, device: &str) -> Pc {
        let key = DeviceKey::generate();
        let answer = self.enroll_with(&key, |request| {
            device.clone_into(&mut request.device_name);
            request.user = Some(user.to_owned());
            request.password = Some(PASSWORD.to_owned());
        });
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        Pc { enrolled: answer.json(), key }
    }

    pub fn backup(&self, pc: &Pc, envelope: &[u8]) -> Answer {
        self.ask("POST", "/api/v1/backups", pc, &[("content-type", model::api::ENVELOPE_TYPE)], envelope)
    }

    pub fn backup_delta(&self, pc: &Pc, delta: &[u8]) -> Answer {
        self.ask("POST", "/api/v1/backups", pc, &[("content-type", model::api::ENVELOPE_DELTA_TYPE)], delta)
    }
}

/// Whoever asks.
pub trait Asker {
    /// Adds what proves who asks.
    fn sign(&self, live: &Live, request: (&str, &str), headers: &mut Vec<(String, String)>, body: &[u8]);
}

/// Nobody.
pub struct Nobody;

impl Asker for Nobody {
    fn sign(&self, _: &Live, _: (&str, &str), _: &mut Vec<(String, String)>, _: &[u8]) {}
}

/// Somebody with a bearer token, or nobody without one.
impl Asker for str {
    fn sign(&self, _: &Live, _: (&str, &str), headers: &mut Vec<(String, String)>, _: &[u8]) {
        if !self.is_empty() {
            headers.push(("authorization".to_owned(), format!("Bearer {self}")));
        }
    }
}

impl Asker for String {
    fn sign(&self, live: &Live, request: (&str, &str), headers: &mut Vec<(String, String)>, body: &[u8]) {
        self.as_str().sign(live, request, headers, body);
    }
}

/// Somebody with a key, known or not.
impl Asker for DeviceKey {
    fn sign(&self, live: &Live, request: (&str, &str), headers: &mut Vec<(String, String)>, body: &[u8]) {
        let host = live.address.to_string();
        let created = live.app.clock.now().0 / 1000;
        sign(self, (request, &host, created), headers, body);
    }
}

/// A PC that is taken in.
pub struct Pc {
    pub enrolled: Enrolled,
    pub key: DeviceKey,
}

impl Asker for Pc {
    fn sign(&self, live: &Live, request: (&str, &str), headers: &mut Vec<(String, String)>, body: &[u8]) {
        Asker::sign(&self.key, live, request, headers, body);
    }
}

impl std::ops::Deref for Pc {
    type Target = Enrolled;

    fn deref(&self) -> &Enrolled {
        &self.enrolled
    }
}

/// Signs a request as `docs/format.md` section 15 says.
pub fn sign(
    key: &DeviceKey,
    ((method, path), host, created): ((&str, &str), &str, i64),
    headers: &mut Vec<(String, String)>,
    body: &[u8],
) {
    if matches!(method, "POST" | "PUT" | "PATCH") {
        headers.push((DIGEST_HEADER.to_owned(), device_key::digest(body)));
    }
    let parameters = device_key::parameters(device_key::print(&key.public_key()), created, &SystemRandom::new());
    let proof = {
        let covered = covered((method, path), host, headers);
        device_key::prove(&covered, &parameters, |bytes| Ok::<_, std::convert::Infallible>(key.sign(bytes))).unwrap()
    };
    headers.push((INPUT_HEADER.to_owned(), proof.input));
    headers.push((SIGNATURE_HEADER.to_owned(), proof.signature));
}

/// What a signature covers of a request.
pub fn covered<'a>((method, path): (&'a str, &'a str), host: &'a str, headers: &'a [(String, String)]) -> Covered<'a> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let fields = FIELDS.map(|name| headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()));
    Covered { method, authority: host, path, query, fields }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(std::thread::panicking() || ended.is_ok());
    }
}

/// An envelope as far as a server looks into it: `parts` by number and length, `blobs` by number and length.
pub struct Made {
    pub header: Header,
    pub header_bytes: Vec<u8>,
    sealed: Vec<(PartId, Vec<u8>)>,
}

impl Made {
    pub fn new(pc: &Enrolled, seq: u64, parts: &[(u8, usize)], blobs: &[(u8, u64)]) -> Self {
        let entry = |((number, len), kind): (&(u8, usize), u8)| PartEntry {
            kind,
            id: PartId([*number; 32]),
            sealed_len: u32::try_from(*len).unwrap(),
            items: 1,
        };
        let blob =
            |((number, len), role): (&(u8, u64), u8)| BlobEntry { role, id: BlobId([*number; 32]), sealed_len: *len };
        let header = Header {
            tenant: pc.tenant,
            user: pc.user,
            device: pc.device,
            profile: pc.profile,
            seq,
            snapshot: SnapshotId([u8::try_from(seq).unwrap(); 32]),
            taken_at: Moment(1_794_999_999_000),
            catalog_version: 1,
            key: pc.keys.current,
            source: Source::Hive,
            device_name: "PC".to_owned(),
            settings_count: 143,
            apps_count: 27,
            parts: parts.iter().zip(16..).map(entry).collect(),
            blobs: blobs.iter().zip(1..).map(blob).collect(),
        };
        let sealed = header.parts.iter().map(|part| (part.id, vec![part.kind; part.sealed_len as usize])).collect();
        Self { header_bytes: header.to_bytes().unwrap(), header, sealed }
    }

    pub fn whole(&self) -> Vec<u8> {
        self.with(|_| true)
    }

    /// With those parts that `along` picks by index.
    pub fn with(&self, along: impl Fn(usize) -> bool) -> Vec<u8> {
        let parts = self.sealed.iter().enumerate().filter(|(index, _)| along(*index));
        let parts: Vec<(PartId, &[u8])> = parts.map(|(_, (id, sealed))| (*id, sealed.as_slice())).collect();
        Envelope::assemble(&self.header_bytes, &[7; 32], &parts)
    }
}

impl Live {
    /// Refusals that the audit tells of, all tenants together, once everything on its way is written.
    pub fn refusals(&self) -> usize {
        self.app.store.ready().unwrap();
        if elsewhere() {
            let sql = "SELECT COUNT(*) FROM audit WHERE position('access.refuse'::bytea IN event) > 0";
            return ask(&self.database, sql).parse().unwrap();
        }
        let connection = rusqlite::Connection::open(self.database.clone()).unwrap();
        let mut rows = connection.prepare("SELECT event FROM audit").unwrap();
        let rows = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        let refused = |event: Vec<u8>| event.windows(13).any(|window| window == b"access.refuse");
        rows.filter(|event| refused(event.as_ref().unwrap().clone())).count()
    }
}
