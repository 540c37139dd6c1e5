//! Opens a page in the person's browser.

use std::process::{Command, Stdio};

/// Opens `address`, which is one of ours. `false`: there is no browser here.
pub fn open(address: &str) -> bool {
    let Some((program, words)) = program() else { return false };
    let started = Command::new(program)
        .args(words)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}

/// What opens pages on this system: on Windows the handler of addresses, elsewhere `$BROWSER` or the desktop's own opener.
#[cfg(windows)]
fn program() -> Option<(String, &'static [&'static str])> {
    let windows = std::env::var("SystemRoot").ok()?;
    Some((format!(r"{windows}\System32\rundll32.exe"), &["url.dll,FileProtocolHandler"]))
}

#[cfg(not(windows))]
fn program() -> Option<(String, &'static [&'static str])> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(browser) = set("BROWSER") {
        return Some((browser, &[]));
    }
    let desktop = set("DISPLAY").or_else(|| set("WAYLAND_DISPLAY"));
    desktop.map(|_| ("xdg-open".to_owned(), [].as_slice()))
}
