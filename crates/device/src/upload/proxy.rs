//! The proxy that an organisation has named, and the hosts that are reached without it.

use super::address::Address;

/// A proxy. Names and passwords do not belong into its address: they would stand in the registry for everybody to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    url: String,
    bypass: Vec<String>,
}

/// The proxy's address is not one. It is not shown: it may hold a password that does not belong there.
#[derive(Debug, thiserror::Error)]
#[error("the address of the proxy is not one such as `http://proxy.example.com:3128`")]
pub struct NotAProxy;

impl Proxy {
    /// Takes the address, and the hosts in the notation of Windows: separated by `;`, `*` for any letters, `<local>` for names without a dot.
    pub fn new(url: &str, bypass: &str) -> Result<Self, NotAProxy> {
        // The same shape as a server's address; plain HTTP to a proxy is usual, what goes through it is encrypted.
        let url = Address::parse(url, true).map_err(|_| NotAProxy)?.to_string();
        let parts = bypass.split([';', ',']).map(|part| part.trim().to_lowercase());
        Ok(Self { url, bypass: parts.filter(|part| !part.is_empty()).collect() })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether that server is reached through it.
    pub fn is_for(&self, address: &Address) -> bool {
        let host = address.host().to_lowercase();
        !address.is_loopback() && !self.bypass.iter().any(|pattern| fits(pattern, &host))
    }
}

fn fits(pattern: &str, host: &str) -> bool {
    if pattern == "<local>" {
        return !host.contains(['.', ':']);
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| host.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_list_are_reached_without_the_proxy() {
        let proxy = Proxy::new("http://proxy.example.com:3128/", "*.corp.example; 10.*;<local>,exact.example").unwrap();
        assert_eq!(proxy.url(), "http://proxy.example.com:3128");
        let is_for = |host: &str| proxy.is_for(&Address::parse(&format!("https://{host}"), false).unwrap());
        for host in ["rehome.corp.example", "a.b.CORP.example", "10.1.2.3", "rehome", "exact.example", "127.0.0.1"] {
            assert!(!is_for(host), "{host}");
        }
        for host in ["rehome.example.com", "corp.example.com", "110.1.2.3", "not-exact.example", "exact.example.com"] {
            assert!(is_for(host), "{host}");
        }
    }

    #[test]
    fn stars_stand_for_any_letters_and_none() {
        for (pattern, host, expected) in [
            ("*", "anything", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("*b", "ab", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for url in ["proxy:3128", "socks5://proxy", "http://ada:secret@proxy", "http://a b"] {
            assert!(!Proxy::new(url, "").unwrap_err().to_string().contains("secret"), "{url}");
        }
    }
}
