//! The checks, in groups.

use model::device::KeyLevel;
use model::policy::windows::{MICROSOFT_BACKUP, ONLY_MICROSOFTS, SILENT_STOPS};
use model::policy::{Effective, Group, Held, Rule};
use model::prerequisite::{Activity, check_build, check_join, joins, needed};
use model::reason::Reason;

use super::{Check, Here, OwnKey, Verdict};
use crate::due::Due;
use crate::facts::{Facts, Known, Source};

/// The first build whose Windows has Microsoft's own backup on unless a policy says otherwise: Windows 11 26H2 (Microsoft Learn, "Windows settings
/// backup and restore", overview).
const ON_BY_DEFAULT_FROM: u32 = 26300;

/// A check that is as it should be, or only tells.
fn pass(id: &'static str, title: impl Into<String>, found: impl Into<String>) -> Check {
    let (title, found) = (title.into(), found.into());
    Check { id, title, verdict: Verdict::Pass, found, needed: String::new(), reason: None, next: String::new() }
}

impl Check {
    fn needs(self, needed: impl Into<String>) -> Self {
        Self { needed: needed.into(), ..self }
    }

    fn wrong(self, verdict: Verdict, reason: Reason) -> Self {
        Self { verdict, reason: Some(reason), next: reason.next().to_owned(), ..self }
    }

    fn failed_if(self, wrong: bool, reason: Reason) -> Self {
        if wrong { self.wrong(Verdict::Fail, reason) } else { self }
    }
}

pub(super) fn enrolment(here: &Here) -> Vec<Check> {
    let is_enrolled = here.key.is_some();
    let connected = if is_enrolled { "connected" } else { "not connected" };
    let enrolled = pass("enrolment", "Connected with a server", connected)
        .needs("connected")
        .failed_if(!is_enrolled, Reason::NotEnrolled);
    let due = match here.due {
        Due::First => "no backup yet",
        Due::Old => "the last one is older than the interval",
        Due::ClockChanged => "the last one lies in the future: the clock was changed",
        Due::NotYet { .. } => "not due",
    };
    let due = pass("backup.due", "Backup due", due);
    let task = here.scheduled.map(|there| {
        let found = if there { "registered" } else { "not registered" };
        let check = pass("schedule", "Scheduled task", found).needs("registered");
        if there {
            return check;
        }
        let next = "run `rehome schedule install` as an administrator".to_owned();
        Check { next, ..check.wrong(Verdict::Warn, Reason::NotFound) }
    });
    std::iter::once(enrolled).chain(here.key.as_ref().map(own_key)).chain([due]).chain(task).collect()
}

/// Where the PC's own key is, and that it can be used. A key in a file is no fault: many PCs have no TPM that they could use.
fn own_key(key: &OwnKey) -> Check {
    let place = match key.level {
        KeyLevel::File if cfg!(windows) => "in a file that Windows encrypts for the person (DPAPI)",
        KeyLevel::File => "in a file that only its owner can read",
        KeyLevel::CngSoftware => "kept by Windows, which does not give it out (CNG)",
        KeyLevel::Tpm => "in the TPM",
        KeyLevel::TpmAttested => "in the TPM, which has shown so",
    };
    let word = key.level.word();
    match &key.broken {
        None => pass("key", "This PC's own key", format!("{place} (`{word}`)")),
        Some(why) => pass("key", "This PC's own key", format!("{place} (`{word}`), and cannot be used: {why}"))
            .needs("a key that can be used")
            .failed_if(true, Reason::DamagedState),
    }
}

