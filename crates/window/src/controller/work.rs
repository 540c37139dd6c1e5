//! What runs, how far it is and how long it may still take; and what came of it.

use serde_json::Value;

use super::read::{category, choose, list, literal, number, reason, reason_and_next, text, title};
use super::restore::LINES_MAX;
use super::{Controller, Work, read};
use crate::call::{Answer, Call, Heard};
use crate::view::{Line, Page, Tone, View};
use crate::when::When;

/// The stations of a backup, in their order.
const STATIONS: [&str; 4] = ["collect", "snapshot", "seal", "upload"];
/// The stages of a restore, in their order.
const STAGES: [&str; 3] = ["first", "look", "rest"];

/// An estimate is said once this share is done and this much time is over: before, it would jump.
const ESTIMATE_SHARE_MIN: f32 = 0.05;
const ESTIMATE_MILLIS_MIN: i64 = 2_000;

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What was heard last.
    last: Option<Heard>,
    /// The stations and stages that it has come to, in order.
    passed: Vec<String>,
    /// How many settings there are in all; 0: that is not known.
    total: usize,
    /// How many were done in the stages before the present one.
    before: u64,
    /// When it was first heard of, in milliseconds.
    since: Option<i64>,
}

impl Progress {
    pub(super) fn of(total: usize) -> Self {
        Self { total, ..Self::default() }
    }

    pub(super) fn hear(&mut self, heard: &Heard, now: i64) {
        self.since.get_or_insert(now);
        let place = heard.stage.as_ref().unwrap_or(&heard.station);
        if self.passed.last() != Some(place) {
            self.before += self.last.as_ref().filter(|last| last.stage.is_some()).map_or(0, |last| last.done);
            self.passed.push(place.clone());
        }
        self.last = Some(heard.clone());
    }

    /// From 0 to 1; `None`: that is not known.
    fn share(&self) -> Option<f32> {
        let last = self.last.as_ref()?;
        #[expect(clippy::cast_precision_loss, reason = "a bar has no more pixels")]
        match (&last.stage, self.total) {
            (Some(_), 1..) => Some(((self.before + last.done) as f32 / self.total as f32).min(1.0)),
            _ => last.share,
        }
    }

    /// In seconds, how long it may still take.
    fn left(&self, now: i64) -> Option<u64> {
        let (share, over) = (self.share()?, now.saturating_sub(self.since?));
        if share < ESTIMATE_SHARE_MIN || over < ESTIMATE_MILLIS_MIN {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds"
        )]
        Some(((over as f32 / share - over as f32) / 1000.0).ceil() as u64)
    }
}

impl Controller {
    pub(super) fn running(&self, view: &mut View, call: &Call, progress: &Progress, when: &When) {
        let texts = self.texts;
        let key = match call {
            Call::BackUp => "working.backup",
            Call::Undo => "working.undo",
            Call::Export(_) => "working.export",
            Call::Forget(_) => "working.delete",
            _ => "working.restore",
        };
        view.tone = Tone::Plain;
        view.status = texts.t(key);
        let station = progress.last.as_ref().map(|heard| texts.t(&format!("station_{}", heard.station)));
        view.detail = station.filter(|text| !text.starts_with("station_")).unwrap_or_else(|| texts.t("wait"));
        if let Some(left) = progress.left(when.millis()) {
            let left = match left {
                0..60 => texts.t("left.seconds"),
                _ => texts.count(left.div_ceil(60), "left.minute", "left.minutes"),
            };
            view.detail = format!("{} · {left}", view.detail);
        }
        view.progress = Some(progress.share().unwrap_or(-1.0));
        view.notice = texts.t(if *call == Call::BackUp { "working.free" } else { "working.stay" });
        (view.main_enabled, view.second) = (false, String::new());
        if self.unasked().is_some() {
            view.main = String::new();
        }
        (view.cards, view.groups) = (Vec::new(), Vec::new());
        view.third = String::new();
        if self.page == Page::Welcome {
            // The page fills the screen, and nobody has to watch it.
            view.third = texts.t("welcome.aside");
        }
        view.lines = match call {
            Call::BackUp => self.passed(progress, &STATIONS, "station"),
            Call::Restore(..) | Call::Undo => self.passed(progress, &STAGES, "stage"),
            _ => Vec::new(),
        };
    }

    /// What is over, what is under way and what is to come.
    fn passed(&self, progress: &Progress, all: &[&str], kind: &str) -> Vec<Line> {
        let at = all.iter().rposition(|word| progress.passed.iter().any(|passed| passed == word));
        let line = |(index, word): (usize, &&str)| {
            let (tone, key) = match at {
                Some(at) if index < at => (Tone::Good, "passed.over"),
                Some(at) if index == at => (Tone::Plain, "passed.now"),
                _ => (Tone::Plain, "passed.later"),
            };
            Line::new(self.texts.t(&format!("{kind}_{word}")), self.texts.t(key), tone)
        };
        all.iter().enumerate().map(line).collect()
    }

