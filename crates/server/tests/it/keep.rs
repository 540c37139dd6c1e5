//! Reports, rehearsals, pins, retention and erasure, over a real connection and through the operator's command line.

use crate::support::{Live, Made, Pc, Place, said};
use model::api::{SnapshotSummary, Snapshots};
use model::erasure::Erased;
use model::ids::{ReportId, from_hex};
use model::report::{AppsResult, KeptReport, Outcome, Report, Reports, SettingResult};
use model::world::Moment;

fn live() -> (Place, Live) {
    let place = Place::new();
    let live = place.serve();
    (place, live)
}

#[track_caller]
fn operated(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn backup(live: &Live, pc: &Pc, seq: u64) -> String {
    let made = Made::new(pc, seq, &[(u8::try_from(seq).unwrap(), 100)], &[]);
    assert_eq!(live.backup(pc, &made.whole()).status, 201);
    format!("/api/v1/profiles/{}/snapshots/{}", pc.profile, made.header.snapshot)
}

fn listed(live: &Live, pc: &Pc) -> Vec<SnapshotSummary> {
    live.get(&format!("/api/v1/profiles/{}/snapshots", pc.profile), pc).json::<Snapshots>().snapshots
}

fn report(pc: &Pc) -> Report {
    Report {
        report: ReportId([7; 16]),
        made_at: Moment(1_794_999_999_000),
        profile: pc.profile,
        snapshot: model::ids::SnapshotId([1; 32]),
        agent: "0.1.0".to_owned(),
        settings: vec![
            SettingResult { id: "mouse.speed".to_owned(), outcome: Outcome::Restored, reason: None },
            SettingResult {
                id: model::catalog::SETTINGS[0].id.to_owned(),
                outcome: Outcome::LeftAlone,
                reason: Some("managed_by_policy".to_owned()),
            },
        ],
        apps: vec![AppsResult { outcome: Outcome::LeftAlone, reason: Some("not_available".to_owned()), count: 2 }],
    }
}

fn put_report(live: &Live, pc: &Pc, report: &Report) -> crate::support::Answer {
    let path = format!("/api/v1/reports/{}", ReportId([7; 16]));
    live.ask("PUT", &path, pc, &[], &serde_json::to_vec(report).unwrap())
}

#[test]
fn a_report_is_taken_once_and_read_by_its_person_and_the_operator() {
    let (place, live) = live();
    let (pc, other) = (live.enroll("ada", "NEW-PC"), live.enroll("bob", "PC"));
    let report = report(&pc);
    assert_eq!(put_report(&live, &pc, &report).status, 201);
    assert_eq!(put_report(&live, &pc, &report).status, 200, "sent again after a lost answer");
    let mut changed = report.clone();
    changed.settings.pop();
    assert_eq!(put_report(&live, &pc, &changed).problem(), (409, "invalid_request".to_owned()));
    let path = format!("/api/v1/reports/{}", report.report);
    let kept: KeptReport = live.get(&path, &pc).json();
    assert_eq!((kept.device_name.as_str(), &kept.report), ("NEW-PC", &report));
    assert_eq!(live.get("/api/v1/reports", &pc).json::<Reports>().reports, [kept]);
    assert_eq!(live.get(&path, &other).problem(), (404, "not_found".to_owned()));

    let all = operated(&place, &["report", "list"]);
    assert!(all.contains("ada\tNEW-PC") && all.contains("1 setting restored"), "{all}");
    assert_eq!(operated(&place, &["report", "list", "--user", "bob"]), "");
    let one = operated(&place, &["report", "show", &report.report.to_string()]);
    let title = model::catalog::SETTINGS[0].title;
    assert!(one.contains(&format!("{title} did not come back: your organisation manages it")), "{one}");
    assert!(one.contains("2 apps did not come back: the app is not in the Store"), "{one}");
    assert_eq!(place.run(&["report", "show", &"9".repeat(32)]).status.code(), Some(2));
}

#[test]
fn a_report_that_could_carry_a_value_is_not_taken() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let path = format!("/api/v1/reports/{}", ReportId([7; 16]));
    let sound = serde_json::to_string(&report(&pc)).unwrap();
    for wrong in [
        sound.replace("mouse.speed", "the mouse speed is 7"),
        sound.replacen("\"id\":\"mouse.speed\"", "\"id\":\"mouse.speed\",\"value\":7", 1),
        sound.replace("managed_by_policy", "C:\\\\Users\\\\ada"),
        sound.replace("\"agent\":\"0.1.0\"", "\"agent\":\"0.1.0\",\"apps_by_name\":[\"Solitaire\"]"),
        "{".to_owned(),
        sound.replace(&"07".repeat(16), &"08".repeat(16)),
    ] {
        let answer = live.ask("PUT", &path, &pc, &[], wrong.as_bytes());
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{wrong}");
    }
    let large = vec![b' '; model::report::REPORT_BYTES_MAX + 1];
    assert_eq!(live.ask("PUT", &path, &pc, &[], &large).problem(), (413, "too_large".to_owned()));
    assert!(live.get("/api/v1/reports", &pc).json::<Reports>().reports.is_empty());
}

