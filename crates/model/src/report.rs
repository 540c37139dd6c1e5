//! The restore report: what came back, what did not, and why, in sentences.
//!
//! A report says outcomes and reasons, never values: the server, which keeps it for the person and the administration, must not learn from a
//! report what it cannot read in a snapshot. Setting ids are those of the published catalog. Which apps a person has is content, so the
//! server gets apps as counts only; their names stay in the device's own copy ([`LocalReport`]).
//!
//! All texts that explain an outcome are here, beside those of [`crate::reason`].

use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::ids::{DeviceId, ProfileId, ReportId, SnapshotId};
use crate::reason::Reason;
use crate::world::Moment;

/// The most settings, or things not carried, in one report: ten times the catalog.
pub const ENTRIES_MAX: usize = 4_000;

/// The most bytes of a report as JSON.
pub const REPORT_BYTES_MAX: usize = 512 * 1024;

/// The longest id of a setting and the longest code of a reason, in bytes.
const WORD_BYTES_MAX: usize = 96;

/// The most apps that a count may say.
const APPS_MAX: u32 = 1_000_000;

/// What became of one setting or app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was written and read back; for apps: it is being installed.
    Restored,
    /// This PC had it already.
    Same,
    /// It was not tried, for the reason given.
    LeftAlone,
    /// It was tried and did not work.
    Failed,
    /// Rehome does not carry it.
    NotCarried,
}

impl Outcome {
    /// Whether the person has it now.
    pub fn came_back(self) -> bool {
        matches!(self, Self::Restored | Self::Same)
    }
}

/// What became of one setting, or of something that is not carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingResult {
    /// Id of the catalog.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it did not come back: a code of [`Reason`], or one of a newer version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many apps had an outcome for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppsResult {
    /// What became of them.
    pub outcome: Outcome,
    /// Why they did not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    pub count: u32,
}

/// What a restore did, as the server learns it. `PUT /api/v1/reports/{report}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Chosen by the device, so that sending it twice is sending it once.
    pub report: ReportId,
    /// When the restore ended, by the device's clock.
    pub made_at: Moment,
    /// The profile that was restored from.
    pub profile: ProfileId,
    /// The snapshot that was restored.
    pub snapshot: SnapshotId,
    /// Version of the agent.
    pub agent: String,
    /// Each setting of the snapshot, and each thing that is not carried.
    pub settings: Vec<SettingResult>,
    /// The apps, counted.
    pub apps: Vec<AppsResult>,
}

/// One app in the device's own copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppResult {
    /// What people call it, or its id.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it did not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A report as the device keeps it: with the names of the apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalReport {
    /// What the server learns.
    #[serde(flatten)]
    pub report: Report,
    /// The apps by name, which the server does not learn.
    pub app_names: Vec<AppResult>,
    /// How many more apps there were than have room here.
    #[serde(default, skip_serializing_if = "is_none_left")]
    pub unnamed: usize,
}

/// A report as the server gives it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReport {
    /// The PC that was restored.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// When the server got it.
    pub received_at: Moment,
    /// The report.
    #[serde(flatten)]
    pub report: Report,
}

/// `GET /api/v1/reports`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reports {
    /// The reports.
    pub reports: Vec<KeptReport>,
}

/// Why a report is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Too many entries.
    #[error("a report has at most {ENTRIES_MAX} entries, and this one has {0}")]
    TooMany(usize),
    /// An id or code that is not a plain word, and so could be a value in disguise.
    #[error("an id, code or version in the report is not a plain word")]
    NotAWord,
    /// A reason where none belongs, or none where one does.
    #[error("an outcome of the report and its reason do not fit")]
    Reason,
    /// A count that is none.
    #[error("a count of the report is out of range")]
    Count,
}

impl Report {
    /// Checks what comes from outside: bounded, ids and codes are plain words, and there is a reason exactly where something did not come back.
    pub fn check(&self) -> Result<(), ReportError> {
        let entries = self.settings.len() + self.apps.len();
        if entries > ENTRIES_MAX {
            return Err(ReportError::TooMany(entries));
        }
        if !is_word(&self.agent) {
            return Err(ReportError::NotAWord);
        }
        for one in &self.settings {
            check_reason(one.outcome, one.reason.as_deref())?;
            if !is_word(&one.id) {
                return Err(ReportError::NotAWord);
            }
        }
        for one in &self.apps {
            check_reason(one.outcome, one.reason.as_deref())?;
            if !(1..=APPS_MAX).contains(&one.count) {
                return Err(ReportError::Count);
            }
        }
        Ok(())
    }

