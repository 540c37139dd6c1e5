//! Who may do what: the one place where it is decided.
//!
//! Every route is registered in a [`Routes`] table, which takes only handlers whose first argument is [`Allowed`]: a route without a check does not
//! compile, and nothing of a request is read before it. What `Allowed` demands is a type, one of
//!
//! - [`Anyone`]: no credential; the route says why,
//! - [`OwnDevice`]: a person's own PC, for that person only,
//! - [`SignedIn`]: a person, whatever they may do, for what is their own,
//! - a permission of [`model::permission::may`]: an admin or a service account, with a [`View`] of what they reach,
//! - [`Form`] of such a permission: the same for a form of the console, whose view opens only with the form itself.
//!
//! Credentials become a [`Principal`] through [`Identify`](crate::identity::Identify): each kind of credential is one implementation. The store's types
//! ([`Scope`], [`Person`], [`Service`]) are made by its lookups only, so a principal cannot be made up either.
//!
//! ```compile_fail
//! // A handler that is not told whether it may: refused by the compiler.
//! async fn handle() -> &'static str { "everything" }
//! let routes = server::access::Routes::default().get("/api/v1/everything", handle);
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, on};
use model::permission::{Named, Permission};
use model::reason::Reason;
use model::world::Moment;
use store::{Actor, Person, Scope, Service, View, Who};

use crate::App;
use crate::audit::door::Door;
use crate::login::posted::Posted;
use crate::problem::Refusal;

/// How long after a sign-in sensitive permissions may be used, in milliseconds: ten minutes.
pub const FRESH_MILLIS: i64 = 10 * 60 * 1000;

/// Who asks.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A person's PC, which acts for that person.
    Device(Scope),
    /// A person who has signed in.
    Person {
        /// Who.
        person: Person,
        /// When they last showed who they are: `auth_time`. Refreshing a session does not change it.
        signed_in_at: Moment,
    },
    /// A service account.
    Service(Service),
}

/// What a route demands, for the table, the docs and the tests that walk every route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Nothing.
    Anyone,
    /// A live device.
    OwnDevice,
    /// A person who has signed in.
    SignedIn,
    /// An admin or a service account with this permission.
    Permission(Permission),
}

/// A kind of check, as a type.
pub trait Access: Send + Sync + 'static {
    /// What the handler gets: what it may touch.
    type Grant: Send;
    /// The same for the table.
    const DEMAND: Demand;

    /// Decides.
    fn check(app: &App, parts: &Parts) -> Result<Self::Grant, Refusal>;
}

/// That the request may do what the route demands, and what it may touch.
pub struct Allowed<A: Access>(pub A::Grant);

impl<A: Access> FromRequestParts<Arc<App>> for Allowed<A> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        A::check(app, parts).map(Self)
    }
}

/// No credential is asked for.
#[derive(Debug)]
pub enum Anyone {}

impl Access for Anyone {
    type Grant = ();
    const DEMAND: Demand = Demand::Anyone;

    fn check(_: &App, _: &Parts) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A person's own PC, within its rate.
#[derive(Debug)]
pub enum OwnDevice {}

impl Access for OwnDevice {
    type Grant = Scope;
    const DEMAND: Demand = Demand::OwnDevice;

    fn check(app: &App, parts: &Parts) -> Result<Scope, Refusal> {
        let scope = match principal(app, parts)? {
            Some(Principal::Device(scope)) => scope,
            Some(_) => return Err(not_permitted("only a connected PC can ask this")),
            None => {
                let detail = "the request is not signed by a PC";
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, Reason::ProofInvalid, detail));
            }
        };
        app.gates.request(scope.device()).map_err(|seconds| {
            Refusal::limited(format!("more than {} requests a minute", app.bounds.requests_per_minute), seconds)
        })?;
        app.seen.note(&scope, app.clock.now());
        Ok(scope)
    }
}

/// A person who has signed in, for what is their own.
#[derive(Debug)]
pub enum SignedIn {}

impl Access for SignedIn {
    type Grant = (Person, Moment);
    const DEMAND: Demand = Demand::SignedIn;

    fn check(app: &App, parts: &Parts) -> Result<Self::Grant, Refusal> {
        match principal(app, parts)? {
            Some(Principal::Person { person, signed_in_at }) => {
                within_rate(app, person.user().0)?;
                Ok((person, signed_in_at))
            }
            Some(_) => Err(not_permitted("only a person who has signed in can ask this")),
            None => Err(not_signed_in()),
        }
    }
}

/// A permission, over what the asker reaches.
impl<P: Named> Access for P {
    type Grant = View;
    const DEMAND: Demand = Demand::Permission(P::PERMISSION);

    fn check(app: &App, parts: &Parts) -> Result<View, Refusal> {
        let now = app.clock.now();
        let (authority, fresh) = match principal(app, parts)? {
            Some(Principal::Person { person, signed_in_at }) => {
                within_rate(app, person.user().0)?;
                let authority = app.store.authority(&person, now)?.ok_or_else(not_signed_in)?;
                (authority, is_fresh(signed_in_at, now))
            }
            // A service account's authority has nothing that needs to be fresh.
            Some(Principal::Service(service)) => {
                within_rate(app, service.token().0)?;
                (app.store.service_authority(&service, now)?, true)
            }
            Some(Principal::Device(_)) => return Err(not_permitted("a PC is no administrator")),
            None => return Err(not_signed_in()),
        };
        let permission = P::PERMISSION;
        let view =
            authority.view(permission).ok_or_else(|| not_permitted(format!("it takes `{}`", permission.word())))?;
        if permission.is_sensitive() && !fresh {
            let detail = format!("`{}` is not used on an old sign-in", permission.word());
            return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::FreshSignInNeeded, detail));
        }
        Ok(view)
    }
}

