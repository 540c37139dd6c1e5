//! Where settings come from: command line, then environment, then file, then built in; and for each of them, which it was.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use serde::Deserialize;

use crate::app::{Database, Settings};
use crate::gates::Bounds;
use crate::login::site::Site;
use crate::proxy::{self, Proxies, Said};
use crate::self_signed;

/// Where the server listens unless told otherwise: this machine only.
pub const LISTEN: &str = "127.0.0.1:8640";

/// The configuration file that is read if none is named and this one is there: what the packages install (`packaging/linux`).
pub const FILE: &str = "/etc/rehome/server.toml";

/// The longest time that a server goes on answering after it has said that it is leaving, in seconds: longer than any load balancer's checks are apart.
const DRAIN_DELAY_MAX: u64 = 600;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not right; the text names the line.
    #[error("{path}: {source}", path = .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// A certificate without a key, or the other way round.
    #[error("tls_cert and tls_key belong together; only one is given")]
    HalfTls,
    /// A certificate of the server's own and another one.
    #[error("tls = \"self-signed\" and tls_cert exclude each other")]
    TwoTls,
    /// The address for browsers is none.
    #[error("public_url: `{0}` is not the address of a server, such as https://rehome.example.com")]
    PublicUrl(String),
    /// A trusted proxy is none.
    #[error("trusted_proxy: `{0}` is neither an address nor a network, such as 10.0.0.0/8 or fd00::/8")]
    TrustedProxy(String),
    /// The address of a collector is none.
    #[error("otlp_endpoint: `{0}` is not the address of a collector, such as http://127.0.0.1:4318")]
    Otlp(String),
    /// Longer than anything waits.
    #[error("drain_delay: {0} seconds are more than {DRAIN_DELAY_MAX}")]
    DrainDelay(u64),
    /// There is no home folder to put the defaults in.
    #[error("there is no home folder; give --data-dir and --root-key")]
    NoHome,
}

