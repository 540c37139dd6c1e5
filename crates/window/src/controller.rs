//! What the window is and does, without a window: a state machine. Commands of the person and answers of `rehome` go in; calls of `rehome` and
//! [`crate::view::View`] come out. It waits for nothing and reads no clock.

use std::collections::BTreeSet;

use model::reason::Reason;
use serde_json::Value;

use crate::call::{Answer, Call, Choice, Heard, Problem, Remember};
use crate::texts::Texts;
use crate::view::{Card, Group, Line, Page, Tone, View};
use crate::when::When;

/// The most PCs that are listed: a person with more looks them up with `rehome snapshots`.
const PCS_MAX: usize = 50;
/// The most lines of a page's list: a restore has some hundred settings.
const LINES_MAX: usize = 400;
/// The longest text of an old PC's making that is shown, in characters.
const TEXT_CHARS_MAX: usize = 100;

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Looks at a page.
    Open(Page),
    /// Asks everything of the page again.
    Refresh,
    /// Presses the page's main button.
    Main,
    /// Presses its second button: back, set up as a new PC, undo.
    Second,
    /// Chooses the backup with that number in the list.
    Choose(usize),
    /// Ticks a group or takes the tick away.
    Tick(usize),
    /// Closes *Welcome back* without an answer.
    Dismiss,
}

/// Something that was asked of `rehome`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// Nobody has asked yet.
    Not,
    /// The answer is on its way.
    Waiting,
    /// The answer.
    Known(Answer),
}

impl Asked {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::Known(Ok(value)) => Some(value),
            _ => None,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Known(Err(problem)) => Some(problem),
            _ => None,
        }
    }
}

/// A run that changes something: at most one at a time.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    /// None.
    None,
    /// A run that is under way, and how far it is.
    Running(Call, Option<Heard>),
    /// One that has ended and whose result is still shown.
    Ended(Call, Answer),
}

/// How far the person has come on the restore pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Which PC.
    Pick,
    /// What would come back.
    Look,
}

/// The state machine.
#[derive(Debug)]
pub struct Controller {
    texts: &'static Texts,
    page: Page,
    schedule: Asked,
    status: Asked,
    pcs: Asked,
    preview: Asked,
    journals: Asked,
    openings: Asked,
    welcome: Asked,
    work: Work,
    step: Step,
    chosen: usize,
    except: BTreeSet<String>,
    /// What was asked for last: an answer to an older preview is dropped.
    wanted: Option<Choice>,
    closed: bool,
}

impl Controller {
    /// A window that begins with a page.
    pub fn new(texts: &'static Texts, page: Page) -> Self {
        Self {
            texts,
            page,
            schedule: Asked::Not,
            status: Asked::Not,
            pcs: Asked::Not,
            preview: Asked::Not,
            journals: Asked::Not,
            openings: Asked::Not,
            welcome: Asked::Not,
            work: Work::None,
            step: Step::Pick,
            chosen: 0,
            except: BTreeSet::new(),
            wanted: None,
            closed: false,
        }
    }

    /// Does what the person wants. Returns what is to be asked of `rehome`.
    pub fn command(&mut self, command: Command) -> Vec<Call> {
        match command {
            Command::Open(page) => {
                self.page = page;
                self.leave_result();
                self.ask(false)
            }
            Command::Refresh => {
                self.leave_result();
                self.ask(true)
            }
            Command::Main => self.main(),
            Command::Second => self.second(),
            Command::Choose(index) => {
                if self.step == Step::Pick && index < self.backups().len() {
                    self.chosen = index;
                }
                Vec::new()
            }
            Command::Tick(index) => self.tick(index),
            Command::Dismiss => {
                self.closed = true;
                Vec::new()
            }
        }
    }

    /// A run has come so far.
    pub fn heard(&mut self, call: &Call, heard: Heard) {
        if let Work::Running(running, at) = &mut self.work
            && running == call
        {
            *at = Some(heard);
        }
    }

