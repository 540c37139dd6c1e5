//! The package manager of Windows, `winget.exe`: asked what it knows of a PC's apps, and told to install one.
//!
//! It is run as the signed-in person, with the words of [`Order::winget_words`], without a window and without a question, and for a limited time.
//! Exit codes are those of its page "Return codes" (microsoft/winget-cli, `doc/windows/package-manager/winget/returnCodes.md`). The export is its
//! schema 2.0 (`winget export`, "JSON schema"); it names packages and not the keys they stand under in the registry, so [`Exported::join`] finds
//! those by name and version and leaves alone what fits twice.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::reason::Reason;
use model::snapshot::app_id::{is_desktop_id, is_store_id, is_winget_id};
use model::snapshot::{Again, App, AppKind};
use serde::Deserialize;

use super::{Attempt, Installer, Order};

/// The longest installation that is waited for: the largest apps of the Store take some minutes on a slow line.
pub const INSTALL_SECONDS_MAX: u64 = 15 * 60;

/// The longest wait for an export: it reads local lists, and may fetch its index first.
const EXPORT_SECONDS_MAX: u64 = 90;

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The largest export that is read, in bytes: the fullest PC has some hundred packages of 100 bytes.
const EXPORT_BYTES_MAX: u64 = 4 << 20;

/// The most packages of an export that are taken.
const PACKAGES_MAX: usize = 2_000;

/// `winget.exe` at its place, and how to wait for it.
pub struct Winget {
    /// The program.
    pub program: PathBuf,
    /// Sets a program up so that it opens no window.
    pub quietly: fn(&mut Command),
    /// Waits.
    pub wait: fn(Duration),
    /// Shows a page of the Store.
    pub show: fn(&str) -> Result<(), String>,
    /// The longest installation that is waited for.
    pub limit: Duration,
}

/// Why winget could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum WingetError {
    /// It is not there.
    #[error("winget is not on this PC")]
    Missing,
    /// It could not be run.
    #[error("winget could not be run")]
    Run(#[source] io::Error),
    /// It did not end in time.
    #[error("winget did not end within {EXPORT_SECONDS_MAX} seconds")]
    Slow,
    /// It said no.
    #[error("winget failed with the code {0:#010x}")]
    Code(u32),
    /// What it wrote is no export.
    #[error("winget wrote something else than an export")]
    Malformed,
}

/// What an export says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Packages of winget's own source.
    pub programs: Vec<Package>,
    /// Apps of the Store, by product id.
    pub store: Vec<Package>,
}

/// One package of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its id, which has the shape of one.
    pub id: String,
    /// The installed version, if it is known.
    pub version: Option<String>,
}

impl Winget {
    /// What winget knows of the PC's apps. The export is written to `file` and removed again.
    pub fn export(&self, file: &Path) -> Result<Exported, WingetError> {
        if !self.is_there() {
            return Err(WingetError::Missing);
        }
        let mut command = self.command();
        command.args([
            "export",
            "--include-versions",
            "--accept-source-agreements",
            "--disable-interactivity",
            "--output",
        ]);
        command.arg(file);
        let code = self.run(command, Duration::from_secs(EXPORT_SECONDS_MAX));
        let bytes = read_bounded(file);
        // It is nobody's any more; one that stays is overwritten by the next.
        drop(std::fs::remove_file(file));
        match code? {
            // Packages that no source knows make it end with an error, and the file is there all the same.
            Some(_) if bytes.is_some() => Exported::parse(&bytes.unwrap_or_default()).ok_or(WingetError::Malformed),
            Some(code) => Err(WingetError::Code(code)),
            None => Err(WingetError::Slow),
        }
    }

    /// Looked at before it is run: Windows looks for a program that is not there at many more places. The alias itself is looked at, which is a reparse point that nothing but
    /// running it can go through (Microsoft Learn, "App execution alias").
    fn is_there(&self) -> bool {
        std::fs::symlink_metadata(&self.program).is_ok()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        (self.quietly)(&mut command);
        command
    }

    /// The exit code; `None` if it did not end in time and was ended.
    fn run(&self, mut command: Command, limit: Duration) -> Result<Option<u32>, WingetError> {
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => WingetError::Missing,
            _ => WingetError::Run(error),
        })?;
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = child.try_wait().map_err(WingetError::Run)? {
                return Ok(Some(status.code().unwrap_or(-1).cast_unsigned()));
            }
            if waited >= limit {
                end(&mut child);
                return Ok(None);
            }
            (self.wait)(LOOK);
            waited += LOOK;
        }
    }
}

/// Ends a program. What it has handed to Windows' own services goes on there, and the next try finds it done.
fn end(child: &mut Child) {
    if child.kill().is_ok() {
        drop(child.wait());
    }
}

impl Installer for Winget {
    fn install(&self, order: &Order) -> Attempt {
        let Some(words) = order.winget_words() else { return Attempt::Never(Reason::HandedToStore) };
        let mut command = self.command();
        command.args(words);
        match self.run(command, self.limit) {
            Ok(Some(code)) => meaning(code),
            Ok(None) => Attempt::Later(Reason::InstallSlow),
            Err(WingetError::Missing) => Attempt::Later(Reason::NoInstaller),
            Err(_) => Attempt::Later(Reason::InstallFailed),
        }
    }

