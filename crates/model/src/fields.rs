//! Fields of fixed length, one after the other: what receipts, receipts of deletions and heads of the audit are made of.

/// Takes the next `N` bytes off `rest`; `None`, and `rest` as it was, if there are not so many.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}