    /// A run has ended.
    pub fn ended(&mut self, call: Call, answer: Answer) -> Vec<Call> {
        match &call {
            Call::Schedule => self.schedule = Asked::Known(answer),
            Call::Status => self.status = Asked::Known(answer),
            Call::Pcs => {
                self.pcs = Asked::Known(answer);
                self.chosen = self.chosen.min(self.backups().len().saturating_sub(1));
            }
            Call::Preview(choice) => {
                // The person has ticked something else meanwhile.
                if self.wanted.as_ref() == Some(choice) {
                    self.preview = Asked::Known(answer);
                }
            }
            Call::Journals => self.journals = Asked::Known(answer),
            Call::Openings => self.openings = Asked::Known(answer),
            Call::Welcome => self.welcome = Asked::Known(answer),
            Call::Remember(_) => {}
            Call::BackUp | Call::Restore(..) | Call::Undo => return self.work_ended(call, answer),
        }
        Vec::new()
    }

    /// Whether the window is to go.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether something is being changed: the window then stays until that is over, or at least says so.
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Running(..))
    }

    fn work_ended(&mut self, call: Call, answer: Answer) -> Vec<Call> {
        let restored = matches!(call, Call::Restore(..)) && answer.is_ok();
        let outdated = answer.as_ref().is_ok_and(|document| document["applied"] == false);
        if matches!(call, Call::Restore(..)) && outdated {
            // What was agreed to is no longer what would happen: the new plan is looked at first.
            self.preview = Asked::Known(answer);
            self.work = Work::None;
            return Vec::new();
        }
        self.work = Work::Ended(call, answer);
        // What is known of the PC is old now.
        self.journals = Asked::Not;
        let mut calls = vec![Call::Schedule, Call::Status];
        (self.schedule, self.status) = (Asked::Waiting, Asked::Waiting);
        if restored && self.page == Page::Welcome {
            calls.push(Call::Remember(Remember::Restored));
        }
        calls
    }

    /// Asks what the page shows; what is known already only if it is wanted anew.
    fn ask(&mut self, anew: bool) -> Vec<Call> {
        let mut calls = Vec::new();
        let wanted: &[Call] = match self.page {
            Page::Backup => &[Call::Schedule, Call::Status],
            Page::Restore => &[Call::Pcs, Call::Journals],
            Page::Privacy => &[Call::Status, Call::Openings],
            Page::Welcome => &[Call::Welcome, Call::Pcs],
        };
        for call in wanted {
            let asked = match call {
                Call::Schedule => &mut self.schedule,
                Call::Status => &mut self.status,
                Call::Pcs => &mut self.pcs,
                Call::Journals => &mut self.journals,
                Call::Openings => &mut self.openings,
                _ => &mut self.welcome,
            };
            let is_answered = matches!(asked, Asked::Known(Ok(_)));
            if *asked != Asked::Waiting && (anew || !is_answered) {
                *asked = Asked::Waiting;
                calls.push(call.clone());
            }
        }
        calls
    }

    /// The result of the last run goes when the person goes on.
    fn leave_result(&mut self) {
        if matches!(self.work, Work::Ended(..)) {
            self.work = Work::None;
        }
        self.step = Step::Pick;
    }

    fn begin(&mut self, call: Call) -> Vec<Call> {
        self.work = Work::Running(call.clone(), None);
        vec![call]
    }

    fn main(&mut self) -> Vec<Call> {
        // A second click is no second run.
        if self.is_busy() {
            return Vec::new();
        }
        if let Work::Ended(call, answer) = &self.work {
            let again = answer.is_err().then(|| call.clone());
            if again.is_none() && self.page == Page::Welcome {
                self.closed = true;
                return Vec::new();
            }
            return match again {
                // A restore that did not work is looked at anew: the PC may be another one now.
                Some(Call::Restore(..)) => {
                    self.work = Work::None;
                    self.look()
                }
                Some(call) => self.begin(call),
                None => self.command(Command::Refresh),
            };
        }
        match self.page {
            Page::Backup if self.may_back_up() => self.begin(Call::BackUp),
            Page::Backup | Page::Privacy => self.ask(true),
            Page::Restore | Page::Welcome if self.backups().is_empty() => self.ask(true),
            Page::Restore | Page::Welcome => match self.step {
                Step::Pick => self.look(),
                Step::Look => self.restore(),
            },
        }
    }

    fn second(&mut self) -> Vec<Call> {
        if self.is_busy() {
            return Vec::new();
        }
        match (self.page, self.step, &self.work) {
            (Page::Restore | Page::Welcome, Step::Look, Work::None) => {
                self.step = Step::Pick;
                Vec::new()
            }
            (Page::Welcome, Step::Pick, Work::None) => {
                self.closed = true;
                vec![Call::Remember(Remember::NewPc)]
            }
            (Page::Restore | Page::Welcome, _, Work::Ended(Call::Restore(..), Ok(_))) => self.begin(Call::Undo),
            (Page::Restore, Step::Pick, Work::None) if self.last_restore().is_some() => self.begin(Call::Undo),
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, index: usize) -> Vec<Call> {
        if self.step != Step::Look || self.is_busy() {
            return Vec::new();
        }
        let Some(group) = self.groups().into_iter().nth(index).filter(|group| !group.locked) else { return Vec::new() };
        if !self.except.remove(&group.word) {
            self.except.insert(group.word);
        }
        self.look()
    }

    /// Shows what would come back.
    fn look(&mut self) -> Vec<Call> {
        let Some(choice) = self.choice() else { return Vec::new() };
        self.step = Step::Look;
        self.preview = Asked::Waiting;
        self.wanted = Some(choice.clone());
        vec![Call::Preview(choice)]
    }

    fn restore(&mut self) -> Vec<Call> {
        let mark = self.preview.value().and_then(|plan| plan["mark"].as_str()).map(str::to_owned);
        match (self.wanted.clone(), mark) {
            (Some(choice), Some(mark)) => self.begin(Call::Restore(choice, mark)),
            _ if self.preview.problem().is_some() => self.look(),
            _ => Vec::new(),
        }
    }

    fn choice(&self) -> Option<Choice> {
        let backups = self.backups();
        let backup = backups.get(self.chosen)?;
        let except = self.except.iter().cloned().collect();
        Some(Choice { device: backup.device.clone(), snapshot: backup.snapshot.clone(), except })
    }

    /// Whether a press of the button is a backup, and not another try to find out.
    fn may_back_up(&self) -> bool {
        self.schedule.value().is_some_and(|schedule| schedule["refused"].is_null()) && self.is_enrolled()
    }

    fn is_enrolled(&self) -> bool {
        self.status.problem().is_none_or(|problem| problem.code != "not_enrolled")
    }

    fn last_restore(&self) -> Option<&Value> {
        let all = self.journals.value()?.as_array()?;
        all.iter().find(|one| one["state"] == "done" && one["undo_of"].is_null())
    }
}

