//! The page Backup: how apps and settings stand, what they carry with each value, what the person may choose, and what is not in it.

use serde_json::Value;

use super::read::{category_of, list, literal, sentence, text, title_of};
use super::{Asked, Controller, read};
use crate::view::{Group, Kind, Line, Tone, View};
use crate::when::When;

/// The most lines of an open category; the largest has about a hundred settings.
const INNER_MAX: usize = 200;

/// The switches of Windows Settings, *Accounts > Windows backup*: "Remember my apps", and the five of "Remember my preferences" (reference microsoft.md,
/// user-facing behaviour), each with the groups behind it. Nothing of ours is behind the one of passwords and networks: they are never carried.
pub(super) const FAMILIES: [(&str, &[&str]); 6] = [
    ("apps", &["app_list"]),
    ("accessibility", &["accessibility"]),
    ("accounts", &[]),
    ("personalization", &["personalization", "desktop", "taskbar", "start"]),
    ("language", &["language", "region", "typing"]),
    ("other", &["devices", "explorer", "multitasking", "notifications", "system", "privacy", "apps", "gaming"]),
];

/// How many lines come before [`Controller::kept_lines`]: how it stands, and the heading.
pub(super) const LINES_BEFORE: usize = 4;

impl Controller {
    pub(super) fn backup(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        view.title = texts.t("backup.title");
        view.lead = texts.t("backup.lead");
        view.foot = texts.t("backup.foot");
        view.main = texts.t("backup.now");
        let Some(schedule) = self.schedule.value() else {
            match self.schedule.problem() {
                Some(problem) => self.problem(view, problem),
                None => view.status = texts.t("wait"),
            }
            return;
        };
        view.main_enabled = true;
        if let Some(problem) = self.status.problem().filter(|problem| problem.code == "not_enrolled") {
            return self.problem(view, problem);
        }
        view.groups = self.families();
        view.lines = self.standing(schedule, when);
        view.lines.push(Line::heading(texts.t("backup.in_it")));
        view.lines.extend(self.kept_lines());
        view.lines.extend(self.not_in_it(schedule));
        if let Some(refused) = schedule.get("refused").filter(|refused| !refused.is_null()) {
            view.tone = Tone::Off;
            view.status = texts.t("backup.off");
            view.detail = self.refusal(refused);
            view.main_enabled = false;
            return;
        }
        let last = schedule["last_success"].as_str();
        (view.tone, view.status) = match last {
            Some(last) => (Tone::Good, texts.t1("backup.done", &when.said(texts, last))),
            None => (Tone::Attention, texts.t("backup.never")),
        };
        view.detail = match (schedule["due"].as_str(), schedule["at"].as_i64()) {
            (Some("not_yet"), Some(at)) => texts.t1("backup.next", &when.said_millis(texts, at)),
            _ => texts.t("backup.due"),
        };
        if let Some(why) = self.harm() {
            (view.tone, view.detail) = (Tone::Attention, texts.t(why));
        } else if let Some(problem) = read::obstacle(schedule) {
            let (why, next) = self.explain(&problem);
            (view.tone, view.detail) = (Tone::Attention, texts.t2("why_and_next", &why, &next));
        } else if let Some(problem) = self.status.problem().or(self.refused.as_ref()) {
            view.notice = self.explain(problem).0;
        }
    }

