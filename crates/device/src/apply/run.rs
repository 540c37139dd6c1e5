//! Carries out a journal, forwards or back.
//!
//! Each step is a compare-and-swap: a place that holds neither what was there before nor what is to be there was changed by the person
//! meanwhile, and their newer value stays. A step that fails does not stop the others.

use model::reason::Reason;

use super::journal::{Content, Journal, Picture, Record, Results, Side, Step};
use super::places::Slot;
use super::{ApplyError, Target};
use crate::plan::Table;

/// What became of each step, in their order; `None` means that its place holds what it is to hold.
pub(super) type StepResults = Vec<Option<Reason>>;

/// A journal being carried out.
pub(super) struct Run<'r, 'a> {
    pub(super) table: Table,
    pub(super) target: &'r mut Target<'a>,
    pub(super) journal: Journal<'r>,
    /// Hears how many steps are done, of how many.
    pub(super) progress: &'r mut dyn FnMut(usize, usize),
}

impl Run<'_, '_> {
    /// Writes all targets, makes them durable, reads them back. If they cannot be made durable, everything is put back.
    pub(super) fn forwards(&mut self, steps: &[Step]) -> Result<StepResults, ApplyError> {
        self.journal.write(&Record::Applying)?;
        let mut results = Vec::with_capacity(steps.len());
        for step in steps {
            results.push(self.swap(step, Side::Target).err());
            (self.progress)(results.len(), steps.len());
        }
        self.journal.write(&Record::Applied(Results { results: results.clone() }))?;
        if let Err(source) = self.target.registry.flush() {
            let rolled_back = self.backwards(steps).is_ok();
            return Err(ApplyError::Target { source, rolled_back });
        }
        self.verify(steps, Side::Target, &mut results);
        self.journal.write(&Record::Done(Results { results: results.clone() }))?;
        Ok(results)
    }

    /// Puts all prior values back, in the opposite order.
    pub(super) fn backwards(&mut self, steps: &[Step]) -> Result<StepResults, ApplyError> {
        self.journal.write(&Record::RollingBack)?;
        let mut results: StepResults = vec![None; steps.len()];
        for (step, result) in steps.iter().zip(&mut results).rev() {
            *result = self.swap(step, Side::Prior).err();
        }
        self.target.registry.flush().map_err(|source| ApplyError::Target { source, rolled_back: false })?;
        self.verify(steps, Side::Prior, &mut results);
        self.journal.write(&Record::RolledBack(Results { results: results.clone() }))?;
        Ok(results)
    }

    /// Brings one place to one side of its step, if it is on either. An error says why it was left alone.
    fn swap(&mut self, step: &Step, to: Side) -> Result<(), Reason> {
        let slot = Slot::find(self.table, &step.place).ok_or(Reason::NotInCatalog)?;
        let wanted = side(step, to);
        let current = read(self.target, slot)?;
        // A value needs no second write. A file does: a crash may have left its former name beside the new one.
        if current.as_ref() == wanted && matches!(slot, Slot::Value(_)) {
            return Ok(());
        }
        if current != step.prior && current != step.target {
            return Err(Reason::ChangedHere);
        }
        match (slot, wanted) {
            (Slot::Value(slot), wanted) => {
                let raw = wanted.and_then(Content::raw);
                slot.write(self.target.registry, raw.as_ref())
            }
            (Slot::File(role), Some(mark)) => {
                let bytes = self.picture(Picture { role, side: to }, mark)?;
                self.target.files.write(role, &bytes)
            }
            (Slot::File(role), None) => self.target.files.remove(role),
        }
    }

    /// A picture from beside the journal, checked against what the journal says of it.
    fn picture(&self, picture: Picture, mark: &Content) -> Result<Vec<u8>, Reason> {
        let bytes = self.journal.journals.picture(self.journal.number, picture).map_err(|error| error.reason())?;
        bytes.filter(|bytes| Content::of_file(bytes) == *mark).ok_or(Reason::Damaged)
    }

    /// Reads back what was written. What is not there is no longer called done.
    fn verify(&self, steps: &[Step], to: Side, results: &mut StepResults) {
        for (step, result) in steps.iter().zip(results).filter(|(_, result)| result.is_none()) {
            let Some(slot) = Slot::find(self.table, &step.place) else { continue };
            let other = side(step, if to == Side::Target { Side::Prior } else { Side::Target });
            *result = match read(self.target, slot) {
                Ok(current) if current.as_ref() == side(step, to) => None,
                Ok(current) if current.as_ref() == other => Some(Reason::Damaged),
                Ok(_) => Some(Reason::ChangedHere),
                Err(reason) => Some(reason),
            };
        }
    }
}

/// What a place holds now.
pub(super) fn read(target: &Target, slot: Slot) -> Result<Option<Content>, Reason> {
    Ok(match slot {
        Slot::Value(slot) => slot.read(target.registry)?.map(Content::of_value),
        Slot::File(role) => target.files.read(role)?.map(|bytes| Content::of_file(&bytes)),
    })
}

fn side(step: &Step, side: Side) -> Option<&Content> {
    match side {
        Side::Prior => step.prior.as_ref(),
        Side::Target => step.target.as_ref(),
    }
}