    /// The outcome of the run whose result is shown, if what it changed shows only when Explorer starts anew, and it has not yet.
    pub(super) fn explorer_waits(&self) -> Option<&Value> {
        let Work::Ended(call, Ok(document)) = &self.work else { return None };
        let outcome = outcome(call, document)?;
        (outcome["explorer"] == "restart_needed" && self.explorer.value().is_none()).then_some(outcome)
    }

    /// Explorer is on its way: nothing can be pressed until it is there.
    pub(super) fn restarting(&self, view: &mut View) {
        let texts = self.texts;
        (view.tone, view.status) = (Tone::Plain, texts.t("explorer.running"));
        (view.detail, view.notice) = (texts.t("explorer.running_about"), String::new());
        view.progress = Some(-1.0);
        (view.main, view.main_enabled) = (texts.t("close"), false);
        (view.second, view.third) = (String::new(), String::new());
        (view.cards, view.groups, view.lines) = (Vec::new(), Vec::new(), Vec::new());
    }

    /// What waits for Explorer, what starting it anew closes, and when it happens otherwise; or what came of it.
    fn offer_explorer(&self, view: &mut View) {
        let texts = self.texts;
        let said = match (self.explorer_waits(), self.explorer.problem()) {
            (Some(_), Some(problem)) => {
                view.tone = Tone::Attention;
                let (title, next) = self.explain(problem);
                format!("{}: {title}. {next}.", texts.t("explorer.failed"))
            }
            (Some(outcome), None) => {
                let number = texts.count(waiting(outcome).count() as u64, "explorer.one", "explorer.many");
                format!("{number} {}", texts.t("explorer.about"))
            }
            (None, _) if self.explorer.value().is_some() => texts.t("explorer.done"),
            (None, _) => return,
        };
        if self.explorer_waits().is_some() {
            (view.main, view.third) = (texts.t("explorer.later"), texts.t("explorer.restart"));
        }
        let rest = std::mem::take(&mut view.notice);
        view.notice = [said, rest].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    }

    pub(super) fn result(&self, view: &mut View, call: &Call, answer: &Answer) {
        let texts = self.texts;
        (view.cards, view.groups, view.lines) = (Vec::new(), Vec::new(), Vec::new());
        // Who is welcomed may always go on without.
        let third = std::mem::take(&mut view.third);
        (view.second, view.notice) = (String::new(), String::new());
        let document = match answer {
            Ok(document) => document,
            Err(problem) => {
                view.third = if self.page == Page::Welcome { third } else { String::new() };
                return self.problem(view, problem);
            }
        };
        view.tone = Tone::Good;
        (view.main, view.main_enabled) = (texts.t("close"), true);
        match call {
            Call::BackUp => self.backed_up(view, document),
            Call::Undo => {
                let count = list(document, "applied").len() as u64;
                view.status = texts.t("result.undo");
                view.detail = texts.count(count, "settings.one", "settings.many");
                let failed = list(document, "failed").iter();
                view.lines = failed
                    .map(|one| Line::new(title(texts, one), reason_and_next(texts, one), Tone::Attention))
                    .collect();
                self.section(&mut view.lines, "group.waits", self.waits());
                self.offer_explorer(view);
            }
            Call::Export(_) => {
                view.status = texts.t("result.export");
                view.detail = texts.t("result.export_about");
                let file = |document: &Value| Line::new(literal(&document["output"]), "", Tone::Plain);
                view.lines = self.answers.iter().map(file).collect();
            }
            Call::Forget(_) => {
                view.status = texts.t("result.delete");
                view.detail = texts.count(self.answers.len() as u64, "backups.one", "backups.many");
            }
            _ => self.restored(view, document),
        }
    }

    /// What is in it by category, and what was left out.
    fn backed_up(&self, view: &mut View, document: &Value) {
        let texts = self.texts;
        let unchanged = document["outcome"] == "unchanged";
        view.status = texts.t(if unchanged { "result.unchanged" } else { "result.backup" });
        let settings = number(document, "settings");
        view.detail = self.with_apps((settings, "settings.one", "settings.many"), number(document, "apps"));
        let warnings = list(document, "warnings");
        if !warnings.is_empty() {
            view.tone = Tone::Attention;
            view.notice = texts.t("result.left_out");
        }
        view.lines = warnings.iter().map(|text| Line::new(literal(text), "", Tone::Attention)).collect();
        let by_category = list(document, "categories").iter().map(|one| {
            let number = texts.count(number(one, "settings"), "settings.one", "settings.many");
            Line::new(category(texts, one["category"].as_str().unwrap_or_default()), number, Tone::Good)
        });
        self.section(&mut view.lines, "backup.in_it", by_category.collect());
        let left_out = list(document, "left_out").iter();
        let left_out = left_out.map(|one| Line::new(title(self.texts, one), text(one, "because"), Tone::Off)).collect();
        self.section(&mut view.lines, "restore.never", left_out);
        view.lines.truncate(LINES_MAX);
    }

