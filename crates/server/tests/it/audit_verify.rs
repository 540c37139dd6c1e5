//! Whether the record is still what was written: every bit, every row, every order, the end; in the database, in an export, beside a running server.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::{Live, Made, Place, out, said};
use model::ids::TenantId;
use model::permission::BuiltIn;
use serde_json::Value;
use server::audit::verify::{Report, file};
use server::keyring::erasure_signer;
use store::{Record, Walk, Walked, Wrong};

/// A small record with all that a row can have: actors of several kinds, addresses, refusals, words, an erased person; with two signed heads.
fn filled(place: &Place) -> Live {
    let live = place.serve();
    let (ada, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    assert_eq!(live.backup(&ada, &Made::new(&ada, 1, &[(1, 100)], &[]).whole()).status, 201);
    live.app.housekeep().unwrap();
    assert_eq!(live.try_enroll("ada", "wrong", "PC").status, 401);
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let when = (live.app.clock.now(), erasure_signer(&live.app));
    assert!(live.app.store.erase_user(&tenant, bob.user, when).unwrap().is_some());
    live.app.store.ready().unwrap();
    place.clock.turn(24 * 60 * 60);
    live.app.housekeep().unwrap();
    live
}

/// A chain in memory, with its heads.
#[derive(Clone)]
struct Chain {
    tenant: TenantId,
    rows: Vec<Record>,
    heads: Vec<(i64, Vec<u8>)>,
}

fn chain(live: &Live) -> Chain {
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let rows = live.app.store.audit(&tenant, 1, 1_000).unwrap();
    let number = |head: &Vec<u8>| i64::try_from(model::audit::Head::from_bytes(head).unwrap().0.n).unwrap();
    let heads: Vec<_> = live.app.store.heads(&tenant).unwrap().into_iter().map(|head| (number(&head), head)).collect();
    assert_eq!((heads.len(), heads[1].0), (2, rows.last().unwrap().n), "the last row is signed");
    assert!(rows.iter().any(|row| row.private.is_none() && row.person.is_some()), "somebody was erased");
    Chain { tenant: tenant.tenant(), rows, heads }
}

fn walk(chain: &Chain, key: &[u8; 32]) -> Walked {
    let mut walk = Walk::new(chain.tenant);
    for (n, head) in &chain.heads {
        walk.head(Some(*n), head, &|head| seal::receipt::verify_head(head, key).is_ok());
    }
    chain.rows.iter().for_each(|row| walk.row(row));
    walk.finish()
}

#[test]
fn every_single_bit_of_a_row_and_of_a_head_counts() {
    let place = Place::new();
    let live = filled(&place);
    let (whole, key) = (chain(&live), live.app.keyring.receipt_key());
    let walked = walk(&whole, &key);
    assert_eq!((walked.findings.as_slice(), walked.signed.unwrap().0), (&[][..], walked.last.0));
    let mut flips = 0;
    let mut flip = |what: &str, n: i64, change: &dyn Fn(&mut Chain)| {
        let mut changed = whole.clone();
        change(&mut changed);
        let found = walk(&changed, &key).findings;
        assert!(found.iter().any(|found| found.n == n), "{what} of row {n}: {found:?}");
        flips += 1;
    };
    for (index, row) in whole.rows.iter().enumerate() {
        for bit in 0..row.event.len() * 8 {
            flip("event", row.n, &|chain| chain.rows[index].event[bit / 8] ^= 1 << (bit % 8));
        }
        for bit in 0..row.hash.len() * 8 {
            flip("hash", row.n, &|chain| chain.rows[index].hash[bit / 8] ^= 1 << (bit % 8));
        }
        for bit in 0..row.private.as_ref().map_or(0, Vec::len) * 8 {
            flip("private", row.n, &|chain| chain.rows[index].private.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8));
        }
        if row.private.is_some() {
            flip("what lay beside", row.n, &|chain| chain.rows[index].private = None);
        }
    }
    let mut heads = 0;
    for (index, (n, head)) in whole.heads.iter().enumerate() {
        for bit in 0..head.len() * 8 {
            flip("head", *n, &|chain| chain.heads[index].1[bit / 8] ^= 1 << (bit % 8));
            heads += 1;
        }
    }
    println!("{} rows, {flips} changes, {heads} of them in heads, all found", whole.rows.len());
    assert!(flips > 5_000, "{flips}");
}

