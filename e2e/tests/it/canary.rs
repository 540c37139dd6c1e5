//! Secrets are planted where people and programs put them, and looked for where they must not be: in the database with its log and the slack of its pages, in files, in
//! what the programs say, in what they leave when they die. As they are, in UTF-16, in hexadecimal, in base64, and behind compression (`security.md` 2.13).

use std::collections::HashMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::harness::{PASSWORD, Pc, World, arg};
use crate::idp::browser::Browser;

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// The most that is unpacked from one frame.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024;

/// Something that must not be found, with its name.
struct Canary {
    what: String,
    secret: Vec<u8>,
}

/// All of them, in all spellings, by their first four bytes.
struct Canaries {
    all: Vec<Canary>,
    by_start: HashMap<[u8; 4], Vec<(usize, Vec<u8>)>>,
}

impl Canaries {
    fn new(all: Vec<Canary>) -> Self {
        let mut by_start: HashMap<[u8; 4], Vec<(usize, Vec<u8>)>> = HashMap::new();
        for (index, canary) in all.iter().enumerate() {
            assert!(canary.secret.len() >= 8, "{} is too short to be told from chance", canary.what);
            for spelling in spellings(&canary.secret) {
                by_start.entry(spelling[..4].try_into().unwrap()).or_default().push((index, spelling));
            }
        }
        Self { all, by_start }
    }

    /// Names of those that are in the bytes, or in what is compressed in them.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found: Vec<&str> = self.scan(bytes);
        let frames = bytes.windows(4).enumerate().filter(|(_, start)| *start == ZSTD);
        for (at, _) in frames {
            let Ok(decoder) = zstd::Decoder::new(&bytes[at..]) else { continue };
            let mut unpacked = Vec::new();
            // Bytes that only look like a frame end in an error; what came before it is looked at all the same.
            drop(decoder.take(UNPACKED_MAX).read_to_end(&mut unpacked));
            found.extend(self.scan(&unpacked));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn scan(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, start) in bytes.windows(4).enumerate() {
            let Some(spellings) = self.by_start.get(start) else { continue };
            let here = spellings.iter().filter(|(_, spelling)| bytes[at..].starts_with(spelling));
            found.extend(here.map(|(index, _)| self.all[*index].what.as_str()));
        }
        found
    }
}

/// How a secret may be written.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |upper: bool| -> String {
        secret.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    let mut all = vec![secret.to_vec(), hex(false).into_bytes(), hex(true).into_bytes()];
    if let Ok(text) = std::str::from_utf8(secret) {
        all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        all.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    // In the middle of something longer, at each of the three places in a group; letters that a neighbour has a part in are left out.
    for shift in 0..3 {
        let shifted = [&vec![0; shift], secret].concat();
        let (from, to) = ((shift * 8).div_ceil(6), (shifted.len() * 8) / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            all.push(text.as_bytes()[from..to].to_vec());
        }
    }
    all
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn the_search_finds_what_is_planted_in_every_spelling() {
    let secret = "canary-0123456789".to_owned();
    let canaries = Canaries::new(vec![Canary { what: "it".to_owned(), secret: secret.clone().into_bytes() }]);
    for spelling in spellings(secret.as_bytes()) {
        let bytes = [b"before ".as_slice(), &spelling, b" after"].concat();
        assert_eq!(canaries.found_in(&bytes), ["it"], "{}", String::from_utf8_lossy(&spelling));
        let packed = zstd::encode_all(&bytes[..], 3).unwrap();
        assert_eq!(canaries.found_in(&[b"page".as_slice(), &packed, b"page"].concat()), ["it"]);
    }
    for lead in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![b'x'; lead], secret.as_bytes(), b"yy"].concat());
        assert_eq!(canaries.found_in(text.as_bytes()), ["it"], "{text}");
    }
    assert!(canaries.found_in(b"canary-012345678 and canary-1123456789").is_empty());
}

