//! Room for lists that become large.
//!
//! A list that doubles as it grows is copied from place to place in the heap of whichever thread reads, and the holes that it leaves stay the process's: glibc has a heap for each
//! of many threads, and keeps in it what is below a size that it raises to 32 MiB by itself. What is larger is a mapping of its own, grows without being copied, and is given back whole.
//! Room that nothing stands in takes no memory.

/// Larger than what the allocator keeps in its heaps.
const MAPPED: usize = 33 * 1024 * 1024;

/// Bytes from which on a list gets a mapping of its own.
const LARGE: usize = 1024 * 1024;

/// How many elements of that size a list with so many should make room for, exactly, before it takes so many more. None while it is small or has the room.
pub fn room((len, capacity): (usize, usize), more: usize, size: usize) -> Option<usize> {
    let is_due = len + more > capacity && (len + more) * size >= LARGE;
    is_due.then(|| more.max(len).max((MAPPED / size.max(1)).saturating_sub(len)))
}

/// Makes room for so many more elements, as [`room`] says.
pub fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if let Some(more) = room((list.len(), list.capacity()), more, size_of::<T>()) {
        list.reserve_exact(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_list_has_room_at_once_and_a_small_one_grows_by_itself() {
        let (mut list, mut sizes) = (Vec::new(), Vec::new());
        for number in 0..1_000_000_u32 {
            make_room(&mut list, 1);
            list.push(number);
            if sizes.last() != Some(&(list.capacity() * 4)) {
                sizes.push(list.capacity() * 4);
            }
        }
        let between = sizes.iter().filter(|size| (LARGE + 1..MAPPED).contains(size)).count();
        assert_eq!((between, sizes.last().map(|size| *size >= MAPPED)), (0, Some(true)), "{sizes:?}");
        assert_eq!(room((5, 5), 1, 44), None);
        assert_eq!(room((1 << 24, 1 << 24), 3, 4), Some(1 << 24), "twice as many");
    }
}
