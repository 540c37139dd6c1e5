//! A connection to PostgreSQL that is asked like one to SQLite: the caller waits for each answer.
//!
//! The connection itself is moved by a small runtime of its own; whoever asks waits on their own thread, which may be one that serves requests. A
//! connection that has been lost is made anew when the next transaction begins, never in the middle of one: what was under way then has not happened, and whoever
//! asked for it may ask again ([`Postgres::passes`]).
//!
//! What gives no rows need not be waited for ([`Postgres::hand_over`]): its answer is read with that of what is asked next. A backup writes four rows, and most of
//! what it took was the way there and back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::fs;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rusqlite::types::Value;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Runtime;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Error, Result, TRIES_MAX};
use crate::StoreError;

/// How long a connection may take to come about, in seconds.
const CONNECT_SECONDS: u64 = 5;

/// How long a statement may take, in seconds. Longer ones are for nobody who waits; the largest deletion stays far below it.
const STATEMENT_SECONDS: u64 = 60;

/// How long a single statement on a line may take, in seconds: a request waits for it.
const LINE_SECONDS: u64 = 10;

/// How long what goes through the whole database may take, in seconds: a day.
const LONG_SECONDS: u64 = 24 * 60 * 60;

/// Statements kept compiled on each connection: all there are, and those that are put together from parts. Beyond it all are forgotten.
const STATEMENTS_CACHED: usize = 512;

/// After how many seconds without a sign of life from the other machine a connection is given up: of bytes that nobody has confirmed, and of nobody asking.
const SILENT_SECONDS: u64 = 30;

/// What all connections of this process are moved by: one thread, which only copies bytes.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("store-postgres").enable_all();
        builder.build().expect("a process can start one more thread")
    })
}

/// Wakes a thread that waits.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer on this thread, whatever this thread is. Nothing comes in time: an error.
fn wait<T>(seconds: u64, work: impl Future<Output = T>) -> std::result::Result<T, String> {
    let _timers = runtime().enter();
    let mut work = pin!(tokio::time::timeout(Duration::from_secs(seconds), work));
    let waker = Waker::from(Arc::new(Parked(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result.map_err(|_| format!("no answer within {seconds} seconds")),
            Poll::Pending => std::thread::park(),
        }
    }
}

/// A statement that was sent and whose answer was not read yet: how many rows it changed.
type Sent = Pin<Box<dyn Future<Output = std::result::Result<u64, tokio_postgres::Error>> + Send>>;

/// Sends what waits to be sent: the driver does when it is asked for the first time, and keeps the order.
fn send<T>(work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    work.poll(&mut Context::from_waker(Waker::noop()))
}

/// Where a database is and how one connects.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// For people: host and database, without a password.
    shown: String,
}

impl Address {
    /// Reads `postgres://[USER[:PASSWORD]@]HOST[:PORT][,HOST...]/DATABASE[?sslmode=...&sslrootcert=FILE&password-file=FILE&target_session_attrs=read-write]`. Of several
    /// hosts the first that lets us in is taken, and with `target_session_attrs=read-write` the first that is no standby.
    pub(crate) fn parse(address: &str) -> std::result::Result<Self, StoreError> {
        // What is not understood may hold a password, so the address itself is never repeated.
        let bad = |why: String| StoreError::Address { address: "the database's address".to_owned(), why };
        let (place, query) = address.split_once('?').unwrap_or((address, ""));
        let (mut root, mut password, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", file)) => root = Some(file),
                Some(("password-file", file)) => password = Some(file),
                _ => rest.push(pair),
            }
        }
        let mut config: Config =
            format!("{place}?{}", rest.join("&")).parse().map_err(|error: tokio_postgres::Error| bad(told(&error)))?;
        if let Some(file) = password {
            let text = zeroize::Zeroizing::new(fs::read_to_string(file).map_err(StoreError::io(file))?);
            config.password(text.trim_end_matches(['\r', '\n']));
        }
        config.connect_timeout(Duration::from_secs(CONNECT_SECONDS));
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(SILENT_SECONDS));
        }
        config.keepalives_idle(config.get_keepalives_idle().min(Duration::from_secs(SILENT_SECONDS)));
        if config.get_application_name().is_none() {
            config.application_name("rehome-server");
        }
        let shown = place.rsplit_once('@').map_or(place.trim_start_matches("postgres://"), |(_, host)| host);
        let shown = format!("postgres://{shown}");
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(trust(root)?),
        };
        Ok(Self { config, tls, shown })
    }

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    fn lost(&self, why: impl Into<String>) -> Error {
        Error::Postgres { state: String::new(), at: self.shown.clone(), why: why.into() }
    }

    fn said(&self, error: &tokio_postgres::Error) -> Error {
        let state = error.code().map(|state| state.code().to_owned()).unwrap_or_default();
        Error::Postgres { state, at: self.shown.clone(), why: told(error) }
    }

    fn connect(&self) -> Result<Client> {
        // One that does not answer must leave time for the one behind it.
        let seconds = CONNECT_SECONDS * self.config.get_hosts().len().max(1) as u64;
        macro_rules! connect {
            ($tls:expr) => {{
                let connected = wait(seconds, self.config.connect($tls)).map_err(|why| self.lost(why))?;
                let (client, connection) = connected.map_err(|error| self.said(&error))?;
                // What ends it is told to whoever waits for an answer, or to nobody if nobody does.
                runtime().spawn(async move { drop(connection.await) });
                client
            }};
        }
        let client = if let Some(tls) = &self.tls { connect!(tls.clone()) } else { connect!(NoTls) };
        Ok(client)
    }
}

