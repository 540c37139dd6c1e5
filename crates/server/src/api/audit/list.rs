//! `GET /api/v1/audit`: rows of the record, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use model::admin::{AuditRow, Listing};
use model::permission::may;
use store::{PAGE_MAX, StoreError, View};

use super::{Wanted, whole};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::filter::Filter;
use crate::audit::row::shape;
use crate::problem::Refusal;

/// Rows that one request looks through. Where few fit, the page is short or empty and the next cursor goes on from there.
const SCANNED_MAX: u32 = 20_000;

/// Rows that are read at once.
const ROWS: u32 = 500;

/// Items of a page, unless asked otherwise.
const PAGE: usize = 100;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::AuditRead>,
    State(app): State<Arc<App>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Listing<AuditRow>>, Refusal> {
    whole(&view)?;
    let Query(wanted) = query.map_err(|error| Refusal::invalid(error.body_text()))?;
    if wanted.format.is_some() {
        return Err(Refusal::invalid("`format` is for `/api/v1/audit/export`"));
    }
    let below = match wanted.cursor.as_deref() {
        None => i64::MAX,
        Some(cursor) => cursor
            .strip_prefix('b')
            .and_then(|number| i64::from_str_radix(number, 16).ok())
            .filter(|number| *number >= 0)
            .ok_or_else(|| Refusal::invalid("the cursor is not one that this server gave"))?,
    };
    let limit = wanted.limit.unwrap_or(PAGE);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Refusal::invalid(format!("`limit` is 1 to {PAGE_MAX}")));
    }
    let page = move || {
        let filter = wanted.filter(&app, &view)?;
        Ok::<_, Refusal>(page(&app, &view, &filter, (below, limit))?)
    };
    Ok(Json(apart(page).await?))
}

fn page(
    app: &App,
    view: &View,
    filter: &Filter,
    (mut below, limit): (i64, usize),
) -> Result<Listing<AuditRow>, StoreError> {
    let tenant = view.tenant_scope();
    let (mut items, mut scanned) = (Vec::new(), 0);
    while scanned < SCANNED_MAX {
        let rows = app.store.audit_below(tenant, below, ROWS)?;
        if rows.is_empty() {
            return Ok(Listing { items, next_cursor: None });
        }
        for record in &rows {
            if items.len() == limit {
                return Ok(Listing { items, next_cursor: Some(format!("b{below:x}")) });
            }
            (below, scanned) = (record.n, scanned + 1);
            let Some(told) = record.read(tenant.tenant()) else {
                // One that cannot be read is shown to who asks for everything: somebody should look at it.
                items.extend(filter.is_all().then(|| shape(tenant.tenant(), record)));
                continue;
            };
            if filter.takes(&told) {
                let mut row = shape(tenant.tenant(), record);
                row.actor.name = app.store.actor_name(tenant, &told.actor)?;
                items.push(row);
            }
        }
    }
    Ok(Listing { items, next_cursor: Some(format!("b{below:x}")) })
}
