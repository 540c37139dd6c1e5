//! Undo: puts back exactly what a restore replaced, type, bytes and absence.
//!
//! An undo is a run like any other, with a journal of its own, and so can be undone. What the person changed since the restore stays: for
//! a value that several settings share that is decided setting by setting, because one other bit is no reason to keep all.
//!
//! Whoever says "undo" twice means one of two things. If the first time took back a part (a category, a setting), the second one means the rest
//! of the same restore; if it took back everything there was to take back, the second one means to have the restore again. [`choose`] tells
//! them apart by what is left to put back.

use model::catalog::Setting;
use model::reason::Reason;
use model::world::Moment;

use super::journal::{Content, Journals, Picture, Side, State, Step, VALUE_BYTES_MAX, Written};
use super::places::{Slot, ValueSlot};
use super::prepare::{Prepared, written};
use super::{ApplyError, Target};
use crate::codec;
use crate::plan::{Choice, Table};
use crate::registry::RawValue;

/// How long a restore can be undone, in days. Longer, and what was there before has little to do with the PC as it is.
pub const UNDO_DAYS: i64 = 30;

/// How long journals are kept, in days: long enough to say that a restore can no longer be undone.
const KEEP_DAYS: i64 = 2 * UNDO_DAYS;

/// Journals of each target that stay whatever the clock says: one that was ahead for a moment must not cost what there is to undo.
const KEPT_ALWAYS: usize = 3;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The run to undo and what that writes. Without a number it is the newest run on this target; or, if that one took back a part of another
/// run, that other run, as long as the choice finds something of it to put back.
pub(super) fn choose(
    table: Table,
    (which, choice): (Option<u32>, &Choice),
    target: &Target,
    (journals, now): (&dyn Journals, Moment),
) -> Result<(Written, Prepared), ApplyError> {
    let newest = find(journals, which, target.name, now)?;
    let taken_back = newest.begin.as_ref().and_then(|begin| begin.undo_of).filter(|_| which.is_none());
    if let Some(number) = taken_back {
        let begun = Written::read(journals, number)?;
        if can_be_undone(&begun, target.name) && age_days(&begun, now) < UNDO_DAYS {
            let rest = prepare(table, &begun, choice, (target, journals));
            if !rest.steps.is_empty() {
                return Ok((begun, rest));
            }
        }
    }
    let prepared = prepare(table, &newest, choice, (target, journals));
    Ok((newest, prepared))
}

/// The journal with that number, or the newest that was finished on this target.
fn find(journals: &dyn Journals, which: Option<u32>, target: &str, now: Moment) -> Result<Written, ApplyError> {
    let mut numbers = journals.numbers()?;
    numbers.reverse();
    for number in numbers.into_iter().filter(|number| which.is_none_or(|which| which == *number)) {
        let written = Written::read(journals, number)?;
        if written.state == State::Damaged && which.is_some() {
            return Err(ApplyError::Damaged { number });
        }
        if can_be_undone(&written, target) {
            return if age_days(&written, now) < UNDO_DAYS { Ok(written) } else { Err(ApplyError::Expired { number }) };
        }
    }
    Err(ApplyError::NothingToUndo)
}

fn can_be_undone(written: &Written, target: &str) -> bool {
    written.state == State::Done && written.is_for(target)
}

/// Removes journals that are of no more use.
pub(super) fn forget_old(journals: &mut dyn Journals, now: Moment) -> Result<(), ApplyError> {
    let mut newer: Vec<String> = Vec::new();
    for number in journals.numbers()?.into_iter().rev() {
        let written = Written::read(journals, number)?;
        let target = written.begin.as_ref().map(|begin| begin.target.clone()).unwrap_or_default();
        let is_newest = newer.iter().filter(|known| **known == target).count() < KEPT_ALWAYS;
        if !written.is_unfinished() && age_days(&written, now) >= KEEP_DAYS && !is_newest {
            journals.remove(number)?;
        }
        newer.push(target);
    }
    Ok(())
}

/// A clock that was turned back makes a journal no older than new.
fn age_days(written: &Written, now: Moment) -> i64 {
    written.begin.as_ref().map_or(0, |begin| now.0.saturating_sub(begin.at.0).max(0) / DAY_MILLIS)
}