    /// How many settings had this outcome.
    pub fn settings_with(&self, outcome: Outcome) -> usize {
        self.settings.iter().filter(|one| one.outcome == outcome).count()
    }

    /// How many apps had this outcome.
    pub fn apps_with(&self, outcome: Outcome) -> u64 {
        self.apps.iter().filter(|one| one.outcome == outcome).map(|one| u64::from(one.count)).sum()
    }

    /// One sentence that says it all, such as "41 settings restored, 100 as they were, 2 left alone, 0 failed".
    pub fn summary(&self) -> String {
        let count = |outcome| self.settings_with(outcome);
        let restored = count(Outcome::Restored);
        let apps = self.apps_with(Outcome::Restored);
        format!(
            "{restored} {} restored, {} as they were, {} left alone, {} failed; {apps} {} to install",
            plural(restored as u64, "setting"),
            count(Outcome::Same),
            count(Outcome::LeftAlone),
            count(Outcome::Failed),
            plural(apps, "app"),
        )
    }

    /// What did not come back, and why: a sentence each, apps as counts.
    pub fn missing(&self) -> Vec<String> {
        let settings = self
            .settings
            .iter()
            .filter(|one| is_missing(one.outcome, one.reason.as_deref()))
            .map(SettingResult::sentence);
        let apps =
            self.apps.iter().filter(|one| is_missing(one.outcome, one.reason.as_deref())).map(AppsResult::sentence);
        settings.chain(apps).collect()
    }
}

impl LocalReport {
    /// What did not come back, and why: a sentence each, apps by name.
    pub fn missing(&self) -> Vec<String> {
        let settings = self.report.settings.iter().filter(|one| is_missing(one.outcome, one.reason.as_deref()));
        let settings = settings.map(SettingResult::sentence);
        let apps = self.app_names.iter().filter(|one| is_missing(one.outcome, one.reason.as_deref()));
        let apps = apps.map(|one| sentence(&one.name, one.outcome, one.reason.as_deref()));
        let unnamed = (self.unnamed > 0).then(|| {
            let (number, is) = (self.unnamed, if self.unnamed == 1 { "is" } else { "are" });
            let apps = plural(number as u64, "app");
            format!("{number} more {apps} {is} not named here: there are more than a report has room for")
        });
        settings.chain(apps).chain(unnamed).collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_none_left(number: &usize) -> bool {
    *number == 0
}

impl SettingResult {
    /// What people call it; the id where the catalog does not know it.
    pub fn title(&self) -> &str {
        let left_out = || catalog::left_out().iter().find(|entry| entry.id == self.id).map(|entry| entry.title);
        catalog::find(&self.id).map(|setting| setting.title).or_else(left_out).unwrap_or(&self.id)
    }

    /// What became of it, as a sentence without a final stop.
    pub fn sentence(&self) -> String {
        let left_out = catalog::left_out().iter().find(|entry| entry.id == self.id);
        match left_out.filter(|_| self.outcome == Outcome::NotCarried) {
            // The catalog's own words for this very thing say more than the reason's.
            Some(entry) => format!("{} did not come back: {}", entry.title, entry.because.trim_end_matches('.')),
            None => sentence(self.title(), self.outcome, self.reason.as_deref()),
        }
    }
}

impl AppsResult {
    /// What became of them, as a sentence without a final stop.
    pub fn sentence(&self) -> String {
        let what = format!("{} {}", self.count, plural(u64::from(self.count), "app"));
        sentence(&what, self.outcome, self.reason.as_deref())
    }
}

/// What a reason's code means, in words; a newer version may have sent one that this version does not know.
pub fn words(code: &str) -> (&'static str, &'static str) {
    match Reason::from_code(code) {
        Some(reason) => (reason.title(), reason.next()),
        None => ("a newer Rehome knows why", "update Rehome to read the reason"),
    }
}

/// A sentence that fits one thing and several.
fn sentence(what: &str, outcome: Outcome, reason: Option<&str>) -> String {
    let verdict = match outcome {
        Outcome::Restored => return format!("{what} came back"),
        Outcome::Same => return format!("{what} needed no change"),
        Outcome::LeftAlone | Outcome::NotCarried => "did not come back",
        Outcome::Failed => "could not be written",
    };
    let (title, next) = reason.map_or(("no reason was given", "nothing"), words);
    match next.strip_prefix("nothing") {
        None => format!("{what} {verdict}: {title}. To do: {next}"),
        Some("") => format!("{what} {verdict}: {title}"),
        Some(rest) => format!("{what} {verdict}: {title}. Nothing to do{}", rest.replacen(';', ":", 1)),
    }
}

/// Whether a person would miss it: what came back is not missing, and neither is what they left out themselves, what Windows brings along, or what came
/// back under another name.
fn is_missing(outcome: Outcome, reason: Option<&str>) -> bool {
    let not_missed = [Reason::Excluded.code(), Reason::PartOfWindows.code(), Reason::Moved.code()];
    !outcome.came_back() && !reason.is_some_and(|code| not_missed.contains(&code))
}

fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn check_reason(outcome: Outcome, reason: Option<&str>) -> Result<(), ReportError> {
    if reason.is_some_and(|code| !is_word(code)) {
        return Err(ReportError::NotAWord);
    }
    if reason.is_some() == outcome.came_back() { Err(ReportError::Reason) } else { Ok(()) }
}

/// Letters, digits, points, hyphens, underscores and plus signs: ids, codes and version numbers, and nothing that could be a sentence or a path.
pub(crate) fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let one = |id: &str, outcome, reason: Option<Reason>| SettingResult {
            id: id.to_owned(),
            outcome,
            reason: reason.map(|reason| reason.code().to_owned()),
        };
        Report {
            report: ReportId([1; 16]),
            made_at: Moment(1_795_000_000_000),
            profile: ProfileId([2; 16]),
            snapshot: SnapshotId([3; 32]),
            agent: "0.1.0".to_owned(),
            settings: vec![
                one(catalog::SETTINGS[0].id, Outcome::Restored, None),
                one(catalog::SETTINGS[1].id, Outcome::LeftAlone, Some(Reason::ManagedByPolicy)),
                one("unknown.setting", Outcome::Failed, Some(Reason::AccessDenied)),
            ],
            apps: vec![AppsResult {
                outcome: Outcome::LeftAlone,
                reason: Some("needs_installing".to_owned()),
                count: 1,
            }],
        }
    }

