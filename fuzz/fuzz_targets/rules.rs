//! Any text as a rule, and a text of facts beside it: reading neither panics nor hangs, a rule that is read has one spelling, which is read again as the same, and the plain meaning, the
//! columns and the explanation agree about what it says.
//!
//! The first byte is the kind of rule; after a line feed follow facts as JSON.

#![no_main]

use rules::engine::{Program, Table};
use rules::{Facts, Kind};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let kind = [Kind::User, Kind::Device, Kind::Filter][usize::from(*kind) % 3];
    let (text, known) = text.split_once('\n').unwrap_or((text, "{}"));
    let rule = match rules::parse(kind, text) {
        Ok(rule) => rule,
        Err(error) => {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{error}");
            assert!(!error.hint().is_empty() && !error.to_string().is_empty());
            let _ = error.pointed(text);
            return;
        }
    };
    let spelled = rule.to_string();
    let again = rules::parse(kind, &spelled).expect("the canonical spelling is a rule");
    assert_eq!(again.to_string(), spelled, "there is one canonical spelling");
    let document = serde_json::from_str(known).unwrap_or_default();
    let facts = Facts::from_json(kind, &document).unwrap_or_default();
    let now = 1_795_000_000;
    let holds = rules::holds(&rule, &facts, now);
    assert_eq!(rules::holds(&again, &facts, now), holds, "the spelling means the same");
    assert_eq!(rules::explain(&rule, &facts, now).holds, holds, "the explanation says the same");
    let mut table = Table::new();
    table.push(&Facts::new());
    table.push(&facts);
    let bits = Program::new([&rule], &table, now).run(&table).remove(0);
    assert_eq!(bits.has(1), holds, "the columns say the same");
});
