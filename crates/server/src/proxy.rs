//! Proxies before the server, and whose requests they hand on (ASVS 5.0, 15.3.4).
//!
//! What a header says of where a request comes from is believed only from the peers that the operator has named, and only in the one header that was
//! chosen: the other would be passed on as whoever asks has written it. Of several addresses it is the last one that no trusted proxy has: what stands before
//! it came from the asker. A header that cannot be read says nothing, and what it might have said is not guessed; the address is then that of the
//! proxy that sent it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use ipnet::IpNet;
use serde::Deserialize;

/// Addresses of one request that are looked at; nobody has as many proxies one behind the other.
const HOPS_MAX: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// In which headers the proxies tell of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, as most proxies do.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies that are trusted.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    said: Said,
}

/// What a trusted proxy has said of a request: whether it reached the proxy encrypted.
#[derive(Clone, Copy, Debug)]
struct Encrypted(bool);

/// Whether a trusted proxy got the request encrypted, if one has said so.
pub fn encrypted(extensions: &Extensions) -> Option<bool> {
    extensions.get::<Encrypted>().map(|encrypted| encrypted.0)
}

/// A network as people write it: `10.1.0.0/16`, `fd00::/8`, or one address.
pub fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl Proxies {
    /// Proxies in these networks, which tell in these headers.
    pub fn new(networks: Vec<IpNet>, said: Said) -> Self {
        Self { networks, said }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Puts the address that the request was first sent from in place of a trusted proxy's, for whatever looks at it from here on.
    pub fn unwrap(&self, request: &mut Request) {
        let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() else { return };
        if !self.trusts(peer.ip().to_canonical()) {
            return;
        }
        let (address, encrypted) = self.original(peer.ip().to_canonical(), request.headers());
        let extensions = request.extensions_mut();
        if address != peer.ip().to_canonical() {
            // The port belongs to the connection with the proxy, so none is known.
            extensions.insert(ConnectInfo(SocketAddr::new(address, 0)));
        }
        if let Some(encrypted) = encrypted {
            extensions.insert(Encrypted(encrypted));
        }
    }

    fn original(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, Option<bool>) {
        let name = match self.said {
            Said::XForwarded => X_FORWARDED_FOR,
            Said::Forwarded => header::FORWARDED,
        };
        let (mut address, mut encrypted) = (peer, None);
        let fields = headers.get_all(&name).iter().rev();
        let hops = fields.flat_map(|field| field.to_str().map_or_else(|_| vec![""], |text| text.rsplit(',').collect()));
        for hop in hops.take(HOPS_MAX) {
            let (said, over) = match self.said {
                Said::XForwarded => (host(hop), None),
                Said::Forwarded => element(hop),
            };
            let Some(said) = said else { break };
            (address, encrypted) = (said, over);
            if !self.trusts(address) {
                break;
            }
        }
        if self.said == Said::XForwarded {
            let last = headers.get_all(&X_FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok());
            encrypted = last.and_then(|last| scheme(last.rsplit(',').next().unwrap_or_default()));
        }
        (address, encrypted)
    }
}

/// The address and the scheme of one element of `Forwarded`. Names and commas within quotes are no addresses: such an element says nothing.
fn element(text: &str) -> (Option<IpAddr>, Option<bool>) {
    let (mut address, mut over) = (None, None);
    for pair in text.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => address = host(value),
            "proto" => over = scheme(value),
            _ => {}
        }
    }
    (address, over)
}

