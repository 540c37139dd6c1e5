//! From a plan to the steps of a journal: what exactly will be written where, and what is there now.
//!
//! Steps go by place, not by setting, because several settings may live in one stored value: each changes its own bits of what the ones before
//! it made. Here also stands the last check of what is to be written.

use model::catalog::{FileRole, RegType, Setting, path_like};
use model::plan::{Plan, SettingAction, SettingStep};
use model::reason::Reason;
use model::value::{FileRef, Value};
use model::words::WordList;

use super::files::check_kind;
use super::journal::{Content, Picture, Side, Step, VALUE_BYTES_MAX};
use super::places::Slot;
use super::{Fetch, Target};
use crate::codec;
use crate::own_files::dictionary::Kept;
use crate::picture::noted;
use crate::plan::{Table, check};
use crate::registry::RawValue;

/// What is to be journaled and then carried out, and what became of the settings that need no step.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) steps: Vec<Step>,
    pub(super) pictures: Vec<(Picture, Vec<u8>)>,
    /// Settings that already are as they are to be.
    pub(super) already: Vec<String>,
    pub(super) failed: Vec<(String, Reason)>,
}

/// One place on its way from what is there to what is to be there.
struct Draft {
    slot: Slot,
    prior: Option<RawValue>,
    next: Option<RawValue>,
    settings: Vec<String>,
}

/// The steps of a plan, files before values (`windows.md` 1.3). Their stages come after: [`super::run::sort`].
pub(super) fn prepare(table: Table, plan: &Plan, fetch: &Fetch, target: &Target) -> Prepared {
    let (mut prepared, mut drafts) = (Prepared::default(), Vec::new());
    for step in plan.settings.iter().filter(|step| step.action.changes()) {
        let Some(setting) = table.find(&step.id) else {
            prepared.failed.push((step.id.clone(), Reason::NotInCatalog));
            continue;
        };
        let done = match Slot::of(setting) {
            Slot::File(role) => prepared.add_file((role, step), fetch, target),
            Slot::Value(_) => add_value(&mut drafts, setting, step, target),
        };
        if let Err(reason) = done {
            prepared.failed.push((step.id.clone(), reason));
        }
    }
    for draft in drafts {
        prepared.add_place(draft.slot, draft.settings, draft.prior, draft.next);
    }
    prepared
}

impl Prepared {
    /// A place that is to hold another value; if it holds it already, there is nothing to do.
    pub(super) fn add_place(
        &mut self,
        slot: Slot,
        settings: Vec<String>,
        prior: Option<RawValue>,
        target: Option<RawValue>,
    ) {
        if prior == target {
            self.already.extend(settings);
            return;
        }
        let (prior, target) = (prior.map(Content::of_value), target.map(Content::of_value));
        self.steps.push(Step { place: slot.place(), settings, prior, target });
    }

    /// A file that is to have another content, or to go.
    pub(super) fn add_picture(
        &mut self,
        (role, id): (FileRole, &str),
        prior: Option<Vec<u8>>,
        target: Option<Vec<u8>>,
    ) -> Result<(), Reason> {
        if prior == target {
            self.already.push(id.to_owned());
            return Ok(());
        }
        // What could not be put back is not replaced.
        let sides = [(Side::Prior, &prior), (Side::Target, &target)];
        for bytes in sides.iter().filter_map(|(_, bytes)| bytes.as_ref()) {
            check_kind(role, bytes)?;
        }
        self.steps.push(Step {
            place: Slot::File(role).place(),
            settings: vec![id.to_owned()],
            prior: prior.as_deref().map(Content::of_file),
            target: target.as_deref().map(Content::of_file),
        });
        for (side, bytes) in [(Side::Prior, prior), (Side::Target, target)] {
            self.pictures.extend(bytes.map(|bytes| (Picture { role, side }, bytes)));
        }
        Ok(())
    }

    fn add_file(
        &mut self,
        (role, step): (FileRole, &SettingStep),
        fetch: &Fetch,
        target: &Target,
    ) -> Result<(), Reason> {
        let prior = target.files.read(role)?;
        let (old, new) = match &step.action {
            SettingAction::Set { old, new: Value::File(new) } => (old.as_ref(), Some(new)),
            SettingAction::Remove { old } if role.is_removed() => (Some(old), None),
            _ => return Err(Reason::WrongType),
        };
        let new = new.map(|new| wanted(role, new, (prior.as_deref(), fetch))).transpose()?;
        // The plan knows the old file by a keyed hash, which only the backup could compute again; its size tells most changes.
        let planned = old.map(|old| if let Value::File(file) = old { Ok(file.size) } else { Err(Reason::WrongType) });
        let size = prior.as_deref().map(|bytes| size_in_a_backup(role, bytes)).transpose()?.flatten();
        if size != planned.transpose()? && prior != new {
            return Err(Reason::ChangedHere);
        }
        self.add_picture((role, &step.id), prior, new)
    }
}

