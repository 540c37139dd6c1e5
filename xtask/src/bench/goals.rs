//! The goals: what each promise of the product is measured by, and what counts as good, best in class, and moonshot.
//!
//! All are ratios of the product to a peer in the same run; smaller is better unless the goal says otherwise. "Good" is as good as the common
//! peer, "best" the best that was found, "moonshot" near the floor of the machine.

/// One goal.
pub struct Goal {
    /// Its number, as the project's issues name it.
    pub number: u32,
    /// What is measured.
    pub what: &'static str,
    /// The ratio, in words.
    pub ratio: &'static str,
    /// Good, best, moonshot.
    pub levels: [f64; 3],
    /// Whether a bigger ratio is better.
    pub more_is_better: bool,
}

/// A goal where less is better.
const fn less(number: u32, what: &'static str, ratio: &'static str, levels: [f64; 3]) -> Goal {
    Goal { number, what, ratio, levels, more_is_better: false }
}

/// A goal where more is better.
const fn more(number: u32, what: &'static str, ratio: &'static str, levels: [f64; 3]) -> Goal {
    Goal { number, what, ratio, levels, more_is_better: true }
}

/// All goals of this stage of the project.
pub const GOALS: &[Goal] = &[
    less(1, "walk a hive, every value touched", "instructions, product / nt-hive", [3.0, 1.0, 0.5]),
    less(2, "look up the values of 200 keys", "instructions, product / nt-hive", [9.0, 1.5, 0.8]),
    less(4, "first backup with a wallpaper", "client CPU, product / bupstash", [1.5, 1.0, 0.6]),
    less(5, "nothing changed", "client CPU, product / bupstash", [1.5, 0.8, 0.35]),
    less(6, "one value changed: stored growth", "bytes, product / borg", [1.0, 0.33, 0.1]),
    less(7, "network, nothing changed, TLS 1.3", "bytes, product / one HTTPS 304", [1.5, 1.15, 0.6]),
    less(8, "network, one value changed, TLS 1.3", "bytes, product / restic over plain HTTP", [0.5, 0.3, 0.2]),
    less(9, "restore everything", "client CPU, product / bupstash", [1.5, 1.0, 0.65]),
    less(10, "peak memory of the client", "MiB, product / bupstash", [2.5, 1.0, 0.75]),
    more(11, "durable backups a second, 32 clients", "rate, product / store floor", [0.4, 0.7, 1.0]),
    more(12, "the same beside a real peer", "rate, product / atuin-server", [2.0, 3.5, 5.0]),
    more(13, "nothing-changed checks a second, 32 clients", "rate, product / store floor", [0.3, 0.6, 0.9]),
    less(14, "200 rules over 1,000,000 PCs, one core", "ns a pair, product / plain columns", [38.0, 5.0, 1.0]),
    less(15, "preview of a rule over 1,000,000 PCs at the API", "time, product / interpreter", [4.0, 1.0, 0.2]),
    less(
        16,
        "a history of 45 backups after retention",
        "bytes after the first backup, product / borg",
        [1.0, 0.5, 0.2],
    ),
    less(
        17,
        "backup of a live PC, one value changed",
        "client CPU, Windows program under Wine less one that loads the same libraries / from hives on Linux less one that does nothing",
        [2.0, 1.0, 0.8],
    ),
    more(18, "durable backups a second on PostgreSQL, 32 clients", "rate, product / pgbench", [0.4, 0.7, 1.0]),
    // What `performance.md` asks of 12 and 13 besides the rate.
    less(19, "the slowest of a hundred of these backups", "p99, product / store floor", [4.0, 2.0, 1.2]),
    less(20, "what such a check takes", "server CPU each, product / store floor", [3.5, 1.7, 1.1]),
];

/// How far a ratio got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not even good.
    Short,
    /// As good as the common peer.
    Good,
    /// The best that was found.
    Best,
    /// Near the floor.
    Moonshot,
}

impl Goal {
    /// How far `ratio` got.
    pub fn level(&self, ratio: f64) -> Level {
        let reached = |level: f64| if self.more_is_better { ratio >= level } else { ratio <= level };
        match self.levels.map(reached) {
            [_, _, true] => Level::Moonshot,
            [_, true, _] => Level::Best,
            [true, _, _] => Level::Good,
            _ => Level::Short,
        }
    }

    /// How many times better the figure would have to be for the moonshot; 1 or less: it is there.
    pub fn moonshot_factor(&self, ratio: f64) -> f64 {
        let [_, _, moonshot] = self.levels;
        if self.more_is_better { moonshot / ratio } else { ratio / moonshot }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Short => "**short of good**",
            Self::Good => "good",
            Self::Best => "best in class",
            Self::Moonshot => "moonshot",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_the_goals_own_direction() {
        let goal = |number| GOALS.iter().find(|goal| goal.number == number).unwrap();
        assert_eq!(goal(1).level(0.9), Level::Best);
        assert_eq!(goal(1).level(3.1), Level::Short);
        assert_eq!(goal(11).level(0.9), Level::Best);
        assert_eq!(goal(11).level(0.1), Level::Short);
    }

    #[test]
    fn the_way_to_the_moonshot_is_told_in_the_goals_own_direction() {
        let goal = |number| GOALS.iter().find(|goal| goal.number == number).unwrap();
        assert!((goal(1).moonshot_factor(0.75) - 1.5).abs() < 1e-9);
        assert!((goal(11).moonshot_factor(0.5) - 2.0).abs() < 1e-9);
        assert!(goal(11).moonshot_factor(1.25) < 1.0);
    }

    #[test]
    fn each_goal_gets_harder_from_level_to_level() {
        for goal in GOALS {
            let rising = goal.levels.is_sorted();
            assert_eq!(rising, goal.more_is_better, "goal {}", goal.number);
        }
    }
}
