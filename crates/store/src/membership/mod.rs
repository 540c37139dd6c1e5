//! Who is in a dynamic group, kept as rows like those of any group, and what a filter says of a PC.
//!
//! Three things change members. Somebody writes a rule: it is asked about everybody, some thousand rows at a time ([`Store::continue_groups`]), each step a short transaction
//! of its own, and a server that is stopped goes on where it was. A PC comes by or a provider says something of somebody: in the same transaction the rules are asked that ask for what has
//! changed, and no others ([`Book::touched`]). And time passes: rules that ask for backups or for the time are asked anew now and then ([`Store::renew_groups`]).
//!
//! Since members are rows, it makes no difference which of several servers a PC talks to. What a server keeps in memory are the parsed rules of a tenant ([`Books`]), compared
//! with the counter in the database before each use, and the columns of facts for editors' previews (`columns.rs`).

pub(crate) mod columns;
pub(crate) mod explain;
pub(crate) mod facts;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use model::admin::GroupOf;
use model::world::Moment;
use rules::{FactId, Facts, Kind, Rule, holds};

use crate::sql::{Connection, OptionalExtension};
use crate::{Store, StoreError, row};
use facts::{Known, MEMBER_OF, SLOW, Wanted};

/// The most dynamic groups of a tenant: each PC that has changed is held against those that ask for what has changed.
pub const DYNAMIC_GROUPS_MAX: i64 = 500;

/// Rows that are looked at in one step. A step that finds nothing new writes one row at most; one that does takes some milliseconds, in which others wait to write.
const STEP_ROWS: i64 = 1_000;

/// Rows that whoever writes a rule waits for; the rest is done beside. A hundred thousand take about a second.
pub(crate) const AT_ONCE_ROWS: usize = 20_000;

/// A rule with what it says who is in.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The group's number.
    pub(crate) group: i64,
    /// The rule.
    pub(crate) rule: Rule,
    /// What it asks for.
    facts: Vec<FactId>,
    /// Whether its outcome can change without anybody telling.
    slow: bool,
    /// Whether it asks for groups.
    of_groups: bool,
}

impl Kept {
    fn new(group: i64, rule: Rule) -> Self {
        let facts = rule.facts();
        let of_groups = facts.iter().any(|fact| MEMBER_OF.contains(fact));
        let slow = of_groups || rule.ages() || facts.iter().any(|fact| SLOW.contains(fact));
        Self { group, rule, facts, slow, of_groups }
    }
}

/// The rules of a tenant's dynamic groups, parsed.
#[derive(Debug, Default)]
pub(crate) struct Book {
    version: i64,
    devices: Vec<Kept>,
    people: Vec<Kept>,
}

impl Book {
    fn load(connection: &Connection, tenant: i64, version: i64) -> Result<Self, StoreError> {
        let sql = "SELECT no, holds, rule FROM user_groups WHERE tenant = $1 AND rule IS NOT NULL ORDER BY no";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([tenant])?;
        let mut book = Self { version, ..Self::default() };
        while let Some(row) = rows.next()? {
            let (no, of, text): (i64, GroupOf, String) = (row.get(0)?, group_of(row.get(1)?), row.get(2)?);
            book.of(of).push(Kept::new(no, stored_rule(kind_of(of), &text)?));
        }
        Ok(book)
    }

    fn of(&mut self, of: GroupOf) -> &mut Vec<Kept> {
        match of {
            GroupOf::People => &mut self.people,
            GroupOf::Devices => &mut self.devices,
        }
    }

    fn rules(&self, of: GroupOf) -> &[Kept] {
        match of {
            GroupOf::People => &self.people,
            GroupOf::Devices => &self.devices,
        }
    }

    /// The rules to ask when these facts have changed: those that ask for one of them, and those whose outcome changes by itself. `None`: all.
    fn touched(&self, of: GroupOf, changed: Option<&[FactId]>) -> Vec<&Kept> {
        let touched = |kept: &&Kept| {
            changed.is_none_or(|changed| kept.slow || kept.facts.iter().any(|fact| changed.contains(fact)))
        };
        self.rules(of).iter().filter(touched).collect()
    }
}

/// The books of all tenants that this server has seen at work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books(Arc<Mutex<HashMap<i64, Arc<Book>>>>);