/// Apps that a person has: titles and ids go into the backup as they are.
const PROGRAMS: [(&str, &str); 5] = [
    ("CanaryAlpha71", "Canary Title Albatross 31"),
    ("CanaryBravo72", "Canary Title Bullfinch 32"),
    ("CanaryCharlie73", "Canary Title Chaffinch 33"),
    ("CanaryDelta74", "Canary Title Dunnock 34"),
    ("CanaryEcho75", "Canary Title Egret 35"),
];

/// Where Windows lists a person's packaged apps.
const REPOSITORY: &str =
    r"HKEY_CURRENT_USER\Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository";

/// What somebody typed by mistake, such as the password of another place.
const WRONG: &str = "canary mistyped password";

fn programs(world: &World) -> PathBuf {
    let mut text = "Windows Registry Editor Version 5.00\r\n\r\n".to_owned();
    for (name, title) in PROGRAMS {
        let (family, full) = (format!("{name}_8wekyb3d8bbwe"), format!("{name}_1.0.0.0_x64__8wekyb3d8bbwe"));
        let entry = format!(
            "[{REPOSITORY}\\Families\\{family}\\{full}]\r\n\"Flags\"=dword:00000001\r\n\r\n[{REPOSITORY}\\Packages\\{full}]\r\n\
             \"DisplayName\"=\"{title}\"\r\n\"PackageRootFolder\"=\"C:\\\\Program Files\\\\WindowsApps\\\\{full}\"\r\n\r\n"
        );
        text.push_str(&entry);
    }
    let path = world.path("programs.reg");
    std::fs::write(&path, text).unwrap();
    path
}

/// Signs in at the pages and gives what the browser holds then.
fn sign_in(world: &World) -> Vec<String> {
    let mut browser = Browser::new();
    let account = format!("{}/account", world.address());
    let page = browser.get(&account);
    browser.submit(&page, "/login", &[("name", "ada"), ("password", WRONG)]);
    let page = browser.get(&account);
    let page = browser.submit(&page, "/login", &[("name", "ada"), ("password", PASSWORD)]);
    assert!(page.text.contains("ada"), "{}", page.text);
    browser.cookies_of(&account).into_iter().filter(|cookie| cookie.len() >= 32).collect()
}

/// What an account's second factor is, and its recovery codes: set up at the pages by somebody with the password. Gives the secret's text, the secret, and the codes.
fn second_factor(world: &World) -> (String, Vec<u8>, Vec<String>) {
    let mut browser = Browser::new();
    let account = format!("{}/account", world.address());
    let page = browser.get(&account);
    browser.submit(&page, "/login", &[("name", "tess"), ("password", PASSWORD)]);
    let page = browser.get(&format!("{account}/second-factor"));
    let text = page.text.split_once("<p class=\"code\">").unwrap().1.split_once("</p>").unwrap().0.replace(' ', "");
    let secret = base32(&text);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let page = browser.submit(&page, "/second-factor", &[("code", &code(&secret, now / 30))]);
    let codes = page.text.split("<li>").skip(1).map(|item| item.split_once("</li>").unwrap().0.to_owned()).collect();
    (text, secret, codes)
}

/// RFC 4648, 6, without padding.
fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u64, 0, Vec::new());
    for letter in text.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).unwrap();
        bits = bits << 5 | value as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    bytes
}

