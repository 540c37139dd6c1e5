//! What the installer was told: checked when it is written, by `rehome machine install`, and read again here without trusting that.

use model::policy::Hive;
use model::policy::installed::{
    CA_CERTIFICATE, CERTIFICATE_PIN, CHANNEL, ENROLMENT_KEY, INSTALLED_KEY, KEEP_DATA, NO_BATTERY_VALUE, NO_START,
    NO_UI, PROXY_BYPASS, PROXY_URL, Property, TENANT, TOKEN_VALUE,
};
use serde::Serialize;

use super::Places;
use crate::codec::text_of;
use crate::upload::pin::Pin;

/// The longest enrolment token, in characters; `EnrolmentToken` of the policies has the same limit.
const TOKEN_CHARS_MAX: usize = 1024;

/// What is not a policy, and the agent uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own that says yes or no")]
pub struct Installed {
    /// The organisation that accounts without a `/` belong to.
    pub tenant: Option<String>,
    /// Certificates to trust instead of the system's, as PEM.
    pub ca_pem: Option<String>,
    /// The fingerprint of the one server that is trusted.
    pub pin: Option<Pin>,
    /// Address of the proxy.
    pub proxy_url: Option<String>,
    /// Hosts that are reached without it.
    pub proxy_bypass: Option<String>,
    /// Which releases are wanted: `stable` or `canary`.
    pub channel: Option<String>,
    /// Whether no window and no page are wanted.
    pub no_ui: bool,
    /// Whether the installer registers no scheduled task.
    pub no_start: bool,
    /// Whether the task that is registered does not start on battery.
    pub no_battery: bool,
    /// Whether everything stays when the program goes.
    pub keep_data: bool,
}

/// An enrolment token. Never shown.
pub struct EnrolmentToken(pub String);

impl std::fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Reads it; what is not as it should be counts as not said.
pub fn installed(places: &dyn Places) -> Installed {
    let is_set = |value: &str| text(places, INSTALLED_KEY, value, 1).is_some_and(|text| text == "1");
    let text = |property: Property| text(places, INSTALLED_KEY, property.value, property.chars_max);
    Installed {
        tenant: text(TENANT).filter(|text| is_plain(text)),
        ca_pem: text(CA_CERTIFICATE),
        pin: text(CERTIFICATE_PIN).and_then(|text| Pin::parse(&text).ok()),
        proxy_url: text(PROXY_URL).filter(|text| is_plain(text)),
        proxy_bypass: text(PROXY_BYPASS).filter(|text| is_plain(text)),
        channel: text(CHANNEL).filter(|text| is_plain(text)),
        no_ui: is_set(NO_UI.value),
        no_start: is_set(NO_START.value),
        no_battery: is_set(NO_BATTERY_VALUE),
        keep_data: is_set(KEEP_DATA.value),
    }
}

/// The enrolment token that the installer was given, if it is still there.
pub fn enrolment_token(places: &dyn Places) -> Option<EnrolmentToken> {
    text(places, ENROLMENT_KEY, TOKEN_VALUE, TOKEN_CHARS_MAX).filter(|text| is_plain(text)).map(EnrolmentToken)
}

fn text(places: &dyn Places, key: &str, name: &str, chars_max: usize) -> Option<String> {
    let raw = places.value(Hive::Machine, key, name).ok()??;
    let text = text_of(&raw.bytes).filter(|_| raw.reg_type == 1)?;
    (!text.is_empty() && text.chars().count() <= chars_max).then_some(text)
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::RegPlaces;
    use crate::registry::MemoryRegistry;

    fn registry(lines: &str) -> MemoryRegistry {
        MemoryRegistry::parse(format!("Windows Registry Editor Version 5.00\n\n{lines}\n").as_bytes()).unwrap()
    }

    #[test]
    fn what_the_installer_wrote_is_read_back() {
        let pin = Pin::of(b"abc");
        let told = registry(&format!(
            "[HKEY_LOCAL_MACHINE\\Software\\Rehome]\n\"CertPin\"=\"{pin}\"\n\"Tenant\"=\"example\"\n\"ProxyUrl\"=\"http://proxy:3128\"\n\
             \"ProxyBypass\"=\"*.corp.example;<local>\"\n\"Channel\"=\"canary\"\n\"NoUi\"=\"1\"\n\"NoStart\"=\"1\"\n\"NoBattery\"=\"1\"\n\"KeepData\"=\"1\"\n\
             [HKEY_LOCAL_MACHINE\\Software\\Rehome\\Enrolment]\n\"Token\"=\"geheim\"\n",
        ));
        let some = |text: &str| Some(text.to_owned());
        let expected = Installed {
            tenant: some("example"),
            ca_pem: None,
            pin: Some(pin),
            proxy_url: some("http://proxy:3128"),
            proxy_bypass: some("*.corp.example;<local>"),
            channel: some("canary"),
            no_ui: true,
            no_start: true,
            no_battery: true,
            keep_data: true,
        };
        assert_eq!(installed(&RegPlaces(&told)), expected);
        assert_eq!(enrolment_token(&RegPlaces(&told)).unwrap().0, "geheim");
        let known = crate::facts::read(&RegPlaces(&told), &crate::facts::Asked::default());
        assert_eq!(known.installed, expected);
    }

    #[test]
    fn what_is_not_as_it_should_be_counts_as_not_said() {
        let long = "x".repeat(65);
        let told = registry(&format!(
            "[HKEY_LOCAL_MACHINE\\Software\\Rehome]\n\"Tenant\"=\"{long}\"\n\"ProxyUrl\"=dword:00000001\n\"Channel\"=\"\"\n\
             \"ProxyBypass\"=hex(1):61,00,0a,00,00,00\n\"NoUi\"=\"2\"\n"
        ));
        assert_eq!(installed(&RegPlaces(&told)), Installed::default());
        assert!(enrolment_token(&RegPlaces(&told)).is_none());
    }
}
