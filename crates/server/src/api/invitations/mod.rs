//! What lets another organisation send a profile to one of ours.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;

use model::admin::Invitation;
use model::world::Moment;

pub(crate) fn shape(found: store::Invitation, now: Moment) -> Invitation {
    Invitation {
        state: found.word(now).to_owned(),
        id: found.id,
        code: None,
        to_user: found.to_user,
        to_user_name: found.to_user_name,
        note: found.note,
        made_by: found.made_by,
        made_at: found.made_at,
        expires_at: found.expires_at,
    }
}
