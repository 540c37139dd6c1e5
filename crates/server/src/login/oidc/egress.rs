//! The only way out of the server: to identity providers, to nowhere that an attacker chooses.
//!
//! The operator names the issuer, so its own host may be inside the house. Every other address comes from the provider's document, which may be
//! hostile: there only public addresses are called, so that nobody reaches the database next door or a cloud's metadata through us (SSRF). The
//! check is on the address that is really connected to, after the name was looked up. Redirects are not followed, no proxy of the environment
//! is used, answers are bounded in size and time.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ureq::config::Config;
use ureq::http::{Request, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::OidcError;

/// How long one exchange may take in all: a person waits for it.
const EXCHANGE: Duration = Duration::from_secs(10);

/// The longest answer: the largest key sets seen are some 30 kB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// The longest address that a provider may name.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// A way to one provider.
pub struct Egress {
    agent: ureq::Agent,
    issuer: Uri,
}

/// An issuer's address: HTTPS, or plain HTTP on this machine, where nobody listens in.
pub fn issuer_address(issuer: &str) -> Result<Uri, OidcError> {
    let wrong = |why: &str| OidcError::Settings(format!("`{issuer}` cannot be an issuer: {why}"));
    let address: Uri = issuer.parse().map_err(|_| wrong("it is not an address"))?;
    if issuer.contains(['?', '#', '@']) || issuer.len() > ADDRESS_BYTES_MAX {
        return Err(wrong("it has parts that an issuer does not have"));
    }
    match (address.scheme_str(), address.host()) {
        (Some("https"), Some(host)) if !host.is_empty() => Ok(address),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(address),
        (Some("http"), Some(_)) => Err(wrong("an issuer is reached by https")),
        _ => Err(wrong("https://HOST is wanted")),
    }
}

fn is_loopback(host: &str) -> bool {
    let number: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    number.is_ok_and(|address| address.is_loopback())
}

impl Egress {
    /// The way to the provider with this issuer, trusting the certificates of a file or the system's.
    pub fn new(issuer: &str, ca_file: Option<&Path>) -> Result<Self, OidcError> {
        let issuer = issuer_address(issuer)?;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(EXCHANGE))
            .user_agent(concat!("rehome-server/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(ca_file)?)
            .build();
        let guarded = Guarded { own: issuer.host().unwrap_or_default().to_owned(), names: DefaultResolver::default() };
        Ok(Self { agent: ureq::Agent::with_parts(config, DefaultConnector::default(), guarded), issuer })
    }

    /// Checks an address that the provider names: HTTPS, or as the issuer itself if that is on this machine.
    pub fn allowed(&self, address: &str) -> Result<(), OidcError> {
        let wrong = || OidcError::Provider(format!("it names an address that is not gone to: `{}`", tame(address)));
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let own = self.issuer.scheme_str() == Some("http") && uri.authority() == self.issuer.authority();
        let scheme = uri.scheme_str() == Some("https") || (own && uri.scheme_str() == Some("http"));
        let plain = !address.contains(['#', '@']) && address.len() <= ADDRESS_BYTES_MAX && !host.contains('%');
        if scheme && plain { Ok(()) } else { Err(wrong()) }
    }

    /// Fetches a document.
    pub fn get(&self, address: &str) -> Result<Vec<u8>, OidcError> {
        self.allowed(address)?;
        let request = Request::get(address).header("accept", "application/json").body(());
        let (status, body) = Self::exchange(address, self.agent.run(request.map_err(built)?))?;
        if status == 200 { Ok(body) } else { Err(OidcError::Provider(format!("{} answers {status}", tame(address)))) }
    }

    /// Sends a form, with name and secret if there are any, and gives status and body.
    pub fn post(
        &self,
        address: &str,
        fields: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<(u16, Vec<u8>), OidcError> {
        self.allowed(address)?;
        let mut request = Request::post(address)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some((name, secret)) = basic {
            // Both are encoded as a form's fields are before they are joined: RFC 6749, 2.3.1.
            let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = BASE64.encode(format!("{}:{}", escape(name), escape(secret)));
            request = request.header("authorization", format!("Basic {both}"));
        }
        let body = super::super::site::query(fields);
        Self::exchange(address, self.agent.run(request.body(body).map_err(built)?))
    }

    fn exchange(
        address: &str,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(u16, Vec<u8>), OidcError> {
        let failed = |error: ureq::Error| OidcError::Provider(format!("{} cannot be reached: {error}", tame(address)));
        let response = sent.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // One byte more than allowed, to tell "just fits" from "too long".
        let read = response.into_body().into_reader().take(ANSWER_BYTES_MAX + 1).read_to_end(&mut body);
        read.map_err(|error| failed(ureq::Error::from(error)))?;
        if body.len() as u64 > ANSWER_BYTES_MAX {
            return Err(OidcError::Provider(format!("{} answers more than {ANSWER_BYTES_MAX} bytes", tame(address))));
        }
        Ok((status, body))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn built(error: ureq::http::Error) -> OidcError {
    OidcError::Provider(format!("a request could not be made: {error}"))
}

/// Words of a provider for our log and for people: short, and without anything that a terminal would obey.
pub fn tame(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn tls(ca_file: Option<&Path>) -> Result<TlsConfig, OidcError> {
    let roots = match ca_file {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let wrong = |why: String| OidcError::Settings(format!("the certificates in {}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificate = |item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            };
            let certificates: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem).filter_map(certificate).collect();
            if certificates.is_empty() {
                return Err(wrong("there are none".to_owned()));
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

/// Looks names up and lets only such addresses through as may be called.
#[derive(Debug)]
struct Guarded {
    own: String,
    names: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let own = uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.own));
        let mut kept = self.empty();
        for address in found.iter().filter(|address: &&SocketAddr| may_call(address.ip(), own)) {
            kept.push(*address);
        }
        if kept.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(kept) }
    }
}

/// Whether an address may be called; `own`: it is that of the host that the operator named.
fn may_call(address: IpAddr, own: bool) -> bool {
    match address {
        IpAddr::V4(address) => v4(address, own),
        IpAddr::V6(address) => v6(address, own),
    }
}

fn v4(address: Ipv4Addr, own: bool) -> bool {
    let [a, b, c, _] = address.octets();
    // Never: this network, link-local (where clouds keep their metadata), multicast, reserved.
    if a == 0 || (a, b) == (169, 254) || a >= 224 {
        return false;
    }
    let inside = address.is_private()
        || address.is_loopback()
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b))
        || address.is_documentation();
    own || !inside
}

fn v6(address: Ipv6Addr, own: bool) -> bool {
    let segments = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return v4(inner, own);
    }
    // 64:ff9b::/96 leads to the IPv4 address in its last half.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return v4(Ipv4Addr::new(a, b, c, d), own);
    }
    if address.is_unspecified() || address.is_multicast() || segments[0] & 0xffc0 == 0xfe80 {
        return false;
    }
    let inside = address.is_loopback() || segments[0] & 0xfe00 == 0xfc00;
    // Only 2000::/3 is handed out; of it 2001:db8::/32 is for documents and 2002::/16 leads to IPv4 addresses.
    let public =
        segments[0] & 0xe000 == 0x2000 && segments[0] != 0x2002 && (segments[0], segments[1]) != (0x2001, 0xdb8);
    public || (own && inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_document_names_must_be_public() {
        for address in ["8.8.8.8", "20.190.160.1", "2603:1027:1:d8::1"] {
            assert!(may_call(address.parse().unwrap(), false), "{address}");
        }
        let inside = [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "fd00::1",
            "::1",
            "::ffff:10.0.0.1",
        ];
        for address in inside {
            assert!(!may_call(address.parse().unwrap(), false), "{address}");
            assert!(may_call(address.parse().unwrap(), true), "{address}: the operator named it");
        }
        let never = [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "::",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a00:1::1",
        ];
        for address in never {
            assert!(!may_call(address.parse().unwrap(), address == "x"), "{address}");
        }
        assert!(!may_call("169.254.169.254".parse().unwrap(), true), "metadata of a cloud, whoever asks");
    }

    #[test]
    fn other_schemes_and_hidden_hosts_are_not_gone_to() {
        let egress = Egress::new("http://127.0.0.1:9000", None).unwrap();
        egress.allowed("http://127.0.0.1:9000/token").unwrap();
        egress.allowed("https://id.example.com/token").unwrap();
        let wrong = [
            "http://127.0.0.1:9001/token",
            "http://localhost:9000/",
            "file:///etc/passwd",
            "https://a@b.example/",
            "https://x/#y",
            "//x/y",
            "ldap://x",
            "",
        ];
        for address in wrong {
            assert!(egress.allowed(address).is_err(), "{address}");
        }
        let strict = Egress::new("https://id.example.com", None).unwrap();
        assert!(strict.allowed("http://id.example.com/token").is_err());
    }
}
