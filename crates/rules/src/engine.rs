//! Many rules over many devices: the same answers as [`crate::holds`], by columns instead of one by one, and kept up to date.
//!
//! Facts are columns of codes: each different value of a fact has a number in the column's dictionary, and 0 is "no value". A test is then a set
//! of codes, found by asking each *different* value once; on the column it is mostly one comparison of numbers. Devices are taken in blocks that
//! stay in the processor's nearest memory; each different test of all rules is made once a block, into one bit a device, and rules join those bits.
//!
//! A fact of which hardly two devices have the same value (ids, names, times) has no dictionary: its values stand row by row, and a test asks each.
//!
//! One device that changed is not worth a block: an index from facts to rules says which rules can have another outcome, and only these
//! are asked again.

mod columns;
mod fleet;
mod plain;
mod program;
mod room;

pub use columns::{Table, Value};
pub use fleet::{Fleet, Moved, RuleKey};
pub use program::{Bits, Program};
pub use room::{make_room, room};
