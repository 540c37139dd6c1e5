//! What keeps a PC's own key where Windows has no TPM for it: a record that DPAPI encrypts. (Wine makes no keys
//! of the kind that Windows' own store does, so this is what every PC under Wine has.)

use serde_json::Value;

use super::prefix::Prefix;
use crate::harness::World;

#[test]
fn the_key_lies_encrypted_and_what_is_no_key_any_more_is_refused_and_not_replaced() {
    let world = World::new();
    let Some(pc) = Prefix::enrolled(&world, "PC") else { return };
    let file = pc.person().join("AppData/Local/Rehome/default/enrolment.json");
    let whole = std::fs::read_to_string(&file).unwrap();
    let known: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!((&known["key"]["store"], &known["key"]["level"]), (&"dpapi".into(), &"file".into()));
    let record = known["key"]["record"].as_str().unwrap();
    // What a private key in the clear begins with: the sequence of PKCS #8 with the curve's name (RFC 5958, RFC 5480).
    assert!(!record.contains("301306072a8648ce3d020106082a8648ce3d030107"), "{record}");

    let cut = &record[..record.len() - 64];
    let garbage = "00".repeat(record.len() / 2);
    let exchanged = format!("{}{}", &record[..record.len() - 2], if record.ends_with("00") { "01" } else { "00" });
    for damaged in [cut, &garbage, &exchanged, "", "no digits"] {
        std::fs::write(&file, whole.replace(record, damaged)).unwrap();
        pc.rehome(&["backup"]).refused(8, &["rehome enroll"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), whole.replace(record, damaged), "it is left as it is");
    }
    std::fs::write(&file, &whole).unwrap();
    pc.rehome(&["backup"]).ok();

    // A PC that is connected anew has a key of its own.
    pc.enroll(&world, "ada", "PC");
    let known: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_ne!(known["key"]["record"], *record);
    pc.rehome(&["backup"]).ok();
}
