//! Which rows of the audit somebody wants.

use model::world::Moment;
use store::{Outcome, Told};

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
    /// Only what this one did.
    pub actor: Option<[u8; 16]>,
    /// Only what was done to this.
    pub target: Option<[u8; 16]>,
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
            && self.actor.is_none_or(|actor| told.actor.id() == Some(&actor))
            && self.target.is_none_or(|target| told.target == target)
    }
}

/// A time as people write it: `2026-11-28`, which is midnight UTC, or RFC 3339.
pub fn moment(text: &str) -> Result<Moment, String> {
    let stamp = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    let wanted = || format!("`{text}` is no time: write `2026-11-28` or `2026-11-28T08:30:00Z`");
    stamp.map(|stamp| Moment(stamp.as_millisecond())).map_err(|_: jiff::Error| wanted())
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
