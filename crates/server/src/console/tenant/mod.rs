//! Tenant admin: how the organisation is set, and what is changed there, a page for each verb: enrolment tokens, scope tags, roles and who has them, identity providers,
//! service accounts, the rule of second factors. What they do is the store's; the API and the command line have the same.
//!
//! A form carries the id of what it makes, so that it is made once however often it is sent. What is taken away is taken away after a page that says what that does ([`Ask`]).
//! A secret is on the page that answers the form, and on no other ([`Secret`]).

pub(super) mod account_new;
pub(super) mod account_revoke;
pub(super) mod assignment_delete;
pub(super) mod assignment_edit;
pub(super) mod factor;
pub(super) mod provider_delete;
pub(super) mod provider_edit;
pub(super) mod role_delete;
pub(super) mod role_edit;
pub(super) mod show;
pub(super) mod tag_delete;
pub(super) mod tag_edit;
pub(super) mod token_new;
pub(super) mod token_revoke;

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::GroupOf;
use model::ids::{GroupId, TagId};
use model::permission::{BuiltIn, Permission};
use model::reason::Reason;
use model::world::Moment;
use store::{Role, Slice, StoreError, View};

use super::frame::{Desk, Frame, Place};
use super::texts::Texts;
use super::{Trouble, begun, page};
use crate::App;
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

/// Where all of them lead back to.
const HERE: &str = "/console/tenant";

/// The most of a list that a form offers at once; the search finds the others.
const OFFERED_MAX: usize = 50;

/// What a form says, or would say of what is there.
#[derive(Clone, Default)]
struct Typed(HashMap<String, String>);

impl Typed {
    fn posted(posted: &Posted) -> Self {
        Self(posted.fields().clone())
    }

    /// What a form begins with, and whether it was filled in before a session ended ([`begun`]).
    fn begun(desk: &Desk, otherwise: impl FnOnce() -> Self) -> (Self, bool) {
        begun(desk, Self, otherwise)
    }

    /// An empty form for something new, under an id of its own.
    fn fresh(id: impl Display) -> Self {
        Self::default().with("id", id)
    }

