//! Carries out a journal, forwards or back.
//!
//! Each step is a compare-and-swap: a place that holds neither what was there before nor what is to be there was changed by the person
//! meanwhile, and their newer value stays. A step that fails does not stop the others.
//!
//! Forwards goes by stages: each is written, made durable, read back and made visible before the next. A stage that cannot be made durable
//! does not stop the next one, whose flush covers it; only if the last flush of all fails is everything put back.

use model::catalog::{Effect, FileRole, Stage};
use model::reason::Reason;

use super::journal::{Content, Journal, Picture, Record, Results, Side, Step, StepPlace};
use super::places::Slot;
use super::{ApplyError, NotLive, Reached, Target, ToChoose, in_turn};
use crate::own_files::dictionary::Kept;
use crate::plan::Table;
use crate::registry::RegistryError;

/// What became of each step, in their order; `None` means that its place holds what it is to hold.
pub(super) type StepResults = Vec<Option<Reason>>;

/// What carrying out a journal led to.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) results: StepResults,
    /// The effects that could not be made to happen now.
    pub(super) not_live: Vec<NotLive>,
}

/// The steps of one stage, by their places in the journal.
struct Staged {
    stage: Stage,
    steps: Vec<usize>,
}

/// A journal being carried out.
pub(super) struct Run<'r, 'a> {
    pub(super) table: Table,
    pub(super) target: &'r mut Target<'a>,
    pub(super) journal: Journal<'r>,
    /// Hears how far each stage is.
    pub(super) progress: &'r mut dyn FnMut(Stage, Reached),
}

/// The stage of a step: a value that several settings share is written with the earliest of them. What this version does not know waits for
/// the last stage, where it is refused.
fn stage(table: Table, step: &Step) -> Stage {
    let known = step.settings.iter().filter_map(|id| table.find(id));
    known.map(|setting| setting.stage).min().unwrap_or(Stage::Rest)
}

/// Puts steps into the order of their stages, and files before values within each (`windows.md` 1.3).
pub(super) fn sort(table: Table, steps: &mut [Step]) {
    steps.sort_by_key(|step| (stage(table, step), matches!(step.place, StepPlace::Value { .. })));
}

impl Run<'_, '_> {
    /// Writes all targets stage by stage. If the last of them cannot be made durable, everything is put back.
    pub(super) fn forwards(&mut self, steps: &[Step]) -> Result<Carried, ApplyError> {
        self.journal.write(&Record::Applying)?;
        let mut carried = Carried { results: vec![None; steps.len()], not_live: Vec::new() };
        let mut written: Vec<Staged> = Vec::new();
        for stage in self.stages(steps) {
            // If this fails, the stages that it was for wait for the next flush, which covers all that was written.
            let _ = self.settle(steps, &mut written, &mut carried);
            self.write_stage(steps, &stage, &mut carried.results);
            written.push(stage);
        }
        self.journal.write(&Record::Applied(Results { results: carried.results.clone() }))?;
        if let Err(source) = self.settle(steps, &mut written, &mut carried) {
            let rolled_back = self.backwards(steps).is_ok();
            return Err(ApplyError::Target { source, rolled_back });
        }
        carried.not_live.extend(self.tell_explorer(steps, &carried.results));
        self.journal.write(&Record::Done(Results { results: carried.results.clone() }))?;
        Ok(carried)
    }

    /// Puts all prior values back, in the opposite order, and makes that visible: a stage may have been seen already.
    pub(super) fn backwards(&mut self, steps: &[Step]) -> Result<Carried, ApplyError> {
        self.journal.write(&Record::RollingBack)?;
        let mut results: StepResults = vec![None; steps.len()];
        let stages = self.stages(steps);
        for at in stages.iter().flat_map(|stage| &stage.steps).rev() {
            results[*at] = self.swap(&steps[*at], Side::Prior).err();
        }
        self.target.registry.flush().map_err(|source| ApplyError::Target { source, rolled_back: false })?;
        let mut not_live = Vec::new();
        for Staged { steps: of_stage, .. } in &stages {
            self.verify((steps, of_stage), Side::Prior, &mut results);
            not_live.extend(self.take_effect((steps, of_stage), &results));
        }
        not_live.extend(self.tell_explorer(steps, &results));
        self.journal.write(&Record::RolledBack(Results { results: results.clone() }))?;
        Ok(Carried { results, not_live })
    }

    /// The stages that the steps have, also those of a journal that stands in another order.
    fn stages(&self, steps: &[Step]) -> Vec<Staged> {
        let of = |wanted| (0..steps.len()).filter(|&at| stage(self.table, &steps[at]) == wanted).collect();
        let all = Stage::ALL.into_iter().map(|stage| Staged { stage, steps: of(stage) });
        all.filter(|staged| !staged.steps.is_empty()).collect()
    }

