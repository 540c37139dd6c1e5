//! The table of policies.
//!
//! Names follow what administrators search for: Windows' own where there is one (`EnableWindowsBackup`, `EnableBackup`), Pascal case, one
//! decision for each value. Choices are words, not numbers, so that a registry editor shows what was meant.

use super::windows;
use super::{Area, CATEGORIES_KEY, Choice, Class, Kind, POLICY_KEY, Policy, Setting};

const fn choice(word: &'static str, title: &'static str) -> Choice {
    Choice { word, title }
}

const RULES: Kind = Kind::Choice(&[
    choice("required", "Required: always backed up and restored"),
    choice("optional", "Optional: backed up and restored unless the person leaves it out"),
    choice("never", "Never: neither backed up nor restored"),
]);

const RULE_WHAT: &str = "Required: always backed up and restored; the person cannot leave it out. Optional: the person decides. Never: it is not collected, not uploaded and not shown.";

const OVERRIDE_WHAT: &str = "On: `required` and `never` are only where the switch stands at first, and the person may turn it. Off: they are locked.";

/// Ninety days: a longer interval would be no backup.
const HOURS_MAX: u32 = 2160;

const fn number(most: u32, unit: &'static str) -> Kind {
    Kind::Number { least: 0, most, unit }
}

macro_rules! policies {
    (
        $($id:literal $area:ident $class:ident $value:literal, $kind:expr, $default:expr, $twins:expr, $title:literal, $what:literal;)*
        categories: $($group:literal $name:literal $title_of:literal, $rule:expr, $by:expr;)*
    ) => {
        /// Every policy the agent reads.
        pub static POLICIES: &[Policy] = &[
            $(Policy {
                id: $id, area: Area::$area, class: Class::$class, key: POLICY_KEY, value: $value, kind: $kind,
                default: $default, title: $title, what: $what, twins: $twins,
            },)*
            $(
                Policy {
                    id: concat!("category.", $group), area: Area::Categories, class: Class::Both, key: CATEGORIES_KEY,
                    value: $name, kind: RULES, default: Setting::Word("optional"),
                    title: concat!($title_of, ": required, optional or never"), what: RULE_WHAT, twins: $rule,
                },
                Policy {
                    id: concat!("category.", $group, ".user_override"), area: Area::Categories, class: Class::Both,
                    key: CATEGORIES_KEY, value: concat!($name, "UserOverride"), kind: Kind::Switch,
                    default: Setting::Switch(false), title: concat!($title_of, ": people may decide otherwise"),
                    what: OVERRIDE_WHAT, twins: $by,
                },
            )*
        ];
    };
}

