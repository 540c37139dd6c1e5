//! The envelope: compress, encrypt, authenticate, open; key wrapping and content ids.
//!
//! A device seals, the server keeps what it cannot read, and a device of the same person opens. The way through this crate:
//!
//! 1. [`content::Outline::of`] cuts a snapshot into parts and hashes them. Equal snapshot ids mean that nothing changed, and nothing needs
//!    to be sealed.
//! 2. [`pack()`] seals the parts that the server does not have yet and makes the envelope. [`blob::Sealer`] seals the files it names.
//! 3. [`open()`] checks and opens an envelope; [`blob::Opener`] a file.
//!
//! [`bundle`] puts a snapshot with all that opens it into one file. [`wrap`] makes the server's key tree, [`receipt`] signs and checks receipts. `docs/format.md` is the contract for every byte, and
//! `docs/threat-model.md` says against whom it holds. Nothing here decides on an algorithm by what a peer says.

mod aead;
pub mod blob;
pub mod bundle;
pub mod content;
pub mod device_key;
mod keys;
mod open;
mod pack;
mod padding;
mod part;
pub mod random;
pub mod receipt;
pub mod session;
pub mod wrap;

pub use aead::Owner;
pub use keys::{IdKey, Key, KeyError, KeyRing, Secret};
pub use open::{OpenError, Opened, open};
pub use pack::{PackError, Packed, Stamp, pack};
