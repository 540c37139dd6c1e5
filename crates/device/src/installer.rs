//! What an administrator says on the installer's command line: checked as a whole before any of it is remembered, so that a wrong word
//! ends the installation and not, weeks later, the first backup.

use model::policy::installed::{
    CA_CERTIFICATE, CERTIFICATE_PIN, CHANNEL, INSTALL_FOLDER, KEEP_DATA, LOG_LEVEL, NO_START, NO_UI, PROXY_BYPASS,
    PROXY_URL, Property, SERVER_URL, TENANT,
};
use model::policy::{Kind, Policy};

use crate::upload::address::Address;
use crate::upload::http::fingerprints;
use crate::upload::pin::Pin;
use crate::upload::proxy::Proxy;

/// What was said. An empty text is what the installer hands on for a property that was not given, and changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Address of the server.
    pub server_url: String,
    /// The organisation.
    pub tenant: String,
    /// Certificates as PEM; the text of the file that was named.
    pub ca_pem: String,
    /// The SHA-256 fingerprint of the one server to trust; with certificates, the one that one of them must have.
    pub pin: String,
    /// Address of the proxy.
    pub proxy_url: String,
    /// Hosts that are reached without it.
    pub proxy_bypass: String,
    /// How much is logged.
    pub log_level: String,
    /// Which releases are wanted.
    pub channel: String,
    /// `1` for no window and no page.
    pub no_ui: String,
    /// `1` for no scheduled task.
    pub no_start: String,
    /// The folder that the program was put into.
    pub install_folder: String,
    /// `1`: what is remembered stays when the program goes.
    pub keep_data: String,
}

/// A property that cannot be what was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{property}: {what}")]
pub struct Refused {
    /// Its name on the command line.
    pub property: &'static str,
    /// What is wrong.
    pub what: String,
}

/// The longest file of certificates that is read, in bytes: what is remembered may have as many characters.
pub const CA_BYTES_MAX: u64 = CA_CERTIFICATE.chars_max as u64;

impl Told {
    /// What is to be remembered: each property that was given, with its text.
    pub fn checked(&self) -> Result<Vec<(Property, &str)>, Refused> {
        let given = [
            (SERVER_URL, &self.server_url),
            (TENANT, &self.tenant),
            (CA_CERTIFICATE, &self.ca_pem),
            (CERTIFICATE_PIN, &self.pin),
            (PROXY_URL, &self.proxy_url),
            (PROXY_BYPASS, &self.proxy_bypass),
            (LOG_LEVEL, &self.log_level),
            (CHANNEL, &self.channel),
            (NO_UI, &self.no_ui),
            (NO_START, &self.no_start),
            (INSTALL_FOLDER, &self.install_folder),
            (KEEP_DATA, &self.keep_data),
        ];
        let given = given.map(|(property, text)| (property, text.trim()));
        // A file whose fingerprint was checked is what is trusted; nothing is left to remember of the pin.
        let checked = self.file_is_pinned()?;
        let nothing = |property: Property, text: &str| text.is_empty() || checked && property == CERTIFICATE_PIN;
        let given: Vec<_> = given.into_iter().filter(|(property, text)| !nothing(*property, text)).collect();
        for (property, text) in &given {
            check(*property, text).map_err(|what| Refused { property: property.property, what })?;
        }
        Ok(given)
    }

    /// Whether the pin is that of a certificate of the file, which came over a network that nobody watched while its fingerprint came with the
    /// command line. Without a file it is that of the server, and the agent compares it with each connection.
    fn file_is_pinned(&self) -> Result<bool, Refused> {
        if self.pin.trim().is_empty() || self.ca_pem.trim().is_empty() {
            return Ok(false);
        }
        let refused = |what: String| Refused { property: CERTIFICATE_PIN.property, what };
        let pin = Pin::parse(&self.pin).map_err(|error| refused(error.to_string()))?;
        if fingerprints(self.ca_pem.as_bytes()).contains(&pin) {
            return Ok(true);
        }
        Err(refused("no certificate of the file CACERT has this fingerprint".to_owned()))
    }
}

