//! Groups of people and of PCs: the table, one group with who is in it and why, making and changing one with a rule, deleting.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod list;
pub(super) mod member;
pub(super) mod show;

use model::admin::GroupOf;
use rules::Kind;
use store::{AdminError, Group, Slice, Source, Store, View};

use super::texts::Texts;

/// All groups that the view sees, by name. Waits for the disk.
fn all(store: &Store, view: &View) -> Result<Vec<Group>, AdminError> {
    let (mut all, mut slice) = (Vec::new(), Slice::default());
    loop {
        let page = store.groups(view, slice)?;
        all.extend(page.items);
        match page.next {
            Some(after) => slice.after = after,
            None => break,
        }
    }
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

/// The language of a group's rule.
fn kind(of: GroupOf) -> Kind {
    if of == GroupOf::People { Kind::User } else { Kind::Device }
}

/// What a group is of, by its word in forms.
fn of_word(word: &str) -> GroupOf {
    if word == "devices" { GroupOf::Devices } else { GroupOf::People }
}