#[test]
fn one_change_is_one_finding_and_a_second_one_is_not_hidden() {
    let place = Place::new();
    let live = filled(&place);
    let (mut chain, key) = (chain(&live), live.app.keyring.receipt_key());
    chain.rows[1].event[3] ^= 1;
    let one = walk(&chain, &key).findings;
    assert_eq!(one.iter().map(|found| (found.n, found.wrong)).collect::<Vec<_>>(), [(2, Wrong::Changed)]);
    chain.rows[4].hash[0] ^= 1;
    let rows: BTreeSet<_> = walk(&chain, &key).findings.iter().map(|found| found.n).collect();
    assert!(rows.contains(&2) && rows.contains(&5) && !rows.contains(&4), "{rows:?}");
}

#[test]
fn every_row_that_is_missing_doubled_or_in_anothers_place_is_named() {
    let place = Place::new();
    let live = filled(&place);
    let (whole, key) = (chain(&live), live.app.keyring.receipt_key());
    let found = |change: &dyn Fn(&mut Vec<Record>)| {
        let mut changed = whole.clone();
        change(&mut changed.rows);
        walk(&changed, &key).findings
    };
    let count = whole.rows.len();
    for index in 0..count {
        let n = whole.rows[index].n;
        let missing = found(&|rows| drop(rows.remove(index)));
        let wrong = if index + 1 == count { Wrong::CutOff } else { Wrong::Missing { until: n } };
        assert_eq!((missing[0].n, missing[0].wrong), (n, wrong));
        let doubled = found(&|rows| rows.insert(index, rows[index].clone()));
        assert_eq!((doubled[0].n, doubled[0].wrong), (n, Wrong::OutOfPlace));
        let cut = found(&|rows| rows.truncate(index));
        assert_eq!((cut[0].n, cut[0].wrong), (n, Wrong::CutOff), "signed, and gone with all that came after");
        for other in index + 1..count {
            // As rows of a table: the numbers stay, what they say changes places.
            let swapped = found(&|rows| {
                rows.swap(index, other);
                let n = rows[index].n;
                rows[index].n = rows[other].n;
                rows[other].n = n;
            });
            let rows: BTreeSet<_> = swapped.iter().map(|found| found.n).collect();
            assert!(rows.contains(&n) && rows.contains(&whole.rows[other].n), "{n} and {other}: {swapped:?}");
            // As lines of a file.
            assert!(!found(&|rows| rows.swap(index, other)).is_empty());
        }
    }
}

