//! Policies that are being made, and forms that wait for a sign-in, as servers side by side see them. On SQLite one store stands for all of them.

use std::sync::Arc;

use model::ids::{AssignmentId, PolicyId, UserId};
use model::permission::Permission;
use store::blobs::MemoryBlobs;
use store::{AdminError, DRAFT_MILLIS, Misfit, PARKED_MAX, PARKED_MILLIS, Store, View};

use crate::support::{NOW, elsewhere, id16, id32, place, sign_erasure, tenant, user};

/// What an owner of the tenant makes policies with.
pub fn owner(store: &Store, tenant: &str, of: UserId, number: u64) -> View {
    let scope = store.operator(tenant).unwrap().unwrap();
    store.make_owner(&scope, (AssignmentId(id16("owner", number)), of), NOW).unwrap();
    let person = store.person(&scope, of).unwrap().unwrap();
    store.authority(&person, NOW).unwrap().unwrap().view(Permission::PolicyWrite).unwrap()
}

struct World {
    _folder: tempfile::TempDir,
    servers: [Arc<Store>; 2],
    ada: View,
    bob: View,
    eve: View,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder.path().join("rehome.db"));
    let open = || Arc::new(Store::open(&place, Arc::new(MemoryBlobs::default()), NOW).unwrap());
    let here = open();
    let mut views = Vec::new();
    for (number, (of, name)) in [("default", "ada"), ("default", "bob"), ("other", "eve")].into_iter().enumerate() {
        let number = number as u64 + 1;
        if here.operator(of).unwrap().is_none() {
            tenant(&here, of, number);
        }
        let account = user(&here, of, name, number);
        views.push(owner(&here, of, account.user, number));
    }
    let [ada, bob, eve] = views.try_into().unwrap();
    let there = if elsewhere() { open() } else { Arc::clone(&here) };
    World { _folder: folder, servers: [here, there], ada, bob, eve }
}

fn id(number: u64) -> PolicyId {
    PolicyId(id16("draft", number))
}

fn one(number: u64) -> (PolicyId, String) {
    (id(number), format!("draft {number}"))
}

#[test]
fn a_draft_is_its_makers_alone_at_each_server_for_a_day_after_its_last_form() {
    let world = world();
    let World { servers: [here, there], ada, bob, eve, .. } = &world;
    here.keep_draft(ada, one(1), NOW).unwrap();
    let at = |view: &View, millis: i64| there.draft(view, id(1), NOW.plus_millis(millis)).unwrap();
    assert_eq!(at(ada, 5).as_deref(), Some("draft 1"));
    assert_eq!((at(bob, 5), at(eve, 5)), (None, None));
    let touch = |store: &Store, view: &View, millis: i64| {
        let more = |text: &str| Some((format!("{text}."), text.len()));
        store.change_draft(view, (id(1), NOW.plus_millis(millis)), more).unwrap()
    };
    assert_eq!((touch(there, bob, 5), touch(there, eve, 5)), (None, None), "nor do they change it");
    assert_eq!(touch(there, ada, 1_000), Some(7));
    assert_eq!(at(ada, DRAFT_MILLIS + 999).as_deref(), Some("draft 1."));
    assert_eq!(at(ada, DRAFT_MILLIS + 1_000), None, "even before it is swept");
    assert_eq!(touch(here, ada, DRAFT_MILLIS + 1_000), None);
    there.drop_draft(bob, id(1)).unwrap();
    here.sweep_drafts(NOW.plus_millis(DRAFT_MILLIS + 999)).unwrap();
    assert!(at(ada, 5).is_some());
    here.sweep_drafts(NOW.plus_millis(DRAFT_MILLIS + 1_000)).unwrap();
    assert_eq!(at(ada, 5), None);
    here.keep_draft(ada, one(2), NOW).unwrap();
    there.drop_draft(ada, id(2)).unwrap();
    assert_eq!(here.draft(ada, id(2), NOW).unwrap(), None);
    let operator = View::operator(&here.operator("default").unwrap().unwrap());
    assert!(matches!(here.keep_draft(&operator, one(3), NOW), Err(AdminError::NotFound)), "it is nobody's");
}

