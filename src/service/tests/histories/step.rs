//! What happens in a history, one thing after the other.
//!
//! Steps name people and things by numbers that mean something whatever else has happened: so a history stays one when
//! steps are taken out of it.

use crate::{
    mls::tests::random::Random,
    sequencer::UnixMillis,
    service::setup::{DAY, HOUR},
};

const MINUTE: UnixMillis = 60_000;

/// More orphans than the budget allows.
const ORPHANS_MAX: usize = 9;

/// One thing that happens. Numbers are taken modulo what there is to choose from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A member says something where it is.
    Say(usize),
    /// A member commits, whatever others have committed meanwhile.
    Commit(usize),
    /// A member commits unless somebody was faster.
    CommitFirst(usize),
    /// A member adds somebody.
    Add(usize, usize),
    /// A member removes another one.
    Remove(usize, usize),
    /// A member proposes new keys of its own.
    ProposeUpdate(usize),
    /// A member proposes to remove somebody, perhaps itself.
    ProposeRemoval(usize, usize),
    /// A member commits that the group bans somebody.
    Ban(usize, usize),
    /// A member commits that the group bans nobody.
    LiftBans(usize),
    /// A member asks once.
    Read(usize),
    /// A member reads to the end.
    ReadUp(usize),
    /// Somebody asks once more with a key that it had long ago, from the first message on.
    Linger(usize, usize),
    /// Somebody who is not in the group joins from outside.
    Join(usize),
    /// Somebody who is not in the group any more wants nothing of it any more.
    Leave(usize),
    /// A member looks where the group is, and goes there if that is another branch.
    Rejoin(usize),
    /// The next answer to somebody is lost on the way.
    LoseAnswer(usize),
    /// A client ends and starts again from what it has saved.
    RestartClient(usize),
    /// Somebody malicious does that, on one of the branches that it knows.
    Attack(usize, Attack),
    /// A request that was answered is sent again, byte for byte.
    Repeat(usize),
    /// Time passes.
    Wait(UnixMillis),
    /// The hub looks at its timers.
    Sweep,
    /// Retention walks.
    Retain,
    /// The hub looks at what it had no time to look at.
    CatchUp,
    /// The operator ends a branch.
    Terminate(usize),
    /// The operator takes that back.
    Restore(usize),
    /// The operator bans an identity.
    OperatorBan(usize),
    /// The operator lifts a ban.
    OperatorLift(usize),
    /// The hub's process ends, and another one opens the database.
    RestartHub,
}

/// What somebody malicious does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attack {
    /// A commit that some cannot open: the bits say which of its seals are garbage.
    Spoil(u8),
    /// A commit that announces another partition than its own next one.
    LeadAstray(usize),
    /// A commit beside which the GroupInfo of another branch is published.
    LieInGroupInfo,
    /// A handshake whose tags, or whose ciphertext, are garbage.
    Garble(u8),
    /// A commit that removes somebody and leads to a partition that is not its own.
    PretendRemoval(usize),
    /// It goes on by itself where it led others, or where it was alone: says something.
    SayApart(usize),
    /// The same: commits.
    CommitApart(usize),
    /// Messages for partitions that nobody knows of.
    OpenOrphans(usize),
    /// It speaks in its next partition, and commits only then.
    SendAhead,
    /// It announces its next partition from one that it has made up, and only then where it is.
    AnnounceElsewhere,
    /// A key of the group is used in another group.
    CrossGroups(usize),
    /// It asks with every key that it ever knew.
    Pry,
}

/// A seeded history.
pub(super) fn draw(random: &mut Random, length: usize) -> Vec<Step> {
    (0..length).map(|_| step(random)).collect()
}

fn step(random: &mut Random) -> Step {
    let (who, other) = (random.below(1 << 16), random.below(1 << 16));
    match random.below(100) {
        0..=13 => Step::Say(who),
        14..=20 => Step::Commit(who),
        21..=23 => Step::CommitFirst(who),
        24..=26 => Step::Add(who, other),
        27..=28 => Step::Remove(who, other),
        29..=30 => Step::ProposeUpdate(who),
        31..=32 => Step::ProposeRemoval(who, other),
        33..=34 => Step::Ban(who, other),
        35 => Step::LiftBans(who),
        36..=47 => Step::Read(who),
        48..=53 => Step::ReadUp(who),
        54..=57 => Step::Linger(who, other),
        58..=60 => Step::Join(who),
        61 => Step::Leave(who),
        62..=63 => Step::Rejoin(who),
        64 => Step::LoseAnswer(who),
        65..=66 => Step::RestartClient(who),
        67..=80 => Step::Attack(who, attack(random)),
        81..=82 => Step::Repeat(who),
        83..=89 => Step::Wait(wait(random)),
        90..=91 => Step::Sweep,
        92..=93 => Step::Retain,
        94 => Step::CatchUp,
        95 => Step::Terminate(who),
        96 => Step::Restore(who),
        97 => Step::OperatorBan(who),
        98 => Step::OperatorLift(who),
        _ => Step::RestartHub,
    }
}

fn attack(random: &mut Random) -> Attack {
    let number = random.below(1 << 16);
    match random.below(18) {
        0..=3 => Attack::Spoil(random.byte() | 1),
        4 => Attack::LeadAstray(number),
        5 => Attack::LieInGroupInfo,
        6..=7 => Attack::Garble(random.byte()),
        8 => Attack::PretendRemoval(number),
        9..=10 => Attack::SayApart(number),
        11..=12 => Attack::CommitApart(number),
        13 => Attack::OpenOrphans(1 + number % ORPHANS_MAX),
        14 => Attack::CrossGroups(number),
        15 => Attack::SendAhead,
        16 => Attack::AnnounceElsewhere,
        _ => Attack::Pry,
    }
}

fn wait(random: &mut Random) -> UnixMillis {
    const WAITS: [UnixMillis; 10] =
        [1, 1, MINUTE, 11 * MINUTE, 16 * MINUTE, HOUR, 25 * HOUR, 3 * DAY + HOUR, 8 * DAY, 31 * DAY];
    WAITS[random.below(WAITS.len())]
}
