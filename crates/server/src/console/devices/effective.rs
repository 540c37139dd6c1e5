//! The settings of a PC as they are defined and as they hold, for the pages that include `effective.html`.

use model::admin::EffectiveSetting;
use model::policy;
use model::policy::resolve::By;

use crate::console::policies::said_json;
use crate::console::texts::Texts;

/// A setting on a PC: what policies define, what holds there, and who set it.
pub(in crate::console) struct Held {
    pub(in crate::console) id: String,
    pub(in crate::console) title: String,
    pub(in crate::console) defined: Option<String>,
    pub(in crate::console) defined_by: Option<By>,
    pub(in crate::console) against: Vec<(By, String)>,
    pub(in crate::console) effective: String,
    pub(in crate::console) origin: &'static str,
    pub(in crate::console) origin_title: String,
    /// Whether it is other than defined.
    pub(in crate::console) differs: bool,
    /// Whether the PC's own policies set it.
    pub(in crate::console) own: bool,
    /// Whether anybody says anything.
    pub(in crate::console) said: bool,
}

/// The same in words.
pub(in crate::console) fn held(texts: &'static Texts, one: EffectiveSetting) -> Held {
    let policy = policy::Policy::find(&one.setting);
    let value = |value: &serde_json::Value| said_json(texts, policy, value);
    let against =
        |said: &policy::resolve::Said| (said.by.clone(), value(&serde_json::to_value(&said.value).unwrap_or_default()));
    Held {
        title: policy.map(|policy| texts.setting(policy)).unwrap_or_default(),
        defined: one.defined.as_ref().map(value),
        against: one.against.iter().map(against).collect(),
        effective: value(&one.effective),
        origin: texts.t(match one.origin {
            "machine" => "origin.machine",
            "user" => "origin.user",
            "windows" => "origin.windows",
            "server" => "origin.server",
            "installer" => "origin.installer",
            _ => "origin.default",
        }),
        origin_title: texts.set_by((one.origin, &one.origin_title), one.defined_by.as_ref().map(|by| by.name.as_str())),
        differs: one.defined.as_ref().is_some_and(|defined| *defined != one.effective),
        own: matches!(one.origin, "machine" | "user" | "windows"),
        said: one.origin != "default" || one.defined.is_some(),
        id: one.setting,
        defined_by: one.defined_by,
    }
}
