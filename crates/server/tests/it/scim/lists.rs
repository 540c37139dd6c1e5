//! Lists, a page at a time, and members of groups, some at a time: what they say, and that they cost what they say and not what there is.

use serde_json::{Value, json};

use super::{Provider, id, refusal};
use crate::support::{Live, Place};

/// The ids of a list, page after page, and what each page says of how many there are.
fn walked(ask: impl Fn(u64) -> Value) -> (Vec<String>, Vec<u64>) {
    let (mut ids, mut totals) = (Vec::new(), Vec::new());
    loop {
        let page = ask(ids.len() as u64 + 1);
        let found = page["Resources"].as_array().unwrap();
        totals.push(page["totalResults"].as_u64().unwrap());
        if found.is_empty() {
            return (ids, totals);
        }
        ids.extend(found.iter().map(|one| id(one).to_owned()));
    }
}

fn escaped(filter: &str) -> String {
    filter.replace(' ', "+").replace('"', "%22")
}

#[test]
fn pages_are_whole_and_none_is_twice_with_a_filter_and_without() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let made = |one: Value| id(&one).to_owned();
    let users: Vec<String> =
        (0..5).map(|number| made(scim.user(&format!("User{number}@example.com"), &format!("x{number}")))).collect();
    let group = |name: &str| made(scim.make("Groups", &json!({"displayName": name, "members": [{"value": users[0]}]})));
    let groups = [group("One"), group("Two"), group("Three")];
    let own = live.sign_in("default/ada");
    assert_eq!(live.ask("POST", "/api/v1/groups", &own, &[], br#"{"name": "ours"}"#).status, 201);
    // By the place in the list, as providers do.
    for filter in ["", "&filter=userName+sw+%22user%22", "&filter=not+(title+pr)"] {
        let page = |start: u64| scim.list(&format!("Users?count=2&startIndex={start}{filter}"));
        assert_eq!(walked(page), (users.clone(), vec![5; 4]), "{filter}");
    }
    for filter in ["", "&filter=displayName+pr", "&filter=members+pr"] {
        let page = |start: u64| scim.list(&format!("Groups?count=2&startIndex={start}{filter}"));
        assert_eq!(walked(page), (groups.to_vec(), vec![3; 3]), "{filter}: not the groups of admins");
    }
    // Both in one list: people, then groups.
    let both = |start: u64| scim.send("POST", ".search", &json!({"startIndex": start, "count": 3})).json();
    assert_eq!(walked(both), ([users.clone(), groups.to_vec()].concat(), vec![8; 4]));
    // What is looked up, alone and beside other conditions; text that is no id is the id of nobody.
    let found = |kind: &str, filter: &str| {
        let list = scim.list(&format!("{kind}?filter={}", escaped(filter)));
        let all = list["Resources"].as_array().unwrap().iter().map(|one| id(one).to_owned()).collect::<Vec<_>>();
        assert_eq!(list["totalResults"], json!(all.len()), "{filter}");
        all
    };
    let (second, one) = ([users[1].clone()], [groups[0].clone()]);
    for filter in [
        "userName eq \"USER1@example.com\"",
        "externalId eq \"x1\" and active eq true",
        &format!("active eq true and id eq \"{}\"", users[1]),
        "urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"user1@example.com\"",
    ] {
        assert_eq!(found("Users", filter), second, "{filter}");
    }
    for filter in [
        "displayName eq \"ONE\"",
        &format!("id eq \"{}\" and members eq \"{}\"", groups[0], users[0]),
        &format!("id eq \"{}\" and members[value eq \"{}\"]", groups[0], users[0]),
    ] {
        assert_eq!(found("Groups", filter), one, "{filter}");
    }
    for (kind, filter) in [
        ("Users", "userName eq \"user1\"".to_owned()),
        ("Users", "externalId eq \"X1\"".to_owned()),
        ("Users", "id eq \"x\"".to_owned()),
        ("Users", "userName eq \"user1@example.com\" and active eq false".to_owned()),
        ("Groups", format!("id eq \"{}\" and members eq \"{}\"", groups[0], users[1])),
        ("Groups", "displayName eq \"ours\"".to_owned()),
    ] {
        assert_eq!(found(kind, &filter), Vec::<String>::new(), "{filter}");
    }
}

/// Entra ID asks so before it adds somebody: members that are not to be sent were not looked at either.
#[test]
fn a_filter_goes_by_members_that_are_not_sent() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let user = scim.user("a@example.com", "x1");
    let group = scim.make("Groups", &json!({"displayName": "g", "members": [{"value": id(&user)}]}));
    let filter = escaped(&format!("id eq \"{}\" and members eq \"{}\"", id(&group), id(&user)));
    let found = scim.list(&format!("Groups?excludedAttributes=members&filter={filter}"));
    assert_eq!((&found["totalResults"], found["Resources"][0].get("members")), (&json!(1), None));
}

