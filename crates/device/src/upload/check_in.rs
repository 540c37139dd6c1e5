//! A check-in: the PC says how it is, gets what holds, and hears what it is asked to do.
//!
//! Unchanged, it is one request. If the server has another policy, or does not know the PC's facts, a second one follows at once, with the facts as they are under the new
//! policy: so the server knows that it has arrived and what of it could not be used.

use model::check_in::{CheckIn, CheckedIn, Command, Facts, LocalProblem, local_of};
use model::device::KeyLevel;
use model::ids::to_hex;
use model::policy::{Origin, Values, evaluate};
use model::world::Moment;

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};
use crate::facts::Known;
use crate::state::ServerPolicy;

/// The address.
const PATH: &str = "/api/v1/check-in";

/// The longest time until the next check-in that a server can ask for, in seconds: a week. A hostile one cannot put a PC off for ever.
const NEXT_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// The shortest: a minute.
const NEXT_SECONDS_MIN: u32 = 60;

/// What a check-in brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Whether the policy is another one.
    pub changed: bool,
    /// What to do.
    pub commands: Vec<Command>,
    /// How many requests it took.
    pub requests: u32,
}

/// What a PC says of itself.
pub struct Here<'a> {
    /// What is known of it.
    pub known: &'a Known,
    /// Where its key is.
    pub key: KeyLevel,
    /// The version of the agent.
    pub agent: &'a str,
}

