//! Makes a hive of what an export says of its user, for `cargo xtask bench wine`: the same registry for the agent on Windows and on Linux.
//!
//! Usage: `reg_to_hive EXPORT HIVE`

#![expect(
    clippy::disallowed_methods,
    reason = "a file of its own making: nothing is lost that a second run does not make again"
)]

use device::registry::{MemoryRegistry, Registry as _};
use hive::writer::{Layout, Tree};
use model::catalog::Root;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let (export, hive) = words.next().zip(words.next()).ok_or("usage: reg_to_hive EXPORT HIVE")?;
    let registry = MemoryRegistry::parse(&std::fs::read(export)?)?;
    let (mut tree, mut keys) = (Tree::new("ROOT"), vec![String::new()]);
    while let Some(key) = keys.pop() {
        for (name, raw) in registry.values(Root::User, &key)? {
            // The root of a user's hive has no values that anything reads.
            if !key.is_empty() {
                tree.key(&key).set(&name, raw.reg_type, raw.bytes);
            }
        }
        let below = registry.subkeys(Root::User, &key)?;
        keys.extend(below.into_iter().map(|name| if key.is_empty() { name } else { format!(r"{key}\{name}") }));
    }
    std::fs::write(hive, tree.to_bytes(&Layout::default()))?;
    Ok(())
}
