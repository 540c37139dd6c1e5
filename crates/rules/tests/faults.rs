//! What is refused, where, and what is said then.

use rules::limits::{DEPTH_MAX, RULE_CHARS_MAX};
use rules::{Kind, parse};

/// "column: text / hint" of a refusal.
fn refused(kind: Kind, text: &str) -> String {
    let error = parse(kind, text).expect_err(text);
    format!("{error} / {}", error.hint())
}

#[test]
fn a_refusal_names_the_place_the_thing_and_what_to_do() {
    let cases: &[(Kind, &str, &str)] = &[
        (Kind::User, "", "column 1: there is no rule"),
        (Kind::User, "user.departmant -eq \"Sales\"", "column 1: there is no property `user.departmant`"),
        (Kind::User, "user.departmant -eq \"Sales\"", "did you mean `user.department`?"),
        (Kind::Device, "device.model -eq \"x\"", "did you mean `device.deviceModel`?"),
        (
            Kind::User,
            "user.department -startWith \"S\"",
            "column 17: there is no operator `-startWith` / did you mean -startsWith?",
        ),
        (Kind::User, "user.department -eq", "column 20: the rule ends where a value should stand"),
        (Kind::User, "user.department", "column 16: the rule ends where an operator should stand"),
        (
            Kind::User,
            "(user.department -eq \"Sales\") (user.city -eq \"x\")",
            "column 31: `(` follows an expression without -and or -or",
        ),
        (Kind::User, "(user.department -eq \"Sales\"", "column 1: the parenthesis that opens here is not closed"),
        (Kind::User, "user.department -eq \"Sales\")", "column 28: there is nothing that this closes"),
        (Kind::User, "user.department –eq \"Sales\"", "column 17: `–` is not a sign of this language"),
        (
            Kind::User,
            "user.department -eq `\"Sales`\"",
            "column 21: a backtick stands outside a text / leave it out: it is PowerShell's",
        ),
        (Kind::User, "user.department-eq \"Sales\"", "column 16: there is no space before the operator"),
        (Kind::User, "user.department -eq \"Sales", "column 21: the text that begins here does not end"),
        (
            Kind::User,
            "user.department -eq Sales",
            "column 21: `Sales` is not a value of `user.department` / it takes a text in quotes",
        ),
        (Kind::User, "user.accountEnabled -eq \"true\"", "it takes true or false"),
        (Kind::User, "user.department -startsWith null", "column 29: null can be compared with -eq and -ne only"),
        (Kind::User, "user.department -in []", "the list is empty"),
        (Kind::User, "user.department -in \"a\"", "stands where a list in [ ] should stand"),
        (
            Kind::User,
            "user.mail -match \"*@x\"",
            "column 18: the regular expression is not right: repetition operator missing expression",
        ),
        (Kind::User, "user.mail -match \"(?=a)\"", "look-around"),
        (
            Kind::User,
            "device.deviceModel -eq \"x\"",
            "`device.deviceModel` is about a device, and this rule is about a user",
        ),
        (Kind::User, "user.department -any (_ -eq \"x\")", "`user.department` is one value, not several"),
        (Kind::User, "Direct Reports for \"62e19b97\"", "rules for direct reports are not supported"),
        (Kind::User, "user.memberOf -eq \"x\"", "write it as user.memberOf -any"),
        (
            Kind::User,
            "user.memberOf -any (group.objectId -in [\"x\"]) -or user.city -eq \"y\"",
            "column 1: memberOf cannot be combined",
        ),
        (Kind::Filter, "device.deviceOwnership -contains \"Corp\"", "`device.deviceOwnership` takes -eq, -ne"),
        (
            Kind::Filter,
            "device.operatingSystemVersion -gt abc",
            "`abc` is not a value of `device.operatingSystemVersion`",
        ),
        (Kind::Device, "device.lastBackupAt -lt system.now -minus 30", "stands where a duration such as p30d"),
    ];
    each_is_refused(cases);
}

fn each_is_refused(cases: &[(Kind, &str, &str)]) {
    for (kind, text, wanted) in cases {
        let found = refused(*kind, text);
        assert!(found.contains(wanted), "{text}\n  {found}\n  {wanted}");
    }
}

#[test]
fn parentheses_around_a_time_and_names_of_extension_properties_have_their_shape() {
    each_is_refused(&[
        (
            Kind::Device,
            "device.lastBackupAt -lt (system.now -minus p30d",
            "column 25: the parenthesis that opens here is not closed",
        ),
        (Kind::Device, "device.lastBackupAt -lt ((system.now))", "column 26: `(` stands where a value should stand"),
        (Kind::User, "user.city -eq (\"x\")", "column 15: `(` stands where a value should stand"),
        (Kind::User, "user.extension_c272a57b_OfficeNumber -eq \"1\"", "there is no property"),
        (Kind::User, "user.extension_c272a57b722d4eb29bfe327874ae79cb_ -eq \"1\"", "there is no property"),
        (
            Kind::User,
            "user.extension_c272a57b722d4eb29bfe327874ae79cb_OfficeNumber -gt \"1\"",
            "`user.extension_…` cannot be asked with -gt",
        ),
        (
            Kind::Device,
            "user.extension_c272a57b722d4eb29bfe327874ae79cb_OfficeNumber -eq \"1\"",
            "is about a user, and this rule is about a device",
        ),
    ]);
}

