//! `GET /console/devices/{device}`: one PC: what it is, whether it could be restored, and if not why; what is kept of it, what was restored on it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::api::SnapshotSummary;
use model::device::KeyLevel;
use model::ids::DeviceId;
use model::permission::{Permission, may};
use model::reason::Reason;
use model::world::Moment;
use store::{AdminError, CURRENT_MILLIS, DeviceFacts, ListedRestore, SeenProfile};

use super::list::key;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place, colour};
use crate::console::page;
use crate::problem::Refusal;

/// One prerequisite and whether it is met.
struct Check {
    label: &'static str,
    met: bool,
    detail: String,
    code: Option<String>,
    next: String,
}

#[derive(Template)]
#[template(path = "console/devices/show.html")]
struct Page {
    f: Frame,
    facts: DeviceFacts,
    key_level: &'static str,
    checks: Vec<Check>,
    restorable: bool,
    profiles: Option<Vec<SeenProfile>>,
    restores: Option<Vec<ListedRestore>>,
    standing: (&'static str, &'static str),
    may_revoke: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (facts, least, profiles, restores) = apart(move || {
        let store = &worker.store;
        let facts = store.device_facts(&by, id)?;
        let least = store.least_key_level(by.tenant_scope())?;
        let profiles = by.beside(Permission::ProfileRead).map(|by| store.device_profiles(&by, id)).transpose()?;
        let restores = by
            .beside(Permission::ReportRead)
            .map(|by| store.listed_restores(&by, Moment(i64::MIN), (None, Some(id))))
            .transpose()?;
        Ok::<_, AdminError>((facts, least, profiles, restores))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Devices, facts.device.name.clone())
        .under(desk.texts.t("nav.devices"), "/console/devices")
        .cli("rehome-server device list --tenant {tenant}")
        .cli(&format!("rehome-server device revoke {id} --tenant {{tenant}}"))
        .done(desk.asked("done"), &[("revoked", "device.revoked_now")]);
    let newest =
        profiles.iter().flatten().filter_map(|profile| profile.snapshots.first()).max_by_key(|one| one.committed_at);
    let checks = checks(&f, &facts, least, (profiles.is_some(), newest));
    let standing = standing(&facts, &checks);
    Ok(page(&Page {
        key_level: facts.key_level.map_or("–", KeyLevel::word),
        restorable: checks.iter().all(|check| check.met),
        standing: (f.texts.t(key(standing)), colour(standing)),
        may_revoke: view.holds(Permission::DeviceRevoke),
        facts,
        checks,
        profiles,
        restores,
        f,
    }))
}

/// Each thing that has to hold so that this PC is backed up and its backup comes back, in the order in which they are needed.
fn checks(
    f: &Frame,
    facts: &DeviceFacts,
    least: KeyLevel,
    (sees, newest): (bool, Option<&SnapshotSummary>),
) -> Vec<Check> {
    let check = |label: &str, met: bool, detail: String, reason: Option<Reason>| Check {
        label: f.texts.t(match label {
            "access" => "check.access",
            "person" => "check.person",
            "key" => "check.key",
            "alone" => "check.alone",
            "backup" => "check.backup",
            "current" => "check.current",
            _ => "check.opens",
        }),
        met,
        detail,
        code: reason.filter(|_| !met).map(|reason| reason.code().to_owned()),
        next: if met { String::new() } else { reason.map(|reason| reason.next().to_owned()).unwrap_or_default() },
    };
    let place = |level: KeyLevel| KeyLevel::ALL.iter().position(|known| *known == level);
    let key_fits = facts.key_level.is_some_and(|level| place(level) >= place(least));
    let revoked = facts.device.revoked_at;
    let access = revoked.map_or_else(
        || f.texts.t1("check.since", f.at(&facts.device.created_at)),
        |at| f.texts.t1("check.revoked", f.at(&at)),
    );
    let mut all = vec![
        check("access", revoked.is_none(), access, Some(Reason::Revoked)),
        check("person", !facts.person_disabled, facts.device.user_name.clone(), Some(Reason::PersonDisabled)),
        check(
            "key",
            key_fits,
            f.texts.t2("check.key_is", facts.key_level.map_or("–", KeyLevel::word), least.word()),
            Some(Reason::KeyTooWeak),
        ),
        check(
            "alone",
            facts.forked_at.is_none(),
            facts.forked_at.map(|at| f.at(&at)).unwrap_or_default(),
            Some(Reason::DeviceForked),
        ),
    ];
    // Who may not see backups is told nothing of them.
    if !sees {
        return all;
    }
    all.push(check(
        "backup",
        newest.is_some(),
        f.at_some(&newest.map(|one| one.committed_at)),
        Some(Reason::NoProfile),
    ));
    if let Some(newest) = newest {
        let age = f.now.0.saturating_sub(newest.committed_at.0.max(facts.device.seen_at.0));
        let current = age <= CURRENT_MILLIS;
        all.push(check("current", current, f.ago(&facts.device.seen_at), Some(Reason::BackupTooOld)));
        let found = newest.rehearsed.as_ref();
        let opens = found.is_none_or(|found| found.restorable);
        let detail =
            found.map_or_else(|| f.texts.t("check.not_rehearsed").to_owned(), |found| f.at(&found.rehearsed_at));
        let reason =
            found.and_then(|found| Reason::from_code(found.reason.as_deref()?)).unwrap_or(Reason::IntegrityFailed);
        all.push(check("opens", opens, detail, Some(reason)));
    }
    all
}

/// The PC's standing, from the rows.
fn standing(facts: &DeviceFacts, checks: &[Check]) -> store::Standing {
    let unmet = |code: Reason| checks.iter().any(|check| check.code.as_deref() == Some(code.code()));
    if facts.device.revoked_at.is_some() {
        store::Standing::Unconnected
    } else if unmet(Reason::NoProfile) {
        store::Standing::Never
    } else if unmet(Reason::BackupTooOld) {
        store::Standing::Stale
    } else if checks.last().is_some_and(|check| !check.met) {
        store::Standing::Failed
    } else {
        store::Standing::Restorable
    }
}
