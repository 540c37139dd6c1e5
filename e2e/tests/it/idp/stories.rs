//! People sign in at a certified provider, in a browser and from a PC.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::Provider;
use super::browser::{Browser, Page};
use crate::harness::{PASSWORD, Pc, World};

/// Signs in on the provider's own pages, from wherever a sign-in begins.
fn sign_in_at_the_provider(browser: &mut Browser, begin: &str, who: &str) -> Page {
    let login = browser.get(begin);
    assert!(login.text.contains("name=\"login\""), "the provider's page: {}", login.text);
    let consent = browser.submit(&login, "/interaction/", &[("login", who), ("password", "any"), ("prompt", "login")]);
    if consent.text.contains("value=\"consent\"") {
        return browser.submit(&consent, "/interaction/", &[("prompt", "consent")]);
    }
    consent
}

/// The way to the provider that the sign-in page shows.
fn way_to_the_provider(browser: &mut Browser, world: &World) -> String {
    let page = browser.get(&format!("{}/login", world.address()));
    let link = page.text.split("href=\"").find(|rest| rest.starts_with("/t/default/login/")).unwrap();
    format!("{}{}", world.address(), link.split('"').next().unwrap().replace("&#38;", "&"))
}

#[test]
fn a_person_signs_in_at_a_certified_provider_and_is_the_same_the_next_time() {
    let world = World::new();
    let Some(provider) = Provider::start(&world) else { return };
    let tested = world.server_command(&["provider", "test", "Work"], "").ok();
    assert!(tested.contains(&format!("authorization\t{}/auth", provider.issuer)), "{tested}");
    let listed = world.server_command(&["provider", "list"], "").ok();
    assert!(listed.contains("\tWork\toidc\t"), "{listed}");
    for _ in 0..2 {
        let mut browser = Browser::new();
        let begin = way_to_the_provider(&mut browser, &world);
        let account = sign_in_at_the_provider(&mut browser, &begin, "grace");
        assert_eq!(account.address, format!("{}/account", world.address()), "{}", account.text);
        assert!(account.text.contains("<dd>grace@example.com</dd>"), "{}", account.text);
        assert!(account.text.contains("<dt>Roles</dt><dd>admin</dd>"), "{}", account.text);
        let out = browser.submit(&account, "/logout", &[]);
        assert!(out.text.contains("You are signed out"));
        assert!(browser.get(&format!("{}/account", world.address())).address.contains("/login"));
    }
    world.server_command(&["provider", "remove", "Work"], "").ok();
    let gone = Browser::new().get(&format!("{}/login", world.address()));
    assert!(!gone.text.contains("Sign in with Work"));
}

/// `rehome enroll` at work, and what its browser was asked to open.
fn enroll(world: &World, pc: &Pc<'_>, more: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = pc.command(&["enroll", "--server", world.address(), "--device-name", "PC-GRACE"]);
    // A browser that does nothing: the story opens the page itself.
    command.args(more).env("BROWSER", "true").env("PATH", std::env::var("PATH").unwrap());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rehome starts");
    let talk = BufReader::new(child.stderr.take().expect("stderr is piped"));
    (child, talk)
}

/// The next line that the agent says that has `mark` in it.
fn said(talk: &mut impl BufRead, mark: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(talk.read_line(&mut line).expect("text") > 0, "the agent ended before it said `{mark}`");
        if line.contains(mark) {
            return line.trim().to_owned();
        }
    }
}

#[test]
fn a_pc_is_connected_by_its_person_in_the_browser() {
    let world = World::new();
    let Some(_provider) = Provider::start(&world) else { return };
    let pc = world.stranger("grace");
    let (child, mut talk) = enroll(&world, &pc, &[]);
    let page = said(&mut talk, "/t/default/agent?");
    let mut browser = Browser::new();
    let asked = sign_in_at_the_provider(&mut browser, &page, "grace");
    assert!(asked.text.contains("<dd>PC-GRACE</dd>"), "{}", asked.text);
    let done = browser.submit(&asked, "/t/default/agent", &[("answer", "yes")]);
    assert!(done.address.starts_with("http://127.0.0.1:") && done.text.contains("You are signed in"), "{}", done.text);
    let output = child.wait_with_output().unwrap();
    let rest: Vec<String> = talk.lines().map(Result::unwrap).collect();
    assert_eq!(output.status.code(), Some(0), "{rest:?}");
    let status = pc.json(&["status"]);
    assert!(status.to_string().contains("grace@example.com"), "{status}");
    // Single sign-on: the second PC asks for a yes and nothing else.
    let second = world.stranger("grace-2");
    let (child, mut talk) = enroll(&world, &second, &[]);
    let page = said(&mut talk, "/t/default/agent?");
    let asked = browser.get(&page);
    let denied = browser.submit(&asked, "/t/default/agent", &[("answer", "no")]);
    assert!(denied.text.contains("The PC is not connected"), "{}", denied.text);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(4));
}

#[test]
fn a_pc_without_a_browser_is_connected_by_a_code() {
    let world = World::new();
    let pc = world.stranger("headless");
    let (child, mut talk) = enroll(&world, &pc, &["--device-code"]);
    let page = said(&mut talk, "/device");
    said(&mut talk, "type the code");
    let code = said(&mut talk, "-");
    let mut browser = Browser::new();
    let login = browser.get(&page);
    let typed = browser.submit(&login, "/login", &[("name", "ada"), ("password", PASSWORD)]);
    let shown = browser.submit(&typed, "/device", &[("code", &code)]);
    assert!(shown.text.contains("<dd>PC-GRACE</dd>"), "{}", shown.text);
    let done = browser.submit(&shown, "/device", &[("answer", "yes")]);
    assert!(done.text.contains("The PC is connected"), "{}", done.text);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert!(pc.json(&["status"]).to_string().contains("\"ada\""));
}
