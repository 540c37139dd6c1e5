//! PATCH (RFC 7644, 3.5.2), as the standard has it and as Entra ID and Okta send it.
//!
//! Entra ID capitalises operations, writes booleans as text, puts paths into the names of a value's fields, adds to a value that is not there yet
//! (`emails[type eq "work"].value`), and removes members by listing them as the operation's value. Okta sends a value without a path.

use std::collections::BTreeSet;

use model::ids::UserId;
use serde_json::{Map, Value};

use super::attributes::{Attribute, canonical, find, is_read_only};
use super::filter::{Filter, Operator, Path};
use super::{Kind, ScimType, Wrong};

/// The most operations of a request.
const OPERATIONS_MAX: usize = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

/// Applies the operations of a request to a resource, all or none.
pub fn apply(kind: Kind, resource: &Value, request: &Value) -> Result<Value, Wrong> {
    let mut changed = resource.clone();
    for operation in operations(request)? {
        one(kind, &mut changed, operation)?;
    }
    Ok(changed)
}

/// Members that come, and members that go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Who is put in.
    pub add: BTreeSet<UserId>,
    /// Who is taken out.
    pub remove: BTreeSet<UserId>,
}

/// What a request does to a group, if it only puts members in and takes out some that it names, which nobody has to know all members for. `None`: more
/// than that, or something that is to be refused.
pub fn moved(request: &Value) -> Result<Option<Moved>, Wrong> {
    let mut moved = Moved::default();
    for operation in operations(request)? {
        let Some((op, members)) = named_members(operation)? else { return Ok(None) };
        let (to, from) = match op {
            Op::Add => (&mut moved.add, &mut moved.remove),
            _ => (&mut moved.remove, &mut moved.add),
        };
        for id in members {
            from.remove(&id);
            to.insert(id);
        }
    }
    Ok(Some(moved))
}

/// The members that an operation adds or removes by their ids.
fn named_members(operation: &Value) -> Result<Option<(Op, Vec<UserId>)>, Wrong> {
    let (op, path, value) = parts(operation)?;
    let path = path.map(parse).transpose()?.filter(|path| path.is_of("members"));
    let Some(path) = path else { return Ok(None) };
    let id = |member: &Value| super::filter::field(member, "value").unwrap_or(member).as_str()?.parse().ok();
    let ids = match (op, path.filter.as_deref(), value) {
        (Op::Add, None, Some(Value::Array(members))) => members.iter().map(id).collect(),
        (Op::Add, None, Some(member)) => id(member).map(|id| vec![id]),
        (Op::Remove, None, Some(Value::Array(members))) if !members.is_empty() => members.iter().map(id).collect(),
        (Op::Remove, Some(filter), None) => match filter.equals().as_slice() {
            [("value", text)] if filter.is_one() => text.parse().ok().map(|id| vec![id]),
            _ => None,
        },
        _ => None,
    };
    Ok(ids.map(|ids: Vec<UserId>| (op, ids)))
}

fn operations(request: &Value) -> Result<&[Value], Wrong> {
    let operations = super::filter::field(request, "Operations").and_then(Value::as_array);
    let Some(operations) = operations.filter(|operations| !operations.is_empty()) else {
        return Err(Wrong::new(ScimType::InvalidSyntax, "`Operations` is missing or empty"));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(Wrong::new(ScimType::TooMany, format!("at most {OPERATIONS_MAX} operations")));
    }
    Ok(operations)
}

/// What an operation does, where, and with what.
fn parts(operation: &Value) -> Result<(Op, Option<&str>, Option<&Value>), Wrong> {
    let word = super::filter::field(operation, "op").and_then(Value::as_str).unwrap_or_default();
    let op = match word.to_ascii_lowercase().as_str() {
        "add" => Op::Add,
        "replace" => Op::Replace,
        "remove" => Op::Remove,
        _ => return Err(Wrong::new(ScimType::InvalidSyntax, "`op` is add, replace or remove")),
    };
    let path = super::filter::field(operation, "path").and_then(Value::as_str).filter(|path| !path.is_empty());
    Ok((op, path, super::filter::field(operation, "value")))
}

fn one(kind: Kind, resource: &mut Value, operation: &Value) -> Result<(), Wrong> {
    let (op, path, value) = parts(operation)?;
    match (op, path) {
        (Op::Remove, None) => Err(Wrong::new(ScimType::NoTarget, "`remove` takes a path")),
        (Op::Remove, Some(path)) => remove(kind, resource, &parse(path)?, value),
        (_, Some(path)) => {
            let value = value.ok_or_else(|| Wrong::new(ScimType::InvalidValue, "`value` is missing"))?;
            put(kind, resource, (&parse(path)?, op), value.clone())
        }
        (_, None) => {
            let Some(Value::Object(fields)) = value else {
                return Err(Wrong::new(ScimType::InvalidValue, "without a path, `value` is an object"));
            };
            for (name, value) in fields {
                put_field(kind, resource, (name, op), value)?;
            }
            Ok(())
        }
    }
}

