//! Sessions, identities, codes and tokens: each is good once, for a while, and for one person.

use std::sync::Arc;

use crate::support::{NOW, elsewhere, id16, id32, place, print, tenant, user};
use model::ids::{KeyId, ProviderId, UserId};
use model::world::Moment;
use store::blobs::MemoryBlobs;
use store::people::{
    Change, Identity, NewAgentRequest, NewSession, NewSignIn, Polled, ProviderKind, ProviderSettings, Stage,
};
use store::{NewKey, NewUser, Person, Purpose, Store, TenantScope};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

struct World {
    folder: tempfile::TempDir,
    store: Store,
    ada: Person,
    eve: Person,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&place(&folder.path().join("db")), Arc::new(MemoryBlobs::default()), NOW).unwrap();
        tenant(&store, "default", 1);
        tenant(&store, "other", 2);
        let (ada, eve) = (user(&store, "default", "ada", 1).person(), user(&store, "other", "eve", 2).person());
        Self { folder, store, ada, eve }
    }

    fn scope(&self, name: &str) -> TenantScope {
        self.store.operator(name).unwrap().unwrap()
    }

    fn open(&self, of: &Person, number: u64, stage: Stage, at: Moment) -> [u8; 32] {
        let hash = id32("session", number);
        self.store.open_session(of, session(number, stage, at), None, at).unwrap();
        hash
    }

    fn live(&self, hash: [u8; 32], at: Moment) -> bool {
        let session = self.store.session(&hash, at).unwrap();
        session.is_some_and(|session| self.store.touch_session(&session, at).is_ok())
    }

    /// What the audit of `default` says, as far as texts are in it.
    fn audited(&self, action: &str) -> usize {
        let connection = rusqlite::Connection::open(self.folder.path().join("db")).unwrap();
        let mut rows = connection.prepare("SELECT event FROM audit").unwrap();
        let rows = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        rows.filter(|event| {
            let event = event.as_ref().unwrap();
            event.windows(action.len()).any(|window| window == action.as_bytes())
        })
        .count()
    }
}

fn session(number: u64, stage: Stage, at: Moment) -> NewSession {
    NewSession {
        hash: id32("session", number),
        stage,
        strong: false,
        provider: None,
        address: "127.0.0.1".to_owned(),
        browser: "Browser\u{1b}[31m 1.0".to_owned(),
        auth_at: at,
    }
}

fn identity(subject: &str) -> Identity {
    Identity { authority: "https://id.example.com".to_owned(), subject: subject.to_owned() }
}

fn newcomer(name: &str, number: u64) -> NewUser {
    // The key of the first tenant, as `crate::support::tenant` makes it.
    let parent = KeyId(id16("key", 1000));
    let key = NewKey { id: KeyId(id16("newcomer", number)), purpose: Purpose::User, parent, wrapped: vec![7; 77] };
    NewUser { id: UserId(id16("newcomer", number)), name: name.to_owned(), password: String::new(), keys: vec![key] }
}

fn provider(world: &World, tenant: &str, name: &str) -> store::people::Provider {
    let settings = ProviderSettings {
        kind: ProviderKind::Oidc,
        issuer: "https://id.example.com".to_owned(),
        client_id: "rehome".to_owned(),
        secret_file: None,
        scopes: Vec::new(),
        guests: false,
        known_only: false,
        mappings: Vec::new(),
        ca_file: None,
    };
    let (scope, id) = (world.scope(tenant), ProviderId(id16(name, 1)));
    world.store.add_provider(&scope, (id, name.to_owned()), &settings, (None, NOW)).unwrap();
    world.store.provider(&scope, id).unwrap().unwrap()
}

