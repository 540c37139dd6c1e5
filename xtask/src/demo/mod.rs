//! `cargo xtask demo`: the main job, for a newcomer's eyes.
//!
//! One server, one organisation, one person, two PCs, told through the binaries that ship. Everything lives in a private scratch folder
//! beside the build and is gone when the demo ends, however it ends. Two demos may run at once: each has its own folder and its own port.

mod cast;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::process;
use crate::repo::Binaries;
use crate::say;
use crate::serving::{Place, Server};
use cast::{Pc, Stage};

/// The organisation of the demo.
const TENANT: &str = "example";
/// The person of the demo.
const USER: &str = "ada";

/// Whom to show
#[derive(clap::Args)]
pub struct Args {
    /// The old PC: an NTUSER.DAT, the folder of a Windows user profile, or a registry export [default: xtask/demo/old-pc.reg]
    source: Option<PathBuf>,
    /// End after the story instead of leaving the server running
    #[arg(long, env = "REHOME_DEMO_EXIT", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    exit: bool,
    /// With the programs that the tests were built with, instead of building those that ship (for the CI, where minutes count)
    #[arg(long, hide = true)]
    built: bool,
}

/// Tells the story; leaves the server running until Ctrl-C unless asked not to.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let source = old_pc(args)?;
    say::chapter("Building (the first time takes some minutes)");
    let stage = Stage::new(if args.built { Binaries::of_tests()? } else { Binaries::build()? })?;
    process::check_stop()?;

    say::chapter("1. A server for the organisation");
    say::command("rehome-server serve --data-dir server --root-key root.key");
    let server = Server::start(&stage.binaries.server, &Place::folder(&stage.path("")), None, &[])?;
    say::good(&format!("it answers at {}; SQLite and a folder, nothing else to install", server.address()));
    say::command(&format!("rehome-server tenant create {TENANT}"));
    say::command(&format!("rehome-server user create {USER} --tenant {TENANT} --password-stdin"));
    say::command(&format!(
        "rehome-server policy create 'Enable Windows Backup' --set backup.enabled=true --all-devices --enable --tenant {TENANT}"
    ));
    let invitation = server.invite(TENANT, USER)?;
    let old = Pc::new(&stage, "ADA-LAPTOP")?;
    let new = Pc::new(&stage, "ADA-NEW-PC")?;

    say::chapter("2. Two PCs of the same person are connected to it");
    old.enroll(&stage, &server, &invitation)?;
    new.enroll(&stage, &server, &invitation)?;

    say::chapter("3. The old PC is backed up");
    old.tell(&stage, &["backup", "--from", &source])?;

    say::chapter("4. The next backup finds nothing changed: one small request");
    old.tell(&stage, &["backup", "--from", &source])?;

    say::chapter("5. On the new PC: first the plan. Nothing is written yet");
    let target = stage.new_pc()?;
    new.tell(&stage, &["restore", "--from-device", old.name(), "--to", &target])?;

    say::chapter("6. It looks right, so apply it");
    let apply = ["restore", "--from-device", old.name(), "--to", &target, "--yes"];
    new.tell_briefly(&stage, &apply, |line| !line.starts_with(' ') && !line.starts_with("What does not"))?;

    say::chapter("7. Asked again, there is nothing left to do");
    let plan = ["plan", "--from-device", old.name(), "--to", &target];
    new.tell_briefly(&stage, &plan, |line| line.starts_with("nothing would change"))?;

    farewell(&stage, &server, (old.name(), &new), &target);
    if args.exit {
        // Nobody is there to paste what was suggested, so it is tried here.
        for words in look_around(old.name()) {
            new.tell_briefly(&stage, &words, |_| false)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        server.check()?;
        process::pause()?;
    }
}

fn old_pc(args: &Args) -> anyhow::Result<String> {
    let path = match &args.source {
        Some(path) => path.canonicalize().with_context(|| format!("no such file or folder: {}", path.display()))?,
        None => crate::repo::root().join("xtask/demo/old-pc.reg"),
    };
    path.into_os_string().into_string().ok().context("the path is not Unicode, which the demo cannot show")
}

/// Commands for the new PC that look around.
fn look_around(old: &str) -> [Vec<&str>; 3] {
    [vec!["snapshots"], vec!["show", "--from-device", old], vec!["export", "--from-device", old, "--as", "reg"]]
}

fn farewell(stage: &Stage, server: &Server, (old, new): (&str, &Pc), target: &str) {
    say::chapter("8. Your turn");
    say::note("every restore can be taken back for 30 days; this would do it:");
    say::command(&new.line(stage, &["undo", "--yes"]));
    say::note("and these look around:");
    for words in look_around(old) {
        say::command(&new.line(stage, &words));
    }
    say::note(&format!("the new PC's registry: {target}"));
    say::note(&format!("the server: {}", server.address()));
    say::note("Ctrl-C ends the demo and removes everything it made");
}
