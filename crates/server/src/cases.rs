//! Cases as the API, the command line and the person see them. What they are is in `store::cases`.

use model::admin::{Case, CaseContent};
use model::api::{CaseReading, Opening, Openings};
use model::ids::ApprovalId;
use seal::Opened;
use store::{Reading, Stage, State, View};

use crate::App;
use crate::keyring::content::ContentError;

/// The word of such requests, which is also the permission that they take.
pub const KIND: &str = store::CASE_KIND;

/// A case as it is answered.
pub fn shape(case: store::Case) -> Case {
    let store::Case { approval, covers, user_name, stage, from, until, readings } = case;
    Case {
        id: approval.id,
        user: covers.user,
        user_name,
        profile: covers.profile,
        seq: covers.number,
        hours: covers.hours,
        purpose: approval.note,
        asked_by: approval.asked_by,
        asked_at: approval.asked_at,
        state: stage.word().to_owned(),
        alone_from_at: approval.alone_from,
        decided_by: approval.decided_by,
        answer: approval.answer,
        open_from_at: from,
        open_until_at: until,
        ended_by: approval.outcome.filter(|_| approval.state == State::Done),
        readings: readings.into_iter().map(reading).collect(),
    }
}

fn reading(reading: Reading) -> CaseReading {
    let Reading { at, profile, device_name, number } = reading;
    CaseReading { read_at: at, profile, device_name, seq: number }
}

/// What a person is shown of who opened their content.
pub fn openings((all, moves): (Vec<store::Opening>, Vec<store::MovedProfile>)) -> Openings {
    let opening = |one: store::Opening| {
        let (open_from_at, open_until_at) = one.case.from.zip(one.case.until)?;
        Some(Opening {
            case: one.case.approval.id,
            opened_by: one.by_name,
            approved_by: one.approved_by_name,
            purpose: one.case.approval.note,
            open_from_at,
            open_until_at,
            open: one.case.stage == Stage::Open,
            readings: one.case.readings.into_iter().map(reading).collect(),
        })
    };
    let moves = moves.into_iter().map(crate::rehome::moved).collect();
    Openings { openings: all.into_iter().filter_map(opening).collect(), moves }
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It may not be, or is not there.
    #[error(transparent)]
    Refused(#[from] store::AdminError),
    /// It was handed out and did not open.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// Reads a snapshot in a case: handed out and written down by the store, opened by the keyring.
pub fn read(
    app: &App,
    view: &View,
    (case, profile, seq): (ApprovalId, model::ids::ProfileId, u64),
) -> Result<CaseContent, ReadError> {
    let entrusted = app.store.read_in_case(view, (case, profile, seq), app.clock.now())?;
    let Opened { snapshot, damaged, unknown_kinds } = app.keyring.open_content(&entrusted)?;
    let damaged = damaged.iter().map(|(kind, reason)| (kind.title().to_owned(), reason.code().to_owned())).collect();
    Ok(CaseContent { case, profile, seq, damaged, unknown_parts: unknown_kinds.len(), snapshot })
}
