//! Reading the documents of `rehome --json`. What is not there, or of another shape, reads as nothing: a newer or older program beside the window costs a
//! line, and never the window.

use model::catalog::{self, Category};
use model::reason::Reason;
use serde_json::Value;

use super::explained;
use crate::call::Problem;
use crate::texts::Texts;

/// The longest text of an old PC's making that is shown, in characters.
const TEXT_CHARS_MAX: usize = 100;

/// What an old PC or a server calls something, on one line and of bounded length: it goes into a label. Marks that turn the direction of writing around
/// go too: a name could otherwise rearrange what stands beside it (Unicode, UAX #9, explicit directional formatting).
pub(super) fn tame(text: &str) -> String {
    let turns =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|letter| !letter.is_control() && !turns(*letter)).take(TEXT_CHARS_MAX).collect()
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().map(tame).unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

/// Why something was left alone, in the words of its code; a code of a newer program stays as it is.
pub(super) fn reason(texts: &Texts, value: &Value) -> String {
    let code = text(value, "reason");
    let title = texts.reason(&code).map(|(title, _)| title).or_else(|| Some(Reason::from_code(&code)?.title()));
    title.map_or(code, sentence)
}

/// Why something was left alone and what the person does about it, in the words of its code.
pub(super) fn reason_and_next(texts: &Texts, value: &Value) -> String {
    let code = text(value, "reason");
    let (message, hint) = Reason::from_code(&code).map_or((&*code, ""), |reason| (reason.title(), reason.next()));
    let problem = Problem { message: message.to_owned(), hint: hint.to_owned(), code };
    match explained(texts, &problem) {
        (why, next) if next.is_empty() => why,
        (why, next) => texts.t2("why_and_next", &why, &next),
    }
}

/// Which picture the person chooses themself, and where.
pub(super) fn choose(texts: &Texts, one: &Value) -> (String, String) {
    let effect = text(one, "effect");
    let title = texts.t(&format!("choose.{effect}"));
    if title.starts_with("choose.") {
        return (texts.t("needs.choose"), text(&one["choose"], "page"));
    }
    let page = texts.t(&format!("choose.{effect}_page"));
    // The path is this PC's own and is pasted as a whole.
    let next = match one["choose"]["file"].as_str() {
        Some(file) => texts.t2("needs.choose_file", file, &page),
        None => texts.t1("needs.choose_other", &page),
    };
    (title, next)
}

/// What the command line says, as it begins where it stands alone. A name in quotes stays as it is.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A stored value as a person reads it.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => tame(text),
        other => match serde_json::from_value::<model::value::Value>(other.clone()) {
            Ok(known) => tame(&known.to_string()),
            Err(_) => tame(&other.to_string()),
        },
    }
}

/// Why the backup that the server has is none, of the answer of `rehome status`: the key of the text that says it.
pub(crate) fn harm(status: &Value) -> Option<&'static str> {
    if status["last_backup"]["rehearsal"]["outcome"] == "failed" {
        return Some("backup.damaged");
    }
    (status["on_server"] == "nothing").then_some("backup.lost")
}

/// Why backups fail, of the answer of `rehome schedule status`: a cause that does not pass by itself.
pub(crate) fn obstacle(schedule: &Value) -> Option<Problem> {
    let failure = schedule.get("last_failure").filter(|failure| failure["code"].is_string())?;
    Some(Problem { code: text(failure, "code"), message: text(failure, "message"), hint: text(failure, "hint") })
}

/// The steps of a plan that change a setting.
pub(super) fn changes(document: &Value) -> impl Iterator<Item = &Value> {
    list(&document["plan"], "settings").iter().filter(|step| step["action"] == "set" || step["action"] == "remove")
}

/// The apps of a plan that are installed.
pub(super) fn installs(document: &Value) -> impl Iterator<Item = &Value> {
    list(&document["plan"], "apps").iter().filter(|app| app["action"] == "install")
}

