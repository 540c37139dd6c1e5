//! `rehome-server case`: somebody's content opened for a while, with a second admin's yes.
//!
//! Whoever runs the server is one actor, the operator; with `--by` it is a person, who shows their password (and code) here as they would on the page. Saying
//! yes or no always takes a person: the operator alone is never two people.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::admin::CaseContent;
use model::ids::{ApprovalId, ProfileId};
use model::permission::Permission;
use model::reason::Reason;
use model::snapshot::text::{APP_BYTES_MAX, clean};
use model::snapshot::{AppKind, Reading};
use store::people::Change;
use store::{AdminError, CASE_HOURS, Case, Covers, NewCase, Origin, Refused, TenantScope, View, Who};

use super::admin::{at, read_password, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::cases::{KIND, ReadError, read, shape};
use crate::keyring::content::ContentError;
use crate::login::second_factor;
use crate::password;

#[derive(Subcommand)]
pub(super) enum CaseVerb {
    /// List the cases, newest first: id, state, whose content, until when, what was read, what for
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Ask for somebody's content to be opened for a while; another administrator has to approve
    Open(OpenArgs),
    /// Approve a case, as a person other than who asked
    Approve(DecideArgs),
    /// Turn a case down, as a person other than who asked
    Deny(DecideArgs),
    /// Say what a case is about and what was read in it
    Show {
        /// Its id
        case: ApprovalId,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Read a snapshot in an open case, or without one list what can be read; each reading is recorded, and its person sees it
    Read(ReadArgs),
    /// End a case for good
    Close {
        /// Its id
        case: ApprovalId,
        #[command(flatten)]
        actor: Actor,
    },
}

#[derive(Args)]
pub(super) struct Tenant {
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT)]
    pub(super) tenant: String,
}

/// Who acts.
#[derive(Args)]
pub(super) struct Actor {
    /// Act as this person, whose password is read from standard input [default: the operator]
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
    /// Their code, if they have a second factor
    #[arg(long, value_name = "CODE", requires = "by")]
    code: Option<String>,
    #[command(flatten)]
    pub(super) tenant: Tenant,
}

