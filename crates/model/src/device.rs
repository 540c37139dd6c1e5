//! What a server knows of a device's own key.

use serde::{Deserialize, Serialize};

/// How hard a device's key is to steal, weakest first. The device says so itself; only `tpm-attested` would be proven, by a certificate of the
/// TPM's maker (`security.md` 2.8), and no server of this version grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyLevel {
    /// In a file that only its owner can read; on Windows encrypted for the person by DPAPI.
    File,
    /// Kept by Windows, which does not give it out: the software provider of CNG.
    CngSoftware,
    /// In the TPM.
    Tpm,
    /// In a TPM that has shown so.
    TpmAttested,
}

impl KeyLevel {
    /// All levels, weakest first.
    pub const ALL: [Self; 4] = [Self::File, Self::CngSoftware, Self::Tpm, Self::TpmAttested];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::CngSoftware => "cng-software",
            Self::Tpm => "tpm",
            Self::TpmAttested => "tpm-attested",
        }
    }

    /// The level with that word, if this version knows it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

impl std::fmt::Display for KeyLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::KeyLevel;

    #[test]
    fn levels_have_words_that_lead_back_and_rise() {
        for level in KeyLevel::ALL {
            assert_eq!(KeyLevel::from_word(level.word()), Some(level));
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{level}\""));
        }
        assert!(KeyLevel::ALL.is_sorted() && KeyLevel::from_word("paper").is_none());
    }
}
