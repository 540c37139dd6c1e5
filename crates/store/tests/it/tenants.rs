//! Deleting a tenant: nothing of it is left, and nothing of others is touched.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::support::{Made, NOW, elsewhere, id16, id32, place, tenant, user};
use model::envelope::Envelope;
use model::erasure::{Erased, Erasure};
use model::ids::{
    ApprovalId, AssignmentId, BlobId, GroupId, PolicyId, ProfileId, RetentionPolicyId, RoleId, TagId, TokenId,
};
use model::permission::{BuiltIn, Permission};
use model::retention::Rules;
use proptest::prelude::*;
use store::blobs::DiskBlobs;
use store::{
    EraseError, Mark, NewApproval, NewGroup, NewRole, NewToken, Piece, RetentionTerms, Scope, Store, Terms, View, Which,
};

/// What a tenant has, so many of each.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) users: u64,
    pub(crate) devices: u64,
    pub(crate) snapshots: u64,
    pub(crate) admin: bool,
}

pub(crate) fn population() -> impl Strategy<Value = Population> {
    (0_u64..3, 0_u64..3, 0_u64..3, any::<bool>()).prop_map(|(users, devices, snapshots, admin)| Population {
        users,
        devices,
        snapshots,
        admin,
    })
}

fn store(folder: &Path) -> Store {
    let blobs = DiskBlobs::open(folder.join("blobs")).unwrap();
    Store::open(&place(&folder.join("db")), Arc::new(blobs), NOW).unwrap()
}

pub(crate) fn populate(store: &Store, name: &str, number: u64, population: &Population) {
    tenant(store, name, number);
    let scope = store.operator(name).unwrap().unwrap();
    let view = View::operator(&scope);
    let mut people = Vec::new();
    for who in 0..population.users {
        let unique = number * 100 + who;
        let account = user(store, name, &format!("marker-{name}-{who}"), unique);
        people.push(account.user);
        for pc in 0..population.devices {
            let scope = crate::support::device(store, &account, unique * 10 + pc);
            fill(store, &scope, population.snapshots);
        }
    }
    if !population.admin {
        return;
    }
    if let Some(first) = people.first() {
        let maker = crate::drafts::owner(store, name, *first, number);
        let draft = (PolicyId(id16("draft", number)), format!("marker-{name}-draft"));
        store.keep_draft(&maker, draft, NOW).unwrap();
    }
    let id = |kind: &str| id16(kind, number);
    store.create_tag(&view, (TagId(id("tag")), format!("marker-{name}-tag")), NOW).unwrap();
    let group = NewGroup {
        tags: Some(vec![TagId(id("tag"))]),
        ..NewGroup::people(GroupId(id("group")), "group", people.clone())
    };
    store.create_group(&view, group, NOW).unwrap();
    let role = NewRole {
        id: RoleId(id("role")),
        name: "role".to_owned(),
        permissions: [Permission::UserRead].into(),
        tags: None,
    };
    store.create_role(&view, role, NOW).unwrap();
    let terms = Terms {
        name: "assignment".to_owned(),
        role: Which::Own(RoleId(id("role"))),
        users: people.clone(),
        groups: vec![GroupId(id("group"))],
        tokens: Vec::new(),
        scope_groups: Some(vec![GroupId(id("group"))]),
        scope_tags: Some(vec![TagId(id("tag"))]),
        expires_at: None,
    };
    store.assign(&view, (AssignmentId(id("assignment")), terms.clone(), None), NOW).unwrap();
    let token = NewToken {
        id: TokenId(id("token")),
        token_hash: id32("service", number),
        networks: Vec::new(),
        expires_at: NOW.plus_millis(1_000_000),
        assignment: AssignmentId(id("second")),
        terms: Terms { name: "account".to_owned(), role: Which::BuiltIn(BuiltIn::GitOps), ..terms },
        tags: None,
    };
    store.create_token(&view, token, NOW).unwrap();
    let policy = RetentionTerms {
        name: format!("marker-{name}-policy"),
        rules: Rules { last: 1, ..Rules::default() },
        users: people.clone(),
        groups: vec![GroupId(id("group"))],
        devices: Vec::new(),
        scope_tags: vec![TagId(id("tag"))],
    };
    store.create_retention_policy(&view, (RetentionPolicyId(id("retention")), policy, None), NOW).unwrap();
    let asked = NewApproval {
        id: ApprovalId(id("approval")),
        kind: "profile.rehome",
        needs: Permission::ProfileRehome,
        target: id("profile"),
        body: "{}".to_owned(),
        note: format!("marker-{name}-note"),
    };
    store.ask(&view, asked, NOW).unwrap();
}

