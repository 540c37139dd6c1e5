//! Whether the page *Welcome back* comes up by itself: a pure decision, and what the PC remembers of the person's answer.
//!
//! The rows are those of Microsoft's own page (Microsoft Learn, "Windows settings backup and restore", overview, prerequisites for a restore at first
//! sign-in, and the known issues of its Intune page for shared devices). Nothing here stops a restore that the person asks for themself: the page is an
//! offer, and each "no" carries the reason that `rehome welcome` and the helpdesk see. Where the organisation has the newest backup restored without asking
//! (`restore.mode`), the same decision says when: a PC on which nothing may be offered is one on which nothing comes back by itself either.

use std::cmp::Reverse;

use model::api::{ProfileSummary, SnapshotSummary};
use model::policy::Effective;
use model::prerequisite::Activity;
use model::reason::Reason;
use model::world::Moment;
use serde::{Deserialize, Serialize};

use crate::doctor::refusal;
use crate::facts::Facts;
use crate::state::{State, StateError, file};

/// How often the page comes up by itself: at the first sign-in, and once more for a person who closed it without an answer.
pub const SHOWN_MAX: u32 = 2;

/// How many restores of what comes back at once are remembered: one for each showing, and an administrator may have the page shown again.
const EASED_MAX: usize = 8;

/// The record's name.
const NAME: &str = "welcome.json";

/// What the person said on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// They restored.
    Restored,
    /// They want this PC as a new one.
    NewPc,
}

/// What the PC remembers of the page. A record that is damaged counts as none: the page then comes up once too often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Welcomed {
    /// How often it came up by itself.
    pub shown: u32,
    /// When it did so last.
    pub shown_at: Option<Moment>,
    /// What the person said.
    pub answer: Option<Answer>,
    /// When they did.
    pub answered_at: Option<Moment>,
    /// Whether a sign-in wanted to know and could not ask the server. Backups that were made meanwhile do not count against the page then.
    pub waits: bool,
    /// The journals of what the page has given back at once, the newest last: they go with the old PC if the person wants this one as a new one, whichever
    /// showing brought them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eased: Vec<u32>,
}

/// What the account has on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many other PCs of the person have a backup.
    pub other_pcs: usize,
    /// How many snapshots there are of this PC.
    pub of_this_pc: u64,
}

impl Kept {
    /// Counts what the account has.
    pub fn of(profiles: &[ProfileSummary]) -> Self {
        let (own, others): (Vec<_>, Vec<_>) = profiles.iter().partition(|profile| profile.this_device);
        Self {
            other_pcs: others.iter().filter(|profile| profile.snapshots > 0).count(),
            of_this_pc: own.iter().map(|profile| profile.snapshots).sum(),
        }
    }
}

/// What the page offers first, which is also what is restored where nobody is asked: the newest backup of another PC of the person.
pub fn offered(profiles: &[ProfileSummary]) -> Option<(&ProfileSummary, &SnapshotSummary)> {
    let others = profiles.iter().filter(|profile| !profile.this_device);
    let newest = others.filter_map(|profile| Some((profile, profile.latest.as_ref()?)));
    // Of two that were taken at the same moment the list's first, as on the page.
    newest.min_by_key(|(_, latest)| Reverse(latest.taken_at))
}

/// Whether the page restores what it would offer first, and asks nobody.
pub fn asks_nobody(policy: &Effective) -> bool {
    policy.restore_mode().value == "automatic"
}

/// What the decision goes by.
pub struct Standing<'a> {
    /// What holds on this PC.
    pub policy: &'a Effective,
    /// What is known of it.
    pub facts: &'a Facts,
    /// Whether the installer was told that there is no window and no page here (`NOUI`).
    pub no_ui: bool,
    /// Whether this PC is connected to the person's account.
    pub enrolled: bool,
    /// What the account has; the reason, if the server could not be asked.
    pub kept: Result<Kept, Reason>,
    /// What the PC remembers.
    pub welcomed: &'a Welcomed,
    /// When an administrator last asked for the page.
    pub offered_at: Option<Moment>,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "decision", content = "reason")]
pub enum Decision {
    /// The page comes up.
    Show,
    /// It does not, and not later either unless something changes.
    Not(Reason),
    /// That cannot be told now. The next sign-in asks again; the page does not come up empty.
    Later(Reason),
}

