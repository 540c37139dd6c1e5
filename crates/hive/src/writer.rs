//! A writer of small hives and logs, so that tests and fuzzers need nobody's real registry (cargo feature `writer`).
//!
//! It writes what Windows writes, as far as the reader can see it, and each variant that the reader must know: all
//! kinds of lists, big data, both kinds of names, both kinds of logs. It is no tool for changing hives: those that
//! Windows shall load are made by Windows.

use crate::bins::NIL;
use crate::header::{BASE_BLOCK, FileTime, file_type};
use crate::name::upcase;

mod logs;

pub use logs::{new_log, old_log, seal_base_block, seal_entry, set_sequence};

/// A key to be written, with its values and subkeys.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    name: String,
    class: Option<String>,
    is_link: bool,
    last_written: FileTime,
    values: Vec<(String, u32, Vec<u8>)>,
    subkeys: Vec<Tree>,
}

impl Tree {
    /// A key called `name`, empty. For a root key the name plays no part.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The key at `path` (names joined by backslashes), made where it is missing.
    pub fn key(&mut self, path: &str) -> &mut Self {
        path.split('\\').filter(|name| !name.is_empty()).fold(self, |key, name| {
            let place = key.subkeys.iter().position(|subkey| subkey.name == name).unwrap_or_else(|| {
                key.subkeys.push(Self::new(name));
                key.subkeys.len() - 1
            });
            &mut key.subkeys[place]
        })
    }

    /// Adds a value: its name (empty for the default value), its type number and its bytes.
    pub fn set(&mut self, name: &str, kind: u32, data: impl Into<Vec<u8>>) -> &mut Self {
        self.values.push((name.to_owned(), kind, data.into()));
        self
    }

    /// Makes the key a symbolic link; its target is the value `SymbolicLinkValue`.
    pub fn link(&mut self) -> &mut Self {
        self.is_link = true;
        self
    }

    /// Gives the key a class name.
    pub fn class(&mut self, class: &str) -> &mut Self {
        self.class = Some(class.to_owned());
        self
    }

    /// Sets the time when the key was last written.
    pub fn written(&mut self, time: FileTime) -> &mut Self {
        self.last_written = time;
        self
    }

    /// The bytes of a hive with this root key.
    pub fn to_bytes(&self, layout: &Layout) -> Vec<u8> {
        Writer::new(layout).write(self)
    }
}

/// The kind of the lists of subkeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// li: offsets alone.
    Plain,
    /// lf: with the first four characters of each name.
    Hinted,
    /// lh: with a hash of each name.
    Hashed,
}

/// How a hive is laid out.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Kind of the subkey lists.
    pub lists: Lists,
    /// Longest subkey list; a key with more subkeys gets an index root (ri).
    pub list_max: usize,
    /// Minor version of the format. From 4 on, values above 16,344 bytes are stored in segments.
    pub minor: u32,
    /// Both sequence numbers.
    pub sequence: u32,
    /// When the hive was last written.
    pub last_written: FileTime,
    /// Name of the file, as Windows notes it; at most 31 characters are kept.
    pub file_name: String,
}

impl Default for Layout {
    fn default() -> Self {
        let file_name = r"\??\C:\Users\demo\NTUSER.DAT".to_owned();
        // 2025-01-01T00:00:00Z
        let last_written = FileTime(133_801_632_000_000_000);
        Self { lists: Lists::Hashed, list_max: 500, minor: 5, sequence: 1, last_written, file_name }
    }
}

/// A string as registry data: UTF-16LE with a final zero.
pub fn utf16z(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

struct Writer<'l> {
    layout: &'l Layout,
    bins: Vec<u8>,
    /// Where the current bin's free room starts and ends.
    free: std::ops::Range<usize>,
    security: u32,
}

impl<'l> Writer<'l> {
    fn new(layout: &'l Layout) -> Self {
        Self { layout, bins: Vec::new(), free: 0..0, security: 0 }
    }

