//! A fact of which hardly two rows have the same value (ids, names, times), row by row. A dictionary of it was four times as large as the values.

use super::columns::Value;
use super::room::make_room;

/// Rows of a block of texts. One that changes its length moves those behind it in its block.
const BLOCK: usize = 1_024;

/// Values by their rows; rows beyond the end have none.
#[derive(Debug)]
pub(super) enum Plain {
    /// One more than the number, and 0 for none: seconds since 1970 until 2106, and sizes below 4 GiB.
    Numbers(Vec<u32>),
    Texts(Vec<Texts>),
}

/// The texts of some rows. An empty one is no value.
#[derive(Debug)]
pub(super) enum Texts {
    /// Each is 32 hexadecimal digits, as ids are.
    Ids(Vec<[u8; 16]>),
    /// One text behind the other, and where each ends.
    Any(String, Vec<u32>),
}

impl Plain {
    /// Puts in a value, if it is of a kind that fits in.
    pub fn put(&mut self, row: usize, value: Option<Value<'_>>) -> bool {
        match self {
            Self::Numbers(numbers) => {
                let kept = match value {
                    None => Some(0),
                    Some(Value::Number(number)) => {
                        number.checked_add(1).and_then(|more| u32::try_from(more).ok()).filter(|more| *more > 0)
                    }
                    Some(_) => None,
                };
                let Some(kept) = kept else { return false };
                if numbers.len() <= row {
                    make_room(numbers, row + 1 - numbers.len());
                    numbers.resize(row + 1, 0);
                }
                numbers[row] = kept;
                true
            }
            Self::Texts(blocks) => {
                let text = match value {
                    None => "",
                    Some(Value::Text(text)) => text,
                    Some(_) => return false,
                };
                while blocks.len() <= row / BLOCK {
                    if let Some(full) = blocks.last_mut() {
                        full.fill(BLOCK);
                        full.shrink();
                    }
                    blocks.push(Texts::Ids(Vec::new()));
                }
                let block = &mut blocks[row / BLOCK];
                block.fill(row % BLOCK);
                block.put(row % BLOCK, text);
                true
            }
        }
    }

    /// Does something with the value of a row.
    #[inline]
    pub fn get<T>(&self, row: usize, with: impl FnOnce(Option<Value<'_>>) -> T) -> T {
        match self {
            Self::Numbers(numbers) => {
                let kept = numbers.get(row).copied().unwrap_or(0);
                with(kept.checked_sub(1).map(|number| Value::Number(i64::from(number))))
            }
            Self::Texts(blocks) => match blocks.get(row / BLOCK) {
                Some(block) => block.get(row % BLOCK, with),
                None => with(None),
            },
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(blocks) => blocks.len().saturating_sub(1) * BLOCK + blocks.last().map_or(0, Texts::len),
        }
    }

    /// Gives back memory that was taken in advance.
    pub fn shrink(&mut self) {
        match self {
            Self::Numbers(numbers) => numbers.shrink_to_fit(),
            Self::Texts(blocks) => {
                blocks.last_mut().into_iter().for_each(Texts::shrink);
                blocks.shrink_to_fit();
            }
        }
    }
}

impl Texts {
    fn len(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::Any(_, ends) => ends.len(),
        }
    }

    /// Has at least so many rows afterwards.
    fn fill(&mut self, rows: usize) {
        while self.len() < rows {
            self.put(self.len(), "");
        }
    }

    /// Puts the text of a row in its place, or of the row after the last.
    fn put(&mut self, row: usize, text: &str) {
        match self {
            Self::Ids(ids) => {
                let Some(id) = packed(text) else {
                    let mut any = Self::Any(String::new(), Vec::new());
                    for id in &*ids {
                        any.put(any.len(), &String::from_utf8_lossy(&spelled(*id)));
                    }
                    *self = any;
                    return self.put(row, text);
                };
                match ids.get_mut(row) {
                    Some(place) => *place = id,
                    None => ids.push(id),
                }
            }
            Self::Any(all, ends) => {
                let begin = row.checked_sub(1).map_or(0, |before| ends[before] as usize);
                let end = ends.get(row).map_or(all.len(), |end| *end as usize);
                all.replace_range(begin..end, text);
                let at = |place: usize| u32::try_from(place).expect(SHORT);
                if row == ends.len() {
                    ends.push(at(all.len()));
                } else {
                    for place in &mut ends[row..] {
                        *place = at(*place as usize + text.len() - (end - begin));
                    }
                }
            }
        }
    }

    #[inline]
    fn get<T>(&self, row: usize, with: impl FnOnce(Option<Value<'_>>) -> T) -> T {
        match self {
            Self::Ids(ids) => match ids.get(row) {
                Some(id) => {
                    let text = spelled(*id);
                    with(std::str::from_utf8(&text).ok().map(Value::Text))
                }
                None => with(None),
            },
            Self::Any(all, ends) => {
                let begin = row.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |begin| *begin as usize);
                let text = ends.get(row).map(|end| &all[begin..*end as usize]);
                with(text.filter(|text| !text.is_empty()).map(Value::Text))
            }
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Ids(ids) => ids.shrink_to_fit(),
            Self::Any(all, ends) => {
                all.shrink_to_fit();
                ends.shrink_to_fit();
            }
        }
    }
}

const SHORT: &str = "a thousand texts of at most some thousand characters";

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The bytes that a text of 32 small hexadecimal digits spells.
fn packed(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    for (byte, two) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = digit(two[0])? << 4 | digit(two[1])?;
    }
    Some(bytes)
}

/// The other way round.
#[inline]
fn spelled(bytes: [u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (two, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *two = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    text
}