#[test]
fn limits_are_told_and_hold_at_their_edge() {
    let filler = |signs: usize| format!("user.city -eq \"{}\"", "x".repeat(signs - 16));
    assert!(parse(Kind::User, &filler(RULE_CHARS_MAX)).is_ok());
    assert!(refused(Kind::User, &filler(RULE_CHARS_MAX + 1)).starts_with("column 3073: the rule has 3073 characters"));
    let nots = |count: usize| format!("{}user.city -eq \"x\"", "-not ".repeat(count));
    assert!(parse(Kind::User, &nots(DEPTH_MAX - 1)).is_ok());
    assert!(refused(Kind::User, &nots(DEPTH_MAX)).contains("deeper"));
    let deep = format!("{}user.city -eq \"x\"{}", "(".repeat(1_500), ")".repeat(1_500));
    assert!(refused(Kind::User, &deep).contains("deeper"));
}

#[test]
fn the_place_is_pointed_at_below_the_rule() {
    let text = "user.department -eq Sales";
    let error = parse(Kind::User, text).unwrap_err();
    assert_eq!(error.pointed(text), "user.department -eq Sales\n                    ^");
    let long = format!("user.city -eq \"{}\" user.mail", "x".repeat(200));
    let pointed = parse(Kind::User, &long).unwrap_err().pointed(&long);
    assert_eq!(pointed.lines().last().unwrap().trim(), "^");
    assert!(pointed.lines().next().unwrap().ends_with("user.mail"));
}

#[test]
fn one_spelling_is_canonical() {
    let cases = [
        (
            Kind::User,
            "USER.CITY EQ 'it''s' OR user.city startswith \"a`\"b``\"",
            "(user.city -eq \"it's\") -or (user.city -startsWith \"a`\"b``\")",
        ),
        (Kind::User, "not not user.mail ne $null", "-not (-not (user.mail -ne null))"),
        (
            Kind::User,
            "user.city -eq \"a\" -or user.city -eq \"b\" -and user.mail -eq \"c\"",
            "(user.city -eq \"a\") -or ((user.city -eq \"b\") -and (user.mail -eq \"c\"))",
        ),
        (
            Kind::Device,
            "device.devicePhysicalIDs -any _ -startsWith\"[ZTDId]\"",
            "device.devicePhysicalIds -any (_ -startsWith \"[ZTDId]\")",
        ),
        (
            Kind::User,
            "user.employeehiredate -ge system.now -plus p1d",
            "user.employeeHireDate -ge system.now -plus p1d",
        ),
        (
            Kind::User,
            "user.employeeHireDate -ge (system.now -minus P30D) and user.city eq 'x'",
            "(user.employeeHireDate -ge system.now -minus p30d) -and (user.city -eq \"x\")",
        ),
        (
            Kind::User,
            "USER.Extension_C272A57B722D4EB29BFE327874AE79CB_OfficeNumber eq '123'",
            "user.extension_c272a57b722d4eb29bfe327874ae79cb_OfficeNumber -eq \"123\"",
        ),
        (
            Kind::Filter,
            "(device.operatingSystemVersion gt 10.0.22000.1000)",
            "device.operatingSystemVersion -gt 10.0.22000.1000",
        ),
    ];
    for (kind, text, canonical) in cases {
        let rule = parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(rule.to_string(), canonical);
        assert_eq!(parse(kind, canonical).as_ref(), Ok(&rule));
    }
}

#[test]
fn a_value_that_can_never_be_is_noted() {
    let rule = parse(Kind::Device, "device.deviceOwnership -eq \"Compony\"").unwrap();
    assert_eq!(rule.notes(), ["`device.deviceOwnership` is never \"Compony\"; did you mean \"Company\"?"]);
}

/// Entra's page about dynamic membership prints such a rule. Nobody has a value, so what denies holds of everybody.
#[test]
fn an_extension_property_of_an_application_is_a_text_without_a_value() {
    let name = "user.extension_c272a57b722d4eb29bfe327874ae79cb_OfficeNumber";
    let texts = ["-eq \"123\"", "-ne \"123\"", "-eq null", "-match \"1\"", "-notIn [\"1\"]"];
    let rules = texts.map(|asked| parse(Kind::User, &format!("{name} {asked}")).unwrap());
    let outcomes = rules.clone().map(|rule| rules::holds(&rule, &rules::Facts::new(), 0));
    assert_eq!(outcomes, [false, true, true, false, true]);
    let mut table = rules::engine::Table::new();
    table.push(&rules::Facts::new());
    let program = rules::engine::Program::new(&rules, &table, 0);
    assert_eq!(program.run(&table).iter().map(|bits| bits.has(0)).collect::<Vec<_>>(), outcomes);
    let lines = rules::explain(&rules[0], &rules::Facts::new(), 0).lines();
    assert_eq!(lines, [format!("no   {name} -eq \"123\"   (it has no value)")]);
}