/// A field of a value without a path: an attribute, an extension with attributes, or a path as Entra ID writes them.
fn put_field(kind: Kind, resource: &mut Value, (name, op): (&str, Op), value: &Value) -> Result<(), Wrong> {
    if let Some(urn) = super::SCHEMAS.iter().find(|urn| urn.eq_ignore_ascii_case(name)) {
        let Value::Object(fields) = value else {
            return Err(Wrong::new(ScimType::InvalidValue, "an extension is an object"));
        };
        // What the server alone says of the resource may stand in its extension as well, as it does in what some libraries send.
        for (name, value) in fields.iter().filter(|(name, _)| !is_read_only(name)) {
            put_field(kind, resource, (&format!("{urn}:{name}"), op), value)?;
        }
        return Ok(());
    }
    if is_read_only(name) {
        return Ok(());
    }
    put(kind, resource, (&parse(name)?, op), value.clone())
}

fn parse(path: &str) -> Result<Path, Wrong> {
    Path::parse(path).map_err(|error| Wrong::new(ScimType::InvalidPath, error.to_string()))
}

/// What the path leads into, and the attribute there.
fn target<'v>(
    kind: Kind,
    resource: &'v mut Value,
    path: &Path,
) -> Result<(&'v mut Map<String, Value>, Attribute), Wrong> {
    if path.extension.is_none() && is_read_only(&path.name) {
        return Err(Wrong::new(ScimType::Mutability, format!("`{}` cannot be changed", path.name)));
    }
    let attribute = find(kind, path.extension.as_deref(), &path.name);
    let attribute =
        attribute.ok_or_else(|| Wrong::new(ScimType::InvalidPath, format!("there is no attribute `{}`", path.name)))?;
    let mut at = resource;
    if let Some(urn) = &path.extension {
        at = object(at).entry(urn.clone()).or_insert_with(|| Value::Object(Map::new()));
    }
    Ok((object(at), attribute))
}

/// The value as an object; whatever else it was is no more.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it is one now")
}

fn put(kind: Kind, resource: &mut Value, (path, op): (&Path, Op), value: Value) -> Result<(), Wrong> {
    if path.name.is_empty() {
        let urn = path.extension.clone().unwrap_or_default();
        return put_field(kind, resource, (&urn, op), &value);
    }
    let (fields, attribute) = target(kind, resource, path)?;
    let name = attribute.name.to_owned();
    if !attribute.multi {
        if path.filter.is_some() {
            return Err(Wrong::new(ScimType::InvalidPath, format!("`{name}` has one value")));
        }
        return put_single(fields, attribute, path.sub.as_deref(), value);
    }
    let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if !list.is_array() {
        *list = Value::Array(vec![list.take()]);
    }
    let list = list.as_array_mut().expect("it is one now");
    match (&path.filter, &path.sub) {
        (None, Some(_)) => Err(Wrong::new(ScimType::InvalidPath, "which of the values is not said")),
        (None, None) => {
            let values = match value {
                Value::Array(values) => values,
                one => vec![one],
            };
            if op == Op::Replace {
                list.clear();
            }
            for value in values {
                add(list, value);
            }
            Ok(())
        }
        (Some(filter), sub) => put_where(list, filter, sub.as_deref(), &value),
    }
}

fn put_single(
    fields: &mut Map<String, Value>,
    attribute: Attribute,
    sub: Option<&str>,
    value: Value,
) -> Result<(), Wrong> {
    let name = attribute.name;
    match sub {
        Some(sub) => {
            let sub = canonical(attribute, sub)
                .ok_or_else(|| Wrong::new(ScimType::InvalidPath, format!("`{name}` has no `{sub}`")))?;
            object(fields.entry(name.to_owned()).or_insert(Value::Null)).insert(sub.to_owned(), value);
        }
        None => match value {
            // A complex attribute keeps the parts that are not named.
            Value::Object(parts) if !attribute.subs.is_empty() => {
                let whole = object(fields.entry(name.to_owned()).or_insert(Value::Null));
                for (sub, value) in parts {
                    if let Some(sub) = canonical(attribute, &sub) {
                        whole.insert(sub.to_owned(), value);
                    }
                }
            }
            value => {
                fields.insert(name.to_owned(), value);
            }
        },
    }
    Ok(())
}

