//! `rehome snapshots`: what the server keeps.

use clap::Args;
use device::list;
use model::api::{KeptBy, ProfileSummary, SnapshotSummary};
use model::rehearsal::Rehearsed;
use model::report::words;
use model::retention::Why;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::short;
use crate::paint::tame;
use crate::render::put;
use crate::render::table::Table;
use crate::render::value::{count, size};
use crate::run::Run;
use crate::when::rfc3339;

/// List the backups of all your PCs, newest first
#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// Only those of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
}

#[derive(Serialize)]
struct ProfileDocument {
    device_name: String,
    this_device: bool,
    profile: String,
    snapshots: Vec<SnapshotDocument>,
}

#[derive(Serialize)]
struct SnapshotDocument {
    snapshot: String,
    seq: u64,
    taken_at: String,
    committed_at: String,
    settings: u32,
    apps: u32,
    size_bytes: u64,
    /// Whether a rehearsal has opened it; nothing if nobody has tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_restorable_because: Option<String>,
    kept: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept_by: Vec<KeptBy>,
}

/// Lists the snapshots by PC.
pub fn run(args: &SnapshotsArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let server = connection.server(run);
    let mut profiles = list::profiles(&server)?;
    if let Some(name) = &args.from_device {
        profiles = vec![crate::find::named(&profiles, name)?.clone()];
    }
    let mut listed = Vec::new();
    for profile in profiles {
        let snapshots = if profile.snapshots == 0 { Vec::new() } else { list::snapshots(&server, profile.profile)? };
        listed.push((profile, snapshots));
    }
    let documents: Vec<_> = listed.iter().map(document).collect();
    run.screen.data(&documents, || text(run, &listed))?;
    if listed.iter().all(|(_, snapshots)| snapshots.is_empty()) {
        run.screen.say("There is no backup yet");
        run.screen.hint(&format!("{} makes the first one", crate::backup::FIRST));
    }
    Ok(Exit::Success)
}

fn document((profile, snapshots): &(ProfileSummary, Vec<SnapshotSummary>)) -> ProfileDocument {
    let snapshots = snapshots.iter().map(|one| SnapshotDocument {
        snapshot: one.snapshot.to_string(),
        seq: one.seq,
        taken_at: rfc3339(one.taken_at),
        committed_at: rfc3339(one.committed_at),
        settings: one.settings,
        apps: one.apps,
        size_bytes: one.size_bytes,
        restorable: one.rehearsed.as_ref().map(|found| found.restorable),
        not_restorable_because: one.rehearsed.as_ref().and_then(|found| found.reason.clone()),
        kept: one.kept.clone(),
        kept_by: one.kept_by.clone(),
    });
    ProfileDocument {
        device_name: profile.device_name.clone(),
        this_device: profile.this_device,
        profile: profile.profile.to_string(),
        snapshots: snapshots.collect(),
    }
}

fn text(run: &Run, listed: &[(ProfileSummary, Vec<SnapshotSummary>)]) -> String {
    let (paint, when) = (run.screen.paint, run.when());
    let mut text = String::new();
    for (profile, snapshots) in listed.iter().filter(|(_, snapshots)| !snapshots.is_empty()) {
        let here = if profile.this_device { "this PC" } else { "another PC of yours" };
        put(&mut text, format_args!("{}  {}\n", paint.bold(tame(&profile.device_name, 64)), paint.dim(here)));
        let mut table = Table::default();
        for one in snapshots {
            table.row([
                short(one),
                when.said(one.taken_at),
                count(one.settings as usize, "setting"),
                count(one.apps as usize, "app"),
                size(one.size_bytes),
                opens(one.rehearsed.as_ref()),
                paint.dim(kept(one)),
            ]);
        }
        text.push_str(&table.to_text("  "));
    }
    text
}

/// What its rehearsal found, in a few words.
pub fn opens(rehearsed: Option<&Rehearsed>) -> String {
    match rehearsed {
        None => "not tried".to_owned(),
        Some(Rehearsed { restorable: true, .. }) => "opens".to_owned(),
        Some(Rehearsed { reason, .. }) => {
            format!("DOES NOT OPEN: {}", reason.as_deref().map_or("no reason was given", |code| words(code).0))
        }
    }
}

/// Why it is kept, as restic says it: short words, all that apply, and by which policies of the organisation.
fn kept(one: &SnapshotSummary) -> String {
    let said = |word: &String| {
        let title = Why::from_word(word).map_or_else(|| tame(word, 32), |why| why.title().to_owned());
        let policies = one.kept_by.iter().filter(|by| by.why == *word).map(|by| format!("`{}`", tame(&by.policy, 32)));
        let policies: Vec<String> = policies.collect();
        if policies.is_empty() { title } else { format!("{title} by {}", policies.join(" and ")) }
    };
    if one.kept.is_empty() { "goes".to_owned() } else { one.kept.iter().map(said).collect::<Vec<_>>().join(", ") }
}
