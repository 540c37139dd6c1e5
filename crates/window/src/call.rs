//! What the window asks of `rehome`, and what comes back.
//!
//! Everything the window does is a verb of the command line with `--json` (docs/decisions/0058): a person at the keyboard and a person with a mouse
//! get the same answers, under the same policy, with the same locks.

use serde_json::Value;

/// The most characters of a PC's name in a file's name.
const FILE_CHARS_MAX: usize = 40;

/// What was answered on the page *Welcome back*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    /// It came up.
    Shown,
    /// It gave something back at once, by the journal with that number.
    Eased(u32),
    /// The person restored.
    Restored,
    /// The person wants this PC as a new one.
    NewPc,
}

/// Which backup, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Name of the PC.
    pub device: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Words of the groups that do not come along.
    pub except: Vec<String>,
}

/// One backup of one PC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// Name of the PC.
    pub device: String,
    /// Id of the snapshot.
    pub snapshot: String,
}

/// What the person wants of groups from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Their words.
    pub groups: Vec<String>,
    /// Whether backups carry them.
    pub on: bool,
}

/// The categories without which a person may not be able to use a PC; they come back at once.
const EASE: [&str; 3] = ["accessibility", "language", "typing"];

/// One run of `rehome`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// When the last backup was, when the next is due, whether policy lets it begin. Asks no server.
    Schedule,
    /// Whose PC this is, and whether the server still has the last backup.
    Status,
    /// A backup.
    BackUp,
    /// The person's PCs with their backups.
    Pcs,
    /// What is in the last backup of this PC.
    Show,
    /// From now on backups carry something, or do not.
    Wish(Wish),
    /// What a PC was, and how much of its backup differs from this PC.
    Glance(Which),
    /// Gives accessibility, language and keyboard back at once.
    Ease(Which),
    /// What a restore would do.
    Preview(Choice),
    /// A restore that does what was shown, by the mark of the plan; without one, what the organisation has restored without asking.
    Restore(Choice, Option<String>),
    /// The restores that can be taken back.
    Journals,
    /// Takes the last restore back.
    Undo,
    /// Starts Explorer anew, so that what it reads only then shows.
    RestartExplorer,
    /// Takes back what came at once, by the journal with that number.
    Unease(u32),
    /// Who has opened the person's backups.
    Openings,
    /// Writes a backup into a file that works without Rehome.
    Export(Which),
    /// Deletes a backup for good.
    Forget(Which),
    /// Whether *Welcome back* comes up by itself.
    Welcome,
    /// Remembers what became of it.
    Remember(Remember),
    /// Remembers that the person was told of what stands in the way of backups, by its code.
    Told(String),
}

/// What stands in for the PC where there is none: a hive or an export to back up, and a `.reg` file to restore to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stead {
    /// What is backed up.
    pub from: Option<String>,
    /// What is restored to.
    pub to: Option<String>,
    /// The folder that exports are written to.
    pub exports: String,
}

impl Call {
    /// The command line, without the name of the program.
    pub fn words(&self, stead: &Stead) -> Vec<String> {
        let mut words = vec!["--json".to_owned()];
        let mut say = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        match self {
            Self::Schedule => say(&["schedule", "status"]),
            Self::Status => say(&["status"]),
            Self::BackUp => say(&["--json-lines", "backup"]),
            Self::Pcs => say(&["snapshots"]),
            Self::Show => say(&["show"]),
            Self::Wish(Wish { groups, on }) => {
                say(&["remember"]);
                let option = if *on { "--on" } else { "--off" };
                words.extend(groups.iter().flat_map(|group| [option.to_owned(), group.clone()]));
            }
            Self::Glance(which) => {
                say(&["restore"]);
                words.extend(which.words());
            }
            Self::Ease(which) => {
                say(&["--json-lines", "restore", "--yes", "--apps-later"]);
                words.extend(EASE.iter().flat_map(|category| ["--only".to_owned(), (*category).to_owned()]));
                words.extend(which.words());
            }
            Self::Preview(choice) => {
                say(&["restore"]);
                words.extend(choice.words());
            }
            Self::Restore(choice, mark) => {
                // Apps take long and need no window: the scheduled task goes on with them.
                say(&["--json-lines", "restore", "--yes", "--apps-later"]);
                words.extend(mark.iter().flat_map(|mark| ["--plan".to_owned(), mark.clone()]));
                words.extend(choice.words());
            }
            Self::Journals => say(&["undo", "--list"]),
            Self::Undo => say(&["--json-lines", "undo", "--yes"]),
            Self::RestartExplorer => say(&["restart-explorer", "--yes"]),
            Self::Unease(journal) => say(&["undo", "--yes", "--journal", &journal.to_string()]),
            Self::Openings => say(&["openings"]),
            Self::Export(which) => {
                say(&["export", "--as", "json", "--output"]);
                words.push(which.file(&stead.exports));
                words.extend(which.words());
            }
            Self::Forget(which) => {
                say(&["forget", "--yes"]);
                words.extend(which.words());
            }
            Self::Welcome => say(&["welcome", "--connect"]),
            Self::Remember(what) => {
                say(&["welcome", "--remember"]);
                match what {
                    Remember::Shown => say(&["shown"]),
                    Remember::Eased(journal) => say(&["eased", "--journal", &journal.to_string()]),
                    Remember::Restored => say(&["restored"]),
                    Remember::NewPc => say(&["new-pc"]),
                }
            }
            Self::Told(code) => say(&["schedule", "told", code]),
        }
        let (option, path) = match self {
            Self::BackUp => ("--from", &stead.from),
            Self::Glance(_) | Self::Ease(_) | Self::Preview(_) | Self::Restore(..) | Self::Undo | Self::Unease(_) => {
                ("--to", &stead.to)
            }
            _ => return words,
        };
        if let Some(path) = path {
            words.extend([option.to_owned(), path.clone()]);
        }
        words
    }
}

