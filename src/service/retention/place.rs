//! Where a walk of retention stands.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::{
    sequencer::{GroupKey, UserTag},
    wire::MaskedPartitionKey,
};

/// Everything before it was looked at. First come the groups of this hub, then what users presented, here and elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Place {
    /// The last group that is done.
    pub(super) group: Option<GroupKey>,
    /// The last partition that is done of a group behind it.
    pub(super) partition: Option<Within>,
    /// Whether all groups are done.
    pub(super) are_groups_done: bool,
    /// The last presentation that is done.
    pub(super) presentation: Option<Presented>,
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
