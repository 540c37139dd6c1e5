//! Prerequisites: which Windows, and joined how, takes part in what.
//!
//! The rows are Microsoft's for its own product (Microsoft Learn, "Windows settings backup and restore", overview, as of September 2026), so
//! that an organisation that moves to Rehome finds the same PCs taking part. A build counts with its update build revision: 26100.4946 is
//! enough where 26100.4945 is not.

use serde::{Deserialize, Serialize};

use crate::policy::{Effective, Origin};
use crate::reason::Reason;

/// What a PC wants to take part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// A backup.
    Backup,
    /// A restore while Windows is being set up.
    SetupRestore,
    /// A restore when a person signs in for the first time.
    SignInRestore,
}

impl Activity {
    /// All activities.
    pub const ALL: [Activity; 3] = [Self::Backup, Self::SetupRestore, Self::SignInRestore];

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::SetupRestore => "restore during setup",
            Self::SignInRestore => "restore at first sign-in",
        }
    }
}

/// A build of Windows with its update build revision, written `26100.4946`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Build {
    /// The build, `CurrentBuildNumber`.
    pub build: u32,
    /// The revision, `UBR`.
    pub revision: u32,
}

impl std::fmt::Display for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.build, self.revision)
    }
}

/// One row: the least that a version of Windows needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is for.
    pub activity: Activity,
    /// What people call the version.
    pub version: &'static str,
    /// The least.
    pub least: Build,
}

const fn row(activity: Activity, version: &'static str, build: u32, revision: u32) -> Row {
    Row { activity, version, least: Build { build, revision } }
}

/// The table. A version of Windows that is newer than all rows of an activity takes part; one that is not listed and older than one of them
/// does not.
pub const ROWS: [Row; 9] = [
    row(Activity::Backup, "Windows 10 22H2", 19045, 6216),
    row(Activity::Backup, "Windows 11 22H2", 22621, 5768),
    row(Activity::Backup, "Windows 11 23H2", 22631, 5768),
    row(Activity::Backup, "Windows 11 24H2", 26100, 4946),
    row(Activity::SetupRestore, "Windows 11 22H2", 22621, 3958),
    row(Activity::SetupRestore, "Windows 11 23H2", 22631, 3958),
    row(Activity::SetupRestore, "Windows 11 24H2", 26100, 4770),
    row(Activity::SignInRestore, "Windows 11 24H2", 26100, 7922),
    row(Activity::SignInRestore, "Windows 11 25H2", 26200, 7922),
];

/// How a PC and a person are known to an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The PC belongs to Microsoft Entra ID.
    Entra,
    /// The PC belongs to a domain and to Microsoft Entra ID.
    Hybrid,
    /// The person has added a work account; the PC belongs to nobody.
    Registered,
    /// The PC belongs to a domain.
    Domain,
    /// None of these.
    Workgroup,
}

impl Join {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Entra, Self::Hybrid, Self::Registered, Self::Domain, Self::Workgroup];

    /// A stable word, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Hybrid => "hybrid",
            Self::Registered => "registered",
            Self::Domain => "domain",
            Self::Workgroup => "workgroup",
        }
    }

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Entra => "Entra joined",
            Self::Hybrid => "hybrid joined",
            Self::Registered => "Entra registered only",
            Self::Domain => "domain joined only",
            Self::Workgroup => "not joined",
        }
    }
}

/// The join states that an activity takes.
pub fn joins(activity: Activity) -> &'static [Join] {
    match activity {
        Activity::Backup | Activity::SignInRestore => &[Join::Entra, Join::Hybrid],
        Activity::SetupRestore => &[Join::Entra],
    }
}

/// The least build of this version of Windows, or of the oldest version that takes part if this one does not; `None` if the version is newer
/// than the table.
pub fn needed(activity: Activity, build: u32) -> Option<Row> {
    let mut rows = ROWS.into_iter().filter(|row| row.activity == activity);
    let own = rows.clone().find(|row| row.least.build == build);
    let newer = || rows.find(|row| row.least.build > build);
    own.or_else(newer)
}

/// Whether the build takes part; else the reason.
pub fn check_build(activity: Activity, build: Build) -> Result<(), Reason> {
    match needed(activity, build.build) {
        Some(row) if build < row.least => Err(Reason::BuildTooOld),
        _ => Ok(()),
    }
}

/// Whether the join state takes part; else the reason.
pub fn check_join(activity: Activity, join: Join) -> Result<(), Reason> {
    if joins(activity).contains(&join) { Ok(()) } else { Err(Reason::WrongJoinState) }
}