#[test]
fn a_rehearsal_is_kept_with_its_snapshot() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let path = backup(&live, &pc, 1);
    let put = |body: &str, pc: &Pc| live.ask("PUT", &format!("{path}/rehearsal"), pc, &[], body.as_bytes());
    assert_eq!(put(r#"{"seq":1,"restorable":true}"#, &pc).status, 204);
    assert!(listed(&live, &pc)[0].rehearsed.as_ref().unwrap().restorable);
    assert_eq!(put(r#"{"seq":1,"restorable":false,"reason":"integrity_failed"}"#, &pc).status, 204);
    let found = listed(&live, &pc)[0].rehearsed.clone().unwrap();
    assert_eq!((found.restorable, found.reason.as_deref()), (false, Some("integrity_failed")));
    assert!(operated(&place, &["snapshot", "list"]).contains("DOES NOT OPEN"));
    for wrong in [
        r#"{"seq":1,"restorable":true,"reason":"x"}"#,
        r#"{"seq":1,"restorable":false}"#,
        r#"{"seq":1,"restorable":false,"reason":"two words"}"#,
        r#"{"seq":1,"restorable":true,"values":[1]}"#,
        "",
    ] {
        assert_eq!(put(wrong, &pc).problem(), (400, "invalid_request".to_owned()), "{wrong}");
    }
    assert_eq!(put(r#"{"seq":2,"restorable":true}"#, &pc).problem(), (404, "no_such_snapshot".to_owned()));
    let second = live.enroll("ada", "PC-2");
    let not_its_own = put(r#"{"seq":1,"restorable":true}"#, &second);
    assert_eq!(not_its_own.problem(), (404, "no_such_snapshot".to_owned()), "another PC of the same person");
}

#[test]
fn a_pin_keeps_and_a_hold_refuses() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let paths: Vec<String> = (1..=4).map(|seq| backup(&live, &pc, seq)).collect();
    let other = live.enroll("ada", "PC-2");
    assert_eq!(live.ask("PUT", &format!("{}/pin", paths[0]), &other, &[], b"").status, 204, "from the new PC");
    let profile = pc.profile.to_string();
    operated(&place, &["snapshot", "hold", &profile, "2"]);
    operated(&place, &["retention", "set", "--keep-last", "1"]);
    assert_eq!(operated(&place, &["retention", "show"]), "latest 1\n");
    let shown = operated(&place, &["retention", "preview"]);
    let why: Vec<&str> = shown.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(why, ["latest", "goes", "on hold", "pinned"]);
    assert_eq!(listed(&live, &pc).len(), 4, "a preview lets nothing go");
    operated(&place, &["retention", "run"]);
    assert_eq!(listed(&live, &pc).iter().map(|one| one.seq).collect::<Vec<_>>(), [4, 2, 1]);
    let refused = live.ask("DELETE", &paths[1], &pc, &[], b"");
    assert_eq!(refused.problem(), (403, "on_hold".to_owned()));
    let refused = place.run(&["user", "erase", "ada", "--yes"]);
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    assert_eq!(live.ask("DELETE", &format!("{}/pin", paths[0]), &pc, &[], b"").status, 204);
    operated(&place, &["snapshot", "release", &profile, "2"]);
    operated(&place, &["retention", "run"]);
    assert_eq!(listed(&live, &pc).len(), 1);
    assert_eq!(live.ask("PUT", &format!("{}/pin", paths[0]), &pc, &[], b"").problem().0, 404);
    assert_eq!(place.run(&["snapshot", "pin", &profile, "99"]).status.code(), Some(2));
}

#[test]
fn rules_that_keep_nothing_are_not_set_by_accident() {
    let (place, _live) = live();
    let refused = place.run(&["retention", "set"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert_eq!(place.run(&["retention", "set", "--keep-within", "3 weeks"]).status.code(), Some(2));
    operated(&place, &["retention", "set", "--keep-everything"]);
    assert_eq!(operated(&place, &["retention", "show"]), "everything\n");
    assert!(operated(&place, &["retention", "show", "--tenant", "other"]).starts_with("latest 5, daily 14"));
}

#[test]
fn the_server_lets_go_by_itself_once_a_day() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    operated(&place, &["retention", "set", "--keep-last", "2"]);
    live.app.housekeep().unwrap();
    for seq in 1..=4 {
        backup(&live, &pc, seq);
    }
    place.clock.turn(60 * 60);
    live.app.housekeep().unwrap();
    assert_eq!(listed(&live, &pc).len(), 4, "not again within the day");
    place.clock.turn(24 * 60 * 60);
    live.app.housekeep().unwrap();
    assert_eq!(listed(&live, &pc).iter().map(|one| one.seq).collect::<Vec<_>>(), [4, 3]);
}

#[test]
fn an_erased_person_is_gone_and_the_receipt_says_so() {
    let (place, live) = live();
    let (pc, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    backup(&live, &pc, 1);
    let bobs = backup(&live, &bob, 1);
    let only_said = place.run(&["user", "erase", "ada"]);
    assert!(said(&only_said).contains("nothing was deleted"), "{}", said(&only_said));
    assert_eq!(listed(&live, &pc).len(), 1);

    let receipt = operated(&place, &["user", "erase", "ada", "--yes"]);
    let bytes = hex(receipt.trim());
    let erasure = seal::receipt::verify_erasure(&bytes, &from_hex(&pc.receipt_key).unwrap()).unwrap();
    assert_eq!((erasure.erased, erasure.snapshots), (Erased::User(pc.user), 1));
    let again = operated(&place, &["user", "erase", &pc.user.to_string(), "--yes"]);
    assert_eq!(again, receipt, "erasing again gives the same receipt");
    assert_eq!(place.run(&["user", "erase", "ada", "--yes"]).status.code(), Some(2), "nobody has that name");
    place.clock.turn(60);
    assert_eq!(live.get("/api/v1/profiles", &pc).problem(), (401, "revoked".to_owned()));
    assert_eq!(live.try_enroll("ada", crate::support::PASSWORD, "PC").problem(), (401, "wrong_credentials".to_owned()));
    assert_eq!(live.get(&bobs, &bob).status, 200);
    operated(&place, &["check"]);
}

#[test]
fn a_deleted_profile_is_gone_and_its_pc_must_connect_anew() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    backup(&live, &pc, 1);
    let profile = pc.profile.to_string();
    assert_eq!(operated(&place, &["profile", "delete", &profile]), "", "without --yes it is only said");
    let receipt = operated(&place, &["profile", "delete", &profile, "--yes"]);
    let erasure = seal::receipt::verify_erasure(&hex(receipt.trim()), &from_hex(&pc.receipt_key).unwrap()).unwrap();
    assert_eq!(erasure.erased, Erased::Profile(pc.profile));
    place.clock.turn(60);
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 401);
    assert_eq!(backup_status(&live), 201, "connected anew, it backs up");
    assert_eq!(place.run(&["profile", "delete", &"9".repeat(32), "--yes"]).status.code(), Some(2));
}

fn backup_status(live: &Live) -> u16 {
    let pc = live.enroll("ada", "PC");
    live.backup(&pc, &Made::new(&pc, 1, &[(1, 10)], &[]).whole()).status
}

fn hex(text: &str) -> Vec<u8> {
    from_hex::<{ model::erasure::ERASURE_LEN }>(text).unwrap().to_vec()
}
