//! A base: the whole database of one moment, beside the records that follow it.
//!
//! `journal/bases/<number>-<chance>/data` is a file of SQLite in sealed pieces, `length u32 | sealed`, whatever the server's database is; `.../manifest` is
//! JSON, written last: without it there is no base. The number is that of the last transaction that the base holds. When one is complete, older ones go, and the logs of
//! records that it makes needless.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use model::ids::{from_hex, to_hex};
use model::world::Moment;
use ring::aead::{AES_256_GCM, Aad};
use serde::{Deserialize, Serialize};

use super::segment::{LogReader, OLD_MILLIS, each_frame, nonce, seal_key};
use super::{BASES, JournalKeys, Kept, Place, RECORDS, Tending, place};
use crate::blobs::Logs;
use crate::{StoreError, dialect, own_backup};

/// The form of a base. A newer one is not used.
const FORM: u32 = 1;

/// Bytes of the database in one piece.
const PIECE_BYTES: usize = 4 << 20;

/// The longest manifest that is read: ours has 700 bytes.
const MANIFEST_BYTES_MAX: usize = 64 * 1024;

/// Records that are looked at behind a base, which a new one is made long before.
const BEHIND_MAX: i64 = 1 << 28;

/// What a base is, as its manifest says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    form: u32,
    number: i64,
    mark: String,
    made_at: i64,
    program: String,
    schema: i64,
    bytes: u64,
    hash: String,
    key: String,
    root_keys: Vec<String>,
}

/// A base that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    name: String,
    pub(super) place: Place,
    pub(super) made_at: Moment,
    pub(super) schema: i64,
    /// Of the database.
    pub(super) bytes: u64,
    pub(super) wrapped: Vec<u8>,
    hash: [u8; 32],
    /// Ids of the root keys of which one opens it.
    pub(super) root_keys: Vec<String>,
}

