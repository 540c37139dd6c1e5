//! Names of packages.
//!
//! A full name is `name_version_architecture_resource_publisher`, a family name `name_publisher`; the publisher is 13 characters of a base 32
//! without `i l o u` (Microsoft, "Package identity overview"). A family name is what a restore hands to the Store, so nothing that does not have
//! this very shape becomes one (rule R7 of the threat model).

/// The publisher id of Windows itself.
const WINDOWS_PUBLISHER: &str = "cw5n1h2txyewy";

/// The most and the fewest characters of a package's name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=50;

/// How many characters a publisher id has.
const PUBLISHER_CHARS: usize = 13;

/// A package's full name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullName<'n> {
    /// Name, such as `Microsoft.WindowsCalculator`.
    pub name: &'n str,
    /// Four numbers.
    pub version: &'n str,
    /// Resource id, such as `split.scale-100`; empty for most main packages.
    pub resource: &'n str,
    /// Publisher id.
    pub publisher: &'n str,
}

impl<'n> FullName<'n> {
    /// Takes a full name apart; `None` if it is none.
    pub fn parse(full: &'n str) -> Option<Self> {
        let mut parts = full.split('_');
        let (name, version, _architecture) = (parts.next()?, parts.next()?, parts.next()?);
        let (resource, publisher) = (parts.next()?, parts.next()?);
        let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (parts.next().is_none() && is_version && is_name(name) && is_publisher(publisher)).then_some(Self {
            name,
            version,
            resource,
            publisher,
        })
    }

    /// The family name.
    pub fn family(&self) -> String {
        format!("{}_{}", self.name, self.publisher)
    }

    /// Whether Windows itself is the publisher.
    pub fn is_of_windows(&self) -> bool {
        self.publisher == WINDOWS_PUBLISHER
    }

    /// Whether the resource id is that of a package with only languages or pictures of another.
    pub fn is_resource(&self) -> bool {
        self.resource.starts_with("split.")
            || self.resource.starts_with("language-")
            || self.resource.starts_with("scale-")
    }
}

/// Whether a text has the shape of a package family name.
pub fn is_family_name(text: &str) -> bool {
    text.split_once('_').is_some_and(|(name, publisher)| is_name(name) && is_publisher(publisher))
}

fn is_name(text: &str) -> bool {
    NAME_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn is_publisher(text: &str) -> bool {
    let of_alphabet = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    text.len() == PUBLISHER_CHARS && text.bytes().all(of_alphabet)
}