/// The size that a backup would give a file that is there: one of ours was planned as the file that it was made from, and of dictionaries their words
/// travel; `None` if it would have nothing of it.
fn size_in_a_backup(role: FileRole, bytes: &[u8]) -> Result<Option<u64>, Reason> {
    if role == FileRole::Dictionary {
        let (list, _) = Kept::parse(bytes)?.words()?;
        return if list.is_empty() { Ok(None) } else { list.to_bytes().map(|bytes| Some(bytes.len() as u64)) };
    }
    Ok(Some(noted(bytes).map_or(bytes.len() as u64, |file| file.size)))
}

/// The bytes of a file of the snapshot as they are written: opened, and encoded anew; words are added to those that are there.
fn wanted(role: FileRole, file: &FileRef, (prior, fetch): (Option<&[u8]>, &Fetch)) -> Result<Vec<u8>, Reason> {
    if file.size > crate::plan::most_bytes(role) {
        return Err(Reason::FileTooLarge);
    }
    let bytes = fetch(role, file)?;
    if role == FileRole::Dictionary {
        let here = prior.map_or_else(|| Ok(Kept::default()), Kept::parse)?;
        return Ok(here.with(&WordList::parse(&bytes)?)?.to_bytes());
    }
    check_kind(role, &bytes).map(|()| bytes)
}

fn add_value(
    drafts: &mut Vec<Draft>,
    setting: &'static Setting,
    step: &SettingStep,
    target: &Target,
) -> Result<(), Reason> {
    let slot = Slot::of(setting);
    let at = drafts.iter().position(|draft| draft.slot == slot);
    let stored = match (at, slot) {
        (Some(at), _) => drafts[at].prior.clone(),
        (None, Slot::Value(slot)) => slot.read(target.registry)?,
        (None, Slot::File(_)) => return Err(Reason::WrongType),
    };
    if stored.as_ref().is_some_and(|raw| raw.bytes.len() > VALUE_BYTES_MAX) {
        return Err(Reason::Damaged);
    }
    let (old, new) = match &step.action {
        SettingAction::Set { old, new } => (old.as_ref(), Some(new)),
        SettingAction::Remove { old } => (Some(old), None),
        SettingAction::Same { .. } | SettingAction::Skip { .. } => return Ok(()),
    };
    let next = match new {
        Some(new) => Some(written(setting, new, at.map_or(stored.as_ref(), |at| drafts[at].next.as_ref()))?),
        None if codec::shares_its_value(setting) => return Err(Reason::DefaultUnknown),
        None => None,
    };
    let now = stored.as_ref().map(|raw| codec::decode(setting, raw)).transpose().map_err(|_| Reason::ChangedHere)?;
    if now.as_ref() != old && now.as_ref() != new {
        return Err(Reason::ChangedHere);
    }
    match at {
        Some(at) => {
            drafts[at].next = next;
            drafts[at].settings.push(step.id.clone());
        }
        None => drafts.push(Draft { slot, prior: stored, next, settings: vec![step.id.clone()] }),
    }
    Ok(())
}

/// What is stored for a value, checked once more: it has the type of the place, reads back as the same value, and no text in it could be a
/// path. The codec promises all of this; a restore does not rest on one promise.
pub(super) fn written(setting: &Setting, value: &Value, current: Option<&RawValue>) -> Result<RawValue, Reason> {
    check(setting, value)?;
    let raw = codec::encode(setting, value, current)?;
    if setting.reg_type().is_none_or(|reg_type| raw.reg_type != reg_type as u32) {
        return Err(Reason::WrongType);
    }
    if codec::decode(setting, &raw).as_ref() != Ok(value) {
        return Err(Reason::OutOfRange);
    }
    if is_path_like(&raw) { Err(Reason::CouldCarryCode) } else { Ok(raw) }
}

/// Whether a text among what is stored could be taken for a path.
pub(super) fn is_path_like(raw: &RawValue) -> bool {
    let is_text = raw.reg_type == RegType::Sz as u32 || raw.reg_type == RegType::MultiSz as u32;
    let units: Vec<u16> =
        raw.bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])).collect();
    is_text && units.split(|&unit| unit == 0).any(|text| String::from_utf16(text).map_or(true, |text| path_like(&text)))
}
