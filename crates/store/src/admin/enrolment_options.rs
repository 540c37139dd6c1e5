//! Enrollment options: whether the page that offers a restore is shown, for everybody and for the people of some groups.
//!
//! In Intune this switch has no groups (Microsoft Learn, "Windows Backup for Organizations", enrolment setting); here it has. It takes somebody who reaches
//! everything, because it is for everybody.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension};
use model::admin::{EnrolmentOptions, RestorePage};
use model::ids::GroupId;
use model::permission::Permission;
use model::world::Moment;

use super::{TAGS_MAX, check_version, groups};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::{Store, StoreError, row};

fn page(word: Option<bool>) -> RestorePage {
    match word {
        None => RestorePage::NotConfigured,
        Some(true) => RestorePage::On,
        Some(false) => RestorePage::Off,
    }
}

fn for_everybody(connection: &Connection, tenant: i64) -> Result<(RestorePage, i64), StoreError> {
    let sql = "SELECT restore_page, version FROM enrolment_options WHERE tenant = $1";
    let found = connection.prepare_cached(sql)?.query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.map_or((RestorePage::NotConfigured, 0), |(word, version)| (page(word), version)))
}

fn by_group(connection: &Connection, tenant: i64) -> Result<Vec<(i64, bool)>, StoreError> {
    let sql = "SELECT group_no, restore_page FROM enrolment_option_groups WHERE tenant = $1 ORDER BY group_no";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What holds for the people of these groups: off goes before on, and both before what holds for everybody.
pub(crate) fn page_of(connection: &Connection, tenant: i64, mine: &BTreeSet<i64>) -> Result<RestorePage, StoreError> {
    let said = by_group(connection, tenant)?.into_iter().filter(|(no, _)| mine.contains(no)).map(|(_, on)| on);
    match said.min() {
        Some(on) => Ok(page(Some(on))),
        None => Ok(for_everybody(connection, tenant)?.0),
    }
}

fn told(options: &EnrolmentOptions) -> String {
    serde_json::json!({
        "show_restore_page": options.show_restore_page,
        "on_for_groups": options.on_for_groups.len(),
        "off_for_groups": options.off_for_groups.len(),
    })
    .to_string()
}

impl Store {
    /// The options with their version; 0: nothing was ever said.
    pub fn enrolment_options(&self, view: &View) -> Result<(EnrolmentOptions, u64), StoreError> {
        self.read(|connection| load(connection, view.scope().no))
    }

    /// Puts others in their place and gives their version.
    pub fn change_enrolment_options(
        &self,
        view: &View,
        version: Option<u64>,
        options: EnrolmentOptions,
        at: Moment,
    ) -> Result<u64, AdminError> {
        if !view.is_whole() {
            return Err(AdminError::Lacks(vec![Permission::PolicyWrite]));
        }
        if options.on_for_groups.len().max(options.off_for_groups.len()) > TAGS_MAX {
            return Err(Misfit::List(TAGS_MAX).into());
        }
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (before, found) = load(tx, tenant)?;
            check_version(version, row::signed(found))?;
            let number = |id: &GroupId| groups::find(tx, &view, *id).map(|(no, _)| no);
            let on: BTreeSet<i64> = options.on_for_groups.iter().map(number).collect::<Result<_, _>>()?;
            let off: BTreeSet<i64> = options.off_for_groups.iter().map(number).collect::<Result<_, _>>()?;
            if !on.is_disjoint(&off) {
                return Err(Misfit::PageBoth.into());
            }
            let word = match options.show_restore_page {
                RestorePage::NotConfigured => None,
                RestorePage::On => Some(true),
                RestorePage::Off => Some(false),
            };
            let sql = "INSERT INTO enrolment_options (tenant, restore_page, version) VALUES ($1, $2, $3) \
                       ON CONFLICT (tenant) DO UPDATE SET restore_page = excluded.restore_page, version = excluded.version";
            tx.prepare_cached(sql)?.execute((tenant, word, row::signed(found + 1)))?;
            tx.prepare_cached("DELETE FROM enrolment_option_groups WHERE tenant = $1")?.execute([tenant])?;
            let sql = "INSERT INTO enrolment_option_groups (tenant, group_no, restore_page) VALUES ($1, $2, $3)";
            for (numbers, on) in [(on, true), (off, false)] {
                for no in numbers {
                    tx.prepare_cached(sql)?.execute((tenant, no, on))?;
                }
            }
            let (actor, was, is) = (view.actor(), told(&before), told(&options));
            let id = view.tenant();
            let event = Event::of(&actor, at, Action::EnrolmentOptions, id.as_bytes());
            audit::append(tx, view.scope(), &Event { before: Some(&was), after: Some(&is), ..event })?;
            Ok(found + 1)
        })
    }
}

fn load(connection: &Connection, tenant: i64) -> Result<(EnrolmentOptions, u64), StoreError> {
    let (show_restore_page, version) = for_everybody(connection, tenant)?;
    let mut options = EnrolmentOptions { show_restore_page, ..EnrolmentOptions::default() };
    let mut statement = connection.prepare_cached("SELECT id FROM user_groups WHERE tenant = $1 AND no = $2")?;
    for (no, on) in by_group(connection, tenant)? {
        let id = statement.query_row((tenant, no), |row| Ok(row::Id(row.get(0)?).into()))?;
        if on { options.on_for_groups.push(id) } else { options.off_for_groups.push(id) }
    }
    Ok((options, row::unsigned(version)))
}