    fn open(&self, page: &str) -> Result<(), String> {
        (self.show)(page)
    }
}

/// What an exit code of `winget install` means.
fn meaning(code: u32) -> Attempt {
    match code {
        // Also with a restart to finish.
        0 | 0x8a15_0109 | 0x8a15_010b => Attempt::Installed,
        // No applicable update; a version, another version or a higher one is installed.
        0x8a15_002b | 0x8a15_0061 | 0x8a15_010d | 0x8a15_010e => Attempt::Present,
        // No package, none for this system, or several: the source does not have it for this PC.
        0x8a15_0010 | 0x8a15_0014 | 0x8a15_0016 | 0x8a15_0017 | 0x8a15_0113 => Attempt::Never(Reason::NotAvailable),
        // The Store or the app is blocked, Group Policy, or the installer says so.
        0x8a15_001b | 0x8a15_001c | 0x8a15_003a | 0x8a15_010f => Attempt::Never(Reason::StoreOff),
        // The network, or a download that broke off.
        0x8a15_0008 | 0x8a15_002e | 0x8a15_0107 => Attempt::Later(Reason::InstallNoNetwork),
        _ => Attempt::Later(Reason::InstallFailed),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Source {
    source_details: Details,
    #[serde(default)]
    packages: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    package_identifier: String,
    version: Option<String>,
}

impl Exported {
    /// Reads an export; `None` if it is none. Ids that do not have the shape of one are left out.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let mut exported = Self::default();
        for source in document.sources {
            let (list, is_id): (_, fn(&str) -> bool) = match source.source_details.name.as_str() {
                "winget" => (&mut exported.programs, is_winget_id),
                "msstore" => (&mut exported.store, is_store_id),
                _ => continue,
            };
            let shaped = source.packages.into_iter().filter(|package| is_id(&package.package_identifier));
            let packages = shaped.map(|Named { package_identifier: id, version }| Package { id, version });
            list.extend(packages.take(PACKAGES_MAX));
        }
        Some(exported)
    }

    /// The apps of the registry, with the ids by which winget has them; and the packages that none of them is.
    pub fn join(&self, mut apps: Vec<App>) -> Vec<App> {
        for package in &self.store {
            // Only the version tells which app it is; one that fits twice is none, and a desktop program is none of these apps.
            let same = self.store.iter().filter(|other| other.version == package.version);
            if is_desktop_id(&package.id) || same.count() > 1 {
                continue;
            }
            let fits =
                |app: &App| app.kind == AppKind::Store && app.version.is_some() && app.version == package.version;
            if let Some(app) = only(&mut apps, fits) {
                app.again.store_id.get_or_insert_with(|| package.id.clone());
            }
        }
        for package in &self.programs {
            let packaged = |app: &App| {
                let name = app.id.split_once('_').map(|(name, _)| name);
                app.kind != AppKind::Desktop && name.is_some_and(|name| name.eq_ignore_ascii_case(&package.id))
            };
            let program = |app: &App| app.kind == AppKind::Desktop && is_named(app, package);
            if let Some(app) = only(&mut apps, packaged) {
                app.again.winget_id = Some(package.id.clone());
            } else if let Some(app) = only(&mut apps, program) {
                app.again.winget_id = Some(package.id.clone());
            } else {
                apps.push(App {
                    kind: AppKind::Desktop,
                    id: package.id.clone(),
                    name: None,
                    version: package.version.clone(),
                    publisher: None,
                    again: Again { winget_id: Some(package.id.clone()), ..Again::default() },
                });
            }
        }
        apps
    }
}

/// The one app that fits; `None` if there is none, or several.
fn only(apps: &mut [App], fits: impl Fn(&App) -> bool) -> Option<&mut App> {
    let mut fitting = apps.iter_mut().filter(|app| app.again.winget_id.is_none() && fits(app));
    let found = fitting.next()?;
    fitting.next().is_none().then_some(found)
}

/// Whether a program of the registry is this package: the last piece of the package's id stands in its title, and the version is the same if both
/// know one.
fn is_named(app: &App, package: &Package) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let pieces = package.id.split('.').skip(1).filter(|piece| piece.chars().any(char::is_alphabetic));
    let title = plain(app.name.as_deref().unwrap_or_default());
    let versions = app.version.as_ref().zip(package.version.as_ref());
    let mut pieces = pieces.map(plain).filter(|piece| piece.len() > 1).peekable();
    pieces.peek().is_some() && pieces.all(|piece| title.contains(&piece)) && versions.is_none_or(|(a, b)| a == b)
}