impl Books {
    /// The rules as they are in the database that this connection sees.
    fn get(&self, connection: &Connection, tenant: i64) -> Result<Arc<Book>, StoreError> {
        let sql = "SELECT version FROM rule_books WHERE tenant = $1";
        let version = connection.prepare_cached(sql)?.query_row([tenant], |row| row.get(0)).optional()?;
        let Some(version) = version else { return Ok(Arc::default()) };
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        if let Some(kept) = kept.filter(|kept| kept.version == version) {
            return Ok(kept);
        }
        let book = Arc::new(Book::load(connection, tenant, version)?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, Arc::clone(&book));
        Ok(book)
    }
}

/// Says that the tenant's rules are others than before. Never a number that was there before, not even after a transaction that was undone.
pub(crate) fn turn_page(tx: &Connection, tenant: i64, at: Moment) -> Result<(), StoreError> {
    let sql = "INSERT INTO rule_books (tenant, version) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET \
               version = CASE WHEN rule_books.version < excluded.version THEN excluded.version ELSE rule_books.version + 1 END";
    tx.prepare_cached(sql)?.execute((tenant, at.0))?;
    Ok(())
}

/// What a number of a row says that a group holds.
pub(crate) fn group_of(number: i64) -> GroupOf {
    if number == 0 { GroupOf::People } else { GroupOf::Devices }
}

/// The language of a group's rule.
pub fn kind_of(of: GroupOf) -> Kind {
    match of {
        GroupOf::People => Kind::User,
        GroupOf::Devices => Kind::Device,
    }
}

/// A rule that is in the database, where only rules that were understood are.
pub(crate) fn stored_rule(kind: Kind, text: &str) -> Result<Rule, StoreError> {
    rules::parse(kind, text).map_err(|error| StoreError::Damaged(format!("a rule: {error}")))
}

/// Table and column of the members of such groups.
fn table(of: GroupOf) -> (&'static str, &'static str) {
    match of {
        GroupOf::People => ("group_members", "user_no"),
        GroupOf::Devices => ("group_devices", "device_no"),
    }
}

fn known(
    connection: &Connection,
    (tenant, of): (i64, GroupOf),
    range: (facts::Between, i64),
    at: (Wanted, Moment),
) -> Result<Vec<Known>, StoreError> {
    match of {
        GroupOf::People => facts::people(connection, tenant, range, at),
        GroupOf::Devices => facts::devices(connection, tenant, range, at),
    }
}

/// What is known of one person or PC.
pub(crate) fn known_of(
    connection: &Connection,
    (tenant, of, no): (i64, GroupOf, i64),
    at: (Wanted, Moment),
) -> Result<Option<Known>, StoreError> {
    Ok(known(connection, (tenant, of), ((no - 1, no), 1), at)?.pop())
}

