//! What the window is and does, without a window: a state machine. Commands of the person and answers of `rehome` go in; calls of `rehome` and
//! [`crate::view::View`] come out. It waits for nothing and reads no clock.
//!
//! Here are the states and what leads from one to another; what each page shows of them is in the files of `controller`.

mod backup;
mod privacy;
mod read;
mod restore;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::call::{Answer, Call, Choice, Heard, Problem, Remember, Which, Wish};
use crate::texts::Texts;
use crate::view::{Page, View};
use crate::when::When;
use backup::{FAMILIES, LINES_BEFORE};
pub(crate) use read::{harm, obstacle};
use read::{list, tame, text};
pub use work::Progress;

/// The most PCs of which it is asked what they were and what differs: each costs a request and a comparison.
const GLANCES_MAX: usize = 6;

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Looks at a page.
    Open(Page),
    /// Asks everything of the page again.
    Refresh,
    /// Presses the page's main button.
    Main,
    /// Presses its second button: back, more options, undo, export.
    Second,
    /// Presses its third button: not now, older backups, delete.
    Third,
    /// Chooses the card with that number.
    Choose(usize),
    /// Ticks something or takes the tick away.
    Tick(usize),
    /// Opens or closes the line with that number.
    Toggle(usize),
    /// Closes *Welcome back* without an answer; while something is being changed, only puts it aside.
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
    Running(Call, Progress),
    /// One that has ended and whose result is still shown.
    Ended(Call, Answer),
}

/// How far the person has come on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Which PC; on the other pages, the page itself.
    Pick,
    /// *Welcome back*: other PCs, and a new one.
    More,
    /// Which backup of the PC.
    Older,
    /// What would come back.
    Look,
    /// Whether the backups are really to be deleted.
    Delete,
}

/// The state machine.
#[derive(Debug)]
pub struct Controller {
    texts: &'static Texts,
    page: Page,
    schedule: Asked,
    status: Asked,
    shown: Asked,
    pcs: Asked,
    preview: Asked,
    journals: Asked,
    openings: Asked,
    welcome: Asked,
    work: Work,
    /// Whether Explorer was to start anew after that run, and what came of it.
    explorer: Asked,
    step: Step,
    /// The number of the chosen PC, and of the chosen one among its backups.
    chosen: (usize, usize),
    except: BTreeSet<String>,
    /// What was asked for last: an answer to an older preview is dropped.
    wanted: Option<Choice>,
    /// What the PCs of these backups were, and how much of them differs here.
    glances: BTreeMap<String, Value>,
    /// Of which PC accessibility, language and keyboard are being given back, or have been, and how many settings that were.
    eased: Option<(String, Option<usize>)>,
    /// The journal by which that came back.
    eased_by: Option<u32>,
    /// The category whose settings are listed.
    opened: Option<String>,
    /// Why a wish was not granted.
    refused: Option<Problem>,
    /// Runs that follow the present one, and what those before it answered.
    queue: VecDeque<Call>,
    answers: Vec<Value>,
    closed: bool,
    aside: bool,
}

impl Controller {
    /// A window that begins with a page.
    pub fn new(texts: &'static Texts, page: Page) -> Self {
        Self {
            texts,
            page,
            schedule: Asked::Not,
            status: Asked::Not,
            shown: Asked::Not,
            pcs: Asked::Not,
            preview: Asked::Not,
            journals: Asked::Not,
            openings: Asked::Not,
            welcome: Asked::Not,
            work: Work::None,
            explorer: Asked::Not,
            step: Step::Pick,
            chosen: (0, 0),
            except: BTreeSet::new(),
            wanted: None,
            glances: BTreeMap::new(),
            eased: None,
            eased_by: None,
            opened: None,
            refused: None,
            queue: VecDeque::new(),
            answers: Vec::new(),
            closed: false,
            aside: false,
        }
    }

