//! The page Privacy: what is kept and who can read it, who has opened it, and how to take it along or delete it.

use super::read::{list, tame, text};
use super::{Controller, Step};
use crate::texts::apart;
use crate::view::{Line, Tone, View};
use crate::when::When;

/// The most openings that are listed; `rehome openings` has all.
const OPENINGS_MAX: usize = 200;

impl Controller {
    pub(super) fn privacy(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        view.title = texts.t("privacy.title");
        view.lead = texts.t("privacy.lead");
        view.foot = texts.t("privacy.foot");
        if self.step == Step::Delete {
            return self.really(view);
        }
        view.main = texts.t("refresh");
        view.main_enabled = true;
        if let Some(status) = self.status.value() {
            view.detail = texts.t2("privacy.where", &text(status, "organisation"), &text(status, "server"));
        }
        let machines = self.machines();
        if !machines.is_empty() {
            view.second = texts.t("privacy.export");
        }
        if machines.iter().any(|pc| pc.this_pc) {
            view.third = texts.t("privacy.delete");
        }
        if let Some(problem) = self.openings.problem() {
            return self.problem(view, problem);
        }
        let Some(document) = self.openings.value() else {
            view.status = texts.t("wait");
            return;
        };
        let openings = list(document, "openings");
        view.status = if openings.is_empty() {
            texts.t("privacy.nobody")
        } else {
            texts.count(openings.len() as u64, "openings.one", "openings.many")
        };
        view.tone = if openings.is_empty() { Tone::Good } else { Tone::Plain };
        if !openings.is_empty() {
            view.lines.push(Line::heading(texts.t("privacy.opened")));
        }
        for opening in openings.iter().take(OPENINGS_MAX) {
            let by = opening["opened_by"].as_str().map_or_else(|| texts.t("privacy.operator"), tame);
            let at = when.said(texts, opening["open_from_at"].as_str().unwrap_or_default());
            view.lines.push(Line::new(format!("{}, {at}", apart(&by)), text(opening, "purpose"), Tone::Plain));
        }
        for moved in list(document, "moves").iter().take(OPENINGS_MAX) {
            let key = if moved["came"] == true { "privacy.came" } else { "privacy.went" };
            let at = when.said(texts, moved["moved_at"].as_str().unwrap_or_default());
            view.lines.push(Line::new(texts.t1(key, &text(moved, "device_name")), at, Tone::Plain));
        }
        if !machines.is_empty() {
            view.lines.push(Line::heading(texts.t("privacy.kept")));
        }
        for pc in &machines {
            let number = texts.count(pc.backups.len() as u64, "backups.one", "backups.many");
            view.lines.push(Line::new(tame(&pc.device), number, Tone::Plain));
        }
        view.lines.push(Line::heading(texts.t("privacy.readers")));
        for (who, what) in [
            ("readers.you", "readers.you_how"),
            ("readers.admins", "readers.admins_how"),
            ("readers.server", "readers.server_how"),
        ] {
            view.lines.push(Line::new(texts.t(who), texts.t(what), Tone::Plain));
        }
    }

    /// Whether they are really to be deleted.
    fn really(&self, view: &mut View) {
        let texts = self.texts;
        let number = self.own_backups().len() as u64;
        view.tone = Tone::Attention;
        view.status = texts.count(number, "delete.one", "delete.many");
        view.detail = texts.t("delete.for_good");
        view.main = texts.t("delete.do");
        view.main_enabled = number > 0;
        view.second = texts.t("back");
    }
}
