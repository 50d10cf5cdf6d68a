//! The operations, generated.

use proptest::prelude::*;

use super::{PARTITIONS, ROOT};
use crate::sequencer::{UnixMillis, tests::handmade::Kind};

const HOUR: UnixMillis = 3_600_000;
const DAY: UnixMillis = 24 * HOUR;

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Send(Sending),
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

fn partition() -> BoxedStrategy<Place> {
    let key = (0..PARTITIONS).prop_map(Place::Key);
    prop_oneof![2 => Just(Place::Key(ROOT)), 4 => key, 4 => Just(Place::Head)].boxed()
}

fn next() -> BoxedStrategy<Place> {
    prop_oneof![2 => partition(), 2 => Just(Place::Unconnected), 1 => Just(Place::Aside), 5 => Just(Place::Fresh)]
        .boxed()
}

fn by() -> impl Strategy<Value = u8> {
    0..3_u8
}

/// Of a commit that was sequenced before anybody looked at it.
fn late_look() -> impl Strategy<Value = Look> {
    prop_oneof![
        1 => Just(Look::Not),
        3 => Just(Look::Unobservable),
        1 => Just(Look::Elsewhere),
        4 => (by(), any::<bool>()).prop_map(|(by, saves)| Look::Seen(by, saves)),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        2 => Just(Look::Not),
        1 => Just(Look::Unobservable),
        1 => Just(Look::Elsewhere),
        8 => (by(), any::<bool>()).prop_map(|(by, saves)| Look::Seen(by, saves)),
    ]
}

fn sending() -> BoxedStrategy<Sending> {
    let kind = prop_oneof![
        3 => Just(Kind::Application),
        1 => Just(Kind::Proposal),
        3 => Just(Kind::Commit),
        3 => Just(Kind::PublicCommit),
        1 => Just(Kind::ExternalProposal),
        1 => Just(Kind::ExternalCommit),
    ];
    let epoch_off = prop_oneof![9 => Just(0_u64), 1 => 1..3_u64];
    let expects =
        prop_oneof![6 => Just(None), 1 => Just(Some(None)), 1 => (0..3_usize).prop_map(|index| Some(Some(index)))];
    let attached = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.2));
    (kind, any::<u8>(), partition(), by(), next(), epoch_off, expects, attached, (100..130_usize, look()))
        .prop_map(|(kind, text, partition, by, next, epoch_off, expects, (group_info, welcome), (length, look))| {
            Sending {
                kind,
                text: text % 40,
                partition,
                by,
                next,
                epoch_off,
                expects,
                group_info,
                welcome,
                length,
                look,
            }
        })
        .boxed()
}

pub(super) fn operation() -> BoxedStrategy<Operation> {
    let wait = prop_oneof![
        Just(1),
        Just(10 * 60_000),
        Just(16 * 60_000),
        Just(HOUR),
        Just(20 * HOUR),
        Just(3 * DAY),
        Just(8 * DAY),
        Just(31 * DAY),
        Just(100 * DAY),
    ];
    prop_oneof![
        24 => sending().prop_map(Operation::Send),
        3 => (0..8_usize, by()).prop_map(|(ago, by)| Operation::Again(ago, by)),
        8 => (partition(), by()).prop_map(|(partition, by)| Operation::Present { partition, by }),
        8 => (next(), late_look()).prop_map(|(partition, look)| Operation::Observe(partition, look)),
        2 => partition().prop_map(Operation::Terminate),
        2 => partition().prop_map(Operation::Restore),
        6 => wait.prop_map(Operation::Wait),
        2 => Just(Operation::Sweep),
        2 => Just(Operation::Retain),
        3 => Just(Operation::Hints),
        5 => Just(Operation::Flush),
    ]
    .boxed()
}