/// What an authenticator app shows (RFC 6238).
fn code(secret: &[u8], step: u64) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// What the API answers, refusals above all, to whoever sends it secrets where they belong and where they do not: heads and bodies.
fn answers(world: &World, secrets: &[&str]) -> String {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let agent: ureq::Agent = config.build().into();
    let mut heard = String::new();
    let mut ask = |method: &str, path: &str, with: (&str, &str), body: &str| {
        let uri = format!("{}{path}", world.address());
        let request = ureq::http::Request::builder().method(method).uri(uri).header(with.0, with.1);
        let request = request.header("content-type", "application/json").body(body.to_owned()).unwrap();
        let mut answer = agent.run(request).unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        writeln!(heard, "{} {:?} {body}", answer.status(), answer.headers()).unwrap();
    };
    for secret in secrets {
        let bearer = format!("Bearer {secret}");
        for path in ["/api/v1/me", "/api/v1/users", "/api/v1/limits", "/scim/v2/Users", "/api/v1/profiles"] {
            ask("GET", path, ("authorization", &bearer), "");
        }
        ask("GET", "/account", ("cookie", &format!("__Host-rh={secret}; rh={secret}")), "");
        ask("GET", "/api/v1/audit", ("x-request-id", "1"), "");
        // Bodies that are wrong in many ways: what is wrong is named, and what was sent is not repeated.
        for body in [
            format!("{{\"password\": \"{secret}\""),
            format!("{{\"password\": \"{secret}\", \"token\": \"{secret}\", \"device_name\": 7}}"),
            format!("{{\"user\": \"ada\", \"password\": [\"{secret}\"]}}"),
            format!("{{\"device_name\": \"X\", \"public_key\": \"{secret}\", \"key_level\": \"{secret}\"}}"),
            format!("\"{secret}\""),
        ] {
            ask("POST", "/api/v1/enroll", ("x-request-id", "1"), &body);
            ask("POST", "/api/v1/sign-in/token", ("x-request-id", "1"), &body);
        }
    }
    heard
}

/// Texts of a JSON document, with their names.
fn texts(value: &Value, name: &str, all: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => all.push((name.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, name, all)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| texts(item, name, all)),
        _ => {}
    }
}

/// The keys that a PC holds: its own, and those of its person.
fn keys_of(pc: &Pc<'_>) -> Vec<Canary> {
    let mut all = Vec::new();
    for path in files(pc.state()).iter().filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
        let Ok(document) = serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()) else { continue };
        texts(&document, "", &mut all);
    }
    // The PC's own private half, and the keys of the profile and for ids.
    let secret = ["record", "keys", "id_key"];
    let named = all.into_iter().filter(|(name, text)| secret.contains(&name.as_str()) && text.len() >= 64);
    let mut found: Vec<Canary> =
        named.map(|(name, text)| Canary { what: format!("the PC's {name}"), secret: raw(&text) }).collect();
    // The number itself, in the midst of its PKCS#8 record (RFC 5915: the octet string of 32 bytes).
    let number = |record: &[u8]| {
        let at = record.windows(2).position(|pair| pair == [0x04, 0x20])? + 2;
        record.get(at..at + 32).map(<[u8]>::to_vec)
    };
    let numbers: Vec<_> = found.iter().filter_map(|canary| number(&canary.secret)).collect();
    found.extend(numbers.into_iter().map(|secret| Canary { what: "the PC's private number".to_owned(), secret }));
    found
}

