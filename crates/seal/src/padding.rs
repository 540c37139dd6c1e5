//! Padmé: lengths are rounded up so that few remain to tell contents apart, at a cost of at most 12 %.
//!
//! From "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (Nikitin and others, 2019), section 4.3.

/// The padded length of `len` bytes. `len` is one of our limits, far from the end of the number range.
pub(crate) fn padded_len(len: u64) -> u64 {
    let Some(exponent) = len.checked_ilog2().filter(|exponent| *exponent > 0) else { return len };
    let kept = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept)) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::padded_len;

    #[test]
    fn padding_costs_at_most_an_eighth_and_never_shortens() {
        let known =
            [(0, 0), (1, 1), (2, 2), (7, 7), (8, 8), (9, 10), (100, 104), (1_000, 1_024), (1_000_000, 1_015_808)];
        for (len, padded) in known {
            assert_eq!(padded_len(len), padded, "of {len}");
        }
        for len in 1..100_000 {
            let padded = padded_len(len);
            assert!(padded >= len && (padded - len) * 8 <= len, "{len} to {padded}");
            assert_eq!(padded_len(padded), padded, "padding a padded length changes nothing");
        }
    }

    #[test]
    fn few_lengths_remain() {
        let lengths: std::collections::BTreeSet<_> = (1..=1 << 20).map(padded_len).collect();
        assert!(lengths.len() < 400, "{}", lengths.len());
    }
}
