//! What is received.

use proptest::{collection::vec, option, prelude::*};

use super::{
    group_info::group_info,
    message::{message, open_message},
    partition_key::masked,
};
use crate::{
    mls::ContentType,
    wire::{Epoch, HintedEpoch, Message, MessageCommit, ReceiveResponse},
};

fn sequenced() -> BoxedStrategy<Message> {
    (message(), masked(), option::of(group_info()))
        .prop_map(|(message, next_partition_key, group_info)| {
            let is_commit = message.content_type() == ContentType::Commit;
            Message { message, commit: is_commit.then(|| Box::new(MessageCommit { next_partition_key, group_info })) }
        })
        .boxed()
}

pub(super) fn receive_response() -> BoxedStrategy<ReceiveResponse> {
    let last = || option::of(open_message().prop_map(|message| Message { message, commit: None }));
    let epoch = || {
        (vec(sequenced(), 0..4), last()).prop_map(|(mut messages, last)| {
            messages.extend(last);
            Epoch { messages }
        })
    };
    let hint =
        (masked(), epoch()).prop_map(|(masked_partition_key, epoch)| HintedEpoch { masked_partition_key, epoch });
    (epoch(), vec(hint, 0..3)).prop_map(|(epoch, hints)| ReceiveResponse { epoch, hints }).boxed()
}
