//! The address of a server, checked before anything is sent to it.
//!
//! Signed requests and sealed data travel to this address, so plain HTTP is only taken for the machine itself, unless a person says
//! otherwise in so many words.

use std::fmt;
use std::net::IpAddr;

use model::reason::Reason;

/// The longest address that is taken. Host names end at 253 bytes (RFC 1035, 2.3.4); the rest is scheme, port and a path.
const ADDRESS_BYTES_MAX: usize = 512;

/// Where a Rehome server answers: scheme, host, port and maybe a path, without a final slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    host: String,
    tls: bool,
}

/// Why a text is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `https://` nor `http://` stands in front.
    #[error("`{text}` does not begin with `https://`")]
    NoScheme {
        /// What was given.
        text: String,
    },
    /// No host, or characters that no address has.
    #[error("`{text}` is not an address such as `https://rehome.example.com`")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// A name and password stand in the address, where they would end up in logs.
    #[error("the address of `{host}` holds a name or password, which does not belong there")]
    Credentials {
        /// The host.
        host: String,
    },
    /// Plain HTTP to another machine.
    #[error("`{text}` is not encrypted")]
    PlainHttp {
        /// What was given.
        text: String,
    },
}

impl AddressError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        Reason::Usage
    }

    /// What to do about it, where the reason's own words are too general.
    pub fn hint(&self) -> String {
        match self {
            Self::NoScheme { text } => format!("write `https://{text}`"),
            Self::Malformed { .. } => "write scheme and host, such as `https://rehome.example.com`".to_owned(),
            Self::Credentials { .. } => "leave them out; `--user` names the account".to_owned(),
            Self::PlainHttp { .. } => "use `https://`, or `--allow-http` in a network that you trust".to_owned(),
        }
    }
}

impl Address {
    /// Takes the address apart and checks it.
    ///
    /// Plain HTTP is taken for `localhost`, `127.0.0.0/8` and `::1`, and for others with `allow_http`.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, AddressError> {
        let text = text.trim();
        let shown = || text.chars().take(80).collect::<String>();
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(AddressError::Malformed { text: shown() }),
            None => return Err(AddressError::NoScheme { text: shown() }),
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if let Some((_, host)) = authority.rsplit_once('@') {
            return Err(AddressError::Credentials { host: host.chars().take(80).collect() });
        }
        let host = host_of(authority).filter(|_| text.len() <= ADDRESS_BYTES_MAX && is_plain_path(path));
        let host = host.ok_or_else(|| AddressError::Malformed { text: shown() })?;
        if !tls && !allow_http && !is_loopback(host) {
            return Err(AddressError::PlainHttp { text: shown() });
        }
        let scheme = if tls { "https" } else { "http" };
        Ok(Self { text: format!("{scheme}://{rest}"), host: host.to_owned(), tls })
    }

    /// Host and port as a signature covers them.
    pub fn authority(&self) -> String {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        model::signature::authority(rest.split('/').next().unwrap_or_default())
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the server is on this machine, so that no proxy stands between.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The address of one thing on the server; `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` if it is none of these.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let name_fits = host.contains(':') || (!host.is_empty() && host.bytes().all(is_name));
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
    (name_fits && port_fits).then_some(host)
}

/// A path below which a server may sit behind a reverse proxy; no query, no fragment, nothing to decode.
fn is_plain_path(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~'))
        && !path.contains("//")
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_people_write_are_taken() {
        for (text, shown) in [
            ("https://rehome.example.com", "https://rehome.example.com"),
            ("HTTPS://rehome.example.com/", "https://rehome.example.com"),
            ("https://rehome.example.com:8443/sub/", "https://rehome.example.com:8443/sub"),
            ("http://localhost:7443", "http://localhost:7443"),
            ("http://127.0.0.1:7443", "http://127.0.0.1:7443"),
            ("http://[::1]:7443", "http://[::1]:7443"),
        ] {
            assert_eq!(Address::parse(text, false).unwrap().to_string(), shown, "{text}");
        }
        let authority = |text| Address::parse(text, false).unwrap().authority();
        assert_eq!(authority("https://Rehome.example.com:8443/sub"), "rehome.example.com:8443");
        assert_eq!(authority("https://rehome.example.com:443"), "rehome.example.com");
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_word_from_the_person() {
        for text in ["http://rehome.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"] {
            assert!(matches!(Address::parse(text, false), Err(AddressError::PlainHttp { .. })), "{text}");
            assert!(!Address::parse(text, true).unwrap().is_tls(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_advice() {
        for text in [
            "",
            "rehome.example.com",
            "ftp://x",
            "https://",
            "https://:80",
            "https://a b",
            "https://x:0",
            "https://x:99999",
            "https://x?q",
            "https://[::1",
            "https://x/a//b",
            "https://x#y",
            "https://x/%2e",
            "https://[zz]",
        ] {
            let error = Address::parse(text, true).unwrap_err();
            assert!(!error.hint().is_empty(), "{text}: {error}");
        }
        let error = Address::parse("https://ada:secret@rehome.example.com", false).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
