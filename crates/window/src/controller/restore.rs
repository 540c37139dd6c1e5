//! The pages Restore and *Welcome back*: the person's PCs, the backups of each, and what would come back.

use serde_json::Value;

use super::read::{category, changes, installs, list, literal, number, reason, tame, text, title};
use super::{Controller, Step, read};
use crate::call::{Call, Problem, Which};
use crate::texts::apart;
use crate::view::{Card, Group, Line, Page, Tone, View};
use crate::when::When;

/// The most PCs that are listed: a person with more looks them up with `rehome snapshots`.
const PCS_MAX: usize = 50;
/// The most backups of a PC that are listed; retention keeps fewer.
const BACKUPS_MAX: usize = 100;
/// The most lines of a page's list: a restore has some hundred settings.
pub(super) const LINES_MAX: usize = 400;

/// A PC with its backups, newest first.
pub(super) struct Machine {
    /// Its name as it is: it is a word of the next command line.
    pub device: String,
    pub this_pc: bool,
    pub backups: Vec<Value>,
}

impl Machine {
    pub fn which(&self, index: usize) -> Which {
        let snapshot = self.backups.get(index).map(|one| text(one, "snapshot")).unwrap_or_default();
        Which { device: self.device.clone(), snapshot }
    }

    /// Whether nobody has found that it cannot be opened.
    pub fn opens(&self, index: usize) -> bool {
        self.backups.get(index).is_some_and(|one| one["restorable"] != false)
    }

    fn newest(&self) -> String {
        self.backups.first().map(|one| text(one, "taken_at")).unwrap_or_default()
    }
}

impl Controller {
    /// Other PCs first, the one with the newest backup before all: what a person wants back is on their old PC.
    pub(super) fn machines(&self) -> Vec<Machine> {
        let Some(pcs) = self.pcs.value().and_then(Value::as_array) else { return Vec::new() };
        let machine = |pc: &Value| Machine {
            device: pc["device_name"].as_str().unwrap_or_default().to_owned(),
            this_pc: pc["this_device"] == true,
            backups: list(pc, "snapshots").iter().take(BACKUPS_MAX).cloned().collect(),
        };
        let mut found: Vec<_> = pcs.iter().take(PCS_MAX).map(machine).filter(|pc| !pc.backups.is_empty()).collect();
        if self.page == Page::Welcome {
            found.retain(|pc| !pc.this_pc);
        }
        // RFC 3339 in UTC sorts as text.
        found.sort_by(|a, b| (a.this_pc, b.newest()).cmp(&(b.this_pc, a.newest())));
        found
    }

    pub(super) fn has_older(&self) -> bool {
        self.machines().get(self.chosen.0).is_some_and(|pc| pc.backups.len() > 1)
    }

    /// The groups of the plan that is shown.
    pub(super) fn groups(&self) -> Vec<Group> {
        let Some(document) = self.preview.value() else { return Vec::new() };
        let group = |choice: &Value| {
            let (word, changes) = (text(choice, "group"), number(choice, "changes"));
            let locked = choice["locked"] == true;
            let detail = match (locked, word.as_str()) {
                (true, _) => self.texts.t("restore.locked"),
                (false, "app_list") => self.texts.count(changes, "apps.one", "apps.many"),
                (false, _) => self.texts.count(changes, "changes.one", "changes.many"),
            };
            let title = read::group(self.texts, choice);
            Group { ticked: choice["taken"] == true, word, title, detail, locked, heading: false }
        };
        let choices = list(&document["plan"], "choices").iter();
        choices.filter(|choice| !(choice["locked"] == true && choice["taken"] == false)).map(group).collect()
    }

    pub(super) fn problem(&self, view: &mut View, problem: &Problem) {
        let (title, hint) = self.explain(problem);
        view.status = title;
        view.detail = hint;
        view.tone = if problem.code == "policy_off" { Tone::Off } else { Tone::Attention };
        view.main = self.texts.t("again");
        view.main_enabled = true;
    }

