//! The pages in a real browser: Chromium, driven by npm's `puppeteer-core`, which `cargo xtask ci provider` installs. A machine without either says so.
//!
//! `UPDATE_SCREENS=1` puts the pictures into `docs/screens`, for people to look at.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{World, arg, persona, root, run};
use crate::not_tried::not_tried;

/// What brings what a story in a browser takes.
const BRINGS: Option<&str> = Some("package chromium, and `cargo xtask ci provider`");

/// Where the package is.
fn package() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3)?.to_owned();
    let entry = "node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js";
    [target.join("npm"), root().join("target/npm")]
        .map(|folder| folder.join(entry))
        .into_iter()
        .find(|path| path.is_file())
}

fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let paths = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&paths).flat_map(|folder| names.map(|name| folder.join(name)));
    found.into_iter().find(|path| path.is_file())
}

/// Runs a story of Chromium as `grace`, who signs in for the first time. Gives the folder of its pictures.
fn story(
    world: &World,
    script: &str,
    (package, chromium, first): (PathBuf, PathBuf, &str),
    more: &[(&str, PathBuf)],
) -> PathBuf {
    let screens =
        if std::env::var_os("UPDATE_SCREENS").is_some() { root().join("docs/screens") } else { world.path("screens") };
    let mut node = Command::new("node");
    node.arg(root().join("e2e/tests/it/browser").join(script))
        .env("PUPPETEER", package)
        .env("CHROMIUM", chromium)
        .env("HOME", world.path(""))
        .env("ADDRESS", world.address())
        .env("NAME", "grace")
        .env("FIRST_PASSWORD", first)
        .env("PASSWORD", "a sentence that grace has made up")
        .env("SCREENS", &screens)
        .envs(more.iter().cloned());
    let ran = run(node, "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    screens
}

#[test]
fn a_person_signs_in_in_chromium_in_light_and_dark_and_large() {
    let (Some(package), Some(chromium)) = (package(), chromium()) else {
        not_tried("the pages were not opened: no Chromium, or no puppeteer-core here", BRINGS);
        return;
    };
    let world = World::new();
    let first = world.server_command(&["user", "create", "grace"], "").ok().trim().to_owned();
    let screens = story(&world, "sign_in.mjs", (package, chromium, &first), &[]);
    let pictures = std::fs::read_dir(screens).unwrap().count();
    assert!(pictures >= 32, "{pictures}");
}

/// What a story of an administrator takes: what drives Chromium, Chromium, and axe; `None`: this machine lacks one, which is said.
fn for_administrators() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let axe = package().and_then(|package| {
        let modules = package.ancestors().find(|folder| folder.ends_with("node_modules"))?.to_owned();
        Some(modules.join("axe-core/axe.min.js")).filter(|path| path.is_file())
    });
    if let (Some(package), Some(chromium), Some(axe)) = (package(), chromium(), axe) {
        return Some((package, chromium, axe));
    }
    not_tried("the pages were not opened: no Chromium, puppeteer-core or axe-core here", BRINGS);
    None
}

/// Pictures in a folder whose names begin so.
fn pictures(screens: &Path, begin: &str) -> usize {
    let all = std::fs::read_dir(screens).unwrap().filter_map(Result::ok);
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with(begin)).count()
}

#[test]
fn an_administrator_walks_the_console_in_chromium_and_axe_finds_nothing_serious() {
    let Some((package, chromium, axe)) = for_administrators() else { return };
    let world = World::new();
    let first = world.server_command(&["admin", "create", "grace"], "").ok().trim().to_owned();
    world.server_command(&["user", "create", "linus"], "").ok();
    world.pc("OFFICE-PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let screens = story(&world, "console.mjs", (package, chromium, &first), &[("AXE", axe)]);
    assert_eq!(pictures(&screens, "console-"), 40);
}

#[test]
fn the_first_day_of_an_administrator_ends_with_a_pc_that_is_restorable() {
    let Some((package, chromium, axe)) = for_administrators() else { return };
    let world = World::without_policies();
    let first = world.server_command(&["admin", "create", "grace"], "").ok().trim().to_owned();
    let pc = world.pc("OFFICE-PC");
    let program = PathBuf::from(pc.command(&[]).get_program());
    let more = [("AXE", axe), ("PC", program), ("PC_STATE", pc.state().to_owned()), ("PC_HIVE", persona("old-pc.reg"))];
    let screens = story(&world, "first_day.mjs", (package, chromium, &first), &more);
    assert_eq!(pictures(&screens, "first-day-"), 56);
}

#[test]
fn tenant_admin_is_done_in_chromium_and_policies_and_rules_with_keys_alone() {
    let Some((package, chromium, axe)) = for_administrators() else { return };
    let world = World::without_policies();
    let first = world.server_command(&["admin", "create", "grace"], "").ok().trim().to_owned();
    world.server_command(&["user", "create", "linus"], "").ok();
    world.pc("OFFICE-PC").run(&["check-in"]).ok();
    let screens = story(&world, "tenant.mjs", (package, chromium, &first), &[("AXE", axe)]);
    assert_eq!((pictures(&screens, "tenant-"), pictures(&screens, "rules-")), (36, 24));
}
