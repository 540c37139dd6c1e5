//! Where rows of the database stand in a list.

use std::collections::HashMap;

use rules::engine::make_room;

/// Where rows stand, by their numbers, which are given one after the other: a list by number with few gaps.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// One more than the place; 0 for none.
    by_number: Vec<u32>,
    /// Those whose numbers are beyond the list.
    beyond: HashMap<i64, u32>,
    rows: u32,
}

/// The largest number that is in the list: four bytes for each up to it.
const LISTED_MAX: usize = 16 * 1024 * 1024;

/// How many numbers a list has for each row at most: an entry of a map takes as much as eight of them.
const GAPS_MAX: usize = 8;

impl Places {
    /// The next row has this number. Gives its place.
    pub(super) fn next(&mut self, number: i64) -> u32 {
        let place = self.rows;
        self.rows = self.rows.checked_add(1).expect("a row in memory takes more than a byte");
        match usize::try_from(number).ok().filter(|number| *number < LISTED_MAX) {
            Some(number) => {
                if self.by_number.len() <= number {
                    let more = number + 1 - self.by_number.len();
                    make_room(&mut self.by_number, more);
                    self.by_number.resize(number + 1, 0);
                }
                self.by_number[number] = self.rows;
            }
            None => drop(self.beyond.insert(number, place)),
        }
        place
    }

    pub(super) fn find(&self, number: i64) -> Option<usize> {
        let listed = usize::try_from(number).ok().and_then(|number| self.by_number.get(number)?.checked_sub(1));
        Some(listed.or_else(|| self.beyond.get(&number).copied())? as usize)
    }

    /// Says that what stood in a place stands in that of `ranks` now.
    pub(super) fn move_to(&mut self, ranks: &[u32]) {
        let listed = self.by_number.iter_mut().filter(|more| **more > 0);
        listed.for_each(|more| *more = ranks[*more as usize - 1] + 1);
        self.beyond.values_mut().for_each(|place| *place = ranks[*place as usize]);
    }

    /// Gives back what was taken in advance, and a list that has mostly gaps: of the few that somebody sees of a large organisation.
    pub(super) fn close(&mut self) {
        if self.by_number.len() / GAPS_MAX > self.rows as usize {
            let listed = std::mem::take(&mut self.by_number);
            self.beyond.extend((0..).zip(listed).filter_map(|(number, more)| Some((number, more.checked_sub(1)?))));
        }
        self.by_number.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_has_mostly_gaps_is_given_back_and_its_rows_are_found() {
        let mut places = Places::default();
        let numbers = [9, 1_000_000, 3];
        for number in numbers {
            places.next(number);
        }
        places.close();
        assert_eq!(places.by_number.capacity(), 0);
        assert_eq!(places.next(5), 3);
        assert_eq!([9, 1_000_000, 3, 5].map(|number| places.find(number)), [0, 1, 2, 3].map(Some));
        assert_eq!([4, 10, 999_999].map(|number| places.find(number)), [None; 3]);
    }

    #[test]
    fn rows_are_found_by_numbers_of_any_size() {
        let mut places = Places::default();
        let numbers = [7, 3, i64::MAX, 0, -1, 1 << 24, (1 << 24) - 1];
        for number in numbers {
            places.next(number);
        }
        assert_eq!(numbers.map(|number| places.find(number)), [0, 1, 2, 3, 4, 5, 6].map(Some));
        assert_eq!([1, 8, -2, i64::MAX - 1].map(|number| places.find(number)), [None; 4]);
        places.move_to(&[6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(numbers.map(|number| places.find(number)), [6, 5, 4, 3, 2, 1, 0].map(Some));
        assert_eq!(places.find(8), None);
    }
}
