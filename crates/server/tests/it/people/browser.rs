//! A browser without a screen: it keeps cookies, follows nothing by itself, and reads what forms need out of pages.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::support::{Answer, Live};

/// What it calls itself.
const NAME: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A browser at a server.
pub struct Browser<'a> {
    live: &'a Live,
    pub cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(live: &'a Live) -> Self {
        Self { live, cookies: RefCell::default() }
    }

    fn keep(&self, answer: &Answer) {
        for set in answer.headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn cookie(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub fn get(&self, path: &str) -> Answer {
        let answer = self.live.ask("GET", path, "", &[("cookie", &self.cookie()), ("user-agent", NAME)], b"");
        self.keep(&answer);
        answer
    }

    /// Sends a form with the token that the page at `from` carries, or any other headers and fields.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(
            path,
            fields,
            &[("origin", &format!("http://{}", self.live.address)), ("sec-fetch-site", "same-origin")],
        )
    }

    pub fn post_with(&self, path: &str, fields: &[(&str, &str)], with: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded(fields);
        let cookie = self.cookie();
        let mut headers = vec![
            ("cookie", cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("user-agent", NAME),
        ];
        headers.extend_from_slice(with);
        let answer = self.live.ask("POST", path, "", &headers, body.as_bytes());
        self.keep(&answer);
        answer
    }

    /// Opens a page with a form and sends the form with its hidden fields and these.
    pub fn fill(&self, page: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
        let hidden = hidden(&self.get(page).text());
        let mut all = as_fields(&hidden);
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend_from_slice(fields);
        self.post(to, &all)
    }

    /// Signs in with a built-in account.
    pub fn sign_in(&self, tenant: &str, name: &str, password: &str) -> Answer {
        let page = format!("/t/{tenant}/login");
        self.fill(&page, &page, &[("name", name), ("password", password)])
    }

    pub fn is_signed_in(&self) -> bool {
        self.get("/account").status == 200
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Where it leads.
    pub fn leads_to(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.text());
        self.header("location").to_owned()
    }
}

/// The hidden fields of a page's forms; those of further forms with the same names are the same.
pub fn hidden(page: &str) -> BTreeMap<String, String> {
    let inputs = page.split("<input type=\"hidden\"").skip(1);
    let attribute = |input: &str, name: &str| {
        let rest = input.split_once(&format!(" {name}=\"")).unwrap().1;
        unescape(rest.split_once('"').unwrap().0)
    };
    inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
}

/// The same as [`Browser::post`] takes it.
pub fn as_fields(form: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn unescape(text: &str) -> String {
    text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">")
}

pub fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    server::login::site::query(fields)
}

/// A field of an address's query.
pub fn field(address: &str, name: &str) -> String {
    let query = address.split_once('?').map(|(_, query)| query);
    server::login::posted::query_fields(query).remove(name).unwrap_or_default()
}
