//! What may not become a password: too short, too long, easily guessed, made of words that belong to the account, or known to have leaked.
//!
//! Guesses are counted by `zxcvbn`, which carries 30,000 common passwords, names and words of a language, and knows keyboards, dates, and letters that are
//! written as digits. It is told the words of [`words`] as well, so that a password made of them counts as little as they do (ASVS 5.0, 6.1.2, 6.2.4, 6.2.11).

use model::reason::Reason;
use zxcvbn::{Score, zxcvbn};

use super::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// The least that a password has to score: "safely unguessable", 10⁸ guesses. Tries here wait ever longer, and a stolen hash costs 30 ms a guess.
const SCORE_MIN: Score = Score::Three;

/// A word of the account or the place has as many letters, or it would forbid syllables.
const WORD_CHARS_MIN: usize = 3;

/// Letters and digits that a password has besides such words, at least: a year or a number behind a name is what everybody tries.
const BESIDES_MIN: usize = 8;

/// The most words that are looked for: a name of a hundred characters has no more.
const WORDS_MAX: usize = 64;

/// Why a password cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too few characters.
    #[error("it is too short: {PASSWORD_CHARS_MIN} characters or more")]
    Short,
    /// Too many bytes.
    #[error("it is too long: at most {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// Hardly more than what everybody knows of the account.
    #[error("it is little more than the account's name, the organisation's or the product's")]
    Words,
    /// Among the first that anybody tries.
    #[error("it is easily guessed: take several words that do not belong together, or let a password manager make one")]
    Guessable,
    /// On the operator's list.
    #[error("it is on the list of passwords that have leaked somewhere")]
    Leaked,
}

impl Weak {
    /// The code of every one of them.
    pub const REASON: Reason = Reason::PasswordUnfit;
}

/// What a password must not be made of: the product's name, the organisation's, and the account's with their parts.
pub fn words(tenant: &str, account: &str) -> Vec<String> {
    let mut words = vec!["rehome".to_owned(), "rehome-server".to_owned()];
    for name in [tenant, account] {
        let lower = name.to_lowercase();
        words.extend(lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        words.push(lower);
    }
    words.retain(|word| word.chars().count() >= WORD_CHARS_MIN);
    words.sort_unstable();
    words.dedup();
    words.truncate(WORDS_MAX);
    words
}

/// Why this cannot be the password of an account with these words, apart from the operator's list.
pub fn why_not(password: &str, words: &[String]) -> Option<Weak> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Some(Weak::Short);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Some(Weak::Long);
    }
    let besides = besides(password, words);
    if besides < BESIDES_MIN && besides < password.chars().filter(|c| c.is_alphanumeric()).count() {
        return Some(Weak::Words);
    }
    // It judges the first hundred characters, so that a long one is no work; what comes after can only help.
    let given: Vec<&str> = words.iter().map(String::as_str).collect();
    if zxcvbn(password, &given).score() >= SCORE_MIN {
        return None;
    }
    // What would do for anybody else's account is made of this one's words.
    let of_words = !words.is_empty() && zxcvbn(password, &[]).score() >= SCORE_MIN;
    Some(if of_words { Weak::Words } else { Weak::Guessable })
}

/// How many letters and digits a password has besides the words, read forwards or backwards, with digits for letters or without: the least of them.
fn besides(password: &str, words: &[String]) -> usize {
    let lower: String = password.to_lowercase().chars().take(PASSWORD_BYTES_MAX).collect();
    let spelled: String = lower.chars().map(letter).collect();
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let mut longest_first: Vec<&String> = words.iter().collect();
    longest_first.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let ways = [backwards(&lower), backwards(&spelled), lower, spelled];
    let left = |mut text: String| {
        for word in &longest_first {
            text = text.replace(word.as_str(), " ");
        }
        text.chars().filter(|c| c.is_alphanumeric()).count()
    };
    ways.into_iter().map(left).min().unwrap_or_default()
}

/// The letter that a digit or sign is written for.
fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Option<Weak> {
        why_not(password, &words("Contoso GmbH", "ada.king@contoso.example"))
    }

    #[test]
    fn what_people_choose_first_is_refused() {
        // The last ones are among the 3,000 most common; most of those are shorter than ten characters anyway.
        for common in [
            "password1234",
            "Passw0rd!23",
            "qwertyuiop",
            "1234567890",
            "aaaaaaaaaaaaaaaa",
            "iloveyou123",
            "19841984198",
            "letmein12345",
            "zxcvbnm,./",
            "abcdefghij",
            "1q2w3e4r5t6y",
            "basketball",
            "password123",
            "manchester",
        ] {
            assert_eq!(judged(common), Some(Weak::Guessable), "{common}");
        }
    }

    #[test]
    fn the_accounts_own_words_are_no_password() {
        for own in [
            "ada.king@contoso.example",
            "rehome-2026",
            "RehomeRehome",
            "Contoso2026!",
            "contosogmbh1",
            "adaking1815!",
            "gnik.ada.king",
            "R3h0me-Contoso",
            "osotnocgnik1",
        ] {
            assert_eq!(judged(own), Some(Weak::Words), "{own}");
        }
        assert_eq!(why_not("adaking-1815-x7qh", &words("other", "bob")), None, "another's words do");
        assert_eq!(judged("ada, who walks the fern"), None, "a word of one's own among enough others");
    }

    #[test]
    fn length_goes_first_and_good_ones_pass() {
        assert_eq!(judged("r7$kQ"), Some(Weak::Short));
        assert_eq!(judged(&"correct horse ".repeat(100)), Some(Weak::Long));
        for good in [
            "correct horse battery",
            "battery staple fern",
            "käse-über-brücken",
            "m4k-w9x-2hq-vt7",
            "我喜歡在早上散步和喝茶",
        ] {
            assert_eq!(judged(good), None, "{good}");
        }
        let long: String =
            (0..PASSWORD_BYTES_MAX).map(|at| char::from(b'!' + u8::try_from(at % 90).unwrap())).collect();
        assert_ne!(judged(&long), Some(Weak::Long), "{long}");
    }

    #[test]
    fn a_name_gives_a_bounded_list_of_words() {
        assert_eq!(
            words("default", "ada.k@x.example"),
            ["ada", "ada.k@x.example", "default", "example", "rehome", "rehome-server"]
        );
        let many = (0..500).map(|number| format!("w{number:03}")).collect::<Vec<_>>().join("-");
        assert_eq!(words("t", &many).len(), WORDS_MAX);
    }
}