    /// Lines under a heading; nothing without a line.
    pub(super) fn section(&self, lines: &mut Vec<Line>, key: &str, inner: Vec<Line>) {
        if !inner.is_empty() {
            lines.push(Line::heading(self.texts.t(key)));
            lines.extend(inner);
        }
    }

    /// Four groups: what came back, what the organisation keeps to itself, what needs the person, and what is not for this Windows.
    fn restored(&self, view: &mut View, document: &Value) {
        let texts = self.texts;
        let outcome = &document["outcome"];
        let applied = list(outcome, "applied");
        let failed = list(outcome, "failed");
        view.status = texts.t("result.restore");
        view.detail = texts.count(applied.len() as u64, "settings.one", "settings.many");
        if !outcome["journal"].is_null() {
            view.second = texts.t("result.take_back");
            view.foot = texts.t("result.days");
        }
        let mut needs: Vec<Line> = failed
            .iter()
            .map(|one| Line::new(title(texts, one), reason_and_next(texts, one), Tone::Attention))
            .collect();
        if list(outcome, "effects").iter().any(|effect| effect == "sign_out") {
            needs.push(Line::new(texts.t("needs.sign_out"), texts.t("needs.sign_out_why"), Tone::Attention));
        }
        for one in list(outcome, "not_live").iter().filter(|one| one["choose"].is_object()) {
            let (title, next) = choose(texts, one);
            needs.push(Line::new(title, next, Tone::Attention));
        }
        let apps = list(document, "apps");
        for app in apps.iter().filter(|app| app["stands"] == "person") {
            needs.push(Line::new(read::app(app), texts.t("needs.store"), Tone::Attention));
        }
        let (mut managed, mut missing) = (Vec::new(), Vec::new());
        for step in list(&document["plan"], "settings").iter().filter(|step| step["action"] == "skip") {
            let (group, why) = match step["reason"].as_str().unwrap_or_default() {
                "managed_by_policy" | "left_out_by_policy" | "required_by_policy" => (&mut managed, self.skipped(step)),
                "changed_since_sign_in" => (&mut needs, reason_and_next(texts, step)),
                _ => (&mut missing, self.skipped(step)),
            };
            group.push(Line::new(title(self.texts, step), why, Tone::Off));
        }
        // Parts of Windows come with Windows: nobody misses them.
        let is_missed = |app: &&Value| app["action"] == "not_available" && app["kind"] != "system";
        for app in list(&document["plan"], "apps").iter().filter(is_missed) {
            missing.push(Line::new(read::app(app), reason(self.texts, app), Tone::Off));
        }
        let waiting = apps.iter().filter(|app| app["stands"] == "waiting" || app["stands"] == "running").count() as u64;
        if waiting > 0 {
            view.notice = texts.count(waiting, "result.app", "result.apps");
        }
        view.tone = if failed.is_empty() { Tone::Good } else { Tone::Attention };
        self.offer_explorer(view);
        let waits = self.waits();
        let has_come = |one: &&Value| waits.is_empty() || one["after"] != "explorer";
        let came: Vec<_> = applied.iter().filter(has_come).map(|one| self.setting(one, Tone::Good)).collect();
        let mut lines = Vec::new();
        self.section(&mut lines, "group.needs", needs);
        self.section(&mut lines, "group.waits", waits);
        self.section(&mut lines, "group.managed", managed);
        self.section(&mut lines, "group.missing", missing);
        self.section(&mut lines, "group.restored", came);
        lines.truncate(LINES_MAX);
        view.lines = lines;
    }

    /// The settings that show when Explorer starts anew.
    fn waits(&self) -> Vec<Line> {
        let outcome = self.explorer_waits();
        // Nothing is wrong with them: dozens of marks would say so.
        outcome.into_iter().flat_map(waiting).map(|one| self.setting(one, Tone::Plain)).collect()
    }

    /// A setting and its category.
    fn setting(&self, one: &Value, tone: Tone) -> Line {
        let of = one["category"].as_str().map(|word| category(self.texts, word)).unwrap_or_default();
        Line::new(title(self.texts, one), of, tone)
    }
}

/// What a run that changes settings says that it did; `None` of others.
fn outcome<'a>(call: &Call, document: &'a Value) -> Option<&'a Value> {
    match call {
        Call::Restore(..) => Some(&document["outcome"]),
        Call::Undo => Some(document),
        _ => None,
    }
}

/// The settings that are stored, and show when Explorer starts anew.
fn waiting(outcome: &Value) -> impl Iterator<Item = &Value> {
    list(outcome, "applied").iter().filter(|one| one["after"] == "explorer")
}
