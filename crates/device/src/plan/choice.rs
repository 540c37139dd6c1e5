//! What a person wants back: everything, some of it, or everything but.
//!
//! A choice is made of words: a category (`taskbar`), a setting (`taskbar.alignment`), the list of apps ([`APP_LIST`]) or one app (`app:` and its
//! package family name). Words that name nothing are refused with the nearest one that does, because a typing error must not
//! quietly restore more, or less, than was asked for.

use std::collections::BTreeSet;

use model::catalog::{Category, Setting};
use model::policy::{Effective, Group, Rule};

use super::table::Table;

/// The word for all apps. The word `apps` is a category: the settings of Windows' own apps.
pub const APP_LIST: &str = "app-list";

/// What a word for a single app begins with.
const APP: &str = "app:";

/// Which settings and apps a restore or an undo takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    only: Option<Picked>,
    except: Picked,
    replace: Picked,
}

/// The word for everything, where a person says that their own changes may be replaced.
pub const EVERYTHING: &str = "all";

/// Settings and apps that words picked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Picked {
    everything: bool,
    categories: BTreeSet<Category>,
    settings: BTreeSet<&'static str>,
    all_apps: bool,
    apps: BTreeSet<String>,
}

/// A word that picks nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a category, a setting or `{APP_LIST}`")]
pub struct ChoiceError {
    /// What was given, shortened to a line.
    pub word: String,
    /// The nearest word that picks something, if one is near.
    pub suggestion: Option<String>,
}

impl Choice {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// What the words of `only` pick (everything if there are none), without what the words of `except` pick.
    pub fn of(only: &[String], except: &[String]) -> Result<Self, ChoiceError> {
        Self::in_table(Table::compiled(), only, except)
    }

    pub(crate) fn in_table(table: Table, only: &[String], except: &[String]) -> Result<Self, ChoiceError> {
        let only = if only.is_empty() { None } else { Some(Picked::from_words(table, only)?) };
        Ok(Self { only, except: Picked::from_words(table, except)?, replace: Picked::default() })
    }

    /// The same, where what the words pick (or [`EVERYTHING`]) is taken from the backup even if the person has changed it on this PC.
    pub fn replacing(self, words: &[String]) -> Result<Self, ChoiceError> {
        self.replacing_in(Table::compiled(), words)
    }

    pub(crate) fn replacing_in(self, table: Table, words: &[String]) -> Result<Self, ChoiceError> {
        let (all, words): (Vec<_>, Vec<_>) = words.iter().cloned().partition(|word| word == EVERYTHING);
        let replace = Picked { everything: !all.is_empty(), ..Picked::from_words(table, &words)? };
        Ok(Self { replace, ..self })
    }

    /// Whether the person's own change of the setting may be replaced.
    pub fn replaces(&self, setting: &Setting) -> bool {
        self.replace.everything || self.replace.has(setting)
    }

    /// The first group that the words leave something out of though the organisation always restores it.
    pub fn against(&self, policy: &Effective) -> Option<Group> {
        let is_required = |group: &Group| {
            let rule = policy.rule(*group);
            rule.rule == Rule::Required && rule.is_locked()
        };
        Group::all().filter(is_required).find(|group| self.leaves_out(*group))
    }

    /// Whether the words leave out a whole category, or a setting of it; for the list of apps, all of them or one.
    fn leaves_out(&self, group: Group) -> bool {
        match group {
            Group::Settings(category) => {
                self.except.categories.contains(&category) || self.except.names_one_of(category)
            }
            Group::AppList => self.except.all_apps || !self.except.apps.is_empty(),
        }
    }

    /// Whether the setting is wanted.
    pub fn takes(&self, setting: &Setting) -> bool {
        self.only.as_ref().is_none_or(|only| only.has(setting)) && !self.except.has(setting)
    }

    /// Whether the whole category is wanted: what of it does not come back is of interest then. Who asks for one setting has not asked for that.
    pub(super) fn asks_for(&self, category: Category) -> bool {
        let only = |only: &Picked| only.categories.contains(&category);
        self.only.as_ref().is_none_or(only) && !self.except.categories.contains(&category)
    }

    /// What the person has said of the setting; `None`: nothing.
    pub(super) fn said_of(&self, setting: &Setting) -> Option<bool> {
        if self.except.has(setting) { Some(false) } else { self.only.as_ref().map(|only| only.has(setting)) }
    }

    /// What the person has said of the app; `None`: nothing.
    pub(super) fn said_of_app(&self, id: &str) -> Option<bool> {
        if self.except.has_app(id) { Some(false) } else { self.only.as_ref().map(|only| only.has_app(id)) }
    }

