//! `rehome-server backup-server` and `restore-server`: the server's own data, into a folder and back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use model::reason::Reason;
use model::world::Clock;
use store::{Manifest, Named, Store};

use super::{Failure, check, open, print, say};
use crate::app::{self, OpenError};
use crate::config::Config;
use crate::keyring::provider::Roots;
use crate::keyring::{self, Keyring};
use crate::world::SystemClock;

/// Back up the server's own data, while it serves: the database and the files, without the root key
#[derive(clap::Args)]
pub(super) struct BackUp {
    /// Folder to make; it must not be there yet, or be empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

/// Make a server's data from such a backup, on any database and any place for files; there must be none yet
#[derive(clap::Args)]
pub(super) struct Restore {
    /// Folder of the backup
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Only read the backup, compare it with its checksums, and see that the root key opens it
    #[arg(long)]
    check: bool,
}

pub(super) fn back_up(config: &Config, asked: &BackUp) -> Result<ExitCode, Failure> {
    let settings = &config.settings;
    let database = settings.database.place();
    let Some(stored) = Store::peek(database, keyring::RECEIPT_KEY)? else {
        let text = format!("there is no server's data in `{}`", settings.database);
        return Err(Failure::new(2, Reason::FileNotFound, text)
            .hint("name the folder with `--data-dir`, or the database with `--database`"));
    };
    // Only a root key that opens what is backed up is named in the manifest.
    let roots = roots(config)?;
    Keyring::prove(&roots, &stored)?;
    let ids = roots.current.ids()?.iter().map(ToString::to_string).collect();
    let new = !asked.to.exists();
    make_folder(&asked.to)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let blobs = app::blobs(settings, &clock)?;
    let named =
        Named { program: concat!("rehome-server ", env!("CARGO_PKG_VERSION")), root_keys: ids, now: clock.now() };
    let manifest = store::back_up(database, &*blobs, &asked.to, named).inspect_err(|_| {
        // What has begun is no backup; a folder that was there before is not ours to remove.
        if new {
            drop(fs::remove_dir_all(&asked.to));
        }
    })?;
    told(&manifest)?;
    say(&format!("the backup is in {}", asked.to.display()));
    // The backup is good, whatever comes of this.
    if let Err(failure) = note(config, &manifest) {
        let why = failure.text;
        say(&format!("warning: the server does not know of it, so its metrics will say that it is missing: {why}"));
    }
    say(&format!("the root key is not in it: keep a copy of {} somewhere else", roots.current.describe()));
    Ok(ExitCode::SUCCESS)
}

/// Has the server know when its last good backup was made, for who watches it.
fn note(config: &Config, manifest: &Manifest) -> Result<(), Failure> {
    if manifest.schema != store::schema() {
        // Whoever only backs up does not bring a schema up to date.
        let text = "the database has another schema than this program";
        return Err(Failure::new(2, Reason::ConfigInvalid, text));
    }
    let app = open(config)?;
    Ok(app.store.note_own_backup(app.clock.now())?)
}

pub(super) fn restore(config: &Config, asked: &Restore) -> Result<ExitCode, Failure> {
    let settings = &config.settings;
    let database = settings.database.place();
    let manifest = store::check_backup(&asked.from)?;
    let stored = Store::peek(&store::database_of(&asked.from), keyring::RECEIPT_KEY)?;
    let stored = stored.ok_or_else(|| {
        Failure::new(8, Reason::IntegrityFailed, format!("{}: no receipt key is in it", asked.from.display()))
    })?;
    let roots = roots(config)?;
    Keyring::prove(&roots, &stored)?;
    if asked.check {
        told(&manifest)?;
        say("the backup is whole, and the root key opens it");
        return Ok(ExitCode::SUCCESS);
    }
    refuse_data(config)?;
    app::make_private(&settings.data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let blobs = app::blobs(settings, &clock)?;
    let manifest = store::restore(&asked.from, database, &*blobs, &settings.data_dir)?;
    told(&manifest)?;
    say("restored; reading all of it once more");
    let checked = check::run(&check::open(config)?)?;
    say("what PCs have backed up since then they send again at their next backup");
    Ok(checked)
}

/// Nothing is made where there is a server's data already.
pub(super) fn refuse_data(config: &Config) -> Result<(), Failure> {
    let database = &config.settings.database;
    if !Store::exists(database.place())? {
        return Ok(());
    }
    let text = format!("there is a server's data in `{database}` already; nothing was touched");
    Err(Failure::new(2, Reason::ConfigInvalid, text)
        .hint("put the old data away first, or name another place with `--data-dir` or `--database`"))
}

pub(super) fn roots(config: &Config) -> Result<Roots, Failure> {
    let settings = &config.settings;
    Ok(Roots::open(&settings.root_key, settings.root_key_old.as_deref(), &settings.data_dir)?)
}

/// For the account that makes it only: names and addresses are in it in the clear.
fn make_folder(folder: &Path) -> Result<(), Failure> {
    let made = fs::create_dir(folder).or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) });
    #[cfg(unix)]
    let made = made.and_then(|()| fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)));
    made.map_err(|source| Failure::from(OpenError::Io { path: folder.to_owned(), source }))
}

/// A time, from milliseconds since 1970.
pub(super) fn time(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Tab-separated, for scripts.
fn told(manifest: &Manifest) -> Result<ExitCode, Failure> {
    let mut lines = vec![
        format!("made_at\t{}", time(manifest.made_at)),
        format!("program\t{}", manifest.program),
        format!("schema\t{}", manifest.schema),
        format!("database\t{} bytes", manifest.database_bytes),
        format!("files\t{}\t{} bytes", manifest.files, manifest.file_bytes),
    ];
    if manifest.erased > 0 {
        lines.push(format!("erased\t{} files were erased while the backup was made", manifest.erased));
    }
    lines.extend(manifest.root_keys.iter().map(|key| format!("root_key\t{key}")));
    print(&lines)
}
