//! Makes the two hives of what an export says of its user, for `cargo xtask bench wine`: the same registry for the agent on Windows and on Linux.
//!
//! Usage: `reg_to_hive EXPORT HIVE CLASSES`

#![expect(
    clippy::disallowed_methods,
    reason = "a file of its own making: nothing is lost that a second run does not make again"
)]

use device::registry::{MemoryRegistry, Registry as _, RegistryError};
use hive::writer::{Layout, Tree};
use model::catalog::Root;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [export, hive, classes] = &words[..] else { return Err("usage: reg_to_hive EXPORT HIVE CLASSES".into()) };
    let registry = MemoryRegistry::parse(&std::fs::read(export)?)?;
    std::fs::write(hive, bytes(&registry, Root::User)?)?;
    std::fs::write(classes, bytes(&registry, Root::Classes)?)?;
    Ok(())
}

/// A hive with everything below a root.
fn bytes(registry: &MemoryRegistry, root: Root) -> Result<Vec<u8>, RegistryError> {
    let (mut tree, mut keys) = (Tree::new("ROOT"), vec![String::new()]);
    while let Some(key) = keys.pop() {
        for (name, raw) in registry.values(root, &key)? {
            // The root of a user's hive has no values that anything reads.
            if !key.is_empty() {
                tree.key(&key).set(&name, raw.reg_type, raw.bytes);
            }
        }
        let below = registry.subkeys(root, &key)?;
        keys.extend(below.into_iter().map(|name| if key.is_empty() { name } else { format!(r"{key}\{name}") }));
    }
    Ok(tree.to_bytes(&Layout::default()))
}