/// The settings that a file or the command line may give.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Folder of all data
    #[arg(long, global = true, env = "REHOME_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Database: a file, or that of a PostgreSQL server, which several servers may share:
    /// `postgres://USER@HOST[:PORT]/NAME[?sslmode=MODE&sslrootcert=FILE&password-file=FILE]` [default: `rehome.db` in the data folder]
    #[arg(long, global = true, env = "REHOME_DATABASE", value_name = "FILE|ADDRESS", hide_env_values = true)]
    pub database: Option<PathBuf>,
    /// Where files that are too big for the database are kept: a folder, or the bucket of an object store,
    /// `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&credentials-file=FILE&ca-file=FILE&timeout=SECONDS]` [default: `blobs` in the data folder]
    #[arg(long, global = true, env = "REHOME_BLOBS", value_name = "FOLDER|ADDRESS")]
    pub blobs: Option<String>,
    /// Keep a journal of the database where files are kept, so that files and root key alone bring a destroyed database back (`rehome-server rebuild`): each
    /// backup is written twice. For servers whose files lie elsewhere than their database [default: false]
    #[arg(
        long,
        global = true,
        env = "REHOME_JOURNAL",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub journal: Option<bool>,
    /// Root key: a file outside the data folder (made at the first start), `pkcs11:...` or `https://...` of a key service
    #[arg(long, global = true, env = "REHOME_ROOT_KEY", value_name = "FILE|ADDRESS")]
    pub root_key: Option<PathBuf>,
    /// Root key before, while keys move from one place to another
    #[arg(long, global = true, env = "REHOME_ROOT_KEY_OLD", value_name = "FILE|ADDRESS")]
    pub root_key_old: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8640]
    #[arg(long, global = true, env = "REHOME_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Encrypt with a certificate that the server makes and keeps itself, for trials; PCs trust it by its fingerprint
    #[arg(long, global = true, env = "REHOME_TLS", value_name = "KIND")]
    pub tls: Option<OwnTls>,
    /// Certificate chain for TLS, PEM
    #[arg(long, global = true, env = "REHOME_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key for TLS, PEM
    #[arg(long, global = true, env = "REHOME_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Address at which browsers reach the server, if a proxy stands before it, such as `https://rehome.example.com`
    #[arg(long, global = true, env = "REHOME_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    /// How much is let in.
    pub bounds: GivenBounds,
    /// Name by which devices know this server, with its port unless that is 443; may be given several times. Requests signed for
    /// another are refused [default: every name is taken]
    #[arg(long = "host", global = true, env = "REHOME_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub hosts: Option<Vec<String>>,
    /// Address or network of a proxy before the server; may be given several times. Only what comes from there is believed when it says
    /// for whom it asks [default: none]
    #[arg(
        long = "trusted-proxy",
        global = true,
        env = "REHOME_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<String>>,
    /// The headers in which the trusted proxies say it; the others are not looked at [default: x-forwarded]
    #[arg(long, global = true, env = "REHOME_PROXY_HEADER", value_name = "KIND")]
    pub proxy_header: Option<Said>,
    /// List of passwords that nobody may choose: one a line, or sorted SHA-1 hashes as Have I Been Pwned has them
    #[arg(long, global = true, env = "REHOME_PASSWORDS_REFUSED", value_name = "FILE")]
    pub passwords_refused: Option<PathBuf>,
    /// Address to tell metrics and health on, without TLS and to whoever asks; for the loopback address or a network of your own [default: none]
    #[arg(long, global = true, env = "REHOME_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Seconds between saying that the server is leaving (`/readyz` answers 503) and taking no more requests: as long as load balancers take
    /// to see it [default: 0]
    #[arg(long, global = true, env = "REHOME_DRAIN_DELAY", value_name = "SECONDS")]
    pub drain_delay: Option<u64>,
    /// How logs are written [default: text on a terminal, json otherwise]
    #[arg(long, global = true, env = "REHOME_LOG_FORMAT", value_name = "KIND")]
    pub log_format: Option<LogFormat>,
    /// Address of a collector of traces (OpenTelemetry, OTLP over HTTP), such as `http://127.0.0.1:4318` [default: none]
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Where these come from.
    #[arg(skip)]
    #[serde(skip)]
    pub origins: Origins,
}

/// Where the settings of one source come from.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    by_name: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Origins {
    /// What clap knows of it: flag or variable, for each setting that was given.
    pub fn of_line(command: &clap::Command, matches: &clap::ArgMatches) -> Self {
        use clap::parser::ValueSource as S;
        let mut by_name = BTreeMap::new();
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            // Asking for the source of what is no argument of this level panics; all settings are.
            let origin = match matches.value_source(name) {
                Some(S::CommandLine) => argument.get_long().map(|long| format!("flag --{long}")),
                Some(S::EnvVariable) => {
                    argument.get_env().map(|variable| format!("environment {}", variable.to_string_lossy()))
                }
                _ => None,
            };
            by_name.extend(origin.map(|origin| (name.to_owned(), origin)));
        }
        Self { by_name, file: None }
    }

    fn of(&self, name: &str) -> String {
        match (&self.file, self.by_name.get(name)) {
            (Some(path), _) => format!("file {}", path.display()),
            (None, Some(origin)) => origin.clone(),
            (None, None) => "command line".to_owned(),
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How much is let in, as far as a file or the command line says so; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, clap::Args)]
pub struct GivenBounds {
    /// Requests a minute and device; 0 for no limit [default: 60]
    #[arg(long, global = true, env = "REHOME_REQUESTS_PER_MINUTE", value_name = "COUNT")]
    pub requests_per_minute: Option<u32>,
    /// Enrolments and sign-ins a minute and address; 0 for no limit [default: 10]
    #[arg(long, global = true, env = "REHOME_ENROLMENTS_PER_MINUTE", value_name = "COUNT")]
    pub enrolments_per_minute: Option<u32>,
    /// Enrolments a minute and organisation; 0 for no limit [default: 100]
    #[arg(long, global = true, env = "REHOME_TENANT_ENROLMENTS_PER_MINUTE", value_name = "COUNT")]
    pub tenant_enrolments_per_minute: Option<u32>,
    /// Requests a minute and administrator or service account; 0 for no limit [default: 600]
    #[arg(long, global = true, env = "REHOME_ADMIN_REQUESTS_PER_MINUTE", value_name = "COUNT")]
    pub admin_requests_per_minute: Option<u32>,
    /// New backups a day and device; 0 for no limit [default: 12]
    #[arg(long, global = true, env = "REHOME_BACKUPS_PER_DAY", value_name = "COUNT")]
    pub backups_per_day: Option<u32>,
    /// Restores an hour and person; 0 for no limit [default: 20]
    #[arg(long, global = true, env = "REHOME_RESTORES_PER_HOUR", value_name = "COUNT")]
    pub restores_per_hour: Option<u32>,
    /// Bytes that one PC's profile may have before its further files are refused; 0 for no limit [default: 1 GiB]
    #[arg(long, global = true, env = "REHOME_PROFILE_BYTES_MAX", value_name = "BYTES")]
    pub profile_bytes_max: Option<u64>,
    /// Bytes that an organisation may have before its further backups are refused; 0 for no limit [default: 0]
    #[arg(long, global = true, env = "REHOME_TENANT_BYTES_MAX", value_name = "BYTES")]
    pub tenant_bytes_max: Option<u64>,
}

