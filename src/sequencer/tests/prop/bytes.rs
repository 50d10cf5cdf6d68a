//! The operations, out of bytes that a fuzzer chooses: it knows by itself which of them are worth a second look.

use arbitrary::{Result, Unstructured};

use super::{
    GROUPS, PARTITIONS, PROVIDERS,
    model::Found,
    operation::{JOINERS, Joining, LENGTHS, Look, Operation, Place, Sending, TEXTS, WAITS},
};
use crate::sequencer::tests::handmade::Kind;

const KINDS: [Kind; 6] =
    [Kind::Application, Kind::Proposal, Kind::Commit, Kind::PublicCommit, Kind::ExternalProposal, Kind::ExternalCommit];

/// The next operation, and the group that it is done in.
pub(super) fn operation(bytes: &mut Unstructured<'_>) -> Result<(usize, Operation)> {
    let group = bytes.choose_index(GROUPS.len())?;
    // Most are sends, as in the property test: without messages there is nothing to do.
    let operation = match bytes.int_in_range(0..=17_u8)? {
        0 => Operation::Again(bytes.choose_index(8)?, by(bytes)?),
        1 => Operation::Present { partition: place(bytes)?, by: by(bytes)? },
        2 => Operation::Observe(place(bytes)?, look(bytes)?),
        3 => Operation::Terminate(place(bytes)?),
        4 => Operation::Restore(place(bytes)?),
        5 => Operation::Wait(*bytes.choose(&WAITS)?),
        6 => Operation::Sweep,
        7 => Operation::Retain,
        8 => Operation::Hints,
        9 => Operation::Flush,
        10 => Operation::Join(joining(bytes)?),
        _ => Operation::Send(sending(bytes)?),
    };
    Ok((group, operation))
}

fn sending(bytes: &mut Unstructured<'_>) -> Result<Sending> {
    Ok(Sending {
        kind: *bytes.choose(&KINDS)?,
        text: bytes.int_in_range(0..=TEXTS - 1)?,
        partition: place(bytes)?,
        by: by(bytes)?,
        next: place(bytes)?,
        epoch_off: if bytes.ratio(1_u8, 10)? { bytes.int_in_range(1..=2)? } else { 0 },
        expects: match bytes.int_in_range(0..=7_u8)? {
            0 => Some(None),
            1 => Some(Some(bytes.choose_index(3)?)),
            _ => None,
        },
        group_info: bytes.ratio(1_u8, 5)?,
        welcome: bytes.ratio(1_u8, 5)?,
        length: bytes.int_in_range(LENGTHS.start..=LENGTHS.end - 1)?,
        look: look(bytes)?,
    })
}

fn joining(bytes: &mut Unstructured<'_>) -> Result<Joining> {
    Ok(Joining {
        text: bytes.int_in_range(0..=JOINERS - 1)?,
        partition: place(bytes)?,
        found: *bytes.choose(&[Found::GroupInfo, Found::Token, Found::Token, Found::Changed])?,
        by: by(bytes)?,
        next: place(bytes)?,
        epoch_off: u64::from(bytes.ratio(1_u8, 10)?),
        group_info: bytes.ratio(1_u8, 2)?,
        look: look(bytes)?,
    })
}

fn by(bytes: &mut Unstructured<'_>) -> Result<u8> {
    let by = bytes.choose_index(PROVIDERS.len())?;
    Ok(u8::try_from(by).expect("there are three"))
}

fn place(bytes: &mut Unstructured<'_>) -> Result<Place> {
    Ok(match bytes.int_in_range(0..=4_u8)? {
        0 => Place::Key(bytes.int_in_range(0..=PARTITIONS - 1)?),
        1 => Place::Unconnected,
        2 => Place::Aside,
        3 => Place::Fresh,
        _ => Place::Head,
    })
}

fn look(bytes: &mut Unstructured<'_>) -> Result<Look> {
    Ok(match bytes.int_in_range(0..=5_u8)? {
        0 => Look::Not,
        1 => Look::Unobservable,
        2 => Look::Elsewhere,
        _ => Look::Seen(by(bytes)?, bytes.arbitrary()?),
    })
}