    fn write_stage(&mut self, steps: &[Step], Staged { stage, steps: of_stage }: &Staged, results: &mut StepResults) {
        for (done, &at) in (1..).zip(of_stage) {
            results[at] = self.swap(&steps[at], Side::Target).err();
            (self.progress)(*stage, Reached { done, total: of_stage.len(), complete: false });
        }
    }

    /// Makes durable what these stages have written, reads it back and makes it visible; then they are no longer among the written ones.
    fn settle(
        &mut self,
        steps: &[Step],
        written: &mut Vec<Staged>,
        carried: &mut Carried,
    ) -> Result<(), RegistryError> {
        if written.is_empty() {
            return Ok(());
        }
        self.target.registry.flush()?;
        for Staged { stage, steps: of_stage } in written.drain(..) {
            self.verify((steps, &of_stage), Side::Target, &mut carried.results);
            carried.not_live.extend(self.take_effect((steps, &of_stage), &carried.results));
            let total = of_stage.len();
            (self.progress)(stage, Reached { done: total, total, complete: true });
        }
        Ok(())
    }

    /// Makes visible what these steps have written: each call and broadcast once, in their order. Explorer is told when all stages are done
    /// ([`Self::tell_explorer`]); what needs it or the person to start anew is left to them.
    fn take_effect(&mut self, (steps, of_stage): (&[Step], &[usize]), results: &StepResults) -> Vec<NotLive> {
        let written = of_stage.iter().filter(|&&at| results[at].is_none()).flat_map(|&at| &steps[at].settings);
        let known = written.filter_map(|id| self.table.find(id)).map(|setting| setting.effect);
        let mut effects: Vec<Effect> =
            known.filter(|one| !matches!(one, Effect::Live | Effect::Explorer | Effect::SignOut)).collect();
        in_turn(&mut effects);
        effects.into_iter().filter_map(|effect| self.take(effect).err()).collect()
    }

    /// Makes one change visible.
    fn take(&mut self, effect: Effect) -> Result<(), NotLive> {
        let picture = self.target.files.picture(match effect {
            Effect::LockScreen => FileRole::LockScreen,
            Effect::AccountPicture => FileRole::AccountPicture,
            _ => FileRole::Wallpaper,
        });
        let file = || if let super::Picture::Set(path) = &picture { Some(path.clone()) } else { None };
        let choose = || effect.page().map(|page| ToChoose { file: file(), page });
        self.target.effects.take(effect, &picture).map_err(|why| NotLive { effect, why, choose: choose() })
    }

    /// Tells Explorer once, after all stages, if any of them has written what it shows. Much of it is seen then; what is not waits until it starts again.
    fn tell_explorer(&mut self, steps: &[Step], results: &StepResults) -> Option<NotLive> {
        let written = steps.iter().zip(results).filter(|(_, result)| result.is_none());
        let mut effects = written.flat_map(|(step, _)| &step.settings).filter_map(|id| self.table.find(id));
        if !effects.any(|setting| setting.effect == Effect::Explorer) {
            return None;
        }
        let picture = self.target.files.picture(FileRole::Wallpaper);
        let told = self.target.effects.take(Effect::Explorer, &picture);
        told.err().map(|why| NotLive { effect: Effect::Explorer, why, choose: None })
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
        if current != step.prior && current != step.target && !self.is_half_written(slot, step)? {
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

    /// Whether the place is on its way from one side of its step to the other: dictionaries are several files, and a crash may have come between two.
    fn is_half_written(&self, slot: Slot, step: &Step) -> Result<bool, Reason> {
        let Slot::File(role @ FileRole::Dictionary) = slot else { return Ok(false) };
        let kept = |bytes: Option<Vec<u8>>| bytes.map_or_else(|| Ok(Kept::default()), |bytes| Kept::parse(&bytes));
        let side = |side, mark: Option<&Content>| {
            kept(mark.map(|mark| self.picture(Picture { role, side }, mark)).transpose()?)
        };
        let (prior, target) = (side(Side::Prior, step.prior.as_ref())?, side(Side::Target, step.target.as_ref())?);
        Ok(kept(self.target.files.read(role)?)?.is_between(&prior, &target))
    }

    /// A picture from beside the journal, checked against what the journal says of it.
    fn picture(&self, picture: Picture, mark: &Content) -> Result<Vec<u8>, Reason> {
        let bytes = self.journal.journals.picture(self.journal.number, picture).map_err(|error| error.reason())?;
        bytes.filter(|bytes| Content::of_file(bytes) == *mark).ok_or(Reason::Damaged)
    }

    /// Reads back what these steps have written. What is not there is no longer called done.
    fn verify(&self, (steps, of_stage): (&[Step], &[usize]), to: Side, results: &mut StepResults) {
        for &at in of_stage {
            let step = &steps[at];
            if results[at].is_some() {
                continue;
            }
            let Some(slot) = Slot::find(self.table, &step.place) else { continue };
            let other = side(step, if to == Side::Target { Side::Prior } else { Side::Target });
            results[at] = match read(self.target, slot) {
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
