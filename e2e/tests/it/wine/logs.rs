//! What a PC's logs say of a whole life: the file in the state folder, and the event log, whose lines Wine prints on its debug channel instead of keeping
//! them. None of them has a value, a token, an address or a path in it.

use std::process::Command;

use serde_json::Value;

use crate::harness::{PASSWORD, World, run};

use super::prefix::Prefix;

/// In everything that the story makes up and no log may repeat.
const CANARY: &str = "geheim";

const POLICIES: &str = r"HKLM\Software\Policies\Rehome";

/// The words of a run, and the ids of the lines that it leaves in the file.
type Life<'a> = (&'a [&'a str], &'a [u64]);

#[test]
fn no_value_token_address_or_path_gets_into_the_file_or_the_event_log() {
    let world = World::new();
    let Some(pc) = Prefix::enrolled(&world, "GEHEIM-PC") else { return };
    let sections = [
        r"[HKEY_CURRENT_USER\Control Panel\Desktop]",
        r#""WallPaper"="C:\\Users\\geheim\\geheim.jpg""#,
        r"[HKEY_CURRENT_USER\Console]",
        r#""FaceName"="Geheim Mono""#,
        r"[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced]",
        r#""TaskbarAl"=dword:00000000"#,
        r"[HKEY_LOCAL_MACHINE\Software\Rehome\Enrolment]",
        r#""Token"="geheim-0815""#,
    ];
    pc.import_text(&sections.join("\n"));
    let token = ["enroll", "--profile", "other", "--server", world.address(), "--token", "geheim-token"];
    pc.reg_add(POLICIES, ("EnableBackup", "REG_DWORD", "0"));
    // What the organisation does not want is told to who asks, and not each hour.
    let refused: [Life; 2] = [(&["schedule", "run"], &[]), (&["backup"], &[110])];
    let mut events = lived(&pc, &refused);
    pc.wine(&["reg", "delete", POLICIES, "/v", "EnableBackup", "/f"]).ok();
    // What only looks, or finds nothing to do, has done nothing.
    let usual: [Life; 15] = [
        (&["schedule", "run"], &[100, 300]),
        (&["schedule", "run"], &[]),
        (&["schedule", "status"], &[]),
        (&["backup"], &[100]),
        (&["doctor"], &[500]),
        (&["restore", "--from-device", "GEHEIM-PC"], &[]),
        (&["plan", "--from-device", "GEHEIM-PC"], &[]),
        (&["restore", "--from-device", "GEHEIM-PC", "--yes"], &[200]),
        (&["restore", "--from-device", "geheim", "--yes"], &[211]),
        (&["undo"], &[]),
        (&["undo", "--list"], &[]),
        (&["undo", "--yes"], &[221]),
        (&["apps"], &[]),
        (&["apps", "--continue"], &[]),
        (&["backup", "--from", r"C:\geheim\NTUSER.DAT"], &[111]),
    ];
    events.extend(lived(&pc, &usual));
    pc.reg_add(POLICIES, ("LogLevel", "REG_SZ", "debug"));
    let closely: [Life; 6] = [
        (&["restore", "--from-device", "GEHEIM-PC"], &[700]),
        (&["restore", "--from-device", "geheim"], &[700]),
        (&["schedule", "status"], &[700]),
        (&["schedule", "run"], &[320]),
        (&["backup"], &[100]),
        (&token, &[411]),
    ];
    events.extend(lived(&pc, &closely));
    let logs = ["default", "other"].map(|profile| {
        let file = pc.person().join("AppData/Local/Rehome").join(profile).join("logs/agent.log");
        std::fs::read_to_string(file).unwrap_or_default()
    });
    // The first line is the enrolment's.
    let entries: Vec<Value> =
        logs.iter().flat_map(|log| log.lines()).skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry["event"].as_u64().unwrap()).collect();
    let lives = || refused.iter().chain(&usual).chain(&closely);
    assert_eq!(ids, lives().flat_map(|(_, ids)| *ids).copied().collect::<Vec<_>>());
    let verbs: Vec<_> = entries.iter().filter_map(|entry| entry["verb"].as_str()).collect();
    assert_eq!(verbs, closely.map(|(words, _)| words[0]), "at debug each line says which command it was");
    let loud: Vec<_> = entries.iter().filter(|entry| entry["level"] != "debug").collect();
    assert_eq!(events.len(), loud.len(), "one line each in the event log: {events:#?}");
    for (event, entry) in events.iter().zip(loud) {
        let reason = entry["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let text = format!("Rehome: {}{reason}, exit code {}", entry["msg"].as_str().unwrap(), entry["exit"]);
        assert_eq!(*event, text);
    }
    let all = format!("{}{}", logs.concat(), events.concat()).to_lowercase();
    let host = world.address().rsplit('/').next().unwrap().to_owned();
    for word in [CANARY, "geheim-pc", &host, "127.0.0.1", "ada", r"\users\", "c:", "ntuser", ".jpg", PASSWORD] {
        assert!(!all.contains(word), "`{word}` is in {all}");
    }
}

/// What is written to the event log while these run, one after the other.
fn lived(pc: &Prefix, lives: &[Life]) -> Vec<String> {
    let one = |(words, _): &Life| {
        let mut command = pc.command(words);
        command.env("WINEDEBUG", "-all,trace+eventlog,warn+eventlog,err+eventlog");
        reported(command)
    };
    lives.iter().flat_map(one).collect()
}

/// The lines that a program writes to the event log.
fn reported(command: Command) -> Vec<String> {
    let said = run(command, "").stderr;
    let text =
        |line: &str| Some(line.split_once(":eventlog:ReportEventW L\"")?.1.trim_end().strip_suffix('"')?.to_owned());
    said.lines().filter_map(text).collect()
}
