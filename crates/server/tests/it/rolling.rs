//! Servers are exchanged one after the other: while the next release's has taken its step of the schema, those of before go on, and start. There has been no release before this one, so the
//! step is made up: it adds to every table what a step may add (`docs/scale.md`). On PostgreSQL; a file is one server's.

use crate::people::browser::Browser;
use crate::support::{Live, Made, PASSWORD, Pc, Place, ask, elsewhere};

/// A column that may be left out in every table, an index on it, a table, and the number of the schema; the database says that programs of before work on it.
const STEP: &str = "DO $$ DECLARE name TEXT; BEGIN \
    FOR name IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' LOOP \
    EXECUTE format('ALTER TABLE %I ADD COLUMN later BIGINT', name); \
    EXECUTE format('CREATE INDEX %I ON %I (later)', name || '_later', name); END LOOP; \
    CREATE TABLE later (tenant BIGINT NOT NULL, no BIGINT NOT NULL, PRIMARY KEY (tenant, no)); \
    UPDATE schema_version SET works_from = version, version = version + 1; END $$";

/// What PCs, people and the server itself ask of a server, for the `turn`-th time.
fn works(live: &Live, pc: &Pc, browser: &Browser<'_>, turn: u64) {
    assert_eq!(live.backup(pc, &Made::new(pc, turn, &[(1, 100), (2, 100)], &[]).whole()).status, 201, "{turn}");
    for path in ["/api/v1/profiles".to_owned(), format!("/api/v1/profiles/{}/snapshots", pc.profile)] {
        assert_eq!(live.get(&path, pc).status, 200, "{turn} {path}");
    }
    for path in ["/account", "/console", "/console/devices", "/console/policies", "/console/users", "/console/audit"] {
        let page = browser.get(path);
        assert_eq!(page.status, 200, "{turn} {path}");
    }
    let other = live.enroll("bob", &format!("PC {turn}"));
    assert_eq!(live.backup(&other, &Made::new(&other, 1, &[(1, 100)], &[]).whole()).status, 201, "{turn}");
    live.app.housekeep().unwrap();
}

#[test]
fn servers_of_before_go_on_and_start_after_the_next_ones_step_of_the_schema() {
    if !elsewhere() {
        return;
    }
    let place = Place::new();
    let old = place.serve();
    old.make_owner("default/ada");
    let pc = old.enroll("ada", "PC");
    let at_old = Browser::new(&old);
    at_old.sign_in("default", "ada", PASSWORD);
    works(&old, &pc, &at_old, 1);
    ask(&place.database(), STEP);
    // It was at work all the while, with statements that it had compiled before.
    works(&old, &pc, &at_old, 2);
    let started = place.serve();
    let at_started = Browser::new(&started);
    at_started.sign_in("default", "ada", PASSWORD);
    for turn in 1..3 {
        works(&started, &pc, &at_started, turn * 2 + 1);
        works(&old, &pc, &at_old, turn * 2 + 2);
    }
    let key = started.app.keyring.receipt_key();
    let report = started.app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!((report.snapshots, report.findings), (12, Vec::new()));
}