/// Why something may not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What was found and what is needed, in a sentence.
    pub message: String,
}

/// Why `activity` may not begin under a policy, on a PC of which build and join state are known or not; `None`: it may. A fact that is not known stops nothing.
pub fn refusal(activity: Activity, policy: &Effective, of_pc: (Option<Build>, Option<Join>)) -> Option<Refusal> {
    switched_off(activity, policy).or_else(|| unfit(activity, policy, of_pc))
}

/// Why a policy does not let `activity` begin on any PC; `None`: it does.
pub fn switched_off(activity: Activity, policy: &Effective) -> Option<Refusal> {
    let (enabled, id) = match activity {
        Activity::Backup => (policy.backup_enabled().value, "backup.enabled"),
        Activity::SetupRestore | Activity::SignInRestore => (policy.restore_enabled().value, "restore.enabled"),
    };
    let message = match (enabled, policy.get(id).origin, activity) {
        (true, _, _) => return None,
        (_, Origin::Default, _) => "no policy of your organisation switches backups on for this PC".to_owned(),
        (_, _, Activity::Backup) => format!("backups are switched off by the {}", policy.who(id)),
        _ => format!("restoring is switched off by the {}", policy.who(id)),
    };
    Some(Refusal { reason: Reason::PolicyOff, message })
}

/// Why a PC is not one that takes part in `activity` under a policy: its build, or how it is joined.
pub fn unfit(activity: Activity, policy: &Effective, (build, join): (Option<Build>, Option<Join>)) -> Option<Refusal> {
    if let (true, Some(build)) = (policy.demands_builds().value, build)
        && let Err(reason) = check_build(activity, build)
    {
        let row = needed(activity, build.build)?;
        let message =
            format!("Windows {build} is too old for a {}: {} ({}) is needed", activity.title(), row.least, row.version);
        return Some(Refusal { reason, message });
    }
    if let (true, Some(join)) = (policy.demands_join().value, join)
        && let Err(reason) = check_join(activity, join)
    {
        let needed: Vec<_> = joins(activity).iter().map(|join| join.title()).collect();
        let message =
            format!("this PC is {}; a {} needs it to be {}", join.title(), activity.title(), needed.join(" or "));
        return Some(Refusal { reason, message });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_takes_its_build_and_the_next_and_not_the_one_before() {
        for Row { activity, least: Build { build, revision }, .. } in ROWS {
            let check = |revision| check_build(activity, Build { build, revision });
            assert_eq!(check(revision - 1), Err(Reason::BuildTooOld), "{build}.{revision}");
            assert_eq!(check(revision), Ok(()), "{build}.{revision}");
            assert_eq!(check(revision + 1), Ok(()), "{build}.{revision}");
        }
    }

    #[test]
    fn versions_beside_the_table_are_judged_by_their_age() {
        let check = |activity, build, revision| check_build(activity, Build { build, revision });
        // Windows 11 25H2 and 26H2 are not listed for backups: implicitly fine.
        assert_eq!(check(Activity::Backup, 26200, 0), Ok(()));
        assert_eq!(check(Activity::SignInRestore, 28000, 1), Ok(()));
        // Windows 10 1809 and Windows 11 21H2 are older than a version that takes part.
        assert_eq!(check(Activity::Backup, 17763, 99_999), Err(Reason::BuildTooOld));
        assert_eq!(check(Activity::Backup, 22000, 99_999), Err(Reason::BuildTooOld));
        // Windows 10 restores nothing.
        assert_eq!(check(Activity::SetupRestore, 19045, 99_999), Err(Reason::BuildTooOld));
        assert_eq!(check(Activity::SignInRestore, 22631, 99_999), Err(Reason::BuildTooOld));
        assert_eq!(needed(Activity::SignInRestore, 22631).map(|row| row.version), Some("Windows 11 24H2"));
    }

    #[test]
    fn registered_is_not_joined() {
        for activity in Activity::ALL {
            for join in [Join::Registered, Join::Domain, Join::Workgroup] {
                assert_eq!(check_join(activity, join), Err(Reason::WrongJoinState));
            }
            assert_eq!(check_join(activity, Join::Entra), Ok(()));
        }
        assert_eq!(check_join(Activity::Backup, Join::Hybrid), Ok(()));
        assert_eq!(check_join(Activity::SetupRestore, Join::Hybrid), Err(Reason::WrongJoinState));
        assert_eq!(check_join(Activity::SignInRestore, Join::Hybrid), Ok(()));
    }
}