fn check(property: Property, text: &str) -> Result<(), String> {
    if text.chars().count() > property.chars_max {
        return Err(format!("it is longer than {} characters", property.chars_max));
    }
    if property != CA_CERTIFICATE && text.chars().any(char::is_control) {
        return Err("it has control characters".to_owned());
    }
    let one_of = |words: &[&str]| {
        if words.contains(&text) { Ok(()) } else { Err(format!("it is none of {}", words.join(", "))) }
    };
    match property {
        SERVER_URL => Address::parse(text, false).map(drop).map_err(|error| format!("{error}; {}", error.hint())),
        CA_CERTIFICATE if fingerprints(text.as_bytes()).is_empty() => {
            Err("there is no certificate in the file; it begins with `-----BEGIN CERTIFICATE-----`".to_owned())
        }
        CERTIFICATE_PIN => Pin::parse(text).map(drop).map_err(|error| error.to_string()),
        TENANT if text.contains(['/', '\\']) => Err("it is a name, without a slash".to_owned()),
        PROXY_URL => Proxy::new(text, "").map(drop).map_err(|error| error.to_string()),
        LOG_LEVEL => one_of(&words_of("agent.log_level")),
        CHANNEL => one_of(&["stable", "canary"]),
        NO_UI | NO_START | KEEP_DATA => one_of(&["1", "0"]),
        _ => Ok(()),
    }
}

/// The words of a policy that is a choice.
fn words_of(id: &str) -> Vec<&'static str> {
    match Policy::find(id).map(|policy| policy.kind) {
        Some(Kind::Choice(choices)) => choices.iter().map(|choice| choice.word).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's frame around bytes that no parser of certificates looks into here.
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
    /// SHA-256 of `abc` (FIPS 180-2, B.1).
    const ABC: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    fn told(change: impl FnOnce(&mut Told)) -> Result<Vec<(&'static str, String)>, Refused> {
        let mut told = Told::default();
        change(&mut told);
        Ok(told.checked()?.into_iter().map(|(property, text)| (property.value, text.to_owned())).collect())
    }

    #[test]
    fn what_was_given_is_remembered_and_nothing_else() {
        assert_eq!(told(|_| {}).unwrap(), []);
        let found = told(|told| {
            told.server_url = "https://rehome.example.com".to_owned();
            told.log_level = " warn ".to_owned();
            told.ca_pem = PEM.to_owned();
            told.pin = ABC.to_owned();
        });
        let pem = PEM.trim().to_owned();
        let expected = [
            ("ServerUrl", "https://rehome.example.com".to_owned()),
            ("CaCertificate", pem),
            ("LogLevel", "warn".to_owned()),
        ];
        assert_eq!(found.unwrap(), expected, "the pin is the file's, which is remembered");
        let found = told(|told| told.pin = ABC.to_owned());
        assert_eq!(found.unwrap(), [("CertPin", ABC.to_owned())], "without a file it is the server's own");
    }

    #[test]
    fn a_wrong_word_is_refused_by_the_name_of_its_property() {
        type Change = fn(&mut Told);
        let wrong: [(&str, Change); 12] = [
            ("SERVERURL", |told| told.server_url = "rehome.example.com".to_owned()),
            ("SERVERURL", |told| told.server_url = "http://rehome.example.com".to_owned()),
            ("TENANT", |told| told.tenant = "a/b".to_owned()),
            ("TENANT", |told| told.tenant = "x".repeat(65)),
            ("CACERT", |told| told.ca_pem = "hello".to_owned()),
            ("CERTPIN", |told| told.pin = "sha256:abc".to_owned()),
            ("CERTPIN", |told| (told.pin, told.ca_pem) = ("12".repeat(32), PEM.to_owned())),
            ("CERTPIN", |told| (told.pin, told.ca_pem) = ("abc".to_owned(), PEM.to_owned())),
            ("PROXYURL", |told| told.proxy_url = "proxy".to_owned()),
            ("LOGLEVEL", |told| told.log_level = "loud".to_owned()),
            ("CHANNEL", |told| told.channel = "beta".to_owned()),
            ("NOUI", |told| told.no_ui = "yes".to_owned()),
        ];
        for (property, change) in wrong {
            assert_eq!(told(change).unwrap_err().property, property);
        }
    }
}