impl Which {
    fn words(&self) -> Vec<String> {
        vec!["--from-device".to_owned(), self.device.clone(), self.snapshot.clone()]
    }

    /// The file that an export goes to: the PC's name as far as every file system takes it, and digits that tell backups apart.
    fn file(&self, folder: &str) -> String {
        let name = |letter: char| if letter.is_alphanumeric() || letter == '-' { letter } else { '_' };
        let device: String = self.device.chars().map(name).take(FILE_CHARS_MAX).collect();
        let digits: String = self.snapshot.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let file = format!("rehome-{device}-{digits}.json");
        std::path::Path::new(folder).join(file).display().to_string()
    }
}

impl Choice {
    fn words(&self) -> Vec<String> {
        let mut words = vec!["--from-device".to_owned(), self.device.clone()];
        for group in &self.except {
            words.extend(["--except".to_owned(), group.clone()]);
        }
        // Last, after the mark that no option of ours begins here: an id is digits.
        words.push(self.snapshot.clone());
        words
    }
}

/// A "no" with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code of [`model::reason::Reason`].
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// What a run of `rehome` printed: its document, or why there is none.
pub type Answer = Result<Value, Problem>;

/// Understands what a run printed. A document that has `code`, `message` and `exit` is that of a failure.
pub fn answer(stdout: &[u8]) -> Answer {
    // An older program beside the window says nothing about what it remembers.
    if stdout.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    let document: Value = serde_json::from_slice(stdout).map_err(|error| broken(&error.to_string()))?;
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("code"), text("message"), document.get("exit")) {
        (Some(code), Some(message), Some(_)) => Err(Problem { code, message, hint: text("hint").unwrap_or_default() }),
        _ => Ok(document),
    }
}

/// The program did not say what it should, or did not run.
pub fn broken(why: &str) -> Problem {
    let reason = model::reason::Reason::Internal;
    Problem {
        code: reason.code().to_owned(),
        message: format!("{}: {why}", reason.title()),
        hint: reason.next().to_owned(),
    }
}

/// A line of progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The station's word.
    pub station: String,
    /// The stage of a restore.
    pub stage: Option<String>,
    /// How many settings of the stage are done.
    pub done: u64,
    /// How much of it is done, from 0 to 1.
    pub share: Option<f32>,
}

