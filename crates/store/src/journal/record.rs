//! What a record holds: the statements of one transaction, and the bytes that they are (`docs/format.md` section 16).
//!
//! A server says the same few hundred statements again and again, so a log holds the text of each once, where it first comes.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::Value;

use crate::sql::record::Done;

/// Texts that a log may hold. Ours are some hundred, and those that are put together for one purpose some more.
pub(super) const TEXTS_MAX: usize = 4_096;

/// Statements of which a key that is taken away is one. Whoever has the journal must not keep what was destroyed.
const DESTROYS: &str = "DELETE FROM keys";

/// Whether a transaction destroys a key.
pub(super) fn destroys(done: &[Done]) -> bool {
    done.iter().any(|done| done.text.starts_with(DESTROYS))
}

/// The texts that a log holds so far, to write further ones.
#[derive(Default)]
pub(super) struct Known(HashMap<Arc<str>, u64>);

impl Known {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= TEXTS_MAX
    }

    /// The bytes of a transaction.
    pub(super) fn encode(&mut self, done: &[Done]) -> Vec<u8> {
        let mut bytes = Vec::new();
        number(&mut bytes, done.len() as u64);
        for Done { text, params } in done {
            let next = self.0.len() as u64;
            if let Some(known) = self.0.get(text) {
                number(&mut bytes, *known);
            } else {
                self.0.insert(text.clone(), next);
                number(&mut bytes, next);
                run(&mut bytes, text.as_bytes());
            }
            number(&mut bytes, params.len() as u64);
            for param in params {
                value(&mut bytes, param);
            }
        }
        bytes
    }
}

/// Seven bits a byte, the lowest first; the top bit says that there are more.
fn number(bytes: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

fn run(bytes: &mut Vec<u8>, of: &[u8]) {
    number(bytes, of.len() as u64);
    bytes.extend_from_slice(of);
}

fn value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0),
        Value::Integer(integer) => {
            bytes.push(1);
            bytes.extend_from_slice(&integer.to_le_bytes());
        }
        Value::Real(real) => {
            bytes.push(2);
            bytes.extend_from_slice(&real.to_le_bytes());
        }
        Value::Text(text) => {
            bytes.push(3);
            run(bytes, text.as_bytes());
        }
        Value::Blob(blob) => {
            bytes.push(4);
            run(bytes, blob);
        }
    }
}

/// The texts that a log holds so far, to read further ones.
#[derive(Default)]
pub(super) struct Texts(Vec<Arc<str>>);

impl Texts {
    /// The transaction that the bytes are. `None`: they are none.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Option<Vec<Done>> {
        let mut rest = Reader(bytes);
        let count = rest.number()?;
        let mut done = Vec::new();
        for _ in 0..count {
            let known = usize::try_from(rest.number()?).ok()?;
            if known == self.0.len() && known < TEXTS_MAX {
                self.0.push(std::str::from_utf8(rest.run()?).ok()?.into());
            }
            let text = self.0.get(known)?.clone();
            let params = (0..rest.number()?).map(|_| rest.value()).collect::<Option<_>>()?;
            done.push(Done { text, params });
        }
        rest.0.is_empty().then_some(done)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn run(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.array()? {
            [0] => Value::Null,
            [1] => Value::Integer(i64::from_le_bytes(self.array()?)),
            [2] => Value::Real(f64::from_le_bytes(self.array()?)),
            [3] => Value::Text(std::str::from_utf8(self.run()?).ok()?.to_owned()),
            [4] => Value::Blob(self.run()?.to_vec()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-1e9..1e9).prop_map(Value::Real),
            ".{0,20}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Blob),
        ]
    }

    fn done() -> impl Strategy<Value = Vec<Done>> {
        let text =
            prop::sample::select(vec!["INSERT INTO a VALUES ($1)", "DELETE FROM keys WHERE no = $1", "UPDATE b"]);
        let one = (text, prop::collection::vec(values(), 0..5));
        prop::collection::vec(one.prop_map(|(text, params)| Done { text: text.into(), params }), 0..6)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(transactions in prop::collection::vec(done(), 1..5)) {
            let (mut known, mut texts) = (Known::default(), Texts::default());
            for done in transactions {
                let bytes = known.encode(&done);
                prop_assert_eq!(texts.decode(&bytes), Some(done));
            }
        }

        #[test]
        fn garbage_is_no_transaction_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(Texts::default().decode(&bytes));
        }

        #[test]
        fn what_is_cut_short_is_none(done in done().prop_filter("something", |done| !done.is_empty()), cut in 0_usize..1000) {
            let bytes = Known::default().encode(&done);
            prop_assert_eq!(Texts::default().decode(&bytes[..cut % bytes.len()]), None);
        }
    }

    #[test]
    fn a_count_that_promises_more_than_there_is_takes_no_memory() {
        assert_eq!(Texts::default().decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), None);
        assert_eq!(Texts::default().decode(&[1, 0, 1, b'X', 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), None);
    }
}
