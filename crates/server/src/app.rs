//! Everything a request needs, put together once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::ids::AssignmentId;
use model::world::{Clock, Random};
use store::blobs::{Blobs, DiskBlobs, Logs, S3Blobs};
use store::people::Change;
use store::{Store, StoreError, TenantScope};
use tokio::sync::Semaphore;

use crate::allowed::Allowed;
use crate::api::extract::apart;
use crate::audit::door::Salts;
use crate::audit::refusals::Refusals;
use crate::console::counts::Counts;
use crate::console::fleets::Fleets;
use crate::gates::{Bounds, Gates, REQUESTS_AT_ONCE};
use crate::identity::{Identify, MemoryNonces, Nonces, ServiceTokens, SharedNonces, SignedDevices};
use crate::jobs::Jobs;
use crate::keyring::journal::JournalRoots;
use crate::keyring::provider::{ProviderError, Roots};
use crate::keyring::{self, Keyring, KeyringError};
use crate::login::oidc::known::Providers;
use crate::login::site::Site;
use crate::login::tries::Tries;
use crate::login::visitor::Sessions;
use crate::metrics::Metrics;
use crate::password;
use crate::password::leaked::Leaked;
use crate::password::weak::{self, Weak};
use crate::room::Room;
use crate::seen::Seen;
use crate::traces::Traces;

/// The tenant that the first start makes.
pub const DEFAULT_TENANT: &str = "default";

/// The account that the first start makes.
pub const DEFAULT_USER: &str = "admin";

/// Passwords that are checked at once: each takes 19 MiB.
const PASSWORDS_AT_ONCE: usize = 2;

/// Exchanges with identity providers at once: each may hold a thread for ten seconds.
const OUTGOING_AT_ONCE: usize = 16;

/// Exports of the audit at once: each holds a thread while its reader reads.
const EXPORTS_AT_ONCE: usize = 4;

/// Why the server does not come up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keyring(KeyringError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyringError> for OpenError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<ProviderError> for OpenError {
    fn from(error: ProviderError) -> Self {
        Self::Keyring(error.into())
    }
}

/// Where things lie and how much is let in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of all data.
    pub data_dir: PathBuf,
    /// Where the database is: a file, or the address of a PostgreSQL server.
    pub database: Database,
    /// Where blobs are: a folder, or the address of an object store.
    pub blobs: String,
    /// Whether a journal is kept there too.
    pub journal: bool,
    /// Where the root key is: a file, or the address of another provider (`keyring::provider::open`).
    pub root_key: PathBuf,
    /// Where it was before, while keys move.
    pub root_key_old: Option<PathBuf>,
    /// How much is let in.
    pub bounds: Bounds,
    /// Names by which devices know this server; none: every name.
    pub hosts: Vec<String>,
    /// Where browsers find it.
    pub site: Site,
    /// The operator's list of passwords that nobody may choose.
    pub passwords_refused: Option<PathBuf>,
    /// Address of a collector of traces.
    pub otlp: Option<String>,
}

/// The server, without its listener.
pub struct App {
    /// What it remembers.
    pub store: Arc<Store>,
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
    /// Tells who asks: each knows one kind of credential, and the first that knows the request's answers.
    pub identity: Vec<Box<dyn Identify>>,
    /// Devices that sign, among those; asked by itself for keys that nobody knows yet.
    pub devices: Arc<SignedDevices>,
    /// Lets in.
    pub gates: Gates,
    /// How much is let in, as everybody is told.
    pub bounds: Bounds,
    /// How full tenants are.
    pub room: Room,
    /// Whose backups are taken.
    pub allowed: Allowed,
    /// Where browsers find it.
    pub site: Site,
    /// Wrong passwords and codes.
    pub tries: Tries,
    /// Identity providers, as far as they were asked.
    pub providers: Providers,
    pub(crate) outgoing: Semaphore,
    pub(crate) at_once: Semaphore,
    pub(crate) passwords: Semaphore,
    leaked: Option<Leaked>,
    pub(crate) exports: Arc<Semaphore>,
    /// Files that PCs are being sent.
    pub(crate) sending: crate::api::Sending,
    pub(crate) salts: Salts,
    pub(crate) seen: Seen,
    pub(crate) refusals: Refusals,
    /// Whether files could be reached when housekeeping last looked.
    pub files_up: AtomicBool,
    /// Whether the database's disk was full when housekeeping last looked.
    disk_full: AtomicBool,
    pub(crate) fleets: Fleets,
    pub(crate) counts: Counts,
    jobs: Jobs,
    /// The folder of all data, which has room for copies of it.
    pub(crate) data_dir: PathBuf,
    /// What is counted.
    pub metrics: Metrics,
    pub(crate) traces: Traces,
    leaving: AtomicBool,
    stopping: AtomicBool,
}

