//! What the audit tells of requests: who, from where, what was refused; and that it forgets a person without breaking.

use std::net::IpAddr;

use crate::support::{Live, Made, Place};
use server::keyring::erasure_signer;
use store::{Outcome, Told, Who};

fn told(live: &Live, tenant: &str) -> Vec<Told> {
    // Refusals are written behind the answer; what comes after them in the queue has seen them.
    live.app.store.ready().unwrap();
    let scope = live.app.store.operator(tenant).unwrap().unwrap();
    let rows = live.app.store.audit(&scope, 1, 10_000).unwrap();
    rows.iter().map(|row| row.read(scope.tenant()).expect("a row that can be read")).collect()
}

fn of<'a>(told: &'a [Told], action: &str) -> Vec<&'a Told> {
    told.iter().filter(|told| told.action == action).collect()
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn a_backup_is_told_with_who_and_from_where() {
    let place = Place::new();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let envelope = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    let with = [("content-type", model::api::ENVELOPE_TYPE), ("x-request-id", "r-4711")];
    assert_eq!(live.ask("POST", "/api/v1/backups", &pc, &with, &envelope).status, 201);
    let told = told(&live, "default");
    let backup = of(&told, "snapshot.create")[0];
    assert_eq!(backup.actor, Who::Device(pc.device));
    assert_eq!((backup.target.as_slice(), backup.detail), (pc.profile.as_bytes().as_slice(), 1));
    assert_eq!(backup.beside.address, Some(HERE));
    assert_eq!(backup.beside.request_id.as_deref(), Some("r-4711"));
    assert_eq!(backup.outcome, Outcome::Done);
    assert_eq!(of(&told, "device.enroll")[0].beside.address, Some(HERE));
}

#[test]
fn a_check_that_nothing_changed_writes_no_row() {
    let place = Place::new();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[]).whole());
    let before = told(&live, "default").len();
    let path = format!("/api/v1/profiles/{}/latest", pc.profile);
    let tag = live.get(&path, &pc).header("etag").to_owned();
    assert_eq!(live.ask("GET", &path, &pc, &[("if-none-match", &tag)], b"").status, 304);
    assert_eq!(told(&live, "default").len(), before);
}

#[test]
fn refusals_are_told_in_the_chain_of_whom_they_are_about() {
    let place = Place::new();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    assert_eq!(live.try_enroll("ada", "wrong", "PC").status, 401);
    assert_eq!(live.try_enroll("other/nobody", "wrong", "PC").status, 401);
    assert_eq!(live.try_enroll("nowhere/nobody", "wrong", "PC").status, 401);
    assert_eq!(live.get("/api/v1/profiles", "no-such-token").status, 401);

    let default = told(&live, "default");
    let refused = of(&default, "access.refuse");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].outcome, Outcome::Refused);
    assert_eq!(refused[0].reason.as_deref(), Some("wrong_credentials"));
    assert_eq!(refused[0].after.as_deref(), Some("POST /api/v1/enroll"));
    assert_eq!(refused[0].target, pc.user.as_bytes());
    assert_eq!(refused[0].beside.address, Some(HERE));
    assert_eq!(refused[0].actor, Who::Nobody);
    assert_eq!(of(&told(&live, "other"), "access.refuse").len(), 1, "the account does not exist, the tenant does");

    let server = live.app.store.server_chain(live.app.clock.now()).unwrap().unwrap();
    let rows = live.app.store.audit(&server, 1, 100).unwrap();
    let codes: Vec<_> = rows.iter().filter_map(|row| row.read(server.tenant()).unwrap().reason).collect();
    assert_eq!(codes, ["wrong_credentials", "proof_invalid"], "whose it is nobody knows");
}

