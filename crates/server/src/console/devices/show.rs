//! `GET /console/devices/{device}`: one PC: what it is, whether it could be restored, and if not why; what is kept of it, what was restored on it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::api::SnapshotSummary;
use model::check_in::Order;
use model::device::KeyLevel;
use model::ids::DeviceId;
use model::permission::{Permission, may};
use model::policy::what_if::{Verdict, what_if};
use model::reason::Reason;
use model::world::Moment;
use store::{AdminError, CURRENT_MILLIS, DeviceFacts, ListedRestore, OnDevice, Ordered, Seen, SeenProfile, View};

use super::effective::{Held, held};
use super::list::key;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place, colour};
use crate::console::page;
use crate::console::policies::status;
use crate::console::texts::Texts;
use crate::problem::Refusal;

/// One prerequisite and whether it is met.
struct Check {
    label: &'static str,
    met: bool,
    detail: String,
    code: Option<String>,
    next: String,
}

/// A policy on this PC.
struct Applied {
    one: model::admin::StatusOfPolicy,
    state: (&'static str, &'static str),
}

/// What policies come to on this PC.
struct Governed {
    policies: Vec<Applied>,
    settings: Vec<Held>,
    seen: Option<Seen>,
    backup: Verdict,
}

/// A command and its state.
struct Told {
    label: &'static str,
    state: (&'static str, &'static str),
    outcome: Option<String>,
    at: Moment,
}

#[derive(Template)]
#[template(path = "console/devices/show.html")]
struct Page {
    f: Frame,
    governed: Option<Governed>,
    commands: Vec<Told>,
    orders: Vec<(&'static str, &'static str)>,
    may_command: bool,
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
    let (facts, least, profiles, restores, (policy, orders)) = apart(move || {
        let store = &worker.store;
        let facts = store.device_facts(&by, id)?;
        let least = store.least_key_level(by.tenant_scope())?;
        let profiles = by.beside(Permission::ProfileRead).map(|by| store.device_profiles(&by, id)).transpose()?;
        let restores = by
            .beside(Permission::ReportRead)
            .map(|by| store.listed_restores(&by, Moment(i64::MIN), (None, Some(id))))
            .transpose()?;
        let policy = by.beside(Permission::PolicyRead).map(|by| governed_by(store, &by, id)).transpose()?;
        let orders = store.orders(&by, id)?;
        Ok::<_, AdminError>((facts, least, profiles, restores, (policy.flatten(), orders)))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Devices, facts.device.name.clone())
        .under(desk.texts.t("nav.devices"), "/console/devices")
        .cli("rehome-server device list --tenant {tenant}")
        .cli(&format!("rehome-server device revoke {id} --tenant {{tenant}}"))
        .cli(&format!("rehome-server policy effective {id} --tenant {{tenant}}"))
        .cli(&format!("rehome-server policy order {id} back_up --tenant {{tenant}}"))
        .done(desk.asked("done"), &[("revoked", "device.revoked_now"), ("ordered", "command.ordered_now")]);
    let newest =
        profiles.iter().flatten().filter_map(|profile| profile.snapshots.first()).max_by_key(|one| one.committed_at);
    let checks = checks(&f, &facts, least, (profiles.is_some(), newest));
    let standing = standing(&facts, &checks);
    let governed = policy.map(|(found, backup)| governed(f.texts, &found, backup));
    let may_back_up = governed.as_ref().is_none_or(|governed| governed.backup.allowed);
    Ok(page(&Page {
        key_level: facts.key_level.map_or("–", KeyLevel::word),
        restorable: may_back_up && checks.iter().all(|check| check.met),
        standing: (f.texts.t(key(standing)), colour(standing)),
        may_revoke: view.holds(Permission::DeviceRevoke),
        may_command: view.holds(Permission::DeviceCommand) && facts.device.revoked_at.is_none(),
        governed,
        commands: orders.into_iter().take(COMMANDS_SHOWN).map(|one| told(&f, one)).collect(),
        orders: Order::ALL.iter().map(|order| (order.word(), f.texts.t(label(order.word())))).collect(),
        facts,
        checks,
        profiles,
        restores,
        f,
    }))
}

/// Commands on the page: the newest.
const COMMANDS_SHOWN: usize = 10;

/// What policies come to, and whether its person has a backup elsewhere; nothing of a PC that a policy's view does not see, or whose access is withdrawn.
fn governed_by(store: &store::Store, by: &View, id: DeviceId) -> Result<Option<(OnDevice, bool)>, AdminError> {
    match store.on_device(by, id) {
        Ok(found) => {
            let backup = store.has_backup(found.user, by, Some(id))?;
            Ok(Some((found, backup)))
        }
        Err(AdminError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn governed(texts: &'static Texts, found: &OnDevice, backup: bool) -> Governed {
    let facts = found.seen.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default();
    let would = what_if(&found.resolved, &facts, Some(backup));
    let applied = |one: model::admin::StatusOfPolicy| Applied { state: status(texts, one.status), one };
    Governed {
        policies: found.statuses().into_iter().map(applied).collect(),
        settings: would.settings.into_iter().map(|one| held(texts, one)).collect(),
        seen: found.seen.clone(),
        backup: would.backup,
    }
}

/// The text of a command.
fn label(order: &str) -> &'static str {
    match order {
        "back_up" => "command.back_up",
        "check_in" => "command.check_in",
        _ => "command.offer_restore",
    }
}

fn told(f: &Frame, one: Ordered) -> Told {
    let good = one.outcome.as_deref() == Some("done");
    let (key, colour) = match (one.done_at, one.given_at) {
        (Some(_), _) if good => ("command.done", "good"),
        (Some(_), _) => ("command.failed", "bad"),
        (None, Some(_)) => ("command.given", "warn"),
        (None, None) if one.expires_at <= f.now => ("command.expired", "none"),
        (None, None) => ("command.waits", "none"),
    };
    Told {
        label: f.texts.t(label(&one.order)),
        state: (f.texts.t(key), colour),
        outcome: one.outcome.filter(|_| !good),
        at: one.done_at.or(one.given_at).unwrap_or(one.created_at),
    }
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
        next: if met { String::new() } else { reason.map(|reason| f.texts.next(reason)).unwrap_or_default() },
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
