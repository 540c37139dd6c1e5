//! Signs what leaves the PC (`model::signature`), and learns from the answers what it takes.
//!
//! The first request of a run is signed by the device's key, and usually it is the only one. The second one offers a session, and from then on
//! requests cost both sides next to nothing. A PC whose clock is wrong is told so once and goes by the server's clock from then on: a wrong clock never
//! stops a backup. The clock only says when a request was made; whoever lies to us about the time gets requests that are good at another time,
//! for the same server, once.

use std::cell::RefCell;

use model::api::{CODE_HEADER, PROBLEM_TYPE, Problem, SESSION_HEADER};
use model::reason::Reason;
use model::signature::{
    CLOCK_SECONDS_MAX, Covered, DIGEST_HEADER, FIELDS, INPUT_HEADER, KeyPrint, Parameters, SESSION_SECONDS,
    SIGNATURE_HEADER, Signer,
};
use model::world::{Clock, Moment, Random};
use seal::device_key::{self, Proof, digest, parameters, prove};
use seal::session::{Half, SessionKey};

use super::wire::{Answer, Method, Request};
use crate::key::{DeviceKey, KeyError};

/// How long before its end a session is no longer used, in seconds: a request may be on its way for a while.
const SESSION_SPARE_SECONDS: i64 = 60;

/// Signs requests.
pub struct Prover {
    key: Box<dyn DeviceKey>,
    print: KeyPrint,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    learnt: RefCell<Learnt>,
}

/// What this run has found out.
#[derive(Default)]
struct Learnt {
    /// How far the server's clock is ahead, in seconds.
    ahead: i64,
    /// Requests that were signed by the key.
    by_key: u32,
    offered: Option<Half>,
    session: Option<(SessionKey, Moment, u64)>,
}

impl Prover {
    /// Signs with `key`.
    pub fn new(key: Box<dyn DeviceKey>, clock: Box<dyn Clock>, random: Box<dyn Random>) -> Self {
        let print = device_key::print(&key.public_key());
        Self { key, print, clock, random, learnt: RefCell::default() }
    }

    /// The key itself.
    pub fn key(&self) -> &dyn DeviceKey {
        &*self.key
    }

    /// Signs a request for the server at `authority`.
    pub fn sign<'a>(&self, mut request: Request<'a>, authority: &str) -> Result<Request<'a>, KeyError> {
        if matches!(request.method, Method::Post | Method::Put) {
            let body = request.body.map_or(&b""[..], |(_, bytes)| bytes);
            request = request.header(DIGEST_HEADER, digest(body));
        }
        let mut learnt = self.learnt.borrow_mut();
        let now = self.clock.now();
        let created = now.0.div_euclid(1000).saturating_add(learnt.ahead);
        let lives = (SESSION_SECONDS - SESSION_SPARE_SECONDS) * 1000;
        learnt.session = learnt.session.take().filter(|(_, opened, _)| (0..lives).contains(&(now.0 - opened.0)));
        if let Some((session, _, count)) = &mut learnt.session {
            *count += 1;
            let by = Signer::Session { session: session.id(), count: *count };
            let proof = session.sign(&covered(&request, authority), &Parameters { created, by });
            return Ok(with(request, proof));
        }
        learnt.offered = (learnt.by_key > 0).then(Half::new);
        learnt.by_key += 1;
        if let Some(half) = &learnt.offered {
            request = request.header(SESSION_HEADER, half.field());
        }
        let parameters = parameters(self.print, created, &*self.random);
        let proof = prove(&covered(&request, authority), &parameters, |bytes| self.key.sign(bytes))?;
        Ok(with(request, proof))
    }

    /// Takes in what the answer says of sessions and clocks. `true`: the request was refused for something that is put right now, and nothing was done;
    /// signed anew, it will be taken.
    pub fn learn(&self, answer: &Answer) -> bool {
        let mut learnt = self.learnt.borrow_mut();
        let offered = learnt.offered.take();
        if let (Some(half), Some(field)) = (offered, answer.header(SESSION_HEADER)) {
            let opened = half.with_server(field, self.print);
            learnt.session = opened.map(|session| (session, self.clock.now(), 0));
        }
        if answer.status != 401 {
            return false;
        }
        let is_problem = answer.header("content-type").is_some_and(|media_type| media_type.starts_with(PROBLEM_TYPE));
        let problem = if is_problem { serde_json::from_slice::<Problem>(&answer.body).ok() } else { None };
        // An answer to HEAD has no body to say why, and says it in a header.
        let code = problem.as_ref().map(|problem| problem.code.as_str()).or_else(|| answer.header(CODE_HEADER));
        let code = code.and_then(Reason::from_code);
        let had_session = learnt.session.take().is_some();
        match code {
            Some(Reason::SessionUnknown) => had_session,
            Some(Reason::ClockSkew) => {
                let said = problem.and_then(|problem| problem.server_at).map(|at| at.0.div_euclid(1000));
                self.set_clock(&mut learnt, said.or_else(|| date(answer)))
            }
            Some(_) => false,
            None => self.set_clock(&mut learnt, date(answer)) || had_session,
        }
    }

    /// Goes by the server's clock; `false` if that changes nothing that matters.
    fn set_clock(&self, learnt: &mut Learnt, server: Option<i64>) -> bool {
        let Some(server) = server else { return false };
        let ahead = server.saturating_sub(self.clock.now().0.div_euclid(1000));
        let matters = ahead.abs_diff(learnt.ahead) > CLOCK_SECONDS_MAX.unsigned_abs() || ahead > learnt.ahead;
        learnt.ahead = ahead;
        matters
    }

    /// How far the server's clock was found to be ahead of this PC's, in seconds; 0 as long as that did not matter.
    pub fn clock_ahead(&self) -> i64 {
        self.learnt.borrow().ahead
    }
}

