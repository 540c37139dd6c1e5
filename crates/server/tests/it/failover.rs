//! The database's machine dies in the middle of backups, and its standby takes over: what was confirmed is there, and the server goes on by itself.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::not_tried::not_tried;
use crate::replicas::{Process, enroll};
use crate::support::cluster::Pair;
use crate::support::{Made, Pc, Place, elsewhere, said};

/// Backups of each PC.
const BACKUPS: u64 = 60;

/// Tries until the standby has taken over and the server has found it.
const TRIES_MAX: u32 = 2_000;

fn envelope(pc: &Pc, seq: u64) -> Vec<u8> {
    Made::new(pc, seq, &[(1, 100)], &[]).whole()
}

/// Backs up until an answer is no new receipt, and gives the receipts.
fn back_up(server: &Process, pc: &Pc, confirmed: &AtomicU64) -> Vec<Vec<u8>> {
    let mut receipts = Vec::new();
    for seq in 1..=BACKUPS {
        let answer = server.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope(pc, seq));
        let Some((201, receipt)) = answer else { break };
        receipts.push(receipt);
        confirmed.fetch_add(1, Ordering::SeqCst);
    }
    receipts
}

#[test]
fn a_database_that_dies_in_the_middle_of_backups_is_followed_by_its_standby_and_nothing_confirmed_is_lost() {
    if !elsewhere() {
        return;
    }
    let Some(mut pair) = Pair::start() else {
        not_tried("no database had a standby: there is no PostgreSQL of Debian here", Some("package postgresql"));
        return;
    };
    let mut place = Place::new();
    place.elsewhere = Some(pair.address());
    drop(place.serve());
    let kept = place.run(&["retention", "set", "--keep-last", "1000"]);
    assert!(kept.status.success(), "{}", said(&kept));
    let server = Process::start(&place);
    let pcs: Vec<Pc> = (0..4).map(|number| enroll(&server, number)).collect();
    let confirmed = AtomicU64::new(0);
    let receipts: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let (server, confirmed) = (&server, &confirmed);
        let threads: Vec<_> = pcs.iter().map(|pc| scope.spawn(move || back_up(server, pc, confirmed))).collect();
        while confirmed.load(Ordering::SeqCst) < 40 && !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::yield_now();
        }
        pair.kill_first();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let all: usize = receipts.iter().map(Vec::len).sum();
    assert!(all >= 40 && receipts.iter().any(|one| one.len() < 60), "it died in the middle: {all}");
    let next = |pc: &Pc, seq| server.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope(pc, seq));
    let meanwhile = next(&pcs[0], receipts[0].len() as u64 + 1);
    assert!(meanwhile.as_ref().is_some_and(|(status, _)| *status == 503), "{meanwhile:?}");
    pair.promote();
    for (pc, receipts) in pcs.iter().zip(&receipts) {
        let begun = receipts.len() as u64 + 1;
        // What was on its way may be there, without having been confirmed.
        let taken = (0..TRIES_MAX).find_map(|_| next(pc, begun).filter(|(status, _)| *status < 300));
        assert!(matches!(taken, Some((200 | 201, _))), "the server goes on by itself");
        for (seq, receipt) in (1..).zip(receipts) {
            assert_eq!(next(pc, seq), Some((200, receipt.clone())), "{seq}");
        }
        assert!(matches!(next(pc, begun + 1), Some((201, _))), "and so do its PCs");
    }
    drop(server);
    let app = place.open().unwrap();
    let key = app.keyring.receipt_key();
    let report = app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!((report.snapshots, report.findings), (all as u64 + 8, Vec::new()));
}
