//! A key: its name, its time, its subkeys, its values (specification, "Key node").

use crate::bins::{Bins, NIL, clamp, short, u16_at, u32_at, u64_at, unlike};
use crate::damage::{Damage, Record, What};
use crate::header::FileTime;
use crate::limits::KEY_NAME_MAX;
use crate::name::{Name, Wanted};
use crate::subkeys::{Subkeys, find};
use crate::value::{Value, Values};

/// Length of a key node before its name.
const NODE: usize = 76;
const FLAG_LINK: u16 = 0x0010;
const FLAG_LATIN1: u16 = 0x0020;
/// The number of values is a handle, not a number (specification, `KEY_PREDEF_HANDLE`).
const FLAG_PREDEFINED: u16 = 0x0040;

/// One key. Cheap to copy; it borrows the hive's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Key<'h> {
    bins: Bins<'h>,
    offset: u32,
    node: &'h [u8; NODE],
    name: &'h [u8],
}

impl<'h> Key<'h> {
    /// The key whose node is at `offset`, if a sound one is there; [`Key::at`] says why not.
    #[inline]
    pub(crate) fn read(bins: Bins<'h>, offset: u32) -> Option<Self> {
        let (node, rest) = bins.try_record::<NODE>(offset)?;
        let length = usize::from(u16_at(node, 72));
        if node[..2] != *b"nk" || length > KEY_NAME_MAX {
            return None;
        }
        Some(Self { bins, offset, node, name: rest.get(..length)? })
    }

    #[inline]
    pub(crate) fn at(bins: Bins<'h>, offset: u32) -> Result<Self, Damage> {
        Self::read(bins, offset).ok_or_else(|| bins.why_no_record::<NODE>(offset, Record::Key, 72, KEY_NAME_MAX))
    }

    /// Its own name, without those of its parents.
    #[inline]
    pub fn name(&self) -> Name<'h> {
        Name::new(self.name, self.flags() & FLAG_LATIN1 != 0)
    }

    /// When the key or one of its values was last written.
    pub fn last_written(&self) -> FileTime {
        FileTime(u64_at(self.node, 4))
    }

    /// Its place in the hive bins data.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Whether it is a symbolic link to another key (its target is the value `SymbolicLinkValue`). Links are not
    /// followed.
    pub fn is_link(&self) -> bool {
        self.flags() & FLAG_LINK != 0
    }

    /// Number of subkeys as stored in the key.
    #[inline]
    pub fn subkey_count(&self) -> u32 {
        u32_at(self.node, 20)
    }

    /// Number of values as stored in the key.
    #[inline]
    pub fn value_count(&self) -> u32 {
        if self.flags() & FLAG_PREDEFINED == 0 { u32_at(self.node, 36) } else { 0 }
    }

    /// Its subkeys, in the order of the list.
    #[inline]
    pub fn subkeys(&self) -> Subkeys<'h> {
        Subkeys::new(self.bins, self.subkey_count(), u32_at(self.node, 28))
    }

    /// Its values, in the order of the list.
    #[inline]
    pub fn values(&self) -> Values<'h> {
        Values::new(self.bins, self.value_count(), u32_at(self.node, 40))
    }

    /// The key at `path` below this one: names joined by backslashes, case ignored; the empty path is the key itself.
    ///
    /// `Ok(None)`: there is certainly no such key. `Err`: it was not found, and a part of the hive on the way is
    /// damaged.
    pub fn open(&self, path: &str) -> Result<Option<Self>, Damage> {
        let (mut key, mut rest) = (*self, path);
        while !rest.is_empty() {
            let wanted;
            (wanted, rest) = Wanted::first_of(rest);
            if !wanted.is_empty() {
                match key.find(wanted)? {
                    Some(subkey) => key = subkey,
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(key))
    }

    /// The subkey called `name` (one name; a backslash in it is a part of it), with the same answers as [`Key::open`].
    pub fn subkey(&self, name: &str) -> Result<Option<Self>, Damage> {
        self.find(Wanted::new(name))
    }

    #[inline]
    fn find(&self, wanted: Wanted<'_>) -> Result<Option<Self>, Damage> {
        if self.subkey_count() == 0 {
            return Ok(None);
        }
        find(self.bins, u32_at(self.node, 28), wanted)
    }

    /// The value called `name`, case ignored; the empty name is the default value. The answers are those of
    /// [`Key::open`].
    pub fn value(&self, name: &str) -> Result<Option<Value<'h>>, Damage> {
        let wanted = Wanted::new(name);
        let mut damage = None;
        for value in self.values() {
            match value {
                Ok(value) if wanted.is(value.name()) => return Ok(Some(value)),
                Ok(_) => {}
                Err(found) => damage = damage.or(Some(found)),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// Its class name, which almost no key has.
    pub fn class_name(&self) -> Result<Option<Name<'h>>, Damage> {
        let (offset, length) = (u32_at(self.node, 48), usize::from(u16_at(self.node, 74)));
        if offset == NIL || length == 0 {
            return Ok(None);
        }
        let cell = self.bins.cell(offset)?;
        let name = cell.get(..length).ok_or_else(|| short(offset, length, cell.len()))?;
        Ok(Some(Name::new(name, false)))
    }

    /// Its security descriptor, self-relative as Windows stores it (specification, "Key security"). The one of the
    /// root key names the owner of a user's hive.
    pub fn security(&self) -> Result<&'h [u8], Damage> {
        let offset = u32_at(self.node, 44);
        let (head, rest) = self.bins.record::<20>(offset)?;
        if head[..2] != *b"sk" {
            return Err(unlike(offset, Record::Security, [head[0], head[1]]));
        }
        let length = u32_at(head, 16);
        rest.get(..length as usize)
            .ok_or_else(|| Damage::new(offset, What::CellShort { expected: length, actual: clamp(rest.len()) }))
    }

    /// Offset of the key that it names as its parent.
    pub(crate) fn parent(&self) -> u32 {
        u32_at(self.node, 16)
    }

    /// The bins it lives in.
    pub(crate) fn bins(&self) -> Bins<'h> {
        self.bins
    }

    #[inline]
    fn flags(&self) -> u16 {
        u16_at(self.node, 2)
    }
}
