//! One value, as a person reads it.

use model::catalog::{self, Literal};
use model::value::Value;

use crate::paint::{Paint, tame};

/// The most characters of a value on one line; a longer one ends in an ellipsis.
const VALUE_CHARS_MAX: usize = 60;

/// The value with its colour shown, if it is one.
pub fn value(paint: Paint, value: &Value) -> String {
    match value {
        Value::Colour(colour) => format!("{}{}", paint.swatch(*colour), value),
        Value::File(file) => format!("a file of {}", size(file.size)),
        other => tame(&other.to_string(), VALUE_CHARS_MAX),
    }
}

/// What is stored, or what Windows does when nothing is.
pub fn stored(paint: Paint, id: &str, stored: Option<&Value>) -> String {
    match (stored, catalog::find(id).and_then(|setting| setting.default)) {
        (Some(stored), _) => value(paint, stored),
        (None, Some(default)) => format!("{} {}", literal(default), paint.dim("(default)")),
        (None, None) => paint.dim("not set"),
    }
}

/// A default as the catalog says it.
pub fn literal(literal: Literal) -> String {
    match literal {
        Literal::Bool(on) => Value::Bool(on).to_string(),
        Literal::Int(number) => number.to_string(),
        Literal::Text(text) => text.replace('_', " "),
    }
}

/// Bytes as people say them: `640 bytes`, `12 kB`, `1.5 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// `1 app`, `2 apps`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A colour from its hexadecimal digits, in tests.
#[cfg(test)]
pub fn colour(rgb: u32) -> Value {
    let [_, red, green, blue] = rgb.to_be_bytes();
    Value::Colour(model::value::Colour { red, green, blue, alpha: 255 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_people_say_them() {
        assert_eq!((size(640), size(1_572_864), size(12_345)), ("640 bytes".into(), "1.5 MB".into(), "13 kB".into()));
    }

    #[test]
    fn a_colour_is_shown_only_where_it_can_be() {
        assert_eq!(value(Paint::Plain, &colour(0x0000_78d4)), "#0078d4");
        assert_eq!(value(Paint::True, &colour(0x0000_78d4)), "\u{1b}[38;2;0;120;212m■\u{1b}[0m #0078d4");
    }
}
