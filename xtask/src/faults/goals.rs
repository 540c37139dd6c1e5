//! What the project promises to try, and whether it was: power cuts, kills, simulations and refused calls of one run, each beside the figure that it has to reach.
//!
//! Tests say how many of their tries were of which kind. A run of everything that stays below a figure fails, as one that loses something does: a figure that nobody compares shrinks by itself.

use super::Figures;

/// A kind of try that is counted.
pub struct Goal {
    /// As the lines of tests say it.
    pub word: &'static str,
    /// What it is.
    what: &'static str,
    /// How many there have to be: with the figures `full`, which a push should have, and `release`.
    wanted: [u64; 2],
}

/// All of them. Of calls each one is tried, however many there are; what has to be reached there is that some were.
pub const GOALS: [Goal; 6] = [
    Goal { word: "power-cuts", what: "power cuts of a server", wanted: [50_000, 1_000_000] },
    Goal { word: "random-kills", what: "kills of a server at any moment", wanted: [1_000, 20_000] },
    Goal { word: "call-kills", what: "kills of a server at each call that changes the disk", wanted: [1, 1] },
    Goal { word: "refused-calls", what: "each of these calls refused, in three ways", wanted: [1, 1] },
    Goal { word: "simulations", what: "simulations", wanted: [1_000, 50_000] },
    Goal { word: "restore-cuts", what: "power cuts of a restore", wanted: [10_000, 10_000] },
];

/// How many there were of each kind.
pub type Counts = [u64; GOALS.len()];

/// Those that a line of a test tells.
pub fn counted(said: &str) -> Counts {
    GOALS.map(|goal| super::field(said, goal.word))
}

/// The sum of two.
pub fn sum(one: Counts, other: Counts) -> Counts {
    std::array::from_fn(|index| one[index] + other[index])
}

/// A line for each, and how many are not reached. With the figures `slice` none has to be.
pub fn told(counts: &Counts, figures: Figures) -> (Vec<String>, usize) {
    let column = match figures {
        Figures::Slice => None,
        Figures::Full => Some(0),
        Figures::Release => Some(1),
    };
    let mut missed = 0;
    let mut lines = vec!["tried\twanted\tresult\twhat".to_owned()];
    for (goal, count) in GOALS.iter().zip(counts) {
        let wanted = column.map(|column| goal.wanted[column]);
        let is_reached = wanted.is_none_or(|wanted| *count >= wanted);
        missed += usize::from(!is_reached);
        let wanted = wanted.map_or_else(|| "-".to_owned(), |wanted| wanted.to_string());
        let result = if is_reached { "ok" } else { "TOO FEW" };
        lines.push(format!("{count}\t{wanted}\t{result}\t{}", goal.what));
    }
    (lines, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_not_reached_is_said() {
        let said = "runs=7 lost=0 half=0 call-kills=3 refused-calls=4";
        assert_eq!(counted(said), [0, 0, 3, 4, 0, 0]);
        let all = sum(counted(said), counted("power-cuts=50000 random-kills=1000 simulations=999 restore-cuts=10000"));
        let (lines, missed) = told(&all, Figures::Full);
        assert_eq!(missed, 1);
        assert_eq!(lines[5], "999\t1000\tTOO FEW\tsimulations");
        assert_eq!(lines[2], "1000\t1000\tok\tkills of a server at any moment");
        assert_eq!(told(&all, Figures::Slice).1, 0);
        assert_eq!(told(&all, Figures::Release).1, 3);
    }
}
