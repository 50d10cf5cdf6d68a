//! What is sent.

use proptest::{option, prelude::*};

use super::{group_info::group_info, message::message, partition_key::partition_key, welcome::welcome_data};
use crate::{
    mls::ContentType,
    wire::{CommitData, SendRequest},
};

pub(super) fn commit_data() -> BoxedStrategy<CommitData> {
    (partition_key(), option::of(group_info()), option::of(welcome_data()))
        .prop_map(|(next_partition_key, group_info, welcome_data)| CommitData {
            next_partition_key,
            group_info,
            welcome_data,
        })
        .boxed()
}

pub(super) fn send_request() -> BoxedStrategy<SendRequest> {
    (message(), partition_key(), commit_data())
        .prop_map(|(message, partition_key, commit_data)| {
            let commit_data = (message.content_type() == ContentType::Commit).then_some(commit_data);
            SendRequest { message, partition_key, commit_data }
        })
        .boxed()
}
