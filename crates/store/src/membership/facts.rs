//! What is known of a PC or a person, as rules ask for it: from rows to facts.
//!
//! What an identity provider said of somebody stands in its own words (SCIM, RFC 7643 section 4); what a PC said is its last check-in; the rest is the server's own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::admin::GroupOf;
use model::erasure::Erased;
use model::ids::{DeviceId, GroupId, UserId};
use model::prerequisite::Join;
use model::world::Moment;
use rules::engine::Table;
use rules::{Fact, FactId, Facts, Kind, property};
use serde::Deserialize;
use serde_json::Value;

use crate::fleet::CURRENT_MILLIS;
use crate::sql::{Connection, Row};
use crate::{StoreError, row};

/// What SCIM calls the attributes of an enterprise's people (RFC 7643, section 4.3).
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The facts that cost more than a row to know, or that change without anybody telling: backups, and when somebody came by.
pub(crate) static SLOW: LazyLock<Vec<FactId>> = LazyLock::new(|| {
    let of = |kind, names: &[&str]| names.iter().map(|name| fact(kind, name)).collect::<Vec<_>>();
    let mut slow = of(
        Kind::Device,
        &[
            "device.restorable",
            "device.lastBackupAt",
            "device.lastCheckInAt",
            "device.lastBackupBytes",
            "device.snapshotCount",
        ],
    );
    slow.extend(of(Kind::User, &["user.restorable", "user.lastBackupAt", "user.profileCount", "user.snapshotCount"]));
    slow
});

/// Whose groups a rule can ask for: `memberOf`.
pub(crate) static MEMBER_OF: LazyLock<[FactId; 2]> =
    LazyLock::new(|| [fact(Kind::Device, "device.memberOf"), fact(Kind::User, "user.memberOf")]);

fn fact(kind: Kind, name: &str) -> FactId {
    property::find(kind, name).expect("the names here are those of the table of properties").fact()
}

macro_rules! facts {
    ($of:ident, $table:ident, $entity:literal, $($field:ident $name:literal),* $(,)?) => {
        struct $of { $($field: FactId),* }
        static $table: LazyLock<$of> = LazyLock::new(|| {
            let kind = if $entity == "user." { Kind::User } else { Kind::Device };
            $of { $($field: fact(kind, concat!($entity, $name))),* }
        });
    };
}

facts!(
    OfDevice, DEVICE, "device.",
    enabled "accountEnabled", id "deviceId", object "objectId", name "displayName", system "deviceOSType",
    version "deviceOSVersion", maker "deviceManufacturer", model "deviceModel", trust "deviceTrustType",
    architecture "cpuArchitecture", sku "operatingSystemSKU", agent "agentVersion", enrolled "enrolledAt",
    checked_in "lastCheckInAt", backup "lastBackupAt", bytes "lastBackupBytes", snapshots "snapshotCount",
    restorable "restorable", member_of "memberOf",
);

facts!(
    OfUser, USER, "user.",
    enabled "accountEnabled", object "objectId", name "displayName", principal "userPrincipalName", mail "mail",
    mails "otherMails", department "department", title "jobTitle", given "givenName", surname "surname",
    employee "employeeId", company "companyName", city "city", state "state", country "country", street "streetAddress",
    postal "postalCode", language "preferredLanguage", kind "userType", phone "telephoneNumber", mobile "mobile",
    nick "mailNickName", fax "facsimileTelephoneNumber", backup "lastBackupAt", profiles "profileCount",
    snapshots "snapshotCount", restorable "restorable", member_of "memberOf",
);

/// In Intune's words, which filters have (memdocs `filters-device-properties.md`).
static FILTER_TRUST: LazyLock<FactId> = LazyLock::new(|| fact(Kind::Filter, "device.deviceTrustType"));

/// What is wanted beside a row's own columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What is known of backups.
    pub(crate) backups: bool,
    /// The groups.
    pub(crate) groups: bool,
}

impl Wanted {
    /// Everything.
    pub(crate) const ALL: Self = Self { backups: true, groups: true };

    /// What these facts take.
    pub(crate) fn of(facts: &[FactId]) -> Self {
        Self {
            backups: facts.iter().any(|fact| SLOW.contains(fact)),
            groups: facts.iter().any(|fact| MEMBER_OF.contains(fact)),
        }
    }

    /// Either's.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { backups: self.backups | other.backups, groups: self.groups | other.groups }
    }
}

/// Which rows: above the first number, up to and with the second.
pub(crate) type Between = (i64, i64);

/// A row with what is known.
pub(crate) struct Known {
    /// The number of its row.
    pub(crate) no: i64,
    /// Whether it counts: a PC that has access, a person who is not erased.
    pub(crate) live: bool,
    /// When it last checked in; 0: never.
    pub(crate) checked_in_at: i64,
    /// What is known.
    pub(crate) facts: Facts,
}

