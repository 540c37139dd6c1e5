//! `rehome catalog`: what Rehome knows to carry, and what it knows and does not carry.

use clap::{Args, Subcommand};
use model::catalog::{self, Category, Kind, LeftOut, Place, Setting, windows_policy};
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::near::nearest;
use crate::paint::tame;
use crate::render::put;
use crate::render::table::Table;
use crate::render::value::{count, literal};
use crate::run::Run;

/// List and explain the settings that Rehome knows
#[derive(Debug, Args)]
pub struct CatalogArgs {
    #[command(subcommand)]
    verb: CatalogVerb,
}

#[derive(Debug, Subcommand)]
enum CatalogVerb {
    /// List the settings by category
    List {
        /// Only this category
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
    },
    /// Show one setting: where it lives, what it may be, where the fact comes from
    Show {
        /// The setting's id, such as `taskbar.alignment`
        id: String,
    },
    /// Check the built-in catalog against its rules
    Check,
}

#[derive(Serialize)]
struct SettingDocument {
    id: &'static str,
    title: &'static str,
    category: Category,
    place: String,
    allowed: String,
    default: Option<String>,
    build_first: u32,
    build_last: Option<u32>,
    /// Policies of Windows by which an organisation can decide it.
    managed_by: Vec<&'static str>,
    takes_effect: &'static str,
    stage: catalog::Stage,
    sensitivity: catalog::Sensitivity,
    worst: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct LeftOutDocument {
    id: &'static str,
    title: &'static str,
    category: Category,
    reason: &'static str,
    because: &'static str,
}

#[derive(Serialize)]
struct ListDocument {
    version: u32,
    settings: Vec<SettingDocument>,
    left_out: Vec<LeftOutDocument>,
}

/// Prints what was asked for.
pub fn run(args: &CatalogArgs, run: &Run) -> Result<Exit, Failure> {
    match &args.verb {
        CatalogVerb::List { category } => list(category.as_deref(), run),
        CatalogVerb::Show { id } => show(id, run),
        CatalogVerb::Check => check(run),
    }
}

fn list(category: Option<&str>, run: &Run) -> Result<Exit, Failure> {
    let category = category.map(category_of).transpose()?;
    let wanted = |one: Category| category.is_none_or(|category| category == one);
    let settings: Vec<_> = catalog::SETTINGS.iter().filter(|setting| wanted(setting.category)).collect();
    let left_out: Vec<_> = catalog::left_out().iter().filter(|entry| wanted(entry.category)).collect();
    let document = ListDocument {
        version: catalog::VERSION,
        settings: settings.iter().map(|setting| document(setting)).collect(),
        left_out: left_out.iter().map(|entry| left_out_document(entry)).collect(),
    };
    run.screen.data(&document, || list_text(run, &settings, &left_out))?;
    Ok(Exit::Success)
}

fn category_of(word: &str) -> Result<Category, Failure> {
    Category::from_word(word).ok_or_else(|| {
        let failure = Failure::new(Reason::Usage, format!("`{}` is not a category", tame(word, 80)));
        match nearest(word, Category::ALL.into_iter().map(Category::word)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint(format!("they are: {}", Category::ALL.map(Category::word).join(", "))),
        }
    })
}

fn list_text(run: &Run, settings: &[&Setting], left_out: &[&LeftOut]) -> String {
    let paint = run.screen.paint;
    let mut text = String::new();
    for category in Category::ALL {
        let mut table = Table::default();
        let mut number = 0;
        for setting in settings.iter().filter(|setting| setting.category == category) {
            number += 1;
            table.row([setting.id.to_owned(), setting.title.to_owned()]);
        }
        for entry in left_out.iter().filter(|entry| entry.category == category) {
            table.row([paint.dim(entry.id), paint.dim(format!("{} (not carried: {})", entry.title, entry.because))]);
        }
        let body = table.to_text("  ");
        if !body.is_empty() {
            let head = format!("{}, {}", category.word(), count(number, "setting"));
            put(&mut text, format_args!("{}  {}\n{body}\n", paint.bold(category.title()), paint.dim(head)));
        }
    }
    let total = format!("{}, {} known and not carried", count(settings.len(), "setting"), left_out.len());
    put(&mut text, format_args!("{}\n", paint.bold(total)));
    text
}

fn show(id: &str, run: &Run) -> Result<Exit, Failure> {
    if let Some(setting) = catalog::find(id) {
        run.screen.data(&document(setting), || setting_text(run, setting))?;
    } else if let Some(entry) = catalog::left_out().iter().find(|entry| entry.id == id) {
        run.screen.data(&left_out_document(entry), || {
            format!(
                "{}  {}\nNot carried: {}\n{}\n",
                run.screen.paint.bold(entry.title),
                entry.id,
                entry.reason,
                entry.because
            )
        })?;
    } else {
        let known =
            catalog::SETTINGS.iter().map(|setting| setting.id).chain(catalog::left_out().iter().map(|entry| entry.id));
        let failure = Failure::new(Reason::Usage, format!("no setting is called `{}`", tame(id, 80)));
        return Err(match nearest(id, known) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`rehome catalog list` names them all"),
        });
    }
    Ok(Exit::Success)
}

