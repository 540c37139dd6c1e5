//! People: the table, one person, two snapshots side by side, holding, erasing, exporting.

pub(super) mod compare;
pub(super) mod erase;
pub(super) mod export;
pub(super) mod hold;
pub(super) mod list;
pub(super) mod show;