#[test]
fn a_session_ends_when_idle_or_old_or_half_way() {
    let world = World::new();
    let hash = world.open(&world.ada, 1, Stage::Complete, NOW);
    let found = world.store.session(&hash, NOW).unwrap().unwrap();
    assert_eq!(
        (found.user_name.as_str(), found.tenant_name.as_str(), found.stage),
        ("ada", "default", Stage::Complete)
    );
    assert_eq!(found.person, world.ada);
    // Used every 29 minutes it lives for 12 hours, and not longer.
    let mut at = NOW;
    while at.0 + 29 * MINUTE < NOW.0 + 12 * HOUR {
        at = at.plus_millis(29 * MINUTE);
        assert!(world.live(hash, at), "after {} min", (at.0 - NOW.0) / MINUTE);
    }
    assert!(!world.live(hash, NOW.plus_millis(12 * HOUR)));

    let idle = world.open(&world.ada, 2, Stage::Complete, NOW);
    assert!(!world.live(idle, NOW.plus_millis(30 * MINUTE)));
    let half = world.open(&world.ada, 3, Stage::SecondFactor, NOW);
    assert!(world.live(half, NOW.plus_millis(9 * MINUTE)));
    assert!(!world.live(half, NOW.plus_millis(10 * MINUTE)));
    world.store.sweep_sign_ins(NOW.plus_millis(12 * HOUR)).unwrap();
    assert!(world.store.sessions_of(&world.ada, NOW).unwrap().is_empty(), "what has run out is removed");
}

#[test]
fn a_step_up_takes_the_old_id_out_of_use() {
    if elsewhere() {
        return;
    }
    let world = World::new();
    let first = world.open(&world.ada, 1, Stage::SecondFactor, NOW);
    world.store.open_session(&world.ada, session(2, Stage::Complete, NOW), Some(first), NOW).unwrap();
    assert!(!world.live(first, NOW));
    assert!(world.live(id32("session", 2), NOW));
    assert_eq!(world.audited("sign_in.done"), 1);
}

#[test]
fn sessions_are_listed_and_closed_by_their_own_person_only() {
    let world = World::new();
    let (one, two) = (world.open(&world.ada, 1, Stage::Complete, NOW), world.open(&world.ada, 2, Stage::Complete, NOW));
    let eves = world.open(&world.eve, 3, Stage::Complete, NOW);
    let listed = world.store.sessions_of(&world.ada, NOW).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].browser, "Browser[31m 1.0", "what a terminal would obey is left out");
    assert!(!world.store.close_session(&world.ada, eves, NOW).unwrap());
    assert!(world.live(eves, NOW));
    assert_eq!(world.store.close_sessions(&world.ada, Some(one), NOW).unwrap(), 1);
    assert!(world.live(one, NOW) && !world.live(two, NOW));
    world.store.set_password(&world.ada, ("new".to_owned(), Change::No), None, NOW).unwrap();
    assert!(!world.live(one, NOW), "a new password closes what was open");
}

#[test]
fn who_is_switched_off_gets_in_nowhere() {
    let world = World::new();
    let account = world.store.account("default", "ada").unwrap().unwrap();
    let device = crate::support::device(&world.store, &account, 1);
    let hash = world.open(&world.ada, 1, Stage::Complete, NOW);
    assert!(world.store.disable(&world.ada, true, NOW).unwrap());
    assert!(!world.store.disable(&world.ada, true, NOW).unwrap());
    assert!(!world.live(hash, NOW));
    assert!(world.store.account("default", "ada").unwrap().is_none());
    assert!(world.store.authenticate(print(1)).unwrap().is_none());
    assert!(world.store.disable(&world.ada, false, NOW).unwrap());
    assert_eq!(world.store.authenticate(print(1)).unwrap().unwrap().scope.device(), device.device());
    assert!(!world.live(hash, NOW), "sessions do not come back");
}

