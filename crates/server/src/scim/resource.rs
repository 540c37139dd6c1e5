//! Between resources as SCIM has them and what the store keeps; and what every SCIM address shares.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::ids::UserId;
use model::world::Moment;
use serde_json::{Value, json};
use store::{Group, ScimUser, ScimWrite, Window};

use super::filter::{Filter, field};
use super::{COUNT_MAX, ENTERPRISE, GROUP, Kind, ScimType, USER, Wrong, answer, attributes};
use crate::App;
use crate::api::extract::Body;

/// The largest body: a group of ten thousand people.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most that is kept of a person, in bytes of JSON.
const ATTRIBUTES_BYTES_MAX: usize = 32 * 1024;

/// The longest user name and external id, in characters.
const NAME_CHARS_MAX: usize = 256;

/// A JSON object as body.
pub(crate) struct Input(pub(crate) Value);

impl FromRequest<Arc<App>> for Input {
    type Rejection = Wrong;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Wrong> {
        let Body(body) = Body::<BODY_BYTES_MAX>::from_request(request, app).await?;
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| Wrong::new(ScimType::InvalidSyntax, format!("the body: {error}")))?;
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(Wrong::new(ScimType::InvalidSyntax, "the body is no object"))
        }
    }
}

/// The query of a list and of one resource.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Asked {
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

/// The body of a search. Nothing is sorted, and which schemas it names changes nothing.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Search {
    schemas: Option<Vec<String>>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<Vec<String>>,
    excluded_attributes: Option<Vec<String>>,
}

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Wrong> {
        let query = Query::<Self>::from_request_parts(parts, app).await;
        query.map(|Query(query)| query).map_err(|error| Wrong::new(ScimType::InvalidValue, error.body_text()))
    }
}

impl Asked {
    /// What the body of a search asks for: the words of the query, with lists of names as lists (RFC 7644, 3.4.3).
    pub(crate) fn of(body: Value) -> Result<Self, Wrong> {
        let Search { filter, start_index, count, attributes, excluded_attributes, .. } =
            serde_json::from_value(body)
                .map_err(|error| Wrong::new(ScimType::InvalidSyntax, format!("the search: {error}")))?;
        let joined = |names: Option<Vec<String>>| names.filter(|names| !names.is_empty()).map(|names| names.join(","));
        let (attributes, excluded_attributes) = (joined(attributes), joined(excluded_attributes));
        Ok(Self { filter, start_index, count, attributes, excluded_attributes })
    }

    pub(crate) fn filter(&self) -> Result<Option<Filter>, Wrong> {
        let parse =
            |text: &String| Filter::parse(text).map_err(|error| Wrong::new(ScimType::InvalidFilter, error.to_string()));
        self.filter.as_ref().map(parse).transpose()
    }

    /// Whether members are wanted; leaving them out spares reading them.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let named = |list: &String| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(name));
        !self.excluded_attributes.as_ref().is_some_and(named) && self.attributes.as_ref().is_none_or(named)
    }

    /// Only the attributes that are wanted, and those that are always there.
    pub(crate) fn project(&self, mut resource: Value) -> Value {
        let Some(fields) = resource.as_object_mut() else { return resource };
        let listed = |list: &str| list.split(',').map(|one| one.trim().to_lowercase()).collect::<Vec<_>>();
        let top = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
        if let Some(list) = &self.attributes {
            let wanted: Vec<String> = listed(list).iter().map(top).collect();
            let always = ["schemas", "id", "meta"];
            fields.retain(|name, _| always.contains(&name.as_str()) || wanted.contains(&name.to_lowercase()));
        }
        if let Some(list) = &self.excluded_attributes {
            let unwanted = listed(list);
            fields.retain(|name, _| name == "id" || name == "schemas" || !unwanted.contains(&name.to_lowercase()));
        }
        resource
    }

    /// Which of those that fit are asked for, in SCIM's numbers: from 1 on.
    pub(crate) fn window(&self) -> Window {
        let limit = usize::try_from(self.count.unwrap_or(100).max(0)).unwrap_or(0).min(COUNT_MAX);
        Window { skip: u64::try_from(self.start() - 1).unwrap_or(0), limit }
    }

    fn start(&self) -> i64 {
        self.start_index.unwrap_or(1).max(1)
    }

    /// A page as an answer.
    pub(crate) fn page(&self, found: Found) -> Response {
        let resources: Vec<Value> = found.resources.into_iter().map(|one| self.project(one)).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": found.total, "startIndex": self.start(), "itemsPerPage": resources.len(), "Resources": resources,
        });
        answer(StatusCode::OK, &body)
    }
}

/// What was found: how many fit, and those of the window that was asked for.
pub(crate) struct Found<T = Value> {
    pub(crate) total: u64,
    pub(crate) resources: Vec<T>,
}

impl<T> Found<T> {
    pub(crate) fn nothing() -> Self {
        Self { total: 0, resources: Vec::new() }
    }

    /// Takes the next one that fits: counted, and kept if it is in the window.
    pub(crate) fn take(&mut self, window: Window, one: T) {
        if self.total >= window.skip && self.resources.len() < window.limit {
            self.resources.push(one);
        }
        self.total += 1;
    }

    /// What of the window is left for a list that comes after this one.
    pub(crate) fn rest(&self, window: Window) -> Window {
        Window {
            skip: window.skip.saturating_sub(self.total),
            limit: window.limit.saturating_sub(self.resources.len()),
        }
    }

    /// Puts the list that comes after this one behind it.
    pub(crate) fn extend(&mut self, next: Self) {
        self.total += next.total;
        self.resources.extend(next.resources);
    }
}

