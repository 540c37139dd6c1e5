//! Policies that are being made or changed: the steps of the form are pages of their own, and what was said in one is kept until the last, in the database, so that each of several servers can show the
//! next step (decision 104).
//!
//! A draft belongs to whoever began it, and is there for a day after its last form. It changes nothing that anybody else sees.

use std::sync::Arc;

use model::admin::NewPolicy;
use model::ids::PolicyId;
use serde::{Deserialize, Serialize};
use store::View;

use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// What is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Draft {
    /// What it says so far.
    pub(super) terms: NewPolicy,
    /// The policy that is changed, with the version that was read; without one it is new.
    pub(super) of: Option<(PolicyId, u64)>,
}

impl Draft {
    /// One that says what this server does not know, as a newer one beside it may have kept it, is none: what is left out here would be left out of the policy.
    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text)
            .inspect_err(|error| tracing::warn!(%error, "a draft of a policy cannot be read here"))
            .ok()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("a policy is plain data")
    }
}

/// A draft of whoever asks.
pub(super) async fn get(app: &Arc<App>, view: &View, id: PolicyId) -> Result<Option<Draft>, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let text = apart(move || worker.store.draft(&by, id, worker.clock.now())).await?;
    Ok(text.as_deref().and_then(Draft::read))
}

/// Keeps it as it is now.
pub(super) async fn put(app: &Arc<App>, view: &View, (id, draft): (PolicyId, &Draft)) -> Result<(), Refusal> {
    let (worker, by, text) = (Arc::clone(app), view.clone(), draft.text());
    apart(move || worker.store.keep_draft(&by, (id, text), worker.clock.now())).await
}

/// Changes it, and gives what it is now and what `change` found. Of two forms that come at the same moment neither loses what it says.
pub(super) async fn change<T: Send + 'static>(
    app: &Arc<App>,
    view: &View,
    id: PolicyId,
    change: impl Fn(&mut Draft) -> T + Send + 'static,
) -> Result<Option<(Draft, T)>, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let changed = move |text: &str| {
        let mut draft = Draft::read(text)?;
        let found = change(&mut draft);
        Some((draft.text(), (draft, found)))
    };
    apart(move || worker.store.change_draft(&by, (id, worker.clock.now()), changed)).await
}

/// It is not wanted.
pub(super) async fn discard(app: &Arc<App>, view: &View, id: PolicyId) -> Result<(), Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    apart(move || worker.store.drop_draft(&by, id)).await
}

#[cfg(test)]
mod tests {
    use model::ids::{GroupId, TagId};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_said_is_read_as_it_was_kept() {
        let mut draft = Draft { of: Some((PolicyId([7; 16]), 3)), ..Draft::default() };
        assert_eq!(Draft::read(&Draft::default().text()), Some(Draft::default()), "nothing was said yet");
        draft.terms.name = "ä \"<\u{1}".to_owned();
        draft.terms.description = "a\nb".to_owned();
        draft.terms.scope_tags = Some(Vec::new());
        draft.terms.assignments.include.groups = vec![GroupId([2; 16]), GroupId([1; 16])];
        let map = json!({"backup.enabled": true, "backup.interval_hours": 24, "backup.metered": true});
        draft.terms.settings = model::policy::Settings::understood(map.as_object().unwrap()).0;
        assert_eq!(draft.terms.settings.len(), 3);
        assert_eq!(Draft::read(&draft.text()).as_ref(), Some(&draft));
        draft.terms.scope_tags = Some(vec![TagId([1; 16])]);
        assert_eq!(Draft::read(&draft.text()).as_ref(), Some(&draft));
    }

    #[test]
    fn what_a_newer_server_kept_is_none_here() {
        let text = Draft::default().text();
        let newer = text.replace("\"settings\":{", "\"settings\":{\"backup.of_tomorrow\":true");
        assert_ne!(newer, text);
        assert_eq!(Draft::read(&newer), None);
    }
}