fn with(request: Request<'_>, proof: Proof) -> Request<'_> {
    request.header(INPUT_HEADER, proof.input).header(SIGNATURE_HEADER, proof.signature)
}

/// The request as the server will see it.
fn covered<'r>(request: &'r Request<'_>, authority: &'r str) -> Covered<'r> {
    let (path, query) = match request.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.path, None),
    };
    let fields = FIELDS.map(|name| {
        let given = request.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str());
        given.or_else(|| request.body.map(|(media_type, _)| media_type).filter(|_| name == "content-type"))
    });
    Covered { method: request.method.word(), authority, path, query, fields }
}

/// The `Date` of an answer in seconds since 1970 (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(answer: &Answer) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = answer.header("date")?;
    let mut words = text.split_once(", ")?.1.split([' ', ':']);
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let mut number = || words.next()?.parse::<i64>().ok();
    let (year, hour, minute, second) = (number()?, number()?, number()?, number()?);
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 of a date in the Gregorian calendar, with years that begin in March.
    let years = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * years + years / 4 - years / 100 + years / 400 + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use model::signature::SessionId;

    use super::*;
    use crate::key::{FileKeys, KeyStore, Plain};
    use crate::upload::fake::Dice;

    #[derive(Clone)]
    struct TestClock(Arc<AtomicI64>);

    impl Clock for TestClock {
        fn now(&self) -> Moment {
            Moment(self.0.load(Ordering::SeqCst))
        }
    }

    fn prover() -> (Prover, TestClock) {
        let clock = TestClock(Arc::new(AtomicI64::new(1_795_000_000_000)));
        let (key, _) = FileKeys::new(Plain).make().unwrap();
        (Prover::new(key, Box::new(clock.clone()), Box::new(Dice(7))), clock)
    }

    fn field<'a>(request: &'a Request<'_>, name: &str) -> &'a str {
        request.headers.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    fn get(prover: &Prover) -> Request<'static> {
        prover.sign(Request::new(Method::Get, "/api/v1/profiles?x=1"), "rehome.test").unwrap()
    }

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: Vec::new() }
    }

    /// Has the server's side of a session that the request asks for.
    fn accept(prover: &Prover, request: &Request<'_>) -> SessionKey {
        let half = Half::new();
        let field_back = half.field();
        let session = half.with_device(field(request, SESSION_HEADER), prover.print).unwrap();
        assert!(!prover.learn(&answer(200, &[(SESSION_HEADER, &field_back)])));
        session
    }

    fn read(request: &Request<'_>) -> Parameters {
        covered(request, "rehome.test").read(field(request, INPUT_HEADER)).unwrap()
    }

    #[test]
    fn the_first_request_bears_the_keys_signature_and_no_more() {
        let (prover, _) = prover();
        let request = get(&prover);
        assert_eq!(request.headers.len(), 2);
        let parameters = read(&request);
        assert!(matches!(parameters.by, Signer::Key { key, .. } if key == prover.print));
        let covered = covered(&request, "rehome.test");
        let public = prover.key().public_key();
        assert_eq!(device_key::verify(&covered, &parameters, field(&request, SIGNATURE_HEADER), &public), Ok(()));
    }

    #[test]
    fn a_body_goes_with_its_hash_and_its_type_covered() {
        let (prover, _) = prover();
        let request = Request::new(Method::Post, "/api/v1/backups").body("text/x", b"body");
        let request = prover.sign(request, "rehome.test").unwrap();
        assert_eq!(field(&request, DIGEST_HEADER), digest(b"body"));
        let input = field(&request, INPUT_HEADER);
        assert!(input.contains("\"content-digest\" \"content-type\""), "{input}");
        let empty = prover.sign(Request::new(Method::Put, "/api/v1/x"), "rehome.test").unwrap();
        assert_eq!(field(&empty, DIGEST_HEADER), digest(b""));
    }

    #[test]
    fn the_second_request_offers_a_session_and_the_third_uses_it_until_it_is_old() {
        let (prover, clock) = prover();
        let first = get(&prover);
        assert_eq!(field(&first, SESSION_HEADER), "");
        assert!(!prover.learn(&answer(200, &[])));
        let second = get(&prover);
        let session = accept(&prover, &second);
        for expected in 1..=3 {
            let request = get(&prover);
            let parameters = read(&request);
            assert_eq!(parameters.by, Signer::Session { session: session.id(), count: expected });
            let signature = field(&request, SIGNATURE_HEADER);
            assert_eq!(session.verify(&covered(&request, "rehome.test"), &parameters, signature), Ok(()));
        }
        clock.0.fetch_add(SESSION_SECONDS * 1000, Ordering::SeqCst);
        assert!(matches!(read(&get(&prover)).by, Signer::Key { .. }));
    }

    #[test]
    fn a_server_that_does_not_know_the_session_gets_the_keys_signature() {
        let (prover, _) = prover();
        get(&prover);
        let session = accept(&prover, &get(&prover));
        assert_ne!(session.id(), SessionId([0; 8]));
        get(&prover);
        let problem = Problem::new(401, Reason::SessionUnknown, "");
        assert!(prover.learn(&crate::upload::fake::json(401, &problem)));
        assert!(matches!(read(&get(&prover)).by, Signer::Key { .. }));
        assert!(!prover.learn(&crate::upload::fake::json(401, &problem)), "once");
        // The same to HEAD, whose answer says nothing.
        accept(&prover, &get(&prover));
        get(&prover);
        assert!(prover.learn(&answer(401, &[])));
        assert!(!prover.learn(&answer(401, &[])));
    }

    #[test]
    fn a_wrong_clock_is_put_right_by_the_server_and_only_once() {
        let (prover, clock) = prover();
        clock.0.store(1_000_000_000_000, Ordering::SeqCst);
        assert_eq!(read(&get(&prover)).created, 1_000_000_000);
        let mut problem = Problem::new(401, Reason::ClockSkew, "");
        problem.server_at = Some(Moment(1_795_000_000_999));
        assert!(prover.learn(&crate::upload::fake::json(401, &problem)));
        assert_eq!(read(&get(&prover)).created, 1_795_000_000);
        assert!(!prover.learn(&crate::upload::fake::json(401, &problem)), "it did not help");
        assert!(!prover.learn(&crate::upload::fake::json(401, &Problem::new(401, Reason::Revoked, ""))));
        let revoked = answer(401, &[(CODE_HEADER, "revoked"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert!(!prover.learn(&revoked), "a code goes before what its date may mean");
        let head = answer(401, &[("date", "Sat, 28 Nov 2026 01:00:00 GMT")]);
        assert!(prover.learn(&head));
        assert_eq!(read(&get(&prover)).created, 1_795_827_600);
    }

    #[test]
    fn dates_are_read_as_http_writes_them() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Sun, 06 Nov 1894 08:49:37 GMT", None),
            ("yesterday", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(date(&answer(401, &[("date", text)])), seconds, "{text}");
        }
    }
}