/// Puts a person or PC into a group, or takes them out; done twice it is done once.
pub(crate) fn put(
    tx: &Connection,
    (tenant, of): (i64, GroupOf),
    (group, no): (i64, i64),
    is: bool,
) -> Result<(), StoreError> {
    let (table, column) = table(of);
    let sql = if is {
        format!("INSERT INTO {table} (tenant, group_no, {column}) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
    } else {
        format!("DELETE FROM {table} WHERE tenant = $1 AND group_no = $2 AND {column} = $3")
    };
    tx.prepare_cached(&sql)?.execute((tenant, group, no))?;
    Ok(())
}

/// Asks rules about one person or PC and puts their outcome; whether anything is otherwise than before.
fn ask(
    tx: &Connection,
    (tenant, of): (i64, GroupOf),
    kept: &[&Kept],
    (known, now): (&Known, Moment),
) -> Result<bool, StoreError> {
    if kept.is_empty() {
        return Ok(false);
    }
    let (table, column) = table(of);
    let sql = format!("SELECT group_no FROM {table} WHERE tenant = $1 AND {column} = $2");
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map((tenant, known.no), |row| row.get(0))?;
    let before: BTreeSet<i64> = rows.collect::<Result<_, _>>()?;
    let mut moved = false;
    for one in kept {
        let is = known.live && holds(&one.rule, &known.facts, now.0.div_euclid(1000));
        if is != before.contains(&one.group) {
            put(tx, (tenant, of), (one.group, known.no), is)?;
            moved = true;
        }
    }
    Ok(moved)
}

/// What a PC or person was before a change, to be told to [`changed`] after it.
pub(crate) struct Before {
    book: Arc<Book>,
    of: GroupOf,
    /// `None`: nothing was known, so that every rule is asked.
    facts: Option<Facts>,
}

/// Looks before a change of what is known of a PC or person. `fresh`: nothing was known of it so far.
pub(crate) fn before(
    tx: &Connection,
    books: &Books,
    ((tenant, of, no), fresh): ((i64, GroupOf, i64), bool),
    at: Moment,
) -> Result<Before, StoreError> {
    let book = books.get(tx, tenant)?;
    if book.rules(of).is_empty() || fresh {
        return Ok(Before { book, of, facts: None });
    }
    let facts = known_of(tx, (tenant, of, no), (Wanted::default(), at))?.map(|known| known.facts);
    Ok(Before { book, of, facts })
}

/// Asks, after a change, the rules that ask for what has changed; how many that were.
pub(crate) fn changed(
    tx: &Connection,
    before: &Before,
    (tenant, no): (i64, i64),
    at: Moment,
) -> Result<usize, StoreError> {
    let of = before.of;
    if before.book.rules(of).is_empty() {
        return Ok(0);
    }
    let Some(plain) = known_of(tx, (tenant, of, no), (Wanted::default(), at))? else { return Ok(0) };
    let changed = before.facts.as_ref().map(|facts| facts.changed(&plain.facts));
    let touched = before.book.touched(of, changed.as_deref());
    let wanted = |kept: &[&Kept]| kept.iter().map(|one| Wanted::of(&one.facts)).fold(Wanted::default(), Wanted::and);
    let know = |wanted: Wanted| -> Result<Option<Known>, StoreError> {
        if wanted == Wanted::default() { Ok(None) } else { known_of(tx, (tenant, of, no), (wanted, at)) }
    };
    let known = know(wanted(&touched))?;
    let mut asked = touched.len();
    if ask(tx, (tenant, of), &touched, (known.as_ref().unwrap_or(&plain), at))? {
        // What asks for groups comes after what they are.
        let second: Vec<&Kept> = before.book.rules(of).iter().filter(|kept| kept.of_groups).collect();
        if let Some(known) = know(wanted(&second))? {
            asked += second.len();
            ask(tx, (tenant, of), &second, (&known, at))?;
        }
    }
    Ok(asked)
}

/// Somebody is new: every rule about people is asked.
pub(crate) fn new_person(
    tx: &Connection,
    books: &Books,
    (tenant, no): (i64, i64),
    at: Moment,
) -> Result<(), StoreError> {
    let before = before(tx, books, ((tenant, GroupOf::People, no), true), at)?;
    changed(tx, &before, (tenant, no), at).map(drop)
}

/// Members were put in or taken out by hand or by a provider, or a group is gone: rules that ask for groups have to be asked anew about everybody.
pub(crate) fn groups_changed(tx: &Connection, books: &Books, (tenant, of): (i64, GroupOf)) -> Result<(), StoreError> {
    let book = books.get(tx, tenant)?;
    let sql = "UPDATE user_groups SET evaluate_after = 0 WHERE tenant = $1 AND no = $2";
    for kept in book.rules(of).iter().filter(|kept| kept.of_groups) {
        tx.prepare_cached(sql)?.execute((tenant, kept.group))?;
    }
    Ok(())
}

/// A group whose rule is asked about everybody.
#[derive(Clone, Debug)]
struct Walk {
    tenant: i64,
    group: i64,
    of: GroupOf,
    text: String,
    /// Up to which row it was asked.
    after: i64,
    /// Whether the group's own row says so.
    noted: bool,
}

impl Store {
    /// Goes on with groups whose rule has still to be asked about some. Gives how many rows were looked at.
    pub fn continue_groups(&self, at: Moment) -> Result<u64, StoreError> {
        let walks = self.read(|connection| {
            let sql = "SELECT tenant, no, holds, rule, evaluate_after FROM user_groups \
                       WHERE evaluate_after IS NOT NULL AND rule IS NOT NULL ORDER BY tenant, no";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Walk {
                    tenant: row.get(0)?,
                    group: row.get(1)?,
                    of: group_of(row.get(2)?),
                    text: row.get(3)?,
                    after: row.get(4)?,
                    noted: true,
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        let mut rows = 0;
        for walk in walks {
            rows += self.walk(walk, usize::MAX, at)?;
        }
        Ok(rows)
    }

    /// Asks rules anew whose outcome changes by itself: those that ask for backups, for the last check-in or for the time. Gives how many groups that were.
    pub fn renew_groups(&self, at: Moment) -> Result<usize, StoreError> {
        let sql = "SELECT tenant FROM rule_books ORDER BY tenant";
        let tenants: Vec<i64> = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        let mut groups = 0;
        for tenant in tenants {
            let book = self.read(|connection| self.books.get(connection, tenant))?;
            for of in [GroupOf::People, GroupOf::Devices] {
                for kept in book.rules(of).iter().filter(|kept| kept.slow) {
                    let text = kept.rule.to_string();
                    self.walk(Walk { tenant, group: kept.group, of, text, after: 0, noted: false }, usize::MAX, at)?;
                    groups += 1;
                }
            }
        }
        Ok(groups)
    }

    /// Asks a group's rule about the first of those that it has still to be asked about.
    pub(crate) fn begin_group(&self, (tenant, group): (i64, i64), at: Moment) -> Result<(), StoreError> {
        let found = self.read(|connection| {
            let sql = "SELECT holds, rule, evaluate_after FROM user_groups WHERE tenant = $1 AND no = $2 \
                       AND evaluate_after IS NOT NULL AND rule IS NOT NULL";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_row((tenant, group), |row| {
                let of = group_of(row.get(0)?);
                Ok(Walk { tenant, group, of, text: row.get(1)?, after: row.get(2)?, noted: true })
            });
            Ok(found.optional()?)
        })?;
        found.map_or(Ok(()), |walk| self.walk(walk, AT_ONCE_ROWS, at).map(drop))
    }

    /// Asks a rule about everybody after a row, up to so many. Ends early if the group has another rule meanwhile: that one is asked from the beginning.
    fn walk(&self, mut walk: Walk, rows_max: usize, at: Moment) -> Result<u64, StoreError> {
        let rule = stored_rule(kind_of(walk.of), &walk.text)?;
        let kept = Arc::new(Kept::new(walk.group, rule));
        let (mut rows, mut moved) = (0, false);
        loop {
            let (last, differ, count) = self.read(|connection| differing(connection, &walk, &kept, at))?;
            let done = count < usize::try_from(STEP_ROWS).unwrap_or(usize::MAX);
            rows += count;
            if walk.noted || !differ.is_empty() {
                moved |= !differ.is_empty();
                let (tx_walk, tx_kept, tell) = (walk.clone(), Arc::clone(&kept), moved && done && !kept.of_groups);
                let books = self.books.clone();
                let goes_on = self.writer.write(move |tx| {
                    let goes_on = step(tx, &tx_walk, &tx_kept, ((!done).then_some(last), &differ), at)?;
                    if goes_on && tell {
                        groups_changed(tx, &books, (tx_walk.tenant, tx_walk.of))?;
                    }
                    Ok::<_, StoreError>(goes_on)
                })?;
                if !goes_on {
                    break;
                }
            }
            if done || rows >= rows_max {
                break;
            }
            walk.after = last;
        }
        Ok(rows as u64)
    }
}

/// The rows of the next step for which the rule says otherwise than the members do, the last row that was looked at, and how many were.
fn differing(
    connection: &Connection,
    walk: &Walk,
    kept: &Kept,
    at: Moment,
) -> Result<(i64, Vec<i64>, usize), StoreError> {
    let wanted = Wanted::of(&kept.facts);
    let all = known(connection, (walk.tenant, walk.of), ((walk.after, i64::MAX), STEP_ROWS), (wanted, at))?;
    let last = all.last().map_or(walk.after, |known| known.no);
    let (table, column) = table(walk.of);
    let sql = format!(
        "SELECT {column} FROM {table} WHERE tenant = $1 AND group_no = $2 AND {column} > $3 AND {column} <= $4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let members = statement.query_map((walk.tenant, walk.group, walk.after, last), |row| row.get(0))?;
    let members: BTreeSet<i64> = members.collect::<Result<_, _>>()?;
    let now = at.0.div_euclid(1000);
    let differs = |known: &&Known| (known.live && holds(&kept.rule, &known.facts, now)) != members.contains(&known.no);
    Ok((last, all.iter().filter(differs).map(|known| known.no).collect(), all.len()))
}

/// Puts what a step has found, asked again in the transaction that writes it: a PC may have come by in between. `false`: the group has another rule now.
fn step(
    tx: &Connection,
    walk: &Walk,
    kept: &Kept,
    (after, differ): (Option<i64>, &[i64]),
    at: Moment,
) -> Result<bool, StoreError> {
    let sql = "SELECT rule FROM user_groups WHERE tenant = $1 AND no = $2";
    let text: Option<Option<String>> =
        tx.prepare_cached(sql)?.query_row((walk.tenant, walk.group), |row| row.get(0)).optional()?;
    if text.flatten().as_deref() != Some(walk.text.as_str()) {
        return Ok(false);
    }
    let wanted = Wanted::of(&kept.facts);
    for no in differ {
        if let Some(known) = known_of(tx, (walk.tenant, walk.of, *no), (wanted, at))? {
            ask(tx, (walk.tenant, walk.of), &[kept], (&known, at))?;
        }
    }
    if walk.noted {
        let sql = "UPDATE user_groups SET evaluate_after = $1 WHERE tenant = $2 AND no = $3";
        tx.prepare_cached(sql)?.execute((after, walk.tenant, walk.group))?;
    }
    Ok(true)
}

/// How many dynamic groups a tenant has.
pub(crate) fn count(tx: &Connection, tenant: i64) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM user_groups WHERE tenant = $1 AND rule IS NOT NULL";
    Ok(row::unsigned(tx.prepare_cached(sql)?.query_row([tenant], |row| row.get(0))?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_rules_that_ask_for_what_has_changed_are_asked_and_those_that_time_changes() {
        let rules = [
            "device.deviceModel -eq \"Surface\"",
            "device.deviceOSVersion -ge 10.0.26100 -or device.deviceModel -eq null",
            "device.lastBackupAt -ge system.now -minus p30d",
        ];
        let mut book = Book::default();
        for (no, text) in rules.iter().enumerate() {
            let rule = rules::parse(Kind::Device, text).unwrap();
            book.devices.push(Kept::new(i64::try_from(no).unwrap(), rule));
        }
        let facts = |value| Facts::from_json(Kind::Device, &value).unwrap();
        let before = facts(json!({"deviceModel": "Surface", "deviceOSVersion": "10.0.22631.1"}));
        let asked = |after| {
            let changed = before.changed(&facts(after));
            book.touched(GroupOf::Devices, Some(&changed)).iter().map(|kept| kept.group).collect::<Vec<_>>()
        };
        assert_eq!(asked(json!({"deviceModel": "surface", "deviceOSVersion": "10.0.22631.1"})), [2], "nothing else");
        assert_eq!(asked(json!({"deviceModel": "Surface", "deviceOSVersion": "10.0.26100.1"})), [1, 2]);
        assert_eq!(asked(json!({"deviceOSVersion": "10.0.22631.1"})), [0, 1, 2]);
        assert_eq!(book.touched(GroupOf::Devices, None).len(), 3, "of a new PC nothing was known");
        assert!(book.touched(GroupOf::People, None).is_empty());
    }

    #[test]
    fn what_a_provider_says_becomes_the_facts_of_a_person_in_entras_words() {
        let known = facts::said_by_provider(&json!({
            "displayName": "Cleo Ruiz", "title": "Clerk", "name": {"givenName": "Cleo", "familyName": "Ruiz"},
            "emails": [{"value": "c@x.test"}, {"value": "cleo@x.test", "primary": true}],
            "phoneNumbers": [{"type": "mobile", "value": "1"}, {"type": "work", "value": "2"}],
            "addresses": [{"locality": "Ulm", "country": "DE"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales", "employeeNumber": "7"},
        }));
        let wanted = json!({
            "displayName": "cleo ruiz", "jobTitle": "clerk", "givenName": "cleo", "surname": "ruiz", "mail": "cleo@x.test",
            "otherMails": ["c@x.test", "cleo@x.test"], "mobile": "1", "telephoneNumber": "2", "city": "ulm", "country": "de",
            "department": "sales", "employeeId": "7",
        });
        assert_eq!(known, Facts::from_json(Kind::User, &wanted).unwrap());
    }
}