/// Decides. What costs nothing to know is asked first, so that a PC that never shows the page asks no server.
pub fn decide(standing: &Standing<'_>) -> Decision {
    if let Some(reason) = against(standing) {
        return Decision::Not(reason);
    }
    match standing.kept {
        Err(reason) => Decision::Later(reason),
        Ok(Kept { other_pcs: 0, .. }) => Decision::Not(Reason::NoProfile),
        // A PC that had backed up for this person before the page was ever due is theirs already: what they see is not their first sign-in. Once it was due,
        // the task has backed up minutes later, whatever became of the page.
        Ok(Kept { of_this_pc: 1.., .. }) if !asked_for(standing) && !was_due(standing) => {
            Decision::Not(Reason::WelcomedBefore)
        }
        Ok(_) => Decision::Show,
    }
}

/// What stands against it on this PC, whatever the server has.
pub fn against(standing: &Standing<'_>) -> Option<Reason> {
    let Standing { policy, facts, no_ui, enrolled, welcomed, .. } = *standing;
    if let Some(refusal) = refusal(Activity::SignInRestore, policy, Some(facts)) {
        return Some(refusal.reason);
    }
    if no_ui || !policy.restore_page().value || policy.restore_mode().value == "off" {
        return Some(Reason::RestorePageOff);
    }
    if facts.shared == Some(true) {
        return Some(Reason::SharedPc);
    }
    if !enrolled {
        return Some(Reason::NotEnrolled);
    }
    let is_over = welcomed.answer.is_some() || welcomed.shown >= SHOWN_MAX;
    (is_over && !asked_for(standing)).then_some(Reason::WelcomedBefore)
}

/// Whether the page came up already, or would have if the server had answered.
fn was_due(standing: &Standing<'_>) -> bool {
    standing.welcomed.shown > 0 || standing.welcomed.waits
}

/// Whether an administrator has asked for the page since it last came up or was answered.
fn asked_for(standing: &Standing<'_>) -> bool {
    let last = standing.welcomed.shown_at.max(standing.welcomed.answered_at);
    standing.offered_at.is_some_and(|offered| last.is_none_or(|last| offered > last))
}

impl Welcomed {
    /// It came up by itself.
    pub fn show(&mut self, now: Moment) {
        self.shown = self.shown.saturating_add(1);
        self.shown_at = Some(now);
        self.waits = false;
    }

    /// It has given something back at once, by the journal with that number.
    pub fn ease(&mut self, journal: u32) {
        self.eased.retain(|&one| one != journal);
        self.eased.push(journal);
        self.eased.drain(..self.eased.len().saturating_sub(EASED_MAX));
    }

    /// The person answered. What came back at once stays now, or is taken back by whoever asked.
    pub fn answer(&mut self, answer: Answer, now: Moment) {
        self.eased.clear();
        self.answer = Some(answer);
        self.answered_at = Some(now);
    }
}

impl State {
    /// What the PC remembers of the page.
    pub fn welcomed(&self) -> Welcomed {
        let bytes = file::read(&self.folder().join(NAME)).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers it.
    pub fn save_welcomed(&self, welcomed: &Welcomed) -> Result<(), StateError> {
        file::make_folder(self.folder())?;
        file::replace(&self.folder().join(NAME), &serde_json::to_vec(welcomed).expect("it is plain data"))
    }
}

#[cfg(test)]
mod tests {
    use model::ids::{DeviceId, ProfileId, SnapshotId};
    use model::policy::{Given, Values, evaluate};
    use model::prerequisite::{Join, ROWS};

    use super::*;

    const OTHER: Result<Kept, Reason> = Ok(Kept { other_pcs: 1, of_this_pc: 0 });

    fn facts(build: u32, revision: u32, join: Join) -> Facts {
        Facts { build: Some(build), revision: Some(revision), join: Some(join), ..Facts::default() }
    }

