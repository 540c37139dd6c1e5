//! `GET /api/v1/audit/heads`: the signed heads of the record, to be kept elsewhere: whoever has one proves every row before it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{AuditHead, AuditHeads};
use model::audit::Head;
use model::ids::to_hex;
use model::permission::may;
use store::StoreError;

use super::whole;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::export::sign;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::AuditRead>,
    State(app): State<Arc<App>>,
) -> Result<Json<AuditHeads>, Refusal> {
    whole(&view)?;
    let heads = apart(move || {
        let tenant = view.tenant_scope();
        let newest = app.store.audit_head(tenant)?;
        let mut heads = app.store.heads(tenant)?;
        heads.push(sign(&app, tenant, newest).to_vec());
        let shape = |head: Vec<u8>| {
            let (says, _) = Head::from_bytes(&head)?;
            Some(AuditHead { row: says.n, signed_at: says.at, head: to_hex(&head) })
        };
        let heads = heads.into_iter().filter_map(shape).collect();
        Ok::<_, StoreError>(AuditHeads { key: to_hex(&app.keyring.receipt_key()), heads })
    });
    Ok(Json(heads.await?))
}
