//! Forms: every one is checked here before a page sees a field of it.
//!
//! It must come from a page of ours (`Sec-Fetch-Site`, `Origin`) and carry the visitor's own token, which another site can neither read nor
//! guess (`security.md` 2.10). A page takes a [`Posted`] and cannot forget to check.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use model::reason::Reason;

use super::visitor::Visitor;
use crate::App;
use crate::api::extract::Body;
use crate::pages::Trouble;

/// The largest form: a policy's description of two thousand letters, each up to nine bytes here, and its assignments.
pub const FORM_BYTES_MAX: usize = 32 * 1024;

/// Name of the field with the visitor's token.
pub const TOKEN_FIELD: &str = "form_token";

/// A form that came from a page of ours.
#[derive(Debug)]
pub struct Posted {
    /// Who sent it.
    pub visitor: Visitor,
    fields: HashMap<String, String>,
}

impl Posted {
    /// A field; empty if it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// All fields.
    pub fn fields(&self) -> &HashMap<String, String> {
        &self.fields
    }
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Trouble;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let refuse = |detail: &str| Trouble::new(StatusCode::FORBIDDEN, Reason::FormRefused, detail);
        if !same_origin(&parts.headers, &visitor.base) {
            return Err(refuse("it came from another site"));
        }
        let headers = parts.headers.clone();
        let Body(bytes) = Body::<FORM_BYTES_MAX>::from_request(Request::from_parts(parts, body), app).await?;
        let fields = read(&headers, &bytes).ok_or_else(|| refuse("it is not a form"))?;
        let token = visitor.form_token();
        let given = fields.get(TOKEN_FIELD).map_or("", String::as_str);
        // Both are hashes of 256 random bits, so the time of the comparison says nothing that helps.
        if token.is_empty() || token != given {
            return Err(refuse("it is too old, or cookies are switched off"));
        }
        Ok(Self { visitor, fields })
    }
}

/// Whether the browser says that the form came from our own page. Browsers say at least one of the two; what says neither has the token to show.
pub(crate) fn same_origin(headers: &HeaderMap, base: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = text(header::ORIGIN.as_str()).is_none_or(|origin| origin == base);
    site && origin
}

/// The fields of a form; a field that is there twice is none of ours.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Option<HashMap<String, String>> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if kind.split(';').next()?.trim() != "application/x-www-form-urlencoded" {
        return None;
    }
    let mut fields = HashMap::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(fields)
}

/// The fields of a query string, the first of each name.
pub fn query_fields(query: Option<&str>) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    fields
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn other_sites_are_told_apart() {
        let base = "https://rehome.example.com";
        let ours = |pairs| same_origin(&headers(pairs), base);
        assert!(ours(&[("sec-fetch-site", "same-origin"), ("origin", "https://rehome.example.com")]));
        assert!(ours(&[]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!same_origin(&headers(&[("sec-fetch-site", site)]), base), "{site}");
        }
        for origin in ["null", "https://evil.example", "http://rehome.example.com", "https://rehome.example.com:444"] {
            assert!(!same_origin(&headers(&[("origin", origin)]), base), "{origin}");
        }
    }

    #[test]
    fn a_field_twice_is_no_form() {
        let form = headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]);
        assert_eq!(read(&form, b"a=1&b=%20").unwrap()["b"], " ");
        assert_eq!(read(&form, b"a=1&a=2"), None);
        assert_eq!(read(&headers(&[("content-type", "application/json")]), b"a=1"), None);
    }
}
