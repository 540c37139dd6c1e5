//! Policies in the console as a browser meets them, without a script: the five steps, back and forth, sent twice, after the session has ended, changed by two people at once; switched,
//! taken back, deleted; enrollment options; commands; what if; which PC needs which update.

use crate::people::browser::{Browser, as_fields, hidden};
use crate::support::{Live, PASSWORD, Pc, Place};
use model::permission::BuiltIn;
use serde_json::{Value, json};

const NAME: &str = "WIN – DVC – Enable Windows Backup";

/// A server with its owner ada and a PC of hers.
fn world() -> (Place, Live, Pc) {
    let place = Place::new();
    let live = place.serve_off();
    live.make_owner("default/ada");
    let pc = live.enroll("ada", "OFFICE-PC");
    (place, live, pc)
}

fn as_ada(live: &Live) -> Browser<'_> {
    let browser = Browser::new(live);
    assert_eq!(browser.sign_in("default", "ada", PASSWORD).status, 303);
    browser
}

/// Fills in the step that an address shows, and gives where its button leads.
fn step(browser: &Browser<'_>, address: &str, fields: &[(&str, &str)]) -> String {
    browser.fill(address, address, fields).leads_to()
}

/// Goes through all five steps up to the last, and gives its address.
fn drafted(browser: &Browser<'_>) -> String {
    let basics = browser.get("/console/policies/new").leads_to();
    let settings =
        step(browser, &basics, &[("name", NAME), ("description", "for all"), ("priority", ""), ("go", "next")]);
    assert!(settings.ends_with("?step=settings"), "{settings}");
    let tags =
        step(browser, &settings, &[("set.backup.enabled", "on"), ("set.backup.interval_hours", "24"), ("go", "next")]);
    let assignments = step(browser, &tags, &[("go", "next")]);
    assert!(assignments.ends_with("?step=assignments"), "{assignments}");
    step(browser, &assignments, &[("all_devices", "on"), ("go", "next")])
}

fn policies(live: &Live) -> Vec<Value> {
    let all: Value = live.get("/api/v1/policies", &live.sign_in("default/ada")).json();
    all["items"].as_array().unwrap().clone()
}