/// One backup that can be chosen.
struct Backup {
    device: String,
    this_pc: bool,
    snapshot: String,
    taken_at: String,
    settings: u64,
    apps: u64,
    newest: bool,
    opens: Option<bool>,
}

/// What an old PC or a server calls something, on one line and of bounded length: it goes into a label.
fn tame(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_CHARS_MAX).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().map(tame).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Why something was left alone, in the words of its code; a code of a newer program stays as it is.
fn reason(value: &Value) -> String {
    let code = text(value, "reason");
    Reason::from_code(&code).map_or(code, |reason| reason.title().to_owned())
}

/// A stored value as a person reads it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => tame(text),
        Value::Object(fields) if fields.len() == 1 => fields.values().next().map(literal).unwrap_or_default(),
        other => tame(&other.to_string()),
    }
}

impl Controller {
    /// Other PCs first, each with its newest backup first: what a person wants back is on their old PC.
    fn backups(&self) -> Vec<Backup> {
        let Some(pcs) = self.pcs.value().and_then(Value::as_array) else { return Vec::new() };
        let mut found: Vec<Backup> = Vec::new();
        for pc in pcs.iter().take(PCS_MAX) {
            for (index, one) in list(pc, "snapshots").iter().enumerate() {
                found.push(Backup {
                    // As it is: it is a word of the next command line.
                    device: pc["device_name"].as_str().unwrap_or_default().to_owned(),
                    this_pc: pc["this_device"] == true,
                    snapshot: text(one, "snapshot"),
                    taken_at: text(one, "taken_at"),
                    settings: one["settings"].as_u64().unwrap_or_default(),
                    apps: one["apps"].as_u64().unwrap_or_default(),
                    newest: index == 0,
                    opens: one["restorable"].as_bool(),
                });
            }
        }
        if self.page == Page::Welcome {
            found.retain(|backup| !backup.this_pc && backup.newest);
        }
        // RFC 3339 in UTC sorts as text.
        found.sort_by(|a, b| (a.this_pc, !a.newest, &b.taken_at).cmp(&(b.this_pc, !b.newest, &a.taken_at)));
        found
    }

