//! Rows of the audit that have moved to pages: nobody can tell, and nobody can change them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::support::{Made, NOW, device, elsewhere, place, sign, sign_erasure, tenant, user};
use model::envelope::Envelope;
use model::world::Moment;
use rusqlite::Connection;
use store::blobs::MemoryBlobs;
use store::{Origin, Record, Store, TenantScope, Walked, Who, Wrong};

/// Rows of a page (`docs/format.md` section 14.2).
const PAGE: i64 = 512;

/// A store with one tenant, whose audit is written by hand.
struct Chain {
    folder: tempfile::TempDir,
    store: Store,
    scope: TenantScope,
}

impl Chain {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&place(&folder.path().join("db")), Arc::new(MemoryBlobs::default()), NOW).unwrap();
        tenant(&store, "example", 1);
        let scope = store.operator("example").unwrap().unwrap();
        Self { folder, store, scope }
    }

    /// Writes rows until there are so many, and gives all of them as they were read when each was the newest.
    fn grow(&self, to: i64, known: &mut Vec<Record>) {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let origin = Origin { actor: Who::Operator, address: Some(here), request_id: None, salt: [7; 16] };
        let seen = self.scope.by(origin);
        if known.is_empty() {
            known.extend(self.store.audit(&self.scope, 1, 100).unwrap());
        }
        let from = i64::try_from(known.len()).unwrap() + 1;
        for n in from..=to {
            let scope = if n % 100 == 0 { &seen } else { &self.scope };
            let what = if n % 250 == 0 { "x".repeat(5000) } else { format!("rows up to {n}") };
            self.store.note_audit_export(scope, what, Moment(NOW.0 + n)).unwrap();
            known.extend(self.store.audit(&self.scope, n, 10).unwrap());
        }
    }

    /// What the database itself answers.
    fn raw(&self) -> Connection {
        Connection::open(self.folder.path().join("db")).unwrap()
    }

    fn verified(&self) -> Walked {
        let all = self.store.verify_audit(&[], &|_| true).unwrap();
        all.into_iter().find(|walked| walked.rows > 5).unwrap()
    }

    fn wrong(&self) -> Vec<(i64, Wrong)> {
        self.verified().findings.iter().map(|finding| (finding.n, finding.wrong)).collect()
    }
}

fn numbers(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.n).collect()
}

#[test]
fn rows_are_the_same_to_whoever_reads_them_wherever_they_lie() {
    let chain = Chain::new();
    let mut known = Vec::new();
    for to in [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1, 2 * PAGE + 90] {
        chain.grow(to, &mut known);
        assert_eq!(numbers(&known), (1..=to).collect::<Vec<_>>());
        assert!(chain.store.audit(&chain.scope, 1, 10_000).unwrap() == known, "{to} rows");
        let mut backwards = chain.store.audit_below(&chain.scope, i64::MAX, 10_000).unwrap();
        backwards.reverse();
        assert!(backwards == known, "{to} rows, backwards");
        assert_eq!((chain.verified().rows, chain.wrong()), (u64::try_from(to).unwrap(), vec![]));
    }
    for (from, limit) in
        [(1, 1), (500, 40), (PAGE, 1), (PAGE + 1, 1), (PAGE, 2), (1000, 50), (1, 0), (-5, 3), (1114, 9)]
    {
        let expected: Vec<i64> = (from.max(1)..).take(limit).filter(|n| *n <= 1114).collect();
        let limit = u32::try_from(limit).unwrap();
        assert_eq!(numbers(&chain.store.audit(&chain.scope, from, limit).unwrap()), expected, "{from} {limit}");
    }
    for (below, limit) in [(i64::MAX, 3), (1025, 2), (PAGE + 2, 3), (PAGE + 1, 2), (2, 9), (1, 9), (0, 9), (600, 100)] {
        let expected: Vec<i64> = (1..below.min(1115)).rev().take(limit).collect();
        let limit = u32::try_from(limit).unwrap();
        assert_eq!(numbers(&chain.store.audit_below(&chain.scope, below, limit).unwrap()), expected, "{below} {limit}");
    }
    if !elsewhere() {
        let count = |sql: &str| chain.raw().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let still = count("SELECT COUNT(*) FROM audit WHERE tenant = 1 AND n <= 1024");
        assert_eq!(still, 10 + 4 - 2, "what lies beside a page, and long ones");
        let whole = count("SELECT COUNT(*) FROM audit WHERE tenant = 1 AND n <= 1024 AND length(event) > 0");
        assert_eq!(whole, 4, "the events of the others are in the page");
        let bytes = count("SELECT SUM(length(events) + length(hash)) FROM audit_pages WHERE tenant = 1");
        assert!(bytes < 1012 * 20, "{bytes} bytes for what took 100 a row");
    }
}

