//! What takes a second admin, over a real database.

use std::sync::Arc;

use crate::support::{NOW, id16, place, tenant, user};
use model::ids::ApprovalId;
use model::permission::Permission;
use model::world::Moment;
use store::blobs::MemoryBlobs;
use store::{ALONE_MILLIS, NewApproval, State, Store, View, WAITING_MILLIS};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&place(&folder.path().join("db")), Arc::new(MemoryBlobs::default()), NOW).unwrap();
    tenant(&store, "default", 1);
    tenant(&store, "other", 2);
    user(&store, "default", "ada", 1);
    (folder, store)
}

fn wish(number: u64) -> NewApproval {
    NewApproval {
        id: ApprovalId(id16("approval", number)),
        kind: "profile.rehome",
        needs: Permission::ProfileRehome,
        target: id16("profile", 1),
        body: "{}".to_owned(),
        note: "ada has a new account".to_owned(),
    }
}

fn later(millis: i64) -> Moment {
    NOW.plus_millis(millis)
}

#[test]
fn where_there_is_no_second_admin_seven_days_take_their_place() {
    let (_folder, store) = store();
    let scope = store.operator("default").unwrap().unwrap();
    let asked = store.ask(&View::operator(&scope), wish(1), NOW).unwrap();
    assert_eq!((asked.state, asked.alone_from, asked.asked_by), (State::Waiting, Some(later(ALONE_MILLIS)), None));
    assert!(store.settle_approvals(later(ALONE_MILLIS - 1)).unwrap().is_empty());
    assert!(!store.finish_approval(&scope, asked.id, (true, String::new()), NOW).unwrap(), "it is not approved yet");
    let due = store.settle_approvals(later(ALONE_MILLIS)).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].1.state, due[0].1.decided_by), (State::Approved, None));
    assert!(store.finish_approval(&scope, asked.id, (true, "moved".to_owned()), later(ALONE_MILLIS)).unwrap());
    let done = store.approval(&scope, asked.id).unwrap().unwrap();
    assert_eq!((done.state, done.outcome.as_deref()), (State::Done, Some("moved")));
    assert!(!store.finish_approval(&scope, asked.id, (true, String::new()), NOW).unwrap(), "once only");
}

#[test]
fn what_nobody_decides_lapses() {
    let (_folder, store) = store();
    let scope = store.operator("default").unwrap().unwrap();
    let asked = store.ask(&View::operator(&scope), wish(1), NOW).unwrap();
    assert_eq!(asked.expires_at, later(ALONE_MILLIS + WAITING_MILLIS));
    assert!(store.settle_approvals(asked.expires_at).unwrap().is_empty());
    assert_eq!(store.approval(&scope, asked.id).unwrap().unwrap().state, State::Expired);
}

#[test]
fn who_asked_may_take_it_back_and_another_tenant_sees_nothing_of_it() {
    let (_folder, store) = store();
    let (own, other) = (store.operator("default").unwrap().unwrap(), store.operator("other").unwrap().unwrap());
    let asked = store.ask(&View::operator(&own), wish(1), NOW).unwrap();
    assert_eq!(store.approval(&other, asked.id).unwrap(), None);
    assert!(store.approvals(&View::operator(&other), None).unwrap().is_empty());
    assert!(store.withdraw(&View::operator(&other), asked.id, NOW).is_err());
    let taken = store.withdraw(&View::operator(&own), asked.id, NOW).unwrap();
    assert_eq!(taken.state, State::Withdrawn);
    assert!(store.settle_approvals(later(ALONE_MILLIS)).unwrap().is_empty());
    assert_eq!(store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}