fn check_in(live: &Live, pc: &Pc, body: &Value) -> Value {
    let answer = live.ask("POST", "/api/v1/check-in", pc, &[], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A PC says its facts, takes the policy, and says that it has it.
fn takes_part(live: &Live, pc: &Pc, build: u32, revision: u32) {
    let facts = json!({"build": build, "revision": revision, "display_version": "24H2", "join": "entra"});
    let told = check_in(live, pc, &json!({"facts_mark": "1", "facts": facts}));
    let mark = told["policy"]["mark"].as_str().unwrap_or_default().to_owned();
    check_in(live, pc, &json!({"facts_mark": "1", "policy_mark": mark}));
}

#[test]
fn a_policy_is_made_in_five_steps_and_sent_twice_it_is_made_once() {
    let (_place, live, pc) = world();
    let browser = as_ada(&live);
    assert!(browser.get("/console/policies").text().contains("No policy yet"));
    let review = drafted(&browser);
    let page = browser.get(&review).text();
    for text in
        [NAME, "for all", "Applies to 1 device, 0 excluded, 0 already have another policy.", "24 hours", "All devices"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("--set backup.enabled=true") || page.contains("backup.enabled=true"), "{page}");
    // The way back finds what was said, whichever way it is gone.
    let settings = review.replace("review", "settings");
    assert!(browser.get(&settings).text().contains("name=\"set.backup.interval_hours\" value=\"24\""));
    let form = hidden(&page);
    let mut fields = as_fields(&form);
    fields.extend([("enabled", "on"), ("go", "create")]);
    let first = browser.post(&review, &fields).leads_to();
    let second = browser.post(&review, &fields).leads_to();
    let id = policies(&live)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(first, format!("/console/policies/{id}?done=created"));
    assert_eq!(second, format!("/console/policies/{id}?done=changed"));
    assert_eq!((policies(&live).len(), policies(&live)[0]["version"].as_u64()), (1, Some(1)));
    assert_eq!(policies(&live)[0]["terms"]["enabled"], true);

    takes_part(&live, &pc, 26100, 4946);
    let list = browser.get("/console/policies").text();
    let row = list.split_once(NAME).unwrap().1.split_once("</tr>").unwrap().0;
    let counts: Vec<&str> =
        row.split("<td class=\"num\">").skip(2).map(|cell| cell.split('<').next().unwrap()).collect();
    assert_eq!(counts, ["1", "0", "0", "0", "0"], "{row}");
    let shown = browser.get(&first).text();
    assert!(shown.contains("OFFICE-PC") && shown.contains(">Succeeded<"), "{shown}");
    // Each number leads to its PCs.
    let in_state = |word: &str| {
        assert!(shown.contains(&format!("href=\"/console/policies/{id}?state={word}#devices\"")), "{shown}");
        let page = browser.get(&format!("/console/policies/{id}?state={word}")).text();
        page.split_once("id=\"devices\"").unwrap().1.contains("OFFICE-PC")
    };
    assert!(in_state("succeeded") && !in_state("error") && !in_state("pending"));
    let devices = browser.get("/console/devices?cols=windows.join.model").text();
    assert!(devices.contains("<td class=\"tight\">26100.4946</td>"), "{devices}");
    let csv = browser.get("/console/policies.csv").text();
    assert!(csv.lines().nth(1).unwrap().ends_with(",1,0,0,0,0"), "{csv}");
}

#[test]
fn what_cannot_be_is_shown_where_it_was_typed_and_the_rest_is_kept() {
    let (_place, live, _) = world();
    let browser = as_ada(&live);
    let basics = browser.get("/console/policies/new").leads_to();
    let answer =
        browser.fill(&basics, &basics, &[("name", " "), ("description", "kept"), ("priority", "x"), ("go", "next")]);
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("value=\"x\"") && answer.text().contains("kept"), "{}", answer.text());
    let settings = step(&browser, &basics, &[("name", "P"), ("priority", ""), ("go", "next")]);
    let wrong = browser.fill(
        &settings,
        &settings,
        &[("set.backup.interval_hours", "0"), ("set.restore.mode", "off"), ("go", "next")],
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("aria-invalid=\"true\"") && wrong.text().contains("value=\"0\""));
    let page = browser.get(&settings).text();
    assert!(page.contains("<option value=\"off\" selected>Nothing at first sign-in"), "{page}");
    // Found by words, of which Enter makes a search.
    let found = step(&browser, &settings, &[("q", "metered"), ("go", "enter")]);
    let page = browser.get(&found).text();
    assert!(page.contains("set.backup.metered") && !page.contains("set.restore.mode"), "{page}");
    assert!(step(&browser, &found, &[("go", "assignments")]).ends_with("?step=assignments"));
    assert!(browser.get(&settings).text().contains("<option value=\"off\" selected>Nothing at first sign-in"));
    // Thrown away, it is gone, and says so.
    assert_eq!(step(&browser, &settings, &[("go", "discard")]), "/console/policies");
    let gone = browser.get(&settings);
    assert!(gone.status == 404 && gone.text().contains("not there any more"), "{}", gone.text());
    assert!(policies(&live).is_empty());
}

#[test]
fn a_session_that_ends_in_mid_form_loses_nothing() {
    let (_place, live, _) = world();
    let browser = as_ada(&live);
    let basics = browser.get("/console/policies/new").leads_to();
    step(&browser, &basics, &[("name", "first"), ("go", "next")]);
    let form = hidden(&browser.get(&basics).text());
    browser.cookies.take();
    let mut fields = as_fields(&form);
    fields.extend([("name", "second <b>"), ("description", "long words"), ("go", "next")]);
    let away = browser.post(&basics, &fields).leads_to();
    let back = crate::people::browser::field(&away, "return_to");
    assert!(away.starts_with("/login?") && back.starts_with(&basics) && back.contains("&parked="), "{away}");
    // Somebody else with the way back sees nothing of it.
    live.give("default/bob", BuiltIn::Admin);
    let other = Browser::new(&live);
    other.sign_in("default", "bob", PASSWORD);
    assert_eq!(other.get(&back).status, 404);

    let again = as_ada(&live);
    assert!(!again.get(&back).text().contains("second"), "nor do they in another browser");
    browser.sign_in("default", "ada", PASSWORD);
    let again = browser;
    let page = again.get(&back).text();
    assert!(page.contains("value=\"second &#60;b&#62;\"") && page.contains("long words"), "{page}");
    assert!(page.contains("Your session had ended"));
    assert!(again.get(&basics).text().contains("value=\"first\""), "not taken over by itself");
    step(&again, &back, &[("name", "second <b>"), ("go", "next")]);
    assert!(again.get(&basics).text().contains("value=\"second &#60;b&#62;\""));
}

#[test]
fn two_people_who_change_the_same_policy_hear_of_each_other() {
    let (_place, live, _) = world();
    let browser = as_ada(&live);
    let review = drafted(&browser);
    let made = step(&browser, &review, &[("go", "create")]);
    let id = policies(&live)[0]["id"].as_str().unwrap().to_owned();
    assert!(browser.get(&made).text().contains("The policy is made."));
    let edit = format!("/console/policies/new?of={id}");
    let (mine, theirs) = (browser.get(&edit).leads_to(), browser.get(&edit).leads_to());
    step(&browser, &mine, &[("name", "mine"), ("go", "next")]);
    step(&browser, &theirs, &[("name", "theirs"), ("go", "next")]);
    let last = |address: &str| address.replace("basics", "review");
    assert!(step(&browser, &last(&theirs), &[("go", "create")]).ends_with("done=changed"));
    let clash = browser.fill(&last(&mine), &last(&mine), &[("go", "create")]);
    let text = clash.text();
    assert_eq!(clash.status, 412, "{text}");
    assert!(text.contains("<code>changed_meanwhile</code>") && text.contains("<del>theirs</del>"), "{text}");
    assert!(step(&browser, &last(&mine), &[("go", "create")]).ends_with("done=changed"));
    assert_eq!(policies(&live)[0]["terms"]["name"], "mine");

    // The history says who did what, and leads back.
    let history = format!("/console/policies/{id}/history");
    let text = browser.get(&history).text();
    assert!(text.contains("Version 3") && text.contains("<del>theirs</del>") && text.contains("ada"), "{text}");
    let ask = format!("/console/policies/{id}/roll-back?to=1");
    assert!(browser.get(&ask).text().contains(&format!("<ins>{NAME}</ins>")));
    let back = format!("/console/policies/{id}/roll-back");
    for _ in 0..2 {
        assert!(browser.fill(&ask, &back, &[]).leads_to().ends_with("done=rolled_back"));
    }
    let now = &policies(&live)[0];
    assert_eq!((now["terms"]["name"].as_str(), now["version"].as_u64()), (Some(NAME), Some(4)), "twice is once");
}

#[test]
fn a_policy_is_copied_switched_and_deleted_after_asking() {
    let (_place, live, _) = world();
    let browser = as_ada(&live);
    let review = drafted(&browser);
    step(&browser, &review, &[("enabled", "on"), ("go", "create")]);
    let id = policies(&live)[0]["id"].as_str().unwrap().to_owned();
    let page = format!("/console/policies/{id}");
    let copy = browser.get(&format!("/console/policies/new?copy={id}")).leads_to();
    assert!(browser.get(&copy).text().contains(&format!("value=\"Copy of {NAME}\"")));
    step(&browser, &copy.replace("basics", "review"), &[("go", "create")]);
    let all = policies(&live);
    assert_eq!((all.len(), all[1]["terms"]["enabled"].as_bool()), (2, Some(false)));

    let switch = format!("{page}/switch");
    assert!(browser.get(&switch).text().contains("Applies to 1 device"));
    for _ in 0..2 {
        assert!(browser.fill(&switch, &switch, &[("to", "off")]).leads_to().ends_with("done=off"));
    }
    assert_eq!(policies(&live)[0]["version"], 2);
    let delete = format!("{page}/delete");
    let text = browser.get(&delete).text();
    assert!(text.contains("It is switched off") && text.contains("history of 2 versions"), "{text}");
    let form = hidden(&text);
    let fields = as_fields(&form);
    for _ in 0..2 {
        assert_eq!(browser.post(&delete, &fields).leads_to(), "/console/policies?done=deleted");
    }
    assert_eq!((policies(&live).len(), browser.get(&page).status), (1, 404));
}

#[test]
fn assignments_find_people_and_devices_and_say_at_once_how_many() {
    let (_place, live, pc) = world();
    let browser = as_ada(&live);
    let group = json!({"name": "sales", "members": [pc.user]}).to_string();
    let made = live.ask("POST", "/api/v1/groups", &live.sign_in("default/ada"), &[], group.as_bytes());
    let group = made.json::<Value>()["id"].as_str().unwrap().to_owned();
    let basics = browser.get("/console/policies/new").leads_to();
    let assignments = basics.replace("basics", "assignments");
    let found = step(&browser, &assignments, &[("q", "office"), ("go", "stay")]);
    let text = browser.get(&found).text();
    assert!(text.contains(&format!("name=\"device.{}\"", pc.device)) && text.contains("OFFICE-PC (ada)"), "{text}");
    // As the script asks while somebody chooses: nothing is kept.
    let reach = format!("{}/reach", basics.split('?').next().unwrap());
    let (everybody, but) = (("all_devices", "on"), format!("group.{group}"));
    let answer = browser.fill(&assignments, &reach, &[everybody, (&but, "out")]);
    assert_eq!(answer.text(), "Applies to 0 devices, 1 excluded, 0 already have another policy.");
    assert!(browser.get(&assignments).text().contains("Applies to 0 devices, 0 excluded"));
    let only = format!("device.{}", pc.device);
    step(&browser, &assignments, &[(&only, "in"), ("go", "next")]);
    assert!(browser.get(&assignments).text().contains("Applies to 1 device, 0 excluded"));
    let german = browser.get(&assignments).text();
    assert!(german.contains("<option value=\"in\" selected>"), "{german}");
}

#[test]
fn the_restore_page_is_switched_for_everybody_and_by_group() {
    let (_place, live, pc) = world();
    let browser = as_ada(&live);
    let group = json!({"name": "sales", "members": [pc.user]}).to_string();
    let made = live.ask("POST", "/api/v1/groups", &live.sign_in("default/ada"), &[], group.as_bytes());
    let group = format!("group.{}", made.json::<Value>()["id"].as_str().unwrap());
    let page = "/console/enrollment";
    let stale = hidden(&browser.get(page).text());
    for _ in 0..2 {
        let fields = [("show", "on"), (group.as_str(), "off")];
        assert_eq!(browser.fill(page, page, &fields).leads_to(), "/console/enrollment?done=saved");
    }
    let options: Value = live.get("/api/v1/enrollment-options", &live.sign_in("default/ada")).json();
    assert_eq!(options["show_restore_page"], "on");
    assert_eq!(options["off_for_groups"].as_array().unwrap().len(), 1);
    // From a page that was opened before: told, and what was chosen is shown.
    let mut old = as_fields(&stale);
    old.push(("show", "off"));
    let clash = browser.post(page, &old);
    assert_eq!(clash.status, 412, "{}", clash.text());
    assert!(clash.text().contains("<code>changed_meanwhile</code>"));
    let device = browser.get(&format!("/console/devices/{}", pc.device)).text();
    assert!(device.contains("Enrollment options") && device.contains("<code>restore.page</code>"), "{device}");
}

#[test]
fn a_device_shows_what_holds_who_set_it_and_what_it_was_asked() {
    let (_place, live, pc) = world();
    let browser = as_ada(&live);
    let settings = json!({"backup.interval_hours": 24, "restore.mode": "off"});
    for (name, settings) in [("strong", settings), ("weak", json!({"restore.mode": "ask"}))] {
        let body = json!({"name": name, "enabled": true, "settings": settings, "assignments": {"all_devices": true}});
        live.ask("POST", "/api/v1/policies", &live.sign_in("default/ada"), &[], body.to_string().as_bytes());
    }
    let facts = json!({"build": 26100, "revision": 1, "join": "entra",
        "local": [{"setting": "backup.interval_hours", "by": "machine", "value": 12}]});
    check_in(&live, &pc, &json!({"facts_mark": "1", "facts": facts}));
    let device = format!("/console/devices/{}", pc.device);
    let text = browser.get(&device).text();
    let row = |id: &str| {
        let (_, after) = text.split_once(&format!("<code>{id}</code></span></th>")).unwrap();
        after.split_once("</tr>").unwrap().0.to_owned()
    };
    let hours = row("backup.interval_hours");
    assert!(
        hours.contains("24 hours") && hours.contains("<strong>12 hours</strong>") && hours.contains("PC policy"),
        "{hours}"
    );
    let mode = row("restore.mode");
    assert!(mode.contains(">strong<") && mode.contains(">Conflict<") && mode.contains(">weak<"), "{mode}");
    assert!(text.contains("<code>build_too_old</code>") && text.contains("Not applicable"), "{text}");

    let command = format!("{device}/command");
    for _ in 0..2 {
        let done = browser.fill(&device, &command, &[("order", "back_up")]).leads_to();
        assert_eq!(done, format!("{device}?done=ordered#commands"));
    }
    let text = browser.get(&device).text();
    assert_eq!(text.matches("waits for the check-in").count(), 1, "asked twice is asked once: {text}");
    let told = check_in(&live, &pc, &json!({"facts_mark": "1"}));
    let id = told["commands"][0]["id"].as_str().unwrap_or_default().to_owned();
    let text = browser.get(&device).text();
    assert!(text.contains(">on the PC<"), "{told}: {text}");
    check_in(&live, &pc, &json!({"facts_mark": "1", "done": [{"command": id, "outcome": "metered_network"}]}));
    assert!(browser.get(&device).text().contains("<code>metered_network</code>"));
    assert_eq!(browser.fill(&device, &command, &[("order", "format_c")]).status, 400);
}

#[test]
fn what_if_and_the_report_say_which_update_is_missing() {
    let (_place, live, pc) = world();
    let browser = as_ada(&live);
    assert!(browser.get("/console/eligibility").text().contains("No PC has said yet"));
    takes_part(&live, &pc, 26100, 4000);
    let text = browser.get("/console/eligibility").text();
    assert!(text.contains("<code>26100.4000</code>") && text.contains("26100.4946 (Windows 11 24H2)"), "{text}");
    let csv = browser.get("/console/eligibility.csv").text();
    assert!(
        csv.lines().nth(1).unwrap().ends_with("OFFICE-PC,ada,26100.4000,26100.4946,26100.4770,26100.7922"),
        "{csv}"
    );
    let found = browser.get("/console/what-if?q=office").text();
    let this = format!("/console/what-if?device={}", pc.device);
    assert!(found.contains(&this), "{found}");
    let text = browser.get(&this).text();
    assert!(text.contains("<code>build_too_old</code>") && text.contains("<code>no_profile</code>"), "{text}");
    let said = "The person has no backup on another PC. Run <code>rehome backup</code> on the old PC first.";
    assert!(text.contains(&format!("{said} <code>no_profile</code>")), "a sentence, then its code: {text}");
    let new = "/console/what-if?facts=1&build=10.0.26100.7922&join=workgroup&user=ada";
    let off = "No policy of the server switches backups on";
    assert!(browser.get(new).text().contains("No policy of your organisation switches backups on for this PC."));
    assert!(browser.get("/console").text().contains(off), "the first page says why nothing comes");
    live.switch_backups_on("default");
    let text = browser.get(new).text();
    assert!(text.contains("Nothing speaks against it."), "{text}");
    assert!(!browser.get("/console").text().contains(off));
    assert!(browser.get("/console/what-if?facts=1&build=x").text().contains("A build looks like"));
    assert!(browser.get("/console/what-if?facts=1&user=nobody").text().contains("Nobody whom you see"));
}

#[test]
fn who_may_only_read_policies_is_offered_no_change() {
    let (_place, live, _) = world();
    let browser = as_ada(&live);
    let review = drafted(&browser);
    step(&browser, &review, &[("go", "create")]);
    let id = policies(&live)[0]["id"].as_str().unwrap().to_owned();
    live.give("default/bob", BuiltIn::Auditor);
    let reader = Browser::new(&live);
    reader.sign_in("default", "bob", PASSWORD);
    for path in
        ["/console/policies".to_owned(), format!("/console/policies/{id}"), format!("/console/policies/{id}/history")]
    {
        let text = reader.get(&path).text();
        assert!(
            text.contains("<h1>")
                && !text.contains("/policies/new")
                && !text.contains("/delete\"")
                && !text.contains("/roll-back"),
            "{path}: {text}"
        );
    }
    assert!(!reader.get("/console/enrollment").text().contains("<button>Save"));
    for path in ["/console/policies/new".to_owned(), review, format!("/console/policies/{id}/delete")] {
        assert_eq!(reader.get(&path).status, 403, "{path}");
    }
}

#[test]
fn a_group_by_rule_is_made_with_its_rule_looked_at_and_says_why_somebody_is_in() {
    let (_place, live, pc) = world();
    let facts = json!({"build": 26100, "revision": 4946, "join": "entra", "model": "Surface Pro"});
    check_in(&live, &pc, &json!({"facts_mark": "1", "facts": facts}));
    let browser = as_ada(&live);
    assert!(browser.get("/console/groups").text().contains("No group yet"));
    let new = "/console/groups/new";
    let wrong = [("name", "surfaces"), ("of", "devices"), ("dynamic", "1"), ("rule", "device.deviceModel -equals 'x'")];
    let looked = browser.fill(new, new, &[&wrong[..], &[("go", "check")]].concat());
    assert!(
        looked.text().contains("Column 20: There is no operator") && looked.text().contains("aria-invalid"),
        "{}",
        looked.text()
    );
    let refused = browser.fill(new, new, &[&wrong[..], &[("go", "save")]].concat());
    assert!(refused.status >= 400 && refused.text().contains("<code>rule_invalid</code>"), "{}", refused.text());
    let right = [wrong[0], wrong[1], wrong[2], ("rule", "device.deviceModel -startsWith \"Surface\"")];
    let said = browser.fill(new, "/console/groups/check", &right);
    assert_eq!(said.text(), "Takes 1 of 1. OFFICE-PC");
    let form = hidden(&browser.get(new).text());
    let mut fields = as_fields(&form);
    fields.extend(right);
    fields.push(("go", "save"));
    let made = browser.post(new, &fields).leads_to();
    assert_eq!(browser.post(new, &fields).leads_to(), made, "sent twice it is made once");
    let page = made.split('?').next().unwrap().to_owned();
    let text = browser.get(&format!("{page}?why={}", pc.device)).text();
    assert!(text.contains("OFFICE-PC") && text.contains("surface pro"), "{text}");
    assert_eq!(browser.get("/console/groups").text().matches(">surfaces<").count(), 1);
    let edit = format!("{page}/edit");
    let edited = browser.fill(&edit, &edit, &[("name", "tablets"), right[2], right[3], ("go", "save")]);
    assert!(edited.status == 303, "{}", edited.text());
    let delete = format!("{page}/delete");
    assert_eq!(browser.fill(&delete, &delete, &[]).leads_to(), "/console/groups?done=deleted");
    assert!(browser.get("/console/groups").text().contains("No group yet"));
}

#[test]
fn a_filter_is_made_and_narrows_an_assignment() {
    let (_place, live, pc) = world();
    let facts = json!({"build": 26100, "revision": 4946, "model": "Surface Pro"});
    check_in(&live, &pc, &json!({"facts_mark": "1", "facts": facts}));
    let browser = as_ada(&live);
    let new = "/console/filters/new";
    let fields = [("name", "surfaces"), ("rule", "(device.model -eq \"Surface Pro\")"), ("go", "save")];
    assert_eq!(browser.fill(new, new, &fields).leads_to(), "/console/filters?done=created");
    let list = browser.get("/console/filters").text();
    let page =
        list.split("href=\"").find(|link| link.starts_with("/console/filters/") && !link.contains("new\"")).unwrap();
    let page = page.split('"').next().unwrap().to_owned();
    let id = page.rsplit('/').next().unwrap().to_owned();
    let assignments = browser.get("/console/policies/new").leads_to().replace("basics", "assignments");
    let not_those = format!("exclude.{id}");
    let chosen = [("all_devices", "on"), ("beside.all_devices", not_those.as_str()), ("go", "stay")];
    step(&browser, &assignments, &chosen);
    let text = browser.get(&assignments).text();
    assert!(
        text.contains("Applies to 0 devices") && text.contains(&format!("value=\"{not_those}\" selected")),
        "{text}"
    );
    assert!(browser.get(&page).text().contains("Takes 1 of 1."));
    let delete = format!("{page}/delete");
    assert_eq!(browser.fill(&delete, &delete, &[]).leads_to(), "/console/filters?done=deleted");
}
