//! `PUT /api/v1/reports/{report}`: what a restore on this PC did. 201 the first time, 200 each further time.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::ReportId;
use model::reason::Reason;
use model::report::{REPORT_BYTES_MAX, Report};
use store::Filed;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Body, Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ReportId>,
    Body(body): Body<REPORT_BYTES_MAX>,
) -> Result<StatusCode, Refusal> {
    let report: Report = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    report.check().map_err(|error| Refusal::invalid(error.to_string()))?;
    if report.report != id {
        return Err(Refusal::invalid("the report has another id than the address"));
    }
    let filed = apart(move || {
        let filed = app.store.file_report(&scope, &report, app.clock.now());
        if matches!(filed, Ok(Filed::New)) {
            app.metrics.restored(&report);
        }
        filed
    });
    match filed.await? {
        Filed::New => Ok(StatusCode::CREATED),
        Filed::Again => Ok(StatusCode::OK),
        Filed::Another => {
            let detail = "another report of this PC has that id";
            Err(Refusal::new(StatusCode::CONFLICT, Reason::InvalidRequest, detail))
        }
    }
}
