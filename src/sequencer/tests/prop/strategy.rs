//! The operations, generated.

use proptest::prelude::*;

use super::{
    PARTITIONS, ROOT,
    model::Found,
    operation::{JOINERS, Joining, LENGTHS, Look, Operation, Place, Sending, TEXTS, WAITS},
};
use crate::sequencer::tests::handmade::Kind;

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
    (kind, any::<u8>(), partition(), by(), next(), epoch_off, expects, attached, (LENGTHS, look()))
        .prop_map(|(kind, text, partition, by, next, epoch_off, expects, (group_info, welcome), (length, look))| {
            Sending {
                kind,
                text: text % TEXTS,
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

fn joining() -> BoxedStrategy<Joining> {
    let found = prop_oneof![2 => Just(Found::GroupInfo), 4 => Just(Found::Token), 1 => Just(Found::Changed)];
    let epoch_off = prop_oneof![9 => Just(0_u64), 1 => Just(1)];
    (0..JOINERS, partition(), found, by(), next(), epoch_off, any::<bool>(), look())
        .prop_map(|(text, partition, found, by, next, epoch_off, group_info, look)| Joining {
            text,
            partition,
            found,
            by,
            next,
            epoch_off,
            group_info,
            look,
        })
        .boxed()
}

pub(super) fn operation() -> BoxedStrategy<Operation> {
    let wait = proptest::sample::select(&WAITS[..]);
    prop_oneof![
        24 => sending().prop_map(Operation::Send),
        5 => joining().prop_map(Operation::Join),
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
