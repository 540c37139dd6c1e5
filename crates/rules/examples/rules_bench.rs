//! The yardstick of goals 14 and 15 (`docs/benchmarks.md`): many rules over many PCs, by the engine and by two floors, in turn in one process.
//!
//! `rules_bench PCS RULES ROUNDS` prints, for each round, nanoseconds of one core for each pair of a PC and a rule: an interpreter that walks trees over rows of texts and compares
//! without case (what most would write first), plain loops over columns of numbers (what a machine can do), and the product's engine, compiling included. Then milliseconds of one rule
//! over all PCs, as an editor's preview asks it. Every rule joins three comparisons by `-and`. All three count the same members, or it ends with an error.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a yardstick measures time and prints it")]

use std::hint::black_box;
use std::time::Instant;

use rules::engine::{Program, Table};
use rules::{Fact, FactId, Facts, Kind, property};

/// What the made PCs differ in: property, how many different values.
const PROPERTIES: [(&str, u32); 8] = [
    ("device.deviceManufacturer", 12),
    ("device.deviceModel", 400),
    ("device.operatingSystemSKU", 6),
    ("device.cpuArchitecture", 3),
    ("device.deviceTrustType", 3),
    ("device.enrollmentProfileName", 50),
    ("device.deviceCategory", 20),
    ("device.extensionAttribute1", 1_000),
];

/// Numbers that look random and are the same each time (splitmix64, Steele et al. 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((bits ^ (bits >> 31)) % u64::from(end)).unwrap_or(0)
    }
}

/// A comparison of a property with a value, or its opposite.
#[derive(Clone, Copy)]
struct Made {
    property: usize,
    value: u32,
    denied: bool,
}

enum Node {
    Equal(usize, String),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
}

fn value(property: usize, value: u32) -> String {
    format!("{} value {value}", PROPERTIES[property].0.trim_start_matches("device."))
}

fn interpreted(node: &Node, row: &[String]) -> bool {
    match node {
        Node::Equal(property, value) => row[*property].eq_ignore_ascii_case(value),
        Node::Not(inner) => !interpreted(inner, row),
        Node::And(left, right) => interpreted(left, row) && interpreted(right, row),
    }
}

fn node(tests: &[Made; 3]) -> Node {
    let leaf = |test: &Made| {
        let leaf = Node::Equal(test.property, value(test.property, test.value));
        if test.denied { Node::Not(Box::new(leaf)) } else { leaf }
    };
    let both = Node::And(Box::new(leaf(&tests[0])), Box::new(leaf(&tests[1])));
    Node::And(Box::new(both), Box::new(leaf(&tests[2])))
}

fn text(tests: &[Made; 3]) -> String {
    let one = |test: &Made| {
        let operator = if test.denied { "-ne" } else { "-eq" };
        format!("{} {operator} \"{}\"", PROPERTIES[test.property].0, value(test.property, test.value))
    };
    tests.iter().map(one).collect::<Vec<_>>().join(" -and ")
}

fn by_columns(columns: &[Vec<u32>], rules: &[[Made; 3]]) -> u64 {
    let mut members = 0;
    for [first, second, third] in rules {
        let is = |test: &Made, code: u32| u32::from((code == test.value) != test.denied);
        let rows = columns[first.property].iter().zip(&columns[second.property]).zip(&columns[third.property]);
        members += u64::from(
            rows.map(|((one, two), three)| is(first, *one) & is(second, *two) & is(third, *three)).sum::<u32>(),
        );
    }
    members
}

fn nanos(pairs: f64, watch: Instant) -> f64 {
    watch.elapsed().as_secs_f64() * 1e9 / pairs
}

fn main() {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<u32>().expect("a number"));
    let (pcs, count, rounds) =
        (words.next().unwrap_or(1_000_000), words.next().unwrap_or(200), words.next().unwrap_or(3));
    let mut numbers = Numbers(1);
    let facts: Vec<FactId> = PROPERTIES
        .iter()
        .map(|(name, _)| property::find(Kind::Device, name).expect("a property of the table").fact())
        .collect();
    let (mut table, mut columns) = (Table::new(), vec![Vec::new(); PROPERTIES.len()]);
    // Texts of a million rows would take gigabytes; the interpreter is given a part of them, and its time counts by the pair.
    let (mut rows, rows_max) = (Vec::new(), pcs.min(100_000));
    for _ in 0..pcs {
        let (mut known, mut row) = (Facts::new(), Vec::new());
        for (place, (_, different)) in PROPERTIES.iter().enumerate() {
            let code = numbers.below(*different);
            columns[place].push(code);
            known.set(facts[place], Fact::Text(value(place, code)));
            row.push(value(place, code));
        }
        table.push(&known);
        if rows.len() < rows_max as usize {
            rows.push(row);
        }
    }
    let made: Vec<[Made; 3]> = (0..count)
        .map(|_| {
            let first = usize::try_from(numbers.below(8)).unwrap_or(0);
            std::array::from_fn(|at| {
                let property = (first + at * 3) % PROPERTIES.len();
                let value = numbers.below(PROPERTIES[property].1);
                Made { property, value, denied: numbers.below(4) == 0 }
            })
        })
        .collect();
    let parsed: Vec<_> = made.iter().map(|tests| rules::parse(Kind::Device, &text(tests)).expect("a rule")).collect();
    let nodes: Vec<Node> = made.iter().map(node).collect();
    let pairs = f64::from(pcs) * f64::from(count);
    for round in 0..rounds {
        let watch = Instant::now();
        let plain: usize =
            nodes.iter().map(|node| rows.iter().filter(|row| interpreted(black_box(node), row)).count()).sum();
        let interpreter = nanos(f64::from(rows_max) * f64::from(count), watch);
        let watch = Instant::now();
        let floor_members = by_columns(black_box(&columns), black_box(&made));
        let floor = nanos(pairs, watch);
        let watch = Instant::now();
        let members = Program::new(black_box(&parsed), &table, 0).run(&table);
        let product = nanos(pairs, watch);
        let total: u64 = members.iter().map(|bits| bits.count() as u64).sum();
        assert_eq!(total, floor_members, "the engine and the columns count the same");
        let first: usize = members.iter().map(|bits| bits.rows().take_while(|row| *row < rows.len()).count()).sum();
        assert_eq!(first, plain, "the engine and the interpreter count the same");
        let watch = Instant::now();
        let one = Program::new([&parsed[round as usize % parsed.len()]], &table, 0).run(&table);
        black_box(one[0].count());
        let preview = watch.elapsed().as_secs_f64() * 1e3;
        println!("{interpreter:.3} {floor:.3} {product:.3} {preview:.3}");
    }
}