policies! {
    "backup.enabled" Backup Both "EnableBackup", Kind::Switch, Setting::Switch(true), &[],
        "Back up settings and app list",
        "Off: this PC takes no backups, on schedule or by hand. What the server already has stays there. On a PC that is connected with a server they are off until a policy switches them on; a PC without a server backs up when somebody asks it to.";
    "backup.interval_hours" Backup Machine "BackupIntervalHours", Kind::Number { least: 1, most: HOURS_MAX, unit: "hours" }, Setting::Number(192), &[],
        "Hours between two backups",
        "A backup is due when the last one that succeeded is older. The default is 8 days. The scheduled task need not be registered again.";
    "backup.metered" Backup Both "UploadOnMetered", Kind::Switch, Setting::Switch(false), windows::METERED,
        "Back up over metered networks",
        "Off: a scheduled backup waits for a network without a price. A backup that a person starts goes ahead.";
    "backup.builds" Backup Machine "RequiredBuilds", Kind::Choice(&[choice("microsoft", "As Microsoft's own backup demands"), choice("any", "Any version")]), Setting::Word("microsoft"), &[],
        "Versions of Windows that take part",
        "Microsoft: backup and restore need the builds of the table of prerequisites, the update included. Any: every version takes part. A rescue from a disk is never held back by this.";
    "backup.join_states" Backup Machine "RequiredJoinState", Kind::Choice(&[choice("microsoft", "As Microsoft's own backup demands"), choice("any", "Any, also a PC that is not joined")]), Setting::Word("any"), &[],
        "How a PC must be joined to take part",
        "Microsoft: backup and the restore at first sign-in need a PC that is Entra joined or hybrid joined, the restore during setup one that is Entra joined. Any: every PC takes part, because Rehome brings its own accounts.";
    "backup.retention_latest" Backup Machine "RetentionLatest", number(1000, "snapshots"), Setting::Number(5), &[],
        "Newest snapshots to keep", "So many of the newest snapshots are kept, whatever their age. The newest is always kept. Set on a PC it changes nothing: only the server decides what it keeps, so that no PC shortens it.";
    "backup.retention_daily" Backup Machine "RetentionDaily", number(1000, "days"), Setting::Number(14), &[],
        "Daily snapshots to keep", "For so many days that have a snapshot, the day's last one is kept. Set on a PC it changes nothing: only the server decides what it keeps, so that no PC shortens it.";
    "backup.retention_weekly" Backup Machine "RetentionWeekly", number(1000, "weeks"), Setting::Number(8), &[],
        "Weekly snapshots to keep", "For so many weeks that have a snapshot, the week's last one is kept. Set on a PC it changes nothing: only the server decides what it keeps, so that no PC shortens it.";
    "backup.retention_monthly" Backup Machine "RetentionMonthly", number(1000, "months"), Setting::Number(12), &[],
        "Monthly snapshots to keep", "For so many months that have a snapshot, the month's last one is kept. Set on a PC it changes nothing: only the server decides what it keeps, so that no PC shortens it.";

    "restore.enabled" Restore Both "EnableRestore", Kind::Switch, Setting::Switch(true), &[],
        "Give settings and apps back",
        "Off: nothing is restored on this PC, at first sign-in or later. Backups go on.";
    "restore.page" Restore Both "ShowRestorePage", Kind::Switch, Setting::Switch(true), &[],
        "Show the page that offers a restore",
        "Off: the page `Welcome back` does not come up at first sign-in. A person can still start a restore.";
    "restore.mode" Restore Both "RestoreMode", Kind::Choice(&[choice("ask", "Ask the person"), choice("automatic", "Restore the newest backup without asking"), choice("off", "Nothing at first sign-in")]), Setting::Word("ask"), &[],
        "What happens at the first sign-in",
        "Ask: the person chooses a PC and what comes back. Automatic: the newest backup of the person is restored, and can be undone. Off: nothing happens by itself.";
    "restore.win32_apps" Restore Machine "RestoreWin32Apps", Kind::Switch, Setting::Switch(false), &[],
        "Reinstall desktop programs",
        "On: desktop programs that winget knows are reinstalled with it. Off: they are listed only. Apps from the Store are not concerned.";
    "restore.undo_by" Restore Both "UndoAllowed", Kind::Choice(&[choice("person", "The person themself"), choice("administrator", "The person, if they are an administrator of the PC"), choice("nobody", "Nobody")]), Setting::Word("person"), &[],
        "Who may take a restore back",
        "Within 30 days a restore can be undone. Person: whoever restored. Administrator: whoever restored, and only with an elevated prompt in their own account. Nobody: restores stay.";

    "agent.server_url" Agent Machine "ServerUrl", Kind::Text { chars_max: 2048, secret: false }, Setting::Nothing, &[],
        "Address of the server",
        "The Rehome server that `rehome enroll` connects with when none is named, beginning with `https://`.";
    "agent.enrolment_token" Agent Machine "EnrolmentToken", Kind::Text { chars_max: 1024, secret: true }, Setting::Nothing, &[],
        "Enrollment token",
        "Lets a PC connect with the server without a password. It is a secret: it is never shown and never logged, and whoever may read the key can use it until it is revoked.";
    "agent.follow_windows_policies" Agent Machine "FollowWindowsPolicies", Kind::Switch, Setting::Switch(true), &[],
        "Follow Windows' own policies on sync",
        "On: where Rehome's policies say nothing, `Do not sync ...` of Windows keeps those categories out of backups too. `Enable Windows Backup` is not followed: it decides about Microsoft's backup only.";
    "agent.log_level" Agent Machine "LogLevel", Kind::Choice(&[choice("error", "Errors"), choice("warn", "Errors and warnings"), choice("info", "Also what was done"), choice("debug", "Also what only looked, and by which command")]), Setting::Word("info"), &[],
        "How much is logged",
        "What the log file on the PC holds. Values of settings, tokens and names of a person's files are in no log at any level. The event log is not concerned.";

    "agent.key_level" Agent Machine "RequiredKeyLevel", Kind::Choice(&[choice("file", "Wherever the PC can"), choice("software", "By Windows, which does not give it out"), choice("tpm", "In the TPM")]), Setting::Word("file"), &[],
        "Where the PC's own key is kept at least",
        "The key that a PC signs its requests with. A PC whose key is kept in a weaker place makes no backups until it is connected again with a better one; it is refused with `key_too_weak`.";

    categories:
    "accessibility" "Accessibility" "Accessibility", windows::ACCESSIBILITY, windows::ACCESSIBILITY_OVERRIDE;
    "language" "Language" "Language", windows::LANGUAGE, windows::LANGUAGE_OVERRIDE;
    "region" "Region" "Region and formats", windows::LANGUAGE, windows::LANGUAGE_OVERRIDE;
    "typing" "Typing" "Keyboards and typing", windows::LANGUAGE, windows::LANGUAGE_OVERRIDE;
    "devices" "Devices" "Mouse, touchpad and pen", windows::OTHER, windows::OTHER_OVERRIDE;
    "personalization" "Personalization" "Colours and background", windows::PERSONALIZE, windows::PERSONALIZE_OVERRIDE;
    "desktop" "Desktop" "Desktop and windows", windows::PERSONALIZE, windows::PERSONALIZE_OVERRIDE;
    "taskbar" "Taskbar" "Taskbar", windows::PERSONALIZE, windows::PERSONALIZE_OVERRIDE;
    "start" "Start" "Start menu", windows::PERSONALIZE, windows::PERSONALIZE_OVERRIDE;
    "explorer" "Explorer" "File Explorer", windows::OTHER, windows::OTHER_OVERRIDE;
    "multitasking" "Multitasking" "Multitasking", windows::OTHER, windows::OTHER_OVERRIDE;
    "notifications" "Notifications" "Notifications", windows::OTHER, windows::OTHER_OVERRIDE;
    "system" "System" "System", windows::OTHER, windows::OTHER_OVERRIDE;
    "privacy" "Privacy" "Privacy", windows::OTHER, windows::OTHER_OVERRIDE;
    "apps" "Apps" "Console and Windows apps", windows::OTHER, windows::OTHER_OVERRIDE;
    "gaming" "Gaming" "Gaming", windows::OTHER, windows::OTHER_OVERRIDE;
    "app_list" "AppList" "List of apps", windows::APPS, windows::APPS_OVERRIDE;
}