/// The schema of this program.
pub(super) fn schema() -> i64 {
    i64::try_from(dialect::MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn data(name: &str) -> String {
    format!("{name}/data")
}

fn manifest(name: &str) -> String {
    format!("{name}/manifest")
}

/// Makes one of the database as it is now, and removes what is needless then.
pub(super) fn make(place_of: &dialect::Place, kept: &Kept, with: &Tending<'_>) -> Result<Base, StoreError> {
    let folder = tempfile::tempdir_in(with.scratch).map_err(StoreError::io(with.scratch))?;
    let file = folder.path().join("base.db");
    let made_at = kept.keys.now();
    own_backup::copy_out(place_of, &file)?;
    let copied = dialect::Place::File(file.clone()).reader()?;
    let at = place(&copied)?.ok_or_else(|| StoreError::Damaged("the journal has no row".to_owned()))?;
    let schema = dialect::schema_version(&copied)?;
    drop(copied);
    let mut chance = [0; 4];
    kept.keys.fill(&mut chance);
    let name = format!("{BASES}{:016x}-{}", at.number, to_hex(&chance));
    let (key, root_keys) = (kept.keys.new_key()?, kept.keys.root_keys()?);
    let (bytes, hash) = send(&*kept.logs, &data(&name), &file, key.secret)?;
    let said = Manifest {
        form: FORM,
        number: at.number,
        mark: to_hex(&at.mark),
        made_at: made_at.0,
        program: with.program.to_owned(),
        schema,
        bytes,
        hash: to_hex(&hash),
        key: to_hex(&key.wrapped),
        root_keys: root_keys.clone(),
    };
    let mut text = serde_json::to_vec_pretty(&said).expect("a manifest is plain data");
    text.push(b'\n');
    let base = Base { name, place: at, made_at, schema, bytes, wrapped: key.wrapped, hash, root_keys };
    // Another server that took this one for dead may have removed pieces of it, and older bases go once this one counts.
    if let Err(error) = read_back(&*kept.logs, &*kept.keys, &base, &mut std::io::sink()) {
        kept.logs.remove_log(&data(&base.name))?;
        return Err(error);
    }
    kept.logs.extend_log(&manifest(&base.name), 0, &text)?;
    tidy(&*kept.logs, &base)?;
    Ok(base)
}

/// Seals a file into a log, and gives its length and hash.
fn send(logs: &dyn Logs, name: &str, file: &Path, secret: [u8; 32]) -> Result<(u64, [u8; 32]), StoreError> {
    let key = seal_key(secret);
    let mut file_of = File::open(file).map_err(StoreError::io(file))?;
    let (mut hasher, mut offset) = (blake3::Hasher::new(), 0);
    for index in 0.. {
        let mut piece = Vec::new();
        let read = Read::by_ref(&mut file_of).take(PIECE_BYTES as u64).read_to_end(&mut piece);
        read.map_err(StoreError::io(file))?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        key.seal_in_place_append_tag(nonce(index), bound(name, index), &mut piece).expect("far from the limit");
        let length = u32::try_from(piece.len()).expect("some megabytes");
        let piece = [length.to_le_bytes().as_slice(), &piece].concat();
        logs.extend_log(name, offset, &piece)?;
        offset += piece.len() as u64;
    }
    Ok((hasher.count(), hasher.finalize().into()))
}

fn bound(name: &str, index: u32) -> Aad<Vec<u8>> {
    Aad::from([name.as_bytes(), &index.to_le_bytes()].concat())
}

/// Writes the database of a base into a new file.
pub(super) fn fetch(logs: &dyn Logs, keys: &dyn JournalKeys, base: &Base, to: &Path) -> Result<(), StoreError> {
    let mut file = File::create_new(to).map_err(StoreError::io(to))?;
    read_back(logs, keys, base, &mut file)
}

/// Reads the database of a base, and looks whether it is what was written.
fn read_back(logs: &dyn Logs, keys: &dyn JournalKeys, base: &Base, to: &mut dyn Write) -> Result<(), StoreError> {
    let wrong = || StoreError::Damaged(format!("{}: it is not as it was written", data(&base.name)));
    let key = seal_key(keys.open_key(&base.wrapped)?);
    let name = data(&base.name);
    let mut reader = LogReader::new(logs, &name);
    let mut hasher = blake3::Hasher::new();
    for index in 0.. {
        let Some(length) = reader.take(4)? else { break };
        let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
        if length > PIECE_BYTES + AES_256_GCM.tag_len() {
            return Err(wrong());
        }
        let mut piece = reader.take(length)?.ok_or_else(wrong)?;
        let opened = key.open_in_place(nonce(index), bound(&name, index), &mut piece).map_err(|_| wrong())?;
        hasher.update(opened);
        to.write_all(opened).map_err(StoreError::io(&name))?;
    }
    if hasher.count() != base.bytes || hasher.finalize() != base.hash {
        return Err(wrong());
    }
    Ok(())
}

/// The newest base that is complete.
pub(super) fn newest(logs: &dyn Logs) -> Result<Option<Base>, StoreError> {
    for named in logs.logs(BASES)?.iter().rev() {
        let Some(name) = named.strip_suffix("/manifest") else { continue };
        let mut text = Vec::new();
        while let Some(piece) = logs.read_log(named, text.len() as u64)?.filter(|piece| !piece.is_empty()) {
            text.extend_from_slice(&piece);
            if text.len() > MANIFEST_BYTES_MAX {
                break;
            }
        }
        if let Some(base) = serde_json::from_slice(&text).ok().and_then(|said| read(name, &said)) {
            return Ok(Some(base));
        }
    }
    Ok(None)
}

fn read(name: &str, said: &Manifest) -> Option<Base> {
    let wrapped = (0..said.key.len() / 2).map(|at| from_hex::<1>(said.key.get(2 * at..2 * at + 2)?).map(|[byte]| byte));
    (said.form == FORM).then_some(())?;
    Some(Base {
        name: name.to_owned(),
        place: Place { number: said.number, mark: from_hex(&said.mark)? },
        made_at: Moment(said.made_at),
        schema: said.schema,
        bytes: said.bytes,
        wrapped: wrapped.collect::<Option<_>>()?,
        hash: from_hex(&said.hash)?,
        root_keys: said.root_keys.clone(),
    })
}

/// What lies behind a base.
pub(super) struct Behind {
    /// Whether it leads to where the database was when the look began.
    pub(super) leads_there: bool,
    /// The highest number of a record.
    pub(super) highest: i64,
    pub(super) bytes: u64,
    pub(super) destroys: bool,
}

/// Looks through the records behind a base. Without a key: their numbers stand in the clear.
pub(super) fn behind(logs: &dyn Logs, base: &Base, at: Option<Place>) -> Result<Behind, StoreError> {
    let mut found = Behind { leads_there: false, highest: base.place.number, bytes: 0, destroys: false };
    let Some(count) = at.map(|at| at.number - base.place.number).filter(|count| (0..=BEHIND_MAX).contains(count))
    else {
        return Ok(found);
    };
    let at = at.unwrap_or(base.place);
    let mut seen = vec![false; usize::try_from(count).unwrap_or(0)];
    let mut ends = at == base.place;
    for name in logs.logs(RECORDS)? {
        each_frame(logs, &name, |frame| {
            let head = &frame.head;
            if head.number <= base.place.number {
                return;
            }
            found.bytes += frame.len();
            found.destroys |= head.destroys;
            ends |= head.number == at.number && frame.mark == at.mark;
            found.highest = found.highest.max(head.number);
            let place = usize::try_from(head.number - base.place.number - 1).ok();
            if let Some(seen) = place.and_then(|place| seen.get_mut(place)) {
                *seen = true;
            }
        })?;
    }
    found.leads_there = ends && seen.iter().all(|seen| *seen);
    Ok(found)
}

/// The highest number that any record has.
pub(super) fn highest(logs: &dyn Logs) -> Result<i64, StoreError> {
    let mut highest = 0;
    for name in logs.logs(RECORDS)? {
        each_frame(logs, &name, |frame| highest = highest.max(frame.head.number))?;
    }
    Ok(highest)
}

/// Removes older bases, and logs that end before this one and that nobody adds to any more.
fn tidy(logs: &dyn Logs, base: &Base) -> Result<(), StoreError> {
    for named in logs.logs(BASES)? {
        if !named.starts_with(&format!("{}/", base.name)) {
            logs.remove_log(&named)?;
        }
    }
    for name in logs.logs(RECORDS)? {
        let mut is_needless = true;
        let is_log = each_frame(logs, &name, |frame| {
            is_needless &=
                frame.head.number <= base.place.number && frame.head.at.plus_millis(2 * OLD_MILLIS) < base.made_at;
        })?;
        if is_log && is_needless {
            logs.remove_log(&name)?;
        }
    }
    Ok(())
}
