//! What a live PC is refused: by policy, by its version of Windows, without a server. Nothing is changed then.

use std::collections::BTreeMap;

use model::prerequisite::{Activity, ROWS};

use crate::faults::SmallDisk;
use crate::harness::{PASSWORD, World, arg, run};

use super::dump::values;
use super::effects::Session;
use super::lived_in::{restored, settings};
use super::prefix::{Prefix, VERSION};
use super::two_pcs;

const POLICIES: &str = r"HKLM\Software\Policies\Rehome";
const RESTORE: [&str; 4] = ["restore", "--from-device", "OLD-PC", "--yes"];

#[test]
fn what_policy_or_windows_itself_rules_out_changes_nothing() {
    let mut world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    for row in ROWS {
        let (pc, words): (_, &[&str]) = match row.activity {
            Activity::Backup => (&old, &["backup", "--no-rehearsal"]),
            Activity::SignInRestore => (&new, &RESTORE[..3]),
            // Nothing restores during setup yet: what would be allowed is a check.
            Activity::SetupRestore => {
                checks_setup(&new, row);
                continue;
            }
        };
        pc.reg_add(VERSION, ("CurrentBuildNumber", "REG_SZ", &row.least.build.to_string()));
        pc.reg_add(VERSION, ("UBR", "REG_DWORD", &(row.least.revision - 1).to_string()));
        pc.rehome(words).refused(5, &["is too old", &row.least.to_string(), row.version]);
        pc.reg_add(VERSION, ("UBR", "REG_DWORD", &row.least.revision.to_string()));
        pc.rehome(words).ok();
    }

    old.reg_add(POLICIES, ("EnableBackup", "REG_DWORD", "0"));
    old.rehome(&["backup"]).refused(5, &["switched off by the policy for this PC"]);
    new.reg_add(POLICIES, ("EnableRestore", "REG_DWORD", "0"));
    let before = new.dump();
    new.rehome(&RESTORE).refused(5, &["switched off by the policy for this PC"]);
    before.assert_same(&new.dump(), "policy");

    new.reg_add(POLICIES, ("EnableRestore", "REG_DWORD", "1"));
    new.reg_add(POLICIES, ("RequiredJoinState", "REG_SZ", "microsoft"));
    world.add_user("bob");
    let as_bob = ["enroll", "--profile", "bob", "--server", world.address(), "--user", "bob", "--password-stdin"];
    run(new.command(&as_bob), PASSWORD).ok();
    let before = new.dump();
    new.rehome(&RESTORE).refused(5, &["this PC is not joined", "Entra joined or hybrid joined"]);
    before.assert_same(&new.dump(), "join state");

    new.reg_add(POLICIES, ("RequiredJoinState", "REG_SZ", "any"));
    let before = new.dump();
    new.rehome(&[&RESTORE[..], &["--profile", "bob"]].concat()).refused(10, &[]);
    before.assert_same(&new.dump(), "other account");
    world.kill_server();
    new.rehome(&RESTORE).refused(6, &[]);
    before.assert_same(&new.dump(), "no server");
}

/// As the registry tells it, which is the second source: Wine has no call that says how a PC is joined to Entra.
#[test]
fn how_the_pc_is_joined_decides_where_policy_asks_for_it() {
    const CLOUD: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\AB12";
    const DOMAIN: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    const TIME: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
    const ACCOUNT: &str = r"HKCU\Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo\AB12";
    let world = World::new();
    let Some((_old, pc)) = two_pcs(&world) else { return };
    let join = |key: &str, name: &str, is: bool| {
        if is {
            pc.reg_add(key, (name, "REG_SZ", "corp.example"));
        } else {
            drop(pc.wine(&["reg", "delete", key, "/v", name, "/f"]));
        }
    };
    pc.reg_add(POLICIES, ("RequiredJoinState", "REG_SZ", "microsoft"));
    for (cloud, domain, account, refused_as) in [
        (false, false, true, Some("this PC is Entra registered only")),
        (false, true, false, Some("this PC is domain joined only")),
        (true, false, false, None),
        (true, true, false, None),
    ] {
        join(CLOUD, "TenantId", cloud);
        join(DOMAIN, "NV Domain", domain);
        // A suffix alone may have been set by hand: a member takes the time from its domain, too.
        pc.reg_add(TIME, ("Type", "REG_SZ", if domain { "NT5DS" } else { "NTP" }));
        join(ACCOUNT, "TenantId", account);
        if !account {
            drop(pc.wine(&["reg", "delete", ACCOUNT, "/f"]));
        }
        for words in [&["backup", "--no-rehearsal"][..], &RESTORE[..3]] {
            let said = pc.rehome(words);
            if let Some(join) = refused_as {
                said.refused(5, &[join, "needs it to be Entra joined or hybrid joined"]);
            } else {
                said.ok();
            }
        }
    }
}

