//! Moving a profile to another account: asked for by one admin, approved by another, then done here. To another organisation: by two in each.

use model::api::Moved;
use model::ids::{ProfileId, UserId, to_hex};
use model::world::Random;
use serde::{Deserialize, Serialize};
use store::{AdminError, Approval, MovedProfile, Sending, State, StoreError, TenantScope};

use crate::App;
use crate::identity::hash_token;
use crate::keyring::KeyringError;

/// The word of such requests, which is also the permission that they take.
pub const KIND: &str = "profile.rehome";

/// The word of the other half of a move between organisations, in the one that receives.
pub const RECEIVE: &str = "profile.receive";

/// What codes of invitations begin with, so that a scanner of secrets knows one.
pub const CODE_PREFIX: &str = "rhi_";

/// What exactly is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Wish {
    /// Which profile.
    pub profile: ProfileId,
    /// Whose it is to be.
    pub to_user: UserId,
}

/// What became of an approved request.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, in a word.
    Done(&'static str),
    /// It cannot be done, in words.
    Failed(String),
    /// Not now: the other organisation has not decided, or something is in the way that passes; then in words.
    Later(Option<String>),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error(transparent)]
    Refused(#[from] AdminError),
    #[error(transparent)]
    Keys(#[from] KeyringError),
    #[error("the profile or the person is not there any more")]
    Gone,
    #[error("the organisation that would receive it has no room left for it")]
    NoRoom,
    #[error("{0}")]
    MayNot(&'static str),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl NotDone {
    /// Whether it is worth trying again.
    fn passes(&self) -> bool {
        match self {
            Self::Refused(AdminError::Again) | Self::Keys(KeyringError::Provider(_)) => true,
            Self::Refused(AdminError::Store(error)) | Self::Keys(KeyringError::Store(error)) => {
                !matches!(error, StoreError::Damaged(_))
            }
            _ => false,
        }
    }
}

/// A new code for an invitation: 256 random bits.
pub fn new_code(random: &dyn Random) -> String {
    let mut secret = [0; 32];
    random.fill(&mut secret);
    format!("{CODE_PREFIX}{}", to_hex(&secret))
}

/// What the store keeps of a code. 256 random bits cannot be guessed from a plain hash.
pub fn hash_code(code: &str) -> [u8; 32] {
    hash_token(code.trim())
}

/// Does what was approved, and says what became of it. What the request says is looked at anew: nothing that was true when it was made is believed.
pub fn carry_out(app: &App, tenant: &TenantScope, approval: &Approval) -> Outcome {
    let wish: Wish = match serde_json::from_str(&approval.body) {
        Ok(wish) => wish,
        Err(error) => return Outcome::Failed(format!("the request: {error}")),
    };
    let about = (Some(wish.profile), (!approval.is_half()).then_some(wish.to_user));
    if let Err(error) = still_may(app, (tenant, approval), about) {
        return not_done(&error);
    }
    let done = if approval.is_half() {
        match app.store.other_half(approval) {
            Ok(Some((_, other))) if other.state == State::Waiting => return Outcome::Later(None),
            Ok(Some((there, other))) => still_may(app, (&there, &other), (None, Some(wish.to_user)))
                .and_then(|()| send(app, (tenant, approval), &there, wish)),
            Ok(None) => return Outcome::Failed("the other organisation is not there any more".to_owned()),
            Err(error) => Err(error.into()),
        }
    } else {
        within(app, (tenant, approval), wish)
    };
    match done {
        Ok(snapshots) => {
            tracing::info!(tenant = %tenant.tenant(), profile = %wish.profile, snapshots, "profile moved");
            Outcome::Done("moved")
        }
        Err(error) => not_done(&error),
    }
}

fn not_done(error: &NotDone) -> Outcome {
    if error.passes() { Outcome::Later(Some(error.to_string())) } else { Outcome::Failed(error.to_string()) }
}

/// Whether whoever asked, for this profile and that person, and whoever decided hold what it takes to this day. What they hold is looked at again in the
/// transaction that moves the profile.
fn still_may(
    app: &App,
    (tenant, approval): (&TenantScope, &Approval),
    about: (Option<ProfileId>, Option<UserId>),
) -> Result<(), NotDone> {
    let now = app.clock.now();
    let why = match app.store.who_may_not(tenant, approval, now)? {
        None => app.store.out_of_reach(tenant, approval, about, now)?,
        some => some,
    };
    why.map_or(Ok(()), |why| Err(NotDone::MayNot(why)))
}

fn within(app: &App, (tenant, approval): (&TenantScope, &Approval), wish: Wish) -> Result<u64, NotDone> {
    let which = (wish.profile, wish.to_user);
    let moving = app.keyring.move_profile(&app.store, tenant, which, &*app.random)?.ok_or(NotDone::Gone)?;
    Ok(app.store.rehome(tenant, (moving, approval.id), app.clock.now())?.snapshots)
}

fn send(
    app: &App,
    (tenant, approval): (&TenantScope, &Approval),
    there: &TenantScope,
    wish: Wish,
) -> Result<u64, NotDone> {
    let max = app.bounds.tenant_bytes_max;
    if max > 0 {
        let comes = app.store.bytes_of_profile(tenant, wish.profile)?;
        if app.store.tenant_bytes(there)?.saturating_add(comes) > max {
            return Err(NotDone::NoRoom);
        }
    }
    let (from, to) = ((tenant, wish.profile), (there, wish.to_user));
    let moving = app.keyring.send_profile(&app.store, from, to, &*app.random)?.ok_or(NotDone::Gone)?;
    let mut bytes = [0; 8];
    app.random.fill(&mut bytes);
    // Half of what a column holds, so that those of later uploads, which count on from it, fit as well.
    let generation = i64::from_be_bytes(bytes) & (i64::MAX >> 1);
    let sending = Sending { moving, approval: approval.id, generation };
    Ok(app.store.send_profile(tenant, sending, app.clock.now())?)
}

/// What a person is shown of a move.
pub fn moved(one: MovedProfile) -> Moved {
    let gone = || "an organisation that is not there any more".to_owned();
    Moved {
        profile: one.profile,
        device_name: one.device_name,
        came: one.came,
        organisation: one.elsewhere.then(|| one.organisation.unwrap_or_else(gone)),
        asked_by: one.asked_by,
        approved_by: one.approved_by,
        moved_at: one.at,
    }
}
