//! `GET /scim/v2/ServiceProviderConfig`, `ResourceTypes`, `Schemas`: what a provider can expect (RFC 7644, 4).

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use model::permission::may;
use serde_json::{Value, json};

use crate::access::Allowed;
use crate::scim::{COUNT_MAX, ENTERPRISE, GROUP, USER, Wrong, answer, attributes};

/// The features.
pub(crate) async fn config(_: Allowed<may::ScimWrite>) -> Response {
    let config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": COUNT_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Service account", "primary": true,
            "description": "Authorization: Bearer with the token of a service account that has the permission scim.write",
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig"},
    });
    answer(StatusCode::OK, &config)
}

fn types() -> Vec<Value> {
    let one = |name: &str, schema: &str, extensions: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name, "name": name, "endpoint": format!("/{name}s"), "description": name, "schema": schema,
            "schemaExtensions": extensions,
            "meta": {"resourceType": "ResourceType", "location": format!("/scim/v2/ResourceTypes/{name}")},
        })
    };
    vec![one("User", USER, json!([{"schema": ENTERPRISE, "required": false}])), one("Group", GROUP, json!([]))]
}

fn list(all: &[Value]) -> Response {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(), "startIndex": 1, "itemsPerPage": all.len(), "Resources": all,
    });
    answer(StatusCode::OK, &body)
}

fn find(all: Vec<Value>, id: &str) -> Result<Response, Wrong> {
    let found = all.into_iter().find(|one| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id)));
    found.map(|one| answer(StatusCode::OK, &one)).ok_or_else(Wrong::not_found)
}

/// The kinds of resources.
pub(crate) async fn resource_types(_: Allowed<may::ScimWrite>) -> Response {
    list(&types())
}

/// One of them.
pub(crate) async fn resource_type(_: Allowed<may::ScimWrite>, Path(id): Path<String>) -> Result<Response, Wrong> {
    find(types(), &id)
}

/// The schemas.
pub(crate) async fn schemas(_: Allowed<may::ScimWrite>) -> Response {
    list(&attributes::schemas())
}

/// One of them.
pub(crate) async fn schema(_: Allowed<may::ScimWrite>, Path(id): Path<String>) -> Result<Response, Wrong> {
    find(attributes::schemas(), &id)
}