/// Changes the values that fit. If none does, one is made that fits, where it is plain what that is.
fn put_where(list: &mut Vec<Value>, filter: &Filter, sub: Option<&str>, value: &Value) -> Result<(), Wrong> {
    let mut found: Vec<usize> = (0..list.len()).filter(|index| filter.fits(&list[*index])).collect();
    if found.is_empty() {
        let Filter::Compare(path, Operator::Eq, wanted) = filter else {
            return Err(Wrong::new(ScimType::NoTarget, "no value fits the filter"));
        };
        let mut made = Map::new();
        made.insert(path.name.clone(), wanted.clone());
        list.push(Value::Object(made));
        found.push(list.len() - 1);
    }
    for index in &found {
        let fields = object(&mut list[*index]);
        match (sub, value) {
            (Some(sub), value) => {
                let key = fields.keys().find(|key| key.eq_ignore_ascii_case(sub)).cloned();
                fields.insert(key.unwrap_or_else(|| sub.to_owned()), value.clone());
            }
            (None, Value::Object(parts)) => fields.extend(parts.clone()),
            (None, _) => return Err(Wrong::new(ScimType::InvalidValue, "a value of it is an object")),
        }
    }
    if let [index] = found.as_slice() {
        one_primary(list, *index);
    }
    Ok(())
}

/// Adds a value unless it is there.
fn add(list: &mut Vec<Value>, value: Value) {
    let same = |there: &Value| match (there.get("value"), value.get("value")) {
        (Some(there_value), Some(value_value)) => there_value == value_value && there.get("type") == value.get("type"),
        _ => *there == value,
    };
    if let Some(index) = list.iter().position(same) {
        list[index] = value;
        one_primary(list, index);
        return;
    }
    list.push(value);
    let newest = list.len() - 1;
    one_primary(list, newest);
}

/// At most one value is the primary one: the newest that says so (RFC 7644, 3.5.2).
fn one_primary(list: &mut [Value], newest: usize) {
    let says = |value: &Value| value.get("primary").is_some_and(|primary| *primary == Value::Bool(true));
    if !list.get(newest).is_some_and(says) {
        return;
    }
    for (index, value) in list.iter_mut().enumerate() {
        if index != newest && says(value) {
            object(value).insert("primary".to_owned(), Value::Bool(false));
        }
    }
}

