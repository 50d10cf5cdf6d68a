//! What makes a group.

use proptest::{option, prelude::*};

use super::{
    bytes,
    group_info::{group_info, ratchet_tree},
    partition_key::partition_key,
    welcome::welcome_data,
};
use crate::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion},
    wire::CreateGroupRequest,
};

pub(super) fn create_group_request() -> BoxedStrategy<CreateGroupRequest> {
    (
        (bytes(70), partition_key(), any::<u16>(), any::<u64>()),
        (option::of(group_info()), option::of(ratchet_tree()), option::of(welcome_data())),
    )
        .prop_map(|((group_id, partition_key, suite, epoch), (group_info, ratchet_tree, welcome_data))| {
            CreateGroupRequest {
                group_id,
                partition_key,
                version: ProtocolVersion::MLS10,
                cipher_suite: CipherSuite(suite),
                epoch: EpochNumber(epoch),
                group_info,
                ratchet_tree,
                welcome_data,
            }
        })
        .boxed()
}
