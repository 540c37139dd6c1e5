//! What all pages of the console share: who is here, where they can go, where they are, and how times and names are shown.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::permission::Permission;
use model::world::Moment;
use store::{Standing, View};

use super::parked;
use super::texts::Texts;
use crate::App;
use crate::login::posted::{TOKEN_FIELD, query_fields};
use crate::login::site::query;
use crate::login::visitor::Visitor;
use crate::pages::Trouble;

/// The request's side of a page: who asks, in which language, and what the address says beside the path.
pub(super) struct Desk {
    pub(super) texts: &'static Texts,
    pub(super) query: HashMap<String, String>,
    visitor: Visitor,
    parked: Option<HashMap<String, String>>,
}

impl FromRequestParts<Arc<App>> for Desk {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Trouble> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let query = query_fields(parts.uri.query());
        let parked = match query.get("parked") {
            Some(word) => parked::parked(app, &visitor, word).await,
            None => None,
        };
        Ok(Self { texts: Texts::of(&parts.headers), query, visitor, parked })
    }
}

impl Desk {
    /// What the address says; empty if it does not.
    pub(super) fn asked(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// What this browser had filled in when its session ended, if the address says where that is.
    pub(super) fn parked(&self) -> Option<&HashMap<String, String>> {
        self.parked.as_ref()
    }

    /// The server's own address, as whoever asks knows it.
    pub(super) fn base(&self) -> &str {
        &self.visitor.base
    }

    /// The frame of a page.
    pub(super) fn frame(&self, (app, view): (&App, &View), place: Place, title: impl Into<String>) -> Frame {
        let session = self.visitor.signed_in();
        let here = |one: &(Place, &'static str, &'static str, Permission)| view.holds(one.3);
        let nav = |(at, path, label, _): (Place, &'static str, &'static str, Permission)| Nav {
            path,
            label: self.texts.t(label),
            icon: at.icon(),
            here: at == place,
        };
        Frame {
            texts: self.texts,
            title: title.into(),
            user: session.map(|session| session.user_name.clone()).unwrap_or_default(),
            tenant: session.map(|session| session.tenant_name.clone()).unwrap_or_default(),
            token_field: TOKEN_FIELD,
            token: self.visitor.form_token(),
            nav: NAV.into_iter().filter(here).map(nav).collect(),
            crumbs: Vec::new(),
            cli: Vec::new(),
            done: None,
            now: app.clock.now(),
        }
    }
}

/// The console's places, in the order in which administrators know them (`conventions.md` 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Home,
    Devices,
    Users,
    Groups,
    Filters,
    Policies,
    Enrolment,
    Reports,
    Audit,
    Tenant,
}

impl Place {
    /// The lines of its picture, on 16 by 16.
    fn icon(self) -> &'static str {
        match self {
            Self::Home => "M2 7.5 8 2.5l6 5M3.5 6.5v7h9v-7M6.5 13.5v-4h3v4",
            Self::Devices => "M2.5 3h11v7.5h-11zM6 13.5h4M8 10.5v3",
            Self::Users => {
                "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-3 2-4.5 4.5-4.5s4.5 1.5 4.5 4.5M11 2.8a2.4 2.4 0 0 1 0 4.4M12 9.3c1.6.6 2.5 2 2.5 4.2"
            }
            Self::Groups => {
                "M5 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM11 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM1.5 13c0-2.5 1.5-4 3.5-4s3.5 1.5 3.5 4M10 9.2c2.5-.4 4.5 1.1 4.5 3.8"
            }
            Self::Filters => "M2 3h12l-4.5 5.5V13l-3-1.5v-3z",
            Self::Policies => "M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6M10.2 2.8v3.4M5.8 9.8v3.4",
            Self::Enrolment => "M2.5 3h11v7.5h-11zM6 13.5h4M6 6.7l1.6 1.6L10.5 5",
            Self::Reports => "M2.5 13.5h11M4 11V8M8 11V3M12 11V6",
            Self::Audit => "M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2.5",
            Self::Tenant => "M3 13.5v-11h6v11M9 6.5h4v7M1.5 13.5h13M5 5h2M5 7.5h2M5 10h2",
        }
    }
}

const NAV: [(Place, &str, &str, Permission); 10] = [
    (Place::Home, "/console", "nav.home", Permission::UserRead),
    (Place::Devices, "/console/devices", "nav.devices", Permission::DeviceRead),
    (Place::Users, "/console/users", "nav.users", Permission::UserRead),
    (Place::Groups, "/console/groups", "nav.groups", Permission::GroupRead),
    (Place::Filters, "/console/filters", "filter.title", Permission::PolicyRead),
    (Place::Policies, "/console/policies", "nav.policies", Permission::PolicyRead),
    (Place::Enrolment, "/console/enrollment", "nav.enrolment", Permission::PolicyRead),
    (Place::Reports, "/console/reports", "nav.reports", Permission::UserRead),
    (Place::Audit, "/console/audit", "nav.audit", Permission::AuditRead),
    (Place::Tenant, "/console/tenant", "nav.tenant", Permission::TenantRead),
];

