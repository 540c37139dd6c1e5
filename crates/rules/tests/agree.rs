//! The plain meaning and the fast engine agree, on generated rules and devices.

use proptest::prelude::*;
use rules::engine::{Fleet, Program, Table};
use rules::{Fact, Facts, Kind, holds, parse, property};

/// The time of these tests.
const NOW: i64 = 1_790_000_000;

fn leaf() -> impl Strategy<Value = String> {
    let texts = prop::sample::select(vec!["Surface", "surface book", "VM", "x", ""]);
    let text_operators = prop::sample::select(vec![
        "eq",
        "ne",
        "startsWith",
        "notStartsWith",
        "endsWith",
        "notEndsWith",
        "contains",
        "notContains",
    ]);
    let order = prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let fields = prop::sample::select(vec!["deviceModel", "deviceCategory", "systemLabels"]);
    prop_oneof![
        (fields.clone(), text_operators.clone(), texts.clone())
            .prop_map(|(field, operator, text)| format!("device.{field} -{operator} \"{text}\"")),
        (fields.clone(), prop::bool::ANY)
            .prop_map(|(field, is)| format!("device.{field} -{} null", if is { "eq" } else { "ne" })),
        fields.prop_map(|field| format!("device.{field} -notIn [\"VM\", \"surface\"]")),
        Just("device.deviceModel -match \"^s.*k$\"".to_owned()),
        (text_operators, texts, prop::bool::ANY).prop_map(|(operator, text, every)| {
            format!("device.systemLabels -{} (-not (_ -{operator} \"{text}\"))", if every { "all" } else { "any" })
        }),
        (order.clone(), 0..4_i64).prop_map(|(operator, count)| format!("device.snapshotCount -{operator} {count}")),
        (order.clone(), 0..3_u32)
            .prop_map(|(operator, day)| format!("device.lastBackupAt -{operator} system.now -minus p{day}d")),
        order
            .prop_filter("text", |word| word.len() == 2 && *word != "eq" && *word != "ne")
            .prop_map(|operator| format!("device.deviceOSVersion -{operator} 10.0.22000")),
        prop::bool::ANY.prop_map(|yes| format!("device.restorable -ne {yes}")),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| format!("-not ({rule})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) -and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} or ({b})")),
        ]
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let text =
        || prop::option::of(prop::sample::select(vec!["Surface Book", "surface", "VM", "10.0.22631", "10.0.9200"]));
    let labels = prop::collection::vec(prop::sample::select(vec!["VM", "Surface", ""]), 0..3);
    (
        text(),
        text(),
        text(),
        labels,
        prop::option::of(0..4_i64),
        prop::option::of(0..3_i64),
        prop::option::of(prop::bool::ANY),
    )
        .prop_map(|(model, category, version, labels, count, day, restorable)| {
            let mut facts = Facts::new();
            let mut set = |name: &str, value: Option<Fact>| {
                let fact = property::find(Kind::Device, name).expect("a known property").fact();
                if let Some(value) = value {
                    facts.set(fact, value);
                }
            };
            let text = |text: &str| Fact::Text(text.to_owned());
            set("device.deviceModel", model.map(text));
            set("device.deviceCategory", category.map(text));
            set("device.deviceOSVersion", version.map(text));
            set("device.systemLabels", Some(Fact::Texts(labels.into_iter().map(str::to_owned).collect())));
            set("device.snapshotCount", count.map(Fact::Number));
            set("device.lastBackupAt", day.map(|day| Fact::Number(NOW - day * 86_400)));
            set("device.restorable", restorable.map(Fact::Bool));
            facts
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn engine_and_meaning_agree(
        texts in prop::collection::vec(rule(), 1..6),
        rows in prop::collection::vec(facts(), 1..150),
        anew in facts(),
    ) {
        let rules: Vec<_> = texts.iter().map(|text| parse(Kind::Device, text).expect("a generated rule is right")).collect();
        let mut table = Table::new();
        let mut fleet = Fleet::new();
        for row in &rows {
            table.push(row);
        }
        let program = Program::new(&rules, &table, NOW);
        for (place, (rule, bits)) in rules.iter().zip(program.run(&table)).enumerate() {
            // The canonical spelling is a fixed point.
            prop_assert_eq!(&parse(Kind::Device, &rule.to_string()).expect("canonical"), rule);
            for (row, facts) in rows.iter().enumerate() {
                let meant = holds(rule, facts, NOW);
                prop_assert_eq!(bits.has(row), meant, "{} of {:?}", rule, facts);
                prop_assert_eq!(program.holds(place, &table, row), meant);
            }
            prop_assert_eq!(bits.rows().count(), bits.count());
        }
        // Kept up to date, it is what it would be from the beginning.
        for (key, rule) in (0..).zip(&rules) {
            fleet.put_rule(key, rule.clone(), NOW);
        }
        for row in &rows {
            fleet.push(row.clone(), NOW);
        }
        fleet.update(0, anew.clone(), NOW);
        for (key, rule) in (0..).zip(&rules) {
            let members = fleet.members(key).expect("it was put in");
            prop_assert_eq!(members.has(0), holds(rule, &anew, NOW));
            prop_assert_eq!(fleet.preview(rule, NOW), members.count());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~–“`]{0,80}") {
        for kind in [Kind::User, Kind::Device, Kind::Filter] {
            match parse(kind, &text) {
                Ok(rule) => prop_assert_eq!(parse(kind, &rule.to_string()).expect("canonical"), rule),
                Err(error) => prop_assert!(!error.hint().is_empty() && !error.pointed(&text).is_empty()),
            }
        }
    }
}

#[test]
fn a_change_asks_only_the_rules_that_it_touches() {
    let mut fleet = Fleet::new();
    let rule = |text| parse(Kind::Device, text).unwrap();
    fleet.put_rule(1, rule("device.deviceModel -eq \"VM\""), NOW);
    fleet.put_rule(2, rule("device.snapshotCount -gt 1"), NOW);
    let facts = |count: i64| {
        Facts::from_json(Kind::Device, &serde_json::json!({ "deviceModel": "VM", "snapshotCount": count })).unwrap()
    };
    let (row, moved) = fleet.push(facts(1), NOW);
    assert_eq!((moved.joined.as_slice(), moved.asked), ([1].as_slice(), 2));
    let moved = fleet.update(row, facts(2), NOW);
    assert_eq!((moved.joined.as_slice(), moved.asked), ([2].as_slice(), 1));
    assert_eq!(fleet.update(row, facts(2), NOW).asked, 0);
    assert_eq!(fleet.update(row, facts(0), NOW).left, [2]);
}

/// More devices than a column has codes for: names, ids and times stand row by row then, and mean the same.
#[test]
fn values_that_no_two_devices_share_are_asked_as_any_others() {
    let fact = |name: &str| property::find(Kind::Device, name).unwrap().fact();
    let (id, object) = (fact("device.deviceId"), fact("device.objectId"));
    let (name, backup, model) = (fact("device.displayName"), fact("device.lastBackupAt"), fact("device.deviceModel"));
    let mut table = Table::with_same(object, id);
    let all: Vec<Facts> = (0..70_000_i64)
        .map(|row| {
            let mut facts = Facts::new();
            for of in [id, object] {
                facts.set(of, Fact::Text(format!("{row:016x}{:016x}", row * 7919)));
            }
            if row % 31 != 3 {
                facts.set(name, Fact::Text(format!("PC-{row}")));
                facts.set(backup, Fact::Number(NOW - row * 60));
            }
            facts.set(model, Fact::Text(format!("Model {}", row % 400)));
            table.push(&facts);
            facts
        })
        .collect();
    let rules = [
        "device.displayName -contains \"77\"",
        "device.displayName -eq null",
        "device.displayName -notIn [\"pc-5\", \"PC-69999\"]",
        "device.displayName -match \"^pc-1.*9$\" and device.deviceModel -ne \"model 7\"",
        "device.lastBackupAt -ge system.now -minus p20d",
        "-not (device.lastBackupAt -lt system.now -minus p3d)",
        "device.objectId -startsWith \"00000000000000ff\" or device.deviceId -endsWith \"ff\"",
        "device.objectId -eq null",
    ]
    .map(|text| parse(Kind::Device, text).unwrap());
    let program = Program::new(&rules, &table, NOW);
    for (place, (rule, bits)) in rules.iter().zip(program.run(&table)).enumerate() {
        for (row, facts) in all.iter().enumerate() {
            let plain = holds(rule, facts, NOW);
            assert_eq!((bits.has(row), program.holds(place, &table, row)), (plain, plain), "rule {place}, row {row}");
        }
    }
}