/// The bytes that digits stand for, or the text itself.
fn raw(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.filter(|_| text.len().is_multiple_of(2)).unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Everything that people and PCs do with their secrets, and what was said meanwhile.
fn live_with_them(world: &World) -> (Canaries, String) {
    let mut said = String::new();
    let mut hear = |ran: crate::harness::Ran| {
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
        ran.code
    };
    let token = world.server_command(&["token", "create", "--user", "ada"], "").ok().trim().to_owned();
    let service = world.server_command(&["apitoken", "create", "robot", "--role", "gitops"], "").ok();
    let service = service.split_whitespace().max_by_key(|word| word.len()).unwrap().to_owned();
    let made = world.server_command(&["user", "create", "bob"], "").ok().trim().to_owned();
    world.add_user("tess");
    let (text, secret, codes) = second_factor(world);
    assert_eq!(codes.len(), 10);
    let (pc, other) = (world.stranger("PC"), world.stranger("OTHER"));
    let enroll = ["enroll", "--server", world.address(), "--user", "ada", "--password-stdin", "--device-name", "PC"];
    assert_ne!(hear(pc.run_with(&enroll, WRONG)), Some(0));
    assert_eq!(hear(pc.run_with(&enroll, PASSWORD)), Some(0));
    let args = ["enroll", "--server", world.address(), "--token", &token, "--device-name", "OTHER"];
    assert_eq!(hear(other.run(&args)), Some(0));
    let programs = programs(world);
    for pc in [&pc, &other] {
        assert_eq!(hear(pc.run(&["backup", "--from", arg(&programs)])), Some(0));
        assert_eq!(hear(pc.run(&["snapshots"])), Some(0));
        assert_eq!(hear(pc.run(&["status"])), Some(0));
    }
    let cookies = sign_in(world);
    let verbs = [
        &["user", "erase", "nobody"][..],
        &["device", "list"],
        &["token", "list"],
        &["apitoken", "list"],
        &["check"],
        &["key", "status"],
    ];
    for verb in verbs {
        hear(world.server_command(verb, ""));
    }
    let canary = |what: &str, secret: &str| Canary { what: what.to_owned(), secret: secret.as_bytes().to_vec() };
    let mut all = vec![
        canary("the password", PASSWORD),
        canary("a mistyped password", WRONG),
        canary("a made password", &made),
        canary("an enrollment token", &token),
        canary("a service account's token", &service),
        canary("a second factor's secret, as text", &text),
        Canary { what: "a second factor's secret".to_owned(), secret },
    ];
    all.extend(codes.iter().map(|code| canary("a recovery code", code)));
    for (id, title) in PROGRAMS {
        all.extend([canary("an app's id", id), canary("an app's title", title)]);
    }
    all.extend(cookies.iter().map(|cookie| canary("a cookie", cookie)));
    let root = std::fs::read_to_string(world.path("root.key")).unwrap();
    let words = root.split_whitespace().filter(|word| word.len() >= 32);
    all.extend(words.map(|word| Canary { what: "the root key".to_owned(), secret: raw(word) }));
    for pc in [&pc, &other] {
        let held = keys_of(pc);
        assert!(held.len() >= 2, "a PC holds its key and its person's");
        all.extend(held);
    }
    assert!(all.len() >= 32, "{}", all.len());
    let secrets: Vec<&str> = [PASSWORD, WRONG, &made, &token, &service, &text, &codes[0]].into_iter().collect();
    let heard = answers(world, &secrets);
    assert!(heard.matches("rehome-code").count() > 40, "refusals are among them: {heard}");
    said.push_str(&heard);
    (Canaries::new(all), said)
}

#[test]
fn no_planted_secret_is_found_where_it_must_not_be() {
    let mut world = World::new();
    world.kill_server();
    world.env.push(("RUST_LOG", "trace".to_owned()));
    world.start_server();
    let (canaries, said) = live_with_them(&world);

    // They are where they belong, so the search would find them elsewhere.
    let shown = world.stranger("PC").run(&["show", "latest", "--verbose"]).ok();
    assert!(canaries.found_in(shown.as_bytes()).contains(&"an app's title"), "{shown}");
    assert!(!canaries.found_in(&std::fs::read(world.path("root.key")).unwrap()).is_empty());

    // The server dies as badly as it can. It leaves no image of its memory.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", world.server_pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    world.signal_server("-ABRT");
    let log = world.last_words();
    assert!(log.contains("device enrolled"), "the log is there to be searched");
    for (place, bytes) in [("the server's log", &log), ("what was said", &said)] {
        assert_eq!(canaries.found_in(bytes.as_bytes()), Vec::<&str>::new(), "in {place}");
    }
    let mut searched = 0;
    for path in files(&world.path("server")) {
        let bytes = std::fs::read(&path).unwrap();
        searched += bytes.len();
        assert_eq!(canaries.found_in(&bytes), Vec::<&str>::new(), "in {}", path.display());
    }
    let there = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let images = there.filter(|name| name.to_string_lossy().starts_with("core"));
    assert_eq!(images.count(), 0);
    println!("{} secrets in {searched} bytes of data and {} of logs: none found", canaries.all.len(), log.len());
    assert!(searched > 100_000, "{searched}");
}

#[test]
fn a_stolen_server_without_its_key_opens_nothing() {
    let mut world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&programs(&world))]).ok();
    world.kill_server();
    // The thief has everything but the key, and brings one of their own.
    std::fs::rename(world.path("root.key"), world.path("elsewhere.key")).unwrap();
    for verb in [
        &["device", "list"][..],
        &["tenant", "list"],
        &["check"],
        &["key", "status"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ran = world.server_command(verb, "");
        assert_eq!(ran.code, Some(9), "{verb:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{verb:?}");
    }
    assert!(!world.path("root.key").exists(), "no new key is made for old data");
    std::fs::write(
        world.path("root.key"),
        std::fs::read_to_string(world.path("elsewhere.key")).unwrap().replace(['1', '2', '3'], "0"),
    )
    .unwrap();
    let ran = world.server_command(&["tenant", "list"], "");
    assert!(ran.code.is_some_and(|code| code != 0) && ran.stdout.is_empty(), "{ran:?}");
    // With its key it is what it was.
    std::fs::rename(world.path("elsewhere.key"), world.path("root.key")).unwrap();
    world.start_server();
    assert!(world.stranger("PC").run(&["show", "latest", "--verbose"]).ok().contains(PROGRAMS[0].1));
}

