//! The PC's person signs in: in the browser of the PC, which brings a code back to it, or elsewhere, by a code that they type.
//!
//! Both are asked of the Rehome server, never of the identity provider behind it (`docs/api.md`). [`pkce`] makes what only this PC knows, [`loopback`]
//! is where the browser comes back to, [`address`] what it is sent to. The calls themselves are in [`crate::upload::sign_in`].

pub mod loopback;
pub mod pkce;

use crate::upload::address::Address;

/// The organisation that every server has.
const DEFAULT_TENANT: &str = "default";

/// What the person's page is told.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The organisation, if it is not the one that every server has.
    pub tenant: Option<&'a str>,
    /// Name of the PC.
    pub device_name: &'a str,
    /// Thumbprint of the PC's key; empty if it has none.
    pub thumbprint: &'a str,
}

/// The page where the person says that this PC may be connected.
pub fn address(server: &Address, asked: Asked<'_>, code: &pkce::Pkce, redirect_uri: &str) -> String {
    let fields = [
        ("client_id", "rehome-agent"),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("code_challenge", &code.challenge()),
        ("state", code.state()),
        ("redirect_uri", redirect_uri),
        ("thumbprint", asked.thumbprint),
        ("device_name", asked.device_name),
    ];
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let tenant = escape(asked.tenant.unwrap_or(DEFAULT_TENANT));
    server.join(&format!("/t/{tenant}/agent?{}", query.join("&")))
}

/// Text as a part of an address (RFC 3986, 2.3).
fn escape(text: &str) -> String {
    use std::fmt::Write;

    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("text can be added to");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use seal::random::SystemRandom;

    use super::*;

    #[test]
    fn an_address_carries_names_whatever_is_in_them() {
        let server = Address::parse("https://rehome.example.com", false).unwrap();
        let code = pkce::Pkce::new(&SystemRandom::new());
        let asked = Asked { tenant: Some("a b"), device_name: "Adas PC & mehr ü", thumbprint: "" };
        let address = address(&server, asked, &code, "http://127.0.0.1:1/callback");
        assert!(address.starts_with("https://rehome.example.com/t/a%20b/agent?client_id=rehome-agent&"), "{address}");
        assert!(address.ends_with("&thumbprint=&device_name=Adas%20PC%20%26%20mehr%20%C3%BC"), "{address}");
        assert!(address.contains("&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&"), "{address}");
    }
}
