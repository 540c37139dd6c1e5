//! The record of an organisation, for its auditors.
//!
//! Rows carry no tags: they are read by who reaches everything.

pub(crate) mod export;
pub(crate) mod heads;
pub(crate) mod list;

use axum::http::StatusCode;
use model::reason::Reason;
use store::{Outcome, View};

use crate::App;
use crate::audit::filter::{self, Filter};
use crate::problem::Refusal;

/// Refuses who does not reach all of the organisation.
pub(crate) fn whole(view: &View) -> Result<(), Refusal> {
    if view.is_whole() {
        return Ok(());
    }
    let detail = "the record of an organisation is read by who reaches all of it, without scope groups or tags";
    Err(Refusal::new(StatusCode::FORBIDDEN, Reason::NotPermitted, detail))
}

/// What a query says of the rows that are wanted.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    since: Option<String>,
    until: Option<String>,
    /// Several with commas.
    action: Option<String>,
    outcome: Option<String>,
    actor: Option<String>,
    target: Option<String>,
    format: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

impl Wanted {
    /// Waits for the disk.
    fn filter(&self, app: &App, view: &View) -> Result<Filter, Refusal> {
        let moment = |text: &Option<String>| text.as_deref().map(filter::moment).transpose().map_err(Refusal::invalid);
        let id = |field: &str, text: &Option<String>| {
            filter::meant(&app.store, view.tenant_scope(), (field, text.as_deref().unwrap_or_default()))
        };
        let actions = self.action.as_deref().map(|text| text.split(',').map(filter::action).collect());
        let outcome = match self.outcome.as_deref() {
            None => None,
            Some("done") => Some(Outcome::Done),
            Some("refused") => Some(Outcome::Refused),
            Some(_) => return Err(Refusal::invalid("`outcome` is `done` or `refused`")),
        };
        Ok(Filter {
            since: moment(&self.since)?,
            until: moment(&self.until)?,
            actions: actions.transpose().map_err(Refusal::invalid)?.unwrap_or_default(),
            outcome,
            actor: id("actor", &self.actor)?,
            target: id("target", &self.target)?,
        })
    }
}
