//! Which policies apply to a person on a PC, and what they come to.
//!
//! Everything is read into values, and [`model::policy::resolve`] decides. The enrollment options count as one more who says something, weaker than every
//! policy.

use std::collections::BTreeMap;

use crate::sql::{Connection, OptionalExtension};
use model::admin::{GroupOf, RestorePage};
use model::ids::PolicyId;
use model::policy::resolve::{Applied, By, Resolved, resolve};
use model::policy::{Policy, Setting, Settings, Values, evaluate};
use model::retention::{self, Rules};
use model::world::Moment;
use rules::{FactId, Facts, Kind, Rule};

use crate::admin::enrolment_options::page_of;
use crate::admin::policies::settings_of;
use crate::membership::facts::Wanted;
use crate::membership::{known_of, stored_rule};
use crate::targets::{EXCLUDED, INCLUDED, Subject, Targets};
use crate::{Store, StoreError, TenantScope};

/// What the enrollment options are called where a policy's name stands.
pub const ENROLMENT_OPTIONS: &str = "Enrollment options";

/// The setting that they are about.
const RESTORE_PAGE: &str = "restore.page";

/// Why a policy applies, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It is for all devices or all users.
    All,
    /// It is for one of their groups, for the person, for the PC, or for a scope tag of theirs.
    Included,
    /// It is not for one of these.
    Excluded,
    /// It is for others.
    NotIncluded,
    /// It would be for them, but a filter beside what includes them leaves this PC out.
    Filtered,
    /// It is switched off.
    Disabled,
}

impl Because {
    /// Whether it applies.
    pub fn applies(self) -> bool {
        matches!(self, Self::All | Self::Included)
    }

    /// A few words, which follow the policy's name.
    pub fn title(self) -> &'static str {
        match self {
            Self::All => "applies: it is for all",
            Self::Included => "applies: it is for this person, this PC, or a group or scope tag of theirs",
            Self::Excluded => "does not apply: this person, this PC, or a group or scope tag of theirs is excluded",
            Self::NotIncluded => "does not apply: it is for others",
            Self::Filtered => "does not apply: a filter of the assignment leaves this PC out",
            Self::Disabled => "does not apply: it is switched off",
        }
    }
}

/// A policy of the tenant, held against somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// Its id.
    pub id: PolicyId,
    /// What it says and how strong it is.
    pub applied: Applied,
    /// Whether it applies, and why.
    pub because: Because,
    /// When it was last changed.
    pub version: u64,
}

#[derive(Debug)]
struct Stored {
    considered: Considered,
    no: i64,
    enabled: bool,
    all_devices: bool,
    all_users: bool,
}

/// All policies of a tenant, ready to be held against many.
#[derive(Debug)]
pub(crate) struct Policies {
    stored: Vec<Stored>,
    included: BTreeMap<i64, Targets>,
    excluded: BTreeMap<i64, Targets>,
    /// Filters beside what includes, by the policy's number.
    beside: BTreeMap<i64, Beside>,
    /// The rules of filters that are in use, by number.
    filters: BTreeMap<i64, Rule>,
}

/// For whom something is said, when no group says it: in the column `beside` of `policy_filters`.
pub(crate) const ALL_DEVICES: i64 = -1;

/// The same for all users.
pub(crate) const ALL_USERS: i64 = -2;

/// Filters beside what includes: by the number of a group, or one of the two above, the filter's number and whether those for which it holds are out.
pub(crate) type Beside = BTreeMap<i64, (i64, bool)>;

/// Filters beside what includes, by the policy's number.
fn beside(connection: &Connection, tenant: i64) -> Result<BTreeMap<i64, Beside>, StoreError> {
    let sql = "SELECT policy_no, beside, filter_no, excluded FROM policy_filters WHERE tenant = $1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([tenant])?;
    let mut all: BTreeMap<i64, Beside> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        all.entry(row.get(0)?).or_default().insert(row.get(1)?, (row.get(2)?, row.get(3)?));
    }
    Ok(all)
}

