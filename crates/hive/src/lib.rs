//! Offline registry hives: bytes to keys and values, with transaction-log replay.
//!
//! A hive (`NTUSER.DAT`, `UsrClass.dat`, `SOFTWARE`, `SYSTEM`, `Amcache.hve`) is read as it lies on a disk, without
//! Windows and without trust: the file may come from a dying disk or from a hostile hand, and the Windows kernel's
//! own parser has had dozens of security holes. So this reader only reads, has no `unsafe`, checks every offset, and
//! is bounded by the constants of [`limits`].
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (log1, log2) = (std::fs::read("NTUSER.DAT.LOG1")?, std::fs::read("NTUSER.DAT.LOG2")?);
//! let loaded = hive::load(std::fs::read("NTUSER.DAT")?, &[("LOG1", &log1), ("LOG2", &log2)])?;
//! let hive = loaded.hive()?;
//! if let Some(key) = hive.root().open(r"Control Panel\Desktop")?
//!     && let Some(value) = key.value("WallPaper")?
//! {
//!     println!("type {}, {} bytes", value.kind(), value.data()?.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Words: a **hive** is a *base block* of 4096 bytes and the *hive bins data*; these consist of *cells*; a cell holds
//! a record (key node nk, value vk, lists li, lf, lh, ri, big data db, security sk) or plain bytes. *Offsets* count
//! from the start of the hive bins data. A hive is **dirty** while Windows writes to it, and after a crash; its
//! **logs** hold what is missing ([`load`]). A [`Damage`] is a thing that could not be read; it stands in the place
//! of the thing, and reading goes on.
//!
//! Where to look: `hive` opens, `key`, `subkeys` and `value` read records, `walk` visits all of them and reports,
//! `replay` and `log` bring a dirty hive up to date, `bins` is the only place where an offset becomes a slice.
//!
//! Source of every fact of the format, unless said otherwise: Maxim Suhanov's "Windows registry file format
//! specification" (repository msuhanov/regf), cited by the titles of its sections. Format versions 1.2 to 1.6 are
//! read.

mod bins;
mod damage;
mod header;
mod hive;
mod key;
pub mod limits;
mod log;
mod marvin;
mod name;
mod replay;
mod subkeys;
mod value;
mod walk;
#[cfg(any(test, feature = "writer"))]
pub mod writer;

pub use damage::{Damage, Damages, Record, What};
pub use header::{FileTime, Header};
pub use hive::{Hive, OpenError};
pub use key::Key;
pub use log::{LogFormat, Refusal};
pub use name::Name;
pub use replay::{Loaded, LogOutcome, Replay, State, load};
pub use subkeys::Subkeys;
pub use value::{Value, Values};
pub use walk::{Found, Path, Report};
