//! A name that came from a hive, a snapshot or a disk, and stands in one folder whatever system reads it.

use std::ffi::OsStr;

use model::catalog::path_like;

/// The longest name that file systems of Windows and Linux take, in characters.
const CHARS_MAX: usize = 255;

/// One step down and nothing else: ASCII letters, digits, `-`, `_`, full stops and braces. So it is no path, no device, no alternate stream, no short name, no
/// variable, no look-alike of a separator, and Windows does not take another name for it (a full stop or a blank at the end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name, if the text is one.
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '{' | '}');
        let ends = |c: char| c.is_ascii_alphanumeric() || c == '}';
        let braces: String = text.chars().filter(|c| matches!(c, '{' | '}')).collect();
        let fits = text.chars().count() <= CHARS_MAX
            && text.chars().all(allowed)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '{')
            && text.ends_with(ends)
            && matches!(braces.as_str(), "" | "{}")
            // Braces are in no setting's text; everything else that is refused there is refused here.
            && !path_like(&text.replace(['{', '}'], "x"));
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<OsStr> for Name {
    fn as_ref(&self) -> &OsStr {
        OsStr::new(&self.0)
    }
}