/// Understands a line of progress; other lines are talk.
pub fn heard(line: &str) -> Option<Heard> {
    let document: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| document.get(name).and_then(Value::as_f64);
    let done = number("bytes_done").or_else(|| number("done"));
    let total = number("bytes_total").or_else(|| number("total"));
    #[expect(clippy::cast_possible_truncation, reason = "a bar has no more pixels")]
    let share =
        done.zip(total).filter(|(_, total)| *total > 0.0).map(|(done, total)| (done / total).clamp(0.0, 1.0) as f32);
    Some(Heard {
        station: document.get("station")?.as_str()?.to_owned(),
        stage: document.get("stage").and_then(Value::as_str).map(str::to_owned),
        done: document.get("done").and_then(Value::as_u64).unwrap_or_default(),
        share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_command_line() {
        let choice = Choice {
            device: "OLD PC".to_owned(),
            snapshot: "ab12".to_owned(),
            except: vec!["taskbar".to_owned(), "app_list".to_owned()],
        };
        let stead = Stead { from: Some("C:/x".to_owned()), to: Some("y.reg".to_owned()), exports: "docs".to_owned() };
        let which = || Which { device: "OLD/.. PC".to_owned(), snapshot: "ab12cd34ef".to_owned() };
        let line = |call: Call| call.words(&stead).join("|");
        assert_eq!(line(Call::Schedule), "--json|schedule|status");
        assert_eq!(line(Call::BackUp), "--json|--json-lines|backup|--from|C:/x");
        assert_eq!(
            line(Call::Restore(choice.clone(), Some("m1".to_owned()))),
            "--json|--json-lines|restore|--yes|--apps-later|--plan|m1|--from-device|OLD PC|--except|taskbar|--except|app_list|ab12|--to|y.reg"
        );
        assert_eq!(
            line(Call::Restore(Choice { except: Vec::new(), ..choice.clone() }, None)),
            "--json|--json-lines|restore|--yes|--apps-later|--from-device|OLD PC|ab12|--to|y.reg"
        );
        assert_eq!(Call::Preview(choice).words(&Stead::default()).last().unwrap(), "ab12");
        assert_eq!(
            line(Call::Ease(which())),
            "--json|--json-lines|restore|--yes|--apps-later|--only|accessibility|--only|language|--only|typing|--from-device|OLD/.. PC|ab12cd34ef|--to|y.reg"
        );
        assert_eq!(line(Call::Glance(which())), "--json|restore|--from-device|OLD/.. PC|ab12cd34ef|--to|y.reg");
        let file = std::path::Path::new("docs").join("rehome-OLD____PC-ab12cd34.json");
        assert_eq!(
            line(Call::Export(which())),
            format!("--json|export|--as|json|--output|{}|--from-device|OLD/.. PC|ab12cd34ef", file.display()),
            "a PC's name leads out of no folder"
        );
        assert_eq!(line(Call::Forget(which())), "--json|forget|--yes|--from-device|OLD/.. PC|ab12cd34ef");
        let wish = Wish { groups: vec!["taskbar".to_owned(), "start".to_owned()], on: false };
        assert_eq!(line(Call::Wish(wish)), "--json|remember|--off|taskbar|--off|start");
        assert_eq!(line(Call::Told("quota_exceeded".to_owned())), "--json|schedule|told|quota_exceeded");
        assert_eq!(line(Call::Remember(Remember::NewPc)), "--json|welcome|--remember|new-pc");
        assert_eq!(line(Call::Remember(Remember::Eased(3))), "--json|welcome|--remember|eased|--journal|3");
        assert_eq!(line(Call::Unease(3)), "--json|undo|--yes|--journal|3|--to|y.reg");
        assert_eq!(line(Call::RestartExplorer), "--json|restart-explorer|--yes", "a file has none");
    }

    #[test]
    fn a_failure_is_told_apart_from_a_document() {
        let failed = br#"{"code":"busy","message":"another run","hint":"wait","exit":7}"#;
        let problem = answer(failed).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.hint.as_str()), ("busy", "wait"));
        assert_eq!(answer(br#"{"outcome":"created"}"#).unwrap()["outcome"], "created");
        assert_eq!(answer(b" \n").unwrap(), Value::Null);
        assert_eq!(answer(b"error: no").unwrap_err().code, "internal");
    }

    #[test]
    fn progress_is_a_share_of_what_there_is() {
        let bytes = heard(r#"{"station":"upload","bytes_done":5,"bytes_total":20}"#).unwrap();
        assert_eq!((bytes.station.as_str(), bytes.share), ("upload", Some(0.25)));
        let stage = heard(r#"{"station":"apply","stage":"look","done":2,"total":2,"complete":true}"#).unwrap();
        assert_eq!((stage.stage.as_deref(), stage.share), (Some("look"), Some(1.0)));
        assert_eq!(heard(r#"{"station":"seal"}"#).unwrap().share, None);
        assert_eq!(heard(r#"{"station":"upload","bytes_done":0,"bytes_total":0}"#).unwrap().share, None);
        for talk in ["warning: x", "{}", "[]", ""] {
            assert_eq!(heard(talk), None, "{talk}");
        }
    }
}