pub(super) fn switches(policy: &Effective) -> Vec<Check> {
    let switch = |id, title: &str, Held { value, origin }: Held<bool>, reason| {
        let on = if value { "on" } else { "off" };
        pass(id, title, format!("{on} ({origin})")).needs("on").failed_if(!value, reason)
    };
    let mode = policy.restore_mode();
    let hours = policy.interval_hours();
    vec![
        switch("policy.backup", "Policy: backup", policy.backup_enabled(), Reason::PolicyOff),
        switch("policy.restore", "Policy: restore", policy.restore_enabled(), Reason::PolicyOff),
        switch("policy.restore_page", "Policy: restore page", policy.restore_page(), Reason::RestorePageOff),
        pass("policy.restore_mode", "Policy: at first sign-in", format!("{} ({})", mode.value, mode.origin)),
        pass("policy.interval", "Policy: interval", format!("{} hours ({})", hours.value, hours.origin)),
    ]
}

pub(super) fn builds(facts: &Facts, policy: &Effective) -> Vec<Check> {
    const IDS: [&str; 3] = ["windows.build.backup", "windows.build.setup_restore", "windows.build.sign_in_restore"];
    let found = match (facts.build, facts.revision) {
        (Some(build), Some(revision)) => format!("{build}.{revision}"),
        (Some(build), None) => format!("{build}, update build revision not known"),
        (None, _) => "not known".to_owned(),
    };
    let check = |(activity, id): (Activity, &'static str)| {
        let check = pass(id, format!("Windows build: {}", activity.title()), found.clone());
        if !policy.demands_builds().value {
            return check.needs(format!("any ({})", policy.demands_builds().origin));
        }
        let Some(build) = facts.exact_build() else {
            return check.needs("a build of the table").wrong(Verdict::Unknown, Reason::FactUnknown);
        };
        let needs = match needed(activity, build.build) {
            Some(row) => format!("{} or newer ({})", row.least, row.version),
            None => "any of this version".to_owned(),
        };
        let verdict = check_build(activity, build);
        check.needs(needs).failed_if(verdict.is_err(), verdict.err().unwrap_or(Reason::BuildTooOld))
    };
    Activity::ALL.into_iter().zip(IDS).map(check).collect()
}

fn joins_text(activity: Activity) -> String {
    joins(activity).iter().map(|join| join.title()).collect::<Vec<_>>().join(" or ")
}

pub(super) fn join_states(facts: &Facts, policy: &Effective) -> Vec<Check> {
    const IDS: [&str; 3] = ["join.backup", "join.setup_restore", "join.sign_in_restore"];
    let found = match (facts.join, facts.join_source) {
        (Some(join), Some(Source::Windows)) => format!("{} (says Windows)", join.title()),
        (Some(join), _) => format!("{} (says the registry)", join.title()),
        (None, _) => "not known".to_owned(),
    };
    let demanded = policy.demands_join();
    let check = |(activity, id): (Activity, &'static str)| {
        let check = pass(id, format!("Join state: {}", activity.title()), found.clone());
        if !demanded.value {
            return check.needs(format!("any ({})", demanded.origin));
        }
        let check = check.needs(joins_text(activity));
        match facts.join.map(|join| check_join(activity, join)) {
            Some(Ok(())) => check,
            Some(Err(reason)) => check.wrong(Verdict::Fail, reason),
            None => check.wrong(Verdict::Unknown, Reason::FactUnknown),
        }
    };
    Activity::ALL.into_iter().zip(IDS).map(check).collect()
}

/// One line for each category that the organisation decides about.
pub(super) fn categories(policy: &Effective) -> Vec<Check> {
    let decided = Group::all().map(|group| (group, policy.rule(group))).filter(|(_, rule)| rule.rule != Rule::Optional);
    decided
        .map(|(group, rule)| {
            let word = if rule.rule == Rule::Never { "never" } else { "required" };
            let lock = if rule.is_locked() { "locked" } else { "people may change it" };
            let check = pass(
                "policy.category",
                format!("Policy: {}", group.word()),
                format!("{word}, {lock} ({})", rule.origin),
            );
            if rule.rule == Rule::Never { check.wrong(Verdict::Warn, Reason::LeftOutByPolicy) } else { check }
        })
        .collect()
}