    pub(super) fn restoring(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        let welcome = self.page == Page::Welcome;
        let name = self.welcome.value().map(|document| text(document, "user")).unwrap_or_default();
        view.title = match (welcome, name.is_empty()) {
            (true, false) => texts.t1("welcome.title", &name),
            (true, true) => texts.t("welcome.nameless"),
            (false, _) => texts.t("restore.title"),
        };
        view.lead = match self.unasked() {
            Some(Call::Restore(choice, _)) => texts.t1("welcome.unasked", &tame(&choice.device)),
            _ => texts.t(if welcome { "welcome.lead" } else { "restore.lead" }),
        };
        view.foot = texts.t("restore.foot");
        if welcome {
            view.third = texts.t("welcome.later");
        }
        match self.step {
            Step::Look => self.looking(view),
            Step::Older => self.older(view, when),
            Step::Pick | Step::More | Step::Delete => self.picking(view, when, welcome),
        }
    }

    fn picking(&self, view: &mut View, when: &When, welcome: bool) {
        let texts = self.texts;
        let machines = self.machines();
        view.second = match (welcome, self.last_restore()) {
            (true, _) if self.step == Step::More => texts.t("back"),
            (true, _) if machines.is_empty() => texts.t("welcome.new"),
            (true, _) => texts.t("welcome.more"),
            (false, Some(last)) => {
                let at = last["at"].as_i64().map(|at| when.said_millis(texts, at)).unwrap_or_default();
                texts.t1("restore.undo", &at)
            }
            (false, None) => String::new(),
        };
        if let Some(problem) = self.pcs.problem() {
            return self.problem(view, problem);
        }
        view.main = texts.t(match (welcome, self.step) {
            (true, Step::More) => "welcome.continue",
            (true, _) => "welcome.restore",
            (false, _) => "restore.look",
        });
        if self.pcs.value().is_none() {
            view.status = texts.t("restore.asking");
            return;
        }
        let card = |(index, pc): (usize, &Machine)| {
            let mut card = self.card(&pc.backups[0], when);
            card.title = tame(&pc.device);
            card.about = self.about(&pc.which(0).snapshot);
            if pc.this_pc {
                card.mark = texts.t("restore.here");
            }
            card.chosen = index == self.chosen.0;
            card
        };
        view.cards = machines.iter().enumerate().map(card).collect();
        if welcome && self.step == Step::Pick {
            view.cards.truncate(1);
        }
        if welcome && self.step == Step::More {
            view.cards.push(Card {
                title: texts.t("welcome.new"),
                detail: texts.t("welcome.new_about"),
                chosen: self.chosen.0 >= machines.len(),
                ..Card::default()
            });
        } else if !welcome && self.has_older() {
            view.third = texts.t("restore.older");
        }
        let new_pc = self.step == Step::More && self.chosen.0 >= machines.len();
        let waits = new_pc && self.is_easing();
        view.main_enabled = !waits && !view.cards.is_empty();
        if machines.is_empty() {
            view.status = texts.t("restore.none");
            view.detail = texts.t("restore.none_next");
            view.main = texts.t("again");
            view.main_enabled = true;
        }
        if welcome {
            self.ease(view);
        }
    }

    /// What came back at once.
    fn ease(&self, view: &mut View) {
        let texts = self.texts;
        match &self.eased {
            Some((device, None)) => view.status = texts.t1("ease.running", &tame(device)),
            Some((device, Some(1..))) => {
                (view.tone, view.status) = (Tone::Good, texts.t1("ease.done", &tame(device)));
            }
            _ => {}
        }
    }

    fn older(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        view.main = texts.t("restore.look");
        view.second = texts.t("back");
        let machines = self.machines();
        let Some(pc) = machines.get(self.chosen.0) else { return };
        view.status = texts.t1("restore.older_of", &tame(&pc.device));
        let card = |(index, one): (usize, &Value)| {
            let mut card = self.card(one, when);
            card.title = std::mem::take(&mut card.when);
            card.chosen = index == self.chosen.1;
            card
        };
        view.cards = pc.backups.iter().enumerate().map(card).collect();
        view.main_enabled = true;
    }

