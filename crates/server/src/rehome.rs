//! Moving a profile to another account: asked for by one admin, approved by another, then done here.

use model::ids::{ProfileId, UserId};
use serde::{Deserialize, Serialize};
use store::{Approval, TenantScope};

use crate::App;

/// The word of such requests, which is also the permission that they take.
pub const KIND: &str = "profile.rehome";

/// What exactly is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Wish {
    /// Which profile.
    pub profile: ProfileId,
    /// Whose it is to be.
    pub to_user: UserId,
}

/// Does what was approved, and says what became of it. What the request says is looked at anew: nothing that was true when it was made is believed.
pub fn carry_out(app: &App, tenant: &TenantScope, approval: &Approval) -> Result<String, String> {
    let wish: Wish = serde_json::from_str(&approval.body).map_err(|error| format!("the request: {error}"))?;
    let which = (wish.profile, wish.to_user);
    let moving = app.keyring.move_profile(&app.store, tenant, which, &*app.random);
    let moving = moving.map_err(|error| error.to_string())?;
    let moving = moving.ok_or_else(|| "the profile or the person is not there any more".to_owned())?;
    let moved = app.store.rehome(tenant, (moving, approval.id), app.clock.now());
    let moved = moved.map_err(|error| error.to_string())?;
    tracing::info!(tenant = %tenant.tenant(), profile = %wish.profile, snapshots = moved.snapshots, "profile moved");
    Ok("moved".to_owned())
}