/// Sealed bytes of one person in the place of another's: somebody with the database, or a mistake of ours.
#[test]
fn what_is_sealed_for_one_opens_for_nobody_else_and_in_no_other_place() {
    let mut world = World::new();
    world.add_user("bob");
    let programs = programs(&world);
    for (user, name) in [("ada", "PC-ADA"), ("bob", "PC-BOB"), ("ada", "PC-TWO")] {
        world.pc_of(user, name).run(&["backup", "--from", arg(&programs)]).ok();
    }
    world.kill_server();
    let path = world.path("server").join("rehome.db");
    let swap = |from: &str, to: &str| {
        let database = rusqlite::Connection::open(&path).unwrap();
        let profile = |name: &str| -> i64 {
            let sql = "SELECT p.no FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no WHERE d.name = ?1";
            database.query_row(sql, [name], |row| row.get(0)).unwrap()
        };
        let moved = database
            .execute(
                "UPDATE parts SET (sealed, checksum) = (SELECT o.sealed, o.checksum FROM parts o WHERE o.tenant = parts.tenant \
                 AND o.profile_no = ?1 AND o.no = parts.no AND o.sealed_len = parts.sealed_len) WHERE profile_no = ?2",
                (profile(from), profile(to)),
            )
            .unwrap();
        assert!(moved > 0, "there is something to swap");
    };
    // The server was killed, so most of it lies in the log.
    let both = ["rehome.db", "rehome.db-wal"].map(|name| world.path("server").join(name));
    let before = both.each_ref().map(|path| std::fs::read(path).unwrap());
    // Another person's, and the same person's other PC's.
    for from in ["PC-BOB", "PC-TWO"] {
        swap(from, "PC-ADA");
        world.start_server();
        let pc = world.stranger("PC-ADA");
        let shown = pc.run(&["show", "latest", "--verbose"]);
        assert_eq!(shown.code, Some(3), "{shown:?}");
        assert!(!shown.stdout.contains("Canary"), "{shown:?}");
        let parts = shown.stderr.matches("could not be opened: the key does not open this backup").count();
        assert!(parts >= 10, "every part says so: {shown:?}");
        let target = world.path("target.reg");
        std::fs::write(&target, "Windows Registry Editor Version 5.00\r\n").unwrap();
        assert_eq!(pc.run(&["restore", "--to", arg(&target), "--yes"]).code, Some(3));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "Windows Registry Editor Version 5.00\r\n");
        world.kill_server();
        drop(std::fs::remove_file(world.path("server").join("rehome.db-shm")));
        for (path, bytes) in both.iter().zip(&before) {
            std::fs::write(path, bytes).unwrap();
        }
    }
}
