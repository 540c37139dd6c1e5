//! What is known of one user or device: property by property.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::limits::FACT_CHARS_MAX;
use crate::property::{self, FactId, Kind, Type};
use crate::value::{fold, moment};

/// A value, in the form in which it is compared: texts folded. No value is no entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// Yes or no.
    Bool(bool),
    /// A number, or a moment in seconds since 1970.
    Number(i64),
    /// A text or a version.
    Text(String),
    /// Several texts, or the ids of groups.
    Texts(Vec<String>),
    /// Several plans: servicePlanId, capabilityStatus, service.
    Plans(Vec<[String; 3]>),
}

/// The facts of one user or device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    known: BTreeMap<FactId, Fact>,
}

/// A fact that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// No such property.
    #[error("there is no property `{name}` of a {kind}{}", near.map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    Unknown {
        /// As given.
        name: String,
        /// Of what.
        kind: &'static str,
        /// What was perhaps meant.
        near: Option<&'static str>,
    },
    /// A value of another type.
    #[error("`{name}` has {wanted}, not `{found}`")]
    NotThis {
        /// The property.
        name: &'static str,
        /// What it has, in words.
        wanted: &'static str,
        /// What was given.
        found: String,
    },
    /// A text over the limit.
    #[error("`{0}` has more than {FACT_CHARS_MAX} characters")]
    TooLong(&'static str),
    /// Something other than an object.
    #[error("facts are a JSON object of properties and values")]
    NotAnObject,
}

impl Facts {
    /// Nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a fact.
    pub fn get(&self, fact: FactId) -> Option<&Fact> {
        self.known.get(&fact)
    }

    /// Sets a fact, folded; an empty text and an empty list are no value.
    pub fn set(&mut self, fact: FactId, value: Fact) {
        let value = match value {
            Fact::Text(text) => Fact::Text(fold(&text)),
            Fact::Texts(texts) => Fact::Texts(texts.iter().map(|text| fold(text)).collect()),
            Fact::Plans(plans) => Fact::Plans(plans.into_iter().map(|plan| plan.map(|text| fold(&text))).collect()),
            plain => plain,
        };
        let empty = match &value {
            Fact::Text(text) => text.is_empty(),
            Fact::Texts(texts) => texts.is_empty(),
            Fact::Plans(plans) => plans.is_empty(),
            Fact::Bool(_) | Fact::Number(_) => false,
        };
        if empty {
            self.known.remove(&fact);
        } else {
            self.known.insert(fact, value);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (FactId, &Fact)> {
        self.known.iter().map(|(fact, value)| (*fact, value))
    }

    /// The facts whose values differ between the two: what an index of rules is asked with.
    pub fn changed(&self, other: &Self) -> Vec<FactId> {
        let mut changed: Vec<FactId> = self
            .known
            .keys()
            .chain(other.known.keys())
            .filter(|fact| self.get(**fact) != other.get(**fact))
            .copied()
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Reads a JSON object of property names of that kind and values; null is no value.
    pub fn from_json(kind: Kind, document: &Value) -> Result<Self, FactError> {
        let mut facts = Self::new();
        for (name, value) in document.as_object().ok_or(FactError::NotAnObject)? {
            facts.set_json(kind, name, value)?;
        }
        Ok(facts)
    }

    /// Sets one property from JSON. The entity may be left out: `deviceModel`.
    pub fn set_json(&mut self, kind: Kind, name: &str, value: &Value) -> Result<(), FactError> {
        let entity = if kind == Kind::User { "user" } else { "device" };
        let found = property::find(kind, name).or_else(|| property::find(kind, &format!("{entity}.{name}")));
        let Some(property) = found else {
            let near = property::nearest(kind, name);
            return Err(FactError::Unknown { name: name.chars().take(80).collect(), kind: kind.word(), near });
        };
        if value.is_null() {
            self.known.remove(&property.fact());
            return Ok(());
        }
        let read = read(property.holds, value).ok_or_else(|| FactError::NotThis {
            name: property.name,
            wanted: property.holds.words(),
            found: value.to_string().chars().take(80).collect(),
        })?;
        let long = |text: &String| text.len() > FACT_CHARS_MAX;
        if match &read {
            Fact::Text(text) => long(text),
            Fact::Texts(texts) => texts.iter().any(long),
            Fact::Plans(plans) => plans.iter().flatten().any(long),
            _ => false,
        } {
            return Err(FactError::TooLong(property.name));
        }
        self.set(property.fact(), read);
        Ok(())
    }
}

fn read(holds: Type, value: &Value) -> Option<Fact> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(match holds {
        Type::Text | Type::Version | Type::VersionText => Fact::Text(text(value)?),
        // A table of comma-separated values has texts only.
        Type::Bool => Fact::Bool(value.as_bool().or_else(|| value.as_str()?.to_ascii_lowercase().parse().ok())?),
        Type::Integer => Fact::Number(value.as_i64().or_else(|| value.as_str()?.parse().ok())?),
        Type::Date => Fact::Number(moment(value.as_str()?)?),
        Type::Texts | Type::Groups => match value.as_str() {
            Some(one) => {
                Fact::Texts(one.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
            }
            None => Fact::Texts(value.as_array()?.iter().map(text).collect::<Option<_>>()?),
        },
        Type::Plans => {
            let plan = |value: &Value| {
                let part = |name: &str| value.get(name).map_or(Some(String::new()), text);
                Some([part("servicePlanId")?, part("capabilityStatus")?, part("service")?])
            };
            Fact::Plans(value.as_array()?.iter().map(plan).collect::<Option<_>>()?)
        }
    })
}