fn setting_text(run: &Run, setting: &Setting) -> String {
    let paint = run.screen.paint;
    let facts = document(setting);
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([paint.dim(name), value]);
    row("Category", setting.category.title().to_owned());
    row("Place", facts.place);
    row("Allowed", facts.allowed);
    row("Default", facts.default.unwrap_or_else(|| "depends on the PC, or not documented".to_owned()));
    row("Windows builds", builds(setting));
    if !facts.managed_by.is_empty() {
        row("Can be managed by", facts.managed_by.join(", "));
    }
    row("Takes effect", facts.takes_effect.to_owned());
    row("At worst", setting.worst.to_owned());
    row("Source", setting.source.to_owned());
    format!("{}  {}\n{}", paint.bold(setting.title), setting.id, table.to_text("  "))
}

fn builds(setting: &Setting) -> String {
    match (setting.build_first, setting.build_last) {
        (0, u32::MAX) => "all".to_owned(),
        (first, u32::MAX) => format!("{first} and later"),
        (0, last) => format!("up to {last}"),
        (first, last) => format!("{first} to {last}"),
    }
}

fn check(run: &Run) -> Result<Exit, Failure> {
    let report = catalog::check();
    let faults: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    run.screen
        .data(&serde_json::json!({ "settings": catalog::SETTINGS.len(), "faults": faults }), || faults.join("\n"))?;
    if faults.is_empty() {
        run.screen.say(&format!("Checked {}: all rules hold", count(catalog::SETTINGS.len(), "setting")));
        Ok(Exit::Success)
    } else {
        run.screen.warn(&format!("{} in the catalog", count(faults.len(), "fault")));
        Ok(Exit::Integrity)
    }
}

fn document(setting: &Setting) -> SettingDocument {
    SettingDocument {
        id: setting.id,
        title: setting.title,
        category: setting.category,
        place: place(setting),
        allowed: allowed(setting),
        default: setting.default.map(literal),
        build_first: setting.build_first,
        build_last: (setting.build_last != u32::MAX).then_some(setting.build_last),
        managed_by: setting.managed_by.iter().filter_map(|id| windows_policy(id)).map(|policy| policy.title).collect(),
        takes_effect: setting.effect.title(),
        stage: setting.stage,
        sensitivity: setting.sensitivity,
        worst: setting.worst,
        source: setting.source,
    }
}

fn left_out_document(entry: &LeftOut) -> LeftOutDocument {
    LeftOutDocument {
        id: entry.id,
        title: entry.title,
        category: entry.category,
        reason: entry.reason.code(),
        because: entry.because,
    }
}

fn place(setting: &Setting) -> String {
    match setting.place {
        Place::Value { key, name, reg_type } => {
            let name = if name.is_empty() { "(default)" } else { name };
            format!("HKEY_CURRENT_USER\\{key}, value {name}, {reg_type:?}")
        }
        Place::File(role) => format!("a file of the profile: {}", role.word().replace('_', " ")),
    }
}

fn allowed(setting: &Setting) -> String {
    let names = |names: &[&str]| names.iter().map(|name| name.replace('_', " ")).collect::<Vec<_>>().join(", ");
    match setting.kind {
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Choice(choices) => names(&choices.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        Kind::Word(words) => names(&words.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        Kind::Switch { .. } | Kind::Bits { names: [], count: 1, .. } => "on, off".to_owned(),
        Kind::Bits { names: [], count, .. } => format!("0 to {}", (1_u64 << count) - 1),
        Kind::Bits { names: bits, .. } => names(&bits.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        Kind::Colour(_) => "a colour".to_owned(),
        Kind::Text { max, alphabet } => format!("text of up to {max} characters ({alphabet:?})"),
        Kind::Texts { items, max, alphabet } => format!("up to {items} texts of up to {max} characters ({alphabet:?})"),
        Kind::Guids(known) => {
            format!("any of {}", names(&known.iter().map(|(name, _)| *name).collect::<Vec<_>>()))
        }
        Kind::Picture => "a JPEG or PNG picture".to_owned(),
        Kind::Dictionary => "words of one's own, by language".to_owned(),
    }
}