    fn policy(given: &[(&'static str, Given)]) -> Effective {
        evaluate(&Values { server: given.iter().cloned().collect(), ..Values::default() })
    }

    struct Pc {
        policy: Effective,
        facts: Facts,
        no_ui: bool,
        enrolled: bool,
        kept: Result<Kept, Reason>,
        welcomed: Welcomed,
        offered_at: Option<Moment>,
    }

    /// A PC as Microsoft's overview wants it, with one old PC on the server.
    fn decided(change: impl FnOnce(&mut Pc)) -> Decision {
        let mut pc = Pc {
            policy: microsoft(),
            facts: facts(26100, 7922, Join::Entra),
            no_ui: false,
            enrolled: true,
            kept: OTHER,
            welcomed: Welcomed::default(),
            offered_at: None,
        };
        change(&mut pc);
        let Pc { policy, facts, welcomed, .. } = &pc;
        let Pc { no_ui, enrolled, kept, offered_at, .. } = pc;
        decide(&Standing { policy, facts, no_ui, enrolled, kept, welcomed, offered_at })
    }

    fn microsoft() -> Effective {
        let microsoft = || Given::Text("microsoft".to_owned());
        policy(&[("backup.builds", microsoft()), ("backup.join_states", microsoft())])
    }

    #[test]
    fn a_new_pc_with_an_old_one_on_the_server_is_welcomed() {
        assert_eq!(decided(|_| ()), Decision::Show);
        // What Windows does not say stops nothing.
        assert_eq!(decided(|at| at.facts.shared = Some(false)), Decision::Show);
        assert_eq!(decided(|at| at.facts = Facts::default()), Decision::Show);
    }

    #[test]
    fn each_row_of_the_prerequisites_decides() {
        for row in ROWS.iter().filter(|row| row.activity == Activity::SignInRestore) {
            let exact = facts(row.least.build, row.least.revision, Join::Hybrid);
            assert_eq!(decided(|at| at.facts = exact.clone()), Decision::Show, "{}", row.version);
            let older = facts(row.least.build, row.least.revision - 1, Join::Hybrid);
            assert_eq!(decided(|at| at.facts = older.clone()), Decision::Not(Reason::BuildTooOld), "{}", row.version);
        }
        for (build, revision) in [(19045, 6216), (22621, 5768), (22631, 5768)] {
            let old = facts(build, revision, Join::Entra);
            assert_eq!(decided(|at| at.facts = old.clone()), Decision::Not(Reason::BuildTooOld), "{build}");
        }
        for join in [Join::Registered, Join::Domain, Join::Workgroup] {
            let other = facts(26100, 7922, join);
            assert_eq!(decided(|at| at.facts = other.clone()), Decision::Not(Reason::WrongJoinState), "{join:?}");
        }
    }

    #[test]
    fn what_the_organisation_switched_off_stays_away() {
        for (given, reason) in [
            (("restore.enabled", Given::Number(0)), Reason::PolicyOff),
            (("restore.page", Given::Number(0)), Reason::RestorePageOff),
            (("restore.mode", Given::Text("off".to_owned())), Reason::RestorePageOff),
        ] {
            let name = given.0;
            let off = policy(&[given]);
            assert_eq!(decided(|at| at.policy = off.clone()), Decision::Not(reason), "{name}");
        }
        assert_eq!(decided(|at| at.no_ui = true), Decision::Not(Reason::RestorePageOff));
        assert_eq!(decided(|at| at.facts.shared = Some(true)), Decision::Not(Reason::SharedPc));
        assert_eq!(decided(|at| at.enrolled = false), Decision::Not(Reason::NotEnrolled));
    }

    #[test]
    fn without_a_backup_of_another_pc_there_is_nothing_to_offer() {
        assert_eq!(decided(|at| at.kept = Ok(Kept::default())), Decision::Not(Reason::NoProfile));
        let own = Ok(Kept { other_pcs: 0, of_this_pc: 4 });
        assert_eq!(decided(|at| at.kept = own), Decision::Not(Reason::NoProfile));
        let lived_in = Ok(Kept { other_pcs: 1, of_this_pc: 1 });
        assert_eq!(decided(|at| at.kept = lived_in), Decision::Not(Reason::WelcomedBefore));
    }

    fn profile(number: u8, this_device: bool, taken: &[i64]) -> ProfileSummary {
        let snapshot = |at: &i64| SnapshotSummary {
            snapshot: SnapshotId([number; 32]),
            profile: ProfileId([number; 16]),
            seq: 1,
            taken_at: Moment(*at),
            committed_at: Moment(*at),
            settings: 1,
            apps: 0,
            size_bytes: 1,
            rehearsed: None,
            kept: Vec::new(),
            kept_by: Vec::new(),
        };
        ProfileSummary {
            profile: ProfileId([number; 16]),
            device: DeviceId([number; 16]),
            device_name: format!("PC-{number}"),
            this_device,
            snapshots: taken.len() as u64,
            latest: taken.last().map(snapshot),
        }
    }

    #[test]
    fn what_is_offered_first_is_the_newest_backup_of_another_pc() {
        let name = |profiles: &[ProfileSummary]| offered(profiles).map(|(profile, _)| profile.device_name.clone());
        let all = [profile(1, true, &[9]), profile(2, false, &[3, 5]), profile(3, false, &[7]), profile(4, false, &[])];
        assert_eq!(name(&all).as_deref(), Some("PC-3"));
        assert_eq!(Kept::of(&all), Kept { other_pcs: 2, of_this_pc: 1 });
        let same = [profile(2, false, &[7]), profile(3, false, &[7])];
        assert_eq!(name(&same).as_deref(), Some("PC-2"), "of two of the same moment the list's first, as on the page");
        assert_eq!(name(&all[..1]), None, "what this PC has is here already");
        assert_eq!(name(&all[3..]), None);
    }

    #[test]
    fn nobody_is_asked_only_where_the_organisation_says_so() {
        let mode = |word: &str| policy(&[("restore.mode", Given::Text(word.to_owned()))]);
        assert!(asks_nobody(&mode("automatic")));
        assert!(!asks_nobody(&mode("ask")) && !asks_nobody(&mode("off")) && !asks_nobody(&microsoft()));
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_asked_at_the_next_sign_in() {
        for reason in [Reason::ServerUnreachable, Reason::ServerSlow] {
            assert_eq!(decided(|at| at.kept = Err(reason)), Decision::Later(reason));
            // What stands against it here needs no server.
            let off = policy(&[("restore.page", Given::Number(0))]);
            let both = decided(|at| (at.kept, at.policy) = (Err(reason), off.clone()));
            assert_eq!(both, Decision::Not(Reason::RestorePageOff));
        }
    }

    #[test]
    fn it_comes_back_once_and_never_after_an_answer() {
        let mut welcomed = Welcomed::default();
        welcomed.show(Moment(1_000));
        assert_eq!(decided(|at| at.welcomed = welcomed.clone()), Decision::Show);
        // The task has backed up meanwhile.
        let backed_up = Ok(Kept { other_pcs: 1, of_this_pc: 1 });
        assert_eq!(decided(|at| (at.welcomed, at.kept) = (welcomed.clone(), backed_up)), Decision::Show);
        welcomed.show(Moment(2_000));
        assert_eq!(decided(|at| at.welcomed = welcomed.clone()), Decision::Not(Reason::WelcomedBefore));
        for answer in [Answer::Restored, Answer::NewPc] {
            let mut welcomed = Welcomed::default();
            welcomed.show(Moment(1_000));
            welcomed.answer(answer, Moment(1_500));
            assert_eq!(
                decided(|at| at.welcomed = welcomed.clone()),
                Decision::Not(Reason::WelcomedBefore),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_first_sign_in_without_a_server_is_made_up_for_after_the_first_backup() {
        let waits = Welcomed { waits: true, ..Welcomed::default() };
        let backed_up = Ok(Kept { other_pcs: 1, of_this_pc: 1 });
        assert_eq!(decided(|at| (at.welcomed, at.kept) = (waits.clone(), backed_up)), Decision::Show);
        let mut shown = waits;
        shown.show(Moment(1_000));
        assert!(!shown.waits);
        shown.show(Moment(2_000));
        let again = decided(|at| (at.welcomed, at.kept) = (shown.clone(), backed_up));
        assert_eq!(again, Decision::Not(Reason::WelcomedBefore));
    }

    #[test]
    fn an_administrator_can_have_it_shown_again_and_once() {
        let mut welcomed = Welcomed::default();
        welcomed.show(Moment(1_000));
        welcomed.answer(Answer::NewPc, Moment(1_500));
        let lived_in = Ok(Kept { other_pcs: 1, of_this_pc: 9 });
        let asked = |welcomed: &Welcomed| {
            let offered_at = Some(Moment(5_000));
            decided(|at| (at.welcomed, at.kept, at.offered_at) = (welcomed.clone(), lived_in, offered_at))
        };
        assert_eq!(asked(&welcomed), Decision::Show);
        welcomed.show(Moment(6_000));
        assert_eq!(asked(&welcomed), Decision::Not(Reason::WelcomedBefore));
    }

    #[test]
    fn what_came_back_at_once_is_remembered_until_the_person_answers() {
        let mut welcomed = Welcomed::default();
        welcomed.show(Moment(1));
        welcomed.ease(3);
        welcomed.show(Moment(2));
        welcomed.ease(7);
        welcomed.ease(3);
        assert_eq!(welcomed.eased, [7, 3], "each once, the newest last");
        (10..30).for_each(|journal| welcomed.ease(journal));
        assert_eq!((welcomed.eased.len(), welcomed.eased.last()), (EASED_MAX, Some(&29)));
        welcomed.answer(Answer::NewPc, Moment(3));
        assert!(welcomed.eased.is_empty());
    }

    #[test]
    fn what_is_remembered_survives_and_damage_counts_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path(), "default").unwrap();
        assert_eq!(state.welcomed(), Welcomed::default());
        let mut welcomed = Welcomed::default();
        welcomed.show(Moment(7));
        welcomed.answer(Answer::Restored, Moment(8));
        state.save_welcomed(&welcomed).unwrap();
        assert_eq!(state.welcomed(), welcomed);
        file::replace(&state.folder().join(NAME), b"{").unwrap();
        assert_eq!(state.welcomed(), Welcomed::default());
    }
}