    fn write(mut self, tree: &Tree) -> Vec<u8> {
        let root = self.cell(&[0; 76 + 512]); // the root key stands first, as in hives of Windows
        // The smallest descriptor: revision 1, self-relative, without owner, group and lists.
        let mut security = b"sk\0\0".to_vec();
        push(&mut security, &[0, 0, 1, 20, 0x8000_0001, 0, 0, 0, 0]);
        self.security = self.cell(&security);
        let at = self.security.to_le_bytes();
        self.patch(self.security, 4, &[at, at].concat());
        let node = self.node(tree, root, root, 0x2c);
        self.patch(root, 0, &node);
        self.close_bin();
        let mut file = self.base_block(root);
        file.append(&mut self.bins);
        file
    }

    fn base_block(&self, root: u32) -> Vec<u8> {
        let (layout, mut block) = (self.layout, b"regf".to_vec());
        push(&mut block, &[layout.sequence, layout.sequence]);
        block.extend(layout.last_written.0.to_le_bytes());
        push(&mut block, &[1, layout.minor, file_type::PRIMARY, 1, root, len32(self.bins.len()), 1]);
        block.extend(layout.file_name.encode_utf16().take(31).flat_map(u16::to_le_bytes));
        block.resize(BASE_BLOCK, 0);
        seal_base_block(&mut block);
        block
    }

