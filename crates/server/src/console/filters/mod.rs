//! Filters: rules over PCs that narrow an assignment: the table, making and changing one, deleting.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod list;

use model::admin::Filter;
use store::{Slice, Store, StoreError, View};

/// All filters that the view sees, by name. Waits for the disk.
pub(super) fn all(store: &Store, view: &View) -> Result<Vec<Filter>, StoreError> {
    let mut all = Slice::all(|slice| store.filters(view, slice))?;
    all.sort_by(|a, b| a.terms.name.cmp(&b.terms.name));
    Ok(all)
}
