//! Filters (RFC 7644, 3.4.2.2): text to a tree, and whether a resource fits it.
//!
//! The whole grammar, and one form beside it that Entra ID sends: a value path with a sub-attribute, `emails[type eq "work"].value eq "…"`. Names of
//! attributes are compared without case; text too, except ids.

use serde_json::Value;

/// The longest filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 2_048;

/// How deep filters nest, and how many conditions they have.
const DEPTH_MAX: usize = 10;
const TERMS_MAX: usize = 100;

/// Attributes whose text is compared with case (RFC 7643, `caseExact`).
const CASE_EXACT: &[&str] = &["id", "externalid", "value$id"];

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// An attribute has a value.
    Present(Path),
    /// An attribute compares to a value.
    Compare(Path, Operator, Value),
    /// A value of a multi-valued attribute fits.
    Within(Path, Box<Filter>),
}

/// An attribute: the URN of its schema without the core ones, its name, a choice among its values, and a part of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// Its name; empty: the extension itself.
    pub name: String,
    /// Which of its values.
    pub filter: Option<Box<Filter>>,
    /// Which part.
    pub sub: Option<String>,
}

/// Text that is no filter or path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub String);

fn wrong<T>(text: impl Into<String>) -> Result<T, FilterError> {
    Err(FilterError(text.into()))
}

/// Schemas whose attributes stand at the top of a resource.
const CORE: &[&str] = &[super::USER, super::GROUP];

struct Reader<'a> {
    rest: &'a str,
    terms: usize,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            return wrong(format!("a filter has at most {FILTER_BYTES_MAX} bytes"));
        }
        let mut reader = Reader { rest: text, terms: 0 };
        let filter = reader.or(0)?;
        reader.skip();
        if reader.rest.is_empty() { Ok(filter) } else { wrong(format!("`{}` is not understood", short(reader.rest))) }
    }

    /// Whether a resource, or a value of an attribute, fits.
    pub fn fits(&self, resource: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.fits(resource)),
            Self::Or(any) => any.iter().any(|one| one.fits(resource)),
            Self::Not(not) => !not.fits(resource),
            Self::Present(path) => path.values(resource).iter().any(|value| is_present(value)),
            Self::Within(path, filter) => path.values(resource).iter().any(|value| filter.fits(value)),
            Self::Compare(path, operator, wanted) => {
                let values = path.values(resource);
                if values.is_empty() {
                    // An attribute that is not there is not equal to anything but null.
                    return match operator {
                        Operator::Eq => wanted.is_null(),
                        Operator::Ne => !wanted.is_null(),
                        _ => false,
                    };
                }
                let exact = CASE_EXACT.contains(&path.name.to_lowercase().as_str());
                match operator {
                    Operator::Ne => values.iter().all(|value| compare(value, Operator::Ne, wanted, exact)),
                    _ => values.iter().any(|value| compare(value, *operator, wanted, exact)),
                }
            }
        }
    }

    /// What is asked of everything that fits and can be looked up: `attribute eq "text"`, alone or beside other conditions.
    pub fn equals(&self) -> Vec<(&str, &str)> {
        match self {
            Self::And(all) => all.iter().flat_map(Self::equals).collect(),
            Self::Compare(path, Operator::Eq, Value::String(text)) if path.is_plain() => {
                vec![(path.name.as_str(), text.as_str())]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is a single condition.
    pub fn is_one(&self) -> bool {
        !matches!(self, Self::And(_) | Self::Or(_) | Self::Not(_))
    }

    /// Whether an attribute is asked for anywhere.
    pub fn names(&self, attribute: &str) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(|one| one.names(attribute)),
            Self::Not(not) => not.names(attribute),
            Self::Present(path) | Self::Compare(path, ..) | Self::Within(path, _) => {
                path.name.eq_ignore_ascii_case(attribute)
            }
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compare(value: &Value, operator: Operator, wanted: &Value, exact: bool) -> bool {
    // A complex value stands for its `value` (RFC 7644, 3.4.2.2).
    if let Value::Object(fields) = value {
        return fields.get("value").is_some_and(|value| compare(value, operator, wanted, exact));
    }
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => {
            let fold = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
            let (value, wanted) = (fold(value), fold(wanted));
            match operator {
                Operator::Eq => value == wanted,
                Operator::Ne => value != wanted,
                Operator::Co => value.contains(&wanted),
                Operator::Sw => value.starts_with(&wanted),
                Operator::Ew => value.ends_with(&wanted),
                Operator::Gt => value > wanted,
                Operator::Ge => value >= wanted,
                Operator::Lt => value < wanted,
                Operator::Le => value <= wanted,
            }
        }
        // Entra ID writes booleans as text.
        (Value::Bool(value), Value::String(wanted)) => {
            compare(&Value::String(value.to_string()), operator, &Value::String(wanted.clone()), false)
        }
        (Value::Number(value), Value::Number(wanted)) => {
            let (Some(value), Some(wanted)) = (value.as_f64(), wanted.as_f64()) else { return false };
            match operator {
                Operator::Eq => value.total_cmp(&wanted).is_eq(),
                Operator::Ne => value.total_cmp(&wanted).is_ne(),
                Operator::Gt => value > wanted,
                Operator::Ge => value >= wanted,
                Operator::Lt => value < wanted,
                Operator::Le => value <= wanted,
                _ => false,
            }
        }
        _ => match operator {
            Operator::Eq => value == wanted,
            Operator::Ne => value != wanted,
            _ => false,
        },
    }
}

impl Path {
    /// Reads a path of a PATCH operation.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            return wrong(format!("a path has at most {FILTER_BYTES_MAX} bytes"));
        }
        let mut reader = Reader { rest: text.trim(), terms: 0 };
        let path = reader.path(0)?;
        if reader.rest.is_empty() { Ok(path) } else { wrong(format!("`{}` is not understood", short(reader.rest))) }
    }

    /// A path to a whole attribute.
    pub fn of(name: &str) -> Self {
        Self { extension: None, name: name.to_owned(), filter: None, sub: None }
    }

    /// Whether it leads to values of that attribute of the core, not to a part of them.
    pub fn is_of(&self, attribute: &str) -> bool {
        self.extension.is_none() && self.sub.is_none() && self.name.eq_ignore_ascii_case(attribute)
    }

    /// Whether it leads to a whole attribute of the core, not to some of its values or a part of them.
    fn is_plain(&self) -> bool {
        self.extension.is_none() && self.filter.is_none() && self.sub.is_none()
    }

    /// The values at the path; those of a multi-valued attribute one by one.
    fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let Some(mut at) = (match &self.extension {
            Some(urn) => field(resource, urn),
            None => Some(resource),
        }) else {
            return Vec::new();
        };
        if !self.name.is_empty() {
            let Some(found) = field(at, &self.name) else { return Vec::new() };
            at = found;
        }
        let mut values: Vec<&Value> = match at {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        if let Some(filter) = &self.filter {
            values.retain(|value| filter.fits(value));
        }
        match &self.sub {
            Some(sub) => values.into_iter().filter_map(|value| field(value, sub)).collect(),
            None => values,
        }
    }
}

