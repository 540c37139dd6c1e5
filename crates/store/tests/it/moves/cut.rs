//! The power fails in the middle of a move, at any moment and with anything lost that a disk may lose: the profile is whole in exactly one place, and the
//! move can be done again from there.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{Furnished, World, furnish, send};
use crate::crash::disk::{Dice, Loss};
use crate::crash::trace::{ACKS, Op};
use crate::crash_states::{State, explore, open, record_of, told};
use crate::support::{id16, id32, print, signed};
use model::ids::{ApprovalId, BlobId, ProfileId};
use store::{Scope, Store};

/// Random losses that are looked at after each operation of the move.
const RANDOM: usize = 1;

/// What is traced: everything is made ready (0), then moved (1).
#[test]
fn the_traced_program_moves_a_profile() {
    let Some(folder) = told() else { return };
    let mut acks = fs::File::create(folder.join(ACKS)).unwrap();
    let store = open(&folder).unwrap();
    let Furnished { here, there, old, new, sent } = furnish(&store);
    acks.write_all(b"0\n").unwrap();
    assert_eq!(send(&store, (&here, &old), (&there, &new), (sent.id, 101)).unwrap(), 2);
    acks.write_all(b"1\n").unwrap();
}

/// How much of the profile somebody sees: all of it, nothing, or what is wrong.
fn seen(store: &Store, scope: Option<&Scope>) -> Result<bool, String> {
    let profile = ProfileId(id16("profile", 11));
    let Some(scope) = scope else { return Ok(false) };
    let listed = store.snapshots(scope, profile).map_err(|error| error.to_string())?.unwrap_or_default().len();
    let mut files = 0;
    for seq in 1..=2 {
        let of = (profile, BlobId(id32("blob", seq)));
        match store.read_blob(scope, of, 0, 99).map_err(|error| format!("a file: {error}"))? {
            Some(bytes) if bytes == b"blob" => files += 1,
            Some(bytes) => return Err(format!("a file has other bytes: {bytes:?}")),
            None => {}
        }
    }
    match (listed, files) {
        (2, 2) => Ok(true),
        (0, 0) => Ok(false),
        _ => Err(format!("{listed} snapshots and {files} files: neither whole nor gone")),
    }
}

/// What is wrong after the power came back, if something is.
fn judge(folder: &Path, confirmed: u64) -> Result<(), String> {
    let store = open(folder).map_err(|error| format!("does not open: {error}"))?;
    let whole = |when: &str| {
        let report = store.verify(&signed).map_err(|error| format!("cannot be checked {when}: {error}"))?;
        report.findings.first().map_or(Ok(()), |finding| Err(format!("{when}: {finding}")))
    };
    whole("at once")?;
    let scope = |number| store.authenticate(print(number)).map_err(|error| error.to_string());
    let (old, new) = (scope(11)?.map(|holder| holder.scope), scope(12)?.map(|holder| holder.scope));
    let new = new.ok_or("the receiver's PC is lost")?;
    let places = (seen(&store, old.as_ref())?, seen(&store, Some(&new))?);
    match places {
        (false, true) => return Ok(()),
        (true, false) if confirmed == 0 => {}
        _ => return Err(format!("in the old place: {}, in the new one: {}", places.0, places.1)),
    }
    let of = |name| store.operator(name).ok().flatten().ok_or("an organisation is lost");
    let (here, there, old) = (of("here")?, of("there")?, old.ok_or("the PC is lost")?);
    let approval = ApprovalId(id16("approval", 1));
    send(&store, (&here, &old), (&there, &new), (approval, 102))
        .map_err(|error| format!("the next attempt: {error}"))?;
    store.sweep(World::later().plus_millis(7 * 60 * 60 * 1000)).map_err(|error| error.to_string())?;
    if !seen(&store, Some(&new))? {
        return Err("the next attempt has moved nothing".to_owned());
    }
    whole("after the next attempt")
}

/// The states of a trace of the move, `random` of them made by dice at each operation.
fn states(ops: &[Op], random: usize) -> Vec<State> {
    let ready = ops.iter().position(|op| matches!(op, Op::Acknowledge(0))).unwrap();
    assert!(ops.len() - ready > 20, "only {} operations are the move", ops.len() - ready);
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut states = Vec::new();
    for after in ready + 1..=ops.len() {
        states.extend([Loss::Nothing, Loss::Everything, Loss::Data, Loss::Names].map(|loss| (after, loss)));
        states.extend((0..random).map(|_| (after, Loss::Random(dice.roll()))));
    }
    states
}

fn record() -> Option<Vec<Op>> {
    record_of("moves::cut::the_traced_program_moves_a_profile")
}

#[test]
fn no_power_cut_leaves_a_profile_in_two_places_or_in_none() {
    let Some(ops) = record() else { return };
    let states = states(&ops, RANDOM);
    assert_eq!(explore(&ops, &states, (5, judge)), Vec::<String>::new());
    eprintln!("{} states of a move, none of them bad", states.len());
}

#[test]
fn copies_that_a_move_does_not_sync_are_found() {
    let Some(mut ops) = record() else { return };
    let ready = ops.iter().position(|op| matches!(op, Op::Acknowledge(0))).unwrap();
    let mut at = 0;
    ops.retain(|op| {
        at += 1;
        at <= ready || !matches!(op, Op::Sync(path) if path.starts_with("blobs"))
    });
    // From the end: what was not synced is missed when the rows that name it are there.
    let mut late = states(&ops, 0);
    late.reverse();
    let late: Vec<State> = late.into_iter().take(100).collect();
    let bad: Vec<String> = late.iter().flat_map(|state| explore(&ops, &[*state], (1, judge))).take(1).collect();
    assert!(!bad.is_empty(), "copies without a sync were not missed");
    eprintln!("copies without a sync: {}", bad[0]);
}
