//! The server's own backup: database and files in a folder, made beside a server at work, and a server made from such a folder.
//!
//! The database goes first, as one state of it; then the files that this state names. That order is what makes the two fit: bytes of a file are durable before a row names
//! them, and a file that is let go of lies there for another 72 hours ([`crate::GRACE_MILLIS`]), so what the state names is still to be had. Only an erasure takes files at
//! once; those are left out and counted. The manifest is written last: a folder without one is no backup.
//!
//! Whatever the server's database is, that of a backup is a file of SQLite. So one form is verified, and a server may come back on another database than it had.
//! Keys are in it as the database has them, wrapped by the root key, which is not: without it the folder opens nothing, and is worth nothing (decision 78).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use model::ids::{BlobId, ProfileId, TenantId};
use model::world::Moment;
use serde::{Deserialize, Serialize};

use crate::blobs::{BlobKey, Blobs, DiskBlobs};
use crate::dialect::{self, Place};
use crate::sql::Connection;
use crate::{StoreError, migrate, row};

/// The form of the folder. A newer one is refused.
const FORM: u32 = 1;

/// Names within the folder.
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "database.db";
const FILES: &str = "blobs";

/// Bytes of a file that are copied at once.
const PIECE: usize = 4 << 20;

/// The largest manifest that is read: ours has 500 bytes.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// What is in a backup, as its folder says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the folder.
    pub form: u32,
    /// When it was begun, milliseconds since 1970.
    pub made_at: i64,
    /// The program that made it.
    pub program: String,
    /// The schema's version.
    pub schema: i64,
    /// BLAKE3 of the database's file, hexadecimal.
    pub database: String,
    /// Its length.
    pub database_bytes: u64,
    /// Files that the database names and that are there.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Files that somebody's erasure took while the backup was made.
    pub erased: u64,
    /// Ids of the root keys of which one is needed to open anything, the newest first.
    pub root_keys: Vec<String>,
}

/// What is put into a manifest by whoever knows it.
pub struct Named<'a> {
    /// The program.
    pub program: &'a str,
    /// Ids of the root keys.
    pub root_keys: Vec<String>,
    /// When.
    pub now: Moment,
}

/// Copies the database at `place` and the files in `blobs` into the folder `to`, which must be there and empty. Reads only.
pub fn back_up(place: &Path, blobs: &dyn Blobs, to: &Path, named: Named<'_>) -> Result<Manifest, StoreError> {
    let place = Place::of(place)?;
    if !place.exists()? {
        return Err(wrong(to, "there is no server's data to back up"));
    }
    if fs::read_dir(to).map_err(StoreError::io(to))?.next().is_some() {
        return Err(wrong(to, "the folder is not empty; each backup has one of its own"));
    }
    let file = to.join(DATABASE);
    copy_out(&place, &file)?;
    sync(&file)?;
    let database = Place::File(file.clone());
    let copied = database.reader()?;
    let kept = DiskBlobs::open(to.join(FILES))?;
    let (mut files, mut file_bytes, mut erased) = (0, 0, 0);
    for wanted in named_files(&copied)? {
        if copy_file(blobs, &kept, &wanted)? {
            files += 1;
            file_bytes += wanted.length;
        } else if still_named(&place, &wanted)? {
            return Err(StoreError::Damaged(format!("{wanted} is gone or damaged")));
        } else {
            erased += 1;
        }
    }
    let (database_bytes, hash) = hash(&file)?;
    let manifest = Manifest {
        form: FORM,
        made_at: named.now.0,
        program: named.program.to_owned(),
        schema: dialect::schema_version(&copied)?,
        database: hash,
        database_bytes,
        files,
        file_bytes,
        erased,
        root_keys: named.root_keys,
    };
    write_manifest(to, &manifest)?;
    Ok(manifest)
}

