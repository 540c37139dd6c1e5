//! Reports: what they say, what they do not say, and that none is lost without network.

#![expect(clippy::disallowed_methods, reason = "a test damages a file")]

use model::catalog::{self, Category, Stage};
use model::ids::{ProfileId, SnapshotId};
use model::plan::NotCarried;
use model::snapshot::{Again, App, AppKind};
use model::value::Value;

use super::*;
use crate::apply::{Applied, Failed};
use crate::upload::fake::{FakeWire, json, with_server};
use crate::upload::wire::{Answer, WireError};

fn step(id: &str, action: SettingAction) -> SettingStep {
    SettingStep {
        id: id.to_owned(),
        title: "title".to_owned(),
        category: Category::System,
        stage: Stage::Rest,
        action,
        about: model::plan::About::default(),
    }
}

fn known(index: usize) -> &'static str {
    catalog::SETTINGS[index].id
}

fn app_of(name: &str, kind: AppKind) -> App {
    App {
        kind,
        id: format!("Id.{name}"),
        name: Some(name.to_owned()),
        version: None,
        publisher: None,
        again: Again::default(),
    }
}

fn made(at: i64) -> LocalReport {
    let set = || SettingAction::Set { old: None, new: Value::Int(4711) };
    let plan = Plan {
        choices: Vec::new(),
        settings: vec![
            step(known(0), set()),
            step(known(1), set()),
            step(known(2), set()),
            step(known(3), SettingAction::Same { value: Some(Value::Int(4711)) }),
            step(known(4), SettingAction::Skip { reason: Reason::NotOnThisBuild, wanted: Some(Value::Int(4711)) }),
            step("odd id from outside", SettingAction::Skip { reason: Reason::NotInCatalog, wanted: None }),
        ],
        apps: vec![
            AppStep { app: app_of("Solitaire", AppKind::Store), action: AppAction::Install },
            AppStep {
                app: app_of("Paint", AppKind::System),
                action: AppAction::NotAvailable { reason: Reason::NotAvailable },
            },
            AppStep {
                app: app_of("Notes", AppKind::Store),
                action: AppAction::NotAvailable { reason: Reason::NotAvailable },
            },
        ],
        not_carried: vec![NotCarried {
            id: catalog::left_out()[0].id.to_owned(),
            title: "left out".to_owned(),
            reason: Reason::CouldCarryCode,
            because: String::new(),
        }],
    };
    let applied = Applied { id: known(0).to_owned(), title: String::new(), category: None, after: None };
    let failed = Failed { id: known(1).to_owned(), title: String::new(), category: None, reason: Reason::AccessDenied };
    let done = apply::Outcome { applied: vec![applied], failed: vec![failed], ..apply::Outcome::default() };
    report(&about(at), &plan, &done, None)
}

fn about(at: i64) -> About<'static> {
    About {
        report: ReportId([u8::try_from(at % 200).unwrap(); 16]),
        made_at: Moment(at),
        profile: ProfileId([1; 16]),
        snapshot: SnapshotId([2; 32]),
        agent: "0.1.0",
    }
}

fn state() -> (tempfile::TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::at(folder.path(), "default").unwrap();
    (folder, state)
}

#[test]
fn every_setting_and_app_has_its_outcome_and_reason() {
    let local = made(1);
    local.report.check().unwrap();
    let outcomes: Vec<_> =
        local.report.settings.iter().map(|one| (one.id.as_str(), one.outcome, one.reason.as_deref())).collect();
    assert_eq!(
        outcomes,
        [
            (known(0), Outcome::Restored, None),
            (known(1), Outcome::Failed, Some("access_denied")),
            (known(2), Outcome::Failed, Some("interrupted")),
            (known(3), Outcome::Same, None),
            (known(4), Outcome::LeftAlone, Some("not_on_this_build")),
            (UNKNOWN, Outcome::LeftAlone, Some("not_in_catalog")),
            (catalog::left_out()[0].id, Outcome::NotCarried, Some("could_carry_code")),
        ]
    );
    assert_eq!((local.report.apps_with(Outcome::Restored), local.report.apps_with(Outcome::LeftAlone)), (1, 2));
    let missing = local.missing();
    assert!(
        missing.iter().any(|said| said.starts_with("Notes did not come back: the app is not in the Store")),
        "{missing:?}"
    );
}

#[test]
fn the_server_is_told_no_value_no_app_and_no_text_from_outside() {
    let wire = FakeWire::new([Ok(Answer { status: 201, ..Answer::default() })]);
    let (_folder, state) = state();
    state.save_report(&made(1)).unwrap();
    assert_eq!(with_server(&wire, |server| send_unsent(&state, server)).0.unwrap(), 1);
    let sent = String::from_utf8(wire.bodies().remove(0)).unwrap();
    for secret in ["4711", "Solitaire", "Notes", "odd id", "left out"] {
        assert!(!sent.contains(secret), "`{secret}` is told in {sent}");
    }
}