fn read_bounded(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(EXPORT_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= EXPORT_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
#[cfg(unix)]
mod run_tests;

#[cfg(test)]
mod tests {
    use model::snapshot::AppScope;

    use super::*;

    fn program(id: &str, name: &str, version: &str) -> App {
        let again = Again { scope: Some(AppScope::Machine), ..Again::default() };
        let (name, version) = (Some(name.to_owned()), Some(version.to_owned()));
        App { kind: AppKind::Desktop, id: id.to_owned(), name, version, publisher: None, again }
    }

    fn store(id: &str, version: &str) -> App {
        App { kind: AppKind::Store, again: Again::default(), name: None, ..program(id, "", version) }
    }

    const EXPORT: &str = r#"{"$schema":"https://aka.ms/winget-packages.schema.2.0.json","CreationDate":"2026-01-01T00:00:00.000-00:00",
        "Sources":[{"Packages":[{"PackageIdentifier":"Mozilla.Firefox","Version":"131.0"},{"PackageIdentifier":"7zip.7zip"},
        {"PackageIdentifier":"Contoso.Tool","Version":"2.0"},{"PackageIdentifier":"--override x"},
        {"PackageIdentifier":"Microsoft.WindowsTerminal","Version":"1.21"}],
        "SourceDetails":{"Argument":"https://cdn.winget.microsoft.com/cache","Identifier":"Microsoft.Winget.Source_8wekyb3d8bbwe","Name":"winget","Type":"Microsoft.PreIndexed.Package"}},
        {"Packages":[{"PackageIdentifier":"9NBLGGH5R558","Version":"2.148.0.0"},{"PackageIdentifier":"9NCBCSZSJRSB","Version":"1.0.0.0"},
        {"PackageIdentifier":"XP8BT8DW290MPQ","Version":"3.1.0.0"},{"PackageIdentifier":"9N0000000001","Version":"4.0.0.0"},{"PackageIdentifier":"9N0000000002","Version":"4.0.0.0"}],
        "SourceDetails":{"Argument":"https://storeedgefd.dsx.mp.microsoft.com/v9.0","Identifier":"StoreEdgeFD","Name":"msstore","Type":"Microsoft.Rest"}},
        {"Packages":[{"PackageIdentifier":"Evil.Thing"}],"SourceDetails":{"Name":"else","Argument":"","Identifier":"","Type":""}}],
        "WinGetVersion":"1.9.25180"}"#;

    #[test]
    fn an_export_gives_ids_to_the_apps_of_the_registry() {
        let exported = Exported::parse(EXPORT.as_bytes()).unwrap();
        assert_eq!((exported.programs.len(), exported.store.len()), (4, 5), "what is no id is not there");
        let apps = vec![
            program("Mozilla Firefox 131.0 (x64 en-US)", "Mozilla Firefox (x64 en-US)", "131.0"),
            program("7-Zip", "7-Zip 24.08 (x64)", "24.08"),
            program("{A}", "Contoso Tool", "2.0"),
            program("{B}", "Contoso Tool Pro", "2.0"),
            store("Contoso.Lists_mcm4njqhnhss8", "2.148.0.0"),
            store("Contoso.One_mcm4njqhnhss8", "1.0.0.0"),
            store("Contoso.Two_mcm4njqhnhss8", "1.0.0.0"),
            // Has the version of a desktop program that the Store brought, and nothing to do with it.
            store("Contoso.Three_mcm4njqhnhss8", "3.1.0.0"),
            store("Contoso.Four_mcm4njqhnhss8", "4.0.0.0"),
            store("Microsoft.WindowsTerminal_8wekyb3d8bbwe", "1.21"),
        ];
        let joined = exported.join(apps);
        let ids: Vec<_> =
            joined.iter().map(|app| (app.again.winget_id.as_deref(), app.again.store_id.as_deref())).collect();
        assert_eq!(
            ids,
            [
                (Some("Mozilla.Firefox"), None),
                (Some("7zip.7zip"), None),
                (None, None),
                (None, None),
                (None, Some("9NBLGGH5R558")),
                (None, None),
                (None, None),
                (None, None),
                (None, None),
                (Some("Microsoft.WindowsTerminal"), None),
                (Some("Contoso.Tool"), None),
            ],
            "what fits twice is left alone, and listed by itself"
        );
    }

    #[test]
    fn what_is_no_export_is_refused() {
        for bytes in [&b""[..], b"{", b"{\"Sources\":7}", b"{\"Sources\":[{\"Packages\":[]}]}"] {
            assert_eq!(Exported::parse(bytes), None);
        }
        assert_eq!(Exported::parse(b"{}"), Some(Exported::default()));
    }

    #[test]
    fn codes_are_told_apart() {
        assert_eq!(meaning(0), Attempt::Installed);
        assert_eq!(meaning(0x8a15_0061), Attempt::Present);
        assert_eq!(meaning(0x8a15_0014), Attempt::Never(Reason::NotAvailable));
        assert_eq!(meaning(0x8a15_001b), Attempt::Never(Reason::StoreOff));
        assert_eq!(meaning(0x8a15_0107), Attempt::Later(Reason::InstallNoNetwork));
        assert_eq!(meaning(1), Attempt::Later(Reason::InstallFailed));
        assert_eq!(meaning(u32::MAX), Attempt::Later(Reason::InstallFailed));
    }
}
