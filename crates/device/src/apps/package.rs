//! Names of packages.
//!
//! A full name is `name_version_architecture_resource_publisher`, a family name `name_publisher`; the publisher is 13 characters of a base 32
//! without `i l o u` (Microsoft, "Package identity overview"). What shape a family name has is said by `model::snapshot::app_id`.

use model::snapshot::app_id::is_family_name;

/// The publisher id of Windows itself.
const WINDOWS_PUBLISHER: &str = "cw5n1h2txyewy";

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
        let full = Self { name, version, resource, publisher };
        (parts.next().is_none() && is_version && is_family_name(&full.family())).then_some(full)
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
