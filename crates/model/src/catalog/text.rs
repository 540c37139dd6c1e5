//! Which texts may be written to a registry at all (rules R2 and R4 of the threat model).
//!
//! A text that Windows takes for a path, an address, a variable or an indirect string makes it load code or send the person's
//! credentials to a stranger, so every text is looked at twice: [`path_like`] refuses what could be one of those, and the entry's
//! [`Alphabet`] refuses whatever the setting has no use for. Both sides of the road ask, and so does the check of the catalog itself.
//! The test `catalog_paths.rs` holds some hundreds of spellings.

use super::types::Alphabet;

/// Characters that no setting needs and that spell paths, variables, indirect strings, wildcards or shell namespaces.
const NEVER: &str = "\\%@~{}*?<>|\"`=&^!#[]";

/// Look-alikes of slash, backslash, colon, full stop and per cent that Windows' conversions between character sets may fold to them.
const LOOK_ALIKES: &str = "\u{2044}\u{2215}\u{29f8}\u{2571}\u{2572}\u{2216}\u{29f5}\u{29f9}\u{27cb}\u{27cd}\u{2236}\u{a789}\u{2d0}\u{2f8}\u{205a}\
     \u{589}\u{5c3}\u{2024}\u{2025}\u{2026}\u{66a}\u{2030}\u{2031}\u{3002}\u{3033}\u{3035}\u{2f03}\u{31d3}\u{31d4}\u{4e36}";

/// Currency signs that end in or hold a slash: Peru's and Panama's. They and the bare separator are the only texts with a slash
/// that are not the picture of a date.
const WITH_SLASH: [&str; 4] = ["/", "S/", "S/.", "B/."];

/// Names that mean a device in every folder, with or without an extension.
const DEVICES: [&str; 9] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$", "PIPE", "UNC"];

/// Extensions of files that run, load code or point elsewhere.
const PROGRAMS: [&str; 44] = [
    "ani",
    "appref-ms",
    "bat",
    "chm",
    "cmd",
    "com",
    "cpl",
    "cur",
    "deskthemepack",
    "dll",
    "drv",
    "exe",
    "hta",
    "inf",
    "ini",
    "jar",
    "js",
    "jse",
    "lnk",
    "mof",
    "msc",
    "msi",
    "msp",
    "ocx",
    "pif",
    "ps1",
    "psm1",
    "reg",
    "scf",
    "scr",
    "scriptlet",
    "sct",
    "sys",
    "theme",
    "themepack",
    "url",
    "vbe",
    "vbs",
    "wav",
    "wsc",
    "wsf",
    "wsh",
    "xbap",
    "xll",
];

/// Whether a text could be a path, an address, a variable or an indirect string (rule R4). Such a text is refused everywhere.
pub fn path_like(text: &str) -> bool {
    text.chars().any(never)
        || text.contains("..")
        || text.chars().filter(|c| matches!(c, '¥' | '₩')).count() > 1
        || separates(text)
        || names_device(text)
        || names_program(text)
}

impl Alphabet {
    /// Whether the text is one that a setting of this alphabet may have. Never true for a text that is [`path_like`].
    ///
    /// Only pictures may be empty: Windows stores an empty AM symbol where the language has none.
    pub fn allows(self, text: &str) -> bool {
        if path_like(text) {
            return false;
        }
        match self {
            Self::LanguageTag => {
                text.starts_with(|c: char| c.is_ascii_alphabetic())
                    && text.split(['-', '_']).all(|part| (1..=10).contains(&part.len()))
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            }
            Self::LayoutId => text.len() == 8 && text.chars().all(|c| c.is_ascii_hexdigit()),
            Self::Format => {
                text.chars().all(|c| c.is_alphanumeric() || marks_language(c) || in_picture(c) || currency(c))
            }
            Self::Digits => !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ';'),
            Self::Name => {
                text.starts_with(char::is_alphanumeric)
                    && !text.ends_with([' ', '.'])
                    && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '.' | '_'))
            }
        }
    }

    /// The alphabet's word in an entry.
    pub fn word(self) -> &'static str {
        match self {
            Self::LanguageTag => "language_tag",
            Self::LayoutId => "layout_id",
            Self::Format => "format",
            Self::Digits => "digits",
            Self::Name => "name",
        }
    }

    /// All alphabets.
    pub const ALL: [Alphabet; 5] = [Self::LanguageTag, Self::LayoutId, Self::Format, Self::Digits, Self::Name];
}