/// One below is refused and the build itself is not, as `rehome doctor` says.
fn checks_setup(pc: &Prefix, row: model::prerequisite::Row) {
    for (revision, verdict) in [(row.least.revision - 1, "fail"), (row.least.revision, "pass")] {
        pc.reg_add(VERSION, ("CurrentBuildNumber", "REG_SZ", &row.least.build.to_string()));
        pc.reg_add(VERSION, ("UBR", "REG_DWORD", &revision.to_string()));
        let said = pc.rehome(&["doctor", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        let checks = document["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "windows.build.setup_restore").unwrap();
        assert_eq!(
            (&check["verdict"], &check["found"]),
            (&verdict.into(), &format!("{}.{revision}", row.least.build).into())
        );
    }
}

/// Whoever sits at an administrator's prompt and names the folder of the person on the phone would write her old settings into their own registry, and their own into her account.
#[test]
fn another_persons_folder_gives_nothing_to_who_runs_this_and_takes_nothing() {
    let world = World::new();
    let Some((_old, new)) = two_pcs(&world) else { return };
    new.rehome(&RESTORE).done();
    let record = new.person().join("AppData/Local/Rehome/default/enrolment.json");
    let mine = std::fs::read_to_string(&record).unwrap();
    let known: serde_json::Value = serde_json::from_str(&mine).unwrap();
    let person = known["person"].as_str().unwrap();
    std::fs::write(&record, mine.replace(person, "S-1-5-21-1-2-3-1104")).unwrap();
    let before = new.dump();
    for words in
        [&["undo"][..], &["undo", "--yes"], &RESTORE, &["restore", "--from-device", "OLD-PC"], &["backup"], &["apps"]]
    {
        new.rehome(words).refused(5, &["Rehome\\default` belongs to another person", "without `--state-dir`"]);
    }
    before.assert_same(&new.dump(), "of another person");
    std::fs::write(&record, mine).unwrap();
    new.rehome(&["undo", "--yes"]).done();
    assert!(!before.changed(&new.dump()).is_empty(), "it was there to be taken back");
}

#[test]
fn a_full_disk_under_the_state_folder_changes_nothing() {
    let world = World::new();
    let Some((_old, new)) = two_pcs(&world) else { return };
    let Some(small) = SmallDisk::mount("512k") else { return };
    // Wine shows this machine's files as the drive Z:.
    let folder = format!("Z:{}", arg(&small.folder));
    let rehome = |words: &[&str], input: &str| {
        let mut command = new.command(words);
        command.env("REHOME_STATE_DIR", &folder);
        run(command, input)
    };
    let enroll = ["enroll", "--server", world.address(), "--user", "ada", "--password-stdin", "--device-name", "SMALL"];
    rehome(&enroll, PASSWORD).ok();
    let before = new.dump();
    small.fill();
    let said = rehome(&RESTORE, "");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("hint: free some space"), "{said:?}");
    before.assert_same(&new.dump(), "nothing was written");
    small.make_room();
    rehome(&RESTORE, "").done();
    assert!(!before.changed(&new.dump()).is_empty(), "with room it goes ahead");
}

#[test]
fn a_key_without_permission_is_reported_setting_by_setting_and_the_rest_comes_back() {
    const NO_WRITING: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
    const NO_READING: &str = r"Control Panel\Mouse";
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let new = Session::of(new);
    let before = new.pc.export();
    let is_in = |key: &str, of: &str| key.eq_ignore_ascii_case(of);
    // Wine keeps rights as long as somebody runs on the PC: until the end of the restore.
    let mut denying = [("no-writing", "2", NO_WRITING), ("no-reading", "1", NO_READING)].map(|(ready, rights, key)| {
        new.stays(r"C:\session.exe", &["deny", &format!(r"C:\{ready}"), rights, key], ready)
    });
    let said = new.pc.rehome(&[&RESTORE[..], &["--json"]].concat());
    assert_eq!(said.code, Some(3), "done, and something was not written: {said:?}");
    let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    // What cannot be read is left out by the plan; what cannot be written is found out when it is.
    let skipped = said["plan"]["settings"].as_array().unwrap().iter().filter(|step| step["action"] == "skip");
    let left_alone = said["outcome"]["failed"].as_array().unwrap().iter();
    let reasons: BTreeMap<_, _> = skipped
        .chain(left_alone)
        .map(|one| (one["id"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .filter(|(id, _)| settings().any(|(setting, _)| setting.id == *id))
        .collect();
    // A key below one that cannot be written is not there yet, and cannot be made.
    let is_below = |key: &str, of: &str| key.to_lowercase().starts_with(&format!(r"{}\", of.to_lowercase()));
    let locked = |key: &str| is_in(key, NO_WRITING) || is_below(key, NO_WRITING) || is_in(key, NO_READING);
    let expected: BTreeMap<_, _> =
        settings().filter(|(_, (key, _))| locked(key)).map(|(setting, _)| (setting.id, "access_denied")).collect();
    assert!(expected.len() > 60, "{expected:?}");
    assert_eq!(reasons, expected);
    new.pc.switch_off();
    drop(denying.each_mut().map(std::process::Child::wait));
    let open = settings().filter(|(_, (key, _))| !locked(key));
    let wanted = restored(&before, &old.export(), open);
    assert_eq!(values(&new.pc.export()), values(&wanted), "all others are there, and nothing else was written");
}
