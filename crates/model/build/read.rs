//! Reads the catalog's TOML: text in, typed entries or a refusal out.
//!
//! Strict on purpose: a misspelt field would silently lose a rule. The texts live as long as the build, so that the same types serve
//! here and in the compiled table.

use serde::Deserialize;
use toml::{Table, Value};

use crate::category::Category;
use crate::reason::Reason;
use crate::types::{
    Alphabet, ColourLayout, Effect, FileRole, GroupPlace, Kind, LeftOut, Literal, MdmPlace, Packed, Place, RegType,
    Sensitivity, Setting, Stage, Transform, WindowsPolicy,
};

/// What a file of the catalog says.
#[derive(Debug, Default)]
pub struct Entries {
    /// Its settings, in the order of the file.
    pub settings: Vec<Setting>,
    /// Its left-out things, in the order of the file.
    pub left_out: Vec<LeftOut>,
    /// What its packed values hold when nothing is stored.
    pub packed: Vec<Packed>,
}

/// Why a file cannot be read.
#[derive(Debug)]
pub struct Refusal {
    /// The file, below `catalog/`.
    pub file: String,
    /// The entry's id, or its number in the file if it has none.
    pub entry: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "catalog/{}: `{}`: {}", self.file, self.entry, self.what)
    }
}

/// Reads one file. `file` is its path below `catalog/`, whose folder is the category's word.
pub fn read(file: &str, text: &str) -> Result<Entries, Refusal> {
    let refuse = |entry: &str, what: String| Refusal { file: file.to_owned(), entry: entry.to_owned(), what };
    let folder = file.split('/').next().unwrap_or_default();
    let category = Category::from_word(folder)
        .ok_or_else(|| refuse("-", format!("`{folder}` is not the word of a category; move the file")))?;
    let table: Table = text.parse().map_err(|error| refuse("-", format!("this is not TOML: {error}")))?;
    let mut entries = Entries::default();
    for (heading, list) in table {
        let known = matches!(heading.as_str(), "setting" | "left_out" | "packed");
        let items = list.as_array().filter(|_| known).ok_or_else(|| {
            refuse("-", format!("`{heading}` is unknown; write [[setting]], [[left_out]] or [[packed]]"))
        })?;
        for (number, item) in items.iter().enumerate() {
            let field = if heading == "packed" { "name" } else { "id" };
            let named = item.get(field).and_then(Value::as_str);
            let entry = named.map_or_else(|| format!("{heading} {}", number + 1), str::to_owned);
            let added = match heading.as_str() {
                "setting" => setting(category, item).map(|setting| entries.settings.push(setting)),
                "left_out" => left_out(category, item).map(|left_out| entries.left_out.push(left_out)),
                _ => packed(item).map(|row| entries.packed.push(row)),
            };
            added.map_err(|what| refuse(&entry, what))?;
        }
    }
    Ok(entries)
}

