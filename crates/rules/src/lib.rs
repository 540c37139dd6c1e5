//! The rule language: who is in a dynamic group, and which devices a filter lets through.
//!
//! One parser reads Entra's dynamic membership rules and Intune's assignment filters ([`parse()`]); a rule has one canonical spelling (`Display`).
//! What it refuses, it refuses with a column and a hint ([`RuleError`]); the properties that can be asked for are a table ([`property`]).
//! [`explain()`] says why somebody is in or not, and [`holds`] is the meaning, written plainly and slowly. [`engine`] gives the same answers for many
//! rules over a million devices, and keeps them up to date; `tests/agree.rs` holds the two together.
//!
//! Knows no store, no clock and no network: facts and the time are handed in.

pub mod engine;
mod error;
mod explain;
mod facts;
mod format;
mod interpret;
pub mod limits;
mod near;
mod operator;
mod parse;
pub mod property;
mod rule;
mod token;
pub mod value;

pub use error::{Fault, RuleError};
pub use explain::{Explained, Part, explain};
pub use facts::{Fact, FactError, Facts};
pub use interpret::holds;
pub use operator::{Operator, Operators};
pub use parse::parse;
pub use property::{FactId, Kind, Property, Type};
pub use rule::{Asked, Comparison, Element, Field, Literal, Rule, Test, Tree};