/// Characters that are refused wherever they stand: controls, invisible and right-to-left marks, path characters and what looks like them.
fn never(c: char) -> bool {
    c.is_control()
        || NEVER.contains(c)
        || LOOK_ALIKES.contains(c)
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe6f}' | '\u{feff}'..='\u{ffef}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}')
}

/// Whether slashes or colons stand in the text as they do in paths, drives, streams and schemes, and not as in the picture of a
/// date (`dd/MM/yyyy`) or of a time (`h:mm tt`). A picture has one kind of separator, and outside of quotes only its own letters.
fn separates(text: &str) -> bool {
    let letters = match (text.contains('/'), text.contains(':')) {
        (false, false) => return false,
        (true, true) => return true,
        (true, false) if WITH_SLASH.contains(&text) => return false,
        (false, true) if text == ":" => return false,
        (true, false) => "dMyg",
        (false, true) => "hHmst",
    };
    let trimmed = text.trim();
    let edge = |c: char| c == '/' || c == ':';
    let doubled = ["//", "::", "./", "/.", " /", "/ "].iter().any(|pair| trimmed.contains(pair));
    let mut quoted = false;
    let picture = trimmed.chars().all(|c| {
        quoted ^= c == '\'';
        if quoted { !edge(c) } else { letters.contains(c) || " ,.-/:'()".contains(c) }
    });
    trimmed.starts_with(edge) || trimmed.ends_with(edge) || doubled || !picture || quoted || names_drive(trimmed)
}

/// Whether the text starts like a drive. A clock without a leading zero does too (`h:mm`), so an hour before minutes passes: as a
/// path it could at most name a file `mm` in the current folder of drive H.
fn names_drive(text: &str) -> bool {
    let mut chars = text.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(letter), Some(':'), after) => !(matches!(letter, 'h' | 'H') && after == Some('m')),
        _ => false,
    }
}

/// Whether the text is the name of a DOS device, as `nul`, `COM1.txt` or `con `.
fn names_device(text: &str) -> bool {
    let stem = text.split(['.', ':']).next().unwrap_or_default().trim();
    let numbered =
        stem.get(..3).is_some_and(|port| port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
            && stem.get(3..).is_some_and(|rest| {
                let mut digits = rest.chars();
                matches!(digits.next(), Some('0'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
            });
    numbered || DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem))
}

/// Whether the text is the name of a file that runs, loads code or points elsewhere.
fn names_program(text: &str) -> bool {
    let name = text.trim_end_matches([' ', '.', '\u{a0}']);
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| PROGRAMS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// Marks that belong to the letters of Indic and South-East Asian scripts and are not letters by themselves.
fn marks_language(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Punctuation of dates, times and numbers in the languages of Windows, with their spaces, apostrophes and minus signs.
fn in_picture(c: char) -> bool {
    " ,./-:';()+".contains(c)
        || matches!(
            c,
            '\u{a0}' | '\u{202f}' | '\u{2019}' | '\u{2212}' | '\u{2013}' | '\u{60c}' | '\u{66b}' | '\u{66c}' | '\u{b7}'
        )
}

/// Currency signs: the Unicode category Sc, without its full-width forms.
fn currency(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{9f2}' | '\u{9f3}' | '\u{af1}' | '\u{bf9}' | '\u{e3f}'
        | '\u{17db}' | '\u{20a0}'..='\u{20c0}')
}
