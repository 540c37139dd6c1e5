//! Which snapshots are kept, and why: a pure function of the rules and of what there is.
//!
//! The words and their meaning are those of restic's `forget` (counts of slots by hour, day, week, month and year; `within` counts
//! back from the newest snapshot), so that whoever knows one knows the other;
//! `tests/retention.rs` holds the function against what restic itself decided. Four things are ours: pins and holds keep whatever the rules say;
//! the newest snapshot that is known to open never goes; one that is known not to open takes no slot from one that does; and no rules
//! at all keep everything. All calendars are UTC, so that the same snapshots are kept wherever the server stands.
//!
//! Several policies can apply to one profile. There is no order of precedence to know: each decides for itself, and what any of them keeps is kept
//! ([`decide_by`]). So for every rule the longest keeping counts, and adding a policy beside others never deletes anything.

mod calendar;
mod span;

use serde::{Deserialize, Serialize};

use crate::world::Moment;

pub use span::{Span, SpanError};

/// How many snapshots of which kind are kept. All zero and no span: everything is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The newest so many.
    pub last: u32,
    /// The newest of each hour, for so many hours that have one.
    pub hourly: u32,
    /// The newest of each day.
    pub daily: u32,
    /// The newest of each ISO week.
    pub weekly: u32,
    /// The newest of each month.
    pub monthly: u32,
    /// The newest of each year.
    pub yearly: u32,
    /// All that are less than this older than the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

impl Rules {
    /// What a person's PC is kept by unless the organisation says otherwise.
    pub const STANDARD: Self = Self { last: 5, hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 0, within: None };

    /// Whether these rules keep everything.
    pub fn keep_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.keep_everything() {
            return f.write_str("everything");
        }
        let counts = [
            ("latest", self.last),
            ("hourly", self.hourly),
            ("daily", self.daily),
            ("weekly", self.weekly),
            ("monthly", self.monthly),
            ("yearly", self.yearly),
        ];
        let counts = counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{word} {count}"));
        let within = self.within.map(|span| format!("within {span}"));
        f.write_str(&counts.chain(within).collect::<Vec<_>>().join(", "))
    }
}

/// Rules under a name: a retention policy as it decides about one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name; `None`: the tenant's own rules, which count where no policy applies.
    pub name: Option<String>,
    /// Its rules.
    pub rules: Rules,
}

/// One reason to keep a snapshot, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The reason.
    pub why: Why,
    /// The policies whose rule it is. None for the tenant's own rules, and for reasons that no rule gives, such as a pin.
    pub policies: Vec<String>,
}

/// What is known of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number in the profile.
    pub seq: u64,
    /// When the server committed it. The device's own clock is not believed here: one that is a year ahead would take every slot.
    pub at: Moment,
    /// Whether a rehearsal has opened it; `None`: nobody has tried.
    pub opens: Option<bool>,
    /// Somebody wants it kept.
    pub pinned: bool,
    /// It is evidence, and only the administration lets it go.
    pub held: bool,
}

/// Why a snapshot is kept. The words never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// On hold.
    Held,
    /// Pinned.
    Pinned,
    /// The newest one that is known to open.
    NewestGood,
    /// It does not open, but neither does a newer one; kept until one is known to open.
    NoneGoodSince,
    /// There are no rules.
    NoRules,
    /// The rules that are stored cannot be read, so nothing is let go.
    RulesUnread,
    /// The newest of all.
    Newest,
    /// Younger than the span.
    Within,
    /// Among the newest.
    Latest,
    /// The newest of its hour.
    Hourly,
    /// The newest of its day.
    Daily,
    /// The newest of its week.
    Weekly,
    /// The newest of its month.
    Monthly,
    /// The newest of its year.
    Yearly,
}

