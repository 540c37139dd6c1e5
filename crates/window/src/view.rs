//! What the window shows, as plain values: the pages of `ui` lay them out and decide nothing.

/// A page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// What is backed up, and when.
    #[default]
    Backup,
    /// Old PCs, and what would come back.
    Restore,
    /// Who has looked.
    Privacy,
    /// The offer at the first sign-in.
    Welcome,
}

/// How something stands. Told by words too: colour alone tells nobody anything in a contrast theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Attention,
    /// Off, by the organisation.
    Off,
}

/// What a line of a list is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It says something.
    #[default]
    Plain,
    /// It is the heading of those below it.
    Heading,
    /// It can be opened to see more.
    Closed,
    /// It is open, and what is in it follows.
    Open,
    /// It is in the one that is open.
    Inner,
}

/// A line of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub title: String,
    /// What is said of it.
    pub detail: String,
    /// How it stands.
    pub tone: Tone,
    /// What it is there for.
    pub kind: Kind,
    /// What it opens: the word of a category, or nothing.
    pub word: String,
}

impl Line {
    /// A line that says something.
    pub fn new(title: impl Into<String>, detail: impl Into<String>, tone: Tone) -> Self {
        Self { title: title.into(), detail: detail.into(), tone, ..Self::default() }
    }

    /// A heading.
    pub fn heading(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: Kind::Heading, ..Self::default() }
    }
}

/// An old PC to choose, or one of its backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Its name.
    pub title: String,
    /// When the backup was taken.
    pub when: String,
    /// What is in it.
    pub detail: String,
    /// What the PC is, and what of it differs from this one.
    pub about: String,
    /// What sets it apart.
    pub mark: String,
    /// Whether it is the chosen one.
    pub chosen: bool,
}

/// Something to tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its stable word.
    pub word: String,
    /// What people call it.
    pub title: String,
    /// What is said of it.
    pub detail: String,
    /// Whether it comes along.
    pub ticked: bool,
    /// Whether the person has no say.
    pub locked: bool,
    /// Whether it is the heading of those below it, and nothing to tick.
    pub heading: bool,
}

/// The window at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The page.
    pub page: Page,
    /// The names of the three pages that are always there.
    pub tabs: Vec<String>,
    /// The page's heading.
    pub title: String,
    /// What the page is for.
    pub lead: String,
    /// How it stands, in a few words.
    pub status: String,
    /// What that means, or what comes next.
    pub detail: String,
    /// How it stands.
    pub tone: Tone,
    /// Something to know besides.
    pub notice: String,
    /// How far a run is, from 0 to 1; below 0 it is not known. `None`: nothing runs.
    pub progress: Option<f32>,
    /// Old PCs.
    pub cards: Vec<Card>,
    /// What can be ticked.
    pub groups: Vec<Group>,
    /// A list.
    pub lines: Vec<Line>,
    /// What never comes back.
    pub foot: String,
    /// The main button; empty if there is none.
    pub main: String,
    /// Whether it can be pressed.
    pub main_enabled: bool,
    /// The second button; empty if there is none.
    pub second: String,
    /// A third one, for what is done seldom; empty if there is none.
    pub third: String,
}