/// A field of an object, whatever the case of its name.
pub fn field<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Takes a word if it comes next, whatever its case, and is followed by something that ends it.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let Some(head) = self.rest.get(..word.len()) else { return false };
        let ends = self.rest[word.len()..].chars().next().is_none_or(|next| matches!(next, ' ' | '(' | ')' | ']'));
        if head.eq_ignore_ascii_case(word) && ends {
            self.rest = &self.rest[word.len()..];
            return true;
        }
        false
    }

    fn sign(&mut self, sign: char) -> bool {
        self.skip();
        let found = self.rest.strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn or(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut any = vec![self.and(depth)?];
        while self.word("or") {
            any.push(self.and(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn and(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut all = vec![self.term(depth)?];
        while self.word("and") {
            all.push(self.term(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn term(&mut self, depth: usize) -> Result<Filter, FilterError> {
        self.terms += 1;
        if depth > DEPTH_MAX || self.terms > TERMS_MAX {
            return wrong("the filter has too many conditions");
        }
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.group(depth)?)));
        }
        self.skip();
        if self.rest.starts_with('(') { self.group(depth) } else { self.condition(depth) }
    }

    fn group(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if !self.sign('(') {
            return wrong("`(` is missing");
        }
        let filter = self.or(depth + 1)?;
        if self.sign(')') { Ok(filter) } else { wrong("`)` is missing") }
    }

    fn condition(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut path = self.path(depth)?;
        if self.word("pr") {
            return Ok(Filter::Present(path));
        }
        for (word, operator) in [
            ("eq", Operator::Eq),
            ("ne", Operator::Ne),
            ("co", Operator::Co),
            ("sw", Operator::Sw),
            ("ew", Operator::Ew),
            ("gt", Operator::Gt),
            ("ge", Operator::Ge),
            ("lt", Operator::Lt),
            ("le", Operator::Le),
        ] {
            if self.word(word) {
                return Ok(Filter::Compare(path, operator, self.value()?));
            }
        }
        match path.filter.take() {
            Some(filter) if path.sub.is_none() => Ok(Filter::Within(path, filter)),
            _ => wrong(format!("a comparison is missing before `{}`", short(self.rest))),
        }
    }

    fn path(&mut self, depth: usize) -> Result<Path, FilterError> {
        self.skip();
        let mut extension = None;
        if self.rest.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:")) {
            let end = self.rest.find([' ', '[', ')', ']']).unwrap_or(self.rest.len());
            let whole = &self.rest[..end];
            let known = super::SCHEMAS.iter().find(|urn| {
                whole.get(..urn.len()).is_some_and(|head| head.eq_ignore_ascii_case(urn))
                    && matches!(whole[urn.len()..].chars().next(), None | Some(':'))
            });
            let Some(urn) = known else { return wrong(format!("the schema of `{}` is not known", short(whole))) };
            self.rest = self.rest[urn.len()..].trim_start_matches(':');
            extension = (!CORE.contains(urn)).then(|| (*urn).to_owned());
        }
        let name = self.name();
        if name.is_empty() && extension.is_none() {
            return wrong(format!("an attribute is missing before `{}`", short(self.rest)));
        }
        let mut filter = None;
        if self.rest.starts_with('[') {
            self.rest = &self.rest[1..];
            filter = Some(Box::new(self.or(depth + 1)?));
            if !self.sign(']') {
                return wrong("`]` is missing");
            }
        }
        let mut sub = None;
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            let name = self.name();
            if name.is_empty() {
                return wrong("a sub-attribute is missing after `.`");
            }
            sub = Some(name.to_owned());
        }
        Ok(Path { extension, name: name.to_owned(), filter, sub })
    }

    fn name(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$')));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        name
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        self.skip();
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) if !value.is_object() && !value.is_array() => {
                let taken = values.byte_offset();
                self.rest = &self.rest[taken..];
                Ok(value)
            }
            // `True` and `False`, as Entra ID may write them.
            _ => {
                for (word, value) in [("true", true), ("false", false)] {
                    if self.rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
                        self.rest = &self.rest[word.len()..];
                        return Ok(Value::Bool(value));
                    }
                }
                wrong(format!("a value is missing before `{}`", short(self.rest)))
            }
        }
    }
}

