//! Policies of the server: from the operator's words and files to what a PC does at its next check-in.

use serde_json::Value;

use crate::harness::{World, arg, persona, shared_data};

const POLICY: &str = "
policies:
  - name: WIN - DVC - Enable Windows Backup
    enabled: true
    settings:
      backup.enabled: true
      backup.interval_hours: 24
    assignments:
      all_devices: true
";

#[test]
fn a_policy_reaches_the_pc_at_its_check_in_and_counts_there() {
    let world = World::without_policies();
    let pc = world.pc("PC");
    let hive = persona("old-pc.reg");
    pc.run(&["backup", "--from", arg(&hive)]).refused(5, &["no policy of your organisation switches backups on"]);
    world.switch_backups_on("default");
    pc.run(&["check-in"]).ok();
    pc.run(&["backup", "--from", arg(&hive)]).ok();
    world.server_command(&["policy", "edit", "Backups", "--set", "backup.enabled=false"], "").ok();
    let said = pc.json(&["check-in"]);
    assert_eq!((&said["policy_changed"], &said["settings"]), (&Value::Bool(true), &1.into()), "{said}");
    pc.run(&["backup", "--from", arg(&hive)]).refused(5, &["switched off by the policy of the server `Backups`"]);
    let again = pc.json(&["check-in"]);
    assert_eq!((&again["policy_changed"], &again["requests"]), (&Value::Bool(false), &1.into()), "{again}");
    let status = world.server_command(&["policy", "status", "Backups"], "").ok();
    assert!(status.contains("\tSucceeded\tada\tPC\t"), "{status}");

    world.server_command(&["policy", "edit", "Backups", "--set", "backup.enabled=true"], "").ok();
    let device = status.split('\t').next().unwrap();
    world.server_command(&["policy", "order", device, "back_up"], "").ok();
    let said = pc.json(&["check-in", "--from", arg(&hive)]);
    assert_eq!(said["commands"][0]["outcome"], "done", "{said}");
    let history = world.server_command(&["policy", "history", "Backups"], "").ok();
    assert!(history.contains("    settings.backup.enabled: true -> false"), "{history}");
    world.server_command(&["device", "revoke", device], "").ok();
    pc.run(&["check-in"]).refused(4, &["withdrawn"]);
}

#[test]
fn what_policy_leaves_out_is_in_no_backup() {
    let world = World::new();
    let pc = world.pc("PC");
    let hive = persona("old-pc.reg");
    pc.run(&["backup", "--from", arg(&hive)]).ok();
    let before = pc.json(&["show", "latest"]).to_string();
    assert!(before.contains("\"devices."), "{before}");
    let never = ["policy", "create", "p", "--set", "category.devices=never", "--user", "ada", "--enable"];
    world.server_command(&never, "").ok();
    pc.run(&["check-in"]).ok();
    pc.run(&["backup", "--from", arg(&hive)]).ok();
    let after = pc.json(&["show", "latest"]).to_string();
    assert!(!after.contains("\"devices."), "{after}");
}

#[test]
fn a_file_of_policies_is_planned_applied_and_comes_out_as_it_went_in() {
    let world = World::without_policies();
    let path = world.path("policies.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let file = ["-f", arg(&path), "--exit-code"];
    let plan = |code: i32| {
        let ran = world.server_command(&[&["policy", "plan"], &file[..]].concat(), "");
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.stdout
    };
    let would = plan(1);
    assert!(would.starts_with("+ WIN") && would.contains("settings.backup.interval_hours: - -> 24"), "{would}");
    assert_eq!(world.server_command(&["policy", "list"], "").ok(), "", "a plan changes nothing");
    world.server_command(&["policy", "apply", "-f", arg(&path)], "").ok();
    assert_eq!(plan(0), "= WIN - DVC - Enable Windows Backup\n");

    let name = "WIN - DVC - Enable Windows Backup";
    world.server_command(&["policy", "edit", name, "--set", "backup.interval_hours=48"], "").ok();
    assert!(plan(1).contains("settings.backup.interval_hours: 48 -> 24"), "drift is shown");
    world.server_command(&["policy", "create", "by hand"], "").ok();
    assert!(plan(1).contains("? (not in the file) by hand"));
    world.server_command(&["policy", "apply", "-f", arg(&path), "--prune"], "").ok();
    assert_eq!(plan(0), format!("= {name}\n"));

    let exported = world.server_command(&["policy", "export"], "").ok();
    world.server_command(&["policy", "delete", name], "").ok();
    world.server_command(&["policy", "apply", "-f", "-"], &exported).ok();
    assert_eq!(world.server_command(&["policy", "export"], "").ok(), exported);

    let misspelt = POLICY.replace("interval_hours", "intervall_hours");
    world.server_command(&["policy", "plan", "-f", "-"], &misspelt).refused(2, &["backup.intervall_hours"]);
    let group = POLICY.replace("all_devices: true", "include: {groups: [nobody]}");
    world.server_command(&["policy", "apply", "-f", "-"], &group).refused(2, &["there is no group `nobody`"]);
}

#[test]
fn a_real_export_of_intune_becomes_a_policy_and_what_is_left_out_is_named() {
    let Some(shared) = shared_data() else { return };
    let world = World::new();
    let file = shared.join("intune/oib/SC-Windows-User-Experience-D-Settings-Sync-v3.7.json");
    let said = world.server_command(&["policy", "import", arg(&file), "--create"], "").ok();
    assert!(said.contains("2 of 4 settings") && said.contains("left out: Rehome carries no passwords"), "{said}");
    let list = world.server_command(&["policy", "list"], "").ok();
    assert!(list.contains("\toff\t") && list.contains("Settings Sync - v3.7\t2 settings\tfor nobody yet"), "{list}");
    let groups = shared.join("intune/groups/OS-Groups.json");
    world.server_command(&["policy", "import", arg(&groups)], "").refused(2, &["a file of groups"]);
}

#[test]
fn what_if_says_yes_and_no_with_each_reason() {
    let world = World::new();
    world.server_command(&["policy", "restore-page", "off"], "").ok();
    let facts = r#"{"build": 19045, "revision": 1}"#;
    let said = world.server_command(&["policy", "what-if", "--user", "ada", "-f", "-"], facts).ok();
    for line in ["backup\tno", "    build_too_old: ", "restore offer\tno", "    restore_page_off: ", "    no_profile: "]
    {
        assert!(said.contains(line), "`{line}` is not in {said}");
    }
    let said = world.server_command(&["policy", "what-if", "-f", "-"], r#"{"build": 26100, "revision": 7922}"#).ok();
    assert!(said.contains("backup\tyes"), "{said}");
}
