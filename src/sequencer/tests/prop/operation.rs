//! The operations.

use super::model::Found;
use crate::sequencer::{UnixMillis, tests::handmade::Kind};

const HOUR: UnixMillis = 3_600_000;
const DAY: UnixMillis = 24 * HOUR;

/// How long nothing happens: about what the policy's times are.
pub(super) const WAITS: [UnixMillis; 9] =
    [1, 10 * 60_000, 16 * 60_000, HOUR, 20 * HOUR, 3 * DAY, 8 * DAY, 31 * DAY, 100 * DAY];

/// How long messages are.
pub(super) const LENGTHS: std::ops::Range<usize> = 100..130;

/// How many different messages there are of a kind.
pub(super) const TEXTS: u8 = 40;

/// How many different joins there are of an epoch.
pub(super) const JOINERS: u8 = 2;

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Send(Sending),
    Join(Joining),
    /// The send that was accepted so many sends ago, once more, by that provider.
    Again(usize, u8),
    Present {
        partition: Place,
        by: u8,
    },
    /// The state of a partition is derived late.
    Observe(Place, Look),
    /// The operator ends the branch that begins there, or takes that back.
    Terminate(Place),
    Restore(Place),
    Wait(UnixMillis),
    Sweep,
    /// A walk of retention over the group.
    Retain,
    /// What every provider is hinted at the end of every partition.
    Hints,
    /// Ends the batch that is being gathered.
    Flush,
}

/// What comes of looking into a commit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// Nobody looks.
    Not,
    /// It cannot be followed.
    Unobservable,
    /// It was looked at in the wrong place.
    Elsewhere,
    /// It adds a member of that provider, and perhaps there is a checkpoint.
    Seen(u8, bool),
}

/// Which partition, as things stand when an operation's turn comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// That one, there or not.
    Key(u8),
    /// The one that is the furthest from the root.
    Head,
    /// One that edges do not connect to the root, if there is any.
    Unconnected,
    /// One that edges connect to the root, off the dominant branch, if there is any.
    Aside,
    /// One that is not there, unless all are.
    Fresh,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) kind: Kind,
    pub(super) text: u8,
    pub(super) partition: Place,
    pub(super) by: u8,
    pub(super) next: Place,
    /// Added to the epoch of the partition, if that is known.
    pub(super) epoch_off: u64,
    pub(super) expects: Option<Option<usize>>,
    pub(super) group_info: bool,
    pub(super) welcome: bool,
    pub(super) length: usize,
    pub(super) look: Look,
}

/// A join from outside, for that partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    pub(super) text: u8,
    pub(super) partition: Place,
    pub(super) found: Found,
    pub(super) by: u8,
    pub(super) next: Place,
    /// As of a send.
    pub(super) epoch_off: u64,
    pub(super) group_info: bool,
    pub(super) look: Look,
}