/// Reads the file of Windows' policies.
pub fn read_policies(file: &str, text: &str) -> Result<Vec<WindowsPolicy>, Refusal> {
    let refuse = |entry: &str, what: String| Refusal { file: file.to_owned(), entry: entry.to_owned(), what };
    let table: Table = text.parse().map_err(|error| refuse("-", format!("this is not TOML: {error}")))?;
    let mut policies = Vec::new();
    for (heading, list) in table {
        let items = list
            .as_array()
            .filter(|_| heading == "policy")
            .ok_or_else(|| refuse("-", format!("`{heading}` is unknown; write [[policy]]")))?;
        for (number, item) in items.iter().enumerate() {
            let named = item.get("id").and_then(Value::as_str);
            let entry = named.map_or_else(|| format!("{heading} {}", number + 1), str::to_owned);
            policies.push(policy(item).map_err(|what| refuse(&entry, what))?);
        }
    }
    Ok(policies)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    id: String,
    title: String,
    group: Option<RawGroup>,
    mdm: Option<RawMdm>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    key: String,
    name: String,
    /// `machine`, `user` or `both`.
    of: String,
    #[serde(default)]
    owns: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMdm {
    /// `AREA/NAME`.
    policy: String,
    #[serde(default)]
    owns: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTransform {
    from: Option<String>,
    first_build: Option<u32>,
    last_build: Option<u32>,
    map: Vec<(Value, Value)>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSetting {
    id: String,
    title: String,
    key: Option<String>,
    name: Option<String>,
    r#type: Option<String>,
    file: Option<String>,
    switch: Option<RawSwitch>,
    number: Option<RawNumber>,
    choice: Option<Table>,
    word: Option<Table>,
    bits: Option<RawBits>,
    colour: Option<String>,
    text: Option<RawText>,
    texts: Option<RawText>,
    guids: Option<Table>,
    picture: Option<bool>,
    dictionary: Option<bool>,
    #[serde(default)]
    also: Vec<(u32, u32)>,
    default: Option<Value>,
    first_build: Option<u32>,
    last_build: Option<u32>,
    #[serde(default)]
    gaps: Vec<(u32, u32)>,
    #[serde(default)]
    managed_by: Vec<String>,
    #[serde(default)]
    transform: Vec<RawTransform>,
    effect: String,
    stage: String,
    sensitivity: String,
    worst: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSwitch {
    on: u32,
    off: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNumber {
    min: i64,
    max: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBits {
    first: u32,
    count: Option<u32>,
    names: Option<Table>,
    #[serde(default)]
    inverted: bool,
    #[serde(default)]
    bytes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawText {
    items: Option<u32>,
    max: u32,
    alphabet: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLeftOut {
    id: String,
    title: String,
    reason: String,
    because: String,
    key: String,
    value: Option<String>,
    named_by: Option<String>,
    bit: Option<u32>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    holds_back: Vec<String>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPacked {
    key: String,
    name: String,
    base: u64,
    source: String,
}

fn setting(category: Category, item: &Value) -> Result<Setting, String> {
    let raw = RawSetting::deserialize(item.clone()).map_err(|error| error.message().to_owned())?;
    Ok(Setting {
        category,
        place: place(&raw)?,
        kind: kind(&raw)?,
        also: raw.also.leak(),
        default: raw.default.as_ref().map(literal).transpose()?,
        build_first: raw.first_build.unwrap_or(0),
        build_last: raw.last_build.unwrap_or(u32::MAX),
        gaps: raw.gaps.leak(),
        managed_by: list(raw.managed_by),
        transforms: transforms(&raw.id, &raw.transform)?,
        effect: effect(&raw.effect)?,
        stage: one_of("stage", &raw.stage, &[("first", Stage::First), ("look", Stage::Look), ("rest", Stage::Rest)])?,
        sensitivity: one_of(
            "sensitivity",
            &raw.sensitivity,
            &[("plain", Sensitivity::Plain), ("personal", Sensitivity::Personal), ("health", Sensitivity::Health)],
        )?,
        id: keep(raw.id),
        title: keep(raw.title),
        worst: keep(raw.worst),
        source: keep(raw.source),
    })
}

fn transforms(id: &str, raw: &[RawTransform]) -> Result<&'static [Transform], String> {
    let pair = |(from, to): &(Value, Value)| Ok((literal(from)?, literal(to)?));
    let one = |raw: &RawTransform| {
        Ok(Transform {
            from: keep(raw.from.clone().unwrap_or_else(|| id.to_owned())),
            build_first: raw.first_build.unwrap_or(0),
            build_last: raw.last_build.unwrap_or(u32::MAX),
            map: raw.map.iter().map(pair).collect::<Result<Vec<_>, String>>()?.leak(),
            source: keep(raw.source.clone()),
        })
    };
    Ok(raw.iter().map(one).collect::<Result<Vec<_>, String>>()?.leak())
}

fn policy(item: &Value) -> Result<WindowsPolicy, String> {
    let raw = RawPolicy::deserialize(item.clone()).map_err(|error| error.message().to_owned())?;
    let group = raw.group.map(|raw| {
        let (machine, user) =
            one_of("of", &raw.of, &[("machine", (true, false)), ("user", (false, true)), ("both", (true, true))])?;
        Ok::<_, String>(GroupPlace { key: keep(raw.key), name: keep(raw.name), machine, user, owns: raw.owns.leak() })
    });
    let mdm = raw.mdm.map(|raw| {
        let (area, name) =
            raw.policy.split_once('/').ok_or("`policy` is written AREA/NAME, as the Policy CSP has it")?;
        Ok::<_, String>(MdmPlace { area: keep(area.to_owned()), name: keep(name.to_owned()), owns: raw.owns.leak() })
    });
    Ok(WindowsPolicy {
        id: keep(raw.id),
        title: keep(raw.title),
        group: group.transpose()?,
        mdm: mdm.transpose()?,
        source: keep(raw.source),
    })
}

fn left_out(category: Category, item: &Value) -> Result<LeftOut, String> {
    let raw = RawLeftOut::deserialize(item.clone()).map_err(|error| error.message().to_owned())?;
    let reason = Reason::from_code(&raw.reason).ok_or_else(|| {
        format!("`reason` is `{}`; it must be a code of model::reason, such as could_carry_code", raw.reason)
    })?;
    let (value, named_by) = match (raw.value, raw.named_by) {
        (Some(value), None) => (keep(value), None),
        (None, Some(pattern)) => ("", Some(keep(pattern))),
        _ => return Err("what is looked at is `value`, or what `named_by` names".to_owned()),
    };
    Ok(LeftOut {
        id: keep(raw.id),
        title: keep(raw.title),
        category,
        reason,
        because: keep(raw.because),
        key: keep(raw.key),
        value,
        named_by,
        bit: raw.bit,
        unless: list(raw.unless),
        holds_back: list(raw.holds_back),
        source: keep(raw.source),
    })
}

fn packed(item: &Value) -> Result<Packed, String> {
    let raw = RawPacked::deserialize(item.clone()).map_err(|error| error.message().to_owned())?;
    Ok(Packed { key: keep(raw.key), name: keep(raw.name), base: raw.base, source: keep(raw.source) })
}

fn place(raw: &RawSetting) -> Result<Place, String> {
    match (&raw.key, &raw.name, &raw.r#type, &raw.file) {
        (Some(key), Some(name), Some(reg_type), None) => Ok(Place::Value {
            key: keep(key.clone()),
            name: keep(name.clone()),
            reg_type: RegType::from_word(reg_type).ok_or_else(|| {
                format!("the type `{reg_type}` is never written (rule R3); a setting is REG_SZ, REG_DWORD, REG_QWORD, REG_MULTI_SZ or REG_BINARY")
            })?,
        }),
        (None, None, None, Some(role)) => {
            Ok(Place::File(one_of("file", role, &FileRole::ALL.map(|role| (role.word(), role)))?))
        }
        _ => Err("a place is `key`, `name` and `type` together, or `file` alone".to_owned()),
    }
}

fn kind(raw: &RawSetting) -> Result<Kind, String> {
    let mut kinds = Vec::new();
    kinds.extend(raw.switch.as_ref().map(|raw| Ok(Kind::Switch { on: raw.on, off: raw.off })));
    kinds.extend(raw.number.as_ref().map(|raw| Ok(Kind::Number { min: raw.min, max: raw.max })));
    kinds.extend(raw.choice.as_ref().map(|names| Ok(Kind::Choice(numbers(names)?))));
    kinds.extend(raw.word.as_ref().map(|names| Ok(Kind::Word(words(names)?))));
    kinds.extend(raw.bits.as_ref().map(bits));
    kinds.extend(raw.colour.as_ref().map(|word| Ok(Kind::Colour(colour(word)?))));
    kinds.extend(raw.text.as_ref().map(|raw| match raw.items {
        None => Ok(Kind::Text { max: raw.max, alphabet: alphabet(&raw.alphabet)? }),
        Some(_) => Err("`items` belongs to `texts`".to_owned()),
    }));
    kinds.extend(raw.texts.as_ref().map(|raw| match raw.items {
        Some(items) => Ok(Kind::Texts { items, max: raw.max, alphabet: alphabet(&raw.alphabet)? }),
        None => Err("`texts` needs `items`".to_owned()),
    }));
    kinds.extend(raw.guids.as_ref().map(|names| Ok(Kind::Guids(guids(names)?))));
    kinds.extend(raw.picture.map(|_| Ok(Kind::Picture)));
    kinds.extend(raw.dictionary.map(|_| Ok(Kind::Dictionary)));
    match (kinds.pop(), kinds.is_empty()) {
        (Some(kind), true) => kind,
        _ => {
            Err("exactly one of switch, number, choice, word, bits, colour, text, texts, guids, picture and dictionary says the kind"
                .to_owned())
        }
    }
}

fn bits(raw: &RawBits) -> Result<Kind, String> {
    let names = raw.names.as_ref().map_or(Ok(&[][..]), numbers)?;
    Ok(Kind::Bits { first: raw.first, count: raw.count.unwrap_or(1), names, inverted: raw.inverted, bytes: raw.bytes })
}

/// Named numbers, in the order of the numbers.
fn numbers(names: &Table) -> Result<&'static [(&'static str, i64)], String> {
    let pair = |(name, value): (&String, &Value)| {
        let number = value.as_integer().ok_or_else(|| format!("`{name}` is not a whole number"))?;
        Ok((keep(name.clone()), number))
    };
    let mut list = names.iter().map(pair).collect::<Result<Vec<_>, String>>()?;
    list.sort_by_key(|&(_, number)| number);
    Ok(list.leak())
}

/// Named texts, in the order of the names.
fn words(names: &Table) -> Result<&'static [(&'static str, &'static str)], String> {
    let pair = |(name, value): (&String, &Value)| {
        let text = value.as_str().ok_or_else(|| format!("`{name}` is not a text"))?;
        Ok((keep(name.clone()), keep(text.to_owned())))
    };
    let mut list = names.iter().map(pair).collect::<Result<Vec<_>, String>>()?;
    list.sort_unstable();
    Ok(list.leak())
}

/// Named GUIDs, in the order of the names.
fn guids(names: &Table) -> Result<&'static [(&'static str, [u8; 16])], String> {
    let pair = |(name, value): (&String, &Value)| {
        let read = value.as_str().and_then(guid);
        let bytes = read.ok_or_else(|| format!("`{name}` is no GUID in braces, such as {{00000000-0000-...}}"))?;
        Ok((keep(name.clone()), bytes))
    };
    let mut list = names.iter().map(pair).collect::<Result<Vec<_>, String>>()?;
    list.sort_unstable();
    Ok(list.leak())
}

/// The bytes of a GUID as it lies in memory: the first three parts are numbers, the lowest byte first.
fn guid(text: &str) -> Option<[u8; 16]> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let parts: Vec<&str> = inner.split('-').collect();
    if parts.iter().map(|part| part.len()).ne([8, 4, 4, 4, 12])
        || !inner.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    {
        return None;
    }
    let mut bytes = u128::from_str_radix(&parts.concat(), 16).ok()?.to_be_bytes();
    for number in [0..4, 4..6, 6..8] {
        bytes[number].reverse();
    }
    Some(bytes)
}

fn colour(word: &str) -> Result<ColourLayout, String> {
    let layouts = [
        ("abgr", ColourLayout::Abgr),
        ("argb", ColourLayout::Argb),
        ("color_ref", ColourLayout::ColorRef),
        ("decimal", ColourLayout::Decimal),
    ];
    one_of("colour", word, &layouts)
}

fn alphabet(word: &str) -> Result<Alphabet, String> {
    one_of("alphabet", word, &Alphabet::ALL.map(|alphabet| (alphabet.word(), alphabet)))
}

fn effect(text: &str) -> Result<Effect, String> {
    if let Some(word) = text.strip_prefix("broadcast:") {
        return Ok(Effect::Broadcast(keep(word.to_owned())));
    }
    if let Some(code) = text.strip_prefix("spi:0x") {
        let code = u32::from_str_radix(code, 16).ok().filter(|code| (1..=0xffff).contains(code));
        return code.map(Effect::Spi).ok_or_else(|| format!("`{text}` is not an action code; write `spi:0x003b`"));
    }
    let effects = [
        ("live", Effect::Live),
        ("explorer", Effect::Explorer),
        ("sign_out", Effect::SignOut),
        ("lock_screen", Effect::LockScreen),
        ("account_picture", Effect::AccountPicture),
    ];
    one_of("effect", text, &effects).map_err(|what| format!("{what}, broadcast:WORD, spi:0xCODE"))
}

fn literal(value: &Value) -> Result<Literal, String> {
    match value {
        Value::Boolean(on) => Ok(Literal::Bool(*on)),
        Value::Integer(number) => Ok(Literal::Int(*number)),
        Value::String(text) => Ok(Literal::Text(keep(text.clone()))),
        _ => Err("`default` is true, false, a whole number or a text, and so are the values of `map`".to_owned()),
    }
}

fn one_of<T: Copy>(field: &str, word: &str, known: &[(&str, T)]) -> Result<T, String> {
    known.iter().find(|(name, _)| *name == word).map(|&(_, value)| value).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        format!("`{field}` is `{word}`; it must be one of {}", names.join(", "))
    })
}

fn list(texts: Vec<String>) -> &'static [&'static str] {
    texts.into_iter().map(keep).collect::<Vec<_>>().leak()
}

/// The build ends soon, and the compiled table's types hold static texts.
fn keep(text: String) -> &'static str {
    text.leak()
}