#[test]
fn a_changed_database_is_found_beside_a_running_server_and_a_kept_head_tells_of_a_cut_end() {
    if crate::support::elsewhere() {
        return;
    }
    let place = Place::new();
    let live = filled(&place);
    let good = place.run(&["audit", "verify"]);
    assert_eq!((good.status.code(), out(&good).as_str()), (Some(0), ""), "{}", said(&good));
    assert!(said(&good).contains("the record is as it was written"), "{}", said(&good));
    let kept = place.path().join("heads.txt");
    fs::write(&kept, place.run(&["audit", "heads"]).stdout).unwrap();
    let database = rusqlite::Connection::open(place.database()).unwrap();
    let triggers = "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted; \
                    DROP TRIGGER audit_private_is_only_taken_away;";
    database.execute_batch(triggers).unwrap();
    let some = "SELECT MIN(n) FROM audit WHERE tenant = 1 AND private IS NOT NULL";
    let n: i64 = database.query_row(some, [], |row| row.get(0)).unwrap();
    for (change, back, word) in [
        ("event = zeroblob(3)", "event", "changed"),
        ("hash = x'00'", "hash", "changed"),
        ("private = NULL", "private", "beside_gone"),
        ("private = zeroblob(40)", "private", "beside_changed"),
    ] {
        let sql = format!("SELECT {back} FROM audit WHERE tenant = 1 AND n = {n}");
        let before: Vec<u8> = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        database.execute(&format!("UPDATE audit SET {change} WHERE tenant = 1 AND n = {n}"), []).unwrap();
        let bad = place.run(&["audit", "verify", "--json"]);
        assert_eq!(bad.status.code(), Some(8), "{change}: {}", said(&bad));
        let told: Value = serde_json::from_slice(&bad.stdout).unwrap();
        assert_eq!(told["whole"], Value::Bool(false));
        let chain = told["chains"].as_array().unwrap().iter().find(|chain| chain["name"] == "default").unwrap();
        assert_eq!((&chain["findings"][0]["row"], &chain["findings"][0]["wrong"]), (&n.into(), &word.into()), "{told}");
        assert_eq!(place.run(&["check"]).status.code(), Some(8), "{change}");
        database.execute(&format!("UPDATE audit SET {back} = $1 WHERE tenant = 1 AND n = {n}"), [before]).unwrap();
    }
    let mut head: Vec<u8> =
        database.query_row("SELECT head FROM audit_heads WHERE tenant = 1", [], |row| row.get(0)).unwrap();
    // Whatever it was: one signature in sixteen ends in a zero.
    head[140] ^= 1;
    database.execute("UPDATE audit_heads SET head = $1 WHERE tenant = 1", [head]).unwrap();
    for verb in [["audit", "verify"].as_slice(), &["check"]] {
        let bad = place.run(verb);
        assert_eq!(bad.status.code(), Some(8), "{}", said(&bad));
        assert!(out(&bad).contains("has a signed head that the server has not signed"), "{}", out(&bad));
    }
    // Whoever owns the disk cuts the end off, signed heads and all: only a head that was kept elsewhere tells.
    database.execute_batch("DELETE FROM audit_heads; DELETE FROM audit WHERE tenant = 1 AND n > 4").unwrap();
    assert_eq!(place.run(&["audit", "verify"]).status.code(), Some(0), "nothing here can tell");
    let cut = place.run(&["audit", "verify", "--heads", kept.to_str().unwrap()]);
    assert_eq!(cut.status.code(), Some(8), "{}", said(&cut));
    assert!(out(&cut).contains("row 5 is missing: it was signed"), "{}", out(&cut));
    drop(live);
}

fn read(text: &[u8], key: &[u8; 32]) -> Report {
    file(text, &|head| seal::receipt::verify_head(head, key).is_ok()).unwrap()
}

#[test]
fn an_export_is_verified_without_the_server_and_every_line_of_it_counts() {
    let place = Place::new();
    drop(filled(&place));
    let export = place.run(&["audit", "export"]);
    assert_eq!(export.status.code(), Some(0), "{}", said(&export));
    let key = out(&place.run(&["audit", "key"])).trim().to_owned();
    let path = place.path().join("audit.ndjson");
    fs::write(&path, &export.stdout).unwrap();
    // A folder without any data, as on an auditor's own machine.
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_rehome-server"))
        .args(["audit", "verify", "--file", path.to_str().unwrap(), "--key", &key])
        .env("REHOME_DATA_DIR", place.path().join("nothing"))
        .env("REHOME_ROOT_KEY", place.path().join("no.key"))
        .output()
        .unwrap();
    assert_eq!(elsewhere.status.code(), Some(0), "{}{}", out(&elsewhere), said(&elsewhere));
    assert!(!place.path().join("nothing").exists() && !place.path().join("no.key").exists());

    let key = model::ids::from_hex(&key).unwrap();
    let whole = read(&export.stdout, &key);
    assert!(whole.is_whole() && whole.chains.len() == 1, "{whole:?}");
    let lines: Vec<&[u8]> = export.stdout.split_inclusive(|byte| *byte == b'\n').collect();
    for index in 0..lines.len() {
        let without: Vec<u8> =
            lines.iter().enumerate().filter(|(at, _)| *at != index).flat_map(|(_, line)| *line).copied().collect();
        let report = read(&without, &key);
        // A head of an earlier day may be missing: rows up to the newest head are proven by that one.
        let older_head = lines[index].starts_with(b"{\"head\"") && lines[index + 1].starts_with(b"{\"head\"");
        assert_eq!(report.is_whole(), older_head, "without line {}: {report:?}", index + 1);
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        let first_or_head = lines[index].starts_with(b"{\"head\"");
        assert_eq!(read(&doubled.concat(), &key).is_whole(), first_or_head, "line {} twice", index + 1);
        let cut = lines[..index].concat();
        assert!(!read(&cut, &key).is_whole(), "cut before line {}", index + 1);
        for other in index + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index, other);
            let both_heads = lines[index].starts_with(b"{\"head\"") && lines[other].starts_with(b"{\"head\"");
            assert_eq!(read(&swapped.concat(), &key).is_whole(), both_heads, "lines {} and {}", index + 1, other + 1);
        }
    }
    assert!(!read(&export.stdout, &[7; 32]).is_whole(), "another server's key");
    let deep = b"[".repeat(200_000);
    for odd in [&b""[..], b"\n", b"{}\n", b"not json\n", &[0xff; 64], &deep] {
        assert!(!read(odd, &key).is_whole());
    }
}