/// Reads all of a backup and compares it with its checksums. Changes nothing.
pub fn check_backup(from: &Path) -> Result<Manifest, StoreError> {
    let manifest = read_manifest(from)?;
    let file = from.join(DATABASE);
    if hash(&file)? != (manifest.database_bytes, manifest.database.clone()) {
        return Err(StoreError::Damaged(format!("{} is not as it was written", file.display())));
    }
    let connection = Place::File(file.clone()).reader()?;
    if let Some(what) = dialect::damage(&connection)? {
        return Err(StoreError::Damaged(format!("{}: {what}", file.display())));
    }
    let known = i64::try_from(dialect::MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = dialect::schema_version(&connection)?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    let (kept, mut files, mut missing) = (folder_of_files(from), 0, 0);
    for wanted in named_files(&connection)? {
        match kept.check(&wanted.key)? {
            Some(found) if found == (wanted.length, wanted.hash) => files += 1,
            None => missing += 1,
            Some(_) => return Err(StoreError::Damaged(format!("{wanted} is not as it was written"))),
        }
    }
    if (files, missing) != (manifest.files, manifest.erased) {
        let text = format!("{files} files are there, and {} were written", manifest.files);
        return Err(StoreError::Damaged(format!("{}: {text}", from.display())));
    }
    Ok(manifest)
}

/// The database of a backup, to look something up in it (`Store::peek`).
pub fn database_of(backup: &Path) -> PathBuf {
    backup.join(DATABASE)
}

/// Makes a server's data of a backup: files first, then the database, at which there must be no data. Checks the backup before it writes anything.
/// `scratch` is a folder for a copy of the database that goes again.
pub fn restore(from: &Path, place: &Path, blobs: &dyn Blobs, scratch: &Path) -> Result<Manifest, StoreError> {
    let target = Place::of(place)?;
    if target.exists()? {
        return Err(wrong(from, "there is a server's data at the target already; it is not touched"));
    }
    let manifest = check_backup(from)?;
    let file = from.join(DATABASE);
    let connection = Place::File(file.clone()).reader()?;
    let kept = folder_of_files(from);
    for wanted in named_files(&connection)? {
        // Those that were erased meanwhile are missing here as they are in the manifest.
        let there = kept.check(&wanted.key)?.is_some();
        if there && !copy_file(&kept, blobs, &wanted)? {
            return Err(StoreError::Damaged(format!("{wanted} did not arrive as it was sent")));
        }
    }
    drop(connection);
    match &target {
        Place::File(to) => copy_in(&file, to)?,
        // A copy, as its schema may have to be brought up to date, and a backup is never written to.
        Place::Server(_) => {
            let folder = tempfile::tempdir_in(scratch).map_err(StoreError::io(scratch))?;
            let copy = folder.path().join(DATABASE);
            copy_in(&file, &copy)?;
            migrate::copy_database(&copy, place)?;
        }
    }
    Ok(manifest)
}

fn wrong(folder: &Path, why: &str) -> StoreError {
    StoreError::Address { address: folder.display().to_string(), why: why.to_owned() }
}

/// A file that a database names.
struct Wanted {
    key: BlobKey,
    length: u64,
    hash: [u8; 32],
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "file {} of profile {}", self.key.blob, self.key.profile)
    }
}