/// Checks in. `kept` is what was remembered, and afterwards what is to be remembered. `anew`: everything is told and fetched, changed or not.
pub fn check_in(
    server: &Server<'_>,
    (here, kept): (&Here<'_>, &mut ServerPolicy),
    anew: bool,
    now: Moment,
) -> Result<Brought, ServerError> {
    if anew {
        kept.facts_mark.clear();
        kept.policy.mark.clear();
    }
    let mut brought = Brought::default();
    loop {
        let facts = facts(here, kept);
        let mark = mark_of(&facts);
        let send = brought.requests > 0 || mark != kept.facts_mark;
        let body = CheckIn {
            facts_mark: mark.clone(),
            facts: send.then_some(facts),
            policy_mark: kept.policy.mark.clone(),
            done: kept.done.clone(),
        };
        let body = serde_json::to_vec(&body).expect("it is plain data");
        let call = Request::new(Method::Post, PATH).body("application/json", &body);
        let answer: CheckedIn = server.call_json(call, &[200], Repeat::Harmless)?;
        brought.requests += 1;
        kept.done.clear();
        kept.facts_mark = mark;
        kept.at = Some(now);
        let next = answer.next_seconds.clamp(NEXT_SECONDS_MIN, NEXT_SECONDS_MAX);
        kept.next_at = Some(now.plus_millis(i64::from(next) * 1000));
        brought.commands = answer.commands;
        let is_new = answer.policy.is_some();
        if let Some(policy) = answer.policy {
            brought.changed |= policy != kept.policy;
            kept.policy = policy;
        }
        // One more and no further: a server that never has enough is not asked for ever.
        if brought.requests > 1 || !(is_new || answer.send_facts) {
            return Ok(brought);
        }
    }
}

/// The facts as a check-in tells them.
pub fn facts(here: &Here<'_>, kept: &ServerPolicy) -> Facts {
    let of = &here.known.facts;
    let own = Values { server: std::collections::BTreeMap::new(), ..here.known.values.clone() };
    let (given, not_understood) = kept.given();
    let effective = evaluate(&Values { server: given, ..own.clone() });
    let not_understood = not_understood.into_iter().map(|what| {
        let setting = what.split('`').nth(1).unwrap_or_default().to_owned();
        LocalProblem { setting, what }
    });
    let not_good = effective.problems.iter().filter(|problem| problem.origin == Origin::Server);
    let not_good =
        not_good.map(|problem| LocalProblem { setting: problem.policy.id.to_owned(), what: problem.what.clone() });
    let mut problems: Vec<LocalProblem> = not_understood.chain(not_good).collect();
    let least = effective.key_level();
    if here.key < least.value {
        let what = format!("the key of this PC is `{}`, and it is to be at least `{}`", here.key, least.value);
        problems.push(LocalProblem { setting: "agent.key_level".to_owned(), what });
    }
    Facts {
        name: of.name.clone(),
        build: of.build,
        revision: of.revision,
        display_version: of.display_version.clone(),
        edition: of.edition.clone(),
        architecture: of.architecture.clone(),
        maker: of.maker.clone(),
        model: of.model.clone(),
        join: of.join,
        agent: Some(here.agent.to_owned()),
        local: local_of(&evaluate(&own)),
        problems,
    }
}

/// Names facts: the first half of a hash of them.
fn mark_of(facts: &Facts) -> String {
    let bytes = serde_json::to_vec(facts).expect("facts are plain data");
    to_hex(&crate::key::sha256(&bytes)[..8])
}

#[cfg(test)]
mod tests {
    use model::check_in::PolicyForDevice;
    use model::ids::CommandId;
    use serde_json::{Value, json};

    use super::*;
    use crate::upload::fake::{FakeWire, json as answer, with_server};

    fn here(known: &Known) -> Here<'_> {
        Here { known, key: KeyLevel::File, agent: "0.1.0" }
    }

    fn policy(mark: &str, settings: Value) -> PolicyForDevice {
        let Value::Object(settings) = settings else { panic!("an object") };
        PolicyForDevice { mark: mark.to_owned(), settings, ..PolicyForDevice::default() }
    }

    fn sent(wire: &FakeWire) -> Vec<CheckIn> {
        wire.bodies().iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    fn asked(wire: &FakeWire, kept: &mut ServerPolicy, anew: bool) -> Brought {
        let known = Known::default();
        with_server(wire, |server| check_in(server, (&here(&known), kept), anew, Moment(1_000))).0.unwrap()
    }

    #[test]
    fn a_first_check_in_tells_everything_and_confirms_the_policy_an_unchanged_one_is_one_small_request() {
        let told = CheckedIn {
            policy: Some(policy("m", json!({"backup.metered": true}))),
            next_seconds: 180,
            ..CheckedIn::default()
        };
        let again = CheckedIn { next_seconds: 28_800, ..CheckedIn::default() };
        let script = [Ok(answer(200, &told)), Ok(answer(200, &again)), Ok(answer(200, &again))];
        let wire = FakeWire::new(script);
        let mut kept = ServerPolicy::default();
        let brought = asked(&wire, &mut kept, false);
        assert!(brought.changed && brought.requests == 2);
        assert_eq!(kept.next_at, Some(Moment(1_000 + 28_800_000)));
        let brought = asked(&wire, &mut kept, false);
        assert!(!brought.changed && brought.requests == 1);
        let sent = sent(&wire);
        assert!(sent[0].facts.is_some() && sent[0].policy_mark.is_empty());
        assert!(sent[1].facts.is_some() && sent[1].policy_mark == "m", "the server is told that it has arrived");
        assert!(sent[2].facts.is_none() && sent[2].facts_mark == sent[1].facts_mark);
        assert!(wire.bodies()[2].len() < 100, "{}", wire.bodies()[2].len());
    }

    #[test]
    fn what_this_version_does_not_know_and_a_key_that_is_too_weak_are_told_to_the_server() {
        let settings = json!({"backup.of_the_future": 1, "agent.key_level": "tpm", "backup.metered": true});
        let told = CheckedIn { policy: Some(policy("m", settings)), next_seconds: 180, ..CheckedIn::default() };
        let again = CheckedIn { next_seconds: 180, ..CheckedIn::default() };
        let wire = FakeWire::new([Ok(answer(200, &told)), Ok(answer(200, &again))]);
        asked(&wire, &mut ServerPolicy::default(), false);
        let facts = sent(&wire)[1].facts.clone().unwrap();
        let told: Vec<&str> = facts.problems.iter().map(|problem| problem.setting.as_str()).collect();
        assert_eq!(told, ["backup.of_the_future", "agent.key_level"]);
    }

    #[test]
    fn a_server_that_never_has_enough_is_asked_twice_and_one_that_puts_off_for_ever_is_not_believed() {
        let more = CheckedIn { send_facts: true, next_seconds: u32::MAX, ..CheckedIn::default() };
        let wire = FakeWire::new([Ok(answer(200, &more)), Ok(answer(200, &more))]);
        let mut kept = ServerPolicy::default();
        assert_eq!(asked(&wire, &mut kept, false).requests, 2);
        assert_eq!(kept.next_at, Some(Moment(1_000 + i64::from(NEXT_SECONDS_MAX) * 1000)));
    }

    #[test]
    fn commands_come_through_and_what_became_of_them_is_told_once() {
        let command = Command { id: CommandId([7; 16]), order: "back_up".to_owned() };
        let told = CheckedIn { commands: vec![command.clone()], next_seconds: 180, ..CheckedIn::default() };
        let nothing = CheckedIn { next_seconds: 180, ..CheckedIn::default() };
        let wire = FakeWire::new([Ok(answer(200, &told)), Ok(answer(200, &nothing)), Ok(answer(200, &nothing))]);
        let mut kept = ServerPolicy::default();
        assert_eq!(asked(&wire, &mut kept, false).commands, std::slice::from_ref(&command));
        kept.done = vec![model::check_in::Done { command: command.id, outcome: "done".to_owned() }];
        asked(&wire, &mut kept, false);
        asked(&wire, &mut kept, false);
        let told: Vec<usize> = sent(&wire).iter().map(|one| one.done.len()).collect();
        assert_eq!(told, [0, 1, 0]);
    }

    #[test]
    fn the_policy_of_the_server_counts_below_the_machine_s_own() {
        use model::policy::{Given, Hive};
        let mut known = Known::default();
        known.values.own.insert((Hive::Machine, "backup.metered"), Given::Number(0));
        let kept = ServerPolicy { policy: policy("m", json!({"backup.metered": true})), ..ServerPolicy::default() };
        known.values.server = kept.given().0;
        assert_eq!(known.policy().metered().origin, Origin::Machine);
        assert_eq!(facts(&here(&known), &kept).local.len(), 1);
    }
}
