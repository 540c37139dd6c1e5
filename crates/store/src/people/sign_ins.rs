//! Browsers that are at an identity provider right now: what must fit when they come back.

use crate::sql::OptionalExtension;
use model::world::Moment;

use super::Provider;
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// A browser that is sent to a provider.
pub struct NewSignIn {
    /// BLAKE3 of the `state`.
    pub state_hash: [u8; 32],
    /// BLAKE3 of the cookie that the browser was given.
    pub browser_hash: [u8; 32],
    /// What the ID token must carry.
    pub nonce: String,
    /// PKCE.
    pub verifier: String,
    /// Where the person wanted to go.
    pub return_to: String,
    /// Until when they may come back.
    pub expires_at: Moment,
}

/// A browser that came back.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The organisation.
    pub tenant: TenantScope,
    /// The provider's id.
    pub provider: model::ids::ProviderId,
    /// What the ID token must carry.
    pub nonce: String,
    /// PKCE.
    pub verifier: String,
    /// Where the person wanted to go.
    pub return_to: String,
    /// Whether it is the browser that began.
    pub same_browser: bool,
}

impl Store {
    /// Remembers a browser that is sent to a provider.
    pub fn begin_sign_in(&self, provider: &Provider, new: NewSignIn) -> Result<(), StoreError> {
        let (tenant, provider) = (provider.tenant.no, provider.no);
        self.writer.write_for_reading(move |tx| {
            tx.prepare_cached(
                "INSERT INTO sign_ins (tenant, state_hash, provider_no, browser_hash, nonce, verifier, return_to, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )?
            .execute((
                tenant,
                new.state_hash,
                provider,
                new.browser_hash,
                &new.nonce,
                &new.verifier,
                &new.return_to,
                new.expires_at.0,
            ))?;
            Ok(())
        })
    }

    /// The sign-in with that `state`, once: a second browser with it finds nothing.
    pub fn take_sign_in(
        &self,
        state_hash: [u8; 32],
        browser_hash: [u8; 32],
        now: Moment,
    ) -> Result<Option<SignIn>, StoreError> {
        self.writer.write_for_reading(move |tx| {
            let found = tx
                .prepare_cached(
                    "SELECT s.tenant, t.id, p.id, s.nonce, s.verifier, s.return_to, s.browser_hash, s.expires_at \
                     FROM sign_ins s JOIN tenants t ON t.no = s.tenant \
                     JOIN providers p ON p.tenant = s.tenant AND p.no = s.provider_no WHERE s.state_hash = $1",
                )?
                .query_row([state_hash], |row| {
                    let sign_in = SignIn {
                        tenant: TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into()),
                        provider: row::Id(row.get(2)?).into(),
                        nonce: row.get(3)?,
                        verifier: row.get(4)?,
                        return_to: row.get(5)?,
                        same_browser: row.get::<_, [u8; 32]>(6)? == browser_hash,
                    };
                    Ok((sign_in, row.get::<_, i64>(7)?))
                })
                .optional()?;
            let Some((sign_in, expires_at)) = found else { return Ok(None) };
            tx.prepare_cached("DELETE FROM sign_ins WHERE tenant = $1 AND state_hash = $2")?
                .execute((sign_in.tenant.no, state_hash))?;
            Ok((expires_at > now.0).then_some(sign_in))
        })
    }
}
