//! Whether the public states of groups can be had again from what is kept of them.
//!
//! That one leads to the next is not tried: a state that does not follow is given up by who derives it, one partition at a
//! time, so those below it go on for a while without one above them.

use super::{
    super::{keys, keys::kind, public_keys, push_keys, snapshot::RocksSnapshot, values},
    each_of,
};
use crate::{
    mls::PublicState,
    sequencer::{GroupKey, Partition, Public, StateDigest, TreeHash},
    store::{Error, Inspection, Snapshot},
    wire::MaskedPartitionKey,
};

/// Counts what is wrong.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut of_nothing, mut others, mut broken) = (0, 0, 0);
    each_of(snapshot, kind::PARTITION, |key, value| {
        let (group, partition) = push_keys::parse_place(key).ok_or(Error::Corrupt("partition"))?;
        let record: Partition = values::decode(value, "partition")?;
        let place = (&group, &partition);
        let Some(public) = &record.public else {
            of_nothing += u64::from(is_kept(snapshot, place)?);
            return Ok(());
        };
        // Also beside a checkpoint: by these a state that is at hand is known as the record's.
        let changes = public_keys::owner_changes(&group, &partition);
        broken += u64::from(snapshot.row(keys::PUBLIC, &changes)?.is_none());
        if public.replay.is_checkpoint() && !is_that_state(snapshot, place, public)? {
            others += 1;
        }
        Ok(())
    })?;
    inspection.note(keys::PUBLIC, "rows of a state that the partition does not have", of_nothing);
    inspection.note(keys::PUBLIC, "states whose checkpoint is missing or of another state", others);
    inspection.note(keys::PUBLIC, "states without a list of changes", broken);
    Ok(())
}

/// Whether anything is kept of the partition's own state.
fn is_kept(snapshot: &RocksSnapshot<'_>, (group, partition): (&GroupKey, &MaskedPartitionKey)) -> Result<bool, Error> {
    for row in [public_keys::state, public_keys::owners, public_keys::owner_changes] {
        if snapshot.row(keys::PUBLIC, &row(group, partition))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the checkpoint is there, and of the state that the partition's record names.
fn is_that_state(
    snapshot: &RocksSnapshot<'_>,
    (group, partition): (&GroupKey, &MaskedPartitionKey),
    public: &Public,
) -> Result<bool, Error> {
    let (Some(saved), Some(owners)) =
        (snapshot.row(keys::PUBLIC, &public_keys::state(group, partition))?, snapshot.owners(group, partition)?)
    else {
        return Ok(false);
    };
    let Ok(state) = PublicState::load(&saved) else { return Ok(false) };
    Ok(public.digest == StateDigest::of(&state.encode_context(), state.confirmation_tag())
        && public.tree_hash == TreeHash(state.tree_hash().to_vec())
        && public.roster == owners.roster())
}
