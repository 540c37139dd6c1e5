//! The OpenID Connect client: any provider by the address of its issuer, and Entra ID with its peculiarities.
//!
//! [`start`] sends a browser to its provider, [`callback`] takes it back. In between stands one row of the store: the tenant, the provider, the browser
//! that began, a nonce and a PKCE verifier. What the provider says is fetched through [`egress`], remembered in [`known`], and believed only
//! after [`token`] has checked it against this one provider's issuer, keys and audience; [`person`] makes an identity of it.

pub mod callback;
pub mod egress;
pub mod known;
pub mod logout;
pub mod person;
mod ring;
pub mod start;
pub mod strict;
pub mod token;

use store::people::{Provider, ProviderKind, ProviderSettings};

use crate::App;

/// Hosts of Entra ID, of its national clouds too.
const ENTRA_HOSTS: &[&str] =
    &["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"];

/// Names of Entra directories that are not one directory: nobody can be told by them (`security.md` 2.7, rule 2).
const ENTRA_NOT_ONE: &[&str] = &["common", "organizations", "consumers", PERSONAL];

/// The directory that all personal Microsoft accounts are in.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// What the operator said of it is not right.
    #[error("{0}")]
    Settings(String),
    /// It does not answer, or not as a provider does.
    #[error("{0}")]
    Provider(String),
}

/// The kind of a provider, from its issuer's host.
pub fn kind_of(issuer: &str) -> ProviderKind {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if ENTRA_HOSTS.contains(&host) { ProviderKind::Entra } else { ProviderKind::Oidc }
}

/// The directory that an Entra issuer names: `https://login.microsoftonline.com/{directory}/v2.0`.
pub fn entra_directory(settings: &ProviderSettings) -> Option<&str> {
    if settings.kind != ProviderKind::Entra {
        return None;
    }
    let mut segments = settings.issuer.split('/').skip(3);
    let directory = segments.next()?;
    (segments.next() == Some("v2.0") && segments.next().is_none()).then_some(directory)
}

/// Checks what an operator says of a provider.
pub fn check_settings(settings: &ProviderSettings) -> Result<(), OidcError> {
    egress::issuer_address(&settings.issuer)?;
    let refuse = |text: String| Err(OidcError::Settings(text));
    if settings.client_id.is_empty() || settings.client_id.len() > 255 {
        return refuse("a client id has 1 to 255 characters".to_owned());
    }
    if settings.kind == ProviderKind::Entra {
        let Some(directory) = entra_directory(settings) else {
            return refuse(format!(
                "`{}` is not an issuer of Entra ID: https://login.microsoftonline.com/DIRECTORY-ID/v2.0 is wanted, without a final slash",
                settings.issuer
            ));
        };
        if ENTRA_NOT_ONE.contains(&directory) || !is_guid(directory) {
            return refuse(format!(
                "`{directory}` is not one directory: give its id, such as 72f988bf-86f1-41af-91ab-2d7cd011db47"
            ));
        }
    }
    Ok(())
}

/// Whether it is an id as Entra writes them.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

/// Our secret at a provider: from the file that the operator named, or opened from the database.
fn secret(app: &App, provider: &Provider) -> Result<Option<String>, OidcError> {
    if let Some(path) = &provider.settings.secret_file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| OidcError::Settings(format!("the secret file {}: {error}", path.display())))?;
        return Ok(Some(text.trim().to_owned()));
    }
    let Some(sealed) = &provider.secret else { return Ok(None) };
    let opened = app.keyring.open_secret(&app.store, provider.tenant_scope(), SECRET, sealed);
    let opened =
        opened.map_err(|error| OidcError::Settings(format!("the provider's secret does not open: {error}")))?;
    Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
}

/// What secrets of providers are sealed for.
pub const SECRET: &str = "provider secret";

/// Where a provider sends browsers back to.
pub fn redirect_uri(base: &str) -> String {
    format!("{base}/login/callback")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> ProviderSettings {
        ProviderSettings {
            kind: kind_of(issuer),
            issuer: issuer.to_owned(),
            client_id: "rehome".to_owned(),
            secret_file: None,
            scopes: Vec::new(),
            guests: false,
            known_only: false,
            mappings: Vec::new(),
            ca_file: None,
        }
    }

    #[test]
    fn entra_is_told_by_its_host_and_must_name_one_directory() {
        let entra = |directory: &str| settings(&format!("https://login.microsoftonline.com/{directory}/v2.0"));
        let good = entra("72f988bf-86f1-41af-91ab-2d7cd011db47");
        assert_eq!(good.kind, ProviderKind::Entra);
        assert_eq!(entra_directory(&good), Some("72f988bf-86f1-41af-91ab-2d7cd011db47"));
        check_settings(&good).unwrap();
        for wrong in
            ["common", "organizations", "consumers", PERSONAL, "contoso.com", "72F988BF-86F1-41AF-91AB-2D7CD011DB47"]
        {
            assert!(check_settings(&entra(wrong)).is_err(), "{wrong}");
        }
        assert!(
            check_settings(&settings("https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47"))
                .is_err()
        );
    }

    #[test]
    fn an_issuer_is_an_https_address() {
        check_settings(&settings("https://id.example.com/realms/a")).unwrap();
        check_settings(&settings("http://127.0.0.1:9000")).unwrap();
        let wrong = [
            "http://id.example.com",
            "ftp://id.example.com",
            "https://",
            "id.example.com",
            "https://a@b.example",
            "https://id.example.com/?x=1",
            "https://id.example.com/#a",
            "http://127.0.0.1.evil.example",
        ];
        for issuer in wrong {
            assert!(check_settings(&settings(issuer)).is_err(), "{issuer}");
        }
    }
}