impl App {
    /// Opens data and keys, and makes both on the first start.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, OpenError> {
        let data = &settings.data_dir;
        make_private(data)?;
        let leaked = settings
            .passwords_refused
            .as_deref()
            .map(|path| Leaked::open(path).map_err(|source| OpenError::Io { path: path.to_owned(), source }));
        let leaked = leaked.transpose()?;
        let database = settings.database.place();
        let roots = Roots::open(&settings.root_key, settings.root_key_old.as_deref(), data)?;
        Keyring::prepare(&roots, !Store::exists(database)?, &*random)?;
        // With a wrong root key nothing is touched, the schema included.
        if let Some(stored) = Store::peek(database, keyring::RECEIPT_KEY)? {
            Keyring::prove(&roots, &stored)?;
        }
        let (blobs, logs) = files(settings, &clock)?;
        let store = Arc::new(Store::open(database, blobs, clock.now())?);
        let keyring = Keyring::open(roots, &store, Arc::clone(&clock), &*random)?;
        if settings.journal {
            let keys = JournalRoots::new(keyring.shared_roots(), Arc::clone(&clock), Arc::clone(&random));
            store.keep_journal(logs, Arc::new(keys));
        }
        let since = clock.now().0.div_euclid(1000);
        let shared = store.is_shared().then(|| Arc::clone(&store));
        let nonces: Box<dyn Nonces> = match &shared {
            Some(store) => Box::new(SharedNonces::new(Arc::clone(store), since)),
            None => Box::new(MemoryNonces::new(since)),
        };
        let signed = SignedDevices::new(Arc::clone(&store), Arc::clone(&clock), nonces, &settings.hosts);
        let devices = Arc::new(signed);
        Ok(Self {
            identity: vec![
                Box::new(Arc::clone(&devices)),
                Box::new(ServiceTokens::new(Arc::clone(&store), Arc::clone(&clock))),
                Box::new(Sessions::new(Arc::clone(&store), Arc::clone(&clock), settings.site.clone())),
            ],
            devices,
            site: settings.site.clone(),
            tries: Tries::new(shared.clone()),
            providers: Providers::default(),
            outgoing: Semaphore::new(OUTGOING_AT_ONCE),
            gates: Gates::new(Arc::clone(&clock), &settings.bounds, shared.clone()),
            bounds: settings.bounds,
            room: Room::default(),
            allowed: Allowed::default(),
            at_once: Semaphore::new(REQUESTS_AT_ONCE),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE),
            leaked,
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            sending: crate::api::Sending::default(),
            salts: Salts::new(&*random),
            seen: Seen::default(),
            refusals: Refusals::default(),
            files_up: AtomicBool::new(true),
            disk_full: AtomicBool::new(false),
            fleets: Fleets::default(),
            counts: Counts::default(),
            jobs: Jobs::new(shared),
            data_dir: data.clone(),
            metrics: Metrics::new(clock.now()),
            traces: Traces::new(settings.otlp.as_deref(), Arc::clone(&clock)),
            leaving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            store,
            keyring: Arc::new(keyring),
            clock,
            random,
        })
    }

    /// Makes the first tenant and account on a new server and gives the account's password, which is kept nowhere.
    pub fn set_up(&self) -> Result<Option<String>, KeyringError> {
        if !self.store.is_new()? {
            return Ok(None);
        }
        let world = (self.clock.now(), &*self.random);
        // A first start that was killed half-way may have left the tenant.
        let tenant = match self.store.operator(DEFAULT_TENANT)? {
            Some(tenant) => tenant,
            None => self.keyring.create_tenant(&self.store, DEFAULT_TENANT, world)?,
        };
        let password = password::make(&*self.random);
        let hash = password::hash(&password, &*self.random);
        self.keyring.create_user(&self.store, &tenant, (DEFAULT_USER, hash), world)?;
        self.make_owner(&tenant, DEFAULT_USER)?;
        if let Some(account) = self.store.account(DEFAULT_TENANT, DEFAULT_USER)? {
            // The operator's own terminal showed it, so a first PC may be connected with it; the page asks for another.
            self.store.order_password_change(&account.person(), Change::OnThePage)?;
        }
        Ok(Some(password))
    }

    /// Makes the user of that name an owner of the tenant, for the operator.
    pub fn make_owner(&self, tenant: &TenantScope, name: &str) -> Result<(), KeyringError> {
        let Some(user) = self.store.user_named(tenant, name)? else { return Ok(()) };
        let mut id = [0; AssignmentId::LEN];
        self.random.fill(&mut id);
        let given = self.store.make_owner(tenant, (AssignmentId(id), user), self.clock.now());
        given.map(drop).map_err(|error| KeyringError::Store(StoreError::NotCommitted(error.to_string())))
    }

    /// Why this cannot be the password of that account of the tenant, if it cannot. Takes milliseconds, and a look at the operator's list.
    pub fn unfit(&self, password: &str, (tenant, account): (&str, &str)) -> Result<Option<Weak>, StoreError> {
        if let Some(weak) = weak::why_not(password, &weak::words(tenant, account)) {
            return Ok(Some(weak));
        }
        let Some(list) = &self.leaked else { return Ok(None) };
        let listed = list.holds(password).map_err(StoreError::io(list.path()))?;
        Ok(listed.then_some(Weak::Leaked))
    }

    /// Whether new requests should go elsewhere.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.store.failed()
    }

    /// Whether the server has said that it leaves: it still answers, and nobody should begin with it.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire) || self.stopping()
    }

    /// Whether the database reads and commits, and the server has not said that it leaves. While it drains it still answers what comes. One with more to do than it can take at once
    /// is ready: it tells each who comes too much to come back, and whoever took it away would give its share to the others, which have as much.
    pub(crate) async fn is_ready(self: Arc<Self>) -> bool {
        if self.leaving() {
            return false;
        }
        let asked = move || match self.store.ready() {
            Err(StoreError::Overloaded) => Ok(()),
            other => other,
        };
        apart(asked).await.is_ok()
    }

    /// Says that the server will leave soon, so that load balancers choose another one.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Requests of the API and the pages being answered.
    pub(crate) fn at_work(&self) -> u64 {
        REQUESTS_AT_ONCE.saturating_sub(self.at_once.available_permits()) as u64
    }

    /// Says that the server is on its way down.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether files can be reached, for who watches; said in the log when it changes.
    fn look_for_files(&self) {
        let ready = self.store.files_ready();
        match (self.files_up.swap(ready.is_ok(), Ordering::AcqRel), ready) {
            (true, Err(error)) => {
                tracing::error!(%error, "files cannot be reached; backups and restores without any go on");
            }
            (false, Ok(())) => tracing::info!("files can be reached again"),
            _ => {}
        }
    }

    /// Keeps room for readers on the database's disk, and makes it anew once there is room; said in the log when it begins to be used, and when it is whole again.
    pub fn look_for_reserve(&self) {
        let Some(state) = self.store.keep_reserve() else { return };
        match (self.disk_full.swap(state.is_in_use, Ordering::AcqRel), state.is_in_use) {
            (false, true) => {
                tracing::error!(
                    left = state.held_bytes,
                    "the disk of the database is full: what is stored is still given out, on room kept for that, and nothing else is taken; make room"
                );
            }
            (true, false) => tracing::info!("there is room on the disk of the database again; everything goes on"),
            _ => {}
        }
    }

    /// Writes what is gathered in memory: when PCs were seen last, and refusals that were counted. Waits for the disk.
    pub fn write_down(&self) -> Result<(), StoreError> {
        let seen = self.seen.take();
        if !seen.is_empty() {
            self.store.note_seen(seen)?;
        }
        self.refusals.flush(self);
        Ok(())
    }

    /// What is done now and then: what is gathered is written, idle limits go, and the jobs that are due are done. Waits for the disk.
    pub fn housekeep(&self) -> Result<(), StoreError> {
        self.look_for_reserve();
        self.write_down()?;
        self.look_for_files();
        self.gates.tidy();
        self.devices.tidy();
        self.keyring.forget();
        let now = self.clock.now();
        self.fleets.tidy(now);
        self.counts.tidy(now);
        self.providers.tidy(now);
        self.jobs.run_due(self)?;
        Ok(())
    }
}

