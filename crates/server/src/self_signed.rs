//! A certificate of the server's own, for trials: made once, kept in the data folder, and trusted by PCs through its fingerprint (`rehome enroll --pin`).
//!
//! No authority vouches for it, so browsers warn. The fingerprint is that of the public key: a certificate that is made again with the same key, for another name or
//! because its file was deleted, leaves PCs as they are. Deleting the key makes every PC stop until it is told the new fingerprint.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use model::world::Moment;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};

use crate::config::Config;

/// The folder below the data folder.
const FOLDER: &str = "tls";

/// How long the certificate is good for, in days. Browsers warn of it anyway and PCs do not look; a date has to stand there.
const DAYS: i64 = 3_650;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The longest key or certificate file that is read back.
const PEM_BYTES_MAX: u64 = 64 * 1024;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// A file or folder.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key that is there is none, or a name cannot stand in a certificate.
    #[error("{path}: {source}", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rcgen::Error,
    },
}

/// Where certificate and key are.
pub fn paths(data: &Path) -> (PathBuf, PathBuf) {
    let folder = data.join(FOLDER);
    (folder.join("self-signed.pem"), folder.join("self-signed.key"))
}

/// Certificate and key, made if they are not there. The key lies beside the data, readable by the server's own account only: it opens no backup.
pub fn prepare(config: &Config, now: Moment) -> Result<(PathBuf, PathBuf), SelfSignedError> {
    let (certificate, key) = paths(&config.settings.data_dir);
    if certificate.is_file() && key.is_file() {
        return Ok((certificate, key));
    }
    let folder = certificate.parent().expect("the path has a folder");
    make_private(folder).map_err(|source| SelfSignedError::Io { path: folder.to_owned(), source })?;
    let pair = key_pair(&key)?;
    let refused = |source| SelfSignedError::Certificate { path: certificate.clone(), source };
    let made = parameters(config, now).and_then(|parameters| parameters.self_signed(&pair)).map_err(refused)?;
    put(&certificate, &made.pem())?;
    Ok((certificate, key))
}

/// The key that is there, or a new one.
fn key_pair(path: &Path) -> Result<KeyPair, SelfSignedError> {
    let refused = |source| SelfSignedError::Certificate { path: path.to_owned(), source };
    match read(path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let pair = KeyPair::generate().map_err(refused)?;
            put(path, &pair.serialize_pem())?;
            Ok(pair)
        }
        Err(source) => Err(SelfSignedError::Io { path: path.to_owned(), source }),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    io::Read::read_to_string(&mut io::Read::take(fs::File::open(path)?, PEM_BYTES_MAX), &mut text)?;
    Ok(text)
}

fn parameters(config: &Config, now: Moment) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.subject_alt_names = names(config).into_iter().map(of_name).collect::<Result<_, _>>()?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Rehome, self-signed");
    parameters.distinguished_name = subject;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day earlier: clocks differ, and dates have no hours here.
    let (from, until) = (day(now.0.saturating_sub(DAY_MILLIS)), day(now.0.saturating_add(DAYS * DAY_MILLIS)));
    parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    Ok(parameters)
}

/// By what names and addresses the server is reached, as far as it knows.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let address = config.listen.ip();
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    let public = config.settings.site.public_url.iter().filter_map(|url| url.split_once("://"));
    names.extend(public.map(|(_, host)| host_of(host).to_owned()));
    names.extend(config.settings.hosts.iter().map(|host| host_of(host).to_owned()));
    names.extend(read(Path::new("/proc/sys/kernel/hostname")).ok().map(|name| name.trim().to_owned()));
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

/// The host without its port.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn of_name(name: String) -> Result<SanType, rcgen::Error> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.try_into()?)),
    }
}

/// Year, month and day. Years that X.509 does not know become the last that it does.
fn day(millis: i64) -> (i32, u8, u8) {
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let day = jiff::tz::TimeZone::UTC.to_datetime(moment).date();
    let part = |value: i8| u8::try_from(value).expect("months and days are above zero");
    (i32::from(day.year().clamp(1950, 9_999)), part(day.month()), part(day.day()))
}

fn put(path: &Path, text: &str) -> Result<(), SelfSignedError> {
    let write = || {
        let folder = path.parent().expect("the path has a folder");
        // Readable by its owner only from the first moment on, and there as a whole or not at all.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|source| SelfSignedError::Io { path: path.to_owned(), source })
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Given, resolve};
    use crate::listen::fingerprint;

    fn config(data: &Path, host: &str) -> Config {
        let line = Given {
            data_dir: Some(data.to_owned()),
            root_key: Some("/k".into()),
            hosts: Some(vec![host.to_owned()]),
            ..Given::default()
        };
        resolve(line, Given::default()).unwrap()
    }

    #[test]
    fn the_fingerprint_stays_as_long_as_the_key_does() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (certificate, key) = prepare(&config(&data, "rehome.test:8640"), Moment(0)).unwrap();
        let (first, pem) = (fingerprint(&certificate).unwrap(), fs::read(&certificate).unwrap());
        assert!(first.starts_with("sha256:") && first.len() == 71, "{first}");
        prepare(&config(&data, "other.test"), Moment(1)).unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), pem, "what is there is kept");
        fs::remove_file(&certificate).unwrap();
        prepare(&config(&data, "other.test"), Moment(i64::MAX)).unwrap();
        assert_ne!(fs::read(&certificate).unwrap(), pem);
        assert_eq!(fingerprint(&certificate).unwrap(), first);
        fs::remove_file(&certificate).unwrap();
        fs::remove_file(&key).unwrap();
        prepare(&config(&data, "other.test"), Moment(1)).unwrap();
        assert_ne!(fingerprint(&certificate).unwrap(), first);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_key_and_a_key_that_is_none_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (certificate, key) = prepare(&config(&data, "a"), Moment(0)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&key), mode(&certificate), mode(&data)), (0, 0, 0));
        fs::remove_file(&certificate).unwrap();
        fs::File::create(&key).unwrap().write_all(b"none").unwrap();
        let error = prepare(&config(&data, "a"), Moment(0)).unwrap_err().to_string();
        assert!(error.contains("self-signed.key"), "{error}");
    }

    #[test]
    fn it_is_for_the_names_that_devices_use() {
        let folder = tempfile::tempdir().unwrap();
        let names = names(&config(folder.path(), "[::2]:8640"));
        for name in ["localhost", "127.0.0.1", "::1", "::2"] {
            assert!(names.contains(&name.to_owned()), "{names:?}");
        }
    }
}
