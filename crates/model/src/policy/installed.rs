//! What the installer was told about a PC: in the registry, and not a policy.
//!
//! An organisation's policy comes and goes with its management; what an administrator says on the installer's command line stays until the
//! program is removed. So it has a key of its own, and only two values of it mean the same as a policy: there it counts after everybody else and
//! before the default. The names of the properties are those of `docs/guides/deploy-windows.md`.

/// The installer's key, below `HKLM`.
pub const INSTALLED_KEY: &str = r"Software\Rehome";

/// The key with the enrolment token, below `HKLM`: apart, so that it can be deleted by whoever has used it.
pub const ENROLMENT_KEY: &str = r"Software\Rehome\Enrolment";

/// The name of the value with the enrolment token.
pub const TOKEN_VALUE: &str = "Token";

/// The name of the value that says `1` where the task that is registered does not start on battery: what `rehome schedule install --no-battery` remembers for the next
/// upgrade, which registers it anew. A `REG_SZ` in [`INSTALLED_KEY`].
pub const NO_BATTERY_VALUE: &str = "NoBattery";

/// A property of the installer that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name on the command line of `msiexec`.
    pub property: &'static str,
    /// The name of the value, a `REG_SZ`.
    pub value: &'static str,
    /// The policy that means the same, by its id.
    pub policy: Option<&'static str>,
    /// The longest value, in characters.
    pub chars_max: usize,
}

const fn property(
    property: &'static str,
    value: &'static str,
    policy: Option<&'static str>,
    chars_max: usize,
) -> Property {
    Property { property, value, policy, chars_max }
}

/// Address of the server.
pub const SERVER_URL: Property = property("SERVERURL", "ServerUrl", Some("agent.server_url"), 512);
/// The organisation that accounts without a `/` belong to.
pub const TENANT: Property = property("TENANT", "Tenant", None, 64);
/// Certificates to trust, as PEM: a chain of four has some 8 kB.
pub const CA_CERTIFICATE: Property = property("CACERT", "CaCertificate", None, 16 * 1024);
/// The fingerprint of the one server to trust: `sha256:` and 64 digits, which people write with colons.
pub const CERTIFICATE_PIN: Property = property("CERTPIN", "CertPin", None, 128);
/// Address of the proxy.
pub const PROXY_URL: Property = property("PROXYURL", "ProxyUrl", None, 512);
/// Hosts that are reached without the proxy.
pub const PROXY_BYPASS: Property = property("PROXYBYPASS", "ProxyBypass", None, 2048);
/// How much is logged.
pub const LOG_LEVEL: Property = property("LOGLEVEL", "LogLevel", Some("agent.log_level"), 8);
/// Which releases are wanted.
pub const CHANNEL: Property = property("CHANNEL", "Channel", None, 8);
/// `1`: no window and no page.
pub const NO_UI: Property = property("NOUI", "NoUi", None, 1);
/// `1`: the installer registers no scheduled task, an upgrade neither.
pub const NO_START: Property = property("NOSTART", "NoStart", None, 1);
/// Where the program is, so that an upgrade goes there too: as long as a path may be for Windows Installer.
pub const INSTALL_FOLDER: Property = property("INSTALLFOLDER", "InstallFolder", None, 260);
/// `1`: when the program goes, what is remembered and what lies in people's profiles stays.
pub const KEEP_DATA: Property = property("KEEPDATA", "KeepData", None, 1);

/// All that are remembered.
pub const PROPERTIES: [Property; 12] = [
    SERVER_URL,
    TENANT,
    CA_CERTIFICATE,
    CERTIFICATE_PIN,
    PROXY_URL,
    PROXY_BYPASS,
    LOG_LEVEL,
    CHANNEL,
    NO_UI,
    NO_START,
    INSTALL_FOLDER,
    KEEP_DATA,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Kind, Policy};

    #[test]
    fn what_means_the_same_as_a_policy_has_its_name_and_is_a_text() {
        for known in PROPERTIES {
            let Some(id) = known.policy else { continue };
            let policy = Policy::find(id).unwrap();
            assert_eq!(policy.value, known.value);
            assert!(matches!(policy.kind, Kind::Text { .. } | Kind::Choice(_)), "{id}");
        }
    }
}