impl Why {
    const ALL: [Self; 14] = [
        Self::Held,
        Self::Pinned,
        Self::NewestGood,
        Self::NoneGoodSince,
        Self::NoRules,
        Self::RulesUnread,
        Self::Newest,
        Self::Within,
        Self::Latest,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// The stable word, as it stands in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pinned => "pinned",
            Self::NewestGood => "newest_good",
            Self::NoneGoodSince => "none_good_since",
            Self::NoRules => "no_rules",
            Self::RulesUnread => "rules_unread",
            Self::Newest => "newest",
            Self::Within => "within",
            Self::Latest => "latest",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// The reason with that word, if this version knows it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }

    /// In a word or two, for lists.
    pub fn title(self) -> &'static str {
        match self {
            Self::Held => "on hold",
            Self::Pinned => "pinned",
            Self::NewestGood => "newest that opens",
            Self::NoneGoodSince => "no newer one opens",
            Self::NoRules => "everything is kept",
            Self::RulesUnread => "the rules cannot be read",
            Self::Newest => "newest",
            Self::Within => "within",
            Self::Latest => "latest",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

/// For each snapshot, in the order given, why it is kept. No reason: it may go.
///
/// The order of `snapshots` does not matter, and neither does the present moment: a PC that is switched off for a year keeps what it had.
pub fn decide(rules: &Rules, snapshots: &[Candidate]) -> Vec<Vec<Why>> {
    let mut kept: Vec<Vec<Why>> = vec![Vec::new(); snapshots.len()];
    let newest = snapshots.iter().map(|one| one.seq).max();
    let good = snapshots.iter().filter(|one| one.opens == Some(true)).map(|one| one.seq).max();
    for (one, why) in snapshots.iter().zip(&mut kept) {
        why.extend(one.held.then_some(Why::Held));
        why.extend(one.pinned.then_some(Why::Pinned));
        why.extend((good == Some(one.seq)).then_some(Why::NewestGood));
        let failed_since = one.opens == Some(false) && good.is_none_or(|good| one.seq > good);
        why.extend(failed_since.then_some(Why::NoneGoodSince));
    }
    fill_slots(rules, snapshots, &mut kept);
    for (one, why) in snapshots.iter().zip(&mut kept) {
        if why.is_empty() && newest == Some(one.seq) {
            why.push(Why::Newest);
        }
    }
    kept
}

impl Why {
    /// Whether it is a rule that keeps, and not what holds whatever the rules say.
    pub fn is_of_rules(self) -> bool {
        match self {
            Self::Held | Self::Pinned | Self::NewestGood | Self::NoneGoodSince | Self::Newest => false,
            Self::NoRules
            | Self::RulesUnread
            | Self::Within
            | Self::Latest
            | Self::Hourly
            | Self::Daily
            | Self::Weekly
            | Self::Monthly
            | Self::Yearly => true,
        }
    }
}

/// For each snapshot, in the order given, why it is kept and by which policies: [`decide`] for each of them, and what any keeps is kept. Without a
/// policy everything is.
pub fn decide_by(policies: &[Policy], snapshots: &[Candidate]) -> Vec<Vec<Kept>> {
    let everything = [Policy { name: None, rules: Rules::default() }];
    let policies = if policies.is_empty() { &everything } else { policies };
    let mut kept: Vec<Vec<Kept>> = vec![Vec::new(); snapshots.len()];
    for policy in policies {
        for (kept, whys) in kept.iter_mut().zip(decide(&policy.rules, snapshots)) {
            for why in whys {
                let known = kept.iter().position(|one| one.why == why).unwrap_or_else(|| {
                    kept.push(Kept { why, policies: Vec::new() });
                    kept.len() - 1
                });
                kept[known].policies.extend(policy.name.clone().filter(|_| why.is_of_rules()));
            }
        }
    }
    for kept in &mut kept {
        // That it is the newest is what keeps it only where nothing else does.
        if kept.iter().any(|one| one.why != Why::Newest) {
            kept.retain(|one| one.why != Why::Newest);
        }
        kept.sort_by_key(|one| one.why);
    }
    kept
}

/// Slots of one kind that are left to fill.
struct Slots {
    left: u32,
    last: Option<i64>,
    slot: fn(Moment) -> i64,
    why: Why,
}

fn slots(rules: &Rules) -> [Slots; 5] {
    let of = |left, slot, why| Slots { left, last: None, slot, why };
    [
        of(rules.hourly, calendar::hour, Why::Hourly),
        of(rules.daily, calendar::day, Why::Daily),
        of(rules.weekly, calendar::week, Why::Weekly),
        of(rules.monthly, calendar::month, Why::Monthly),
        of(rules.yearly, calendar::year, Why::Yearly),
    ]
}

/// What the rules alone keep, from the newest to the oldest. Which one is newer is said by the numbers: after a clock was set back, times would call what has come since
/// the oldest, and let it go first.
fn fill_slots(rules: &Rules, snapshots: &[Candidate], kept: &mut [Vec<Why>]) {
    let mut order: Vec<usize> = (0..snapshots.len()).filter(|at| snapshots[*at].opens != Some(false)).collect();
    order.sort_by_key(|at| std::cmp::Reverse(snapshots[*at].seq));
    let since = rules.within.and_then(|span| Some(span.before(snapshots[*order.first()?].at)));
    let (mut slots, mut last) = (slots(rules), rules.last);
    for index in order {
        let (at, why) = (snapshots[index].at, &mut kept[index]);
        if rules.keep_everything() {
            why.push(Why::NoRules);
            continue;
        }
        why.extend(since.is_some_and(|since| at > since).then_some(Why::Within));
        if last > 0 {
            last -= 1;
            why.push(Why::Latest);
        }
        for slots in slots.iter_mut().filter(|slots| slots.left > 0) {
            let slot = (slots.slot)(at);
            if slots.last != Some(slot) {
                slots.last = Some(slot);
                slots.left -= 1;
                why.push(slots.why);
            }
        }
    }
}