/// All that are complete. What is being uploaded is not among them; the PC sends it again.
fn named_files(connection: &Connection) -> Result<Vec<Wanted>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT t.id, p.id, b.id, b.generation, b.length, b.checksum FROM blobs b JOIN tenants t ON t.no = b.tenant \
         JOIN profiles p ON p.tenant = b.tenant AND p.no = b.profile_no WHERE b.checksum IS NOT NULL AND b.deleting = 0 \
         ORDER BY b.tenant, b.profile_no, b.no",
    )?;
    let rows = statement.query_map([], |row| {
        let (tenant, profile) = (TenantId(row.get(0)?), ProfileId(row.get(1)?));
        let key = BlobKey { tenant, profile, blob: BlobId(row.get(2)?), generation: row.get(3)? };
        Ok(Wanted { key, length: row::unsigned(row.get(4)?), hash: row.get(5)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the database names that file now.
fn still_named(place: &Place, wanted: &Wanted) -> Result<bool, StoreError> {
    let reader = place.reader()?;
    let sql = "SELECT COUNT(*) FROM blobs b JOIN tenants t ON t.no = b.tenant \
               JOIN profiles p ON p.tenant = b.tenant AND p.no = b.profile_no \
               WHERE t.id = $1 AND p.id = $2 AND b.id = $3 AND b.generation = $4 AND b.deleting = 0";
    let key = &wanted.key;
    let asked = (key.tenant.as_bytes(), key.profile.as_bytes(), key.blob.as_bytes(), key.generation);
    Ok(reader.prepare(sql)?.query_row(asked, |row| row.get::<_, i64>(0))? > 0)
}

/// Copies a file; `false`: it is not there, or not what the database says.
fn copy_file(from: &dyn Blobs, to: &dyn Blobs, wanted: &Wanted) -> Result<bool, StoreError> {
    let mut offset = 0;
    loop {
        let Some(piece) = from.read(&wanted.key, offset, PIECE)? else { return Ok(false) };
        // One without bytes too: it makes the file.
        if piece.is_empty() && offset > 0 {
            break;
        }
        if !to.append(&wanted.key, offset, &piece)? {
            return Ok(false);
        }
        offset += piece.len() as u64;
        if offset >= wanted.length || piece.is_empty() {
            break;
        }
    }
    Ok(to.finish(&wanted.key, wanted.length)? == Some(wanted.hash))
}

/// One state of the database into a new file.
pub(crate) fn copy_out(place: &Place, file: &Path) -> Result<(), StoreError> {
    let source = place.reader()?;
    if let Connection::Sqlite(_) = &source {
        let path = file.to_str().ok_or_else(|| wrong(file, "the name of the folder is not plain text"))?;
        let writer = place.writer()?;
        // Reads under one snapshot while others write, and leaves out what lies in the slack of pages.
        return Ok(writer.execute("VACUUM INTO $1", [path]).map(drop)?);
    }
    let target = Place::File(file.to_owned()).writer()?;
    dialect::migrate(&target)?;
    if dialect::schema_version(&source)? != dialect::schema_version(&target)? {
        return Err(wrong(
            file,
            "the database has another schema than this program; back it up with the program that serves it",
        ));
    }
    dialect::begin_read(&source)?;
    dialect::begin_write(&target)?;
    let copied = migrate::copy_rows(&source, &target, &target);
    dialect::rollback(&source)?;
    copied?;
    dialect::commit(&target)?;
    dialect::checkpoint(&target)?;
    Ok(())
}

/// A database's file into its place, whole or not at all.
#[expect(clippy::disallowed_methods, reason = "the file is synced before it gets its name, and its folder after")]
pub(crate) fn copy_in(from: &Path, to: &Path) -> Result<(), StoreError> {
    let beside = to.with_extension("restoring");
    fs::copy(from, &beside).map_err(StoreError::io(&beside))?;
    sync(&beside)?;
    fs::rename(&beside, to).map_err(StoreError::io(to))?;
    to.parent().map_or(Ok(()), sync)
}

fn folder_of_files(backup: &Path) -> DiskBlobs {
    DiskBlobs::at(backup.join(FILES))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io(path))
}

fn hash(path: &Path) -> Result<(u64, String), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io(path))?;
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut file, &mut hasher).map_err(StoreError::io(path))?;
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}

fn write_manifest(to: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let path = to.join(MANIFEST);
    let mut text = serde_json::to_vec_pretty(manifest).expect("a manifest is plain data");
    text.push(b'\n');
    let put = || {
        let mut file = tempfile::NamedTempFile::new_in(to)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)
    };
    put().map_err(StoreError::io(&path))?;
    sync(to)
}

fn read_manifest(from: &Path) -> Result<Manifest, StoreError> {
    let path = from.join(MANIFEST);
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(wrong(from, "there is no manifest: this is no backup, or one that was not finished"));
        }
        file => file.map_err(StoreError::io(&path))?,
    };
    let mut text = Vec::new();
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(StoreError::io(&path))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| StoreError::Damaged(format!("{}: {error}", path.display())))?;
    if manifest.form != FORM {
        return Err(wrong(from, &format!("the backup has form {}, and this program knows {FORM}", manifest.form)));
    }
    Ok(manifest)
}
