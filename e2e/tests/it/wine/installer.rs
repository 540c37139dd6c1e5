//! The installer's life on a PC: put there silently, used, brought up to date, taken away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use device::codec::text_of;

use crate::harness::{Ran, World, run};

use super::dump::Dump;
use super::lived_in::stored;
use super::pictures;
use super::prefix::{Prefix, installers};

const FOLDER: &str = "drive_c/Program Files/Rehome";
const WALLPAPER: &str = "AppData/Local/Rehome.files/wallpaper.png";
const WINDOW: &str = r"C:\Program Files\Rehome\rehome-backup.exe";
const PROGRAM: &str = r"C:\Program Files\Rehome\rehome.exe";
/// Windows puts what is installed for everybody into everybody's menu; Wine 8 into that of the person.
const START_MENU: &str = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Rehome.lnk";
const EVENT_SOURCE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Rehome\Rehome";

#[test]
fn the_installer_comes_is_used_is_upgraded_and_leaves_nothing() {
    let Some([first, next]) = installers() else { return };
    let world = World::new();
    let (Some(other), Some(pc)) = (Prefix::enrolled(&world, "OLD-PC"), Prefix::fresh()) else { return };
    let pc = Pc(pc);
    pc.take_along(&first, "rehome.msi");
    pc.take_along(&next, "next.msi");
    let (registry, files) = (pc.0.dump(), pc.files());

    pc.refuses_as_a_whole();
    let server = format!("SERVERURL={}", world.address());
    let secret = world.server_command(&["token", "create", "--user", "ada"], "").ok().trim().to_owned();
    let token = format!("ENROLLTOKEN={secret}");
    // Wine 8 does not tell an older product that it is being upgraded (`UPGRADINGPRODUCTCODE`), so it would take everything along as if it were removed.
    let keep = "KEEPDATA=1";
    pc.msiexec(&["/i", r"C:\rehome.msi", &server, &token, "LOGLEVEL=warn", "CHANNEL=canary", keep]).ok();
    assert!(pc.0.path().join(FOLDER).join("rehome.exe").is_file());
    assert!(pc.0.path().join(FOLDER).join("rehome-backup.exe").is_file());
    assert!(pc.0.person().join(START_MENU).is_file(), "the window is in the Start menu");
    assert!(pc.task().is_file(), "the task is registered");
    let there = pc.0.dump();
    let value = |key: &str, name: &str| there.values.get(&(format!("system.reg {key}"), name.to_owned())).cloned();
    assert_eq!(value(r"software\rehome", "serverurl"), Some(format!("\"{}\"", world.address())));
    assert_eq!(value(r"software\rehome", "loglevel").as_deref(), Some("\"warn\""));
    assert_eq!(value(r"software\rehome", "channel").as_deref(), Some("\"canary\""));
    let hook = value(r"software\microsoft\windows\currentversion\run", "rehome").unwrap_or_default();
    assert!(
        hook.ends_with(r#"\\Program Files\\Rehome\\rehome-backup.exe\" --welcome""#),
        "what each sign-in starts: {hook}"
    );
    assert_eq!(value(r"software\rehome\enrolment", "token"), Some(format!("\"{secret}\"")));
    let path = pc.query(r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment").ok();
    assert!(path.contains(r"\Program Files\Rehome"), "`rehome` works at every prompt: {path}");
    assert!(pc.query(EVENT_SOURCE).ok().contains(r"%SystemRoot%\System32\EventCreate.exe"));
    // Wine prints the properties at the end, also those that Windows hides (`MsiHiddenProperties`); nothing else may name the token.
    pc.names_only_as_property("ENROLLTOKEN", &secret);
    assert!(pc.log().contains("MsiHiddenProperties = ENROLLTOKEN;PROXYURL;CheckEnrolToken;SetEnrolToken;SetMachine"));

    // What the scheduled task calls: the first run connects the person with the installer's token and address, backs up, and deletes the token.
    let task = pc.rehome(&["schedule", "install", "--print"]).ok();
    assert!(task.contains(&format!("<Command>{WINDOW}</Command>")), "no console's window comes up: {task}");
    assert!(task.contains("<Arguments>--scheduled</Arguments>"), "{task}");
    let before = pc.0.dump();
    run(pc.0.program(WINDOW, &["--scheduled"]), "").ok();
    let person: Vec<_> =
        before.changed(&pc.0.dump()).into_iter().filter(|(key, _)| key.starts_with("user.reg")).collect();
    assert_eq!(person, [], "a backup changes nothing of the person's");
    let keys = pc.0.dump().keys;
    assert!(!keys.contains(r"system.reg software\rehome\enrolment"), "the token was used and is gone");
    // All that a backup may start: winget, and the server's answer waited for.
    pc.leaves_no_process(&["backup"]);
    let checks = pc.json(&["doctor"]);
    let check = |id: &str| checks["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone();
    assert_eq!(check("enrolment")["found"], "connected");

    pc.msiexec(&["/i", r"C:\next.msi"]).ok();
    let upgraded = pc.0.dump();
    let is_product = |((key, name), value): &(&(String, String), &String)| {
        key.contains(r"currentversion\uninstall\") && name == "displayname" && *value == "\"Rehome\""
    };
    let products: Vec<_> = upgraded.values.iter().filter(is_product).collect();
    assert_eq!(products.len(), 1, "the older one is gone: {products:?}");
    assert_eq!(
        upgraded.values.get(&("system.reg software\\rehome".to_owned(), "loglevel".to_owned())).map(String::as_str),
        Some("\"warn\"")
    );
    assert!(pc.task().is_file());
    // The list of programs names the new version, so there may be something to back up; that it is done without asking is what counts.
    let said = pc.rehome(&["backup"]).ok_stderr();
    assert!(said.contains("Backed up") || said.contains("Nothing changed"), "the state was kept: {said}");
    assert_ne!(pc.msiexec(&["/i", r"C:\rehome.msi"]).code, Some(0), "an older one is refused");

    // A picture that was restored, and that the desktop shows.
    pictures::backed_up(&other, pictures::PICTURE);
    let desktop = (r"Control Panel\Desktop", "Wallpaper");
    let named = stored(&pc.0.export(), desktop);
    pc.rehome(&pictures::RESTORE).done();
    assert!(pc.0.person().join(WALLPAPER).is_file());
    assert_ne!(stored(&pc.0.export(), desktop), named);

    // Nobody has to know what was said when it was installed.
    pc.msiexec(&["/i", r"C:\next.msi", "REINSTALL=ALL", "REINSTALLMODE=omus", "KEEPDATA=0"]).ok();
    pc.msiexec(&["/x", r"C:\next.msi"]).ok();
    let shown = stored(&pc.0.export(), desktop).and_then(|raw| text_of(&raw.bytes)).unwrap();
    assert!(shown.ends_with(r"\AppData\Local\Rehome.files\wallpaper.png"), "{shown}");
    assert!(pc.0.person().join(WALLPAPER).is_file(), "what the desktop shows stays");
    // Whoever has chosen another background may delete it.
    std::fs::remove_dir_all(pc.0.person().join(WALLPAPER).parent().unwrap()).unwrap();
    pc.0.reg_add(r"HKCU\Control Panel\Desktop", ("Wallpaper", "REG_SZ", ""));
    pc.is_as_it_was(&registry, &files);
}

/// Wine logs no action's command line, so whether Windows would is read from the package: an action of which it logs none has `msidbCustomActionTypeHideTarget`
/// (Microsoft, "Custom Action Hidden Target Option"), and a property stands in `MsiHiddenProperties`.
#[test]
fn what_is_told_a_secret_is_hidden_from_the_log() {
    const HIDE_TARGET: u32 = 8192;
    const SECRETS: [&str; 2] = ["ENROLLTOKEN", "PROXYURL"];
    let Some([installer, _]) = installers() else { return };
    let table = |name: &str| {
        let mut command = Command::new("msiinfo");
        command.arg("export").arg(&installer).arg(name);
        run(command, "").ok()
    };
    let (actions, properties) = (table("CustomAction"), table("Property"));
    let hidden = properties.lines().find_map(|line| line.strip_prefix("MsiHiddenProperties\t")).unwrap();
    let hidden: Vec<_> = hidden.trim_end().split(';').collect();
    for secret in SECRETS {
        assert!(hidden.contains(&secret), "{hidden:?}");
        let told = actions.lines().filter(|line| line.contains(&format!("[{secret}]")));
        let told: Vec<Vec<_>> = told.map(|line| line.split('\t').collect()).collect();
        assert!(!told.is_empty(), "{secret}");
        for action in told {
            let kind: u32 = action[1].parse().unwrap();
            // What a deferred action is told is a property of its name.
            assert!(kind & HIDE_TARGET != 0 && hidden.contains(&action[0]), "{action:?}");
        }
    }
}

/// An upgrade is told nothing: a second run of the installer put the program where it had not been, and registered the task that was not wanted.
#[test]
fn an_upgrade_remembers_where_the_program_is_and_that_no_task_is_wanted() {
    let Some([first, next]) = installers() else { return };
    let Some(pc) = Prefix::fresh() else { return };
    let pc = Pc(pc);
    pc.take_along(&first, "rehome.msi");
    pc.take_along(&next, "next.msi");
    let there = pc.0.path().join("drive_c/Tools/Rehome/rehome.exe");
    // Each property that is remembered, to see that it is the same one that arrives.
    std::fs::write(pc.0.path().join("drive_c/token.txt"), "a-token\n").unwrap();
    let pin = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let said = [
        ("ServerUrl", "SERVERURL", "https://rehome.example.com"),
        ("Tenant", "TENANT", "contoso"),
        ("CertPin", "CERTPIN", &pin),
        ("ProxyUrl", "PROXYURL", "http://proxy.example.com:3128"),
        ("ProxyBypass", "PROXYBYPASS", "*.corp.example;10.*"),
        ("LogLevel", "LOGLEVEL", "error"),
        ("Channel", "CHANNEL", "canary"),
        ("NoUi", "NOUI", "1"),
        ("NoStart", "NOSTART", "1"),
        ("KeepData", "KEEPDATA", "1"),
    ];
    let words: Vec<String> = said.iter().map(|(_, property, value)| format!("{property}={value}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let place = [r"INSTALLFOLDER=C:\Tools\Rehome", r"ENROLLTOKENFILE=C:\token.txt"];
    pc.msiexec(&[&["/i", r"C:\rehome.msi"], &place[..], &words].concat()).ok();
    assert!(there.is_file() && !pc.task().exists());
    let remembered = pc.query(r"HKLM\Software\Rehome").ok();
    for (value, _, text) in said {
        assert!(remembered.contains(&format!("{value}    REG_SZ    {text}")), "{value}: {remembered}");
    }
    assert!(pc.query(r"HKLM\Software\Rehome\Enrolment").ok().contains("Token    REG_SZ    a-token"));
    pc.msiexec(&["/i", r"C:\next.msi"]).ok();
    assert!(there.is_file(), "it stays in its folder");
    assert!(!pc.0.path().join(FOLDER).join("rehome.exe").exists(), "and is nowhere else");
    assert!(!pc.task().exists(), "no task is wanted still");

    // Whoever wants it after all says so once, and how it was registered by hand is remembered. (Wine keeps no part of a task that could be read back.)
    run(pc.0.program(r"C:\Tools\Rehome\rehome.exe", &["schedule", "install", "--no-battery"]), "").ok();
    std::fs::remove_file(pc.task()).unwrap();
    pc.msiexec(&["/i", r"C:\next.msi", "REINSTALL=ALL", "REINSTALLMODE=omus", "NOSTART=0"]).ok();
    assert!(pc.task().is_file());
    let remembered = pc.query(r"HKLM\Software\Rehome").ok();
    for line in ["NoStart    REG_SZ    0", "NoBattery    REG_SZ    1", r"InstallFolder    REG_SZ    C:\Tools\Rehome"] {
        assert!(remembered.contains(line), "{remembered}");
    }
    run(pc.0.program(r"C:\Tools\Rehome\rehome.exe", &["schedule", "remove"]), "").ok();
    assert!(!pc.task().exists());
    pc.msiexec(&["/i", r"C:\next.msi", "REINSTALL=ALL", "REINSTALLMODE=omus"]).ok();
    assert!(!pc.task().exists(), "that it was taken away is remembered too");
}

/// Group Policy alone: the task found no token but the installer's, and nobody was connected.
#[test]
fn a_policy_with_server_and_token_connects_who_is_signed_in_without_a_question() {
    let world = World::new();
    let Some(pc) = Prefix::fresh() else { return };
    let secret = world.server_command(&["token", "create", "--user", "ada"], "").ok().trim().to_owned();
    let policies = r"HKLM\Software\Policies\Rehome";
    pc.reg_add(policies, ("ServerUrl", "REG_SZ", world.address()));
    pc.reg_add(policies, ("EnrolmentToken", "REG_SZ", &secret));
    let said = pc.rehome(&["schedule", "run"]);
    assert!(said.stderr.contains("as ada"), "{said:?}");
    assert_eq!(pc.json(&["snapshots"]).as_array().unwrap().len(), 1, "and was backed up");
}

fn is_ours(text: &str) -> bool {
    text.to_lowercase().contains("rehome")
}

struct Pc(Prefix);

impl Pc {
    fn take_along(&self, file: &Path, name: &str) {
        std::fs::copy(file, self.0.path().join("drive_c").join(name)).unwrap();
    }

    /// Runs the installer as management does, with a log of everything.
    fn msiexec(&self, words: &[&str]) -> Ran {
        self.0.wine(&[&["msiexec"], words, &["/qn", "/norestart", "/l*v", r"C:\install.log"]].concat())
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.0.path().join("drive_c/install.log")).unwrap();
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let wide = String::from_utf16_lossy(&units);
        format!("{}\n{wide}", String::from_utf8_lossy(&bytes))
    }

    /// What is refused is refused as a whole, before anything is remembered.
    #[track_caller]
    fn refuses_as_a_whole(&self) {
        let refused = self.msiexec(&["/i", r"C:\rehome.msi", "LOGLEVEL=loud", "SERVERURL=https://rehome.example.com"]);
        assert_ne!(refused.code, Some(0));
        let address = "SERVERURL=https://rehome.example.com";
        let refused = self.msiexec(&["/i", r"C:\rehome.msi", address, r"ENROLLTOKENFILE=C:\no-such-file"]);
        assert_ne!(refused.code, Some(0));
        // An address is to be without name and password. Where it was given with them, the log of what was refused has none.
        let refused = self.msiexec(&["/i", r"C:\rehome.msi", "PROXYURL=http://ada:geheim-0815@proxy.example.com:3128"]);
        assert_ne!(refused.code, Some(0));
        self.names_only_as_property("PROXYURL", "geheim-0815");
        assert!(!self.0.dump().keys.iter().any(|key| key.ends_with(r"software\rehome")), "nothing was remembered");
    }

    /// Nothing of the installer's log has a text but the line of its property, which Wine prints in the end and Windows hides.
    #[track_caller]
    fn names_only_as_property(&self, property: &str, secret: &str) {
        let (log, line) = (self.log(), format!("Property(S): {property} = "));
        let named: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(!named.is_empty() && named.iter().all(|named| named.starts_with(&line)), "{named:?}");
    }

    /// What a key holds.
    fn query(&self, key: &str) -> Ran {
        self.0.wine(&["reg", "query", key])
    }

    /// The installed program, not yet run.
    fn command(&self, words: &[&str]) -> Command {
        self.0.program(PROGRAM, words)
    }

    fn rehome(&self, words: &[&str]) -> Ran {
        run(self.command(words), "")
    }

    /// Runs the program without waiting for what it might have started, and looks for it at once.
    fn leaves_no_process(&self, words: &[&str]) {
        let mut command = self.command(words);
        let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(ended.success(), "{words:?}");
        assert_eq!(self.0.ours_that_run(), [""; 0], "no process of ours is left between runs");
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> serde_json::Value {
        let said = self.rehome(&[words, &["--json"]].concat());
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error} in: {said:?}"))
    }

    /// Nothing of ours is there that was not there before.
    #[track_caller]
    fn is_as_it_was(&self, registry: &Dump, files: &BTreeSet<String>) {
        let left: Vec<_> = self.files().difference(files).cloned().collect();
        let ours: Vec<_> = left.iter().filter(|file| is_ours(file)).collect();
        assert_eq!(ours, [""; 0], "files that stayed");
        let after = self.0.dump();
        let keys: Vec<_> = after.keys.difference(&registry.keys).filter(|key| is_ours(key)).collect();
        assert_eq!(keys, [""; 0], "keys that stayed");
        let values: Vec<_> = registry
            .changed(&after)
            .into_iter()
            .filter(|place| after.values.get(place).is_some_and(|value| is_ours(value)))
            .collect();
        assert_eq!(values, [], "values that stayed");
        assert_ne!(self.query(EVENT_SOURCE).code, Some(0), "the event source is gone");
        let path = self.query(r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment").ok();
        assert!(!is_ours(&path), "{path}");
    }

    /// Where Wine's task scheduler keeps the task.
    fn task(&self) -> PathBuf {
        self.0.path().join("drive_c/windows/system32/tasks/Rehome Backup")
    }

    /// All files and folders of the PC.
    fn files(&self) -> BTreeSet<String> {
        let listed = Command::new("find").arg(self.0.path().join("drive_c")).output().unwrap();
        let here = self.0.path().to_str().unwrap().to_owned();
        String::from_utf8_lossy(&listed.stdout).lines().map(|line| line.replace(&here, "")).collect()
    }
}