fn remove(kind: Kind, resource: &mut Value, path: &Path, value: Option<&Value>) -> Result<(), Wrong> {
    if path.name.is_empty() {
        object(resource).remove(path.extension.as_deref().unwrap_or_default());
        return Ok(());
    }
    let (fields, attribute) = target(kind, resource, path)?;
    let name = attribute.name;
    if attribute.required {
        return Err(Wrong::new(ScimType::InvalidValue, format!("`{name}` is required")));
    }
    let Some(there) = fields.get_mut(name) else { return Ok(()) };
    match (&path.filter, &path.sub) {
        (None, None) => {
            // Members that are listed as the value are removed, not all.
            match (there.as_array_mut(), value) {
                (Some(list), Some(Value::Array(gone))) if !gone.is_empty() => {
                    let id = |value: &Value| value.get("value").unwrap_or(value).clone();
                    list.retain(|value| !gone.iter().any(|gone| id(gone) == id(value)));
                }
                _ => {
                    fields.remove(name);
                }
            }
        }
        (None, Some(sub)) => {
            let key =
                there.as_object().and_then(|fields| fields.keys().find(|key| key.eq_ignore_ascii_case(sub)).cloned());
            if let (Some(key), Some(fields)) = (key, there.as_object_mut()) {
                fields.remove(&key);
            }
        }
        (Some(filter), sub) => {
            let Some(list) = there.as_array_mut() else { return Ok(()) };
            match sub {
                None => list.retain(|value| !filter.fits(value)),
                Some(sub) => {
                    for value in list.iter_mut().filter(|value| filter.fits(value)) {
                        let key = object(value).keys().find(|key| key.eq_ignore_ascii_case(sub)).cloned();
                        key.and_then(|key| object(value).remove(&key));
                    }
                }
            }
            if list.is_empty() {
                fields.remove(name);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user() -> Value {
        json!({
            "userName": "ada", "active": true, "name": {"givenName": "Ada", "familyName": "King"},
            "emails": [{"type": "work", "value": "a@work", "primary": true}, {"type": "home", "value": "a@home"}],
        })
    }

    fn patched(operations: &Value) -> Value {
        apply(Kind::User, &user(), &json!({"Operations": operations})).unwrap()
    }

    fn refused(operations: &Value) -> ScimType {
        apply(Kind::User, &user(), &json!({"Operations": operations})).unwrap_err().kind
    }

    #[test]
    fn operations_of_entra_id() {
        let after = patched(&json!([
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": "emails[type eq \"other\"].value", "value": "a@other"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@work"},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "R&D"},
            {"op": "replace", "value": {"name.familyName": "Lovelace", "displayName": "Ada L."}},
        ]));
        assert_eq!(after["emails"][0], json!({"type": "work", "value": "b@work", "primary": true}));
        assert_eq!(after["emails"][2], json!({"type": "other", "value": "a@other"}));
        assert_eq!(after[super::super::ENTERPRISE]["department"], "R&D");
        assert_eq!((&after["name"]["familyName"], &after["name"]["givenName"]), (&json!("Lovelace"), &json!("Ada")));
        assert_eq!(after["displayName"], "Ada L.");
    }

    #[test]
    fn operations_of_okta_and_of_the_standard() {
        let after = patched(
            &json!([{"op": "replace", "value": {"active": false, "id": "ignored", "NAME": {"givenName": "A."}}}]),
        );
        assert_eq!(
            (&after["active"], &after["name"]),
            (&json!(false), &json!({"givenName": "A.", "familyName": "King"}))
        );
        assert_eq!(after.get("id"), None);
        let after = patched(&json!([
            {"op": "remove", "path": "emails[type eq \"home\"]"},
            {"op": "remove", "path": "name.familyName"},
            {"op": "add", "path": "emails", "value": [{"type": "other", "value": "c", "primary": true}]},
            {"op": "add", "path": "title", "value": "Countess"},
            {"op": "remove", "path": "nickName"},
        ]));
        assert_eq!(after["emails"].as_array().unwrap().len(), 2);
        assert_eq!((&after["emails"][0]["primary"], &after["emails"][1]["primary"]), (&json!(false), &json!(true)));
        assert_eq!((&after["name"], &after["title"]), (&json!({"givenName": "Ada"}), &json!("Countess")));
        // As some libraries send an extension: with what the server alone says.
        let sent = json!({"schemas": ["x"], "department": "Analysis"});
        let more = patched(&json!([{"op": "add", "path": super::super::ENTERPRISE, "value": sent}]));
        assert_eq!(more[super::super::ENTERPRISE], json!({"department": "Analysis"}));
        let gone = patched(&json!([{"op": "remove", "path": "emails"}]));
        assert_eq!(gone.get("emails"), None);
    }

    #[test]
    fn members_come_and_go_in_each_dialect() {
        let group = json!({"displayName": "g", "members": [{"value": "1"}, {"value": "2"}, {"value": "3"}]});
        let after = |operation: Value| {
            let changed = apply(Kind::Group, &group, &json!({"Operations": [operation]})).unwrap();
            let members = changed.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
            members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect::<String>()
        };
        assert_eq!(after(json!({"op": "Add", "path": "members", "value": [{"value": "4"}, {"value": "1"}]})), "1234");
        assert_eq!(after(json!({"op": "Remove", "path": "members", "value": [{"value": "2"}]})), "13");
        assert_eq!(after(json!({"op": "remove", "path": "members[value eq \"3\"]"})), "12");
        assert_eq!(after(json!({"op": "replace", "path": "members", "value": [{"value": "9"}]})), "9");
        assert_eq!(after(json!({"op": "remove", "path": "members"})), "");
        assert_eq!(after(json!({"op": "replace", "value": {"displayName": "h"}})), "123");
    }

    #[test]
    fn what_cannot_be_done_is_named_by_its_type() {
        assert_eq!(refused(&json!([])), ScimType::InvalidSyntax);
        assert_eq!(refused(&json!([{"op": "move", "path": "title"}])), ScimType::InvalidSyntax);
        assert_eq!(refused(&json!([{"op": "remove"}])), ScimType::NoTarget);
        assert_eq!(refused(&json!([{"op": "add", "path": "shoeSize", "value": 1}])), ScimType::InvalidPath);
        assert_eq!(refused(&json!([{"op": "add", "path": "emails[", "value": 1}])), ScimType::InvalidPath);
        assert_eq!(
            refused(&json!([{"op": "add", "path": "emails[type sw \"x\"].value", "value": 1}])),
            ScimType::NoTarget
        );
        assert_eq!(refused(&json!([{"op": "replace", "path": "id", "value": "x"}])), ScimType::Mutability);
        assert_eq!(refused(&json!([{"op": "remove", "path": "userName"}])), ScimType::InvalidValue);
        assert_eq!(refused(&json!([{"op": "replace", "path": "title"}])), ScimType::InvalidValue);
        assert_eq!(refused(&json!([{"op": "replace", "value": 1}])), ScimType::InvalidValue);
    }
}
