//! The attributes that are kept (RFC 7643, 4.1 to 4.3), as a table: what PATCH may name, and what `/Schemas` says.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Kind, USER};

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type, as schemas write it.
    pub kind: &'static str,
    /// Whether it has many values.
    pub multi: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// The parts of a complex one.
    pub subs: &'static [&'static str],
}

const fn text(name: &'static str) -> Attribute {
    Attribute { name, kind: "string", multi: false, required: false, subs: &[] }
}

const fn complex(name: &'static str, multi: bool, subs: &'static [&'static str]) -> Attribute {
    Attribute { name, kind: "complex", multi, required: false, subs }
}

const VALUED: &[&str] = &["value", "display", "type", "primary"];

const USERS: &[Attribute] = &[
    Attribute { required: true, ..text("userName") },
    text("externalId"),
    complex(
        "name",
        false,
        &["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"],
    ),
    text("displayName"),
    text("nickName"),
    text("profileUrl"),
    text("title"),
    text("userType"),
    text("preferredLanguage"),
    text("locale"),
    text("timezone"),
    Attribute { kind: "boolean", ..text("active") },
    complex("emails", true, VALUED),
    complex("phoneNumbers", true, VALUED),
    complex("ims", true, VALUED),
    complex("photos", true, VALUED),
    complex(
        "addresses",
        true,
        &["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type", "primary"],
    ),
    complex("entitlements", true, VALUED),
    complex("roles", true, VALUED),
    complex("x509Certificates", true, VALUED),
];

const ENTERPRISE_USERS: &[Attribute] = &[
    text("employeeNumber"),
    text("costCenter"),
    text("organization"),
    text("division"),
    text("department"),
    complex("manager", false, &["value", "$ref", "displayName"]),
];

const GROUPS: &[Attribute] = &[
    Attribute { required: true, ..text("displayName") },
    text("externalId"),
    complex("members", true, &["value", "$ref", "type", "display"]),
];

/// The attribute of that name, whatever its case.
pub fn find(kind: Kind, extension: Option<&str>, name: &str) -> Option<Attribute> {
    let table = match (kind, extension) {
        (Kind::User, None) => USERS,
        (Kind::User, Some(ENTERPRISE)) => ENTERPRISE_USERS,
        (Kind::Group, None) => GROUPS,
        _ => return None,
    };
    table.iter().copied().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The part of a complex attribute by its name, whatever its case.
pub fn canonical(attribute: Attribute, sub: &str) -> Option<&'static str> {
    attribute.subs.iter().copied().find(|name| name.eq_ignore_ascii_case(sub))
}

/// What the server alone says. `groups` of a user is changed through the group; a password is never taken.
pub fn is_read_only(name: &str) -> bool {
    ["id", "meta", "schemas", "groups", "password"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Only what is kept, under the names of the table. What nobody asked to be kept is left out, as RFC 7643, 3.3 allows.
pub fn tidy(kind: Kind, resource: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    for (name, value) in resource.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        if let Some(attribute) = find(kind, None, name) {
            kept.insert(attribute.name.to_owned(), value.clone());
        } else if kind == Kind::User && name.eq_ignore_ascii_case(ENTERPRISE) {
            let fields = value.as_object().into_iter().flatten();
            let known = fields.filter_map(|(name, value)| {
                find(kind, Some(ENTERPRISE), name).map(|attribute| (attribute.name.to_owned(), value.clone()))
            });
            kept.insert(ENTERPRISE.to_owned(), Value::Object(known.collect()));
        }
    }
    Value::Object(kept)
}

fn described(attribute: &Attribute) -> Value {
    let exact = attribute.name == "externalId";
    let unique = if attribute.name == "userName" { "server" } else { "none" };
    let sub = |name: &&str| {
        if *name == "$ref" {
            // Members are people only: groups of groups are not taken (RFC 7643, 4.2 leaves that to the server).
            let (to, mutability) =
                if attribute.name == SHOWN.name { ("Group", "readOnly") } else { ("User", "readWrite") };
            return json!({
                "name": name, "type": "reference", "referenceTypes": [to], "multiValued": false, "required": false,
                "caseExact": true, "mutability": mutability, "returned": "default", "uniqueness": "none", "description": name,
            });
        }
        let kind = if *name == "primary" { "boolean" } else { "string" };
        // A member is a user and called what the user is called, whatever was sent; and groups of a user are changed through the group.
        let own = attribute.name == "members" && matches!(*name, "display" | "type");
        let mutability = if own || is_read_only(attribute.name) { "readOnly" } else { "readWrite" };
        json!({
            "name": name, "type": kind, "multiValued": false, "required": false, "caseExact": false,
            "mutability": mutability, "returned": "default", "uniqueness": "none", "description": name,
        })
    };
    let mut described = json!({
        "name": attribute.name, "type": attribute.kind, "multiValued": attribute.multi, "required": attribute.required,
        "caseExact": exact, "mutability": if is_read_only(attribute.name) { "readOnly" } else { "readWrite" },
        "returned": "default", "uniqueness": unique,
        "description": attribute.name,
    });
    if !attribute.subs.is_empty() {
        described["subAttributes"] = attribute.subs.iter().map(sub).collect();
    }
    described
}

/// What a user shows and nobody sends.
const SHOWN: Attribute = complex("groups", true, &["value", "$ref", "display", "type"]);

/// `/Schemas`.
pub fn schemas() -> Vec<Value> {
    let one = |id: &str, name: &str, table: &[Attribute]| {
        let shown = (id == USER).then_some(&SHOWN);
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id, "name": name, "description": name,
            "attributes": table.iter().chain(shown).map(described).collect::<Vec<_>>(),
            "meta": {"resourceType": "Schema", "location": format!("/scim/v2/Schemas/{id}")},
        })
    };
    vec![one(USER, "User", USERS), one(GROUP, "Group", GROUPS), one(ENTERPRISE, "EnterpriseUser", ENTERPRISE_USERS)]
}
