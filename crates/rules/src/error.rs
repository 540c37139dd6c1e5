//! What is wrong with a rule, where, and what to do about it.

use crate::limits::{DEPTH_MAX, RULE_CHARS_MAX};
use crate::operator::{Operator, Operators};

/// A rule that cannot be understood. Its text says the place and the fault; [`RuleError::hint`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {fault}")]
pub struct RuleError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but blanks.
    #[error("there is no rule")]
    Empty,
    /// Over the limit.
    #[error("the rule has {0} characters; {RULE_CHARS_MAX} are allowed")]
    TooLong(usize),
    /// Parentheses or `-not` in each other.
    #[error("it nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A quote or dash of a word processor.
    #[error("`{0}` is not a sign of this language")]
    Typographic(char),
    /// PowerShell's backtick before a quote.
    #[error("a backtick stands outside a text")]
    Backtick,
    /// Any other sign that has no meaning here.
    #[error("`{0}` has no meaning here")]
    Sign(char),
    /// A text that does not end.
    #[error("the text that begins here does not end")]
    OpenText,
    /// `user.department-eq`.
    #[error("there is no space before the operator")]
    NoSpace,
    /// A parenthesis that is not closed.
    #[error("the parenthesis that opens here is not closed")]
    OpenParenthesis,
    /// A closing one too many.
    #[error("there is nothing that this closes")]
    Unopened,
    /// Two expressions beside each other.
    #[error("`{0}` follows an expression without -and or -or between them")]
    NoLogic(String),
    /// The rule ends too early.
    #[error("the rule ends where {0} should stand")]
    Ends(&'static str),
    /// Something else stands there.
    #[error("`{found}` stands where {wanted} should stand")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// No such property.
    #[error("there is no property `{name}` in a rule for a {kind}")]
    UnknownProperty {
        /// As written.
        name: String,
        /// The kind of rule.
        kind: &'static str,
        /// What was perhaps meant.
        near: Option<&'static str>,
    },
    /// A property of the other kind of rule.
    #[error("`{0}` is about a {1}, and this rule is about a {2}")]
    OtherKind(String, &'static str, &'static str),
    /// No such operator.
    #[error("there is no operator `{word}`")]
    UnknownOperator {
        /// As written.
        word: String,
        /// What was perhaps meant.
        near: Option<&'static str>,
    },
    /// An operator that the property does not have.
    #[error("`{property}` cannot be asked with -{}", operator.word())]
    NotThisOperator {
        /// The property.
        property: &'static str,
        /// The operator.
        operator: Operator,
        /// What it can be asked with.
        allowed: Operators,
    },
    /// A value of another type.
    #[error("`{found}` is not a value of `{property}`")]
    NotThisValue {
        /// As written.
        found: String,
        /// The property.
        property: &'static str,
        /// What it takes, in words.
        wanted: &'static str,
    },
    /// `null` with another operator.
    #[error("null can be compared with -eq and -ne only")]
    Null,
    /// `[]`.
    #[error("the list is empty")]
    EmptyList,
    /// A regular expression that does not parse, or is too big.
    #[error("the regular expression is not right: {0}")]
    Pattern(String),
    /// `memberOf` beside something else.
    #[error("memberOf cannot be combined with anything else")]
    MemberOfAlone,
    /// `-any` on something that is not a collection.
    #[error("`{0}` is one value, not several")]
    NotACollection(&'static str),
    /// `Direct Reports for "…"`.
    #[error("rules for direct reports are not supported")]
    DirectReports,
}

impl Fault {
    pub(crate) fn at(self, column: usize) -> RuleError {
        RuleError { column, fault: self }
    }
}

impl RuleError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let fixed = match &self.fault {
            Fault::Empty => "write one, such as device.deviceOwnership -eq \"Company\"",
            Fault::TooLong(_) => "say it shorter, for instance with -startsWith, or make two groups of it",
            Fault::TooDeep => "take parentheses away that only wrap other parentheses",
            Fault::Typographic(_) => {
                "a word processor or a web page has changed it: write straight quotes (\") and a plain hyphen (-)"
            }
            Fault::Backtick => "leave it out: it is PowerShell's own escape; inside a text, `\" stands for a quote",
            Fault::Sign(_) => "write `property -operator value`, with texts in double quotes",
            Fault::OpenText => {
                "close it with the same quote; a quote inside a text is written `\" or, between single quotes, ''"
            }
            Fault::NoSpace => "put a space between the property and the operator",
            Fault::OpenParenthesis => "close it, or take it away",
            Fault::Unopened => "take it away, or open it further left",
            Fault::NoLogic(_) => "put -and or -or between the two expressions",
            Fault::Ends(_) => "finish it: `property -operator value`",
            Fault::Unexpected { .. } => "write `property -operator value`, joined by -and, -or and -not",
            Fault::UnknownProperty { near: None, kind, .. } => {
                return format!("docs/rules.md says which properties a rule for a {kind} can ask for");
            }
            Fault::UnknownProperty { near: Some(near), .. } => return format!("did you mean `{near}`?"),
            Fault::OtherKind(_, _, kind) => {
                return format!("ask only for properties of a {kind}; Entra allows no mixture either");
            }
            Fault::UnknownOperator { near: None, .. } => {
                "use one of -eq, -ne, -startsWith, -endsWith, -contains, -match, -in, -gt, -ge, -lt, -le"
            }
            Fault::UnknownOperator { near: Some(near), .. } => return format!("did you mean -{near}?"),
            Fault::NotThisOperator { allowed, property, .. } => {
                let allowed = allowed.to_string();
                return if allowed.is_empty() {
                    format!("write it as {property} -any (group.objectId -in [\"id\"])")
                } else {
                    format!("`{property}` takes {allowed}")
                };
            }
            Fault::NotThisValue { wanted, .. } => return format!("it takes {wanted}"),
            Fault::Null => "write `-eq null` for \"has no value\" and `-ne null` for \"has one\"",
            Fault::EmptyList => "put at least one value between [ and ]",
            Fault::Pattern(_) => {
                "look-around and back references are not supported, because they can take for ever; `.*` is \"anything\""
            }
            Fault::MemberOfAlone => "make a group of its own for it, as in Entra",
            Fault::NotACollection(_) => "leave out -any or -all and compare it directly",
            Fault::DirectReports => "ask for the department or another property of the people instead",
        };
        fixed.to_owned()
    }

    /// The rule's text with a mark below the place, for a terminal. Long rules are cut around it.
    pub fn pointed(&self, text: &str) -> String {
        const AROUND: usize = 36;
        let signs: Vec<char> = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        let place = (self.column - 1).min(signs.len());
        let (from, to) = (place.saturating_sub(AROUND), (place + AROUND).min(signs.len()));
        let cut: String = signs[from..to].iter().collect();
        format!("{cut}\n{}^", " ".repeat(place - from))
    }
}