pub(crate) fn fill(store: &Store, scope: &Scope, snapshots: u64) {
    for seq in 1..=snapshots {
        let blob = BlobId(id32("blob", seq));
        let piece = Piece { blob, offset: 0, length: 4, bytes: b"blob" };
        assert!(store.put_piece(scope, &piece, NOW).unwrap().complete);
        let made = Made::new(scope, seq, &[(seq, 300)], &[(seq, 4)]).envelope(|_| true);
        store.commit(scope, &Envelope::parse(&made).unwrap(), NOW, crate::support::sign()).unwrap();
    }
}

/// Every row of every table, told apart by tenant.
fn rows(folder: &Path) -> BTreeMap<i64, Vec<String>> {
    let connection = rusqlite::Connection::open(folder.join("db")).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut all: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for table in tables.iter().filter(|table| !table.starts_with("sqlite_")) {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let Some(tenant) = columns.iter().position(|column| column == "tenant") else { continue };
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<rusqlite::types::Value> = (0..columns.len()).map(|index| row.get(index).unwrap()).collect();
            let no: i64 = row.get(tenant).unwrap();
            all.entry(no).or_default().push(format!("{table}: {values:?}"));
        }
    }
    all
}

fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), vec![folder.join("blobs")]);
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { found.push(path.display().to_string()) }
        }
    }
    found.sort();
    found
}

pub(crate) fn sign(erasure: &Erasure) -> [u8; model::erasure::ERASURE_LEN] {
    let mut bytes = erasure.to_signed_bytes();
    bytes.extend_from_slice(&[9; 64]);
    bytes.try_into().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_it_is_left_and_nothing_of_others_is_touched(
        populations in proptest::collection::vec(population(), 3),
        which in 0_usize..3,
    ) {
        if elsewhere() {
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let names = ["first", "second", "third"];
        for (number, (name, population)) in names.iter().zip(&populations).enumerate() {
            populate(&store, name, number as u64 + 1, population);
        }
        let scope = store.operator(names[which]).unwrap().unwrap();
        let (before, files_before) = (rows(folder.path()), files(folder.path()));
        let number = i64::try_from(which).unwrap() + 1;
        let gone = store.delete_tenant(&scope, (NOW, Box::new(sign))).unwrap();
        let (after, files_after) = (rows(folder.path()), files(folder.path()));
        prop_assert_eq!(usize::try_from(gone.rows).unwrap(), before.get(&number).map_or(0, Vec::len));
        prop_assert_eq!(after.get(&number), None);
        let others: BTreeMap<_, _> = before.into_iter().filter(|(no, _)| *no != number).collect();
        prop_assert_eq!(after, others);
        let id = scope.tenant().to_string();
        let other_files: Vec<_> = files_before.into_iter().filter(|file| !file.contains(&id)).collect();
        prop_assert_eq!(files_after, other_files);
        // Not in free pages or the log either: names, tags, notes.
        let marker = format!("marker-{}", names[which]);
        for file in ["db", "db-wal"] {
            let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
            let found = bytes.windows(marker.len()).any(|window| window == marker.as_bytes());
            prop_assert!(!found, "{} is still in {}", marker, file);
        }
        let (erasure, _) = Erasure::from_bytes(&gone.receipt).unwrap();
        prop_assert_eq!((erasure.tenant, erasure.erased), (scope.tenant(), Erased::Tenant));
        prop_assert_eq!(store.tenant_receipt(scope.tenant()).unwrap(), Some(gone.receipt));
        prop_assert_eq!(store.operator(names[which]).unwrap(), None);
        prop_assert!(store.verify(&|_| true).unwrap().findings.is_empty());
        // The next tenant never gets the number: a device that a running server remembers must not become somebody else's.
        tenant(&store, "fourth", 9);
        let fourth = rows(folder.path());
        prop_assert!(!fourth.contains_key(&number));
        prop_assert!(fourth.contains_key(&4));
    }
}

#[test]
fn a_hold_keeps_its_tenant_and_the_record_is_still_guarded_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let one = Population { users: 1, devices: 1, snapshots: 1, admin: true };
    populate(&store, "first", 1, &one);
    populate(&store, "second", 2, &one);
    let (first, second) = (store.operator("first").unwrap().unwrap(), store.operator("second").unwrap().unwrap());
    let profile = ProfileId(id16("profile", 1000));
    assert!(store.mark(&first, (profile, 1), Mark::Hold, NOW).unwrap());
    let refused = store.delete_tenant(&first, (NOW, Box::new(sign)));
    assert!(matches!(refused, Err(EraseError::OnHold { held: 1 })), "{refused:?}");
    assert_eq!(store.kept(&first, None).unwrap().len(), 1);
    store.delete_tenant(&second, (NOW, Box::new(sign))).unwrap();
    let raw = rusqlite::Connection::open(folder.path().join("db")).unwrap();
    assert!(raw.execute("DELETE FROM audit", []).is_err(), "the triggers are back");
}