    /// Does what the person wants. Returns what is to be asked of `rehome`.
    pub fn command(&mut self, command: Command) -> Vec<Call> {
        match command {
            Command::Open(page) => {
                self.page = page;
                self.leave_result();
                match self.unasked() {
                    Some(restore) => self.begin(restore),
                    None => self.ask(false),
                }
            }
            // There is no question to go back to: the main button goes on.
            Command::Refresh if self.unasked().is_some() => Vec::new(),
            Command::Refresh => {
                self.leave_result();
                self.ask(true)
            }
            Command::Main => self.main(),
            Command::Second => self.second(),
            Command::Third => self.third(),
            Command::Choose(index) => {
                self.choose(index);
                Vec::new()
            }
            Command::Tick(index) => self.tick(index),
            Command::Toggle(index) => self.toggle(index),
            Command::Dismiss => {
                self.leave();
                Vec::new()
            }
        }
    }

    /// A run has come so far. `now` is in milliseconds.
    pub fn heard(&mut self, call: &Call, heard: &Heard, now: i64) {
        if let Work::Running(running, progress) = &mut self.work
            && running == call
        {
            progress.hear(heard, now);
        }
    }

    /// A run has ended.
    pub fn ended(&mut self, call: Call, answer: Answer) -> Vec<Call> {
        match call {
            Call::Schedule => self.schedule = Asked::Known(answer),
            Call::Status => self.status = Asked::Known(answer),
            Call::Show => self.shown = Asked::Known(answer),
            Call::Pcs => {
                self.pcs = Asked::Known(answer);
                self.chosen.0 = self.chosen.0.min(self.machines().len().saturating_sub(1));
                return self.came();
            }
            Call::Glance(which) => {
                if let Ok(document) = answer {
                    self.glances.insert(which.snapshot, document);
                }
            }
            // What went wrong with it shows in the restore itself.
            Call::Ease(_) => {
                let outcome = answer.map(|document| document["outcome"].clone()).unwrap_or_default();
                let written = list(&outcome, "applied").len();
                self.eased = self.eased.take().map(|(device, _)| (device, Some(written)));
                self.eased_by = outcome["journal"].as_u64().and_then(|number| number.try_into().ok());
                // Known at the next showing too, should the person close this one without an answer.
                let eased = self.eased_by.map(|journal| Call::Remember(Remember::Eased(journal)));
                let mut calls: Vec<_> = eased.into_iter().collect();
                if self.closed {
                    return calls;
                }
                calls.extend(self.glance());
                // The person is ahead, and the plan waited for this.
                calls.extend(self.wanted.clone().filter(|_| self.step == Step::Look).map(Call::Preview));
                return calls;
            }
            Call::Preview(choice) => {
                // The person has ticked something else meanwhile.
                if self.wanted.as_ref() == Some(&choice) {
                    self.preview = Asked::Known(answer);
                }
            }
            Call::Wish(_) => self.wished(answer),
            Call::Journals => self.journals = Asked::Known(answer),
            Call::Openings => self.openings = Asked::Known(answer),
            Call::Welcome => self.welcome = Asked::Known(answer),
            Call::RestartExplorer => self.explorer = Asked::Known(answer),
            Call::Remember(_) | Call::Told(_) => {}
            Call::BackUp | Call::Restore(..) | Call::Undo | Call::Unease(_) | Call::Export(_) | Call::Forget(_) => {
                return self.work_ended(call, answer);
            }
        }
        Vec::new()
    }

    /// Whether the window is to go.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the window is to go out of the way and to stay: said once.
    pub fn steps_aside(&mut self) -> bool {
        std::mem::take(&mut self.aside)
    }

