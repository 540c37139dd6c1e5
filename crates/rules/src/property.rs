//! The properties that a rule can ask for, as data: type, operators, allowed values and the page that says so.
//!
//! A property belongs to one kind of rule: Entra's device rules and Intune's filters have different names for the same fact (`deviceModel` and
//! `model`), and sometimes the same name for different values (`deviceOwnership` is `Company` there and `Corporate` here). Properties that are
//! the same fact share a [`FactId`], so that the fact is stored once.

use crate::near;
use crate::operator::{Operator as O, Operators};

/// What a rule is about, and whose language it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An Entra dynamic membership rule over users.
    User,
    /// An Entra dynamic membership rule over devices.
    Device,
    /// An Intune assignment filter: over devices, in Intune's words.
    Filter,
}

impl Kind {
    /// The word of the command line and the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Filter => "filter",
        }
    }
}

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text, compared without case.
    Text,
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer,
    /// A moment.
    Date,
    /// A version such as `10.0.26100.1742`, compared part by part as numbers.
    Version,
    /// A version that Entra has as text: text operators, and ours for comparing it as a version.
    VersionText,
    /// Several texts.
    Texts,
    /// Several service plans: `user.assignedPlans`.
    Plans,
    /// Object ids of groups: `memberOf`.
    Groups,
}

impl Type {
    /// In words, with an article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Date => "a time such as 2026-11-28T08:30:00Z, or system.now -minus p30d",
            Self::Version | Self::VersionText => "a version such as 10.0.26100.1742",
            Self::Texts => "a text in quotes, compared with each of several",
            Self::Plans => "conditions on service plans in parentheses after -any or -all",
            Self::Groups => "(group.objectId -in [\"id\"]) after -any",
        }
    }
}

/// The number of a fact in a table of facts; several properties can be the same fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId(pub u16);

/// One property.
#[derive(Debug)]
pub struct Property {
    /// The kind of rule that has it.
    pub kind: Kind,
    /// With its entity, as `device.deviceModel`.
    pub name: &'static str,
    /// What it holds.
    pub holds: Type,
    /// What it can be asked.
    pub operators: Operators,
    /// The values that it can have, if there is a closed list. Others are never true, which is said as a note.
    pub values: &'static [&'static str],
    /// The page that says so.
    pub source: &'static str,
    /// The other property that is the same fact.
    same_as: Option<&'static str>,
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.name) == (other.kind, other.name)
    }
}

impl Eq for Property {}

/// Entra: docs/identity/users/groups-dynamic-membership.md of 2024-12-19.
const ENTRA: &str = "MicrosoftDocs/entra-docs docs/identity/users/groups-dynamic-membership.md";
/// Entra's page about memberOf.
const MEMBER: &str = "MicrosoftDocs/entra-docs docs/identity/users/groups-dynamic-rule-member-of.md";
/// Intune: filters-device-properties.md of 2024-08-21.
const INTUNE: &str = "MicrosoftDocs/memdocs memdocs/intune/fundamentals/filters-device-properties.md";
/// Ours.
const OURS: &str = "Rehome: docs/rules.md";

const EQUAL: Operators = Operators::of(&[O::Eq, O::Ne]);
const LISTS: Operators = EQUAL.and(Operators::of(&[O::In, O::NotIn]));
const ORDER: Operators = Operators::of(&[O::Gt, O::Ge, O::Lt, O::Le]);
const TEXT: Operators = LISTS.and(Operators::of(&[
    O::StartsWith,
    O::NotStartsWith,
    O::EndsWith,
    O::NotEndsWith,
    O::Contains,
    O::NotContains,
    O::Match,
    O::NotMatch,
]));
const FILTER_TEXT: Operators = LISTS.and(Operators::of(&[O::StartsWith, O::Contains, O::NotContains]));
const VERSION: Operators = EQUAL.and(ORDER);
const NONE: Operators = Operators::of(&[]);

const fn entry(kind: Kind, name: &'static str, holds: Type, operators: Operators, source: &'static str) -> Property {
    Property { kind, name, holds, operators, values: &[], source, same_as: None }
}

const fn user(name: &'static str) -> Property {
    entry(Kind::User, name, Type::Text, TEXT, ENTRA)
}

const fn device(name: &'static str) -> Property {
    entry(Kind::Device, name, Type::Text, TEXT, ENTRA)
}

const fn filter(name: &'static str) -> Property {
    entry(Kind::Filter, name, Type::Text, FILTER_TEXT, INTUNE)
}