/// The certificates of a file, or whatever the machine trusts. Names are always checked.
fn trust(root: Option<&str>) -> std::result::Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    let file = root.unwrap_or("/etc/ssl/certs/ca-certificates.crt");
    if root.is_some() || fs::exists(file).unwrap_or(false) {
        let pem = fs::read(file).map_err(StoreError::io(file))?;
        let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(std::result::Result::ok).collect();
        roots.add_parsable_certificates(found);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// An error with what lies below it: the driver's own text stops at `db error`.
fn told(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text.push_str(": ");
        text.push_str(&error.to_string());
        below = error.source();
    }
    text
}

/// Whether a whole transaction that met this can be had by beginning anew: the database has taken it back because of another one, or the connection has ended.
fn is_passing(error: &tokio_postgres::Error) -> bool {
    is_taken_back(error) || is_ended(error)
}

/// Whether the database says that it has taken the transaction back, so that nothing of it has happened (class 40; `40003` says that it does not know).
fn is_taken_back(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| state.code().starts_with("40") && state.code() != "40003")
}

/// Whether the connection is at its end, or leads to a server that takes no writes any more: lost, stopped by its operator, demoted.
fn is_ended(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => state.code().starts_with("08") || ["57P01", "57P02", "57P03", "25006"].contains(&state.code()),
        None => error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>),
    }
}

/// A compiled statement.
#[derive(Clone)]
pub(crate) struct Prepared {
    statement: tokio_postgres::Statement,
    writes: bool,
}

/// A connection, with what is known of its transaction.
pub(crate) struct Postgres {
    address: Address,
    /// Said to each new connection.
    greeting: &'static str,
    client: RefCell<Arc<Client>>,
    statements: RefCell<HashMap<String, Prepared>>,
    /// In the order in which they were sent.
    sent: RefCell<Vec<Sent>>,
    open: Cell<bool>,
    broken: Cell<bool>,
    /// Whether what broke the transaction may be gone at the next try.
    passes: Cell<bool>,
    /// Whether nobody can use the connection any more.
    ended: Cell<bool>,
    changes: Cell<u64>,
}

impl Postgres {
    /// Connects. `greeting` is said to each connection that is made, this one and those after it.
    pub(crate) fn connect(address: &Address, greeting: &'static str) -> Result<Self> {
        let postgres = Self {
            client: RefCell::new(Arc::new(address.connect()?)),
            address: address.clone(),
            greeting,
            statements: RefCell::default(),
            sent: RefCell::default(),
            open: Cell::new(false),
            broken: Cell::new(false),
            passes: Cell::new(false),
            ended: Cell::new(false),
            changes: Cell::new(0),
        };
        postgres.batch(greeting)?;
        Ok(postgres)
    }

    /// Begins a transaction, on a new connection if the old one was lost.
    pub(crate) fn begin(&self, sql: &str) -> Result<()> {
        self.forget();
        self.passes.set(false);
        if self.ended.get() || self.client.borrow().is_closed() {
            let client = self.address.connect()?;
            self.statements.borrow_mut().clear();
            *self.client.borrow_mut() = Arc::new(client);
            self.ended.set(false);
            self.batch(self.greeting)?;
        }
        self.batch(sql)?;
        self.open.set(true);
        Ok(())
    }