/// Those of one policy: of the tenant and number in `key`.
pub(crate) fn beside_of(connection: &Connection, key: (i64, i64)) -> Result<Beside, StoreError> {
    let sql = "SELECT beside, filter_no, excluded FROM policy_filters WHERE tenant = $1 AND policy_no = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(key, |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The rules of filters that policies use, by number.
pub(crate) fn filters_in_use(connection: &Connection, tenant: i64) -> Result<BTreeMap<i64, Rule>, StoreError> {
    let sql = "SELECT no, rule FROM filters f WHERE tenant = $1 AND EXISTS \
               (SELECT 1 FROM policy_filters p WHERE p.tenant = f.tenant AND p.filter_no = f.no)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([tenant])?;
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        all.insert(row.get(0)?, stored_rule(Kind::Filter, &text)?);
    }
    Ok(all)
}

/// What filters ask: facts of a PC, and when it said them.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) facts: Facts,
    /// In seconds since 1970.
    pub(crate) at: i64,
}

impl Policies {
    pub(crate) fn load(connection: &Connection, tenant: i64) -> Result<Self, StoreError> {
        let sql = "SELECT no, id, name, enabled, priority, settings, all_devices, all_users, version FROM policies \
                   WHERE tenant = $1 ORDER BY priority, no";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([tenant])?;
        let mut stored = Vec::new();
        while let Some(row) = rows.next()? {
            let (no, id, name, text): (i64, [u8; 16], String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(5)?);
            let settings = settings_of(&text, &name)?;
            let by = By { policy: Some(PolicyId(id)), name };
            let order = crate::row::unsigned(no);
            let applied = Applied { by, priority: row.get(4)?, order, settings };
            let version = crate::row::unsigned(row.get(8)?);
            let considered = Considered { id: PolicyId(id), applied, because: Because::Disabled, version };
            let (all_devices, all_users) = (row.get(6)?, row.get(7)?);
            stored.push(Stored { considered, no, enabled: row.get(3)?, all_devices, all_users });
        }
        Ok(Self {
            stored,
            included: Targets::load_all(connection, INCLUDED, tenant)?,
            excluded: Targets::load_all(connection, EXCLUDED, tenant)?,
            beside: beside(connection, tenant)?,
            filters: filters_in_use(connection, tenant)?,
        })
    }

    /// Holds every policy against somebody, the strongest first. Filters are asked about what the PC said when it last came by, as of then: so what is shown of a PC is what it was told.
    pub(crate) fn consider(
        &self,
        connection: &Connection,
        tenant: i64,
        subject: &Subject,
    ) -> Result<Vec<Considered>, StoreError> {
        if self.filters.is_empty() {
            return Ok(self.consider_as(subject, &Asked::default()));
        }
        let sql = "SELECT at FROM check_ins WHERE tenant = $1 AND device_no = $2";
        let at = connection.prepare_cached(sql)?.query_row((tenant, subject.device), |row| row.get(0)).optional()?;
        let at = Moment(at.unwrap_or(0));
        let asks: Vec<FactId> = self.filters.values().flat_map(Rule::facts).collect();
        let known = known_of(connection, (tenant, GroupOf::Devices, subject.device), (Wanted::of(&asks), at))?;
        let facts = known.map(|known| known.facts).unwrap_or_default();
        Ok(self.consider_as(subject, &Asked { facts, at: at.0.div_euclid(1000) }))
    }

    /// The same with these facts.
    pub(crate) fn consider_as(&self, subject: &Subject, asked: &Asked) -> Vec<Considered> {
        let none = Beside::new();
        let one = |stored: &Stored| {
            let named = |of: &BTreeMap<i64, Targets>| of.get(&stored.no).is_some_and(|targets| subject.fits(targets));
            let beside = self.beside.get(&stored.no).unwrap_or(&none);
            let passes = |what: i64| {
                beside
                    .get(&what)
                    .and_then(|(filter, out)| Some((self.filters.get(filter)?, *out)))
                    .is_none_or(|(rule, out)| rules::holds(rule, &asked.facts, asked.at) != out)
            };
            let all = [(stored.all_devices, ALL_DEVICES), (stored.all_users, ALL_USERS)];
            let mut all = all.into_iter().filter(|(all, _)| *all).map(|(_, what)| what);
            let included = self.included.get(&stored.no);
            let by_group = |group: &i64| subject.groups.contains(group) && passes(*group);
            let by_name =
                |targets: &Targets| subject.fits_without_groups(targets) || targets.groups.iter().any(by_group);
            let because = match () {
                () if !stored.enabled => Because::Disabled,
                () if named(&self.excluded) => Because::Excluded,
                () if all.clone().any(passes) => Because::All,
                () if included.is_some_and(by_name) => Because::Included,
                () if all.next().is_some() || named(&self.included) => Because::Filtered,
                () => Because::NotIncluded,
            };
            Considered { because, ..stored.considered.clone() }
        };
        self.stored.iter().map(one).collect()
    }
}