/// What people call an app; without a name, its id.
pub(super) fn app(app: &Value) -> String {
    let name = text(app, "name");
    if name.is_empty() { text(app, "id") } else { name }
}

/// What people call a category; a newer one goes by its word.
pub(super) fn category(texts: &Texts, word: &str) -> String {
    let title = texts.category(word).or_else(|| Some(Category::from_word(word)?.title()));
    title.map_or_else(|| tame(word), str::to_owned)
}

/// What people call what is chosen as one, a category or the apps: in English as it came.
pub(super) fn group(texts: &Texts, value: &Value) -> String {
    match text(value, "group").as_str() {
        "app_list" => texts.t("apps.title"),
        word => texts.category(word).map_or_else(|| text(value, "title"), str::to_owned),
    }
}

/// The category of a setting: the first word of its id.
pub(super) fn category_of(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

/// What people call a setting by its id alone.
pub(super) fn title_of(texts: &Texts, id: &str) -> String {
    let title = texts.setting(id).or_else(|| Some(catalog::find(id)?.title));
    title.map_or_else(|| tame(id), str::to_owned)
}

/// What people call a setting, or what does not come back: in English as it came.
pub(super) fn title(texts: &Texts, value: &Value) -> String {
    texts.setting(&text(value, "id")).map_or_else(|| text(value, "title"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::texts::{ENGLISH, GERMAN};

    #[test]
    fn values_are_read_as_people_say_them() {
        for (stored, said) in [
            (json!({ "type": "bool", "value": true }), "on"),
            (json!({ "type": "int", "value": 12 }), "12"),
            (json!({ "type": "choice", "value": "in_the_centre" }), "in the centre"),
            (json!(null), "–"),
            (json!("words"), "words"),
            (json!({ "type": "of tomorrow" }), r#"{"type":"of tomorrow"}"#),
        ] {
            assert_eq!(literal(&stored), said);
        }
    }

    #[test]
    fn what_is_left_to_the_person_is_said_in_their_language() {
        let row = json!({ "reason": "read_only_target" });
        let said = "Der Ort, an den es soll, ist schreibgeschützt. Fragen Sie, wer diesen Ort verwaltet, oder wählen Sie einen anderen";
        assert_eq!(reason_and_next(&GERMAN, &row), said);
        assert_eq!(reason_and_next(&GERMAN, &json!({ "reason": "of_tomorrow" })), "Of_tomorrow");
        let picture = json!({ "effect": "lock_screen", "choose": { "file": r"C:\a.jpg", "page": "Settings" } });
        let next =
            r"Wählen Sie es in Einstellungen, Personalisierung, Sperrbildschirm aus; gespeichert ist es als C:\a.jpg";
        assert_eq!(choose(&GERMAN, &picture), ("Bild des Sperrbildschirms".to_owned(), next.to_owned()));
    }

    #[test]
    fn a_setting_goes_by_its_name_in_the_persons_language_and_a_newer_one_as_it_came() {
        let known = json!({ "id": "taskbar.alignment", "title": "Taskbar alignment" });
        assert_eq!(title(&ENGLISH, &known), "Taskbar alignment");
        assert_eq!(title(&GERMAN, &known), "Ausrichtung der Taskleiste");
        assert_eq!(title(&GERMAN, &json!({ "id": "of.tomorrow", "title": "Of tomorrow" })), "Of tomorrow");
        assert_eq!(title_of(&GERMAN, "taskbar.alignment"), "Ausrichtung der Taskleiste");
        assert_eq!(title_of(&GERMAN, "of.tomorrow"), "of.tomorrow");
    }

    #[test]
    fn a_name_does_not_turn_the_line_around() {
        assert_eq!(tame("OLD\u{202e}CP\u{2067}-1\n"), "OLDCP-1");
        assert_eq!(tame("מחשב ישן"), "מחשב ישן", "right-to-left letters are letters");
    }
}