#[test]
fn an_identity_makes_one_user_in_its_own_tenant() {
    let world = World::new();
    let scope = world.scope("default");
    let made = world.store.create_person(&scope, newcomer("ada", 1), identity("1"), NOW).unwrap();
    assert_eq!(world.store.name_of(&made).unwrap(), "ada (2)", "the name of somebody else is not theirs");
    assert_ne!(made, world.ada);
    let again = world.store.create_person(&scope, newcomer("ada", 2), identity("1"), NOW).unwrap();
    assert_eq!(again, made, "who came first wins");
    assert_eq!(world.store.person_of(&scope, &identity("1")).unwrap(), Some((made.clone(), false)));
    assert_eq!(world.store.person_of(&world.scope("other"), &identity("1")).unwrap(), None);
    assert_eq!(world.store.person_of(&scope, &identity("2")).unwrap(), None);
    assert!(world.store.link_identity(&world.ada, identity("1"), NOW).is_err(), "an identity has one user");
    world.store.link_identity(&world.ada, identity("2"), NOW).unwrap();
    let odd = world.store.create_person(&scope, newcomer("a/b\n", 3), identity("3"), NOW).unwrap();
    assert_eq!(world.store.name_of(&odd).unwrap(), "ab");

    let idp = provider(&world, "default", "Work");
    world.store.set_claimed_roles(&made, &idp, vec!["admin".to_owned(), "auditor".to_owned()]).unwrap();
    world.store.set_claimed_roles(&made, &idp, vec!["auditor".to_owned()]).unwrap();
    assert_eq!(world.store.claimed_roles(&made).unwrap(), ["auditor"]);
    assert!(world.store.remove_provider(&scope, "Work", NOW).unwrap());
    assert!(world.store.claimed_roles(&made).unwrap().is_empty(), "its roles go with a provider");
}

#[test]
fn an_erased_person_leaves_nothing_that_signs_in() {
    if elsewhere() {
        return;
    }
    let world = World::new();
    let scope = world.scope("default");
    let hash = world.open(&world.ada, 1, Stage::Complete, NOW);
    world.store.link_identity(&world.ada, identity("1"), NOW).unwrap();
    world.store.set_totp(&world.ada, Some((vec![1], 0)), vec![id32("code", 1)], NOW).unwrap();
    world.store.erase_user(&scope, world.ada.user(), (NOW, crate::support::sign_erasure())).unwrap().unwrap();
    assert!(!world.live(hash, NOW));
    assert_eq!(world.store.person_of(&scope, &identity("1")).unwrap(), None);
    assert_eq!(world.store.factors(&world.ada).unwrap(), store::people::Factors::default());
}

#[test]
fn a_state_is_good_once_and_in_time_and_tells_another_browser() {
    let world = World::new();
    let idp = provider(&world, "default", "Work");
    let begin = |number| {
        let new = NewSignIn {
            state_hash: id32("state", number),
            browser_hash: id32("browser", 1),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            return_to: "/".to_owned(),
            expires_at: NOW.plus_millis(10 * MINUTE),
        };
        world.store.begin_sign_in(&idp, new).unwrap();
    };
    let take =
        |number, browser, at| world.store.take_sign_in(id32("state", number), id32("browser", browser), at).unwrap();
    begin(1);
    begin(2);
    begin(3);
    let found = take(1, 1, NOW).unwrap();
    assert!(found.same_browser && found.provider == idp.id && found.tenant == world.scope("default"));
    assert!(take(1, 1, NOW).is_none());
    assert!(!take(2, 2, NOW).unwrap().same_browser);
    assert!(take(3, 1, NOW.plus_millis(10 * MINUTE)).is_none());
}

fn request(number: u64, user_code: Option<&str>, approved: Option<&Person>) -> NewAgentRequest {
    NewAgentRequest {
        code_hash: id32("code", number),
        user_code: user_code.map(str::to_owned),
        loopback: user_code.is_none().then(|| ("challenge".to_owned(), "http://127.0.0.1:1/".to_owned())),
        thumbprint: "print".to_owned(),
        device_name: "PC-ADA".to_owned(),
        approved: approved.map(|person| (person.clone(), NOW)),
        expires_at: NOW.plus_millis(10 * MINUTE),
    }
}

