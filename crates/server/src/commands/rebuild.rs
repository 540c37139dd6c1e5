//! `rehome-server rebuild`: a destroyed database out of the journal, with nothing but files and root key.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use model::reason::Reason;
use model::world::Clock;
use store::Rebuilt;

use super::own_backup::{refuse_data, roots, time};
use super::{Failure, check, print, say};
use crate::app;
use crate::config::Config;
use crate::keyring::journal::JournalRoots;
use crate::world::SystemClock;

/// Exit code for a journal of which a part is missing.
const INTEGRITY: u8 = 8;

/// Make a destroyed database anew from the journal, which lies where files are kept; there must be none yet
#[derive(clap::Args)]
pub(super) struct Rebuild {
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, asked: &Rebuild) -> Result<ExitCode, Failure> {
    let settings = &config.settings;
    refuse_data(config)?;
    let none = || {
        let text = format!("there is no journal in `{}`", settings.blobs);
        let hint = "name the place of the files with `--blobs`; a journal is there only if the server kept one (`journal = true`)";
        Failure::new(2, Reason::FileNotFound, text).hint(hint)
    };
    if !settings.blobs.contains("://") && !Path::new(&settings.blobs).exists() {
        return Err(none());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (_, logs) = app::files(settings, &clock)?;
    let root_keys = store::root_keys_of_journal(&*logs)?.ok_or_else(none)?;
    app::make_private(&settings.data_dir)?;
    let roots = roots(config)?;
    let held = roots.current.ids()?;
    if !root_keys.iter().any(|wanted| held.iter().any(|id| id.to_string() == *wanted))
        && settings.root_key_old.is_none()
    {
        let text =
            format!("{} does not hold a root key of the journal: {}", roots.current.describe(), root_keys.join(", "));
        return Err(Failure::new(9, Reason::WrongKey, text)
            .hint("give the root key that the server had (`--root-key`); without it nothing can be brought back"));
    }
    let random = Arc::new(seal::random::SystemRandom::new());
    let keys = JournalRoots::new(Arc::new(roots), Arc::clone(&clock), random);
    say("reading the journal");
    let rebuilt = store::rebuild((&*logs, &keys), settings.database.place(), &settings.data_dir)?;
    told(&rebuilt, asked.json)?;
    if let Some(number) = rebuilt.missing {
        say(&format!(
            "transaction {number} is missing, and what came after it cannot be used; PCs send their backups again at their next one"
        ));
    }
    if let Some(log) = &rebuilt.unfinished {
        say(&format!("{log} ends in the middle of a record, as a power cut leaves one that was never confirmed"));
    }
    say("rebuilt; reading all of it once more");
    let checked = check::run(&check::open(config)?)?;
    Ok(if rebuilt.missing.is_some() { ExitCode::from(INTEGRITY) } else { checked })
}

fn told(rebuilt: &Rebuilt, json: bool) -> Result<ExitCode, Failure> {
    let Rebuilt { base_at, base_bytes, records, until, missing, unfinished } = rebuilt;
    if json {
        let object = serde_json::json!({
            "base_at": time(base_at.0).to_string(),
            "base_bytes": base_bytes,
            "transactions": records,
            "until": time(until.0).to_string(),
            "missing": missing,
            "unfinished": unfinished,
        });
        return print(&[object.to_string()]);
    }
    let mut lines = vec![
        format!("base\t{}\t{base_bytes} bytes", time(base_at.0)),
        format!("transactions\t{records}"),
        format!("until\t{}", time(until.0)),
    ];
    lines.extend(missing.map(|number| format!("missing\t{number}")));
    lines.extend(unfinished.as_ref().map(|log| format!("unfinished\t{log}")));
    print(&lines)
}