    /// What the person has said of a category as a whole: some of it is some.
    pub(super) fn said_of_category(&self, category: Category) -> Option<bool> {
        let picks = |only: &Picked| only.categories.contains(&category) || only.names_one_of(category);
        if self.except.categories.contains(&category) { Some(false) } else { self.only.as_ref().map(picks) }
    }

    /// What the person has said of the list of apps as a whole.
    pub(super) fn said_of_app_list(&self) -> Option<bool> {
        if self.except.all_apps {
            Some(false)
        } else {
            self.only.as_ref().map(|only| only.all_apps || !only.apps.is_empty())
        }
    }

    /// Whether the app with that package family name is wanted.
    pub fn takes_app(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.has_app(id)) && !self.except.has_app(id)
    }

    /// Whether it is everything.
    pub fn is_all(&self) -> bool {
        self.only.is_none() && self.except == Picked::default()
    }
}

impl Picked {
    fn from_words(table: Table, words: &[String]) -> Result<Self, ChoiceError> {
        let mut picked = Self::default();
        for word in words {
            if let Some(category) = Category::from_word(word) {
                picked.categories.insert(category);
            } else if let Some(setting) = table.find(word) {
                picked.settings.insert(setting.id);
            } else if word == APP_LIST {
                picked.all_apps = true;
            } else if let Some(app) = word.strip_prefix(APP).filter(|app| !app.is_empty()) {
                picked.apps.insert(app.to_ascii_lowercase());
            } else {
                return Err(ChoiceError { word: word.chars().take(80).collect(), suggestion: nearest(table, word) });
            }
        }
        Ok(picked)
    }

    fn has(&self, setting: &Setting) -> bool {
        self.categories.contains(&setting.category) || self.settings.contains(setting.id)
    }

    /// Whether a single setting of the category is among them.
    fn names_one_of(&self, category: Category) -> bool {
        self.settings.iter().any(|id| id.split('.').next() == Some(category.word()))
    }

    fn has_app(&self, id: &str) -> bool {
        self.all_apps || self.apps.contains(&id.to_ascii_lowercase())
    }
}

/// The word that needs the fewest letters changed, if these are at most a third of it.
fn nearest(table: Table, word: &str) -> Option<String> {
    let word: String = word.chars().take(80).collect::<String>().to_lowercase();
    let categories = Category::ALL.into_iter().map(Category::word);
    let known = categories.chain([APP_LIST]).chain(table.settings().iter().map(|setting| setting.id));
    let (distance, best) = known.map(|known| (distance(&word, known), known)).min()?;
    (distance * 3 <= word.chars().count().max(3)).then(|| best.to_owned())
}

/// How many letters must be put in, left out or replaced to turn one text into the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn choice(only: &[&str], except: &[&str]) -> Result<Choice, ChoiceError> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        Choice::in_table(sample::table(), &words(only), &words(except))
    }

    fn taken(choice: &Choice) -> Vec<&'static str> {
        sample::table().settings().iter().filter(|setting| choice.takes(setting)).map(|setting| setting.id).collect()
    }

    #[test]
    fn no_words_take_everything() {
        let all = choice(&[], &[]).unwrap();
        assert_eq!(taken(&all).len(), sample::table().settings().len());
        assert!(all.is_all() && all.takes_app("Contoso.Notes_8wekyb3d8bbwe"));
    }

    #[test]
    fn a_category_without_one_of_its_settings() {
        let some = choice(&["taskbar"], &["taskbar.clock"]).unwrap();
        assert_eq!(taken(&some), ["taskbar.alignment"]);
        assert!(!some.takes_app("Contoso.Notes_8wekyb3d8bbwe"), "apps were not asked for");
    }

    #[test]
    fn apps_are_chosen_as_a_whole_or_one_by_one() {
        assert!(choice(&["app-list"], &[]).unwrap().takes_app("A_b"));
        let but_one = choice(&["app-list"], &["app:Contoso.Notes_8wekyb3d8bbwe"]).unwrap();
        assert!(!but_one.takes_app("contoso.notes_8WEKYB3D8BBWE") && but_one.takes_app("A_b"));
        assert!(taken(&but_one).is_empty());
    }

    #[test]
    fn a_typing_error_is_refused_with_the_word_that_was_meant() {
        for (word, meant) in
            [("taskbr", "taskbar"), ("taskbar.alignmnet", "taskbar.alignment"), ("applist", "app-list")]
        {
            let error = choice(&[word], &[]).unwrap_err();
            assert_eq!(error.suggestion.as_deref(), Some(meant), "{word}");
            assert_eq!(error.to_string(), format!("`{word}` is not a category, a setting or `app-list`"));
        }
        assert_eq!(choice(&[], &["quux"]).unwrap_err().suggestion, None);
        assert_eq!(choice(&[""], &[]).unwrap_err().suggestion, None);
        assert_eq!(choice(&["app:"], &[]).unwrap_err().word, "app:");
    }
}
