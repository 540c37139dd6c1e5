//! Where the server is, as browsers and providers know it.

use axum::http::{Extensions, HeaderMap, header};

use crate::proxy::{self, Proxies};

/// The server's own address.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// As the operator gave it, without a final slash. `None`: as each request names it.
    pub public_url: Option<String>,
    /// Whether the server itself encrypts.
    pub tls: bool,
    /// Proxies before it that say where requests come from.
    pub proxies: Proxies,
}

impl Site {
    /// Whether the browser of this request reaches it encrypted: as a trusted proxy says, or else as the server's address is.
    pub fn is_secure(&self, extensions: &Extensions) -> bool {
        let own = || self.public_url.as_ref().map_or(self.tls, |url| url.starts_with("https://"));
        proxy::encrypted(extensions).unwrap_or_else(own)
    }

    /// Its address for this request, such as `https://rehome.example.com`. `None`: the request names no host that could be one.
    pub fn base(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let host = headers.get(header::HOST)?.to_str().ok()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let scheme = if self.is_secure(extensions) { "https" } else { "http" };
        (!host.is_empty() && host.len() <= 255 && host.chars().all(plain)).then(|| format!("{scheme}://{host}"))
    }
}

/// A path of ours to go on to after signing in, or the person's own page if `wanted` is none: never another server's.
pub fn safe_path(wanted: &str) -> &str {
    let ours = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && wanted.len() <= 2_048
        && wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'"');
    if ours { wanted } else { "/account" }
}

/// A query string of these fields.
pub fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_on_to() {
        for path in ["/account", "/t/default/agent?state=a%20b&x=1"] {
            assert_eq!(safe_path(path), path);
        }
        for path in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: y", "/a b", "javascript:1"]
        {
            assert_eq!(safe_path(path), "/account", "{path}");
        }
    }

    #[test]
    fn the_operators_word_goes_over_the_requests() {
        let (mut headers, none) = (HeaderMap::new(), Extensions::new());
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8640"));
        assert_eq!(Site::default().base(&headers, &none).as_deref(), Some("http://127.0.0.1:8640"));
        let site = Site { public_url: Some("https://rehome.example.com".to_owned()), ..Site::default() };
        assert_eq!(site.base(&headers, &none).as_deref(), Some("https://rehome.example.com"));
        assert!(site.is_secure(&none));
        headers.insert(header::HOST, HeaderValue::from_static("a/b\"c"));
        assert_eq!(Site::default().base(&headers, &none), None);
    }
}
