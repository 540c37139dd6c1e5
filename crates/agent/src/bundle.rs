//! What `export` and `import` share of bundles: how the key is named, read and written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use device::bundle::{Bundle, BundleError};
use device::state::{State, StateError};
use model::ids::{TenantId, UserId};
use model::reason::Reason;
use seal::bundle::{BundleKey, KEY_FILE_BYTES_MAX, KeyFile};

use crate::failure::Failure;
use crate::file;

/// The longest line of stdin that is read as a passphrase.
const PASSPHRASE_BYTES_MAX: u64 = 1024;

/// What locks or unlocks a bundle.
#[derive(Clone, Debug, Default, Args)]
pub struct KeyArgs {
    /// The key file of a bundle; made by `export`, needed by `import`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase", "passphrase_stdin"])]
    pub key: Option<PathBuf>,
    /// Ask for a passphrase instead of using a key file
    #[arg(long, conflicts_with = "passphrase_stdin")]
    pub passphrase: bool,
    /// Read the passphrase from the first line of stdin
    #[arg(long)]
    pub passphrase_stdin: bool,
}

/// A key that was read.
pub enum Given {
    File(KeyFile),
    Passphrase(String),
}

impl Given {
    fn as_key(&self) -> BundleKey<'_> {
        match self {
            Self::File(file) => BundleKey::File(file),
            Self::Passphrase(text) => BundleKey::Passphrase(text),
        }
    }
}

impl KeyArgs {
    /// Whether none was named.
    pub fn is_none(&self) -> bool {
        self.key.is_none() && !self.passphrase && !self.passphrase_stdin
    }

    /// The key that opens a bundle.
    pub fn read(&self) -> Result<Given, Failure> {
        let Some(path) = &self.key else { return self.ask(false).map(Given::Passphrase) };
        let text = file::read_text(path, KEY_FILE_BYTES_MAX).map_err(|failure| match failure.reason() {
            // Too long, or not text: no key file in any case.
            Some(Reason::FileTooBig | Reason::InputFailed) => {
                Failure::new(Reason::NotAKeyFile, format!("`{}` is not a key file", path.display()))
            }
            _ => failure,
        })?;
        let key = KeyFile::parse(&text).map_err(|error| Failure::of(&error, error.reason()))?;
        Ok(Given::File(key))
    }

    /// The passphrase; a new one is asked for twice.
    pub fn ask(&self, is_new: bool) -> Result<String, Failure> {
        if self.passphrase_stdin {
            return first_line();
        }
        if !self.passphrase {
            return Err(Failure::new(Reason::Usage, "a bundle needs a key")
                .hint("name the key file with `--key FILE`, or use `--passphrase`"));
        }
        let ask = |text| {
            rpassword::prompt_password(text).map_err(|error| {
                Failure::of(&error, Reason::Usage)
                    .hint("there is no terminal to ask on: hand it over with `--passphrase-stdin`")
            })
        };
        let first = ask("Passphrase of the bundle: ")?;
        if is_new && ask("The same again: ")? != first {
            return Err(Failure::new(Reason::Usage, "the two passphrases differ"));
        }
        Ok(first)
    }
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().take(PASSPHRASE_BYTES_MAX + 2).read_line(&mut line);
    read.map_err(|error| Failure::of(&error, Reason::Usage))?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(Reason::Usage, "there is no passphrase on stdin"));
    }
    Ok(text.to_owned())
}

/// Opens a bundle that a person named. On a PC that is connected it must be that person's.
pub fn open(path: &Path, key: &KeyArgs, state: &State) -> Result<Bundle, Failure> {
    let given = key.read()?;
    let account = account(state)?;
    let failed =
        |error: io::Error| Failure::new(file::reading(&error), format!("could not read `{}`: {error}", path.display()));
    if path.is_dir() {
        return Err(Failure::new(Reason::IsADirectory, format!("`{}` is a folder", path.display())));
    }
    let source = BufReader::new(File::open(path).map_err(failed)?);
    Bundle::open(source, &given.as_key(), account).map_err(Failure::from)
}

/// Who this PC is connected as, if it is.
fn account(state: &State) -> Result<Option<(TenantId, UserId)>, Failure> {
    match state.enrolment() {
        Ok(enrolment) => Ok(Some((enrolment.tenant, enrolment.user))),
        Err(StateError::NotEnrolled) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a key file that only its owner may read. One that is there is never overwritten: it may be the only key of another bundle.
pub fn write_key(path: &Path, key: &KeyFile) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => already_there(path),
        _ => Failure::new(file::writing(&error), format!("could not write `{}`: {error}", path.display())),
    };
    let mut file = tempfile::NamedTempFile::new_in(file::folder_of(path)).map_err(failed)?;
    file.write_all(key.to_text().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist_noclobber(path).map(drop).map_err(|error| failed(error.error))
}

/// Says that a file is in the way.
pub fn already_there(path: &Path) -> Failure {
    Failure::new(Reason::AlreadyThere, format!("`{}` is there already", path.display()))
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Server(error) => error.into(),
            BundleError::File(error) => Self::of(&error, error.reason()).hint(hint(error.reason())),
            error => Self::of(&error, error.reason()).hint(hint(error.reason())),
        }
    }
}

/// What to do about a bundle; the reasons' own words speak of backups on a server.
fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongKey => "use the key file or passphrase that belongs to this bundle",
        Reason::IntegrityFailed => {
            "copy the bundle again from where it was made, or make a new one with `rehome export --as bundle`"
        }
        Reason::Truncated => "the copy is not whole: copy the bundle again from where it was made",
        Reason::WrongAccount => {
            "use a bundle of the account that this PC is connected as, or a PC that is not connected"
        }
        _ => reason.next(),
    }
}
