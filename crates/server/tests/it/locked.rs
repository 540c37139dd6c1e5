//! Another program holds the database: everybody who writes is told to come back, who reads is served, and nothing is lost.

use crate::support::{Live, Made, Pc, Place};

/// PCs that come at once while nobody can write. Each waits for the lock as long as the store does, five seconds, and for the one before it.
const PCS: usize = 2;

fn seqs(live: &Live, pc: &Pc) -> usize {
    let list = live.get("/api/v1/profiles", pc);
    assert_eq!(list.status, 200);
    let path = format!("/api/v1/profiles/{}/snapshots", pc.profile);
    let answer = live.get(&path, pc);
    assert_eq!(answer.status, 200);
    String::from_utf8_lossy(&answer.body).matches("\"seq\"").count()
}

#[test]
fn while_another_program_holds_the_database_everybody_is_told_to_come_back() {
    let mut place = Place::new();
    place.on_file = true;
    let live = place.serve();
    let pcs: Vec<Pc> = (0..PCS).map(|number| live.enroll("ada", &format!("PC-{number}"))).collect();
    for pc in &pcs {
        assert_eq!(live.backup(pc, &Made::new(pc, 1, &[(1, 10)], &[]).whole()).status, 201);
    }
    let other = rusqlite::Connection::open(&live.database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        for pc in &pcs {
            let live = &live;
            scope.spawn(move || {
                let answer = live.backup(pc, &Made::new(pc, 2, &[(1, 10), (2, 10)], &[]).whole());
                assert_eq!(answer.problem(), (503, "storage_unavailable".to_owned()));
                assert_eq!(answer.header("retry-after"), "30");
            });
        }
    });
    assert_eq!(seqs(&live, &pcs[0]), 1, "who reads is served");
    other.execute_batch("ROLLBACK").unwrap();
    for pc in &pcs {
        assert_eq!(live.backup(pc, &Made::new(pc, 2, &[(1, 10), (2, 10)], &[]).whole()).status, 201);
        assert_eq!(seqs(&live, pc), 2);
    }
}
