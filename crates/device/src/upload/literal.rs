//! Addresses that are numbers need no look-up, and no thread to look them up in.
//!
//! ureq resolves every host in a thread of its own, so that a slow name server cannot hold up the rest. For `127.0.0.1` that thread is a
//! tenth of an unchanged run.

use std::net::{IpAddr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Resolves numbers by reading them, and names as ureq does.
#[derive(Debug, Default)]
pub struct LiteralResolver {
    names: DefaultResolver,
}

impl Resolver for LiteralResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Some(address) = literal(uri) else { return self.names.resolve(uri, config, timeout) };
        let mut addresses = self.empty();
        addresses.push(address);
        Ok(addresses)
    }
}

/// The address, if the host is a number.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let host: IpAddr = uri.host()?.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some(SocketAddr::new(host, uri.port_u16().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_names_are_not() {
        let literal = |text: &str| literal(&text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(literal("http://127.0.0.1:8640/x").as_deref(), Some("127.0.0.1:8640"));
        assert_eq!(literal("https://[::1]/x").as_deref(), Some("[::1]:443"));
        assert_eq!(literal("http://10.0.0.1/").as_deref(), Some("10.0.0.1:80"));
        assert_eq!(literal("http://localhost:1/"), None);
    }
}