    /// Ends the transaction. One in which a statement has failed is not committed, and that is an error: PostgreSQL itself would undo it and say
    /// that all is well.
    pub(crate) fn commit(&self) -> Result<()> {
        if self.broken.get() {
            return Err(self.address.lost("a statement of the transaction has failed"));
        }
        // Of a connection that ends over what was handed over it is known that nothing was committed.
        self.answered()?;
        let committed = self.batch("COMMIT");
        self.open.set(false);
        if let Err(Error::Postgres { state, .. }) = &committed {
            // Of a connection that ends now nobody knows whether it has committed; whoever asked finds out by asking again.
            self.passes.set(self.passes.get() && state.starts_with("40"));
        }
        committed
    }

    pub(crate) fn rollback(&self) -> Result<()> {
        self.forget();
        self.batch("ROLLBACK")
    }

    /// Nothing of what was under way counts any more.
    fn forget(&self) {
        self.sent.borrow_mut().clear();
        self.open.set(false);
        self.broken.set(false);
    }

    /// Goes back to a savepoint; what failed since then has not happened. What was handed over before it has been answered: the savepoint itself was waited for.
    pub(crate) fn back_to(&self, savepoint: &str) -> Result<()> {
        self.sent.borrow_mut().clear();
        self.broken.set(false);
        self.batch(&format!("ROLLBACK TO SAVEPOINT {savepoint}"))
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.open.get() && !self.ended.get() && !self.client.borrow().is_closed()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Whether the transaction that began last was lost to something that passes, and has certainly not happened: beginning it anew may help.
    pub(crate) fn passes(&self) -> bool {
        self.passes.get()
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.get()
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        self.answer(STATEMENT_SECONDS, self.client.borrow().batch_execute(sql))
    }

    /// The same for what takes as long as copying the database does.
    pub(crate) fn long(&self, sql: &str) -> Result<()> {
        self.answer(LONG_SECONDS, self.client.borrow().batch_execute(sql))
    }

    pub(crate) fn execute(&self, prepared: &Prepared, params: &[Value]) -> Result<usize> {
        let params = bound(params);
        let client = self.client.borrow();
        let count = self.answer(STATEMENT_SECONDS, client.execute(&prepared.statement, &refs(&params)))?;
        self.changes.set(self.changes.get() + count);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Sends a statement of the open transaction and does not wait. If it fails, what is asked next does so in its place, at the latest the commit; it counts as one changed row.
    pub(crate) fn hand_over(&self, prepared: &Prepared, params: Vec<Value>) -> Result<()> {
        let (client, statement) = (Arc::clone(&self.client.borrow()), prepared.statement.clone());
        let mut work: Sent = Box::pin(async move {
            let params = bound(&params);
            client.execute(&statement, &refs(&params)).await
        });
        match send(work.as_mut()) {
            Poll::Ready(result) => {
                if result.is_err() {
                    // One before it may have failed first, and this one only because of that: what that one met says whether it passes.
                    self.answered()?;
                }
                self.noted(Ok(result)).map(drop)?;
            }
            Poll::Pending => self.sent.borrow_mut().push(work),
        }
        self.changes.set(self.changes.get() + 1);
        Ok(())
    }

    /// Waits for the answers to what was handed over, in its order.
    fn answered(&self) -> Result<()> {
        for one in self.sent.take() {
            self.noted(wait(STATEMENT_SECONDS, one))?;
        }
        Ok(())
    }

    pub(crate) fn query(&self, prepared: &Prepared, params: &[Value]) -> Result<Vec<Vec<Value>>> {
        let params = bound(params);
        let client = self.client.borrow();
        let rows = self.answer(STATEMENT_SECONDS, client.query(&prepared.statement, &refs(&params)))?;
        if prepared.writes {
            self.changes.set(self.changes.get() + rows.len() as u64);
        }
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Compiles a statement, or finds it compiled.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Prepared> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.answer(STATEMENT_SECONDS, self.client.borrow().prepare(sql))?;
        let prepared = Prepared { statement, writes: !sql.trim_start().starts_with("SELECT") };
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_CACHED {
            statements.clear();
        }
        statements.insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// The answer to something, after those to what was handed over before it. It is on its way before they are read.
    fn answer<T>(
        &self,
        seconds: u64,
        work: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let sent = self.sent.take();
        if sent.is_empty() {
            return self.noted(wait(seconds, work));
        }
        let mut work = pin!(work);
        let early = send(work.as_mut());
        for one in sent {
            self.noted(wait(STATEMENT_SECONDS, one))?;
        }
        self.noted(match early {
            Poll::Ready(result) => Ok(result),
            Poll::Pending => wait(seconds, work),
        })
    }

    /// Remembers that the transaction is lost, if it is. An answer that did not come in time leaves a connection that nobody can use any more.
    fn noted<T>(
        &self,
        result: std::result::Result<std::result::Result<T, tokio_postgres::Error>, String>,
    ) -> Result<T> {
        let error = match result {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                self.passes.set(self.passes.get() || is_passing(&error));
                self.ended.set(self.ended.get() || is_ended(&error));
                self.address.said(&error)
            }
            Err(why) => {
                self.ended.set(true);
                self.address.lost(why)
            }
        };
        self.broken.set(true);
        Err(error)
    }

    fn read(&self, row: &Row) -> Result<Vec<Value>> {
        values(row).map_err(|error| self.address.said(&error))
    }
}

/// A connection that many ask at once, one statement each and each a transaction of its own. Made when it is first needed, and anew when it was lost.
pub(crate) struct Line {
    address: Address,
    greeting: &'static str,
    open: Mutex<(u64, Option<Arc<Open>>)>,
}

struct Open {
    client: Client,
    statements: Mutex<HashMap<&'static str, tokio_postgres::Statement>>,
}

impl Line {
    pub(crate) fn new(address: &Address, greeting: &'static str) -> Self {
        Self { address: address.clone(), greeting, open: Mutex::default() }
    }

    /// Runs a statement, and gives its rows and the number of the connection that it ran on.
    pub(crate) fn ask(&self, sql: &'static str, params: &[Value]) -> Result<(Vec<Vec<Value>>, u64)> {
        let (number, open) = self.open()?;
        let known = open.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        let statement = if let Some(statement) = known {
            statement
        } else {
            // Two that ask for it at once compile it twice.
            let statement = self.noted(number, wait(LINE_SECONDS, open.client.prepare(sql)))?;
            open.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
            statement
        };
        let params = bound(params);
        let mut tries = 1;
        let rows = loop {
            let asked = wait(LINE_SECONDS, open.client.query(&statement, &refs(&params)));
            match asked {
                // The statement is the whole transaction.
                Ok(Err(error)) if is_taken_back(&error) && tries < TRIES_MAX => tries += 1,
                asked => break self.noted(number, asked)?,
            }
        };
        let rows =
            rows.iter().map(|row| values(row).map_err(|error| self.address.said(&error))).collect::<Result<_>>()?;
        Ok((rows, number))
    }

    fn open(&self) -> Result<(u64, Arc<Open>)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = open.1.as_ref().filter(|open| !open.client.is_closed()) {
            return Ok((open.0, Arc::clone(client)));
        }
        let client = self.address.connect()?;
        match wait(LINE_SECONDS, client.batch_execute(self.greeting)) {
            Ok(greeted) => greeted.map_err(|error| self.address.said(&error))?,
            Err(why) => return Err(self.address.lost(why)),
        }
        let made = Arc::new(Open { client, statements: Mutex::default() });
        *open = (open.0 + 1, Some(Arc::clone(&made)));
        Ok((open.0, made))
    }

    /// Gives up a connection that is at its end, or that did not answer in time: the next one who asks makes another.
    fn noted<T>(
        &self,
        number: u64,
        result: std::result::Result<std::result::Result<T, tokio_postgres::Error>, String>,
    ) -> Result<T> {
        let (is_over, error) = match result {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => (is_ended(&error), self.address.said(&error)),
            Err(why) => (true, self.address.lost(why)),
        };
        if is_over {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.0 == number {
                open.1 = None;
            }
        }
        Err(error)
    }
}

fn values(row: &Row) -> std::result::Result<Vec<Value>, tokio_postgres::Error> {
    (0..row.len()).map(|column| row.try_get::<_, Read>(column).map(|read| read.0)).collect()
}

/// A value on its way to the database, which says what type it wants.
#[derive(Debug)]
struct Bound<'a>(&'a Value);

