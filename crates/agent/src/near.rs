//! "Did you mean": the nearest known word to one that is not known.

/// How alike two words must be (Jaro-Winkler, 0 to 1). Clap uses the same measure and bound for its flags.
const ALIKE: f64 = 0.7;

/// The known word that is most like `word`, if one is.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let alike = strsim::jaro_winkler(word, candidate);
        if alike > best.map_or(ALIKE, |(alike, _)| alike) {
            best = Some((alike, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_error_finds_what_was_meant_and_nonsense_finds_nothing() {
        let words = ["taskbar", "start", "explorer"];
        assert_eq!(nearest("taskber", words.into_iter()), Some("taskbar"));
        assert_eq!(nearest("qqq", words.into_iter()), None);
    }
}