/// What a PC said, as far as rules ask for it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    build: Option<u32>,
    revision: Option<u32>,
    edition: Option<String>,
    architecture: Option<String>,
    maker: Option<String>,
    model: Option<String>,
    join: Option<Join>,
    agent: Option<String>,
}

/// What is known of backups, of one PC or one person.
#[derive(Clone, Copy, Default)]
struct Backups {
    profiles: i64,
    latest_at: Option<i64>,
    trouble: bool,
    snapshots: i64,
    bytes: Option<i64>,
}

fn text(facts: &mut Facts, fact: FactId, value: impl Into<String>) {
    facts.set(fact, Fact::Text(value.into()));
}

fn seconds(millis: i64) -> Fact {
    Fact::Number(millis.div_euclid(1000))
}

/// The facts that follow from what a PC says, without a row of it: for `what if`.
pub(crate) fn said(facts: &model::check_in::Facts) -> Facts {
    let mut known = Facts::new();
    if let Some(name) = &facts.name {
        text(&mut known, DEVICE.name, name.clone());
    }
    put_said(
        &mut known,
        Said {
            build: facts.build,
            revision: facts.revision,
            edition: facts.edition.clone(),
            architecture: facts.architecture.clone(),
            maker: facts.maker.clone(),
            model: facts.model.clone(),
            join: facts.join,
            agent: facts.agent.clone(),
        },
    );
    known
}

fn put_said(facts: &mut Facts, said: Said) {
    text(facts, DEVICE.system, "Windows");
    if let Some(build) = said.build {
        // The only major and minor version since Windows 10.
        let version = match said.revision {
            Some(revision) => format!("10.0.{build}.{revision}"),
            None => format!("10.0.{build}"),
        };
        text(facts, DEVICE.version, version);
    }
    for (fact, value) in [
        (DEVICE.sku, said.edition),
        // What Windows calls AMD64 and ARM64 in its environment is what Intune calls the same in small letters; texts are compared without case.
        (DEVICE.architecture, said.architecture),
        (DEVICE.maker, said.maker),
        (DEVICE.model, said.model),
        (DEVICE.agent, said.agent),
    ] {
        if let Some(value) = value {
            text(facts, fact, value);
        }
    }
    // Entra's words (entra-docs `groups-dynamic-membership.md`) and those of Intune's filters.
    let trust = match said.join {
        Some(Join::Entra) => Some(("AzureAD", "Azure AD joined")),
        Some(Join::Hybrid) => Some(("ServerAD", "Hybrid Azure AD joined")),
        Some(Join::Registered) => Some(("Workplace", "Azure AD registered")),
        Some(Join::Domain | Join::Workgroup) | None => None,
    };
    if let Some((entra, intune)) = trust {
        text(facts, DEVICE.trust, entra);
        text(facts, *FILTER_TRUST, intune);
    }
}

/// A table for facts of that sort. A PC's two ids are one, and take one column.
pub(crate) fn table(of: GroupOf) -> Table {
    match of {
        GroupOf::Devices => Table::with_same(DEVICE.object, DEVICE.id),
        GroupOf::People => Table::new(),
    }
}

/// What is known of the PCs of a tenant with these numbers, in order.
pub(crate) fn devices(
    connection: &Connection,
    tenant: i64,
    (between, limit): (Between, i64),
    (wanted, now): (Wanted, Moment),
) -> Result<Vec<Known>, StoreError> {
    let sql = format!("{DEVICES} AND d.no > $2 AND d.no <= $3 ORDER BY d.no LIMIT $4");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((tenant, between.0, between.1, limit), device)?;
    let known = rows.collect::<Result<_, _>>()?;
    with_more(connection, tenant, (known, "device_no"), (wanted, now))
}

