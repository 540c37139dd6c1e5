//! From claims that were checked to a person: their identity, a name to show, and the roles that the operator has given to claims.

use model::reason::Reason;
use model::world::Moment;
use serde_json::Value;
use store::people::{Identity, ProviderSettings};

use super::entra_directory;
use super::strict::Object;

/// What the claims say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Who it is.
    pub identity: Identity,
    /// A name to show: never taken for who it is.
    pub name: String,
    /// Roles by the operator's mappings.
    pub roles: Vec<String>,
    /// The person is in more groups than the provider tells, so roles by groups are not known.
    pub overage: bool,
    /// The provider's own session.
    pub session: Option<String>,
    /// Whether the provider asked for more than one factor.
    pub strong: bool,
    /// When the person proved to the provider who they are, if it says.
    pub auth_at: Option<Moment>,
}

/// The identity in claims: (`tid`, `oid`) at Entra ID, (`iss`, `sub`) elsewhere.
pub fn identity(claims: &Object, settings: &ProviderSettings) -> Option<Identity> {
    let (authority, subject) = match entra_directory(settings) {
        Some(directory) => (format!("entra:{directory}"), claims.text("oid")?),
        None => (settings.issuer.clone(), claims.text("sub")?),
    };
    Some(Identity { authority, subject: subject.to_owned() })
}

/// What the claims say of a person, or why they are not let in.
pub fn claimed(claims: &Object, settings: &ProviderSettings) -> Result<Claimed, Reason> {
    let entra = entra_directory(settings).is_some();
    if entra && !settings.guests && is_guest(claims, settings) {
        return Err(Reason::GuestNotAllowed);
    }
    let identity = identity(claims, settings).ok_or(Reason::SignInRefused)?;
    let names = ["preferred_username", "email", "upn", "name", "sub"];
    let name = names.iter().find_map(|name| claims.text(name).filter(|text| !text.trim().is_empty()));
    let overage = is_overage(claims);
    let gives = |claim: &str, value: &str| match claims.0.get(claim) {
        Some(Value::String(one)) => one == value,
        Some(Value::Array(list)) => list.iter().any(|one| one == value),
        _ => false,
    };
    let mapped = settings.mappings.iter().filter(|mapping| gives(&mapping.claim, &mapping.value));
    let mut roles: Vec<String> = mapped.map(|mapping| mapping.role.clone()).collect();
    roles.sort_unstable();
    roles.dedup();
    let factors = claims.0.get("amr").and_then(Value::as_array);
    // In whole seconds: `token::check` lets nothing else pass.
    let seconds = claims.0.get("auth_time").and_then(Value::as_i64);
    Ok(Claimed {
        identity,
        name: name.unwrap_or_default().to_owned(),
        roles,
        overage: overage && settings.mappings.iter().any(|mapping| mapping.claim == "groups"),
        session: claims.text("sid").map(|sid| sid.chars().take(255).collect()),
        strong: factors.is_some_and(|factors| factors.iter().any(|factor| factor == "mfa")),
        auth_at: seconds.map(|seconds| Moment(seconds.saturating_mul(1000))),
    })
}

/// A guest: `acct` says so where the operator has asked for that claim, and `idp` names another place than the directory.
fn is_guest(claims: &Object, settings: &ProviderSettings) -> bool {
    let account = claims.0.get("acct").is_some_and(|kind| kind == 1 || kind == "1");
    let elsewhere = claims.0.get("idp").is_some_and(|home| home != settings.issuer.as_str());
    account || elsewhere
}

/// Whether Entra leaves the groups out because there are too many: 200 in a token ("Groups overage claim").
fn is_overage(claims: &Object) -> bool {
    let named = claims.0.get("_claim_names").is_some_and(|names| names.get("groups").is_some());
    named || claims.0.get("hasgroups").is_some_and(|value| value == true || value == "true")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::people::{Mapping, ProviderKind};

    use super::*;

    const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn settings(kind: ProviderKind) -> ProviderSettings {
        let mapping = |value: &str, role: &str| Mapping {
            claim: "groups".to_owned(),
            value: value.to_owned(),
            role: role.to_owned(),
        };
        ProviderSettings {
            kind,
            issuer: match kind {
                ProviderKind::Entra => format!("https://login.microsoftonline.com/{DIRECTORY}/v2.0"),
                ProviderKind::Oidc => "https://id.example.com".to_owned(),
            },
            client_id: "rehome".to_owned(),
            secret_file: None,
            scopes: Vec::new(),
            guests: false,
            known_only: false,
            mappings: vec![mapping("g1", "admin"), mapping("g2", "auditor"), mapping("g3", "admin")],
            ca_file: None,
        }
    }

    fn claims(value: &Value) -> Object {
        Object::from_slice(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn who_it_is_never_hangs_on_an_address() {
        let before = claims(&json!({"sub": "s", "oid": "o", "preferred_username": "ada@example.com"}));
        let after = claims(&json!({"sub": "s", "oid": "o", "preferred_username": "ada.l@example.com", "email": "x@y"}));
        for kind in [ProviderKind::Entra, ProviderKind::Oidc] {
            let settings = settings(kind);
            assert_eq!(identity(&before, &settings), identity(&after, &settings));
        }
        let entra = identity(&before, &settings(ProviderKind::Entra)).unwrap();
        assert_eq!((entra.authority, entra.subject), (format!("entra:{DIRECTORY}"), "o".to_owned()));
        let other = identity(&before, &settings(ProviderKind::Oidc)).unwrap();
        assert_eq!((other.authority.as_str(), other.subject.as_str()), ("https://id.example.com", "s"));
    }

    #[test]
    fn groups_give_the_roles_that_the_operator_says() {
        let settings = settings(ProviderKind::Oidc);
        let roles = |value: Value| claimed(&claims(&value), &settings).unwrap().roles;
        assert_eq!(roles(json!({"sub": "s", "groups": ["g3", "g1", "other"]})), ["admin"]);
        assert_eq!(roles(json!({"sub": "s", "groups": "g2"})), ["auditor"]);
        assert_eq!(roles(json!({"sub": "s", "roles": ["g1"]})), [""; 0]);
        assert_eq!(roles(json!({"sub": "s"})), [""; 0]);
    }

    #[test]
    fn too_many_groups_are_noticed() {
        let settings = settings(ProviderKind::Entra);
        let overage = |value: Value| claimed(&claims(&value), &settings).unwrap().overage;
        assert!(overage(
            json!({"oid": "o", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}})
        ));
        assert!(overage(json!({"oid": "o", "hasgroups": true})));
        assert!(!overage(json!({"oid": "o", "groups": ["g1"]})));
    }

    #[test]
    fn guests_stay_out_unless_they_are_let_in() {
        let mut settings = settings(ProviderKind::Entra);
        let guest = claims(&json!({"oid": "o", "idp": "https://sts.windows.net/other/"}));
        let marked = claims(&json!({"oid": "o", "acct": 1}));
        assert_eq!(claimed(&guest, &settings), Err(Reason::GuestNotAllowed));
        assert_eq!(claimed(&marked, &settings), Err(Reason::GuestNotAllowed));
        assert!(claimed(&claims(&json!({"oid": "o", "acct": 0})), &settings).is_ok());
        settings.guests = true;
        assert!(claimed(&guest, &settings).is_ok());
    }
}
