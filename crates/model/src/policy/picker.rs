//! The settings picker: definitions found by words, and as a tree of categories.
//!
//! What there is to pick is [`POLICIES`] as far as the server may say it. Words are looked for in title, description, id, registry name, the choices
//! and the ids of the Intune definitions that a setting stands for, without regard to case; all words have to be found, and what has them in its title comes first.

use super::{Area, Group, Kind, POLICIES, Policy};

/// A branch of the tree.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What people read.
    pub title: &'static str,
    /// What is in it, in the order of the table.
    pub settings: Vec<&'static Policy>,
    /// Branches below.
    pub branches: Vec<Branch>,
}

impl Policy {
    /// The path of titles that leads to it in the tree: `Categories`, `Taskbar`.
    pub fn path(&self) -> Vec<&'static str> {
        let mut path = vec![self.area.title()];
        path.extend(self.group().map(group_title));
        path
    }

    /// The category of settings that it is about, if it is about one.
    pub fn group(&self) -> Option<Group> {
        let word = self.id.strip_prefix("category.")?.trim_end_matches(".user_override");
        Group::all().find(|group| group.word() == word)
    }

    fn has(&self, word: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(word);
        let choice = match self.kind {
            Kind::Choice(choices) => choices.iter().any(|choice| holds(choice.word) || holds(choice.title)),
            _ => false,
        };
        choice
            || [self.title, self.what, self.id, self.value].into_iter().any(holds)
            || self.path().into_iter().any(holds)
            || self.import_ids().iter().any(|id| holds(id))
    }
}

/// The title of a group as the table has it.
fn group_title(group: Group) -> &'static str {
    let id = format!("category.{}", group.word());
    let policy = Policy::find(&id).expect("each group has a rule in the table");
    policy.title.split_once(':').map_or(policy.title, |(title, _)| title)
}

/// The settings that hold all words, those with a word in their title first; without words all of them.
pub fn search(words: &str) -> Vec<&'static Policy> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let all = POLICIES.iter().filter(|policy| policy.is_of_server());
    let mut found: Vec<&Policy> = all.filter(|policy| words.iter().all(|word| policy.has(word))).collect();
    let in_title = |policy: &Policy| words.iter().any(|word| policy.title.to_lowercase().contains(word.as_str()));
    found.sort_by_key(|policy| !in_title(policy));
    found
}

/// The tree.
pub fn tree() -> Vec<Branch> {
    let branch = |area: Area| {
        let of_area = || POLICIES.iter().filter(move |policy| policy.area == area && policy.is_of_server());
        let below = |group: Group| Branch {
            title: group_title(group),
            settings: of_area().filter(|policy| policy.group() == Some(group)).collect(),
            branches: Vec::new(),
        };
        let mut branches: Vec<Branch> = Group::all().map(below).collect();
        branches.retain(|branch| !branch.settings.is_empty());
        Branch {
            title: area.title(),
            settings: of_area().filter(|policy| policy.group().is_none()).collect(),
            branches,
        }
    };
    Area::ALL.into_iter().map(branch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(words: &str) -> Vec<&'static str> {
        search(words).into_iter().map(|policy| policy.id).collect()
    }

    #[test]
    fn words_find_what_an_administrator_knows_by_another_name() {
        assert_eq!(ids("metered")[0], "backup.metered");
        assert_eq!(ids("enablewindowsbackup"), ["backup.enabled"]);
        assert_eq!(ids("settingssync_disableaccessibilitysettingsync")[0], "category.accessibility");
        assert!(ids("TASKBAR never").contains(&"category.taskbar"));
        assert!(ids("no such words").is_empty());
        assert!(!ids("").contains(&"agent.enrolment_token"), "a secret is nothing that the server sets");
    }

    #[test]
    fn the_tree_holds_every_setting_once() {
        fn count(branch: &Branch) -> usize {
            branch.settings.len() + branch.branches.iter().map(count).sum::<usize>()
        }
        let tree = tree();
        assert_eq!(tree.iter().map(count).sum::<usize>(), search("").len());
        let categories = tree.iter().find(|branch| branch.title == "Categories").unwrap();
        assert_eq!(categories.branches.len(), Group::all().count());
        assert!(categories.branches.iter().all(|branch| branch.settings.len() == 2), "{categories:?}");
        for policy in search("") {
            assert_eq!(policy.path()[0], policy.area.title());
        }
    }
}
