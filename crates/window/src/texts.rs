//! The window's texts: English and German, each in a file of its own. What a category and a reason are called stands in `model` in English, and in a file of
//! ours in German; so do the names of settings, which come with the answers of the command line in English (docs/decisions/0089).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The texts of a language.
#[derive(Debug)]
pub struct Texts {
    /// Its tag.
    pub lang: &'static str,
    own: BTreeMap<String, String>,
    /// What stands in `model` in English.
    words: BTreeMap<String, String>,
    /// What stands in the catalog in English, by id.
    settings: BTreeMap<String, String>,
}

/// English.
pub static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::parse("en", include_str!("../texts/en.toml")));
/// German.
pub static GERMAN: LazyLock<Texts> = LazyLock::new(|| {
    let words = read(include_str!("../texts/words.de.toml"));
    let settings = read(include_str!("../texts/settings.de.toml"));
    Texts { words, settings, ..Texts::parse("de", include_str!("../texts/de.toml")) }
});

impl Texts {
    /// The texts for a person whose language has this tag, such as `de-AT` or `de_DE.UTF-8`; English for everybody whose language is not there.
    pub fn of(tag: &str) -> &'static Self {
        match tag.split(['-', '_', '.']).next() {
            Some(language) if language.eq_ignore_ascii_case("de") => &GERMAN,
            _ => &ENGLISH,
        }
    }

    fn parse(lang: &'static str, file: &str) -> Self {
        Self { lang, own: read(file), words: BTreeMap::new(), settings: BTreeMap::new() }
    }

    /// A text. A key that is not there is shown as it is: a window with a flaw is better than none.
    pub fn t(&self, key: &str) -> String {
        self.own.get(key).map_or(key, String::as_str).to_owned()
    }

    /// A text with something in the place of `{0}`.
    pub fn t1(&self, key: &str, first: &str) -> String {
        self.t2(key, first, "")
    }

    /// A text with two things in the places of `{0}` and `{1}`. What is put in is not looked through again: a PC may be called `{1}`. And it turns nothing
    /// around it: see [`apart`].
    pub fn t2(&self, key: &str, first: &str, second: &str) -> String {
        let text = self.t(key);
        let (first, second) = (&*apart(first), &*apart(second));
        let mut filled = String::with_capacity(text.len() + first.len() + second.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let (put, length) = match rest.get(..3) {
                Some("{0}") => (first, 3),
                Some("{1}") => (second, 3),
                _ => ("{", 1),
            };
            filled.push_str(put);
            rest = &rest[length..];
        }
        filled + rest
    }

    /// What a category is called, if this language has a word of its own for it.
    pub fn category(&self, word: &str) -> Option<&str> {
        self.words.get(&format!("category.{word}")).map(String::as_str)
    }

    /// What a setting is called, or what does not come back, if this language has a name of its own for it.
    pub fn setting(&self, id: &str) -> Option<&str> {
        self.settings.get(id).map(String::as_str)
    }

    /// What a reason says and what to do about it, if this language has words of its own for it.
    pub fn reason(&self, code: &str) -> Option<(&str, &str)> {
        let word = |key: &str| self.words.get(key).map(String::as_str);
        word(&format!("reason.{code}")).zip(word(&format!("reason.{code}_next")))
    }

    /// How many of something, in the singular or the plural.
    pub fn count(&self, number: u64, one: &str, many: &str) -> String {
        self.t1(if number == 1 { one } else { many }, &number.to_string())
    }
}

fn read(file: &str) -> BTreeMap<String, String> {
    toml::from_str(file).expect("a file of ours, which a test reads")
}

/// Something written from right to left, to be put beside other words: set apart from them, so that a name in Hebrew does not take the number or the arrow
/// after it along to its other side (Unicode, UAX #9: first strong isolate, pop directional isolate). Everything else is as it was.
pub fn apart(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_right_to_left) { Cow::Owned(format!("\u{2068}{text}\u{2069}")) } else { Cow::Borrowed(text) }
}

/// Whether a letter is of the blocks that Unicode keeps for scripts written from right to left (UAX #9, table of default `Bidi_Class` R and AL).
fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::catalog::{self, Category};
    use model::reason::Reason;

    use super::*;

    #[test]
    fn what_is_written_from_right_to_left_turns_nothing_around_it() {
        let texts = Texts::parse("en", "a = \"{0} and {1}\"");
        assert_eq!(texts.t2("a", "מיה 2", "OLD-PC"), "\u{2068}מיה 2\u{2069} and OLD-PC");
        assert_eq!(texts.t2("a", "12", "حاسوب"), "12 and \u{2068}حاسوب\u{2069}");
        assert_eq!(apart("Jürgens PC · 1 → 2 Ω Ж 東"), "Jürgens PC · 1 → 2 Ω Ж 東");
    }

    /// Where the keys are named.
    const SOURCES: [&str; 8] = [
        include_str!("controller.rs"),
        include_str!("controller/backup.rs"),
        include_str!("controller/privacy.rs"),
        include_str!("controller/read.rs"),
        include_str!("controller/restore.rs"),
        include_str!("controller/work.rs"),
        include_str!("notice.rs"),
        include_str!("when.rs"),
    ];
    /// What keys begin with that are put together where they are used.
    const MADE: [&str; 5] = ["no.", "station_", "stage_", "remember.", "choose."];

    #[test]
    fn both_languages_have_every_text_and_no_other() {
        assert_eq!(ENGLISH.own.keys().collect::<Vec<_>>(), GERMAN.own.keys().collect::<Vec<_>>());
        let sources = SOURCES.concat();
        for key in ENGLISH.own.keys().filter(|key| !MADE.iter().any(|start| key.starts_with(start))) {
            assert!(sources.contains(&format!("\"{key}\"")), "nothing shows `{key}`");
        }
        for (english, german) in ENGLISH.own.values().zip(GERMAN.own.values()) {
            for place in ["{0}", "{1}"] {
                assert_eq!(english.contains(place), german.contains(place), "{english}");
            }
        }
    }

    #[test]
    fn german_has_a_word_for_every_category_and_reason_and_no_other() {
        let mut keys: Vec<_> = Category::ALL.iter().map(|category| format!("category.{}", category.word())).collect();
        for reason in Reason::ALL {
            keys.extend([format!("reason.{}", reason.code()), format!("reason.{}_next", reason.code())]);
        }
        keys.sort();
        assert_eq!(GERMAN.words.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    }

    #[test]
    fn german_has_a_name_for_every_setting_and_whatever_does_not_come_back_and_no_other() {
        let left_out = catalog::left_out().iter().map(|entry| entry.id);
        let ids: BTreeSet<&str> = catalog::SETTINGS.iter().map(|setting| setting.id).chain(left_out).collect();
        assert_eq!(GERMAN.settings.keys().map(String::as_str).collect::<BTreeSet<_>>(), ids);
        let names: BTreeSet<&String> = GERMAN.settings.values().collect();
        assert_eq!(names.len(), ids.len(), "no two are called the same");
    }

    #[test]
    fn what_is_put_in_is_not_looked_through() {
        let texts = Texts::parse("en", "a = \"{0} and {1} {x}\"");
        assert_eq!(texts.t2("a", "{1}", "two"), "{1} and two {x}");
        assert_eq!(texts.t("none"), "none");
    }

    #[test]
    fn the_language_is_told_by_its_tag() {
        for (tag, lang) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("de_DE.UTF-8", "de"),
            ("en-GB", "en"),
            ("fr", "en"),
            ("", "en"),
            ("den", "en"),
        ] {
            assert_eq!(Texts::of(tag).lang, lang, "{tag}");
        }
    }
}
