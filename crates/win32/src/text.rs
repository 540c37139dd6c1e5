//! Text as Windows takes and gives it: UTF-16.

/// The text with the zero that ends it.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// What stands before the first zero; what is no text becomes U+FFFD.
#[cfg(feature = "road")]
pub(crate) fn narrow(units: &[u16]) -> String {
    String::from_utf16_lossy(before_zero(units))
}

#[cfg(feature = "road")]
fn before_zero(units: &[u16]) -> &[u16] {
    &units[..units.iter().position(|&unit| unit == 0).unwrap_or(units.len())]
}