/// What undoing a journal writes. Takes the settings that the choice takes.
fn prepare(table: Table, undone: &Written, choice: &Choice, (target, journals): (&Target, &dyn Journals)) -> Prepared {
    let mut prepared = Prepared::default();
    let carried_out = undone.steps.iter().zip(&undone.results).filter(|(_, result)| result.is_none());
    for (step, _) in carried_out {
        let takes = |id: &&String| table.find(id).map_or(choice.is_all(), |setting| choice.takes(setting));
        let chosen: Vec<String> = step.settings.iter().filter(takes).cloned().collect();
        if chosen.is_empty() {
            continue;
        }
        let done = match Slot::find(table, &step.place) {
            None => Err(Reason::NotInCatalog),
            Some(Slot::Value(slot)) => add_value(&mut prepared, (table, slot), (step, &chosen), target),
            Some(slot @ Slot::File(_)) => add_file(&mut prepared, (undone.number, step), slot, (target, journals)),
        };
        if let Err(reason) = done {
            prepared.failed.extend(chosen.into_iter().map(|id| (id, reason)));
        }
    }
    prepared
}

fn add_value(
    prepared: &mut Prepared,
    (table, slot): (Table, ValueSlot),
    (step, chosen): (&Step, &[String]),
    target: &Target,
) -> Result<(), Reason> {
    let current = slot.read(target.registry)?;
    if current.as_ref().is_some_and(|raw| raw.bytes.len() > VALUE_BYTES_MAX) {
        return Err(Reason::Damaged);
    }
    let prior = step.prior.as_ref().and_then(Content::raw);
    let restored = step.target.as_ref().and_then(Content::raw);
    if current == prior || (current == restored && chosen.len() == step.settings.len()) {
        prepared.add_place(Slot::Value(slot), chosen.to_vec(), current, prior);
        return Ok(());
    }
    let mut next = current.clone();
    let mut changed = Vec::new();
    for id in chosen {
        let setting = table.find(id).filter(|setting| codec::shares_its_value(setting)).ok_or(Reason::ChangedHere);
        match setting.and_then(|setting| put_back(setting, prior.as_ref(), restored.as_ref(), next.as_ref())) {
            Ok(raw) => {
                next = Some(raw);
                changed.push(id.clone());
            }
            Err(reason) => prepared.failed.push((id.clone(), reason)),
        }
    }
    if !changed.is_empty() {
        prepared.add_place(Slot::Value(slot), changed, current, next);
    }
    Ok(())
}

/// The stored value with the bits of one setting as they were before, if they still are as the restore left them.
fn put_back(
    setting: &'static Setting,
    prior: Option<&RawValue>,
    restored: Option<&RawValue>,
    current: Option<&RawValue>,
) -> Result<RawValue, Reason> {
    let meaning = |raw: Option<&RawValue>| match raw {
        Some(raw) => codec::decode(setting, raw),
        None => codec::default_value(setting).ok_or(Reason::DefaultUnknown),
    };
    let before = meaning(prior)?;
    let now = meaning(current)?;
    if now != meaning(restored)? && now != before {
        return Err(Reason::ChangedHere);
    }
    written(setting, &before, current)
}

fn add_file(
    prepared: &mut Prepared,
    (undone, step): (u32, &Step),
    slot: Slot,
    (target, journals): (&Target, &dyn Journals),
) -> Result<(), Reason> {
    let (Slot::File(role), [id]) = (slot, step.settings.as_slice()) else { return Err(Reason::Damaged) };
    let current = target.files.read(role)?;
    let now = current.as_deref().map(Content::of_file);
    if now != step.target && now != step.prior {
        return Err(Reason::ChangedHere);
    }
    let prior = match &step.prior {
        Some(mark) => {
            let bytes =
                journals.picture(undone, Picture { role, side: Side::Prior }).map_err(|error| error.reason())?;
            Some(bytes.filter(|bytes| Content::of_file(bytes) == *mark).ok_or(Reason::Damaged)?)
        }
        None => None,
    };
    prepared.add_picture((role, id), current, prior)
}
