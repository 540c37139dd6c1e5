//! `rehome-server token`: what lets PCs in without anybody at them.

use std::process::ExitCode;

use clap::Subcommand;
use model::ids::{from_hex, to_hex};
use model::reason::Reason;
use store::NewEnrolmentToken;

use super::admin::{at, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::enrolment_token;

/// The longest that a token may count: a year. A token in an image that everybody has forgotten should end by itself.
const HOURS_MAX: u32 = 366 * 24;

#[derive(Subcommand)]
pub(super) enum TokenVerb {
    /// Make an enrolment token and print it, this once
    Create {
        /// What it is for, as you will want to read it in the list
        #[arg(long, default_value = "")]
        note: String,
        /// How many PCs it lets in
        #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        uses: u32,
        /// After how many hours it ends
        #[arg(long, value_name = "HOURS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOURS_MAX)))]
        hours: u32,
        /// Make PCs of this user, who then need not sign in on them: whoever has the token acts as the user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Let each PC wait until `device approve`
        #[arg(long)]
        approval: bool,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List the tokens, newest first: id, state, uses, end, for whom, note
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Withdraw a token; devices that it made stay, PCs that wait by it do not
    Revoke {
        /// Its id
        token: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

pub(super) fn run(app: &App, verb: TokenVerb) -> Result<ExitCode, Failure> {
    match verb {
        TokenVerb::Create { note, uses, hours, user, approval, tenant } => {
            let tenant = scope(app, &tenant)?;
            let no_user = |name: &str| Failure::new(2, Reason::NotFound, format!("there is no user `{name}`"));
            let bound = match &user {
                Some(name) => Some(app.store.user_named(&tenant, name)?.ok_or_else(|| no_user(name))?),
                None => None,
            };
            let token = enrolment_token::make(&*app.random);
            let hash = enrolment_token::hash(&token).expect("it was just made");
            let mut id = [0; 16];
            app.random.fill(&mut id);
            let expires_at = app.clock.now().plus_millis(i64::from(hours) * 3_600_000);
            let new = NewEnrolmentToken { id, hash, note, user: bound, approval, uses_max: uses, expires_at };
            if !app.store.create_enrolment_token(&tenant, new, app.clock.now())? {
                return Err(no_user(user.as_deref().unwrap_or_default()));
            }
            say(&format!("made the token {}, good until {}; it is shown this once:", to_hex(&id), at(expires_at)));
            print(&[token])
        }
        TokenVerb::List { tenant } => {
            let now = app.clock.now();
            let line = |token: store::EnrolmentToken| {
                let state = match (token.revoked, token.expires_at <= now, token.uses >= token.uses_max) {
                    (true, _, _) => "revoked",
                    (_, true, _) => "expired",
                    (_, _, true) => "used up",
                    _ => "active",
                };
                let whose = token.user.as_deref().unwrap_or("whoever signs in");
                let approval = if token.approval { ", after approval" } else { "" };
                let (id, used) = (to_hex(&token.id), format!("{}/{}", token.uses, token.uses_max));
                format!("{id}\t{state}\t{used}\t{}\t{whose}{approval}\t{}", at(token.expires_at), token.note)
            };
            print(&app.store.enrolment_tokens(&scope(app, &tenant)?)?.into_iter().map(line).collect::<Vec<_>>())
        }
        TokenVerb::Revoke { token, tenant } => {
            let none = || Failure::new(2, Reason::NotFound, format!("no active token has the id {token}"));
            let id = from_hex(&token).ok_or_else(none)?;
            if app.store.revoke_enrolment_token(&scope(app, &tenant)?, id, app.clock.now())? {
                say("withdrawn");
                return Ok(ExitCode::SUCCESS);
            }
            Err(none())
        }
    }
}
