//! Which rows of the audit somebody wants.

use model::ids::from_hex;
use model::world::Moment;
use store::{Outcome, Store, TenantScope, Told};

use crate::problem::Refusal;

/// Which rows. Empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before.
    pub since: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
    /// One of these actions; `case` is all that begin with `case.`.
    pub actions: Vec<String>,
    /// Only what ended like this.
    pub outcome: Option<Outcome>,
    /// Only what one of these did.
    pub actor: Option<Vec<[u8; 16]>>,
    /// Only what was done to one of these.
    pub target: Option<Vec<[u8; 16]>>,
}

impl Filter {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a row is wanted.
    pub fn takes(&self, told: &Told) -> bool {
        let is = |action: &String| {
            told.action.strip_prefix(action.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.since.is_none_or(|since| told.at >= since)
            && self.until.is_none_or(|until| told.at < until)
            && (self.actions.is_empty() || self.actions.iter().any(is))
            && self.outcome.is_none_or(|outcome| told.outcome == outcome)
            && self.actor.as_ref().is_none_or(|ids| ids.iter().any(|id| told.actor.id() == Some(id)))
            && self.target.as_ref().is_none_or(|ids| ids.iter().any(|id| told.target == id))
    }
}

/// A time as people write it: `2026-11-28`, which is midnight UTC, or RFC 3339.
pub fn moment(text: &str) -> Result<Moment, String> {
    let stamp = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    let wanted = || format!("`{text}` is no time: write `2026-11-28` or `2026-11-28T08:30:00Z`");
    stamp.map(|stamp| Moment(stamp.as_millisecond())).map_err(|_: jiff::Error| wanted())
}

/// Whom or what somebody means who writes an id, or a name as the console shows it: all that are called so. `field` names the place in a refusal. Waits for the disk.
pub fn meant(
    store: &Store,
    tenant: &TenantScope,
    (field, text): (&str, &str),
) -> Result<Option<Vec<[u8; 16]>>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(id) = from_hex(text) {
        return Ok(Some(vec![id]));
    }
    let ids = store.called(tenant, text)?;
    if ids.is_empty() {
        let why = format!(
            "`{field}`: nobody and nothing is called `{text}`; write a name as the console shows it, or an id of 32 hexadecimal digits"
        );
        return Err(Refusal::invalid(why));
    }
    Ok(Some(ids))
}

/// A word of an action as somebody asks for it.
pub fn action(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    if !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
        return Ok(text.trim_end_matches('.').to_owned());
    }
    Err(format!("`{text}` is no action: write one such as `snapshot.read`, or `case` for all that begin with it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_or_rfc_3339() {
        assert_eq!(moment("2026-11-28"), Ok(Moment(1_795_824_000_000)));
        assert_eq!(moment("2026-11-28T01:00:00+01:00"), Ok(Moment(1_795_824_000_000)));
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-28T25:00:00Z", "1795824000"] {
            assert!(moment(wrong).unwrap_err().contains("is no time"), "{wrong}");
        }
    }

    #[test]
    fn actions_are_words_of_ours() {
        assert_eq!(action("case."), Ok("case".to_owned()));
        assert_eq!(action("enrolment_token.create"), Ok("enrolment_token.create".to_owned()));
        for wrong in ["", "A", "a b", "x\n"] {
            assert!(action(wrong).is_err(), "{wrong}");
        }
    }
}