#[test]
fn every_changed_byte_of_an_export_is_found() {
    let place = Place::new();
    let live = place.serve();
    assert_eq!(live.try_enroll("ada", "wrong", "PC").status, 401);
    let key = live.app.keyring.receipt_key();
    let mut changed = place.run(&["audit", "export"]).stdout;
    assert!(read(&changed, &key).is_whole());
    for index in 0..changed.len() {
        let bit = 1 << (index % 7);
        changed[index] ^= bit;
        assert!(!read(&changed, &key).is_whole(), "byte {index} ^ {bit:#x}");
        changed[index] ^= bit;
    }
    println!("{} bytes, each change found", changed.len());
}

#[test]
fn a_selection_is_checked_row_by_row_and_never_called_all() {
    let place = Place::new();
    drop(filled(&place));
    let export = place.run(&["audit", "export", "--action", "access", "--action", "user.erase"]);
    let lines: Vec<Value> = out(&export).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<_> = lines[1..].iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["access.refuse", "user.erase"], "refused sign-ins are in it");
    assert_eq!((&lines[1]["outcome"], &lines[1]["reason"]), (&"refused".into(), &"wrong_credentials".into()));
    let path = place.path().join("some.ndjson");
    fs::write(&path, &export.stdout).unwrap();
    let verified = place.run(&["audit", "verify", "--file", path.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(3), "{}{}", out(&verified), said(&verified));
    assert!(said(&verified).contains("nothing says whether rows are missing"), "{}", said(&verified));
    let forged = out(&export).replacen("wrong_credentials", "wrong_credentialz", 1);
    fs::write(&path, forged).unwrap();
    let verified = place.run(&["audit", "verify", "--file", path.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(8));
    assert!(out(&verified).contains("line 2 says something else than its event"), "{}", out(&verified));
    let later = place.run(&["audit", "export", "--format", "csv", "--since", "2026-12-31"]);
    assert_eq!(out(&later).lines().count(), 1, "the columns: {}", out(&later));
}

/// The hashes within a page of the audit are made from what the page says, so each of its rows fits the one before it whatever was changed there.
#[test]
fn a_selection_from_a_page_that_was_changed_is_not_called_as_it_was_written() {
    if crate::support::elsewhere() {
        return;
    }
    let place = Place::new();
    let live = place.serve();
    for name in ["A", "B", "C"] {
        let pc = live.enroll("ada", name);
        for seq in 1..=180 {
            assert_eq!(live.backup(&pc, &Made::new(&pc, seq, &[(1, 100)], &[]).whole()).status, 201);
        }
    }
    live.app.store.ready().unwrap();
    let path = place.path().join("some.ndjson");
    let verified = || {
        let export = place.run(&["audit", "export", "--action", "device.enroll"]);
        fs::write(&path, &export.stdout).unwrap();
        place.run(&["audit", "verify", "--file", path.to_str().unwrap()])
    };
    assert_eq!(verified().status.code(), Some(3), "a selection of what is as it was written");
    let database = rusqlite::Connection::open(&live.database).unwrap();
    let events = "SELECT events FROM audit_pages WHERE tenant = (SELECT no FROM tenants WHERE name = 'default')";
    let packed: Vec<u8> = database.query_row(events, [], |row| row.get(0)).unwrap();
    let mut plain = zstd::bulk::decompress(&packed, 1 << 22).unwrap();
    // The PC that was enrolled becomes another one.
    let at = plain.windows(13).position(|window| window == b"device.enroll").unwrap() + 13 + 1;
    plain[at] ^= 1;
    database.execute_batch("DROP TRIGGER audit_pages_are_never_changed").unwrap();
    let packed = zstd::bulk::compress(&plain, 3).unwrap();
    let change = "UPDATE audit_pages SET events = $1 WHERE tenant = (SELECT no FROM tenants WHERE name = 'default')";
    assert_eq!(database.execute(change, [packed]).unwrap(), 1);
    let verified = verified();
    assert_eq!(verified.status.code(), Some(8), "{}{}", out(&verified), said(&verified));
    assert!(out(&verified).contains("row 512"), "{}", out(&verified));
}

#[test]
fn wrong_words_on_the_command_line_say_what_is_wanted() {
    let place = Place::new();
    drop(filled(&place));
    for (arguments, code, text) in [
        (&["audit", "export", "--since", "yesterday"][..], 2, "write `2026-11-28`"),
        (&["audit", "export", "--action", "DROP TABLE"], 2, "is no action"),
        (&["audit", "export", "--tenant", "nowhere"], 2, "there is no tenant `nowhere`"),
        (&["audit", "verify", "--file", "/no/such/file"], 2, "/no/such/file"),
        (&["audit", "verify", "--heads", "/no/such/file"], 2, "/no/such/file"),
        (&["audit", "verify", "--key", "abc"], 2, "abc"),
        (&["audit", "verify", "--file", "x", "--heads", "y"], 2, "cannot be used with"),
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{arguments:?}: {}", said(&output));
    }
    let no_heads = place.path().join("empty.txt");
    fs::write(&no_heads, "nothing here").unwrap();
    let output = place.run(&["audit", "verify", "--heads", no_heads.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("holds no signed head") && said(&output).contains("hint: "), "{}", said(&output));
}

/// The name of a PC that the record tells of.
fn page_of_pcs(live: &Live, auditor: &str) -> String {
    let page: Value = live.get("/api/v1/audit?action=device.enroll&limit=1", auditor).json();
    let id = page["items"][0]["target"].as_str().unwrap();
    let id = model::ids::DeviceId(model::ids::from_hex(id).unwrap());
    let scope = live.app.store.operator("default").unwrap().unwrap();
    live.app.store.actor_name(&scope, &store::Who::Device(id)).unwrap().unwrap()
}

#[test]
fn the_record_is_searched_by_the_names_that_people_know() {
    let place = Place::new();
    let live = filled(&place);
    live.give("default/ada", BuiltIn::Auditor);
    let ada = live.sign_in("default/ada");
    // Whom and what people know by name: a person, and a PC with what is kept of it.
    let names = |query: &str| -> Vec<String> {
        let page: Value = live.get(&format!("/api/v1/audit?{query}"), &ada).json();
        page["items"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
    };
    let (pc, all) = (page_of_pcs(&live, &ada), names("limit=200"));
    let of_pc = names(&format!("target={}", pc.to_uppercase().replace(' ', "%20")));
    assert!(of_pc.contains(&"device.enroll".to_owned()) && of_pc.len() < all.len(), "{of_pc:?}");
    assert!(names("target=ADA").contains(&"user.create".to_owned()), "however it is written");
}

#[test]
fn auditors_read_and_export_over_the_api_and_others_do_not() {
    let place = Place::new();
    let live = filled(&place);
    live.give("default/ada", BuiltIn::Auditor);
    let ada = live.sign_in("default/ada");
    let page: Value = live.get("/api/v1/audit?limit=2", &ada).json();
    let items = page["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["action"]), (2, &"role.assign".into()), "newest first");
    let cursor = page["next_cursor"].as_str().unwrap();
    let next: Value = live.get(&format!("/api/v1/audit?limit=2&cursor={cursor}"), &ada).json();
    assert_eq!(next["items"][0]["row"].as_u64(), items[1]["row"].as_u64().map(|row| row - 1));
    let mut rows = Vec::new();
    let mut path = "/api/v1/audit?limit=3&action=device,access".to_owned();
    loop {
        let page: Value = live.get(&path, &ada).json();
        rows.extend(page["items"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/audit?limit=3&action=device,access&cursor={cursor}");
    }
    assert_eq!(rows, ["access.refuse", "device.enroll", "device.enroll"]);
    let refused: Value = live.get("/api/v1/audit?outcome=refused", &ada).json();
    assert_eq!(refused["items"][0]["address"], "127.0.0.1");
    for (query, word) in [
        ("?since=soon", "is no time"),
        ("?outcome=odd", "`outcome`"),
        ("?actor=1", "`actor`"),
        ("?cursor=x", "cursor"),
        ("?limit=0", "`limit`"),
        ("?colour=red", "colour"),
        ("/export?format=xml", "`format`"),
        ("/export?limit=3", "no pages"),
    ] {
        let answer = live.get(&format!("/api/v1/audit{query}"), &ada);
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{query}");
        assert!(
            String::from_utf8_lossy(&answer.body).contains(word),
            "{query}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    let export = live.get("/api/v1/audit/export", &ada);
    assert_eq!((export.status, export.header("content-type")), (200, "application/x-ndjson"));
    let report = read(&export.body, &live.app.keyring.receipt_key());
    assert!(report.is_whole(), "{report:?}");
    let heads: Value = live.get("/api/v1/audit/heads", &ada).json();
    assert_eq!(heads["key"], model::ids::to_hex(&live.app.keyring.receipt_key()));
    let last = heads["heads"].as_array().unwrap().last().unwrap()["head"].as_str().unwrap().to_owned();
    let head = model::ids::from_hex::<{ model::audit::HEAD_LEN }>(&last).unwrap();
    assert!(seal::receipt::verify_head(&head, &live.app.keyring.receipt_key()).is_ok());
    let syslog = live.get("/api/v1/audit/export?format=syslog&action=access.refuse", &ada);
    let text = String::from_utf8(syslog.body).unwrap();
    assert!(text.starts_with("<108>1 ") && text.contains("reason=\"wrong_credentials\""), "{text}");
    assert_eq!(text.lines().count(), 1);
    // Who sees a part of the organisation only does not read its record.
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let view = store::View::operator(&scope);
    let tag = live.app.store.create_tag(&view, (model::ids::TagId([9; 16]), "part".to_owned()), live.app.clock.now());
    let terms = store::Terms {
        name: "part".to_owned(),
        role: store::Which::BuiltIn(BuiltIn::Auditor),
        users: vec![live.app.store.user_named(&scope, "carl").unwrap().unwrap_or_else(|| {
            let world = (live.app.clock.now(), &*live.app.random);
            live.app.keyring.create_user(&live.app.store, &scope, ("carl", "none".to_owned()), world).unwrap();
            live.app.store.user_named(&scope, "carl").unwrap().unwrap()
        })],
        groups: Vec::new(),
        tokens: Vec::new(),
        scope_groups: None,
        scope_tags: Some(vec![tag.unwrap().id]),
        expires_at: None,
    };
    live.app.store.assign(&view, (model::ids::AssignmentId([9; 16]), terms, None), live.app.clock.now()).unwrap();
    let carl = live.sign_in("default/carl");
    for path in ["/api/v1/audit", "/api/v1/audit/heads", "/api/v1/audit/export"] {
        assert_eq!(live.get(path, &carl).problem(), (403, "not_permitted".to_owned()), "{path}");
    }
}