/// A way to a place.
pub(super) struct Nav {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) icon: &'static str,
    pub(super) here: bool,
}

/// What a page needs beside its own matter.
pub(super) struct Frame {
    pub(super) texts: &'static Texts,
    pub(super) title: String,
    pub(super) user: String,
    pub(super) tenant: String,
    pub(super) token_field: &'static str,
    pub(super) token: String,
    pub(super) nav: Vec<Nav>,
    pub(super) crumbs: Vec<(String, String)>,
    pub(super) cli: Vec<String>,
    pub(super) done: Option<&'static str>,
    pub(super) now: Moment,
}

#[expect(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "templates call methods, and give them references to fields"
)]
impl Frame {
    /// The way here: label and address.
    pub(super) fn under(mut self, label: &str, path: impl Into<String>) -> Self {
        self.crumbs.push((label.to_owned(), path.into()));
        self
    }

    /// Where the script is that keeps a page alive.
    pub(super) fn live_script(&self) -> String {
        super::script_address()
    }

    /// The same on the command line. `{tenant}` is the organisation's name.
    pub(super) fn cli(mut self, command: &str) -> Self {
        let tenant = if self.tenant.is_empty() { crate::app::DEFAULT_TENANT } else { &self.tenant };
        self.cli.push(command.replace("{tenant}", &shell(tenant)));
        self
    }

    /// What was done by the form before, if it is one of these words.
    pub(super) fn done(mut self, word: &str, known: &[(&str, &'static str)]) -> Self {
        self.done = known.iter().find(|(one, _)| *one == word).map(|(_, key)| self.texts.t(key));
        self
    }

    pub(super) fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.t(key)
    }

    pub(super) fn t1(&self, key: &str, first: impl Display) -> String {
        self.texts.t1(key, first)
    }

    /// A text as HTML, with commands in it as code.
    pub(super) fn marked(&self, text: impl AsRef<str>) -> String {
        crate::pages::marked(text.as_ref())
    }

    pub(super) fn n(&self, number: impl Display) -> String {
        self.texts.number(number)
    }

    /// A time as people read it, in UTC, which is said.
    pub(super) fn at(&self, moment: &Moment) -> String {
        at(*moment)
    }

    /// The same if there is one.
    pub(super) fn at_some(&self, moment: &Option<Moment>) -> String {
        moment.map_or_else(|| "–".to_owned(), at)
    }

    /// How long ago.
    pub(super) fn ago(&self, moment: &Moment) -> String {
        let minutes = self.now.0.saturating_sub(moment.0).max(0) / 60_000;
        match minutes {
            0..2 => self.t("time.now").to_owned(),
            2..120 => self.t1("time.minutes", minutes),
            120..2_880 => self.t1("time.hours", minutes / 60),
            _ => self.t1("time.days", minutes / 1440),
        }
    }

    pub(super) fn ago_some(&self, moment: &Option<Moment>) -> String {
        moment.as_ref().map_or_else(|| "–".to_owned(), |moment| self.ago(moment))
    }

    /// Why a snapshot is kept, in a word.
    pub(super) fn kept(&self, why: &str) -> String {
        let key = format!("kept.{why}");
        let text = self.texts.t(&key);
        // A word of a newer version has no text yet.
        if text == key { why.to_owned() } else { text.to_owned() }
    }

    /// Whether it is on hold.
    pub(super) fn is_held(&self, kept: &[String]) -> bool {
        kept.iter().any(|why| why == "held")
    }

    /// Bytes as people read them.
    pub(super) fn bytes(&self, bytes: &u64) -> String {
        match bytes {
            0..10_000 => format!("{} B", self.n(bytes)),
            10_000..10_000_000 => format!("{} kB", self.n(bytes / 1000)),
            _ => format!("{} MB", self.n(bytes / 1_000_000)),
        }
    }
}

/// A time, in UTC.
pub(super) fn at(moment: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The colour of a standing's badge.
pub(super) fn colour(standing: Standing) -> &'static str {
    match standing {
        Standing::Restorable => "good",
        Standing::Failed => "bad",
        Standing::Stale | Standing::Never => "warn",
        Standing::Unconnected => "none",
    }
}

/// A word for a shell: in quotes unless it is plain.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// An address with what it says; what is empty is left out.
pub(super) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let said: Vec<(&str, &str)> = fields.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
    if said.is_empty() { path.to_owned() } else { format!("{path}?{}", query(&said)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell_stay_one_word() {
        assert_eq!(shell("default"), "default");
        assert_eq!(shell("o'brien; rm"), r"'o'\''brien; rm'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn an_address_says_only_what_is_asked() {
        assert_eq!(address("/a", &[("q", ""), ("page", "2")]), "/a?page=2");
        assert_eq!(address("/a", &[("q", "")]), "/a");
        assert_eq!(address("/a", &[("q", "x&y")]), "/a?q=x%26y");
    }
}
