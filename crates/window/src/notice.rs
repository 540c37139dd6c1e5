//! What a person is told without having asked: when, and in which words. Quiet by default.
//!
//! A pure decision over what `rehome` says. At a sign-in there is at most one notice, and only for what the person can do something about and would not
//! learn otherwise: a backup that is lost, backups that fail and why, or one that is overdue by far. Why they fail is told once for each cause, and not again
//! until another one takes its place or a backup succeeds; `rehome` keeps that in mind. What the organisation has switched off, a PC that is not connected or
//! was offline or asleep, a server that is slow today: nothing. A restore that ends while the window is looked at says nothing either: the page does.

use serde_json::Value;

use crate::call::Answer;
use crate::controller::{explained, harm, obstacle};
use crate::texts::Texts;
use crate::when::When;

/// A backup is overdue when this many intervals have passed without one: holidays and a weekend are no reason.
const INTERVALS: i64 = 3;
/// And never before this many days.
const DAYS_MIN: i64 = 7;

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// A notice of the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub title: String,
    /// What comes next.
    pub text: String,
    /// The code of what is told once and then known; `None`: it is told as long as it lasts.
    pub once: Option<String>,
}

impl Notice {
    fn new(title: String, text: String) -> Self {
        Self { title, text, once: None }
    }
}

/// What is said at a sign-in, of the answers of `rehome schedule status` and `rehome status`.
pub fn at_sign_in(texts: &Texts, schedule: &Answer, status: &Answer, when: &When) -> Option<Notice> {
    let schedule = schedule.as_ref().ok()?;
    if !schedule["refused"].is_null() || matches!(status, Err(problem) if problem.code == "not_enrolled") {
        return None;
    }
    if let Some(key) = status.as_ref().ok().and_then(harm) {
        return Some(Notice::new(texts.t("notify.lost"), texts.t(key)));
    }
    if let Some(problem) = obstacle(schedule).filter(|_| schedule["last_failure"]["told"] != true) {
        let (why, next) = explained(texts, &problem);
        let notice = Notice::new(texts.t("notify.failed"), texts.t2("why_and_next", &why, &next));
        return Some(Notice { once: Some(problem.code), ..notice });
    }
    // One that never was is no reminder's business: the first comes by itself, minutes after the PC is connected.
    let last: jiff::Timestamp = schedule["last_success"].as_str()?.parse().ok()?;
    let age = when.millis().saturating_sub(last.as_millisecond());
    let interval = schedule["interval_hours"].as_i64().unwrap_or(24).clamp(1, 24 * 365);
    if age < (INTERVALS * interval * HOUR_MILLIS).max(DAYS_MIN * DAY_MILLIS) {
        return None;
    }
    let days = (age / DAY_MILLIS).to_string();
    Some(Notice::new(texts.t1("notify.overdue", &days), texts.t("notify.overdue_next")))
}