#[test]
fn a_report_made_without_network_is_sent_by_the_next_run_and_only_once() {
    let (_folder, state) = state();
    for at in [1, 2] {
        state.save_report(&made(at)).unwrap();
    }
    let away = FakeWire::new([Err(WireError::NoConnection("no network".into()))]);
    assert!(with_server(&away, |server| send_unsent(&state, server)).0.is_err());
    assert!(state.reports().unwrap().iter().all(|kept| !kept.sent));
    let ok = || Ok(Answer { status: 200, ..Answer::default() });
    let back = FakeWire::new([ok(), ok()]);
    assert_eq!(with_server(&back, |server| send_unsent(&state, server)).0.unwrap(), 2);
    assert!(back.asked()[0].contains(&"01".repeat(16)), "the oldest first: {:?}", back.asked());
    let quiet = FakeWire::new([]);
    assert_eq!(with_server(&quiet, |server| send_unsent(&state, server)).0.unwrap(), 0, "nothing is asked");
    assert_eq!(state.reports().unwrap()[0].report, made(2), "the newest first, and still here");
}

#[test]
fn a_report_that_the_server_refuses_for_good_stops_no_other() {
    let (_folder, state) = state();
    for at in [1, 2] {
        state.save_report(&made(at)).unwrap();
    }
    let refused = model::api::Problem::new(400, Reason::InvalidRequest, "no");
    let wire = FakeWire::new([Ok(json(400, &refused)), Ok(Answer { status: 201, ..Answer::default() })]);
    assert_eq!(with_server(&wire, |server| send_unsent(&state, server)).0.unwrap(), 1);
    assert!(state.reports().unwrap().iter().all(|kept| kept.sent));
}

#[test]
fn only_the_newest_reports_stay_on_the_pc() {
    let (folder, state) = state();
    for at in 1..=30 {
        state.save_report(&made(at)).unwrap();
    }
    let kept = state.reports().unwrap();
    assert_eq!((kept.len(), kept[0].report.report.made_at), (20, Moment(30)));
    let damaged = folder.path().join("default/reports").join("99999999999999999999-x.unsent");
    std::fs::write(damaged, b"{").unwrap();
    assert_eq!(state.reports().unwrap().len(), 20, "a damaged one is left out");
}

/// A plan as a hostile snapshot makes it: as many apps as there may be with the longest names, and settings that nobody knows.
fn hostile() -> Plan {
    let name = |number: usize| format!("{number:04}{}", "\u{1f4a3}".repeat(63));
    let apps = (0..model::snapshot::v1::APPS_MAX)
        .map(|number| AppStep { app: app_of(&name(number), AppKind::Store), action: AppAction::Install });
    let unknown = || SettingAction::Skip { reason: Reason::NotInCatalog, wanted: None };
    let settings = (0..10_000).map(|number| step(&format!("odd.id_{number}"), unknown()));
    let known = catalog::SETTINGS.iter().map(|setting| step(setting.id, SettingAction::Same { value: None }));
    Plan { apps: apps.collect(), settings: settings.chain(known).collect(), ..Plan::default() }
}

#[test]
fn a_hostile_snapshot_makes_no_report_that_is_too_large_to_be_read_or_sent() {
    let (_folder, state) = state();
    let plan = hostile();
    let local = report(&about(1), &plan, &apply::Outcome::default(), None);
    state.save_report(&local).unwrap();
    let kept = state.reports().unwrap();
    assert_eq!(kept.first().map(|kept| &kept.report), Some(&local), "it comes back as it was");
    local.report.check().unwrap();
    assert!(serde_json::to_vec(&local.report).unwrap().len() < model::report::REPORT_BYTES_MAX);
    let of_catalog = local.report.settings.iter().filter(|one| one.id != UNKNOWN).count();
    assert_eq!(of_catalog, catalog::SETTINGS.len(), "what is known stays");
    assert!(local.unnamed > 0 && local.app_names.len() + local.unnamed == plan.apps.len());
    let said = local.missing().pop().unwrap();
    assert_eq!(
        said,
        format!("{} more apps are not named here: there are more than a report has room for", local.unnamed)
    );
}

#[test]
fn an_app_that_has_no_room_in_the_queue_is_not_said_to_be_back() {
    let plan = Plan {
        apps: vec![AppStep { app: app_of("Notes", AppKind::Store), action: AppAction::Install }],
        ..Plan::default()
    };
    let (_folder, state) = state();
    let queue = Queue::read(&state).unwrap();
    let local = report(&about(1), &plan, &apply::Outcome::default(), Some(&queue));
    assert_eq!(local.app_names[0].reason.as_deref(), Some("install_list_full"));
    assert!(local.missing()[0].starts_with("Notes did not come back: more apps wait"), "{:?}", local.missing());
}

#[test]
fn a_report_that_is_too_large_to_be_ours_stops_no_later_run() {
    let (_folder, state) = state();
    state.save_report(&made(2)).unwrap();
    let path = state.folder().join(format!("reports/{:020}-{}.unsent", 1, ReportId([9; 16])));
    std::fs::write(path, vec![b' '; file::FILE_BYTES_MAX + 1]).unwrap();
    assert_eq!(state.reports().unwrap().len(), 1);
    assert_eq!(state.unsent_reports().unwrap().len(), 1);
    state.save_report(&made(3)).unwrap();
}
