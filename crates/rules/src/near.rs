//! "Did you mean": the nearest known word to one that is not known.

use crate::limits::NEAR_CHARS_MAX;

/// How alike two words must be (Jaro-Winkler, 0 to 1), higher than for flags of a command line: names of properties share many letters.
const ALIKE: f64 = 0.8;

/// The known word that is most like `word`, if one is. Case does not matter.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().count() > NEAR_CHARS_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let alike = strsim::jaro_winkler(&word, &candidate.to_lowercase());
        if alike > best.map_or(ALIKE, |(alike, _)| alike) {
            best = Some((alike, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