    fn card(&self, one: &Value, when: &When) -> Card {
        let texts = self.texts;
        Card {
            when: when.said(texts, &text(one, "taken_at")),
            detail: self.with_apps((number(one, "settings"), "settings.one", "settings.many"), number(one, "apps")),
            mark: if one["restorable"] == false { texts.t("restore.damaged") } else { String::new() },
            ..Card::default()
        }
    }

    /// What the old PC was, and how much of it differs from this one.
    fn about(&self, snapshot: &str) -> String {
        let Some(document) = self.glances.get(snapshot) else { return String::new() };
        let texts = self.texts;
        let device = &document["device"];
        let build = device["build"].as_u64().map(|build| texts.t1("about.build", &build.to_string()));
        let differs = changes(document).count() as u64;
        let differs = match differs {
            0 => texts.t("about.same"),
            some => texts.count(some, "about.differs", "about.differ"),
        };
        let parts = [device["model"].as_str().map(|model| apart(&tame(model)).into_owned()), build, Some(differs)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn looking(&self, view: &mut View) {
        let texts = self.texts;
        view.second = texts.t("back");
        if let Some(problem) = self.preview.problem() {
            return self.problem(view, problem);
        }
        view.main = texts.t("restore.now");
        let Some(document) = self.preview.value() else {
            view.status = texts.t("restore.comparing");
            return;
        };
        view.groups = self.groups();
        let (settings, apps) = (changes(document).count() as u64, installs(document).count() as u64);
        view.lines = self.plan_lines(document);
        view.status = texts.t1("restore.from", &text(document, "device_name"));
        view.detail = self.with_apps((settings, "changes.one", "changes.many"), apps);
        view.main_enabled = settings + apps > 0;
        if !view.main_enabled {
            view.tone = Tone::Good;
            view.detail = texts.t("restore.same");
        }
    }

    /// The plan, by category: what is now and what it becomes; then the apps, what stays as it is and why, and what never comes back.
    fn plan_lines(&self, document: &Value) -> Vec<Line> {
        let texts = self.texts;
        let mut lines = Vec::new();
        let mut last = None;
        for step in changes(document) {
            let word = step["category"].as_str().unwrap_or_default();
            if last != Some(word) {
                lines.push(Line::heading(category(texts, word)));
                last = Some(word);
            }
            lines.push(self.change_line(step));
        }
        let app = |app: &Value| Line::new(read::app(app), self.with_pin(texts.t("restore.install"), app), Tone::Plain);
        self.section(&mut lines, "apps.title", installs(document).map(app).collect());
        let skips = list(&document["plan"], "settings").iter().filter(|step| step["action"] == "skip");
        let skip = |step: &Value| Line::new(title(self.texts, step), self.skipped(step), Tone::Off);
        self.section(&mut lines, "restore.stays", skips.map(skip).collect());
        let never = |one: &Value| Line::new(title(self.texts, one), text(one, "because"), Tone::Off);
        let never = list(&document["plan"], "not_carried").iter().map(never);
        self.section(&mut lines, "restore.never", never.collect());
        lines.truncate(LINES_MAX);
        lines
    }

    /// Why a step is left alone.
    pub(super) fn skipped(&self, step: &Value) -> String {
        match step["reason"].as_str().unwrap_or_default() {
            "managed_by_policy" => self.texts.t("skip.managed"),
            "changed_since_sign_in" => self.texts.t("skip.yours"),
            "not_on_this_build" => self.texts.t("skip.other"),
            _ => reason(self.texts, step),
        }
    }

    pub(super) fn change_line(&self, step: &Value) -> Line {
        let new = if step["action"] == "remove" { self.texts.t("restore.default") } else { literal(&step["new"]) };
        Line::new(title(self.texts, step), format!("{} → {}", apart(&literal(&step["old"])), apart(&new)), Tone::Plain)
    }
}
