//! Broken entries: each is refused with the file, the entry and what to do.

use model::catalog::blocked::{BLOCKED, blocked};
use model::catalog::rules::{self, Violation};

// The reader that `build.rs` uses, with the modules it expects beside it.
use model::catalog as types;
use model::catalog as category;
use model::reason;
#[path = "../build/read.rs"]
mod read;

const GOOD: &str = r#"
[[setting]]
id = "taskbar.example"
title = "An example"
key = 'Software\Example\Taskbar'
name = "Example"
type = "REG_DWORD"
switch = { on = 1, off = 0 }
default = true
effect = "live"
stage = "look"
sensitivity = "personal"
worst = "the example is off"
source = "this test"
"#;

/// The rules that these entries break, beside one policy of Windows.
fn violations(settings: &[types::Setting], left_out: &[types::LeftOut], packed: &[types::Packed]) -> Vec<Violation> {
    rules::violations(&rules::Entries { settings, left_out, packed, policies: &[] })
}

/// What the build would say about a file of this text.
fn problems(file: &str, text: &str) -> Vec<String> {
    match read::read(file, text) {
        Ok(read::Entries { settings, left_out, packed }) => violations(&settings, &left_out, &packed)
            .into_iter()
            .map(|broken| format!("catalog/{file}: {broken}"))
            .collect(),
        Err(refusal) => vec![refusal.to_string()],
    }
}