/// What is good to know and stops nothing.
pub(super) fn surroundings(facts: &Facts, policy: &Effective) -> Vec<Check> {
    let or_unknown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "not known".to_owned());
    let edition = [&facts.edition, &facts.display_version, &facts.architecture];
    let edition: Vec<_> = edition.into_iter().flatten().cloned().collect();
    let machine: Vec<_> = [&facts.maker, &facts.model].into_iter().flatten().cloned().collect();
    let listed =
        |items: Vec<String>, nothing: &str| if items.is_empty() { nothing.to_owned() } else { items.join(", ") };
    let folders = match &facts.onedrive_folders {
        None => "not known".to_owned(),
        Some(folders) if folders.is_empty() => "has none of them".to_owned(),
        Some(folders) => folders.join(", "),
    };
    let mut checks = vec![
        pass("facts.windows", "Windows", listed(edition, "not known")),
        pass("facts.name", "Name of the PC", or_unknown(&facts.name)),
        pass("facts.model", "Model", listed(machine, "not known")),
        pass("facts.serial", "Serial number", or_unknown(&facts.serial)),
        pass("facts.management", "Device management", listed(facts.management.clone(), "none found")),
        pass("facts.onedrive", "Folders that OneDrive has", folders),
    ];
    if let Some(metered) = facts.metered {
        let found = if metered { "has a price" } else { "has no price" };
        let check = pass("network.metered", "Network", found);
        let waits = metered && !policy.metered().value;
        checks.push(if waits { check.wrong(Verdict::Warn, Reason::WaitsForNetwork) } else { check });
    }
    checks
}

/// Microsoft's own backup beside ours.
pub(super) fn microsoft(known: &Known) -> Vec<Check> {
    let set = known.shown_number(&MICROSOFT_BACKUP);
    let by_default = known.facts.build.is_some_and(|build| build >= ON_BY_DEFAULT_FROM);
    let is_on = set == Some(1) || (set.is_none() && by_default);
    let found = match set {
        Some(1) => "on by policy `EnableWindowsBackup`",
        Some(_) => "off by policy `EnableWindowsBackup`",
        None if by_default => "on, because no policy says otherwise on this version",
        None => "not set by policy",
    };
    let check = pass("microsoft.backup", "Microsoft's own backup", found).needs("off (`EnableWindowsBackup` = 0)");
    let first = if is_on { check.wrong(Verdict::Warn, Reason::TwoBackups) } else { check };
    let stops = SILENT_STOPS.iter().map(|stop| {
        let number = known.shown_number(stop);
        let found = match number {
            None => "not set".to_owned(),
            Some(0) => "disabled: Microsoft's own backup never runs".to_owned(),
            Some(number) => format!("enabled ({number})"),
        };
        let check = pass("microsoft.silent_stop", format!("Windows policy `{}`", stop.value), found);
        // It only matters to somebody who relies on Microsoft's backup.
        if number == Some(0) && is_on { check.wrong(Verdict::Warn, Reason::SilentlyStopped) } else { check }
    });
    let others = ONLY_MICROSOFTS.iter().filter_map(|other| {
        let number = known.shown_number(other)?;
        let found = format!("set to {number}: about Microsoft's own sync; Rehome does not go by it");
        Some(pass("microsoft.sync", format!("Windows policy `{}` ({})", other.value, other.title), found))
    });
    std::iter::once(first).chain(stops).chain(others).collect()
}

/// Values of policies that do not count.
pub(super) fn problems(policy: &Effective) -> Vec<Check> {
    let check = |problem: &model::policy::Problem| {
        let title = format!("Policy value `{}` ({})", problem.policy.value, problem.origin);
        pass("policy.value", title, problem.what.clone())
            .needs(problem.policy.kind.reg_type())
            .wrong(Verdict::Warn, Reason::PolicyInvalid)
    };
    policy.problems.iter().map(check).collect()
}
