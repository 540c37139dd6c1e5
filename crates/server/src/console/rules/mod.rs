//! What the pages of groups and of filters share: the editor of a rule, which says at once where it is wrong, or whom it would take; and why somebody is in or out.

use std::sync::Arc;

use axum::response::Response;
use model::ids::{DeviceId, UserId};
use model::permission::Permission;
use rules::{Kind, RuleError};
use store::{AdminError, FleetDevice, RuleOf, StoreError, View, Whose};

use super::fleets::fleet;
use super::plain;
use super::texts::Texts;
use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// Members of a preview that are named.
const NAMED_MAX: usize = 10;

/// Hits of a search for somebody.
const HITS_MAX: usize = 20;

/// What is wrong with a rule.
pub(super) struct Fault {
    pub(super) error: Box<RuleError>,
    pub(super) pointed: String,
}

/// A rule that was looked at.
pub(super) enum Checked {
    /// Nothing is typed.
    Empty,
    Wrong(Fault),
    /// How many it takes, of how many, and the first of them.
    Good {
        count: u64,
        of: u64,
        named: Vec<String>,
    },
}

/// Looks at a rule. Waits for the disk.
pub(super) fn checked(app: &App, view: &View, (kind, text): (Kind, &str)) -> Result<Checked, AdminError> {
    if text.trim().is_empty() {
        return Ok(Checked::Empty);
    }
    match app.store.rule_preview(view, (kind, text), NAMED_MAX, app.clock.now()) {
        Ok(preview) => {
            let named = preview.members.into_iter().map(|(_, name)| name).collect();
            Ok(Checked::Good { count: preview.count, of: preview.of, named })
        }
        Err(AdminError::Rule(error)) => Ok(Checked::Wrong(Fault { pointed: error.pointed(text), error })),
        Err(error) => Err(error),
    }
}

impl Checked {
    /// In words, for the place beside the editor.
    pub(super) fn text(&self, texts: &Texts) -> String {
        match self {
            Self::Empty => texts.t("rule.empty").to_owned(),
            Self::Wrong(fault) => {
                let (what, hint) = texts.fault(&fault.error);
                format!("{} {what} {hint}", texts.t1("rule.column", fault.error.column))
            }
            Self::Good { count, of, named } => {
                let said = texts.t2("rule.takes", texts.number(count), texts.number(of));
                if named.is_empty() { said } else { format!("{said} {}", named.join(", ")) }
            }
        }
    }

    /// What is wrong, if something is.
    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Wrong(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The answer to an editor that asks while somebody types.
pub(super) async fn answer(
    (app, view): (Arc<App>, View),
    (kind, text): (Kind, String),
    texts: &'static Texts,
) -> Result<Response, Refusal> {
    let checked = apart(move || checked(&app, &view, (kind, &text))).await?;
    Ok(plain(checked.text(texts)))
}

/// Why somebody is in, or not.
pub(super) struct Why {
    pub(super) name: String,
    pub(super) holds: bool,
    pub(super) lines: String,
}

/// Explains what a rule says of the person or PC with that id. Waits for the disk.
pub(super) fn why(app: &App, view: &View, of: RuleOf, (kind, id): (Kind, &str)) -> Result<Option<Why>, AdminError> {
    let (whose, name) = match kind {
        Kind::User => {
            let Ok(id) = id.parse::<UserId>() else { return Ok(None) };
            let Some(by) = view.beside(Permission::UserRead) else { return Ok(None) };
            (Whose::User(id), app.store.listed_person(&by, id)?.name)
        }
        Kind::Device | Kind::Filter => {
            let Ok(id) = id.parse::<DeviceId>() else { return Ok(None) };
            let Some(by) = view.beside(Permission::DeviceRead) else { return Ok(None) };
            (Whose::Device(id), app.store.seen_device(&by, id)?.name)
        }
    };
    let found = app.store.rule_explain(view, of, whose, app.clock.now())?;
    Ok(Some(Why { name, holds: found.explained.holds, lines: found.explained.lines().join("\n") }))
}

/// People or PCs whose names hold the words: id and name. Waits for the disk.
pub(super) fn hits(
    app: &Arc<App>,
    view: &View,
    people: bool,
    words: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let permission = if people { Permission::UserRead } else { Permission::DeviceRead };
    let Some(by) = view.beside(permission).filter(|_| !words.is_empty()) else { return Ok(Vec::new()) };
    let fleet = fleet(app, &by)?;
    let has_words = fleet.finder(words);
    Ok(if people {
        let found = fleet.people().filter(|person| has_words(person.name())).take(HITS_MAX);
        found.map(|person| (person.id().to_string(), fleet.name(person.name()).to_owned())).collect()
    } else {
        let fits = |device: &FleetDevice<'_>| has_words(device.name()) || has_words(fleet.person_of(*device).1);
        let found = fleet.devices().filter(fits).take(HITS_MAX);
        found.map(|device| (device.id().to_string(), fleet.title(device))).collect()
    })
}
