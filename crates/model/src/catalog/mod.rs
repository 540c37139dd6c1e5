//! What a setting is: the catalog, compiled in.
//!
//! The entries are data: TOML files in the folder `catalog/` at the root of the project, whose README explains each field. `build.rs`
//! reads them, refuses what breaks the rules (`rules.rs`), and writes them out as the static table [`SETTINGS`], so that no program pays for
//! parsing and no program can be handed another catalog: the table is the security boundary of `docs/threat-model.md`. A snapshot names
//! a setting by id; only this table says which place of the registry that is.

pub mod blocked;
mod category;
mod check;
mod lookup;
pub mod rules;
pub mod text;
mod types;

pub use category::Category;
pub use check::{Report, check};
pub use lookup::{find, in_category, left_out, packed_base, windows_policy};
pub use text::path_like;
pub use types::{
    Alphabet, ColourLayout, Effect, FileRole, GroupPlace, Kind, LeftOut, Literal, MdmPlace, Packed, Place, RegType,
    Root, Sensitivity, Setting, Stage, Transform, WindowsPolicy, names,
};

pub use table::{LEFT_OUT, PACKED, SETTINGS, VERSION, WINDOWS_POLICIES};

/// What `build.rs` made of `catalog/`.
#[expect(clippy::unreadable_literal, reason = "written by build.rs, read by the compiler")]
mod table {
    use super::Category;
    use super::types::{
        Alphabet, ColourLayout, Effect, FileRole, GroupPlace, Kind, LeftOut, Literal, MdmPlace, Packed, Place, RegType,
        Sensitivity, Setting, Stage, Transform, WindowsPolicy,
    };

    include!(concat!(env!("OUT_DIR"), "/catalog.rs"));
}