    /// The groups of the plan that is shown.
    fn groups(&self) -> Vec<Group> {
        let Some(document) = self.preview.value() else { return Vec::new() };
        let group = |choice: &Value| {
            let (word, changes) = (text(choice, "group"), choice["changes"].as_u64().unwrap_or_default());
            let locked = choice["locked"] == true;
            let detail = match (locked, word.as_str()) {
                (true, _) => self.texts.t("restore.locked"),
                (false, "app_list") => self.texts.count(changes, "apps.one", "apps.many"),
                (false, _) => self.texts.count(changes, "changes.one", "changes.many"),
            };
            let title = if word == "app_list" { self.texts.t("apps.title") } else { text(choice, "title") };
            Group { ticked: choice["taken"] == true, word, title, detail, locked }
        };
        let choices = list(&document["plan"], "choices").iter();
        choices.filter(|choice| !(choice["locked"] == true && choice["taken"] == false)).map(group).collect()
    }

    /// What the window shows.
    pub fn view(&self, when: &When) -> View {
        let mut view = View { page: self.page, ..View::default() };
        view.tabs = ["tab.backup", "tab.restore", "tab.privacy"].map(|key| self.texts.t(key)).to_vec();
        match self.page {
            Page::Backup => self.backup(&mut view, when),
            Page::Restore | Page::Welcome => self.restoring(&mut view, when),
            Page::Privacy => self.privacy(&mut view, when),
        }
        match &self.work {
            Work::Running(call, heard) => self.running(&mut view, call, heard.as_ref()),
            Work::Ended(call, answer) => self.result(&mut view, call, answer),
            Work::None => {}
        }
        view
    }

    /// How many of something, and how many apps.
    fn with_apps(&self, (number, one, many): (u64, &str, &str), apps: u64) -> String {
        format!("{} · {}", self.texts.count(number, one, many), self.texts.count(apps, "apps.one", "apps.many"))
    }

    fn problem(&self, view: &mut View, problem: &Problem) {
        let (title, hint) = self.explain(problem);
        view.status = title;
        view.detail = hint;
        view.tone = if problem.code == "policy_off" { Tone::Off } else { Tone::Attention };
        view.main = self.texts.t("again");
        view.main_enabled = true;
    }

    /// A "no" in the person's language, where the window has words of its own for it; else what the command line says.
    fn explain(&self, problem: &Problem) -> (String, String) {
        let title = self.texts.t(&format!("no.{}", problem.code));
        if title.starts_with("no.") {
            return (tame(&problem.message), tame(&problem.hint));
        }
        (title, self.texts.t(&format!("no.{}_next", problem.code)))
    }