    /// Why the stored backup is none.
    pub(super) fn harm(&self) -> Option<&'static str> {
        read::harm(self.status.value()?)
    }

    /// How apps and settings stand, each by itself. The list has as many lines as [`LINES_BEFORE`] says.
    fn standing(&self, schedule: &Value, when: &When) -> Vec<Line> {
        let texts = self.texts;
        let groups = list(schedule, "groups");
        let (apps, settings): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group["group"] == "app_list");
        let line = |key: &str, groups: &[&Value]| {
            let (tone, detail) = if groups.iter().any(|group| is_on(group)) {
                self.state(schedule, when)
            } else if groups.iter().all(|group| group["locked"] == true) {
                (Tone::Off, texts.t("group.never"))
            } else {
                (Tone::Off, texts.t("group.yours"))
            };
            Line::new(texts.t(key), detail, tone)
        };
        vec![Line::heading(texts.t("backup.state")), line("apps.title", &apps), line("settings.title", &settings)]
    }

    fn state(&self, schedule: &Value, when: &When) -> (Tone, String) {
        let texts = self.texts;
        if !schedule["refused"].is_null() {
            return (Tone::Off, texts.t("backup.off"));
        }
        let obstacle = || read::obstacle(schedule).map(|problem| self.explain(&problem).0);
        match (self.harm().map(|why| texts.t(why)).or_else(obstacle), schedule["last_success"].as_str()) {
            (Some(why), _) => (Tone::Attention, texts.t1("backup.attention", &why)),
            (None, Some(last)) => (Tone::Good, texts.t1("backup.done", &when.said(texts, last))),
            (None, None) => (Tone::Attention, texts.t("backup.never")),
        }
    }

    /// The switches.
    pub(super) fn families(&self) -> Vec<Group> {
        let Some(schedule) = self.schedule.value() else { return Vec::new() };
        let groups = list(schedule, "groups");
        let family = |(word, behind): &(&str, &[&str])| {
            let behind: Vec<_> =
                groups.iter().filter(|group| behind.contains(&text(group, "group").as_str())).collect();
            let is_locked = |group: &&&Value| group["locked"] == true;
            let locked = behind.iter().all(|group| is_locked(&group));
            let settings: u64 = behind.iter().filter_map(|group| group["settings"].as_u64()).sum();
            let all = |rule: &str| behind.iter().all(|group| group["rule"] == rule);
            let texts = self.texts;
            let detail = match (behind.is_empty(), locked) {
                (true, _) => texts.t("remember.accounts_why"),
                (_, true) if all("never") => texts.t("group.never"),
                (_, true) if all("required") => texts.t("group.required"),
                (_, true) => texts.t("restore.locked"),
                (_, false) if *word == "apps" => texts.t("apps.about"),
                (_, false) => texts.count(settings, "settings.one", "settings.many"),
            };
            let ticked = behind.iter().any(|group| is_on(group));
            let title = texts.t(&format!("remember.{word}"));
            Group { word: (*word).to_owned(), title, detail, ticked, locked, heading: false }
        };
        if groups.is_empty() {
            return Vec::new();
        }
        let known = |(word, behind): &&(&str, &[&str])| {
            *word == "accounts" || groups.iter().any(|group| behind.contains(&text(group, "group").as_str()))
        };
        let mut families: Vec<_> = FAMILIES.iter().filter(known).map(family).collect();
        let preferences = families.iter().position(|family| family.word != "apps").unwrap_or_default();
        let title = self.texts.t("remember.title");
        families.insert(preferences, Group { title, locked: true, heading: true, ..Group::default() });
        families
    }

    /// What a backup carries, by category, and in the one that is open each setting with its value.
    pub(super) fn kept_lines(&self) -> Vec<Line> {
        let Some(schedule) = self.schedule.value() else { return Vec::new() };
        let can_open = schedule["last_success"].is_string();
        let mut lines = Vec::new();
        for group in list(schedule, "groups") {
            let mut line = self.group_line(group);
            let (word, on) = (text(group, "group"), is_on(group));
            if !on || !can_open {
                lines.push(line);
                continue;
            }
            let open = self.opened.as_ref() == Some(&word);
            line.kind = if open { Kind::Open } else { Kind::Closed };
            line.word.clone_from(&word);
            lines.push(line);
            if open {
                lines.extend(self.inner(&word));
            }
        }
        lines
    }

    fn inner(&self, word: &str) -> Vec<Line> {
        let inner = |title: String, detail: String| Line { title, detail, kind: Kind::Inner, ..Line::default() };
        let document = match &self.shown {
            Asked::Known(Ok(document)) => document,
            Asked::Known(Err(problem)) => {
                let (title, next) = self.explain(problem);
                return vec![inner(title, next)];
            }
            _ => return vec![inner(self.texts.t("wait"), String::new())],
        };
        let lines: Vec<_> = if word == "app_list" {
            let apps = list(document, "apps").iter().filter(|app| app["kind"] == "store");
            let about = |app: &Value| self.with_pin(text(app, "publisher"), app);
            apps.map(|app| inner(read::app(app), about(app))).take(INNER_MAX).collect()
        } else {
            let readings = document["readings"].as_object().into_iter().flatten();
            let set = readings.filter(|(id, reading)| category_of(id) == word && reading["outcome"] == "set");
            set.map(|(id, reading)| inner(title_of(self.texts, id), literal(&reading["value"])))
                .take(INNER_MAX)
                .collect()
        };
        if lines.is_empty() { vec![inner(self.texts.t("backup.as_windows"), String::new())] } else { lines }
    }

    /// Who has switched backups off: what the command line says names the policy, and is English.
    fn refusal(&self, refused: &Value) -> String {
        let said = self.texts.reason(&text(refused, "code")).map(|(title, _)| title.to_owned());
        sentence(&said.unwrap_or_else(|| text(refused, "message")))
    }

    fn group_line(&self, group: &Value) -> Line {
        let settings = group["settings"].as_u64().unwrap_or_default();
        let is_apps = group["group"] == "app_list";
        let about = if is_apps {
            self.texts.t("apps.about")
        } else {
            self.texts.count(settings, "settings.one", "settings.many")
        };
        let title = read::group(self.texts, group);
        let locked = group["locked"] == true;
        let (tone, detail) = match (is_on(group), locked) {
            (false, true) => (Tone::Off, self.texts.t("group.never")),
            (false, false) => (Tone::Off, self.texts.t("group.yours")),
            (true, true) => (Tone::Good, self.texts.t2("group.always", &about, "")),
            (true, false) => (Tone::Good, about),
        };
        Line::new(title, detail, tone)
    }

    /// Files and desktop programs, and where they are instead.
    fn not_in_it(&self, schedule: &Value) -> Vec<Line> {
        let texts = self.texts;
        let files = match schedule["onedrive_folders"].as_array() {
            None => (Tone::Plain, texts.t("files.unknown")),
            Some(folders) if folders.is_empty() => (Tone::Attention, texts.t("files.off")),
            Some(folders) => {
                let names: Vec<_> = folders.iter().map(literal).collect();
                (Tone::Good, texts.t1("files.on", &names.join(", ")))
            }
        };
        vec![
            Line::heading(texts.t("backup.not_in_it")),
            Line::new(texts.t("files.title"), files.1, files.0),
            Line::new(texts.t("programs.title"), texts.t("programs.about"), Tone::Plain),
        ]
    }
}

/// Whether backups carry the group. An older program beside the window says only the rule.
fn is_on(group: &Value) -> bool {
    group["on"].as_bool().unwrap_or(group["rule"] != "never")
}
