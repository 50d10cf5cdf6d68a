//! Where a walk of retention stands.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::{
    sequencer::{GroupKey, StoredRepeatKey, UserTag},
    wire::MaskedPartitionKey,
};

/// Everything before it was looked at. First come the groups of this hub, then what users presented, here and elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Place {
    /// The last group that is done.
    pub(super) group: Option<GroupKey>,
    /// The last partition that is done of a group behind it.
    pub(super) partition: Option<Within>,
    /// The last receipt that is done of such a group, all of whose partitions are.
    pub(super) receipts: Option<Receipts>,
    /// Whether all groups are done.
    #[mls_codec(with = "crate::wire::flag")]
    pub(super) are_groups_done: bool,
    /// The last presentation that is done.
    pub(super) presentation: Option<Presented>,
}

impl Place {
    /// All groups are done.
    pub(super) const BEHIND_GROUPS: Self =
        Self { group: None, partition: None, receipts: None, are_groups_done: true, presentation: None };

    /// All of that group is done.
    pub(super) fn behind(group: GroupKey) -> Self {
        Self { group: Some(group), ..Self::default() }
    }

    /// The group of which some is done.
    pub(super) fn group_under_way(&self) -> Option<GroupKey> {
        let receipts = self.receipts.map(|receipts| receipts.group);
        receipts.or(self.partition.map(|within| within.group))
    }
}

/// How far the receipts of a group are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Receipts {
    pub(super) group: GroupKey,
    pub(super) after: Option<StoredRepeatKey>,
    /// Whether one of them stays.
    #[mls_codec(with = "crate::wire::flag")]
    pub(super) others: bool,
}

impl Receipts {
    /// From the first one on.
    pub(super) fn of(group: GroupKey) -> Self {
        Self { group, after: None, others: false }
    }
}

/// A partition of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Within {
    pub(super) group: GroupKey,
    pub(super) partition: MaskedPartitionKey,
}

/// The name of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Presented {
    pub(super) group: GroupKey,
    pub(super) partition: MaskedPartitionKey,
    pub(super) user: UserTag,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_written_in_one_way_only() {
        let receipts = Some(Receipts { others: true, ..Receipts::of(GroupKey::new([7; 32])) });
        let place = Place { receipts, ..Place::BEHIND_GROUPS };
        let written = place.mls_encode_to_vec().unwrap();
        assert_eq!(Place::mls_decode_exhaustive(&written).unwrap(), place);
        for at in 0..written.len() {
            let mut changed = written.clone();
            changed[at] = 2;
            let read = Place::mls_decode_exhaustive(&changed).ok();
            assert!(read.is_none_or(|read| read.mls_encode_to_vec().unwrap() == changed), "byte {at}");
        }
    }
}