fn at(moment: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn meta(kind: &str, id: &str, version: u64, (created, changed): (Moment, Moment)) -> Value {
    json!({
        "resourceType": kind, "created": at(created), "lastModified": at(changed),
        "location": format!("/scim/v2/{kind}s/{id}"), "version": format!("W/\"{version}\""),
    })
}

/// A person as SCIM has them.
pub(crate) fn user(user: &ScimUser) -> Value {
    let mut resource: Value = serde_json::from_str(&user.attributes).unwrap_or_else(|_| json!({}));
    let id = user.id.to_string();
    let mut schemas = vec![USER];
    if resource.get(ENTERPRISE).is_some() {
        schemas.push(ENTERPRISE);
    }
    resource["schemas"] = json!(schemas);
    resource["userName"] = json!(user.user_name);
    resource["active"] = json!(user.active);
    if let Some(external) = &user.external_id {
        resource["externalId"] = json!(external);
    }
    if !user.groups.is_empty() {
        let group = |(id, name): &(model::ids::GroupId, String)| json!({"value": id, "display": name, "type": "direct", "$ref": format!("/scim/v2/Groups/{id}")});
        resource["groups"] = user.groups.iter().map(group).collect();
    }
    resource["meta"] = meta("User", &id, user.version, (user.created_at, user.changed_at));
    resource["id"] = json!(id);
    resource
}

/// What is kept of a person, taken from a resource; and whether they are active, if it says so.
pub(crate) fn to_write(resource: &Value) -> Result<(ScimWrite, Option<bool>), Wrong> {
    let mut kept = attributes::tidy(Kind::User, resource);
    let fields = kept.as_object_mut().expect("it was made one");
    let user_name = text(fields.remove("userName"), "userName")?;
    let user_name = user_name.ok_or_else(|| Wrong::new(ScimType::InvalidValue, "`userName` is required"))?;
    let external_id = text(fields.remove("externalId"), "externalId")?;
    let active = fields.remove("active").map(|value| boolean(&value)).transpose()?;
    let attributes = kept.to_string();
    if attributes.len() > ATTRIBUTES_BYTES_MAX {
        let detail = format!("at most {ATTRIBUTES_BYTES_MAX} bytes are kept of a person");
        return Err(Wrong::of(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok((ScimWrite { user_name, external_id, attributes }, active))
}

fn text(value: Option<Value>, name: &str) -> Result<Option<String>, Wrong> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() && text.chars().count() <= NAME_CHARS_MAX => {
            Ok(Some(text))
        }
        Some(_) => {
            Err(Wrong::new(ScimType::InvalidValue, format!("`{name}` is text of 1 to {NAME_CHARS_MAX} characters")))
        }
    }
}

/// A boolean, or its word: Entra ID sends `"False"`.
fn boolean(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Wrong::new(ScimType::InvalidValue, "`active` is true or false")),
    }
}

/// A group as SCIM has it.
pub(crate) fn group(group: &Group, members: Option<&[(UserId, String)]>) -> Value {
    let id = group.id.to_string();
    let mut resource = json!({
        "schemas": [GROUP], "id": id, "displayName": group.name,
        "meta": meta("Group", &id, group.version, (group.created_at, group.changed_at)),
    });
    if let Some(external) = &group.external_id {
        resource["externalId"] = json!(external);
    }
    if let Some(members) = members {
        let member = |(id, name): &(UserId, String)| json!({"value": id, "display": name, "type": "User", "$ref": format!("/scim/v2/Users/{id}")});
        resource["members"] = members.iter().map(member).collect();
    }
    resource
}

/// The name, external id and members of a group that a resource says.
pub(crate) fn to_group(resource: &Value) -> Result<(String, Option<String>, Vec<UserId>), Wrong> {
    let mut kept = attributes::tidy(Kind::Group, resource);
    let fields = kept.as_object_mut().expect("it was made one");
    let name = text(fields.remove("displayName"), "displayName")?;
    let name = name.ok_or_else(|| Wrong::new(ScimType::InvalidValue, "`displayName` is required"))?;
    let external_id = text(fields.remove("externalId"), "externalId")?;
    let mut members = Vec::new();
    for member in fields.get("members").and_then(Value::as_array).into_iter().flatten() {
        let id = field(member, "value").unwrap_or(member).as_str().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Wrong::new(ScimType::InvalidValue, "a member's `value` is the id of a user"))?;
        if !members.contains(&id) {
            members.push(id);
        }
    }
    Ok((name, external_id, members))
}

/// One resource, with its version as `ETag`; 304 if the asker has it.
pub(crate) fn one(status: StatusCode, headers: &HeaderMap, resource: &Value) -> Response {
    let etag = resource["meta"]["version"].as_str().unwrap_or_default().to_owned();
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.split(',').any(|one| one.trim() == etag)) {
        let mut empty = Response::new(axum::body::Body::empty());
        *empty.status_mut() = StatusCode::NOT_MODIFIED;
        empty
    } else {
        answer(status, resource)
    };
    let value = HeaderValue::from_str(&etag).expect("a number in quotes fits a header");
    response.headers_mut().insert(header::ETAG, value);
    if status == StatusCode::CREATED {
        let location = resource["meta"]["location"].as_str().unwrap_or_default();
        let location = HeaderValue::from_str(location).expect("a path of ids fits a header");
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The version in `If-Match`, if there is one.
pub(crate) fn version(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::IF_MATCH)?.to_str().ok().filter(|text| *text != "*")?;
    let number = text.trim_start_matches("W/").trim_matches('"').parse();
    // One that is none of ours matches nothing.
    Some(number.unwrap_or(u64::MAX))
}