#[test]
fn members_that_are_named_come_and_go_each_in_its_turn() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let users = ["a", "b", "c"].map(|name| scim.user(&format!("{name}@example.com"), name));
    let [a, b, c] = users.each_ref().map(|user| json!({"value": id(user)}));
    let group = scim.make("Groups", &json!({"displayName": "g", "members": [a]}));
    let path = format!("Groups/{}", id(&group));
    let after = |operations: Value| -> Vec<Value> {
        let answer = scim.patch(&path, &operations);
        assert_eq!(answer.status, 200, "{operations}");
        let members = answer.json::<Value>()["members"].as_array().unwrap().clone();
        members.iter().map(|member| json!({"value": member["value"]})).collect()
    };
    let filter = |user: &Value| format!("members[value eq \"{}\"]", user["value"].as_str().unwrap());
    let moves = json!([
        {"op": "Add", "path": "members", "value": [b, c]},
        {"op": "remove", "path": filter(&a)},
        {"op": "Remove", "path": "members", "value": [c]},
        {"op": "add", "path": "members", "value": [a]},
    ]);
    assert_eq!(after(moves), [a.clone(), b.clone()]);
    assert_eq!(
        after(json!([{"op": "add", "path": "members", "value": [c]}, {"op": "remove", "path": filter(&c)}])).len(),
        2
    );
    // With something else beside it is done as a whole, or not at all.
    let beside =
        json!([{"op": "add", "path": "members", "value": [c]}, {"op": "replace", "value": {"displayName": "h"}}]);
    assert_eq!(after(beside).len(), 3);
    let nobody = json!([{"op": "remove", "path": filter(&a)}, {"op": "add", "path": "members", "value": [{"value": "ab".repeat(16)}]}]);
    assert_eq!(refusal(&scim.patch(&path, &nobody)), (400, "invalidValue".to_owned()));
    let no_id =
        json!([{"op": "remove", "path": filter(&a)}, {"op": "add", "path": "members", "value": [{"value": "x"}]}]);
    assert_eq!(refusal(&scim.patch(&path, &no_id)), (400, "invalidValue".to_owned()));
    assert_eq!(after(json!([{"op": "add", "path": "members", "value": [a]}])).len(), 3, "nothing of those was done");
    let etag = scim.get(&path).header("etag").to_owned();
    let change = json!({"Operations": [{"op": "remove", "path": filter(&b)}]});
    assert_eq!(scim.with("PATCH", &path, &[("if-match", &etag)], &change).status, 200);
    assert_eq!(refusal(&scim.with("PATCH", &path, &[("if-match", &etag)], &change)), (412, String::new()));
}

/// People whom the provider has told of, all in a group of it: `number` of them.
fn fill(live: &Live, (group, number): (&str, usize)) {
    let database = rusqlite::Connection::open(&live.database).unwrap();
    let now = live.app.clock.now().0;
    let of: (i64, i64) = database
        .query_row("SELECT tenant, no FROM user_groups WHERE name = ?1", [group], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let (tenant, group) = of;
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {})", 999 + number);
    for into in [
        format!(
            "users (tenant, no, id, name, password, created_at) SELECT {tenant}, i, randomblob(16), 'person ' || i, 'x', {now} FROM n"
        ),
        format!(
            "scim_users (tenant, user_no, user_name, folded, external_id, attributes, created_at, changed_at) \
             SELECT {tenant}, i, 'person ' || i, 'person ' || i, 'x' || i, '{{\"displayName\": \"Person\"}}', {now}, {now} FROM n"
        ),
        format!("group_members (tenant, group_no, user_no) SELECT {tenant}, {group}, i FROM n"),
    ] {
        database.execute(&format!("{numbers} INSERT INTO {into}"), []).unwrap();
    }
}

#[test]
fn a_group_of_everybody_is_changed_without_being_sent_back() {
    if crate::support::elsewhere() {
        return;
    }
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let user = scim.user("a@example.com", "x1");
    let group = scim.make("Groups", &json!({"displayName": "all"}));
    let path = format!("Groups/{}", id(&group));
    fill(&live, ("all", 1_000));
    let change = |op: &str| scim.patch(&path, &json!([{"op": op, "path": "members", "value": [{"value": id(&user)}]}]));
    assert_eq!(change("remove").status, 200, "a thousand are told");
    let added = change("add");
    assert_eq!((added.status, added.body.len()), (204, 0));
    let members = |path: &str| scim.get(path).json::<Value>()["members"].as_array().map(Vec::len);
    assert_eq!(members(&path), Some(1_001));
    assert_eq!(members(&format!("{path}?excludedAttributes=members")), None);
    assert_eq!(scim.get(&format!("Users/{}", id(&user))).json::<Value>()["groups"][0]["display"], json!("all"));
    // All of them at once: those who are in it already stay, and the others go.
    let all = scim.get(&path).json::<Value>()["members"].clone();
    let few: Vec<Value> = all.as_array().unwrap().iter().take(600).cloned().collect();
    let put = scim.send("PUT", &path, &json!({"displayName": "all", "members": few}));
    assert_eq!(put.json::<Value>()["members"].as_array().unwrap().len(), 600);
    let put = scim.send("PUT", &path, &json!({"displayName": "all", "members": all}));
    assert_eq!(put.json::<Value>()["members"], all);
    let last = scim.list("Users?startIndex=1001&count=200");
    assert_eq!((&last["totalResults"], last["Resources"].as_array().unwrap().len()), (&json!(1_001), 1));
}
