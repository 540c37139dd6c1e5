//! The operators of a comparison.

/// An operator between a property and a value. Source: entra-docs `groups-dynamic-membership.md` ("Supported expression operators"), and for `gt`
/// and `lt` memdocs `filters-device-properties.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of the language")]
pub enum Operator {
    Eq,
    Ne,
    StartsWith,
    NotStartsWith,
    EndsWith,
    NotEndsWith,
    Contains,
    NotContains,
    Match,
    NotMatch,
    In,
    NotIn,
    Gt,
    Ge,
    Lt,
    Le,
}

use Operator as O;

/// Operators with the words by which they are written.
const WORDS: [(Operator, &str); 16] = [
    (O::Eq, "eq"),
    (O::Ne, "ne"),
    (O::StartsWith, "startsWith"),
    (O::NotStartsWith, "notStartsWith"),
    (O::EndsWith, "endsWith"),
    (O::NotEndsWith, "notEndsWith"),
    (O::Contains, "contains"),
    (O::NotContains, "notContains"),
    (O::Match, "match"),
    (O::NotMatch, "notMatch"),
    (O::In, "in"),
    (O::NotIn, "notIn"),
    (O::Gt, "gt"),
    (O::Ge, "ge"),
    (O::Lt, "lt"),
    (O::Le, "le"),
];

impl Operator {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.into_iter().map(|(operator, _)| operator)
    }

    /// The word without its hyphen, as Microsoft's pages spell it.
    pub fn word(self) -> &'static str {
        WORDS[self as usize].1
    }

    /// The operator of that word, with or without hyphen, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.strip_prefix('-').unwrap_or(word);
        WORDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(operator, _)| *operator)
    }

    /// The positive operator that this one denies, and whether it does: `-notIn` is exactly "not `-in`".
    pub fn denies(self) -> (Self, bool) {
        match self {
            O::Ne => (O::Eq, true),
            O::NotStartsWith => (O::StartsWith, true),
            O::NotEndsWith => (O::EndsWith, true),
            O::NotContains => (O::Contains, true),
            O::NotMatch => (O::Match, true),
            O::NotIn => (O::In, true),
            positive => (positive, false),
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of operators: what a property allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operators(u32);

impl Operators {
    /// Those of a list.
    pub const fn of(list: &[Operator]) -> Self {
        let (mut set, mut at) = (0, 0);
        while at < list.len() {
            set |= list[at].bit();
            at += 1;
        }
        Self(set)
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `operator` is among them.
    pub const fn has(self, operator: Operator) -> bool {
        self.0 & operator.bit() != 0
    }
}

impl std::fmt::Display for Operators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, operator) in Operator::all().filter(|operator| self.has(*operator)).enumerate() {
            write!(f, "{}-{}", if at == 0 { "" } else { ", " }, operator.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_where_its_operator_is_looked_up() {
        for operator in Operator::all() {
            assert_eq!(Operator::from_word(&format!("-{}", operator.word().to_uppercase())), Some(operator));
        }
    }
}
