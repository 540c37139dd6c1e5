//! Colour and glyphs of the output. Colour never carries meaning: without it every line says the same.

use std::fmt::Display;

use anstyle::{AnsiColor, Color, RgbColor, Style};
use model::value::Colour;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Text only.
    #[default]
    Plain,
    /// The sixteen colours that every theme chooses itself.
    Themed,
    /// Any colour, so that a colour setting can be shown as it is.
    True,
}

impl Paint {
    /// What to use for a stream, from the environment and the command line.
    ///
    /// `NO_COLOR` and `--no-color` win; a pipe gets plain text. `COLORTERM` says whether any colour can be shown.
    pub fn detect(wanted: bool, is_terminal: bool, env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
        let dumb = env("TERM").is_some_and(|term| term == "dumb");
        if !wanted || !is_terminal || set("NO_COLOR") || dumb {
            return Self::Plain;
        }
        let any_colour = matches!(env("COLORTERM").as_deref(), Some("truecolor" | "24bit")) || set("WT_SESSION");
        if any_colour { Self::True } else { Self::Themed }
    }

    /// A heading.
    pub fn bold(self, text: impl Display) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Something of less weight.
    pub fn dim(self, text: impl Display) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    /// What is new.
    pub fn new_value(self, text: impl Display) -> String {
        self.styled(AnsiColor::Green.on_default(), text)
    }

    /// What needs attention.
    pub fn warning(self, text: impl Display) -> String {
        self.styled(AnsiColor::Yellow.on_default().bold(), text)
    }

    /// What failed.
    pub fn error(self, text: impl Display) -> String {
        self.styled(AnsiColor::Red.on_default().bold(), text)
    }

    /// Advice.
    pub fn hint(self, text: impl Display) -> String {
        self.styled(AnsiColor::Cyan.on_default().bold(), text)
    }

    /// A patch of the colour itself and a space, where that can be shown; otherwise nothing.
    pub fn swatch(self, colour: Colour) -> String {
        match self {
            Self::True => {
                let rgb = RgbColor(colour.red, colour.green, colour.blue);
                format!("{} ", self.styled(Style::new().fg_color(Some(Color::Rgb(rgb))), "■"))
            }
            Self::Plain | Self::Themed => String::new(),
        }
    }

    fn styled(self, style: Style, text: impl Display) -> String {
        match self {
            Self::Plain => text.to_string(),
            Self::Themed | Self::True => format!("{style}{text}{style:#}"),
        }
    }
}

/// Text from elsewhere (names of PCs and apps, words of a server) without anything that a terminal would obey, and at most `chars_max` long.
pub fn tame(text: &str, chars_max: usize) -> String {
    let mut tamed: String = text.chars().filter(|letter| !is_command(*letter)).take(chars_max + 1).collect();
    if tamed.chars().count() > chars_max {
        tamed = tamed.chars().take(chars_max.saturating_sub(1)).collect();
        tamed.push('…');
    }
    tamed
}

/// Control characters, and those that turn the direction of text or hide it.
fn is_command(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_used_only_where_a_person_wants_and_sees_it() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(Paint::detect(true, true, with(&[])), Paint::Themed);
        assert_eq!(Paint::detect(true, true, with(&[("COLORTERM", "truecolor")])), Paint::True);
        assert_eq!(Paint::detect(true, true, with(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")])), Paint::Plain);
        assert_eq!(Paint::detect(true, true, with(&[("TERM", "dumb")])), Paint::Plain);
        assert_eq!(Paint::detect(false, true, with(&[])), Paint::Plain);
        assert_eq!(Paint::detect(true, false, with(&[])), Paint::Plain);
    }

    #[test]
    fn text_from_elsewhere_cannot_command_the_terminal() {
        assert_eq!(tame("a\u{1b}[2Jb\u{202e}c\n", 80), "a[2Jbc");
        assert_eq!(tame("abcdef", 4), "abc…");
        assert_eq!(tame("abcd", 4), "abcd");
    }
}
