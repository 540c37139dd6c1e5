//! Which policies apply to a person on a PC, and what they come to.
//!
//! Everything is read into values, and [`model::policy::resolve`] decides. The enrollment options count as one more who says something, weaker than every
//! policy.

use std::collections::BTreeMap;

use crate::sql::{Connection, OptionalExtension};
use model::admin::RestorePage;
use model::ids::PolicyId;
use model::policy::resolve::{Applied, By, Resolved, resolve};
use model::policy::{Policy, Setting, Settings, Values, evaluate};
use model::retention::{self, Rules};

use crate::StoreError;
use crate::admin::enrolment_options::page_of;
use crate::admin::policies::settings_of;
use crate::targets::{EXCLUDED, INCLUDED, Subject, Targets};

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
    all: bool,
}

/// All policies of a tenant, ready to be held against many.
#[derive(Debug)]
pub(crate) struct Policies {
    stored: Vec<Stored>,
    included: BTreeMap<i64, Targets>,
    excluded: BTreeMap<i64, Targets>,
}

impl Policies {
    pub(crate) fn load(connection: &Connection, tenant: i64) -> Result<Self, StoreError> {
        let sql = "SELECT no, id, name, enabled, priority, settings, all_devices + all_users, version FROM policies \
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
            let version = crate::row::unsigned(row.get(7)?);
            let considered = Considered { id: PolicyId(id), applied, because: Because::Disabled, version };
            stored.push(Stored { considered, no, enabled: row.get(3)?, all: row.get::<_, i64>(6)? > 0 });
        }
        Ok(Self {
            stored,
            included: Targets::load_all(connection, INCLUDED, tenant)?,
            excluded: Targets::load_all(connection, EXCLUDED, tenant)?,
        })
    }

    /// Holds every policy against somebody, the strongest first.
    pub(crate) fn consider(&self, subject: &Subject) -> Vec<Considered> {
        let one = |stored: &Stored| {
            let named = |of: &BTreeMap<i64, Targets>| of.get(&stored.no).is_some_and(|targets| subject.fits(targets));
            let because = match () {
                () if !stored.enabled => Because::Disabled,
                () if named(&self.excluded) => Because::Excluded,
                () if stored.all => Because::All,
                () if named(&self.included) => Because::Included,
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
        let resolved = resolved(connection, tenant, (&self.consider(subject), subject))?;
        let Some((_, decided)) = resolved.0.iter().find(|(id, _)| id.starts_with(RETENTION)) else { return Ok(None) };
        let effective = evaluate(&Values { server: resolved.settings().given(), ..Values::default() });
        let [last, daily, weekly, monthly] = effective.retention();
        let rules = Rules { last, daily, weekly, monthly, hourly: 0, yearly: 0, within: None };
        Ok(Some(retention::Policy { name: Some(decided.by.name.clone()), rules }))
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