#[test]
fn what_lies_in_a_page_is_guarded_and_a_change_is_found() {
    if elsewhere() {
        return;
    }
    let chain = Chain::new();
    let mut known = Vec::new();
    chain.grow(PAGE + 1, &mut known);
    let raw = chain.raw();
    for change in [
        "DELETE FROM audit",
        "DELETE FROM audit WHERE n = 513",
        "DELETE FROM audit WHERE n = 100",
        "DELETE FROM audit WHERE n = 250",
        "UPDATE audit SET event = x'00' WHERE n = 100",
        "UPDATE audit SET private = x'00' WHERE n = 100",
        "DELETE FROM audit_pages",
        "UPDATE audit_pages SET page = 7",
    ] {
        assert!(raw.execute(change, []).is_err(), "{change}");
    }
    raw.execute_batch("DROP TRIGGER audit_pages_are_never_changed; DROP TRIGGER audit_pages_are_never_deleted; DROP TRIGGER audit_is_never_deleted")
        .unwrap();
    let events: Vec<u8> = raw.query_row("SELECT events FROM audit_pages", [], |row| row.get(0)).unwrap();
    let mut plain = zstd::bulk::decompress(&events, 1 << 22).unwrap();
    let at = plain.windows(13).position(|window| window == b"rows up to 77").unwrap();
    plain[at + 12] = b'8';
    let set = |bytes: &[u8]| raw.execute("UPDATE audit_pages SET events = $1", [bytes]).unwrap();
    set(&zstd::bulk::compress(&plain, 3).unwrap());
    let found = chain.wrong();
    assert!(found.iter().all(|(n, wrong)| (77..=PAGE).contains(n) && *wrong == Wrong::Changed), "{found:?}");
    assert_eq!(found.first().unwrap().0, 250, "the first row behind it that has a hash of its own");
    set(b"no page at all");
    assert_eq!(chain.wrong()[0], (1, Wrong::Missing { until: 99 }));
    set(&events);
    assert_eq!(chain.wrong(), []);
    raw.execute("UPDATE audit_pages SET hash = zeroblob(32)", []).unwrap();
    assert_eq!(chain.wrong()[0], (PAGE, Wrong::Changed));
    raw.execute("UPDATE audit_pages SET hash = $1", [known[511].hash]).unwrap();
    raw.execute("DELETE FROM audit WHERE n = 100", []).unwrap();
    assert_eq!(chain.wrong()[0], (100, Wrong::BesideGone));
    raw.execute("DELETE FROM audit WHERE n = 250", []).unwrap();
    assert_eq!(chain.wrong(), [(250, Wrong::Missing { until: 250 }), (500, Wrong::Changed), (100, Wrong::BesideGone)]);
}

#[test]
fn rows_of_an_older_database_move_a_few_pages_at_a_time_and_stay_what_they_are() {
    if elsewhere() {
        return;
    }
    let chain = Chain::new();
    let mut known = Vec::new();
    chain.grow(7 * PAGE, &mut known);
    let raw = chain.raw();
    raw.execute_batch(
        "DROP TRIGGER audit_pages_are_never_deleted; DROP TRIGGER audit_is_never_deleted; DELETE FROM audit_pages; DELETE FROM audit WHERE tenant = 1",
    )
    .unwrap();
    let sql = "INSERT INTO audit (tenant, n, event, hash, private) VALUES (1, $1, $2, $3, $4)";
    let mut insert = raw.prepare(sql).unwrap();
    for record in &known {
        insert.execute((record.n, &record.event, record.hash, &record.private)).unwrap();
    }
    assert!(chain.store.audit(&chain.scope, 1, 10_000).unwrap() == known);
    let pages = || raw.query_row("SELECT COUNT(*) FROM audit_pages", [], |row| row.get::<_, i64>(0)).unwrap();
    for (rows, expected) in [(7 * PAGE + 1, 4), (8 * PAGE + 1, 8)] {
        chain.grow(rows, &mut known);
        assert_eq!(pages(), expected);
        assert!(chain.store.audit(&chain.scope, 1, 10_000).unwrap() == known, "{rows} rows");
        assert_eq!(chain.wrong(), []);
    }
}

#[test]
fn what_lies_beside_a_page_goes_with_its_person_and_the_page_stays() {
    let chain = Chain::new();
    let account = user(&chain.store, "example", "ada", 7);
    let from = |address: [u8; 4]| Origin { address: Some(IpAddr::from(address)), salt: [9; 16], ..Origin::default() };
    let pc = device(&chain.store, &account, 1).by(from([192, 0, 2, 7]));
    let bytes = Made::new(&pc, 1, &[(1, 100)], &[]).envelope(|_| true);
    chain.store.commit(&pc, &Envelope::parse(&bytes).unwrap(), NOW, sign()).unwrap();
    let mut known = chain.store.audit(&chain.scope, 1, 100).unwrap();
    let of_ada = known.iter().position(|row| row.person == Some(pc.user()) && row.private.is_some()).unwrap();
    chain.grow(PAGE + 1, &mut known);
    assert!(chain.store.audit(&chain.scope, 1, 10_000).unwrap() == known, "in the page");
    assert!(chain.store.erase_user(&chain.scope, pc.user(), (NOW, sign_erasure())).unwrap().is_some());
    let rows = chain.store.audit(&chain.scope, 1, 10_000).unwrap();
    for (row, before) in rows.iter().zip(&known) {
        assert_eq!((&row.event, row.hash), (&before.event, before.hash), "row {}", row.n);
    }
    assert_eq!((&rows[of_ada].private, rows[of_ada].person), (&None, Some(pc.user())));
    assert_eq!(rows[99].private, known[99].private, "nobody else's");
    assert_eq!(chain.wrong(), []);
}

#[test]
fn rows_that_are_not_as_they_were_written_stay_where_they_are() {
    if elsewhere() {
        return;
    }
    let chain = Chain::new();
    let mut known = Vec::new();
    chain.grow(200, &mut known);
    chain
        .raw()
        .execute_batch("DROP TRIGGER audit_is_never_changed; UPDATE audit SET event = x'00' WHERE n = 5")
        .unwrap();
    chain.grow(PAGE + 1, &mut known);
    assert_eq!(chain.wrong(), [(5, Wrong::Changed)], "told to the row, and not hidden in a page");
    let pages = "SELECT COUNT(*) FROM audit_pages";
    assert_eq!(chain.raw().query_row(pages, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}
