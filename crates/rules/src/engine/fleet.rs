//! Rules and their members, kept up to date: what a check-in, an edit and the passing of time change.

use std::collections::BTreeMap;

use super::columns::Table;
use super::program::{Bits, Program};
use crate::facts::Facts;
use crate::interpret;
use crate::property::{self, FactId};
use crate::rule::Rule;

/// The name of a rule in a fleet; the caller's own, such as the id of a group.
pub type RuleKey = u64;

/// What one change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rules that the row is in now and was not before.
    pub joined: Vec<RuleKey>,
    /// The other way round.
    pub left: Vec<RuleKey>,
    /// How many rules were asked.
    pub asked: usize,
}

struct Kept {
    rule: Rule,
    members: Bits,
}

/// All devices (or all users) of an organisation, its rules, and who is in which.
#[derive(Default)]
pub struct Fleet {
    table: Table,
    facts: Vec<Facts>,
    rules: BTreeMap<RuleKey, Kept>,
    /// For each fact the rules that ask for it.
    index: Vec<Vec<RuleKey>>,
}

impl Fleet {
    /// Without rows and rules.
    pub fn new() -> Self {
        Self { index: vec![Vec::new(); property::facts()], ..Self::default() }
    }

    /// The facts.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// How many rows would be in a rule that is being written.
    pub fn preview(&self, rule: &Rule, now: i64) -> usize {
        let bits = Program::new([rule], &self.table, now).run(&self.table);
        bits.iter().map(Bits::count).sum()
    }

    /// Puts a rule in, or another one in its place, and gives its members.
    pub fn put_rule(&mut self, key: RuleKey, rule: Rule, now: i64) -> &Bits {
        self.remove_rule(key);
        for fact in rule.facts() {
            self.index[usize::from(fact.0)].push(key);
        }
        let members = Program::new([&rule], &self.table, now).run(&self.table).pop().unwrap_or_default();
        &self.rules.entry(key).insert_entry(Kept { rule, members }).into_mut().members
    }

    /// Takes a rule out.
    pub fn remove_rule(&mut self, key: RuleKey) {
        if let Some(kept) = self.rules.remove(&key) {
            for fact in kept.rule.facts() {
                self.index[usize::from(fact.0)].retain(|other| *other != key);
            }
        }
    }

    /// Who is in a rule.
    pub fn members(&self, key: RuleKey) -> Option<&Bits> {
        self.rules.get(&key).map(|kept| &kept.members)
    }

    /// A new row: every rule is asked.
    pub fn push(&mut self, facts: Facts, now: i64) -> (usize, Moved) {
        let row = self.table.push(&facts);
        self.facts.push(facts);
        let keys = self.rules.keys().copied().collect();
        (row, self.ask(row, keys, now))
    }

    /// A row's facts anew: only rules that ask for what changed are asked, and those whose outcome depends on the time.
    pub fn update(&mut self, row: usize, facts: Facts, now: i64) -> Moved {
        let changed: Vec<FactId> = self.table.replace(row, &facts);
        self.facts[row] = facts;
        let mut keys: Vec<RuleKey> =
            changed.iter().flat_map(|fact| self.index[usize::from(fact.0)].iter().copied()).collect();
        keys.extend(self.rules.iter().filter(|(_, kept)| kept.rule.ages()).map(|(key, _)| *key));
        keys.sort_unstable();
        keys.dedup();
        self.ask(row, keys, now)
    }

    /// Time has passed: rules with `system.now` are evaluated anew. Gives their keys.
    pub fn tick(&mut self, now: i64) -> Vec<RuleKey> {
        let aging: Vec<RuleKey> = self.rules.iter().filter(|(_, kept)| kept.rule.ages()).map(|(key, _)| *key).collect();
        let program = Program::new(aging.iter().map(|key| &self.rules[key].rule), &self.table, now);
        for (key, members) in aging.iter().zip(program.run(&self.table)) {
            if let Some(kept) = self.rules.get_mut(key) {
                kept.members = members;
            }
        }
        aging
    }

    fn ask(&mut self, row: usize, keys: Vec<RuleKey>, now: i64) -> Moved {
        let mut moved = Moved { asked: keys.len(), ..Moved::default() };
        for key in keys {
            let Some(kept) = self.rules.get_mut(&key) else { continue };
            let (was, is) = (kept.members.has(row), interpret::holds(&kept.rule, &self.facts[row], now));
            kept.members.set(row, is);
            match (was, is) {
                (false, true) => moved.joined.push(key),
                (true, false) => moved.left.push(key),
                _ => {}
            }
        }
        moved
    }
}