#[derive(Args)]
pub(super) struct OpenArgs {
    /// Whose content
    user: String,
    /// What for, in words; its person reads it
    #[arg(long, value_name = "TEXT")]
    purpose: String,
    /// Only this profile of theirs, as `snapshot list` prints it
    #[arg(long, value_name = "ID")]
    only_profile: Option<ProfileId>,
    /// Only the snapshot with this number in that profile
    #[arg(long, value_name = "NUMBER", requires = "only_profile")]
    only_number: Option<u64>,
    /// For how many hours from the approval on
    #[arg(long, default_value_t = CASE_HOURS, value_parser = clap::value_parser!(u32).range(1..=i64::from(store::CASE_HOURS_MAX)))]
    hours: u32,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct DecideArgs {
    /// Its id
    case: ApprovalId,
    /// A word to who asked
    #[arg(long, default_value = "")]
    answer: String,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct ReadArgs {
    /// Its id
    case: ApprovalId,
    /// The profile
    #[arg(requires = "number")]
    profile: Option<ProfileId>,
    /// The snapshot's number in it
    number: Option<u64>,
    /// Print it as one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(app: &App, verb: CaseVerb) -> Result<ExitCode, Failure> {
    match verb {
        CaseVerb::List { tenant } => {
            let cases = app.store.cases(&View::operator(&scope(app, &tenant.tenant)?), app.clock.now())?;
            print(&cases.iter().map(line).collect::<Vec<_>>())
        }
        CaseVerb::Open(args) => open(app, args),
        CaseVerb::Approve(args) => decide(app, args, true),
        CaseVerb::Deny(args) => decide(app, args, false),
        CaseVerb::Show { case, tenant } => show(app, &scope(app, &tenant.tenant)?, case),
        CaseVerb::Read(args) => content(app, &args),
        CaseVerb::Close { case, actor } => {
            let view = view(app, &actor, Permission::CaseRead)?;
            app.store.close_case(&view, case, app.clock.now())?;
            say("closed; nobody reads in it any more");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Tab-separated.
fn line(case: &Case) -> String {
    let until = case.until.map_or_else(|| "-".to_owned(), at);
    let (id, stage, user) = (case.approval.id, case.stage.word(), &case.user_name);
    let purpose = clean(&case.approval.note.replace('\n', " "), store::NOTE_CHARS_MAX * 4);
    format!("{id}\t{stage}\t{user}\tuntil {until}\t{} readings\t{purpose}", case.readings.len())
}

fn open(app: &App, args: OpenArgs) -> Result<ExitCode, Failure> {
    let view = view(app, &args.actor, Permission::CaseOpen)?;
    let none = || Failure::new(2, Reason::NotFound, format!("there is no user `{}`", args.user));
    let user = app.store.user_named(view.tenant_scope(), &args.user)?.ok_or_else(none)?;
    let mut id = [0; ApprovalId::LEN];
    app.random.fill(&mut id);
    let covers = Covers { user, profile: args.only_profile, number: args.only_number, hours: args.hours };
    let new = NewCase { id: ApprovalId(id), covers, purpose: args.purpose };
    let asked = app.store.ask_for_case(&view, new, app.clock.now())?;
    match asked.approval.alone_from {
        None => say("asked; another administrator has to approve it (`case approve`)"),
        Some(from) => say(&format!("asked; nobody else may approve it, so it opens by itself from {}", at(from))),
    }
    print(&[asked.approval.id.to_string()])
}

fn decide(app: &App, args: DecideArgs, yes: bool) -> Result<ExitCode, Failure> {
    if args.actor.by.is_none() {
        let text = "a case is decided by a person, and the operator is none";
        return Err(Failure::new(2, Reason::SecondPerson, text).hint("say who decides with `--by NAME`"));
    }
    let view = view(app, &args.actor, Permission::ApprovalDecide)?;
    let now = app.clock.now();
    // Nothing but a case is decided here.
    app.store.case(&view, args.case, now)?;
    app.store.decide(&view, (args.case, Permission::CaseOpen), (yes, args.answer), now)?;
    let case = app.store.case(&view, args.case, now)?;
    say(&match case.until {
        Some(until) => format!("approved; who asked reads until {}", at(until)),
        None => "turned down".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

fn show(app: &App, tenant: &TenantScope, id: ApprovalId) -> Result<ExitCode, Failure> {
    let case = app.store.case(&View::operator(tenant), id, app.clock.now())?;
    let name = |user: Option<model::ids::UserId>, nobody: &str| -> Result<String, Failure> {
        let Some(user) = user else { return Ok(nobody.to_owned()) };
        let name = app.store.actor_name(tenant, &Who::User(user))?;
        Ok(name.unwrap_or_else(|| user.to_string()))
    };
    let shown = shape(case);
    let mut lines = vec![
        format!("state\t{}", shown.state),
        format!("content of\t{} ({})", shown.user_name, shown.user),
        format!("what for\t{}", clean(&shown.purpose.replace('\n', " "), store::NOTE_CHARS_MAX * 4)),
        format!("asked by\t{}, {}", name(shown.asked_by, "the operator")?, at(shown.asked_at)),
    ];
    if let Some(profile) = shown.profile {
        let number = shown.seq.map_or_else(|| "all snapshots".to_owned(), |seq| format!("snapshot {seq}"));
        lines.push(format!("only\tprofile {profile}, {number}"));
    }
    if let Some(from) = shown.open_from_at {
        lines.push(format!("approved by\t{}", name(shown.decided_by, "nobody: the delay was over")?));
        lines.push(format!("open\tfrom {} until {}", at(from), shown.open_until_at.map_or_else(String::new, at)));
    } else if let Some(from) = shown.alone_from_at {
        lines.push(format!("opens by itself\tfrom {}, unless somebody denies it", at(from)));
    }
    if let Some(why) = &shown.ended_by {
        lines.push(format!("ended by\t{why}"));
    }
    let reading = |one: &model::api::CaseReading| {
        format!("read\t{}\t{}\tprofile {}\tsnapshot {}", at(one.read_at), one.device_name, one.profile, one.seq)
    };
    lines.extend(shown.readings.iter().map(reading));
    print(&lines)
}

fn content(app: &App, args: &ReadArgs) -> Result<ExitCode, Failure> {
    let view = view(app, &args.actor, Permission::CaseOpen)?;
    let (Some(profile), Some(number)) = (args.profile, args.number) else {
        let all = app.store.case_snapshots(&view, args.case, app.clock.now())?;
        let line = |(device, one): &(String, model::api::SnapshotSummary)| {
            let (settings, apps) = (one.settings, one.apps);
            format!(
                "{}\t{}\t{}\t{device}\t{settings} settings\t{apps} apps",
                one.profile,
                one.seq,
                at(one.committed_at)
            )
        };
        return print(&all.iter().map(line).collect::<Vec<_>>());
    };
    let read = read(app, &view, (args.case, profile, number))?;
    say("this reading is recorded, and its person sees it");
    if args.json {
        return print(&[serde_json::to_string_pretty(&read).expect("content is plain data")]);
    }
    print(&content_lines(&read))
}

/// Tab-separated: settings with id, title and value; apps with id, name and version; parts that did not open.
fn content_lines(read: &CaseContent) -> Vec<String> {
    let snapshot = &read.snapshot;
    let setting = |(id, reading): (&String, &Reading)| {
        let value = clean(&reading.value()?.to_string(), APP_BYTES_MAX);
        let title = model::catalog::find(id).map_or("", |setting| setting.title);
        Some(format!("setting\t{id}\t{title}\t{value}"))
    };
    let mut lines: Vec<String> = snapshot.readings.iter().filter_map(setting).collect();
    for app in &snapshot.apps {
        let kind = match app.kind {
            AppKind::Store => "store",
            AppKind::System => "system",
            AppKind::Desktop => "desktop",
        };
        let text = |text: &Option<String>| clean(text.as_deref().unwrap_or_default(), APP_BYTES_MAX);
        lines.push(format!(
            "app\t{}\t{kind}\t{}\t{}",
            clean(&app.id, APP_BYTES_MAX),
            text(&app.name),
            text(&app.version)
        ));
    }
    lines.extend(read.damaged.iter().map(|(part, reason)| format!("damaged\t{part}\t{reason}")));
    if read.unknown_parts > 0 {
        lines.push(format!("unknown\t{} parts of a newer version", read.unknown_parts));
    }
    lines
}

/// The view of whoever acts in cases, with one permission.
fn view(app: &App, actor: &Actor, permission: Permission) -> Result<View, Failure> {
    acting(app, actor, (permission, "rehome-server case"))
}

/// The view of whoever acts, with one permission. `verb` is what is asked for, for the record of refusals.
pub(super) fn acting(app: &App, actor: &Actor, (permission, verb): (Permission, &str)) -> Result<View, Failure> {
    let tenant = scope(app, &actor.tenant.tenant)?;
    let Some(name) = &actor.by else { return Ok(View::operator(&tenant)) };
    let refuse = |reason: Reason, text: String, whom: Option<model::ids::UserId>| {
        app.store.note_refusals(vec![Refused {
            tenant: Some(tenant.clone()),
            origin: Origin { actor: Who::Nobody, ..Origin::default() },
            reason: reason.code().to_owned(),
            asked: verb.to_owned(),
            whom,
            at: app.clock.now(),
            count: 1,
        }]);
        Err(Failure::new(5, reason, text))
    };
    let secret = read_password()?;
    let account = app.store.account(&actor.tenant.tenant, name)?;
    let right = password::matches(&secret, account.as_ref().map_or("", |account| &account.password));
    let Some(account) = account.clone().filter(|_| right) else {
        let text = format!("no built-in account has the name `{name}` and this password");
        return refuse(Reason::WrongCredentials, text, account.map(|account| account.user));
    };
    let person = account.person();
    let factors = app.store.factors(&person)?;
    if factors.change_password == Change::First {
        let text = format!("somebody else has seen the password of `{name}`; they choose another on the page first");
        return refuse(Reason::PasswordChangeNeeded, text, Some(account.user));
    }
    if factors.totp.is_some() {
        let Some(code) = &actor.code else {
            return refuse(
                Reason::SecondFactorNeeded,
                format!("`{name}` has a second factor; give `--code`"),
                Some(account.user),
            );
        };
        let shown = second_factor::shown(app, &person, code);
        if !shown.map_err(|refusal| Failure::new(1, Reason::ServerError, refusal.problem.detail.clone()))? {
            return refuse(Reason::CodeWrong, "the code is not right".to_owned(), Some(account.user));
        }
    }
    if factors.totp.is_none() && app.store.demands_factor(&person, app.clock.now())? {
        let text = format!("the organisation demands a second factor of `{name}`; they set one up on the page first");
        return refuse(Reason::SecondFactorNeeded, text, Some(account.user));
    }
    let person = person.by(Origin { actor: Who::User(account.user), ..Origin::default() });
    let authority = app.store.authority(&person, app.clock.now())?;
    match authority.and_then(|authority| authority.view(permission)) {
        Some(view) => Ok(view),
        None => refuse(Reason::NotPermitted, format!("it takes `{}`", permission.word()), Some(account.user)),
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(AdminError::NotFound) => {
                let text = format!("the case (`{KIND}`) covers no such snapshot, or is not there");
                Self::new(2, Reason::NotFound, text)
            }
            ReadError::Refused(error) => error.into(),
            ReadError::Content(ContentError::Keys(error)) => error.into(),
            ReadError::Content(error) => Self::new(8, Reason::IntegrityFailed, error.to_string()),
        }
    }
}
