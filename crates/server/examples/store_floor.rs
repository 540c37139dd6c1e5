//! The yardstick for goals 11 and 13: the same road without any checks.
//!
//! axum, one SQLite writer with group commit, answers after the commit; no login, no validation, no audit chain, no receipts. What the product costs
//! above this is what its promises cost. `cargo xtask bench` runs both in turn on the same disk. Not part of the product.
//!
//! `store_floor DATABASE PORT`: `POST /backup/N` keeps the body (8 kB) for device N, notes it in the device's row and adds an audit row, all in
//! one transaction; `GET /state/N` reads the device's row. There are 100,000 devices.

use std::path::{Path as FilePath, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use rusqlite::Connection;
use tokio::sync::oneshot;

const DEVICES: i64 = 100_000;
const QUEUE: usize = 1_024;
const GROUP: usize = 256;

const TABLES: &str = "
    CREATE TABLE device (id INTEGER PRIMARY KEY, last_at INTEGER, last_hash BLOB, n INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE backup (id INTEGER PRIMARY KEY, device INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE INDEX backup_of_device ON backup (device, at);
    CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, device INTEGER NOT NULL, what TEXT NOT NULL, hash BLOB NOT NULL);
    WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 99999)
        INSERT INTO device (id) SELECT n FROM number;";

struct Job {
    device: i64,
    body: Bytes,
    done: oneshot::Sender<()>,
}

struct Floor {
    queue: SyncSender<Job>,
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(port)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: store_floor DATABASE PORT");
    };
    let path = PathBuf::from(path);
    let connection = open(&path)?;
    connection.execute_batch(&format!("BEGIN;{TABLES}COMMIT;"))?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let (queue, jobs) = sync_channel(QUEUE);
    let writer = std::thread::spawn(move || write(&connection, &jobs));
    let floor = Arc::new(Floor { queue, path, readers: Mutex::default() });
    let app = Router::new().route("/backup/{id}", post(backup)).route("/state/{id}", get(state)).with_state(floor);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", port.parse()?))?;
    listener.set_nonblocking(true)?;
    runtime.block_on(async { axum_server::from_tcp(listener)?.serve(app.into_make_service()).await })?;
    drop(runtime);
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?
}

/// The same durability and cache as the product (`store::dialect`).
fn open(path: &FilePath) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn write(connection: &Connection, jobs: &Receiver<Job>) -> anyhow::Result<()> {
    let mut at = 0;
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(GROUP - 1));
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for Job { device, body, .. } in &group {
            at += 1;
            let hash = [7_u8; 32];
            let insert = "INSERT INTO backup (device, at, body) VALUES ($1, $2, $3)";
            connection.prepare_cached(insert)?.execute((device, at, &body[..]))?;
            let update = "UPDATE device SET last_at = $1, last_hash = $2, n = n + 1 WHERE id = $3";
            connection.prepare_cached(update)?.execute((at, hash, device))?;
            let audit = "INSERT INTO audit (at, device, what, hash) VALUES ($1, $2, 'backup', $3)";
            connection.prepare_cached(audit)?.execute((at, device, hash))?;
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        for job in group {
            // A client that has gone needs no answer.
            let _ = job.done.send(());
        }
    }
    Ok(())
}

async fn backup(State(floor): State<Arc<Floor>>, Path(id): Path<i64>, body: Bytes) -> StatusCode {
    let (done, wait) = oneshot::channel();
    if floor.queue.try_send(Job { device: id % DEVICES, body, done }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if wait.await.is_ok() { StatusCode::CREATED } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn state(State(floor): State<Arc<Floor>>, Path(id): Path<i64>) -> Result<String, StatusCode> {
    floor.state(id % DEVICES).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

impl Floor {
    fn state(&self, id: i64) -> anyhow::Result<String> {
        let kept = self.readers.lock().map_err(|_| anyhow::anyhow!("a reader panicked"))?.pop();
        let connection = match kept {
            Some(connection) => connection,
            None => open(&self.path)?,
        };
        let n: i64 =
            connection.prepare_cached("SELECT n FROM device WHERE id = $1")?.query_row([id], |row| row.get(0))?;
        self.readers.lock().map_err(|_| anyhow::anyhow!("a reader panicked"))?.push(connection);
        Ok(format!("{{\"n\":{n}}}"))
    }
}
