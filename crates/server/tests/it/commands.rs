//! The command line, as an operator sees it.

use std::fs;
use std::process::Command;

use crate::support::{Place, out, said};
use server::app::OpenError;
use server::keyring::KeyringError;
use server::keyring::provider::ProviderError;

#[test]
fn a_wrong_root_key_starts_nothing_and_changes_nothing() {
    let place = Place::new();
    drop(place.serve());
    let database = place.data().join("rehome.db");
    let stored = || if crate::support::elsewhere() { Vec::new() } else { fs::read(&database).unwrap() };
    let (right, before) = (fs::read(place.root_key()).unwrap(), stored());
    fs::write(place.root_key(), "11".repeat(32)).unwrap();
    assert!(matches!(place.open().err().unwrap(), OpenError::Keyring(KeyringError::WrongRoot(_))));
    let output = place.run(&["check"]);
    assert_eq!(output.status.code(), Some(9), "{}", said(&output));
    assert!(said(&output).starts_with("error[wrong_key]: the root key in "), "{}", said(&output));
    fs::remove_file(place.root_key()).unwrap();
    assert!(matches!(
        place.open().err().unwrap(),
        OpenError::Keyring(KeyringError::Provider(ProviderError::Missing(_)))
    ));
    fs::write(place.root_key(), "not a key").unwrap();
    assert!(matches!(
        place.open().err().unwrap(),
        OpenError::Keyring(KeyringError::Provider(ProviderError::NotAKey(_)))
    ));
    assert_eq!(stored(), before);
    fs::write(place.root_key(), right).unwrap();
    assert_eq!(place.run(&["check"]).status.code(), Some(0));
}

#[test]
fn the_root_key_may_not_lie_beside_the_data() {
    let place = Place::new();
    let inside = place.data().join("root.key");
    let output = Command::new(env!("CARGO_BIN_EXE_rehome-server"))
        .args(["check", "--data-dir"])
        .arg(place.data())
        .arg("--root-key")
        .arg(&inside)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!inside.exists());
}

#[cfg(unix)]
#[test]
fn keys_and_data_are_for_the_servers_account_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    drop(place.open().unwrap());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(place.root_key()), mode(place.data())), (0o600, 0o700));
}

#[test]
fn accounts_are_made_once_and_their_passwords_shown_once() {
    let place = Place::new();
    drop(place.serve());
    let made = place.run(&["user", "create", "carl"]);
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 23, "{}", said(&made));
    let again = place.run(&["user", "create", "carl"]);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(2), 0));
    assert!(said(&again).contains("user `carl` exists already"), "{}", said(&again));
    let nowhere = place.run(&["user", "create", "dora", "--tenant", "nowhere"]);
    assert!(said(&nowhere).contains("there is no tenant `nowhere`"), "{}", said(&nowhere));
    assert_eq!(place.run(&["tenant", "create", "a/b"]).status.code(), Some(2));
}

