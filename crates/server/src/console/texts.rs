//! The console's texts, in the reader's language: English and German, each in a file of its own.
//!
//! Templates name a text by its key. Tests see to it that both files have the same keys, that every key that is named is there, and that every one that is there is
//! named.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use axum::http::{HeaderMap, header};

/// The texts of a language.
#[derive(Debug)]
pub struct Texts {
    /// Its tag.
    pub lang: &'static str,
    texts: BTreeMap<String, String>,
}

static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::parse("en", include_str!("texts/en.toml")));
static GERMAN: LazyLock<Texts> = LazyLock::new(|| Texts::parse("de", include_str!("texts/de.toml")));

/// How keys of actions of the audit begin; the action itself follows.
const ACTION: &str = "action.";

/// The same of those who act.
const ACTOR: &str = "actor.";

impl Texts {
    /// The texts for whoever asks, by what their browser says of languages (RFC 9110, 12.5.4): the first of ours in its list.
    pub fn of(headers: &HeaderMap) -> &'static Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best: (&'static Self, f32) = (&ENGLISH, 0.0);
        for entry in accepted.split(',').take(20) {
            let mut pieces = entry.split(';');
            let tag = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0_f32);
            let texts: &'static Self = match tag.split('-').next() {
                Some("de") => &GERMAN,
                Some("en") => &ENGLISH,
                _ => continue,
            };
            if weight > best.1 {
                best = (texts, weight);
            }
        }
        best.0
    }

    fn parse(lang: &'static str, file: &str) -> Self {
        let table: toml::Table = toml::from_str(file).expect("a file of ours, which a test reads");
        let mut texts = BTreeMap::new();
        for (section, entries) in table {
            let entries =
                entries.try_into::<BTreeMap<String, String>>().expect("sections of texts, which a test reads");
            texts.extend(entries.into_iter().map(|(name, text)| (format!("{section}.{name}"), text)));
        }
        Self { lang, texts }
    }

    /// Those that a browser gets that accepts these languages.
    #[cfg(test)]
    pub fn accepted(languages: &str) -> &'static Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, languages.parse().unwrap());
        Self::of(&headers)
    }

    /// A text. A key that is not there is shown as it is: a page with a flaw is better than none.
    pub fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// What an action of the audit is called in words; a newer server's may have no words here.
    pub fn action(&self, code: &str) -> Option<&str> {
        self.texts.get(&format!("{ACTION}{code}")).map(String::as_str)
    }

    /// What a kind of those who act in the audit is called.
    pub fn actor<'a>(&'a self, kind: &'a str) -> &'a str {
        self.texts.get(&format!("{ACTOR}{kind}")).map_or(kind, String::as_str)
    }

    /// Every action, with its words.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().filter_map(|(key, text)| Some((key.strip_prefix(ACTION)?, text.as_str())))
    }

    /// A text with something in the place of `{0}`.
    pub fn t1(&self, key: &str, first: impl Display) -> String {
        fill(self.t(key), &[&first.to_string()])
    }

    /// A text with two things in the places of `{0}` and `{1}`.
    pub fn t2(&self, key: &str, first: impl Display, second: impl Display) -> String {
        fill(self.t(key), &[&first.to_string(), &second.to_string()])
    }

    /// A text with three things.
    pub fn t3(&self, key: &str, first: impl Display, second: impl Display, third: impl Display) -> String {
        fill(self.t(key), &[&first.to_string(), &second.to_string(), &third.to_string()])
    }

    /// A number as the language groups its digits.
    pub fn number(&self, number: impl Display) -> String {
        let digits = number.to_string();
        let separator = if self.lang == "de" { '.' } else { ',' };
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A share in per cent with one digit, which is 100.0 only if it is all.
    pub fn share(&self, part: usize, whole: usize) -> String {
        if whole == 0 {
            return "–".to_owned();
        }
        let tenths = part * 1000 / whole;
        let point = if self.lang == "de" { ',' } else { '.' };
        format!("{}{point}{} %", tenths / 10, tenths % 10)
    }
}

