//! Text to tokens, each with its column.

use crate::error::{Fault, RuleError};
use crate::limits::RULE_CHARS_MAX;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    /// Between quotes, without its escapes.
    Text(String),
    /// Names, operators with or without hyphen, numbers, versions, times.
    Word(String),
}

impl Token {
    /// As it is named in messages.
    pub fn shown(&self) -> String {
        match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::OpenList => "[".to_owned(),
            Self::CloseList => "]".to_owned(),
            Self::Comma => ",".to_owned(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Word(word) => word.clone(),
        }
    }
}

/// A token and its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub column: usize,
    pub token: Token,
}

/// Cuts `text`.
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, RuleError> {
    // A text of gigabytes is not copied to be told that it is too long.
    let signs: Vec<char> = text.chars().take(RULE_CHARS_MAX + 1).collect();
    if signs.len() > RULE_CHARS_MAX {
        return Err(Fault::TooLong(text.chars().count()).at(RULE_CHARS_MAX + 1));
    }
    let mut cutter = Cutter { signs: &signs, at: 0 };
    let mut tokens = Vec::new();
    while let Some(&sign) = signs.get(cutter.at) {
        let column = cutter.at + 1;
        let single = match sign {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenList),
            ']' => Some(Token::CloseList),
            ',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(token) = single {
            cutter.at += 1;
            tokens.push(Placed { column, token });
        } else if sign.is_whitespace() {
            cutter.at += 1;
        } else {
            let token = if matches!(sign, '"' | '\'') { cutter.text(sign)? } else { cutter.word()? };
            tokens.push(Placed { column, token });
        }
    }
    Ok(tokens)
}

struct Cutter<'a> {
    signs: &'a [char],
    at: usize,
}

impl Cutter<'_> {
    fn peek(&self) -> Option<char> {
        self.signs.get(self.at).copied()
    }

    /// A text between quotes. In double quotes a backtick takes the next sign as it is; in single ones, two of them are one.
    fn text(&mut self, quote: char) -> Result<Token, RuleError> {
        let begin = self.at + 1;
        let mut text = String::new();
        self.at += 1;
        while let Some(sign) = self.peek() {
            self.at += 1;
            let next = self.peek();
            if sign == '`' && quote == '"' && matches!(next, Some('"' | '`')) {
                text.extend(next);
                self.at += 1;
            } else if sign == quote {
                if quote == '\'' && next == Some('\'') {
                    text.push('\'');
                    self.at += 1;
                } else {
                    return Ok(Token::Text(text));
                }
            } else {
                text.push(sign);
            }
        }
        Err(Fault::OpenText.at(begin))
    }

    /// A word: from here to the next sign that cannot be in one.
    fn word(&mut self) -> Result<Token, RuleError> {
        let begin = self.at;
        let number = self.peek().is_some_and(|sign| sign.is_ascii_digit());
        while let Some(sign) = self.peek() {
            let first = self.at == begin;
            let inside = sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '$');
            let hyphen = sign == '-' && first;
            // Times: 2020-06-10T18:13:20+02:00.
            let of_number = number && matches!(sign, '-' | '+' | ':');
            if !(inside || hyphen || of_number) {
                break;
            }
            self.at += 1;
        }
        if self.at == begin {
            return Err(stray(self.signs[begin]).at(begin + 1));
        }
        if self.peek() == Some('-') {
            return Err(Fault::NoSpace.at(self.at + 1));
        }
        Ok(Token::Word(self.signs[begin..self.at].iter().collect()))
    }
}

/// A sign that begins nothing.
fn stray(sign: char) -> Fault {
    match sign {
        '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2212}' | '«' | '»' => Fault::Typographic(sign),
        '`' => Fault::Backtick,
        _ => Fault::Sign(sign),
    }
}
