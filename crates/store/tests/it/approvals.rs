//! What takes a second admin, over a real database.

use std::sync::Arc;

use crate::support::{NOW, id16, place, tenant, user};
use model::ids::{ApprovalId, AssignmentId};
use model::permission::{BuiltIn, Permission};
use model::world::Moment;
use store::blobs::MemoryBlobs;
use store::{ALONE_MILLIS, NewApproval, State, Store, Terms, View, WAITING_MILLIS, Which};

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

/// Makes a user an admin.
fn make_admin(store: &Store, name: &str, number: u64) -> AssignmentId {
    let scope = store.operator("default").unwrap().unwrap();
    let terms = Terms {
        name: name.to_owned(),
        role: Which::BuiltIn(BuiltIn::Admin),
        users: vec![store.user_named(&scope, name).unwrap().unwrap()],
        groups: Vec::new(),
        tokens: Vec::new(),
        scope_groups: None,
        scope_tags: None,
        expires_at: None,
    };
    let id = AssignmentId(id16("assignment", number));
    store.assign(&View::operator(&scope), (id, terms, None), NOW).unwrap();
    id
}

#[test]
fn nothing_is_done_for_who_may_not_any_more_or_by_a_delay_that_stands_in_for_nobody() {
    let (_folder, store) = store();
    user(&store, "default", "bob", 3);
    let scope = store.operator("default").unwrap().unwrap();
    let person = |name: &str| {
        let id = store.user_named(&scope, name).unwrap().unwrap();
        store.person(&scope, id).unwrap().unwrap()
    };
    let ada = person("ada");
    make_admin(&store, "ada", 1);
    let authority = store.authority(&ada, NOW).unwrap().unwrap();
    let view = authority.view(Permission::ProfileRehome).unwrap();
    let due = later(ALONE_MILLIS);
    let approved = |number: u64| {
        let asked = store.ask(&view, wish(number), NOW).unwrap();
        store.settle_approvals(due).unwrap();
        let found = store.approval(&scope, asked.id).unwrap().unwrap();
        assert_eq!((found.state, found.asked_by), (State::Approved, Some(ada.user())));
        found
    };
    let done = |id| store.finish_approval(&scope, id, (true, "moved".to_owned()), due).unwrap();
    let why = |found| store.who_may_not(&scope, found, due).unwrap();

    let first = approved(1);
    assert_eq!(why(&first), None);
    store.disable(&ada, true, due).unwrap();
    assert_eq!(why(&first), Some("who asked for it does not hold any more what it takes"));
    assert!(!done(first.id), "who asked is switched off");
    assert!(store.finish_approval(&scope, first.id, (false, "no".to_owned()), due).unwrap());
    assert_eq!(store.approval(&scope, first.id).unwrap().unwrap().state, State::Failed);
    store.disable(&ada, false, due).unwrap();

    // Somebody has come who could have decided, and goes again.
    let second = approved(2);
    let bobs = make_admin(&store, "bob", 2);
    assert_eq!(why(&second), Some("nobody has approved it, and there is somebody by now who could have"));
    assert!(!done(second.id));
    store.unassign(&View::operator(&scope), (bobs, None), due).unwrap();
    assert!(done(second.id));

    // Bob says yes, and is an admin no more.
    let bobs = make_admin(&store, "bob", 3);
    let asked = store.ask(&view, wish(3), NOW).unwrap();
    let decides = store.authority(&person("bob"), NOW).unwrap().unwrap().view(Permission::ApprovalDecide).unwrap();
    let yes = (true, String::new());
    let third = store.decide(&decides, (asked.id, Permission::ProfileRehome), yes, NOW).unwrap();
    assert_eq!(why(&third), None);
    store.unassign(&View::operator(&scope), (bobs, None), due).unwrap();
    assert_eq!(why(&third), Some("who approved it does not hold any more what it takes"));
    assert!(!done(third.id));
    assert_eq!(store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}
