//! The little of the calendar that retention needs, in UTC: which hour, day, week, month and year a moment falls in.
//!
//! Days become dates by the arithmetic of the proleptic Gregorian calendar with years that begin in March, so that the leap day comes last
//! (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

use crate::world::Moment;

const MILLIS_PER_HOUR: i64 = 60 * 60 * 1000;
const MILLIS_PER_DAY: i64 = 24 * MILLIS_PER_HOUR;

/// Days of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
}

/// The hour, counted from 1970.
pub(super) fn hour(at: Moment) -> i64 {
    at.0.div_euclid(MILLIS_PER_HOUR)
}

/// The day, counted from 1970.
pub(super) fn day(at: Moment) -> i64 {
    at.0.div_euclid(MILLIS_PER_DAY)
}

/// The ISO week, counted from the one of 1 January 1970. ISO 8601 weeks begin on Monday, and 1970 began on a Thursday.
pub(super) fn week(at: Moment) -> i64 {
    (day(at) + 3).div_euclid(7)
}

/// The month, counted from the year 0.
pub(super) fn month(at: Moment) -> i64 {
    let date = date(day(at));
    date.year * 12 + date.month - 1
}

/// The year.
pub(super) fn year(at: Moment) -> i64 {
    date(day(at)).year
}

/// Milliseconds into the day.
pub(super) fn time_of_day(at: Moment) -> i64 {
    at.0.rem_euclid(MILLIS_PER_DAY)
}

/// The moment that lies so many milliseconds into the day.
pub(super) fn moment(day: i64, time_of_day: i64) -> Moment {
    Moment(day.saturating_mul(MILLIS_PER_DAY).saturating_add(time_of_day))
}

/// The date of a day counted from 1970.
pub(super) fn date(day: i64) -> Date {
    let shifted = day + DAYS_TO_1970;
    let (era, of_era) = (shifted.div_euclid(DAYS_PER_ERA), shifted.rem_euclid(DAYS_PER_ERA));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Date { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

/// The day, counted from 1970, of a date whose month and day may lie outside their ranges: the 31st of February is the 3rd of March, or the 2nd.
pub(super) fn day_of(date: Date) -> i64 {
    let months = date.year * 12 + date.month - 1;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5;
    era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year + date.day
        - 1
        - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_and_back() {
        for (day, year, month, of_month) in
            [(0, 1970, 1, 1), (-1, 1969, 12, 31), (11_016, 2000, 2, 29), (19_782, 2024, 2, 29), (20_781, 2026, 11, 24)]
        {
            assert_eq!(date(day), Date { year, month, day: of_month });
        }
        for day in (-800_000..800_000).step_by(7) {
            assert_eq!(day_of(date(day)), day);
        }
    }

    #[test]
    fn a_day_beyond_its_month_runs_on_into_the_next() {
        assert_eq!(date(day_of(Date { year: 2026, month: 2, day: 31 })), Date { year: 2026, month: 3, day: 3 });
        assert_eq!(date(day_of(Date { year: 2026, month: -1, day: 30 })), Date { year: 2025, month: 11, day: 30 });
    }

    #[test]
    fn weeks_begin_on_monday() {
        let at = |day| moment(day, 0);
        // Sunday 4 January 1970, and the Monday after it.
        assert_ne!(week(at(3)), week(at(4)));
        assert_eq!(week(at(4)), week(at(10)));
    }
}
