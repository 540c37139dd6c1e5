//! The key file: four lines of text that a person can see the meaning of, with a check against mistyping.

use model::ids::{from_hex, to_hex};
use model::reason::Reason;
use zeroize::Zeroizing;

use crate::Secret;

/// The largest key file; today's have 180 bytes.
pub const KEY_FILE_BYTES_MAX: u64 = 1024;

/// The first line, without the version.
const TITLE: &str = "rehome bundle key ";

/// What opens one bundle.
pub struct KeyFile {
    pub(super) bundle: [u8; 16],
    pub(super) secret: Secret,
}

/// Text that is not a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Does not begin as one.
    #[error("the file is not the key of a bundle")]
    NotAKeyFile,
    /// Its version is a newer one.
    #[error("the key file is of a newer version")]
    Newer,
    /// A line that is not as it should be.
    #[error("line {line} of the key file is not as it was written")]
    Line {
        /// Which, from 1.
        line: u8,
    },
}

impl KeyFileError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::Newer => Reason::NewerVersion,
            Self::NotAKeyFile | Self::Line { .. } => Reason::NotAKeyFile,
        }
    }
}

impl KeyFile {
    /// The file's text.
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = self.secret.to_hex();
        let body = Zeroizing::new(format!("{TITLE}1\nbundle {}\nkey {}\n", to_hex(&self.bundle), secret.as_str()));
        Zeroizing::new(format!("{}check {}\n", body.as_str(), check(&body)))
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut lines = text.lines();
        let version = lines.next().and_then(|line| line.strip_prefix(TITLE)).ok_or(KeyFileError::NotAKeyFile)?;
        if version != "1" {
            let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
            return Err(if is_number { KeyFileError::Newer } else { KeyFileError::NotAKeyFile });
        }
        let mut line = |line, title| {
            let found = lines.next().and_then(|text| text.strip_prefix(title));
            found.ok_or(KeyFileError::Line { line })
        };
        let bundle = from_hex(line(2, "bundle ")?).ok_or(KeyFileError::Line { line: 2 })?;
        let secret = Secret::from_hex(line(3, "key ")?).ok_or(KeyFileError::Line { line: 3 })?;
        let checked = line(4, "check ")?;
        let file = Self { bundle, secret };
        let written = file.to_text();
        if !written.trim_end().ends_with(&format!("\ncheck {}", checked.to_ascii_lowercase())) || lines.next().is_some()
        {
            return Err(KeyFileError::Line { line: 4 });
        }
        Ok(file)
    }
}

fn check(body: &str) -> String {
    to_hex(&blake3::hash(body.as_bytes()).as_bytes()[..8])
}
