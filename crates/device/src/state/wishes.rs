//! What the person wants their backups to carry: "Remember my apps" and "Remember my preferences", as Windows Settings calls the same choice.
//!
//! A wish counts where the organisation leaves it to the person ([`model::policy::CategoryRule::allows`]); where it does not, it is kept and has no effect,
//! so that it holds again when the organisation changes its mind. A record that is damaged counts as none: everything is then carried that may be.

use std::collections::BTreeMap;

use model::policy::Group;
use serde::{Deserialize, Serialize};

use super::{State, StateError, file};

/// The record's name.
const NAME: &str = "wishes.json";

/// What the person has said, by the word of the group: a category, or `app_list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes(BTreeMap<String, bool>);

impl Wishes {
    /// What was said of a group; `None`: nothing.
    pub fn of(&self, group: Group) -> Option<bool> {
        self.0.get(group.word()).copied()
    }

    /// From now on the group is carried, or is not.
    pub fn set(&mut self, group: Group, carried: bool) {
        self.0.insert(group.word().to_owned(), carried);
    }
}

impl State {
    /// What the person wants their backups to carry.
    pub fn wishes(&self) -> Wishes {
        let bytes = file::read(&self.folder().join(NAME)).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers it.
    pub fn save_wishes(&self, wishes: &Wishes) -> Result<(), StateError> {
        file::make_folder(self.folder())?;
        file::replace(&self.folder().join(NAME), &serde_json::to_vec(wishes).expect("it is plain data"))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test damages a file")]
mod tests {
    use model::catalog::Category;

    use super::*;

    #[test]
    fn wishes_are_kept_and_damage_is_no_wish() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path(), "default").unwrap();
        assert_eq!(state.wishes(), Wishes::default());
        let mut wishes = Wishes::default();
        wishes.set(Group::AppList, false);
        wishes.set(Group::Settings(Category::Taskbar), true);
        state.save_wishes(&wishes).unwrap();
        let kept = state.wishes();
        assert_eq!(kept.of(Group::AppList), Some(false));
        assert_eq!(kept.of(Group::Settings(Category::Taskbar)), Some(true));
        assert_eq!(kept.of(Group::Settings(Category::Gaming)), None);
        std::fs::write(state.folder().join(NAME), "{").unwrap();
        assert_eq!(state.wishes(), Wishes::default());
    }
}