/// The PCs that have checked in since a time, in milliseconds, with when they last did.
pub(crate) fn checked_in_since(
    connection: &Connection,
    tenant: i64,
    since: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT device_no, at FROM check_ins WHERE tenant = $1 AND at >= $2 ORDER BY at";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, since), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The PCs whose access was withdrawn since a time, in milliseconds.
pub(crate) fn revoked_since(connection: &Connection, tenant: i64, since: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT no FROM devices WHERE tenant = $1 AND revoked_at >= $2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, since), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const DEVICES: &str = "SELECT d.no, d.id, d.name, d.created_at, d.revoked_at, d.seen_at, c.at, c.facts FROM devices d \
                       LEFT JOIN check_ins c ON c.tenant = d.tenant AND c.device_no = d.no WHERE d.tenant = $1";

fn device(row: &Row<'_>) -> crate::sql::Result<(Known, i64)> {
    let (id, name): ([u8; 16], String) = (row.get(1)?, row.get(2)?);
    let revoked = row.get::<_, Option<i64>>(4)?.is_some();
    let (at, said): (Option<i64>, Option<String>) = (row.get(6)?, row.get(7)?);
    let id = DeviceId(id).to_string();
    let mut facts = Facts::new();
    facts.set(DEVICE.enabled, Fact::Bool(!revoked));
    text(&mut facts, DEVICE.id, id.clone());
    text(&mut facts, DEVICE.object, id);
    text(&mut facts, DEVICE.name, name);
    facts.set(DEVICE.enrolled, seconds(row.get(3)?));
    if let Some(at) = at {
        facts.set(DEVICE.checked_in, seconds(at));
        // A row that cannot be read is found where the PC itself is looked at; here it says nothing.
        put_said(&mut facts, said.and_then(|said| serde_json::from_str(&said).ok()).unwrap_or_default());
    }
    let known = Known { no: row.get(0)?, live: !revoked, checked_in_at: at.unwrap_or(0), facts };
    Ok((known, row.get(5)?))
}

/// What is known of the people of a tenant with these numbers, in order.
pub(crate) fn people(
    connection: &Connection,
    tenant: i64,
    (between, limit): (Between, i64),
    (wanted, now): (Wanted, Moment),
) -> Result<Vec<Known>, StoreError> {
    let sql = format!(
        "SELECT u.no, u.id, u.name, u.disabled_at, s.user_name, s.attributes, \
         (SELECT COUNT(*) FROM erasures e WHERE e.tenant = u.tenant AND e.kind = {} AND e.owner = u.id) FROM users u \
         LEFT JOIN scim_users s ON s.tenant = u.tenant AND s.user_no = u.no AND s.gone_at IS NULL \
         WHERE u.tenant = $1 AND u.no > $2 AND u.no <= $3 ORDER BY u.no LIMIT $4",
        Erased::User(UserId([0; 16])).number()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((tenant, between.0, between.1, limit), person)?;
    let known = rows.collect::<Result<_, _>>()?;
    with_more(connection, tenant, (known, "user_no"), (wanted, now))
}

fn person(row: &Row<'_>) -> crate::sql::Result<(Known, i64)> {
    let (id, name): ([u8; 16], String) = (row.get(1)?, row.get(2)?);
    let (principal, attributes): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let mut facts = Facts::new();
    facts.set(USER.enabled, Fact::Bool(row.get::<_, Option<i64>>(3)?.is_none()));
    text(&mut facts, USER.object, UserId(id).to_string());
    text(&mut facts, USER.principal, principal.unwrap_or_else(|| name.clone()));
    text(&mut facts, USER.name, name);
    if let Some(attributes) = attributes.and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
        provided(&mut facts, &attributes);
    }
    let erased = row.get::<_, i64>(6)? > 0;
    Ok((Known { no: row.get(0)?, live: !erased, checked_in_at: 0, facts }, 0))
}

/// What an identity provider says, in SCIM's words, as Entra's own provisioning maps it (entra-docs `customize-application-attributes.md`).
fn provided(facts: &mut Facts, said: &Value) {
    let word = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let enterprise = &said[ENTERPRISE];
    for (fact, value) in [
        (USER.name, &said["displayName"]),
        (USER.nick, &said["nickName"]),
        (USER.title, &said["title"]),
        (USER.kind, &said["userType"]),
        (USER.language, &said["preferredLanguage"]),
        (USER.given, &said["name"]["givenName"]),
        (USER.surname, &said["name"]["familyName"]),
        (USER.employee, &enterprise["employeeNumber"]),
        (USER.company, &enterprise["organization"]),
        (USER.department, &enterprise["department"]),
    ] {
        if let Some(value) = word(value) {
            text(facts, fact, value);
        }
    }
    let none = Vec::new();
    let many = |name: &str| said[name].as_array().unwrap_or(&none);
    let primary = |name: &str| {
        let all = many(name);
        all.iter().find(|one| one["primary"] == Value::Bool(true)).or(all.first())
    };
    if let Some(mail) = primary("emails").and_then(|mail| word(&mail["value"])) {
        text(facts, USER.mail, mail);
    }
    facts.set(USER.mails, Fact::Texts(many("emails").iter().filter_map(|mail| word(&mail["value"])).collect()));
    for phone in many("phoneNumbers") {
        let fact = match phone["type"].as_str() {
            Some("mobile") => USER.mobile,
            Some("fax") => USER.fax,
            _ => USER.phone,
        };
        if let Some(number) = word(&phone["value"]).filter(|_| facts.get(fact).is_none()) {
            text(facts, fact, number);
        }
    }
    if let Some(address) = primary("addresses") {
        for (fact, name) in [
            (USER.street, "streetAddress"),
            (USER.city, "locality"),
            (USER.state, "region"),
            (USER.postal, "postalCode"),
            (USER.country, "country"),
        ] {
            if let Some(value) = word(&address[name]) {
                text(facts, fact, value);
            }
        }
    }
}

/// What a provider says alone, for tests.
#[cfg(test)]
pub(super) fn said_by_provider(said: &Value) -> Facts {
    let mut facts = Facts::new();
    provided(&mut facts, said);
    facts
}

/// Adds what is wanted beside the rows' own columns. `column`: which of the rows of profiles and members is theirs.
fn with_more(
    connection: &Connection,
    tenant: i64,
    (rows, column): (Vec<(Known, i64)>, &str),
    (wanted, now): (Wanted, Moment),
) -> Result<Vec<Known>, StoreError> {
    let (Some(first), Some(last)) = (rows.first().map(|(row, _)| row.no), rows.last().map(|(row, _)| row.no)) else {
        return Ok(Vec::new());
    };
    let between = (first - 1, last);
    let of_devices = column == "device_no";
    let backups = if wanted.backups { backups(connection, tenant, (between, column))? } else { BTreeMap::new() };
    let groups = if wanted.groups { groups(connection, tenant, (between, of_devices))? } else { BTreeMap::new() };
    let whole = |(mut known, seen_at): (Known, i64)| {
        let facts = &mut known.facts;
        if wanted.backups {
            let of = backups.get(&known.no).copied().unwrap_or_default();
            // A PC that still asks keeps its backup current: `fleet.rs`.
            let current = |at: i64| now.0.saturating_sub(at.max(seen_at)) <= CURRENT_MILLIS;
            let restorable = known.live && !of.trouble && of.latest_at.is_some_and(current);
            let ids = if of_devices {
                [DEVICE.restorable, DEVICE.backup, DEVICE.snapshots]
            } else {
                [USER.restorable, USER.backup, USER.snapshots]
            };
            facts.set(ids[0], Fact::Bool(restorable));
            if let Some(at) = of.latest_at {
                facts.set(ids[1], seconds(at));
            }
            facts.set(ids[2], Fact::Number(of.snapshots));
            match of.bytes.filter(|_| of_devices) {
                Some(bytes) => facts.set(DEVICE.bytes, Fact::Number(bytes)),
                None if !of_devices => facts.set(USER.profiles, Fact::Number(of.profiles)),
                None => {}
            }
        }
        if wanted.groups {
            let member_of = if of_devices { DEVICE.member_of } else { USER.member_of };
            facts.set(member_of, Fact::Texts(groups.get(&known.no).cloned().unwrap_or_default()));
        }
        known
    };
    Ok(rows.into_iter().map(whole).collect())
}

fn backups(
    connection: &Connection,
    tenant: i64,
    (between, column): (Between, &str),
) -> Result<BTreeMap<i64, Backups>, StoreError> {
    let sql = format!(
        "SELECT p.{column}, p.latest_at, p.trouble, \
         (SELECT COUNT(*) FROM snapshots s WHERE s.tenant = p.tenant AND s.profile_no = p.no), \
         (SELECT s.size_bytes FROM snapshots s WHERE s.tenant = p.tenant AND s.profile_no = p.no AND s.seq = p.latest_seq) \
         FROM profiles p WHERE p.tenant = $1 AND p.{column} > $2 AND p.{column} <= $3 AND p.left_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((tenant, between.0, between.1))?;
    let mut all: BTreeMap<i64, Backups> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let of = all.entry(row.get(0)?).or_default();
        let (latest_at, trouble): (Option<i64>, Option<String>) = (row.get(1)?, row.get(2)?);
        let snapshots: i64 = row.get(3)?;
        of.profiles += i64::from(snapshots > 0);
        of.snapshots += snapshots;
        if latest_at > of.latest_at {
            (of.latest_at, of.trouble, of.bytes) = (latest_at, trouble.is_some(), row.get(4)?);
        }
    }
    Ok(all)
}

fn groups(
    connection: &Connection,
    tenant: i64,
    (between, of_devices): (Between, bool),
) -> Result<BTreeMap<i64, Vec<String>>, StoreError> {
    let (table, column) = if of_devices { ("group_devices", "device_no") } else { ("group_members", "user_no") };
    let sql = format!(
        "SELECT m.{column}, g.id FROM {table} m JOIN user_groups g ON g.tenant = m.tenant AND g.no = m.group_no \
         WHERE m.tenant = $1 AND m.{column} > $2 AND m.{column} <= $3 ORDER BY m.{column}, g.no"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((tenant, between.0, between.1))?;
    let mut all: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: GroupId = row::Id(row.get(1)?).into();
        all.entry(row.get(0)?).or_default().push(id.to_string());
    }
    Ok(all)
}