/// Where a database is: a path, `sqlite://PATH` or `postgres://...`. Shown without what may be a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Database(PathBuf);

impl Database {
    /// The one in a data folder.
    pub fn within(data_dir: &Path) -> Self {
        Self(data_dir.join("rehome.db"))
    }

    /// As the store takes it.
    pub fn place(&self) -> &Path {
        &self.0
    }
}

impl From<PathBuf> for Database {
    fn from(place: PathBuf) -> Self {
        Self(place)
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.0.display().to_string();
        // Whatever stands between the scheme and the last `@` of host and path, and in the query: a password can be in either.
        let Some((scheme, rest)) = place.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
            return f.write_str(&place);
        };
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        write!(f, "{scheme}://{rest}")
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Where blobs are kept.
pub(crate) fn blobs(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Blobs>, StoreError> {
    Ok(files(settings, clock)?.0)
}

/// The same place, for blobs and for logs.
pub(crate) type Files = (Arc<dyn Blobs>, Arc<dyn Logs>);

/// Where blobs and logs are kept.
pub(crate) fn files(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Files, StoreError> {
    if settings.blobs.starts_with("s3://") {
        let bucket = Arc::new(S3Blobs::open(&settings.blobs, Arc::clone(clock))?);
        return Ok((Arc::clone(&bucket) as Arc<dyn Blobs>, bucket));
    }
    let folder = Arc::new(DiskBlobs::open(&settings.blobs)?);
    Ok((Arc::clone(&folder) as Arc<dyn Blobs>, folder))
}

/// Makes the data folder, for the server's own account only.
pub(crate) fn make_private(data: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: data.to_owned(), source };
    if data.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(data).map_err(io)?;
    #[cfg(unix)]
    fs::set_permissions(data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(io)?;
    Ok(())
}