/// Says to whoever knows sessions that a form will show in its body that it is one of ours, and that no header does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownByForm;

/// A permission, for a form of the console. A session's changes by scripts show a header that only our own scripts can set; a form shows a field, which is read
/// after this check. So what this grants is shut until the form has shown it: [`Shut::open`].
pub struct Form<P>(PhantomData<P>);

/// What a [`Form`] may touch once it has shown that it is ours.
#[derive(Debug)]
pub struct Shut(View);

impl Shut {
    /// The view, for a form of the same person that has shown its token.
    pub fn open(self, posted: &Posted) -> Result<View, Refusal> {
        let person = posted.visitor.signed_in().map(|session| Actor::User(session.person.user()));
        if person == Some(self.0.actor()) {
            return Ok(self.0);
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, Reason::FormRefused, "it is somebody else's"))
    }
}

impl<P: Named> Access for Form<P> {
    type Grant = Shut;
    const DEMAND: Demand = Demand::Permission(P::PERMISSION);

    fn check(app: &App, parts: &Parts) -> Result<Shut, Refusal> {
        let mut parts = parts.clone();
        parts.extensions.insert(ShownByForm);
        P::check(app, &parts).map(Shut)
    }
}

/// An administrator's or a service account's request, before anything is looked up for it.
fn within_rate(app: &App, who: [u8; 16]) -> Result<(), Refusal> {
    app.gates.administrator(who).map_err(|seconds| {
        Refusal::limited(format!("more than {} requests a minute", app.bounds.admin_requests_per_minute), seconds)
    })
}

/// Whether a sign-in is recent. One from the future, by more than clocks differ, is none.
fn is_fresh(signed_in_at: Moment, now: Moment) -> bool {
    (-60_000..=FRESH_MILLIS).contains(&now.0.saturating_sub(signed_in_at.0))
}

/// The first that knows the request's credential says who it is.
fn principal(app: &App, parts: &Parts) -> Result<Option<Principal>, Refusal> {
    for identify in &app.identity {
        if let Some(principal) = identify.identify(parts)? {
            let door = parts.extensions.get::<Arc<Door>>();
            return Ok(Some(door.map_or_else(|| principal.clone(), |door| principal.through(door))));
        }
    }
    Ok(None)
}

impl Principal {
    /// The same at this door: what it does says from where in the audit, and what is refused to it is told in its tenant's.
    fn through(&self, door: &Door) -> Self {
        let principal = match self {
            Self::Device(scope) => Self::Device(scope.by(door.origin(Who::Device(scope.device())))),
            Self::Person { person, signed_in_at } => {
                Self::Person { person: person.by(door.origin(Who::User(person.user()))), signed_in_at: *signed_in_at }
            }
            Self::Service(service) => Self::Service(service.by(door.origin(Who::Token(service.token())))),
        };
        door.known(match &principal {
            Self::Device(scope) => scope.tenant_scope(),
            Self::Person { person, .. } => person.tenant_scope(),
            Self::Service(service) => service.tenant_scope(),
        });
        principal
    }
}

fn not_signed_in() -> Refusal {
    let detail = "no credential that is known came with the request";
    Refusal::new(StatusCode::UNAUTHORIZED, Reason::SignedOut, detail)
}

fn not_permitted(detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, Reason::NotPermitted, detail)
}

/// A handler's arguments that begin with [`Allowed`]. Nothing else implements it.
pub trait Guarded<A>: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! guarded {
    ($($next:ident)*) => {
        impl<M, A: Access, $($next),*> sealed::Sealed for (M, Allowed<A>, $($next,)*) {}
        impl<M, A: Access, $($next),*> Guarded<A> for (M, Allowed<A>, $($next,)*) {}
    };
}

guarded!();
guarded!(T1);
guarded!(T1 T2);
guarded!(T1 T2 T3);
guarded!(T1 T2 T3 T4);
guarded!(T1 T2 T3 T4 T5);
guarded!(T1 T2 T3 T4 T5 T6);

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The address, with `{names}`.
    pub path: &'static str,
    /// What it demands.
    pub demand: Demand,
}

/// The table of all routes: the only way into the router.
#[derive(Default)]
pub struct Routes {
    router: Router<Arc<App>>,
    table: Vec<Route>,
}

macro_rules! methods {
    ($($name:ident $filter:ident;)*) => {
        $(
            #[doc = concat!("Adds a `", stringify!($filter), "` route.")]
            #[must_use]
            pub fn $name<A, H, T>(self, path: &'static str, handler: H) -> Self
            where
                A: Access,
                H: Handler<T, Arc<App>>,
                T: Guarded<A> + 'static,
            {
                self.on(MethodFilter::$filter, (Method::$filter, path), (handler, PhantomData))
            }
        )*
    };
}

impl Routes {
    methods! { get GET; head HEAD; put PUT; post POST; patch PATCH; delete DELETE; }

    fn on<A, H, T>(
        mut self,
        filter: MethodFilter,
        (method, path): (Method, &'static str),
        (handler, _): (H, PhantomData<A>),
    ) -> Self
    where
        A: Access,
        H: Handler<T, Arc<App>>,
        T: Guarded<A> + 'static,
    {
        self.table.push(Route { method, path, demand: A::DEMAND });
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Adds the routes of a resource.
    #[must_use]
    pub fn with(self, resource: impl FnOnce(Self) -> Self) -> Self {
        resource(self)
    }

    /// The table, for the docs and for tests that walk every route.
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The router, at last.
    pub fn into_router(self) -> Router<Arc<App>> {
        self.router
    }
}