#[test]
fn a_person_has_ten_drafts_and_pushes_out_nobody_elses() {
    let world = world();
    let World { servers: [here, there], ada, bob, eve, .. } = &world;
    here.keep_draft(bob, one(98), NOW).unwrap();
    here.keep_draft(eve, one(99), NOW).unwrap();
    for number in 0..12 {
        let server = if number % 2 == 0 { here } else { there };
        server.keep_draft(ada, one(number), NOW.plus_millis(number.cast_signed())).unwrap();
    }
    let later = NOW.plus_millis(100);
    let left: Vec<u64> = (0..12).filter(|number| here.draft(ada, id(*number), later).unwrap().is_some()).collect();
    assert_eq!(left, (2..12).collect::<Vec<_>>());
    // One that is gone on with is not the oldest any more.
    here.keep_draft(ada, one(2), later).unwrap();
    there.keep_draft(ada, one(12), later).unwrap();
    assert!(here.draft(ada, id(2), later).unwrap().is_some() && here.draft(ada, id(3), later).unwrap().is_none());
    // Whatever the clock says, the one that was begun last is there.
    here.keep_draft(ada, one(13), NOW.plus_millis(-1)).unwrap();
    assert!(there.draft(ada, id(13), later).unwrap().is_some());
    assert!(here.draft(bob, id(98), later).unwrap().is_some() && here.draft(eve, id(99), later).unwrap().is_some());
    let long = (id(14), "x".repeat(128 * 1024 + 1));
    let refused = here.keep_draft(ada, long, later);
    assert!(matches!(refused, Err(AdminError::Misfit(Misfit::List(_)))), "{refused:?}");
}

#[test]
fn forms_that_come_at_the_same_moment_at_two_servers_lose_nothing_of_each_other() {
    let world = world();
    let World { servers, ada, .. } = &world;
    servers[0].keep_draft(ada, (id(1), String::new()), NOW).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8_u8 {
            let (store, ada) = (&servers[usize::from(number % 2)], ada);
            scope.spawn(move || {
                let letter = char::from(b'a' + number);
                let added = move |text: &str| Some((format!("{text}{letter}"), ()));
                store.change_draft(ada, (id(1), NOW), added).unwrap().unwrap();
            });
        }
    });
    let mut letters: Vec<char> = servers[0].draft(ada, id(1), NOW).unwrap().unwrap().chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ('a'..='h').collect::<Vec<_>>());
}

#[test]
fn drafts_go_with_the_person() {
    let world = world();
    let World { servers: [here, there], ada, bob, .. } = &world;
    for view in [ada, bob] {
        here.keep_draft(view, one(1), NOW).unwrap();
    }
    let scope = here.operator("default").unwrap().unwrap();
    let store::Actor::User(user) = ada.actor() else { panic!("a person") };
    here.erase_user(&scope, user, (NOW, sign_erasure())).unwrap().unwrap();
    assert_eq!(there.draft(ada, id(1), NOW).unwrap(), None);
    assert!(there.draft(bob, id(1), NOW).unwrap().is_some());
}

#[test]
fn forms_that_wait_for_a_sign_in_take_a_bounded_place_for_an_hour() {
    let world = world();
    let World { servers: [here, there], .. } = &world;
    let hash = |number: i64| id32("word", number.unsigned_abs());
    for number in 0..=PARKED_MAX {
        here.park_form(hash(number), vec![7; 9], NOW.plus_millis(number)).unwrap();
    }
    let at = |number: i64, millis: i64| there.parked_form(hash(number), NOW.plus_millis(millis)).unwrap();
    assert_eq!((at(0, 0), at(1, 0)), (None, Some(vec![7; 9])));
    assert_eq!((at(50, PARKED_MILLIS + 50), at(51, PARKED_MILLIS + 50).is_some()), (None, true));
    there.sweep_drafts(NOW.plus_millis(PARKED_MILLIS + 50)).unwrap();
    assert_eq!((at(50, 0), at(51, 0).is_some()), (None, true));
}