#[test]
fn a_flood_of_refusals_is_counted_instead_of_written() {
    let place = Place::new();
    let live = place.serve();
    for _ in 0..server::audit::refusals::BURST + 50 {
        assert_eq!(live.get("/api/v1/profiles", "no-such-token").status, 401);
    }
    place.clock.turn(server::audit::refusals::SUMMARY_MILLIS / 1000);
    live.app.housekeep().unwrap();
    live.app.store.ready().unwrap();
    let server = live.app.store.server_chain(live.app.clock.now()).unwrap().unwrap();
    let rows = live.app.store.audit(&server, 1, 10_000).unwrap();
    let told: Vec<_> = rows.iter().map(|row| row.read(server.tenant()).unwrap()).collect();
    assert_eq!(told.len(), usize::try_from(server::audit::refusals::BURST).unwrap() + 1);
    assert_eq!(told.last().unwrap().detail, 50, "the rest is a count");
    assert_eq!(told.last().unwrap().actor, Who::Server);
}

#[test]
fn erasing_a_person_forgets_their_addresses_and_leaves_the_chain_whole() {
    let place = Place::new();
    let live = place.serve();
    let (ada, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    for pc in [&ada, &bob] {
        live.backup(pc, &Made::new(pc, 1, &[(1, 100)], &[]).whole());
    }
    assert_eq!(live.app.store.sign_heads(live.app.clock.now(), &|head| live.app.keyring.sign_head(head)).unwrap(), 2);
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let when = (live.app.clock.now(), erasure_signer(&live.app));
    assert!(live.app.store.erase_user(&tenant, ada.user, when).unwrap().is_some());

    let told = told(&live, "default");
    for backup in of(&told, "snapshot.create") {
        let erased = backup.actor == Who::Device(ada.device);
        assert_eq!((backup.erased, backup.beside.address.is_none()), (erased, erased), "{backup:?}");
    }
    let key = live.app.keyring.receipt_key();
    let walked = live.app.store.verify_audit(&[], &|head| seal::receipt::verify_head(head, &key).is_ok()).unwrap();
    let rows: u64 = walked.iter().map(|walked| walked.rows).sum();
    assert_eq!(rows, told.len() as u64 + 3, "both tenants' chains");
    assert!(walked.iter().all(|walked| walked.findings.is_empty()), "{walked:?}");
    assert_eq!(
        walked.iter().filter(|walked| walked.signed.is_some()).count(),
        2,
        "what was signed before the erasure still fits"
    );
}

#[test]
fn heads_are_signed_once_a_day_and_tell_of_rows_that_were_cut_off() {
    let place = Place::new();
    let live = place.serve();
    live.app.housekeep().unwrap();
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    assert_eq!(live.app.store.heads(&tenant).unwrap().len(), 1);
    live.enroll("ada", "PC");
    live.app.housekeep().unwrap();
    assert_eq!(live.app.store.heads(&tenant).unwrap().len(), 1, "not again on the same day");
    place.clock.turn(24 * 60 * 60);
    live.app.housekeep().unwrap();
    let heads = live.app.store.heads(&tenant).unwrap();
    assert_eq!(heads.len(), 2);
    let head: &[u8; model::audit::HEAD_LEN] = heads[1].as_slice().try_into().unwrap();
    let head = seal::receipt::verify_head(head, &live.app.keyring.receipt_key()).unwrap();
    assert_eq!((head.n, head.hash), live.app.store.audit_head(&tenant).unwrap());
    drop(live);
    if crate::support::elsewhere() {
        return;
    }

    let database = rusqlite::Connection::open(place.database()).unwrap();
    let newest = format!("DELETE FROM audit WHERE tenant = 1 AND n = {}", head.n);
    assert!(database.execute(&newest, []).is_err(), "the database itself refuses");
    database.execute_batch("DROP TRIGGER audit_is_never_deleted").unwrap();
    database.execute(&newest, []).unwrap();
    let app = place.open().unwrap();
    let walked = app.store.verify_audit(&[], &|_| true).unwrap();
    let findings: Vec<_> = walked.iter().flat_map(|walked| &walked.findings).map(ToString::to_string).collect();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].contains(&format!("row {} is missing", head.n)), "{findings:?}");
}
