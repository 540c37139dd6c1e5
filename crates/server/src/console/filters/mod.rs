//! Filters: rules over PCs that narrow an assignment: the table, making and changing one, deleting.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod list;