#[test]
fn a_device_code_waits_for_its_person_and_is_good_once() {
    if elsewhere() {
        return;
    }
    let world = World::new();
    let (scope, pause) = (world.scope("default"), 5_000);
    let poll = |number, seconds: i64| {
        world.store.poll_agent(id32("code", number), pause, NOW.plus_millis(seconds * 1000)).unwrap()
    };
    world.store.begin_agent_sign_in(&scope, request(1, Some("BCDF-GHJK"), None), NOW).unwrap();
    assert_eq!(poll(1, 0), Polled::Waiting);
    assert_eq!(poll(1, 2), Polled::TooSoon);
    assert_eq!(world.store.agent_waiting(&world.eve, "BCDF-GHJK", NOW).unwrap(), None, "another organisation");
    assert_eq!(world.store.agent_waiting(&world.ada, "BCDF-GHJK", NOW).unwrap().unwrap().device_name, "PC-ADA");
    assert!(!world.store.answer_agent(&world.eve, "BCDF-GHJK", (true, NOW), NOW).unwrap());
    assert!(world.store.answer_agent(&world.ada, "BCDF-GHJK", (true, NOW), NOW).unwrap());
    assert!(!world.store.answer_agent(&world.ada, "BCDF-GHJK", (false, NOW), NOW).unwrap(), "one answer");
    let Polled::Approved(approved) = poll(1, 10) else { panic!("approved") };
    assert_eq!((approved.person, approved.thumbprint.as_str()), (world.ada.clone(), "print"));
    assert_eq!(poll(1, 20), Polled::Unknown, "used up");

    world.store.begin_agent_sign_in(&scope, request(2, Some("LMNP-QRST"), None), NOW).unwrap();
    assert!(world.store.answer_agent(&world.ada, "LMNP-QRST", (false, NOW), NOW).unwrap());
    assert_eq!(poll(2, 10), Polled::Denied);
    world.store.begin_agent_sign_in(&scope, request(3, Some("VWXZ-BCDF"), None), NOW).unwrap();
    assert_eq!(poll(3, 600), Polled::Unknown, "too late");
    assert_eq!(world.audited("agent.approve") + world.audited("agent.deny"), 2);
}

#[test]
fn an_authorization_code_and_a_token_are_good_once() {
    let world = World::new();
    let scope = world.scope("default");
    world.store.begin_agent_sign_in(&scope, request(1, None, Some(&world.ada)), NOW).unwrap();
    assert_eq!(world.store.poll_agent(id32("code", 1), 0, NOW).unwrap(), Polled::Unknown, "no device code");
    let redeemed = world.store.redeem_agent_code(id32("code", 1), NOW).unwrap().unwrap();
    assert_eq!((redeemed.challenge.as_str(), redeemed.redirect_uri.as_str()), ("challenge", "http://127.0.0.1:1/"));
    assert!(world.store.redeem_agent_code(id32("code", 1), NOW).unwrap().is_none());

    let until = NOW.plus_millis(10 * MINUTE);
    let keep = |number| world.store.keep_sign_in_token(&redeemed.approved, id32("token", number), until).unwrap();
    keep(1);
    let taken = world.store.take_sign_in_token(id32("token", 1), NOW).unwrap().unwrap();
    assert_eq!(taken, redeemed.approved);
    assert!(world.store.take_sign_in_token(id32("token", 1), NOW).unwrap().is_none());
    keep(2);
    assert!(world.store.take_sign_in_token(id32("token", 2), until).unwrap().is_none(), "too late");
    keep(3);
    world.store.disable(&world.ada, true, NOW).unwrap();
    assert!(world.store.take_sign_in_token(id32("token", 3), NOW).unwrap().is_none(), "switched off");
}

#[test]
fn a_time_step_and_a_recovery_code_count_once() {
    let world = World::new();
    world.store.set_totp(&world.ada, Some((vec![1, 2], 100)), vec![id32("code", 1), id32("code", 2)], NOW).unwrap();
    assert!(!world.store.use_totp_step(&world.ada, 100).unwrap(), "the one that set it up");
    assert!(world.store.use_totp_step(&world.ada, 101).unwrap());
    assert!(!world.store.use_totp_step(&world.ada, 101).unwrap());
    assert!(world.store.use_recovery_code(&world.ada, id32("code", 1), NOW).unwrap());
    assert!(!world.store.use_recovery_code(&world.ada, id32("code", 1), NOW).unwrap());
    assert!(!world.store.use_recovery_code(&world.eve, id32("code", 2), NOW).unwrap());
    assert_eq!(world.store.factors(&world.ada).unwrap().recovery_codes, 1);
    world.store.set_totp(&world.ada, None, Vec::new(), NOW).unwrap();
    assert!(!world.store.use_totp_step(&world.ada, 200).unwrap(), "there is none any more");
}