    fn with(mut self, name: &str, value: impl Display) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same with a box that is ticked for each.
    fn ticked<T: Display>(self, kind: &str, all: impl IntoIterator<Item = T>) -> Self {
        all.into_iter().fold(self, |typed, one| typed.with(&format!("{kind}.{one}"), 1))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn version(&self) -> Option<u64> {
        self.get("version").parse().ok()
    }

    fn id<T: FromStr>(&self) -> Result<T, Refusal> {
        self.get("id").parse().map_err(|_| Refusal::invalid("the form has no id"))
    }

    /// What is ticked of a kind, `kind.ID`, in the order of the ids, so that the same form says the same.
    fn all<T: FromStr + Ord>(&self, kind: &str) -> Vec<T> {
        let read = |name: &String| name.strip_prefix(kind)?.strip_prefix('.')?.parse().ok();
        let mut all: Vec<T> = self.0.keys().filter_map(read).collect();
        all.sort();
        all
    }

    /// A whole number within bounds.
    fn number(&self, name: &str, bounds: std::ops::RangeInclusive<u32>) -> Option<u32> {
        self.get(name).parse().ok().filter(|number| bounds.contains(number))
    }
}

/// Something that is ticked or not.
struct Choice {
    key: String,
    name: String,
    on: bool,
}

/// What a form offers of a list: what is chosen, and what fits the words. A list that fits as a whole is offered as a whole, whatever somebody searches for in the others.
fn offered<T: Display + PartialEq>(
    all: impl IntoIterator<Item = (T, String)>,
    (kind, chosen, words): (&str, &[T], &str),
) -> Vec<Choice> {
    let all: Vec<(T, String)> = all.into_iter().collect();
    let words = if all.len() > OFFERED_MAX { words.to_lowercase() } else { String::new() };
    let (mut choices, mut others) = (Vec::new(), 0);
    for (id, name) in all {
        let on = chosen.contains(&id);
        if on || (others < OFFERED_MAX && name.to_lowercase().contains(&words)) {
            others += usize::from(!on);
            choices.push(Choice { key: format!("{kind}.{id}"), name, on });
        }
    }
    choices.sort_by(|a, b| (!a.on, &a.name).cmp(&(!b.on, &b.name)));
    choices
}

/// The roles that there are, as a form names them: the word or the id, and the name.
fn role_names(own: &[Role]) -> Vec<(String, String)> {
    let built_in = BuiltIn::ALL.iter().map(|role| (role.word().to_owned(), role.word().to_owned()));
    built_in.chain(own.iter().map(|role| (role.id.to_string(), role.name.clone()))).collect()
}

/// Names of the groups and tags that somebody sees, and the organisation's own roles. Waits for the disk.
struct Known {
    roles: Vec<Role>,
    groups: Vec<(GroupId, String)>,
    tags: Vec<(TagId, String)>,
}

impl Known {
    fn of(app: &App, view: &View) -> Result<Self, StoreError> {
        let roles = match view.beside(Permission::RoleRead) {
            Some(by) => Slice::all(|slice| app.store.roles(&by, slice))?,
            None => Vec::new(),
        };
        let groups = match view.beside(Permission::GroupRead) {
            Some(by) => Slice::all(|slice| app.store.groups(&by, slice))?,
            None => Vec::new(),
        };
        let tags = match view.beside(Permission::TagRead) {
            Some(by) => Slice::all(|slice| app.store.tags(&by, slice))?,
            None => Vec::new(),
        };
        // A group of PCs has no people over whom, or to whom, a role could be given.
        let groups = groups.into_iter().filter(|group| group.of == GroupOf::People);
        Ok(Self {
            roles,
            groups: groups.map(|group| (group.id, group.name)).collect(),
            tags: tags.into_iter().map(|tag| (tag.id, tag.name)).collect(),
        })
    }
}

/// A day as forms write it, of which a moment is the end or within.
fn day(at: Moment) -> String {
    // The end of a day is the beginning of the next.
    let stamp = jiff::Timestamp::from_millisecond(at.0 - 1).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%d").to_string()
}

/// The end of a day, in UTC. `None`: it is no day.
fn end_of(day: &str) -> Option<Moment> {
    let next = day.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
    let midnight: jiff::Timestamp = format!("{next}T00:00:00Z").parse().ok()?;
    Some(Moment(midnight.as_millisecond()))
}

/// What a field says that cannot be.
fn wrong(texts: &Texts, key: &str) -> Trouble {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    (status, Reason::InvalidRequest.code().to_owned(), texts.t(key).to_owned())
}

/// What belongs to the organisation as a whole is changed by who reaches all of it.
fn whole(view: &View) -> Result<(), Refusal> {
    if view.is_whole() {
        return Ok(());
    }
    let detail = "it is changed by who reaches all of the organisation";
    Err(Refusal::new(StatusCode::FORBIDDEN, Reason::NotPermitted, detail))
}

/// The frame of a page below this one.
fn frame((app, view): (&App, &View), desk: &Desk, title: impl Into<String>) -> Frame {
    desk.frame((app, view), Place::Tenant, title).under(desk.texts.t("nav.tenant"), HERE)
}

/// Back, saying what was done.
fn done(word: &str) -> Response {
    to(&format!("{HERE}?done={word}"))
}

/// What would happen, and whether it shall.
#[derive(Template)]
#[template(path = "console/tenant/ask.html")]
struct Ask {
    f: Frame,
    lines: Vec<String>,
    action: String,
    button: &'static str,
    version: String,
}

impl Ask {
    fn new(f: Frame, action: String, button: &'static str) -> Self {
        Self { f, lines: Vec::new(), action, button, version: String::new() }
    }

    fn says(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    fn version(mut self, version: u64) -> Self {
        self.version = version.to_string();
        self
    }

    fn answer(self) -> Response {
        page(&self)
    }
}

/// A secret, this once.
#[derive(Template)]
#[template(path = "console/tenant/secret.html")]
struct Secret {
    f: Frame,
    what: String,
    text: String,
    how: Vec<String>,
    script: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_begins() {
        let end = end_of("2026-12-31").unwrap();
        assert_eq!(day(end), "2026-12-31");
        assert_eq!(end.0 % 86_400_000, 0);
        assert_eq!(day(Moment(end.0 + 1)), "2027-01-01");
        for text in ["", "31.12.2026", "2026-02-30", "9999-99-99"] {
            assert_eq!(end_of(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_chosen_is_offered_whatever_is_searched_for() {
        let all = || (0..200_u32).map(|number| (number, format!("person {number}")));
        let names = |chosen: &[u32], words: &str| -> Vec<(String, bool)> {
            offered(all(), ("user", chosen, words)).into_iter().map(|one| (one.name, one.on)).collect()
        };
        assert_eq!(names(&[7], "199"), [("person 7".to_owned(), true), ("person 199".to_owned(), false)]);
        assert_eq!(names(&[7], "").len(), OFFERED_MAX + 1);
        let few = offered([(1_u32, "Vienna".to_owned())], ("tag", &[], "linus"));
        assert_eq!(few.len(), 1, "a list that fits is there whatever is searched for");
    }

    #[test]
    fn ticked_boxes_are_read_in_one_order_and_nonsense_is_passed_over() {
        let typed = Typed::default().ticked("n", [9_u32, 3]).with("n.x", 1).with("m.1", 1).with("hours", " 24 ");
        assert_eq!(typed.all::<u32>("n"), [3, 9]);
        assert_eq!(typed.number("hours", 1..=24), Some(24));
        assert_eq!(typed.number("hours", 1..=23), None);
        assert_eq!(typed.number("none", 0..=1), None);
    }
}