const fn number(kind: Kind, name: &'static str) -> Property {
    entry(kind, name, Type::Integer, LISTS.and(ORDER), OURS)
}

const fn moment(kind: Kind, name: &'static str) -> Property {
    entry(kind, name, Type::Date, VERSION, OURS)
}

const fn yes_no(kind: Kind, name: &'static str, source: &'static str) -> Property {
    entry(kind, name, Type::Bool, EQUAL, source)
}

impl Property {
    const fn holds(self, holds: Type) -> Self {
        Self { holds, ..self }
    }

    const fn asked(self, operators: Operators) -> Self {
        Self { operators, ..self }
    }

    const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }

    const fn same_as(self, name: &'static str) -> Self {
        Self { same_as: Some(name), ..self }
    }

    const fn by(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// The name without its entity.
    pub fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, short)| short)
    }

    /// The fact that it is.
    pub fn fact(&self) -> FactId {
        if *self == EXTENSION {
            return FactId(EXTENSION_FACT);
        }
        let place = match self.same_as {
            Some(name) => PROPERTIES.iter().position(|other| other.kind == Kind::Device && other.name == name),
            None => PROPERTIES.iter().position(|other| other == self),
        };
        let place = place.expect("a property is in its own table, and names another one of it");
        FactId(u16::try_from(place).expect("there are fewer than 65,536 properties"))
    }
}

/// An extension property of an application, `user.extension_<application>_<name>` (Entra, "Extension attributes and custom extension attributes"). Each
/// application names its own, so no table can list them; they are understood as texts, and nobody here has a value for one.
pub static EXTENSION: Property = user("user.extension_…");

/// The number of the fact that all extension properties share, because it is never set: the first one that no row of the table has.
#[expect(clippy::cast_possible_truncation, reason = "there are fewer than 65,536 properties")]
const EXTENSION_FACT: u16 = PROPERTIES.len() as u16;

/// How many numbers of facts there are.
pub fn facts() -> usize {
    usize::from(EXTENSION_FACT) + 1
}

/// The canonical spelling of the name of an extension property; `None` for what has not its shape. The application is its id without hyphens.
pub fn extension(kind: Kind, name: &str) -> Option<String> {
    const PREFIX: &str = "user.extension_";
    let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
    let (application, own) = rest.split_once('_')?;
    let is_id = application.len() == 32 && application.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name = !own.is_empty() && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (kind == Kind::User && prefix.eq_ignore_ascii_case(PREFIX) && is_id && is_name)
        .then(|| format!("{PREFIX}{}_{own}", application.to_ascii_lowercase()))
}

/// All properties of a kind of rule.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static Property> {
    PROPERTIES.iter().filter(move |property| property.kind == kind)
}

/// The property of that name. Entra says that names are case-sensitive, and its own pages spell `employeehiredate`, `devicePhysicalIDs` and
/// `memberof` in several ways: so case does not matter here.
pub fn find(kind: Kind, name: &str) -> Option<&'static Property> {
    of(kind).find(|property| property.name.eq_ignore_ascii_case(name))
}

/// The name that was perhaps meant: of this kind of rule, or the one that another kind has for it.
pub fn nearest(kind: Kind, name: &str) -> Option<&'static str> {
    let short = name.rsplit_once('.').map_or(name, |(_, short)| short);
    if let Some(other) = PROPERTIES.iter().find(|other| other.kind != kind && other.name.eq_ignore_ascii_case(name)) {
        let same = of(kind).find(|property| property.fact() == other.fact());
        if let Some(same) = same {
            return Some(same.name);
        }
    }
    let word = near::nearest(short, of(kind).map(Property::short))?;
    of(kind).find(|property| property.short() == word).map(|property| property.name)
}

/// Names of stock keeping units of Windows. Source: the table in memdocs `filters-device-properties.md`.
const SKUS: &[&str] = &[
    "BusinessN",
    "CloudEdition",
    "CloudEditionN",
    "Core",
    "CoreCountrySpecific",
    "CoreN",
    "CoreSingleLanguage",
    "Education",
    "EducationN",
    "Enterprise",
    "EnterpriseEval",
    "EnterpriseG",
    "EnterpriseGN",
    "EnterpriseN",
    "EnterpriseNEval",
    "EnterpriseS",
    "EnterpriseSEval",
    "EnterpriseSN",
    "Holographic",
    "IoTUAP",
    "IoTUAPCommercial",
    "IoTEnterprise",
    "PPIPro",
    "Professional",
    "ProfessionalEducation",
    "ProfessionalEducationN",
    "ProfessionalWorkstation",
    "ProfessionalN",
    "ProfessionalSingleLanguage",
    "ServerRdsh",
];