    fn backup(&self, view: &mut View, when: &When) {
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
        view.lines = list(schedule, "groups").iter().map(|group| self.group_line(group)).collect();
        if let Some(problem) = self.status.problem().filter(|problem| problem.code == "not_enrolled") {
            return self.problem(view, problem);
        }
        if let Some(refused) = schedule.get("refused").filter(|refused| !refused.is_null()) {
            view.tone = Tone::Off;
            view.status = texts.t("backup.off");
            view.detail = text(refused, "message");
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
        let rehearsal = self.status.value().map(|status| &status["last_backup"]["rehearsal"]["outcome"]);
        if rehearsal.is_some_and(|outcome| outcome == "failed") {
            view.tone = Tone::Attention;
            view.detail = texts.t("backup.damaged");
        } else if self.status.value().is_some_and(|status| status["on_server"] == "nothing") {
            view.tone = Tone::Attention;
            view.detail = texts.t("backup.lost");
        } else if let Some(problem) = self.status.problem() {
            let (title, _) = self.explain(problem);
            view.notice = title;
        }
    }

    fn group_line(&self, group: &Value) -> Line {
        let settings = group["settings"].as_u64().unwrap_or_default();
        let is_apps = group["group"] == "app_list";
        let about = if is_apps {
            self.texts.t("apps.about")
        } else {
            self.texts.count(settings, "settings.one", "settings.many")
        };
        let title = if is_apps { self.texts.t("apps.title") } else { text(group, "title") };
        let (tone, detail) = match (group["rule"].as_str(), group["locked"] == true) {
            (Some("never"), _) => (Tone::Off, self.texts.t("group.never")),
            (Some("required"), true) => (Tone::Good, self.texts.t2("group.required", &about, "")),
            _ => (Tone::Good, about),
        };
        Line { title, detail, tone }
    }

    fn restoring(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        let welcome = self.page == Page::Welcome;
        let name = self.welcome.value().map(|document| text(document, "user")).unwrap_or_default();
        view.title = match (welcome, name.is_empty()) {
            (true, false) => texts.t1("welcome.title", &name),
            (true, true) => texts.t("welcome.nameless"),
            (false, _) => texts.t("restore.title"),
        };
        view.lead = texts.t(if welcome { "welcome.lead" } else { "restore.lead" });
        view.foot = texts.t("restore.foot");
        match self.step {
            Step::Pick => self.pick(view, when, welcome),
            Step::Look => self.looking(view),
        }
    }

    fn pick(&self, view: &mut View, when: &When, welcome: bool) {
        let texts = self.texts;
        view.second = if welcome {
            texts.t("welcome.new")
        } else if let Some(last) = self.last_restore() {
            let at = last["at"].as_i64().map(|at| when.said_millis(texts, at)).unwrap_or_default();
            texts.t1("restore.undo", &at)
        } else {
            String::new()
        };
        if let Some(problem) = self.pcs.problem() {
            return self.problem(view, problem);
        }
        if self.pcs.value().is_none() {
            view.status = texts.t("restore.asking");
            return;
        }
        view.main = texts.t(if welcome { "welcome.restore" } else { "restore.look" });
        let backups = self.backups();
        let card = |(index, backup): (usize, &Backup)| Card {
            title: tame(&backup.device),
            when: when.said(texts, &backup.taken_at),
            detail: self.with_apps((backup.settings, "settings.one", "settings.many"), backup.apps),
            mark: match (backup.opens, backup.this_pc) {
                (Some(false), _) => texts.t("restore.damaged"),
                (_, true) => texts.t("restore.here"),
                _ => String::new(),
            },
            chosen: index == self.chosen,
        };
        view.cards = backups.iter().enumerate().map(card).collect();
        view.main_enabled = !view.cards.is_empty();
        if view.cards.is_empty() {
            view.status = texts.t("restore.none");
            view.detail = texts.t("restore.none_next");
            view.main = texts.t("again");
            view.main_enabled = true;
        }
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
        let steps = list(&document["plan"], "settings");
        let is_change = |step: &&Value| step["action"] == "set" || step["action"] == "remove";
        let changes = steps.iter().filter(is_change).count() as u64;
        let installs = list(&document["plan"], "apps").iter().filter(|app| app["action"] == "install").count() as u64;
        view.lines = steps.iter().filter(is_change).take(LINES_MAX).map(|step| self.change_line(step)).collect();
        view.status = texts.t1("restore.from", &text(document, "device_name"));
        view.detail = self.with_apps((changes, "changes.one", "changes.many"), installs);
        view.main_enabled = changes + installs > 0;
        if !view.main_enabled {
            view.tone = Tone::Good;
            view.detail = texts.t("restore.same");
        }
    }

    fn change_line(&self, step: &Value) -> Line {
        let new = if step["action"] == "remove" { self.texts.t("restore.default") } else { literal(&step["new"]) };
        Line { title: text(step, "title"), detail: format!("{} → {new}", literal(&step["old"])), tone: Tone::Plain }
    }

    fn privacy(&self, view: &mut View, when: &When) {
        let texts = self.texts;
        view.title = texts.t("privacy.title");
        view.lead = texts.t("privacy.lead");
        view.foot = texts.t("privacy.foot");
        view.main = texts.t("refresh");
        view.main_enabled = true;
        if let Some(status) = self.status.value() {
            view.detail = texts.t2("privacy.where", &text(status, "organisation"), &text(status, "server"));
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
        let line = |opening: &Value| {
            let by = opening["opened_by"].as_str().map_or_else(|| texts.t("privacy.operator"), tame);
            let at = when.said(texts, opening["open_from_at"].as_str().unwrap_or_default());
            Line { title: format!("{by}, {at}"), detail: text(opening, "purpose"), tone: Tone::Plain }
        };
        view.lines = openings.iter().take(LINES_MAX).map(line).collect();
    }

    fn running(&self, view: &mut View, call: &Call, heard: Option<&Heard>) {
        let key = match call {
            Call::BackUp => "working.backup",
            Call::Undo => "working.undo",
            _ => "working.restore",
        };
        view.tone = Tone::Plain;
        view.status = self.texts.t(key);
        let station = heard.map(|heard| self.texts.t(&format!("station_{}", heard.station)));
        view.detail = station.filter(|text| !text.starts_with("station_")).unwrap_or_else(|| self.texts.t("wait"));
        view.progress = Some(heard.and_then(|heard| heard.share).unwrap_or(-1.0));
        view.notice = self.texts.t(if *call == Call::BackUp { "working.free" } else { "working.stay" });
        (view.main_enabled, view.second) = (false, String::new());
        (view.cards, view.groups, view.lines) = (Vec::new(), Vec::new(), Vec::new());
    }

    fn result(&self, view: &mut View, call: &Call, answer: &Answer) {
        let texts = self.texts;
        (view.cards, view.groups, view.second, view.notice) = (Vec::new(), Vec::new(), String::new(), String::new());
        let document = match answer {
            Ok(document) => document,
            Err(problem) => {
                view.lines = Vec::new();
                return self.problem(view, problem);
            }
        };
        view.tone = Tone::Good;
        (view.main, view.main_enabled) = (texts.t("close"), true);
        match call {
            Call::BackUp => {
                let unchanged = document["outcome"] == "unchanged";
                view.status = texts.t(if unchanged { "result.unchanged" } else { "result.backup" });
                let number = |name: &str| document[name].as_u64().unwrap_or_default();
                view.detail = self.with_apps((number("settings"), "settings.one", "settings.many"), number("apps"));
                let warning =
                    |text: &Value| Line { title: literal(text), detail: String::new(), tone: Tone::Attention };
                view.lines = list(document, "warnings").iter().take(LINES_MAX).map(warning).collect();
                if !view.lines.is_empty() {
                    view.tone = Tone::Attention;
                    view.notice = texts.t("result.left_out");
                }
            }
            Call::Undo => {
                let count = list(document, "applied").len() as u64;
                view.status = texts.t("result.undo");
                view.detail = texts.count(count, "settings.one", "settings.many");
                view.lines = Vec::new();
            }
            _ => self.restored(view, document),
        }
    }

    /// What came back, what the organisation keeps to itself, and what is not for this Windows.
    fn restored(&self, view: &mut View, document: &Value) {
        let texts = self.texts;
        let applied = list(&document["outcome"], "applied").len() as u64;
        let failed = list(&document["outcome"], "failed");
        view.status = texts.t("result.restore");
        view.detail = texts.count(applied, "settings.one", "settings.many");
        view.second =
            if document["outcome"]["journal"].is_null() { String::new() } else { texts.t("result.take_back") };
        let failure = |one: &Value| Line { title: text(one, "title"), detail: reason(one), tone: Tone::Attention };
        let mut lines: Vec<Line> = failed.iter().map(failure).collect();
        for step in list(&document["plan"], "settings").iter().filter(|step| step["action"] == "skip") {
            let key = match step["reason"].as_str().unwrap_or_default() {
                "managed_by_policy" => "skip.managed",
                "changed_since_sign_in" => "skip.yours",
                _ => "skip.other",
            };
            lines.push(Line { title: text(step, "title"), detail: texts.t(key), tone: Tone::Off });
        }
        let waiting = list(document, "apps").len() as u64;
        if waiting > 0 {
            view.notice = texts.count(waiting, "result.app", "result.apps");
        } else if !failed.is_empty() {
            view.notice = texts.t("result.left_out");
        }
        view.tone = if failed.is_empty() { Tone::Good } else { Tone::Attention };
        lines.truncate(LINES_MAX);
        view.lines = lines;
    }
}
