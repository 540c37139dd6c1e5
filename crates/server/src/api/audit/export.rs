//! `GET /api/v1/audit/export?format=ndjson|csv|syslog`: the record as a file, sent while it is read, however long it is.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::permission::may;

use super::{Wanted, whole};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::export::{Format, run};
use crate::pieces;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::AuditExport>,
    State(app): State<Arc<App>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let Query(wanted) = query.map_err(|error| Refusal::invalid(error.body_text()))?;
    if wanted.cursor.is_some() || wanted.limit.is_some() {
        return Err(Refusal::invalid("an export has no pages; leave out `cursor` and `limit`"));
    }
    let format = match wanted.format.as_deref() {
        None => Format::Ndjson,
        Some(word) => {
            Format::from_word(word).ok_or_else(|| Refusal::invalid("`format` is `ndjson`, `csv` or `syslog`"))?
        }
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let filter = apart(move || wanted.filter(&worker, &by)).await?;
    let place = pieces::place(&app.exports)?;
    let body = pieces::body(place, "an export of the audit", move |out| {
        run(&app, view.tenant_scope(), (format, &filter), out)
    });
    let name = if format == Format::Syslog { "log" } else { format.word() };
    let name = format!("attachment; filename=\"audit.{name}\"");
    let headers = [(header::CONTENT_TYPE, format.media_type()), (header::CONTENT_DISPOSITION, name.as_str())];
    Ok((headers, body).into_response())
}
