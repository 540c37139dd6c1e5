//! A disk that loses power: what may be on it after any operation.
//!
//! The model is as strict as POSIX: a file's bytes are safe once the file was synced, a name once its folder was, and nothing else is promised. What
//! was not synced may be there, be missing, be there without what went before it, or be half there in sectors of 512 bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::crash::trace::Op;

const SECTOR: usize = 512;

/// What of the unsynced is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it: the process was killed, the machine went on.
    Nothing,
    /// None of it.
    Everything,
    /// Names and lengths are, bytes are not.
    Data,
    /// Bytes are, names are not.
    Names,
    /// A random choice of operations, the writes among them torn.
    Random(u64),
}

/// A file: its bytes as they are safe, and what was done to them since.
#[derive(Clone, Default)]
struct Inode {
    safe: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    File(usize),
}

/// A change of names in one folder; a rename takes and gives at once.
#[derive(Clone)]
struct Naming {
    folder: String,
    gives: Option<(String, Entry)>,
    takes: Option<String>,
}

/// The disk's state while the trace is played.
#[derive(Clone, Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    safe: BTreeMap<String, Entry>,
    pending: Vec<Naming>,
    live: BTreeMap<String, Entry>,
}

/// A small generator of its own (xorshift64*), so that a state can be made again from its seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn coin(&mut self) -> bool {
        self.roll() >> 63 == 1
    }
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}

impl Disk {
    /// Does one operation.
    pub fn play(&mut self, op: &Op) {
        match op {
            Op::Create(path) => {
                self.inodes.push(Inode::default());
                self.name(path, Entry::File(self.inodes.len() - 1));
            }
            Op::Mkdir(path) => self.name(path, Entry::Folder),
            Op::Write(path, at, bytes) => {
                self.change(path, Change::Write(usize::try_from(*at).unwrap(), bytes.clone()));
            }
            Op::Truncate(path, length) => self.change(path, Change::Length(usize::try_from(*length).unwrap())),
            Op::Sync(path) => self.sync(path),
            Op::Rename(from, to) => {
                let Some(entry) = self.live.remove(from) else { return };
                self.live.insert(to.clone(), entry);
                let gives = Some((to.clone(), entry));
                self.pending.push(Naming { folder: folder_of(to), gives, takes: Some(from.clone()) });
            }
            Op::Unlink(path) => {
                self.live.remove(path);
                self.pending.push(Naming { folder: folder_of(path), gives: None, takes: Some(path.clone()) });
            }
            Op::Acknowledge(_) => {}
        }
    }

    fn name(&mut self, path: &str, entry: Entry) {
        self.live.insert(path.to_owned(), entry);
        self.pending.push(Naming { folder: folder_of(path), gives: Some((path.to_owned(), entry)), takes: None });
    }

    fn change(&mut self, path: &str, change: Change) {
        if let Some(Entry::File(inode)) = self.live.get(path) {
            self.inodes[*inode].pending.push(change);
        }
    }

    fn sync(&mut self, path: &str) {
        if let Some(Entry::File(inode)) = self.live.get(path) {
            let inode = &mut self.inodes[*inode];
            for change in std::mem::take(&mut inode.pending) {
                apply(&mut inode.safe, &change);
            }
            return;
        }
        let (safe, mut kept) = (&mut self.safe, Vec::new());
        for naming in std::mem::take(&mut self.pending) {
            if naming.folder == path { rename(safe, &naming) } else { kept.push(naming) }
        }
        self.pending = kept;
    }

    /// Writes what is left after a power cut into an empty folder.
    pub fn cut(&self, loss: Loss, folder: &Path) {
        let mut dice = Dice(match loss {
            Loss::Random(seed) => seed | 1,
            _ => 1,
        });
        let mut names = self.safe.clone();
        for naming in &self.pending {
            let kept = match loss {
                Loss::Nothing | Loss::Data => true,
                Loss::Everything | Loss::Names => false,
                Loss::Random(_) => dice.coin(),
            };
            if kept {
                rename(&mut names, naming);
            }
        }
        let mut there = BTreeSet::from([String::new()]);
        for (path, entry) in &names {
            // A name in a folder that is not there is not there either.
            if !there.contains(&folder_of(path)) {
                continue;
            }
            match entry {
                Entry::Folder => {
                    fs::create_dir(folder.join(path)).unwrap();
                    there.insert(path.clone());
                }
                Entry::File(inode) => {
                    fs::write(folder.join(path), self.inodes[*inode].left(loss, &mut dice)).unwrap();
                }
            }
        }
    }
}

fn rename(names: &mut BTreeMap<String, Entry>, naming: &Naming) {
    if let Some(path) = &naming.takes {
        names.remove(path);
    }
    if let Some((path, entry)) = &naming.gives {
        names.insert(path.clone(), *entry);
    }
}

impl Inode {
    fn left(&self, loss: Loss, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        for change in &self.pending {
            match (loss, change) {
                (Loss::Everything, _) => {}
                (Loss::Data, Change::Write(at, written)) => {
                    // The length grew, the bytes did not come: zeros.
                    bytes.resize(bytes.len().max(at + written.len()), 0);
                }
                (Loss::Random(_), change) => tear(&mut bytes, change, dice),
                (_, change) => apply(&mut bytes, change),
            }
        }
        bytes
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Write(at, written) => {
            bytes.resize(bytes.len().max(at + written.len()), 0);
            bytes[*at..at + written.len()].copy_from_slice(written);
        }
    }
}

/// One change in three is there, one is not, one is there in some of its sectors.
fn tear(bytes: &mut Vec<u8>, change: &Change, dice: &mut Dice) {
    match (dice.roll() % 3, change) {
        (1, _) => {}
        (0, change) | (_, change @ Change::Length(_)) => apply(bytes, change),
        (_, Change::Write(at, written)) => {
            let mut start = 0;
            while start < written.len() {
                // Sectors are the disk's, so the first one may be a rest.
                let end = written.len().min((at + start) / SECTOR * SECTOR + SECTOR - at);
                if dice.coin() {
                    apply(bytes, &Change::Write(at + start, written[start..end].to_vec()));
                }
                start = end;
            }
        }
    }
}