/// What is said when a restore has ended, of its answer. `seen`: the person looks at the window.
pub fn restored(texts: &Texts, answer: &Answer, seen: bool) -> Option<Notice> {
    let document = answer.as_ref().ok().filter(|document| !seen && document["applied"] == true)?;
    let outcome = &document["outcome"];
    let some = |name: &str| outcome[name].as_array().is_some_and(|all| !all.is_empty());
    let needs = some("failed")
        || some("not_live")
        || outcome["effects"].as_array().is_some_and(|all| all.contains(&Value::from("sign_out")));
    let text = if needs { texts.t("notify.needs") } else { texts.t("result.days") };
    Some(Notice::new(texts.t("notify.restored"), text))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::call::Problem;
    use crate::texts::{ENGLISH, GERMAN};

    fn when() -> When {
        When::new("2026-11-18T11:00:00Z".parse().unwrap(), TimeZone::UTC)
    }

    fn no(code: &str) -> Answer {
        Err(Problem { code: code.to_owned(), message: String::new(), hint: String::new() })
    }

    fn schedule(last: Option<&str>, hours: i64) -> Value {
        json!({ "last_success": last, "interval_hours": hours })
    }

    fn kept() -> Value {
        json!({ "on_server": "kept", "last_backup": { "rehearsal": { "outcome": "restorable" } } })
    }

    fn said(schedule: &Answer, status: &Answer) -> Option<String> {
        at_sign_in(&ENGLISH, schedule, status, &when()).map(|notice| notice.title)
    }

    #[test]
    fn it_is_quiet_unless_a_backup_is_overdue_by_far() {
        for (last, hours, tells) in [
            (None, 24, None),
            (Some("2026-11-18T09:00:00Z"), 24, None),
            (Some("2026-11-12T09:00:00Z"), 24, None),
            (Some("2026-11-10T09:00:00Z"), 24, Some("Your last backup is 8 days old")),
            (Some("2026-11-10T09:00:00Z"), 168, None),
            (Some("2026-10-20T09:00:00Z"), 168, Some("Your last backup is 29 days old")),
            (Some("2027-01-01T00:00:00Z"), 24, None),
            (Some("soon"), 24, None),
        ] {
            assert_eq!(said(&Ok(schedule(last, hours)), &Ok(kept())).as_deref(), tells, "{last:?} each {hours} hours");
        }
        // Overdue stays overdue without a server: that may be why.
        let old = Ok(schedule(Some("2026-11-01T09:00:00Z"), 24));
        assert!(said(&old, &no("server_unreachable")).is_some());
    }

    #[test]
    fn a_lost_backup_is_told_and_what_nobody_can_help_is_not() {
        let fresh = Ok(schedule(Some("2026-11-18T09:00:00Z"), 24));
        let lost = Ok(json!({ "on_server": "nothing" }));
        assert_eq!(said(&fresh, &lost).as_deref(), Some("Your backup needs attention"));
        let failed = Ok(json!({ "on_server": "kept", "last_backup": { "rehearsal": { "outcome": "failed" } } }));
        let told = at_sign_in(&GERMAN, &fresh, &failed, &when()).unwrap();
        assert_eq!(told.title, "Ihre Sicherung braucht Aufmerksamkeit");
        let off = Ok(json!({ "last_success": "2026-01-01T00:00:00Z", "refused": { "code": "policy_off" } }));
        for (schedule, status) in [
            (off, lost.clone()),
            (Ok(schedule(Some("2026-01-01T00:00:00Z"), 24)), no("not_enrolled")),
            (no("damaged_state"), lost),
            (fresh, no("server_slow")),
        ] {
            assert_eq!(said(&schedule, &status), None);
        }
    }

    #[test]
    fn why_backups_fail_is_told_until_the_person_knows() {
        let failing = |code: &str, told: bool, last: &str| {
            let mut schedule = schedule(Some(last), 24);
            schedule["last_failure"] = json!({ "code": code, "message": "it is so", "hint": "do that", "told": told, "since": last, "at": last });
            Ok(schedule)
        };
        let fresh = "2026-11-18T09:00:00Z";
        let told = at_sign_in(&ENGLISH, &failing("quota_exceeded", false, fresh), &Ok(kept()), &when()).unwrap();
        assert_eq!(told.title, "Your settings cannot be backed up");
        assert_eq!(
            told.text,
            "Your account has no room left on the server. Delete backups on the page Privacy, or ask your helpdesk."
        );
        assert_eq!(told.once.as_deref(), Some("quota_exceeded"));
        // Words of a newer program are better than none.
        let newer = at_sign_in(&ENGLISH, &failing("of_tomorrow", false, fresh), &Ok(kept()), &when()).unwrap();
        assert_eq!(newer.text, "It is so. Do that");

        // Known: then only that the last backup gets old.
        assert_eq!(said(&failing("quota_exceeded", true, fresh), &Ok(kept())), None);
        let old = "2026-11-01T09:00:00Z";
        assert_eq!(
            said(&failing("quota_exceeded", true, old), &Ok(kept())).as_deref(),
            Some("Your last backup is 17 days old")
        );
        // One notice, and what is lost matters more. A server that does not answer hides nothing that this PC knows.
        let lost = Ok(json!({ "on_server": "nothing" }));
        assert_eq!(said(&failing("revoked", false, fresh), &lost).as_deref(), Some("Your backup needs attention"));
        assert!(said(&failing("revoked", false, fresh), &no("server_unreachable")).is_some());
        let mut off = failing("revoked", false, fresh).unwrap();
        off["refused"] = json!({ "code": "policy_off" });
        assert_eq!(said(&Ok(off), &Ok(kept())), None);
    }

    #[test]
    fn a_restore_is_told_to_those_who_look_elsewhere() {
        let done = |effects: Value| Ok(json!({ "applied": true, "outcome": { "failed": [], "effects": effects } }));
        assert_eq!(restored(&ENGLISH, &done(json!([])), true), None);
        let told = restored(&ENGLISH, &done(json!([])), false).unwrap();
        assert_eq!((told.title.as_str(), &told.text[..21]), ("Your settings are back", "You can take this bac"));
        let told = restored(&ENGLISH, &done(json!(["sign_out"])), false).unwrap();
        assert!(told.text.starts_with("Some of it needs you"), "{}", told.text);
        assert_eq!(restored(&ENGLISH, &no("busy"), false), None);
        assert_eq!(restored(&ENGLISH, &Ok(json!({ "applied": false })), false), None);
    }
}