    #[test]
    fn what_did_not_come_back_is_a_sentence_with_the_reason() {
        let report = report();
        report.check().unwrap();
        assert_eq!(
            report.missing(),
            [
                format!(
                    "{} did not come back: your organisation manages it. Nothing to do: ask your helpdesk if it should be yours to choose",
                    catalog::SETTINGS[1].title
                ),
                "unknown.setting could not be written: Windows did not allow reading or writing it. To do: sign in as \
                 the owner of the profile and try again"
                    .to_owned(),
                "1 app did not come back: listed for reference; desktop programs are not reinstalled. To do: install it \
                 from its maker or through your organisation"
                    .to_owned(),
            ]
        );
        assert_eq!(report.summary(), "1 setting restored, 0 as they were, 1 left alone, 1 failed; 0 apps to install");
    }

    #[test]
    fn every_reason_makes_a_sentence_without_a_code_in_it() {
        for reason in Reason::ALL {
            let one = SettingResult {
                id: "x".to_owned(),
                outcome: Outcome::LeftAlone,
                reason: Some(reason.code().to_owned()),
            };
            let said = one.sentence();
            assert!(said.contains(reason.title()) && !said.contains('_') && !said.ends_with('.'), "{said}");
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_is_still_a_sentence() {
        let (title, next) = words("not_yet_invented");
        assert!(title.contains("newer") && next.contains("update"));
    }

    #[test]
    fn reports_that_could_carry_a_value_or_contradict_themselves_are_refused() {
        let wrong = |change: &dyn Fn(&mut Report)| {
            let mut report = report();
            change(&mut report);
            report.check().unwrap_err()
        };
        assert_eq!(wrong(&|report| report.settings[0].id = "the value is 7".to_owned()), ReportError::NotAWord);
        assert_eq!(wrong(&|report| report.settings[1].reason = Some("C:\\x".to_owned())), ReportError::NotAWord);
        assert_eq!(wrong(&|report| report.agent = String::new()), ReportError::NotAWord);
        assert_eq!(wrong(&|report| report.settings[0].reason = Some("x".to_owned())), ReportError::Reason);
        assert_eq!(wrong(&|report| report.settings[1].reason = None), ReportError::Reason);
        assert_eq!(wrong(&|report| report.apps[0].count = 0), ReportError::Count);
        let many = vec![report().settings[0].clone(); ENTRIES_MAX];
        assert_eq!(wrong(&|report| report.settings = many.clone()), ReportError::TooMany(ENTRIES_MAX + 1));
        let value = serde_json::to_string(&report()).unwrap().replacen("\"id\"", "\"value\":7,\"id\"", 1);
        assert!(serde_json::from_str::<Report>(&value).is_err(), "fields that are not agreed are refused");
    }
}
