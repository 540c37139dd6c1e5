//! What a rule may cost: outside text never takes unbounded memory or time.

/// Characters of a rule: Entra's own limit ("can't exceed 3,072 characters", entra-docs `groups-dynamic-membership.md`), so that each rule of
/// ours can be taken there and back.
pub const RULE_CHARS_MAX: usize = 3_072;

/// How deep -not, -and and -or may stand in each other. Entra prints rules of 3 levels; everything that walks a rule recurses this far, at a few
/// hundred bytes of stack each.
pub const DEPTH_MAX: usize = 64;

/// How deep parentheses may stand in each other: twice as deep, so that the canonical spelling of any rule, which may have more of them, is read
/// again.
pub const PARENTHESES_MAX: usize = 2 * DEPTH_MAX;

/// Bytes that a compiled regular expression may take. `\w{50}` with Unicode needs 350 kB; the counted repetition `(a{1000}){1000}`, which is what
/// this limit is against, would need a hundred times the limit.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// How deep groups of a regular expression may nest: its own parser recurses too.
pub const PATTERN_DEPTH_MAX: u32 = 32;

/// Parts of a version number that are compared. Windows has four (`10.0.26100.1742`); the rest is room for apps.
pub const VERSION_PARTS_MAX: usize = 8;

/// Characters of a text that is looked up among the known words: longer ones have no near miss, and the measure is quadratic.
pub const NEAR_CHARS_MAX: usize = 64;

/// Bytes of one text among the facts: Entra's longest attribute, a distinguished name, has at most 2,048 characters of up to 4 bytes.
pub const FACT_CHARS_MAX: usize = 8_192;
