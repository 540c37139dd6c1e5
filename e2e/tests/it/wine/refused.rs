//! What a live PC is refused: by policy, by its version of Windows, without a server. Nothing is changed then.

use model::prerequisite::{Activity, ROWS};

use crate::harness::World;

use super::prefix::VERSION;
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
            Activity::SetupRestore => continue,
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
    let before = new.dump();
    world.kill_server();
    new.rehome(&RESTORE).refused(6, &[]);
    before.assert_same(&new.dump(), "no server");
}