#[test]
fn the_configuration_says_where_each_value_comes_from() {
    let place = Place::new();
    let file = place.path().join("server.toml");
    fs::write(&file, "listen = \"127.0.0.1:9\"\n").unwrap();
    let mut command = place.command(&["config", "show", "--origin", "--config", file.to_str().unwrap()]);
    let text = out(&command.env("REHOME_DRAIN_DELAY", "7").output().unwrap());
    for line in [
        format!("listen = \"127.0.0.1:9\"  # file {}", file.display()),
        "requests_per_minute = 60  # default".to_owned(),
        "drain_delay = 7  # environment REHOME_DRAIN_DELAY".to_owned(),
        format!("data_dir = \"{}\"  # flag --data-dir", place.data().display()),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    fs::write(&file, "lisen = \"127.0.0.1:9\"\n").unwrap();
    let output = place.run(&["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("lisen"), "{}", said(&output));
}

#[test]
fn rot_is_found_and_named() {
    let place = Place::new();
    {
        let live = place.serve();
        let pc = live.enroll("ada", "PC");
        assert_eq!(live.backup(&pc, &crate::support::Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    }
    assert_eq!(place.run(&["check"]).status.code(), Some(0));
    if crate::support::elsewhere() {
        crate::support::ask(&place.database(), "UPDATE parts SET sealed = decode(repeat('00', 100), 'hex')");
    } else {
        let database = rusqlite::Connection::open(place.database()).unwrap();
        database.execute("UPDATE parts SET sealed = zeroblob(100)", []).unwrap();
    }
    let output = place.run(&["check"]);
    assert_eq!(output.status.code(), Some(8));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is damaged"), "{output:?}");
}

#[test]
fn a_health_check_without_a_server_says_that_it_is_not_there() {
    let place = Place::new();
    let live = place.serve();
    let here = live.address.to_string();
    assert_eq!(place.run(&["healthcheck", "--listen", &here]).status.code(), Some(0));
    drop(live);
    let output = place.run(&["healthcheck", "--listen", &here]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
}

#[test]
fn the_first_administrator_is_made_by_one_command() {
    let place = Place::new();
    let output = place.run(&["admin", "create", "root", "--tenant", "example"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("must be changed at the first sign-in"), "{}", said(&output));
    let password = String::from_utf8(output.stdout).unwrap();
    let app = place.open().unwrap();
    let account = app.store.account("example", "root").unwrap().unwrap();
    assert!(server::password::matches(password.trim(), &account.password));
    assert_eq!(app.store.factors(&account.person()).unwrap().change_password, store::people::Change::First);
    let authority = app.store.authority(&account.person(), app.clock.now()).unwrap().unwrap();
    assert!(authority.view(model::permission::Permission::ALL[0]).is_some(), "may do everything");
    drop(app);

    let reset = place.run(&["account", "password", "root", "--tenant", "example", "--without-second-factor"]);
    assert_eq!(reset.status.code(), Some(0), "{}", said(&reset));
    assert_ne!(String::from_utf8(reset.stdout).unwrap(), password);
    for verb in ["sign-out", "disable", "enable"] {
        let output = place.run(&["account", verb, "root", "--tenant", "example"]);
        assert_eq!(output.status.code(), Some(0), "{verb}: {}", said(&output));
    }
    assert_eq!(place.run(&["account", "disable", "nobody", "--tenant", "example"]).status.code(), Some(2));
}

#[test]
fn a_provider_that_cannot_be_one_is_refused_with_what_is_wrong() {
    let place = Place::new();
    drop(place.serve_off());
    let add = |issuer: &str| place.run(&["provider", "add", "Work", "--client-id", "x", "--issuer", issuer]);
    let output = add("https://login.microsoftonline.com/common/v2.0");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("`common` is not one directory"), "{}", said(&output));
    let output = add("http://id.example.com");
    assert!(said(&output).starts_with("error[provider_invalid]: "), "{}", said(&output));
    let output = add("http://127.0.0.1:9");
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert!(said(&output).starts_with("error[provider_unreachable]: "), "{}", said(&output));
    assert_eq!(place.run(&["provider", "list"]).stdout, b"", "nothing is kept of a refused one");
    assert_eq!(place.run(&["provider", "remove", "Work"]).status.code(), Some(2));
    assert_eq!(place.run(&["sign-in", "device-code", "on"]).status.code(), Some(0));
}

#[test]
fn the_manual_and_completions_need_no_configuration() {
    let place = Place::new();
    let file = place.path().join("server.toml");
    fs::write(&file, "lisen = \"127.0.0.1:9\"\n").unwrap();
    let config = file.to_str().unwrap();
    let page = place.run(&["man", "--config", config]);
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(page.status.success() && text.contains(".TH rehome-server 1") && text.contains("healthcheck"), "{text}");
    let script = place.run(&["completions", "bash", "--config", config]);
    assert!(String::from_utf8(script.stdout).unwrap().contains("complete -F _rehome"), "a script for bash");
    let folder = place.path().join("man");
    assert!(place.run(&["man", "--out", folder.to_str().unwrap()]).status.success());
    for name in ["rehome-server.1", "rehome-server-user-create.1", "rehome-server-serve.1"] {
        assert!(fs::read_to_string(folder.join(name)).unwrap().starts_with(".ie"), "{name}");
    }
    let taken = place.run(&["man", "--out", config]);
    assert_eq!(taken.status.code(), Some(2), "{}", said(&taken));
    assert!(said(&taken).contains(config) && said(&taken).contains("hint: "), "{}", said(&taken));
}

#[test]
fn a_check_without_data_finds_nothing_in_order_and_makes_nothing() {
    let place = Place::new();
    let typo = place.path().join("sever");
    let output = Command::new(env!("CARGO_BIN_EXE_rehome-server"))
        .args(["check", "--data-dir", typo.to_str().unwrap(), "--root-key"])
        .arg(place.path().join("other.key"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).starts_with("error[file_not_found]: there is no server's data in "), "{}", said(&output));
    assert!(!typo.exists() && !place.path().join("other.key").exists());
}

#[test]
fn what_keeps_a_server_from_starting_is_told_apart() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let file = place.path().join("no-folder");
    fs::write(&file, "text").unwrap();
    let (file, missing) = (file.to_str().unwrap().to_owned(), place.path().join("missing"));
    let (missing, any) = (missing.to_str().unwrap(), "127.0.0.1:0");
    let cases: [(&[&str], i32, &str, &str); 7] = [
        (&["--listen", &taken], 7, "error[busy]: cannot listen on", "choose another address"),
        (&["--listen", "192.0.2.1:8640"], 2, "error[config_invalid]: cannot listen on", "an address of this machine"),
        (&["--config", missing], 2, "error[file_not_found]: ", "check the path"),
        (
            &["--listen", any, "--tls-cert", missing, "--tls-key", missing],
            2,
            "error[config_invalid]: ",
            "name PEM files",
        ),
        (&["--listen", any, "--tls-cert", &file, "--tls-key", &file], 2, "error[config_invalid]: ", "name PEM files"),
        (&["--listen", any, "--tls-cert", &file], 2, "error[config_invalid]: tls_cert and tls_key", "give both"),
        (&["--listen", any, "--data-dir", &file], 2, "error[config_invalid]: ", "name a folder"),
    ];
    for (words, code, starts, hint) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehome-server"));
        let data = place.path().join("made-by-a-wrong-start");
        command.arg("serve").env("REHOME_DATA_DIR", &data).env("REHOME_ROOT_KEY", place.path().join("new.key"));
        let output = command.args(words).output().unwrap();
        let told = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.starts_with(starts) && told.contains("\n  hint: ") && told.contains(hint), "{words:?}: {told}");
        assert!(!data.exists(), "{words:?} left something behind");
    }
}

#[test]
fn a_rule_is_checked_spelled_and_explained_without_a_server() {
    let rule = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rehome-server")).arg("rule").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
    };
    let spelled = rule(&["format", "--kind", "filter", "(device.model eq 'Surface') and device.osVersion -ne null"]);
    assert_eq!(spelled.0, Some(0), "{}", spelled.2);
    assert_eq!(spelled.1, "(device.model -eq \"Surface\") -and (device.osVersion -ne null)\n");
    let wrong = rule(&["check", "device.deviceModell -eq \"x\""]);
    assert_eq!((wrong.0, wrong.1.as_str()), (Some(2), ""));
    assert!(wrong.2.contains("\n^\nerror[rule_invalid]: column 1:"), "{}", wrong.2);
    assert!(wrong.2.contains("hint: did you mean `device.deviceModel`?"), "{}", wrong.2);
    assert_eq!(rule(&["check", "device.deviceModel -eq \"x\""]).0, Some(0));
    let place = Place::new();
    let facts = place.data().with_extension("facts.json");
    fs::write(&facts, r#"{"deviceOSVersion": "10.0.22631.1"}"#).unwrap();
    let explain = ["explain", "device.deviceOSVersion -ge 10.0.26100", "--exit-code", "--facts"];
    let told = rule(&[&explain[..], &[facts.to_str().unwrap()]].concat());
    assert_eq!(told.0, Some(1), "{}", told.2);
    assert_eq!(told.1, "no   device.deviceOSVersion -ge 10.0.26100   (it is \"10.0.22631.1\")\n");
    fs::write(&facts, "[]").unwrap();
    let told = rule(&[&explain[..], &[facts.to_str().unwrap()]].concat());
    assert!(told.0 == Some(2) && told.2.contains("facts are a JSON object"), "{}", told.2);
}

#[test]
fn a_file_makes_the_groups_and_filters_that_its_policies_name_and_a_second_time_changes_nothing() {
    let place = Place::new();
    drop(place.serve_off());
    let file = place.data().with_extension("yaml");
    let text = r#"
groups:
  - {name: "24H2", of: devices, rule: "(device.deviceOSVersion -ge 10.0.26100)"}
filters:
  - {name: surfaces, rule: device.model -eq "Surface"}
policies:
  - name: p
    enabled: true
    settings: {backup.interval_hours: 24}
    assignments:
      include: {groups: ["24H2"]}
      filters: [{on: "24H2", filter: surfaces, mode: exclude}]
"#;
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let planned = place.run(&["policy", "plan", "-f", &path, "--exit-code"]);
    assert_eq!(planned.status.code(), Some(1), "{}", said(&planned));
    assert!(said(&planned).contains("would be made: 3, changed: 0, deleted: 0"), "{}", said(&planned));
    let applied = place.run(&["policy", "apply", "-f", &path]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let again = place.run(&["policy", "plan", "-f", &path, "--exit-code"]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stdout));
    let exported = place.run(&["policy", "export"]).stdout;
    let exported = String::from_utf8(exported).unwrap();
    assert!(
        exported.contains("mode: exclude") && exported.contains("device.deviceOSVersion -ge 10.0.26100"),
        "{exported}"
    );
    fs::write(&file, &exported).unwrap();
    assert_eq!(place.run(&["policy", "plan", "-f", &path, "--exit-code"]).status.code(), Some(0), "{exported}");
    // Another rule is drift, and what the file no longer has goes with --prune, after the policy that named it.
    fs::write(&file, text.replace("26100", "26200")).unwrap();
    let changed = place.run(&["policy", "apply", "-f", &path]);
    assert!(said(&changed).contains("made: 0, changed: 1, deleted: 0"), "{}", said(&changed));
    fs::write(&file, "groups: []\nfilters: []\npolicies: []\n").unwrap();
    let pruned = place.run(&["policy", "apply", "-f", &path, "--prune"]);
    assert!(said(&pruned).contains("made: 0, changed: 0, deleted: 3"), "{}", said(&pruned));
    assert_eq!(place.run(&["group", "list"]).stdout, b"");
    fs::write(&file, text.replace("-ge 10", "-gee 10")).unwrap();
    let wrong = place.run(&["policy", "plan", "-f", &path]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("error[rule_invalid]: the rule of the group `24H2`: column"), "{}", said(&wrong));
}
