//! Roles, scope tags and service accounts, for the operator: the first owner, and the way back when nobody can sign in.

use std::process::ExitCode;

use clap::Subcommand;
use model::ids::{AssignmentId, GroupId, TagId, TokenId};
use model::permission::BuiltIn;
use model::reason::Reason;
use store::{AdminError, Assignment, Slice, Terms, View, Which};

use super::admin::{at, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::identity::{hash_token, new_service_token};

#[derive(Subcommand)]
pub(super) enum RoleVerb {
    /// List the roles: the built-in ones and the organisation's own
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Give somebody a role
    Assign {
        /// A built-in role's word, or the name of one of the organisation's own
        role: String,
        /// Whom
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Only what carries one of these scope tags
        #[arg(long, value_name = "NAME")]
        scope_tag: Vec<String>,
        /// Only the people of these groups
        #[arg(long, value_name = "NAME")]
        scope_group: Vec<String>,
        /// For so many days
        #[arg(long)]
        days: Option<u16>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List who has which role
    Assignments {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Take a role away; an owner always stays
    Unassign {
        /// The assignment's id, as `role assignments` prints it
        assignment: AssignmentId,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Subcommand)]
pub(super) enum TagVerb {
    /// Make a scope tag
    Create {
        /// Its name
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List the scope tags
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Delete a scope tag that nothing carries
    Delete {
        /// Its name
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Subcommand)]
pub(super) enum TokenVerb {
    /// Make a service account and print its token, this once
    Create {
        /// Its name
        name: String,
        /// A built-in role's word, or the name of one of the organisation's own
        #[arg(long)]
        role: String,
        /// For so many days, at most 366
        #[arg(long, default_value_t = 90)]
        days: u16,
        /// A network that it may come from, such as 10.0.0.0/8; any, if none is given
        #[arg(long, value_name = "NETWORK")]
        network: Vec<String>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List the service accounts
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Withdraw a service account
    Revoke {
        /// Its id
        token: TokenId,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let text = error.to_string();
        match error {
            AdminError::Store(error) => error.into(),
            AdminError::NotFound => Self::new(2, Reason::NotFound, text),
            AdminError::LastOwner => Self::new(5, Reason::LastOwner, text),
            AdminError::InUse(_) | AdminError::Used(_) => Self::new(5, Reason::InUse, text),
            AdminError::OnHold => Self::new(5, Reason::OnHold, text),
            AdminError::InvitationRefused => Self::new(5, Reason::InvitationRefused, text),
            AdminError::NotOpen(_) => Self::new(5, Reason::CaseNotOpen, text),
            AdminError::OwnRequest => Self::new(5, Reason::SecondPerson, text),
            AdminError::Closed(_) => Self::new(5, Reason::AlreadyDecided, text),
            AdminError::Rule(error) => Self::new(2, Reason::RuleInvalid, text).hint(error.hint()),
            AdminError::Lacks(_) => Self::new(5, Reason::GrantsMore, text),
            _ => Self::new(2, Reason::Usage, text),
        }
    }
}

pub(super) fn random_id(app: &App) -> [u8; 16] {
    let mut id = [0; 16];
    app.random.fill(&mut id);
    id
}

pub(super) fn missing(what: &str, name: &str) -> Failure {
    Failure::new(2, Reason::NotFound, format!("there is no {what} `{name}`"))
}

fn which(app: &App, view: &View, name: &str) -> Result<Which, Failure> {
    if let Some(role) = BuiltIn::from_word(name) {
        return Ok(Which::BuiltIn(role));
    }
    let roles = Slice::all(|slice| app.store.roles(view, slice))?;
    let found = roles.into_iter().find(|role| role.name == name);
    found.map(|role| Which::Own(role.id)).ok_or_else(|| missing("role", name))
}

pub(super) fn tags(app: &App, view: &View, names: &[String]) -> Result<Vec<TagId>, Failure> {
    let find = |name: &String| app.store.tag_named(view, name)?.ok_or_else(|| missing("scope tag", name));
    names.iter().map(find).collect()
}

pub(super) fn groups(app: &App, view: &View, names: &[String]) -> Result<Vec<GroupId>, Failure> {
    let there = Slice::all(|slice| app.store.groups(view, slice))?;
    let find = |name: &String| {
        let found = there.iter().find(|group| group.name == *name);
        found.map(|group| group.id).ok_or_else(|| missing("group", name))
    };
    names.iter().map(find).collect()
}

pub(super) fn role(app: &App, verb: RoleVerb) -> Result<ExitCode, Failure> {
    match verb {
        RoleVerb::List { tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let words = |permissions: Vec<model::permission::Permission>| {
                permissions.iter().map(|permission| permission.word()).collect::<Vec<_>>().join(" ")
            };
            let mut lines: Vec<String> = BuiltIn::ALL
                .iter()
                .map(|role| format!("{}\tbuilt-in\t{}", role.word(), words(role.permissions())))
                .collect();
            for role in Slice::all(|slice| app.store.roles(&view, slice))? {
                lines.push(format!("{}\t{}\t{}", role.name, role.id, words(role.permissions.into_iter().collect())));
            }
            print(&lines)
        }
        RoleVerb::Assign { role, user, scope_tag, scope_group, days, tenant } => {
            let scope = scope(app, &tenant)?;
            let view = View::operator(&scope);
            let person = app.store.user_named(&scope, &user)?.ok_or_else(|| missing("user", &user))?;
            let now = app.clock.now();
            let id = AssignmentId(random_id(app));
            let short = &id.to_string()[..8];
            let terms = Terms {
                name: format!("{role}: {user} ({short})").chars().take(store::NAME_CHARS_MAX).collect(),
                role: which(app, &view, &role)?,
                users: vec![person],
                groups: Vec::new(),
                tokens: Vec::new(),
                scope_groups: some(groups(app, &view, &scope_group)?),
                scope_tags: some(tags(app, &view, &scope_tag)?),
                expires_at: days.map(|days| now.plus_millis(i64::from(days) * DAY_MILLIS)),
            };
            app.store.assign(&view, (id, terms, None), now)?;
            say(&format!("`{user}` has the role `{role}`, from the next request on"));
            print(&[id.to_string()])
        }
        RoleVerb::Assignments { tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let lines = Slice::all(|slice| app.store.assignments(&view, slice))?;
            print(&lines.iter().map(assignment_line).collect::<Vec<_>>())
        }
        RoleVerb::Unassign { assignment, tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            app.store.unassign(&view, (assignment, None), app.clock.now())?;
            say("the role is taken away, from the next request on");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// No name given means everything.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn assignment_line(assignment: &Assignment) -> String {
    let terms = &assignment.terms;
    let role = match terms.role {
        Which::BuiltIn(role) => role.word().to_owned(),
        Which::Own(id) => id.to_string(),
    };
    let reach = |list: Option<usize>, what: &str| list.map_or_else(|| format!("all {what}"), |n| format!("{n} {what}"));
    let until = terms.expires_at.map_or_else(|| "without an end".to_owned(), |end| format!("until {}", at(end)));
    format!(
        "{}\t{role}\t{}\t{} people, {} groups, {} service accounts\t{}, {}\t{until}",
        assignment.id,
        terms.name,
        terms.users.len(),
        terms.groups.len(),
        terms.tokens.len(),
        reach(terms.scope_groups.as_ref().map(Vec::len), "groups"),
        reach(terms.scope_tags.as_ref().map(Vec::len), "tags"),
    )
}

pub(super) fn tag(app: &App, verb: TagVerb) -> Result<ExitCode, Failure> {
    match verb {
        TagVerb::Create { name, tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let made = app.store.create_tag(&view, (TagId(random_id(app)), name), app.clock.now())?;
            print(&[made.id.to_string()])
        }
        TagVerb::List { tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let tags = Slice::all(|slice| app.store.tags(&view, slice))?;
            print(&tags.iter().map(|tag| format!("{}\t{}", tag.id, tag.name)).collect::<Vec<_>>())
        }
        TagVerb::Delete { name, tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let id = app.store.tag_named(&view, &name)?.ok_or_else(|| missing("scope tag", &name))?;
            app.store.delete_tag(&view, (id, None), app.clock.now())?;
            say(&format!("deleted the scope tag `{name}`"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub(super) fn token(app: &App, verb: TokenVerb) -> Result<ExitCode, Failure> {
    match verb {
        TokenVerb::Create { name, role, days, network, tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let (token, now) = (new_service_token(&*app.random), app.clock.now());
            let new = store::NewToken {
                id: TokenId(random_id(app)),
                token_hash: hash_token(&token),
                networks: network,
                expires_at: now.plus_millis(i64::from(days) * DAY_MILLIS),
                assignment: AssignmentId(random_id(app)),
                terms: Terms {
                    name: name.clone(),
                    role: which(app, &view, &role)?,
                    users: Vec::new(),
                    groups: Vec::new(),
                    tokens: Vec::new(),
                    scope_groups: None,
                    scope_tags: None,
                    expires_at: None,
                },
                tags: None,
            };
            let made = app.store.create_token(&view, new, now)?;
            say(&format!("made the service account `{name}` ({}); its token is shown this once:", made.id));
            print(&[token])
        }
        TokenVerb::List { tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            let line = |token: &store::Token| {
                let used = match (token.used_at, &token.used_from) {
                    (Some(used), Some(from)) => format!("used {} from {from}", at(used)),
                    _ => "never used".to_owned(),
                };
                let state = if token.revoked_at.is_some() {
                    "withdrawn".to_owned()
                } else {
                    format!("until {}", at(token.expires_at))
                };
                format!("{}\t{}\t{state}\t{used}\t{}", token.id, token.name, token.networks.join(" "))
            };
            print(&Slice::all(|slice| app.store.tokens(&view, slice))?.iter().map(line).collect::<Vec<_>>())
        }
        TokenVerb::Revoke { token, tenant } => {
            let view = View::operator(&scope(app, &tenant)?);
            app.store.revoke_token(&view, (token, None), app.clock.now())?;
            say("withdrawn, from the next request on");
            Ok(ExitCode::SUCCESS)
        }
    }
}
