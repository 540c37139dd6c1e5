//! The real `rehome.exe` under Wine: one PC's registry comes back on another one, and can be taken back.
//!
//! `cargo xtask windows` builds the program; without it, or without Wine, the stories say so and do not run. What Wine cannot show (Store apps,
//! join state, whether Explorer listens) is not told here.

mod apps;
mod crash;
mod desktop;
mod dump;
mod effects;
mod hostile;
mod installer;
mod keys;
mod lived_in;
mod logs;
mod owned;
mod pictures;
mod prefix;
mod refused;
mod round_trip;
mod scheduled;
mod states;
mod two_people;
mod window;

use crate::harness::World;

use lived_in::{lived_in, packed_values};
use prefix::Prefix;

/// A backed up PC `OLD-PC` on which every setting was changed, and a fresh one, `NEW-PC`, both switched off. The setting that comes first was changed
/// with `reg add`, the others by importing a `.reg` file. Both speak English.
fn two_pcs(world: &World) -> Option<(Prefix, Prefix)> {
    let pcs = (Prefix::enrolled(world, "OLD-PC")?, Prefix::enrolled(world, "NEW-PC")?);
    Some(with_lives(pcs))
}

/// The same, but the person of the old one has it in German.
fn two_pcs_of_two_languages(world: &World) -> Option<(Prefix, Prefix)> {
    let pcs = (Prefix::enrolled(world, "OLD-PC")?, Prefix::enrolled(world, "NEW-PC")?);
    pcs.0.speak_german()?;
    Some(with_lives(pcs))
}

fn with_lives((old, new): (Prefix, Prefix)) -> (Prefix, Prefix) {
    for pc in [&old, &new] {
        pc.import(&packed_values(&pc.export()));
    }
    // What was imported belongs to the Windows that Wine is not: the person's first sign-in comes after it.
    new.rehome(&["baseline", "--again"]).ok();
    // Another one than the new PC has, whatever language the old one speaks.
    old.import(&lived_in(&new.export()));
    old.reg_add(r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced", ("TaskbarAl", "REG_DWORD", "0"));
    old.rehome(&["backup"]).ok();
    new.switch_off();
    old.switch_off();
    (old, new)
}