/// The table.
pub static PROPERTIES: &[Property] = &[
    // Users, as Entra has them.
    yes_no(Kind::User, "user.accountEnabled", ENTRA),
    yes_no(Kind::User, "user.dirSyncEnabled", ENTRA),
    entry(Kind::User, "user.employeeHireDate", Type::Date, VERSION, ENTRA),
    user("user.city"),
    user("user.country"),
    user("user.companyName"),
    user("user.department"),
    user("user.displayName"),
    user("user.employeeId"),
    user("user.facsimileTelephoneNumber"),
    user("user.givenName"),
    user("user.jobTitle"),
    user("user.mail"),
    user("user.mailNickName"),
    entry(Kind::User, "user.memberOf", Type::Groups, NONE, MEMBER),
    user("user.mobile"),
    user("user.objectId"),
    user("user.onPremisesDistinguishedName"),
    user("user.onPremisesSecurityIdentifier"),
    user("user.passwordPolicies"),
    user("user.physicalDeliveryOfficeName"),
    user("user.postalCode"),
    user("user.preferredLanguage"),
    user("user.sipProxyAddress"),
    user("user.state"),
    user("user.streetAddress"),
    user("user.surname"),
    user("user.telephoneNumber"),
    user("user.usageLocation"),
    user("user.userPrincipalName"),
    user("user.userType").one_of(&["Member", "Guest"]),
    user("user.otherMails").holds(Type::Texts),
    user("user.proxyAddresses").holds(Type::Texts),
    entry(Kind::User, "user.assignedPlans", Type::Plans, EQUAL, ENTRA),
    user("user.extensionAttribute1"),
    user("user.extensionAttribute2"),
    user("user.extensionAttribute3"),
    user("user.extensionAttribute4"),
    user("user.extensionAttribute5"),
    user("user.extensionAttribute6"),
    user("user.extensionAttribute7"),
    user("user.extensionAttribute8"),
    user("user.extensionAttribute9"),
    user("user.extensionAttribute10"),
    user("user.extensionAttribute11"),
    user("user.extensionAttribute12"),
    user("user.extensionAttribute13"),
    user("user.extensionAttribute14"),
    user("user.extensionAttribute15"),
    // Users, as Rehome knows them.
    yes_no(Kind::User, "user.restorable", OURS),
    moment(Kind::User, "user.lastBackupAt"),
    number(Kind::User, "user.profileCount"),
    number(Kind::User, "user.snapshotCount"),
    // Devices, as Entra has them.
    yes_no(Kind::Device, "device.accountEnabled", ENTRA),
    device("device.deviceCategory"),
    device("device.deviceId"),
    device("device.deviceManagementAppId"),
    device("device.deviceManufacturer"),
    device("device.deviceModel"),
    device("device.displayName"),
    device("device.deviceOSType"),
    device("device.deviceOSVersion").holds(Type::VersionText).asked(TEXT.and(ORDER)),
    device("device.deviceOwnership").one_of(&["Personal", "Company", "Unknown"]),
    device("device.devicePhysicalIds").holds(Type::Texts),
    device("device.deviceTrustType").one_of(&["AzureAD", "ServerAD", "Workplace"]),
    device("device.enrollmentProfileName"),
    device("device.extensionAttribute1"),
    device("device.extensionAttribute2"),
    device("device.extensionAttribute3"),
    device("device.extensionAttribute4"),
    device("device.extensionAttribute5"),
    device("device.extensionAttribute6"),
    device("device.extensionAttribute7"),
    device("device.extensionAttribute8"),
    device("device.extensionAttribute9"),
    device("device.extensionAttribute10"),
    device("device.extensionAttribute11"),
    device("device.extensionAttribute12"),
    device("device.extensionAttribute13"),
    device("device.extensionAttribute14"),
    device("device.extensionAttribute15"),
    yes_no(Kind::Device, "device.isRooted", ENTRA),
    device("device.managementType"),
    entry(Kind::Device, "device.memberOf", Type::Groups, NONE, MEMBER),
    device("device.objectId"),
    device("device.profileType").one_of(&["RegisteredDevice", "SecureVM", "Printer", "Shared", "IoT"]),
    device("device.systemLabels").holds(Type::Texts),
    // Devices, as Rehome knows them.
    device("device.cpuArchitecture").one_of(&["amd64", "x86", "arm64", "unknown"]).by(OURS),
    device("device.operatingSystemSKU").one_of(SKUS).by(OURS),
    device("device.agentVersion").holds(Type::VersionText).asked(TEXT.and(ORDER)).by(OURS),
    yes_no(Kind::Device, "device.restorable", OURS),
    moment(Kind::Device, "device.lastBackupAt"),
    moment(Kind::Device, "device.lastCheckInAt"),
    moment(Kind::Device, "device.enrolledAt"),
    number(Kind::Device, "device.lastBackupBytes"),
    number(Kind::Device, "device.snapshotCount"),
    // Devices, as Intune's filters have them.
    filter("device.cpuArchitecture")
        .asked(LISTS)
        .one_of(&["amd64", "x86", "x64", "arm64", "unknown"])
        .same_as("device.cpuArchitecture"),
    filter("device.deviceCategory").same_as("device.deviceCategory"),
    filter("device.deviceName").same_as("device.displayName"),
    filter("device.deviceOwnership").asked(EQUAL).one_of(&["Personal", "Corporate", "Unknown"]),
    filter("device.deviceTrustType").asked(LISTS).one_of(&[
        "Azure AD joined",
        "Azure AD registered",
        "Hybrid Azure AD joined",
        "Unknown",
    ]),
    filter("device.enrollmentProfileName").same_as("device.enrollmentProfileName"),
    filter("device.isRooted").asked(EQUAL).one_of(&["True", "False", "Unknown"]),
    filter("device.manufacturer").same_as("device.deviceManufacturer"),
    filter("device.model").same_as("device.deviceModel"),
    filter("device.operatingSystemVersion").holds(Type::Version).asked(VERSION).same_as("device.deviceOSVersion"),
    filter("device.osVersion").same_as("device.deviceOSVersion"),
    filter("device.operatingSystemSKU").one_of(SKUS).same_as("device.operatingSystemSKU"),
    filter("app.appVersion"),
    filter("app.deviceManagementType").asked(EQUAL),
    filter("app.deviceManufacturer"),
    filter("app.deviceModel"),
    filter("app.operatingSystemVersion").holds(Type::Version).asked(VERSION),
    filter("app.osVersion"),
    // The same of Rehome's, for filters.
    filter("device.agentVersion")
        .holds(Type::VersionText)
        .asked(TEXT.and(ORDER))
        .by(OURS)
        .same_as("device.agentVersion"),
    yes_no(Kind::Filter, "device.restorable", OURS).same_as("device.restorable"),
    moment(Kind::Filter, "device.lastBackupAt").same_as("device.lastBackupAt"),
    moment(Kind::Filter, "device.lastCheckInAt").same_as("device.lastCheckInAt"),
    moment(Kind::Filter, "device.enrolledAt").same_as("device.enrolledAt"),
    number(Kind::Filter, "device.lastBackupBytes").same_as("device.lastBackupBytes"),
    number(Kind::Filter, "device.snapshotCount").same_as("device.snapshotCount"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_in_their_kind_and_begin_with_an_entity_of_it() {
        for (place, property) in PROPERTIES.iter().enumerate() {
            let entity = property.name.split_once('.').expect("an entity").0;
            assert!(match property.kind {
                Kind::User => entity == "user",
                Kind::Device => entity == "device",
                Kind::Filter => entity == "device" || entity == "app",
            });
            let same = find(property.kind, property.name).map(std::ptr::from_ref);
            assert_eq!(same, Some(std::ptr::from_ref(&PROPERTIES[place])), "{}", property.name);
        }
    }

    #[test]
    fn what_is_one_fact_has_one_number_and_values_of_one_shape() {
        for property in PROPERTIES {
            let fact = &PROPERTIES[usize::from(property.fact().0)];
            let shape = |holds| match holds {
                Type::Version | Type::VersionText => Type::Text,
                other => other,
            };
            assert_eq!(shape(fact.holds), shape(property.holds), "{}", property.name);
        }
        let (model, same) = (find(Kind::Filter, "device.model"), find(Kind::Device, "device.deviceModel"));
        assert_eq!(model.unwrap().fact(), same.unwrap().fact());
    }

    #[test]
    fn a_near_miss_is_found_also_in_the_other_language() {
        assert_eq!(nearest(Kind::User, "user.departmant"), Some("user.department"));
        assert_eq!(nearest(Kind::Device, "device.model"), Some("device.deviceModel"));
        assert_eq!(nearest(Kind::Device, "device.qqqq"), None);
    }
}