fn bound(values: &[Value]) -> Vec<Bound<'_>> {
    values.iter().map(Bound).collect()
}

fn refs<'a>(bound: &'a [Bound<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

type Problem = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Bound<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut bytes::BytesMut) -> std::result::Result<IsNull, Problem> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Integer(number) => match *wanted {
                Type::INT4 => i32::try_from(*number)?.to_sql(wanted, out)?,
                Type::BOOL => (*number != 0).to_sql(wanted, out)?,
                _ => number.to_sql(wanted, out)?,
            },
            Value::Text(text) => text.to_sql(wanted, out)?,
            Value::Blob(bytes) => bytes.to_sql(wanted, out)?,
            Value::Real(_) => return Err("the schema has no broken numbers".into()),
        };
        Ok(IsNull::No)
    }

    fn accepts(wanted: &Type) -> bool {
        matches!(*wanted, Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::VARCHAR | Type::BYTEA)
    }

    to_sql_checked!();
}

/// A value from the database.
struct Read(Value);

impl<'a> FromSql<'a> for Read {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> std::result::Result<Self, Problem> {
        Ok(Self(match *kind {
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Value::Integer(bool::from_sql(kind, raw)?.into()),
            Type::NUMERIC => Value::Integer(whole(raw).ok_or("a sum that is no whole number of 64 bits")?),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ => Value::Text(String::from_sql(kind, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Problem> {
        Ok(Self(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        <Bound<'_> as ToSql>::accepts(kind) || matches!(*kind, Type::NUMERIC | Type::NAME)
    }
}

/// A whole number in PostgreSQL's binary form of `numeric`, which is what a sum of 64-bit numbers has: count of digits to the base of 10,000, weight of the first,
/// sign, and how many decimals are shown (`numeric_send`).
fn whole(raw: &[u8]) -> Option<i64> {
    let (head, digits) = raw.split_at_checked(8)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign) = (word(0), word(2).cast_signed(), word(4));
    if digits.len() != usize::from(count) * 2 || (count > 0 && weight < 0) {
        return None;
    }
    let mut number: i64 = 0;
    for place in 0..=weight.max(0) {
        let at = usize::try_from(place).ok()? * 2;
        let digit = digits.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
        number = number.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    let shown = usize::try_from(weight).ok().map_or(0, |weight| (weight + 1) * 2);
    let fraction = digits.get(shown..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0));
    match sign {
        0 if !fraction => Some(number),
        0x4000 if !fraction => Some(-number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let head = [u16::try_from(digits.len()).unwrap(), weight.cast_unsigned(), sign, 0];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn sums_are_read_as_whole_numbers() {
        assert_eq!(whole(&numeric(0, 0, &[])), Some(0));
        assert_eq!(whole(&numeric(0, 0, &[42])), Some(42));
        assert_eq!(whole(&numeric(1, 0, &[12, 3456])), Some(123_456));
        assert_eq!(whole(&numeric(2, 0x4000, &[1])), Some(-100_000_000));
        assert_eq!(whole(&numeric(4, 0, &[922, 3372, 368, 5477, 5807])), Some(i64::MAX));
        assert_eq!(whole(&numeric(4, 0, &[922, 3372, 368, 5477, 5808])), None);
        assert_eq!(whole(&numeric(0, 0, &[1, 5000])), None, "one and a half");
        assert_eq!(whole(&numeric(0, 0xC000, &[])), None, "no number");
        assert_eq!(whole(b"short"), None);
    }

    #[test]
    fn an_address_never_repeats_its_password() {
        let address = Address::parse("postgres://ada:secret@db:5432/rehome?sslmode=disable").ok().unwrap();
        assert_eq!(address.shown, "postgres://db:5432/rehome");
        let address = "postgres://ada:secret@db:5432,other:5433/rehome?sslmode=disable&target_session_attrs=read-write";
        assert_eq!(Address::parse(address).ok().unwrap().shown, "postgres://db:5432,other:5433/rehome");
        for wrong in ["postgres://ada:secret@db:x/rehome", "postgres://ada:secret@db/rehome?sslmode=perhaps"] {
            let error = Address::parse(wrong).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