fn scheme(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

/// An address, with a port or without, IPv6 with brackets or without.
fn host(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    /// Who asks and whether encrypted, as it looks behind the door: `peer` has sent these headers.
    fn seen(said: Said, peer: &str, headers: &[(&'static str, &'static [u8])]) -> (String, Option<bool>) {
        let networks = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(|text| network(text).unwrap());
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Proxies::new(networks.into(), said).unwrap(&mut request);
        let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied().unwrap();
        (address.ip().to_string(), encrypted(request.extensions()))
    }

    fn x(peer: &str, for_: &'static [u8]) -> String {
        seen(Said::XForwarded, peer, &[("x-forwarded-for", for_)]).0
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_where_a_request_comes_from() {
        let all: &[(&str, &[u8])] = &[
            ("x-forwarded-for", b"198.51.100.1"),
            ("forwarded", b"for=198.51.100.1"),
            ("x-forwarded-proto", b"https"),
        ];
        for said in [Said::XForwarded, Said::Forwarded] {
            assert_eq!(seen(said, "203.0.113.9", all), ("203.0.113.9".to_owned(), None));
            assert_eq!(seen(said, "2001:db8::9", all), ("2001:db8::9".to_owned(), None));
        }
        assert_eq!(x("192.0.2.7", b"198.51.100.1"), "198.51.100.1");
        assert_eq!(x("::ffff:192.0.2.7", b"198.51.100.1"), "198.51.100.1", "as a socket for both kinds says it");
        assert_eq!(x("192.0.2.8", b"198.51.100.1"), "192.0.2.8");
    }

    #[test]
    fn it_is_the_last_address_that_no_trusted_proxy_has() {
        assert_eq!(x("10.0.0.1", b"1.1.1.1, 198.51.100.1"), "198.51.100.1", "the first one came from the asker");
        assert_eq!(x("10.0.0.1", b"1.1.1.1, 198.51.100.1, 10.2.3.4,192.0.2.7"), "198.51.100.1");
        assert_eq!(x("10.0.0.1", b"10.9.9.9, 10.2.3.4"), "10.9.9.9", "all of them ours: the farthest");
        assert_eq!(x("10.0.0.1", b"2001:db8::5"), "2001:db8::5");
        assert_eq!(x("fd00::1", b"[2001:db8::5]:443"), "2001:db8::5");
        assert_eq!(x("10.0.0.1", b"198.51.100.1:50123"), "198.51.100.1");
        assert_eq!(x("10.0.0.1", b"::ffff:198.51.100.1"), "198.51.100.1");
        let several: &[(&str, &[u8])] =
            &[("x-forwarded-for", b"1.1.1.1"), ("x-forwarded-for", b"198.51.100.1, 10.1.1.1")];
        assert_eq!(seen(Said::XForwarded, "10.0.0.1", several).0, "198.51.100.1", "headers of one name are one list");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_proxy_that_sent_it() {
        for garbage in [
            &b""[..],
            b",",
            b"unknown",
            b"_hidden",
            b"1.1.1.1, x",
            b"999.1.1.1",
            b"1.1.1.1, \xff",
            b"[::1",
            b"1.1.1.1 2.2.2.2",
        ] {
            assert_eq!(x("10.0.0.1", garbage), "10.0.0.1", "{garbage:?}");
        }
        assert_eq!(x("10.0.0.1", b"1.1.1.1, unknown, 10.2.3.4"), "10.2.3.4", "the last that a proxy vouches for");
        let many: &'static [u8] = Box::leak("10.1.1.1,".repeat(5_000).into_boxed_str()).as_bytes();
        assert_eq!(x("10.0.0.1", many), "10.0.0.1", "it ends with nothing");
        let deep: &'static [u8] =
            Box::leak(format!("1.1.1.1{}", ",10.1.1.1".repeat(5_000)).into_boxed_str()).as_bytes();
        assert_eq!(x("10.0.0.1", deep), "10.1.1.1", "no farther than {HOPS_MAX}");
    }

    #[test]
    fn only_the_chosen_header_counts() {
        let both: &[(&str, &[u8])] = &[("x-forwarded-for", b"1.1.1.1"), ("forwarded", b"for=2.2.2.2;proto=https")];
        assert_eq!(seen(Said::XForwarded, "10.0.0.1", both), ("1.1.1.1".to_owned(), None));
        assert_eq!(seen(Said::Forwarded, "10.0.0.1", both), ("2.2.2.2".to_owned(), Some(true)));
        assert_eq!(seen(Said::Forwarded, "10.0.0.1", &both[..1]), ("10.0.0.1".to_owned(), None));
        let forwarded = |text: &'static [u8]| seen(Said::Forwarded, "10.0.0.1", &[("forwarded", text)]);
        assert_eq!(forwarded(b"for=1.1.1.1, For=\"[2001:db8::5]:99\";Proto=HTTP;by=10.0.0.1").0, "2001:db8::5");
        assert_eq!(forwarded(b"for=3.3.3.3;proto=http, for=10.1.1.1;proto=https"), ("3.3.3.3".to_owned(), Some(false)));
        assert_eq!(forwarded(b"for=1.1.1.1, for=unknown").0, "10.0.0.1");
        assert_eq!(forwarded(b"for=\"1.1.1.1, for=2.2.2.2\"").0, "2.2.2.2", "as whoever wrote the last one says");
        assert_eq!(forwarded(b"proto=https").0, "10.0.0.1");
    }

    #[test]
    fn whether_it_was_encrypted_is_the_last_word() {
        let over = |words: &[(&'static str, &'static [u8])]| seen(Said::XForwarded, "10.0.0.1", words).1;
        assert_eq!(over(&[("x-forwarded-proto", b"https")]), Some(true));
        assert_eq!(over(&[("x-forwarded-proto", b"https, http")]), Some(false));
        assert_eq!(over(&[("x-forwarded-proto", b"http"), ("x-forwarded-proto", b"HTTPS")]), Some(true));
        assert_eq!(over(&[("x-forwarded-proto", b"gopher")]), None);
        assert_eq!(over(&[]), None);
    }

    #[test]
    fn networks_are_written_as_people_write_them() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network(" ::1 ").unwrap().to_string(), "::1/128");
        for wrong in ["", "10.0.0.0/33", "proxy.example", "10.0.0", "*"] {
            assert!(network(wrong).is_none(), "{wrong}");
        }
    }
}