/// Puts things in their places in one walk, so that what is put in is not looked at again. `{0}` is the first of them; `{0|device|devices}` is the word that goes with it as a number:
/// the first of the two for 1, else the second.
pub(super) fn fill(text: &str, things: &[&str]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let thing = after.split_once('}').and_then(|(place, _)| {
            let mut pieces = place.split('|');
            let thing = *things.get(pieces.next()?.parse::<usize>().ok()?)?;
            match (pieces.next(), pieces.next()) {
                (Some(one), Some(many)) => Some(if thing == "1" { one } else { many }),
                _ => Some(thing),
            }
        });
        if let Some(thing) = thing {
            filled.push_str(thing);
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        let keys = |texts: &Texts| texts.texts.keys().cloned().collect::<BTreeSet<_>>();
        let (english, german) = (keys(&ENGLISH), keys(&GERMAN));
        assert_eq!(english.difference(&german).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in German");
        assert_eq!(german.difference(&english).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in English");
        for (key, text) in &ENGLISH.texts {
            let places =
                |text: &str| (0..4).filter(|number| text.contains(&format!("{{{number}}}"))).collect::<Vec<_>>();
            assert_eq!(places(text), places(&GERMAN.texts[key]), "{key}");
            assert!(!text.trim().is_empty() && !GERMAN.texts[key].trim().is_empty(), "{key}");
        }
    }

    #[test]
    fn every_action_of_the_audit_has_words_and_nothing_else_has() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/src/audit.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let arms = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
        let actions: BTreeSet<&str> = arms.filter_map(|(_, text)| text.strip_suffix("\",")).collect();
        assert!(actions.len() > 80, "{actions:?}");
        assert_eq!(ENGLISH.actions().map(|(code, _)| code).collect::<BTreeSet<_>>(), actions);
        assert_eq!(GERMAN.action("sign_in.done"), Some("Angemeldet"));
        assert_eq!(ENGLISH.action("nothing.known"), None);
    }

    /// Everything below `console`, templates and code alike.
    fn sources(folder: &Path) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all += &sources(&path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "html") {
                all += &std::fs::read_to_string(path).unwrap();
            }
        }
        all
    }

    #[test]
    fn every_text_is_used_and_every_key_is_a_text() {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"));
        let sections: BTreeSet<&str> = ENGLISH.texts.keys().map(|key| key.split_once('.').unwrap().0).collect();
        let mut named = BTreeSet::new();
        for quoted in sources.split('"') {
            if let Some((section, name)) = quoted.split_once('.')
                && sections.contains(section)
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                && !["rs", "html", "csv", "css", "js"].contains(&name)
            {
                named.insert(quoted.to_owned());
            }
        }
        let known: BTreeSet<String> = ENGLISH.texts.keys().cloned().collect();
        // Those of which the code puts the end together from words of the model.
        let made = |key: &&String| {
            ["standing.", "standing_device.", "tile.", "kept.", ACTION, ACTOR]
                .iter()
                .any(|start| key.starts_with(start))
        };
        assert_eq!(
            named.difference(&known).filter(|key| !made(key)).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "no such text"
        );
        assert_eq!(
            known.difference(&named).filter(|key| !made(key)).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "not used"
        );
    }

    #[test]
    fn the_browser_says_which_language() {
        let of = |accepted: &str| Texts::accepted(accepted).lang;
        assert_eq!(of("de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(of("fr, en;q=0.5, de;q=0.7"), "de");
        assert_eq!(of("en-GB,de"), "en");
        assert_eq!(of("fr;q=x,*"), "en");
    }

    #[test]
    fn numbers_are_grouped_and_a_share_is_all_only_if_it_is() {
        assert_eq!(ENGLISH.number(1_942_010_u64), "1,942,010");
        assert_eq!(GERMAN.number(999_u64), "999");
        assert_eq!(GERMAN.number(1_000_u64), "1.000");
        assert_eq!(ENGLISH.share(1942, 2010), "96.6 %");
        assert_eq!(ENGLISH.share(99_999, 100_000), "99.9 %");
        assert_eq!(ENGLISH.share(0, 0), "–");
        assert_eq!(fill("{1} of {0} {x}", &["{1}", "b"]), "b of {1} {x}");
    }

    #[test]
    fn one_thing_is_one_and_none_are_many() {
        let said = |texts: &Texts, number: u8| texts.t3("policy.reach", number, number, number);
        assert_eq!(said(&ENGLISH, 1), "Applies to 1 device, 1 excluded, 1 already has another policy.");
        assert_eq!(said(&ENGLISH, 0), "Applies to 0 devices, 0 excluded, 0 already have another policy.");
        assert_eq!(said(&GERMAN, 1), "Gilt für 1 Gerät, 1 ausgeschlossen, 1 hat schon eine andere Richtlinie.");
        assert_eq!(ENGLISH.t2("policy.settings_found", 1, 2), "1 setting found, 2 set in this policy");
        assert_eq!(ENGLISH.t1("eligibility.unknown", 1), "1 PC has not said which Windows it has.");
        assert_eq!(GERMAN.t1("eligibility.unknown", 21), "21 PCs haben nicht gesagt, welches Windows sie haben.");
    }
}