/// What kind of certificate the server makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OwnTls {
    /// One that nobody vouches for.
    SelfSigned,
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the application needs.
    pub settings: Settings,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether these are the server's own, to be made if they are not there.
    pub self_signed: bool,
    /// Where metrics are told.
    pub metrics: Option<SocketAddr>,
    /// Seconds between saying that it leaves and leaving.
    pub drain_delay: u64,
    /// How logs are written; none: as fits where they go.
    pub log_format: Option<LogFormat>,
    /// Each setting and where its value comes from, for `config show`.
    pub shown: Vec<Shown>,
}

/// A setting as `config show` prints it. Nothing here is secret: where an address can hold a password, it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name in the file.
    pub name: &'static str,
    /// Its value as TOML; none: it has none.
    pub value: Option<String>,
    /// Where that comes from.
    pub origin: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}", self.name),
            None => write!(f, "# {} is not set", self.name),
        }
    }
}

/// Reads a configuration file. Unknown keys are errors: a mistyped one must not be silently without effect.
pub fn read(path: &Path) -> Result<Given, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
    let read = toml::from_str(&text);
    let mut given: Given =
        read.map_err(|source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    given.origins.file = Some(path.to_owned());
    Ok(given)
}

/// Puts command line and environment (`line`) over the file over what is built in.
pub fn resolve(line: Given, file: Given) -> Result<Config, ConfigError> {
    let mut shown = Vec::new();
    let mut pick = Picker { shown: &mut shown, line: line.origins, file: file.origins };
    let data_dir = pick.path("data_dir", line.data_dir, file.data_dir, |home| home.data_dir())?;
    let (line_database, file_database) = (line.database.map(Database::from), file.database.map(Database::from));
    let database = pick.value("database", line_database, file_database, Database::within(&data_dir));
    let blobs = pick.value("blobs", line.blobs, file.blobs, data_dir.join("blobs").display().to_string());
    let journal = pick.value("journal", line.journal, file.journal, false);
    let root_key = pick.path("root_key", line.root_key, file.root_key, |home| home.config_dir().join("root.key"))?;
    let root_key_old = pick.maybe("root_key_old", line.root_key_old, file.root_key_old);
    let listen = pick.value("listen", line.listen, file.listen, LISTEN.parse().expect("a constant address"));
    let bounds = pick.bounds(line.bounds, file.bounds);
    let own = pick.maybe("tls", line.tls, file.tls);
    let tls_cert = pick.maybe("tls_cert", line.tls_cert, file.tls_cert);
    let tls = match (tls_cert, pick.maybe("tls_key", line.tls_key, file.tls_key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(ConfigError::HalfTls),
    };
    let self_signed = own.is_some();
    let tls = match tls {
        Some(_) if self_signed => return Err(ConfigError::TwoTls),
        None if self_signed => Some(self_signed::paths(&data_dir)),
        tls => tls,
    };
    let public_url = pick.maybe("public_url", line.public_url, file.public_url);
    let public_url = public_url.map(|url| check_public(&url)).transpose()?;
    let proxies = proxies(
        pick.maybe("trusted_proxies", line.trusted_proxies, file.trusted_proxies).unwrap_or_default(),
        pick.maybe("proxy_header", line.proxy_header, file.proxy_header).unwrap_or_default(),
    )?;
    let site = Site { public_url, tls: tls.is_some(), proxies };
    let passwords_refused = pick.maybe("passwords_refused", line.passwords_refused, file.passwords_refused);
    let hosts = pick.maybe("hosts", line.hosts, file.hosts).unwrap_or_default();
    let metrics = pick.maybe("metrics_listen", line.metrics_listen, file.metrics_listen);
    let drain_delay = pick.value("drain_delay", line.drain_delay, file.drain_delay, 0);
    if drain_delay > DRAIN_DELAY_MAX {
        return Err(ConfigError::DrainDelay(drain_delay));
    }
    let log_format = pick.maybe("log_format", line.log_format, file.log_format);
    let otlp = pick.maybe("otlp_endpoint", line.otlp_endpoint, file.otlp_endpoint);
    let otlp = otlp.map(|url| check_collector(&url)).transpose()?;
    let settings = Settings {
        data_dir,
        database,
        blobs,
        journal,
        root_key,
        root_key_old,
        bounds,
        hosts,
        site,
        passwords_refused,
        otlp,
    };
    Ok(Config { settings, listen, tls, self_signed, metrics, drain_delay, log_format, shown })
}

/// The address of a collector, without a final slash. It may have a path; a name and a password in it would be shown, so they are refused.
fn check_collector(url: &str) -> Result<String, ConfigError> {
    let wrong = || ConfigError::Otlp(url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned());
    let uri: axum::http::Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if known && !url.contains(['@', '?', '#']) { Ok(url.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn proxies(networks: Vec<String>, said: Said) -> Result<Proxies, ConfigError> {
    let networks = networks.into_iter().map(|text| proxy::network(&text).ok_or(ConfigError::TrustedProxy(text)));
    Ok(Proxies::new(networks.collect::<Result<_, _>>()?, said))
}

/// The address without a final slash; a scheme and a host and nothing else.
fn check_public(url: &str) -> Result<String, ConfigError> {
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    if rest.is_some_and(host) { Ok(url.to_owned()) } else { Err(ConfigError::PublicUrl(url.to_owned())) }
}

struct Picker<'a> {
    shown: &'a mut Vec<Shown>,
    line: Origins,
    file: Origins,
}

impl Picker<'_> {
    fn bounds(&mut self, line: GivenBounds, file: GivenBounds) -> Bounds {
        let built_in = Bounds::default();
        macro_rules! pick {
            ($($name:ident)*) => {
                Bounds { $($name: self.value(stringify!($name), line.$name, file.$name, built_in.$name)),* }
            };
        }
        pick!(requests_per_minute enrolments_per_minute tenant_enrolments_per_minute admin_requests_per_minute
              backups_per_day restores_per_hour profile_bytes_max tenant_bytes_max)
    }

    /// The value that counts, and where it is from.
    fn of<T>(&self, name: &str, line: Option<T>, file: Option<T>) -> (Option<T>, String) {
        match (line, file) {
            (Some(value), _) => (Some(value), self.line.of(name)),
            (None, Some(value)) => (Some(value), self.file.of(name)),
            (None, None) => (None, "default".to_owned()),
        }
    }

    fn value<T: Show>(&mut self, name: &'static str, line: Option<T>, file: Option<T>, built_in: T) -> T {
        let (value, origin) = self.of(name, line, file);
        let value = value.unwrap_or(built_in);
        self.shown.push(Shown { name, value: Some(value.show()), origin });
        value
    }

    fn maybe<T: Show>(&mut self, name: &'static str, line: Option<T>, file: Option<T>) -> Option<T> {
        let (value, origin) = self.of(name, line, file);
        self.shown.push(Shown { name, value: value.as_ref().map(Show::show), origin });
        value
    }

    fn path(
        &mut self,
        name: &'static str,
        line: Option<PathBuf>,
        file: Option<PathBuf>,
        built_in: impl Fn(&dyn Home) -> PathBuf,
    ) -> Result<PathBuf, ConfigError> {
        if line.is_some() || file.is_some() {
            return Ok(self.value(name, line, file, PathBuf::new()));
        }
        let names = AppStrategyArgs {
            top_level_domain: "org".to_owned(),
            author: "rehome".to_owned(),
            app_name: "rehome-server".to_owned(),
        };
        let home = choose_app_strategy(names).map_err(|_| ConfigError::NoHome)?;
        Ok(self.value(name, None, None, built_in(&home)))
    }
}

/// A value as TOML has it.
trait Show {
    fn show(&self) -> String;
}

macro_rules! show {
    ($($kind:ty, $value:ident => $text:expr;)*) => {
        $(impl Show for $kind {
            fn show(&self) -> String {
                let $value = self;
                $text
            }
        })*
    };
}

show! {
    bool, is_on => is_on.to_string();
    u32, number => number.to_string();
    u64, number => number.to_string();
    String, text => quoted(text);
    PathBuf, path => quoted(&path.display().to_string());
    Database, place => quoted(&place.to_string());
    SocketAddr, address => quoted(&address.to_string());
    Vec<String>, texts => format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "));
    OwnTls, kind => word(kind);
    Said, kind => word(kind);
    LogFormat, kind => word(kind);
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn word(kind: &impl clap::ValueEnum) -> String {
    quoted(kind.to_possible_value().expect("each kind has a word").get_name())
}

/// The two folders of a home that matter here.
trait Home {
    fn data_dir(&self) -> PathBuf;
    fn config_dir(&self) -> PathBuf;
}

impl<S: AppStrategy> Home for S {
    fn data_dir(&self) -> PathBuf {
        AppStrategy::data_dir(self)
    }

    fn config_dir(&self) -> PathBuf {
        AppStrategy::config_dir(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Given, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_command_line_goes_over_the_file_over_what_is_built_in() {
        let file = file("data_dir = '/f'\nroot_key = '/k'\nlisten = '127.0.0.1:1'\n").unwrap();
        let line = Given { data_dir: Some("/l".into()), ..Given::default() };
        let config = resolve(line, file).unwrap();
        assert_eq!(config.settings.data_dir, Path::new("/l"));
        assert_eq!(config.settings.root_key, Path::new("/k"));
        assert_eq!(config.listen, "127.0.0.1:1".parse().unwrap());
        assert_eq!(config.settings.bounds, Bounds::default());
        let shown = config.shown[0].clone();
        assert_eq!((shown.to_string(), shown.origin), ("data_dir = \"/l\"".to_owned(), "command line".to_owned()));
    }

    #[test]
    fn a_database_is_shown_without_its_password() {
        let shown = |place: &str| {
            let line = Given { database: Some(place.into()), ..file("data_dir = '/l'\nroot_key = '/k'").unwrap() };
            let config = resolve(line, Given::default()).unwrap();
            let debug = format!("{:?}", config.settings);
            assert!(!debug.contains("secret"), "{debug}");
            config.shown.into_iter().find(|shown| shown.name == "database").unwrap().value.unwrap()
        };
        assert_eq!(shown("/l/rehome.db"), "\"/l/rehome.db\"");
        assert_eq!(shown("sqlite:///l/a@b?c.db"), "\"sqlite:///l/a@b?c.db\"");
        let whole = "postgres://ada:secret@db:5432/rehome?password=secret&sslmode=require";
        assert_eq!(shown(whole), "\"postgres://db:5432/rehome\"");
        assert_eq!(shown("postgres://ada:sec@ret:secret@db/rehome"), "\"postgres://db/rehome\"");
    }

    #[test]
    fn the_address_for_browsers_is_a_server_and_nothing_more() {
        let resolved = |url: &str| {
            let line = Given {
                data_dir: Some("/l".into()),
                root_key: Some("/k".into()),
                public_url: Some(url.to_owned()),
                ..Given::default()
            };
            resolve(line, Given::default()).map(|config| config.settings.site.public_url.unwrap())
        };
        assert_eq!(resolved("https://rehome.example.com/").unwrap(), "https://rehome.example.com");
        for wrong in ["rehome.example.com", "https://", "https://a/b", "https://a@b", "ftp://a"] {
            assert!(resolved(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = file("data-dir = '/f'\n").unwrap_err().to_string();
        assert!(error.contains("data-dir"), "{error}");
    }

    #[test]
    fn a_trusted_proxy_is_an_address_or_a_network() {
        let with =
            |text: &str| resolve(file(&format!("data_dir = '/f'\nroot_key = '/k'\n{text}")).unwrap(), Given::default());
        assert!(with("trusted_proxies = ['10.0.0.0/8', '::1']\nproxy_header = 'forwarded'").is_ok());
        let error = with("trusted_proxies = ['10.0.0.0/8', 'proxy.example']").unwrap_err().to_string();
        assert!(error.contains("`proxy.example`"), "{error}");
        assert!(file("proxy_header = 'x-real-ip'").is_err());
    }

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same() {
        let text = "data_dir = '/f'\nroot_key = '/k'\nhosts = ['a', 'b']\ntrusted_proxies = ['10.0.0.0/8']\nlog_format = 'json'\n\
                    drain_delay = 5\nmetrics_listen = '127.0.0.1:9464'\notlp_endpoint = 'http://c:4318/'\n";
        let of = |text: &str| {
            let shown = resolve(Given::default(), file(text).unwrap()).unwrap().shown;
            shown.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let shown = of(text);
        assert!(shown.contains("drain_delay = 5\n") && shown.contains("# tls_cert is not set"), "{shown}");
        assert_eq!(of(&shown), shown);
    }

    #[test]
    fn a_collector_is_an_address_without_secrets() {
        let with = |url: &str| {
            let text = format!("data_dir = '/f'\nroot_key = '/k'\notlp_endpoint = '{url}'");
            resolve(file(&text).unwrap(), Given::default()).map(|config| config.settings.otlp.unwrap())
        };
        assert_eq!(with("https://c.example/otlp/").unwrap(), "https://c.example/otlp");
        for wrong in ["c.example:4318", "ftp://c", "http://ada:secret@c", "http://c?token=secret"] {
            let error = with(wrong).unwrap_err().to_string();
            assert!(!error.contains("ada:"), "{error}");
        }
    }

    #[test]
    fn half_of_a_tls_pair_is_refused() {
        let line = Given { tls_cert: Some("/c".into()), ..file("data_dir = '/f'\nroot_key = '/k'").unwrap() };
        assert!(matches!(resolve(line.clone(), Given::default()), Err(ConfigError::HalfTls)));
        let both = Given { tls_key: Some("/k".into()), ..line };
        assert!(matches!(resolve(both, file("tls = 'self-signed'").unwrap()), Err(ConfigError::TwoTls)));
        assert!(file("tls = 'files'").is_err());
    }
}