/// What begins the ids of the settings that say how many snapshots are kept.
pub(crate) const RETENTION: &str = "backup.retention_";

impl Policies {
    /// Whether any of them says how many snapshots are kept.
    pub(crate) fn says_retention(&self) -> bool {
        let says = |stored: &Stored| stored.considered.applied.settings.iter().any(|(id, _)| id.starts_with(RETENTION));
        self.stored.iter().any(|stored| stored.enabled && says(stored))
    }

    /// The rules of retention for somebody, if a policy that applies has any: what it leaves open is as the definitions have it.
    pub(crate) fn retention_of(
        &self,
        connection: &Connection,
        tenant: i64,
        subject: &Subject,
    ) -> Result<Option<retention::Policy>, StoreError> {
        let resolved = resolved(connection, tenant, (&self.consider(connection, tenant, subject)?, subject))?;
        let Some((_, decided)) = resolved.0.iter().find(|(id, _)| id.starts_with(RETENTION)) else { return Ok(None) };
        let effective = evaluate(&Values { server: resolved.settings().given(), ..Values::default() });
        let [last, daily, weekly, monthly] = effective.retention();
        let rules = Rules { last, daily, weekly, monthly, hourly: 0, yearly: 0, within: None };
        Ok(Some(retention::Policy { name: Some(decided.by.name.clone()), rules }))
    }
}

impl Store {
    /// Whether a policy of the tenant that counts switches backups on for anybody.
    pub fn switches_backups_on(&self, tenant: &TenantScope) -> Result<bool, StoreError> {
        self.read(|connection| {
            let says = |stored: &Stored| {
                stored.enabled
                    && stored.considered.applied.settings.get("backup.enabled") == Some(&Setting::Switch(true))
            };
            Ok(Policies::load(connection, tenant.no)?.stored.iter().any(says))
        })
    }
}

/// What policies and the enrollment options come to.
pub(crate) fn resolved(
    connection: &Connection,
    tenant: i64,
    (considered, subject): (&[Considered], &Subject),
) -> Result<Resolved, StoreError> {
    let mut applied: Vec<Applied> =
        considered.iter().filter(|one| one.because.applies()).map(|one| one.applied.clone()).collect();
    applied.extend(options(page_of(connection, tenant, &subject.groups)?));
    Ok(resolve(&applied))
}

/// The enrollment options as one more who says something.
fn options(page: RestorePage) -> Option<Applied> {
    let on = match page {
        RestorePage::NotConfigured => return None,
        RestorePage::On => true,
        RestorePage::Off => false,
    };
    let mut settings = Settings::default();
    settings.insert(Policy::find(RESTORE_PAGE)?, Setting::Switch(on));
    let by = By { policy: None, name: ENROLMENT_OPTIONS.to_owned() };
    Some(Applied { by, priority: u32::MAX, order: u64::MAX, settings })
}

/// Person and PC by the PC's number.
pub(crate) fn subject(connection: &Connection, tenant: i64, device: i64) -> Result<Option<Subject>, StoreError> {
    let sql = "SELECT user_no FROM devices WHERE tenant = $1 AND no = $2";
    let user = connection.prepare_cached(sql)?.query_row((tenant, device), |row| row.get(0)).optional()?;
    user.map(|user| Subject::of(connection, tenant, (user, device))).transpose()
}
