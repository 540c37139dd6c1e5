//! Groups of people and of PCs: the table, one group with who is in it and why, making and changing one with a rule, deleting.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod list;
pub(super) mod member;
pub(super) mod show;

use model::admin::GroupOf;
use store::{Group, Slice, Source, Store, StoreError, View};

use super::texts::Texts;

/// All groups that the view sees, by name. Waits for the disk.
pub(super) fn all(store: &Store, view: &View) -> Result<Vec<Group>, StoreError> {
    let mut all = Slice::all(|slice| store.groups(view, slice))?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn of_text(texts: &'static Texts, of: GroupOf) -> &'static str {
    texts.t(if of == GroupOf::People { "nav.users" } else { "nav.devices" })
}

fn source_text(texts: &'static Texts, source: Source) -> &'static str {
    texts.t(match source {
        Source::Admins => "group.assigned",
        Source::Provider => "group.provider",
        Source::Rule => "group.dynamic",
    })
}

/// What a group is of, by its word in forms.
fn of_word(word: &str) -> GroupOf {
    if word == "devices" { GroupOf::Devices } else { GroupOf::People }
}