    /// Whether something is being changed: the window then stays until that is over, or at least says so.
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Running(..)) || self.explorer == Asked::Waiting
    }

    /// Whether what the person cannot do without is on its way back.
    fn is_easing(&self) -> bool {
        matches!(self.eased, Some((_, None)))
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
            Work::Running(call, progress) => self.running(&mut view, call, progress, when),
            Work::Ended(..) if self.explorer == Asked::Waiting => self.restarting(&mut view),
            Work::Ended(call, answer) => self.result(&mut view, call, answer),
            Work::None => {}
        }
        view
    }

    /// The person wants their desktop. What is being changed goes on, and its result is there when they come back.
    fn leave(&mut self) {
        if self.is_busy() {
            self.aside = true;
        } else {
            self.closed = true;
        }
    }

    /// What the organisation has restored at the first sign-in without asking: `rehome welcome` names it.
    fn unasked(&self) -> Option<Call> {
        let restores = &self.welcome.value().filter(|_| self.page == Page::Welcome)?["restores"];
        // The name goes back to `rehome` as it came: it is a word of the next command line.
        let device = restores["device_name"].as_str()?.to_owned();
        let snapshot = restores["snapshot"].as_str().map(tame)?;
        Some(Call::Restore(Choice { device, snapshot, except: Vec::new() }, None))
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
        if let Ok(document) = &answer {
            self.answers.push(document.clone());
            if let Some(next) = self.queue.pop_front() {
                return self.begin(next);
            }
        }
        self.queue.clear();
        let (exported, forgot) = (matches!(call, Call::Export(_)), matches!(call, Call::Forget(_)));
        self.work = Work::Ended(call, answer);
        if exported {
            return Vec::new();
        }
        // What is known of the PC is old now.
        (self.journals, self.shown) = (Asked::Not, Asked::Not);
        self.glances.clear();
        let mut calls = vec![Call::Schedule, Call::Status];
        (self.schedule, self.status) = (Asked::Waiting, Asked::Waiting);
        if forgot {
            self.pcs = Asked::Waiting;
            calls.push(Call::Pcs);
        }
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
            Page::Privacy => &[Call::Status, Call::Openings, Call::Pcs],
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
        if anew {
            self.shown = Asked::Not;
            self.opened = None;
        }
        calls
    }

    /// The list of PCs has come: at the first sign-in, what the person cannot do without comes back at once.
    fn came(&mut self) -> Vec<Call> {
        if self.page == Page::Welcome
            && self.eased.is_none()
            && let Some(which) = self.machines().first().map(|pc| pc.which(0))
        {
            self.eased = Some((which.device.clone(), None));
            return vec![Call::Ease(which)];
        }
        self.glance()
    }

    /// Asks what the PCs of the list were. Where two people share a PC, each asks with what is theirs.
    fn glance(&self) -> Vec<Call> {
        if !matches!(self.page, Page::Restore | Page::Welcome) {
            return Vec::new();
        }
        let newest = self.machines().into_iter().filter(|pc| !pc.this_pc && pc.opens(0)).map(|pc| pc.which(0));
        let unknown = newest.filter(|which| !self.glances.contains_key(&which.snapshot));
        unknown.take(GLANCES_MAX).map(Call::Glance).collect()
    }

    /// The result of the last run goes when the person goes on.
    fn leave_result(&mut self) {
        if matches!(self.work, Work::Ended(..)) && !self.is_busy() {
            self.work = Work::None;
        }
        self.step = Step::Pick;
        self.refused = None;
    }

    fn begin(&mut self, call: Call) -> Vec<Call> {
        let total = match (&call, self.preview.value()) {
            (Call::Restore(..), Some(document)) => read::changes(document).count(),
            _ => 0,
        };
        self.work = Work::Running(call.clone(), Progress::of(total));
        self.explorer = Asked::Not;
        vec![call]
    }

    /// Runs one after the other.
    fn begin_all(&mut self, calls: impl Iterator<Item = Call>) -> Vec<Call> {
        self.step = Step::Pick;
        self.answers.clear();
        self.queue = calls.collect();
        self.queue.pop_front().map(|first| self.begin(first)).unwrap_or_default()
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
                Some(Call::Restore(_, Some(_))) => {
                    self.work = Work::None;
                    self.look()
                }
                Some(call) => self.begin(call),
                None => self.command(Command::Refresh),
            };
        }
        match self.page {
            Page::Backup if self.may_back_up() => self.begin(Call::BackUp),
            Page::Privacy if self.step == Step::Delete => {
                let all = self.own_backups();
                self.begin_all(all.into_iter().map(Call::Forget))
            }
            Page::Backup | Page::Privacy => self.ask(true),
            Page::Restore | Page::Welcome if self.machines().is_empty() => self.ask(true),
            Page::Restore | Page::Welcome => match self.step {
                // What is on its way is taken back once it is there.
                Step::More if self.chosen.0 >= self.machines().len() && self.is_easing() => Vec::new(),
                Step::More if self.chosen.0 >= self.machines().len() => self.as_new_pc(),
                Step::Look => self.restore(),
                _ => self.look(),
            },
        }
    }

    fn second(&mut self) -> Vec<Call> {
        if self.is_busy() {
            return Vec::new();
        }
        match (self.page, self.step, &self.work) {
            (Page::Restore | Page::Welcome, Step::Look | Step::Older | Step::More, Work::None)
            | (Page::Privacy, Step::Delete, Work::None) => {
                self.step = Step::Pick;
                self.chosen = (self.chosen.0.min(self.machines().len().saturating_sub(1)), 0);
                Vec::new()
            }
            (Page::Welcome, Step::Pick, Work::None) if self.machines().is_empty() => self.as_new_pc(),
            (Page::Welcome, Step::Pick, Work::None) => {
                self.step = Step::More;
                Vec::new()
            }
            // Whichever page the person has turned to meanwhile, the result says that it can be taken back.
            (_, _, Work::Ended(Call::Restore(..), Ok(_))) => self.begin(Call::Undo),
            (Page::Restore, Step::Pick, Work::None) if self.last_restore().is_some() => self.begin(Call::Undo),
            (Page::Privacy, Step::Pick, Work::None) => {
                let all: Vec<_> = self.machines().iter().map(|pc| Call::Export(pc.which(0))).collect();
                self.begin_all(all.into_iter())
            }
            _ => Vec::new(),
        }
    }

    fn third(&mut self) -> Vec<Call> {
        if self.explorer_waits().is_some() && !self.is_busy() {
            self.explorer = Asked::Waiting;
            return vec![Call::RestartExplorer];
        }
        let picked = self.work == Work::None && self.step == Step::Pick;
        match self.page {
            Page::Welcome if !matches!(self.work, Work::Ended(_, Ok(_))) => self.leave(),
            Page::Restore if picked && self.has_older() => (self.step, self.chosen.1) = (Step::Older, 0),
            Page::Privacy if picked && !self.own_backups().is_empty() => self.step = Step::Delete,
            _ => {}
        }
        Vec::new()
    }

    /// The person wants nothing of an old PC, so what came back at once goes again, now or when the page came up before: the newest first.
    fn as_new_pc(&mut self) -> Vec<Call> {
        self.closed = true;
        let before = self.welcome.value().map(|document| list(document, "eased")).unwrap_or_default().iter();
        let before = before.rev().filter_map(|number| number.as_u64().and_then(|number| number.try_into().ok()));
        let journals: Vec<u32> = self.eased_by.into_iter().chain(before).collect();
        let mut calls = vec![Call::Remember(Remember::NewPc)];
        calls.extend(self.begin_all(journals.into_iter().map(Call::Unease)));
        calls
    }

    fn choose(&mut self, index: usize) {
        if self.is_busy() {
            return;
        }
        let machines = self.machines();
        match self.step {
            Step::Pick if index < machines.len() => self.chosen = (index, 0),
            // After the PCs comes the new one.
            Step::More if index <= machines.len() => self.chosen = (index, 0),
            Step::Older if machines.get(self.chosen.0).is_some_and(|pc| index < pc.backups.len()) => {
                self.chosen.1 = index;
            }
            _ => {}
        }
    }

    fn tick(&mut self, index: usize) -> Vec<Call> {
        if self.is_busy() {
            return Vec::new();
        }
        if self.page == Page::Backup {
            return self.wish(index);
        }
        if self.step != Step::Look {
            return Vec::new();
        }
        let Some(group) = self.groups().into_iter().nth(index).filter(|group| !group.locked) else { return Vec::new() };
        if !self.except.remove(&group.word) {
            self.except.insert(group.word);
        }
        self.look()
    }

    /// From now on backups carry what is ticked there, or do not.
    fn wish(&mut self, index: usize) -> Vec<Call> {
        let Some(family) = self.families().into_iter().nth(index).filter(|family| !family.locked) else {
            return Vec::new();
        };
        let of = FAMILIES.iter().find(|(word, _)| *word == family.word).map_or(&[][..], |(_, groups)| groups);
        let schedule = self.schedule.value().cloned().unwrap_or_default();
        let is_mine = |group: &&Value| group["locked"] == false && of.contains(&text(group, "group").as_str());
        let groups: Vec<_> =
            list(&schedule, "groups").iter().filter(is_mine).map(|group| text(group, "group")).collect();
        if groups.is_empty() { Vec::new() } else { vec![Call::Wish(Wish { groups, on: !family.ticked })] }
    }

    fn wished(&mut self, answer: Answer) {
        match answer {
            Ok(groups) => {
                if let Asked::Known(Ok(schedule)) = &mut self.schedule
                    && schedule.is_object()
                {
                    schedule["groups"] = groups;
                }
                self.refused = None;
            }
            Err(problem) => self.refused = Some(problem),
        }
    }

    /// Shows the settings of a category with their values, or no longer.
    fn toggle(&mut self, index: usize) -> Vec<Call> {
        let word = self.kept_lines().into_iter().nth(index.wrapping_sub(LINES_BEFORE)).map(|line| line.word);
        let Some(word) = word.filter(|word| !word.is_empty() && self.page == Page::Backup) else { return Vec::new() };
        if self.opened.as_ref() == Some(&word) {
            self.opened = None;
            return Vec::new();
        }
        self.opened = Some(word);
        if matches!(self.shown, Asked::Waiting | Asked::Known(Ok(_))) {
            return Vec::new();
        }
        self.shown = Asked::Waiting;
        vec![Call::Show]
    }

    /// Shows what would come back.
    fn look(&mut self) -> Vec<Call> {
        let Some(choice) = self.choice() else { return Vec::new() };
        self.step = Step::Look;
        self.preview = Asked::Waiting;
        self.wanted = Some(choice.clone());
        // Two runs at a time would be in each other's way, and the plan would be another one afterwards.
        if self.is_easing() { Vec::new() } else { vec![Call::Preview(choice)] }
    }

    fn restore(&mut self) -> Vec<Call> {
        let mark = self.preview.value().and_then(|plan| plan["mark"].as_str()).map(str::to_owned);
        match (self.wanted.clone(), mark) {
            (Some(choice), Some(mark)) => self.begin(Call::Restore(choice, Some(mark))),
            _ if self.preview.problem().is_some() => self.look(),
            _ => Vec::new(),
        }
    }

    fn choice(&self) -> Option<Choice> {
        let machines = self.machines();
        let pc = machines.get(self.chosen.0)?;
        let Which { device, snapshot } = pc.which(self.chosen.1);
        Some(Choice { device, snapshot, except: self.except.iter().cloned().collect() })
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

    /// The backups of this PC, which it may delete.
    fn own_backups(&self) -> Vec<Which> {
        let machines = self.machines();
        let own = machines.iter().filter(|pc| pc.this_pc);
        own.flat_map(|pc| (0..pc.backups.len()).map(|index| pc.which(index))).collect()
    }

    /// A "no" in the person's language, where the window has words of its own for it; else what the command line says.
    fn explain(&self, problem: &Problem) -> (String, String) {
        explained(self.texts, problem)
    }

    /// What is said of an app, and that it was pinned to Start: nothing pins it again but the person.
    fn with_pin(&self, about: String, app: &Value) -> String {
        let pinned = (app["pinned"] == true).then(|| self.texts.t("apps.pinned"));
        [Some(about), pinned].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    /// How many of something, and how many apps.
    fn with_apps(&self, (number, one, many): (u64, &str, &str), apps: u64) -> String {
        format!("{} · {}", self.texts.count(number, one, many), self.texts.count(apps, "apps.one", "apps.many"))
    }
}

/// A "no" in the person's language, where the window has words of its own for it; else what the command line says.
pub(crate) fn explained(texts: &Texts, problem: &Problem) -> (String, String) {
    let title = texts.t(&format!("no.{}", problem.code));
    if title.starts_with("no.") {
        // English names the thing; another language says what kind of thing it is.
        let own = texts.reason(&problem.code).map(|(title, next)| (title.to_owned(), next.to_owned()));
        let (title, next) = own.unwrap_or_else(|| (tame(&problem.message), tame(&problem.hint)));
        return (read::sentence(&title), read::sentence(&next));
    }
    (title, texts.t(&format!("no.{}_next", problem.code)))
}
