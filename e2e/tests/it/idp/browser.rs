//! A browser without a screen, for several servers: it keeps each one's cookies, follows redirects, and fills in forms.

use std::collections::{BTreeMap, HashMap};

use ureq::http::{Request, Response};

/// The browser.
pub struct Browser {
    agent: ureq::Agent,
    cookies: HashMap<String, BTreeMap<String, String>>,
}

/// A page, and where it was.
pub struct Page {
    pub address: String,
    pub text: String,
}

/// Scheme, host and port of an address.
fn origin(address: &str) -> String {
    address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// An address as a page at `at` means it.
fn resolve(at: &str, to: &str) -> String {
    if to.starts_with("http") { to.to_owned() } else { format!("{}{to}", origin(at)) }
}

impl Browser {
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        Self { agent: config.build().into(), cookies: HashMap::new() }
    }

    /// What the server at this address has given as cookies.
    pub fn cookies_of(&self, address: &str) -> Vec<String> {
        self.cookies.get(&origin(address)).map(|jar| jar.values().cloned().collect()).unwrap_or_default()
    }

    pub fn get(&mut self, address: &str) -> Page {
        self.follow(address.to_owned(), None)
    }

    /// Sends the form of a page that leads to a path with `action` in it, with these fields set.
    pub fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let forms = page.text.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let form = forms.into_iter().find(|form| attribute(form, "action").is_some_and(|to| to.contains(action)));
        let form = form.unwrap_or_else(|| panic!("no form to `{action}` in: {}", page.text));
        let mut all = BTreeMap::new();
        for input in form.split("<input").skip(1) {
            if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value")) {
                all.insert(name, value);
            }
        }
        for (name, value) in fields {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = server::login::site::query(&pairs);
        let to = resolve(&page.address, &attribute(form, "action").unwrap());
        self.follow(to, Some((body, origin(&page.address))))
    }

    fn follow(&mut self, mut address: String, mut form: Option<(String, String)>) -> Page {
        for _ in 0..20 {
            let jar = self.cookies.entry(origin(&address)).or_default();
            let cookie = jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            let request = Request::builder().uri(&address).header("cookie", cookie);
            let mut answer: Response<ureq::Body> = match form.take() {
                None => self.agent.run(request.method("GET").body(()).unwrap()).unwrap(),
                Some((body, from)) => {
                    let kind = "application/x-www-form-urlencoded";
                    let request = request.method("POST").header("content-type", kind).header("origin", from);
                    self.agent.run(request.body(body).unwrap()).unwrap()
                }
            };
            for set in answer.headers().get_all("set-cookie") {
                let pair = set.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                jar.insert(name.to_owned(), value.to_owned());
            }
            let status = answer.status().as_u16();
            match answer.headers().get("location") {
                Some(to) if (300..400).contains(&status) => address = resolve(&address, to.to_str().unwrap()),
                _ => return Page { address, text: answer.body_mut().read_to_string().unwrap() },
            }
        }
        panic!("redirects without end, last to {address}");
    }
}

/// The value of an attribute in a tag's text.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
    Some(value.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\""))
}