/// Replaces one line of the good entry, named by its field, with another (or several, or none).
fn with(field: &str, line: &str) -> String {
    let start = format!("{field} =");
    assert!(GOOD.lines().any(|known| known.starts_with(&start)), "no field {field}");
    GOOD.lines().map(|known| if known.starts_with(&start) { line } else { known }).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refused(text: &str, says: &str) {
    let problems = problems("taskbar/example.toml", text);
    let [problem] = &problems[..] else { panic!("{problems:?} for {text}") };
    assert!(problem.starts_with("catalog/taskbar/example.toml: `"), "{problem}");
    assert!(problem.contains(says), "`{problem}` does not say `{says}`");
}

#[track_caller]
fn entry_refused(text: &str, says: &str) {
    refused(text, says);
    let problem = problems("taskbar/example.toml", text).remove(0);
    assert!(problem.contains("`taskbar.example`"), "{problem} does not name the entry");
}

#[test]
fn the_good_entry_is_good() {
    assert_eq!(problems("taskbar/example.toml", GOOD), Vec::<String>::new());
}

#[test]
fn files_must_be_toml_in_the_folder_of_a_category() {
    let wrong = problems("tasbar/example.toml", GOOD).remove(0);
    assert!(
        wrong.starts_with("catalog/tasbar/example.toml:") && wrong.contains("`tasbar` is not the word of a category"),
        "{wrong}"
    );
    refused("[[setting", "this is not TOML");
    refused("[[settings]]\nid = \"x\"", "`settings` is unknown");
    refused("setting = 3", "`setting` is unknown");
}

#[test]
fn unknown_missing_and_misspelt_fields_are_refused() {
    entry_refused(&with("worst", "wurst = \"no\""), "unknown field `wurst`");
    entry_refused(&with("worst", ""), "missing field `worst`");
    entry_refused(&with("switch", "switch = { on = 1, off = 0, maybe = 2 }"), "unknown field `maybe`");
    entry_refused(&with("effect", "effect = \"spi:3b\""), "`effect` is `spi:3b`; it must be one of live");
    entry_refused(&with("effect", "effect = \"spi:0xzz\""), "is not an action code");
    entry_refused(&with("effect", "effect = \"broadcast:a b\""), "a broadcast carries one word");
    entry_refused(&with("stage", "stage = \"now\""), "must be one of first, look, rest");
    entry_refused(&with("sensitivity", "sensitivity = \"secret\""), "must be one of plain, personal, health");
    refused(&with("id", ""), "`setting 1`");
}

#[test]
fn every_sentence_must_be_said() {
    for field in ["title", "worst", "source"] {
        entry_refused(&with(field, &format!("{field} = \"\"")), &format!("`{field}` is empty"));
        entry_refused(&with(field, &format!("{field} = \" x\"")), "spaces at its ends");
        entry_refused(&with(field, &format!("{field} = \"{}\"", "x".repeat(300))), "say it shorter");
    }
}

#[test]
fn ids_are_plain_unique_and_begin_with_the_folder() {
    for (id, says) in [
        ("start.example", "begins with `taskbar.`"),
        ("taskbar.Example", "lower-case letters"),
        ("taskbar.", "lower-case letters"),
        ("taskbar.a..b", "lower-case letters"),
        ("taskbar.1a", "lower-case letters"),
        ("taskbar.a-b", "lower-case letters"),
    ] {
        refused(&with("id", &format!("id = \"{id}\"")), says);
    }
    let twice = format!("{GOOD}\n{}", GOOD.replace("name = \"Example\"", "name = \"Other\""));
    entry_refused(&twice, "two entries have this id");
}

#[test]
fn places_are_plain_and_belong_to_one_entry() {
    entry_refused(&with("key", r"key = 'HKEY_CURRENT_USER\Software\Example'"), "is blocked by `HKEY_*`");
    for key in [
        r"\Software\Example",
        r"Software\Example\",
        r"Software\\Example",
        r"Software\..\Example",
        "Software/Example",
        "",
    ] {
        entry_refused(&with("key", &format!("key = '{key}'")), "is not a plain path below HKEY_CURRENT_USER");
    }
    entry_refused(&with("name", r"name = 'a\b'"), "a value name is printable ASCII");
    entry_refused(&with("name", ""), "a place is `key`, `name` and `type` together");
    let other = GOOD.replace("taskbar.example", "taskbar.other").replace("\"Example\"", "\"EXAMPLE\"");
    refused(&format!("{GOOD}\n{other}"), "its place belongs to `taskbar.example` already");
}

#[test]
fn types_that_windows_expands_or_follows_are_never_written() {
    for reg_type in ["REG_EXPAND_SZ", "REG_LINK", "REG_NONE", "REG_RESOURCE_LIST", "reg_dword", "4"] {
        entry_refused(&with("type", &format!("type = \"{reg_type}\"")), "is never written (rule R3)");
    }
}

#[test]
fn exactly_one_kind_that_fits_the_type() {
    entry_refused(&with("switch", ""), "exactly one of switch, number");
    entry_refused(
        &with("switch", "switch = { on = 1, off = 0 }\nnumber = { min = 0, max = 1 }"),
        "exactly one of switch, number",
    );
    entry_refused(
        &with("type", "type = \"REG_BINARY\""),
        "not stored as REG_BINARY; it needs REG_DWORD or REG_QWORD or REG_SZ",
    );
    entry_refused(
        &with("switch", "text = { max = 8, alphabet = \"format\" }"),
        "not stored as REG_DWORD; it needs REG_SZ",
    );
    entry_refused(&with("switch", "texts = { items = 2, max = 8, alphabet = \"format\" }"), "it needs REG_MULTI_SZ");
    entry_refused(&with("switch", "colour = \"decimal\""), "it needs REG_SZ");
    entry_refused(&with("switch", "colour = \"rgb\""), "must be one of abgr, argb, color_ref, decimal");
    entry_refused(&with("switch", "picture = true"), "it needs file");
}

#[test]
fn kinds_keep_their_own_rules() {
    let kind = |line: &str| with("switch", line).replace("default = true\n", "");
    for (line, says) in [
        ("switch = { on = 1, off = 1 }", "a switch has two states"),
        ("number = { min = 5, max = 5 }", "`min` is not less than `max`"),
        ("number = { min = -1, max = 5 }", "only decimal text (REG_SZ) may be negative"),
        ("number = { min = 0, max = 4294967296 }", "REG_DWORD holds at most"),
        ("choice = { a = 1 }", "2 choices at least"),
        ("choice = { a = 1, b = 1 }", "share a name or a stored value"),
        ("choice = { a = 1, \"B c\" = 2 }", "a choice's name is"),
        ("choice = { a = 1, b = -2 }", "not a number that REG_DWORD can hold"),
        ("choice = { a = 1, b = \"2\" }", "`b` is not a whole number"),
        ("bits = { first = 32 }", "do not lie within the 32 bits"),
        ("bits = { first = 4294967295, count = 2 }", "do not lie within the 32 bits"),
        ("bits = { first = 0, count = 2 }", "need `names`"),
        ("bits = { first = 0, count = 1, names = { a = 0, b = 2 } }", "does not fit 1 bits"),
        ("bits = { first = 0, count = 1, names = { a = 0, b = 1 }, inverted = true }", "single bits only"),
        ("bits = { first = 0, bytes = 8 }", "`bytes` belongs to REG_BINARY only"),
    ] {
        entry_refused(&kind(line), says);
    }
    let text = |line: &str| kind(line).replace("REG_DWORD", "REG_SZ");
    for (line, says) in [
        ("text = { max = 65, alphabet = \"format\" }", "`max` is 1 to 64"),
        ("text = { max = 9, alphabet = \"layout_id\" }", "`max = 8`"),
        ("text = { max = 9, alphabet = \"any\" }", "must be one of language_tag"),
        ("text = { items = 2, max = 9, alphabet = \"name\" }", "`items` belongs to `texts`"),
        ("word = { a = \"x\" }", "2 words at least"),
        ("word = { a = \"x\", b = \"X\" }", "share a name or a stored text"),
        ("word = { a = \"x\", b = 'C:\\x' }", "could be read as a path (rule R4)"),
        ("word = { a = \"x\", b = \"@x\" }", "could be read as a path (rule R4)"),
        ("word = { a = \"x\", b = 2 }", "`b` is not a text"),
    ] {
        entry_refused(&text(line), says);
    }
    let packed = kind("bits = { first = 64, bytes = 8 }").replace("REG_DWORD", "REG_BINARY");
    entry_refused(&packed, "do not lie within the 64 bits");
    entry_refused(&packed.replace(", bytes = 8", ""), "packed bytes need `bytes`");
    let list = kind("texts = { max = 9, alphabet = \"name\" }").replace("REG_DWORD", "REG_MULTI_SZ");
    entry_refused(&list, "`texts` needs `items`");
    entry_refused(&list.replace("max = 9", "items = 65, max = 9"), "`items` is 1 to 64");
}

#[test]
fn defaults_are_values_of_their_kind() {
    for default in ["1", "\"on\"", "\"\""] {
        entry_refused(&with("default", &format!("default = {default}")), "is not a value of this kind");
    }
    entry_refused(&with("default", "default = 1.5"), "`default` is true, false, a whole number or a text");
    let number = with("switch", "number = { min = 0, max = 9 }").replace("default = true", "default = 10");
    entry_refused(&number, "is not a value of this kind");
    let choice = with("switch", "choice = { a = 0, b = 1 }").replace("default = true", "default = \"c\"");
    entry_refused(&choice, "is not a value of this kind");
    let colour = with("switch", "colour = \"abgr\"").replace("default = true", "default = \"red\"");
    entry_refused(&colour, "is not a value of this kind");
}

#[test]
fn builds_are_those_of_supported_windows() {
    for (line, says) in [
        ("first_build = 19041", "leave the first build away"),
        ("first_build = 9600", "leave the first build away"),
        ("first_build = 26100\nlast_build = 22000", "the last build lies before the first"),
        ("last_build = 9600", "the last build lies before the first, or before any supported"),
        ("first_build = 260000", "not a build of Windows"),
    ] {
        entry_refused(&with("effect", &format!("effect = \"live\"\n{line}")), says);
    }
}

#[test]
fn separate_bits_may_share_a_value_and_nothing_else_may() {
    let bit = |id: &str, bits: &str| with("switch", &format!("bits = {{ {bits} }}")).replace("taskbar.example", id);
    let one = bit("taskbar.example", "first = 0");
    assert_eq!(
        problems("taskbar/example.toml", &format!("{one}\n{}", bit("taskbar.other", "first = 1"))),
        Vec::<String>::new()
    );
    for other in ["first = 0", "first = 0, count = 2, names = { a = 0, b = 1 }"] {
        let other = bit("taskbar.other", other).replace("default = true\n", "");
        refused(&format!("{one}\n{other}"), "only separate bits may share a value");
    }
    let whole = GOOD.replace("taskbar.example", "taskbar.other");
    refused(&format!("{one}\n{whole}"), "only separate bits may share a value");
}

#[test]
fn packed_rows_belong_to_settings_and_fit_them() {
    let row = |base: u64, name: &str| {
        format!(
            "\n[[packed]]\nkey = 'Software\\Example\\Taskbar'\nname = \"{name}\"\nbase = {base}\nsource = \"this test\"\n"
        )
    };
    let bit = with("switch", "bits = { first = 0 }");
    assert_eq!(problems("taskbar/example.toml", &(bit.clone() + &row(7, "Example"))), Vec::<String>::new());
    refused(&(bit.clone() + &row(7, "Exmple")), "no setting owns bits");
    refused(&(bit.clone() + &row(1 << 32, "Example")), "does not fit the 32 bits");
    refused(&(bit + &row(7, "Example") + &row(7, "Example")), "two rows say");
    refused(&(GOOD.to_owned() + &row(7, "Example")), "no setting owns bits");
}

#[test]
fn left_out_things_say_why_in_a_known_reason() {
    let left = "[[left_out]]\nid = \"taskbar.gone\"\ntitle = \"Gone\"\nreason = \"could_carry_code\"\nbecause = \"it is a program\"\n\
                key = 'Environment'\nvalue = \"Path\"\nsource = \"this test\"\n";
    assert_eq!(problems("taskbar/example.toml", left), Vec::<String>::new(), "a blocked place may be looked at");
    refused(&left.replace("could_carry_code", "dunno"), "it must be a code of model::reason");
    refused(&left.replace("it is a program", ""), "`because` is empty");
    refused(&left.replace("value =", "valve ="), "unknown field `valve`");
    refused(&left.replace("taskbar.gone", "start.gone"), "begins with `taskbar.`");
}

/// The areas of the block list in the threat model, row by row, each with one place of it.
const AREAS: &[(&str, &str)] = &[
    (r"Software\Microsoft\Windows\CurrentVersion\Run", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\RunOnce", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\RunOnceEx\1", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\RunServices", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\Policies\Explorer\Run", "X"),
    (r"Software\Microsoft\Windows NT\CurrentVersion\Windows", "Load"),
    (r"Software\Microsoft\Windows NT\CurrentVersion\Windows", "Run"),
    (r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon", "Shell"),
    (r"Software\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\x.exe", "Debugger"),
    ("Environment", "PATH"),
    ("Environment", "UserInitMprLogonScript"),
    ("Environment", "COR_PROFILER"),
    (r"Software\Microsoft\Command Processor", "AutoRun"),
    (r"Software\Microsoft\PowerShell\1\ShellIds", "ExecutionPolicy"),
    (r"Software\Microsoft\Windows Script\Settings", "AmsiEnable"),
    ("Console", "FaceName"),
    (r"Console\%%Startup", "DelegationTerminal"),
    (r"Console\C:_x.exe", "QuickEdit"),
    (r"Control Panel\Desktop", "SCRNSAVE.EXE"),
    (r"Software\Classes\CLSID\{0}\InprocServer32", ""),
    (r"Software\Classes\ms-settings\shell\open\command", ""),
    (r"Software\Classes\mscfile", ""),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\FileExts\.txt\UserChoice", "ProgId"),
    (r"Software\Microsoft\Windows\CurrentVersion\App Paths\x.exe", ""),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers\Handlers\x", "Action"),
    (
        r"Software\Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers\UserChosenExecuteHandlers\StorageOnArrival",
        "",
    ),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\MyComputer\DefragPath", ""),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders", "Startup"),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders", "Startup"),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\Desktop\NameSpace\{0}", ""),
    (r"Software\Microsoft\Windows\CurrentVersion\Explorer\MountPoints2\C", ""),
    (r"Software\Microsoft\Office\16.0\Word\Security\Trusted Locations", "AllowNetworkLocations"),
    (r"Software\Microsoft\Office test\Special\Perf", ""),
    (r"Software\Microsoft\VBA\7.1", "X"),
    (r"Software\Microsoft\Edge\Extensions", "X"),
    (r"Software\Google\Chrome\Extensions", "X"),
    (r"Software\Policies\Microsoft\Windows", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\Policies\System", "X"),
    (r"Software\Microsoft\Windows\CurrentVersion\Internet Settings", "ProxyServer"),
    (r"Software\Microsoft\Windows\CurrentVersion\Internet Settings\Zones\3", "1400"),
    (r"Network\Z", "RemotePath"),
    (r"Printers\Connections\,,s,p", "Server"),
    (r"Software\Microsoft\Terminal Server Client\Default", "MRU0"),
    (r"Software\Microsoft\Windows\CurrentVersion\ThemeManager", "DllName"),
    (r"Software\Microsoft\Windows\CurrentVersion\Themes", "CurrentTheme"),
    (r"Control Panel\Cursors", "Arrow"),
    (r"Control Panel\Cursors\Schemes", "Mine"),
    (r"AppEvents\Schemes\Apps\.Default\.Default\.Current", ""),
    (r"Software\Microsoft\CTF\TIP\{0}", "X"),
    (r"Software\Microsoft\IME\15.0\IMEJP", "X"),
    (r"Software\Microsoft\Windows NT\CurrentVersion\Accessibility", "Configuration"),
    (r"Software\Microsoft\Windows\Windows Error Reporting\Hangs", "Debugger"),
    (r"Software\Microsoft\HtmlHelp Author", "Location"),
    (r"Software\Microsoft\Windows\CurrentVersion\Uninstall\x", "UninstallString"),
    (r"Software\Microsoft\Windows\CurrentVersion\Group Policy\Scripts", "X"),
    (r"Software\Microsoft\Active Setup\Installed Components\{0}", "StubPath"),
    (r"HKLM\Software\Example", "X"),
    (r"HKEY_LOCAL_MACHINE\Software\Example", "X"),
    (r"Security\Policy", "X"),
    (r"SAM\Domains", "X"),
    (r"Software\Microsoft\Cryptography", "MachineGuid"),
    (r"Software\Microsoft\SystemCertificates\Root", "X"),
    (r"Software\Microsoft\Vault", "X"),
    (r"Software\Microsoft\WlanSvc\Profiles", "X"),
    (r"Software\Anything", "InprocServer32"),
    (r"Software\Anything", "AutoConfigURL"),
];

const POLICY: &str = r#"
[[policy]]
id = "no_example"
title = "Turn off the example"
group = { key = 'Software\Policies\Example', name = "NoExample", of = "both", owns = [1] }
mdm = { policy = "Example/AllowExample", owns = [0] }
source = "this test"
"#;

/// What the build would say about these policies beside the good entry, of which these are its own.
fn policy_problems(policies: &str, managed_by: &str) -> Vec<String> {
    let entries = read::read("taskbar/example.toml", &with("effect", &format!("{managed_by}\neffect = \"live\"")))
        .expect("the good entry is read");
    let policies = match read::read_policies("policies.toml", policies) {
        Ok(policies) => policies,
        Err(refusal) => return vec![refusal.to_string()],
    };
    let read::Entries { settings, left_out, packed } = &entries;
    let broken = rules::violations(&rules::Entries { settings, left_out, packed, policies: &policies });
    broken.iter().map(ToString::to_string).collect()
}

#[test]
fn settings_and_policies_of_windows_name_each_other() {
    let named = "managed_by = [\"no_example\"]";
    assert_eq!(policy_problems(POLICY, named), Vec::<String>::new());
    let cases = [
        (POLICY.to_owned(), "", "no setting names it in `managed_by`"),
        (POLICY.to_owned(), "managed_by = [\"no_example\", \"no_other\"]", "names `no_other`"),
        (POLICY.to_owned(), "managed_by = [\"no_example\", \"no_example\"]", "names `no_example` twice"),
        (format!("{POLICY}{POLICY}"), named, "two policies have this id"),
        (POLICY.replace("group =", "grup ="), named, "unknown field `grup`"),
        (POLICY.replace("\"both\"", "\"all\""), named, "it must be one of machine, user, both"),
        (POLICY.replace("Example/AllowExample", "AllowExample"), named, "AREA/NAME"),
        (POLICY.replace("[[policy]]", "[[policies]]"), named, "write [[policy]]"),
        (
            POLICY.replace(r"Software\Policies\Example", r"Software\Example\Taskbar").replace("NoExample", "Example"),
            named,
            "it would own itself",
        ),
    ];
    for (policies, managed_by, says) in cases {
        let problems = policy_problems(&policies, managed_by);
        assert!(problems.iter().any(|problem| problem.contains(says)), "`{says}` is not in {problems:?}");
    }
    let nowhere = POLICY.lines().filter(|line| !line.starts_with("group") && !line.starts_with("mdm"));
    let problems = policy_problems(&nowhere.collect::<Vec<_>>().join("\n"), named);
    assert!(problems[0].contains("a policy has a place"), "{problems:?}");
}

const LEFT_OUT: &str = r#"
[[left_out]]
id = "taskbar.rest"
title = "The rest of the example"
reason = "could_carry_code"
because = "it is a file"
key = 'Software\Example\Rest'
value = "File"
holds_back = ["taskbar.exam*"]
source = "this test"
"#;

#[test]
fn what_is_left_out_holds_back_and_is_named_by_settings_that_there_are() {
    let text = "type = \"REG_SZ\"\ntext = { max = 8, alphabet = \"name\" }";
    let named = GOOD.replace("type = \"REG_DWORD\"\nswitch = { on = 1, off = 0 }\ndefault = true", text);
    let of = |good: &str, line: &str, other: &str| format!("{good}{}", LEFT_OUT.replace(line, other));
    let value = "value = \"File\"";
    let by_name = "named_by = \"taskbar.example\"";
    for good in [of(GOOD, value, value), of(&named, value, by_name), of(GOOD, value, "value = \"File\"\nbit = 31")] {
        assert_eq!(problems("taskbar/example.toml", &good), Vec::<String>::new());
    }
    refused(&of(GOOD, "taskbar.exam*", "taskbar.exam"), "`taskbar.exam` names no setting");
    refused(&of(GOOD, "taskbar.exam*", "taskbar.other*"), "`taskbar.other*` names no setting");
    refused(&of(GOOD, value, by_name), "only a text can be the name of a value");
    refused(&of(&named, value, "named_by = \"taskbar.other\""), "`taskbar.other` names no setting");
    refused(&of(GOOD, value, "value = \"File\"\nbit = 32"), "`bit` is 0 to 31");
    refused(&of(&named, value, &format!("{value}\n{by_name}")), "what is looked at is `value`");
    refused(&of(GOOD, value, ""), "what is looked at is `value`");
}

#[test]
fn other_stored_numbers_stand_for_one_of_the_kind_s_own() {
    let also = |pairs: &str| with("default", &format!("also = {pairs}\ndefault = true"));
    assert_eq!(problems("taskbar/example.toml", &also("[[0xffffffff, 1]]")), Vec::<String>::new());
    entry_refused(&also("[[2, 3]]"), "reads 2 as 3");
    entry_refused(&also("[[0, 1]]"), "gives 0 a second meaning");
    entry_refused(&also("[[2, 1], [2, 0]]"), "gives 2 a second meaning");
    let number = also("[[9, 1]]").replace("switch = { on = 1, off = 0 }", "number = { min = 0, max = 3 }");
    entry_refused(&number.replace("default = true", "default = 1"), "no number of a REG_DWORD switch or choice");
    entry_refused(&also("[[9, 1]]").replace("REG_DWORD", "REG_SZ"), "no number of a REG_DWORD switch or choice");
}

#[test]
fn transforms_stay_within_what_both_settings_may_be() {
    let with_transform = |lines: &str| format!("{GOOD}\n[[setting.transform]]\n{lines}\nsource = \"this test\"\n");
    let good = with_transform("last_build = 22000\nmap = [[true, false]]");
    assert_eq!(problems("taskbar/example.toml", &good), Vec::<String>::new());
    entry_refused(&with_transform("map = [[true, \"off\"]]"), "leaves the kinds");
    entry_refused(&with_transform("map = []"), "changes nothing");
    entry_refused(&with_transform("from = \"taskbar.other\"\nmap = [[true, false]]"), "which is no setting");
    entry_refused(&with_transform("map = [[true, 1.5]]"), "so are the values of `map`");
    entry_refused(&with_transform("first_build = 22621\nlast_build = 22000\nmap = [[true, false]]"), "build");
    entry_refused(
        &with("effect", "gaps = [[22000, 22620]]\nlast_build = 22621\nfirst_build = 22000\neffect = \"live\""),
        "is not between",
    );
}

#[test]
fn no_entry_can_touch_a_blocked_area_however_it_is_written() {
    for (key, name) in AREAS {
        for (key, name) in [
            ((*key).to_owned(), (*name).to_owned()),
            (key.to_uppercase(), name.to_uppercase()),
            (key.to_lowercase(), name.to_lowercase()),
            (key.replacen(r"Software\", r"Software\WOW6432Node\", 1), (*name).to_owned()),
        ] {
            assert!(blocked(&key, &name).is_some(), "{key}\\{name} is not blocked");
            let entry =
                with("key", &format!("key = '{key}'")).replace("name = \"Example\"", &format!("name = '{name}'"));
            entry_refused(&entry, "blocked");
        }
    }
}

#[test]
fn a_blocked_area_ends_at_its_border() {
    for (key, name) in [
        (r"Software\Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers", "DisableAutoplay"),
        (r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced", "TaskbarAl"),
        (r"Software\Microsoft\Windows NT\CurrentVersion\Windows", "LegacyDefaultPrinterMode"),
        (r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize", "AppsUseLightTheme"),
        (r"Control Panel\Desktop", "MenuShowDelay"),
        (r"Control Panel\Desktop\WindowMetrics", "MinAnimate"),
        (r"Control Panel\Cursors", "CursorBaseSize"),
        ("Console", "QuickEdit"),
        (r"Software\Classic", "X"),
        (r"EnvironmentX", "X"),
    ] {
        assert_eq!(blocked(key, name), None, "{key}\\{name}");
    }
}

#[test]
fn every_row_of_the_block_list_blocks_something_and_says_why() {
    for row in BLOCKED {
        assert!(!row.why.is_empty() && (!row.key.is_empty() || !row.names.is_empty()), "{row:?}");
        let key = row.key.replace('*', "x");
        let names = if row.names.is_empty() { &["Any"][..] } else { row.names };
        for name in names {
            assert!(
                blocked(if key.is_empty() { "Any" } else { &key }, &name.replace('*', "x")).is_some(),
                "{row:?} {name}"
            );
        }
    }
}
