//! Colours as Windows keeps them.

/// Windows keeps colours as `0x00BBGGRR`.
pub(crate) fn rgb(reference: u32) -> u32 {
    let [red, green, blue, _] = reference.to_le_bytes();
    u32::from_be_bytes([0, red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_turned_round() {
        assert_eq!(rgb(0x0033_2211), 0x0011_2233);
    }
}