    /// Writes everything below `key` and gives its own record, which belongs at `at`.
    fn node(&mut self, key: &Tree, at: u32, parent: u32, flags: u16) -> Vec<u8> {
        let values: Vec<u32> = key.values.iter().map(|(name, kind, data)| self.value(name, *kind, data)).collect();
        let value_list = if values.is_empty() { NIL } else { self.numbers(&values) };
        let mut subkeys: Vec<&Tree> = key.subkeys.iter().collect();
        subkeys.sort_by_cached_key(|subkey| upper(&subkey.name));
        let subkeys: Vec<(u32, &Tree)> = subkeys.into_iter().map(|subkey| (self.key(subkey, at), subkey)).collect();
        let subkey_list = if subkeys.is_empty() { NIL } else { self.lists(&subkeys) };
        let class: Vec<u8> =
            key.class.iter().flat_map(|class| class.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let class_at = if class.is_empty() { NIL } else { self.cell(&class) };
        let (name, latin1) = name(&key.name);

        let mut node = b"nk".to_vec();
        let link = if key.is_link { 0x10 } else { 0 };
        node.extend((flags | link | if latin1 { 0x20 } else { 0 }).to_le_bytes());
        node.extend(key.last_written.0.to_le_bytes());
        push(&mut node, &[0, parent, len32(subkeys.len()), 0, subkey_list, NIL, len32(values.len()), value_list]);
        push(&mut node, &[self.security, class_at, 0, 0, 0, 0, 0]);
        push16(&mut node, &[name.len(), class.len()]);
        node.extend(name);
        node
    }

    fn key(&mut self, key: &Tree, parent: u32) -> u32 {
        let at = self.cell(&vec![0; 76 + name(&key.name).0.len()]);
        let node = self.node(key, at, parent, 0);
        self.patch(at, 0, &node);
        at
    }

    fn value(&mut self, value_name: &str, kind: u32, data: &[u8]) -> u32 {
        let (size, place) = match data.len() {
            length @ 0..=4 => {
                let mut inline = [0; 4];
                inline[..length].copy_from_slice(data);
                (len32(length) | 0x8000_0000, u32::from_le_bytes(inline))
            }
            length if length > 16_344 && self.layout.minor > 3 => (len32(length), self.big_data(data)),
            length => (len32(length), self.cell(data)),
        };
        let (name, latin1) = name(value_name);
        let mut record = b"vk".to_vec();
        push16(&mut record, &[name.len()]);
        push(&mut record, &[size, place, kind]);
        push16(&mut record, &[usize::from(latin1), 0]);
        record.extend(name);
        self.cell(&record)
    }

    fn big_data(&mut self, data: &[u8]) -> u32 {
        let segments: Vec<u32> = data.chunks(16_344).map(|segment| self.cell(segment)).collect();
        let list = self.numbers(&segments);
        let mut record = b"db".to_vec();
        push16(&mut record, &[segments.len()]);
        push(&mut record, &[list]);
        self.cell(&record)
    }

    fn lists(&mut self, subkeys: &[(u32, &Tree)]) -> u32 {
        let lists: Vec<u32> = subkeys.chunks(self.layout.list_max.max(1)).map(|part| self.list(part)).collect();
        if let [list] = lists[..] {
            return list;
        }
        let mut index = b"ri".to_vec();
        push16(&mut index, &[lists.len()]);
        push(&mut index, &lists);
        self.cell(&index)
    }

    fn list(&mut self, subkeys: &[(u32, &Tree)]) -> u32 {
        let kind = match self.layout.lists {
            Lists::Plain => b"li",
            Lists::Hinted => b"lf",
            Lists::Hashed => b"lh",
        };
        let mut list = kind.to_vec();
        push16(&mut list, &[subkeys.len()]);
        for (at, subkey) in subkeys {
            push(&mut list, &[*at]);
            match self.layout.lists {
                Lists::Plain => {}
                Lists::Hinted => list.extend(hint(&subkey.name)),
                Lists::Hashed => push(&mut list, &[hash(&subkey.name)]),
            }
        }
        self.cell(&list)
    }

    fn numbers(&mut self, numbers: &[u32]) -> u32 {
        let mut list = Vec::new();
        push(&mut list, numbers);
        self.cell(&list)
    }

    /// Writes a used cell and gives its offset.
    fn cell(&mut self, payload: &[u8]) -> u32 {
        let size = (payload.len() + 4).next_multiple_of(8);
        if size > self.free.len() {
            self.close_bin();
            self.open_bin(size);
        }
        let at = self.free.start;
        self.bins[at..at + 4].copy_from_slice(&len32(size).wrapping_neg().to_le_bytes());
        self.bins[at + 4..at + 4 + payload.len()].copy_from_slice(payload);
        self.free.start += size;
        len32(at)
    }

    fn open_bin(&mut self, room: usize) {
        let start = self.bins.len();
        let size = (room + 32).next_multiple_of(BASE_BLOCK);
        let mut head = b"hbin".to_vec();
        push(&mut head, &[len32(start), len32(size), 0, 0]);
        head.extend(if start == 0 { self.layout.last_written.0.to_le_bytes() } else { [0; 8] });
        self.bins.extend(head);
        self.bins.resize(start + size, 0);
        self.free = start + 32..start + size;
    }

    /// Makes what is left of the current bin a free cell.
    fn close_bin(&mut self) {
        if !self.free.is_empty() {
            let size = len32(self.free.len());
            self.bins[self.free.start..][..4].copy_from_slice(&size.to_le_bytes());
        }
    }

    fn patch(&mut self, cell: u32, at: usize, bytes: &[u8]) {
        self.bins[cell as usize + 4 + at..][..bytes.len()].copy_from_slice(bytes);
    }
}

/// A name as it is stored, and whether that is one byte for each character.
fn name(text: &str) -> (Vec<u8>, bool) {
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match latin1 {
        Some(name) => (name, true),
        None => (text.encode_utf16().flat_map(u16::to_le_bytes).collect(), false),
    }
}

fn upper(text: &str) -> Vec<u16> {
    text.encode_utf16().map(upcase).collect()
}

fn hash(text: &str) -> u32 {
    upper(text).into_iter().fold(0_u32, |hash, unit| hash.wrapping_mul(37).wrapping_add(u32::from(unit)))
}

/// The first four characters, zero if one of them is not ASCII.
fn hint(text: &str) -> [u8; 4] {
    let mut hint = [0; 4];
    for (place, c) in hint.iter_mut().zip(text.chars()) {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => *place = byte,
            _ => return [0; 4],
        }
    }
    hint
}

fn push(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn push16(bytes: &mut Vec<u8>, numbers: &[usize]) {
    bytes.extend(
        numbers.iter().flat_map(|number| u16::try_from(*number).expect("hives of tests are small").to_le_bytes()),
    );
}

fn len32(length: usize) -> u32 {
    u32::try_from(length).expect("hives of tests are small")
}
