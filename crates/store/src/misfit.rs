//! What people meet in forms when what they ask for does not make sense, or is in use: each by its kind and with its facts, so that a page can say it in its reader's language.
//! What is met by programs only stays a sentence ([`AdminError::Invalid`](crate::AdminError)).

/// What does not make sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A description of more characters than these.
    #[error("a description has at most {0} characters and no control characters")]
    Description(usize),
    /// A priority above this.
    #[error("a priority is 0 to {0}")]
    Priority(u32),
    /// A list of more than these.
    #[error("at most {0} in each list; a group or a scope tag holds more")]
    List(usize),
    /// More scope tags than these.
    #[error("at most {0} scope tags")]
    Tags(usize),
    /// A grant whose end has passed.
    #[error("it would have ended already")]
    Ended,
    /// A role for programs, given to people.
    #[error("the role `{0}` is for service accounts only")]
    AccountsOnly(&'static str),
    /// An owner that is a program.
    #[error("a service account is never an owner")]
    OwnerAccount,
    /// A group of PCs where people are wanted.
    #[error("`{0}` is a group of PCs")]
    GroupOfPcs(String),
    /// A role for whoever a rule takes.
    #[error("a rule says who is in `{0}`, so it gives nobody rights")]
    RuleGivesNothing(String),
    /// A role of one's own with the name of a built-in one.
    #[error("`{0}` is the name of a built-in role")]
    BuiltInName(String),
    /// Networks that cannot be read, or more than these.
    #[error("networks are written `10.0.0.0/8` or as an address, at most {0}")]
    Networks(usize),
    /// A token without a sensible end.
    #[error("a token ends in the future, and within a year")]
    TokenEnd,
    /// A filter without what it would narrow.
    #[error("a filter stands beside `{0}`, which is not included")]
    FilterAlone(String),
    /// Two filters for one thing.
    #[error("two filters stand beside `{0}`")]
    TwoFilters(String),
    /// The same on both sides.
    #[error("the same is included and excluded")]
    BothSides,
    /// As many policies as these.
    #[error("an organisation has at most {0} policies")]
    PoliciesFull(usize),
    /// As many filters as these.
    #[error("an organisation has at most {0} filters")]
    FiltersFull(i64),
    /// As many groups with a rule as these.
    #[error("an organisation has at most {0} groups with a rule")]
    RulesFull(i64),
    /// A version that is not kept any more.
    #[error("there is no version {0} of it any more")]
    NoVersion(u64),
    /// A version whose people have gone.
    #[error("version {0} is for somebody who is gone, or whom you do not see; edit the policy instead")]
    VersionGone(u64),
    /// Members put into a group that has a rule.
    #[error("a rule says who is in the group; change the rule")]
    RuleSays,
    /// PCs for a group of people.
    #[error("the group holds people")]
    HoldsPeople,
    /// People for a group of PCs.
    #[error("the group holds devices")]
    HoldsDevices,
    /// A rule for a group whose members are put in.
    #[error("the members of this group are put in; a rule takes a group of its own")]
    PutIn,
    /// The restore page on and off for one group.
    #[error("a group has the page on and off")]
    PageBoth,
    /// A command for a PC that is out.
    #[error("the access of that device was withdrawn")]
    Withdrawn,
    /// As many commands as these.
    #[error("{0} commands wait for that device already")]
    CommandsWait(i64),
}

/// What refers to something that therefore stays, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Use {
    /// A scope tag.
    #[error("{0} things carry it")]
    Carried(u64),
    /// A role, group or scope tag.
    #[error("{0} role assignments name it")]
    Assignments(u64),
    /// A group or scope tag.
    #[error("{0} retention policies name it")]
    Retention(u64),
    /// A group, filter or scope tag.
    #[error("{0} policies name it")]
    Policies(u64),
    /// A group.
    #[error("{0} enrollment options name it")]
    EnrolmentOptions(u64),
    /// A role.
    #[error("{0} claims of identity providers give it")]
    Claims(u64),
}