/// So much of what was sent as an answer repeats.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(filter: &str) -> bool {
        let resource = json!({
            "id": "Ab", "userName": "Ada@Example.com", "active": true, "title": "",
            "name": {"familyName": "Lovelace"}, "meta": {"created": "2026-11-28T00:00:00Z"},
            "emails": [{"type": "work", "value": "ada@work"}, {"type": "home", "value": "ada@home"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "7"},
        });
        Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).fits(&resource)
    }

    #[test]
    fn filters_of_the_standard_and_of_providers_find_what_they_mean() {
        for filter in [
            "userName eq \"ada@example.com\"",
            "username Eq \"ADA@EXAMPLE.COM\"",
            "userName sw \"ada\" and userName ew \".com\"",
            "name.familyName co \"LOVE\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"A\"",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"7\"",
            "active eq true",
            "active eq \"True\"",
            "active eq True",
            "emails[type eq \"work\" and value co \"@work\"]",
            "emails[type eq \"work\"].value eq \"ada@work\"",
            "emails.type eq \"home\"",
            "emails co \"@home\"",
            "emails pr and not (title pr)",
            "not(active eq false)",
            "meta.created gt \"2026-01-01T00:00:00Z\"",
            "id eq \"Ab\" or id eq \"x\"",
            "(id eq \"x\" or userName pr) and (active eq true)",
            "nickName ne \"x\"",
            "nickName eq null",
        ] {
            assert!(fits(filter), "{filter}");
        }
        for filter in [
            "id eq \"ab\"",
            "userName eq \"ada\"",
            "title pr",
            "emails[type eq \"work\" and value co \"@home\"]",
            "emails[type eq \"home\"].value eq \"ada@work\"",
            "userName sw \"ada\" and active eq false or nickName pr",
            "active gt true",
            "emails ne \"ada@work\"",
        ] {
            assert!(!fits(filter), "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_however_it_ends() {
        let deep = format!("{}a eq 1{}", "(".repeat(50), ")".repeat(50));
        let many = vec!["a eq 1"; 200].join(" or ");
        let long = format!("a eq \"{}\"", "x".repeat(3_000));
        for filter in [
            "",
            " ",
            "userName",
            "userName eq",
            "userName eq \"",
            "userName is \"x\"",
            "eq \"x\"",
            "(a pr",
            "a pr)",
            "a[b pr",
            "a[b pr].",
            "a eq {}",
            "a eq [1]",
            "not a pr",
            "urn:x:y eq 1",
            "a..b pr",
            "\u{1F600} eq 1",
            "a eq \"\\",
            &deep,
            &many,
            &long,
        ] {
            assert!(Filter::parse(filter).is_err(), "{}", short(filter));
        }
    }
}
