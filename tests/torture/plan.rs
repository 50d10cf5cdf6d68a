//! Whom to kill, and when: what a seed says.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use restante_faults::Point;

use crate::dice::Dice;

/// A program that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Victim {
    Hub,
    Follower,
    Relay,
    /// The gateway that stands alone.
    Gateway,
    /// A client with two devices.
    Member,
    /// `restante keys`, at the hub's keys.
    KeysCommand,
}

/// When it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So long after it was looked at.
    After(Duration),
    /// By itself, at that passing of a point.
    At(Point, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) victim: Victim,
    pub(crate) when: When,
}

impl fmt::Display for Kill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::After(pause) => write!(formatter, "{:?} after {} ms", self.victim, pause.as_millis()),
            When::At(point, passing) => write!(formatter, "{:?} at {point}:{passing}", self.victim),
        }
    }
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// One round.
    Short,
    /// Rounds until so many kills.
    Kills(usize),
    /// Rounds for so long.
    Lasting(Duration),
}

impl Extent {
    /// What the environment says.
    pub(crate) fn asked() -> Self {
        let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
        match (number("RESTANTE_TORTURE_KILLS"), number("RESTANTE_TORTURE_MINUTES")) {
            (Some(kills), _) => Self::Kills(usize::try_from(kills).unwrap()),
            (None, minutes) => Self::Lasting(Duration::from_secs(60 * minutes.unwrap_or(60))),
        }
    }
}

/// What the environment says, or a new one.
pub(crate) fn seed() -> u64 {
    let asked = std::env::var("RESTANTE_TORTURE_SEED").ok().map(|text| text.parse().unwrap());
    asked.unwrap_or_else(|| {
        #[expect(clippy::disallowed_methods, reason = "another seed each time")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    })
}

/// Who is killed at random, the hub and the follower more often.
const STRUCK: [Victim; 7] =
    [Victim::Hub, Victim::Follower, Victim::Hub, Victim::Follower, Victim::Relay, Victim::Gateway, Victim::Member];

/// Where each point is, and up to which passing it is asked for.
fn places(point: Point) -> (&'static [Victim], usize) {
    use Victim::{Follower, Gateway, Hub, KeysCommand, Member, Relay};
    match point {
        Point::SendBeforeLane => (&[Hub, Follower], 20),
        Point::BackupBeforeFiles | Point::BackupBeforePurge | Point::BackupAfterPurge => (&[Hub, Follower], 2),
        Point::SaveBeforeWrite | Point::SaveAfterWrite | Point::SaveAfterKeep => (&[Member], 8),
        Point::MarksBeforeSync | Point::MarksAfterSync => (&[Gateway], 6),
        Point::BeforeWrite | Point::AfterWrite => (&[Hub, Follower], 40),
        Point::HandOutBeforeWrite | Point::HandOutAfterWrite => (&[Follower], 6),
        Point::LocalHandOutBeforeWrite | Point::LocalHandOutAfterWrite => (&[Follower], 3),
        Point::WelcomeBeforeWrite | Point::WelcomeAfterWrite => (&[Follower, Hub], 3),
        Point::PushedBeforeWrite | Point::PushedAfterWrite => (&[Follower, Hub], 3),
        Point::OutboxBeforeQuestion
        | Point::OutboxAfterAnswer
        | Point::OutboxBeforeWelcome
        | Point::OutboxAfterWelcome => (&[Hub, Follower], 3),
        Point::PushBeforeCursor | Point::PushAfterCursor => (&[Hub, Follower], 3),
        Point::RetentionAfterReading | Point::RetentionAfterStep => (&[Hub], 2),
        Point::ReplaceBeforeSync
        | Point::ReplaceBeforeRename
        | Point::ReplaceAfterRename
        | Point::KeyringBeforePublishing => (&[KeysCommand, Hub, Gateway], 1),
        Point::KeyLogBeforeSync | Point::KeyLogAfterSync => (&[Relay], 1),
        Point::RelayBeforeGateway => (&[Relay], 4),
        Point::GatewayBeforeTarget => (&[Gateway, Follower], 4),
    }
}

/// Whether a program comes to that point when its keys change.
pub(crate) fn changes_keys(point: Point) -> bool {
    matches!(
        point,
        Point::ReplaceBeforeSync
            | Point::ReplaceBeforeRename
            | Point::ReplaceAfterRename
            | Point::KeyringBeforePublishing
    )
}

/// Whether it takes a leap of all clocks to have that program come to that point by itself.
pub(crate) fn takes_a_leap(victim: Victim, point: Point) -> bool {
    let is_retention = matches!(point, Point::RetentionAfterReading | Point::RetentionAfterStep);
    is_retention || victim == Victim::Gateway && changes_keys(point)
}

/// A kill at that point, somewhere.
pub(crate) fn at(point: Point, dice: &mut Dice) -> Kill {
    let (victims, passings) = places(point);
    let victim = victims[dice.below(victims.len())];
    Kill { victim, when: When::At(point, u32::try_from(1 + dice.below(passings)).unwrap()) }
}

/// Every point once, and as many at random between them as are asked for.
pub(crate) fn round(dice: &mut Dice, at_random: usize) -> Vec<Kill> {
    let mut kills: Vec<Kill> = Point::ALL.iter().map(|point| at(*point, dice)).collect();
    for _ in 0..at_random {
        let victim = STRUCK[dice.below(STRUCK.len())];
        kills.push(Kill { victim, when: When::After(dice.millis(1, 900)) });
    }
    dice.shuffle(&mut kills);
    kills
}
